/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jit-faults.h"

static const struct jit_fault *fault;
static unsigned count;

static bool become(struct ir_op *op, enum ir_opcode other)
{
    op->op = other;
    return true;
}

static bool to_sub(struct ir_op *op)
{
    return become(op, IR_sub);
}

static bool to_add(struct ir_op *op)
{
    return become(op, IR_add);
}

static bool to_or(struct ir_op *op)
{
    return become(op, IR_or);
}

static bool to_orz(struct ir_op *op)
{
    return become(op, IR_orz);
}

static bool to_shr(struct ir_op *op)
{
    return become(op, IR_shr);
}

static bool to_sarz(struct ir_op *op)
{
    return become(op, IR_sarz);
}

static bool to_unsigned_high(struct ir_op *op)
{
    return become(op, IR_mul_hu);
}

static bool to_put16(struct ir_op *op)
{
    return become(op, IR_put16);
}

static bool to_ext_u8(struct ir_op *op)
{
    return become(op, IR_ext_u8);
}

static bool to_swap(struct ir_op *op)
{
    return become(op, IR_swap);
}

/* By a constant. */
static bool one_more(struct ir_op *op)
{
    op->imm += op->b == IR_IMM;
    return op->b == IR_IMM;
}

static bool scaled_twice(struct ir_op *op)
{
    bool scaled = op->cond > 0;

    op->cond -= scaled;
    return scaled;
}

static bool opposite(struct ir_op *op)
{
    op->cond ^= 1;
    return true;
}

static bool signed_for_unsigned(struct ir_op *op)
{
    unsigned cond = op->cond & (IR_COND_32 - 1), rest = op->cond & IR_COND_32;

    if (cond != IR_LTU && cond != IR_GEU) {
        return false;
    }
    op->cond = (cond == IR_LTU ? IR_LT : IR_GE) | rest;
    return true;
}

static bool half(struct ir_op *op)
{
    bool whole = IR_WIDTH(op->cond) == IR_64;

    op->cond -= whole; /* IR_U32 */
    return whole;
}

static bool next_byte(struct ir_op *op)
{
    op->imm++;
    return true;
}

static bool other_division(struct ir_op *op)
{
    op->cond ^= IR_DIV ^ IR_REM;
    return true;
}

/* Of the same form: what is 0F xx is 0F yy. */
static bool replace_vector(struct ir_op *op, unsigned prefix, unsigned code, unsigned other)
{
    struct ir_vector v = ir_vector_of(op->imm);

    if (v.map != IR_MAP_0F || v.code != code || v.prefix != prefix) {
        return false;
    }
    v.code = other;
    op->imm = ir_vector_imm(v);
    return true;
}

static bool xor_to_or(struct ir_op *op)
{
    return replace_vector(op, 0x66, 0xef, 0xeb) || replace_vector(op, 0, 0x57, 0x56);
}

static bool addps_to_subps(struct ir_op *op)
{
    return replace_vector(op, 0, 0x58, 0x5c);
}

static bool other_shuffle(struct ir_op *op)
{
    struct ir_vector v = ir_vector_of(op->imm);

    v.imm ^= (v.flags & IR_VECTOR_IMM) ? 1 : 0;
    op->imm = ir_vector_imm(v);
    return v.flags & IR_VECTOR_IMM;
}

static bool always(struct ir_op *op)
{
    op->op = IR_mov;
    op->b = op->a;
    op->a = IR_NONE;
    return true;
}

const struct jit_fault jit_faults[] = {
    {"64-bit additions subtract", IR_add, to_sub},
    {"64-bit subtractions add", IR_sub, to_add},
    {"32-bit additions leave the high half", IR_addz, to_add},
    {"and is or", IR_and, to_or},
    {"exclusive or is or", IR_xorz, to_orz},
    {"shifts to the left go one bit too far", IR_shl, one_more},
    {"arithmetic shifts lose the sign", IR_sar, to_shr},
    {"32-bit logical shifts keep a sign", IR_shrz, to_sarz},
    {"high halves of signed products are those of unsigned ones", IR_mul_hs, to_unsigned_high},
    {"rotates go one bit too far", IR_rolz, one_more},
    {"scaled indexes are scaled too little", IR_lea, scaled_twice},
    {"bytes are put into words", IR_put8, to_put16},
    {"sign extension of bytes is zero extension", IR_ext_s8, to_ext_u8},
    {"32-bit swaps are of 64 bits", IR_swapz, to_swap},
    {"conditions are the opposite ones", IR_set, opposite},
    {"unsigned comparisons are signed", IR_set, signed_for_unsigned},
    {"branches are taken when they are not", IR_branch, opposite},
    {"branches compare as signed", IR_branch, signed_for_unsigned},
    {"conditional moves are not conditional", IR_movif, always},
    {"loads are one byte off", IR_load, next_byte},
    {"stores of 64 bits are of 32", IR_store, half},
    {"quotients are remainders", IR_divide, other_division},
    {"vectors are joined, not added exclusively", IR_vec, xor_to_or},
    {"singles are subtracted, not added", IR_vec, addps_to_subps},
    {"vectors are shuffled otherwise", IR_vec, other_shuffle},
    {0},
};

static void spoil(struct ir_unit *u)
{
    for (unsigned i = 0; i < u->n_ops; i++) {
        count += u->ops[i].op == fault->op && fault->change(&u->ops[i]);
    }
}

void jit_fault_set(const struct jit_fault *f)
{
    fault = f;
    count = 0;
    ir_spoil = f ? spoil : NULL;
}

unsigned jit_fault_count(void)
{
    return count;
}
