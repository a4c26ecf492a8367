/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The software TLB: what an interpreter's loads and stores, and later translated code, look up
 * before they touch guest RAM directly.
 *
 * Per regime (user, supervisor, ...: the architecture numbers them) three direct-mapped arrays, for
 * reads, writes and fetches. An entry matches when its tag equals the page of the access's last
 * byte, so one compare rejects misses, page-crossing accesses and poisoned entries alike. An entry
 * is poisoned (TLB_SLOW in the tag) where RAM may not be touched directly: I/O, ROM writes, pages
 * with decoded code, clean pages under a dirty log, watchpoints; the slow path then does it.
 *
 * Only the owner fills and flushes; another thread may poison write entries (tlb_protect).
 */
#ifndef VIV_MACHINE_CORE_TLB_H
#define VIV_MACHINE_CORE_TLB_H

#include "machine/core/ram.h"

#define TLB_BITS    10
#define TLB_SIZE    (1u << TLB_BITS)
#define TLB_REGIMES 4
#define TLB_FILLED  256 /* so many entries are flushed one by one */

#define TLB_PAGE_MASK (~(uint64_t)(RAM_PAGE_SIZE - 1))
/* Tag bits below the page: an entry with any of them never matches a page-aligned tag. */
#define TLB_SLOW    UINT64_C(1)
#define TLB_INVALID UINT64_C(2)

struct tlb_entry {
    uint64_t tag;     /* page of the virtual address, or with poison bits */
    uintptr_t addend; /* virtual address + addend = host address */
};

enum tlb_access { TLB_READ, TLB_WRITE, TLB_FETCH, TLB_ACCESSES };

struct tlb_set {
    struct tlb_entry entry[TLB_ACCESSES][TLB_SIZE];
    /* Filled since the last flush: how often, and which entries, access << TLB_BITS | index, as
     * long as there is room; the owner's. */
    uint32_t n_filled; /* atomic: others look whether it is 0 */
    uint16_t filled[TLB_FILLED];
};

struct tlb {
    struct tlb_set set[TLB_REGIMES];
    bool no_direct_writes; /* write entries are not made: struct cpu's storing sees each store */
    uint64_t flushes; /* generation: changes with every flush of anything; jump caches compare it */
};

static inline unsigned tlb_index(uint64_t va)
{
    return (va >> RAM_PAGE_BITS) & (TLB_SIZE - 1);
}

/* Host address of [va, va + size), or NULL: take the slow path. Owner's thread. */
static inline void *tlb_lookup(const struct tlb *tlb, unsigned regime, enum tlb_access access,
                               uint64_t va, unsigned size)
{
    const struct tlb_entry *e = &tlb->set[regime].entry[access][tlb_index(va)];

    if (__builtin_expect(
            __atomic_load_n(&e->tag, __ATOMIC_RELAXED) == ((va + size - 1) & TLB_PAGE_MASK), 1)) {
        return (void *)(uintptr_t)(va + e->addend);
    }
    return NULL;
}

/* All invalid. */
void tlb_init(struct tlb *tlb);
void tlb_flush(struct tlb *tlb);
void tlb_flush_page(struct tlb *tlb, uint64_t va);
/*
 * Makes accesses to the page of `va` direct. A write entry of a page that holds decoded code, or
 * that is clean under a dirty log, is not made; the check and the fill are safe against
 * tlb_protect() and ram_code_enter() on other threads.
 */
void tlb_fill(struct tlb *tlb, unsigned regime, enum tlb_access access, uint64_t va,
              struct ram_block *block, gpa off);
/* Any thread: write entries that reach this host page leave the fast path. */
void tlb_protect(struct tlb *tlb, const void *host_page);

#endif
