/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How integer handlers reach their operands: general registers of each size, memory named by
 * ModRM, read-modify-write, the stack. Sizes are constants where these are used, so each handler
 * comes out specialised. vCPU's thread; nothing has changed where a status is not X86_OK.
 */
#ifndef VIV_MACHINE_GUEST_X86_OPERAND_H
#define VIV_MACHINE_GUEST_X86_OPERAND_H

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"

#define OPERAND_INLINE static inline __attribute__((always_inline))

OPERAND_INLINE uint64_t operand_mask(unsigned size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

OPERAND_INLINE unsigned operand_log2(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
}

OPERAND_INLINE int64_t operand_signed(uint64_t v, unsigned size)
{
    return (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

/* Byte registers 4..7 without REX are AH, CH, DH, BH: 1 for those, else 0. */
OPERAND_INLINE unsigned operand_high(const struct x86_insn *in, unsigned r)
{
    return (r >> 2 == 1) & !(in->flags & INSN_REX);
}

OPERAND_INLINE uint64_t operand_get(const struct x86_cpu *c, const struct x86_insn *in, unsigned r,
                                    unsigned size)
{
    if (size == 1) {
        unsigned high = operand_high(in, r);

        return (uint8_t)(c->gpr[r - 4 * high] >> 8 * high);
    }
    return c->gpr[r] & operand_mask(size);
}

/* A 32-bit write clears the upper half; narrower ones keep the rest. */
OPERAND_INLINE void operand_set(struct x86_cpu *c, const struct x86_insn *in, unsigned r,
                                unsigned size, uint64_t v)
{
    switch (size) {
    case 1: {
        unsigned high = operand_high(in, r);
        uint64_t *p = &c->gpr[r - 4 * high];

        *p = (*p & ~(UINT64_C(0xff) << 8 * high)) | (uint64_t)(uint8_t)v << 8 * high;
        break;
    }
    case 2: c->gpr[r] = (c->gpr[r] & ~UINT64_C(0xffff)) | (uint16_t)v; break;
    case 4: c->gpr[r] = (uint32_t)v; break;
    default: c->gpr[r] = v; break;
    }
}

/* A register that is no byte register (RAX, RCX, ... of implicit operands). */
OPERAND_INLINE void operand_set_wide(struct x86_cpu *c, unsigned r, unsigned size, uint64_t v)
{
    c->gpr[r] = size == 8   ? v
                : size == 4 ? (uint32_t)v
                            : (c->gpr[r] & ~operand_mask(size)) | (v & operand_mask(size));
}

OPERAND_INLINE enum x86_status operand_load(struct x86_cpu *c, const struct x86_insn *in,
                                            unsigned size, uint64_t *ret)
{
    return x86_read(c, in->seg, x86_ea(c, in), size, ret);
}

OPERAND_INLINE enum x86_status operand_store(struct x86_cpu *c, const struct x86_insn *in,
                                             unsigned size, uint64_t v)
{
    return x86_write(c, in->seg, x86_ea(c, in), size, v);
}

/* ModRM.rm, register or memory. */
OPERAND_INLINE enum x86_status operand_rm_get(struct x86_cpu *c, const struct x86_insn *in,
                                              unsigned size, uint64_t *ret)
{
    if (in->flags & INSN_MEM) {
        return operand_load(c, in, size, ret);
    }
    *ret = operand_get(c, in, in->rm, size);
    return X86_OK;
}

OPERAND_INLINE enum x86_status operand_rm_set(struct x86_cpu *c, const struct x86_insn *in,
                                              unsigned size, uint64_t v)
{
    if (in->flags & INSN_MEM) {
        return operand_store(c, in, size, v);
    }
    operand_set(c, in, in->rm, size, v);
    return X86_OK;
}

/* A read-modify-write in progress. */
struct operand_rmw {
    void *host; /* NULL: through the slow path, at `linear` */
    uint64_t linear;
    uint64_t old;
};

/* Memory that is not directly writable; faults as a write does. */
enum x86_status operand_rmw_slow(struct x86_cpu *c, const struct x86_insn *in, uint64_t off,
                                 unsigned size, struct operand_rmw *m) G_GNUC_WARN_UNUSED_RESULT;

OPERAND_INLINE uint64_t operand_host_get(const void *p, unsigned size)
{
    switch (size) {
    case 1: return ram_ld8(p);
    case 2: return ram_ld16(p);
    case 4: return ram_ld32(p);
    default: return ram_ld64(p);
    }
}

OPERAND_INLINE void operand_host_set(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: ram_st8(p, v); break;
    case 2: ram_st16(p, v); break;
    case 4: ram_st32(p, v); break;
    default: ram_st64(p, v); break;
    }
}

/* Memory operands only. A begin that is X86_OK means that the end cannot fault. */
OPERAND_INLINE enum x86_status operand_rmw_begin(struct x86_cpu *c, const struct x86_insn *in,
                                                 unsigned size, struct operand_rmw *m)
{
    uint64_t off = x86_ea(c, in);

    if (G_LIKELY(c->mode & MODE_CODE64)) {
        uint64_t linear = off + (in->seg >= SEG_FS ? c->seg[in->seg].base : 0);

        m->host = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, linear, size);
        if (G_LIKELY(m->host)) {
            m->old = operand_host_get(m->host, size);
            return X86_OK;
        }
    }
    return operand_rmw_slow(c, in, off, size, m);
}

OPERAND_INLINE enum x86_status operand_rmw_end(struct x86_cpu *c, const struct operand_rmw *m,
                                               unsigned size, uint64_t v)
{
    if (G_LIKELY(m->host)) {
        operand_host_set(m->host, size, v);
        return X86_OK;
    }
    return x86_write_linear(c, m->linear, size, v);
}

/* New value from the old one; pure. */
typedef uint64_t (*operand_op)(uint64_t old, const uint64_t *args);

/*
 * Atomic read-modify-write of ModRM's memory operand: a host atomic, or with every other vCPU
 * excluded where that cannot be.
 */
enum x86_status operand_locked(struct x86_cpu *c, const struct x86_insn *in, uint64_t off,
                               unsigned size, operand_op op, const uint64_t *args,
                               uint64_t *ret_old) G_GNUC_WARN_UNUSED_RESULT;

/* The stack pointer's width is SS.B's business outside 64-bit code. */
OPERAND_INLINE uint64_t operand_sp_mask(const struct x86_cpu *c)
{
    return (c->mode & MODE_CODE64) ? UINT64_MAX : (c->mode & MODE_SS32) ? 0xffffffff : 0xffff;
}

OPERAND_INLINE void operand_sp_set(struct x86_cpu *c, uint64_t sp)
{
    uint64_t mask = operand_sp_mask(c);

    c->gpr[RSP] = mask == 0xffff ? (c->gpr[RSP] & ~mask) | (sp & mask) : sp & mask;
}

OPERAND_INLINE enum x86_status operand_push(struct x86_cpu *c, unsigned size, uint64_t v)
{
    uint64_t sp = (c->gpr[RSP] - size) & operand_sp_mask(c);
    enum x86_status st = x86_write(c, SEG_SS, sp, size, v);

    if (G_LIKELY(st == X86_OK)) {
        operand_sp_set(c, sp);
    }
    return st;
}

/* Reads the top of the stack; operand_sp_set(operand_sp_after()) completes the pop. */
OPERAND_INLINE enum x86_status operand_peek(struct x86_cpu *c, unsigned skip, unsigned size,
                                            uint64_t *ret)
{
    return x86_read(c, SEG_SS, (c->gpr[RSP] + skip) & operand_sp_mask(c), size, ret);
}

OPERAND_INLINE enum x86_status operand_pop(struct x86_cpu *c, unsigned size, uint64_t *ret)
{
    enum x86_status st = operand_peek(c, 0, size, ret);

    if (G_LIKELY(st == X86_OK)) {
        operand_sp_set(c, c->gpr[RSP] + size);
    }
    return st;
}

/* Condition code, with the usual cases (after CMP, TEST, DEC) inline. `cc` is a constant. */
OPERAND_INLINE bool operand_condition(const struct x86_cpu *c, unsigned cc)
{
    uint32_t op = c->lazy.op;
    uint64_t r = c->lazy.result;
    unsigned shift = 64 - (8u << (op & 3));

    if ((cc >> 1) == 2 && G_LIKELY(op >= 4)) {
        return (r == 0) ^ (cc & 1);
    }
    if ((cc >> 1) == 4 && G_LIKELY(op >= 4)) {
        return ((r << shift) >> 63) ^ (cc & 1);
    }
    if (G_LIKELY(op >> 2 == LAZY_SUB) && (cc >> 1) != 0 && (cc >> 1) != 5) {
        uint64_t b = c->lazy.src << shift, a = (r << shift) + b;

        switch (cc >> 1) {
        case 1: return (a < b) ^ (cc & 1);
        case 3: return (a <= b) ^ (cc & 1);
        case 6: return ((int64_t)a < (int64_t)b) ^ (cc & 1);
        case 7: return ((int64_t)a <= (int64_t)b) ^ (cc & 1);
        }
    }
    return x86_condition(c, cc);
}

#endif
