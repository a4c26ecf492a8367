/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions as trees that commands look into by XPath. One thread. */
#ifndef VIV_CLI_DOCUMENT_H
#define VIV_CLI_DOCUMENT_H

#include "cli/cli.h"

#include <libxml/xpath.h>

struct arguments;

struct document {
    xmlDocPtr tree;
    xmlXPathContextPtr context;
};

/* From text, which is libviv's and taken; NULL for NULL, and for one that is no XML. */
struct document *document_take(char *xml);
/* Of an object, with flags of viv_xml. NULL with cli's error, or a message. */
struct document *document_of(struct cli *cli, struct viv_object *object, unsigned flags);
void document_free(struct document *document);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlXPathObject, xmlXPathFreeObject)

static inline void document_cleanup(struct document **document)
{
    document_free(*document);
}

/* `auto_document struct document *d = document_of(...)`: freed when the scope ends. */
#define auto_document __attribute__((cleanup(document_cleanup)))

/* The nodes that a path finds, from `node` (NULL: the root) on; an array that ends with NULL. */
xmlNodePtr *document_nodes(struct document *document, xmlNodePtr node, const char *path);
/* The first of them, or NULL. */
xmlNodePtr document_node(struct document *document, xmlNodePtr node, const char *path);
/* The string value of a path: "" where there is nothing. To be freed. */
char *document_text(struct document *document, xmlNodePtr node, const char *path);
/* An element as text; to be freed. */
char *document_xml(struct document *document, xmlNodePtr node);

/* A definition as --xpath and --wrap ask for it, or whole. Takes the text; false for NULL and, with
 * a message, when the path is none. */
bool document_show(struct cli *cli, const struct arguments *args, char *xml);

#endif
