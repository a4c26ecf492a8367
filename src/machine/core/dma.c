/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/dma.h"

#include "base/endian.h"

#include <errno.h>

/*
 * Host address of `addr` and how much of `len` lies there, or NULL. Ranges with the same region
 * may be cut; the caller goes on with the rest.
 */
static uint8_t *find(const struct bus_view *view, gpa addr, uint64_t len, bool write,
                     uint64_t *ret_len, struct ram_block **ret_block, gpa *ret_off)
{
    const struct bus_range *range = bus_find(view, addr, NULL);

    if (!range || range->region->kind == BUS_IO) {
        return NULL;
    }
    if (write && (range->region->kind != BUS_RAM || range->readonly)) {
        return NULL;
    }
    *ret_len = len - 1 > range->last - addr ? range->last - addr + 1 : len;
    *ret_block = range->region->ram;
    *ret_off = range->region->ram_offset + range->off + (addr - range->start);
    return range->region->ram->host + *ret_off;
}

static bool usable(const struct dma *dma)
{
    return __atomic_load_n(&dma->enabled, __ATOMIC_RELAXED);
}

int dma_read(const struct dma *dma, gpa addr, void *to, uint64_t len)
{
    const struct bus_view *view = bus_view(dma->bus);
    uint8_t *p = to;

    if (!usable(dma)) {
        return -EFAULT;
    }
    while (len > 0) {
        struct ram_block *block;
        uint64_t n;
        gpa off;
        const uint8_t *host = find(view, addr, len, false, &n, &block, &off);

        if (!host) {
            return -EFAULT;
        }
        ram_read(p, host, n);
        addr += n;
        p += n;
        len -= n;
    }
    return 0;
}

int dma_write(const struct dma *dma, gpa addr, const void *from, uint64_t len)
{
    const struct bus_view *view = bus_view(dma->bus);
    const uint8_t *p = from;

    if (!usable(dma)) {
        return -EFAULT;
    }
    while (len > 0) {
        struct ram_block *block;
        uint64_t n;
        gpa off;
        uint8_t *host = find(view, addr, len, true, &n, &block, &off);

        if (!host) {
            return -EFAULT;
        }
        ram_write(host, p, n);
        ram_wrote(block, off, n);
        addr += n;
        p += n;
        len -= n;
    }
    return 0;
}

int dma_map(const struct dma *dma, gpa addr, uint64_t len, bool write, struct iovec *iov,
            unsigned max, unsigned *n)
{
    const struct bus_view *view = bus_view(dma->bus);

    if (!usable(dma)) {
        return -EFAULT;
    }
    while (len > 0) {
        struct ram_block *block;
        uint64_t part;
        gpa off;
        uint8_t *host = find(view, addr, len, write, &part, &block, &off);

        if (!host) {
            return -EFAULT;
        }
        if (*n >= max) {
            return -E2BIG;
        }
        iov[(*n)++] = (struct iovec){host, part};
        addr += part;
        len -= part;
    }
    return 0;
}

void dma_wrote(const struct dma *dma, gpa addr, uint64_t len)
{
    const struct bus_view *view = bus_view(dma->bus);

    while (len > 0) {
        struct ram_block *block;
        gpa off, next;
        uint64_t n;

        if (find(view, addr, len, false, &n, &block, &off)) {
            ram_wrote(block, off, n);
        } else {
            /* The map changed since dma_map: what is gone now needs no mark. */
            const struct bus_range *range = bus_find(view, addr, &next);
            gpa last = range ? range->last : next - 1;

            n = len - 1 > last - addr ? last - addr + 1 : len;
        }
        addr += n;
        len -= n;
    }
}

/* Rings need accesses that are not torn: they are aligned, so one range holds them. */
#define DMA_SINGLE(bits)                                                          \
    int dma_ld##bits(const struct dma *dma, gpa addr, uint##bits##_t *ret)        \
    {                                                                             \
        struct ram_block *block;                                                  \
        uint64_t n;                                                               \
        gpa off;                                                                  \
        const uint8_t *host;                                                      \
                                                                                  \
        if (!usable(dma)) {                                                       \
            return -EFAULT;                                                       \
        }                                                                         \
        host = find(bus_view(dma->bus), addr, bits / 8, false, &n, &block, &off); \
        if (!host || n != bits / 8) {                                             \
            return -EFAULT;                                                       \
        }                                                                         \
        *ret = le##bits##toh(ram_ld##bits(host));                                 \
        return 0;                                                                 \
    }                                                                             \
    int dma_st##bits(const struct dma *dma, gpa addr, uint##bits##_t value)       \
    {                                                                             \
        struct ram_block *block;                                                  \
        uint64_t n;                                                               \
        gpa off;                                                                  \
        uint8_t *host;                                                            \
                                                                                  \
        if (!usable(dma)) {                                                       \
            return -EFAULT;                                                       \
        }                                                                         \
        host = find(bus_view(dma->bus), addr, bits / 8, true, &n, &block, &off);  \
        if (!host || n != bits / 8) {                                             \
            return -EFAULT;                                                       \
        }                                                                         \
        ram_st##bits(host, htole##bits(value));                                   \
        ram_wrote(block, off, bits / 8);                                          \
        return 0;                                                                 \
    }

DMA_SINGLE(16)
DMA_SINGLE(32)
DMA_SINGLE(64)
