/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of nftables that each network has of its own, "inet vivarium_BRIDGE": who may pass the
 * bridge, and the host's address in place of the guests'. Made and removed in one transaction.
 */
#include "manage/resource/network/firewall.h"

#include "manage/conf/fault.h"
#include "manage/resource/network/internal.h"

#include <string.h>

#define FORWARD_PRIORITY 0   /* "filter" */
#define NAT_PRIORITY     100 /* "srcnat" */

/* --- nft's JSON --- */

json_object *nft_pair(const char *key, json_object *value)
{
    json_object *object = json_object_new_object();

    json_object_object_add(object, key, value);
    return object;
}

static json_object *match(const char *op, json_object *left, json_object *right)
{
    json_object *object = json_object_new_object();

    json_object_object_add(object, "op", json_object_new_string(op));
    json_object_object_add(object, "left", left);
    json_object_object_add(object, "right", right);
    return nft_pair("match", object);
}

json_object *nft_meta(const char *key, const char *op, const char *text)
{
    return match(op, nft_pair("meta", nft_pair("key", json_object_new_string(key))),
                 json_object_new_string(text));
}

json_object *nft_replies(void)
{
    return match(
        "in", nft_pair("ct", nft_pair("key", json_object_new_string("state"))),
        nft_list(json_object_new_string("established"), json_object_new_string("related"), NULL));
}

json_object *nft_verdict(const char *name)
{
    return nft_pair(name, NULL);
}

json_object *nft_list(json_object *first, ...)
{
    json_object *list = json_object_new_array();
    va_list rest;

    va_start(rest, first);
    for (json_object *o = first; o != NULL; o = va_arg(rest, json_object *)) {
        json_object_array_add(list, o);
    }
    va_end(rest);
    return list;
}

bool nft_run(json_object *commands, GError **error)
{
    static const char *const argv[] = {"nft", "-j", "-f", "-", NULL};
    json_object *root = nft_pair("nftables", commands);
    bool good = tool_run(argv, "nftables",
                         json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN), NULL, error);

    json_object_put(root);
    return good;
}

/* --- one network's table --- */

struct rules {
    json_object *commands; /* array */
    const struct xml *def;
    const struct network *net;
    char *table;
};

/* The bridge's name; what nft's own language does not allow in a word is written in hexadecimal. */
static char *table_name(const char *bridge)
{
    GString *out = g_string_new("vivarium_");

    for (const char *c = bridge; *c != '\0'; c++) {
        if (g_ascii_isalnum(*c)) {
            g_string_append_c(out, *c);
        } else {
            g_string_append_printf(out, "_%02x", (unsigned char)*c);
        }
    }
    return g_string_free(out, FALSE);
}

static void add(struct rules *rules, const char *verb, const char *kind, json_object *what)
{
    json_object_array_add(rules->commands, nft_pair(verb, nft_pair(kind, what)));
}

static json_object *named(const struct rules *rules, const char *key, const char *name)
{
    json_object *object = json_object_new_object();

    json_object_object_add(object, "family", json_object_new_string("inet"));
    json_object_object_add(object, key, json_object_new_string(name));
    if (strcmp(key, "table") != 0) {
        json_object_object_add(object, "table", json_object_new_string(rules->table));
    }
    return object;
}

static void add_table(struct rules *rules, const char *verb)
{
    json_object *table = json_object_new_object();

    json_object_object_add(table, "family", json_object_new_string("inet"));
    json_object_object_add(table, "name", json_object_new_string(rules->table));
    add(rules, verb, "table", table);
}

static void add_chain(struct rules *rules, const char *name, const char *type, const char *hook,
                      int priority)
{
    json_object *chain = named(rules, "name", name);

    json_object_object_add(chain, "type", json_object_new_string(type));
    json_object_object_add(chain, "hook", json_object_new_string(hook));
    json_object_object_add(chain, "prio", json_object_new_int(priority));
    json_object_object_add(chain, "policy", json_object_new_string("accept"));
    add(rules, "add", "chain", chain);
}

/* Takes the expressions. */
static void add_rule(struct rules *rules, const char *chain, json_object *expressions)
{
    json_object *rule = named(rules, "chain", chain);

    json_object_object_add(rule, "expr", expressions);
    add(rules, "add", "rule", rule);
}

/* "ip saddr == 10.0.0.0/24" */
static json_object *from_subnet(const struct network_ip *ip, const char *field, const char *op)
{
    json_object *payload = json_object_new_object(), *prefix = json_object_new_object();
    char subnet[NETWORK_SUBNET];

    network_subnet(ip, subnet);
    *strchr(subnet, '/') = '\0';
    json_object_object_add(payload, "protocol",
                           json_object_new_string(ip->address.family == AF_INET ? "ip" : "ip6"));
    json_object_object_add(payload, "field", json_object_new_string(field));
    json_object_object_add(prefix, "addr", json_object_new_string(subnet));
    json_object_object_add(prefix, "len", json_object_new_int((int)ip->prefix));
    return match(op, nft_pair("payload", payload), nft_pair("prefix", prefix));
}

static bool translates(const struct rules *rules, const struct network_ip *ip)
{
    return rules->net->mode == NETWORK_NAT &&
           (ip->address.family == AF_INET ||
            xml_is(xml_at(rules->def, "forward/nat"), "ipv6", "yes"));
}

/* Only by this device, where forwarding is limited to one. */
static void limit(const struct rules *rules, json_object *expressions, const char *key)
{
    if (rules->net->device != NULL) {
        json_object_array_add(expressions, nft_meta(key, "==", rules->net->device));
    }
}

static void add_ways(struct rules *rules, const struct network_ip *ip)
{
    const char *bridge = rules->net->bridge;
    json_object *in =
        nft_list(nft_meta("oifname", "==", bridge), from_subnet(ip, "daddr", "=="), NULL);
    json_object *out =
        nft_list(nft_meta("iifname", "==", bridge), from_subnet(ip, "saddr", "=="), NULL);

    limit(rules, in, "iifname");
    limit(rules, out, "oifname");
    if (translates(rules, ip)) {
        json_object_array_add(in, nft_replies());
    }
    json_object_array_add(in, nft_verdict("accept"));
    json_object_array_add(out, nft_verdict("accept"));
    add_rule(rules, "forward", in);
    add_rule(rules, "forward", out);
}

static void add_forward(struct rules *rules)
{
    const char *bridge = rules->net->bridge;

    add_chain(rules, "forward", "filter", "forward", FORWARD_PRIORITY);
    add_rule(rules, "forward",
             nft_list(nft_meta("iifname", "==", bridge), nft_meta("oifname", "==", bridge),
                      nft_verdict("accept"), NULL));
    for (unsigned i = 0; i < rules->net->n_ips && rules->net->mode != NETWORK_ISOLATED; i++) {
        add_ways(rules, &rules->net->ip[i]);
    }
    add_rule(rules, "forward",
             nft_list(nft_meta("oifname", "==", bridge), nft_verdict("reject"), NULL));
    add_rule(rules, "forward",
             nft_list(nft_meta("iifname", "==", bridge), nft_verdict("reject"), NULL));
}

static json_object *range_of(json_object *first, json_object *last)
{
    return nft_pair("range", nft_list(first, last, NULL));
}

/* The host's address, or those that the definition has, with its ports for protocols with some. */
static json_object *translation(const struct rules *rules, const struct network_ip *ip, bool ports)
{
    const struct xml *nat = xml_at(rules->def, "forward/nat");
    const struct xml *address = xml_find(nat, "address"), *port = xml_find(nat, "port");
    const char *first = xml_get(address, "start"), *last = xml_get(address, "end");
    json_object *object = json_object_new_object();
    uint64_t from, to;
    bool own = first != NULL && ip->address.family == AF_INET;

    if (own) {
        json_object_object_add(object, "family", json_object_new_string("ip"));
        json_object_object_add(
            object, "addr",
            last != NULL ? range_of(json_object_new_string(first), json_object_new_string(last))
                         : json_object_new_string(first));
    }
    if (ports && xml_number(xml_get(port, "start"), &from) &&
        xml_number(xml_get(port, "end"), &to)) {
        json_object_object_add(
            object, "port", range_of(json_object_new_int((int)from), json_object_new_int((int)to)));
    }
    if (json_object_object_length(object) == 0) {
        json_object_put(object);
        object = NULL;
    }
    return nft_pair(own ? "snat" : "masquerade", object);
}

/* What goes to everybody on the link stays as it is. */
static void spare_groups(struct rules *rules, const struct network_ip *ip)
{
    static const char *const types[] = {"multicast", "broadcast"};

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        add_rule(rules, "postrouting",
                 nft_list(from_subnet(ip, "saddr", "=="), nft_meta("pkttype", "==", types[i]),
                          nft_verdict("return"), NULL));
    }
}

static void add_translation(struct rules *rules, const struct network_ip *ip)
{
    static const char *const protocols[] = {"tcp", "udp", NULL};

    spare_groups(rules, ip);
    for (unsigned i = 0; i < G_N_ELEMENTS(protocols); i++) {
        json_object *rule =
            nft_list(from_subnet(ip, "saddr", "=="), from_subnet(ip, "daddr", "!="), NULL);

        limit(rules, rule, "oifname");
        if (protocols[i] != NULL) {
            json_object_array_add(rule, nft_meta("l4proto", "==", protocols[i]));
        }
        json_object_array_add(rule, translation(rules, ip, protocols[i] != NULL));
        add_rule(rules, "postrouting", rule);
    }
}

static void add_nat(struct rules *rules)
{
    add_chain(rules, "postrouting", "nat", "postrouting", NAT_PRIORITY);
    for (unsigned i = 0; i < rules->net->n_ips; i++) {
        if (translates(rules, &rules->net->ip[i])) {
            add_translation(rules, &rules->net->ip[i]);
        }
    }
}

bool firewall_start(const struct xml *def, const struct network *net, GError **error)
{
    g_autofree char *table = table_name(net->bridge);
    struct rules rules = {
        .commands = json_object_new_array(), .def = def, .net = net, .table = table};

    /* Added so that it can be deleted: then what there was before is gone, whatever it was. */
    add_table(&rules, "add");
    add_table(&rules, "delete");
    if (net->mode != NETWORK_OPEN) {
        add_table(&rules, "add");
        add_forward(&rules);
    }
    if (net->mode == NETWORK_NAT) {
        add_nat(&rules);
    }
    return nft_run(rules.commands, error);
}

void firewall_stop(const struct network *net)
{
    g_autofree char *table = table_name(net->bridge);
    struct rules rules = {.commands = json_object_new_array(), .net = net, .table = table};

    add_table(&rules, "add");
    add_table(&rules, "delete");
    (void)nft_run(rules.commands, NULL);
}
