/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer arithmetic, jumps and branches: RV64I, M, Zba, Zbb, Zbs. */
#include "machine/guest/riscv64/insn.h"

#define A    (c->x[in->rs1])
#define B    (c->x[in->rs2])
#define IMM  ((uint64_t)(int64_t)in->imm)
#define W(v) ((uint64_t)(int64_t)(int32_t)(v))

/* An instruction whose whole effect is a value for rd. */
#define VALUE(name, expression)             \
    RISCV_HANDLER(name)                     \
    {                                       \
        riscv_set(c, in->rd, (expression)); \
        return RISCV_OK;                    \
    }

VALUE(lui, IMM)
VALUE(auipc, c->pc + IMM)
VALUE(addi, A + IMM)
VALUE(slti, (int64_t)A < (int64_t)in->imm)
VALUE(sltiu, A < IMM)
VALUE(xori, A ^ IMM)
VALUE(ori, A | IMM)
VALUE(andi, A &IMM)
VALUE(slli, A << (in->imm & 63))
VALUE(srli, A >> (in->imm & 63))
VALUE(srai, (int64_t)A >> (in->imm & 63))
VALUE(addiw, W(A + IMM))
VALUE(slliw, W((uint32_t)A << (in->imm & 31)))
VALUE(srliw, W((uint32_t)A >> (in->imm & 31)))
VALUE(sraiw, W((int32_t)A >> (in->imm & 31)))
VALUE(add, A + B)
VALUE(sub, A - B)
VALUE(sll, A << (B & 63))
VALUE(slt, (int64_t)A < (int64_t)B)
VALUE(sltu, A < B)
VALUE(xor, A ^ B)
VALUE(srl, A >> (B & 63))
VALUE(sra, (int64_t)A >> (B & 63))
VALUE(or, A | B)
VALUE(and, A &B)
VALUE(addw, W(A + B))
VALUE(subw, W(A - B))
VALUE(sllw, W((uint32_t)A << (B & 31)))
VALUE(srlw, W((uint32_t)A >> (B & 31)))
VALUE(sraw, W((int32_t)A >> (B & 31)))

/* Division by zero and overflow have results, not traps (volume I, 7.2). */
static uint64_t divide(int64_t a, int64_t b)
{
    if (b == 0) {
        return UINT64_MAX;
    }
    return b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b);
}

static uint64_t remainder_of(int64_t a, int64_t b)
{
    if (b == 0) {
        return a;
    }
    return b == -1 ? 0 : (uint64_t)(a % b);
}

VALUE(mul, A *B)
VALUE(mulh, (uint64_t)(((__int128)(int64_t)A * (int64_t)B) >> 64))
VALUE(mulhsu, (uint64_t)(((__int128)(int64_t)A * (__int128)(unsigned __int128)B) >> 64))
VALUE(mulhu, (uint64_t)(((unsigned __int128)A * B) >> 64))
VALUE(div, divide(A, B))
VALUE(divu, B ? A / B : UINT64_MAX)
VALUE(rem, remainder_of(A, B))
VALUE(remu, B ? A % B : A)
VALUE(mulw, W((uint32_t)A *(uint32_t)B))
VALUE(divw, W(divide((int32_t)A, (int32_t)B)))
VALUE(divuw, (uint32_t)B ? W((uint32_t)A / (uint32_t)B) : UINT64_MAX)
VALUE(remw, W(remainder_of((int32_t)A, (int32_t)B)))
VALUE(remuw, W((uint32_t)B ? (uint32_t)A % (uint32_t)B : (uint32_t)A))

VALUE(add_uw, (uint32_t)A + B)
VALUE(sh1add, (A << 1) + B)
VALUE(sh2add, (A << 2) + B)
VALUE(sh3add, (A << 3) + B)
VALUE(sh1add_uw, ((uint64_t)(uint32_t)A << 1) + B)
VALUE(sh2add_uw, ((uint64_t)(uint32_t)A << 2) + B)
VALUE(sh3add_uw, ((uint64_t)(uint32_t)A << 3) + B)
VALUE(slli_uw, (uint64_t)(uint32_t)A << (in->imm & 63))

static uint64_t rotate(uint64_t v, unsigned right)
{
    right &= 63;
    return right ? v >> right | v << (64 - right) : v;
}

static uint64_t rotate_w(uint32_t v, unsigned right)
{
    right &= 31;
    return W(right ? v >> right | v << (32 - right) : v);
}

/* Each byte that is not 0 becomes ffh. */
static uint64_t or_combine(uint64_t v)
{
    uint64_t ret = 0;

    for (unsigned i = 0; i < 64; i += 8) {
        ret |= (v >> i & 0xff) ? UINT64_C(0xff) << i : 0;
    }
    return ret;
}

VALUE(andn, A & ~B)
VALUE(orn, A | ~B)
VALUE(xnor, ~(A ^ B))
VALUE(clz, A ? (uint64_t)__builtin_clzll(A) : 64)
VALUE(clzw, (uint32_t)A ? (uint64_t)__builtin_clz((uint32_t)A) : 32)
VALUE(ctz, A ? (uint64_t)__builtin_ctzll(A) : 64)
VALUE(ctzw, (uint32_t)A ? (uint64_t)__builtin_ctz((uint32_t)A) : 32)
VALUE(cpop, (uint64_t)__builtin_popcountll(A))
VALUE(cpopw, (uint64_t)__builtin_popcount((uint32_t)A))
VALUE(sext_b, (uint64_t)(int64_t)(int8_t)A)
VALUE(sext_h, (uint64_t)(int64_t)(int16_t)A)
VALUE(zext_h, (uint16_t)A)
VALUE(min, (int64_t)A < (int64_t)B ? A : B)
VALUE(minu, A < B ? A : B)
VALUE(max, (int64_t)A > (int64_t)B ? A : B)
VALUE(maxu, A > B ? A : B)
VALUE(rol, rotate(A, 0 - (unsigned)B))
VALUE(ror, rotate(A, B))
VALUE(rori, rotate(A, in->imm))
VALUE(rolw, rotate_w(A, 0 - (unsigned)B))
VALUE(rorw, rotate_w(A, B))
VALUE(roriw, rotate_w(A, in->imm))
VALUE(orc_b, or_combine(A))
VALUE(rev8, __builtin_bswap64(A))

VALUE(bclr, A & ~(UINT64_C(1) << (B & 63)))
VALUE(bclri, A & ~(UINT64_C(1) << (in->imm & 63)))
VALUE(bext, A >> (B & 63) & 1)
VALUE(bexti, A >> (in->imm & 63) & 1)
VALUE(binv, A ^ UINT64_C(1) << (B & 63))
VALUE(binvi, A ^ UINT64_C(1) << (in->imm & 63))
VALUE(bset, A | UINT64_C(1) << (B & 63))
VALUE(bseti, A | UINT64_C(1) << (in->imm & 63))

static enum riscv_status go(struct riscv_cpu *c, uint64_t target)
{
    if (G_UNLIKELY(target & 2) && !riscv_model_has(c->model, RISCV_EXT_C)) {
        return riscv_raise(c, RISCV_EXC_FETCH_MISALIGNED, target);
    }
    c->next = target;
    return RISCV_OK;
}

RISCV_HANDLER(jal)
{
    uint64_t link = c->next;
    enum riscv_status st = go(c, c->pc + IMM);

    if (st == RISCV_OK) {
        riscv_set(c, in->rd, link);
    }
    return st;
}

RISCV_HANDLER(jalr)
{
    uint64_t link = c->next;
    enum riscv_status st = go(c, (A + IMM) & ~UINT64_C(1));

    if (st == RISCV_OK) {
        riscv_set(c, in->rd, link);
    }
    return st;
}

#define BRANCH(name, condition)                             \
    RISCV_HANDLER(name)                                     \
    {                                                       \
        return (condition) ? go(c, c->pc + IMM) : RISCV_OK; \
    }

BRANCH(beq, A == B)
BRANCH(bne, A != B)
BRANCH(blt, (int64_t)A < (int64_t)B)
BRANCH(bge, (int64_t)A >= (int64_t)B)
BRANCH(bltu, A < B)
BRANCH(bgeu, A >= B)
