/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stack that is pushed to or popped from before registers change: far transfers, interrupts and
 * IRET work on one of these and commit at the end, so that a fault leaves the CPU as it was.
 */
#ifndef VIV_MACHINE_GUEST_X86_STACK_H
#define VIV_MACHINE_GUEST_X86_STACK_H

#include "machine/guest/x86/insn.h"

struct x86_stack {
    struct x86_seg seg;
    uint64_t sp;
    uint64_t mask;   /* of the stack pointer: 16, 32 or 64 bits */
    unsigned regime; /* whose privilege the accesses have */
    uint32_t error;  /* error code of #SS */
};

/* The current stack. */
void x86_stack_current(const struct x86_cpu *c, struct x86_stack *ret);
/* Another one, of privilege `cpl`; `wide`: 64-bit. `error` goes with #SS. */
void x86_stack_other(const struct x86_cpu *c, const struct x86_seg *seg, uint64_t sp, unsigned cpl,
                     bool wide, uint32_t error, struct x86_stack *ret);

/* size 2, 4, 8; #SS or #PF. */
enum x86_status x86_stack_push(struct x86_cpu *c, struct x86_stack *s, unsigned size,
                               uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_stack_pop(struct x86_cpu *c, struct x86_stack *s, unsigned size,
                              uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
/* Writes the stack pointer back to RSP, as wide as the stack is. */
void x86_stack_commit(struct x86_cpu *c, const struct x86_stack *s);

#endif
