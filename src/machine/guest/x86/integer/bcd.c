/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DAA DAS AAA AAS AAM AAD SALC, LAHF SAHF, CLC STC CMC CLD STD. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

static void set_al(struct x86_cpu *c, uint8_t v)
{
    c->gpr[RAX] = (c->gpr[RAX] & ~UINT64_C(0xff)) | v;
}

static uint32_t result_flags(uint8_t v)
{
    return (v == 0 ? FLAG_ZF : 0) | (v & 0x80 ? FLAG_SF : 0) | (__builtin_parity(v) ? 0 : FLAG_PF);
}

static enum x86_status decimal_adjust(struct x86_cpu *c, int sign)
{
    uint32_t f = x86_flags_get(c), out = 0;
    uint8_t old = c->gpr[RAX], v = old;

    if ((old & 15) > 9 || (f & FLAG_AF)) {
        v += sign * 6;
        out |= FLAG_AF;
        if ((f & FLAG_CF) || (sign > 0 ? old > 0xf9 : old < 6)) {
            out |= FLAG_CF;
        }
    }
    if (old > 0x99 || (f & FLAG_CF)) {
        v += sign * 0x60;
        out |= FLAG_CF;
    } else if (sign > 0) {
        out &= ~FLAG_CF;
    }
    set_al(c, v);
    x86_flags_set(c, out | result_flags(v));
    return X86_OK;
}

X86_INSN(insn_daa)
{
    return decimal_adjust(c, 1);
}

X86_INSN(insn_das)
{
    return decimal_adjust(c, -1);
}

static enum x86_status ascii_adjust(struct x86_cpu *c, int sign)
{
    uint32_t f = x86_flags_get(c), out = 0;
    uint16_t ax = c->gpr[RAX];

    if ((ax & 15) > 9 || (f & FLAG_AF)) {
        ax += sign * 0x106;
        out = FLAG_AF | FLAG_CF;
    }
    ax &= 0xff0f;
    operand_set_wide(c, RAX, 2, ax);
    x86_flags_set(c, out | result_flags(ax));
    return X86_OK;
}

X86_INSN(insn_aaa)
{
    return ascii_adjust(c, 1);
}

X86_INSN(insn_aas)
{
    return ascii_adjust(c, -1);
}

X86_INSN(insn_aam)
{
    uint8_t al = c->gpr[RAX], base = in->imm;

    if (base == 0) {
        return x86_raise(c, VEC_DE);
    }
    operand_set_wide(c, RAX, 2, (al / base) << 8 | al % base);
    x86_flags_set(c, result_flags(al % base));
    return X86_OK;
}

X86_INSN(insn_aad)
{
    uint8_t al = c->gpr[RAX], ah = c->gpr[RAX] >> 8;

    al += ah * (uint8_t)in->imm;
    operand_set_wide(c, RAX, 2, al);
    x86_flags_set(c, result_flags(al));
    return X86_OK;
}

X86_INSN(insn_salc)
{
    set_al(c, x86_carry(c) ? 0xff : 0);
    return X86_OK;
}

#define FLAGS_AH (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF)

X86_INSN(insn_lahf)
{
    uint64_t ah = (x86_flags_get(c) & FLAGS_AH) | FLAG_ONE;

    c->gpr[RAX] = (c->gpr[RAX] & ~UINT64_C(0xff00)) | ah << 8;
    return X86_OK;
}

X86_INSN(insn_sahf)
{
    x86_flags_set(c, (x86_flags_get(c) & FLAG_OF) | (c->gpr[RAX] >> 8 & FLAGS_AH));
    return X86_OK;
}

X86_INSN(insn_clc)
{
    x86_flags_set(c, x86_flags_get(c) & ~FLAG_CF);
    return X86_OK;
}

X86_INSN(insn_stc)
{
    x86_flags_set(c, x86_flags_get(c) | FLAG_CF);
    return X86_OK;
}

X86_INSN(insn_cmc)
{
    x86_flags_set(c, x86_flags_get(c) ^ FLAG_CF);
    return X86_OK;
}

X86_INSN(insn_cld)
{
    c->rflags &= ~FLAG_DF;
    return X86_OK;
}

X86_INSN(insn_std)
{
    c->rflags |= FLAG_DF;
    return X86_OK;
}
