/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/net_filter.h"

#include "base/bits.h"
#include "base/endian.h"

#define RX_PROMISC  0
#define RX_ALLMULTI 1
#define RX_ALLUNI   2
#define RX_NOMULTI  3
#define RX_NOUNI    4
#define RX_NOBCAST  5
#define MAC_TABLE   0
#define MAC_ADDR    1
#define VLAN_ADD    0
#define VLAN_DEL    1

#define HEADER 2 /* class and command, before a command's data */

const struct state_row net_filter_state[] = {
    STATE_U_ARRAY(struct net_filter, mac, 0),
    STATE_U(struct net_filter, promisc, 1),
    STATE_U(struct net_filter, allmulti, 0),
    STATE_U(struct net_filter, alluni, 0),
    STATE_U(struct net_filter, nomulti, 0),
    STATE_U(struct net_filter, nouni, 0),
    STATE_U(struct net_filter, nobcast, 0),
    STATE_U(struct net_filter, overflow_uni, 0),
    STATE_U(struct net_filter, overflow_multi, 0),
    STATE_U(struct net_filter, n_unicast, 0),
    STATE_U(struct net_filter, n_multicast, 0),
    {.kind = STATE_ARRAY,
     .name = "table",
     .offset = offsetof(struct net_filter, table),
     .size = 1,
     .count = NET_FILTER_TABLE * 6},
    STATE_U_ARRAY(struct net_filter, vlans, 0),
    STATE_DONE,
};

void net_filter_reset(struct net_filter *f, const uint8_t *mac)
{
    memset(f, 0, sizeof(*f));
    memcpy(f->mac, mac, 6);
    f->promisc = true;
}

bool net_filter_valid(const struct net_filter *f)
{
    return f->n_unicast <= NET_FILTER_TABLE && f->n_multicast <= NET_FILTER_TABLE - f->n_unicast;
}

/* --- frames ------------------------------------------------------------------------------------
 */

static bool in_table(const struct net_filter *f, const uint8_t *mac, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n; i++) {
        if (memcmp(f->table[i], mac, 6) == 0) {
            return true;
        }
    }
    return false;
}

static bool wants_vlan(const struct net_filter *f, const uint8_t *frame, size_t len)
{
    uint16_t vid;

    if (len < 18 || ld_be16(frame + 12) != 0x8100) {
        return true;
    }
    vid = ld_be16(frame + 14) & 0xfff;
    return f->vlans[vid / 32] >> (vid % 32) & 1;
}

bool net_filter_wants(const struct net_filter *f, bool by_vlan, const uint8_t *frame, size_t len)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (f->promisc) {
        return true;
    }
    if (by_vlan && !wants_vlan(f, frame, len)) {
        return false;
    }
    if (memcmp(frame, broadcast, 6) == 0) {
        return !f->nobcast;
    }
    if (frame[0] & 1) {
        return !f->nomulti && (f->allmulti || f->overflow_multi ||
                               in_table(f, frame, f->n_unicast, f->n_multicast));
    }
    return !f->nouni && (f->alluni || f->overflow_uni || memcmp(frame, f->mac, 6) == 0 ||
                         in_table(f, frame, 0, f->n_unicast));
}

/* --- commands ----------------------------------------------------------------------------------
 */

bool net_filter_rx(struct net_filter *f, uint8_t command, const struct virtq_elem *e)
{
    bool *const flag[] = {
        [RX_PROMISC] = &f->promisc, [RX_ALLMULTI] = &f->allmulti, [RX_ALLUNI] = &f->alluni,
        [RX_NOMULTI] = &f->nomulti, [RX_NOUNI] = &f->nouni,       [RX_NOBCAST] = &f->nobcast,
    };
    uint8_t on;

    if (command >= G_N_ELEMENTS(flag) || virtio_copy_out(e, HEADER, &on, 1) != 1) {
        return false;
    }
    *flag[command] = on != 0;
    return true;
}

/* One of the two lists of MAC_TABLE, at *off of the element; what does not fit means "all". */
static bool read_table(struct net_filter *f, const struct virtq_elem *e, size_t *off,
                       uint32_t first, uint32_t *ret_count, bool *ret_overflow)
{
    uint8_t raw[4];
    uint32_t count;

    if (virtio_copy_out(e, *off, raw, 4) != 4) {
        return false;
    }
    count = ld_le32(raw);
    *off += 4;
    if ((e->out_len - *off) / 6 < count) {
        return false;
    }
    *ret_overflow = count > NET_FILTER_TABLE - first;
    *ret_count = *ret_overflow ? 0 : count;
    virtio_copy_out(e, *off, f->table + first, *ret_count * 6);
    *off += (size_t)count * 6;
    return true;
}

/* Both lists, or nothing of the command, are taken over. */
static bool read_tables(struct net_filter *f, const struct virtq_elem *e)
{
    struct net_filter next = *f;
    size_t off = HEADER;

    if (!read_table(&next, e, &off, 0, &next.n_unicast, &next.overflow_uni) ||
        !read_table(&next, e, &off, next.n_unicast, &next.n_multicast, &next.overflow_multi)) {
        return false;
    }
    *f = next;
    return true;
}

bool net_filter_mac(struct net_filter *f, uint8_t command, const struct virtq_elem *e)
{
    switch (command) {
    case MAC_TABLE: return read_tables(f, e);
    case MAC_ADDR: return e->out_len == HEADER + 6 && virtio_copy_out(e, HEADER, f->mac, 6) == 6;
    default: return false;
    }
}

bool net_filter_vlan(struct net_filter *f, uint8_t command, const struct virtq_elem *e)
{
    uint8_t raw[2];
    uint16_t vid;

    if (command > VLAN_DEL || virtio_copy_out(e, HEADER, raw, 2) != 2) {
        return false;
    }
    vid = ld_le16(raw);
    if (vid >= 4096) {
        return false;
    }
    f->vlans[vid / 32] = bits_set(f->vlans[vid / 32], vid % 32, 1, command == VLAN_ADD);
    return true;
}

/* --- for a client ------------------------------------------------------------------------------
 */

static json_object *mac_text(const uint8_t *mac)
{
    char text[18];

    g_snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
               mac[4], mac[5]);
    return json_object_new_string(text);
}

static json_object *mac_list(const struct net_filter *f, uint32_t from, uint32_t n)
{
    json_object *list = json_object_new_array();

    for (uint32_t i = from; i < from + n; i++) {
        json_object_array_add(list, mac_text(f->table[i]));
    }
    return list;
}

static json_object *vlan_list(const struct net_filter *f)
{
    json_object *list = json_object_new_array();

    for (int vid = 0; vid < 4096; vid++) {
        if (f->vlans[vid / 32] >> (vid % 32) & 1) {
            json_object_array_add(list, json_object_new_int(vid));
        }
    }
    return list;
}

static json_object *state_text(bool none, bool all)
{
    return json_object_new_string(none ? "none" : all ? "all" : "normal");
}

bool net_filter_changed(struct net_filter *f, const struct dev *dev)
{
    json_object *data;

    if (!f->told) {
        data = json_object_new_object();
        if (dev->id) {
            json_object_object_add(data, "name", json_object_new_string(dev->id));
        }
        json_object_object_add(data, "path", json_object_new_string(dev->path ? dev->path : ""));
        dev->env->event(dev->env->machine, "NIC_RX_FILTER_CHANGED", data);
        f->told = true;
    }
    return true;
}

json_object *net_filter_info(struct net_filter *f, bool by_vlan)
{
    json_object *o = json_object_new_object(), *vlans = vlan_list(f);
    bool no_vlan = json_object_array_length(vlans) == 0;

    f->told = false;
    json_object_object_add(o, "promiscuous", json_object_new_boolean(f->promisc));
    json_object_object_add(o, "multicast", state_text(f->nomulti, f->allmulti));
    json_object_object_add(o, "unicast", state_text(f->nouni, f->alluni));
    json_object_object_add(o, "vlan", state_text(by_vlan && no_vlan, !by_vlan));
    json_object_object_add(o, "broadcast-allowed", json_object_new_boolean(!f->nobcast));
    json_object_object_add(o, "multicast-overflow", json_object_new_boolean(f->overflow_multi));
    json_object_object_add(o, "unicast-overflow", json_object_new_boolean(f->overflow_uni));
    json_object_object_add(o, "main-mac", mac_text(f->mac));
    json_object_object_add(o, "vlan-table", vlans);
    json_object_object_add(o, "unicast-table", mac_list(f, 0, f->n_unicast));
    json_object_object_add(o, "multicast-table", mac_list(f, f->n_unicast, f->n_multicast));
    return o;
}
