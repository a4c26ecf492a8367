/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The slow paths of operand.h: memory that is not directly writable, and locked operations. */
#include "machine/guest/x86/operand.h"

enum x86_status operand_rmw_slow(struct x86_cpu *c, const struct x86_insn *in, uint64_t off,
                                 unsigned size, struct operand_rmw *m)
{
    enum x86_status st = x86_linear(c, in->seg, off, size, true, &m->linear);

    if (st == X86_OK) {
        st = x86_probe_write(c, m->linear, size);
    }
    if (st != X86_OK) {
        return st;
    }
    m->host = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, m->linear, size);
    if (m->host) {
        m->old = operand_host_get(m->host, size);
        return X86_OK;
    }
    return x86_read_linear(c, m->linear, size, &m->old);
}

/* Unaligned operands keep the plain type: with an under-aligned one clang leaves the host's
 * atomics. */
#define CAS_LOOP(bits)                                                                     \
    RAM_ACCESS uint64_t cas_loop##bits(void *host, operand_op op, const uint64_t *args)    \
    {                                                                                      \
        uint##bits##_t *p = host;                                                          \
        uint##bits##_t old = __atomic_load_n(p, __ATOMIC_RELAXED);                         \
                                                                                           \
        while (!__atomic_compare_exchange_n(p, &old, (uint##bits##_t)op(old, args), false, \
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {         \
        }                                                                                  \
        return old;                                                                        \
    }

CAS_LOOP(8)
CAS_LOOP(16)
CAS_LOOP(32)
CAS_LOOP(64)

/* An x86 host's atomics work at any alignment; others want it natural. */
static bool host_atomic(const void *p, unsigned size)
{
#if defined(__x86_64__)
    return true;
#else
    return ((uintptr_t)p & (size - 1)) == 0;
#endif
}

static uint64_t atomic_update(void *p, unsigned size, operand_op op, const uint64_t *args)
{
    switch (size) {
    case 1: return cas_loop8(p, op, args);
    case 2: return cas_loop16(p, op, args);
    case 4: return cas_loop32(p, op, args);
    default: return cas_loop64(p, op, args);
    }
}

enum x86_status operand_locked(struct x86_cpu *c, const struct x86_insn *in, uint64_t off,
                               unsigned size, operand_op op, const uint64_t *args,
                               uint64_t *ret_old)
{
    void *host;
    enum x86_status st = x86_rmw_host(c, in->seg, off, size, &host);

    if (st != X86_OK) {
        return st;
    }
    if (host && host_atomic(host, size)) {
        *ret_old = atomic_update(host, size, op, args);
        x86_rmw_done(c, in->seg, off, size);
        return X86_OK;
    }
    struct operand_rmw m;

    x86_locked_begin(c);
    st = operand_rmw_slow(c, in, off, size, &m);
    if (st == X86_OK) {
        st = operand_rmw_end(c, &m, size, op(m.old, args) & operand_mask(size));
        *ret_old = m.old;
    }
    x86_locked_end(c);
    return st;
}
