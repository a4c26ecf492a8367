/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MOV in its forms, MOVZX MOVSX LEA, CMOVcc SETcc, XLAT, segment registers. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/segment.h"

#define MOVE_FN(name, sfx) \
    enum x86_status insn_##name##_##sfx(struct x86_cpu *c, const struct x86_insn *in)

/* moffs: the address is the immediate. */
OPERAND_INLINE enum x86_status move_from_offset(struct x86_cpu *c, const struct x86_insn *in,
                                                unsigned size)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, in->imm, size, &v);

    if (st == X86_OK) {
        operand_set(c, in, RAX, size, v);
    }
    return st;
}

OPERAND_INLINE enum x86_status move_from_memory(struct x86_cpu *c, const struct x86_insn *in,
                                                unsigned size)
{
    uint64_t v;
    enum x86_status st = operand_load(c, in, size, &v);

    if (G_LIKELY(st == X86_OK)) {
        operand_set(c, in, in->reg, size, v);
    }
    return st;
}

#define MOVE_SIZE(sfx, size)                                                        \
    MOVE_FN(mov_rg, sfx)                                                            \
    {                                                                               \
        operand_set(c, in, in->rm, size, operand_get(c, in, in->reg, size));        \
        return X86_OK;                                                              \
    }                                                                               \
    MOVE_FN(mov_gr, sfx)                                                            \
    {                                                                               \
        operand_set(c, in, in->reg, size, operand_get(c, in, in->rm, size));        \
        return X86_OK;                                                              \
    }                                                                               \
    MOVE_FN(mov_mg, sfx)                                                            \
    {                                                                               \
        return operand_store(c, in, size, operand_get(c, in, in->reg, size));       \
    }                                                                               \
    MOVE_FN(mov_gm, sfx)                                                            \
    {                                                                               \
        return move_from_memory(c, in, size);                                       \
    }                                                                               \
    MOVE_FN(mov_ri, sfx)                                                            \
    {                                                                               \
        operand_set(c, in, in->rm, size, in->imm);                                  \
        return X86_OK;                                                              \
    }                                                                               \
    MOVE_FN(mov_mi, sfx)                                                            \
    {                                                                               \
        return operand_store(c, in, size, in->imm & operand_mask(size));            \
    }                                                                               \
    MOVE_FN(mov_zi, sfx)                                                            \
    {                                                                               \
        operand_set(c, in, in->reg, size, in->imm);                                 \
        return X86_OK;                                                              \
    }                                                                               \
    MOVE_FN(mov_ao, sfx)                                                            \
    {                                                                               \
        return move_from_offset(c, in, size);                                       \
    }                                                                               \
    MOVE_FN(mov_oa, sfx)                                                            \
    {                                                                               \
        return x86_write(c, in->seg, in->imm, size, operand_get(c, in, RAX, size)); \
    }

MOVE_SIZE(b, 1)
MOVE_SIZE(w, 2)
MOVE_SIZE(d, 4)
MOVE_SIZE(q, 8)

/* The byte source of MOVZX and MOVSX is a byte register, whatever the destination's size. */
OPERAND_INLINE enum x86_status extend(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                      unsigned from, bool is_signed)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, from, &v);

    if (G_LIKELY(st == X86_OK)) {
        operand_set(c, in, in->reg, size, is_signed ? (uint64_t)operand_signed(v, from) : v);
    }
    return st;
}

OPERAND_INLINE enum x86_status cmov(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                    unsigned cc)
{
    uint64_t v;
    enum x86_status st = operand_rm_get(c, in, size, &v);

    if (G_LIKELY(st == X86_OK)) {
        if (!operand_condition(c, cc)) {
            v = operand_get(c, in, in->reg, size); /* 32 bits: the upper half is cleared */
        }
        operand_set(c, in, in->reg, size, v);
    }
    return st;
}

#define EXTEND_SIZE(sfx, size)                            \
    MOVE_FN(movzx_b, sfx)                                 \
    {                                                     \
        return extend(c, in, size, 1, false);             \
    }                                                     \
    MOVE_FN(movzx_w, sfx)                                 \
    {                                                     \
        return extend(c, in, size, 2, false);             \
    }                                                     \
    MOVE_FN(movsx_b, sfx)                                 \
    {                                                     \
        return extend(c, in, size, 1, true);              \
    }                                                     \
    MOVE_FN(movsx_w, sfx)                                 \
    {                                                     \
        return extend(c, in, size, 2, true);              \
    }                                                     \
    MOVE_FN(lea, sfx)                                     \
    {                                                     \
        operand_set(c, in, in->reg, size, x86_ea(c, in)); \
        return X86_OK;                                    \
    }

EXTEND_SIZE(w, 2)
EXTEND_SIZE(d, 4)
EXTEND_SIZE(q, 8)

MOVE_FN(movsxd, w)
{
    return extend(c, in, 2, 2, false);
}

MOVE_FN(movsxd, d)
{
    return extend(c, in, 4, 4, false);
}

MOVE_FN(movsxd, q)
{
    return extend(c, in, 8, 4, true);
}

#define CONDITION(cc)                                              \
    MOVE_FN(cmov_##cc, w)                                          \
    {                                                              \
        return cmov(c, in, 2, cc);                                 \
    }                                                              \
    MOVE_FN(cmov_##cc, d)                                          \
    {                                                              \
        return cmov(c, in, 4, cc);                                 \
    }                                                              \
    MOVE_FN(cmov_##cc, q)                                          \
    {                                                              \
        return cmov(c, in, 8, cc);                                 \
    }                                                              \
    MOVE_FN(set, cc)                                               \
    {                                                              \
        return operand_rm_set(c, in, 1, operand_condition(c, cc)); \
    }

CONDITION(0)
CONDITION(1)
CONDITION(2)
CONDITION(3)
CONDITION(4)
CONDITION(5)
CONDITION(6)
CONDITION(7)
CONDITION(8)
CONDITION(9)
CONDITION(10)
CONDITION(11)
CONDITION(12)
CONDITION(13)
CONDITION(14)
CONDITION(15)

/* MOVNTI. */
MOVE_FN(movnti, d)
{
    return operand_store(c, in, 4, operand_get(c, in, in->reg, 4));
}

MOVE_FN(movnti, q)
{
    return operand_store(c, in, 8, c->gpr[in->reg]);
}

X86_INSN(insn_xlat)
{
    uint64_t off = c->gpr[RBX] + (uint8_t)c->gpr[RAX], v;

    off &= in->asize == 8 ? UINT64_MAX : operand_mask(in->asize);
    enum x86_status st = x86_read(c, in->seg, off, 1, &v);

    if (st == X86_OK) {
        c->gpr[RAX] = (c->gpr[RAX] & ~UINT64_C(0xff)) | v;
    }
    return st;
}

/* To memory always 16 bits; to a register as wide as the operand. */
/* REX.R says nothing about segment registers: SDM 2, 2.2.1.2. */
static unsigned segment_of(const struct x86_insn *in)
{
    return in->reg & 7;
}

X86_INSN(insn_mov_from_seg)
{
    unsigned seg = segment_of(in);

    if (seg >= SEG_COUNT) {
        return x86_raise(c, VEC_UD);
    }
    uint64_t v = c->seg[seg].selector;

    if (in->flags & INSN_MEM) {
        return operand_store(c, in, 2, v);
    }
    operand_set_wide(c, in->rm, in->osize, v);
    return X86_OK;
}

static enum x86_status load_segment(struct x86_cpu *c, unsigned seg, uint16_t selector)
{
    enum x86_status st = x86_load_segment(c, seg, selector);

    if (st == X86_OK && seg == SEG_SS) {
        c->int_shadow = SHADOW_ALL;
    }
    return st == X86_OK ? X86_END : st;
}

X86_INSN(insn_mov_to_seg)
{
    unsigned seg = segment_of(in);
    uint64_t v;

    if (seg >= SEG_COUNT || seg == SEG_CS) {
        return x86_raise(c, VEC_UD);
    }
    enum x86_status st = operand_rm_get(c, in, 2, &v);

    return st == X86_OK ? load_segment(c, seg, v) : st;
}

/* LES LDS LSS LFS LGS: offset, then selector. */
static enum x86_status load_far(struct x86_cpu *c, const struct x86_insn *in, unsigned seg)
{
    uint64_t off = x86_ea(c, in), v, selector;
    enum x86_status st = x86_read(c, in->seg, off, in->osize, &v);

    if (st == X86_OK) {
        st = x86_read(c, in->seg,
                      (off + in->osize) & (in->asize == 8 ? UINT64_MAX : operand_mask(in->asize)),
                      2, &selector);
    }
    if (st == X86_OK) {
        st = x86_load_segment(c, seg, selector);
    }
    if (st != X86_OK) {
        return st;
    }
    operand_set_wide(c, in->reg, in->osize, v);
    return X86_END;
}

X86_INSN(insn_les)
{
    return load_far(c, in, SEG_ES);
}

X86_INSN(insn_lds)
{
    return load_far(c, in, SEG_DS);
}

X86_INSN(insn_lss)
{
    return load_far(c, in, SEG_SS);
}

X86_INSN(insn_lfs)
{
    return load_far(c, in, SEG_FS);
}

X86_INSN(insn_lgs)
{
    return load_far(c, in, SEG_GS);
}
