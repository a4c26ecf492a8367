/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An address space (physical memory, or x86 I/O ports): regions are mapped into it, accesses find
 * them through an immutable view.
 *
 *   mappings (mutable, bus lock)  --publish-->  view: sorted, disjoint ranges (immutable)
 *
 * A mapping places a window of a region at an address with a priority; where mappings overlap the
 * higher priority wins, and among equals the later one. A change publishes a new view and calls
 * the listeners (which kick vCPUs); the old view is retired (quiesce.h).
 *
 * The callbacks of an I/O region see only accesses its row calls legal: aligned, of a legal size,
 * inside the region. They run with the region's lock held, on the accessor's thread, and cannot
 * fail. Unassigned and refused accesses return a status and, for reads, all ones.
 */
#ifndef VIV_MACHINE_CORE_BUS_H
#define VIV_MACHINE_CORE_BUS_H

#include "machine/core/quiesce.h"
#include "machine/core/ram.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What to do with an access that is narrower or wider than the row allows, or unaligned. */
enum bus_policy {
    BUS_SPLIT,  /* wide, unaligned: several legal accesses, ascending. narrow: read a legal one and
                   extract; write only if `write_lanes` exists, else as BUS_IGNORE */
    BUS_LANES,  /* one legal access with a byte mask: `write_lanes`; reads extract */
    BUS_IGNORE, /* reads all ones, writes do nothing */
    BUS_FAULT,  /* refused: BUS_REFUSED */
};

struct bus_ops {
    /* `size` is 1, 2, 4 or 8, within min_size..max_size; off is aligned to it. NULL: reads as 0. */
    uint64_t (*read)(void *opaque, gpa off, unsigned size);
    /* NULL: writes are ignored. */
    void (*write)(void *opaque, gpa off, uint64_t value, unsigned size);
    /* As write, of size max_size; only bytes whose bits are set in `mask` (0xff per byte). */
    void (*write_lanes)(void *opaque, gpa off, uint64_t value, uint64_t mask);
    uint8_t min_size, max_size; /* bytes, powers of two; 0: 1 and 4 */
    bool unaligned_ok;          /* callbacks take any alignment (still inside the region) */
    enum bus_policy narrow, wide, unaligned;
    bool big_endian; /* values swapped between bus and callbacks */
};

enum bus_kind { BUS_RAM, BUS_ROM, BUS_IO };

/* A thing that can be mapped. Caller's memory; must outlive its mappings and the machine's views.
 */
struct bus_region {
    const char *name;
    uint64_t size; /* bytes */
    enum bus_kind kind;
    struct ram_block
        *ram; /* BUS_RAM, BUS_ROM: window [0, size) of the block starts at ram_offset */
    gpa ram_offset;
    const struct bus_ops *ops; /* BUS_IO; BUS_ROM: writes go here if set (flash), else ignored */
    void *opaque;
    GMutex *lock; /* taken around callbacks; NULL: none needed */
};

void bus_region_init_ram(struct bus_region *r, const char *name, struct ram_block *ram, gpa ram_off,
                         uint64_t size);
/* As RAM for reads and code; writes go to `ops` (flash commands) or are dropped (NULL). */
void bus_region_init_rom(struct bus_region *r, const char *name, struct ram_block *ram, gpa ram_off,
                         uint64_t size, const struct bus_ops *ops, void *opaque, GMutex *lock);
void bus_region_init_io(struct bus_region *r, const char *name, uint64_t size,
                        const struct bus_ops *ops, void *opaque, GMutex *lock);

struct bus;
struct bus_mapping; /* handle of one mapping */

/* `name` "memory" or "io"; `width` bits of address (16 for ports, up to 52 for memory). */
struct bus *bus_new(const char *name, unsigned width, struct quiesce *quiesce);
void bus_free(struct bus *bus);

/*
 * Maps [off, off + len) of `region` at `base`; `readonly` drops guest writes (shadow RAM).
 * Never waits for a vCPU; may be called from a device's callback. The mapping is clipped to the
 * bus; an address range that wraps maps nothing. Any thread.
 */
struct bus_mapping *bus_map(struct bus *bus, gpa base, struct bus_region *region, gpa off,
                            uint64_t len, int priority, bool readonly);
void bus_unmap(struct bus *bus, struct bus_mapping *mapping); /* frees the handle; NULL is fine */
/* Several changes, one published view: nests. */
void bus_begin(struct bus *bus);
void bus_commit(struct bus *bus);

/* One disjoint piece of the view. */
struct bus_range {
    gpa start, last;           /* inclusive */
    struct bus_region *region; /* never NULL */
    gpa off;                   /* of `start` in the region */
    bool readonly;
};

struct bus_view {
    unsigned n;
    struct bus_range range[]; /* ascending, disjoint; gaps are unassigned */
};

/* The current view; valid until the calling reader's next safe point. */
const struct bus_view *bus_view(const struct bus *bus);
/* The range that holds addr, or NULL; *ret_next (may be NULL) is where the next range starts. */
const struct bus_range *bus_find(const struct bus_view *view, gpa addr, gpa *ret_next);

/* Called on the changing thread after each publication; must not wait. Frozen before vCPUs run. */
void bus_listen(struct bus *bus, void (*changed)(void *opaque, const struct bus_view *view),
                void *opaque);

/* Ends it; no change is on its way, and no vCPU runs. */
void bus_unlisten(struct bus *bus, void (*changed)(void *opaque, const struct bus_view *view),
                  void *opaque);

enum bus_status {
    BUS_OK,
    BUS_UNASSIGNED, /* nobody there */
    BUS_REFUSED,    /* BUS_FAULT policy, or a write to ROM */
};

/*
 * One access of 1..8 bytes at any address, RAM included; little-endian value. The caller is a
 * registered reader and holds no device lock. Reads set *ret to all ones unless BUS_OK.
 */
enum bus_status bus_read(struct bus *bus, gpa addr, unsigned size, uint64_t *ret);
enum bus_status bus_write(struct bus *bus, gpa addr, uint64_t value, unsigned size);
/* As above on a range already found (MMIO slow path of a vCPU); stays inside the range. */
enum bus_status bus_range_read(const struct bus_range *range, gpa addr, unsigned size,
                               uint64_t *ret);
enum bus_status bus_range_write(const struct bus_range *range, gpa addr, uint64_t value,
                                unsigned size);

/* Copies any length through RAM, ROM and I/O; for loaders, monitors and tests. */
enum bus_status bus_copy_from(struct bus *bus, gpa addr, void *to, uint64_t len);
enum bus_status bus_copy_to(struct bus *bus, gpa addr, const void *from, uint64_t len);
/* As bus_copy_to, and writes ROM too: for firmware loaders and debuggers. */
enum bus_status bus_load(struct bus *bus, gpa addr, const void *from, uint64_t len);

/* "start-end name" lines of the view, for `info mtree` and tests. */
void bus_describe(struct bus *bus, GString *out);

#endif
