/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff: the definition that runs beside the one that the next start takes. */
#include "cli/document.h"
#include "cli/own/lines.h"
#include "cli/own/own.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>
#include <viv/save.h>

#define INACTIVE 2 /* flag of domain_get_xml_desc */
#define CONTEXT  3

/* What only a running domain has: the host gave it for this run. */
static const char *const given[] = {
    "/domain/@id",
    "/domain/seclabel",
    "/domain/devices/*/alias[not(starts-with(@name,'ua-'))]",
    "/domain/devices/disk//backingStore",
    "/domain/devices/disk/mirror",
    "/domain/devices/disk/source/@index",
    "/domain/devices/disk/source/privateData",
    "/domain/devices/interface/target[starts-with(@dev,'vnet') or starts-with(@dev,'tap')]",
    "/domain/devices/interface/source/@bridge[../@network]",
    "/domain/devices/interface/source/@portid",
    "/domain/devices/console/@tty",
    "/domain/devices/*[self::console or self::serial or self::parallel][@type='pty']/source",
    "/domain/devices/channel/source[starts-with(@path,'/var/') or starts-with(@path,'/run/')]",
    "/domain/devices/channel/target/@state",
    "/domain/devices/graphics[@autoport='yes']/@port",
    "/domain/devices/graphics[@autoport='yes']/@tlsPort",
    "/domain/devices/graphics/@websocket",
    "/domain/devices/graphics/listen/@fromConfig",
};

/* What each start settles anew in <cpu>, from the emulator's answers. */
static const char *const settled[] = {
    "/domain/cpu/@check",          "/domain/cpu/@match",
    "/domain/cpu/vendor",          "/domain/cpu/feature[@policy='optional']",
    "/domain/cpu/model/@fallback",
};

/* The same of the host's model, which a run has by another name. */
static const char *const settled_host[] = {"/domain/cpu/@mode", "/domain/cpu/@migratable",
                                           "/domain/cpu/model"};

static void drop(struct document *document, const char *path)
{
    g_autofree xmlNodePtr *nodes = document_nodes(document, NULL, path);

    for (xmlNodePtr *n = nodes; n != NULL && *n != NULL; n++) {
        xmlUnlinkNode(*n);
        xmlFreeNode(*n);
    }
}

static bool finds(struct document *document, const char *path)
{
    g_autofree xmlNodePtr *nodes = document_nodes(document, NULL, path);

    return nodes != NULL && *nodes != NULL;
}

/* Features of the run that the definition does not name are those of its model. */
static void drop_features(struct document *before, struct document *after)
{
    g_autofree xmlNodePtr *nodes = document_nodes(before, NULL, "/domain/cpu/feature");

    for (xmlNodePtr *n = nodes; n != NULL && *n != NULL; n++) {
        xmlChar *name = xmlGetProp(*n, BAD_CAST "name");
        g_autofree char *path =
            g_strdup_printf("/domain/cpu/feature[@name='%s']", name != NULL ? (char *)name : "");

        if (!finds(after, path)) {
            xmlUnlinkNode(*n);
            xmlFreeNode(*n);
        }
        xmlFree(name);
    }
}

/* What would be the same after a restart, although it differs now. */
static void drop_given(struct document *before, struct document *after)
{
    bool host = finds(after, "/domain/cpu[@mode='host-model']");
    struct document *both[] = {before, after};

    drop_features(before, after);
    for (unsigned k = 0; k < G_N_ELEMENTS(both); k++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(given); i++) {
            drop(both[k], given[i]);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(settled); i++) {
            drop(both[k], settled[i]);
        }
        for (unsigned i = 0; host && i < G_N_ELEMENTS(settled_host); i++) {
            drop(both[k], settled_host[i]);
        }
    }
}

static void add_attributes(GString *line, xmlNodePtr node)
{
    for (xmlAttrPtr a = node->properties; a != NULL; a = a->next) {
        xmlChar *value = xmlNodeListGetString(node->doc, a->children, 1);
        g_autofree char *escaped =
            g_markup_escape_text(value != NULL ? (const char *)value : "", -1);

        g_string_append_printf(line, " %s='%s'", (const char *)a->name, escaped);
        xmlFree(value);
    }
}

/* The text of an element that has no elements, as XML has it; NULL for none. To be freed. */
static char *text_of(xmlNodePtr node)
{
    if (xmlFirstElementChild(node) != NULL) {
        return NULL;
    }
    xmlChar *content = xmlNodeGetContent(node);
    const char *text = content != NULL ? (const char *)content : "";
    char *escaped = text[strspn(text, " \t\r\n")] != '\0' ? g_markup_escape_text(text, -1) : NULL;

    xmlFree(content);
    return escaped;
}

static void add_element(GPtrArray *lines, xmlNodePtr node, int depth)
{
    const char *name = (const char *)node->name;
    GString *line = g_string_new(NULL);
    g_autofree char *text = text_of(node);
    bool open = xmlFirstElementChild(node) != NULL;

    g_string_printf(line, "%*s<%s", depth * 2, "", name);
    add_attributes(line, node);
    if (text != NULL) {
        g_string_append_printf(line, ">%s</%s>", text, name);
    } else {
        g_string_append(line, open ? ">" : "/>");
    }
    g_ptr_array_add(lines, g_string_free(line, FALSE));
    for (xmlNodePtr c = open ? xmlFirstElementChild(node) : NULL; c != NULL;
         c = xmlNextElementSibling(c)) {
        add_element(lines, c, depth + 1);
    }
    if (open) {
        g_ptr_array_add(lines, g_strdup_printf("%*s</%s>", depth * 2, "", name));
    }
}

/* To be freed by g_strfreev. */
static char **lines_of(struct document *document)
{
    GPtrArray *lines = g_ptr_array_new();

    add_element(lines, xmlDocGetRootElement(document->tree), 0);
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}

/* Whether an edit is so near to a change that it is shown. */
static bool is_near(const GArray *edits, unsigned n, unsigned context)
{
    unsigned first = n > context ? n - context : 0;

    for (unsigned i = first; i < edits->len && i - n + context <= 2 * context; i++) {
        if (g_array_index(edits, struct lines_edit, i).mark != ' ') {
            return true;
        }
    }
    return false;
}

static void show_text(const GArray *edits, unsigned context)
{
    bool gap = false;

    for (unsigned i = 0; i < edits->len; i++) {
        const struct lines_edit *e = &g_array_index(edits, struct lines_edit, i);

        if (!is_near(edits, i, context)) {
            gap = true;
            continue;
        }
        if (gap) {
            puts("...");
        }
        gap = false;
        printf("%c %s\n", e->mark, e->line);
    }
}

/* True where there was a change. */
static bool show(struct cli *cli, const GArray *edits, unsigned context)
{
    struct table *table = cli->json ? table_new("Change", "Line", NULL) : NULL;
    bool changed = false;

    for (unsigned i = 0; i < edits->len; i++) {
        const struct lines_edit *e = &g_array_index(edits, struct lines_edit, i);

        changed = changed || e->mark != ' ';
        if (table != NULL && e->mark != ' ') {
            g_autofree char *line = g_strstrip(g_strdup(e->line));

            table_add(table, e->mark == '+' ? "comes" : "goes", line, NULL);
        }
    }
    if (table != NULL) {
        table_show(table, cli);
    } else if (changed) {
        show_text(edits, context);
    }
    return changed;
}

/* What runs, or would go on from a managed save; *ret_what its word. NULL with an error, or with
 * *ret_what NULL where there is neither. */
static char *current_xml(struct cli *cli, struct viv_object *domain, const char **ret_what)
{
    int active = viv_is_active(domain, cli_error(cli));
    int saved = active == 0 ? viv_domain_has_saved(domain, cli_error(cli)) : 0;

    *ret_what = active > 0 ? "runs by" : saved > 0 ? "was saved with" : active < 0 ? "?" : NULL;
    return active > 0  ? viv_xml(domain, 0, cli_error(cli))
           : saved > 0 ? viv_domain_kept_xml(domain, 0, cli_error(cli))
                       : NULL;
}

bool own_diff(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned context = CONTEXT;
    const char *what;

    if (domain == NULL || !arg_u32(cli, args, "context", &context)) {
        return false;
    }
    context = MIN(context, 10000);
    auto_document struct document *current = document_take(current_xml(cli, domain, &what));

    if (current == NULL) {
        return what == NULL
                   ? cli_say(cli, "Domain '%s' does not run: nothing is pending\n",
                             viv_object_name(domain))
                   : cli_fail(cli, "cannot read what domain '%s' runs by", viv_object_name(domain));
    }
    auto_document struct document *next = document_take(viv_xml(domain, INACTIVE, cli_error(cli)));

    if (next == NULL) {
        return cli_fail(cli, "cannot read the definition of domain '%s'", viv_object_name(domain));
    }
    drop_given(current, next);
    g_auto(GStrv) before = lines_of(current), after = lines_of(next);
    g_autoptr(GArray) edits = lines_compare(before, after);

    if (edits == NULL) {
        return cli_fail(cli, "the definitions are too large to compare");
    }
    return show(cli, edits, context) || cli->json ||
           cli_say(cli, "Domain '%s': what it %s is what its next start takes\n",
                   viv_object_name(domain), what);
}
