/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed integer arithmetic, comparison, shifts and packing: one kernel an operation, used by its
 * MMX and its SSE form. Intel SDM volume 2.
 */
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/simd.h"

/* clang-format off */
#define SATURATE(v, low, high) ((v) < (low) ? (low) : (v) > (high) ? (high) : (v))

/* A kernel works on `bytes` (8 or 16, constant after inlining) of *d and *s. */
#define KERNEL(name)                                                                               \
    static inline __attribute__((always_inline)) void k_##name(                                    \
        union simd *restrict d, const union simd *restrict s, const unsigned bytes)

/* The same expression of D and S in every lane. */
#define LANES(name, field, expr)                                                                   \
    KERNEL(name)                                                                                   \
    {                                                                                              \
        for (unsigned i = 0; i < bytes / sizeof(d->field[0]); i++) {                               \
            const __typeof__(d->field[0]) D = d->field[i], S = s->field[i];                        \
                                                                                                   \
            (void)D;                                                                               \
            d->field[i] = (__typeof__(d->field[0]))(expr);                                         \
        }                                                                                          \
    }

#define XMM_OP(name)                                                                               \
    static enum x86_status xmm_##name(struct x86_cpu *c, const struct x86_insn *in)                \
    {                                                                                              \
        union simd s;                                                                              \
        enum x86_status st = simd_load(c, in, &s);                                                 \
                                                                                                   \
        if (G_LIKELY(st == X86_OK)) {                                                              \
            k_##name(simd_xmm(c, in->reg), &s, 16);                                                \
        }                                                                                          \
        return st;                                                                                 \
    }

#define MMX_OP(name)                                                                               \
    static enum x86_status mmx_##name(struct x86_cpu *c, const struct x86_insn *in)                \
    {                                                                                              \
        union simd d = {.u64 = {mmx_get(c, in->reg), 0}}, s;                                       \
        enum x86_status st = mmx_load(c, in, &s);                                                  \
                                                                                                   \
        if (st == X86_OK) {                                                                        \
            k_##name(&d, &s, 8);                                                                   \
            mmx_set(c, in->reg, d.u64[0]);                                                         \
        }                                                                                          \
        return st;                                                                                 \
    }

#define BOTH(name) XMM_OP(name) MMX_OP(name)

LANES(paddb, u8, D + S) BOTH(paddb)
LANES(paddw, u16, D + S) BOTH(paddw)
LANES(paddd, u32, D + S) BOTH(paddd)
LANES(paddq, u64, D + S) BOTH(paddq)
LANES(psubb, u8, D - S) BOTH(psubb)
LANES(psubw, u16, D - S) BOTH(psubw)
LANES(psubd, u32, D - S) BOTH(psubd)
LANES(psubq, u64, D - S) BOTH(psubq)
LANES(paddsb, i8, SATURATE(D + S, INT8_MIN, INT8_MAX)) BOTH(paddsb)
LANES(paddsw, i16, SATURATE(D + S, INT16_MIN, INT16_MAX)) BOTH(paddsw)
LANES(paddusb, u8, SATURATE(D + S, 0, UINT8_MAX)) BOTH(paddusb)
LANES(paddusw, u16, SATURATE(D + S, 0, UINT16_MAX)) BOTH(paddusw)
LANES(psubsb, i8, SATURATE(D - S, INT8_MIN, INT8_MAX)) BOTH(psubsb)
LANES(psubsw, i16, SATURATE(D - S, INT16_MIN, INT16_MAX)) BOTH(psubsw)
LANES(psubusb, u8, D > S ? D - S : 0) BOTH(psubusb)
LANES(psubusw, u16, D > S ? D - S : 0) BOTH(psubusw)
LANES(pmullw, u16, (uint32_t)D * S) BOTH(pmullw)
LANES(pmulhw, i16, (D * S) >> 16) BOTH(pmulhw)
LANES(pmulhuw, u16, ((uint32_t)D * S) >> 16) BOTH(pmulhuw)
LANES(pmulhrsw, i16, (((D * S) >> 14) + 1) >> 1) BOTH(pmulhrsw)
LANES(pmuludq, u64, (D & UINT32_MAX) * (S & UINT32_MAX)) BOTH(pmuludq)
LANES(pmuldq, i64, (int64_t)(int32_t)D * (int32_t)S) XMM_OP(pmuldq)
LANES(pmulld, u32, D * S) XMM_OP(pmulld)
LANES(pavgb, u8, (D + S + 1) >> 1) BOTH(pavgb)
LANES(pavgw, u16, (D + S + 1) >> 1) BOTH(pavgw)
LANES(pminub, u8, MIN(D, S)) BOTH(pminub)
LANES(pmaxub, u8, MAX(D, S)) BOTH(pmaxub)
LANES(pminsw, i16, MIN(D, S)) BOTH(pminsw)
LANES(pmaxsw, i16, MAX(D, S)) BOTH(pmaxsw)
LANES(pminsb, i8, MIN(D, S)) XMM_OP(pminsb)
LANES(pmaxsb, i8, MAX(D, S)) XMM_OP(pmaxsb)
LANES(pminuw, u16, MIN(D, S)) XMM_OP(pminuw)
LANES(pmaxuw, u16, MAX(D, S)) XMM_OP(pmaxuw)
LANES(pminsd, i32, MIN(D, S)) XMM_OP(pminsd)
LANES(pmaxsd, i32, MAX(D, S)) XMM_OP(pmaxsd)
LANES(pminud, u32, MIN(D, S)) XMM_OP(pminud)
LANES(pmaxud, u32, MAX(D, S)) XMM_OP(pmaxud)
LANES(pcmpeqb, u8, D == S ? -1 : 0) BOTH(pcmpeqb)
LANES(pcmpeqw, u16, D == S ? -1 : 0) BOTH(pcmpeqw)
LANES(pcmpeqd, u32, D == S ? -1 : 0) BOTH(pcmpeqd)
LANES(pcmpeqq, u64, D == S ? -1 : 0) XMM_OP(pcmpeqq)
LANES(pcmpgtb, i8, D > S ? -1 : 0) BOTH(pcmpgtb)
LANES(pcmpgtw, i16, D > S ? -1 : 0) BOTH(pcmpgtw)
LANES(pcmpgtd, i32, D > S ? -1 : 0) BOTH(pcmpgtd)
LANES(pcmpgtq, i64, D > S ? -1 : 0) XMM_OP(pcmpgtq)
LANES(pand, u64, D & S) BOTH(pand)
LANES(pandn, u64, ~D & S) BOTH(pandn)
LANES(por, u64, D | S) BOTH(por)
LANES(pxor, u64, D ^ S) BOTH(pxor)
LANES(psignb, i8, S < 0 ? -D : S == 0 ? 0 : D) BOTH(psignb)
LANES(psignw, i16, S < 0 ? -D : S == 0 ? 0 : D) BOTH(psignw)
LANES(psignd, i32, S < 0 ? 0u - (uint32_t)D : S == 0 ? 0 : (uint32_t)D) BOTH(psignd)
LANES(pabsb, i8, S < 0 ? -S : S) BOTH(pabsb)
LANES(pabsw, i16, S < 0 ? -S : S) BOTH(pabsw)
LANES(pabsd, i32, S < 0 ? 0u - (uint32_t)S : (uint32_t)S) BOTH(pabsd)
    /* clang-format on */

    KERNEL(pmaddwd)
{
    for (unsigned i = 0; i < bytes / 4; i++) {
        uint32_t low = (uint32_t)(d->i16[2 * i] * s->i16[2 * i]);

        d->u32[i] = low + (uint32_t)(d->i16[2 * i + 1] * s->i16[2 * i + 1]);
    }
}
BOTH(pmaddwd)

KERNEL(pmaddubsw)
{
    for (unsigned i = 0; i < bytes / 2; i++) {
        int sum = d->u8[2 * i] * s->i8[2 * i] + d->u8[2 * i + 1] * s->i8[2 * i + 1];

        d->i16[i] = (int16_t)SATURATE(sum, INT16_MIN, INT16_MAX);
    }
}
BOTH(pmaddubsw)

KERNEL(psadbw)
{
    for (unsigned q = 0; q < bytes / 8; q++) {
        unsigned sum = 0;

        for (unsigned i = q * 8; i < q * 8 + 8; i++) {
            sum += (unsigned)abs(d->u8[i] - s->u8[i]);
        }
        d->u64[q] = sum;
    }
}
BOTH(psadbw)

/* Horizontal: the lower half of the result from d, the upper from s. */
#define HORIZONTAL(name, field, expr)                                    \
    KERNEL(name)                                                         \
    {                                                                    \
        const unsigned half = bytes / sizeof(d->field[0]) / 2;           \
        union simd r;                                                    \
                                                                         \
        for (unsigned i = 0; i < 2 * half; i++) {                        \
            const __typeof__(d->field[0]) *p =                           \
                i < half ? &d->field[2 * i] : &s->field[2 * (i - half)]; \
            const __typeof__(d->field[0]) A = p[0], B = p[1];            \
                                                                         \
            r.field[i] = (__typeof__(d->field[0]))(expr);                \
        }                                                                \
        memcpy(d, &r, bytes);                                            \
    }                                                                    \
    BOTH(name)

HORIZONTAL(phaddw, u16, A + B)
HORIZONTAL(phaddd, u32, A + B)
HORIZONTAL(phaddsw, i16, SATURATE(A + B, INT16_MIN, INT16_MAX))
HORIZONTAL(phsubw, u16, A - B)
HORIZONTAL(phsubd, u32, A - B)
HORIZONTAL(phsubsw, i16, SATURATE(A - B, INT16_MIN, INT16_MAX))

/* Packing: d's lanes, then s's, narrowed with saturation. */
#define PACK(name, from, to, low, high)                                             \
    KERNEL(name)                                                                    \
    {                                                                               \
        const unsigned half = bytes / sizeof(d->from[0]);                           \
        union simd r;                                                               \
                                                                                    \
        for (unsigned i = 0; i < half; i++) {                                       \
            r.to[i] = (__typeof__(d->to[0]))SATURATE(d->from[i], low, high);        \
            r.to[i + half] = (__typeof__(d->to[0]))SATURATE(s->from[i], low, high); \
        }                                                                           \
        memcpy(d, &r, bytes);                                                       \
    }

PACK(packsswb, i16, i8, INT8_MIN, INT8_MAX)
BOTH(packsswb)
PACK(packuswb, i16, u8, 0, UINT8_MAX)
BOTH(packuswb)
PACK(packssdw, i32, i16, INT16_MIN, INT16_MAX)
BOTH(packssdw)
PACK(packusdw, i32, u16, 0, UINT16_MAX)
XMM_OP(packusdw)

/* Interleaves the lower or upper halves of d and s. */
#define UNPACK(low_name, high_name, field)                               \
    KERNEL(low_name)                                                     \
    {                                                                    \
        union simd r;                                                    \
                                                                         \
        for (unsigned i = 0; i < bytes / sizeof(d->field[0]) / 2; i++) { \
            r.field[2 * i] = d->field[i];                                \
            r.field[2 * i + 1] = s->field[i];                            \
        }                                                                \
        memcpy(d, &r, bytes);                                            \
    }                                                                    \
    KERNEL(high_name)                                                    \
    {                                                                    \
        const unsigned half = bytes / sizeof(d->field[0]) / 2;           \
        union simd r;                                                    \
                                                                         \
        for (unsigned i = 0; i < half; i++) {                            \
            r.field[2 * i] = d->field[half + i];                         \
            r.field[2 * i + 1] = s->field[half + i];                     \
        }                                                                \
        memcpy(d, &r, bytes);                                            \
    }                                                                    \
    XMM_OP(low_name)                                                     \
    XMM_OP(high_name)

UNPACK(punpcklbw, punpckhbw, u8)
UNPACK(punpcklwd, punpckhwd, u16)
UNPACK(punpckldq, punpckhdq, u32)
UNPACK(punpcklqdq, punpckhqdq, u64)
MMX_OP(punpckhbw)
MMX_OP(punpckhwd)
MMX_OP(punpckhdq)

/* The lower interleaves read only 4 bytes of memory in their MMX form. */
#define MMX_UNPACK_LOW(name)                                                          \
    static enum x86_status mmx_##name(struct x86_cpu *c, const struct x86_insn *in)   \
    {                                                                                 \
        union simd d = {.u64 = {mmx_get(c, in->reg), 0}};                             \
        union simd s = {.u64 = {mmx_get(c, in->rm), 0}};                              \
        enum x86_status st = in->flags & INSN_MEM ? simd_read(c, in, &s, 4) : X86_OK; \
                                                                                      \
        if (st == X86_OK) {                                                           \
            k_##name(&d, &s, 8);                                                      \
            mmx_set(c, in->reg, d.u64[0]);                                            \
        }                                                                             \
        return st;                                                                    \
    }

MMX_UNPACK_LOW(punpcklbw)
MMX_UNPACK_LOW(punpcklwd)
MMX_UNPACK_LOW(punpckldq)

KERNEL(pshufb)
{
    union simd r;

    for (unsigned i = 0; i < bytes; i++) {
        r.u8[i] = s->u8[i] & 0x80 ? 0 : d->u8[s->u8[i] & (bytes - 1)];
    }
    memcpy(d, &r, bytes);
}
BOTH(pshufb)

KERNEL(phminposuw)
{
    unsigned best = 0;

    (void)bytes;
    for (unsigned i = 1; i < 8; i++) {
        best = s->u16[i] < s->u16[best] ? i : best;
    }
    d->u64[0] = (uint64_t)best << 16 | s->u16[best];
    d->u64[1] = 0;
}
XMM_OP(phminposuw)

/* Shifts: by the lower 64 bits of the operand, or by an immediate. */
#define SHIFT(name, field, expr, overlong)                                                        \
    static inline void shift_##name(union simd *d, uint64_t n, const unsigned bytes)              \
    {                                                                                             \
        const unsigned bits = sizeof(d->field[0]) * 8;                                            \
                                                                                                  \
        for (unsigned i = 0; i < bytes / sizeof(d->field[0]); i++) {                              \
            const __typeof__(d->field[0]) D = d->field[i];                                        \
                                                                                                  \
            d->field[i] =                                                                         \
                n < bits ? (__typeof__(d->field[0]))(expr) : (__typeof__(d->field[0]))(overlong); \
        }                                                                                         \
    }                                                                                             \
    KERNEL(name)                                                                                  \
    {                                                                                             \
        shift_##name(d, s->u64[0], bytes);                                                        \
    }                                                                                             \
    BOTH(name)                                                                                    \
    static enum x86_status xmm_##name##_imm(struct x86_cpu *c, const struct x86_insn *in)         \
    {                                                                                             \
        shift_##name(simd_xmm(c, in->rm), (uint8_t)in->imm, 16);                                  \
        return X86_OK;                                                                            \
    }                                                                                             \
    static enum x86_status mmx_##name##_imm(struct x86_cpu *c, const struct x86_insn *in)         \
    {                                                                                             \
        union simd d = {.u64 = {mmx_get(c, in->rm), 0}};                                          \
                                                                                                  \
        shift_##name(&d, (uint8_t)in->imm, 8);                                                    \
        mmx_set(c, in->rm, d.u64[0]);                                                             \
        return X86_OK;                                                                            \
    }

SHIFT(psllw, u16, (uint32_t)D << n, 0)
SHIFT(pslld, u32, D << n, 0)
SHIFT(psllq, u64, D << n, 0)
SHIFT(psrlw, u16, D >> n, 0)
SHIFT(psrld, u32, D >> n, 0)
SHIFT(psrlq, u64, D >> n, 0)
SHIFT(psraw, i16, D >> n, D >> 15)
SHIFT(psrad, i32, D >> n, D >> 31)

static enum x86_status pslldq(struct x86_cpu *c, const struct x86_insn *in)
{
    uint8_t from[32] = {0};
    unsigned n = MIN((uint8_t)in->imm, 16);

    memcpy(from + 16, simd_xmm(c, in->rm), 16);
    memcpy(simd_xmm(c, in->rm), from + 16 - n, 16);
    return X86_OK;
}

static enum x86_status psrldq(struct x86_cpu *c, const struct x86_insn *in)
{
    uint8_t from[32] = {0};
    unsigned n = MIN((uint8_t)in->imm, 16);

    memcpy(from, simd_xmm(c, in->rm), 16);
    memcpy(simd_xmm(c, in->rm), from + n, 16);
    return X86_OK;
}

/* d:s shifted right by bytes. */
static void align(uint8_t *d, const uint8_t *s, unsigned n, unsigned bytes)
{
    uint8_t from[48] = {0};

    memcpy(from, s, bytes);
    memcpy(from + bytes, d, bytes);
    memcpy(d, from + MIN(n, 2 * bytes), bytes);
}

static enum x86_status xmm_palignr(struct x86_cpu *c, const struct x86_insn *in)
{
    union simd s;
    enum x86_status st = simd_load(c, in, &s);

    if (st == X86_OK) {
        align(simd_xmm(c, in->reg)->u8, s.u8, (uint8_t)in->imm, 16);
    }
    return st;
}

static enum x86_status mmx_palignr(struct x86_cpu *c, const struct x86_insn *in)
{
    union simd d = {.u64 = {mmx_get(c, in->reg), 0}}, s;
    enum x86_status st = mmx_load(c, in, &s);

    if (st == X86_OK) {
        align(d.u8, s.u8, (uint8_t)in->imm, 8);
        mmx_set(c, in->reg, d.u64[0]);
    }
    return st;
}

static enum x86_status mpsadbw(struct x86_cpu *c, const struct x86_insn *in)
{
    union simd *d = simd_xmm(c, in->reg), s, r;
    enum x86_status st = simd_load(c, in, &s);
    unsigned from = in->imm & 4, against = (in->imm & 3) * 4;

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < 8; i++) {
        r.u16[i] = 0;
        for (unsigned j = 0; j < 4; j++) {
            r.u16[i] += (uint16_t)abs(d->u8[from + i + j] - s.u8[against + j]);
        }
    }
    *d = r;
    return X86_OK;
}

static enum x86_status ptest(struct x86_cpu *c, const struct x86_insn *in)
{
    const union simd *d = simd_xmm(c, in->reg);
    union simd s;
    enum x86_status st = simd_load(c, in, &s);

    if (st == X86_OK) {
        bool zero = !((d->u64[0] & s.u64[0]) | (d->u64[1] & s.u64[1]));
        bool carry = !((~d->u64[0] & s.u64[0]) | (~d->u64[1] & s.u64[1]));

        x86_flags_set(c, (zero ? FLAG_ZF : 0) | (carry ? FLAG_CF : 0));
    }
    return st;
}

/* Sign or zero extension of the lower lanes. */
#define EXTEND(name, from, to, size)                                          \
    static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                         \
        union simd *d = simd_xmm(c, in->reg), s;                              \
        enum x86_status st = simd_load_part(c, in, &s, size);                 \
                                                                              \
        if (st == X86_OK) {                                                   \
            for (unsigned i = 0; i < 16 / sizeof(d->to[0]); i++) {            \
                d->to[i] = s.from[i];                                         \
            }                                                                 \
        }                                                                     \
        return st;                                                            \
    }

EXTEND(pmovsxbw, i8, i16, 8)
EXTEND(pmovsxbd, i8, i32, 4)
EXTEND(pmovsxbq, i8, i64, 2)
EXTEND(pmovsxwd, i16, i32, 8)
EXTEND(pmovsxwq, i16, i64, 4)
EXTEND(pmovsxdq, i32, i64, 8)
EXTEND(pmovzxbw, u8, u16, 8)
EXTEND(pmovzxbd, u8, u32, 4)
EXTEND(pmovzxbq, u8, u64, 2)
EXTEND(pmovzxwd, u16, u32, 8)
EXTEND(pmovzxwq, u16, u64, 4)
EXTEND(pmovzxdq, u32, u64, 8)

/* Blends by the top bits of XMM0. */
#define BLENDV(name, field)                                                   \
    static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                         \
        union simd *d = simd_xmm(c, in->reg), s, mask = *simd_xmm(c, 0);      \
        enum x86_status st = simd_load(c, in, &s);                            \
                                                                              \
        if (st == X86_OK) {                                                   \
            for (unsigned i = 0; i < 16 / sizeof(d->field[0]); i++) {         \
                d->field[i] = mask.field[i] < 0 ? s.field[i] : d->field[i];   \
            }                                                                 \
        }                                                                     \
        return st;                                                            \
    }

BLENDV(pblendvb, i8)
BLENDV(blendvps, i32)
BLENDV(blendvpd, i64)

static enum x86_status emms(struct x86_cpu *c, const struct x86_insn *in)
{
    mmx_enter(c);
    c->fpu.tag = 0;
    return X86_OK;
}

/* clang-format off */
#define MMX_ROW(text, map, op, feat, name) \
    SIMD_ROW(text, map, op, PFX_NONE, feat, ROW_MMX, mmx_##name, OPD_Pq, OPD_Qq)
#define XMM_ROW(text, map, op, feat, name) \
    SIMD_ROW(text, map, op, PFX_66, feat, ROW_SSE, xmm_##name, OPD_Vx, OPD_Wx)
/* MMX from the start, SSE2. */
#define OLD(op, name) \
    MMX_ROW(#name, MAP_0F, op, X86_FEAT_MMX, name), XMM_ROW(#name, MAP_0F, op, X86_FEAT_SSE2, name)
/* MMX form from SSE, SSE2 on. */
#define SSE1(op, name) \
    MMX_ROW(#name, MAP_0F, op, X86_FEAT_SSE, name), XMM_ROW(#name, MAP_0F, op, X86_FEAT_SSE2, name)
#define SSE2(op, name) \
    MMX_ROW(#name, MAP_0F, op, X86_FEAT_SSE2, name), XMM_ROW(#name, MAP_0F, op, X86_FEAT_SSE2, name)
#define SSSE3(op, name) \
    MMX_ROW(#name, MAP_0F38, op, X86_FEAT_SSSE3, name), \
    XMM_ROW(#name, MAP_0F38, op, X86_FEAT_SSSE3, name)
#define SSE41(op, name) XMM_ROW(#name, MAP_0F38, op, X86_FEAT_SSE41, name)
#define SSE41_PART(op, name, operand) \
    SIMD_ROW(#name, MAP_0F38, op, PFX_66, X86_FEAT_SSE41, ROW_SSE, name, OPD_Vx, operand)
#define LOGIC_PS(text, op, what) \
    SIMD_ROW(text, MAP_0F, op, PFX_NONE, X86_FEAT_SSE, ROW_SSE, xmm_##what, OPD_Vx, OPD_Wx)
#define LOGIC_PD(text, op, what) XMM_ROW(text, MAP_0F, op, X86_FEAT_SSE2, what)
#define SHIFT_IMM(op, digit, what) \
    {.name = #what, .map = MAP_0F, .opcode = op, .ext = digit, .rm = X86_ANY_EXT, \
     .prefix = PFX_NONE, .operand = {OPD_Nq, OPD_Ib}, .flags = ROW_MMX | ROW_REG, \
     .feature = X86_FEAT_MMX, .fn = SIMD_ALL(mmx_##what##_imm)}, \
    {.name = #what, .map = MAP_0F, .opcode = op, .ext = digit, .rm = X86_ANY_EXT, \
     .prefix = PFX_66, .operand = {OPD_Ux, OPD_Ib}, .flags = ROW_SSE | ROW_REG, \
     .feature = X86_FEAT_SSE2, .fn = SIMD_ALL(xmm_##what##_imm)}
#define SHIFT_BYTES(digit, what) \
    {.name = #what, .map = MAP_0F, .opcode = 0x73, .ext = digit, .rm = X86_ANY_EXT, \
     .prefix = PFX_66, .operand = {OPD_Ux, OPD_Ib}, .flags = ROW_SSE | ROW_REG, \
     .feature = X86_FEAT_SSE2, .fn = SIMD_ALL(what)}

static const struct x86_row rows[] = {
    OLD(0x60, punpcklbw), OLD(0x61, punpcklwd), OLD(0x62, punpckldq), OLD(0x63, packsswb),
    OLD(0x64, pcmpgtb), OLD(0x65, pcmpgtw), OLD(0x66, pcmpgtd), OLD(0x67, packuswb),
    OLD(0x68, punpckhbw), OLD(0x69, punpckhwd), OLD(0x6a, punpckhdq), OLD(0x6b, packssdw),
    XMM_ROW("punpcklqdq", MAP_0F, 0x6c, X86_FEAT_SSE2, punpcklqdq),
    XMM_ROW("punpckhqdq", MAP_0F, 0x6d, X86_FEAT_SSE2, punpckhqdq),
    /* The floating point spellings of the same bits. */
    LOGIC_PS("andps", 0x54, pand), LOGIC_PD("andpd", 0x54, pand),
    LOGIC_PS("andnps", 0x55, pandn), LOGIC_PD("andnpd", 0x55, pandn),
    LOGIC_PS("orps", 0x56, por), LOGIC_PD("orpd", 0x56, por),
    LOGIC_PS("xorps", 0x57, pxor), LOGIC_PD("xorpd", 0x57, pxor),
    OLD(0x74, pcmpeqb), OLD(0x75, pcmpeqw), OLD(0x76, pcmpeqd),
    OLD(0xd1, psrlw), OLD(0xd2, psrld), OLD(0xd3, psrlq), SSE2(0xd4, paddq), OLD(0xd5, pmullw),
    OLD(0xd8, psubusb), OLD(0xd9, psubusw), SSE1(0xda, pminub), OLD(0xdb, pand),
    OLD(0xdc, paddusb), OLD(0xdd, paddusw), SSE1(0xde, pmaxub), OLD(0xdf, pandn),
    SSE1(0xe0, pavgb), OLD(0xe1, psraw), OLD(0xe2, psrad), SSE1(0xe3, pavgw),
    SSE1(0xe4, pmulhuw), OLD(0xe5, pmulhw), OLD(0xe8, psubsb), OLD(0xe9, psubsw),
    SSE1(0xea, pminsw), OLD(0xeb, por), OLD(0xec, paddsb), OLD(0xed, paddsw),
    SSE1(0xee, pmaxsw), OLD(0xef, pxor), OLD(0xf1, psllw), OLD(0xf2, pslld), OLD(0xf3, psllq),
    SSE2(0xf4, pmuludq), OLD(0xf5, pmaddwd), SSE1(0xf6, psadbw), OLD(0xf8, psubb),
    OLD(0xf9, psubw), OLD(0xfa, psubd), SSE2(0xfb, psubq), OLD(0xfc, paddb), OLD(0xfd, paddw),
    OLD(0xfe, paddd),

    SHIFT_IMM(0x71, 2, psrlw), SHIFT_IMM(0x71, 4, psraw), SHIFT_IMM(0x71, 6, psllw),
    SHIFT_IMM(0x72, 2, psrld), SHIFT_IMM(0x72, 4, psrad), SHIFT_IMM(0x72, 6, pslld),
    SHIFT_IMM(0x73, 2, psrlq), SHIFT_IMM(0x73, 6, psllq),
    SHIFT_BYTES(3, psrldq), SHIFT_BYTES(7, pslldq),
    {.name = "emms", .map = MAP_0F, .opcode = 0x77, .ext = X86_ANY_EXT, .rm = X86_ANY_EXT,
     .prefix = PFX_NONE, .flags = ROW_MMX, .feature = X86_FEAT_MMX, .fn = SIMD_ALL(emms)},

    SSSE3(0x00, pshufb), SSSE3(0x01, phaddw), SSSE3(0x02, phaddd), SSSE3(0x03, phaddsw),
    SSSE3(0x04, pmaddubsw), SSSE3(0x05, phsubw), SSSE3(0x06, phsubd), SSSE3(0x07, phsubsw),
    SSSE3(0x08, psignb), SSSE3(0x09, psignw), SSSE3(0x0a, psignd), SSSE3(0x0b, pmulhrsw),
    SSSE3(0x1c, pabsb), SSSE3(0x1d, pabsw), SSSE3(0x1e, pabsd),
    SIMD_ROW("palignr", MAP_0F3A, 0x0f, PFX_NONE, X86_FEAT_SSSE3, ROW_MMX, mmx_palignr, OPD_Pq,
             OPD_Qq, OPD_Ib),
    SIMD_ROW("palignr", MAP_0F3A, 0x0f, PFX_66, X86_FEAT_SSSE3, ROW_SSE, xmm_palignr, OPD_Vx,
             OPD_Wx, OPD_Ib),

    SSE41_PART(0x10, pblendvb, OPD_Wx), SSE41_PART(0x14, blendvps, OPD_Wx),
    SSE41_PART(0x15, blendvpd, OPD_Wx), SSE41_PART(0x17, ptest, OPD_Wx),
    SSE41_PART(0x20, pmovsxbw, OPD_Wq), SSE41_PART(0x21, pmovsxbd, OPD_Wd),
    SSE41_PART(0x22, pmovsxbq, OPD_Ww), SSE41_PART(0x23, pmovsxwd, OPD_Wq),
    SSE41_PART(0x24, pmovsxwq, OPD_Wd), SSE41_PART(0x25, pmovsxdq, OPD_Wq),
    SSE41(0x28, pmuldq), SSE41(0x29, pcmpeqq), SSE41(0x2b, packusdw),
    SSE41_PART(0x30, pmovzxbw, OPD_Wq), SSE41_PART(0x31, pmovzxbd, OPD_Wd),
    SSE41_PART(0x32, pmovzxbq, OPD_Ww), SSE41_PART(0x33, pmovzxwd, OPD_Wq),
    SSE41_PART(0x34, pmovzxwq, OPD_Wd), SSE41_PART(0x35, pmovzxdq, OPD_Wq),
    XMM_ROW("pcmpgtq", MAP_0F38, 0x37, X86_FEAT_SSE42, pcmpgtq),
    SSE41(0x38, pminsb), SSE41(0x39, pminsd), SSE41(0x3a, pminuw), SSE41(0x3b, pminud),
    SSE41(0x3c, pmaxsb), SSE41(0x3d, pmaxsd), SSE41(0x3e, pmaxuw), SSE41(0x3f, pmaxud),
    SSE41(0x40, pmulld), SSE41(0x41, phminposuw),
    SIMD_ROW("mpsadbw", MAP_0F3A, 0x42, PFX_66, X86_FEAT_SSE41, ROW_SSE, mpsadbw, OPD_Vx, OPD_Wx,
             OPD_Ib),
};
/* clang-format on */

const struct x86_row_table x86_rows_simd_int = {rows, G_N_ELEMENTS(rows)};
