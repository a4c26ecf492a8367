/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87's exceptions and bookkeeping that all its instructions share. SDM volume 1, 8.1, 8.4-8.7.
 */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"

void x87_update_summary(struct x86_cpu *c)
{
    bool pending = c->fpu.status & ~c->fpu.control & FP_FLAGS;

    c->fpu.status &= (uint16_t) ~(X87_SW_ES | X87_SW_B);
    if (pending) {
        c->fpu.status |= X87_SW_ES | X87_SW_B;
        return;
    }
    if (c->ferr) {
        c->ferr = c->ignne = false;
        irq_set(&c->ferr_irq, false);
    }
}

enum x86_status x87_wait(struct x86_cpu *c)
{
    if (G_LIKELY(!(c->fpu.status & X87_SW_ES))) {
        return X86_OK;
    }
    if (c->cr0 & CR0_NE) {
        return x86_raise(c, VEC_MF);
    }
    if (c->ignne) {
        return X86_OK;
    }
    if (!c->ferr) {
        c->ferr = true;
        irq_set(&c->ferr_irq, true);
    }
    x86_completed(c, 1); /* where time is counted in instructions, it goes on while this waits */
    return X86_REPEAT;
}

void x87_reset(struct x86_cpu *c)
{
    c->fpu.control = X87_CW_INIT;
    c->fpu.status = 0;
    c->fpu.tag = 0;
    c->fpu.opcode = 0;
    c->fpu.ip = c->fpu.dp = 0;
    c->fpu.cs = c->fpu.ds = 0;
    x87_update_summary(c);
}

void x87_note_insn(struct x86_cpu *c, const struct x86_insn *in)
{
    bool real = !(c->mode & MODE_PROT);

    c->fpu.opcode = (uint16_t)((in->opcode & 7) << 8 | in->modrm);
    c->fpu.ip = real ? c->seg[SEG_CS].base + c->rip : c->rip;
    c->fpu.cs = c->mode & MODE_CODE64 ? 0 : c->seg[SEG_CS].selector;
    if (in->flags & INSN_MEM) {
        c->fpu.dp = x86_ea(c, in) + (real ? c->seg[in->seg].base : 0);
        c->fpu.ds = c->mode & MODE_CODE64 ? 0 : c->seg[in->seg].selector;
    }
}

struct fp_env x87_env(const struct x86_cpu *c)
{
    static const uint8_t precision[4] = {24, 53, 53, 64};

    return (struct fp_env){
        .rules = &fp_rules_x87,
        .rounding = c->fpu.control >> 10 & 3,
        .precision = precision[c->fpu.control >> 8 & 3],
        .unmasked = ~c->fpu.control & FP_FLAGS,
    };
}

bool x87_settle(struct x86_cpu *c, const struct fp_env *env)
{
    uint8_t flags = env->flags;
    bool deliver = !(flags & env->unmasked & FP_PRE_FLAGS);

    if (!deliver) {
        flags &= FP_PRE_FLAGS;
    }
    x87_set_condition(c, X87_SW_C1, deliver && env->rounded_up ? X87_SW_C1 : 0);
    c->fpu.status |= flags;
    if (G_UNLIKELY(flags & env->unmasked)) {
        x87_update_summary(c);
    }
    return deliver;
}

bool x87_stack_fault(struct x86_cpu *c, bool overflow)
{
    x87_set_condition(c, X87_SW_C1, overflow ? X87_SW_C1 : 0);
    c->fpu.status |= FP_INVALID | X87_SW_SF;
    x87_update_summary(c);
    return c->fpu.control & FP_INVALID;
}
