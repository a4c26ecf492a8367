/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver's half of a split virtqueue in a small RAM: for tests and fuzzers of the device's half.
 */
#ifndef VIV_TESTS_VIRTIO_RING_H
#define VIV_TESTS_VIRTIO_RING_H

#include "base/endian.h"
#include "machine/virtio/virtq.h"

#define RING_RAM   (UINT64_C(1) << 20)
#define RING_SIZE  8
#define RING_DESC  0x1000
#define RING_AVAIL 0x2000
#define RING_USED  0x3000
#define RING_DATA  0x10000

struct ring {
    struct quiesce *quiesce;
    struct quiesce_reader reader;
    struct bus *bus;
    struct ram_block *ram;
    struct bus_region region;
    struct bus_mapping *mapping;
    struct dma dma;
    struct virtq q;
    uint16_t avail;
};

static inline void ring_init(struct ring *r)
{
    memset(r, 0, sizeof(*r));
    r->quiesce = quiesce_new();
    quiesce_enter(r->quiesce, &r->reader);
    r->bus = bus_new("memory", 40, r->quiesce);
    r->ram = ram_block_new("ram", RING_RAM, NULL);
    bus_region_init_ram(&r->region, "ram", r->ram, 0, RING_RAM);
    r->mapping = bus_map(r->bus, 0, &r->region, 0, RING_RAM, 0, false);
    r->dma = (struct dma){.bus = r->bus, .enabled = true};
    r->q.dma = &r->dma;
    r->q.size_max = RING_SIZE;
    virtq_reset(&r->q);
    r->q.desc = RING_DESC;
    r->q.avail = RING_AVAIL;
    r->q.used = RING_USED;
}

static inline void ring_fini(struct ring *r)
{
    bus_unmap(r->bus, r->mapping);
    quiesce_leave(&r->reader);
    bus_free(r->bus);
    quiesce_free(r->quiesce);
    ram_block_free(r->ram);
}

static inline void ring_desc_at(struct ring *r, gpa table, unsigned i, gpa addr, uint32_t len,
                                uint16_t flags, uint16_t next)
{
    uint8_t *d = r->ram->host + table + i * 16;

    st_le64(d, addr);
    st_le32(d + 8, len);
    st_le16(d + 12, flags);
    st_le16(d + 14, next);
}

static inline void ring_desc(struct ring *r, unsigned i, gpa addr, uint32_t len, uint16_t flags,
                             uint16_t next)
{
    ring_desc_at(r, RING_DESC, i, addr, len, flags, next);
}

static inline void ring_offer(struct ring *r, uint16_t head)
{
    st_le16(r->ram->host + RING_AVAIL + 4 + r->avail % r->q.size * 2, head);
    st_le16(r->ram->host + RING_AVAIL + 2, ++r->avail);
}

static inline uint16_t ring_used_index(const struct ring *r)
{
    return ld_le16(r->ram->host + RING_USED + 2);
}

#endif
