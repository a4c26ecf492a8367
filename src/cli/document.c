/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/document.h"

#include "cli/command.h"
#include "cli/report.h"

#include <string.h>

static struct document *take(char *xml, int more)
{
    const int options = more | XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    xmlDocPtr tree =
        xml != NULL ? xmlReadMemory(xml, (int)strlen(xml), "definition.xml", NULL, options) : NULL;

    viv_free(xml);
    if (tree == NULL) {
        return NULL;
    }
    struct document *document = g_new0(struct document, 1);

    document->tree = tree;
    document->context = xmlXPathNewContext(tree);
    g_assert(document->context != NULL);
    return document;
}

struct document *document_take(char *xml)
{
    return take(xml, 0);
}

struct document *document_of(struct cli *cli, struct viv_object *object, unsigned flags)
{
    char *xml = viv_xml(object, flags, cli_error(cli));

    if (xml == NULL) {
        return NULL;
    }
    struct document *document = document_take(xml);

    if (document == NULL) {
        cli_fail(cli, "Failed to parse domain description xml");
    }
    return document;
}

void document_free(struct document *document)
{
    if (document != NULL) {
        xmlXPathFreeContext(document->context);
        xmlFreeDoc(document->tree);
        g_free(document);
    }
}

static xmlXPathObjectPtr evaluate(struct document *document, xmlNodePtr node, const char *path)
{
    document->context->node = node != NULL ? node : xmlDocGetRootElement(document->tree);
    return xmlXPathEval(BAD_CAST path, document->context);
}

xmlNodePtr *document_nodes(struct document *document, xmlNodePtr node, const char *path)
{
    g_autoptr(xmlXPathObject) found = evaluate(document, node, path);
    GPtrArray *nodes = g_ptr_array_new();

    for (int i = 0; found != NULL && found->nodesetval != NULL && i < found->nodesetval->nodeNr;
         i++) {
        g_ptr_array_add(nodes, found->nodesetval->nodeTab[i]);
    }
    g_ptr_array_add(nodes, NULL);
    return (xmlNodePtr *)g_ptr_array_free(nodes, FALSE);
}

xmlNodePtr document_node(struct document *document, xmlNodePtr node, const char *path)
{
    g_autofree xmlNodePtr *nodes = document_nodes(document, node, path);

    return nodes[0];
}

char *document_text(struct document *document, xmlNodePtr node, const char *path)
{
    g_autoptr(xmlXPathObject) found = evaluate(document, node, path);
    xmlChar *value = found != NULL ? xmlXPathCastToString(found) : NULL;
    char *text = g_strdup(value != NULL ? (const char *)value : "");

    xmlFree(value);
    return text;
}

char *document_xml(struct document *document, xmlNodePtr node)
{
    xmlBufferPtr buffer = xmlBufferCreate();

    xmlNodeDump(buffer, document->tree, node, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));

    xmlBufferFree(buffer);
    return text;
}

/* Attributes come as text does, elements with what is below them. */
static void add_node(GString *text, xmlNodePtr node)
{
    xmlBufferPtr buffer = xmlBufferCreate();

    xmlNodeDump(buffer, node->doc, node, 0, 1);
    g_string_append_printf(text, "%s\n", (const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
}

static bool show_found(struct cli *cli, const xmlNodeSet *set, bool wrap)
{
    g_autoptr(GString) text = g_string_new(NULL);
    xmlDocPtr tree = xmlNewDoc(NULL);
    xmlNodePtr root = xmlNewDocNode(tree, NULL, BAD_CAST "nodes", NULL);

    xmlDocSetRootElement(tree, root);
    for (int i = 0; set != NULL && i < set->nodeNr; i++) {
        if (wrap) {
            xmlAddChild(root, xmlDocCopyNode(set->nodeTab[i], tree, 1));
        } else {
            add_node(text, set->nodeTab[i]);
        }
    }
    if (wrap) {
        add_node(text, root);
    }
    xmlFreeDoc(tree);
    return show_text(cli, "xml", g_strdup(text->str));
}

bool document_show(struct cli *cli, const struct arguments *args, char *xml)
{
    const char *path = arg_text(args, "xpath");

    if (path == NULL || xml == NULL) {
        return show_text(cli, "xml", xml);
    }
    auto_document struct document *document = take(xml, XML_PARSE_NOBLANKS);

    if (document == NULL) {
        return cli_fail(cli, "XML parsing failed");
    }
    g_autoptr(xmlXPathObject) found = evaluate(document, (xmlNodePtr)document->tree, path);

    return found != NULL && found->type == XPATH_NODESET
               ? show_found(cli, found->nodesetval, arg_given(args, "wrap"))
               : cli_fail(cli, "internal error: Incorrect xpath '%s'", path);
}
