/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XCHG XADD CMPXCHG CMPXCHG8B CMPXCHG16B. Intel SDM volume 2. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"

static uint64_t op_exchange(uint64_t old, const uint64_t *args)
{
    return args[0];
}

static uint64_t op_add(uint64_t old, const uint64_t *args)
{
    return old + args[0];
}

/* args: expected, replacement, operand mask. A failure writes the old value back. */
static uint64_t op_compare(uint64_t old, const uint64_t *args)
{
    return (old & args[2]) == args[0] ? args[1] : old;
}

/* With memory XCHG is always locked. */
OPERAND_INLINE enum x86_status exchange(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v = operand_get(c, in, in->reg, size), old;

    if (in->flags & INSN_MEM) {
        enum x86_status st = operand_locked(c, in, x86_ea(c, in), size, op_exchange, &v, &old);

        if (st != X86_OK) {
            return st;
        }
    } else {
        old = operand_get(c, in, in->rm, size);
        operand_set(c, in, in->rm, size, v);
    }
    operand_set(c, in, in->reg, size, old);
    return X86_OK;
}

/* One way to read, change and write, whether LOCK is there or not. */
OPERAND_INLINE enum x86_status update(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                      operand_op op, const uint64_t *args, uint64_t *ret_old)
{
    struct operand_rmw m;
    enum x86_status st;

    if (in->flags & INSN_LOCK) {
        return operand_locked(c, in, x86_ea(c, in), size, op, args, ret_old);
    }
    st = operand_rmw_begin(c, in, size, &m);
    *ret_old = m.old;
    return st == X86_OK ? operand_rmw_end(c, &m, size, op(m.old, args) & operand_mask(size)) : st;
}

OPERAND_INLINE enum x86_status exchange_add(struct x86_cpu *c, const struct x86_insn *in,
                                            unsigned size)
{
    uint64_t v = operand_get(c, in, in->reg, size), old, sum;

    if (in->flags & INSN_MEM) {
        enum x86_status st = update(c, in, size, op_add, &v, &old);

        if (st != X86_OK) {
            return st;
        }
    } else {
        old = operand_get(c, in, in->rm, size);
    }
    sum = (old + v) & operand_mask(size);
    operand_set(c, in, in->reg, size, old);
    if (!(in->flags & INSN_MEM)) {
        operand_set(c, in, in->rm, size, sum);
    }
    x86_flags_lazy(c, LAZY_ADD, operand_log2(size), sum, v);
    return X86_OK;
}

OPERAND_INLINE enum x86_status compare_exchange(struct x86_cpu *c, const struct x86_insn *in,
                                                unsigned size)
{
    uint64_t mask = operand_mask(size), old;
    uint64_t args[] = {c->gpr[RAX] & mask, operand_get(c, in, in->reg, size), mask};

    if (in->flags & INSN_MEM) {
        enum x86_status st = update(c, in, size, op_compare, args, &old);

        if (st != X86_OK) {
            return st;
        }
    } else {
        old = operand_get(c, in, in->rm, size);
        if (old == args[0]) { /* else nothing is written, not even the upper half */
            operand_set(c, in, in->rm, size, args[1]);
        }
    }
    if (old != args[0]) {
        operand_set_wide(c, RAX, size, old);
    }
    x86_flags_lazy(c, LAZY_SUB, operand_log2(size), (args[0] - old) & mask, old);
    return X86_OK;
}

#define ATOMIC_SIZE(sfx, size)                                                       \
    enum x86_status insn_xchg_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                \
        return exchange(c, in, size);                                                \
    }                                                                                \
    enum x86_status insn_xadd_##sfx(struct x86_cpu *c, const struct x86_insn *in)    \
    {                                                                                \
        return exchange_add(c, in, size);                                            \
    }                                                                                \
    enum x86_status insn_cmpxchg_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                \
        return compare_exchange(c, in, size);                                        \
    }

ATOMIC_SIZE(b, 1)
ATOMIC_SIZE(w, 2)
ATOMIC_SIZE(d, 4)
ATOMIC_SIZE(q, 8)

/* XCHG of the opcode's register with rAX; 90h is NOP unless REX.B names R8. */
X86_INSN(insn_xchg_z)
{
    uint64_t a = c->gpr[RAX], b = c->gpr[in->reg];

    if (in->reg == RAX) {
        return X86_OK; /* NOP: nothing is extended */
    }
    operand_set_wide(c, RAX, in->osize, b & operand_mask(in->osize));
    operand_set_wide(c, in->reg, in->osize, a & operand_mask(in->osize));
    return X86_OK;
}

static void set_zero(struct x86_cpu *c, bool v)
{
    x86_flags_set(c, (x86_flags_get(c) & ~FLAG_ZF) | (v ? FLAG_ZF : 0));
}

X86_INSN(insn_cmpxchg8b)
{
    uint64_t expected = (uint32_t)c->gpr[RAX] | c->gpr[RDX] << 32, old;
    uint64_t args[] = {expected, (uint32_t)c->gpr[RBX] | c->gpr[RCX] << 32, UINT64_MAX};
    enum x86_status st = update(c, in, 8, op_compare, args, &old);

    if (st == X86_OK) {
        if (old != expected) {
            c->gpr[RAX] = (uint32_t)old;
            c->gpr[RDX] = old >> 32;
        }
        set_zero(c, old == expected);
    }
    return st;
}

struct pair {
    uint64_t low, high;
};

#if defined(__x86_64__)
#define HAVE_ATOMIC_16 1
/* The old value; written back when it differs from `expected`. */
RAM_ACCESS struct pair compare_16(void *p, struct pair expected, struct pair v)
{
    __asm__ volatile("lock cmpxchg16b %[m]"
                     : "+a"(expected.low), "+d"(expected.high), [m] "+m"(*(struct pair *)p)
                     : "b"(v.low), "c"(v.high)
                     : "memory", "cc");
    return expected;
}
#else
#define HAVE_ATOMIC_16 0
static struct pair compare_16(void *p, struct pair expected, struct pair v)
{
    g_assert_not_reached();
}
#endif

/* Not plain RAM, or a host without 16-byte atomics: with every other vCPU excluded. */
static enum x86_status compare_16_slow(struct x86_cpu *c, const struct x86_insn *in, uint64_t off,
                                       struct pair expected, struct pair v, struct pair *ret_old)
{
    struct pair old;

    x86_locked_begin(c);
    enum x86_status st = x86_read_bytes(c, in->seg, off, &old, 16);

    if (st == X86_OK) {
        bool same = old.low == expected.low && old.high == expected.high;

        st = x86_write_bytes(c, in->seg, off, same ? &v : &old, 16);
        *ret_old = old;
    }
    x86_locked_end(c);
    return st;
}

X86_INSN(insn_cmpxchg16b)
{
    struct pair expected = {c->gpr[RAX], c->gpr[RDX]}, v = {c->gpr[RBX], c->gpr[RCX]}, old;
    uint64_t off = x86_ea(c, in);
    void *host;

    if ((off + (in->seg >= SEG_FS ? c->seg[in->seg].base : 0)) & 15) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    enum x86_status st = x86_rmw_host(c, in->seg, off, 16, &host);

    if (st == X86_OK && host && HAVE_ATOMIC_16) {
        old = compare_16(host, expected, v);
        x86_rmw_done(c, in->seg, off, 16);
    } else if (st == X86_OK) {
        st = compare_16_slow(c, in, off, expected, v, &old);
    }
    if (st != X86_OK) {
        return st;
    }
    bool same = old.low == expected.low && old.high == expected.high;

    if (!same) {
        c->gpr[RAX] = old.low;
        c->gpr[RDX] = old.high;
    }
    set_zero(c, same);
    return X86_OK;
}
