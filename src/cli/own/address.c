/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own/address.h"

#include <arpa/inet.h>
#include <string.h>
#include <viv/monitor.h>

static const char *const sources[] = {"lease", "agent", "arp", NULL}; /* by libvirt's numbers */

/* How good an address is to be connected to: 0 not at all. An agent may say anything. */
static unsigned rank(const struct viv_address *address)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (address->type == 0 && inet_pton(AF_INET, address->address, &v4) == 1) {
        uint32_t n = ntohl(v4.s_addr);

        return n >> 24 == 127 || n == 0 || n >> 28 >= 14 ? 0 : n >> 16 == 0xa9fe ? 1 : 3;
    }
    if (address->type == 1 && inet_pton(AF_INET6, address->address, &v6) == 1) {
        bool global = !IN6_IS_ADDR_LOOPBACK(&v6) && !IN6_IS_ADDR_UNSPECIFIED(&v6) &&
                      !IN6_IS_ADDR_LINKLOCAL(&v6) && !IN6_IS_ADDR_MULTICAST(&v6);

        return global ? 2 : 0;
    }
    return 0;
}

/* The best that a source tells, or NULL; to be freed. */
static char *address_by(struct cli *cli, struct viv_object *domain, unsigned source)
{
    struct viv_address *list = viv_domain_addresses(domain, source, cli_error(cli));
    const struct viv_address *best = NULL;

    for (const struct viv_address *a = list; a != NULL && a->interface != NULL; a++) {
        if (rank(a) > (best != NULL ? rank(best) : 0)) {
            best = a;
        }
    }
    char *address = best != NULL ? g_strdup(best->address) : NULL;

    if (list != NULL) {
        viv_addresses_free(list);
        g_clear_pointer(&cli->error, viv_error_free);
    }
    return address;
}

/* One that is given is taken as it is, where it is one. NULL with a message; to be freed. */
static char *given_address(struct cli *cli, const char *text)
{
    struct in6_addr any;

    if (inet_pton(AF_INET, text, &any) != 1 && inet_pton(AF_INET6, text, &any) != 1) {
        cli_fail(cli, "'%s' is no address", text);
        return NULL;
    }
    return g_strdup(text);
}

char *address_find(struct cli *cli, const struct arguments *args, struct viv_object *domain)
{
    const char *only = arg_text(args, "source"), *name = viv_object_name(domain);
    char *address = NULL;

    if (only != NULL && !g_strv_contains(sources, only)) {
        cli_fail(cli, "Unknown data source '%s'", only);
        return NULL;
    }
    int active = viv_is_active(domain, cli_error(cli));

    if (active <= 0) {
        cli_fail(cli, active == 0 ? "domain '%s' does not run" : "cannot ask domain '%s'", name);
        return NULL;
    }
    if (arg_given(args, "address")) {
        return given_address(cli, arg_text(args, "address"));
    }
    for (unsigned i = 0; sources[i] != NULL && address == NULL; i++) {
        if (only == NULL || strcmp(only, sources[i]) == 0) {
            address = address_by(cli, domain, i);
        }
    }
    if (address == NULL) {
        cli_fail(cli, "domain '%s' has no address by %s", name,
                 only != NULL ? only : "its network's leases, its agent or the host's neighbours");
    }
    return address;
}
