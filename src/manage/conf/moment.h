/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The definition of a moment of a domain that is kept: a snapshot or a checkpoint. Both have a
 * name, a time, a parent, disks and the domain as it was. No I/O but for moment_align, which looks
 * whether a disk's source is a file. A definition belongs to whoever holds its domain's lock.
 */
#ifndef VIV_MANAGE_CONF_MOMENT_H
#define VIV_MANAGE_CONF_MOMENT_H

#include "manage/conf/domain.h"
#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

enum moment_kind { MOMENT_SNAPSHOT, MOMENT_CHECKPOINT, MOMENT_KINDS };

struct moment_def {
    enum moment_kind kind;
    char *name;
    char *parent;              /* its name; NULL: none */
    struct xml *root;          /* the rest in libvirt's order, without parent and domain */
    struct domain_def *domain; /* as it was then; NULL: not known */
    bool disk_only;            /* asked for as one of disks alone */
};

/*
 * From XML text; NULL with libvirt's code and words. One that is redefined brings its time, its
 * state, its parent and its domain; of another these are dropped.
 */
struct moment_def *moment_parse(enum moment_kind kind, const char *text, bool redefine,
                                const struct domain_rules *rules, GError **error);
void moment_def_free(struct moment_def *def);
typedef struct moment_def moment_def_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(moment_def_own, moment_def_free)

/* Names one that has no name after its time, which it gets too: now. */
void moment_date(struct moment_def *def);
/* Says what the snapshot is of, "running", "paused" or "shutoff", and where its memory goes. */
void moment_set_state(struct moment_def *def, const char *state);
/*
 * One entry a disk of def->domain, with what each leaves open filled in. Code 67 for a disk that
 * is not there or cannot be taken in this way.
 */
bool moment_align(struct moment_def *def, GError **error);

/* Which parts moment_format leaves out. */
enum { MOMENT_NO_DOMAIN = 1 << 0 };

/* Text for dumpxml. */
char *moment_format(const struct moment_def *def, unsigned flags);
/* "running", ...; NULL of a checkpoint. */
const char *moment_state(const struct moment_def *def);
/* Is a disk or the memory in a file of its own? */
bool moment_is_external(const struct moment_def *def);
const char *moment_word(enum moment_kind kind); /* "snapshot" */

#endif
