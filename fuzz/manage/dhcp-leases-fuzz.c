/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of leases, of which guests choose the names: what is taken is text, and what it says. */
#include "manage/conf/network.h"
#include "manage/resource/network/lease.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct network_lease *lease)
{
    const char *const words[] = {lease->mac, lease->iaid, lease->name, lease->client};
    struct network_address address;

    g_assert_true(network_address_parse(lease->address, &address));
    g_assert_true(lease->version_6 == (address.family == AF_INET6));
    g_assert_true(lease->expiry == 0 || lease->expiry >= 1000);
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        g_assert_true(words[i] == NULL ||
                      (g_utf8_validate(words[i], -1, NULL) && strpbrk(words[i], " \n") == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GPtrArray) leases = lease_parse(text, 1000);

    for (unsigned i = 0; i < leases->len; i++) {
        check(leases->pdata[i]);
    }
    return 0;
}
