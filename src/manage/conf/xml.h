/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small tree of XML: what a definition is made of. Parsed by libxml2 within limits, kept whole
 * (so that an element nobody models stays in its place), written in libvirt's formatting.
 * A tree belongs to one thread at a time; its lock is its owner's.
 */
#ifndef VIV_MANAGE_CONF_XML_H
#define VIV_MANAGE_CONF_XML_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define XML_MAX_TEXT  (4 * 1024 * 1024) /* bytes of a document */
#define XML_MAX_DEPTH 128

/* Its strings are shared among trees: made and freed by the functions below alone. */
struct xml {
    const char *name;    /* with its prefix, "qemu:arg" */
    const char *text;    /* of an element without children; may be NULL */
    char **attributes;   /* name, value, ..., NULL; or NULL */
    GPtrArray *children; /* struct xml *, owned; or NULL */
    struct xml *parent;  /* NULL for a root */
    bool open;           /* written with an end tag of its own line even when empty */
};

/*
 * A new tree from text, or NULL with libvirt's code 35 and parser's words. `what` names the
 * document in them ("domain_definition"). Comments, processing instructions and white space
 * between elements are dropped; entities other than the five of XML are refused.
 */
struct xml *xml_parse(const char *text, const char *what, GError **error);
struct xml *xml_new(const char *name);
struct xml *xml_copy(const struct xml *node);
void xml_rename(struct xml *node, const char *name);
void xml_free(struct xml *node);
typedef struct xml xml_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xml_own, xml_free)

/* Writes the element and all below it, `depth` levels deep, a line each, with a newline. What is
 * below <metadata> has double quotes, as libxml2 writes it: libvirt passes that on. */
void xml_write(const struct xml *node, int depth, GString *out);
char *xml_format(const struct xml *root);
/* Appends text with the five characters of XML written as entities. */
void xml_escape(GString *out, const char *text);

/* The nth child (NULL past the end); the first child of a name, after `after` unless NULL. */
struct xml *xml_child(const struct xml *node, unsigned n);
struct xml *xml_find(const struct xml *node, const char *name);
struct xml *xml_next(const struct xml *node, const char *name, const struct xml *after);
/* "os/type": from child to child by first match; a NULL node finds nothing. */
struct xml *xml_at(const struct xml *node, const char *path);
/* Borrowed; NULL when there is none. */
const char *xml_get(const struct xml *node, const char *attribute);
const char *xml_text_at(const struct xml *node, const char *path);
/* Is the attribute there with this value? */
bool xml_is(const struct xml *node, const char *attribute, const char *value);
/* Sets an attribute that is not there. */
void xml_default(struct xml *node, const char *attribute, const char *value);
/* The first child of a name; a new one, last, if there is none. */
struct xml *xml_need(struct xml *node, const char *name);
/* A NULL value removes. A new attribute goes last. */
void xml_set(struct xml *node, const char *attribute, const char *value);
/* Removes those that `keeps` answers false to, in one pass. */
void xml_filter(struct xml *node, bool (*keeps)(const char *attribute, const void *user),
                const void *user);
void xml_set_text(struct xml *node, const char *text);
/* Takes the child, which has no parent yet. At position `at`, or last when it is beyond. */
struct xml *xml_insert(struct xml *node, unsigned at, struct xml *child);
struct xml *xml_append(struct xml *node, struct xml *child);
/* A new child with printf'd text, last. */
struct xml *xml_add(struct xml *node, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Takes the child out; the caller owns it. */
struct xml *xml_take(struct xml *child);
/* Takes it out and frees it; NULL does nothing. */
void xml_drop(struct xml *child);
/* Whole decimal numbers; false when absent or anything else. */
bool xml_number(const char *text, uint64_t *ret_value);
/*
 * A scaled size: text in units of `unit` (NULL: fallback; "KiB", "MB", "b", ...), in bytes.
 * False with code 27 or 82 when it is no number, an unknown unit or too large.
 */
bool xml_size(const char *text, const char *unit, uint64_t fallback, uint64_t *ret_bytes,
              GError **error);

#endif
