/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/translate.h"

#include "machine/guest/riscv64/memory.h"
#include "machine/guest/riscv64/trap.h"

#include <stddef.h>

#define T0 IR_TEMP
#define T1 (IR_TEMP + 1)

/* Values beside x0 to x31. */
#define F(n)           (32 + (n))
#define RESERVED       64
#define RESERVED_VALUE 65
#define MSTATUS        66
#define VALUES         67

/* What becomes of the unit after an instruction. */
enum next { GO_ON, END };

struct translator {
    struct ir_unit *u;
    const struct riscv_cpu *c;
    const struct riscv_insn *in;
    uint64_t pc, follows;
    bool float_dirty; /* mstatus.FS says so already */
    uint32_t known;   /* registers whose value is a constant here */
    uint64_t value[32];
};

/* ---- values ---- */

static bool is_known(const struct translator *t, unsigned r)
{
    return t->known >> r & 1;
}

static void written(struct translator *t, unsigned rd)
{
    t->known &= ~(1u << rd) | 1; /* x0 stays known */
}

static void put_constant(struct translator *t, unsigned rd, uint64_t value)
{
    if (rd != 0) {
        ir_put(t->u, IR_mov, rd, IR_NONE, IR_IMM, value);
        t->known |= 1u << rd;
        t->value[rd] = value;
    }
}

/* A register as operand a: x0 becomes a temporary that is 0. */
static uint8_t operand(struct translator *t, unsigned r, uint8_t temp)
{
    if (r != 0) {
        return r;
    }
    ir_put(t->u, IR_mov, temp, IR_NONE, IR_IMM, 0);
    return temp;
}

static void put_imm(struct translator *t, enum ir_opcode op, enum ir_cond cond, unsigned rd,
                    unsigned rs1, int64_t imm)
{
    if (rd == 0) {
        return;
    }
    if (is_known(t, rs1)) {
        put_constant(t, rd, ir_compute(op, cond, t->value[rs1], imm));
        return;
    }
    if (op == IR_add && imm == 0) {
        ir_put(t->u, IR_mov, rd, IR_NONE, rs1, 0);
    } else {
        ir_put(t->u, op, rd, rs1, IR_IMM, imm)->cond = cond;
    }
    written(t, rd);
}

static bool is_commutative(enum ir_opcode op)
{
    return op == IR_add || op == IR_and || op == IR_or || op == IR_xor || op == IR_mul ||
           op == IR_add32 || op == IR_mul32;
}

static void put_reg(struct translator *t, enum ir_opcode op, enum ir_cond cond, unsigned rd,
                    unsigned rs1, unsigned rs2)
{
    if (rd == 0) {
        return;
    }
    if (is_known(t, rs2)) {
        put_imm(t, op, cond, rd, rs1, t->value[rs2]);
    } else if (is_known(t, rs1) && is_commutative(op)) {
        put_imm(t, op, cond, rd, rs2, t->value[rs1]);
    } else {
        uint8_t a = operand(t, rs1, T0);

        ir_put(t->u, op, rd, a, rs2, 0)->cond = cond;
        written(t, rd);
    }
}

/* op rd, rs1, rs2 or imm */
#define REG(op) put_reg(t, IR_##op, 0, in->rd, in->rs1, in->rs2)
#define IMM(op) put_imm(t, IR_##op, 0, in->rd, in->rs1, in->imm)

/* ---- memory ---- */

static void put_load(struct translator *t, enum ir_width width)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0);

    ir_put(t->u, IR_load, in->rd ? in->rd : T0, a, IR_NONE, in->imm)->cond = width;
    written(t, in->rd);
}

static void put_store(struct translator *t, enum ir_width width)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0);

    ir_put(t->u, IR_store, IR_NONE, a, in->rs2 ? in->rs2 : IR_ZERO, in->imm)->cond = width;
}

/* ---- calls ---- */

static unsigned add_call(struct translator *t, uint32_t (*fn)(void *, const void *, uint64_t),
                         bool sees_pc)
{
    struct ir_unit *u = t->u;

    u->calls[u->n_calls] = (struct ir_call){fn, ir_keep(u, t->in, sizeof(*t->in)), sees_pc};
    return u->n_calls++;
}

static void put_call(struct translator *t, uint32_t (*fn)(void *, const void *, uint64_t),
                     bool sees_pc, unsigned d, unsigned a, unsigned b)
{
    ir_put(t->u, IR_call, d, a, b, add_call(t, fn, sees_pc));
    if (d < 32) {
        written(t, d);
    }
}

static void call_int(struct translator *t, bool two)
{
    put_call(t, riscv_call_plain, false, t->in->rd, t->in->rs1, two ? t->in->rs2 : IR_NONE);
}

/* FALSE: no division. */
static bool put_division(struct translator *t)
{
    static const struct {
        uint8_t id, kind;
        bool wide;
    } rows[] = {
        {RISCV_ID_div, IR_DIV, true},   {RISCV_ID_divu, IR_DIVU, true},
        {RISCV_ID_rem, IR_REM, true},   {RISCV_ID_remu, IR_REMU, true},
        {RISCV_ID_divw, IR_DIV, false}, {RISCV_ID_divuw, IR_DIVU, false},
        {RISCV_ID_remw, IR_REM, false}, {RISCV_ID_remuw, IR_REMU, false},
    };
    const struct riscv_insn *in = t->in;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (in->id == rows[i].id && in->rd != 0) {
            uint8_t a = operand(t, in->rs1, T0), b = operand(t, in->rs2, T1);
            unsigned call = add_call(t, riscv_call_plain, false);

            ir_put(t->u, IR_divide, in->rd, a, b, call | (rows[i].wide ? IR_WIDE : 0))->cond =
                rows[i].kind;
            written(t, in->rd);
            return true;
        }
    }
    return false;
}

/* ---- atomics ---- */

static void put_amo(struct translator *t, enum ir_amo kind, bool wide)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0), b = operand(t, in->rs2, T1);

    ir_put(t->u, IR_amo, in->rd ? in->rd : IR_NONE, a, b,
           add_call(t, riscv_call_plain, false) | (wide ? IR_WIDE : 0))
        ->cond = kind;
    written(t, in->rd);
}

static void put_store_if(struct translator *t, bool wide)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0), b = operand(t, in->rs2, T1);

    ir_put(t->u, IR_store_if, in->rd ? in->rd : T0, a, b,
           add_call(t, riscv_call_plain, false) | (wide ? IR_WIDE : 0));
    written(t, in->rd);
}

/* FALSE: the interpreter's. */
static bool put_atomic(struct translator *t)
{
    switch ((enum riscv_id)t->in->id) {
    case RISCV_ID_amoadd_w: put_amo(t, IR_AMO_ADD, false); return true;
    case RISCV_ID_amoswap_w: put_amo(t, IR_AMO_SWAP, false); return true;
    case RISCV_ID_amoand_w: put_amo(t, IR_AMO_AND, false); return true;
    case RISCV_ID_amoor_w: put_amo(t, IR_AMO_OR, false); return true;
    case RISCV_ID_amoxor_w: put_amo(t, IR_AMO_XOR, false); return true;
    case RISCV_ID_amoadd_d: put_amo(t, IR_AMO_ADD, true); return true;
    case RISCV_ID_amoswap_d: put_amo(t, IR_AMO_SWAP, true); return true;
    case RISCV_ID_amoand_d: put_amo(t, IR_AMO_AND, true); return true;
    case RISCV_ID_amoor_d: put_amo(t, IR_AMO_OR, true); return true;
    case RISCV_ID_amoxor_d: put_amo(t, IR_AMO_XOR, true); return true;
    case RISCV_ID_sc_w: put_store_if(t, false); return true;
    case RISCV_ID_sc_d: put_store_if(t, true); return true;
    default: return false;
    }
}

/* ---- floating point ---- */

/* Before the first write of a floating-point register. */
static void float_written(struct translator *t)
{
    if (!t->float_dirty) {
        ir_put(t->u, IR_or, MSTATUS, MSTATUS, IR_IMM, MSTATUS_FS);
        t->float_dirty = true;
    }
}

/* Rounds to the nearest, as the key has it where the instruction leaves it open. */
static bool rounds_to_nearest(const struct translator *t)
{
    return t->in->rm == 0 || (t->in->rm == 7 && t->c->frm == 0);
}

static bool is_float_on(const struct translator *t)
{
    return t->c->mstatus & MSTATUS_FS;
}

static void put_float(struct translator *t, enum ir_float kind, bool wide, unsigned d, unsigned a,
                      unsigned b, unsigned c)
{
    unsigned call;

    if (d >= F(0)) {
        float_written(t);
    }
    call = add_call(t, riscv_call_plain, false);
    ir_put(t->u, IR_float, d, a, b, call | (wide ? IR_WIDE : 0) | (int64_t)c << 24)->cond = kind;
    if (d < 32) {
        written(t, d);
    }
}

/* f op f, into f. */
static bool float_binary(struct translator *t, enum ir_float kind, bool wide)
{
    const struct riscv_insn *in = t->in;

    if (!rounds_to_nearest(t)) {
        return false;
    }
    put_float(t, kind, wide, F(in->rd), F(in->rs1), F(kind == IR_FSQRT ? in->rs1 : in->rs2), 0);
    return true;
}

static bool float_fused(struct translator *t, enum ir_float kind, bool wide)
{
    const struct riscv_insn *in = t->in;

    if (!rounds_to_nearest(t)) {
        return false;
    }
    put_float(t, kind, wide, F(in->rd), F(in->rs1), F(in->rs2), F(in->rs3));
    return true;
}

static bool float_compare(struct translator *t, enum ir_float kind, bool wide)
{
    const struct riscv_insn *in = t->in;

    if (in->rd == 0) {
        return false;
    }
    put_float(t, kind, wide, in->rd, F(in->rs1), F(in->rs2), 0);
    return true;
}

static bool float_from(struct translator *t, enum ir_float kind, bool wide)
{
    uint8_t a;

    if (!rounds_to_nearest(t)) {
        return false;
    }
    float_written(t);
    a = operand(t, t->in->rs1, T0);
    put_float(t, kind, wide, F(t->in->rd), a, F(0), 0);
    return true;
}

/* `kind`: to the nearest; the one two further chops. */
static bool float_to(struct translator *t, enum ir_float kind, bool wide)
{
    const struct riscv_insn *in = t->in;
    bool chops = in->rm == 1;

    if (in->rd == 0 || (!chops && !rounds_to_nearest(t))) {
        return false;
    }
    put_float(t, chops ? kind + (IR_F_CHOP_32 - IR_F_TO_32) : kind, wide, in->rd, F(in->rs1), F(0),
              0);
    return true;
}

static bool float_load(struct translator *t, bool wide)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0);

    if (wide) {
        ir_put(t->u, IR_load, F(in->rd), a, IR_NONE, in->imm)->cond = IR_64;
    } else {
        ir_put(t->u, IR_load, T0, a, IR_NONE, in->imm)->cond = IR_U32;
        ir_put(t->u, IR_or, F(in->rd), T0, IR_IMM, (int64_t)0xffffffff00000000);
    }
    /* After it: an access that faults leaves mstatus as it is. */
    float_written(t);
    return true;
}

static bool float_store(struct translator *t, bool wide)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0);

    ir_put(t->u, IR_store, IR_NONE, a, F(in->rs2), in->imm)->cond = wide ? IR_64 : IR_U32;
    return true;
}

/* fsgnj.d and its kin: with both operands the same, a move and changes of the sign. */
static bool float_sign(struct translator *t)
{
    const struct riscv_insn *in = t->in;
    int64_t sign = INT64_MIN;

    if (in->rs1 != in->rs2) {
        return false;
    }
    float_written(t);
    switch (in->rm) {
    case 0: ir_put(t->u, IR_mov, F(in->rd), IR_NONE, F(in->rs1), 0); break;
    case 1: ir_put(t->u, IR_xor, F(in->rd), F(in->rs1), IR_IMM, sign); break;
    default: ir_put(t->u, IR_and, F(in->rd), F(in->rs1), IR_IMM, INT64_MAX); break;
    }
    return true;
}

static bool float_move(struct translator *t, bool wide, bool to_float)
{
    const struct riscv_insn *in = t->in;
    struct ir_unit *u = t->u;

    if (!to_float) {
        if (in->rd == 0) {
            return false;
        }
        if (wide) {
            ir_put(u, IR_mov, in->rd, IR_NONE, F(in->rs1), 0);
        } else {
            ir_put(u, IR_add32, in->rd, F(in->rs1), IR_IMM, 0);
        }
        written(t, in->rd);
        return true;
    }
    float_written(t);
    if (in->rs1 == 0) {
        ir_put(u, IR_mov, F(in->rd), IR_NONE, IR_IMM, wide ? 0 : (int64_t)0xffffffff00000000);
    } else if (wide) {
        ir_put(u, IR_mov, F(in->rd), IR_NONE, in->rs1, 0);
    } else {
        ir_put(u, IR_ext_u32, T0, in->rs1, IR_NONE, 0);
        ir_put(u, IR_or, F(in->rd), T0, IR_IMM, (int64_t)0xffffffff00000000);
    }
    return true;
}

/* FALSE: the interpreter's. */
static bool put_floating(struct translator *t)
{
    if (!is_float_on(t)) {
        return false;
    }
    switch ((enum riscv_id)t->in->id) {
    case RISCV_ID_flw: return float_load(t, false);
    case RISCV_ID_fld: return float_load(t, true);
    case RISCV_ID_fsw: return float_store(t, false);
    case RISCV_ID_fsd: return float_store(t, true);
    case RISCV_ID_fadd_s: return float_binary(t, IR_FADD, false);
    case RISCV_ID_fsub_s: return float_binary(t, IR_FSUB, false);
    case RISCV_ID_fmul_s: return float_binary(t, IR_FMUL, false);
    case RISCV_ID_fdiv_s: return float_binary(t, IR_FDIV, false);
    case RISCV_ID_fsqrt_s: return float_binary(t, IR_FSQRT, false);
    case RISCV_ID_fadd_d: return float_binary(t, IR_FADD, true);
    case RISCV_ID_fsub_d: return float_binary(t, IR_FSUB, true);
    case RISCV_ID_fmul_d: return float_binary(t, IR_FMUL, true);
    case RISCV_ID_fdiv_d: return float_binary(t, IR_FDIV, true);
    case RISCV_ID_fsqrt_d: return float_binary(t, IR_FSQRT, true);
    case RISCV_ID_fmadd_s: return float_fused(t, IR_FMADD, false);
    case RISCV_ID_fmsub_s: return float_fused(t, IR_FMSUB, false);
    case RISCV_ID_fnmsub_s: return float_fused(t, IR_FNMSUB, false);
    case RISCV_ID_fnmadd_s: return float_fused(t, IR_FNMADD, false);
    case RISCV_ID_fmadd_d: return float_fused(t, IR_FMADD, true);
    case RISCV_ID_fmsub_d: return float_fused(t, IR_FMSUB, true);
    case RISCV_ID_fnmsub_d: return float_fused(t, IR_FNMSUB, true);
    case RISCV_ID_fnmadd_d: return float_fused(t, IR_FNMADD, true);
    case RISCV_ID_feq_s: return float_compare(t, IR_FEQ, false);
    case RISCV_ID_flt_s: return float_compare(t, IR_FLT, false);
    case RISCV_ID_fle_s: return float_compare(t, IR_FLE, false);
    case RISCV_ID_feq_d: return float_compare(t, IR_FEQ, true);
    case RISCV_ID_flt_d: return float_compare(t, IR_FLT, true);
    case RISCV_ID_fle_d: return float_compare(t, IR_FLE, true);
    case RISCV_ID_fcvt_s_w: return float_from(t, IR_F_FROM_32, false);
    case RISCV_ID_fcvt_s_l: return float_from(t, IR_F_FROM_64, false);
    case RISCV_ID_fcvt_d_w: return float_from(t, IR_F_FROM_32, true);
    case RISCV_ID_fcvt_d_l: return float_from(t, IR_F_FROM_64, true);
    case RISCV_ID_fcvt_w_s: return float_to(t, IR_F_TO_32, false);
    case RISCV_ID_fcvt_l_s: return float_to(t, IR_F_TO_64, false);
    case RISCV_ID_fcvt_w_d: return float_to(t, IR_F_TO_32, true);
    case RISCV_ID_fcvt_l_d: return float_to(t, IR_F_TO_64, true);
    case RISCV_ID_fcvt_s_d: return float_binary(t, IR_F_WIDTH, true);
    case RISCV_ID_fcvt_d_s: return float_binary(t, IR_F_WIDTH, false);
    case RISCV_ID_fsgnj_d:
    case RISCV_ID_fsgnjn_d:
    case RISCV_ID_fsgnjx_d: return float_sign(t);
    case RISCV_ID_fmv_x_w: return float_move(t, false, false);
    case RISCV_ID_fmv_x_d: return float_move(t, true, false);
    case RISCV_ID_fmv_w_x: return float_move(t, false, true);
    case RISCV_ID_fmv_d_x: return float_move(t, true, true);
    default: return false;
    }
}

/* ---- the system ---- */

/* mcycle, minstret, cycle, instret: their exact place in the unit matters. */
static bool reads_counter(const struct translator *t)
{
    unsigned csr = t->in->imm;

    return (csr >= 0xb00 && csr < 0xb20) || csr == 0xc00 || csr == 0xc02;
}

static enum next put_csr(struct translator *t, bool by_register)
{
    put_call(t, riscv_call_csr, false, t->in->rd, by_register ? t->in->rs1 : IR_NONE, IR_NONE);
    return GO_ON;
}

static enum next put_system(struct translator *t)
{
    put_call(t, riscv_call_system, true, t->in->rd, t->in->rs1, t->in->rs2);
    ir_put(t->u, IR_leave, IR_NONE, IR_NONE, IR_NONE, 0);
    return END;
}

/* ---- jumps ---- */

static enum next jump(struct translator *t, uint64_t to)
{
    t->u->target[1] = to;
    ir_put(t->u, IR_jump, 1, IR_NONE, IR_NONE, 0);
    return END;
}

/* Without compressed instructions a target may be misaligned. */
static bool may_misalign(const struct translator *t)
{
    return !riscv_model_has(t->c->model, RISCV_EXT_C);
}

static enum next put_jal(struct translator *t)
{
    if (may_misalign(t)) {
        return put_system(t);
    }
    put_constant(t, t->in->rd, t->follows);
    return jump(t, t->pc + (int64_t)t->in->imm);
}

static enum next put_jalr(struct translator *t)
{
    const struct riscv_insn *in = t->in;

    if (may_misalign(t)) {
        return put_system(t);
    }
    if (is_known(t, in->rs1)) {
        uint64_t to = (t->value[in->rs1] + (int64_t)in->imm) & ~UINT64_C(1);

        put_constant(t, in->rd, t->follows);
        return jump(t, to);
    }
    ir_put(t->u, IR_add, T0, in->rs1, IR_IMM, in->imm);
    ir_put(t->u, IR_and, T0, T0, IR_IMM, -2);
    put_constant(t, in->rd, t->follows);
    ir_put(t->u, IR_jump_to, IR_NONE, T0, IR_NONE, 0);
    return END;
}

static enum next put_branch(struct translator *t, enum ir_cond cond)
{
    const struct riscv_insn *in = t->in;
    uint64_t to = t->pc + (int64_t)in->imm;

    if (may_misalign(t)) {
        return put_system(t);
    }
    if (is_known(t, in->rs1) && is_known(t, in->rs2)) {
        return jump(t, ir_holds(cond, t->value[in->rs1], t->value[in->rs2]) ? to : t->follows);
    }
    t->u->target[0] = to;
    if (in->rs2 == 0) {
        ir_put(t->u, IR_branch, 0, in->rs1, IR_IMM, 0)->cond = cond;
    } else {
        uint8_t a = operand(t, in->rs1, T0);

        ir_put(t->u, IR_branch, 0, a, in->rs2, 0)->cond = cond;
    }
    return jump(t, t->follows);
}

/* Only a store before a load needs keeping apart on this host. */
static void put_fence(struct translator *t)
{
    uint32_t code = t->in->code;

    if ((code >> 24 & 1) && (code >> 21 & 1) && code >> 28 != 8) {
        ir_put(t->u, IR_fence, IR_NONE, IR_NONE, IR_NONE, 0);
    }
}

static void shift_add(struct translator *t, unsigned by, bool word)
{
    const struct riscv_insn *in = t->in;
    uint8_t a = operand(t, in->rs1, T0);

    if (in->rd == 0) {
        return;
    }
    if (word) {
        ir_put(t->u, IR_ext_u32, T0, a, IR_NONE, 0);
        a = T0;
    }
    if (by) {
        ir_put(t->u, IR_shl, T0, a, IR_IMM, by);
        a = T0;
    }
    if (in->rs2 == 0) {
        ir_put(t->u, IR_mov, in->rd, IR_NONE, a, 0);
    } else {
        ir_put(t->u, IR_add, in->rd, a, in->rs2, 0);
    }
    written(t, in->rd);
}

/* and, or, xor with the second operand, or the result, inverted. */
static void inverted(struct translator *t, enum ir_opcode op)
{
    const struct riscv_insn *in = t->in;
    uint8_t a, b;

    if (in->rd == 0) {
        return;
    }
    b = operand(t, in->rs2, T1);
    ir_put(t->u, IR_xor, T1, b, IR_IMM, -1);
    a = operand(t, in->rs1, T0);
    ir_put(t->u, op, in->rd, a, T1, 0);
    written(t, in->rd);
}

static void extend(struct translator *t, enum ir_opcode op)
{
    put_imm(t, op, 0, t->in->rd, t->in->rs1, 0);
}

/* What is computed, loaded or stored; FALSE: none of these. */
static bool put_simple(struct translator *t)
{
    const struct riscv_insn *in = t->in;

    switch ((enum riscv_id)in->id) {
    case RISCV_ID_lui: put_constant(t, in->rd, (int64_t)in->imm); return true;
    case RISCV_ID_auipc: put_constant(t, in->rd, t->pc + (int64_t)in->imm); return true;
    case RISCV_ID_addi: IMM(add); return true;
    case RISCV_ID_slti: put_imm(t, IR_set, IR_LT, in->rd, in->rs1, in->imm); return true;
    case RISCV_ID_sltiu: put_imm(t, IR_set, IR_LTU, in->rd, in->rs1, in->imm); return true;
    case RISCV_ID_xori: IMM(xor); return true;
    case RISCV_ID_ori: IMM(or); return true;
    case RISCV_ID_andi: IMM(and); return true;
    case RISCV_ID_slli: IMM(shl); return true;
    case RISCV_ID_srli: IMM(shr); return true;
    case RISCV_ID_srai: IMM(sar); return true;
    case RISCV_ID_addiw: IMM(add32); return true;
    case RISCV_ID_slliw: IMM(shl32); return true;
    case RISCV_ID_srliw: IMM(shr32); return true;
    case RISCV_ID_sraiw: IMM(sar32); return true;
    case RISCV_ID_add: REG(add); return true;
    case RISCV_ID_sub: REG(sub); return true;
    case RISCV_ID_sll: REG(shl); return true;
    case RISCV_ID_slt: put_reg(t, IR_set, IR_LT, in->rd, in->rs1, in->rs2); return true;
    case RISCV_ID_sltu: put_reg(t, IR_set, IR_LTU, in->rd, in->rs1, in->rs2); return true;
    case RISCV_ID_xor: REG(xor); return true;
    case RISCV_ID_srl: REG(shr); return true;
    case RISCV_ID_or: REG(or); return true;
    case RISCV_ID_and: REG(and); return true;
    case RISCV_ID_sra: REG(sar); return true;
    case RISCV_ID_addw: REG(add32); return true;
    case RISCV_ID_subw: REG(sub32); return true;
    case RISCV_ID_sllw: REG(shl32); return true;
    case RISCV_ID_srlw: REG(shr32); return true;
    case RISCV_ID_sraw: REG(sar32); return true;
    case RISCV_ID_mul: REG(mul); return true;
    case RISCV_ID_mulw: REG(mul32); return true;
    case RISCV_ID_mulh: REG(mul_hs); return true;
    case RISCV_ID_mulhu: REG(mul_hu); return true;
    case RISCV_ID_lb: put_load(t, IR_S8); return true;
    case RISCV_ID_lh: put_load(t, IR_S16); return true;
    case RISCV_ID_lw: put_load(t, IR_S32); return true;
    case RISCV_ID_ld: put_load(t, IR_64); return true;
    case RISCV_ID_lbu: put_load(t, IR_U8); return true;
    case RISCV_ID_lhu: put_load(t, IR_U16); return true;
    case RISCV_ID_lwu: put_load(t, IR_U32); return true;
    case RISCV_ID_sb: put_store(t, IR_U8); return true;
    case RISCV_ID_sh: put_store(t, IR_U16); return true;
    case RISCV_ID_sw: put_store(t, IR_U32); return true;
    case RISCV_ID_sd: put_store(t, IR_64); return true;
    case RISCV_ID_fence: put_fence(t); return true;
    case RISCV_ID_add_uw: shift_add(t, 0, true); return true;
    case RISCV_ID_sh1add: shift_add(t, 1, false); return true;
    case RISCV_ID_sh2add: shift_add(t, 2, false); return true;
    case RISCV_ID_sh3add: shift_add(t, 3, false); return true;
    case RISCV_ID_sh1add_uw: shift_add(t, 1, true); return true;
    case RISCV_ID_sh2add_uw: shift_add(t, 2, true); return true;
    case RISCV_ID_sh3add_uw: shift_add(t, 3, true); return true;
    case RISCV_ID_andn: inverted(t, IR_and); return true;
    case RISCV_ID_orn: inverted(t, IR_or); return true;
    case RISCV_ID_xnor: inverted(t, IR_xor); return true;
    case RISCV_ID_sext_b: extend(t, IR_ext_s8); return true;
    case RISCV_ID_sext_h: extend(t, IR_ext_s16); return true;
    case RISCV_ID_zext_h: extend(t, IR_ext_u16); return true;
    default: return false;
    }
}

/* What the interpreter's function does, called: which general registers does it touch? */
static bool put_called(struct translator *t)
{
    const struct riscv_insn *in = t->in;

    switch ((enum riscv_id)in->id) {
    case RISCV_ID_mulhsu:
    case RISCV_ID_div ... RISCV_ID_remu:
    case RISCV_ID_divw ... RISCV_ID_remuw:
    case RISCV_ID_lr_w ... RISCV_ID_amomaxu_d: call_int(t, true); return true;
    case RISCV_ID_slli_uw:
    case RISCV_ID_clz ... RISCV_ID_cpopw:
    case RISCV_ID_rori ... RISCV_ID_rev8:
    case RISCV_ID_bclri:
    case RISCV_ID_bexti:
    case RISCV_ID_binvi:
    case RISCV_ID_bseti: call_int(t, false); return true;
    case RISCV_ID_min ... RISCV_ID_rorw:
    case RISCV_ID_bclr:
    case RISCV_ID_bext:
    case RISCV_ID_binv:
    case RISCV_ID_bset: call_int(t, true); return true;
    case RISCV_ID_flw:
    case RISCV_ID_fld:
    case RISCV_ID_fsw:
    case RISCV_ID_fsd:
    case RISCV_ID_fcvt_s_w:
    case RISCV_ID_fcvt_s_wu:
    case RISCV_ID_fcvt_s_l:
    case RISCV_ID_fcvt_s_lu:
    case RISCV_ID_fcvt_d_w:
    case RISCV_ID_fcvt_d_wu:
    case RISCV_ID_fcvt_d_l:
    case RISCV_ID_fcvt_d_lu:
    case RISCV_ID_fmv_w_x:
    case RISCV_ID_fmv_d_x:
    case RISCV_ID_cbo_inval ... RISCV_ID_cbo_zero:
        put_call(t, riscv_call_plain, false, IR_NONE, in->rs1, IR_NONE);
        return true;
    case RISCV_ID_fle_s ... RISCV_ID_fcvt_w_s:
    case RISCV_ID_fcvt_wu_s:
    case RISCV_ID_fcvt_l_s:
    case RISCV_ID_fcvt_lu_s:
    case RISCV_ID_fmv_x_w:
    case RISCV_ID_fle_d ... RISCV_ID_fcvt_w_d:
    case RISCV_ID_fcvt_wu_d:
    case RISCV_ID_fcvt_l_d:
    case RISCV_ID_fcvt_lu_d:
    case RISCV_ID_fmv_x_d:
        put_call(t, riscv_call_plain, false, in->rd, IR_NONE, IR_NONE);
        return true;
    case RISCV_ID_fmadd_s ... RISCV_ID_fmax_s:
    case RISCV_ID_fmadd_d ... RISCV_ID_fmax_d:
    case RISCV_ID_fcvt_s_d:
    case RISCV_ID_fcvt_d_s:
        put_call(t, riscv_call_plain, false, IR_NONE, IR_NONE, IR_NONE);
        return true;
    default: return false;
    }
}

/* FALSE: nothing was put, the interpreter is to do it. */
static bool put_insn(struct translator *t, enum next *ret)
{
    *ret = GO_ON;
    if (put_simple(t) || put_division(t) || put_atomic(t) || put_floating(t) || put_called(t)) {
        return true;
    }
    switch ((enum riscv_id)t->in->id) {
    case RISCV_ID_jal: *ret = put_jal(t); return true;
    case RISCV_ID_jalr: *ret = put_jalr(t); return true;
    case RISCV_ID_beq: *ret = put_branch(t, IR_EQ); return true;
    case RISCV_ID_bne: *ret = put_branch(t, IR_NE); return true;
    case RISCV_ID_blt: *ret = put_branch(t, IR_LT); return true;
    case RISCV_ID_bge: *ret = put_branch(t, IR_GE); return true;
    case RISCV_ID_bltu: *ret = put_branch(t, IR_LTU); return true;
    case RISCV_ID_bgeu: *ret = put_branch(t, IR_GEU); return true;
    case RISCV_ID_csrrw:
    case RISCV_ID_csrrs:
    case RISCV_ID_csrrc: *ret = reads_counter(t) ? END : put_csr(t, true); return *ret == GO_ON;
    case RISCV_ID_csrrwi:
    case RISCV_ID_csrrsi:
    case RISCV_ID_csrrci: *ret = reads_counter(t) ? END : put_csr(t, false); return *ret == GO_ON;
    case RISCV_ID_fence_i:
    case RISCV_ID_ecall:
    case RISCV_ID_ebreak:
    case RISCV_ID_sret:
    case RISCV_ID_mret:
    case RISCV_ID_wfi:
    case RISCV_ID_sfence_vma: *ret = put_system(t); return true;
    default: return false;
    }
}

/* Code at `at` of the page; FALSE: it goes on in the next page. */
static bool decode(const struct riscv_cpu *c, const struct code_page *p, unsigned at,
                   struct riscv_insn *ret)
{
    const uint8_t *host = p->ram->host + p->off + at;
    uint32_t code = ram_ld16(host);

    if ((code & 3) == 3) {
        if (at + 4 > RAM_PAGE_SIZE) {
            return false;
        }
        code |= (uint32_t)ram_ld16(host + 2) << 16;
    }
    riscv_decode(c->model, code, ret);
    return true;
}

static bool translate(struct cpu *cpu, struct code_page *page, struct ir_unit *u)
{
    struct riscv_cpu *c = riscv_of(cpu);
    struct riscv_insn in;
    struct translator t = {.u = u,
                           .c = c,
                           .in = &in,
                           .known = 1,
                           .float_dirty = (c->mstatus & MSTATUS_FS) == MSTATUS_FS};
    unsigned at = u->pc & (RAM_PAGE_SIZE - 1);
    enum next next = GO_ON;

    u->regime = c->data_regime;
    while (next == GO_ON && u->n_insns < u->max_insns && at < RAM_PAGE_SIZE) {
        if (!code_page_enter(page, at, MIN(4u, RAM_PAGE_SIZE - at))) {
            return false;
        }
        if (!decode(c, page, at, &in)) {
            break;
        }
        t.pc = u->pc + u->length;
        t.follows = t.pc + in.len;
        u->offset[u->n_insns + 1] = u->length + in.len;
        if (!put_insn(&t, &next)) {
            break;
        }
        u->n_insns++;
        u->length += in.len;
        at += in.len;
    }
    if (next == GO_ON || u->n_ops == 0 || u->ops[u->n_ops - 1].op < IR_jump) {
        bool whole = u->n_insns == u->max_insns || at == RAM_PAGE_SIZE;

        u->target[1] = u->pc + u->length;
        ir_put(u, whole ? IR_jump : IR_leave, 1, IR_NONE, IR_NONE, 0);
    }
    return true;
}

/* ---- the interface ---- */

static uint64_t key(const struct cpu *cpu)
{
    return riscv_key((const struct riscv_cpu *)cpu);
}

static uint64_t get_pc(const struct cpu *cpu)
{
    return ((const struct riscv_cpu *)cpu)->pc;
}

static void set_pc(struct cpu *cpu, uint64_t pc)
{
    riscv_of(cpu)->pc = pc;
}

static bool look_around(struct cpu *cpu, enum accel_exit *ret_why)
{
    return riscv_look_around(riscv_of(cpu), ret_why);
}

static bool fetch(struct cpu *cpu, uint64_t pc, struct ram_block **ret_ram, gpa *ret_off)
{
    return riscv_fetch_page(riscv_of(cpu), pc, ret_ram, ret_off) == RISCV_OK;
}

static void float_flags(struct cpu *cpu, unsigned met)
{
    riscv_float_flags(riscv_of(cpu), met);
}

static bool deliver(struct cpu *cpu)
{
    riscv_take_exception(riscv_of(cpu));
    return true;
}

static bool same(const struct cpu *a, const struct cpu *b)
{
    size_t begin = offsetof(struct riscv_cpu, x);

    return memcmp((const char *)a + begin, (const char *)b + begin,
                  offsetof(struct riscv_cpu, exc) - begin) == 0;
}

#define OFF(field) ((int32_t)offsetof(struct riscv_cpu, field))
#define X(n)       [n] = OFF(x) + 8 * (n)
#define FREG(n)    [F(n)] = OFF(f) + 8 * (n)
#define F4(n)      FREG(n), FREG((n) + 1), FREG((n) + 2), FREG((n) + 3)
#define X4(n)      X(n), X((n) + 1), X((n) + 2), X((n) + 3)

static const struct ir_target target = {
    .reg = {X4(0), X4(4), X4(8), X4(12), X4(16), X4(20), X4(24), X4(28), F4(0), F4(4), F4(8),
            F4(12), F4(16), F4(20), F4(24), F4(28), [RESERVED] = OFF(reserved),
            [RESERVED_VALUE] = OFF(reserved_value), [MSTATUS] = OFF(mstatus)},
    .n_regs = VALUES,
    /* a0 a5 a4 a1 a3 a2 sp s0 s1 ra a6: measured, docs/notes */
    .hot = {10, 15, 14, 11, 13, 12, 2, 8, 9, 1, 16},
    .n_hot = 11,
    .pc = OFF(pc),
    .next = OFF(next),
    .middle = OFF(x) + 128,
    .exit_request = OFF(cpu.exit_request),
    .insns = OFF(cpu.insns),
    .budget = OFF(cpu.budget),
    .reserved = OFF(reserved),
    .reserved_value = OFF(reserved_value),
    .stamp = OFF(cpu.jit.stamp),
    .value = OFF(cpu.jit.value),
    .spill = OFF(cpu.jit.spill),
    .calls = OFF(cpu.jit.calls),
    .at = OFF(cpu.jit.at),
    .floats = OFF(cpu.jit.floats),
    .status = OFF(cpu.jit.status),
    .tlb_read = OFF(cpu.tlb.set[0].entry[TLB_READ]),
    .tlb_write = OFF(cpu.tlb.set[0].entry[TLB_WRITE]),
    .tlb_stride = sizeof(struct tlb_set),
    .tlb_bits = TLB_BITS,
    .page_bits = RAM_PAGE_BITS,
    .pc_shift = 1,
    .load = riscv_call_load,
    .store = riscv_call_store,
};

const struct cpu_translation riscv64_translation = {
    .target = &target,
    .key = key,
    .get_pc = get_pc,
    .set_pc = set_pc,
    .look_around = look_around,
    .fetch = fetch,
    .float_flags = float_flags,
    .deliver = deliver,
    .step = riscv_interp_step,
    .translate = translate,
    .size = sizeof(struct riscv_cpu),
    .state_begin = offsetof(struct riscv_cpu, x),
    .state_end = offsetof(struct riscv_cpu, model),
    .same = same,
};
