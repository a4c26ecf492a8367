/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lazy arithmetic flags made real. Intel SDM volume 1, section 3.4.3.1, and appendix B. */
#include "machine/guest/x86/flags.h"

/* The operands of a lazy operation, rebuilt from its result and second operand. */
struct operation {
    unsigned kind, bits;
    uint64_t mask, a, b, r;
};

static struct operation rebuild(const struct x86_cpu *c)
{
    struct operation o = {.kind = c->lazy.op >> 2,
                          .bits = 8u << (c->lazy.op & 3),
                          .r = c->lazy.result,
                          .b = c->lazy.src};

    o.mask = UINT64_MAX >> (64 - o.bits);
    switch (o.kind) {
    case LAZY_ADD: o.a = (o.r - o.b) & o.mask; break;
    case LAZY_ADC: o.a = (o.r - o.b - 1) & o.mask; break;
    case LAZY_SUB: o.a = (o.r + o.b) & o.mask; break;
    case LAZY_SBB: o.a = (o.r + o.b + 1) & o.mask; break;
    case LAZY_INC: o.a = (o.r - 1) & o.mask; break;
    case LAZY_DEC: o.a = (o.r + 1) & o.mask; break;
    default: o.a = 0; break;
    }
    return o;
}

static bool carry_of(const struct operation *o)
{
    switch (o->kind) {
    case LAZY_ADD: return o->r < o->b;
    case LAZY_ADC: return o->r <= o->b;
    case LAZY_SUB: return o->a < o->b;
    case LAZY_SBB: return o->a <= o->b;
    case LAZY_INC:
    case LAZY_DEC:
    case LAZY_SHR:
    case LAZY_SAR: return o->b & 1;
    case LAZY_SHL: return o->b >> (o->bits - 1) & 1;
    case LAZY_MUL: return o->b != (o->r >> (o->bits - 1) & 1 ? o->mask : 0);
    case LAZY_UMUL: return o->b != 0;
    default: return false;
    }
}

static bool overflow_of(const struct operation *o)
{
    uint64_t v;

    switch (o->kind) {
    case LAZY_ADD:
    case LAZY_ADC: v = (o->a ^ o->r) & (o->b ^ o->r); break;
    case LAZY_SUB:
    case LAZY_SBB: v = (o->a ^ o->b) & (o->a ^ o->r); break;
    case LAZY_INC: v = ~o->a & o->r; break;
    case LAZY_DEC: v = o->a & ~o->r; break;
    case LAZY_SHL: v = o->b ^ o->r; break;
    case LAZY_SHR: v = o->b; break;
    case LAZY_MUL:
    case LAZY_UMUL: return carry_of(o);
    default: return false;
    }
    return v >> (o->bits - 1) & 1;
}

static bool adjust_of(const struct operation *o)
{
    switch (o->kind) {
    case LAZY_ADD:
    case LAZY_ADC:
    case LAZY_SUB:
    case LAZY_SBB: return (o->a ^ o->b ^ o->r) & 0x10;
    case LAZY_INC: return (o->r & 0xf) == 0;
    case LAZY_DEC: return (o->r & 0xf) == 0xf;
    default: return false;
    }
}

uint32_t x86_flags_get(const struct x86_cpu *c)
{
    if (c->lazy.op < 4) {
        return c->lazy.result;
    }
    struct operation o = rebuild(c);

    return (carry_of(&o) ? FLAG_CF : 0) | (overflow_of(&o) ? FLAG_OF : 0) |
           (adjust_of(&o) ? FLAG_AF : 0) | (o.r == 0 ? FLAG_ZF : 0) |
           (o.r >> (o.bits - 1) & 1 ? FLAG_SF : 0) | (__builtin_parity(o.r & 0xff) ? 0 : FLAG_PF);
}

bool x86_carry(const struct x86_cpu *c)
{
    if (c->lazy.op < 4) {
        return c->lazy.result & FLAG_CF;
    }
    struct operation o = rebuild(c);

    return carry_of(&o);
}

bool x86_condition(const struct x86_cpu *c, unsigned cc)
{
    uint32_t f = x86_flags_get(c);
    bool less = !(f & FLAG_SF) != !(f & FLAG_OF);
    bool v = false;

    switch (cc >> 1 & 7) {
    case 0: v = f & FLAG_OF; break;
    case 1: v = f & FLAG_CF; break;
    case 2: v = f & FLAG_ZF; break;
    case 3: v = f & (FLAG_CF | FLAG_ZF); break;
    case 4: v = f & FLAG_SF; break;
    case 5: v = f & FLAG_PF; break;
    case 6: v = less; break;
    case 7: v = less || (f & FLAG_ZF); break;
    }
    return v ^ (cc & 1);
}
