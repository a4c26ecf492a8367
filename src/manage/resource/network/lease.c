/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line a lease (dnsmasq(8), --dhcp-leasefile): when it ends, the card's address (of version 6:
 * the IAID, with a T before it where it is temporary), the address, the machine's name, its client
 * id;
 * "*" where it told none. After a line "duid ..." come those of version 6.
 */
#include "manage/resource/network/lease.h"

#include "manage/conf/network.h"

#include <stdlib.h>
#include <string.h>

#define WORDS 5

static char *told(const char *word)
{
    return strcmp(word, "*") == 0 ? NULL : g_strdup(word);
}

/* "06-52:54:..." names a kind of hardware first. */
static char *mac_of(const char *word)
{
    const char *dash = strchr(word, '-');
    uint8_t mac[6];

    word = dash != NULL ? dash + 1 : word;
    return network_mac_parse(word, mac) ? g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
                                                          mac[1], mac[2], mac[3], mac[4], mac[5])
                                        : NULL;
}

static struct network_lease *parse_line(const char *line, int64_t now)
{
    g_auto(GStrv) words = g_strsplit(line, " ", WORDS + 1);
    struct network_address address;
    struct network_lease *lease;
    guint64 expiry;

    if (g_strv_length(words) != WORDS || !g_utf8_validate(line, -1, NULL) ||
        !g_ascii_string_to_unsigned(words[0], 10, 0, G_MAXINT64, &expiry, NULL) ||
        (expiry != 0 && (int64_t)expiry < now) || !network_address_parse(words[2], &address)) {
        return NULL;
    }
    lease = g_new0(struct network_lease, 1);
    lease->expiry = (int64_t)expiry;
    lease->version_6 = address.family == AF_INET6;
    if (lease->version_6) {
        lease->iaid = g_strdup(words[1] + (words[1][0] == 'T'));
    } else {
        lease->mac = mac_of(words[1]);
    }
    lease->address = g_strdup(words[2]);
    lease->name = told(words[3]);
    lease->client = told(words[4]);
    return lease;
}

GPtrArray *lease_parse(const char *text, int64_t now)
{
    GPtrArray *leases = g_ptr_array_new_with_free_func((GDestroyNotify)network_lease_free);

    while (*text != '\0' && leases->len < LEASE_MAX) {
        const char *end = strchrnul(text, '\n');
        g_autofree char *line = g_strndup(text, (gsize)(end - text));
        struct network_lease *lease = parse_line(line, now);

        if (lease != NULL) {
            g_ptr_array_add(leases, lease);
        }
        text = *end == '\n' ? end + 1 : end;
    }
    return leases;
}
