/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The addresses of a machine's interfaces, as one of three tells of them: its networks' leases, the
 * guest's agent, the host's table of neighbours. */
#include "manage/conf/fault.h"
#include "manage/conf/network.h"
#include "manage/core/network/leases.h"
#include "manage/driver/qmp/agent/agent.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/internal.h"

#include <stdio.h>
#include <string.h>

#define MAX_ROWS 2048 /* of the protocol: interfaces, and addresses of one */

enum { SOURCE_LEASE, SOURCE_AGENT, SOURCE_ARP };
enum { VERSION_4, VERSION_6 };

static bool same_mac(const char *a, const char *b)
{
    uint8_t x[6], y[6];

    return network_mac_parse(a, x) && network_mac_parse(b, y) && memcmp(x, y, sizeof(x)) == 0;
}

/* One interface of the reply; takes its addresses, which may be none. */
static void add_row(GVariantBuilder *list, const char *name, const char *mac,
                    GVariantBuilder *addresses)
{
    g_variant_builder_add(list, "(sms@a(isu))", name, mac, g_variant_builder_end(addresses));
}

/* --- leases --- */

/* Those of a network by its name; NULL when it is no more. No lock held. */
static GPtrArray *leases_of(struct host *host, const char *name)
{
    g_autoptr(object_held) network =
        name != NULL ? objects_find_name(host->objects[OBJECT_NETWORK], name) : NULL;

    return network != NULL ? host->networks->leases(network) : NULL;
}

static void add_leases(GVariantBuilder *list, struct host *host, const struct xml *interface)
{
    const char *mac = xml_get(xml_find(interface, "mac"), "address");
    g_autoptr(GPtrArray) leases =
        leases_of(host, xml_get(xml_find(interface, "source"), "network"));
    GVariantBuilder addresses;
    unsigned n = 0;

    g_variant_builder_init(&addresses, G_VARIANT_TYPE("a(isu)"));
    for (unsigned i = 0; leases != NULL && i < leases->len && n < MAX_ROWS; i++) {
        const struct network_lease *lease = leases->pdata[i];

        if (same_mac(lease->mac, mac)) {
            g_variant_builder_add(&addresses, "(isu)", lease->version_6 ? VERSION_6 : VERSION_4,
                                  lease->address, lease->prefix);
            n++;
        }
    }
    if (n > 0) {
        add_row(list, xml_get(xml_find(interface, "target"), "dev"), mac, &addresses);
    } else {
        g_variant_builder_clear(&addresses);
    }
}

/* --- neighbours --- */

static void add_neighbours(GVariantBuilder *list, const struct xml *interface, char **lines)
{
    const char *mac = xml_get(xml_find(interface, "mac"), "address");
    char address[64], own[64];
    GVariantBuilder addresses;
    unsigned n = 0;

    g_variant_builder_init(&addresses, G_VARIANT_TYPE("a(isu)"));
    for (char **line = lines; *line != NULL && n < MAX_ROWS; line++) {
        if (sscanf(*line, "%63s %*s %*s %63s", address, own) == 2 && same_mac(own, mac)) {
            g_variant_builder_add(&addresses, "(isu)", VERSION_4, address, 0);
            n++;
        }
    }
    if (n > 0) {
        add_row(list, xml_get(xml_find(interface, "target"), "dev"), mac, &addresses);
    } else {
        g_variant_builder_clear(&addresses);
    }
}

/* What the host knows of the interfaces in `root`, a copy. No lock held. */
static void look(GVariantBuilder *list, struct host *host, const struct xml *root, unsigned source)
{
    const struct xml *devices = xml_find(root, "devices");
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (source == SOURCE_ARP) {
        (void)g_file_get_contents("/proc/net/arp", &text, NULL, NULL);
        lines = g_strsplit(text != NULL ? text : "", "\n", -1);
    }
    for (const struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        if (xml_get(xml_find(d, "target"), "dev") == NULL) {
            continue;
        }
        if (source == SOURCE_ARP) {
            add_neighbours(list, d, lines);
        } else if (xml_is(d, "type", "network") && host->networks != NULL) {
            add_leases(list, host, d);
        }
    }
}

/* --- the agent: a guest may say what it likes --- */

static const char *text_of(json_object *object, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : NULL;
}

static size_t length_of(json_object *array)
{
    size_t length =
        json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;

    return length < MAX_ROWS ? length : MAX_ROWS;
}

static unsigned prefix_of(json_object *number)
{
    int prefix = json_object_get_int(number);

    return prefix < 0 || prefix > 128 ? 0 : (unsigned)prefix;
}

static bool add_told(GVariantBuilder *list, json_object *row, GError **error)
{
    const char *name = text_of(row, "name");
    json_object *rows = NULL, *number = NULL;
    GVariantBuilder addresses;

    if (name == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "qemu agent didn't provide 'name' field for a network interface");
    }
    g_variant_builder_init(&addresses, G_VARIANT_TYPE("a(isu)"));
    json_object_object_get_ex(row, "ip-addresses", &rows);
    for (size_t i = 0; i < length_of(rows); i++) {
        json_object *entry = json_object_array_get_idx(rows, i);
        const char *address = text_of(entry, "ip-address");
        struct network_address parsed;

        if (!network_address_parse(address, &parsed)) {
            continue;
        }
        number = NULL;
        json_object_object_get_ex(entry, "prefix", &number);
        g_variant_builder_add(&addresses, "(isu)",
                              parsed.family == AF_INET6 ? VERSION_6 : VERSION_4, address,
                              prefix_of(number));
    }
    add_row(list, name, text_of(row, "hardware-address"), &addresses);
    return true;
}

static bool ask_agent(GVariantBuilder *list, struct call *call, GError **error)
{
    json_object *value = NULL;
    bool good = agent_command(call->domain, "guest-network-get-interfaces", NULL, &value, error);

    for (size_t i = 0; good && i < length_of(value); i++) {
        good = add_told(list, json_object_array_get_idx(value, i), error);
    }
    json_object_put(value);
    return good;
}

bool qmp_domain_interface_addresses(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(smsa(isu))"));
    unsigned source = call_u32(call, 1);
    g_autoptr(xml_own) root = NULL;

    if (source > SOURCE_ARP) {
        return fault_set(error, FAULT_ARGUMENT_UNSUPPORTED, "Unknown IP address data source %u",
                         source);
    }
    if (source == SOURCE_AGENT) {
        return ask_agent(&list, call, error) && call_reply(call, "(a(smsa(isu)))", &list);
    }
    root = xml_copy(call->domain->def->root);
    object_unlock(call->object);
    look(&list, call->host, root, source);
    object_lock(call->object);
    return call_reply(call, "(a(smsa(isu)))", &list);
}
