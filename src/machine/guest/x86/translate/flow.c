/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Near jumps, calls and returns. Intel SDM volume 2. */
#include "machine/guest/x86/translate/translator.h"

static unsigned canonical_shift(const struct x86_translator *t)
{
    return t->c->cr4 & CR4_LA57 ? 7 : 16;
}

static bool is_canonical(const struct x86_translator *t, uint64_t v)
{
    unsigned shift = canonical_shift(t);

    return (uint64_t)((int64_t)(v << shift) >> shift) == v;
}

static void put_check(struct x86_translator *t, uint8_t target)
{
    unsigned call = x86_put_function(t, x86_call_bad_target, true);

    put_imm(t, IR_check, IR_NONE, target, call)->cond = canonical_shift(t);
}

static unsigned new_exit(struct x86_translator *t, uint64_t target)
{
    t->u->target[t->exits] = target;
    return t->exits++;
}

static uint64_t relative(const struct x86_translator *t)
{
    return t->follows + t->in->imm;
}

/* The return address; what the store finds changed, the jump that follows sees. */
static void push_return(struct x86_translator *t)
{
    put_imm(t, IR_mov, T1, IR_NONE, t->follows);
    x86_put_store(t, T1, 8, RSP, -8, IR_STACK | IR_LATE);
    put_imm(t, IR_sub, RSP, RSP, 8);
}

static enum x86_next call_relative(struct x86_translator *t)
{
    if (t->in->osize != 8 || !is_canonical(t, relative(t))) {
        return NEXT_CALLS;
    }
    x86_store_kind(t);
    push_return(t);
    put(t, IR_jump, new_exit(t, relative(t)), IR_NONE, IR_NONE)->cond = IR_JUMP_LOOKS;
    return NEXT_ENDS;
}

static enum x86_next jump_relative(struct x86_translator *t)
{
    if (t->in->osize != 8 || !is_canonical(t, relative(t))) {
        return NEXT_CALLS;
    }
    x86_store_kind(t);
    put(t, IR_jump, new_exit(t, relative(t)), IR_NONE, IR_NONE);
    return NEXT_ENDS;
}

static enum x86_next jump_indirect(struct x86_translator *t, bool calls)
{
    uint8_t v;

    if (t->in->osize != 8) {
        return NEXT_CALLS;
    }
    v = x86_get_rm(t, 8, T2);
    put_check(t, v);
    x86_store_kind(t);
    if (calls) {
        if (v == RSP) {
            put_mov(t, T2, v);
            v = T2;
        }
        push_return(t);
    }
    put(t, IR_jump_to, IR_NONE, v, IR_NONE);
    return NEXT_ENDS;
}

static enum x86_next put_return(struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    int64_t release = in->opcode == 0xc2 ? (uint16_t)in->imm : 0;

    if (in->osize != 8) {
        return NEXT_CALLS;
    }
    x86_put_load(t, T2, 8, RSP, 0, IR_STACK);
    put_check(t, T2);
    x86_store_kind(t);
    put_imm(t, IR_add, RSP, RSP, 8 + release);
    put(t, IR_jump_to, IR_NONE, T2, IR_NONE);
    return NEXT_ENDS;
}

enum x86_next x86_translate_flow(struct x86_translator *t)
{
    switch (t->in->opcode) {
    case 0xc2:
    case 0xc3: return put_return(t);
    case 0xe8: return call_relative(t);
    case 0xe9:
    case 0xeb: return jump_relative(t);
    case 0xff: return jump_indirect(t, (t->in->modrm >> 3 & 7) == 2);
    default: return NEXT_CALLS;
    }
}

enum x86_next x86_translate_jcc(struct x86_translator *t)
{
    struct x86_test test;

    if (t->in->osize != 8 || !is_canonical(t, relative(t))) {
        return NEXT_CALLS;
    }
    test = x86_put_test(t, t->in->opcode & 15);
    x86_store_kind(t);
    ir_put(t->u, IR_branch, new_exit(t, relative(t)), test.a, test.b, test.imm)->cond = test.cond;
    return NEXT_GOES_ON;
}
