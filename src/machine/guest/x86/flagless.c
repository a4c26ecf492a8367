/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/flagless.h"

#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

/* The same as the exact handlers for a register of 4 or 8 bytes, without flags. */
#define SHIFTS(name, sfx, type, expression)                                                        \
    OPERAND_INLINE void name##_##sfx(struct x86_cpu *c, const struct x86_insn *in, unsigned count) \
    {                                                                                              \
        type v = (type)c->gpr[in->rm];                                                             \
                                                                                                   \
        count &= 8 * sizeof(type) - 1;                                                             \
        c->gpr[in->rm] = (type)(expression);                                                       \
    }                                                                                              \
    static enum x86_status name##_i_##sfx(struct x86_cpu *c, const struct x86_insn *in)            \
    {                                                                                              \
        name##_##sfx(c, in, in->imm);                                                              \
        return X86_OK;                                                                             \
    }                                                                                              \
    static enum x86_status name##_c_##sfx(struct x86_cpu *c, const struct x86_insn *in)            \
    {                                                                                              \
        name##_##sfx(c, in, c->gpr[RCX]);                                                          \
        return X86_OK;                                                                             \
    }                                                                                              \
    static enum x86_status name##_1_##sfx(struct x86_cpu *c, const struct x86_insn *in)            \
    {                                                                                              \
        name##_##sfx(c, in, 1);                                                                    \
        return X86_OK;                                                                             \
    }

#define SHIFT(name, expression)           \
    SHIFTS(name, d, uint32_t, expression) \
    SHIFTS(name, q, uint64_t, expression)

SHIFT(rol, v << count | v >> (-count & (8 * sizeof(v) - 1)))
SHIFT(ror, v >> count | v << (-count & (8 * sizeof(v) - 1)))
SHIFT(shl, v << count)
SHIFT(shr, v >> count)
SHIFTS(sar, d, uint32_t, (int32_t)v >> count)
SHIFTS(sar, q, uint64_t, (int64_t)v >> count)

#define STEPS(name, sfx, type, by)                                                    \
    static enum x86_status name##_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                 \
        c->gpr[in->rm] = (type)(c->gpr[in->rm] + (by));                               \
        return X86_OK;                                                                \
    }

STEPS(inc, d, uint32_t, 1)
STEPS(inc, q, uint64_t, 1)
STEPS(dec, d, uint32_t, -1)
STEPS(dec, q, uint64_t, -1)

#define SIZES(name)               \
    {insn_##name##_d, name##_d},  \
    {                             \
        insn_##name##_q, name##_q \
    }
#define FORMS(name) SIZES(name##_i), SIZES(name##_c), SIZES(name##_1)

static const struct {
    x86_fn exact, flagless;
} pairs[] = {FORMS(rol), FORMS(ror), FORMS(shl), FORMS(shr), FORMS(sar), SIZES(inc), SIZES(dec)};

/* Handlers that read no flag and, on registers, set all of them and cannot fault. */
#define BWDQ(name) insn_##name##_b, insn_##name##_w, insn_##name##_d, insn_##name##_q
#define ALU(name)  BWDQ(name##_rg), BWDQ(name##_gr), BWDQ(name##_ri)

static const x86_fn setters[] = {
    ALU(add),     ALU(or),      ALU(and),     ALU(sub),     ALU(xor),
    ALU(cmp),     ALU(test),    BWDQ(neg),    BWDQ(imul),   insn_imul2_w,
    insn_imul2_d, insn_imul2_q, insn_imul3_w, insn_imul3_d, insn_imul3_q,
};

/* Handlers that, on registers, touch no flag and cannot fault. */
static const x86_fn neutral[] = {BWDQ(mov_rg),    BWDQ(mov_gr),   BWDQ(mov_ri),   BWDQ(mov_zi),
                                 BWDQ(not ),      insn_movzx_b_d, insn_movzx_w_d, insn_movzx_b_q,
                                 insn_movsxd_q,   insn_extend_d,  insn_extend_q,  insn_extend_dx_d,
                                 insn_extend_dx_q};
/* The same, of an address. */
static const x86_fn addresses[] = {insn_lea_w, insn_lea_d, insn_lea_q};

static bool is_in(const x86_fn *list, unsigned n, x86_fn fn)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i] == fn) {
            return true;
        }
    }
    return false;
}

static x86_fn flagless_of(x86_fn exact)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (pairs[i].exact == exact) {
            return pairs[i].flagless;
        }
    }
    return NULL;
}

/* Reads no flag and cannot fault. What writes some flags alone is such, too. */
static bool is_passed(const struct x86_insn *in)
{
    if (in->flags & INSN_MEM) {
        return is_in(addresses, G_N_ELEMENTS(addresses), in->fn);
    }
    return is_in(neutral, G_N_ELEMENTS(neutral), in->fn) || flagless_of(in->fn);
}

static bool are_dead_after(const struct x86_insn *in, const struct x86_insn *end)
{
    for (; in < end && !(in->flags & INSN_ENDS); in++) {
        if (!(in->flags & INSN_MEM) && is_in(setters, G_N_ELEMENTS(setters), in->fn)) {
            return true;
        }
        if (!is_passed(in)) {
            return false;
        }
    }
    return false;
}

void x86_flagless_mark(struct x86_insn *insn, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++) {
        x86_fn fn = insn[i].flags & INSN_MEM ? NULL : flagless_of(insn[i].fn);

        if (fn && are_dead_after(&insn[i + 1], insn + n)) {
            insn[i].fn = fn;
            insn[i].flags |= INSN_FLAGLESS;
        }
    }
}
