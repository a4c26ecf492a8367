/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a network's bridge is called, and its address. */
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/resource/network/internal.h"

#include <net/if.h>
#include <string.h>

#define MAX_BRIDGES 256

/* Is it the bridge of another network, running or to run? That one's name, to be freed, or NULL. */
static char *owner_of(struct host *host, const char *bridge, const uint8_t uuid[UUID_BYTES])
{
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_NETWORK]);
    char *owner = NULL;

    for (unsigned i = 0; i < all->len && owner == NULL; i++) {
        struct object *other = all->pdata[i];

        if (memcmp(other->uuid, uuid, UUID_BYTES) == 0) {
            continue;
        }
        object_lock(other);
        if (!other->gone && (xml_is(xml_find(other->def, "bridge"), "name", bridge) ||
                             xml_is(xml_find(other->next_def, "bridge"), "name", bridge))) {
            owner = g_strdup(other->name);
        }
        object_unlock(other);
    }
    return owner;
}

/* The first name of a kind ("virbr%d") that no network and no interface of the host has. */
static char *free_name(struct host *host, const char *prefix, const uint8_t uuid[UUID_BYTES])
{
    for (unsigned i = 0; i < MAX_BRIDGES; i++) {
        g_autofree char *name = g_strdup_printf("%s%u", prefix, i);
        g_autofree char *owner = owner_of(host, name, uuid);

        if (owner == NULL && if_nametoindex(name) == 0) {
            return g_steal_pointer(&name);
        }
    }
    return NULL;
}

static bool complete_bridge(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                            GError **error)
{
    struct xml *bridge = xml_find(def, "bridge");
    const char *given = xml_get(bridge, "name");
    const char *percent = given != NULL ? strstr(given, "%d") : NULL;
    g_autofree char *prefix =
        percent != NULL ? g_strndup(given, (gsize)(percent - given)) : g_strdup("virbr");
    g_autofree char *chosen = NULL;

    if (bridge == NULL) {
        bridge = named_set(NAMED_NETWORK, def, "bridge", "");
        xml_set_text(bridge, NULL);
    }
    if (given != NULL && percent == NULL) {
        g_autofree char *owner = owner_of(host, given, uuid);

        return owner == NULL ||
               fault_set(error, FAULT_INTERNAL_ERROR, "bridge name '%s' already in use.", given);
    }
    if ((chosen = free_name(host, prefix, uuid)) == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "Bridge generation exceeded max id %u",
                         MAX_BRIDGES);
    }
    xml_set(bridge, "name", chosen);
    return true;
}

static void complete_mac(struct xml *def)
{
    g_autofree char *text = NULL;
    guint32 random = g_random_int();
    struct xml *mac;

    if (xml_find(def, "mac") == NULL) {
        text = g_strdup_printf("52:54:00:%02x:%02x:%02x", random >> 16 & 0xff, random >> 8 & 0xff,
                               random & 0xff);
        mac = named_set(NAMED_NETWORK, def, "mac", "");
        xml_set_text(mac, NULL);
        xml_set(mac, "address", text);
    }
}

bool name_complete(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                   GError **error)
{
    struct network net;

    if (strchr(named_name(def), '\n') != NULL) {
        return fault_set(error, FAULT_XML_DETAIL, "invalid char in name: \n");
    }
    if (!network_read(def, &net, error)) {
        return false;
    }
    if (!network_owns_bridge(net.mode)) {
        return true;
    }
    if (!complete_bridge(host, def, uuid, error)) {
        return false;
    }
    complete_mac(def);
    return network_complete(def, error);
}
