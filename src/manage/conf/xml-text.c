/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XML text to tree by libxml2, and tree to text in libvirt's formatting. */
#include "manage/conf/fault.h"
#include "manage/conf/xml.h"

#include <libxml/parser.h>
#include <string.h>

/* What libxml2 says first; later complaints follow from it. */
struct complaint {
    const char *what;
    char *message;
};

/* "(domain_definition):1: Start tag expected", the line it is on, and a mark below it. */
static void on_error(void *context, xmlErrorPtr e)
{
    xmlParserCtxtPtr parser = context;
    struct complaint *complaint = parser->_private;
    const xmlChar *base, *at, *start, *end;

    if (complaint->message != NULL || e->message == NULL || e->level < XML_ERR_ERROR ||
        parser->input == NULL) {
        return;
    }
    base = parser->input->base;
    at = parser->input->cur;
    while (at > base && (*at == '\n' || *at == '\r')) {
        at--;
    }
    for (start = at; start > base && start[-1] != '\n' && at - start < 80; start--) {
    }
    for (end = at; *end != '\0' && *end != '\n' && end - start < 79; end++) {
    }
    g_autofree char *dashes = g_strnfill(at - start, '-');
    g_autofree char *line = g_utf8_make_valid((const char *)start, end - start);

    complaint->message =
        g_strdup_printf("(%s):%d: %s%s\n%s^", complaint->what, e->line, e->message, line, dashes);
}

static char *qualified(const xmlNs *ns, const xmlChar *name)
{
    return ns != NULL && ns->prefix != NULL ? g_strdup_printf("%s:%s", ns->prefix, name)
                                            : g_strdup((const char *)name);
}

static void convert_attributes(xmlNodePtr from, struct xml *to)
{
    for (xmlNsPtr ns = from->nsDef; ns != NULL; ns = ns->next) {
        g_autofree char *name = ns->prefix != NULL
                                    ? g_strdup_printf("xmlns:%s", (const char *)ns->prefix)
                                    : g_strdup("xmlns");

        xml_set(to, name, (const char *)ns->href);
    }
    for (xmlAttrPtr a = from->properties; a != NULL; a = a->next) {
        g_autofree char *name = qualified(a->ns, a->name);
        xmlChar *value = xmlNodeListGetString(from->doc, a->children, 1);

        xml_set(to, name, value != NULL ? (const char *)value : "");
        xmlFree(value);
    }
}

/* NULL when it is nested too deeply. */
static struct xml *convert(xmlNodePtr from, int depth)
{
    g_autofree char *name = qualified(from->ns, from->name);
    g_autoptr(GString) text = g_string_new(NULL);
    struct xml *to = xml_new(name);

    convert_attributes(from, to);
    for (xmlNodePtr n = from->children; n != NULL; n = n->next) {
        if (n->type == XML_ELEMENT_NODE) {
            struct xml *child = depth < XML_MAX_DEPTH ? convert(n, depth + 1) : NULL;

            if (child == NULL) {
                xml_free(to);
                return NULL;
            }
            xml_append(to, child);
        } else if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
            g_string_append(text, (const char *)n->content);
        }
    }
    if (to->children == NULL && text->len > 0) {
        xml_set_text(to, text->str);
    }
    return to;
}

static xmlDocPtr read_document(const char *text, size_t length, struct complaint *complaint)
{
    xmlParserCtxtPtr parser = xmlNewParserCtxt();
    xmlDocPtr doc;

    if (parser == NULL) {
        return NULL;
    }
    parser->_private = complaint;
    parser->sax->serror = on_error;
    doc = xmlCtxtReadMemory(parser, text, length, complaint->what, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOWARNING);
    xmlFreeParserCtxt(parser);
    return doc;
}

struct xml *xml_parse(const char *text, const char *what, GError **error)
{
    struct complaint complaint = {.what = what};
    size_t length = strlen(text);
    struct xml *root = NULL;
    xmlDocPtr doc;

    if (length > XML_MAX_TEXT) {
        fault_set(error, FAULT_XML_DETAIL, "(%s): the document is larger than %d bytes", what,
                  XML_MAX_TEXT);
        return NULL;
    }
    doc = read_document(text, length, &complaint);
    if (doc == NULL || xmlDocGetRootElement(doc) == NULL) {
        fault_set(error, FAULT_XML_DETAIL, "%s",
                  complaint.message != NULL ? complaint.message : "missing root element");
    } else if (doc->intSubset != NULL) {
        fault_set(error, FAULT_XML_DETAIL, "(%s): a document type is not accepted", what);
    } else if ((root = convert(xmlDocGetRootElement(doc), 0)) == NULL) {
        fault_set(error, FAULT_XML_DETAIL, "(%s): nested more than %d deep", what, XML_MAX_DEPTH);
    }
    xmlFreeDoc(doc);
    g_free(complaint.message);
    return root;
}

void xml_escape(GString *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': g_string_append(out, "&amp;"); break;
        case '<': g_string_append(out, "&lt;"); break;
        case '>': g_string_append(out, "&gt;"); break;
        case '\'': g_string_append(out, "&apos;"); break;
        case '"': g_string_append(out, "&quot;"); break;
        default: g_string_append_c(out, *text);
        }
    }
}

static void indent(GString *out, int depth)
{
    for (int i = 0; i < depth; i++) {
        g_string_append(out, "  ");
    }
}

/* Foreign documents under <metadata> are written as libxml2 writes them: libvirt passes them on. */
static void foreign_escape(GString *out, const char *text, bool attribute)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': g_string_append(out, "&amp;"); break;
        case '<': g_string_append(out, "&lt;"); break;
        case '>': g_string_append(out, "&gt;"); break;
        case '\r': g_string_append(out, "&#13;"); break;
        case '"': g_string_append(out, attribute ? "&quot;" : "\""); break;
        case '\n': g_string_append(out, attribute ? "&#10;" : "\n"); break;
        case '\t': g_string_append(out, attribute ? "&#9;" : "\t"); break;
        default: g_string_append_c(out, *text);
        }
    }
}

static void escape(GString *out, const char *text, bool foreign, bool attribute)
{
    if (foreign) {
        foreign_escape(out, text, attribute);
    } else {
        xml_escape(out, text);
    }
}

static void write_node(const struct xml *node, int depth, bool foreign, GString *out)
{
    const char quote = foreign ? '"' : '\'';

    indent(out, depth);
    g_string_append_printf(out, "<%s", node->name);
    for (char **a = node->attributes; a != NULL && *a != NULL; a += 2) {
        g_string_append_printf(out, " %s=%c", a[0], quote);
        escape(out, a[1], foreign, true);
        g_string_append_c(out, quote);
    }
    if (node->open || (node->children != NULL && node->children->len > 0)) {
        bool below = foreign || strcmp(node->name, "metadata") == 0;

        g_string_append(out, ">\n");
        for (unsigned i = 0; node->children != NULL && i < node->children->len; i++) {
            write_node(g_ptr_array_index(node->children, i), depth + 1, below, out);
        }
        indent(out, depth);
        g_string_append_printf(out, "</%s>\n", node->name);
    } else if (node->text != NULL) {
        g_string_append_c(out, '>');
        escape(out, node->text, foreign, false);
        g_string_append_printf(out, "</%s>\n", node->name);
    } else {
        g_string_append(out, "/>\n");
    }
}

void xml_write(const struct xml *node, int depth, GString *out)
{
    write_node(node, depth, false, out);
}

char *xml_format(const struct xml *root)
{
    GString *out = g_string_new(NULL);

    xml_write(root, 0, out);
    return g_string_free(out, FALSE);
}
