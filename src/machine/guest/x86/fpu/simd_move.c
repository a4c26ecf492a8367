/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vector and MMX moves, shuffles, blends, insertion and extraction of lanes. None of them touches
 * MXCSR. Intel SDM volume 2.
 */
#include "machine/guest/x86/fpu/simd.h"

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

/* MOVUPS, MOVDQU and the like: no alignment asked. */
HANDLER(load_unaligned)
{
    union simd v;
    enum x86_status st = simd_load_part(c, in, &v, 16);

    if (G_LIKELY(st == X86_OK)) {
        *simd_xmm(c, in->reg) = v;
    }
    return st;
}

HANDLER(load_aligned)
{
    union simd v;
    enum x86_status st = simd_load(c, in, &v);

    if (G_LIKELY(st == X86_OK)) {
        *simd_xmm(c, in->reg) = v;
    }
    return st;
}

HANDLER(store_unaligned)
{
    if (in->flags & INSN_MEM) {
        return simd_write(c, in, simd_xmm(c, in->reg), 16);
    }
    *simd_xmm(c, in->rm) = *simd_xmm(c, in->reg);
    return X86_OK;
}

HANDLER(store_aligned)
{
    enum x86_status st = in->flags & INSN_MEM ? simd_check_aligned(c, in) : X86_OK;

    return st == X86_OK ? store_unaligned(c, in) : st;
}

/* MOVSS and MOVSD: from memory the rest is zeroed, between registers it is kept. */
HANDLER(movss_load)
{
    union simd v, *d = simd_xmm(c, in->reg);
    enum x86_status st = simd_load_part(c, in, &v, 4);

    if (st == X86_OK && (in->flags & INSN_MEM)) {
        *d = v;
    } else if (st == X86_OK) {
        d->u32[0] = v.u32[0];
    }
    return st;
}

HANDLER(movsd_load)
{
    union simd v, *d = simd_xmm(c, in->reg);
    enum x86_status st = simd_load_part(c, in, &v, 8);

    if (st == X86_OK && (in->flags & INSN_MEM)) {
        *d = v;
    } else if (st == X86_OK) {
        d->u64[0] = v.u64[0];
    }
    return st;
}

HANDLER(movss_store)
{
    if (in->flags & INSN_MEM) {
        return x86_write(c, in->seg, x86_ea(c, in), 4, simd_xmm(c, in->reg)->u32[0]);
    }
    simd_xmm(c, in->rm)->u32[0] = simd_xmm(c, in->reg)->u32[0];
    return X86_OK;
}

/* MOVSD, MOVLPS, MOVLPD to memory; MOVSD between registers. */
HANDLER(low_store)
{
    if (in->flags & INSN_MEM) {
        return simd_write(c, in, simd_xmm(c, in->reg), 8);
    }
    simd_xmm(c, in->rm)->u64[0] = simd_xmm(c, in->reg)->u64[0];
    return X86_OK;
}

HANDLER(high_store)
{
    return x86_write(c, in->seg, x86_ea(c, in), 8, simd_xmm(c, in->reg)->u64[1]);
}

HANDLER(low_load)
{
    return x86_read(c, in->seg, x86_ea(c, in), 8, &simd_xmm(c, in->reg)->u64[0]);
}

HANDLER(high_load)
{
    return x86_read(c, in->seg, x86_ea(c, in), 8, &simd_xmm(c, in->reg)->u64[1]);
}

HANDLER(movhlps)
{
    simd_xmm(c, in->reg)->u64[0] = simd_xmm(c, in->rm)->u64[1];
    return X86_OK;
}

HANDLER(movlhps)
{
    simd_xmm(c, in->reg)->u64[1] = simd_xmm(c, in->rm)->u64[0];
    return X86_OK;
}

/* MOVQ Vx, Wq: zeroes the upper half from memory and register alike. */
HANDLER(movq_load)
{
    union simd v;
    enum x86_status st = simd_load_part(c, in, &v, 8);

    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = (union simd){.u64 = {v.u64[0], 0}};
    }
    return st;
}

HANDLER(movq_store)
{
    uint64_t v = simd_xmm(c, in->reg)->u64[0];

    if (in->flags & INSN_MEM) {
        return x86_write(c, in->seg, x86_ea(c, in), 8, v);
    }
    *simd_xmm(c, in->rm) = (union simd){.u64 = {v, 0}};
    return X86_OK;
}

/* MOVD and MOVQ with a general register or memory (Ey). */
static enum x86_status load_general(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                    uint64_t *ret)
{
    if (in->flags & INSN_MEM) {
        return x86_read(c, in->seg, x86_ea(c, in), size, ret);
    }
    *ret = size == 8 ? c->gpr[in->rm] : (uint32_t)c->gpr[in->rm];
    return X86_OK;
}

static enum x86_status store_general(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                     uint64_t v)
{
    if (in->flags & INSN_MEM) {
        return x86_write(c, in->seg, x86_ea(c, in), size, v);
    }
    c->gpr[in->rm] = v;
    return X86_OK;
}

HANDLER(movd_to_xmm)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->osize, &v);

    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = (union simd){.u64 = {v, 0}};
    }
    return st;
}

HANDLER(movd_from_xmm)
{
    const union simd *s = simd_xmm(c, in->reg);

    return store_general(c, in, in->osize, in->osize == 8 ? s->u64[0] : s->u32[0]);
}

HANDLER(movd_to_mmx)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->osize, &v);

    if (st == X86_OK) {
        mmx_set(c, in->reg, v);
    }
    return st;
}

HANDLER(movd_from_mmx)
{
    uint64_t v = mmx_get(c, in->reg);
    enum x86_status st = store_general(c, in, in->osize, in->osize == 8 ? v : (uint32_t)v);

    if (st == X86_OK) {
        mmx_enter(c);
    }
    return st;
}

HANDLER(movq_to_mmx)
{
    union simd v;
    enum x86_status st = mmx_load(c, in, &v);

    if (st == X86_OK) {
        mmx_set(c, in->reg, v.u64[0]);
    }
    return st;
}

HANDLER(movq_from_mmx)
{
    uint64_t v = mmx_get(c, in->reg);

    if (in->flags & INSN_MEM) {
        enum x86_status st = x86_write(c, in->seg, x86_ea(c, in), 8, v);

        if (st == X86_OK) {
            mmx_enter(c);
        }
        return st;
    }
    mmx_set(c, in->rm, v);
    return X86_OK;
}

HANDLER(movq2dq)
{
    *simd_xmm(c, in->reg) = (union simd){.u64 = {mmx_get(c, in->rm), 0}};
    mmx_enter(c);
    return X86_OK;
}

HANDLER(movdq2q)
{
    mmx_set(c, in->reg, simd_xmm(c, in->rm)->u64[0]);
    return X86_OK;
}

/* Stores the bytes of `data` whose mask byte is negative at seg:rDI; all or none. */
static enum x86_status mask_move(struct x86_cpu *c, const struct x86_insn *in,
                                 const union simd *data, const union simd *mask, unsigned bytes)
{
    uint64_t at = in->asize == 8   ? c->gpr[RDI]
                  : in->asize == 4 ? (uint32_t)c->gpr[RDI]
                                   : (uint16_t)c->gpr[RDI];
    enum x86_status st = X86_OK;
    uint64_t linear;

    for (unsigned i = 0; i < bytes && st == X86_OK; i++) {
        if (mask->i8[i] < 0) {
            st = x86_linear(c, in->seg, at + i, 1, true, &linear);
            st = st == X86_OK ? x86_probe_write(c, linear, 1) : st;
        }
    }
    for (unsigned i = 0; i < bytes && st == X86_OK; i++) {
        if (mask->i8[i] < 0) {
            st = x86_write(c, in->seg, at + i, 1, data->u8[i]);
        }
    }
    return st;
}

HANDLER(maskmovdqu)
{
    return mask_move(c, in, simd_xmm(c, in->reg), simd_xmm(c, in->rm), 16);
}

HANDLER(maskmovq)
{
    union simd data = {.u64 = {mmx_get(c, in->reg), 0}}, mask = {.u64 = {mmx_get(c, in->rm), 0}};
    enum x86_status st = mask_move(c, in, &data, &mask, 8);

    if (st == X86_OK) {
        mmx_enter(c);
    }
    return st;
}

HANDLER(movmskps)
{
    const union simd *s = simd_xmm(c, in->rm);
    unsigned v = 0;

    for (unsigned i = 0; i < 4; i++) {
        v |= s->u32[i] >> 31 << i;
    }
    c->gpr[in->reg] = v;
    return X86_OK;
}

HANDLER(movmskpd)
{
    const union simd *s = simd_xmm(c, in->rm);

    c->gpr[in->reg] = s->u64[0] >> 63 | s->u64[1] >> 63 << 1;
    return X86_OK;
}

static unsigned byte_signs(const union simd *s, unsigned bytes)
{
    unsigned v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (unsigned)(s->u8[i] >> 7) << i;
    }
    return v;
}

HANDLER(pmovmskb)
{
    c->gpr[in->reg] = byte_signs(simd_xmm(c, in->rm), 16);
    return X86_OK;
}

HANDLER(pmovmskb_mmx)
{
    union simd s = {.u64 = {mmx_get(c, in->rm), 0}};

    c->gpr[in->reg] = byte_signs(&s, 8);
    mmx_enter(c);
    return X86_OK;
}

/* Operations of two vectors and perhaps an immediate, on a copy `s` of the source. */
#define COMBINE(name, body)                        \
    HANDLER(name)                                  \
    {                                              \
        union simd *d = simd_xmm(c, in->reg), s;   \
        enum x86_status st = simd_load(c, in, &s); \
        const unsigned imm = (uint8_t)in->imm;     \
                                                   \
        (void)imm;                                 \
        if (st == X86_OK) {                        \
            body;                                  \
        }                                          \
        return st;                                 \
    }

#define V4(a, b, e, f) ((union simd){.u32 = {(a), (b), (e), (f)}})
#define V2(a, b)       ((union simd){.u64 = {(a), (b)}})

COMBINE(unpcklps, *d = V4(d->u32[0], s.u32[0], d->u32[1], s.u32[1]))
COMBINE(unpckhps, *d = V4(d->u32[2], s.u32[2], d->u32[3], s.u32[3]))
COMBINE(unpcklpd, *d = V2(d->u64[0], s.u64[0]))
COMBINE(unpckhpd, *d = V2(d->u64[1], s.u64[1]))
COMBINE(movsldup, *d = V4(s.u32[0], s.u32[0], s.u32[2], s.u32[2]))
COMBINE(movshdup, *d = V4(s.u32[1], s.u32[1], s.u32[3], s.u32[3]))
COMBINE(shufps,
        *d = V4(d->u32[imm & 3], d->u32[imm >> 2 & 3], s.u32[imm >> 4 & 3], s.u32[imm >> 6]))
COMBINE(shufpd, *d = V2(d->u64[imm & 1], s.u64[imm >> 1 & 1]))
COMBINE(pshufd, *d = V4(s.u32[imm & 3], s.u32[imm >> 2 & 3], s.u32[imm >> 4 & 3], s.u32[imm >> 6]))

/* Four words picked by two bits each. */
static uint64_t pick_words(const uint16_t *w, unsigned imm)
{
    return (uint64_t)w[imm & 3] | (uint64_t)w[imm >> 2 & 3] << 16 |
           (uint64_t)w[imm >> 4 & 3] << 32 | (uint64_t)w[imm >> 6] << 48;
}

COMBINE(pshuflw, *d = V2(pick_words(s.u16, imm), s.u64[1]))
COMBINE(pshufhw, *d = V2(s.u64[0], pick_words(s.u16 + 4, imm)))

#define BLEND(name, field)                                       \
    COMBINE(                                                     \
        name, for (unsigned i = 0; i < 16 / sizeof(d->field[0]); \
                   i++) { d->field[i] = imm >> i & 1 ? s.field[i] : d->field[i]; })
BLEND(blendps, u32)
BLEND(blendpd, u64)
BLEND(pblendw, u16)

HANDLER(movddup)
{
    union simd s;
    enum x86_status st = simd_load_part(c, in, &s, 8);

    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = V2(s.u64[0], s.u64[0]);
    }
    return st;
}

HANDLER(pshufw)
{
    union simd s;
    enum x86_status st = mmx_load(c, in, &s);

    if (st == X86_OK) {
        mmx_set(c, in->reg, pick_words(s.u16, (uint8_t)in->imm));
    }
    return st;
}

/* Lanes from and to general registers. */
HANDLER(pinsrw)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->flags & INSN_MEM ? 2 : 4, &v);

    if (st == X86_OK) {
        simd_xmm(c, in->reg)->u16[in->imm & 7] = (uint16_t)v;
    }
    return st;
}

HANDLER(pinsrw_mmx)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->flags & INSN_MEM ? 2 : 4, &v);

    if (st == X86_OK) {
        union simd d = {.u64 = {mmx_get(c, in->reg), 0}};

        d.u16[in->imm & 3] = (uint16_t)v;
        mmx_set(c, in->reg, d.u64[0]);
    }
    return st;
}

HANDLER(pinsrb)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->flags & INSN_MEM ? 1 : 4, &v);

    if (st == X86_OK) {
        simd_xmm(c, in->reg)->u8[in->imm & 15] = (uint8_t)v;
    }
    return st;
}

HANDLER(pinsrd)
{
    uint64_t v;
    enum x86_status st = load_general(c, in, in->osize, &v);

    if (st == X86_OK && in->osize == 8) {
        simd_xmm(c, in->reg)->u64[in->imm & 1] = v;
    } else if (st == X86_OK) {
        simd_xmm(c, in->reg)->u32[in->imm & 3] = (uint32_t)v;
    }
    return st;
}

HANDLER(pextrw_to_reg)
{
    c->gpr[in->reg] = simd_xmm(c, in->rm)->u16[in->imm & 7];
    return X86_OK;
}

HANDLER(pextrw_mmx)
{
    c->gpr[in->reg] = (uint16_t)(mmx_get(c, in->rm) >> (in->imm & 3) * 16);
    mmx_enter(c);
    return X86_OK;
}

HANDLER(pextrb)
{
    return store_general(c, in, 1, simd_xmm(c, in->reg)->u8[in->imm & 15]);
}

HANDLER(pextrw)
{
    return store_general(c, in, 2, simd_xmm(c, in->reg)->u16[in->imm & 7]);
}

HANDLER(pextrd)
{
    const union simd *s = simd_xmm(c, in->reg);

    return store_general(c, in, in->osize,
                         in->osize == 8 ? s->u64[in->imm & 1] : s->u32[in->imm & 3]);
}

HANDLER(extractps)
{
    return store_general(c, in, 4, simd_xmm(c, in->reg)->u32[in->imm & 3]);
}

HANDLER(insertps)
{
    union simd *d = simd_xmm(c, in->reg), s;
    enum x86_status st = simd_load_part(c, in, &s, 4);
    unsigned imm = (uint8_t)in->imm;

    if (st != X86_OK) {
        return st;
    }
    d->u32[imm >> 4 & 3] = s.u32[in->flags & INSN_MEM ? 0 : imm >> 6];
    for (unsigned i = 0; i < 4; i++) {
        d->u32[i] = imm >> i & 1 ? 0 : d->u32[i];
    }
    return X86_OK;
}

/* clang-format off */
#define ROW(text, op, pfx, feat, more, handler, ...) \
    SIMD_ROW(text, MAP_0F, op, PFX_##pfx, X86_FEAT_##feat, more, handler, __VA_ARGS__)
#define ROW_3A(text, op, more, handler, ...) \
    SIMD_ROW(text, MAP_0F3A, op, PFX_66, X86_FEAT_SSE41, ROW_SSE | (more), handler, __VA_ARGS__)

static const struct x86_row rows[] = {
    ROW("movups", 0x10, NONE, SSE, ROW_SSE, load_unaligned, OPD_Vx, OPD_Wx),
    ROW("movupd", 0x10, 66, SSE2, ROW_SSE, load_unaligned, OPD_Vx, OPD_Wx),
    ROW("movss", 0x10, F3, SSE, ROW_SSE, movss_load, OPD_Vx, OPD_Wd),
    ROW("movsd", 0x10, F2, SSE2, ROW_SSE, movsd_load, OPD_Vx, OPD_Wq),
    ROW("movups", 0x11, NONE, SSE, ROW_SSE, store_unaligned, OPD_Wx, OPD_Vx),
    ROW("movupd", 0x11, 66, SSE2, ROW_SSE, store_unaligned, OPD_Wx, OPD_Vx),
    ROW("movss", 0x11, F3, SSE, ROW_SSE, movss_store, OPD_Wd, OPD_Vx),
    ROW("movsd", 0x11, F2, SSE2, ROW_SSE, low_store, OPD_Wq, OPD_Vx),
    ROW("movlps", 0x12, NONE, SSE, ROW_SSE | ROW_MEM, low_load, OPD_Vx, OPD_Mq),
    ROW("movhlps", 0x12, NONE, SSE, ROW_SSE | ROW_REG, movhlps, OPD_Vx, OPD_Ux),
    ROW("movlpd", 0x12, 66, SSE2, ROW_SSE | ROW_MEM, low_load, OPD_Vx, OPD_Mq),
    ROW("movsldup", 0x12, F3, SSE3, ROW_SSE, movsldup, OPD_Vx, OPD_Wx),
    ROW("movddup", 0x12, F2, SSE3, ROW_SSE, movddup, OPD_Vx, OPD_Wq),
    ROW("movlps", 0x13, NONE, SSE, ROW_SSE | ROW_MEM, low_store, OPD_Mq, OPD_Vx),
    ROW("movlpd", 0x13, 66, SSE2, ROW_SSE | ROW_MEM, low_store, OPD_Mq, OPD_Vx),
    ROW("unpcklps", 0x14, NONE, SSE, ROW_SSE, unpcklps, OPD_Vx, OPD_Wx),
    ROW("unpcklpd", 0x14, 66, SSE2, ROW_SSE, unpcklpd, OPD_Vx, OPD_Wx),
    ROW("unpckhps", 0x15, NONE, SSE, ROW_SSE, unpckhps, OPD_Vx, OPD_Wx),
    ROW("unpckhpd", 0x15, 66, SSE2, ROW_SSE, unpckhpd, OPD_Vx, OPD_Wx),
    ROW("movhps", 0x16, NONE, SSE, ROW_SSE | ROW_MEM, high_load, OPD_Vx, OPD_Mq),
    ROW("movlhps", 0x16, NONE, SSE, ROW_SSE | ROW_REG, movlhps, OPD_Vx, OPD_Ux),
    ROW("movhpd", 0x16, 66, SSE2, ROW_SSE | ROW_MEM, high_load, OPD_Vx, OPD_Mq),
    ROW("movshdup", 0x16, F3, SSE3, ROW_SSE, movshdup, OPD_Vx, OPD_Wx),
    ROW("movhps", 0x17, NONE, SSE, ROW_SSE | ROW_MEM, high_store, OPD_Mq, OPD_Vx),
    ROW("movhpd", 0x17, 66, SSE2, ROW_SSE | ROW_MEM, high_store, OPD_Mq, OPD_Vx),
    ROW("movaps", 0x28, NONE, SSE, ROW_SSE, load_aligned, OPD_Vx, OPD_Wx),
    ROW("movapd", 0x28, 66, SSE2, ROW_SSE, load_aligned, OPD_Vx, OPD_Wx),
    ROW("movaps", 0x29, NONE, SSE, ROW_SSE, store_aligned, OPD_Wx, OPD_Vx),
    ROW("movapd", 0x29, 66, SSE2, ROW_SSE, store_aligned, OPD_Wx, OPD_Vx),
    ROW("movntps", 0x2b, NONE, SSE, ROW_SSE | ROW_MEM, store_aligned, OPD_Mdq, OPD_Vx),
    ROW("movntpd", 0x2b, 66, SSE2, ROW_SSE | ROW_MEM, store_aligned, OPD_Mdq, OPD_Vx),
    ROW("movmskps", 0x50, NONE, SSE, ROW_SSE | ROW_REG, movmskps, OPD_Gd, OPD_Ux),
    ROW("movmskpd", 0x50, 66, SSE2, ROW_SSE | ROW_REG, movmskpd, OPD_Gd, OPD_Ux),
    ROW("shufps", 0xc6, NONE, SSE, ROW_SSE, shufps, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("shufpd", 0xc6, 66, SSE2, ROW_SSE, shufpd, OPD_Vx, OPD_Wx, OPD_Ib),

    ROW("movd", 0x6e, NONE, MMX, ROW_MMX | ROW_W0, movd_to_mmx, OPD_Pq, OPD_Ey),
    ROW("movq", 0x6e, NONE, MMX, ROW_MMX | ROW_W1, movd_to_mmx, OPD_Pq, OPD_Ey),
    ROW("movd", 0x6e, 66, SSE2, ROW_SSE | ROW_W0, movd_to_xmm, OPD_Vx, OPD_Ey),
    ROW("movq", 0x6e, 66, SSE2, ROW_SSE | ROW_W1, movd_to_xmm, OPD_Vx, OPD_Ey),
    ROW("movd", 0x7e, NONE, MMX, ROW_MMX | ROW_W0, movd_from_mmx, OPD_Ey, OPD_Pq),
    ROW("movq", 0x7e, NONE, MMX, ROW_MMX | ROW_W1, movd_from_mmx, OPD_Ey, OPD_Pq),
    ROW("movd", 0x7e, 66, SSE2, ROW_SSE | ROW_W0, movd_from_xmm, OPD_Ey, OPD_Vx),
    ROW("movq", 0x7e, 66, SSE2, ROW_SSE | ROW_W1, movd_from_xmm, OPD_Ey, OPD_Vx),
    ROW("movq", 0x7e, F3, SSE2, ROW_SSE, movq_load, OPD_Vx, OPD_Wq),
    ROW("movq", 0xd6, 66, SSE2, ROW_SSE, movq_store, OPD_Wq, OPD_Vx),
    ROW("movq2dq", 0xd6, F3, SSE2, ROW_SSE | ROW_MMX | ROW_REG, movq2dq, OPD_Vx, OPD_Nq),
    ROW("movdq2q", 0xd6, F2, SSE2, ROW_SSE | ROW_MMX | ROW_REG, movdq2q, OPD_Pq, OPD_Ux),
    ROW("movq", 0x6f, NONE, MMX, ROW_MMX, movq_to_mmx, OPD_Pq, OPD_Qq),
    ROW("movdqa", 0x6f, 66, SSE2, ROW_SSE, load_aligned, OPD_Vx, OPD_Wx),
    ROW("movdqu", 0x6f, F3, SSE2, ROW_SSE, load_unaligned, OPD_Vx, OPD_Wx),
    ROW("movq", 0x7f, NONE, MMX, ROW_MMX, movq_from_mmx, OPD_Qq, OPD_Pq),
    ROW("movdqa", 0x7f, 66, SSE2, ROW_SSE, store_aligned, OPD_Wx, OPD_Vx),
    ROW("movdqu", 0x7f, F3, SSE2, ROW_SSE, store_unaligned, OPD_Wx, OPD_Vx),
    ROW("pshufw", 0x70, NONE, SSE, ROW_MMX, pshufw, OPD_Pq, OPD_Qq, OPD_Ib),
    ROW("pshufd", 0x70, 66, SSE2, ROW_SSE, pshufd, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("pshufhw", 0x70, F3, SSE2, ROW_SSE, pshufhw, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("pshuflw", 0x70, F2, SSE2, ROW_SSE, pshuflw, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("pinsrw", 0xc4, NONE, SSE, ROW_MMX | ROW_REG, pinsrw_mmx, OPD_Pq, OPD_Ed, OPD_Ib),
    ROW("pinsrw", 0xc4, NONE, SSE, ROW_MMX | ROW_MEM, pinsrw_mmx, OPD_Pq, OPD_Mw, OPD_Ib),
    ROW("pinsrw", 0xc4, 66, SSE2, ROW_SSE | ROW_REG, pinsrw, OPD_Vx, OPD_Ed, OPD_Ib),
    ROW("pinsrw", 0xc4, 66, SSE2, ROW_SSE | ROW_MEM, pinsrw, OPD_Vx, OPD_Mw, OPD_Ib),
    ROW("pextrw", 0xc5, NONE, SSE, ROW_MMX | ROW_REG, pextrw_mmx, OPD_Gd, OPD_Nq, OPD_Ib),
    ROW("pextrw", 0xc5, 66, SSE2, ROW_SSE | ROW_REG, pextrw_to_reg, OPD_Gd, OPD_Ux, OPD_Ib),
    ROW("pmovmskb", 0xd7, NONE, SSE, ROW_MMX | ROW_REG, pmovmskb_mmx, OPD_Gd, OPD_Nq),
    ROW("pmovmskb", 0xd7, 66, SSE2, ROW_SSE | ROW_REG, pmovmskb, OPD_Gd, OPD_Ux),
    ROW("movntq", 0xe7, NONE, SSE, ROW_MMX | ROW_MEM, movq_from_mmx, OPD_Mq, OPD_Pq),
    ROW("movntdq", 0xe7, 66, SSE2, ROW_SSE | ROW_MEM, store_aligned, OPD_Mdq, OPD_Vx),
    ROW("lddqu", 0xf0, F2, SSE3, ROW_SSE | ROW_MEM, load_unaligned, OPD_Vx, OPD_Mdq),
    ROW("maskmovq", 0xf7, NONE, SSE, ROW_MMX | ROW_REG, maskmovq, OPD_Pq, OPD_Nq),
    ROW("maskmovdqu", 0xf7, 66, SSE2, ROW_SSE | ROW_REG, maskmovdqu, OPD_Vx, OPD_Ux),
    SIMD_ROW("movntdqa", MAP_0F38, 0x2a, PFX_66, X86_FEAT_SSE41, ROW_SSE | ROW_MEM, load_aligned,
             OPD_Vx, OPD_Mdq),

    ROW_3A("blendps", 0x0c, 0, blendps, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW_3A("blendpd", 0x0d, 0, blendpd, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW_3A("pblendw", 0x0e, 0, pblendw, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW_3A("pextrb", 0x14, ROW_REG, pextrb, OPD_Ed, OPD_Vx, OPD_Ib),
    ROW_3A("pextrb", 0x14, ROW_MEM, pextrb, OPD_Mb, OPD_Vx, OPD_Ib),
    ROW_3A("pextrw", 0x15, ROW_REG, pextrw, OPD_Ed, OPD_Vx, OPD_Ib),
    ROW_3A("pextrw", 0x15, ROW_MEM, pextrw, OPD_Mw, OPD_Vx, OPD_Ib),
    ROW_3A("pextrd", 0x16, ROW_W0, pextrd, OPD_Ey, OPD_Vx, OPD_Ib),
    ROW_3A("pextrq", 0x16, ROW_W1, pextrd, OPD_Ey, OPD_Vx, OPD_Ib),
    ROW_3A("extractps", 0x17, 0, extractps, OPD_Ed, OPD_Vx, OPD_Ib),
    ROW_3A("pinsrb", 0x20, ROW_REG, pinsrb, OPD_Vx, OPD_Ed, OPD_Ib),
    ROW_3A("pinsrb", 0x20, ROW_MEM, pinsrb, OPD_Vx, OPD_Mb, OPD_Ib),
    ROW_3A("insertps", 0x21, 0, insertps, OPD_Vx, OPD_Wd, OPD_Ib),
    ROW_3A("pinsrd", 0x22, ROW_W0, pinsrd, OPD_Vx, OPD_Ey, OPD_Ib),
    ROW_3A("pinsrq", 0x22, ROW_W1, pinsrd, OPD_Vx, OPD_Ey, OPD_Ib),
};
/* clang-format on */

const struct x86_row_table x86_rows_simd_move = {rows, G_N_ELEMENTS(rows)};
