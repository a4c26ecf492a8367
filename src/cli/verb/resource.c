/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on the host's interfaces, devices, secrets and filters, and more of networks. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/tree.h"

#include <stdlib.h>
#include <string.h>
#include <viv/resource.h>

static int start(struct viv_object *object, struct viv_error **ret_error)
{
    return viv_start(object, 0, ret_error);
}

static int destroy(struct viv_object *object, struct viv_error **ret_error)
{
    return viv_destroy(object, 0, ret_error);
}

static int undefine(struct viv_object *object, struct viv_error **ret_error)
{
    return viv_undefine(object, 0, ret_error);
}

static int detach(struct viv_object *object, struct viv_error **ret_error)
{
    return viv_node_device_detach(object, NULL, ret_error);
}

/* Commands that do one thing to one object: what is said before and behind its name. */
static const struct act {
    const char *command;
    enum viv_kind kind;
    int (*act)(struct viv_object *object, struct viv_error **ret_error);
    const char *failed[2], *done[2];
} acts[] = {
    {"iface-start", VIV_INTERFACE, start, {"start interface ", ""}, {"Interface ", " started"}},
    {"iface-destroy",
     VIV_INTERFACE,
     destroy,
     {"destroy interface ", ""},
     {"Interface ", " destroyed"}},
    {"iface-undefine",
     VIV_INTERFACE,
     undefine,
     {"undefine interface ", ""},
     {"Interface ", " undefined"}},
    {"nodedev-start", VIV_NODE_DEVICE, start, {"start device ", ""}, {"Device ", " started"}},
    {"nodedev-destroy",
     VIV_NODE_DEVICE,
     destroy,
     {"destroy node device '", "'"},
     {"Destroyed node device '", "'"}},
    {"nodedev-undefine",
     VIV_NODE_DEVICE,
     undefine,
     {"undefine node device '", "'"},
     {"Undefined node device '", "'"}},
    {"nodedev-detach", VIV_NODE_DEVICE, detach, {"detach device ", ""}, {"Device ", " detached"}},
    {"nodedev-reattach",
     VIV_NODE_DEVICE,
     viv_node_device_reattach,
     {"re-attach device ", ""},
     {"Device ", " re-attached"}},
    {"nodedev-reset",
     VIV_NODE_DEVICE,
     viv_node_device_reset,
     {"reset device ", ""},
     {"Device ", " reset"}},
    {"nwfilter-undefine",
     VIV_NWFILTER,
     undefine,
     {"undefine network filter ", ""},
     {"Network filter ", " undefined"}},
};

static bool run_act(struct cli *cli, const struct arguments *args)
{
    const char *command = arguments_command(args)->name;
    const struct act *act = acts;

    while (strcmp(act->command, command) != 0) {
        act++;
    }
    auto_object struct viv_object *object = cli_object(cli, args, act->kind);

    if (object == NULL) {
        return false;
    }
    return act->act(object, cli_error(cli)) == 0
               ? cli_say(cli, "%s%s%s\n", act->done[0], viv_object_name(object), act->done[1])
               : cli_fail(cli, "Failed to %s%s%s", act->failed[0], viv_object_name(object),
                          act->failed[1]);
}

static bool run_nodedev_detach(struct cli *cli, const struct arguments *args)
{
    if (!arg_given(args, "driver")) {
        return run_act(cli, args);
    }
    auto_object struct viv_object *device = cli_object(cli, args, VIV_NODE_DEVICE);

    if (device == NULL) {
        return false;
    }
    return viv_node_device_detach(device, arg_text(args, "driver"), cli_error(cli)) == 0
               ? cli_say(cli, "Device %s detached\n", viv_object_name(device))
               : cli_fail(cli, "Failed to detach device %s", viv_object_name(device));
}

static bool dump(struct cli *cli, const struct arguments *args, enum viv_kind kind)
{
    static const struct flag_row flags[] = {{"inactive", 1}, {NULL}};
    auto_object struct viv_object *object = cli_object(cli, args, kind);
    unsigned chosen = object != NULL && kind == VIV_INTERFACE ? arg_flags(args, flags) : 0;

    return object != NULL && document_show(cli, args, viv_xml(object, chosen, cli_error(cli)));
}

static bool run_iface_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_INTERFACE);
}

static bool run_nodedev_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_NODE_DEVICE);
}

static bool run_nwfilter_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_NWFILTER);
}

static bool run_secret_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_SECRET);
}

/* Made of a file; NULL with the error, or a message. */
static struct viv_object *from_file(struct cli *cli, const struct arguments *args,
                                    enum viv_kind kind, bool define, bool *ret_read)
{
    const unsigned validate = arg_given(args, "validate") ? 1 : 0;
    g_autofree char *xml = cli_connection(cli) != NULL ? cli_file(cli, args, "file") : NULL;

    *ret_read = xml != NULL;
    return xml != NULL ? (define ? viv_define : viv_create)(cli->connection, kind, xml, validate,
                                                            cli_error(cli))
                       : NULL;
}

static bool run_iface_define(struct cli *cli, const struct arguments *args)
{
    bool read;
    auto_object struct viv_object *object = from_file(cli, args, VIV_INTERFACE, true, &read);
    const char *path = arg_text(args, "file");

    return object != NULL
               ? cli_say(cli, "Interface %s defined from %s\n", viv_object_name(object), path)
               : read && cli_fail(cli, "Failed to define interface from %s", path);
}

static bool run_nwfilter_define(struct cli *cli, const struct arguments *args)
{
    bool read;
    auto_object struct viv_object *object = from_file(cli, args, VIV_NWFILTER, true, &read);
    const char *path = arg_text(args, "file");

    return object != NULL
               ? cli_say(cli, "Network filter %s defined from %s\n", viv_object_name(object), path)
               : read && cli_fail(cli, "Failed to define network filter from %s", path);
}

static bool run_nodedev_define(struct cli *cli, const struct arguments *args)
{
    bool read;
    auto_object struct viv_object *object = from_file(cli, args, VIV_NODE_DEVICE, true, &read);
    const char *path = arg_text(args, "file");

    return object != NULL
               ? cli_say(cli, "Node device '%s' defined from '%s'\n", viv_object_name(object), path)
               : read && cli_fail(cli, "Failed to define node device from '%s'", path);
}

static bool run_nodedev_create(struct cli *cli, const struct arguments *args)
{
    bool read;
    auto_object struct viv_object *object = from_file(cli, args, VIV_NODE_DEVICE, false, &read);
    const char *path = arg_text(args, "file");

    return object != NULL
               ? cli_say(cli, "Node device %s created from %s\n", viv_object_name(object), path)
               : read && cli_fail(cli, "Failed to create node device from %s", path);
}

static bool run_nodedev_autostart(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *device = cli_object(cli, args, VIV_NODE_DEVICE);
    const char *un = arg_given(args, "disable") ? "un" : "";

    if (device == NULL) {
        return false;
    }
    return viv_set_autostart(device, *un == '\0', cli_error(cli)) == 0
               ? cli_say(cli, "Device %s %smarked as autostarted\n", viv_object_name(device), un)
               : cli_fail(cli, "failed to %smark device %s as autostarted", un,
                          viv_object_name(device));
}

static bool run_nodedev_info(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *device = cli_object(cli, args, VIV_NODE_DEVICE);

    if (device == NULL) {
        return false;
    }
    char *parent = viv_node_device_parent(device, NULL);
    int active = viv_is_active(device, NULL), persistent = viv_is_persistent(device, NULL);
    int autostart = viv_autostart(device, NULL);
    struct report *report = report_new("", 15, " ");

    report_add(report, "Name:", "%s", viv_object_name(device));
    report_add(report, "Parent:", "%s", parent != NULL ? parent : "");
    viv_free(parent);
    /* A host that cannot tell has only such devices. */
    report_add(report, "Active:", "%s", active != 0 ? "yes" : "no");
    report_add(report, "Persistent:", "%s", persistent != 0 ? "yes" : "no");
    report_add(report, "Autostart:", "%s",
               autostart < 0 ? "no autostart"
               : autostart   ? "yes"
                             : "no");
    return report_show(report, cli);
}

static int compare(const void *a, const void *b)
{
    return strcasecmp(viv_object_name(*(struct viv_object *const *)a),
                      viv_object_name(*(struct viv_object *const *)b));
}

/* Sorted by name; NULL with the error. */
static struct viv_object **sorted(struct cli *cli, enum viv_kind kind, unsigned flags)
{
    size_t n;
    struct viv_object **list = cli_connection(cli) != NULL
                                   ? viv_objects(cli->connection, kind, flags, &n, cli_error(cli))
                                   : NULL;

    if (list != NULL) {
        qsort(list, n, sizeof(*list), compare);
    }
    return list;
}

static bool run_iface_list(struct cli *cli, const struct arguments *args)
{
    const unsigned off = 1, on = 2;
    struct viv_object **list = sorted(cli, VIV_INTERFACE,
                                      arg_given(args, "all")        ? on | off
                                      : arg_given(args, "inactive") ? off
                                                                    : on);

    if (list == NULL) {
        return cli_fail(cli, "Failed to list interfaces");
    }
    struct table *table = table_new("Name", "State", "MAC Address", NULL);

    for (struct viv_object **o = list; *o != NULL; o++) {
        table_add(table, viv_object_name(*o), viv_is_active(*o, NULL) > 0 ? "active" : "inactive",
                  viv_interface_mac(*o), NULL);
    }
    viv_objects_free(list);
    table_show(table, cli);
    return true;
}

/* By its name, else by its address. */
static bool run_iface_mac(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *object = cli_object(cli, args, VIV_INTERFACE);

    return object != NULL && show_line(cli, "mac", "%s", viv_interface_mac(object));
}

static bool run_iface_name(struct cli *cli, const struct arguments *args)
{
    const char *mac = arg_text(args, "interface");

    if (cli_connection(cli) == NULL) {
        return false;
    }
    auto_object struct viv_object *object = viv_find_mac(cli->connection, mac, NULL);

    return object != NULL ? show_line(cli, "name", "%s", viv_object_name(object))
                          : cli_fail(cli, "failed to get interface '%s'", mac);
}

static bool transaction(struct cli *cli, const char *verb, const char *done,
                        int (*act)(struct viv_connection *, struct viv_error **))
{
    if (cli_connection(cli) == NULL) {
        return false;
    }
    return act(cli->connection, cli_error(cli)) == 0
               ? cli_say(cli, "Network config change transaction %s\n", done)
               : cli_fail(cli, "Failed to %s network config change transaction", verb);
}

static bool run_iface_begin(struct cli *cli, const struct arguments *args)
{
    return transaction(cli, "begin", "started", viv_interfaces_begin);
}

static bool run_iface_commit(struct cli *cli, const struct arguments *args)
{
    return transaction(cli, "commit", "committed", viv_interfaces_commit);
}

static bool run_iface_rollback(struct cli *cli, const struct arguments *args)
{
    return transaction(cli, "rollback", "rolled back", viv_interfaces_rollback);
}

static bool run_nwfilter_list(struct cli *cli, const struct arguments *args)
{
    struct viv_object **list = sorted(cli, VIV_NWFILTER, 0);

    if (list == NULL) {
        return cli_fail(cli, "Failed to list network filters");
    }
    struct table *table = table_new("UUID", "Name", NULL);

    for (struct viv_object **o = list; *o != NULL; o++) {
        g_autofree char *uuid = cli_uuid(viv_object_uuid(*o));

        table_add(table, uuid, viv_object_name(*o), NULL);
    }
    viv_objects_free(list);
    table_show(table, cli);
    return true;
}

/* Kinds of devices as --cap names them, by bit of libvirt's list flags. */
static const char *const caps[] = {
    "system",      "pci",        "usb_device", "usb",     "net",    "scsi_host",
    "scsi_target", "scsi",       "storage",    "fc_host", "vports", "scsi_generic",
    "drm",         "mdev_types", "mdev",       "ccw",     "css",    "vdpa",
    "ap_card",     "ap_queue",   "ap_matrix",  NULL};

static bool take_caps(struct cli *cli, const char *text, unsigned *ret_flags)
{
    g_auto(GStrv) words = g_strsplit(text != NULL ? text : "", ",", -1);

    for (char **word = words; *word != NULL; word++) {
        int cap = word_index(caps, *word);

        if (cap < 0) {
            return cli_fail(cli, "Invalid capability type");
        }
        *ret_flags |= 1U << cap;
    }
    return true;
}

static bool show_devices(struct cli *cli, struct viv_object **list, bool as_tree)
{
    struct tree *tree = tree_new();
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (; *list != NULL; list++) {
        char *parent = as_tree ? viv_node_device_parent(*list, NULL) : NULL;

        tree_add(tree, viv_object_name(*list), parent);
        g_ptr_array_add(names, (char *)viv_object_name(*list));
        viv_free(parent);
    }
    g_ptr_array_add(names, NULL);
    if (as_tree) {
        return tree_show(tree, cli);
    }
    tree_free(tree);
    return show_words(cli, (char **)names->pdata);
}

static bool run_nodedev_list(struct cli *cli, const struct arguments *args)
{
    const unsigned off = 1U << 30, on = 1U << 31;
    bool all = arg_given(args, "all"), inactive = arg_given(args, "inactive");
    bool tree = arg_given(args, "tree");
    unsigned flags = 0;

    if (all && inactive) {
        return cli_fail(cli, "Option --all is incompatible with --inactive");
    }
    if (tree && (arg_given(args, "cap") || inactive)) {
        return cli_fail(cli, "Option --tree is incompatible with --cap and --inactive");
    }
    if (!take_caps(cli, arg_text(args, "cap"), &flags)) {
        return false;
    }
    flags |= all ? on | off : inactive ? off : on;
    struct viv_object **list = sorted(cli, VIV_NODE_DEVICE, flags);

    if (list == NULL) {
        return cli_fail(cli, "Failed to list node devices");
    }
    bool good = show_devices(cli, list, tree);

    viv_objects_free(list);
    return good;
}

static const char *usage_name(int usage)
{
    static const char *const names[] = {"none", "volume", "ceph", "iscsi", "tls", "vtpm"};

    return (unsigned)usage < G_N_ELEMENTS(names) ? names[usage] : "unknown";
}

static bool run_secret_list(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"ephemeral", 1}, {"no-ephemeral", 2}, {"private", 4}, {"no-private", 8}, {NULL}};
    struct viv_object **list = sorted(cli, VIV_SECRET, arg_flags(args, flags));

    if (list == NULL) {
        return cli_fail(cli, "Failed to list secrets");
    }
    struct table *table = table_new("UUID", "Usage", NULL);

    for (struct viv_object **o = list; *o != NULL; o++) {
        g_autofree char *uuid = cli_uuid(viv_object_uuid(*o));
        int usage = viv_secret_usage(*o);
        g_autofree char *text = g_strdup_printf("%s %s", usage_name(usage), viv_object_name(*o));

        table_add(table, uuid, usage == 0 ? "Unused" : text, NULL);
    }
    viv_objects_free(list);
    table_show(table, cli);
    return true;
}

static bool run_secret_define(struct cli *cli, const struct arguments *args)
{
    bool read;
    auto_object struct viv_object *secret = from_file(cli, args, VIV_SECRET, true, &read);

    if (secret == NULL) {
        return read && cli_fail(cli, "Failed to set attributes from %s", arg_text(args, "file"));
    }
    g_autofree char *uuid = cli_uuid(viv_object_uuid(secret));

    return cli_say(cli, "Secret %s created\n", uuid);
}

static bool run_secret_undefine(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *secret = cli_object(cli, args, VIV_SECRET);
    const char *uuid = arg_text(args, "secret");

    if (secret == NULL) {
        return false;
    }
    return viv_undefine(secret, 0, cli_error(cli)) == 0
               ? cli_say(cli, "Secret %s deleted\n", uuid)
               : cli_fail(cli, "Failed to delete secret %s", uuid);
}

static bool run_secret_get_value(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *secret = cli_object(cli, args, VIV_SECRET);
    size_t size;
    uint8_t *value = secret != NULL ? viv_secret_value(secret, &size, cli_error(cli)) : NULL;

    if (value == NULL) {
        return false;
    }
    if (arg_given(args, "plain") && !cli->json) {
        fwrite(value, 1, size, stdout);
    } else {
        g_autofree char *text = g_base64_encode(value, size);

        show_word(cli, "value", "%s", text);
    }
    memset(value, 0, size);
    viv_free(value);
    return true;
}

/* The bytes that are to be set, to be freed; NULL with a message. */
static uint8_t *take_value(struct cli *cli, const struct arguments *args, gsize *ret_size)
{
    if (arg_given(args, "file")) {
        char *text = cli_file(cli, args, "file");

        *ret_size = text != NULL ? strlen(text) : 0;
        return arg_given(args, "plain") || text == NULL ? (uint8_t *)text
                                                        : g_base64_decode_inplace(text, ret_size);
    }
    if (!arg_given(args, "base64")) {
        cli_fail(cli, "Input secret value is missing");
        return NULL;
    }
    fputs("error: Passing secret value as command-line argument is insecure!\n", stderr);
    return g_base64_decode(arg_text(args, "base64"), ret_size);
}

static bool run_secret_set_value(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"interactive", NULL};
    gsize size;

    if (!arg_exclusive(cli, args, "file", "base64") ||
        !arg_exclusive(cli, args, "plain", "base64") || !arg_unbuilt(cli, args, missing)) {
        return false;
    }
    auto_object struct viv_object *secret = cli_object(cli, args, VIV_SECRET);
    g_autofree uint8_t *value = secret != NULL ? take_value(cli, args, &size) : NULL;

    if (value == NULL) {
        return false;
    }
    int status = viv_secret_set_value(secret, value, size, cli_error(cli));

    memset(value, 0, size);
    return status == 0 ? cli_say(cli, "Secret value set\n")
                       : cli_fail(cli, "Failed to set secret value");
}

static void add_lease(struct table *table, const struct viv_lease *lease)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(lease->expiry);
    g_autofree char *when = time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;
    g_autofree char *address = g_strdup_printf("%s/%u", lease->address, lease->prefix);

    table_add(table, when != NULL ? when : "-", lease->mac != NULL ? lease->mac : "-",
              lease->type == 0 ? "ipv4" : "ipv6", address,
              lease->hostname != NULL ? lease->hostname : "-",
              lease->client != NULL ? lease->client : "-", NULL);
}

static bool run_net_dhcp_leases(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *network = cli_object(cli, args, VIV_NETWORK);
    struct viv_lease *leases =
        network != NULL ? viv_network_leases(network, arg_text(args, "mac"), cli_error(cli)) : NULL;

    if (leases == NULL) {
        return network != NULL &&
               cli_fail(cli, "Failed to get leases info for %s", viv_object_name(network));
    }
    struct table *table = table_new("Expiry Time", "MAC address", "Protocol", "IP address",
                                    "Hostname", "Client ID or DUID", NULL);

    for (struct viv_lease *l = leases; l->interface != NULL; l++) {
        add_lease(table, l);
    }
    viv_leases_free(leases);
    table_show(table, cli);
    return true;
}

static bool update(struct cli *cli, const struct arguments *args, struct viv_object *network,
                   unsigned command, unsigned section, unsigned affect)
{
    const char *given = arg_text(args, "xml"), *name = viv_object_name(network);
    g_autofree char *xml = *given == '<' ? g_strdup(given) : cli_file(cli, args, "xml");
    int parent = -1;

    if (xml == NULL || !arg_i32(cli, args, "parent-index", &parent)) {
        return false;
    }
    if (viv_network_update(network, command, section, parent, xml, affect, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to update network %s", name);
    }
    bool live = affect == 0 ? viv_is_active(network, NULL) > 0 : (affect & VIV_AFFECT_LIVE) != 0;

    return (affect & VIV_AFFECT_CONFIG) != 0 && live
               ? cli_say(cli, "Updated network %s persistent config and live state", name)
               : cli_say(cli,
                         live ? "Updated network %s live state"
                              : "Updated network %s persistent config",
                         name);
}

static bool run_net_update(struct cli *cli, const struct arguments *args)
{
    static const char *const actions[] = {"none",      "modify", "delete", "add-last",
                                          "add-first", "add",    NULL};
    static const char *const sections[] = {"none",         "bridge",
                                           "domain",       "ip",
                                           "ip-dhcp-host", "ip-dhcp-range",
                                           "forward",      "forward-interface",
                                           "forward-pf",   "portgroup",
                                           "dns-host",     "dns-txt",
                                           "dns-srv",      NULL};
    const int add = 5, last = 3;
    unsigned affect;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *network = cli_object(cli, args, VIV_NETWORK);
    int command = word_index(actions, arg_text(args, "command"));
    int section = word_index(sections, arg_text(args, "section"));

    if (network == NULL) {
        return false;
    }
    if (command <= 0) {
        return cli_fail(cli, "unrecognized command name '%s'", arg_text(args, "command"));
    }
    if (section <= 0) {
        return cli_fail(cli, "unrecognized section name '%s'", arg_text(args, "section"));
    }
    return update(cli, args, network, (unsigned)(command == add ? last : command),
                  (unsigned)section, affect);
}

const struct verb resource_verbs[] = {
    {"iface-begin", run_iface_begin},
    {"iface-commit", run_iface_commit},
    {"iface-define", run_iface_define},
    {"iface-destroy", run_act},
    {"iface-dumpxml", run_iface_dumpxml},
    {"iface-list", run_iface_list},
    {"iface-mac", run_iface_mac},
    {"iface-name", run_iface_name},
    {"iface-rollback", run_iface_rollback},
    {"iface-start", run_act},
    {"iface-undefine", run_act},
    {"net-dhcp-leases", run_net_dhcp_leases},
    {"net-update", run_net_update},
    {"nodedev-autostart", run_nodedev_autostart},
    {"nodedev-create", run_nodedev_create},
    {"nodedev-define", run_nodedev_define},
    {"nodedev-destroy", run_act},
    {"nodedev-detach", run_nodedev_detach},
    {"nodedev-dumpxml", run_nodedev_dumpxml},
    {"nodedev-info", run_nodedev_info},
    {"nodedev-list", run_nodedev_list},
    {"nodedev-reattach", run_act},
    {"nodedev-reset", run_act},
    {"nodedev-start", run_act},
    {"nodedev-undefine", run_act},
    {"nwfilter-define", run_nwfilter_define},
    {"nwfilter-dumpxml", run_nwfilter_dumpxml},
    {"nwfilter-list", run_nwfilter_list},
    {"nwfilter-undefine", run_act},
    {"secret-define", run_secret_define},
    {"secret-dumpxml", run_secret_dumpxml},
    {"secret-get-value", run_secret_get_value},
    {"secret-list", run_secret_list},
    {"secret-set-value", run_secret_set_value},
    {"secret-undefine", run_secret_undefine},
    {NULL},
};
