/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sv39, Sv48 and Sv57: volume II, 4.3 to 4.6. */
#include "machine/guest/riscv64/memory.h"

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_A 0x40
#define PTE_D 0x80

#define PTE_PPN(pte)  ((pte) >> 10 & ((UINT64_C(1) << 44) - 1))
#define PTE_RESERVED  (UINT64_C(0x3ff) << 54)
#define SATP_MODE(v)  ((v) >> 60)
#define SATP_PPN(v)   ((v) & ((UINT64_C(1) << 44) - 1))
#define LEVEL_BITS    9
#define MODE_BARE     0
#define MODE_FIRST    8 /* Sv39; Sv48 and Sv57 follow */
#define FIRST_LEVELS  3
#define LEAF_OR_TABLE (PTE_R | PTE_W | PTE_X)

static enum riscv_exception page_fault(enum tlb_access access)
{
    return access == TLB_FETCH  ? RISCV_EXC_FETCH_PAGE
           : access == TLB_READ ? RISCV_EXC_LOAD_PAGE
                                : RISCV_EXC_STORE_PAGE;
}

static enum riscv_exception access_fault(enum tlb_access access)
{
    return access == TLB_FETCH  ? RISCV_EXC_FETCH_ACCESS
           : access == TLB_READ ? RISCV_EXC_LOAD_ACCESS
                                : RISCV_EXC_STORE_ACCESS;
}

/* Page tables lie in RAM; NULL: this entry does not. */
static void *entry_host(struct riscv_cpu *c, gpa at, struct ram_block **ret_block, gpa *ret_off)
{
    const struct bus_range *r = bus_find(bus_view(c->cpu.memory), at, NULL);

    if (!r || r->region->kind == BUS_IO || r->last - at < 7) {
        return NULL;
    }
    *ret_block = r->region->ram;
    *ret_off = r->region->ram_offset + r->off + (at - r->start);
    return (*ret_block)->host + *ret_off;
}

/* Whether a leaf lets the access through. */
static bool permits(const struct riscv_cpu *c, uint64_t pte, enum tlb_access access,
                    unsigned regime)
{
    bool user = regime == RISCV_REGIME_U;

    if (!(pte & PTE_R) && (pte & PTE_W)) {
        return false;
    }
    if (user != !!(pte & PTE_U) && (user || access == TLB_FETCH || regime != RISCV_REGIME_S_SUM)) {
        return false;
    }
    switch (access) {
    case TLB_FETCH: return pte & PTE_X;
    case TLB_WRITE: return pte & PTE_W;
    default: return (pte & PTE_R) || ((c->mstatus & MSTATUS_MXR) && (pte & PTE_X));
    }
}

/* Sets bits in the entry unless it has changed: then the walk begins anew. */
static bool update(void *host, struct ram_block *block, gpa off, uint64_t pte, uint64_t bits)
{
    uint64_t expected = pte;

    if (!__atomic_compare_exchange_n((uint64_t *)host, &expected, pte | bits, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return false;
    }
    (void)ram_wrote(block, off, 8);
    return true;
}

struct leaf {
    uint64_t pte;
    unsigned level;
    void *host;
    struct ram_block *block;
    gpa off, at;
};

/* Finds the leaf of `va`, changing nothing. 0, or the cause of the fault. */
static int find_leaf(struct riscv_cpu *c, uint64_t va, enum tlb_access access, struct leaf *leaf)
{
    unsigned levels = SATP_MODE(c->satp) - MODE_FIRST + FIRST_LEVELS;
    unsigned width = RAM_PAGE_BITS + LEVEL_BITS * levels;
    gpa table = SATP_PPN(c->satp) << RAM_PAGE_BITS;

    if ((uint64_t)((int64_t)(va << (64 - width)) >> (64 - width)) != va) {
        return page_fault(access);
    }
    for (unsigned level = levels; level-- > 0;) {
        gpa at = table + (va >> (RAM_PAGE_BITS + LEVEL_BITS * level) & 0x1ff) * 8;

        leaf->host = riscv_pmp_allows(c, at, 8, TLB_READ, RISCV_S, NULL)
                         ? entry_host(c, at, &leaf->block, &leaf->off)
                         : NULL;
        if (!leaf->host) {
            return access_fault(access);
        }
        leaf->pte = __atomic_load_n((uint64_t *)leaf->host, __ATOMIC_RELAXED);
        if (!(leaf->pte & PTE_V) || (leaf->pte & PTE_RESERVED)) {
            return page_fault(access);
        }
        if (leaf->pte & LEAF_OR_TABLE) {
            leaf->level = level;
            leaf->at = at;
            /* A leaf above the last level is aligned to its size. */
            return PTE_PPN(leaf->pte) & ((UINT64_C(1) << LEVEL_BITS * level) - 1)
                       ? (int)page_fault(access)
                       : 0;
        }
        if (leaf->pte & (PTE_A | PTE_D | PTE_U)) {
            return page_fault(access);
        }
        table = PTE_PPN(leaf->pte) << RAM_PAGE_BITS;
    }
    return page_fault(access);
}

static gpa behind(const struct leaf *leaf, uint64_t va)
{
    uint64_t inside = (UINT64_C(1) << (RAM_PAGE_BITS + LEVEL_BITS * leaf->level)) - 1;

    return ((PTE_PPN(leaf->pte) << RAM_PAGE_BITS) & ~inside) | (va & inside);
}

enum riscv_status riscv_walk(struct riscv_cpu *c, uint64_t va, enum tlb_access access,
                             unsigned regime, gpa *ret)
{
    uint64_t bits = PTE_A | (access == TLB_WRITE ? PTE_D : 0);
    struct leaf leaf;
    int cause;

    if (regime == RISCV_REGIME_M || SATP_MODE(c->satp) == MODE_BARE) {
        *ret = va;
        return RISCV_OK;
    }
    for (;;) {
        cause = find_leaf(c, va, access, &leaf);
        if (cause) {
            return riscv_raise(c, cause, va);
        }
        if (!permits(c, leaf.pte, access, regime)) {
            return riscv_raise(c, page_fault(access), va);
        }
        if ((leaf.pte & bits) == bits) {
            break;
        }
        if (leaf.block->readonly || !riscv_pmp_allows(c, leaf.at, 8, TLB_WRITE, RISCV_S, NULL)) {
            return riscv_raise(c, access_fault(access), va);
        }
        if (update(leaf.host, leaf.block, leaf.off, leaf.pte, bits)) {
            break;
        }
    }
    *ret = behind(&leaf, va);
    return RISCV_OK;
}

bool riscv_walk_peek(struct riscv_cpu *c, uint64_t va, gpa *ret)
{
    struct leaf leaf;

    if (c->priv == RISCV_M || SATP_MODE(c->satp) == MODE_BARE) {
        *ret = va;
        return true;
    }
    if (find_leaf(c, va, TLB_READ, &leaf)) {
        return false;
    }
    *ret = behind(&leaf, va);
    return true;
}
