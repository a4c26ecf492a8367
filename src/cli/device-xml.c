/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/device-xml.h"

#include "cli/command.h"
#include "cli/rate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* " name='value'" of an option that is given. */
static void add_attribute(GString *xml, const struct arguments *args, const char *option,
                          const char *name)
{
    if (arg_given(args, option)) {
        g_autofree char *value = g_markup_escape_text(arg_text(args, option), -1);

        g_string_append_printf(xml, " %s='%s'", name, value);
    }
}

/* A line of an option that is given, between two texts. */
static void add_element(GString *xml, const struct arguments *args, const char *option,
                        const char *before, const char *after)
{
    if (arg_given(args, option)) {
        g_autofree char *value = g_markup_escape_text(arg_text(args, option), -1);

        g_string_append_printf(xml, "  %s%s%s\n", before, value, after);
    }
}

/* Each writes the element of an address whose prefix is taken away; false: it is malformed. */
static bool pci_address(const char *text, const struct arguments *args, GString *xml)
{
    unsigned domain, bus, slot, function;
    const char *more = arg_given(args, "multifunction") ? " multifunction='on'" : "";

    if (sscanf(text, "%x%*1[:.]%x%*1[:.]%x.%x", &domain, &bus, &slot, &function) != 4) {
        return false;
    }
    g_string_append_printf(xml,
                           "<address type='pci' domain='0x%04x' bus='0x%02x' slot='0x%02x' "
                           "function='0x%0x'%s/>\n",
                           domain, bus, slot, function, more);
    return true;
}

static bool drive_address(const char *text, const struct arguments *args, GString *xml)
{
    unsigned controller, bus;
    uint64_t unit;

    if (sscanf(text, "%u.%u.%" SCNu64, &controller, &bus, &unit) != 3) {
        return false;
    }
    g_string_append_printf(xml,
                           "<address type='drive' controller='%u' bus='%u' unit='%" PRIu64 "'/>\n",
                           controller, bus, unit);
    return true;
}

static bool usb_address(const char *text, const struct arguments *args, GString *xml)
{
    unsigned bus, port;

    if (sscanf(text, "%u.%u", &bus, &port) != 2) {
        return false;
    }
    g_string_append_printf(xml, "<address type='usb' bus='%u' port='%u'/>\n", bus, port);
    return true;
}

static bool ccw_address(const char *text, const struct arguments *args, GString *xml)
{
    unsigned cssid, ssid, devno;

    if (sscanf(text, "%x.%x.%x", &cssid, &ssid, &devno) != 3) {
        return false;
    }
    g_string_append_printf(xml,
                           "<address type='ccw' cssid='0x%02x' ssid='0x%01x' devno='0x%04x'/>\n",
                           cssid, ssid, devno);
    return true;
}

static const struct address {
    const char *prefix;
    bool (*write)(const char *text, const struct arguments *args, GString *xml);
    const char *targets; /* first letters of the disks that can have one */
} addresses[] = {
    {"pci:", pci_address, "v"}, {"ccw:", ccw_address, "v"},    {"scsi:", drive_address, "s"},
    {"usb:", usb_address, "s"}, {"sata:", drive_address, "s"}, {"ide:", drive_address, "h"},
};

static bool add_disk_address(struct cli *cli, const struct arguments *args, GString *xml)
{
    const char *text = arg_text(args, "address"), *target = arg_text(args, "target");

    for (unsigned i = 0; text != NULL && i < G_N_ELEMENTS(addresses); i++) {
        const struct address *a = &addresses[i];

        if (!g_str_has_prefix(text, a->prefix)) {
            continue;
        }
        if (strchr(a->targets, *target) == NULL) {
            return cli_fail(cli, "%s",
                            *target == 'v'   ? "expecting a pci:0000.00.00.00 or ccw:00.0.0000 "
                                               "address."
                            : *target == 's' ? "expecting a scsi:00.00.00 or usb:00.00 or "
                                               "sata:00.00.00 address."
                                             : "expecting an ide:00.00.00 address.");
        }
        g_string_append(xml, "  ");
        return a->write(text + strlen(a->prefix), args, xml) || cli_fail(cli, "Invalid address.");
    }
    return text == NULL || cli_fail(cli, "Invalid address.");
}

static void add_source_host(GString *xml, const struct arguments *args)
{
    const char *host = arg_text(args, "source-host-name");
    g_auto(GStrv) parts = g_strsplit(host != NULL ? host : "", ":", 2);

    g_string_append(xml, "    <host");
    add_attribute(xml, args, "source-host-transport", "transport");
    add_attribute(xml, args, "source-host-socket", "socket");
    if (host != NULL) {
        g_autofree char *name = g_markup_escape_text(parts[0], -1);

        g_string_append_printf(xml, " name='%s'", name);
        if (parts[1] != NULL) {
            g_autofree char *port = g_markup_escape_text(parts[1], -1);

            g_string_append_printf(xml, " port='%s'", port);
        }
    }
    g_string_append(xml, "/>\n");
}

static void add_disk_source(GString *xml, const struct arguments *args, const char *type)
{
    g_string_append(xml, "  <source");
    if (strcmp(type, "network") != 0) {
        add_attribute(xml, args, "source", strcmp(type, "block") == 0 ? "dev" : "file");
        g_string_append(xml, "/>\n");
        return;
    }
    add_attribute(xml, args, "source-protocol", "protocol");
    add_attribute(xml, args, "source", "name");
    if (!arg_given(args, "source-host-name") && !arg_given(args, "source-host-transport") &&
        !arg_given(args, "source-host-socket")) {
        g_string_append(xml, "/>\n");
        return;
    }
    g_string_append(xml, ">\n");
    add_source_host(xml, args);
    g_string_append(xml, "  </source>\n");
}

/* What is not said is read off the other options, and off the source itself. */
static const char *disk_type(struct cli *cli, const struct arguments *args)
{
    static const char *const types[] = {"block", "file", "network", NULL};
    const char *type = arg_text(args, "sourcetype");
    struct stat st;

    if (type != NULL) {
        return word_index(types, type) >= 0
                   ? type
                   : (cli_fail(cli, "Unknown source type: '%s'", type), NULL);
    }
    if (arg_given(args, "source-protocol")) {
        return "network";
    }
    return stat(arg_text(args, "source"), &st) == 0 && S_ISBLK(st.st_mode) ? "block" : "file";
}

static void add_driver(GString *xml, const struct arguments *args)
{
    static const char *const options[][2] = {{"driver", "name"},
                                             {"subdriver", "type"},
                                             {"iothread", "iothread"},
                                             {"cache", "cache"},
                                             {"io", "io"}};
    gsize empty;

    g_string_append(xml, "  <driver");
    empty = xml->len;
    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        add_attribute(xml, args, options[i][0], options[i][1]);
    }
    if (xml->len == empty) {
        g_string_truncate(xml, empty - strlen("  <driver"));
    } else {
        g_string_append(xml, "/>\n");
    }
}

/* Sixteen digits. */
static bool check_wwn(struct cli *cli, const char *wwn)
{
    size_t n = 0;

    while (wwn != NULL && g_ascii_isxdigit(wwn[n])) {
        n++;
    }
    return wwn == NULL || (n == 16 && wwn[n] == '\0') ||
           cli_fail(cli, "internal error: Malformed wwn: %s", wwn);
}

char *device_xml_disk(struct cli *cli, const struct arguments *args)
{
    static const char *const modes[] = {"readonly", "shareable", NULL};
    const char *mode = arg_text(args, "mode"), *type = disk_type(cli, args);
    g_autoptr(GString) xml = g_string_new(NULL);

    if (type == NULL || !check_wwn(cli, arg_text(args, "wwn"))) {
        return NULL;
    }
    if (mode != NULL && word_index(modes, mode) < 0) {
        cli_fail(cli, "No support for %s in command 'attach-disk'", mode);
        return NULL;
    }
    g_string_append_printf(xml, "<disk type='%s'", type);
    add_attribute(xml, args, "type", "device");
    g_string_append(xml, arg_given(args, "rawio") ? " rawio='yes'>\n" : ">\n");
    add_driver(xml, args);
    add_disk_source(xml, args, type);
    g_string_append(xml, "  <target");
    add_attribute(xml, args, "target", "dev");
    add_attribute(xml, args, "targetbus", "bus");
    g_string_append(xml, "/>\n");
    if (mode != NULL) {
        g_string_append_printf(xml, "  <%s/>\n", mode);
    }
    add_element(xml, args, "serial", "<serial>", "</serial>");
    add_element(xml, args, "alias", "<alias name='", "'/>");
    add_element(xml, args, "wwn", "<wwn>", "</wwn>");
    if (!add_disk_address(cli, args, xml)) {
        return NULL;
    }
    g_string_append(xml, "</disk>\n");
    return g_strdup(xml->str);
}

/* A type of interface and what its source is; vhostuser and hostdev have ways of their own. */
static const char *const interface_sources[][2] = {
    {"network", "network"}, {"bridge", "bridge"}, {"direct", "dev"}};

static bool add_host_source(struct cli *cli, const struct arguments *args, GString *xml)
{
    const char *source = arg_text(args, "source");

    g_string_append(xml, "  <source>\n    ");
    if (!pci_address(source, args, xml)) {
        return cli_fail(cli, "cannot parse pci address '%s' for network interface", source);
    }
    g_string_append(xml, "  </source>\n");
    return true;
}

static bool add_user_source(struct cli *cli, const struct arguments *args, GString *xml)
{
    static const char *const modes[] = {"client", "server", NULL};
    const char *mode = arg_text(args, "source-mode");
    g_autofree char *path = g_markup_escape_text(arg_text(args, "source"), -1);

    if (mode == NULL) {
        return cli_fail(cli, "source-mode is mandatory");
    }
    if (word_index(modes, mode) < 0) {
        return cli_fail(cli, "Invalid source mode: %s", mode);
    }
    g_string_append_printf(xml, "  <source type='unix' path='%s' mode='%s'/>\n", path, mode);
    return true;
}

static bool add_interface_source(struct cli *cli, const struct arguments *args, GString *xml)
{
    const char *type = arg_text(args, "type");

    for (unsigned i = 0; i < G_N_ELEMENTS(interface_sources); i++) {
        if (strcmp(interface_sources[i][0], type) == 0) {
            g_string_append(xml, "  <source");
            add_attribute(xml, args, "source", interface_sources[i][1]);
            g_string_append(xml, "/>\n");
            return true;
        }
    }
    return strcmp(type, "hostdev") == 0 ? add_host_source(cli, args, xml)
                                        : add_user_source(cli, args, xml);
}

static bool check_interface(struct cli *cli, const struct arguments *args)
{
    static const char *const types[] = {"network", "bridge",    "direct",
                                        "hostdev", "vhostuser", NULL};
    static const char *const modes[] = {"client", "server", NULL};
    const char *type = arg_text(args, "type"), *mode = arg_text(args, "source-mode");

    if (mode != NULL && word_index(modes, mode) < 0) {
        return cli_fail(cli, "Invalid source mode: %s", mode);
    }
    return word_index(types, type) >= 0 ||
           cli_fail(cli, "No support for %s in command 'attach-interface'", type);
}

static void add_direction(GString *xml, const char *direction, const uint64_t *values)
{
    static const char *const names[] = {"average", "peak", "burst", "floor"};

    if (values[RATE_AVERAGE] == 0 && values[RATE_FLOOR] == 0) {
        return;
    }
    g_string_append_printf(xml, "    <%s", direction);
    for (unsigned i = 0; i < RATE_FIELDS; i++) {
        if (values[i] != 0) {
            g_string_append_printf(xml, " %s='%" PRIu64 "'", names[i], values[i]);
        }
    }
    g_string_append(xml, "/>\n");
}

static void add_bandwidth(GString *xml, const uint64_t *in, const uint64_t *out)
{
    if (in[RATE_AVERAGE] != 0 || in[RATE_FLOOR] != 0 || out[RATE_AVERAGE] != 0) {
        g_string_append(xml, "  <bandwidth>\n");
        add_direction(xml, "inbound", in);
        add_direction(xml, "outbound", out);
        g_string_append(xml, "  </bandwidth>\n");
    }
}

char *device_xml_interface(struct cli *cli, const struct arguments *args)
{
    g_autoptr(GString) xml = g_string_new("<interface");
    uint64_t in[RATE_FIELDS], out[RATE_FIELDS];

    if (!rate_parse(cli, args, "inbound", in) || !rate_parse(cli, args, "outbound", out) ||
        !check_interface(cli, args)) {
        return NULL;
    }
    add_attribute(xml, args, "type", "type");
    g_string_append(xml, arg_given(args, "managed") ? " managed='yes'>\n" : ">\n");
    if (!add_interface_source(cli, args, xml)) {
        return NULL;
    }
    add_element(xml, args, "target", "<target dev='", "'/>");
    add_element(xml, args, "mac", "<mac address='", "'/>");
    add_element(xml, args, "script", "<script path='", "'/>");
    add_element(xml, args, "model", "<model type='", "'/>");
    add_element(xml, args, "alias", "<alias name='", "'/>");
    add_bandwidth(xml, in, out);
    g_string_append(xml, "</interface>\n");
    return g_strdup(xml->str);
}
