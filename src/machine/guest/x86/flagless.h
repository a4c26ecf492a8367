/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flags that nobody reads. A shift, a rotate or an INC of a register, followed by an instruction on
 * registers that sets all flags, need not compute its own: nothing between the two can fault, read
 * flags or leave the block. Where a block is not run as a whole (a budget's end, single steps, the
 * code segment's limit) the exact handler runs instead: the row's own.
 */
#ifndef VIV_MACHINE_GUEST_X86_FLAGLESS_H
#define VIV_MACHINE_GUEST_X86_FLAGLESS_H

#include "machine/guest/x86/insn.h"

/* Gives the instructions of a block whose flags are dead their flagless handlers. */
void x86_flagless_mark(struct x86_insn *insn, unsigned n);

/* The handler that also sets the flags. */
static inline x86_fn x86_flagless_exact(const struct x86_cpu *c, const struct x86_insn *in)
{
    return in->flags & INSN_FLAGLESS ? x86_decoder_row(c->decoder, in->row)
                                           ->fn[in->osize == 8   ? 2
                                                : in->osize == 4 ? 1
                                                                 : 0]
                                     : in->fn;
}

#endif
