/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that make pools and volumes of options, and change volumes. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/volume.h"

#include <inttypes.h>
#include <string.h>

/* "  <name attribute='value'/>" of an option that is given. */
static void add_named(GString *xml, const struct arguments *args, const char *option,
                      const char *element, const char *attribute)
{
    if (arg_given(args, option)) {
        g_autofree char *value = g_markup_escape_text(arg_text(args, option), -1);

        g_string_append_printf(xml, "    <%s %s='%s'/>\n", element, attribute, value);
    }
}

static void add_attribute(GString *xml, const struct arguments *args, const char *option,
                          const char *name)
{
    if (arg_given(args, option)) {
        g_autofree char *value = g_markup_escape_text(arg_text(args, option), -1);

        g_string_append_printf(xml, " %s='%s'", name, value);
    }
}

static void add_adapter(GString *xml, const struct arguments *args)
{
    if (arg_given(args, "adapter-wwnn")) {
        g_string_append(xml, "    <adapter type='fc_host'");
        add_attribute(xml, args, "adapter-parent", "parent");
        add_attribute(xml, args, "adapter-parent-wwnn", "parent_wwnn");
        add_attribute(xml, args, "adapter-parent-wwpn", "parent_wwpn");
        add_attribute(xml, args, "adapter-parent-fabric-wwn", "parent_fabric_wwn");
        add_attribute(xml, args, "adapter-wwnn", "wwnn");
        add_attribute(xml, args, "adapter-wwpn", "wwpn");
        g_string_append(xml, "/>\n");
    } else {
        add_named(xml, args, "adapter-name", "adapter type='scsi_host'", "name");
    }
}

static void add_account(GString *xml, const struct arguments *args)
{
    if (!arg_given(args, "auth-type") || !arg_given(args, "auth-username") ||
        (!arg_given(args, "secret-usage") && !arg_given(args, "secret-uuid"))) {
        return;
    }
    g_string_append(xml, "    <auth");
    add_attribute(xml, args, "auth-type", "type");
    add_attribute(xml, args, "auth-username", "username");
    g_string_append(xml, ">\n");
    if (arg_given(args, "secret-usage")) {
        g_string_append(xml, "  ");
        add_named(xml, args, "secret-usage", "secret", "usage");
    } else if (arg_given(args, "secret-uuid")) {
        g_string_append(xml, "  ");
        add_named(xml, args, "secret-uuid", "secret", "uuid");
    }
    g_string_append(xml, "    </auth>\n");
}

static char *pool_source(const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new(NULL);

    add_named(xml, args, "source-host", "host", "name");
    add_named(xml, args, "source-path", "dir", "path");
    add_named(xml, args, "source-dev", "device", "path");
    if (arg_given(args, "source-initiator")) {
        g_string_append(xml, "    <initiator>\n");
        g_string_append(xml, "  ");
        add_named(xml, args, "source-initiator", "iqn", "name");
        g_string_append(xml, "    </initiator>\n");
    }
    add_adapter(xml, args);
    add_account(xml, args);
    add_named(xml, args, "source-format", "format", "type");
    add_named(xml, args, "source-protocol-ver", "protocol", "ver");
    if (arg_given(args, "source-name")) {
        g_autofree char *name = g_markup_escape_text(arg_text(args, "source-name"), -1);

        g_string_append_printf(xml, "    <name>%s</name>\n", name);
    }
    return g_strdup(xml->str);
}

static char *pool_xml(const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new("<pool");
    g_autofree char *name = g_markup_escape_text(arg_text(args, "name"), -1);
    g_autofree char *source = pool_source(args);

    add_attribute(xml, args, "type", "type");
    g_string_append_printf(xml, ">\n  <name>%s</name>\n", name);
    if (*source != '\0') {
        g_string_append_printf(xml, "  <source>\n%s  </source>\n", source);
    }
    if (arg_given(args, "target")) {
        g_autofree char *path = g_markup_escape_text(arg_text(args, "target"), -1);

        g_string_append_printf(xml, "  <target>\n    <path>%s</path>\n  </target>\n", path);
    }
    g_string_append(xml, "</pool>\n");
    return g_strdup(xml->str);
}

static const struct flag_row build_flags[] = {
    {"build", 1}, {"overwrite", 2}, {"no-overwrite", 4}, {NULL}};

static bool pool_as(struct cli *cli, const struct arguments *args, bool define)
{
    const char *name = arg_text(args, "name");
    g_autofree char *xml = pool_xml(args);

    if (!define && !arg_exclusive(cli, args, "overwrite", "no-overwrite")) {
        return false;
    }
    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", xml);
    }
    if (cli_connection(cli) == NULL) {
        return false;
    }
    auto_object struct viv_object *pool =
        define ? viv_define(cli->connection, VIV_POOL, xml, 0, cli_error(cli))
               : viv_create(cli->connection, VIV_POOL, xml, arg_flags(args, build_flags),
                            cli_error(cli));

    return pool != NULL
               ? cli_say(cli, "Pool %s %s\n", viv_object_name(pool), define ? "defined" : "created")
               : cli_fail(cli, "Failed to %s pool %s", define ? "define" : "create", name);
}

static bool run_pool_define_as(struct cli *cli, const struct arguments *args)
{
    return pool_as(cli, args, true);
}

static bool run_pool_create_as(struct cli *cli, const struct arguments *args)
{
    return pool_as(cli, args, false);
}

static bool run_pool_build(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"no-overwrite", 4}, {"overwrite", 8}, {NULL}};

    if (!arg_exclusive(cli, args, "overwrite", "no-overwrite")) {
        return false;
    }
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);

    if (pool == NULL) {
        return false;
    }
    return viv_pool_build(pool, arg_flags(args, flags), cli_error(cli)) == 0
               ? cli_say(cli, "Pool %s built\n", viv_object_name(pool))
               : cli_fail(cli, "Failed to build pool %s", viv_object_name(pool));
}

static bool run_pool_capabilities(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    char *xml = viv_pool_capabilities(cli->connection, cli_error(cli));

    return xml != NULL ? document_show(cli, args, xml)
                       : cli_fail(cli, "failed to get storage pool capabilities");
}

static bool show_sources(struct cli *cli, const struct arguments *args, const char *xml)
{
    const char *type = arg_text(args, "type");

    return show_text(cli, "xml", viv_pool_sources(cli->connection, type, xml, cli_error(cli))) ||
           cli_fail(cli, "Failed to find any %s pool sources", type);
}

static bool run_find_sources(struct cli *cli, const struct arguments *args)
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    g_autofree char *xml = arg_given(args, "srcSpec") ? cli_file(cli, args, "srcSpec") : NULL;

    return (xml != NULL || !arg_given(args, "srcSpec")) && show_sources(cli, args, xml);
}

static bool run_find_sources_as(struct cli *cli, const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new("<source>\n");

    if (cli_connection(cli) == NULL) {
        return false;
    }
    if (!arg_given(args, "host")) {
        return show_sources(cli, args, NULL);
    }
    g_string_append(xml, "  <host");
    add_attribute(xml, args, "host", "name");
    add_attribute(xml, args, "port", "port");
    g_string_append(xml, "/>\n");
    if (arg_given(args, "initiator")) {
        g_string_append(xml, "  <initiator>\n");
        add_named(xml, args, "initiator", "iqn", "name");
        g_string_append(xml, "  </initiator>\n");
    }
    g_string_append(xml, "</source>\n");
    return show_sources(cli, args, xml->str);
}

static bool take_size(struct cli *cli, const struct arguments *args, const char *option,
                      uint64_t *ret_bytes)
{
    const char *text = arg_text(args, option);

    return scaled(text, 1, ret_bytes) || cli_fail(cli, "Malformed size %s", text);
}

/* The volume that a new one stands on: by its name in the pool, its key, or its path. */
static bool add_backing(struct cli *cli, const struct arguments *args, struct viv_object *pool,
                        GString *xml)
{
    const char *name = arg_text(args, "backing-vol");
    struct viv_volume *found = viv_find_volume(pool, name, NULL);

    found = found != NULL ? found : viv_find_volume_key(cli->connection, name, NULL);
    auto_volume struct viv_volume *volume =
        found != NULL ? found : viv_find_volume_path(cli->connection, name, cli_error(cli));

    if (volume == NULL) {
        return cli_fail(cli, "failed to get vol '%s'", name);
    }
    char *path = viv_volume_path(volume, cli_error(cli));

    if (path == NULL) {
        return false;
    }
    g_autofree char *text = g_markup_escape_text(path, -1);

    viv_free(path);
    g_string_append_printf(xml, "  <backingStore>\n    <path>%s</path>\n", text);
    add_named(xml, args, "backing-vol-format", "format", "type");
    g_string_append(xml, "  </backingStore>\n");
    return true;
}

static char *volume_xml(struct cli *cli, const struct arguments *args, struct viv_object *pool)
{
    g_autoptr(GString) xml = g_string_new("<volume>\n");
    g_autofree char *name = g_markup_escape_text(arg_text(args, "name"), -1);
    uint64_t capacity, allocation;

    if (!take_size(cli, args, "capacity", &capacity) ||
        (arg_given(args, "allocation") && !take_size(cli, args, "allocation", &allocation))) {
        return NULL;
    }
    g_string_append_printf(xml, "  <name>%s</name>\n  <capacity>%" PRIu64 "</capacity>\n", name,
                           capacity);
    if (arg_given(args, "allocation")) {
        g_string_append_printf(xml, "  <allocation>%" PRIu64 "</allocation>\n", allocation);
    }
    if (arg_given(args, "format")) {
        g_string_append(xml, "  <target>\n");
        add_named(xml, args, "format", "format", "type");
        g_string_append(xml, "  </target>\n");
    }
    if (arg_given(args, "backing-vol") && !add_backing(cli, args, pool, xml)) {
        return NULL;
    }
    g_string_append(xml, "</volume>\n");
    return g_strdup(xml->str);
}

static const struct flag_row volume_flags[] = {
    {"prealloc-metadata", 1}, {"reflink", 2}, {"validate", 4}, {NULL}};

static bool run_vol_create_as(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);
    const char *name = arg_text(args, "name");
    g_autofree char *xml = pool != NULL ? volume_xml(cli, args, pool) : NULL;

    if (xml == NULL) {
        return false;
    }
    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", xml);
    }
    auto_volume struct viv_volume *volume =
        viv_volume_create(pool, xml, arg_flags(args, volume_flags), cli_error(cli));

    return volume != NULL ? cli_say(cli, "Vol %s created\n", name)
                          : cli_fail(cli, "Failed to create vol %s", name);
}

static bool run_vol_create_from(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *pool = cli_object(cli, args, VIV_POOL);
    auto_volume struct viv_volume *from = pool != NULL ? volume_find(cli, args, "inputpool") : NULL;
    g_autofree char *xml = from != NULL ? cli_file(cli, args, "file") : NULL;

    if (xml == NULL) {
        return false;
    }
    auto_volume struct viv_volume *volume =
        viv_volume_copy(pool, xml, from, arg_flags(args, volume_flags), cli_error(cli));

    return volume != NULL ? cli_say(cli, "Vol %s created from input vol %s\n",
                                    viv_volume_name(volume), viv_volume_name(from))
                          : cli_fail(cli, "Failed to create vol from %s", arg_text(args, "file"));
}

/* The definition of a volume under another name; to be freed. */
static char *renamed(struct cli *cli, struct viv_volume *volume, const char *name)
{
    auto_document struct document *xml = document_take(viv_volume_xml(volume, cli_error(cli)));
    xmlNodePtr node = xml != NULL ? document_node(xml, NULL, "/volume/name") : NULL;

    if (node == NULL) {
        return NULL;
    }
    g_autofree char *text = g_markup_escape_text(name, -1);

    xmlNodeSetContent(node, BAD_CAST text);
    return document_xml(xml, xmlDocGetRootElement(xml->tree));
}

static bool run_vol_clone(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *from = volume_find(cli, args, "pool");
    auto_object struct viv_object *pool =
        from != NULL ? viv_volume_home(from, cli_error(cli)) : NULL;

    if (pool == NULL) {
        return from != NULL && cli_fail(cli, "failed to get parent pool");
    }
    g_autofree char *xml = renamed(cli, from, arg_text(args, "newname"));

    if (xml == NULL) {
        return false;
    }
    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", xml);
    }
    auto_volume struct viv_volume *volume =
        viv_volume_copy(pool, xml, from, arg_flags(args, volume_flags), cli_error(cli));

    return volume != NULL ? cli_say(cli, "Vol %s cloned from %s\n", viv_volume_name(volume),
                                    viv_volume_name(from))
                          : cli_fail(cli, "Failed to clone vol from %s", viv_volume_name(from));
}

static bool run_vol_resize(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"allocate", 1}, {"delta", 2}, {"shrink", 4}, {NULL}};
    const char *text = arg_text(args, "capacity");
    const char *how = arg_given(args, "delta") ? "by" : "to";
    uint64_t bytes;
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    if (volume == NULL) {
        return false;
    }
    if (*text == '-' && !arg_given(args, "shrink")) {
        return cli_fail(cli, "negative size requires --shrink");
    }
    if (!scaled(*text == '-' ? text + 1 : text, 1, &bytes)) {
        return cli_fail(cli, "Malformed size %s", text);
    }
    return viv_volume_resize(volume, bytes, arg_flags(args, flags), cli_error(cli)) == 0
               ? cli_say(cli, "Size of volume '%s' successfully changed %s %s\n",
                         viv_volume_name(volume), how, text)
               : cli_fail(cli, "Failed to change size of volume '%s' %s %s",
                          viv_volume_name(volume), how, text);
}

static bool run_vol_wipe(struct cli *cli, const struct arguments *args)
{
    static const char *const algorithms[] = {"zero",    "nnsa",     "dod",       "bsi",
                                             "gutmann", "schneier", "pfitzner7", "pfitzner33",
                                             "random",  "trim",     NULL};
    const char *word = arg_text(args, "algorithm");
    int algorithm = word != NULL ? word_index(algorithms, word) : 0;
    auto_volume struct viv_volume *volume = volume_find(cli, args, "pool");

    if (volume == NULL) {
        return false;
    }
    if (algorithm < 0) {
        return cli_fail(cli, "Unsupported algorithm '%s'", word);
    }
    return viv_volume_wipe(volume, (unsigned)algorithm, cli_error(cli)) == 0
               ? cli_say(cli, "Vol %s wiped\n", viv_volume_name(volume))
               : cli_fail(cli, "Failed to wipe vol %s", viv_volume_name(volume));
}

static bool run_vol_pool(struct cli *cli, const struct arguments *args)
{
    auto_volume struct viv_volume *volume = volume_find(cli, args, NULL);
    auto_object struct viv_object *pool =
        volume != NULL ? viv_volume_home(volume, cli_error(cli)) : NULL;

    if (pool == NULL) {
        return volume != NULL && cli_fail(cli, "failed to get parent pool");
    }
    g_autofree char *uuid = cli_uuid(viv_object_uuid(pool));

    return show_line(cli, "pool", "%s", arg_given(args, "uuid") ? uuid : viv_object_name(pool));
}

const struct verb storage_verbs[] = {
    {"find-storage-pool-sources", run_find_sources},
    {"find-storage-pool-sources-as", run_find_sources_as},
    {"pool-build", run_pool_build},
    {"pool-capabilities", run_pool_capabilities},
    {"pool-create-as", run_pool_create_as},
    {"pool-define-as", run_pool_define_as},
    {"vol-clone", run_vol_clone},
    {"vol-create-as", run_vol_create_as},
    {"vol-create-from", run_vol_create_from},
    {"vol-pool", run_vol_pool},
    {"vol-resize", run_vol_resize},
    {"vol-wipe", run_vol_wipe},
    {NULL},
};
