/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vectors by the host's own instructions. Each is always in memory, and in the host register of its
 * number from its first use in a unit until something is called; the last two have none and work.
 */
#include "machine/jit/x86_64/emit.h"

enum { WORK_D = 14, WORK_B = 15, NAMED = 14 };

#define MOVAPS_LOAD  0x28
#define MOVAPS_STORE 0x29
#define FLAGS_TESTED 0x45 /* ZF, PF and CF; the others are 0 */

static struct host_mem home(const struct emitter *e, unsigned n)
{
    const struct ir_target *t = e->h->target;

    return frame_mem(e->h, t->vectors + (int32_t)n * t->vector_stride);
}

static void load_home(struct emitter *e, unsigned xmm, unsigned n)
{
    asm_sse_rm(&e->a, 0, false, MOVAPS_LOAD, xmm, home(e, n));
}

void emit_reload_vectors(struct emitter *e, unsigned vectors)
{
    for (unsigned n = 0; n < NAMED; n++) {
        if (vectors >> n & 1) {
            load_home(e, n, n);
        }
    }
}

/* Where the vector is; `work` for one without a register. */
static unsigned in_xmm(struct emitter *e, unsigned n, unsigned work)
{
    if (n >= NAMED) {
        load_home(e, work, n);
        return work;
    }
    if (!(e->vectors >> n & 1)) {
        load_home(e, n, n);
        e->vectors |= 1u << n;
    }
    return n;
}

/* Where the result is made. */
static unsigned result_xmm(struct emitter *e, unsigned n, const struct ir_vector *v)
{
    if (v->flags & IR_VECTOR_NEW) {
        return n < NAMED ? n : WORK_D;
    }
    return in_xmm(e, n, WORK_D);
}

static void finish(struct emitter *e, unsigned n, unsigned xmm)
{
    asm_sse_rm(&e->a, 0, false, MOVAPS_STORE, xmm, home(e, n));
    if (n < NAMED) {
        e->vectors |= 1u << n;
    }
}

static int immediate(const struct ir_vector *v)
{
    return v->flags & IR_VECTOR_IMM ? v->imm : -1;
}

static void put_rr(struct emitter *e, const struct ir_vector *v, unsigned reg, unsigned rm)
{
    asm_vector_rr(&e->a, v->prefix, v->map, v->wide, v->code, reg, rm, immediate(v));
}

static void put_rm(struct emitter *e, const struct ir_vector *v, unsigned reg, struct host_mem m)
{
    asm_vector_rm(&e->a, v->prefix, v->map, v->wide, v->code, reg, m, immediate(v));
}

static void put_registers(struct emitter *e, const struct ir_op *o, const struct ir_vector *v)
{
    unsigned from = v->flags & IR_VECTOR_EXT ? 0 : in_xmm(e, o->b, WORK_B);
    unsigned to = result_xmm(e, o->d, v);

    if (v->flags & IR_VECTOR_EXT) {
        put_rr(e, v, v->ext, to);
    } else {
        put_rr(e, v, to, from);
    }
    finish(e, o->d, to);
}

static void put_integer(struct emitter *e, const struct ir_op *o, const struct ir_vector *v)
{
    struct place x = emit_locate(e, o->a);
    unsigned to = result_xmm(e, o->d, v);

    if (x.kind == IN_REG) {
        put_rr(e, v, to, x.reg);
    } else {
        put_rm(e, v, to, x.mem);
    }
    emit_forget_last(e, o);
    finish(e, o->d, to);
}

static void get_integer(struct emitter *e, const struct ir_op *o, const struct ir_vector *v)
{
    unsigned from = in_xmm(e, o->b, WORK_B), to = emit_result_reg(e, o->d, NULL, 0);

    if (v->flags & IR_VECTOR_TURNED) {
        put_rr(e, v, from, to);
    } else {
        put_rr(e, v, to, from);
    }
    emit_finish(e, o->d, to);
}

static void finish_flags(struct emitter *e, const struct ir_op *o)
{
    asm_flags_to_rax(&e->a);
    asm_alu_ri(&e->a, false, ALU_AND, RAX, FLAGS_TESTED);
    emit_finish(e, o->d, RAX);
}

static void test_registers(struct emitter *e, const struct ir_op *o, const struct ir_vector *v)
{
    unsigned x = in_xmm(e, o->b, WORK_D), y = in_xmm(e, o->cond, WORK_B);

    emit_evict_all(e);
    put_rr(e, v, x, y);
    finish_flags(e, o);
}

/* With memory: temporaries are in memory, too. */
static void put_memory(struct emitter *e, const struct ir_op *o, const struct ir_vector *v)
{
    struct host_mem m = {RAX, NO_REG, 0};
    struct stub *stubs[2] = {NULL, NULL};
    bool write = o->op == IR_vec_store;
    unsigned reg;

    if (v->flags & IR_VECTOR_ALIGNED) {
        emit_aligned_address(e, o, v->size, write, stubs);
    } else {
        stubs[0] = emit_address(e, o, v->size, 0, write);
    }
    switch ((enum ir_opcode)o->op) {
    case IR_vec_load:
        reg = result_xmm(e, o->d, v);
        put_rm(e, v, reg, m);
        finish(e, o->d, reg);
        break;
    case IR_vec_get_load:
        reg = emit_result_reg(e, o->d, NULL, 0);
        put_rm(e, v, reg, m);
        emit_finish(e, o->d, reg);
        break;
    case IR_vec_test_load:
        put_rm(e, v, in_xmm(e, o->b, WORK_B), m);
        finish_flags(e, o);
        break;
    default: put_rm(e, v, in_xmm(e, o->b, WORK_B), m); break;
    }
    emit_forget_last(e, o);
    for (unsigned i = 0; i < 2 && stubs[i]; i++) {
        stubs[i]->back = e->a.at;
        stubs[i]->vectors = e->vectors;
    }
}

void emit_vector(struct emitter *e, const struct ir_op *o)
{
    const struct ir_vector v = ir_vector_of(o->imm);

    if (v.flags & IR_VECTOR_FLOAT) {
        emit_begin_floats(e);
    }
    switch ((enum ir_opcode)o->op) {
    case IR_vec: put_registers(e, o, &v); break;
    case IR_vec_put: put_integer(e, o, &v); break;
    case IR_vec_get: get_integer(e, o, &v); break;
    case IR_vec_test: test_registers(e, o, &v); break;
    default: put_memory(e, o, &v); break;
    }
}
