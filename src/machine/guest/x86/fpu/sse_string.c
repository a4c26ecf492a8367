/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCMPxSTRx. Intel SDM volume 2, 4.1 (imm8 control byte). */
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/simd.h"

enum aggregation { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

/* One operand: its elements, extended by the format's signedness, and how many are valid. */
struct text {
    int32_t element[16];
    unsigned len;
};

/* imm[0]: words; imm[1]: signed. */
static int32_t element(const union simd *v, unsigned i, unsigned imm)
{
    switch (imm & 3) {
    case 0: return v->u8[i];
    case 1: return v->u16[i];
    case 2: return v->i8[i];
    default: return v->i16[i];
    }
}

static unsigned count_of(unsigned imm)
{
    return imm & 1 ? 8 : 16;
}

/* Implicit length: up to the first zero. */
static struct text text_of(const union simd *v, unsigned imm)
{
    struct text t = {.len = count_of(imm)};

    for (unsigned i = 0; i < count_of(imm); i++) {
        t.element[i] = element(v, i, imm);
        if (t.element[i] == 0 && t.len > i) {
            t.len = i;
        }
    }
    return t;
}

/* Explicit length: the magnitude of a general register, at most all elements. */
static unsigned explicit_length(uint64_t reg, bool wide, unsigned n)
{
    int64_t v = wide ? (int64_t)reg : (int32_t)reg;
    uint64_t magnitude = v < 0 ? -(uint64_t)v : (uint64_t)v;

    return magnitude < n ? (unsigned)magnitude : n;
}

static bool match_ordered(const struct text *a, const struct text *b, unsigned at, unsigned n)
{
    for (unsigned i = 0; i < a->len && at + i < n; i++) {
        if (at + i >= b->len || a->element[i] != b->element[at + i]) {
            return false;
        }
    }
    return true;
}

static bool match_each(const struct text *a, const struct text *b, unsigned i)
{
    if (i >= a->len || i >= b->len) {
        return i >= a->len && i >= b->len;
    }
    return a->element[i] == b->element[i];
}

static bool match_any(const struct text *a, int32_t v)
{
    for (unsigned i = 0; i < a->len; i++) {
        if (a->element[i] == v) {
            return true;
        }
    }
    return false;
}

static bool match_ranges(const struct text *a, int32_t v)
{
    for (unsigned i = 0; i + 1 < a->len; i += 2) {
        if (a->element[i] <= v && v <= a->element[i + 1]) {
            return true;
        }
    }
    return false;
}

/* The manual's IntRes2: one bit an element of b. */
static uint32_t compare(const struct text *a, const struct text *b, unsigned imm)
{
    unsigned n = count_of(imm);
    uint32_t r = 0;

    for (unsigned j = 0; j < n; j++) {
        bool match = false;

        switch (imm >> 2 & 3) {
        case EQUAL_ANY: match = j < b->len && match_any(a, b->element[j]); break;
        case RANGES: match = j < b->len && match_ranges(a, b->element[j]); break;
        case EQUAL_EACH: match = match_each(a, b, j); break;
        case EQUAL_ORDERED: match = match_ordered(a, b, j, n); break;
        }
        /* Negated, everywhere or for b's valid elements only. */
        if ((imm & 0x10) && (!(imm & 0x20) || j < b->len)) {
            match = !match;
        }
        r |= (uint32_t)match << j;
    }
    return r;
}

static uint64_t index_of(uint32_t bits, unsigned imm)
{
    if (!bits) {
        return count_of(imm);
    }
    return imm & 0x40 ? 31u - (unsigned)__builtin_clz(bits) : (unsigned)__builtin_ctz(bits);
}

static union simd mask_of(uint32_t bits, unsigned imm)
{
    union simd r = {.u64 = {bits, 0}};

    if (!(imm & 0x40)) {
        return r;
    }
    for (unsigned i = 0; i < count_of(imm); i++) {
        if (imm & 1) {
            r.u16[i] = bits >> i & 1 ? 0xffff : 0;
        } else {
            r.u8[i] = bits >> i & 1 ? 0xff : 0;
        }
    }
    return r;
}

static enum x86_status run(struct x86_cpu *c, const struct x86_insn *in, bool has_lengths,
                           bool gives_index)
{
    unsigned imm = (uint8_t)in->imm, n = count_of(imm);
    union simd s;
    enum x86_status st = simd_load_part(c, in, &s, 16);
    struct text a, b;
    uint32_t bits;

    if (st != X86_OK) {
        return st;
    }
    a = text_of(simd_xmm(c, in->reg), imm);
    b = text_of(&s, imm);
    if (has_lengths) {
        a.len = explicit_length(c->gpr[RAX], in->osize == 8, n);
        b.len = explicit_length(c->gpr[RDX], in->osize == 8, n);
    }
    bits = compare(&a, &b, imm);
    if (gives_index) {
        c->gpr[RCX] = index_of(bits, imm);
    } else {
        *simd_xmm(c, 0) = mask_of(bits, imm);
    }
    x86_flags_set(c, (bits ? FLAG_CF : 0) | (b.len < n ? FLAG_ZF : 0) | (a.len < n ? FLAG_SF : 0) |
                         (bits & 1 ? FLAG_OF : 0));
    return X86_OK;
}

#define HANDLER(name, has_lengths, gives_index)                               \
    static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                         \
        return run(c, in, has_lengths, gives_index);                          \
    }

HANDLER(pcmpestrm, true, false)
HANDLER(pcmpestri, true, true)
HANDLER(pcmpistrm, false, false)
HANDLER(pcmpistri, false, true)

/* clang-format off */
#define ROW(op, what) \
    SIMD_ROW(#what, MAP_0F3A, op, PFX_66, X86_FEAT_SSE42, ROW_SSE, what, OPD_Vx, OPD_Wx, OPD_Ib)

static const struct x86_row rows[] = {
    ROW(0x60, pcmpestrm), ROW(0x61, pcmpestri), ROW(0x62, pcmpistrm), ROW(0x63, pcmpistri),
};
/* clang-format on */

const struct x86_row_table x86_rows_sse_string = {rows, G_N_ELEMENTS(rows)};
