/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A network that runs: a bridge, its addresses, its table of nftables, its dnsmasq. All of it
 * outlives this process. A mark on disk, written before the first of them is made, tells a later
 * one what to look for, or to clean up.
 */
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/durable.h"
#include "manage/resource/network/internal.h"
#include "manage/resource/network/lease.h"
#include "manage/resource/network/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER     "<!-- vivarium network run 1 -->\n"
#define BEGUN      "<!-- begun -->\n" /* it never came to run */
#define MAX_ROUTES 4096

struct run {
    const struct xml *def;
    struct network net;
    char *base, *leases;
    char name[UUID_TEXT + 4]; /* of the mark */
    struct dnsmasq_paths paths;
};

static void run_clear(struct run *run)
{
    g_free(run->base);
    g_free(run->leases);
}
typedef struct run run_own;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(run_own, run_clear)

/* The paths point into it: filled in its place. */
static bool run_init(struct run *run, struct object *object, GError **error)
{
    struct networks *networks = networks_of(object->host);
    char uuid[UUID_TEXT];

    uuid_format(object->uuid, uuid);
    run->def = object->def;
    run->base = g_build_filename(networks->runtime, uuid, NULL);
    run->leases = g_strdup_printf("%s/%s.leases", networks->leases, uuid);
    g_snprintf(run->name, sizeof(run->name), "%s.xml", uuid);
    run->paths = (struct dnsmasq_paths){
        .base = run->base,
        .leases = run->leases,
        .user = networks->session ? g_get_user_name() : NULL,
    };
    return network_read(run->def, &run->net, error);
}

static bool write_mark(struct object *object, const struct run *run, bool begun, GError **error)
{
    g_autofree char *xml = xml_format(object->def);
    g_autofree char *text = g_strconcat(HEADER, begun ? BEGUN : "", xml, NULL);

    return durable_write(networks_of(object->host)->runtime, run->name, text, error);
}

/* --- what is in the way --- */

static bool overlaps(const struct network_ip *ip, uint32_t dest, uint32_t mask)
{
    uint32_t own_mask = ip->prefix == 0 ? 0 : 0xffffffffu << (32 - ip->prefix), address;

    memcpy(&address, ip->address.bytes, sizeof(address));
    /* A wider one only leads elsewhere what is not here. */
    return mask != 0 && mask >= own_mask && (dest & own_mask) == (ntohl(address) & own_mask);
}

/* The route of a line of /proc/net/route. */
static bool check_route(const struct network *net, const char *line, GError **error)
{
    char device[64];
    unsigned dest, mask;

    if (sscanf(line, "%63s %x %*x %*x %*d %*d %*d %x", device, &dest, &mask) != 3) {
        return true;
    }
    for (unsigned i = 0; i < net->n_ips; i++) {
        if (net->ip[i].address.family == AF_INET &&
            overlaps(&net->ip[i], ntohl(dest), ntohl(mask))) {
            return fault_set(error, FAULT_INTERNAL_ERROR,
                             "Network is already in use by interface %s", device);
        }
    }
    return true;
}

bool run_has_room(const struct network *net, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/net/route", &text, NULL, NULL)) {
        return true;
    }
    lines = g_strsplit(text, "\n", MAX_ROUTES);
    for (char **line = lines; *line != NULL; line++) {
        if (!check_route(net, *line, error)) {
            return false;
        }
    }
    return true;
}

static bool check_mode(const struct network *net, GError **error)
{
    return net->mode <= NETWORK_BRIDGE ||
           fault_set(error, FAULT_NO_SUPPORT, "networks with this forward mode are not built yet");
}

/* --- parts --- */

static bool write_switch(const char *path, GError **error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, "1\n", 2) == 2;
    int number = errno;

    if (fd >= 0) {
        close(fd);
    }
    return good || fault_set_errno(error, number, "failed to enable IP forwarding");
}

/* Left on, as whoever turned it on before needs it too. */
static bool let_forward(const struct network *net, GError **error)
{
    bool forwards = net->mode >= NETWORK_NAT && net->mode <= NETWORK_OPEN, good = true;

    for (unsigned i = 0; forwards && good && i < net->n_ips; i++) {
        good = write_switch(net->ip[i].address.family == AF_INET
                                ? "/proc/sys/net/ipv4/ip_forward"
                                : "/proc/sys/net/ipv6/conf/all/forwarding",
                            error);
    }
    return good;
}

static bool make_bridge(const struct run *run, GError **error)
{
    const struct xml *bridge = xml_find(run->def, "bridge");
    struct link_bridge row = {.name = run->net.bridge, .stp = xml_is(bridge, "stp", "on")};
    uint64_t number;

    if (!network_mac_parse(xml_get(xml_find(run->def, "mac"), "address"), row.mac)) {
        memset(row.mac, 0, sizeof(row.mac));
    }
    row.mtu = xml_number(xml_get(xml_find(run->def, "mtu"), "size"), &number) && number <= 65535
                  ? (unsigned)number
                  : 0;
    row.delay =
        xml_number(xml_get(bridge, "delay"), &number) && number <= 30 ? (unsigned)number : 0;
    return link_add_bridge(&row, error);
}

static bool fill_bridge(const struct run *run, GError **error)
{
    for (unsigned i = 0; i < run->net.n_ips; i++) {
        if (!link_add_address(run->net.bridge, &run->net.ip[i], error)) {
            return false;
        }
    }
    return link_up(run->net.bridge, error) && let_forward(&run->net, error);
}

/* What a running one may have lost is made again; `again`: dnsmasq reads its files anew. */
static bool serve(struct object *object, const struct run *run, bool again, GError **error)
{
    if (!firewall_start(run->def, &run->net, error)) {
        return false;
    }
    if (run->net.mode >= NETWORK_NAT && run->net.mode <= NETWORK_ROUTE) {
        foreign_open(object->name, run->net.bridge);
    }
    return !dnsmasq_wanted(run->def, &run->net) ||
           dnsmasq_start(run->def, &run->net, &run->paths, again, error);
}

/* All but the mark. */
static void undo(const struct run *run)
{
    if (network_owns_bridge(run->net.mode)) {
        dnsmasq_stop(run->base);
        foreign_close(run->net.bridge);
        firewall_stop(&run->net);
        link_remove(run->net.bridge);
    }
}

static void remove_mark(struct object *object, const struct run *run)
{
    (void)durable_remove(networks_of(object->host)->runtime, run->name, NULL);
}

/* --- start and stop --- */

/* What only the running one says: ports of NAT. */
static void fill_run(struct object *object, const struct network *net)
{
    struct xml *forward, *nat, *port;

    if (object->persistent && object->next_def == NULL) {
        object->next_def = xml_copy(object->def);
    }
    forward = xml_find(object->def, "forward");
    if (net->mode == NETWORK_NAT && xml_at(forward, "nat/port") == NULL) {
        nat = xml_find(forward, "nat");
        nat = nat != NULL ? nat : xml_insert(forward, 0, xml_new("nat"));
        port = xml_append(nat, xml_new("port"));
        xml_set(port, "start", "1024");
        xml_set(port, "end", "65535");
    }
}

static void forget_run(struct object *object)
{
    if (object->next_def != NULL) {
        xml_free(object->def);
        object->def = g_steal_pointer(&object->next_def);
    }
}

static bool make(struct object *object, struct run *run, GError **error)
{
    bool made = false;

    if (!network_owns_bridge(run->net.mode)) {
        return write_mark(object, run, false, error);
    }
    if (!run_has_room(&run->net, error) || !write_mark(object, run, true, error)) {
        return false;
    }
    made = make_bridge(run, error);
    if (made && fill_bridge(run, error) && serve(object, run, true, error) &&
        write_mark(object, run, false, error)) {
        return true;
    }
    if (made) {
        undo(run);
    }
    remove_mark(object, run);
    return false;
}

bool run_start(struct object *object, GError **error)
{
    struct network net;
    g_auto(run_own) run = {.base = NULL};

    if (!network_read(object->def, &net, error) || !check_mode(&net, error)) {
        return false;
    }
    fill_run(object, &net);
    if (run_init(&run, object, error) && make(object, &run, error)) {
        return true;
    }
    forget_run(object);
    return false;
}

bool run_stop(struct object *object, GError **error)
{
    g_auto(run_own) run = {.base = NULL};

    if (!run_init(&run, object, error)) {
        return false;
    }
    undo(&run);
    remove_mark(object, &run);
    return true;
}

bool run_update(struct object *object, GError **error)
{
    g_auto(run_own) run = {.base = NULL};

    return run_init(&run, object, error) && write_mark(object, &run, false, error) &&
           (!network_owns_bridge(run.net.mode) || serve(object, &run, true, error));
}

static unsigned prefix_of(const struct network *net, bool version_6)
{
    for (unsigned i = 0; i < net->n_ips; i++) {
        if ((net->ip[i].address.family == AF_INET6) == version_6) {
            return net->ip[i].prefix;
        }
    }
    return 0;
}

GPtrArray *run_leases(struct object *object)
{
    g_auto(run_own) run = {.base = NULL};
    g_autofree char *text = NULL;
    bool there = object->active && run_init(&run, object, NULL) &&
                 g_file_get_contents(run.leases, &text, NULL, NULL);
    GPtrArray *leases = lease_parse(there ? text : "", g_get_real_time() / G_USEC_PER_SEC);

    for (unsigned i = 0; i < leases->len; i++) {
        struct network_lease *lease = leases->pdata[i];

        lease->prefix = prefix_of(&run.net, lease->version_6);
    }
    return leases;
}

/* --- found again --- */

/* The network of a mark: one that is defined, or a transient one made anew. Referenced. */
static struct object *object_of(struct host *host, const char *xml, GError **error)
{
    uint8_t uuid[UUID_BYTES];
    struct xml *def = named_parse(NAMED_NETWORK, xml, uuid, error);
    struct object *object;

    if (def == NULL) {
        return NULL;
    }
    if ((object = objects_find_uuid(host->objects[OBJECT_NETWORK], uuid)) != NULL) {
        object_unlock(object);
        object->next_def = object->def;
        object->def = def;
        return object;
    }
    object = object_new(OBJECT_NETWORK, host, named_name(def), uuid, def);
    if (!objects_add(host->objects[OBJECT_NETWORK], object)) {
        fault_set(error, FAULT_NETWORK_EXIST, "%s", object->name);
        object_unref(object);
        return NULL;
    }
    return object;
}

/* It runs, or nothing of it stays. */
static bool resume(struct object *object, bool begun, GError **error)
{
    g_auto(run_own) run = {.base = NULL};
    bool there;

    if (!run_init(&run, object, error)) {
        return false;
    }
    there = !network_owns_bridge(run.net.mode) || if_nametoindex(run.net.bridge) != 0;
    if (there && !begun) {
        object->active = true;
        return !network_owns_bridge(run.net.mode) || serve(object, &run, false, error);
    }
    undo(&run);
    remove_mark(object, &run);
    forget_run(object);
    if (!object->persistent) {
        object_lock(object);
        objects_remove(object->host->objects[OBJECT_NETWORK], object);
        object_unlock(object);
    }
    return true;
}

static bool find_one(struct host *host, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(networks_of(host)->runtime, name, NULL);
    g_autofree char *text = NULL;
    struct object *object;
    const char *xml;
    bool begun, good;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return false;
    }
    if (!g_str_has_prefix(text, HEADER)) {
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "the format of '%s' is not that of this version", path);
    }
    xml = text + strlen(HEADER);
    begun = g_str_has_prefix(xml, BEGUN);
    object = object_of(host, xml + (begun ? strlen(BEGUN) : 0), error);
    good = object != NULL && resume(object, begun, error);
    object_unref(object);
    return good;
}

void run_find(struct host *host)
{
    g_autoptr(GDir) dir = g_dir_open(networks_of(host)->runtime, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;

        if (g_str_has_suffix(name, ".xml") && !find_one(host, name, &error)) {
            fprintf(stderr, "vivd: network of %s: %s\n", name, error->message);
        }
    }
}
