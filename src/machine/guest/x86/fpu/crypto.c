/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AES, carry-less multiplication and SHA instructions. FIPS 197, FIPS 180-4; Intel SDM volume 2.
 * An AES state's byte i is row i % 4 of column i / 4.
 */
#include "machine/guest/x86/fpu/simd.h"

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

/* FIPS 197, figures 7 and 14; computed from the definition: inverse in GF(2^8), then affine. */
/* clang-format off */
static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
    0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
    0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
    0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
    0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
    0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
    0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
    0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
    0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
    0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
    0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
    0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
    0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
    0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};

/* clang-format on */

/* Row r is rotated by r columns: left to encrypt, right to decrypt. */
static union simd shift_and_substitute(const union simd *s, const uint8_t *box, unsigned direction)
{
    union simd r;

    for (unsigned i = 0; i < 16; i++) {
        unsigned row = i % 4, column = (i / 4 + direction * row) % 4;

        r.u8[i] = box[s->u8[column * 4 + row]];
    }
    return r;
}

#define LEFT  1
#define RIGHT 3

static uint8_t times(uint8_t a, unsigned n)
{
    unsigned r = 0, v = a;

    for (; n; n >>= 1) {
        r ^= n & 1 ? v : 0;
        v = v << 1 ^ (v & 0x80 ? 0x11b : 0);
    }
    return (uint8_t)r;
}

/* Multiplies each column by the circulant matrix whose first row is m. */
static union simd mix_columns(const union simd *s, const uint8_t m[4])
{
    union simd r;

    for (unsigned i = 0; i < 16; i++) {
        const uint8_t *column = s->u8 + (i & ~3u);

        r.u8[i] = 0;
        for (unsigned k = 0; k < 4; k++) {
            r.u8[i] ^= times(column[(i + k) & 3], m[k]);
        }
    }
    return r;
}

static const uint8_t mix[4] = {2, 3, 1, 1};
static const uint8_t inverse_mix[4] = {14, 11, 13, 9};

static enum x86_status aes_round(struct x86_cpu *c, const struct x86_insn *in, bool decrypt,
                                 bool last)
{
    union simd *d = simd_xmm(c, in->reg), key, r;
    enum x86_status st = simd_load(c, in, &key);

    if (st != X86_OK) {
        return st;
    }
    r = shift_and_substitute(d, decrypt ? inverse_sbox : sbox, decrypt ? RIGHT : LEFT);
    if (!last) {
        r = mix_columns(&r, decrypt ? inverse_mix : mix);
    }
    d->u64[0] = r.u64[0] ^ key.u64[0];
    d->u64[1] = r.u64[1] ^ key.u64[1];
    return X86_OK;
}

HANDLER(aesenc)
{
    return aes_round(c, in, false, false);
}

HANDLER(aesenclast)
{
    return aes_round(c, in, false, true);
}

HANDLER(aesdec)
{
    return aes_round(c, in, true, false);
}

HANDLER(aesdeclast)
{
    return aes_round(c, in, true, true);
}

HANDLER(aesimc)
{
    union simd s;
    enum x86_status st = simd_load(c, in, &s);

    if (st == X86_OK) {
        *simd_xmm(c, in->reg) = mix_columns(&s, inverse_mix);
    }
    return st;
}

static uint32_t rotate_left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static uint32_t rotate_right(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static uint32_t substitute_word(uint32_t w)
{
    return (uint32_t)sbox[w & 255] | (uint32_t)sbox[w >> 8 & 255] << 8 |
           (uint32_t)sbox[w >> 16 & 255] << 16 | (uint32_t)sbox[w >> 24] << 24;
}

HANDLER(aeskeygenassist)
{
    union simd s;
    enum x86_status st = simd_load(c, in, &s);

    if (st == X86_OK) {
        uint32_t a = substitute_word(s.u32[1]), b = substitute_word(s.u32[3]);
        uint32_t round = (uint8_t)in->imm;

        *simd_xmm(c, in->reg) =
            (union simd){.u32 = {a, rotate_right(a, 8) ^ round, b, rotate_right(b, 8) ^ round}};
    }
    return st;
}

HANDLER(pclmulqdq)
{
    union simd *d = simd_xmm(c, in->reg), s;
    enum x86_status st = simd_load(c, in, &s);

    if (st == X86_OK) {
        uint64_t a = d->u64[in->imm & 1], b = s.u64[in->imm >> 4 & 1];
        unsigned __int128 r = 0;

        for (unsigned i = 0; i < 64; i++) {
            r ^= b >> i & 1 ? (unsigned __int128)a << i : 0;
        }
        *d = (union simd){.u64 = {(uint64_t)r, (uint64_t)(r >> 64)}};
    }
    return st;
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (~x & z);
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

HANDLER(sha1rnds4)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    static uint32_t (*const f[4])(uint32_t, uint32_t, uint32_t) = {choose, parity, majority,
                                                                   parity};
    union simd *d = simd_xmm(c, in->reg), s;
    enum x86_status st = simd_load(c, in, &s);
    unsigned n = in->imm & 3;

    if (st != X86_OK) {
        return st;
    }
    /* A, B, C, D are lanes 3..0; E is already in the first word. */
    uint32_t v[5] = {d->u32[3], d->u32[2], d->u32[1], d->u32[0], 0};

    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = f[n](v[1], v[2], v[3]) + rotate_left(v[0], 5) + s.u32[3 - i] + v[4] + k[n];

        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate_left(v[1], 30);
        v[1] = v[0];
        v[0] = t;
    }
    *d = (union simd){.u32 = {v[3], v[2], v[1], v[0]}};
    return X86_OK;
}

/* SHA instructions on a copy `s` of the source. */
#define SHA(name, body)                            \
    HANDLER(name)                                  \
    {                                              \
        union simd *d = simd_xmm(c, in->reg), s;   \
        enum x86_status st = simd_load(c, in, &s); \
                                                   \
        if (st == X86_OK) {                        \
            body;                                  \
        }                                          \
        return st;                                 \
    }

static union simd sha1_next_e(const union simd *d, union simd s)
{
    s.u32[3] += rotate_left(d->u32[3], 30);
    return s;
}

static union simd sha1_message_1(const union simd *d, const union simd *s)
{
    return (union simd){.u32 = {s->u32[2] ^ d->u32[0], s->u32[3] ^ d->u32[1], d->u32[0] ^ d->u32[2],
                                d->u32[1] ^ d->u32[3]}};
}

static union simd sha1_message_2(const union simd *d, const union simd *s)
{
    union simd r;

    r.u32[3] = rotate_left(d->u32[3] ^ s->u32[2], 1);
    r.u32[2] = rotate_left(d->u32[2] ^ s->u32[1], 1);
    r.u32[1] = rotate_left(d->u32[1] ^ s->u32[0], 1);
    r.u32[0] = rotate_left(d->u32[0] ^ r.u32[3], 1);
    return r;
}

static uint32_t big_sigma(uint32_t x, unsigned a, unsigned b, unsigned e)
{
    return rotate_right(x, a) ^ rotate_right(x, b) ^ rotate_right(x, e);
}

static uint32_t small_sigma(uint32_t x, unsigned a, unsigned b, unsigned shift)
{
    return rotate_right(x, a) ^ rotate_right(x, b) ^ x >> shift;
}

/* Two rounds: A, B, E, F are in s, C, D, G, H in d; words plus constants in XMM0. */
static union simd sha256_rounds(const union simd *d, const union simd *s, const union simd *wk)
{
    uint32_t v[8] = {s->u32[3], s->u32[2], d->u32[3], d->u32[2],
                     s->u32[1], s->u32[0], d->u32[1], d->u32[0]};

    for (unsigned i = 0; i < 2; i++) {
        uint32_t t = choose(v[4], v[5], v[6]) + big_sigma(v[4], 6, 11, 25) + wk->u32[i] + v[7];
        uint32_t u = majority(v[0], v[1], v[2]) + big_sigma(v[0], 2, 13, 22);

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t;
        v[0] = t + u;
    }
    return (union simd){.u32 = {v[5], v[4], v[1], v[0]}};
}

static union simd sha256_message_1(const union simd *d, const union simd *s)
{
    union simd r;

    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = d->u32[i] + small_sigma(i < 3 ? d->u32[i + 1] : s->u32[0], 7, 18, 3);
    }
    return r;
}

static union simd sha256_message_2(const union simd *d, const union simd *s)
{
    union simd r;

    for (unsigned i = 0; i < 4; i++) {
        r.u32[i] = d->u32[i] + small_sigma(i < 2 ? s->u32[i + 2] : r.u32[i - 2], 17, 19, 10);
    }
    return r;
}

SHA(sha1nexte, *d = sha1_next_e(d, s))
SHA(sha1msg1, *d = sha1_message_1(d, &s))
SHA(sha1msg2, *d = sha1_message_2(d, &s))
SHA(sha256rnds2, *d = sha256_rounds(d, &s, simd_xmm(c, 0)))
SHA(sha256msg1, *d = sha256_message_1(d, &s))
SHA(sha256msg2, *d = sha256_message_2(d, &s))

/* clang-format off */
#define ROW_AES(op, what) \
    SIMD_ROW(#what, MAP_0F38, op, PFX_66, X86_FEAT_AES, ROW_SSE, what, OPD_Vx, OPD_Wx)
#define ROW_SHA(op, what) \
    SIMD_ROW(#what, MAP_0F38, op, PFX_NONE, X86_FEAT_SHA, ROW_SSE, what, OPD_Vx, OPD_Wx)

static const struct x86_row rows[] = {
    ROW_AES(0xdb, aesimc), ROW_AES(0xdc, aesenc), ROW_AES(0xdd, aesenclast),
    ROW_AES(0xde, aesdec), ROW_AES(0xdf, aesdeclast),
    SIMD_ROW("aeskeygenassist", MAP_0F3A, 0xdf, PFX_66, X86_FEAT_AES, ROW_SSE, aeskeygenassist,
             OPD_Vx, OPD_Wx, OPD_Ib),
    SIMD_ROW("pclmulqdq", MAP_0F3A, 0x44, PFX_66, X86_FEAT_PCLMULQDQ, ROW_SSE, pclmulqdq, OPD_Vx,
             OPD_Wx, OPD_Ib),
    ROW_SHA(0xc8, sha1nexte), ROW_SHA(0xc9, sha1msg1), ROW_SHA(0xca, sha1msg2),
    SIMD_ROW("sha256rnds2", MAP_0F38, 0xcb, PFX_NONE, X86_FEAT_SHA, ROW_SSE, sha256rnds2, OPD_Vx,
             OPD_Wx, OPD_XMM0),
    ROW_SHA(0xcc, sha256msg1), ROW_SHA(0xcd, sha256msg2),
    SIMD_ROW("sha1rnds4", MAP_0F3A, 0xcc, PFX_NONE, X86_FEAT_SHA, ROW_SSE, sha1rnds4, OPD_Vx,
             OPD_Wx, OPD_Ib),
};
/* clang-format on */

const struct x86_row_table x86_rows_crypto = {rows, G_N_ELEMENTS(rows)};
