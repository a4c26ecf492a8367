/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector operands: the lower 128 bits of the vector registers, the MMX registers (the x87
 * significands), and their memory forms. vCPU's thread; a load that returns X86_FAULT has changed
 * nothing. For the handlers in simd_*.c, sse_*.c and crypto.c.
 */
#ifndef VIV_MACHINE_GUEST_X86_FPU_SIMD_H
#define VIV_MACHINE_GUEST_X86_FPU_SIMD_H

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/insn.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/system/cpuid.h"

union simd {
    uint8_t u8[16];
    int8_t i8[16];
    uint16_t u16[8];
    int16_t i16[8];
    uint32_t u32[4];
    int32_t i32[4];
    uint64_t u64[2];
    int64_t i64[2];
};

static inline union simd *simd_xmm(struct x86_cpu *c, unsigned n)
{
    return (union simd *)&c->vec[n];
}

/* Linear address of the memory operand, for alignment; segment checks are the access's. */
static inline uint64_t simd_linear(const struct x86_cpu *c, const struct x86_insn *in)
{
    bool based = !(c->mode & MODE_CODE64) || in->seg >= SEG_FS;

    return x86_ea(c, in) + (based ? c->seg[in->seg].base : 0);
}

/* Reads a memory operand of 1, 2, 4, 8 or 16 bytes at any alignment; the rest of *to is zero. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
simd_read(struct x86_cpu *c, const struct x86_insn *in, union simd *to, unsigned size)
{
    if (size < 16) {
        to->u64[1] = 0;
        return x86_read(c, in->seg, x86_ea(c, in), size, &to->u64[0]);
    }
    if (G_LIKELY(c->mode & MODE_CODE64)) {
        const uint8_t *p = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_READ, simd_linear(c, in), 16);

        if (G_LIKELY(p)) {
            to->u64[0] = ram_ld64(p);
            to->u64[1] = ram_ld64(p + 8);
            return X86_OK;
        }
    }
    return x86_read_bytes(c, in->seg, x86_ea(c, in), to, 16);
}

static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
simd_write(struct x86_cpu *c, const struct x86_insn *in, const union simd *from, unsigned size)
{
    if (size < 16) {
        return x86_write(c, in->seg, x86_ea(c, in), size, from->u64[0]);
    }
    if (G_LIKELY(c->mode & MODE_CODE64)) {
        uint8_t *p = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, simd_linear(c, in), 16);

        if (G_LIKELY(p)) {
            ram_st64(p, from->u64[0]);
            ram_st64(p + 8, from->u64[1]);
            return X86_OK;
        }
    }
    return x86_write_bytes(c, in->seg, x86_ea(c, in), from, 16);
}

/* #GP(0) unless the memory operand is 16-byte aligned. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
simd_check_aligned(struct x86_cpu *c, const struct x86_insn *in)
{
    return G_UNLIKELY(simd_linear(c, in) & 15) ? x86_raise_error(c, VEC_GP, 0) : X86_OK;
}

/* The operand Wx: a register, or 16 aligned bytes. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
simd_load(struct x86_cpu *c, const struct x86_insn *in, union simd *to)
{
    enum x86_status st;

    if (!(in->flags & INSN_MEM)) {
        *to = *simd_xmm(c, in->rm);
        return X86_OK;
    }
    st = simd_check_aligned(c, in);
    return st == X86_OK ? simd_read(c, in, to, 16) : st;
}

/* The operand of a scalar or widening instruction: a register, or `size` bytes (rest zero). */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
simd_load_part(struct x86_cpu *c, const struct x86_insn *in, union simd *to, unsigned size)
{
    if (!(in->flags & INSN_MEM)) {
        *to = *simd_xmm(c, in->rm);
        return X86_OK;
    }
    return simd_read(c, in, to, size);
}

/* MMX registers: the significands of the physical x87 registers. */
static inline uint64_t mmx_get(const struct x86_cpu *c, unsigned n)
{
    return c->fpu.st[n & 7].mantissa;
}

/* What every MMX instruction does to the x87 (EMMS empties them afterwards): all valid, TOP 0. */
static inline void mmx_enter(struct x86_cpu *c)
{
    c->fpu.status &= ~0x3800;
    c->fpu.tag = 0xff;
}

static inline void mmx_set(struct x86_cpu *c, unsigned n, uint64_t v)
{
    mmx_enter(c);
    c->fpu.st[n & 7] = (struct x86_f80){.mantissa = v, .sign_exponent = 0xffff};
}

/* The operand Qq: an MMX register or 8 bytes. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
mmx_load(struct x86_cpu *c, const struct x86_insn *in, union simd *to)
{
    if (!(in->flags & INSN_MEM)) {
        *to = (union simd){.u64 = {mmx_get(c, in->rm), 0}};
        return X86_OK;
    }
    return simd_read(c, in, to, 8);
}

/* For rows: one handler for every operand size. */
#define SIMD_ALL(f)   \
    {                 \
        (f), (f), (f) \
    }

/* A row of map `m` with a mandatory prefix; `...`: operands. */
#define SIMD_ROW(text, m, op, pfx, feat, more, handler, ...)                               \
    {                                                                                      \
        .name = (text), .map = (m), .opcode = (op), .ext = X86_ANY_EXT, .rm = X86_ANY_EXT, \
        .prefix = (pfx), .operand = {__VA_ARGS__}, .flags = (more), .feature = (feat),     \
        .fn = SIMD_ALL(handler),                                                           \
    }

#endif
