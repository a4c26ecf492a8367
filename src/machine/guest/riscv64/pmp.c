/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical memory protection: volume II, 3.7. */
#include "machine/guest/riscv64/memory.h"

#define PMP_R 0x01
#define PMP_W 0x02
#define PMP_X 0x04
#define PMP_L 0x80

enum pmp_mode { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

/* What entry `i` covers: [*ret_first, *ret_last]; FALSE: nothing. */
static bool covers(const struct riscv_cpu *c, unsigned i, gpa *ret_first, gpa *ret_last)
{
    uint64_t addr = c->pmpaddr[i];
    unsigned ones;

    switch ((enum pmp_mode)(c->pmpcfg[i] >> 3 & 3)) {
    case PMP_OFF: return false;
    case PMP_TOR:
        *ret_first = i ? c->pmpaddr[i - 1] << 2 : 0;
        *ret_last = (addr << 2) - 1;
        return *ret_first < addr << 2;
    case PMP_NA4:
        *ret_first = addr << 2;
        *ret_last = *ret_first + 3;
        return true;
    case PMP_NAPOT: break;
    }
    ones = ~addr ? __builtin_ctzll(~addr) : 64;
    if (ones >= 54) {
        *ret_first = 0;
        *ret_last = UINT64_MAX;
        return true;
    }
    *ret_first = (addr & ~((UINT64_C(1) << ones) - 1)) << 2;
    *ret_last = *ret_first + (UINT64_C(8) << ones) - 1;
    return true;
}

static bool permits(uint8_t cfg, enum tlb_access access, unsigned priv)
{
    static const uint8_t needs[TLB_ACCESSES] = {
        [TLB_READ] = PMP_R, [TLB_WRITE] = PMP_W, [TLB_FETCH] = PMP_X};

    return (priv == RISCV_M && !(cfg & PMP_L)) || (cfg & needs[access]);
}

bool riscv_pmp_allows(const struct riscv_cpu *c, gpa addr, unsigned size, enum tlb_access access,
                      unsigned priv, bool *ret_whole_page)
{
    gpa page = addr & TLB_PAGE_MASK, page_last = page + RAM_PAGE_SIZE - 1;
    bool whole = true;

    for (unsigned i = 0; i < RISCV_PMP_ENTRIES; i++) {
        gpa first, last;

        if (!covers(c, i, &first, &last) || first > page_last || last < page) {
            continue;
        }
        whole = whole && first <= page && last >= page_last;
        if (first > addr + size - 1 || last < addr) {
            continue;
        }
        if (ret_whole_page) {
            *ret_whole_page = whole;
        }
        return first <= addr && last >= addr + size - 1 && permits(c->pmpcfg[i], access, priv);
    }
    if (ret_whole_page) {
        *ret_whole_page = whole;
    }
    return priv == RISCV_M;
}
