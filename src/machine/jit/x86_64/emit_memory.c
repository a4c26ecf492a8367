/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leaves the straight path: accesses to memory, and calls. */
#include "machine/jit/x86_64/emit.h"

/* ---- memory ---- */

struct stub *emit_stub(struct emitter *e, const struct ir_op *o, uint8_t *from)
{
    struct stub *s = &e->stubs[e->n_stubs++];

    s->op = o;
    s->from = from;
    s->vectors = e->vectors;
    s->floats = e->floats;
    return s;
}

struct stub *emit_address(struct emitter *e, const struct ir_op *o, unsigned size, int32_t offset,
                          bool write)
{
    const struct ir_target *t = e->h->target;
    uint32_t mask = ((1u << t->tlb_bits) - 1) << 4;
    int32_t entry = (write ? t->tlb_write : t->tlb_read) + (int32_t)e->u->regime * t->tlb_stride;
    struct host_mem m = {CPU, RCX, entry - t->middle};
    struct place x;
    struct stub *s;

    emit_evict_all(e);
    x = emit_locate(e, o->a);
    if (x.kind == IN_REG && offset) {
        asm_lea(&e->a, true, RAX, (struct host_mem){x.reg, NO_REG, offset});
    } else {
        emit_move_to(e, RAX, &x);
        if (offset) {
            asm_alu_ri(&e->a, true, ALU_ADD, RAX, offset);
        }
    }
    asm_mov_rr(&e->a, false, RCX, RAX);
    asm_lea(&e->a, true, RDX, (struct host_mem){RAX, NO_REG, (int32_t)size - 1});
    asm_shift_ri(&e->a, false, SHIFT_SHR, RCX, t->page_bits - 4);
    asm_alu_ri(&e->a, true, ALU_AND, RDX, -(1 << t->page_bits));
    asm_alu_ri(&e->a, false, ALU_AND, RCX, mask);
    asm_alu_rm(&e->a, true, ALU_CMP, RDX, m);
    s = emit_stub(e, o, asm_jcc(&e->a, CC_NE, NULL));
    m.disp += 8;
    asm_alu_rm(&e->a, true, ALU_ADD, RAX, m);
    return s;
}

void emit_load(struct emitter *e, const struct ir_op *o)
{
    enum ir_width width = IR_WIDTH(o->cond);
    unsigned size = ir_width_size(width);
    struct stub *s = emit_address(e, o, size, o->imm, o->cond & IR_FOR_WRITE);
    struct host_mem m = {RAX, NO_REG, 0};
    unsigned to = emit_result_reg(e, o->d, NULL, 0);
    bool is_signed = width == IR_S8 || width == IR_S16 || width == IR_S32;

    if (size == 8) {
        asm_load(&e->a, true, to, m);
    } else {
        asm_extend_rm(&e->a, size, is_signed, to, m);
    }
    s->back = e->a.at;
    emit_forget_last(e, o);
    emit_finish(e, o->d, to);
}

/* What is stored, from emit_address() on: temporaries are in memory then. */
static struct place stored(const struct emitter *e, uint8_t value)
{
    if (value == IR_ZERO) {
        return (struct place){AS_IMM, NO_REG, {0}, 0};
    }
    if (value >= IR_TEMP) {
        return (struct place){IN_MEM, NO_REG, emit_spill(e, value - IR_TEMP), 0};
    }
    return emit_locate(e, value);
}

void emit_store(struct emitter *e, const struct ir_op *o)
{
    unsigned size = ir_width_size(IR_WIDTH(o->cond));
    struct stub *s = emit_address(e, o, size, o->imm, true);
    struct place y = stored(e, o->b);
    struct host_mem m = {RAX, NO_REG, 0};
    unsigned from = y.reg;

    if (y.kind != IN_REG) {
        from = RCX;
        emit_move_to(e, RCX, &y);
    }
    asm_store(&e->a, size, m, from);
    s->back = e->a.at;
    emit_forget_last(e, o);
}

/* at and rest of struct cpu_jit. */
static void note_insn(struct emitter *e, const struct ir_op *o)
{
    uint32_t rest = e->u->n_insns - o->insn - 1;

    asm_store_imm(&e->a, false, frame_mem(e->h, e->h->target->at), rest << 16 | o->insn);
}

static void fail_unless_ok(struct emitter *e)
{
    e->fails[e->n_fails++] = asm_jcc(&e->a, CC_NE, NULL);
}

/* ---- calls and slow accesses ---- */

static void sync_reg(struct emitter *e, uint8_t value, bool to_home)
{
    unsigned pin = value < IR_TEMP ? e->h->pin[value] : NO_REG;

    if (pin == NO_REG || !frame_callee_saved(pin)) {
        return; /* the routine does it */
    }
    if (to_home) {
        asm_store(&e->a, 8, frame_mem(e->h, e->h->target->reg[value]), pin);
    } else {
        asm_load(&e->a, true, pin, frame_mem(e->h, e->h->target->reg[value]));
    }
}

static void store_pc(struct emitter *e, int32_t offset, uint64_t pc)
{
    if (emit_fits32(pc)) {
        asm_store_imm(&e->a, true, frame_mem(e->h, offset), pc);
    } else {
        asm_mov_ri(&e->a, RAX, pc);
        asm_store(&e->a, 8, frame_mem(e->h, offset), RAX);
    }
}

/* Temporaries are in memory. */
static void put_call(struct emitter *e, const struct ir_op *o)
{
    const struct ir_call *c = &e->u->calls[IR_IMM_CALL(o->imm)];

    if (!c->sees_all) {
        sync_reg(e, o->a, true);
        sync_reg(e, o->b, true);
        sync_reg(e, o->d, true);
    }
    if (c->sees_pc) {
        store_pc(e, e->h->target->pc, e->u->pc + e->u->offset[o->insn]);
        if (e->h->target->next >= 0) {
            store_pc(e, e->h->target->next, e->u->pc + e->u->offset[o->insn + 1]);
        }
    }
    note_insn(e, o);
    asm_mov_ri(&e->a, RAX, (uintptr_t)c->fn);
    asm_mov_ri(&e->a, RCX, (uintptr_t)c->arg);
    asm_mov_ri(&e->a, RDX, e->u->key);
    asm_call(&e->a, c->sees_all ? e->h->call_all : e->h->call);
    if (!c->sees_all) {
        sync_reg(e, o->d, false);
    }
    fail_unless_ok(e);
}

static void write_slow_access(struct emitter *e, const struct ir_op *o)
{
    bool write = o->op == IR_store;

    note_insn(e, o);
    if (write) {
        struct place y = stored(e, o->b);

        emit_move_to(e, RCX, &y);
    }
    asm_mov_ri(&e->a, RDX, o->cond);
    asm_call(&e->a, write ? e->h->store : e->h->load);
    fail_unless_ok(e);
    if (!write) {
        unsigned to = o->d < IR_TEMP ? e->h->pin[o->d] : NO_REG;

        asm_load(&e->a, true, to == NO_REG ? RAX : to, frame_mem(e->h, e->h->target->value));
    }
}

void emit_write_stub(struct emitter *e, struct stub *s)
{
    const struct ir_op *o = s->op;

    if (s > e->stubs && s[-1].op == o) {
        s->code = s[-1].code; /* one for all of an operation's */
        asm_patch(s->from, s->code);
        return;
    }
    s->code = e->a.at;
    asm_patch(s->from, s->code);
    if (o->op == IR_load || o->op == IR_store) {
        write_slow_access(e, o);
    } else {
        put_call(e, o);
    }
    emit_reload_vectors(e, s->vectors);
    if (s->floats) {
        e->floats = false;
        emit_begin_floats(e);
    }
    asm_jmp(&e->a, s->back);
}

void emit_call(struct emitter *e, const struct ir_op *o)
{
    emit_evict_all(e);
    put_call(e, o);
    e->vectors = 0;
    e->floats = false;
}

/* The call does not come back to the unit, so temporaries may stay where they are. */
void emit_check(struct emitter *e, const struct ir_op *o)
{
    struct place x = emit_locate(e, o->a);
    unsigned r = emit_in_reg(e, &x, 0), work;
    struct stub *s;

    if (o->cond == IR_CHECK_ZERO) {
        asm_test_rr(&e->a, true, r, r);
    } else {
        work = emit_take(e, r < SCRATCH ? 1u << r : 0);
        asm_mov_rr(&e->a, true, work, r);
        asm_shift_ri(&e->a, true, SHIFT_SHL, work, o->cond);
        asm_shift_ri(&e->a, true, SHIFT_SAR, work, o->cond);
        asm_alu_rr(&e->a, true, ALU_CMP, work, r);
    }
    s = emit_stub(e, o, asm_jcc(&e->a, CC_NE, NULL));
    emit_forget_last(e, o);
    s->back = e->a.at;
}

/* ---- what is done at once with memory ---- */

/* The tag's low bits cannot tell, because they mark entries that must not be used. */
void emit_aligned_address(struct emitter *e, const struct ir_op *o, unsigned size, bool write,
                          struct stub *ret[2])
{
    struct place x;

    emit_evict_all(e);
    x = emit_locate(e, o->a);
    emit_move_to(e, RAX, &x);
    asm_alu_ri(&e->a, false, ALU_AND, RAX, (int32_t)size - 1);
    ret[0] = emit_stub(e, o, asm_jcc(&e->a, CC_NE, NULL));
    ret[1] = emit_address(e, o, size, 0, write);
}

static unsigned wide_size(const struct ir_op *o)
{
    return o->imm & IR_WIDE ? 8 : 4;
}

/* The old value, in rcx or rax, becomes d. */
static void finish_old(struct emitter *e, const struct ir_op *o, unsigned reg)
{
    if (o->d == IR_NONE) {
        return;
    }
    if (!(o->imm & IR_WIDE)) {
        asm_extend_rr(&e->a, 4, true, reg, reg);
    }
    emit_finish(e, o->d, reg);
}

/* and, or, xor: tried until nobody came between, where there is anybody. */
static void put_exchange_loop(struct emitter *e, const struct ir_op *o, const struct place *y)
{
    static const uint8_t ops[] = {
        [IR_AMO_AND] = ALU_AND, [IR_AMO_OR] = ALU_OR, [IR_AMO_XOR] = ALU_XOR};
    bool wide = o->imm & IR_WIDE;
    struct host_mem m = {RDX, NO_REG, 0};
    const uint8_t *again;

    asm_mov_rr(&e->a, true, RDX, RAX);
    asm_load(&e->a, wide, RAX, m);
    again = e->a.at;
    asm_mov_rr(&e->a, wide, RCX, RAX);
    emit_alu(e, wide, ops[o->cond], RCX, y);
    if (e->h->parallel) {
        asm_cmpxchg(&e->a, true, wide, m, RCX);
        asm_jcc(&e->a, CC_NE, again);
    } else {
        asm_store(&e->a, wide ? 8 : 4, m, RCX);
    }
}

void emit_amo(struct emitter *e, const struct ir_op *o)
{
    struct host_mem m = {RAX, NO_REG, 0};
    bool wide = o->imm & IR_WIDE;
    struct stub *stubs[2];
    struct place y;

    emit_aligned_address(e, o, wide_size(o), true, stubs);
    y = stored(e, o->b);
    switch ((enum ir_amo)o->cond) {
    case IR_AMO_ADD:
        emit_move_to(e, RCX, &y);
        asm_xadd(&e->a, e->h->parallel, wide, m, RCX);
        finish_old(e, o, RCX);
        break;
    case IR_AMO_SWAP:
        emit_move_to(e, RCX, &y);
        if (e->h->parallel) {
            asm_xchg(&e->a, wide, m, RCX);
            finish_old(e, o, RCX);
        } else {
            asm_load(&e->a, wide, RDX, m);
            asm_store(&e->a, wide ? 8 : 4, m, RCX);
            finish_old(e, o, RDX);
        }
        break;
    default:
        put_exchange_loop(e, o, &y);
        finish_old(e, o, RAX);
        break;
    }
    emit_forget_last(e, o);
    stubs[0]->back = stubs[1]->back = e->a.at;
}

void emit_exchange_if(struct emitter *e, const struct ir_op *o)
{
    bool wide = o->imm & IR_WIDE;
    struct stub *stubs[2];
    struct place y, expected;

    emit_aligned_address(e, o, wide_size(o), true, stubs);
    y = stored(e, o->b);
    expected = emit_locate(e, IR_IMM_C(o->imm));
    asm_mov_rr(&e->a, true, RDX, RAX);
    emit_move_to(e, RCX, &y);
    emit_move_to(e, RAX, &expected);
    asm_cmpxchg(&e->a, e->h->parallel, wide, (struct host_mem){RDX, NO_REG, 0}, RCX);
    emit_forget_last(e, o);
    finish_old(e, o, RAX);
    stubs[0]->back = stubs[1]->back = e->a.at;
}

void emit_store_if(struct emitter *e, const struct ir_op *o)
{
    const struct ir_target *t = e->h->target;
    bool wide = o->imm & IR_WIDE;
    struct stub *stubs[2], *other;
    struct place y;

    emit_aligned_address(e, o, wide_size(o), true, stubs);
    y = stored(e, o->b);
    asm_mov_rr(&e->a, true, RDX, RAX);
    /* The address again, which is the host's by now. */
    asm_alu_rm(&e->a, true, ALU_SUB, RAX,
               (struct host_mem){
                   CPU, RCX, t->tlb_write + (int32_t)e->u->regime * t->tlb_stride + 8 - t->middle});
    asm_alu_rm(&e->a, true, ALU_CMP, RAX, frame_mem(e->h, t->reserved));
    other = emit_stub(e, o, asm_jcc(&e->a, CC_NE, NULL));
    asm_load(&e->a, true, RAX, frame_mem(e->h, t->reserved_value));
    emit_move_to(e, RCX, &y);
    asm_cmpxchg(&e->a, e->h->parallel, wide, (struct host_mem){RDX, NO_REG, 0}, RCX);
    asm_setcc(&e->a, CC_NE, RCX);
    asm_extend_rr(&e->a, 1, false, RCX, RCX);
    asm_store_imm(&e->a, true, frame_mem(e->h, t->reserved), -1);
    emit_forget_last(e, o);
    if (o->d != IR_NONE) {
        emit_finish(e, o->d, RCX);
    }
    stubs[0]->back = stubs[1]->back = other->back = e->a.at;
}

/* ---- division ---- */

void emit_divide(struct emitter *e, const struct ir_op *o)
{
    bool wide = o->imm & IR_WIDE, is_signed = o->cond == IR_DIV || o->cond == IR_REM;
    unsigned result = o->cond == IR_DIV || o->cond == IR_DIVU ? RAX : RDX;
    struct place x, y;
    struct stub *s;

    emit_evict_all(e);
    x = emit_locate(e, o->a);
    y = emit_locate(e, o->b);
    emit_move_to(e, RCX, &y);
    emit_move_to(e, RAX, &x);
    if (is_signed) { /* 0 and -1: below 2 once 1 is added */
        asm_lea(&e->a, wide, RDX, (struct host_mem){RCX, NO_REG, 1});
        asm_alu_ri(&e->a, wide, ALU_CMP, RDX, 2);
        s = emit_stub(e, o, asm_jcc(&e->a, CC_B, NULL));
        asm_sign_to_rdx(&e->a, wide);
    } else {
        asm_test_rr(&e->a, wide, RCX, RCX);
        s = emit_stub(e, o, asm_jcc(&e->a, CC_E, NULL));
        asm_alu_rr(&e->a, false, ALU_XOR, RDX, RDX);
    }
    asm_unary_r(&e->a, wide, is_signed ? UNARY_IDIV : UNARY_DIV, RCX);
    if (!wide) {
        asm_extend_rr(&e->a, 4, true, result, result);
    }
    emit_forget_last(e, o);
    emit_finish(e, o->d, result);
    s->back = e->a.at;
}
