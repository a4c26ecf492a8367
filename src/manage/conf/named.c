/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/named.h"

#include "manage/conf/fault.h"
#include "manage/conf/network.h"
#include "manage/conf/pool-def.h"
#include "manage/conf/secret-def.h"

#include <inttypes.h>
#include <string.h>

static bool fill_pool(struct xml *root, GError **error);
static bool fill_volume(struct xml *root, GError **error);

static const struct {
    const char *root; /* element */
    const char *what; /* the document's name in the parser's words */
    bool uuid;        /* has one */
    bool (*fill)(struct xml *root, GError **error);
    int nameless; /* code without a name; 0: it may have none */
    const char *no_name;
    const char *order[24];
} kinds[] = {
    [NAMED_NETWORK] = {"network",
                       "network_definition",
                       true,
                       network_complete,
                       FAULT_NO_NAME,
                       NULL,
                       {"name", "uuid", "metadata", "forward", "bridge", "mtu", "mac", "domain",
                        "dns", "vlan", "bandwidth", "port", "ip", "route", "virtualport",
                        "portgroup"}},
    [NAMED_POOL] = {"pool",
                    "storage_pool_definition",
                    true,
                    fill_pool,
                    FAULT_XML_ERROR,
                    "missing pool source name element",
                    {"name", "uuid", "capacity", "allocation", "available", "features", "source",
                     "target", "refresh"}},
    [NAMED_VOLUME] = {"volume",
                      "storage_volume_definition",
                      false,
                      fill_volume,
                      FAULT_XML_ERROR,
                      "missing volume name element",
                      {"name", "key", "source", "capacity", "allocation", "physical", "target",
                       "backingStore"}},
    [NAMED_INTERFACE] = {"interface",
                         "interface_definition",
                         false,
                         NULL,
                         FAULT_XML_ERROR,
                         "interface has no name",
                         {"start", "mtu", "protocol", "link", "mac", "bridge", "bond", "vlan"}},
    [NAMED_NODEDEV] = {"device",
                       "nodedev_definition",
                       false,
                       NULL,
                       0,
                       NULL,
                       {"name", "path", "devnode", "parent", "driver", "capability"}},
    [NAMED_SNAPSHOT] = {"domainsnapshot",
                        "domain_snapshot",
                        false,
                        NULL,
                        0,
                        NULL,
                        {"name", "description", "state", "parent", "creationTime", "memory",
                         "disks", "domain", "inactiveDomain", "cookie", "active"}},
    [NAMED_CHECKPOINT] = {"domaincheckpoint",
                          "domain_checkpoint",
                          false,
                          NULL,
                          0,
                          NULL,
                          {"name", "description", "parent", "creationTime", "disks", "domain"}},
    [NAMED_SECRET] = {"secret",
                      "definition_of_secret",
                      true,
                      secret_def_fill,
                      0,
                      NULL,
                      {"uuid", "description", "usage"}},
};

static unsigned rank(enum named_kind kind, const char *name)
{
    unsigned i = 0;

    while (i < G_N_ELEMENTS(kinds[0].order) && kinds[kind].order[i] != NULL &&
           strcmp(kinds[kind].order[i], name) != 0) {
        i++;
    }
    return i;
}

struct xml *named_set(enum named_kind kind, struct xml *parent, const char *child, const char *text)
{
    struct xml *node = xml_find(parent, child);
    struct xml *next;
    unsigned at = 0;

    if (text == NULL) {
        xml_drop(node);
        return NULL;
    }
    if (node == NULL) {
        while ((next = xml_child(parent, at)) != NULL &&
               rank(kind, next->name) <= rank(kind, child)) {
            at++;
        }
        node = xml_insert(parent, at, xml_new(child));
    }
    xml_set_text(node, text);
    return node;
}

/* Stable, by the kind's order. */
static void sort(enum named_kind kind, struct xml *root)
{
    for (unsigned i = 1; root->children != NULL && i < root->children->len; i++) {
        struct xml *node = root->children->pdata[i];
        unsigned j = i;

        for (; j > 0; j--) {
            struct xml *before = root->children->pdata[j - 1];

            if (rank(kind, before->name) <= rank(kind, node->name)) {
                break;
            }
            root->children->pdata[j] = before;
        }
        root->children->pdata[j] = node;
    }
}

const char *named_name(const struct xml *def)
{
    const char *name = xml_text_at(def, "name");

    return name != NULL ? name : xml_get(def, "name");
}

/* A size in bytes with its unit said; absent: `fallback`. */
static bool fill_size(enum named_kind kind, struct xml *root, const char *child, uint64_t fallback,
                      GError **error)
{
    struct xml *node = xml_find(root, child);
    uint64_t bytes = fallback;

    if (node != NULL && !xml_size(node->text, xml_get(node, "unit"), 1, &bytes, error)) {
        return false;
    }
    g_autofree char *text = g_strdup_printf("%" PRIu64, bytes);

    xml_set(named_set(kind, root, child, text), "unit", "bytes");
    return true;
}

static bool fill_pool(struct xml *root, GError **error)
{
    return pool_def_fill(root, error) && fill_size(NAMED_POOL, root, "capacity", 0, error) &&
           fill_size(NAMED_POOL, root, "allocation", 0, error) &&
           fill_size(NAMED_POOL, root, "available", 0, error);
}

static bool fill_volume(struct xml *root, GError **error)
{
    struct xml *capacity = xml_find(root, "capacity");
    uint64_t bytes = 0;

    if (capacity == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing capacity element");
    }
    if (!xml_size(capacity->text, xml_get(capacity, "unit"), 1, &bytes, error)) {
        return false;
    }
    xml_set(root, "type", "file");
    return fill_size(NAMED_VOLUME, root, "capacity", 0, error) &&
           fill_size(NAMED_VOLUME, root, "allocation", bytes, error);
}

static bool fill_uuid(enum named_kind kind, struct xml *root, uint8_t ret_uuid[UUID_BYTES],
                      GError **error)
{
    const char *given = xml_text_at(root, "uuid");
    char text[UUID_TEXT];

    if (given == NULL) {
        uuid_new(ret_uuid);
    } else if (!uuid_parse(given, ret_uuid)) {
        return fault_set(error, kind == NAMED_SECRET ? FAULT_INTERNAL_ERROR : FAULT_XML_ERROR,
                         "malformed uuid element");
    }
    uuid_format(ret_uuid, text);
    named_set(kind, root, "uuid", text);
    return true;
}

static bool check_name(enum named_kind kind, const struct xml *root, GError **error)
{
    const char *name = named_name(root);

    if (kinds[kind].nameless != 0 && (name == NULL || *name == '\0')) {
        return fault_set(error, kinds[kind].nameless, kinds[kind].no_name != NULL ? "%s" : NULL,
                         kinds[kind].no_name);
    }
    if (name != NULL && kinds[kind].uuid && strchr(name, '/') != NULL) {
        return fault_set(error, FAULT_XML_ERROR, "name %s cannot contain '/'", name);
    }
    return true;
}

struct xml *named_parse(enum named_kind kind, const char *text, uint8_t ret_uuid[UUID_BYTES],
                        GError **error)
{
    g_autoptr(xml_own) root = xml_parse(text, kinds[kind].what, error);

    if (root == NULL) {
        return NULL;
    }
    if (strcmp(root->name, kinds[kind].root) != 0) {
        fault_set(error, FAULT_XML_ERROR,
                  kind == NAMED_POOL || kind == NAMED_SECRET
                      ? "expecting root element of '%2$s', not '%1$s'"
                      : "unexpected root element <%s>, expecting <%s>",
                  root->name, kinds[kind].root);
        return NULL;
    }
    sort(kind, root);
    if ((kind == NAMED_POOL && !pool_def_begin(root, error)) ||
        (kind == NAMED_SECRET && !secret_def_begin(root, error)) ||
        !check_name(kind, root, error) ||
        (kinds[kind].uuid && !fill_uuid(kind, root, ret_uuid, error)) ||
        (kinds[kind].fill != NULL && !kinds[kind].fill(root, error))) {
        return NULL;
    }
    return g_steal_pointer(&root);
}
