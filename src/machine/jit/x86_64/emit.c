/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/jit/x86_64/frame.h"

#include <string.h>

#define SCRATCH   3 /* rax, rcx, rdx by number */
#define NOBODY    0xff
#define STUBS     (IR_MAX_OPS)
#define IN_MEMORY NO_REG

/* Code off the path that is expected: written after the rest. */
struct stub {
    const struct ir_op *op;
    uint8_t *from; /* of the jump to it */
    uint8_t *back;
};

struct emitter {
    struct assembler a;
    const struct host *h;
    const struct ir_unit *u;
    uint64_t tag;
    uint8_t holds[SCRATCH];  /* the temporary in each, or NOBODY */
    uint8_t where[IR_TEMPS]; /* a scratch register, or IN_MEMORY: its spill slot */
    unsigned n_stubs;
    struct stub stubs[STUBS];
    unsigned n_fails;
    uint8_t *fails[IR_MAX_OPS]; /* jumps to the common way out with a status */
};

enum place_kind { IN_REG, IN_MEM, AS_IMM };
struct place {
    uint8_t kind; /* enum place_kind */
    uint8_t reg;
    struct host_mem mem;
    int32_t imm;
};

static bool fits32(int64_t v)
{
    return v == (int32_t)v;
}

static struct host_mem spill(const struct emitter *e, unsigned temp)
{
    return frame_mem(e->h, e->h->target->spill + (int32_t)temp * 8);
}

/* ---- scratch registers ---- */

/* The temporary in `r`, if any, goes to its slot. */
static void evict(struct emitter *e, unsigned r)
{
    unsigned temp = e->holds[r];

    if (temp != NOBODY) {
        asm_store(&e->a, 8, spill(e, temp), r);
        e->where[temp] = IN_MEMORY;
        e->holds[r] = NOBODY;
    }
}

static void evict_all(struct emitter *e)
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
static void forget_last(struct emitter *e, const struct ir_op *o)
{
    if (o->last & IR_A) {
        forget(e, o->a);
    }
    if (o->last & IR_B) {
        forget(e, o->b);
    }
}

/* A scratch register that is none of the bits of `avoid`. */
static unsigned take(struct emitter *e, unsigned avoid)
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

static unsigned bit_of(const struct place *p)
{
    return p->kind == IN_REG && p->reg < SCRATCH ? 1u << p->reg : 0;
}

static struct place locate(const struct emitter *e, uint8_t value)
{
    struct place p = {IN_MEM, NO_REG, {0}, 0};

    if (value >= IR_TEMP) {
        p.reg = e->where[value - IR_TEMP];
        p.mem = spill(e, value - IR_TEMP);
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
        return locate(e, o->b);
    }
    if (fits32(o->imm)) {
        p.imm = o->imm;
    } else {
        p.kind = IN_REG;
        p.reg = take(e, avoid);
        asm_mov_ri(&e->a, p.reg, o->imm);
    }
    return p;
}

static void move_to(struct emitter *e, unsigned reg, const struct place *p)
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
static unsigned result_reg(struct emitter *e, uint8_t d, const struct place *like, unsigned avoid)
{
    unsigned pin = d < IR_TEMP ? e->h->pin[d] : NO_REG;

    if (pin != NO_REG) {
        return pin;
    }
    if (like && like->kind == IN_REG && like->reg < SCRATCH && e->holds[like->reg] == NOBODY) {
        return like->reg;
    }
    return take(e, avoid);
}

static void finish(struct emitter *e, uint8_t d, unsigned reg)
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

static void alu(struct emitter *e, bool wide, enum alu op, unsigned to, const struct place *p)
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

/* d = a op b; `wide` FALSE: of 32 bits, sign-extended. */
static void put_alu(struct emitter *e, const struct ir_op *o, enum alu op, bool wide)
{
    struct place x = locate(e, o->a), y = locate_b(e, o, bit_of(&x));
    unsigned to, work;

    /* In place: a register without a pin. */
    if (wide && o->d == o->a && x.kind == IN_MEM && o->d < IR_TEMP && y.kind != IN_MEM) {
        forget_last(e, o);
        if (y.kind == AS_IMM) {
            asm_alu_mi(&e->a, true, op, x.mem, y.imm);
        } else {
            asm_alu_mr(&e->a, true, op, x.mem, y.reg);
        }
        return;
    }
    forget_last(e, o);
    to = result_reg(e, o->d, &x, bit_of(&x) | bit_of(&y));
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
            work = take(e, bit_of(&x) | bit_of(&y));
        }
    }
    move_to(e, work, &x);
    alu(e, wide, op, work, &y);
made:
    if (!wide) {
        asm_extend_rr(&e->a, 4, true, to, work);
        work = to;
    }
    finish(e, o->d, work);
}

static void put_mul(struct emitter *e, const struct ir_op *o, bool wide)
{
    struct place x = locate(e, o->a), y = locate_b(e, o, bit_of(&x));
    unsigned to, work;

    forget_last(e, o);
    to = result_reg(e, o->d, &x, bit_of(&x) | bit_of(&y));
    work = to;
    if (y.kind == AS_IMM) {
        work = take(e, bit_of(&x));
        asm_mov_ri(&e->a, work, (int64_t)y.imm);
        y = x;
    } else if (y.kind == IN_REG && y.reg == to) {
        y = x;
    } else {
        move_to(e, work, &x);
    }
    if (y.kind == IN_MEM) {
        asm_imul_rm(&e->a, wide, work, y.mem);
    } else {
        asm_imul_rr(&e->a, wide, work, y.reg);
    }
    if (!wide) {
        asm_extend_rr(&e->a, 4, true, to, work);
        work = to;
    }
    finish(e, o->d, work);
}

static void put_mul_high(struct emitter *e, const struct ir_op *o, bool is_signed)
{
    struct place x, y;

    evict_all(e);
    x = locate(e, o->a);
    move_to(e, RAX, &x);
    if (o->b == IR_IMM) {
        asm_mov_ri(&e->a, RCX, o->imm);
    } else {
        y = locate(e, o->b);
        move_to(e, RCX, &y);
    }
    asm_unary_r(&e->a, true, is_signed ? UNARY_IMUL : UNARY_MUL, RCX);
    finish(e, o->d, RDX);
}

static void put_shift_imm(struct emitter *e, const struct ir_op *o, enum shift op, bool wide)
{
    struct place x = locate(e, o->a);
    unsigned by = o->imm & (wide ? 63 : 31), to;

    forget_last(e, o);
    to = result_reg(e, o->d, &x, bit_of(&x));
    if (wide || x.kind != IN_REG || by == 0) {
        move_to(e, to, &x);
    } else {
        asm_mov_rr(&e->a, false, to, x.reg);
    }
    if (by) {
        asm_shift_ri(&e->a, wide, op, to, by);
    }
    if (!wide) {
        asm_extend_rr(&e->a, 4, true, to, to);
    }
    finish(e, o->d, to);
}

static void put_shift(struct emitter *e, const struct ir_op *o, enum shift op, bool wide)
{
    struct place x, y;
    unsigned to;

    if (o->b == IR_IMM) {
        put_shift_imm(e, o, op, wide);
        return;
    }
    evict_all(e);
    x = locate(e, o->a);
    y = locate(e, o->b);
    move_to(e, RCX, &y);
    move_to(e, RAX, &x);
    asm_shift_rcl(&e->a, wide, op, RAX);
    to = RAX;
    if (!wide) {
        to = result_reg(e, o->d, NULL, 0);
        asm_extend_rr(&e->a, 4, true, to, RAX);
    }
    finish(e, o->d, to);
}

static void put_extend(struct emitter *e, const struct ir_op *o, unsigned size, bool is_signed)
{
    struct place x = locate(e, o->a);
    unsigned to;

    forget_last(e, o);
    to = result_reg(e, o->d, &x, bit_of(&x));
    if (x.kind == IN_MEM) {
        asm_extend_rm(&e->a, size, is_signed, to, x.mem);
    } else {
        asm_extend_rr(&e->a, size, is_signed, to, x.reg);
    }
    finish(e, o->d, to);
}

static void put_mov(struct emitter *e, const struct ir_op *o)
{
    struct place y = {AS_IMM, NO_REG, {0}, 0};
    bool pinned = o->d < IR_TEMP && e->h->pin[o->d] != NO_REG;
    unsigned to;

    if (o->b != IR_IMM) {
        y = locate(e, o->b);
        forget_last(e, o);
        to = result_reg(e, o->d, &y, bit_of(&y));
        move_to(e, to, &y);
    } else if (o->d < IR_TEMP && !pinned && fits32(o->imm)) {
        asm_store_imm(&e->a, true, frame_mem(e->h, e->h->target->reg[o->d]), o->imm);
        return;
    } else {
        to = result_reg(e, o->d, NULL, 0);
        asm_mov_ri(&e->a, to, o->imm);
    }
    finish(e, o->d, to);
}

static const uint8_t conditions[] = {
    [IR_EQ] = CC_E,  [IR_NE] = CC_NE, [IR_LT] = CC_L,
    [IR_GE] = CC_GE, [IR_LTU] = CC_B, [IR_GEU] = CC_AE,
};

static void compare(struct emitter *e, const struct ir_op *o, int64_t imm)
{
    struct place x = locate(e, o->a), y = {AS_IMM, NO_REG, {0}, 0};
    unsigned reg;

    if (o->b != IR_IMM) {
        y = locate(e, o->b);
    } else if (fits32(imm)) {
        y.imm = imm;
    } else {
        y.kind = IN_REG;
        y.reg = take(e, bit_of(&x));
        asm_mov_ri(&e->a, y.reg, imm);
    }
    if (x.kind == IN_REG && y.kind == AS_IMM && y.imm == 0) {
        asm_test_rr(&e->a, true, x.reg, x.reg);
    } else if (x.kind == IN_REG) {
        alu(e, true, ALU_CMP, x.reg, &y);
    } else if (y.kind == AS_IMM) {
        asm_alu_mi(&e->a, true, ALU_CMP, x.mem, y.imm);
    } else if (y.kind == IN_REG) {
        asm_alu_mr(&e->a, true, ALU_CMP, x.mem, y.reg);
    } else {
        reg = take(e, 0);
        move_to(e, reg, &x);
        asm_alu_rm(&e->a, true, ALU_CMP, reg, y.mem);
    }
    forget_last(e, o);
}

static void put_set(struct emitter *e, const struct ir_op *o)
{
    unsigned to, work;

    compare(e, o, o->imm);
    to = result_reg(e, o->d, NULL, 0);
    work = to < SCRATCH ? to : take(e, 0);
    asm_setcc(&e->a, conditions[o->cond], work);
    asm_extend_rr(&e->a, 1, false, to, work);
    finish(e, o->d, to);
}

/* ---- memory ---- */

static struct stub *put_stub(struct emitter *e, const struct ir_op *o, uint8_t *from)
{
    struct stub *s = &e->stubs[e->n_stubs++];

    s->op = o;
    s->from = from;
    return s;
}

/*
 * The address goes to rax. On a hit of the TLB it becomes the host's; else the stub is taken with
 * the guest's in rax. rcx and rdx are used up.
 */
static struct stub *put_address(struct emitter *e, const struct ir_op *o, bool write)
{
    const struct ir_target *t = e->h->target;
    unsigned size = ir_width_size(o->cond);
    uint32_t mask = ((1u << t->tlb_bits) - 1) << 4;
    int32_t entry = (write ? t->tlb_write : t->tlb_read) + (int32_t)e->u->regime * t->tlb_stride;
    struct host_mem m = {CPU, RCX, entry - t->middle};
    struct place x;
    struct stub *s;

    evict_all(e);
    x = locate(e, o->a);
    if (x.kind == IN_REG && o->imm) {
        asm_lea(&e->a, true, RAX, (struct host_mem){x.reg, NO_REG, o->imm});
    } else {
        move_to(e, RAX, &x);
        if (o->imm) {
            asm_alu_ri(&e->a, true, ALU_ADD, RAX, o->imm);
        }
    }
    asm_mov_rr(&e->a, false, RCX, RAX);
    asm_lea(&e->a, true, RDX, (struct host_mem){RAX, NO_REG, (int32_t)size - 1});
    asm_shift_ri(&e->a, false, SHIFT_SHR, RCX, t->page_bits - 4);
    asm_alu_ri(&e->a, true, ALU_AND, RDX, -(1 << t->page_bits));
    asm_alu_ri(&e->a, false, ALU_AND, RCX, mask);
    asm_alu_rm(&e->a, true, ALU_CMP, RDX, m);
    s = put_stub(e, o, asm_jcc(&e->a, CC_NE, NULL));
    m.disp += 8;
    asm_alu_rm(&e->a, true, ALU_ADD, RAX, m);
    return s;
}

static void put_load(struct emitter *e, const struct ir_op *o)
{
    struct stub *s = put_address(e, o, false);
    struct host_mem m = {RAX, NO_REG, 0};
    unsigned size = ir_width_size(o->cond), to = result_reg(e, o->d, NULL, 0);
    bool is_signed = o->cond == IR_S8 || o->cond == IR_S16 || o->cond == IR_S32;

    if (size == 8) {
        asm_load(&e->a, true, to, m);
    } else {
        asm_extend_rm(&e->a, size, is_signed, to, m);
    }
    s->back = e->a.at;
    forget_last(e, o);
    finish(e, o->d, to);
}

/* What is stored, from put_address() on: temporaries are in memory then. */
static struct place stored(const struct emitter *e, uint8_t value)
{
    if (value == IR_ZERO) {
        return (struct place){AS_IMM, NO_REG, {0}, 0};
    }
    if (value >= IR_TEMP) {
        return (struct place){IN_MEM, NO_REG, spill(e, value - IR_TEMP), 0};
    }
    return locate(e, value);
}

static void put_store(struct emitter *e, const struct ir_op *o)
{
    struct stub *s = put_address(e, o, true);
    struct place y = stored(e, o->b);
    struct host_mem m = {RAX, NO_REG, 0};
    unsigned from = y.reg;

    if (y.kind != IN_REG) {
        from = RCX;
        move_to(e, RCX, &y);
    }
    asm_store(&e->a, ir_width_size(o->cond), m, from);
    s->back = e->a.at;
    forget_last(e, o);
}

static void note_insn(struct emitter *e, const struct ir_op *o)
{
    asm_store_imm(&e->a, false, frame_mem(e->h, e->h->target->at), o->insn);
}

static void fail_unless_ok(struct emitter *e)
{
    e->fails[e->n_fails++] = asm_jcc(&e->a, CC_NE, NULL);
}

static void write_stub(struct emitter *e, const struct stub *s)
{
    const struct ir_op *o = s->op;
    bool write = o->op == IR_store;

    asm_patch(s->from, e->a.at);
    note_insn(e, o);
    if (write) {
        struct place y = stored(e, o->b);

        move_to(e, RCX, &y);
    }
    asm_mov_ri(&e->a, RDX, o->cond);
    asm_call(&e->a, write ? e->h->store : e->h->load);
    fail_unless_ok(e);
    if (!write) {
        unsigned to = o->d < IR_TEMP ? e->h->pin[o->d] : NO_REG;

        asm_load(&e->a, true, to == NO_REG ? RAX : to, frame_mem(e->h, e->h->target->value));
    }
    asm_jmp(&e->a, s->back);
}

/* ---- calls ---- */

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
    if (fits32(pc)) {
        asm_store_imm(&e->a, true, frame_mem(e->h, offset), pc);
    } else {
        asm_mov_ri(&e->a, RAX, pc);
        asm_store(&e->a, 8, frame_mem(e->h, offset), RAX);
    }
}

static void put_call(struct emitter *e, const struct ir_op *o)
{
    const struct ir_call *c = &e->u->calls[o->imm];

    evict_all(e);
    sync_reg(e, o->a, true);
    sync_reg(e, o->b, true);
    sync_reg(e, o->d, true);
    if (c->sees_pc) {
        store_pc(e, e->h->target->pc, e->u->pc + e->u->offset[o->insn]);
        store_pc(e, e->h->target->next, e->u->pc + e->u->offset[o->insn + 1]);
    }
    note_insn(e, o);
    asm_mov_ri(&e->a, RAX, (uintptr_t)c->fn);
    asm_mov_ri(&e->a, RCX, (uintptr_t)c->arg);
    asm_mov_ri(&e->a, RDX, e->u->key);
    asm_call(&e->a, e->h->call);
    sync_reg(e, o->d, false);
    fail_unless_ok(e);
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
    struct place x = locate(e, o->a);
    uint8_t *miss[2];

    move_to(e, RAX, &x);
    asm_mov_rr(&e->a, false, RCX, RAX);
    if (t->pc_shift) {
        asm_shift_ri(&e->a, false, SHIFT_SHR, RCX, t->pc_shift);
    }
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
static void put_exit(struct emitter *e, unsigned n, uint8_t *place, struct host_unit *ret)
{
    uint64_t pc = e->u->target[n];

    if (place) {
        asm_patch(place, e->a.at);
    }
    if (!same_page(e, pc)) {
        put_far_jump(e, pc, n);
        return;
    }
    if (!place) {
        place = asm_jmp(&e->a, NULL);
        asm_patch(place, e->a.at);
    }
    ret->exit[n] = (struct host_exit_place){place, e->a.at};
    leave_with(e, n);
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
    case IR_add: put_alu(e, o, ALU_ADD, true); break;
    case IR_sub: put_alu(e, o, ALU_SUB, true); break;
    case IR_and: put_alu(e, o, ALU_AND, true); break;
    case IR_or: put_alu(e, o, ALU_OR, true); break;
    case IR_xor: put_alu(e, o, ALU_XOR, true); break;
    case IR_add32: put_alu(e, o, ALU_ADD, false); break;
    case IR_sub32: put_alu(e, o, ALU_SUB, false); break;
    case IR_mul: put_mul(e, o, true); break;
    case IR_mul32: put_mul(e, o, false); break;
    case IR_mul_hs: put_mul_high(e, o, true); break;
    case IR_mul_hu: put_mul_high(e, o, false); break;
    case IR_shl: put_shift(e, o, SHIFT_SHL, true); break;
    case IR_shr: put_shift(e, o, SHIFT_SHR, true); break;
    case IR_sar: put_shift(e, o, SHIFT_SAR, true); break;
    case IR_shl32: put_shift(e, o, SHIFT_SHL, false); break;
    case IR_shr32: put_shift(e, o, SHIFT_SHR, false); break;
    case IR_sar32: put_shift(e, o, SHIFT_SAR, false); break;
    case IR_ext_s8: put_extend(e, o, 1, true); break;
    case IR_ext_s16: put_extend(e, o, 2, true); break;
    case IR_ext_u16: put_extend(e, o, 2, false); break;
    case IR_ext_u32: put_extend(e, o, 4, false); break;
    case IR_set: put_set(e, o); break;
    case IR_load: put_load(e, o); break;
    case IR_store: put_store(e, o); break;
    case IR_fence: asm_barrier(&e->a); break;
    case IR_call: put_call(e, o); break;
    case IR_branch:
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

/* The last operation, and a branch before it. */
static void put_end(struct emitter *e, const struct ir_op *branch, const struct ir_op *end,
                    struct host_unit *ret)
{
    uint8_t *taken = NULL;

    if (branch) {
        compare(e, branch, 0);
        taken = asm_jcc(&e->a, conditions[branch->cond], NULL);
    }
    switch ((enum ir_opcode)end->op) {
    case IR_jump: put_exit(e, 1, NULL, ret); break;
    case IR_jump_to: put_jump_to(e, end); break;
    default: leave_with(e, HOST_EXIT_END); break;
    }
    if (branch) {
        put_exit(e, 0, taken, ret);
    }
}

bool host_emit(const struct host *h, const struct ir_unit *u, uint64_t tag, uint8_t *at,
               uint8_t *end, struct host_unit *ret)
{
    struct emitter e = {.a = {at, end, false}, .h = h, .u = u, .tag = tag};
    unsigned n = u->n_ops - 1;
    const struct ir_op *branch = n > 0 && u->ops[n - 1].op == IR_branch ? &u->ops[n - 1] : NULL;
    uint8_t *jumps[2] = {NULL, NULL};

    memset(e.holds, NOBODY, sizeof(e.holds));
    memset(e.where, IN_MEMORY, sizeof(e.where));
    memset(ret, 0, sizeof(*ret));
    put_head(&e, ret, jumps);
    for (unsigned i = 0; i < n - (branch != NULL) && !e.a.full; i++) {
        put_op(&e, &u->ops[i]);
    }
    put_end(&e, branch, &u->ops[n], ret);
    for (unsigned i = 0; i < e.n_stubs && !e.a.full; i++) {
        write_stub(&e, &e.stubs[i]);
    }
    write_fails(&e);
    write_head_exits(&e, jumps);
    ret->size = e.a.at - at;
    return !e.a.full;
}
