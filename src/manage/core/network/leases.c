/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/network/leases.h"

#include "manage/conf/fault.h"
#include "manage/conf/network.h"
#include "manage/core/handlers.h"

#include <string.h>

void network_lease_free(struct network_lease *lease)
{
    g_free(lease->mac);
    g_free(lease->iaid);
    g_free(lease->address);
    g_free(lease->name);
    g_free(lease->client);
    g_free(lease);
}

/* A lease of this address, or any when there is none given. */
static bool wanted(const struct network_lease *lease, const uint8_t *mac)
{
    uint8_t own[6];

    return mac == NULL ||
           (network_mac_parse(lease->mac, own) && memcmp(own, mac, sizeof(own)) == 0);
}

bool network_get_dhcp_leases(struct call *call, GError **error)
{
    const struct network_ops *ops = call->host->networks;
    const char *text = call_maybe_string(call, 1);
    g_autoptr(GPtrArray) leases = NULL;
    GVariantBuilder list;
    uint8_t mac[6];
    unsigned n = 0;

    if (text != NULL && !network_mac_parse(text, mac)) {
        return fault_set(error, FAULT_INVALID_MAC, "%s", text);
    }
    leases = ops->leases(call->object);
    g_variant_builder_init(&list, G_VARIANT_TYPE("a(sximsmssumsms)"));
    for (unsigned i = 0; i < leases->len; i++) {
        const struct network_lease *lease = leases->pdata[i];

        if (wanted(lease, text != NULL ? mac : NULL)) {
            n++;
            if (call_i32(call, 2) != 0) {
                g_variant_builder_add(&list, "(sximsmssumsms)",
                                      xml_get(xml_find(call->object->def, "bridge"), "name"),
                                      lease->expiry, lease->version_6, lease->mac, lease->iaid,
                                      lease->address, lease->prefix, lease->name, lease->client);
            }
        }
    }
    return call_reply(call, "(@*u)", g_variant_builder_end(&list), n);
}
