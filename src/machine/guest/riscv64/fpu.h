/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What instructions of F and D share: the registers, and whether they may be touched. */
#ifndef VIV_MACHINE_GUEST_RISCV64_FPU_H
#define VIV_MACHINE_GUEST_RISCV64_FPU_H

#include "machine/guest/riscv64/state.h"

/* A single in a register that could hold a double (volume I, 12.2). */
#define RISCV_BOX UINT64_C(0xffffffff00000000)

static inline bool riscv_float_off(const struct riscv_cpu *c)
{
    return !(c->mstatus & MSTATUS_FS);
}

/* The floating-point state differs from what was saved (mstatus.FS: dirty). */
static inline void riscv_float_dirty(struct riscv_cpu *c)
{
    c->mstatus |= MSTATUS_FS;
}

static inline void riscv_float_set(struct riscv_cpu *c, unsigned rd, uint64_t value)
{
    c->f[rd] = value;
    riscv_float_dirty(c);
}

#endif
