/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network back ends as a NIC sees them: null, user (ARP, ICMP and DHCP with libslirp). */
#include "machine/net/net.h"

#include "base/endian.h"
#include "machine/core/dev.h"

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

/* The first frame for which `match` holds, within two seconds. */
static const uint8_t *wait_frame(struct wire *w, bool (*match)(const uint8_t *f, size_t len),
                                 size_t *ret_len)
{
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned k = 0; k < w->frames->len; k++) {
            gsize len;
            const uint8_t *f = g_bytes_get_data(g_ptr_array_index(w->frames, k), &len);

            if (match(f, len)) {
                *ret_len = len;
                return f;
            }
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
    g_test_add_func("/net/frames-wait", frames_wait_for_the_nic);
    g_test_add_func("/net/null", null_takes_everything);
    g_test_add_func("/net/bad-options", bad_options_are_refused);
    g_test_add_func("/net/removal", removal_needs_no_user);
    return g_test_run();
}
