/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks of every paging mode.
 *
 *   32-bit:   CR3 -> PDE (4 MiB page with PSE) -> PTE
 *   PAE:      PDPTE registers -> PDE (2 MiB) -> PTE
 *   4 levels: CR3 -> PML4E -> PDPTE (1 GiB) -> PDE (2 MiB) -> PTE; 5 levels: PML5E before them
 *
 * Accessed and dirty bits are set last, by compare and exchange, when nothing can fault any more;
 * an entry that changed meanwhile starts the walk anew. Intel SDM volume 3, chapter 4.
 */
#include "machine/guest/x86/walk.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/system/cpuid.h"

#define PTE_P  UINT64_C(0x001)
#define PTE_RW UINT64_C(0x002)
#define PTE_US UINT64_C(0x004)
#define PTE_A  UINT64_C(0x020)
#define PTE_D  UINT64_C(0x040)
#define PTE_PS UINT64_C(0x080)
#define PTE_NX (UINT64_C(1) << 63)

#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

#define PDPTE_RESERVED UINT64_C(0xfff00000000001e6) /* PAE registers, less the address bits */

enum pf_error {
    PF_P = 1 << 0,
    PF_W = 1 << 1,
    PF_U = 1 << 2,
    PF_RSVD = 1 << 3,
    PF_I = 1 << 4,
};

#define MAX_LEVELS 5

struct step { /* one entry that was read */
    gpa addr;
    uint64_t entry;
};

struct walk {
    struct x86_cpu *c;
    uint64_t linear;
    bool peek;           /* no side effects, no MMIO */
    unsigned entry_size; /* 4 or 8 */
    unsigned n;
    struct step step[MAX_LEVELS];
    bool writable, user, no_execute; /* of all levels together */
    gpa result;
};

enum verdict { WALK_OK, WALK_NOT_PRESENT, WALK_RESERVED };

/* Host address of an aligned entry in RAM, or NULL. */
static uint8_t *entry_host(struct x86_cpu *c, gpa addr, struct ram_block **ret_block, gpa *ret_off)
{
    const struct bus_range *range = bus_find(bus_view(c->cpu.memory), addr, NULL);

    if (!range || range->region->kind == BUS_IO || range->last - addr < 7) {
        return NULL;
    }
    gpa off = range->region->ram_offset + range->off + (addr - range->start);

    *ret_block = range->readonly || range->region->kind == BUS_ROM ? NULL : range->region->ram;
    *ret_off = off;
    return range->region->ram->host + off;
}

static uint64_t read_entry(struct walk *w, gpa addr)
{
    struct ram_block *block;
    gpa off;
    const uint8_t *host;
    uint64_t value = 0;

    addr = x86_gate(w->c, addr);
    host = entry_host(w->c, addr, &block, &off);
    if (host) {
        value = w->entry_size == 8 ? ram_ld64(host) : ram_ld32(host);
    } else if (!w->peek &&
               w->c->cpu.upcalls->mem_read(&w->c->cpu, addr, w->entry_size, &value) != BUS_OK) {
        value = w->entry_size == 8 ? UINT64_MAX : UINT32_MAX;
    }
    w->step[w->n].addr = addr;
    w->step[w->n].entry = value;
    w->n++;
    w->writable &= (value & PTE_RW) != 0;
    w->user &= (value & PTE_US) != 0;
    return value;
}

static uint64_t high_reserved(const struct x86_cpu *c)
{
    return PTE_ADDRESS & ~((UINT64_C(1) << c->features->phys_bits) - 1);
}

/* Reserved bits of an eight-byte entry; level 0 is the page table. */
static uint64_t reserved_bits(const struct x86_cpu *c, unsigned level, bool leaf)
{
    uint64_t bits = high_reserved(c);

    if (!(c->msr.efer & EFER_NXE)) {
        bits |= PTE_NX;
    }
    if (!(c->mode & MODE_LONG)) {
        bits |= UINT64_C(0x7ff) << 52;
    }
    if (level >= 3 || (level == 2 && !x86_has(c->features, X86_FEAT_PDPE1GB))) {
        bits |= PTE_PS;
    }
    if (leaf && level > 0) {
        bits |= ((UINT64_C(1) << (12 + 9 * level)) - 1) & ~UINT64_C(0x1fff);
    }
    return bits;
}

static enum verdict walk_wide(struct walk *w, gpa table, unsigned level)
{
    for (;; level--) {
        unsigned shift = 12 + 9 * level;
        uint64_t entry = read_entry(w, table + (w->linear >> shift & 511) * 8);
        bool leaf = level == 0 || (level <= 2 && (entry & PTE_PS));

        if (!(entry & PTE_P)) {
            return WALK_NOT_PRESENT;
        }
        if (entry & reserved_bits(w->c, level, leaf)) {
            return WALK_RESERVED;
        }
        w->no_execute |= entry >> 63;
        if (leaf) {
            uint64_t mask = (UINT64_C(1) << shift) - 1;

            w->result = (entry & PTE_ADDRESS & ~mask) | (w->linear & mask);
            return WALK_OK;
        }
        table = entry & PTE_ADDRESS;
    }
}

static enum verdict walk_pae(struct walk *w)
{
    uint64_t pdpte = w->c->pdpte[w->linear >> 30 & 3];

    return pdpte & PTE_P ? walk_wide(w, pdpte & PTE_ADDRESS, 1) : WALK_NOT_PRESENT;
}

/* A 4 MiB page; with PSE-36 bits 13..20 hold bits 32..39 of the address. */
static enum verdict walk_large(struct walk *w, uint64_t pde)
{
    unsigned phys_bits = MIN(w->c->features->phys_bits, 40);
    uint64_t reserved = UINT64_C(1) << 21;
    gpa high = 0;

    if (x86_has(w->c->features, X86_FEAT_PSE36) && phys_bits > 32) {
        high = (pde >> 13 & 0xff) << 32;
        reserved |= (UINT64_C(0x1fe000) << (phys_bits - 32)) & UINT64_C(0x1fe000);
    } else {
        reserved |= UINT64_C(0x1fe000);
    }
    if (pde & reserved) {
        return WALK_RESERVED;
    }
    w->result = high | (pde & 0xffc00000) | (w->linear & 0x3fffff);
    return WALK_OK;
}

static enum verdict walk_narrow(struct walk *w)
{
    gpa table = w->c->cr3 & 0xfffff000;
    uint64_t pde = read_entry(w, table + (w->linear >> 22 & 1023) * 4);

    if (!(pde & PTE_P)) {
        return WALK_NOT_PRESENT;
    }
    if ((pde & PTE_PS) && (w->c->cr4 & CR4_PSE)) {
        return walk_large(w, pde);
    }
    uint64_t pte = read_entry(w, (pde & 0xfffff000) + (w->linear >> 12 & 1023) * 4);

    if (!(pte & PTE_P)) {
        return WALK_NOT_PRESENT;
    }
    w->result = (pte & 0xfffff000) | (w->linear & 0xfff);
    return WALK_OK;
}

static enum verdict walk_tables(struct walk *w)
{
    struct x86_cpu *c = w->c;

    w->n = 0;
    w->writable = w->user = true;
    w->no_execute = false;
    w->entry_size = c->cr4 & CR4_PAE ? 8 : 4;
    if (c->mode & MODE_LONG) {
        return walk_wide(w, c->cr3 & PTE_ADDRESS, c->cr4 & CR4_LA57 ? 4 : 3);
    }
    return c->cr4 & CR4_PAE ? walk_pae(w) : walk_narrow(w);
}

/* FALSE: somebody changed an entry since it was read. */
static bool set_bits(struct walk *w, bool dirty)
{
    for (unsigned i = 0; i < w->n; i++) {
        struct step *s = &w->step[i];
        uint64_t want = s->entry | PTE_A | (dirty && i == w->n - 1 ? PTE_D : 0);
        struct ram_block *block;
        gpa off;
        uint8_t *host = want == s->entry ? NULL : entry_host(w->c, s->addr, &block, &off);

        if (!host || !block) {
            continue; /* nothing to do, or the table is not in RAM */
        }
        uint32_t entry32 = s->entry;
        bool same =
            w->entry_size == 8
                ? __atomic_compare_exchange_n((uint64_t *)(void *)host, &s->entry, want, false,
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
                : __atomic_compare_exchange_n((uint32_t *)(void *)host, &entry32, (uint32_t)want,
                                              false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        if (!same) {
            return false;
        }
        if (ram_wrote(block, off, w->entry_size)) {
            w->c->code_changed = true;
        }
    }
    return true;
}

static bool is_user(unsigned regime)
{
    return regime == REGIME_USER || regime == REGIME_USER_ALIGN;
}

/* TRUE if a completed walk allows the access. */
static bool allowed(const struct walk *w, enum tlb_access access, unsigned regime)
{
    const struct x86_cpu *c = w->c;

    if (access == TLB_FETCH) {
        return !w->no_execute && (is_user(regime) ? w->user : !(w->user && (c->cr4 & CR4_SMEP)));
    }
    if (is_user(regime)) {
        return w->user && (access == TLB_READ || w->writable);
    }
    if (w->user && (c->cr4 & CR4_SMAP) && regime != REGIME_SUPERVISOR_AC) {
        return false;
    }
    return access == TLB_READ || w->writable || !(c->cr0 & CR0_WP);
}

static uint32_t error_code(const struct x86_cpu *c, enum tlb_access access, unsigned regime)
{
    uint32_t error = access == TLB_WRITE ? PF_W : 0;

    if (is_user(regime)) {
        error |= PF_U;
    }
    if (access == TLB_FETCH &&
        ((c->cr4 & CR4_SMEP) || ((c->cr4 & CR4_PAE) && (c->msr.efer & EFER_NXE)))) {
        error |= PF_I;
    }
    return error;
}

bool x86_is_canonical(const struct x86_cpu *c, uint64_t linear)
{
    unsigned spare = c->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

    return !(c->mode & MODE_LONG) || (uint64_t)((int64_t)(linear << spare) >> spare) == linear;
}

enum x86_status x86_walk(struct x86_cpu *c, uint64_t linear, enum tlb_access access,
                         unsigned regime, gpa *ret)
{
    struct walk w = {.c = c, .linear = linear};
    uint32_t error;

    if (!(c->cr0 & CR0_PG)) {
        *ret = x86_gate(c, (uint32_t)linear);
        return X86_OK;
    }
    if (!x86_is_canonical(c, linear)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    error = error_code(c, access, regime);
    do {
        switch (walk_tables(&w)) {
        case WALK_NOT_PRESENT: return x86_raise_page_fault(c, linear, error);
        case WALK_RESERVED: return x86_raise_page_fault(c, linear, error | PF_P | PF_RSVD);
        case WALK_OK: break;
        }
        if (!allowed(&w, access, regime)) {
            return x86_raise_page_fault(c, linear, error | PF_P);
        }
    } while (!set_bits(&w, access == TLB_WRITE));
    *ret = x86_gate(c, w.result);
    return X86_OK;
}

bool x86_walk_peek(struct x86_cpu *c, uint64_t linear, gpa *ret)
{
    struct walk w = {.c = c, .linear = linear, .peek = true};

    if (!(c->cr0 & CR0_PG)) {
        *ret = x86_gate(c, (uint32_t)linear);
        return true;
    }
    if (!x86_is_canonical(c, linear) || walk_tables(&w) != WALK_OK) {
        return false;
    }
    *ret = x86_gate(c, w.result);
    return true;
}

enum x86_status x86_load_pdptes(struct x86_cpu *c, uint64_t cr3)
{
    struct walk w = {.c = c, .entry_size = 8};
    uint64_t pdpte[4];

    for (unsigned i = 0; i < 4; i++) {
        w.n = 0;
        pdpte[i] = read_entry(&w, (cr3 & 0xffffffe0) + i * 8);
        if ((pdpte[i] & PTE_P) && (pdpte[i] & (PDPTE_RESERVED | high_reserved(c)))) {
            return x86_raise_error(c, VEC_GP, 0);
        }
    }
    memcpy(c->pdpte, pdpte, sizeof(pdpte));
    return X86_OK;
}
