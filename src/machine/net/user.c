/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user: a NAT in the process, by libslirp; needs no privilege. The library is loaded when the first
 * such network is made. All of it runs on the main loop; its clock is the host's.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <slirp/libslirp.h>

#include "machine/net/backend.h"

#define LIBRARY "libslirp.so.0"

/* What we call of the library. */
struct library {
    void *handle;
    Slirp *(*new)(const SlirpConfig *, const SlirpCb *, void *);
    void (*cleanup)(Slirp *);
    void (*fill)(Slirp *, uint32_t *, SlirpAddPollCb, void *);
    void (*poll)(Slirp *, int, SlirpGetREventsCb, void *);
    void (*input)(Slirp *, const uint8_t *, int);
    int (*add_hostfwd)(Slirp *, int, struct in_addr, int, struct in_addr, int);
    int (*add_exec)(Slirp *, const char *, struct in_addr *, int);
    void (*handle_timer)(Slirp *, SlirpTimerId, void *);
    char *(*connection_info)(Slirp *);
};

struct options {
    bool ipv4, ipv6, restricted;
    char *net, *host, *dhcpstart, *dns;
    char *ipv6_prefix, *ipv6_host, *ipv6_dns;
    uint16_t ipv6_prefix_len;
    char *hostname, *domainname, *tftp, *tftp_server_name, *bootfile;
    char **dnssearch, **hostfwd, **guestfwd;
};

struct user {
    struct library lib;
    Slirp *slirp;
    GSource *source;
    GPtrArray *fds; /* GPollFD *, kept between iterations; n_fds are in use */
    unsigned n_fds;
    int64_t deadline; /* microseconds, monotonic: slirp wants to be polled then; -1: never */
};

/* --- loading ---------------------------------------------------------------------------------- */

static gboolean load(struct library *lib, GError **error)
{
    const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"slirp_new", &lib->new},
        {"slirp_cleanup", &lib->cleanup},
        {"slirp_pollfds_fill", &lib->fill},
        {"slirp_pollfds_poll", &lib->poll},
        {"slirp_input", &lib->input},
        {"slirp_add_hostfwd", &lib->add_hostfwd},
        {"slirp_add_exec", &lib->add_exec},
        {"slirp_handle_timer", &lib->handle_timer},
        {"slirp_connection_info", &lib->connection_info},
    };

    lib->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!lib->handle) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN,
                    "user networking needs %s, which cannot be loaded: %s. hint: install libslirp0",
                    LIBRARY, dlerror());
        return FALSE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(symbols); i++) {
        void *p = dlsym(lib->handle, symbols[i].name);

        if (!p) {
            g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN,
                        "%s is too old: it lacks %s; version 4.7 is needed", LIBRARY,
                        symbols[i].name);
            return FALSE;
        }
        memcpy(symbols[i].slot, &p, sizeof(p));
    }
    return TRUE;
}

/* --- what the library calls ----------------------------------------------------------------------
 */

static struct user *user_of(struct netdev *n)
{
    return n->state;
}

static ssize_t send_packet(const void *data, size_t len, void *opaque)
{
    const struct iovec iov = {(void *)data, len};

    net_deliver(opaque, 0, &iov, 1);
    return len;
}

static void guest_error(const char *message, void *opaque)
{
    g_debug("slirp: %s", message);
}

static int64_t now_ns(void *opaque)
{
    return g_get_monotonic_time() * 1000;
}

struct slirp_timer {
    struct netdev *n;
    SlirpTimerId id;
    void *opaque;
    GSource *source;
};

static gboolean timer_fires(gpointer opaque)
{
    struct slirp_timer *t = opaque;
    struct user *u = user_of(t->n);

    g_clear_pointer(&t->source, g_source_unref);
    u->lib.handle_timer(u->slirp, t->id, t->opaque);
    return G_SOURCE_REMOVE;
}

static void *new_timer(SlirpTimerId id, void *timer_opaque, void *opaque)
{
    struct slirp_timer *t = g_new0(struct slirp_timer, 1);

    t->n = opaque;
    t->id = id;
    t->opaque = timer_opaque;
    return t;
}

static void stop_timer(struct slirp_timer *t)
{
    if (t->source) {
        g_source_destroy(t->source);
        g_clear_pointer(&t->source, g_source_unref);
    }
}

static void free_timer(void *timer, void *opaque)
{
    stop_timer(timer);
    g_free(timer);
}

static void mod_timer(void *timer, int64_t expire_ms, void *opaque)
{
    struct slirp_timer *t = timer;
    int64_t left = expire_ms - now_ns(NULL) / 1000000;

    stop_timer(t);
    t->source = g_timeout_source_new(CLAMP(left, 0, G_MAXINT));
    g_source_set_callback(t->source, timer_fires, t, NULL);
    g_source_attach(t->source, t->n->context);
}

static void watch_fd(int fd, void *opaque)
{
}

static void notified(void *opaque)
{
    g_main_context_wakeup(((struct netdev *)opaque)->context);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = now_ns,
    .timer_free = free_timer,
    .timer_mod = mod_timer,
    .register_poll_fd = watch_fd,
    .unregister_poll_fd = watch_fd,
    .notify = notified,
    .timer_new_opaque = new_timer,
};

/* --- polling
 * ------------------------------------------------------------------------------------------ */

struct poll_source {
    GSource source;
    struct netdev *n;
};

static const struct {
    int slirp, glib;
} event_bits[] = {
    {SLIRP_POLL_IN, G_IO_IN},   {SLIRP_POLL_OUT, G_IO_OUT}, {SLIRP_POLL_PRI, G_IO_PRI},
    {SLIRP_POLL_ERR, G_IO_ERR}, {SLIRP_POLL_HUP, G_IO_HUP},
};

static int add_poll(int fd, int events, void *opaque)
{
    struct user *u = opaque;
    GPollFD *p;

    if (u->n_fds == u->fds->len) {
        g_ptr_array_add(u->fds, g_new0(GPollFD, 1));
    }
    p = g_ptr_array_index(u->fds, u->n_fds);
    *p = (GPollFD){.fd = fd};
    for (unsigned i = 0; i < G_N_ELEMENTS(event_bits); i++) {
        p->events |= events & event_bits[i].slirp ? event_bits[i].glib : 0;
    }
    g_source_add_poll(u->source, p);
    return u->n_fds++;
}

static int get_events(int index, void *opaque)
{
    struct user *u = opaque;
    const GPollFD *p = g_ptr_array_index(u->fds, index);
    int events = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(event_bits); i++) {
        events |= p->revents & event_bits[i].glib ? event_bits[i].slirp : 0;
    }
    return events;
}

/*
 * slirp says anew each time how long it can wait. The earliest such time holds until it is polled:
 * else a loop that other sources wake more often than that would never run slirp's timers.
 */
static void set_deadline(struct user *u, int64_t now, uint32_t ms)
{
    if (ms > G_MAXINT) {
        u->deadline = -1;
    } else if (u->deadline < 0 || now + (int64_t)ms * 1000 < u->deadline) {
        u->deadline = now + (int64_t)ms * 1000;
    }
}

static gboolean prepare(GSource *source, gint *timeout)
{
    struct user *u = user_of(((struct poll_source *)source)->n);
    int64_t now = g_get_monotonic_time();
    uint32_t ms = UINT32_MAX;

    while (u->n_fds > 0) {
        g_source_remove_poll(source, g_ptr_array_index(u->fds, --u->n_fds));
    }
    u->lib.fill(u->slirp, &ms, add_poll, u);
    set_deadline(u, now, ms);
    *timeout = u->deadline < 0 ? -1 : (gint)MAX((u->deadline - now + 999) / 1000, 0);
    return *timeout == 0;
}

static gboolean check(GSource *source)
{
    struct user *u = user_of(((struct poll_source *)source)->n);

    for (unsigned i = 0; i < u->n_fds; i++) {
        if (((GPollFD *)g_ptr_array_index(u->fds, i))->revents) {
            return TRUE;
        }
    }
    return u->deadline >= 0 && g_get_monotonic_time() >= u->deadline;
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    struct user *u = user_of(((struct poll_source *)source)->n);

    u->deadline = -1;
    u->lib.poll(u->slirp, 0, get_events, u);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs poll_funcs = {prepare, check, dispatch, NULL, NULL, NULL};

/* --- options
 * -------------------------------------------------------------------------------------------- */

static gboolean bad(GError **error, const char *name, const char *value, const char *expects)
{
    g_set_error(error, ROW_ERROR, ROW_ERROR_SYNTAX, "user network: %s=%s: expected %s", name, value,
                expects);
    return FALSE;
}

static gboolean set_v4(const char *name, const char *text, struct in_addr *ret, GError **error)
{
    if (text && !inet_aton(text, ret)) {
        return bad(error, name, text, "an IPv4 address");
    }
    return TRUE;
}

static gboolean set_v6(const char *name, const char *text, struct in6_addr *ret, GError **error)
{
    if (text && inet_pton(AF_INET6, text, ret) != 1) {
        return bad(error, name, text, "an IPv6 address");
    }
    return TRUE;
}

/* "10.0.2.0/24" or "10.0.2.0/255.255.255.0"; without a mask, 24 bits. */
static gboolean set_net(const char *text, SlirpConfig *c, GError **error)
{
    g_auto(GStrv) part = g_strsplit(text, "/", 2);
    uint64_t bits = 24;

    if (!inet_aton(part[0], &c->vnetwork)) {
        return bad(error, "net", text, "ADDRESS/BITS");
    }
    if (part[1] && strchr(part[1], '.')) {
        if (!inet_aton(part[1], &c->vnetmask)) {
            return bad(error, "net", text, "ADDRESS/MASK");
        }
    } else {
        if (part[1] && !g_ascii_string_to_unsigned(part[1], 10, 4, 30, &bits, NULL)) {
            return bad(error, "net", text, "4 to 30 bits");
        }
        c->vnetmask.s_addr = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - bits)));
    }
    c->vnetwork.s_addr &= c->vnetmask.s_addr;
    return TRUE;
}

/* An address of the network by its last number, where the user gave none. */
static struct in_addr host_part(const SlirpConfig *c, uint32_t number)
{
    return (struct in_addr){c->vnetwork.s_addr | (htonl(number) & ~c->vnetmask.s_addr)};
}

static gboolean inside(const SlirpConfig *c, const char *name, struct in_addr a, GError **error)
{
    if ((a.s_addr & c->vnetmask.s_addr) != c->vnetwork.s_addr) {
        return bad(error, name, inet_ntoa(a), "an address inside net");
    }
    return TRUE;
}

static gboolean set_addresses(const struct options *o, SlirpConfig *c, GError **error)
{
    inet_aton("10.0.2.0", &c->vnetwork);
    inet_aton("255.255.255.0", &c->vnetmask);
    if (o->net && !set_net(o->net, c, error)) {
        return FALSE;
    }
    c->vhost = host_part(c, 2);
    c->vnameserver = host_part(c, 3);
    c->vdhcp_start = host_part(c, 15);
    if (!set_v4("host", o->host, &c->vhost, error) ||
        !set_v4("dns", o->dns, &c->vnameserver, error) ||
        !set_v4("dhcpstart", o->dhcpstart, &c->vdhcp_start, error)) {
        return FALSE;
    }
    if (!inside(c, "host", c->vhost, error) || !inside(c, "dns", c->vnameserver, error) ||
        !inside(c, "dhcpstart", c->vdhcp_start, error)) {
        return FALSE;
    }
    if (c->vhost.s_addr == c->vnameserver.s_addr) {
        return bad(error, "dns", inet_ntoa(c->vnameserver), "another address than host");
    }
    return TRUE;
}

static gboolean set_addresses6(const struct options *o, SlirpConfig *c, GError **error)
{
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    if (!set_v6("ipv6-prefix", o->ipv6_prefix, &c->vprefix_addr6, error)) {
        return FALSE;
    }
    c->vprefix_len = o->ipv6_prefix_len;
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    return set_v6("ipv6-host", o->ipv6_host, &c->vhost6, error) &&
           set_v6("ipv6-dns", o->ipv6_dns, &c->vnameserver6, error);
}

static gboolean parse_port(const char *text, int *ret)
{
    guint64 v;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &v, NULL)) {
        return FALSE;
    }
    *ret = v;
    return TRUE;
}

/* "tcp:HOSTADDR:HOSTPORT-GUESTADDR:GUESTPORT"; protocol and addresses may be empty. */
static gboolean add_forward(struct user *u, const char *text, GError **error)
{
    static const char form[] = "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport";
    g_auto(GStrv) side = g_strsplit(text, "-", 2);
    g_auto(GStrv) host = g_strsplit(side[0] ? side[0] : "", ":", 3);
    g_auto(GStrv) guest = g_strsplit(side[0] && side[1] ? side[1] : "", ":", 2);
    struct in_addr host_addr = {0}, guest_addr = {0};
    int host_port, guest_port;
    bool udp;

    if (g_strv_length(host) != 3 || g_strv_length(guest) != 2 || !parse_port(host[2], &host_port) ||
        !parse_port(guest[1], &guest_port) || (*host[1] && !inet_aton(host[1], &host_addr)) ||
        (*guest[0] && !inet_aton(guest[0], &guest_addr)) ||
        (*host[0] && strcmp(host[0], "tcp") != 0 && strcmp(host[0], "udp") != 0)) {
        return bad(error, "hostfwd", text, form);
    }
    udp = strcmp(host[0], "udp") == 0;
    if (u->lib.add_hostfwd(u->slirp, udp, host_addr, host_port, guest_addr, guest_port) < 0) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Could not set up host forwarding rule '%s': %s", text, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

/* "tcp:ADDRESS:PORT-cmd:COMMAND": a process on the host answers that address. */
static gboolean add_guest_forward(struct user *u, const char *text, GError **error)
{
    g_auto(GStrv) side = g_strsplit(text, "-", 2);
    g_auto(GStrv) part = g_strsplit(side[0] ? side[0] : "", ":", 3);
    struct in_addr addr;
    int port;

    if (g_strv_length(part) != 3 || !side[1] || strcmp(part[0], "tcp") != 0 ||
        !inet_aton(part[1], &addr) || !parse_port(part[2], &port)) {
        return bad(error, "guestfwd", text, "tcp:server:port-cmd:command");
    }
    if (!g_str_has_prefix(side[1], "cmd:")) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "guestfwd=%s: forwarding to a character device is not built yet; "
                    "use cmd:command",
                    text);
        return FALSE;
    }
    if (u->lib.add_exec(u->slirp, side[1] + 4, &addr, port) < 0) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Conflicting/invalid host:port in guest forwarding rule '%s'", text);
        return FALSE;
    }
    return TRUE;
}

static gboolean add_forwards(struct user *u, const struct options *o, GError **error)
{
    for (char **f = o->hostfwd; f && *f; f++) {
        if (!add_forward(u, *f, error)) {
            return FALSE;
        }
    }
    for (char **f = o->guestfwd; f && *f; f++) {
        if (!add_guest_forward(u, *f, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* --- back end
 * ---------------------------------------------------------------------------------------------- */

static gboolean open_user(struct netdev *n, const void *options, GError **error)
{
    const struct options *o = options;
    struct user *u = user_of(n);
    SlirpConfig c = {
        .version = 4,
        .restricted = o->restricted,
        .in_enabled = o->ipv4,
        .in6_enabled = o->ipv6,
        .vhostname = o->hostname,
        .tftp_server_name = o->tftp_server_name,
        .tftp_path = o->tftp,
        .bootfile = o->bootfile,
        .vdnssearch = (const char **)o->dnssearch,
        .vdomainname = o->domainname,
    };

    if (!set_addresses(o, &c, error) || !set_addresses6(o, &c, error) || !load(&u->lib, error)) {
        return FALSE;
    }
    u->slirp = u->lib.new(&c, &callbacks, n);
    if (!u->slirp) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "user network '%s': slirp refused its options", n->id);
        return FALSE;
    }
    u->deadline = -1;
    u->fds = g_ptr_array_new_with_free_func(g_free);
    u->source = g_source_new(&poll_funcs, sizeof(struct poll_source));
    ((struct poll_source *)u->source)->n = n;
    g_source_attach(u->source, n->context);
    return add_forwards(u, o, error);
}

static void close_user(struct netdev *n)
{
    struct user *u = user_of(n);

    if (u->source) {
        g_source_destroy(u->source);
        g_clear_pointer(&u->source, g_source_unref);
    }
    if (u->slirp) {
        u->lib.cleanup(u->slirp);
        u->slirp = NULL;
    }
    g_clear_pointer(&u->fds, g_ptr_array_unref);
    if (u->lib.handle) {
        dlclose(u->lib.handle);
        u->lib.handle = NULL;
    }
}

static void send_user(struct netdev *n, unsigned queue, const struct iovec *iov, unsigned niov)
{
    struct user *u = user_of(n);

    u->lib.input(u->slirp, iov->iov_base, iov->iov_len);
}

static void describe(struct netdev *n, GString *out)
{
    const struct options *o = n->options;

    g_string_append_printf(out, "net=%s,restrict=%s", o->net ? o->net : "10.0.2.0",
                           o->restricted ? "on" : "off");
}

#define F(field) ROW_FIELD(struct options, field)

static const struct row rows[] = {
    {.name = "ipv4", .type = ROW_BOOL, F(ipv4), .def = "on", .help = "IPv4"},
    {.name = "ipv6", .type = ROW_BOOL, F(ipv6), .def = "on", .help = "IPv6"},
    {.name = "net", .type = ROW_STR, F(net), .help = "Network, ADDRESS/BITS (10.0.2.0/24)"},
    {.name = "host", .type = ROW_STR, F(host), .help = "The host's address in it (.2)"},
    {.name = "dhcpstart", .type = ROW_STR, F(dhcpstart), .help = "First address given (.15)"},
    {.name = "dns", .type = ROW_STR, F(dns), .help = "Name server's address in it (.3)"},
    {.name = "ipv6-prefix", .type = ROW_STR, F(ipv6_prefix), .help = "IPv6 prefix (fec0::)"},
    {.name = "ipv6-prefixlen",
     .type = ROW_UINT,
     F(ipv6_prefix_len),
     .def = "64",
     .min = 0,
     .max = 126,
     .help = "Bits of the prefix"},
    {.name = "ipv6-host", .type = ROW_STR, F(ipv6_host), .help = "The host's IPv6 address"},
    {.name = "ipv6-dns", .type = ROW_STR, F(ipv6_dns), .help = "Name server's IPv6 address"},
    {.name = "restrict",
     .type = ROW_BOOL,
     F(restricted),
     .def = "off",
     .help = "No way out but forwarded ports"},
    {.name = "hostname", .type = ROW_STR, F(hostname), .help = "Name told by DHCP"},
    {.name = "domainname", .type = ROW_STR, F(domainname), .help = "Domain told by DHCP"},
    {.name = "dnssearch", .type = ROW_STR_LIST, F(dnssearch), .help = "Domains to search"},
    {.name = "tftp", .type = ROW_STR, F(tftp), .help = "Folder served by TFTP"},
    {.name = "tftp-server-name", .type = ROW_STR, F(tftp_server_name), .help = "Its name in DHCP"},
    {.name = "bootfile", .type = ROW_STR, F(bootfile), .help = "Boot file told by DHCP"},
    {.name = "hostfwd",
     .type = ROW_STR_LIST,
     F(hostfwd),
     .help = "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport"},
    {.name = "guestfwd", .type = ROW_STR_LIST, F(guestfwd), .help = "tcp:server:port-cmd:command"},
    {},
};

const struct net_backend net_backend_user = {
    .type = "user",
    .help = "A NAT in the process, no privilege needed",
    .rows = rows,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct user),
    .open = open_user,
    .close = close_user,
    .send = send_user,
    .describe = describe,
};
