/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/tlb.h"

#include "base/fence.h"

static void invalidate(struct tlb_entry *e)
{
    __atomic_store_n(&e->tag, TLB_INVALID, __ATOMIC_RELAXED);
}

static void flush_all(struct tlb_set *set)
{
    for (unsigned a = 0; a < TLB_ACCESSES; a++) {
        for (unsigned i = 0; i < TLB_SIZE; i++) {
            invalidate(&set->entry[a][i]);
        }
    }
}

static void flush_set(struct tlb_set *set)
{
    uint32_t n = set->n_filled;

    if (n > TLB_FILLED) {
        flush_all(set);
        n = 0;
    }
    for (unsigned i = 0; i < n; i++) {
        invalidate(&set->entry[set->filled[i] >> TLB_BITS][set->filled[i] & (TLB_SIZE - 1)]);
    }
    __atomic_store_n(&set->n_filled, 0, __ATOMIC_RELAXED);
}

/* Before the entry is filled. */
static void note_fill(struct tlb_set *set, enum tlb_access access, unsigned index)
{
    uint32_t n = set->n_filled;

    if (n < TLB_FILLED) {
        set->filled[n] = access << TLB_BITS | index;
    }
    __atomic_store_n(&set->n_filled, MIN(n, TLB_FILLED) + 1, __ATOMIC_RELAXED);
}

void tlb_init(struct tlb *tlb)
{
    for (unsigned r = 0; r < TLB_REGIMES; r++) {
        flush_all(&tlb->set[r]);
        tlb->set[r].n_filled = 0;
    }
    tlb->flushes = 0;
}

void tlb_flush(struct tlb *tlb)
{
    for (unsigned r = 0; r < TLB_REGIMES; r++) {
        flush_set(&tlb->set[r]);
    }
    tlb->flushes++;
}

void tlb_flush_page(struct tlb *tlb, uint64_t va)
{
    uint64_t page = va & TLB_PAGE_MASK;

    for (unsigned r = 0; r < TLB_REGIMES; r++) {
        for (unsigned a = 0; a < TLB_ACCESSES; a++) {
            struct tlb_entry *e = &tlb->set[r].entry[a][tlb_index(va)];
            uint64_t tag = __atomic_load_n(&e->tag, __ATOMIC_RELAXED);

            if ((tag & TLB_PAGE_MASK) == page) {
                invalidate(e);
            }
        }
    }
    tlb->flushes++;
}

/* TRUE if a write to the page must be noticed. */
static bool write_noticed(const struct ram_block *block, gpa off)
{
    gpa page = off >> RAM_PAGE_BITS;

    if (ram_has_code(block, off)) {
        return true;
    }
    return __atomic_load_n(&block->logging, __ATOMIC_SEQ_CST) &&
           !(__atomic_load_n(&block->dirty[page / 64], __ATOMIC_SEQ_CST) >> (page % 64) & 1);
}

void tlb_fill(struct tlb *tlb, unsigned regime, enum tlb_access access, uint64_t va,
              struct ram_block *block, gpa off)
{
    struct tlb_entry *e = &tlb->set[regime].entry[access][tlb_index(va)];
    uint64_t page = va & TLB_PAGE_MASK;
    uintptr_t host = (uintptr_t)(block->host + (off & TLB_PAGE_MASK));

    if (access == TLB_WRITE && (block->readonly || tlb->no_direct_writes)) {
        return;
    }
    note_fill(&tlb->set[regime], access, tlb_index(va));
    invalidate(e);
    __atomic_store_n(&e->addend, host - page, __ATOMIC_RELEASE);
    __atomic_store_n(&e->tag, page, __ATOMIC_SEQ_CST);
    /* Tag before the check; ram_code_enter marks the page before tlb_protect reads the tags. */
    if (access == TLB_WRITE && write_noticed(block, off)) {
        __atomic_store_n(&e->tag, page | TLB_SLOW, __ATOMIC_SEQ_CST);
    }
}

void tlb_protect(struct tlb *tlb, const void *host_page)
{
    fence_full();
    for (unsigned r = 0; r < TLB_REGIMES; r++) {
        /* A first fill that is not seen here sees the page's mark: it is noted before its tag. */
        bool used = __atomic_load_n(&tlb->set[r].n_filled, __ATOMIC_RELAXED) > 0;

        for (unsigned i = 0; used && i < TLB_SIZE; i++) {
            struct tlb_entry *e = &tlb->set[r].entry[TLB_WRITE][i];
            uint64_t tag = __atomic_load_n(&e->tag, __ATOMIC_SEQ_CST);

            if (tag & ~TLB_PAGE_MASK) {
                continue;
            }
            if (tag + __atomic_load_n(&e->addend, __ATOMIC_ACQUIRE) == (uintptr_t)host_page) {
                __atomic_compare_exchange_n(&e->tag, &tag, tag | TLB_SLOW, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_RELAXED);
            }
        }
    }
}
