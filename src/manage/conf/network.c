/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/network.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"

#include <arpa/inet.h>
#include <string.h>

#define MAX_RANGE  65535 /* addresses of a range: more are the same to everybody */
#define MAX_PREFIX 128

static const char *const modes[] = {
    [NETWORK_NAT] = "nat",         [NETWORK_ROUTE] = "route",
    [NETWORK_OPEN] = "open",       [NETWORK_BRIDGE] = "bridge",
    [NETWORK_PRIVATE] = "private", [NETWORK_VEPA] = "vepa",
    [NETWORK_HOSTDEV] = "hostdev", [NETWORK_PASSTHROUGH] = "passthrough",
};

/* --- addresses --- */

bool network_address_parse(const char *text, struct network_address *ret)
{
    struct network_address address = {.family = AF_INET};

    if (text == NULL) {
        return false;
    }
    if (inet_pton(AF_INET, text, address.bytes) != 1) {
        address.family = AF_INET6;
        if (inet_pton(AF_INET6, text, address.bytes) != 1) {
            return false;
        }
    }
    *ret = address;
    return true;
}

bool network_mac_parse(const char *text, uint8_t ret_mac[6])
{
    g_auto(GStrv) parts = text != NULL ? g_strsplit(text, ":", 7) : NULL;

    if (parts == NULL || g_strv_length(parts) != 6) {
        return false;
    }
    for (unsigned i = 0; i < 6; i++) {
        guint64 value;

        if (strlen(parts[i]) > 2 ||
            !g_ascii_string_to_unsigned(parts[i], 16, 0, 255, &value, NULL)) {
            return false;
        }
        ret_mac[i] = (uint8_t)value;
    }
    return true;
}

static unsigned width(const struct network_address *address)
{
    return address->family == AF_INET ? 4 : 16;
}

/* Bits behind the prefix set to `ones`. */
static struct network_address masked(const struct network_address *address, unsigned prefix,
                                     bool ones)
{
    struct network_address out = *address;

    for (unsigned i = prefix; i < 8 * width(address); i++) {
        uint8_t bit = (uint8_t)(0x80 >> (i % 8));

        out.bytes[i / 8] = ones ? out.bytes[i / 8] | bit : out.bytes[i / 8] & (uint8_t)~bit;
    }
    return out;
}

static bool same(const struct network_address *a, const struct network_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, width(a)) == 0;
}

void network_subnet(const struct network_ip *ip, char ret[NETWORK_SUBNET])
{
    struct network_address net = masked(&ip->address, ip->prefix, false);
    char text[INET6_ADDRSTRLEN];

    inet_ntop(net.family, net.bytes, text, sizeof(text));
    g_snprintf(ret, NETWORK_SUBNET, "%s/%u", text, ip->prefix);
}

/* The last eight bytes as a number; those before are the same in both. */
static uint64_t low(const struct network_address *address)
{
    unsigned n = width(address);
    uint64_t value = 0;

    for (unsigned i = n == 16 ? 8 : 0; i < n; i++) {
        value = value << 8 | address->bytes[i];
    }
    return value;
}

uint64_t network_range_size(const struct xml *range)
{
    struct network_address first, last;

    if (!network_address_parse(xml_get(range, "start"), &first) ||
        !network_address_parse(xml_get(range, "end"), &last) || first.family != last.family ||
        memcmp(first.bytes, last.bytes, width(&first)) > 0) {
        return 0;
    }
    if (first.family == AF_INET6 && memcmp(first.bytes, last.bytes, 8) != 0) {
        return MAX_RANGE;
    }
    uint64_t more = low(&last) - low(&first);

    return MIN(more, MAX_RANGE - 1) + 1;
}

/* --- <ip> --- */

/* What a netmask or the class of an address says. */
static bool read_mask(const char *text, unsigned *ret)
{
    struct network_address mask;
    unsigned prefix = 0;

    if (!network_address_parse(text, &mask) || mask.family != AF_INET) {
        return false;
    }
    while (prefix < 32 && (mask.bytes[prefix / 8] & (0x80 >> (prefix % 8))) != 0) {
        prefix++;
    }
    *ret = prefix;
    return true;
}

static unsigned class_prefix(const struct network_address *address)
{
    if (address->family == AF_INET6) {
        return 64;
    }
    return address->bytes[0] < 128 ? 8 : address->bytes[0] < 192 ? 16 : 24;
}

static bool read_prefix(struct network_ip *ip, const char *name, GError **error)
{
    const char *prefix = xml_get(ip->node, "prefix"), *mask = xml_get(ip->node, "netmask");
    bool old = ip->address.family == AF_INET;
    guint64 value;

    ip->prefix = class_prefix(&ip->address);
    if (mask != NULL && !old) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "netmask not allowed for IPv6 address '%s' in network '%s'",
                         xml_get(ip->node, "address"), name);
    }
    if (mask != NULL && prefix != NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Network '%s' IP address cannot have both a prefix and a netmask", name);
    }
    if (mask != NULL && !read_mask(mask, &ip->prefix)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid netmask '%s' in network '%s'", mask,
                         name);
    }
    if (prefix != NULL) {
        if (!g_ascii_string_to_unsigned(prefix, 10, 0, old ? 32 : MAX_PREFIX, &value, NULL)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "Invalid %s prefix '%s' in network '%s'", old ? "IPv4" : "IPv6",
                             prefix, name);
        }
        ip->prefix = (unsigned)value;
    }
    return true;
}

static bool read_address(struct network_ip *ip, const char *name, GError **error)
{
    const char *text = xml_get(ip->node, "address"), *family = xml_get(ip->node, "family");
    int wanted = g_strcmp0(family, "ipv6") == 0 ? AF_INET6 : AF_INET;

    if (text == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Missing required address attribute in network '%s'", name);
    }
    if (!network_address_parse(text, &ip->address)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid address '%s' in network '%s'", text,
                         name);
    }
    if (family == NULL && ip->address.family != AF_INET) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "no family specified for non-IPv4 address '%s' in network '%s'", text,
                         name);
    }
    if (ip->address.family != wanted) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "family '%s' specified for non-%s address '%s' in network '%s'", family,
                         wanted == AF_INET6 ? "IPv6" : "IPv4", text, name);
    }
    inet_ntop(ip->address.family, ip->address.bytes, ip->text, sizeof(ip->text));
    return true;
}

static bool check_end(const struct network_ip *ip, const char *text, GError **error)
{
    struct network_address address;

    return (network_address_parse(text, &address) && address.family == ip->address.family) ||
           fault_set_raw(error, FAULT_SYSTEM_ERROR,
                         "Cannot parse socket address '%s': Name or service not known", text);
}

/* A whole range lies within the addresses of its network, and takes none that means more. */
static bool check_place(const struct network_ip *ip, const char *first, const char *last,
                        GError **error)
{
    struct network_address a = {.family = 0}, b = {.family = 0};
    struct network_address net = masked(&ip->address, ip->prefix, false);
    struct network_address top = masked(&ip->address, ip->prefix, true);

    (void)network_address_parse(first, &a);
    (void)network_address_parse(last, &b);
    if (memcmp(a.bytes, b.bytes, sizeof(a.bytes)) > 0) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "range %s - %s is reversed ", first, last);
    }
    struct network_address a_net = masked(&a, ip->prefix, false);
    struct network_address b_net = masked(&b, ip->prefix, false);

    if (!same(&a_net, &net) || !same(&b_net, &net)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "range %s - %s is not entirely within network %s/%u", first, last,
                         ip->text, ip->prefix);
    }
    if (same(&a, &net)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "start of range %s - %s in network %s/%u is the network address", first,
                         last, ip->text, ip->prefix);
    }
    return net.family == AF_INET6 || !same(&b, &top) ||
           fault_set(error, FAULT_INTERNAL_ERROR,
                     "end of range %s - %s in network %s/%u is the broadcast address", first, last,
                     ip->text, ip->prefix);
}

static bool check_range(const struct network_ip *ip, const struct xml *range, const char *name,
                        GError **error)
{
    static const char *const ends[] = {"start", "end"};

    for (unsigned i = 0; i < 2; i++) {
        const char *text = xml_get(range, ends[i]);

        if (text == NULL) {
            return fault_set(error, FAULT_XML_ERROR,
                             "Missing '%s' attribute in dhcp range for network '%s'", ends[i],
                             name);
        }
        if (!check_end(ip, text, error)) {
            return false;
        }
    }
    return check_place(ip, xml_get(range, "start"), xml_get(range, "end"), error);
}

static bool check_host(const struct network_ip *ip, const struct xml *host, const char *name,
                       GError **error)
{
    const char *mac = xml_get(host, "mac"), *text = xml_get(host, "ip");
    struct network_address address;
    uint8_t bytes[6];

    if (mac != NULL && !network_mac_parse(mac, bytes)) {
        return fault_set(error, FAULT_XML_ERROR, "Cannot parse MAC address '%s' in network '%s'",
                         mac, name);
    }
    if (ip->address.family == AF_INET && mac == NULL && xml_get(host, "name") == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Static host definition in IPv4 network '%s' must have mac or name "
                         "attribute",
                         name);
    }
    if (text == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Missing IP address in static host definition for network '%s'", name);
    }
    return (network_address_parse(text, &address) && address.family == ip->address.family) ||
           fault_set(error, FAULT_XML_ERROR,
                     "Invalid IP address in static host definition for network '%s'", name);
}

static bool check_dhcp(const struct network_ip *ip, const char *name, GError **error)
{
    const struct xml *dhcp = xml_find(ip->node, "dhcp"), *child;

    for (unsigned i = 0; (child = xml_child(dhcp, i)) != NULL; i++) {
        if ((strcmp(child->name, "range") == 0 && !check_range(ip, child, name, error)) ||
            (strcmp(child->name, "host") == 0 && !check_host(ip, child, name, error))) {
            return false;
        }
    }
    return true;
}

static bool read_ips(const struct xml *def, struct network *ret, GError **error)
{
    const char *name = named_name(def);

    for (const struct xml *node = xml_find(def, "ip"); node != NULL;
         node = xml_next(def, "ip", node)) {
        struct network_ip *ip = &ret->ip[ret->n_ips];

        if (ret->n_ips == NETWORK_MAX_IPS) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "a network with more than %u addresses", NETWORK_MAX_IPS);
        }
        ip->node = node;
        if (!read_address(ip, name, error) || !read_prefix(ip, name, error) ||
            !check_dhcp(ip, name, error)) {
            return false;
        }
        ret->n_ips++;
    }
    return true;
}

/* --- <forward>, <bridge>, <dns> --- */

bool network_owns_bridge(enum network_mode mode)
{
    return mode <= NETWORK_OPEN;
}

static bool read_mode(const struct xml *def, struct network *ret, GError **error)
{
    const struct xml *forward = xml_find(def, "forward");
    const char *mode = xml_get(forward, "mode");

    ret->mode = forward == NULL ? NETWORK_ISOLATED : NETWORK_NAT;
    for (unsigned i = NETWORK_NAT; mode != NULL && i <= G_N_ELEMENTS(modes); i++) {
        if (i == G_N_ELEMENTS(modes)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown forwarding type '%s'", mode);
        }
        if (strcmp(modes[i], mode) == 0) {
            ret->mode = i;
            break;
        }
    }
    ret->device = xml_get(forward, "dev");
    return true;
}

static bool check_mode(const struct xml *def, const struct network *net, GError **error)
{
    const char *name = named_name(def);

    if (net->mode >= NETWORK_NAT && net->mode <= NETWORK_OPEN && net->n_ips == 0) {
        return fault_set(error, FAULT_XML_ERROR,
                         "%s forwarding requested, but no IP address provided for network '%s'",
                         modes[net->mode], name);
    }
    return network_owns_bridge(net->mode) || net->n_ips == 0 ||
           fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "Unsupported <ip> element in network %s with forward mode='%s'", name,
                     modes[net->mode]);
}

static bool check_nat(const struct xml *def, GError **error)
{
    const struct xml *nat = xml_at(def, "forward/nat"), *port = xml_find(nat, "port");
    const struct xml *address = xml_find(nat, "address");
    static const char *const ends[] = {"start", "end"};
    guint64 value;

    for (unsigned i = 0; port != NULL && i < 2; i++) {
        const char *text = xml_get(port, ends[i]);

        if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, 65535, &value, NULL)) {
            return fault_set_raw(error, FAULT_XML_ERROR,
                                 "Missing or invalid '%s' attribute in <port> in <nat> in "
                                 "<forward> in network %s",
                                 ends[i], named_name(def));
        }
    }
    for (unsigned i = 0; address != NULL && i < 2; i++) {
        struct network_address parsed;
        const char *text = xml_get(address, ends[i]);

        if (text != NULL && (!network_address_parse(text, &parsed) || parsed.family != AF_INET)) {
            return fault_set_raw(error, FAULT_XML_ERROR,
                                 "Bad ipv4 %s address '%s' in <nat> in <forward> in network '%s'",
                                 ends[i], text, named_name(def));
        }
    }
    return address == NULL || xml_get(address, "end") == NULL || network_range_size(address) > 0 ||
           fault_set(error, FAULT_INTERNAL_ERROR, "range %s - %s is reversed ",
                     xml_get(address, "start"), xml_get(address, "end"));
}

static bool check_bridge(const struct xml *def, GError **error)
{
    const char *delay = xml_get(xml_find(def, "bridge"), "delay");
    const char *mtu = xml_get(xml_find(def, "mtu"), "size");
    const char *mac = xml_get(xml_find(def, "mac"), "address");
    const char *name = named_name(def);
    uint8_t bytes[6];
    guint64 value;

    if (delay != NULL && !g_ascii_string_to_unsigned(delay, 10, 0, G_MAXINT, &value, NULL)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid delay value in network '%s'", name);
    }
    if (mtu != NULL && !g_ascii_string_to_unsigned(mtu, 10, 0, G_MAXUINT, &value, NULL)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid mtu size '%s' in network '%s'", mtu,
                         name);
    }
    if (mac != NULL && !network_mac_parse(mac, bytes)) {
        return fault_set(error, FAULT_XML_ERROR, "Invalid bridge mac address '%s' in network '%s'",
                         mac, name);
    }
    return mac == NULL || (bytes[0] & 1) == 0 ||
           fault_set(error, FAULT_XML_ERROR,
                     "Invalid multicast bridge mac address '%s' in network '%s'", mac, name);
}

static bool check_dns_host(const struct xml *host, const char *name, GError **error)
{
    struct network_address address;

    if (!network_address_parse(xml_get(host, "ip"), &address)) {
        return fault_set_raw(error, FAULT_XML_DETAIL,
                             "Invalid IP address in network '%s' DNS HOST record", name);
    }
    return xml_find(host, "hostname") != NULL ||
           fault_set_raw(error, FAULT_XML_DETAIL,
                         "Missing hostname in network '%s' DNS HOST record", name);
}

static bool check_txt(const struct xml *txt, const char *name, GError **error)
{
    const char *key = xml_get(txt, "name");

    if (key == NULL) {
        return fault_set_raw(error, FAULT_XML_DETAIL,
                             "missing required name attribute in DNS TXT record of network %s",
                             name);
    }
    return strpbrk(key, " ,\"\n\t") == NULL ||
           fault_set_raw(error, FAULT_XML_DETAIL,
                         "prohibited character in DNS TXT record name '%s' of network %s", key,
                         name);
}

static bool check_dns_child(const struct xml *child, const char *name, GError **error)
{
    const char *addr = xml_get(child, "addr");
    struct network_address address;

    if (strcmp(child->name, "host") == 0) {
        return check_dns_host(child, name, error);
    }
    if (strcmp(child->name, "txt") == 0) {
        return check_txt(child, name, error);
    }
    if (strcmp(child->name, "forwarder") == 0) {
        return addr == NULL || network_address_parse(addr, &address) ||
               fault_set(error, FAULT_XML_ERROR,
                         "Invalid forwarder IP address '%s' in network '%s'", addr, name);
    }
    for (unsigned i = 0; strcmp(child->name, "srv") == 0 && i < 2; i++) {
        const char *what = i == 0 ? "service" : "protocol";

        if (xml_get(child, what) == NULL) {
            return fault_set_raw(error, FAULT_XML_DETAIL,
                                 "missing required %s attribute in DNS SRV record of network %s",
                                 what, name);
        }
    }
    return true;
}

static bool check_dns(const struct xml *def, GError **error)
{
    const struct xml *dns = xml_find(def, "dns"), *child;

    for (unsigned i = 0; (child = xml_child(dns, i)) != NULL; i++) {
        if (!check_dns_child(child, named_name(def), error)) {
            return false;
        }
    }
    return true;
}

bool network_read(const struct xml *def, struct network *ret, GError **error)
{
    struct network net = {.n_ips = 0};

    if (!read_mode(def, &net, error) || !check_bridge(def, error) || !check_dns(def, error) ||
        !check_nat(def, error) || !read_ips(def, &net, error) || !check_mode(def, &net, error)) {
        return false;
    }
    net.bridge = xml_get(xml_find(def, "bridge"), "name");
    *ret = net;
    return true;
}

/* --- normal form --- */

/* These attributes first, in this order. */
static void order(struct xml *node, const char *const *names)
{
    for (; *names != NULL; names++) {
        g_autofree char *value = g_strdup(xml_get(node, *names));

        if (value != NULL) {
            xml_set(node, *names, NULL);
            xml_set(node, *names, value);
        }
    }
}

static unsigned dns_rank(const struct xml *child)
{
    static const char *const names[] = {"forwarder", "txt", "srv", "host"};
    unsigned i = 0;

    while (i < G_N_ELEMENTS(names) && strcmp(names[i], child->name) != 0) {
        i++;
    }
    return i;
}

/* Stable. */
static void sort_dns(struct xml *dns)
{
    for (unsigned rank = 0; rank <= 4; rank++) {
        unsigned n = dns != NULL && dns->children != NULL ? dns->children->len : 0;

        for (unsigned i = 0, at = 0; i < n; i++) {
            struct xml *child = xml_child(dns, at);

            if (dns_rank(child) == rank) {
                xml_append(dns, xml_take(child));
            } else {
                at++;
            }
        }
    }
}

static void complete_forward(struct xml *forward)
{
    static const char *const names[] = {"dev", "mode", "managed", NULL};
    struct xml *interface = xml_find(forward, "interface");

    if (forward == NULL) {
        return;
    }
    xml_default(forward, "mode", "nat");
    if (interface != NULL && xml_get(interface, "dev") != NULL) {
        xml_set(forward, "dev", xml_get(interface, "dev"));
    } else if (interface == NULL && xml_get(forward, "dev") != NULL) {
        xml_set(xml_append(forward, xml_new("interface")), "dev", xml_get(forward, "dev"));
    }
    order(forward, names);
}

static void complete_bridge(struct xml *def, struct xml *bridge)
{
    static const char *const names[] = {"name", "zone", "stp", "delay", "macTableManager", NULL};
    struct network net = {.mode = NETWORK_ISOLATED};

    if (bridge == NULL || !read_mode(def, &net, NULL) || !network_owns_bridge(net.mode)) {
        return;
    }
    xml_set(bridge, "stp", xml_is(bridge, "stp", "off") ? "off" : "on");
    xml_default(bridge, "delay", "0");
    order(bridge, names);
}

static void complete_ip(struct xml *ip)
{
    struct xml *dhcp = xml_find(ip, "dhcp");

    ip->open = true;
    if (dhcp != NULL && xml_child(dhcp, 0) == NULL) {
        xml_drop(dhcp);
    }
}

bool network_complete(struct xml *def, GError **error)
{
    struct network net;

    complete_forward(xml_find(def, "forward"));
    complete_bridge(def, xml_find(def, "bridge"));
    sort_dns(xml_find(def, "dns"));
    for (struct xml *ip = xml_find(def, "ip"); ip != NULL; ip = xml_next(def, "ip", ip)) {
        complete_ip(ip);
    }
    for (struct xml *p = xml_find(def, "portgroup"); p != NULL; p = xml_next(def, "portgroup", p)) {
        p->open = true;
    }
    return network_read(def, &net, error);
}
