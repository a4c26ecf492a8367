/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network back ends as a NIC sees them: null, user (ARP, ICMP and DHCP with libslirp). */
#include "machine/net/net.h"

#include "base/endian.h"
#include "machine/core/dev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

struct wire {
    struct netdev_set *set;
    struct netdev *n;
    GPtrArray *frames; /* GBytes * */
    bool closed;       /* the NIC takes nothing */
};

static bool can_receive(void *opaque, unsigned queue)
{
    return !((struct wire *)opaque)->closed;
}

static void receive(void *opaque, unsigned queue, const struct iovec *iov, unsigned n)
{
    g_autoptr(GByteArray) all = g_byte_array_new();

    for (unsigned i = 0; i < n; i++) {
        g_byte_array_append(all, iov[i].iov_base, iov[i].iov_len);
    }
    g_ptr_array_add(((struct wire *)opaque)->frames, g_bytes_new(all->data, all->len));
}

static struct netdev *make(struct wire *w, const char *options, GError **error)
{
    json_object *o = row_parse(options, "type", FALSE, error);
    struct netdev *n = netdev_new(w->set, o, error);

    json_object_put(o);
    return n;
}

static void wire_init(struct wire *w, const char *options)
{
    const struct net_nic nic = {.can_receive = can_receive, .receive = receive, .opaque = w};
    g_autoptr(GError) error = NULL;

    memset(w, 0, sizeof(*w));
    w->set = netdev_set_new(NULL);
    w->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    w->n = make(w, options, &error);
    g_assert_no_error(error);
    g_assert_true(netdev_attach(w->n, &nic, &error));
}

static void wire_fini(struct wire *w)
{
    netdev_detach(w->n);
    netdev_set_free(w->set);
    g_ptr_array_unref(w->frames);
}

static void send_frame(struct wire *w, const void *data, size_t len)
{
    const struct iovec iov[2] = {{(void *)data, len / 2},
                                 {(uint8_t *)data + len / 2, len - len / 2}};

    netdev_send(w->n, 0, iov, 2);
}

static const uint8_t *find_frame(struct wire *w, bool (*match)(const uint8_t *f, size_t len),
                                 size_t *ret_len)
{
    for (unsigned k = 0; k < w->frames->len; k++) {
        gsize len;
        const uint8_t *f = g_bytes_get_data(g_ptr_array_index(w->frames, k), &len);

        if (match(f, len)) {
            *ret_len = len;
            return f;
        }
    }
    return NULL;
}

/* The first frame for which `match` holds, within two seconds. */
static const uint8_t *wait_frame(struct wire *w, bool (*match)(const uint8_t *f, size_t len),
                                 size_t *ret_len)
{
    for (unsigned i = 0; i < 2000; i++) {
        const uint8_t *f = find_frame(w, match, ret_len);

        if (f) {
            return f;
        }
        if (!g_main_context_iteration(NULL, FALSE)) {
            g_usleep(1000);
        }
    }
    return NULL;
}

static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

static void arp_for(uint8_t *f, uint8_t last)
{
    memset(f, 0, 60);
    memset(f, 0xff, 6);
    memcpy(f + 6, our_mac, 6);
    st_be16(f + 12, 0x0806);
    st_be16(f + 14, 1);
    st_be16(f + 16, 0x0800);
    f[18] = 6;
    f[19] = 4;
    st_be16(f + 20, 1);
    memcpy(f + 22, our_mac, 6);
    st_be32(f + 28, 0x0a00020f);
    st_be32(f + 38, 0x0a000200 | last);
}

static bool is_arp_reply(const uint8_t *f, size_t len)
{
    return len >= 42 && ld_be16(f + 12) == 0x0806 && ld_be16(f + 20) == 2;
}

static void user_answers_arp(void)
{
    struct wire w;
    uint8_t f[60];
    const uint8_t *reply;
    size_t len;

    wire_init(&w, "user,id=n0");
    arp_for(f, 2);
    send_frame(&w, f, sizeof(f));
    reply = wait_frame(&w, is_arp_reply, &len);
    g_assert_nonnull(reply);
    g_assert_cmphex(ld_be32(reply + 28), ==, 0x0a000202);
    wire_fini(&w);
}

static uint16_t checksum(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += ld_be16(p + i);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return ~sum;
}

static size_t dhcp_discover(uint8_t *f)
{
    static const uint8_t options[] = {0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255};
    size_t dhcp = 236 + sizeof(options), udp = 8 + dhcp, ip = 20 + udp;

    memset(f, 0, 14 + ip);
    memset(f, 0xff, 6);
    memcpy(f + 6, our_mac, 6);
    st_be16(f + 12, 0x0800);
    f[14] = 0x45;
    st_be16(f + 16, ip);
    f[22] = 64;
    f[23] = 17;
    st_be32(f + 30, 0xffffffff);
    st_be16(f + 24, checksum(f + 14, 20));
    st_be16(f + 34, 68);
    st_be16(f + 36, 67);
    st_be16(f + 38, udp);
    f[42] = 1;
    f[43] = 1;
    f[44] = 6;
    st_be32(f + 46, 0x12345678);
    memcpy(f + 70, our_mac, 6);
    memcpy(f + 42 + 236, options, sizeof(options));
    return 14 + ip;
}

static bool is_dhcp_offer(const uint8_t *f, size_t len)
{
    return len > 282 && ld_be16(f + 12) == 0x0800 && f[23] == 17 && ld_be16(f + 36) == 68;
}

static void user_offers_the_first_address(void)
{
    struct wire w;
    uint8_t f[600];
    const uint8_t *offer;
    size_t len;

    wire_init(&w, "user,id=n0,net=192.168.76.0/24,dhcpstart=192.168.76.9,hostname=box");
    send_frame(&w, f, dhcp_discover(f));
    offer = wait_frame(&w, is_dhcp_offer, &len);
    g_assert_nonnull(offer);
    g_assert_cmphex(ld_be32(offer + 42 + 16), ==, 0xc0a84c09);
    g_assert_nonnull(memmem(offer, len,
                            "\x0c\x03"
                            "box",
                            5));
    wire_fini(&w);
}

/* What is allocated between TRUE and FALSE is nothing that the leak checker is to report. */
static void leaks_are_known(bool known)
{
#ifdef __SANITIZE_ADDRESS__
    if (known) {
        __lsan_disable();
    } else {
        __lsan_enable();
    }
#endif
}

static bool has(const uint8_t *f, size_t len, const void *bytes, size_t n)
{
    return memmem(f, len, bytes, n) != NULL;
}

static void user_tells_names_by_dhcp(void)
{
    static const char search[] = "\x03one\x07"
                                 "example";
    struct wire w;
    uint8_t f[600];
    const uint8_t *offer;
    size_t len;

    leaks_are_known(true); /* libslirp 4.7 keeps the TFTP server's name */
    wire_init(&w, "user,id=n0,domainname=lab.test,dnssearch=one.example,tftp-server-name=boot.test,"
                  "bootfile=pxe.0");
    leaks_are_known(false);
    send_frame(&w, f, dhcp_discover(f));
    offer = wait_frame(&w, is_dhcp_offer, &len);
    g_assert_nonnull(offer);
    g_assert_cmpmem(offer + 42 + 108, 6, "pxe.0", 6);
    g_assert_true(has(offer, len, "\x0f\x08lab.test", 10));
    g_assert_true(has(offer, len,
                      "\x42\x09"
                      "boot.test",
                      11));
    g_assert_true(has(offer, len, search, sizeof(search)));
    wire_fini(&w);
}

static void user_has_the_addresses_it_was_given(void)
{
    struct wire w;
    uint8_t f[600];
    const uint8_t *offer;
    size_t len;

    wire_init(&w, "user,id=n0,net=192.168.76.0/24,host=192.168.76.5,dns=192.168.76.6");
    send_frame(&w, f, dhcp_discover(f));
    offer = wait_frame(&w, is_dhcp_offer, &len);
    g_assert_nonnull(offer);
    g_assert_true(has(offer, len, "\x03\x04\xc0\xa8\x4c\x05", 6));
    g_assert_true(has(offer, len, "\x06\x04\xc0\xa8\x4c\x06", 6));
    wire_fini(&w);

    /* Where there is no way out, neither router nor name server is told. */
    wire_init(&w, "user,id=n0,net=192.168.76.0/24,host=192.168.76.5,restrict=on");
    send_frame(&w, f, dhcp_discover(f));
    offer = wait_frame(&w, is_dhcp_offer, &len);
    g_assert_nonnull(offer);
    g_assert_false(has(offer, len, "\x03\x04\xc0\xa8\x4c\x05", 6));
    wire_fini(&w);
}

/* --- IPv6
 * ------------------------------------------------------------------------------------------------
 */

/* An ICMPv6 message from our link-local address, with `body` behind its four bytes. */
static size_t icmp6(uint8_t *f, uint8_t type, uint8_t to_last, const uint8_t *body, size_t body_len)
{
    static const uint8_t from[16] = {0xfe, 0x80, [8] = 0x50, 0x54, 0, 0xff, 0xfe, 0x12, 0x34, 0x56};
    size_t payload = 4 + body_len;
    uint8_t pseudo[128] = {0};

    memset(f, 0, 54 + payload);
    memcpy(f, "\x33\x33\0\0\0", 5);
    f[5] = to_last;
    memcpy(f + 6, our_mac, 6);
    st_be16(f + 12, 0x86dd);
    f[14] = 0x60;
    st_be16(f + 18, payload);
    f[20] = 58;
    f[21] = 255;
    memcpy(f + 22, from, 16);
    f[38] = 0xff;
    f[39] = 2;
    f[53] = to_last;
    f[54] = type;
    memcpy(f + 58, body, body_len);

    memcpy(pseudo, f + 22, 32);
    st_be32(pseudo + 32, payload);
    pseudo[39] = 58;
    memcpy(pseudo + 40, f + 54, payload);
    st_be16(f + 56, checksum(pseudo, 40 + payload));
    return 54 + payload;
}

static size_t router_solicitation(uint8_t *f)
{
    static const uint8_t nothing[4];

    return icmp6(f, 133, 2, nothing, sizeof(nothing));
}

static size_t neighbour_solicitation(uint8_t *f, const char *address)
{
    uint8_t body[20] = {0};

    g_assert_cmpint(inet_pton(AF_INET6, address, body + 4), ==, 1);
    return icmp6(f, 135, 1, body, sizeof(body));
}

static bool is_icmp6(const uint8_t *f, size_t len, uint8_t type)
{
    return len >= 62 && ld_be16(f + 12) == 0x86dd && f[20] == 58 && f[54] == type;
}

static bool is_router(const uint8_t *f, size_t len)
{
    return is_icmp6(f, len, 134);
}

static bool is_neighbour(const uint8_t *f, size_t len)
{
    return is_icmp6(f, len, 136);
}

/* A protocol that is off says nothing; the other's answer shows that the question was read. */
static void user_leaves_out_a_protocol(void)
{
    struct wire w;
    uint8_t arp[60], f[600];
    size_t len;

    arp_for(arp, 2);
    wire_init(&w, "user,id=n0,ipv6=off");
    send_frame(&w, f, router_solicitation(f));
    send_frame(&w, arp, sizeof(arp));
    g_assert_nonnull(wait_frame(&w, is_arp_reply, &len));
    g_assert_null(find_frame(&w, is_router, &len));
    wire_fini(&w);

    wire_init(&w, "user,id=n0,ipv4=off");
    send_frame(&w, arp, sizeof(arp));
    send_frame(&w, f, neighbour_solicitation(f, "fec0::2"));
    g_assert_nonnull(wait_frame(&w, is_neighbour, &len));
    g_assert_null(find_frame(&w, is_arp_reply, &len));
    wire_fini(&w);
}

static void user_has_the_prefix_it_was_given(void)
{
    static const uint8_t prefix[16] = {0xfd, 0x12, 0x34};
    struct wire w;
    uint8_t f[600];
    const uint8_t *answer, *option;
    size_t len;

    wire_init(&w, "user,id=n0,ipv6-prefix=fd12:3400::,ipv6-prefixlen=80");
    send_frame(&w, f, router_solicitation(f));
    answer = wait_frame(&w, is_router, &len);
    g_assert_nonnull(answer);
    option = memmem(answer + 70, len - 70, "\x03\x04", 2);
    g_assert_nonnull(option);
    g_assert_cmpuint(answer + len - option, >=, 32);
    g_assert_cmpuint(option[2], ==, 80);
    g_assert_cmpmem(option + 16, 16, prefix, 16);
    wire_fini(&w);
}

static void user_has_the_ipv6_addresses_it_was_given(void)
{
    static const char *const asked[] = {"fec0::2", "fec0::3", "fec0::77", "fec0::99"};
    struct wire w;
    uint8_t f[600];
    unsigned found = 0;
    size_t len;

    wire_init(&w, "user,id=n0,ipv6-host=fec0::77,ipv6-dns=fec0::99");
    for (unsigned i = 0; i < G_N_ELEMENTS(asked); i++) {
        send_frame(&w, f, neighbour_solicitation(f, asked[i]));
    }
    while (found < 2) {
        const uint8_t *answer = wait_frame(&w, is_neighbour, &len);

        g_assert_nonnull(answer);
        g_assert_cmpuint(len, >=, 78);
        g_assert_cmphex(answer[77], ==, found ? 0x99 : 0x77);
        g_ptr_array_remove_index(w.frames, 0);
        found++;
    }
    wire_fini(&w);
}

/* --- TFTP
 * ------------------------------------------------------------------------------------------------
 */

static size_t tftp_read(uint8_t *f, const char *name)
{
    size_t n = strlen(name) + 1, udp = 8 + 2 + n + 6, ip = 20 + udp;

    memset(f, 0, 14 + ip);
    memcpy(f, "\x52\x55\x0a\0\x02\x02", 6);
    memcpy(f + 6, our_mac, 6);
    st_be16(f + 12, 0x0800);
    f[14] = 0x45;
    st_be16(f + 16, ip);
    f[22] = 64;
    f[23] = 17;
    st_be32(f + 26, 0x0a00020f);
    st_be32(f + 30, 0x0a000202);
    st_be16(f + 24, checksum(f + 14, 20));
    st_be16(f + 34, 2000);
    st_be16(f + 36, 69);
    st_be16(f + 38, udp);
    st_be16(f + 42, 1);
    memcpy(f + 44, name, n);
    memcpy(f + 44 + n, "octet", 6);
    return 14 + ip;
}

static bool is_tftp_data(const uint8_t *f, size_t len)
{
    return len >= 46 && ld_be16(f + 12) == 0x0800 && f[23] == 17 && ld_be16(f + 36) == 2000 &&
           ld_be16(f + 42) == 3;
}

static void user_serves_a_folder(void)
{
    g_autofree char *folder = g_dir_make_tmp("viv-net-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "pxe.0", NULL);
    g_autofree char *options = g_strdup_printf("user,id=n0,tftp=%s", folder);
    struct wire w;
    uint8_t f[600];
    const uint8_t *data;
    size_t len;

    g_assert_true(g_file_set_contents(path, "boot me", 7, NULL));
    wire_init(&w, options);
    arp_for(f, 2);
    send_frame(&w, f, 60);
    g_assert_nonnull(wait_frame(&w, is_arp_reply, &len));
    send_frame(&w, f, tftp_read(f, "/pxe.0"));
    data = wait_frame(&w, is_tftp_data, &len);
    g_assert_nonnull(data);
    g_assert_true(has(data + 46, len - 46, "boot me", 7));
    wire_fini(&w);
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* --- forwarding
 * ------------------------------------------------------------------------------------------------
 */

static bool is_syn_for_22(const uint8_t *f, size_t len)
{
    return len >= 54 && ld_be16(f + 12) == 0x0800 && f[23] == 6 && ld_be16(f + 36) == 22 &&
           f[47] == 2;
}

/* A port of the host's loopback that was free a moment ago; its number, and its address. */
static unsigned free_port(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(*at);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    g_assert_cmpint(bind(fd, (struct sockaddr *)at, len), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)at, &len), ==, 0);
    close(fd);
    return ntohs(at->sin_port);
}

static void user_forwards_a_port(void)
{
    struct sockaddr_in at;
    g_autofree char *options =
        g_strdup_printf("user,id=n0,hostfwd=tcp:127.0.0.1:%u-:22", free_port(&at));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct wire w;
    uint8_t f[60];
    size_t len;

    wire_init(&w, options);
    arp_for(f, 2);
    send_frame(&w, f, sizeof(f));
    g_assert_nonnull(wait_frame(&w, is_arp_reply, &len));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        g_assert_cmpint(errno, ==, EINPROGRESS);
    }
    g_assert_nonnull(wait_frame(&w, is_syn_for_22, &len));
    close(fd);
    wire_fini(&w);
}

static size_t syn_for(uint8_t *f, uint32_t address, uint16_t port)
{
    uint8_t pseudo[32] = {0};

    memset(f, 0, 60);
    memcpy(f, "\x52\x55\x0a\0\x02\x02", 6);
    memcpy(f + 6, our_mac, 6);
    st_be16(f + 12, 0x0800);
    f[14] = 0x45;
    st_be16(f + 16, 40);
    f[22] = 64;
    f[23] = 6;
    st_be32(f + 26, 0x0a00020f);
    st_be32(f + 30, address);
    st_be16(f + 24, checksum(f + 14, 20));
    st_be16(f + 34, 3000);
    st_be16(f + 36, port);
    st_be32(f + 38, 1);
    f[46] = 0x50;
    f[47] = 2;
    st_be16(f + 48, 8192);

    memcpy(pseudo, f + 26, 8);
    pseudo[9] = 6;
    pseudo[11] = 20;
    memcpy(pseudo + 12, f + 34, 20);
    st_be16(f + 50, checksum(pseudo, sizeof(pseudo)));
    return 54;
}

static bool is_syn_ack(const uint8_t *f, size_t len)
{
    return len >= 54 && ld_be16(f + 12) == 0x0800 && f[23] == 6 && ld_be16(f + 36) == 3000 &&
           f[47] == 0x12;
}

static void user_forwards_a_guests_port(void)
{
    struct wire w;
    uint8_t f[60];
    size_t len;

    /* Nothing else could answer: the network has no way out. */
    wire_init(&w, "user,id=n0,restrict=on,guestfwd=tcp:10.0.2.100:7-cmd:true");
    arp_for(f, 2);
    send_frame(&w, f, sizeof(f));
    g_assert_nonnull(wait_frame(&w, is_arp_reply, &len));
    send_frame(&w, f, syn_for(f, 0x0a000264, 7));
    g_assert_nonnull(wait_frame(&w, is_syn_ack, &len));
    wire_fini(&w);
}

/* What a NIC cannot take is kept, in order, until it polls. */
static void frames_wait_for_the_nic(void)
{
    struct wire w;
    uint8_t f[60];
    size_t len;

    wire_init(&w, "user,id=n0");
    w.closed = true;
    arp_for(f, 2);
    send_frame(&w, f, sizeof(f));
    for (unsigned i = 0; i < 100; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpuint(w.frames->len, ==, 0);
    w.closed = false;
    netdev_poll(w.n, 0);
    g_assert_nonnull(wait_frame(&w, is_arp_reply, &len));
    wire_fini(&w);
}

static void null_takes_everything(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct wire w;
    uint8_t f[60] = {0};

    wire_init(&w, "null,id=n0");
    for (unsigned i = 0; i < 10; i++) {
        send_frame(&w, f, sizeof(f));
    }
    for (unsigned i = 0; i < 100 && !strstr(text->str, "frames=10"); i++) {
        g_main_context_iteration(NULL, FALSE);
        g_string_truncate(text, 0);
        netdev_describe(w.n, text);
    }
    g_assert_nonnull(strstr(text->str, "frames=10"));
    g_assert_cmpuint(w.frames->len, ==, 0);
    wire_fini(&w);
}

static void bad_options_are_refused(void)
{
    static const char *const bad[][2] = {
        {"user,id=a,net=10.0.2.0/99", "4 to 30 bits"},
        {"user,id=a,net=banana", "ADDRESS/BITS"},
        {"user,id=a,host=192.168.1.1", "inside net"},
        {"user,id=a,dns=10.0.2.2", "another address than host"},
        {"user,id=a,hostfwd=sctp::1-:2", "hostport"},
        {"user,id=a,hostfwd=tcp::99999-:2", "hostport"},
        {"user,id=a,guestfwd=tcp:10.0.2.9:1-chardev:x", "not built yet"},
        {"user,id=a,frobnicate=1", "frobnicate"},
        {"user,id=n0", "Duplicate ID"},
        {"user", "'id' is missing"},
        {"carrier-pigeon,id=a", "carrier-pigeon"},
        {"tap,id=a,vhost=on", "not built yet"},
        {"tap,id=a,fd=banana", "not the number"},
        {"tap,id=a,fd=0", "not a tap"},
    };
    struct wire w;

    wire_init(&w, "null,id=n0");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make(&w, bad[i][0], &error));
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, bad[i][1]));
    }
    wire_fini(&w);
}

static void removal_needs_no_user(void)
{
    struct wire w;
    g_autoptr(GError) error = NULL;

    wire_init(&w, "null,id=n0");
    g_assert_false(netdev_remove(w.set, "n0", &error));
    g_clear_error(&error);
    g_assert_false(netdev_remove(w.set, "n1", &error));
    g_assert_cmpstr(error->message, ==, "Device 'n1' not found");
    g_clear_error(&error);
    netdev_detach(w.n);
    g_assert_true(netdev_remove(w.set, "n0", &error));
    g_assert_null(netdev_find(w.set, "n0"));
    netdev_set_free(w.set);
    g_ptr_array_unref(w.frames);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/user-arp", user_answers_arp);
    g_test_add_func("/net/user-dhcp", user_offers_the_first_address);
    g_test_add_func("/net/user-addresses", user_has_the_addresses_it_was_given);
    g_test_add_func("/net/user-hostfwd", user_forwards_a_port);
    g_test_add_func("/net/user-guestfwd", user_forwards_a_guests_port);
    g_test_add_func("/net/user-dhcp-names", user_tells_names_by_dhcp);
    g_test_add_func("/net/user-protocols", user_leaves_out_a_protocol);
    g_test_add_func("/net/user-ipv6-prefix", user_has_the_prefix_it_was_given);
    g_test_add_func("/net/user-ipv6-addresses", user_has_the_ipv6_addresses_it_was_given);
    g_test_add_func("/net/user-tftp", user_serves_a_folder);
    g_test_add_func("/net/frames-wait", frames_wait_for_the_nic);
    g_test_add_func("/net/null", null_takes_everything);
    g_test_add_func("/net/bad-options", bad_options_are_refused);
    g_test_add_func("/net/removal", removal_needs_no_user);
    return g_test_run();
}
