/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all generated code shares: which register is what, and the vCPU's struct as memory. */
#ifndef VIV_MACHINE_JIT_X86_64_FRAME_H
#define VIV_MACHINE_JIT_X86_64_FRAME_H

#include "machine/jit/x86_64/host.h"

#define CPU RBP

/* `offset` from the vCPU's struct. */
static inline struct host_mem frame_mem(const struct host *h, int32_t offset)
{
    return (struct host_mem){CPU, NO_REG, offset - h->target->middle};
}

static inline bool frame_callee_saved(unsigned r)
{
    return r == RBX || r >= R12;
}

#endif
