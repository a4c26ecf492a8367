/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/network-change.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/conf/network.h"

#include <string.h>

/* A kind of part: where it is, and the attributes that tell one from another. */
struct section {
    const char *parent; /* NULL: the network itself; "dhcp": of an <ip> */
    const char *name;   /* NULL: no part of the kind can be changed */
    const char *words;  /* libvirt's, of the kind */
    const char *keys[4];
    bool any;            /* one key that is the same is a clash; else all are */
    const char *several; /* in "... cannot be modified"; NULL: they can */
};

static const struct section sections[] = {
    [1] = {.words = "bridge"},
    [2] = {.words = "domain"},
    [3] = {.words = "ip"},
    [4] = {"dhcp", "host", "dhcp host entry", {"mac", "name", "ip"}, true, NULL},
    [5] = {"dhcp", "range", "dhcp range entry", {"start", "end"}, false, "dhcp ranges"},
    [6] = {.words = "forward"},
    [7] = {"forward",
           "interface",
           "forward interface entry",
           {"dev"},
           false,
           "forward interface entries"},
    [8] = {.words = "forward pf"},
    [9] = {NULL, "portgroup", "portgroup entry", {"name"}, false, NULL},
    [10] = {"dns", "host", "DNS HOST record", {"ip"}, false, "DNS HOST records"},
    [11] = {"dns", "txt", "DNS TXT record", {"name"}, false, "DNS TXT records"},
    [12] = {"dns",
            "srv",
            "DNS SRV record",
            {"service", "protocol", "domain"},
            false,
            "DNS SRV records"},
};

static bool same_value(const char *a, const char *b)
{
    return a != NULL && b != NULL && g_ascii_strcasecmp(a, b) == 0;
}

/* For adding and changing: is it the one that this would be taken for? */
static bool clashes(const struct section *section, const struct xml *old, const struct xml *part)
{
    unsigned same = 0, count = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(section->keys) && section->keys[i] != NULL; i++) {
        const char *value = xml_get(part, section->keys[i]), *was = xml_get(old, section->keys[i]);

        count++;
        same += same_value(value, was) || (!section->any && value == NULL && was == NULL);
    }
    return section->any ? same > 0 : same == count;
}

/* For taking away: does it have all that is said of it? */
static bool fits(const struct section *section, const struct xml *old, const struct xml *part)
{
    unsigned said = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(section->keys) && section->keys[i] != NULL; i++) {
        const char *value = xml_get(part, section->keys[i]);

        said += value != NULL;
        if (value != NULL && !same_value(value, xml_get(old, section->keys[i]))) {
            return false;
        }
    }
    return said > 0;
}

static struct xml *find(struct xml *parent, const struct section *section, const struct xml *part,
                        bool (*matches)(const struct section *, const struct xml *,
                                        const struct xml *))
{
    struct xml *old = xml_find(parent, section->name);

    while (old != NULL && !matches(section, old, part)) {
        old = xml_next(parent, section->name, old);
    }
    return old;
}

/* Does the part's address lie in those of this <ip>? */
static bool holds(const struct network_ip *ip, const struct xml *part)
{
    const char *text = xml_get(part, "ip") != NULL ? xml_get(part, "ip") : xml_get(part, "start");
    struct network_ip other = {.prefix = ip->prefix};
    char a[NETWORK_SUBNET], b[NETWORK_SUBNET];

    if (!network_address_parse(text, &other.address) ||
        other.address.family != ip->address.family) {
        return false;
    }
    network_subnet(ip, a);
    network_subnet(&other, b);
    return strcmp(a, b) == 0;
}

/* The <ip> that a part is of: the one named, the one that has its address, or the first of DHCP. */
static const struct xml *choose_ip(const struct network *net, const struct network_change *change,
                                   const struct xml *part)
{
    if (change->parent >= 0) {
        return (unsigned)change->parent < net->n_ips ? net->ip[change->parent].node : NULL;
    }
    for (unsigned i = 0; i < net->n_ips; i++) {
        if (holds(&net->ip[i], part)) {
            return net->ip[i].node;
        }
    }
    for (unsigned i = 0; i < net->n_ips; i++) {
        if (xml_find(net->ip[i].node, "dhcp") != NULL) {
            return net->ip[i].node;
        }
    }
    return net->n_ips > 0 ? net->ip[0].node : NULL;
}

static struct xml *choose_parent(struct xml *def, const struct section *section,
                                 const struct network_change *change, const struct xml *part,
                                 GError **error)
{
    struct network net;
    const struct xml *ip;
    unsigned at = 0;

    if (section->parent == NULL) {
        return def;
    }
    if (strcmp(section->parent, "dhcp") != 0) {
        return xml_need(def, section->parent);
    }
    if (!network_read(def, &net, error)) {
        return NULL;
    }
    ip = choose_ip(&net, change, part);
    while (ip != NULL && xml_child(def, at) != ip) {
        at++;
    }
    if (ip == NULL) {
        fault_set(error, FAULT_OPERATION_INVALID,
                  "couldn't update %s - no <ip> element found at index %d in network '%s'",
                  section->words, change->parent, named_name(def));
        return NULL;
    }
    return xml_need(xml_child(def, at), "dhcp");
}

/* Behind the last of its kind, or before the first. */
static void add(struct xml *parent, const struct section *section, struct xml *part, bool first)
{
    unsigned at = 0;
    const struct xml *child;

    for (unsigned i = 0; (child = xml_child(parent, i)) != NULL; i++) {
        if (strcmp(child->name, section->name) == 0) {
            at = i + 1;
            if (first) {
                at = i;
                break;
            }
        }
    }
    xml_insert(parent, at > 0 || first ? at : G_MAXUINT, part);
}

static bool is_dns(const struct section *section)
{
    return g_strcmp0(section->parent, "dns") == 0;
}

static bool missing(const struct section *section, const struct xml *def, GError **error)
{
    const char *quote = is_dns(section) ? "" : "'";

    return fault_set(error, FAULT_OPERATION_INVALID,
                     "couldn't locate a matching %s in network %s%s%s", section->words, quote,
                     named_name(def), quote);
}

static bool refuse_second(const struct section *section, const struct xml *def,
                          const struct xml *part, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    xml_write(part, 0, text);
    return fault_set(error, FAULT_OPERATION_INVALID,
                     "there is an existing %s in network '%s' that matches \"%s\"", section->words,
                     named_name(def), g_strchomp(text->str));
}

static bool change_part(struct xml *def, const struct section *section,
                        const struct network_change *change, struct xml *parent, struct xml *part,
                        GError **error)
{
    struct xml *old;

    switch (change->command) {
    case NETWORK_DELETE:
        old = find(parent, section, part, fits);
        xml_drop(old);
        xml_free(part);
        return old != NULL || missing(section, def, error);
    case NETWORK_MODIFY:
        old = find(parent, section, part, clashes);
        if (old == NULL) {
            xml_free(part);
            return missing(section, def, error);
        }
        for (unsigned i = 0;; i++) {
            if (xml_child(parent, i) == old) {
                xml_drop(old);
                xml_insert(parent, i, part);
                return true;
            }
        }
    default:
        if (find(parent, section, part, clashes) != NULL) {
            (void)refuse_second(section, def, part, error);
            xml_free(part);
            return false;
        }
        add(parent, section, part, change->command == NETWORK_ADD_FIRST);
        return true;
    }
}

bool network_change(struct xml *def, const struct network_change *change, GError **error)
{
    const struct section *section =
        change->section < G_N_ELEMENTS(sections) ? &sections[change->section] : &sections[0];
    g_autoptr(xml_own) part = NULL;
    struct xml *parent;

    if (section->words == NULL) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "can't update unrecognized section of network");
    }
    if (section->name == NULL) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "can't update '%s' section of network '%s'", section->words,
                         named_name(def));
    }
    if (change->command < NETWORK_MODIFY || change->command > NETWORK_ADD_FIRST) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "unrecognized network update command code %u", change->command);
    }
    if (change->command == NETWORK_MODIFY && section->several != NULL) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "%s cannot be modified, only added or deleted", section->several);
    }
    part = xml_parse(change->xml, "network_update_xml", error);
    if (part == NULL) {
        return false;
    }
    if (strcmp(part->name, section->name) != 0) {
        return fault_set(error, FAULT_XML_ERROR,
                         "unexpected element <%s>, expecting <%s>, while updating network '%s'",
                         part->name, section->name, named_name(def));
    }
    parent = choose_parent(def, section, change, part, error);
    return parent != NULL &&
           change_part(def, section, change, parent, g_steal_pointer(&part), error) &&
           network_complete(def, error);
}
