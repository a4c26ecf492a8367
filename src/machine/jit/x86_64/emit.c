/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/jit/x86_64/emit.h"

#include <string.h>

struct host_mem emit_spill(const struct emitter *e, unsigned temp)
{
    return frame_mem(e->h, e->h->target->spill + (int32_t)temp * 8);
}

/* ---- scratch registers ---- */

/* The temporary in `r`, if any, goes to its slot. */
static void evict(struct emitter *e, unsigned r)
{
    unsigned temp = e->holds[r];

    if (temp != NOBODY) {
        asm_store(&e->a, 8, emit_spill(e, temp), r);
        e->where[temp] = IN_MEMORY;
        e->holds[r] = NOBODY;
    }
}

void emit_evict_all(struct emitter *e)
{
    for (unsigned r = 0; r < SCRATCH; r++) {
        evict(e, r);
    }
}

static void forget(struct emitter *e, uint8_t value)
{
    unsigned temp = value - IR_TEMP;

    if (value >= IR_TEMP && value < IR_TEMP + IR_TEMPS && e->where[temp] != IN_MEMORY) {
        e->holds[e->where[temp]] = NOBODY;
        e->where[temp] = IN_MEMORY;
    }
}

/* Temporaries that the operation reads for the last time. */
void emit_forget_last(struct emitter *e, const struct ir_op *o)
{
    if (o->last & IR_A) {
        forget(e, o->a);
    }
    if (o->last & IR_B) {
        forget(e, o->b);
    }
}

/* A scratch register that is none of the bits of `avoid`. */
unsigned emit_take(struct emitter *e, unsigned avoid)
{
    for (unsigned r = 0; r < SCRATCH; r++) {
        if (e->holds[r] == NOBODY && !(avoid >> r & 1)) {
            return r;
        }
    }
    for (unsigned r = 0; r < SCRATCH; r++) {
        if (!(avoid >> r & 1)) {
            evict(e, r);
            return r;
        }
    }
    g_assert_not_reached();
}

struct place emit_locate(const struct emitter *e, uint8_t value)
{
    struct place p = {IN_MEM, NO_REG, {0}, 0};

    if (value >= IR_TEMP) {
        p.reg = e->where[value - IR_TEMP];
        p.mem = emit_spill(e, value - IR_TEMP);
    } else {
        p.reg = e->h->pin[value];
        p.mem = frame_mem(e->h, e->h->target->reg[value]);
    }
    p.kind = p.reg == NO_REG ? IN_MEM : IN_REG;
    return p;
}

/* As locate; an immediate that no instruction takes is put into a scratch register. */
static struct place locate_b(struct emitter *e, const struct ir_op *o, unsigned avoid)
{
    struct place p = {AS_IMM, NO_REG, {0}, 0};

    if (o->b != IR_IMM) {
        return emit_locate(e, o->b);
    }
    if (emit_fits32(o->imm)) {
        p.imm = o->imm;
    } else {
        p.kind = IN_REG;
        p.reg = emit_take(e, avoid);
        asm_mov_ri(&e->a, p.reg, o->imm);
    }
    return p;
}

void emit_move_to(struct emitter *e, unsigned reg, const struct place *p)
{
    if (p->kind == AS_IMM) {
        asm_mov_ri(&e->a, reg, (int64_t)p->imm);
    } else if (p->kind == IN_MEM) {
        asm_load(&e->a, true, reg, p->mem);
    } else if (p->reg != reg) {
        asm_mov_rr(&e->a, true, reg, p->reg);
    }
}

/* Where a result is made: the register that d lives in, or a scratch one (`like`, if it is free).
 */
unsigned emit_result_reg(struct emitter *e, uint8_t d, const struct place *like, unsigned avoid)
{
    unsigned pin = d < IR_TEMP ? e->h->pin[d] : NO_REG;

    if (pin != NO_REG) {
        return pin;
    }
    if (like && like->kind == IN_REG && like->reg < SCRATCH && e->holds[like->reg] == NOBODY) {
        return like->reg;
    }
    return emit_take(e, avoid);
}

void emit_finish(struct emitter *e, uint8_t d, unsigned reg)
{
    if (d >= IR_TEMP) {
        forget(e, d);
        g_assert(reg < SCRATCH && e->holds[reg] == NOBODY);
        e->holds[reg] = d - IR_TEMP;
        e->where[d - IR_TEMP] = reg;
    } else if (e->h->pin[d] == NO_REG) {
        asm_store(&e->a, 8, frame_mem(e->h, e->h->target->reg[d]), reg);
    } else if (e->h->pin[d] != reg) {
        asm_mov_rr(&e->a, true, e->h->pin[d], reg);
    }
}

/* ---- arithmetic ---- */

void emit_alu(struct emitter *e, bool wide, enum alu op, unsigned to, const struct place *p)
{
    switch (p->kind) {
    case AS_IMM: asm_alu_ri(&e->a, wide, op, to, p->imm); break;
    case IN_MEM: asm_alu_rm(&e->a, wide, op, to, p->mem); break;
    default: asm_alu_rr(&e->a, wide, op, to, p->reg); break;
    }
}

/* add by lea, where the sum goes elsewhere than its parts. */
static bool try_lea(struct emitter *e, bool wide, unsigned to, const struct place *x,
                    const struct place *y)
{
    struct host_mem m;

    if (x->kind != IN_REG || x->reg == to || y->kind == IN_MEM ||
        (y->kind == IN_REG && y->reg == to)) {
        return false;
    }
    m = (struct host_mem){x->reg, y->kind == IN_REG ? y->reg : NO_REG, y->imm};
    asm_lea(&e->a, wide, to, m);
    return true;
}

static bool is_commutative(enum alu op)
{
    return op != ALU_SUB;
}

/* d = a op b */
static void put_alu(struct emitter *e, const struct ir_op *o, enum alu op, enum width width)
{
    bool wide = width == WIDE;
    struct place x = emit_locate(e, o->a), y = locate_b(e, o, emit_bit_of(&x));
    unsigned to, work;

    /* In place: a register without a pin. */
    if (wide && o->d == o->a && x.kind == IN_MEM && o->d < IR_TEMP && y.kind != IN_MEM) {
        emit_forget_last(e, o);
        if (y.kind == AS_IMM) {
            asm_alu_mi(&e->a, true, op, x.mem, y.imm);
        } else {
            asm_alu_mr(&e->a, true, op, x.mem, y.reg);
        }
        return;
    }
    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, &x, emit_bit_of(&x) | emit_bit_of(&y));
    work = to;
    if (op == ALU_ADD && try_lea(e, wide, to, &x, &y)) {
        goto made;
    }
    if (y.kind == IN_REG && y.reg == to && !(x.kind == IN_REG && x.reg == to)) {
        if (is_commutative(op)) {
            struct place swap = x;

            x = y;
            y = swap;
        } else {
            work = emit_take(e, emit_bit_of(&x) | emit_bit_of(&y));
        }
    }
    emit_move_to(e, work, &x);
    emit_alu(e, wide, op, work, &y);
made:
    if (width == SIGNED) {
        asm_extend_rr(&e->a, 4, true, to, work);
        work = to;
    }
    emit_finish(e, o->d, work);
}

static void put_mul(struct emitter *e, const struct ir_op *o, enum width width)
{
    bool wide = width == WIDE;
    struct place x = emit_locate(e, o->a), y = locate_b(e, o, emit_bit_of(&x));
    unsigned to, work;

    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, &x, emit_bit_of(&x) | emit_bit_of(&y));
    work = to;
    if (y.kind == AS_IMM) {
        work = emit_take(e, emit_bit_of(&x));
        asm_mov_ri(&e->a, work, (int64_t)y.imm);
        y = x;
    } else if (y.kind == IN_REG && y.reg == to) {
        y = x;
    } else {
        emit_move_to(e, work, &x);
    }
    if (y.kind == IN_MEM) {
        asm_imul_rm(&e->a, wide, work, y.mem);
    } else {
        asm_imul_rr(&e->a, wide, work, y.reg);
    }
    if (width == SIGNED) {
        asm_extend_rr(&e->a, 4, true, to, work);
        work = to;
    }
    emit_finish(e, o->d, work);
}

static void put_mul_high(struct emitter *e, const struct ir_op *o, bool is_signed)
{
    struct place x, y;

    emit_evict_all(e);
    x = emit_locate(e, o->a);
    emit_move_to(e, RAX, &x);
    if (o->b == IR_IMM) {
        asm_mov_ri(&e->a, RCX, o->imm);
    } else {
        y = emit_locate(e, o->b);
        emit_move_to(e, RCX, &y);
    }
    asm_unary_r(&e->a, true, is_signed ? UNARY_IMUL : UNARY_MUL, RCX);
    emit_finish(e, o->d, RDX);
}

static void put_shift_imm(struct emitter *e, const struct ir_op *o, enum shift op, enum width width)
{
    bool wide = width == WIDE;
    struct place x = emit_locate(e, o->a);
    unsigned by = o->imm & (wide ? 63 : 31), to;

    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, &x, emit_bit_of(&x));
    if (wide || x.kind != IN_REG) {
        emit_move_to(e, to, &x);
    } else {
        asm_mov_rr(&e->a, false, to, x.reg);
    }
    if (by) {
        asm_shift_ri(&e->a, wide, op, to, by);
    }
    if (width == SIGNED || (width == ZERO && by == 0)) {
        asm_extend_rr(&e->a, 4, width == SIGNED, to, to);
    }
    emit_finish(e, o->d, to);
}

static void put_shift(struct emitter *e, const struct ir_op *o, enum shift op, enum width width)
{
    struct place x, y;
    bool wide = width == WIDE;
    unsigned to;

    if (o->b == IR_IMM) {
        put_shift_imm(e, o, op, width);
        return;
    }
    emit_evict_all(e);
    x = emit_locate(e, o->a);
    y = emit_locate(e, o->b);
    emit_move_to(e, RCX, &y);
    emit_move_to(e, RAX, &x);
    asm_shift_rcl(&e->a, wide, op, RAX);
    to = RAX;
    if (width == SIGNED) {
        to = emit_result_reg(e, o->d, NULL, 0);
        asm_extend_rr(&e->a, 4, true, to, RAX);
    }
    emit_finish(e, o->d, to);
}

static void put_extend(struct emitter *e, const struct ir_op *o, unsigned size, bool is_signed)
{
    struct place x = emit_locate(e, o->a);
    unsigned to;

    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, &x, emit_bit_of(&x));
    if (x.kind == IN_MEM) {
        asm_extend_rm(&e->a, size, is_signed, to, x.mem);
    } else {
        asm_extend_rr(&e->a, size, is_signed, to, x.reg);
    }
    emit_finish(e, o->d, to);
}

static void put_mov(struct emitter *e, const struct ir_op *o)
{
    struct place y = {AS_IMM, NO_REG, {0}, 0};
    bool pinned = o->d < IR_TEMP && e->h->pin[o->d] != NO_REG;
    unsigned to;

    if (o->b != IR_IMM) {
        y = emit_locate(e, o->b);
        emit_forget_last(e, o);
        to = emit_result_reg(e, o->d, &y, emit_bit_of(&y));
        emit_move_to(e, to, &y);
    } else if (o->d < IR_TEMP && !pinned && emit_fits32(o->imm)) {
        asm_store_imm(&e->a, true, frame_mem(e->h, e->h->target->reg[o->d]), o->imm);
        return;
    } else {
        to = emit_result_reg(e, o->d, NULL, 0);
        asm_mov_ri(&e->a, to, o->imm);
    }
    emit_finish(e, o->d, to);
}

static void put_swap(struct emitter *e, const struct ir_op *o, bool wide)
{
    struct place x = emit_locate(e, o->a);
    unsigned to;

    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, &x, emit_bit_of(&x));
    emit_move_to(e, to, &x);
    asm_bswap(&e->a, wide, to);
    emit_finish(e, o->d, to);
}

unsigned emit_in_reg(struct emitter *e, const struct place *p, unsigned avoid)
{
    unsigned r = p->reg;

    if (p->kind != IN_REG) {
        r = emit_take(e, avoid);
        emit_move_to(e, r, p);
    }
    return r;
}

static void put_lea(struct emitter *e, const struct ir_op *o)
{
    struct place x = emit_locate(e, o->a), y = emit_locate(e, o->b);
    unsigned keep = emit_bit_of(&x) | emit_bit_of(&y), base, index, to;

    base = emit_in_reg(e, &x, keep);
    keep |= base < SCRATCH ? 1u << base : 0;
    index = emit_in_reg(e, &y, keep);
    emit_forget_last(e, o);
    to = emit_result_reg(e, o->d, NULL, 0);
    asm_lea(&e->a, true, to, (struct host_mem){base, index, o->imm, o->cond});
    emit_finish(e, o->d, to);
}

/* The low `size` bytes of d. */
static void put_part(struct emitter *e, const struct ir_op *o, unsigned size)
{
    struct place x = emit_locate(e, o->d), y = emit_locate(e, o->b);
    unsigned from = emit_in_reg(e, &y, emit_bit_of(&x));

    if (x.kind == IN_REG) {
        asm_mov_low_rr(&e->a, size, x.reg, from);
    } else {
        asm_store(&e->a, size, x.mem, from);
    }
    if (o->last & IR_B) {
        forget(e, o->b);
    }
}

static void put_movif(struct emitter *e, const struct ir_op *o)
{
    struct place d = emit_locate(e, o->d), x = emit_locate(e, o->a), y = emit_locate(e, o->b);
    unsigned keep = emit_bit_of(&d) | emit_bit_of(&x) | emit_bit_of(&y);
    unsigned test = emit_in_reg(e, &y, keep), to;

    keep |= test < SCRATCH ? 1u << test : 0;
    to = emit_in_reg(e, &d, emit_bit_of(&x) | (test < SCRATCH ? 1u << test : 0));
    x = emit_locate(e, o->a);
    asm_test_rr(&e->a, true, test, test);
    if (x.kind == IN_REG) {
        asm_cmov_rr(&e->a, CC_NE, to, x.reg);
    } else {
        asm_cmov_rm(&e->a, CC_NE, to, x.mem);
    }
    emit_forget_last(e, o);
    if (o->d >= IR_TEMP) {
        forget(e, o->d);
    }
    emit_finish(e, o->d, to);
}

static const uint8_t conditions[] = {
    [IR_EQ] = CC_E,   [IR_NE] = CC_NE, [IR_LT] = CC_L, [IR_GE] = CC_GE,  [IR_LTU] = CC_B,
    [IR_GEU] = CC_AE, [IR_LE] = CC_LE, [IR_GT] = CC_G, [IR_LEU] = CC_BE, [IR_GTU] = CC_A,
};

static enum host_cond condition(const struct ir_op *o)
{
    return conditions[o->cond & ~IR_COND_32];
}

static void compare(struct emitter *e, const struct ir_op *o)
{
    struct place x = emit_locate(e, o->a), y = {AS_IMM, NO_REG, {0}, 0};
    bool wide = !(o->cond & IR_COND_32);
    int64_t imm = wide ? o->imm : (int32_t)o->imm;
    unsigned reg;

    if (o->b != IR_IMM) {
        y = emit_locate(e, o->b);
    } else if (emit_fits32(imm)) {
        y.imm = imm;
    } else {
        y.kind = IN_REG;
        y.reg = emit_take(e, emit_bit_of(&x));
        asm_mov_ri(&e->a, y.reg, imm);
    }
    if (x.kind == IN_REG && y.kind == AS_IMM && y.imm == 0) {
        asm_test_rr(&e->a, wide, x.reg, x.reg);
    } else if (x.kind == IN_REG) {
        emit_alu(e, wide, ALU_CMP, x.reg, &y);
    } else if (y.kind == AS_IMM) {
        asm_alu_mi(&e->a, wide, ALU_CMP, x.mem, y.imm);
    } else if (y.kind == IN_REG) {
        asm_alu_mr(&e->a, wide, ALU_CMP, x.mem, y.reg);
    } else {
        reg = emit_take(e, 0);
        emit_move_to(e, reg, &x);
        asm_alu_rm(&e->a, wide, ALU_CMP, reg, y.mem);
    }
    emit_forget_last(e, o);
}

static void put_set(struct emitter *e, const struct ir_op *o)
{
    unsigned to, work;

    compare(e, o);
    to = emit_result_reg(e, o->d, NULL, 0);
    work = to < SCRATCH ? to : emit_take(e, 0);
    asm_setcc(&e->a, condition(o), work);
    asm_extend_rr(&e->a, 1, false, to, work);
    emit_finish(e, o->d, to);
}

/* ---- ways out ---- */

static void leave_with(struct emitter *e, enum host_exit why)
{
    asm_mov_ri(&e->a, RAX, e->tag | why);
    asm_jmp(&e->a, e->h->leave);
}

static bool same_page(const struct emitter *e, uint64_t pc)
{
    return (pc ^ e->u->pc) >> e->h->target->page_bits == 0;
}

/* Distance of the field from the instruction that follows, which is `length` bytes long. */
static struct host_mem jump_field(const struct emitter *e, const struct host_jump *j, size_t field,
                                  unsigned length)
{
    return (struct host_mem){NO_REG, NO_REG,
                             (int32_t)((const uint8_t *)j + field - (e->a.at + length))};
}

/* Goes on at a pc known now, in another page: what is mapped there may change. */
static void put_far_jump(struct emitter *e, uint64_t pc, enum host_exit why)
{
    const struct host_jump *j = &e->h->jumps[host_jump_index(e->h->target, pc)];
    uint8_t *miss[2];

    asm_mov_ri(&e->a, RAX, pc);
    asm_load(&e->a, true, RCX, frame_mem(e->h, e->h->target->stamp));
    asm_alu_rm(&e->a, true, ALU_CMP, RAX, jump_field(e, j, offsetof(struct host_jump, pc), 7));
    miss[0] = asm_jcc(&e->a, CC_NE, NULL);
    asm_alu_rm(&e->a, true, ALU_CMP, RCX, jump_field(e, j, offsetof(struct host_jump, stamp), 7));
    miss[1] = asm_jcc(&e->a, CC_NE, NULL);
    asm_jmp_m(&e->a, jump_field(e, j, offsetof(struct host_jump, code), 6));
    asm_patch(miss[0], e->a.at);
    asm_patch(miss[1], e->a.at);
    leave_with(e, why);
}

static void put_jump_to(struct emitter *e, const struct ir_op *o)
{
    const struct ir_target *t = e->h->target;
    struct place x = emit_locate(e, o->a);
    uint8_t *miss[2];

    emit_move_to(e, RAX, &x);
    asm_mov_rr(&e->a, false, RCX, RAX);
    asm_mov_rr(&e->a, false, RDX, RAX);
    asm_shift_ri(&e->a, false, SHIFT_SHR, RDX, t->page_bits + t->pc_shift);
    if (t->pc_shift) {
        asm_shift_ri(&e->a, false, SHIFT_SHR, RCX, t->pc_shift);
    }
    asm_alu_rr(&e->a, false, ALU_XOR, RCX, RDX);
    asm_alu_ri(&e->a, false, ALU_AND, RCX, HOST_JUMPS - 1);
    asm_shift_ri(&e->a, false, SHIFT_SHL, RCX, 5);
    asm_lea(&e->a, true, RDX, jump_field(e, e->h->jumps, 0, 7));
    asm_alu_rr(&e->a, true, ALU_ADD, RDX, RCX);
    asm_load(&e->a, true, RCX, frame_mem(e->h, t->stamp));
    asm_alu_rm(&e->a, true, ALU_CMP, RAX, (struct host_mem){RDX, NO_REG, 0});
    miss[0] = asm_jcc(&e->a, CC_NE, NULL);
    asm_alu_rm(&e->a, true, ALU_CMP, RCX, (struct host_mem){RDX, NO_REG, 8});
    miss[1] = asm_jcc(&e->a, CC_NE, NULL);
    asm_jmp_m(&e->a, (struct host_mem){RDX, NO_REG, 16});
    asm_patch(miss[0], e->a.at);
    asm_patch(miss[1], e->a.at);
    asm_store(&e->a, 8, frame_mem(e->h, t->pc), RAX);
    leave_with(e, HOST_EXIT_INDIRECT);
}

G_STATIC_ASSERT(sizeof(struct host_jump) == 32);

/* Exit `n`, to which `place` jumps, or which begins here (NULL). */
static void put_exit(struct emitter *e, unsigned n, uint8_t *place, bool looks,
                     struct host_unit *ret)
{
    uint64_t pc = e->u->target[n];

    if (place) {
        asm_patch(place, e->a.at);
    }
    if (looks || !same_page(e, pc)) {
        put_far_jump(e, pc, n);
        return;
    }
    if (!place) {
        place = asm_jmp(&e->a, NULL);
        asm_patch(place, e->a.at);
    }
    ret->exit[n] = place;
    leave_with(e, n);
}

static void put_branch(struct emitter *e, const struct ir_op *o)
{
    compare(e, o);
    e->outs[e->n_outs++] = (struct way_out){o, asm_jcc(&e->a, condition(o), NULL)};
}

/* A branch that was taken: what follows it in the unit was not done. */
static void write_way_out(struct emitter *e, const struct way_out *w, struct host_unit *ret)
{
    const struct ir_target *t = e->h->target;
    int32_t undone = (int32_t)e->u->n_insns - w->op->insn - 1;

    if (undone == 0) {
        put_exit(e, w->op->d, w->from, false, ret);
        return;
    }
    asm_patch(w->from, e->a.at);
    asm_alu_mi(&e->a, true, ALU_SUB, frame_mem(e->h, t->insns), undone);
    if (e->h->counting) {
        asm_alu_mi(&e->a, true, ALU_ADD, frame_mem(e->h, t->budget), undone);
    }
    put_exit(e, w->op->d, NULL, false, ret);
}

static void write_fails(struct emitter *e)
{
    G_STATIC_ASSERT(HOST_EXIT_FAULT - IR_FAULT == HOST_EXIT_LEAVE - IR_LEAVE);
    for (unsigned i = 0; i < e->n_fails; i++) {
        asm_patch(e->fails[i], e->a.at);
    }
    if (e->n_fails) {
        asm_mov_ri(&e->a, RCX, e->tag + (HOST_EXIT_FAULT - IR_FAULT));
        asm_alu_rr(&e->a, true, ALU_ADD, RAX, RCX);
        asm_jmp(&e->a, e->h->leave);
    }
}

/* ---- a unit ---- */

static void put_op(struct emitter *e, const struct ir_op *o)
{
    switch ((enum ir_opcode)o->op) {
    case IR_mov: put_mov(e, o); break;
    case IR_add: put_alu(e, o, ALU_ADD, WIDE); break;
    case IR_sub: put_alu(e, o, ALU_SUB, WIDE); break;
    case IR_and: put_alu(e, o, ALU_AND, WIDE); break;
    case IR_or: put_alu(e, o, ALU_OR, WIDE); break;
    case IR_xor: put_alu(e, o, ALU_XOR, WIDE); break;
    case IR_add32: put_alu(e, o, ALU_ADD, SIGNED); break;
    case IR_sub32: put_alu(e, o, ALU_SUB, SIGNED); break;
    case IR_mul: put_mul(e, o, WIDE); break;
    case IR_mul32: put_mul(e, o, SIGNED); break;
    case IR_mul_hs: put_mul_high(e, o, true); break;
    case IR_mul_hu: put_mul_high(e, o, false); break;
    case IR_shl: put_shift(e, o, SHIFT_SHL, WIDE); break;
    case IR_shr: put_shift(e, o, SHIFT_SHR, WIDE); break;
    case IR_sar: put_shift(e, o, SHIFT_SAR, WIDE); break;
    case IR_shl32: put_shift(e, o, SHIFT_SHL, SIGNED); break;
    case IR_shr32: put_shift(e, o, SHIFT_SHR, SIGNED); break;
    case IR_sar32: put_shift(e, o, SHIFT_SAR, SIGNED); break;
    case IR_addz: put_alu(e, o, ALU_ADD, ZERO); break;
    case IR_subz: put_alu(e, o, ALU_SUB, ZERO); break;
    case IR_andz: put_alu(e, o, ALU_AND, ZERO); break;
    case IR_orz: put_alu(e, o, ALU_OR, ZERO); break;
    case IR_xorz: put_alu(e, o, ALU_XOR, ZERO); break;
    case IR_mulz: put_mul(e, o, ZERO); break;
    case IR_shlz: put_shift(e, o, SHIFT_SHL, ZERO); break;
    case IR_shrz: put_shift(e, o, SHIFT_SHR, ZERO); break;
    case IR_sarz: put_shift(e, o, SHIFT_SAR, ZERO); break;
    case IR_rolz: put_shift(e, o, SHIFT_ROL, ZERO); break;
    case IR_rol: put_shift(e, o, SHIFT_ROL, WIDE); break;
    case IR_swap: put_swap(e, o, true); break;
    case IR_swapz: put_swap(e, o, false); break;
    case IR_lea: put_lea(e, o); break;
    case IR_put8: put_part(e, o, 1); break;
    case IR_put16: put_part(e, o, 2); break;
    case IR_movif: put_movif(e, o); break;
    case IR_ext_u8: put_extend(e, o, 1, false); break;
    case IR_ext_s8: put_extend(e, o, 1, true); break;
    case IR_ext_s16: put_extend(e, o, 2, true); break;
    case IR_ext_u16: put_extend(e, o, 2, false); break;
    case IR_ext_u32: put_extend(e, o, 4, false); break;
    case IR_set: put_set(e, o); break;
    case IR_load: emit_load(e, o); break;
    case IR_store: emit_store(e, o); break;
    case IR_fence: asm_barrier(&e->a); break;
    case IR_amo: emit_amo(e, o); break;
    case IR_divide: emit_divide(e, o); break;
    case IR_exchange_if: emit_exchange_if(e, o); break;
    case IR_store_if: emit_store_if(e, o); break;
    case IR_float: emit_float(e, o); break;
    case IR_vec:
    case IR_vec_put:
    case IR_vec_get:
    case IR_vec_test:
    case IR_vec_load:
    case IR_vec_get_load:
    case IR_vec_test_load:
    case IR_vec_store: emit_vector(e, o); break;
    case IR_call: emit_call(e, o); break;
    case IR_check: emit_check(e, o); break;
    case IR_branch: put_branch(e, o); break;
    case IR_jump:
    case IR_jump_to:
    case IR_leave:
    case IR_OPCODES: g_assert_not_reached();
    }
}

static void put_head(struct emitter *e, struct host_unit *ret, uint8_t *ret_jumps[2])
{
    const struct ir_target *t = e->h->target;

    ret->code = e->a.at;
    asm_alu_mi(&e->a, false, ALU_CMP, frame_mem(e->h, t->exit_request), 0);
    ret_jumps[0] = asm_jcc(&e->a, CC_NE, NULL);
    ret->linked = e->a.at;
    if (e->h->counting) {
        asm_alu_mi(&e->a, true, ALU_SUB, frame_mem(e->h, t->budget), e->u->n_insns);
        ret_jumps[1] = asm_jcc(&e->a, CC_B, NULL);
    }
    asm_alu_mi(&e->a, true, ALU_ADD, frame_mem(e->h, t->insns), e->u->n_insns);
}

static void write_head_exits(struct emitter *e, uint8_t *const jumps[2])
{
    asm_patch(jumps[0], e->a.at);
    leave_with(e, HOST_EXIT_REQUEST);
    if (e->h->counting) {
        asm_patch(jumps[1], e->a.at);
        asm_alu_mi(&e->a, true, ALU_ADD, frame_mem(e->h, e->h->target->budget), e->u->n_insns);
        leave_with(e, HOST_EXIT_BUDGET);
    }
}

static void put_end(struct emitter *e, const struct ir_op *end, struct host_unit *ret)
{
    switch ((enum ir_opcode)end->op) {
    case IR_jump: put_exit(e, end->d, NULL, end->cond == IR_JUMP_LOOKS, ret); break;
    case IR_jump_to: put_jump_to(e, end); break;
    default: leave_with(e, HOST_EXIT_END); break;
    }
}

bool host_emit(const struct host *h, const struct ir_unit *u, uint64_t tag, uint8_t *at,
               uint8_t *end, struct host_unit *ret)
{
    struct emitter e; /* large: its arrays are not cleared */
    unsigned n = u->n_ops - 1;
    uint8_t *jumps[2] = {NULL, NULL};

    e.a = (struct assembler){at, end, false};
    e.h = h;
    e.u = u;
    e.tag = tag;
    e.n_stubs = e.n_outs = e.n_fails = 0;
    e.vectors = 0;
    e.floats = false;
    memset(e.holds, NOBODY, sizeof(e.holds));
    memset(e.where, IN_MEMORY, sizeof(e.where));
    memset(ret, 0, sizeof(*ret));
    put_head(&e, ret, jumps);
    for (unsigned i = 0; i < n && !e.a.full; i++) {
        put_op(&e, &u->ops[i]);
    }
    put_end(&e, &u->ops[n], ret);
    for (unsigned i = 0; i < e.n_outs && !e.a.full; i++) {
        write_way_out(&e, &e.outs[i], ret);
    }
    for (unsigned i = 0; i < e.n_stubs && !e.a.full; i++) {
        emit_write_stub(&e, &e.stubs[i]);
    }
    write_fails(&e);
    write_head_exits(&e, jumps);
    ret->size = e.a.at - at;
    return !e.a.full;
}
