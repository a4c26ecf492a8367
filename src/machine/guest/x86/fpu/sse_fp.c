/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SSE floating point by the soft float library. Intel SDM volume 1, chapter 11.5 (exceptions) and
 * volume 2. All lanes are computed first; an unmasked exception leaves the destination alone and
 * only sets flags in MXCSR.
 */
#include "machine/guest/float/fp.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/simd.h"

#define MXCSR_DAZ        0x0040u
#define MXCSR_MASK_SHIFT 7
#define MXCSR_RC_SHIFT   13
#define MXCSR_FTZ        0x8000u
#define MXCSR_VALID      0xffffu

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

typedef uint64_t (*lane_op)(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);

static struct fp_env env_of(const struct x86_cpu *c)
{
    return (struct fp_env){
        .rules = &fp_rules_sse,
        .rounding = c->mxcsr >> MXCSR_RC_SHIFT & 3,
        .unmasked = ~(c->mxcsr >> MXCSR_MASK_SHIFT) & FP_FLAGS,
        .daz = c->mxcsr & MXCSR_DAZ,
        .ftz = c->mxcsr & MXCSR_FTZ,
    };
}

/*
 * Takes over the flags of a whole instruction. X86_FAULT: an exception is unmasked, and the caller
 * writes no result. What is found before computing hides what would be found after.
 */
static enum x86_status finish(struct x86_cpu *c, const struct fp_env *env)
{
    uint8_t flags = env->flags;

    if (flags & env->unmasked & FP_PRE_FLAGS) {
        flags &= FP_PRE_FLAGS;
    }
    c->mxcsr |= flags;
    if (G_LIKELY(!(flags & env->unmasked))) {
        return X86_OK;
    }
    return x86_raise(c, c->cr4 & CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
}

static uint64_t lane(const union simd *v, const struct fp_format *f, unsigned i)
{
    return f == &fp_b32 ? v->u32[i] : v->u64[i];
}

static void set_lane(union simd *v, const struct fp_format *f, unsigned i, uint64_t bits)
{
    if (f == &fp_b32) {
        v->u32[i] = (uint32_t)bits;
    } else {
        v->u64[i] = bits;
    }
}

static unsigned lanes_of(const struct fp_format *f)
{
    return f == &fp_b32 ? 4 : 2;
}

/* The source of an operation on `lanes` lanes: one lane needs no more memory than itself. */
static enum x86_status load(struct x86_cpu *c, const struct x86_insn *in, const struct fp_format *f,
                            unsigned lanes, union simd *ret)
{
    return lanes == 1 ? simd_load_part(c, in, ret, f == &fp_b32 ? 4 : 8) : simd_load(c, in, ret);
}

/* d = op(d, s) in the first `lanes` lanes. */
static enum x86_status lanewise(struct x86_cpu *c, const struct x86_insn *in,
                                const struct fp_format *f, unsigned lanes, lane_op op)
{
    union simd *d = simd_xmm(c, in->reg), s, r = *d;
    struct fp_env env = env_of(c);
    enum x86_status st = load(c, in, f, lanes, &s);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes; i++) {
        set_lane(&r, f, i, op(f, lane(d, f, i), lane(&s, f, i), &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

static uint64_t sqrt_lane(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_sqrt(f, b, env);
}

/* clang-format off */
#define FOUR(name, op)                                                                             \
    HANDLER(name##ps) { return lanewise(c, in, &fp_b32, 4, op); }                                  \
    HANDLER(name##pd) { return lanewise(c, in, &fp_b64, 2, op); }                                  \
    HANDLER(name##ss) { return lanewise(c, in, &fp_b32, 1, op); }                                  \
    HANDLER(name##sd) { return lanewise(c, in, &fp_b64, 1, op); }

FOUR(add, fp_add)
FOUR(sub, fp_sub)
FOUR(mul, fp_mul)
FOUR(div, fp_div)
FOUR(min, fp_min_x86)
FOUR(max, fp_max_x86)
FOUR(sqrt, sqrt_lane)
/* clang-format on */

/* CMPccPS: predicates 4..7 are the negations of 0..3. */
static bool compare_lane(const struct fp_format *f, uint64_t a, uint64_t b, unsigned predicate,
                         struct fp_env *env)
{
    bool signalling = (predicate & 3) == 1 || (predicate & 3) == 2;
    enum fp_order order = fp_compare(f, a, b, signalling, env);
    bool r = false;

    switch (predicate & 3) {
    case 0: r = order == FP_EQUAL; break;
    case 1: r = order == FP_LESS; break;
    case 2: r = order == FP_LESS || order == FP_EQUAL; break;
    case 3: r = order == FP_UNORDERED; break;
    }
    return r != (predicate >> 2 & 1);
}

static enum x86_status compare(struct x86_cpu *c, const struct x86_insn *in,
                               const struct fp_format *f, unsigned lanes)
{
    union simd *d = simd_xmm(c, in->reg), s, r = *d;
    struct fp_env env = env_of(c);
    enum x86_status st = load(c, in, f, lanes, &s);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes; i++) {
        bool yes = compare_lane(f, lane(d, f, i), lane(&s, f, i), in->imm & 7, &env);

        set_lane(&r, f, i, yes ? UINT64_MAX : 0);
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/* COMISx and UCOMISx. */
static enum x86_status compare_flags(struct x86_cpu *c, const struct x86_insn *in,
                                     const struct fp_format *f, bool signalling)
{
    static const uint32_t flags[4] = {FLAG_CF, FLAG_ZF, 0, FLAG_ZF | FLAG_PF | FLAG_CF};
    struct fp_env env = env_of(c);
    union simd s;
    enum x86_status st = load(c, in, f, 1, &s);
    enum fp_order order;

    if (st != X86_OK) {
        return st;
    }
    order = fp_compare(f, lane(simd_xmm(c, in->reg), f, 0), lane(&s, f, 0), signalling, &env);
    st = finish(c, &env);
    if (st == X86_OK) {
        x86_flags_set(c, flags[order + 1]);
    }
    return st;
}

/* clang-format off */
HANDLER(cmpps) { return compare(c, in, &fp_b32, 4); }
HANDLER(cmppd) { return compare(c, in, &fp_b64, 2); }
HANDLER(cmpss) { return compare(c, in, &fp_b32, 1); }
HANDLER(cmpsd) { return compare(c, in, &fp_b64, 1); }
HANDLER(ucomiss) { return compare_flags(c, in, &fp_b32, false); }
HANDLER(ucomisd) { return compare_flags(c, in, &fp_b64, false); }
HANDLER(comiss) { return compare_flags(c, in, &fp_b32, true); }
HANDLER(comisd) { return compare_flags(c, in, &fp_b64, true); }
/* clang-format on */

/*
 * RCPPS and RSQRTPS: approximations within 1.5 * 2^-12 that raise no exceptions. Ours is the exact
 * value truncated; denormal operands and results are zeros whatever MXCSR says.
 */
static uint32_t approximate(uint32_t a, bool root)
{
    struct fp_env env = {
        .rules = &fp_rules_sse, .rounding = FP_ROUND_ZERO, .daz = true, .ftz = true};
    uint64_t v = a;

    if (root && (a & 0x7f800000) == 0) {
        return (a & 0x80000000) | 0x7f800000;
    }
    v = root ? fp_sqrt(&fp_b32, v, &env) : v;
    if ((v & 0x7fffffff) > 0x7f800000) {
        return (uint32_t)v | 0x00400000;
    }
    return (uint32_t)fp_div(&fp_b32, 0x3f800000, v, &env);
}

static enum x86_status approximate_lanes(struct x86_cpu *c, const struct x86_insn *in,
                                         unsigned lanes, bool root)
{
    union simd s, *d = simd_xmm(c, in->reg);
    enum x86_status st = load(c, in, &fp_b32, lanes, &s);

    for (unsigned i = 0; i < lanes && st == X86_OK; i++) {
        d->u32[i] = approximate(s.u32[i], root);
    }
    return st;
}

/* clang-format off */
HANDLER(rcpps) { return approximate_lanes(c, in, 4, false); }
HANDLER(rcpss) { return approximate_lanes(c, in, 1, false); }
HANDLER(rsqrtps) { return approximate_lanes(c, in, 4, true); }
HANDLER(rsqrtss) { return approximate_lanes(c, in, 1, true); }
/* clang-format on */

/* ADDSUBPx: odd lanes add, even lanes subtract. */
static enum x86_status addsub(struct x86_cpu *c, const struct x86_insn *in,
                              const struct fp_format *f)
{
    union simd *d = simd_xmm(c, in->reg), s, r;
    struct fp_env env = env_of(c);
    enum x86_status st = simd_load(c, in, &s);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes_of(f); i++) {
        lane_op op = i & 1 ? fp_add : fp_sub;

        set_lane(&r, f, i, op(f, lane(d, f, i), lane(&s, f, i), &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/* HADDPx and HSUBPx: neighbours of d, then of s. */
static enum x86_status horizontal(struct x86_cpu *c, const struct x86_insn *in,
                                  const struct fp_format *f, lane_op op)
{
    union simd *d = simd_xmm(c, in->reg), s, r;
    struct fp_env env = env_of(c);
    enum x86_status st = simd_load(c, in, &s);
    unsigned half = lanes_of(f) / 2;

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < 2 * half; i++) {
        const union simd *v = i < half ? d : &s;
        unsigned at = 2 * (i % half);

        set_lane(&r, f, i, op(f, lane(v, f, at), lane(v, f, at + 1), &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/*
 * DPPx: the upper immediate bits choose factors, the lower ones where the sum goes. Products, their
 * sums and the last sum are steps of their own as far as exceptions go.
 */
static enum x86_status dot(struct x86_cpu *c, const struct x86_insn *in, const struct fp_format *f)
{
    union simd *d = simd_xmm(c, in->reg), s, r = {.u64 = {0, 0}};
    struct fp_env env = env_of(c);
    enum x86_status st = simd_load(c, in, &s);
    uint64_t product[4] = {0}, sum;
    unsigned imm = (uint8_t)in->imm;

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes_of(f); i++) {
        if (imm >> (4 + i) & 1) {
            product[i] = fp_mul(f, lane(d, f, i), lane(&s, f, i), &env);
        }
    }
    st = finish(c, &env);
    if (st != X86_OK) {
        return st;
    }
    sum = fp_add(f, product[0], product[1], &env);
    if (f == &fp_b32) {
        uint64_t upper = fp_add(f, product[2], product[3], &env);

        st = finish(c, &env);
        if (st != X86_OK) {
            return st;
        }
        sum = fp_add(f, sum, upper, &env);
    }
    for (unsigned i = 0; i < lanes_of(f); i++) {
        set_lane(&r, f, i, imm >> i & 1 ? sum : 0);
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/* ROUNDxx: the immediate may override the rounding and hide inexactness. */
static enum x86_status round_lanes(struct x86_cpu *c, const struct x86_insn *in,
                                   const struct fp_format *f, unsigned lanes)
{
    union simd *d = simd_xmm(c, in->reg), s, r = *d;
    struct fp_env env = env_of(c);
    enum x86_status st = load(c, in, f, lanes, &s);

    if (st != X86_OK) {
        return st;
    }
    if (!(in->imm & 4)) {
        env.rounding = in->imm & 3;
    }
    for (unsigned i = 0; i < lanes; i++) {
        set_lane(&r, f, i, fp_round_int(f, lane(&s, f, i), &env));
    }
    env.flags &= in->imm & 8 ? ~FP_INEXACT : FP_FLAGS;
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/* clang-format off */
HANDLER(addsubps) { return addsub(c, in, &fp_b32); }
HANDLER(addsubpd) { return addsub(c, in, &fp_b64); }
HANDLER(haddps) { return horizontal(c, in, &fp_b32, fp_add); }
HANDLER(haddpd) { return horizontal(c, in, &fp_b64, fp_add); }
HANDLER(hsubps) { return horizontal(c, in, &fp_b32, fp_sub); }
HANDLER(hsubpd) { return horizontal(c, in, &fp_b64, fp_sub); }
HANDLER(dpps) { return dot(c, in, &fp_b32); }
HANDLER(dppd) { return dot(c, in, &fp_b64); }
HANDLER(roundps) { return round_lanes(c, in, &fp_b32, 4); }
HANDLER(roundpd) { return round_lanes(c, in, &fp_b64, 2); }
HANDLER(roundss) { return round_lanes(c, in, &fp_b32, 1); }
HANDLER(roundsd) { return round_lanes(c, in, &fp_b64, 1); }
/* clang-format on */

/* Between the two formats. `lanes` are converted; PD2PS zeroes the upper half. */
static enum x86_status convert(struct x86_cpu *c, const struct x86_insn *in,
                               const struct fp_format *to, const struct fp_format *from,
                               unsigned lanes)
{
    union simd *d = simd_xmm(c, in->reg), s, r = lanes == 1 ? *d : (union simd){.u64 = {0, 0}};
    struct fp_env env = env_of(c);
    enum x86_status st = from == &fp_b64 && lanes == 2
                             ? simd_load(c, in, &s)
                             : simd_load_part(c, in, &s, lanes * (from == &fp_b32 ? 4 : 8));

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes; i++) {
        set_lane(&r, to, i, fp_convert(to, from, lane(&s, from, i), &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *d = r;
    }
    return st;
}

/* Packed 32-bit integers from `lanes` lanes of s, the rest zero. */
static union simd to_int32(const union simd *s, const struct fp_format *f, unsigned lanes,
                           struct fp_env *env)
{
    union simd r = {.u64 = {0, 0}};

    for (unsigned i = 0; i < lanes; i++) {
        r.i32[i] = (int32_t)fp_to_int(f, lane(s, f, i), 32, env);
    }
    return r;
}

static enum x86_status packed_to_int(struct x86_cpu *c, const struct x86_insn *in,
                                     const struct fp_format *f, bool truncate)
{
    struct fp_env env = env_of(c);
    union simd s, r;
    enum x86_status st = simd_load(c, in, &s);

    if (st != X86_OK) {
        return st;
    }
    env.rounding = truncate ? FP_ROUND_ZERO : env.rounding;
    r = to_int32(&s, f, lanes_of(f), &env);
    st = finish(c, &env);
    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = r;
    }
    return st;
}

/* CVT(T)Px2PI. */
static enum x86_status packed_to_mmx(struct x86_cpu *c, const struct x86_insn *in,
                                     const struct fp_format *f, bool truncate)
{
    struct fp_env env = env_of(c);
    union simd s, r;
    enum x86_status st = f == &fp_b32 ? simd_load_part(c, in, &s, 8) : simd_load(c, in, &s);

    if (st != X86_OK) {
        return st;
    }
    mmx_enter(c); /* even if an exception follows */
    env.rounding = truncate ? FP_ROUND_ZERO : env.rounding;
    r = to_int32(&s, f, 2, &env);
    st = finish(c, &env);
    if (st == X86_OK) {
        mmx_set(c, in->reg, r.u64[0]);
    }
    return st;
}

static enum x86_status scalar_to_int(struct x86_cpu *c, const struct x86_insn *in,
                                     const struct fp_format *f, bool truncate)
{
    struct fp_env env = env_of(c);
    union simd s;
    enum x86_status st = load(c, in, f, 1, &s);
    int64_t v;

    if (st != X86_OK) {
        return st;
    }
    env.rounding = truncate ? FP_ROUND_ZERO : env.rounding;
    v = fp_to_int(f, lane(&s, f, 0), in->osize * 8u, &env);
    st = finish(c, &env);
    if (st == X86_OK) {
        c->gpr[in->reg] = in->osize == 8 ? (uint64_t)v : (uint32_t)v;
    }
    return st;
}

static enum x86_status scalar_from_int(struct x86_cpu *c, const struct x86_insn *in,
                                       const struct fp_format *f)
{
    struct fp_env env = env_of(c);
    uint64_t v = c->gpr[in->rm], bits;
    enum x86_status st =
        in->flags & INSN_MEM ? x86_read(c, in->seg, x86_ea(c, in), in->osize, &v) : X86_OK;

    if (st != X86_OK) {
        return st;
    }
    bits = fp_from_int(f, in->osize == 8 ? (int64_t)v : (int32_t)v, &env);
    st = finish(c, &env);
    if (st == X86_OK) {
        set_lane(simd_xmm(c, in->reg), f, 0, bits);
    }
    return st;
}

/* CVTDQ2PS, CVTDQ2PD. */
static enum x86_status packed_from_int(struct x86_cpu *c, const struct x86_insn *in,
                                       const struct fp_format *f)
{
    struct fp_env env = env_of(c);
    union simd s, r;
    enum x86_status st = f == &fp_b32 ? simd_load(c, in, &s) : simd_load_part(c, in, &s, 8);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < lanes_of(f); i++) {
        set_lane(&r, f, i, fp_from_int(f, s.i32[i], &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = r;
    }
    return st;
}

/* CVTPI2PS and CVTPI2PD; they leave the x87 alone when their source is memory. */
static enum x86_status packed_from_mmx(struct x86_cpu *c, const struct x86_insn *in,
                                       const struct fp_format *f)
{
    struct fp_env env = env_of(c);
    union simd s, r = *simd_xmm(c, in->reg);
    enum x86_status st = mmx_load(c, in, &s);

    if (st != X86_OK) {
        return st;
    }
    if (!(in->flags & INSN_MEM)) {
        mmx_enter(c);
    }
    for (unsigned i = 0; i < 2; i++) {
        set_lane(&r, f, i, fp_from_int(f, s.i32[i], &env));
    }
    st = finish(c, &env);
    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = r;
    }
    return st;
}

/* clang-format off */
HANDLER(cvtps2pd) { return convert(c, in, &fp_b64, &fp_b32, 2); }
HANDLER(cvtpd2ps) { return convert(c, in, &fp_b32, &fp_b64, 2); }
HANDLER(cvtss2sd) { return convert(c, in, &fp_b64, &fp_b32, 1); }
HANDLER(cvtsd2ss) { return convert(c, in, &fp_b32, &fp_b64, 1); }
HANDLER(cvtdq2ps) { return packed_from_int(c, in, &fp_b32); }
HANDLER(cvtdq2pd) { return packed_from_int(c, in, &fp_b64); }
HANDLER(cvtps2dq) { return packed_to_int(c, in, &fp_b32, false); }
HANDLER(cvttps2dq) { return packed_to_int(c, in, &fp_b32, true); }
HANDLER(cvtpd2dq) { return packed_to_int(c, in, &fp_b64, false); }
HANDLER(cvttpd2dq) { return packed_to_int(c, in, &fp_b64, true); }
HANDLER(cvtpi2ps) { return packed_from_mmx(c, in, &fp_b32); }
HANDLER(cvtpi2pd) { return packed_from_mmx(c, in, &fp_b64); }
HANDLER(cvtps2pi) { return packed_to_mmx(c, in, &fp_b32, false); }
HANDLER(cvttps2pi) { return packed_to_mmx(c, in, &fp_b32, true); }
HANDLER(cvtpd2pi) { return packed_to_mmx(c, in, &fp_b64, false); }
HANDLER(cvttpd2pi) { return packed_to_mmx(c, in, &fp_b64, true); }
HANDLER(cvtsi2ss) { return scalar_from_int(c, in, &fp_b32); }
HANDLER(cvtsi2sd) { return scalar_from_int(c, in, &fp_b64); }
HANDLER(cvtss2si) { return scalar_to_int(c, in, &fp_b32, false); }
HANDLER(cvttss2si) { return scalar_to_int(c, in, &fp_b32, true); }
HANDLER(cvtsd2si) { return scalar_to_int(c, in, &fp_b64, false); }
HANDLER(cvttsd2si) { return scalar_to_int(c, in, &fp_b64, true); }
/* clang-format on */

HANDLER(ldmxcsr)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), 4, &v);

    if (st != X86_OK) {
        return st;
    }
    if (v & ~(uint64_t)MXCSR_VALID) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    c->mxcsr = (uint32_t)v;
    return X86_OK;
}

HANDLER(stmxcsr)
{
    return x86_write(c, in->seg, x86_ea(c, in), 4, c->mxcsr);
}

/* clang-format off */
#define ROW(text, op, pfx, feat, handler, ...) \
    SIMD_ROW(text, MAP_0F, op, PFX_##pfx, X86_FEAT_##feat, ROW_SSE, handler, __VA_ARGS__)
#define ROW_3A(text, op, handler, w) \
    SIMD_ROW(text, MAP_0F3A, op, PFX_66, X86_FEAT_SSE41, ROW_SSE, handler, OPD_Vx, w, OPD_Ib)
#define ROW_4(text, op) \
    ROW(#text "ps", op, NONE, SSE, text##ps, OPD_Vx, OPD_Wx), \
    ROW(#text "pd", op, 66, SSE2, text##pd, OPD_Vx, OPD_Wx), \
    ROW(#text "ss", op, F3, SSE, text##ss, OPD_Vx, OPD_Wd), \
    ROW(#text "sd", op, F2, SSE2, text##sd, OPD_Vx, OPD_Wq)
#define ROW_PI(text, pfx, feat, more, handler, from) \
    SIMD_ROW(text, MAP_0F, 0x2a, PFX_##pfx, X86_FEAT_##feat, ROW_SSE | (more), handler, OPD_Vx, \
             from)
#define ROW_CSR(text, digit, handler) \
    {.name = text, .map = MAP_0F, .opcode = 0xae, .ext = digit, .rm = X86_ANY_EXT, \
     .prefix = PFX_NONE, .operand = {OPD_Md}, .flags = ROW_SSE | ROW_MEM, \
     .feature = X86_FEAT_SSE, .fn = SIMD_ALL(handler)}

static const struct x86_row rows[] = {
    ROW_4(sqrt, 0x51), ROW_4(add, 0x58), ROW_4(mul, 0x59), ROW_4(sub, 0x5c), ROW_4(min, 0x5d),
    ROW_4(div, 0x5e), ROW_4(max, 0x5f),
    ROW("cmpps", 0xc2, NONE, SSE, cmpps, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("cmppd", 0xc2, 66, SSE2, cmppd, OPD_Vx, OPD_Wx, OPD_Ib),
    ROW("cmpss", 0xc2, F3, SSE, cmpss, OPD_Vx, OPD_Wd, OPD_Ib),
    ROW("cmpsd", 0xc2, F2, SSE2, cmpsd, OPD_Vx, OPD_Wq, OPD_Ib),
    ROW("ucomiss", 0x2e, NONE, SSE, ucomiss, OPD_Vx, OPD_Wd),
    ROW("ucomisd", 0x2e, 66, SSE2, ucomisd, OPD_Vx, OPD_Wq),
    ROW("comiss", 0x2f, NONE, SSE, comiss, OPD_Vx, OPD_Wd),
    ROW("comisd", 0x2f, 66, SSE2, comisd, OPD_Vx, OPD_Wq),
    ROW("rsqrtps", 0x52, NONE, SSE, rsqrtps, OPD_Vx, OPD_Wx),
    ROW("rsqrtss", 0x52, F3, SSE, rsqrtss, OPD_Vx, OPD_Wd),
    ROW("rcpps", 0x53, NONE, SSE, rcpps, OPD_Vx, OPD_Wx),
    ROW("rcpss", 0x53, F3, SSE, rcpss, OPD_Vx, OPD_Wd),
    ROW("haddpd", 0x7c, 66, SSE3, haddpd, OPD_Vx, OPD_Wx),
    ROW("haddps", 0x7c, F2, SSE3, haddps, OPD_Vx, OPD_Wx),
    ROW("hsubpd", 0x7d, 66, SSE3, hsubpd, OPD_Vx, OPD_Wx),
    ROW("hsubps", 0x7d, F2, SSE3, hsubps, OPD_Vx, OPD_Wx),
    ROW("addsubpd", 0xd0, 66, SSE3, addsubpd, OPD_Vx, OPD_Wx),
    ROW("addsubps", 0xd0, F2, SSE3, addsubps, OPD_Vx, OPD_Wx),

    /* From memory they are no MMX instructions. */
    ROW_PI("cvtpi2ps", NONE, SSE, ROW_MMX | ROW_REG, cvtpi2ps, OPD_Nq),
    ROW_PI("cvtpi2ps", NONE, SSE, ROW_MEM, cvtpi2ps, OPD_Mq),
    ROW_PI("cvtpi2pd", 66, SSE2, ROW_MMX | ROW_REG, cvtpi2pd, OPD_Nq),
    ROW_PI("cvtpi2pd", 66, SSE2, ROW_MEM, cvtpi2pd, OPD_Mq),
    ROW("cvtsi2ss", 0x2a, F3, SSE, cvtsi2ss, OPD_Vx, OPD_Ey),
    ROW("cvtsi2sd", 0x2a, F2, SSE2, cvtsi2sd, OPD_Vx, OPD_Ey),
    SIMD_ROW("cvttps2pi", MAP_0F, 0x2c, PFX_NONE, X86_FEAT_SSE, ROW_SSE | ROW_MMX, cvttps2pi,
             OPD_Pq, OPD_Wq),
    SIMD_ROW("cvttpd2pi", MAP_0F, 0x2c, PFX_66, X86_FEAT_SSE2, ROW_SSE | ROW_MMX, cvttpd2pi,
             OPD_Pq, OPD_Wx),
    ROW("cvttss2si", 0x2c, F3, SSE, cvttss2si, OPD_Gy, OPD_Wd),
    ROW("cvttsd2si", 0x2c, F2, SSE2, cvttsd2si, OPD_Gy, OPD_Wq),
    SIMD_ROW("cvtps2pi", MAP_0F, 0x2d, PFX_NONE, X86_FEAT_SSE, ROW_SSE | ROW_MMX, cvtps2pi, OPD_Pq,
             OPD_Wq),
    SIMD_ROW("cvtpd2pi", MAP_0F, 0x2d, PFX_66, X86_FEAT_SSE2, ROW_SSE | ROW_MMX, cvtpd2pi, OPD_Pq,
             OPD_Wx),
    ROW("cvtss2si", 0x2d, F3, SSE, cvtss2si, OPD_Gy, OPD_Wd),
    ROW("cvtsd2si", 0x2d, F2, SSE2, cvtsd2si, OPD_Gy, OPD_Wq),
    ROW("cvtps2pd", 0x5a, NONE, SSE2, cvtps2pd, OPD_Vx, OPD_Wq),
    ROW("cvtpd2ps", 0x5a, 66, SSE2, cvtpd2ps, OPD_Vx, OPD_Wx),
    ROW("cvtss2sd", 0x5a, F3, SSE2, cvtss2sd, OPD_Vx, OPD_Wd),
    ROW("cvtsd2ss", 0x5a, F2, SSE2, cvtsd2ss, OPD_Vx, OPD_Wq),
    ROW("cvtdq2ps", 0x5b, NONE, SSE2, cvtdq2ps, OPD_Vx, OPD_Wx),
    ROW("cvtps2dq", 0x5b, 66, SSE2, cvtps2dq, OPD_Vx, OPD_Wx),
    ROW("cvttps2dq", 0x5b, F3, SSE2, cvttps2dq, OPD_Vx, OPD_Wx),
    ROW("cvttpd2dq", 0xe6, 66, SSE2, cvttpd2dq, OPD_Vx, OPD_Wx),
    ROW("cvtdq2pd", 0xe6, F3, SSE2, cvtdq2pd, OPD_Vx, OPD_Wq),
    ROW("cvtpd2dq", 0xe6, F2, SSE2, cvtpd2dq, OPD_Vx, OPD_Wx),

    ROW_3A("roundps", 0x08, roundps, OPD_Wx), ROW_3A("roundpd", 0x09, roundpd, OPD_Wx),
    ROW_3A("roundss", 0x0a, roundss, OPD_Wd), ROW_3A("roundsd", 0x0b, roundsd, OPD_Wq),
    ROW_3A("dpps", 0x40, dpps, OPD_Wx), ROW_3A("dppd", 0x41, dppd, OPD_Wx),
    ROW_CSR("ldmxcsr", 2, ldmxcsr), ROW_CSR("stmxcsr", 3, stmxcsr),
};
/* clang-format on */

const struct x86_row_table x86_rows_sse = {rows, G_N_ELEMENTS(rows)};
