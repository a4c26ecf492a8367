/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses through a bus: making them legal for a region's row (bus.h), and copies. */
#include "machine/core/bus.h"

#include "base/bits.h"

static unsigned min_size(const struct bus_ops *ops)
{
    return ops->min_size ? ops->min_size : 1;
}

static unsigned max_size(const struct bus_ops *ops)
{
    return ops->max_size ? ops->max_size : 4;
}

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

/* One legal access. */
static uint64_t call_read(const struct bus_region *r, gpa off, unsigned size)
{
    uint64_t v;

    if (off > r->size || size > r->size - off) {
        return mask64(8 * size);
    }
    v = r->ops->read ? r->ops->read(r->opaque, off, size) & mask64(8 * size) : 0;
    return r->ops->big_endian ? swap(v, size) : v;
}

static void call_write(const struct bus_region *r, gpa off, uint64_t value, unsigned size)
{
    if (!r->ops->write || off > r->size || size > r->size - off) {
        return;
    }
    value &= mask64(8 * size);
    r->ops->write(r->opaque, off, r->ops->big_endian ? swap(value, size) : value, size);
}

static void call_lanes(const struct bus_region *r, gpa off, uint64_t value, uint64_t mask)
{
    unsigned size = max_size(r->ops);

    if (!r->ops->write_lanes || off > r->size || size > r->size - off) {
        return;
    }
    if (r->ops->big_endian) {
        value = swap(value, size);
        mask = swap(mask, size);
    }
    r->ops->write_lanes(r->opaque, off, value, mask);
}

/* What the row says of the access; LEGAL: the access may be made as it is. */
#define LEGAL (-1)

static int policy(const struct bus_ops *ops, gpa off, unsigned size)
{
    bool aligned = is_pow2(size) && (off & (size - 1)) == 0;

    if (size < min_size(ops)) {
        return ops->narrow;
    }
    if (size > max_size(ops)) {
        return ops->wide;
    }
    if (!is_pow2(size) || (!aligned && !ops->unaligned_ok)) {
        return ops->unaligned;
    }
    return LEGAL;
}

/* The largest legal piece at the front of [off, off + size); below min_size: a narrow one. */
static unsigned piece(const struct bus_ops *ops, gpa off, unsigned size)
{
    unsigned n = max_size(ops);

    while (n > size || (off & (n - 1))) {
        n /= 2;
    }
    return n;
}

/* The bytes [off, off + size) out of one aligned access of `unit` bytes around them. */
static uint64_t read_inside(const struct bus_region *r, gpa off, unsigned size, unsigned unit)
{
    gpa base = align_down(off, unit);

    return call_read(r, base, unit) >> (8 * (off - base)) & mask64(8 * size);
}

static void write_inside(const struct bus_region *r, gpa off, uint64_t value, unsigned size)
{
    gpa base = align_down(off, max_size(r->ops));
    unsigned shift = 8 * (off - base);

    call_lanes(r, base, (value & mask64(8 * size)) << shift, mask64(8 * size) << shift);
}

static uint64_t read_pieces(const struct bus_region *r, gpa off, unsigned size, bool lanes)
{
    uint64_t v = 0;
    unsigned max = max_size(r->ops), min = min_size(r->ops);

    for (unsigned done = 0; done < size;) {
        gpa at = off + done;
        unsigned n;
        uint64_t part;

        if (lanes) {
            n = MIN(size - done, max - (at & (max - 1)));
            part = read_inside(r, at, n, max);
        } else {
            n = piece(r->ops, at, size - done);
            part = n < min ? read_inside(r, at, n, min) : call_read(r, at, n);
        }
        v |= part << (8 * done);
        done += n;
    }
    return v;
}

static void write_pieces(const struct bus_region *r, gpa off, uint64_t value, unsigned size,
                         bool lanes)
{
    unsigned max = max_size(r->ops), min = min_size(r->ops);

    for (unsigned done = 0; done < size;) {
        gpa at = off + done;
        uint64_t part = value >> (8 * done);
        unsigned n =
            lanes ? MIN(size - done, max - (at & (max - 1))) : piece(r->ops, at, size - done);

        if (lanes || n < min) {
            write_inside(r, at, part, n);
        } else {
            call_write(r, at, part, n);
        }
        done += n;
    }
}

static enum bus_status io_read(const struct bus_region *r, gpa off, unsigned size, uint64_t *ret)
{
    int what = policy(r->ops, off, size);

    switch (what) {
    case LEGAL: *ret = call_read(r, off, size); return BUS_OK;
    case BUS_SPLIT:
    case BUS_LANES: *ret = read_pieces(r, off, size, what == BUS_LANES); return BUS_OK;
    case BUS_IGNORE: *ret = mask64(8 * size); return BUS_OK;
    default: return BUS_REFUSED;
    }
}

static enum bus_status io_write(const struct bus_region *r, gpa off, uint64_t value, unsigned size)
{
    int what = policy(r->ops, off, size);

    switch (what) {
    case LEGAL: call_write(r, off, value, size); return BUS_OK;
    case BUS_SPLIT:
    case BUS_LANES: write_pieces(r, off, value, size, what == BUS_LANES); return BUS_OK;
    case BUS_IGNORE: return BUS_OK;
    default: return BUS_REFUSED;
    }
}

static uint64_t ram_load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    switch (size) {
    case 1: return ram_ld8(p);
    case 2: return GUINT16_FROM_LE(ram_ld16(p));
    case 4: return GUINT32_FROM_LE(ram_ld32(p));
    case 8: return GUINT64_FROM_LE(ram_ld64(p));
    default: ram_read(&v, p, size); return GUINT64_FROM_LE(v);
    }
}

static void ram_store(uint8_t *p, uint64_t value, unsigned size)
{
    switch (size) {
    case 1: ram_st8(p, value); break;
    case 2: ram_st16(p, GUINT16_TO_LE(value)); break;
    case 4: ram_st32(p, GUINT32_TO_LE(value)); break;
    case 8: ram_st64(p, GUINT64_TO_LE(value)); break;
    default:
        value = GUINT64_TO_LE(value);
        ram_write(p, &value, size);
        break;
    }
}

enum bus_status bus_range_read(const struct bus_range *range, gpa addr, unsigned size,
                               uint64_t *ret)
{
    const struct bus_region *r = range->region;
    gpa off = range->off + (addr - range->start);
    enum bus_status status;

    if (r->kind != BUS_IO) {
        *ret = ram_load(r->ram->host + r->ram_offset + off, size);
        return BUS_OK;
    }
    if (r->lock) {
        g_mutex_lock(r->lock);
    }
    status = io_read(r, off, size, ret);
    if (r->lock) {
        g_mutex_unlock(r->lock);
    }
    if (status != BUS_OK) {
        *ret = mask64(8 * size);
    }
    return status;
}

enum bus_status bus_range_write(const struct bus_range *range, gpa addr, uint64_t value,
                                unsigned size)
{
    const struct bus_region *r = range->region;
    gpa off = range->off + (addr - range->start);
    enum bus_status status;

    if (r->kind == BUS_RAM) {
        if (range->readonly) {
            return BUS_REFUSED;
        }
        ram_store(r->ram->host + r->ram_offset + off, value, size);
        ram_wrote(r->ram, r->ram_offset + off, size);
        return BUS_OK;
    }
    if (range->readonly || !r->ops) {
        return BUS_REFUSED;
    }
    if (r->lock) {
        g_mutex_lock(r->lock);
    }
    status = io_write(r, off, value, size);
    if (r->lock) {
        g_mutex_unlock(r->lock);
    }
    return status;
}

/* Bytes of [addr, addr + len) that one range, or one gap (*ret NULL), holds. */
static uint64_t chunk(const struct bus_view *view, gpa addr, uint64_t len,
                      const struct bus_range **ret)
{
    gpa next;
    const struct bus_range *range = bus_find(view, addr, &next);
    uint64_t room;

    *ret = range;
    if (range) {
        room = range->last - addr; /* one less than the room: it may be 2^64 */
    } else {
        room = next > addr ? next - addr - 1 : UINT64_MAX - addr;
    }
    return len - 1 > room ? room + 1 : len;
}

enum bus_status bus_read(struct bus *bus, gpa addr, unsigned size, uint64_t *ret)
{
    const struct bus_view *view = bus_view(bus);
    const struct bus_range *range = bus_find(view, addr, NULL);
    enum bus_status status = BUS_OK;
    uint64_t v = 0;

    if (G_LIKELY(range && range->last - addr >= size - 1)) {
        return bus_range_read(range, addr, size, ret);
    }
    for (unsigned done = 0; done < size && status == BUS_OK;) {
        unsigned n = chunk(view, addr + done, size - done, &range);
        uint64_t part = 0;

        status = range ? bus_range_read(range, addr + done, n, &part) : BUS_UNASSIGNED;
        v |= part << (8 * done);
        done += n;
    }
    *ret = status == BUS_OK ? v : mask64(8 * size);
    return status;
}

enum bus_status bus_write(struct bus *bus, gpa addr, uint64_t value, unsigned size)
{
    const struct bus_view *view = bus_view(bus);
    const struct bus_range *range = bus_find(view, addr, NULL);
    enum bus_status status = BUS_OK;

    if (G_LIKELY(range && range->last - addr >= size - 1)) {
        return bus_range_write(range, addr, value, size);
    }
    for (unsigned done = 0; done < size;) {
        unsigned n = chunk(view, addr + done, size - done, &range);
        enum bus_status st =
            range ? bus_range_write(range, addr + done, value >> (8 * done), n) : BUS_UNASSIGNED;

        status = status == BUS_OK ? st : status;
        done += n;
    }
    return status;
}

static enum bus_status read_piece(const struct bus_range *range, gpa addr, uint8_t *to, uint64_t n)
{
    const struct bus_region *r = range->region;
    enum bus_status status = BUS_OK;

    if (r->kind != BUS_IO) {
        ram_read(to, r->ram->host + r->ram_offset + range->off + (addr - range->start), n);
        return BUS_OK;
    }
    for (uint64_t done = 0; done < n;) {
        unsigned size = MIN(n - done, 8 - ((addr + done) & 7));
        uint64_t v;
        enum bus_status st = bus_range_read(range, addr + done, size, &v);

        v = GUINT64_TO_LE(v);
        memcpy(to + done, &v, size);
        status = status == BUS_OK ? st : status;
        done += size;
    }
    return status;
}

static enum bus_status write_piece(const struct bus_range *range, gpa addr, const uint8_t *from,
                                   uint64_t n, bool load)
{
    const struct bus_region *r = range->region;
    enum bus_status status = BUS_OK;

    if (r->kind != BUS_IO && (load || (r->kind == BUS_RAM && !range->readonly))) {
        gpa off = r->ram_offset + range->off + (addr - range->start);

        ram_write(r->ram->host + off, from, n);
        ram_wrote(r->ram, off, n);
        return BUS_OK;
    }
    if (r->kind == BUS_RAM) {
        return BUS_REFUSED;
    }
    for (uint64_t done = 0; done < n;) {
        unsigned size = MIN(n - done, 8 - ((addr + done) & 7));
        uint64_t v = 0;

        memcpy(&v, from + done, size);
        enum bus_status st = bus_range_write(range, addr + done, GUINT64_FROM_LE(v), size);

        status = status == BUS_OK ? st : status;
        done += size;
    }
    return status;
}

enum bus_status bus_copy_from(struct bus *bus, gpa addr, void *to, uint64_t len)
{
    const struct bus_view *view = bus_view(bus);
    enum bus_status status = BUS_OK;
    uint8_t *p = to;

    while (len > 0) {
        const struct bus_range *range;
        uint64_t n = chunk(view, addr, len, &range);
        enum bus_status st = BUS_UNASSIGNED;

        if (range) {
            st = read_piece(range, addr, p, n);
        } else {
            memset(p, 0xff, n);
        }
        status = status == BUS_OK ? st : status;
        addr += n;
        p += n;
        len -= n;
    }
    return status;
}

static enum bus_status copy_to(struct bus *bus, gpa addr, const void *from, uint64_t len, bool load)
{
    const struct bus_view *view = bus_view(bus);
    enum bus_status status = BUS_OK;
    const uint8_t *p = from;

    while (len > 0) {
        const struct bus_range *range;
        uint64_t n = chunk(view, addr, len, &range);
        enum bus_status st = range ? write_piece(range, addr, p, n, load) : BUS_UNASSIGNED;

        status = status == BUS_OK ? st : status;
        addr += n;
        p += n;
        len -= n;
    }
    return status;
}

enum bus_status bus_copy_to(struct bus *bus, gpa addr, const void *from, uint64_t len)
{
    return copy_to(bus, addr, from, len, false);
}

enum bus_status bus_load(struct bus *bus, gpa addr, const void *from, uint64_t len)
{
    return copy_to(bus, addr, from, len, true);
}
