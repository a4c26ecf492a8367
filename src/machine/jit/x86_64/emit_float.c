/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Floating point by SSE2 and FMA, whose results and flags are those of IEEE 754 with tininess seen
 * after rounding. What architectures have different, NaNs as results, goes to the call.
 */
#include "machine/jit/x86_64/emit.h"

#define XMM0 0
#define XMM1 1

#define PREFIX_S  0xf3
#define PREFIX_D  0xf2
#define MOVE_TO   0x10
#define MOVE_FROM 0x11
#define UCOMIS    0x2e
#define COMIS     0x2f
#define CVT_FROM  0x2a /* from an integer */
#define CVT_CHOP  0x2c
#define CVT_TO    0x2d
#define CVT_WIDTH 0x5a

struct op {
    struct emitter *e;
    const struct ir_op *o;
    bool wide; /* doubles */
    unsigned prefix, compare_prefix;
    unsigned n_stubs;
    struct stub *stubs[5];
};

/* The call does it when `cc` holds. */
static void call_if(struct op *f, enum host_cond cc)
{
    f->stubs[f->n_stubs++] = emit_stub(f->e, f->o, asm_jcc(&f->e->a, cc, NULL));
}

static struct host_mem home(const struct op *f, uint8_t value)
{
    return frame_mem(f->e->h, f->e->h->target->reg[value]);
}

/* A single lives in the lower half, with ones above. */
static void check_single(struct op *f, uint8_t value, bool wide)
{
    struct host_mem upper = home(f, value);

    if (!wide) {
        upper.disp += 4;
        asm_alu_mi(&f->e->a, false, ALU_CMP, upper, -1);
        call_if(f, CC_NE);
    }
}

static void load(struct op *f, unsigned xmm, uint8_t value)
{
    asm_sse_rm(&f->e->a, f->prefix, false, MOVE_TO, xmm, home(f, value));
}

/* xmm0 becomes d, of the given width. */
static void store(struct op *f, bool wide)
{
    struct host_mem m = home(f, f->o->d);

    asm_sse_rm(&f->e->a, wide ? PREFIX_D : PREFIX_S, false, MOVE_FROM, XMM0, m);
    if (!wide) {
        m.disp += 4;
        asm_store_imm(&f->e->a, false, m, -1);
    }
}

static void unless_nan(struct op *f, bool wide)
{
    asm_sse_rr(&f->e->a, wide ? 0x66 : 0, false, UCOMIS, XMM0, XMM0);
    call_if(f, CC_P);
}

static void put_binary(struct op *f, unsigned code)
{
    check_single(f, f->o->a, f->wide);
    if (f->o->b != f->o->a) {
        check_single(f, f->o->b, f->wide);
    }
    load(f, XMM0, f->o->a);
    asm_sse_rm(&f->e->a, f->prefix, false, code, XMM0, home(f, f->o->b));
    unless_nan(f, f->wide);
    store(f, f->wide);
}

static void put_root(struct op *f)
{
    check_single(f, f->o->a, f->wide);
    asm_sse_rm(&f->e->a, f->prefix, false, 0x51, XMM0, home(f, f->o->a));
    unless_nan(f, f->wide);
    store(f, f->wide);
}

static void put_fused(struct op *f)
{
    static const uint8_t codes[] = {0xb9, 0xbb, 0xbd, 0xbf}; /* by IR_FMADD and the rest */
    uint8_t c = IR_IMM_C(f->o->imm);

    check_single(f, f->o->a, f->wide);
    check_single(f, f->o->b, f->wide);
    check_single(f, c, f->wide);
    load(f, XMM0, c);
    load(f, XMM1, f->o->a);
    asm_fma(&f->e->a, f->wide, codes[f->o->cond - IR_FMADD], XMM0, XMM1, home(f, f->o->b));
    unless_nan(f, f->wide);
    store(f, f->wide);
}

static void put_compare(struct op *f)
{
    struct emitter *e = f->e;
    bool equal = f->o->cond == IR_FEQ;
    /* a < b is "above" of b and a, so that unordered ones are false. */
    uint8_t left = equal ? f->o->a : f->o->b, right = equal ? f->o->b : f->o->a;

    check_single(f, f->o->a, f->wide);
    check_single(f, f->o->b, f->wide);
    load(f, XMM0, left);
    asm_sse_rm(&e->a, f->compare_prefix, false, equal ? UCOMIS : COMIS, XMM0, home(f, right));
    if (equal) {
        asm_setcc(&e->a, CC_NP, RCX);
        asm_setcc(&e->a, CC_E, RAX);
        asm_alu_rr(&e->a, false, ALU_AND, RAX, RCX);
    } else {
        asm_setcc(&e->a, f->o->cond == IR_FLT ? CC_A : CC_AE, RAX);
    }
    asm_extend_rr(&e->a, 1, false, RAX, RAX);
    emit_finish(e, f->o->d, RAX);
}

static void put_from_integer(struct op *f, bool wide)
{
    struct place x = emit_locate(f->e, f->o->a);

    if (x.kind == IN_REG) {
        asm_sse_rr(&f->e->a, f->prefix, wide, CVT_FROM, XMM0, x.reg);
    } else {
        asm_sse_rm(&f->e->a, f->prefix, wide, CVT_FROM, XMM0, x.mem);
    }
    store(f, f->wide);
}

/* The smallest integer stands for those that there are none for: cmp with 1 overflows there only.
 */
static void put_to_integer(struct op *f, bool wide, unsigned code)
{
    struct emitter *e = f->e;

    check_single(f, f->o->a, f->wide);
    asm_sse_rm(&e->a, f->prefix, wide, code, RAX, home(f, f->o->a));
    asm_alu_ri(&e->a, wide, ALU_CMP, RAX, 1);
    call_if(f, CC_O);
    if (!wide) {
        asm_extend_rr(&e->a, 4, true, RAX, RAX);
    }
    emit_finish(e, f->o->d, RAX);
}

static void put_width(struct op *f)
{
    check_single(f, f->o->a, f->wide);
    asm_sse_rm(&f->e->a, f->prefix, false, CVT_WIDTH, XMM0, home(f, f->o->a));
    unless_nan(f, !f->wide);
    store(f, !f->wide);
}

static void put_kind(struct op *f)
{
    switch ((enum ir_float)f->o->cond) {
    case IR_FADD: put_binary(f, 0x58); break;
    case IR_FSUB: put_binary(f, 0x5c); break;
    case IR_FMUL: put_binary(f, 0x59); break;
    case IR_FDIV: put_binary(f, 0x5e); break;
    case IR_FSQRT: put_root(f); break;
    case IR_FMADD:
    case IR_FMSUB:
    case IR_FNMSUB:
    case IR_FNMADD: put_fused(f); break;
    case IR_FEQ:
    case IR_FLT:
    case IR_FLE: put_compare(f); break;
    case IR_F_FROM_32: put_from_integer(f, false); break;
    case IR_F_FROM_64: put_from_integer(f, true); break;
    case IR_F_TO_32: put_to_integer(f, false, CVT_TO); break;
    case IR_F_TO_64: put_to_integer(f, true, CVT_TO); break;
    case IR_F_CHOP_32: put_to_integer(f, false, CVT_CHOP); break;
    case IR_F_CHOP_64: put_to_integer(f, true, CVT_CHOP); break;
    case IR_F_WIDTH: put_width(f); break;
    case IR_FLOATS: g_assert_not_reached();
    }
}

void emit_begin_floats(struct emitter *e)
{
    const struct ir_target *t = e->h->target;
    uint8_t *on;

    if (e->floats) {
        return;
    }
    asm_alu_mi(&e->a, false, ALU_CMP, frame_mem(e->h, t->floats), 0);
    on = asm_jcc(&e->a, CC_NE, NULL);
    asm_load_mxcsr(&e->a, frame_mem(e->h, t->status));
    asm_store_imm(&e->a, false, frame_mem(e->h, t->floats), 1);
    asm_patch(on, e->a.at);
    e->floats = true;
}

void emit_float(struct emitter *e, const struct ir_op *o)
{
    bool wide = o->imm & IR_WIDE, fused = o->cond >= IR_FMADD && o->cond <= IR_FNMADD;
    struct op f = {.e = e,
                   .o = o,
                   .wide = wide,
                   .prefix = wide ? PREFIX_D : PREFIX_S,
                   .compare_prefix = wide ? 0x66 : 0};

    if (fused && !e->h->fma) {
        emit_call(e, o);
        return;
    }
    emit_begin_floats(e);
    emit_evict_all(e);
    put_kind(&f);
    emit_forget_last(e, o);
    for (unsigned i = 0; i < f.n_stubs; i++) {
        f.stubs[i]->back = e->a.at;
    }
}
