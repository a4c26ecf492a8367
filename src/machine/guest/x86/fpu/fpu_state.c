/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control and state of x87, MMX and SSE: control words, FNSTENV, FNSAVE, FXSAVE, XSAVE.
 * Intel SDM volume 1, 8.1.10, 10.5 and chapter 13; volume 2.
 */
#include <string.h>

#include "base/endian.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/system/cpuid.h"

#define HANDLER(name) static enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

#define ENV_32      28
#define ENV_16      14
#define FXSAVE_SIZE 512
#define HEADER_SIZE 64 /* after the legacy area: XSTATE_BV, XCOMP_BV, reserved */
#define MXCSR_INIT  0x1f80u
#define MXCSR_VALID 0xffffu
#define COMPACTED   (UINT64_C(1) << 63)

enum { XSTATE_X87 = 1, XSTATE_SSE = 2 };

/* Two bits a physical register: the environment's form. */
static uint16_t full_tags(const struct x86_cpu *c)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        const struct x86_f80 *r = &c->fpu.st[i];
        struct f80 v = {.sig = r->mantissa, .se = r->sign_exponent};
        enum f80_tag tag = c->fpu.tag >> i & 1 ? f80_tag(v) : F80_EMPTY;

        tags |= (uint16_t)(tag << 2 * i);
    }
    return tags;
}

static uint8_t abridged_tags(uint16_t tags)
{
    uint8_t r = 0;

    for (unsigned i = 0; i < 8; i++) {
        r |= (uint8_t)(((tags >> 2 * i & 3) != F80_EMPTY) << i);
    }
    return r;
}

static void set_control(struct x86_cpu *c, uint16_t v)
{
    c->fpu.control = (v & X87_CW_VALID) | X87_CW_FIXED;
    x87_update_summary(c);
}

/*
 * The environment's fields in memory order. In real and virtual-8086 mode the pointers are linear
 * addresses, cut in two, and the opcode shares a word with the upper part.
 */
static unsigned env_store(const struct x86_cpu *c, bool wide, uint8_t *to)
{
    bool real = !(c->mode & MODE_PROT);
    uint32_t ip = (uint32_t)c->fpu.ip, dp = (uint32_t)c->fpu.dp, f[7];
    uint32_t high = wide ? 0xffff0000 : 0;

    f[0] = c->fpu.control | high;
    f[1] = c->fpu.status | high;
    f[2] = full_tags(c) | high;
    if (real) {
        f[3] = (ip & 0xffff) | high;
        f[4] = (ip >> 16 << 12) | (c->fpu.opcode & 0x7ff);
        f[5] = (dp & 0xffff) | high;
        f[6] = dp >> 16 << 12;
    } else {
        f[3] = ip;
        f[4] = c->fpu.cs | (wide ? (uint32_t)(c->fpu.opcode & 0x7ff) << 16 : 0);
        f[5] = dp;
        f[6] = c->fpu.ds | high;
    }
    for (unsigned i = 0; i < 7; i++) {
        if (wide) {
            st_le32(to + 4 * i, f[i]);
        } else {
            st_le16(to + 2 * i, (uint16_t)f[i]);
        }
    }
    return wide ? ENV_32 : ENV_16;
}

static unsigned env_load(struct x86_cpu *c, bool wide, const uint8_t *from)
{
    bool real = !(c->mode & MODE_PROT);
    uint32_t f[7];

    for (unsigned i = 0; i < 7; i++) {
        f[i] = wide ? ld_le32(from + 4 * i) : ld_le16(from + 2 * i);
    }
    c->fpu.status = (uint16_t)f[1];
    c->fpu.tag = abridged_tags((uint16_t)f[2]);
    if (real) {
        c->fpu.ip = (f[3] & 0xffff) | (f[4] >> 12 & (wide ? 0xffff : 0xf)) << 16;
        c->fpu.dp = (f[5] & 0xffff) | (f[6] >> 12 & (wide ? 0xffff : 0xf)) << 16;
        c->fpu.opcode = f[4] & 0x7ff;
        c->fpu.cs = c->fpu.ds = 0;
    } else {
        c->fpu.ip = f[3];
        c->fpu.dp = f[5];
        c->fpu.cs = (uint16_t)f[4];
        c->fpu.ds = (uint16_t)f[6];
        c->fpu.opcode = wide ? f[4] >> 16 & 0x7ff : 0;
    }
    set_control(c, (uint16_t)f[0]);
    return wide ? ENV_32 : ENV_16;
}

HANDLER(fnstenv)
{
    uint8_t bytes[ENV_32];
    unsigned size = env_store(c, in->osize != 2, bytes);
    enum x86_status st = x86_write_bytes(c, in->seg, x86_ea(c, in), bytes, size);

    if (st == X86_OK) {
        set_control(c, c->fpu.control | FP_FLAGS);
    }
    return st;
}

HANDLER(fldenv)
{
    uint8_t bytes[ENV_32];
    bool wide = in->osize != 2;
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, wide ? ENV_32 : ENV_16);

    if (st == X86_OK) {
        (void)env_load(c, wide, bytes);
    }
    return st;
}

HANDLER(fnsave)
{
    uint8_t bytes[ENV_32 + 80];
    unsigned size = env_store(c, in->osize != 2, bytes);
    enum x86_status st;

    for (unsigned i = 0; i < 8; i++) {
        struct f80 v = x87_get(c, i);

        st_le64(bytes + size, v.sig);
        st_le16(bytes + size + 8, v.se);
        size += 10;
    }
    st = x86_write_bytes(c, in->seg, x86_ea(c, in), bytes, size);
    if (st == X86_OK) {
        x87_reset(c);
    }
    return st;
}

HANDLER(frstor)
{
    uint8_t bytes[ENV_32 + 80];
    bool wide = in->osize != 2;
    unsigned at = wide ? ENV_32 : ENV_16;
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, at + 80);

    if (st != X86_OK) {
        return st;
    }
    (void)env_load(c, wide, bytes);
    for (unsigned i = 0; i < 8; i++, at += 10) {
        c->fpu.st[x87_physical(c, i)] = (struct x86_f80){.mantissa = ld_le64(bytes + at),
                                                         .sign_exponent = ld_le16(bytes + at + 8)};
    }
    return X86_OK;
}

HANDLER(fldcw)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, x86_ea(c, in), 2, &v);

    if (st == X86_OK) {
        set_control(c, (uint16_t)v);
    }
    return st;
}

HANDLER(fnstcw)
{
    return x86_write(c, in->seg, x86_ea(c, in), 2, c->fpu.control);
}

HANDLER(fnstsw)
{
    return x86_write(c, in->seg, x86_ea(c, in), 2, c->fpu.status);
}

HANDLER(fnstsw_ax)
{
    c->gpr[RAX] = (c->gpr[RAX] & ~UINT64_C(0xffff)) | c->fpu.status;
    return X86_OK;
}

HANDLER(fnclex)
{
    c->fpu.status &= (uint16_t) ~(FP_FLAGS | X87_SW_SF | X87_SW_ES | X87_SW_B);
    x87_update_summary(c);
    return X86_OK;
}

HANDLER(fninit)
{
    x87_reset(c);
    return X86_OK;
}

/* FWAIT itself does nothing; x87_wait has run before. FNENI, FNDISI and FNSETPM are of old. */
HANDLER(nothing)
{
    return X86_OK;
}

/* FWAIT's own rule: #NM only with CR0.MP and CR0.TS; then what is pending. */
HANDLER(fwait)
{
    if ((c->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
        return x86_raise(c, VEC_NM);
    }
    return x87_wait(c);
}

static unsigned xmm_count(const struct x86_cpu *c)
{
    return c->mode & MODE_CODE64 ? 16 : 8;
}

/* The legacy area's x87 part: bytes 0..23 and 32..159. */
static void store_x87(const struct x86_cpu *c, uint8_t *to, bool wide)
{
    st_le16(to, c->fpu.control);
    st_le16(to + 2, c->fpu.status);
    to[4] = c->fpu.tag;
    to[5] = 0;
    st_le16(to + 6, c->fpu.opcode & 0x7ff);
    if (wide) {
        st_le64(to + 8, c->fpu.ip);
        st_le64(to + 16, c->fpu.dp);
    } else {
        st_le64(to + 8, (uint32_t)c->fpu.ip | (uint64_t)c->fpu.cs << 32);
        st_le64(to + 16, (uint32_t)c->fpu.dp | (uint64_t)c->fpu.ds << 32);
    }
    for (unsigned i = 0; i < 8; i++) {
        struct f80 v = x87_get(c, i);

        st_le64(to + 32 + 16 * i, v.sig);
        st_le64(to + 40 + 16 * i, v.se);
    }
}

static void load_x87(struct x86_cpu *c, const uint8_t *from, bool wide)
{
    c->fpu.status = ld_le16(from + 2);
    c->fpu.tag = from[4];
    c->fpu.opcode = ld_le16(from + 6) & 0x7ff;
    c->fpu.ip = wide ? ld_le64(from + 8) : ld_le32(from + 8);
    c->fpu.dp = wide ? ld_le64(from + 16) : ld_le32(from + 16);
    c->fpu.cs = wide ? 0 : ld_le16(from + 12);
    c->fpu.ds = wide ? 0 : ld_le16(from + 20);
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[x87_physical(c, i)] = (struct x86_f80){
            .mantissa = ld_le64(from + 32 + 16 * i), .sign_exponent = ld_le16(from + 40 + 16 * i)};
    }
    set_control(c, ld_le16(from));
}

static void store_mxcsr(const struct x86_cpu *c, uint8_t *to)
{
    st_le32(to + 24, c->mxcsr);
    st_le32(to + 28, MXCSR_VALID);
}

static void store_xmm(const struct x86_cpu *c, uint8_t *to)
{
    for (unsigned i = 0; i < xmm_count(c); i++) {
        memcpy(to + 160 + 16 * i, c->vec[i].u8, 16);
    }
}

static void load_xmm(struct x86_cpu *c, const uint8_t *from)
{
    for (unsigned i = 0; i < xmm_count(c); i++) {
        memcpy(c->vec[i].u8, from + 160 + 16 * i, 16);
    }
}

/* #GP(0) unless the operand is aligned to `align`, a power of two. */
static enum x86_status check_aligned(struct x86_cpu *c, const struct x86_insn *in, unsigned align)
{
    uint64_t ea = x86_ea(c, in);
    bool based = !(c->mode & MODE_CODE64) || in->seg >= SEG_FS;

    ea += based ? c->seg[in->seg].base : 0;
    return ea & (align - 1) ? x86_raise_error(c, VEC_GP, 0) : X86_OK;
}

/* FXSAVE in kernel code may leave the XMM registers out (AMD's FFXSR). */
static bool skips_xmm(const struct x86_cpu *c)
{
    return (c->msr.efer & EFER_FFXSR) && (c->mode & MODE_CODE64) && x86_cpl(c) == 0;
}

HANDLER(fxsave)
{
    uint8_t area[FXSAVE_SIZE];
    enum x86_status st = check_aligned(c, in, 16);

    /* What is not defined stays as it is in memory. */
    if (st == X86_OK) {
        st = x86_read_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
    }
    if (st != X86_OK) {
        return st;
    }
    store_x87(c, area, in->osize == 8);
    store_mxcsr(c, area);
    if (!skips_xmm(c)) {
        store_xmm(c, area);
    }
    return x86_write_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
}

HANDLER(fxrstor)
{
    uint8_t area[FXSAVE_SIZE];
    enum x86_status st = check_aligned(c, in, 16);

    if (st == X86_OK) {
        st = x86_read_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
    }
    if (st != X86_OK) {
        return st;
    }
    if (ld_le32(area + 24) & ~MXCSR_VALID) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    load_x87(c, area, in->osize == 8);
    c->mxcsr = ld_le32(area + 24);
    if (!skips_xmm(c)) {
        load_xmm(c, area);
    }
    return X86_OK;
}

/* Components asked for: EDX:EAX, of those that XCR0 enables. */
static uint64_t requested(const struct x86_cpu *c)
{
    return c->xcr0 & ((uint32_t)c->gpr[RAX] | c->gpr[RDX] << 32);
}

/* #UD without CR4.OSXSAVE, #NM with CR0.TS, #GP for a misaligned area. */
static enum x86_status check_xsave(struct x86_cpu *c, const struct x86_insn *in)
{
    if (!(c->cr4 & CR4_OSXSAVE)) {
        return x86_raise(c, VEC_UD);
    }
    if (c->cr0 & CR0_TS) {
        return x86_raise(c, VEC_NM);
    }
    return check_aligned(c, in, 64);
}

/* All enabled components count as in use, which the manual allows. */
static enum x86_status save(struct x86_cpu *c, const struct x86_insn *in, bool compact)
{
    uint8_t area[FXSAVE_SIZE + HEADER_SIZE];
    uint64_t which = requested(c);
    enum x86_status st = check_xsave(c, in);

    if (st == X86_OK) {
        st = x86_read_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
    }
    if (st != X86_OK) {
        return st;
    }
    if (which & XSTATE_X87) {
        store_x87(c, area, in->osize == 8);
    }
    if (which & XSTATE_SSE) {
        store_mxcsr(c, area);
        store_xmm(c, area);
    }
    if (compact) {
        st_le64(area + FXSAVE_SIZE, which);
        st_le64(area + FXSAVE_SIZE + 8, which | COMPACTED);
    } else {
        st_le64(area + FXSAVE_SIZE, ld_le64(area + FXSAVE_SIZE) | which);
    }
    return x86_write_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
}

HANDLER(xsave)
{
    return save(c, in, false);
}

HANDLER(xsavec)
{
    return save(c, in, true);
}

/* FALSE: the header is one that XRSTOR refuses. */
static bool header_good(const struct x86_cpu *c, const uint8_t *header)
{
    uint64_t present = ld_le64(header), compaction = ld_le64(header + 8);
    uint64_t reserved = 0;

    for (unsigned i = 16; i < HEADER_SIZE; i += 8) {
        reserved |= ld_le64(header + i);
    }
    if (compaction & COMPACTED) {
        return x86_has(c->features, X86_FEAT_XSAVEC) && !reserved &&
               !(compaction & ~COMPACTED & ~c->xcr0) && !(present & ~compaction);
    }
    return !(present & ~c->xcr0) && !compaction && !ld_le64(header + 16);
}

HANDLER(xrstor)
{
    uint8_t area[FXSAVE_SIZE + HEADER_SIZE];
    uint64_t which = requested(c), present;
    bool compact, wants_mxcsr;
    enum x86_status st = check_xsave(c, in);

    if (st == X86_OK) {
        st = x86_read_bytes(c, in->seg, x86_ea(c, in), area, sizeof(area));
    }
    if (st != X86_OK) {
        return st;
    }
    present = ld_le64(area + FXSAVE_SIZE);
    compact = ld_le64(area + FXSAVE_SIZE + 8) & COMPACTED;
    /* The compacted form takes MXCSR as part of the SSE state, the standard form always. */
    wants_mxcsr = (which & XSTATE_SSE) && (!compact || (present & XSTATE_SSE));
    if (!header_good(c, area + FXSAVE_SIZE) ||
        (wants_mxcsr && (ld_le32(area + 24) & ~MXCSR_VALID))) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    if (which & present & XSTATE_X87) {
        load_x87(c, area, in->osize == 8);
    } else if (which & XSTATE_X87) {
        x87_reset(c);
        memset(c->fpu.st, 0, sizeof(c->fpu.st));
    }
    if (which & XSTATE_SSE) {
        c->mxcsr = wants_mxcsr ? ld_le32(area + 24) : MXCSR_INIT;
        if (!(present & XSTATE_SSE)) {
            memset(area + 160, 0, 256);
        }
        load_xmm(c, area);
    }
    return X86_OK;
}

/* clang-format off */
#define NOWAIT(text, op, digit, operands, handler) \
    {.name = text, .map = MAP_1, .opcode = op, .ext = digit, .rm = X86_ANY_EXT, \
     .operand = {operands}, .flags = ROW_X87 | ROW_NOWAIT | ROW_MEM, .fn = X87_ALL(handler)}
#define NOWAIT_ONE(text, op, digit, r, handler) \
    {.name = text, .map = MAP_1, .opcode = op, .ext = digit, .rm = r, \
     .flags = ROW_X87 | ROW_NOWAIT | ROW_REG, .fn = X87_ALL(handler)}
#define AREA(text, map_, op, digit, feat, more, handler) \
    {.name = text, .map = map_, .opcode = op, .ext = digit, .rm = X86_ANY_EXT, \
     .prefix = PFX_NONE, .operand = {OPD_M}, .flags = ROW_MEM | (more), .feature = feat, \
     .fn = X87_ALL(handler), .directed = (more) & ROW_UNTESTABLE ? "x86/fpu/xsave" : NULL}
#define AREAS(text, op, digit, feat, more, handler) \
    AREA(text, MAP_0F, op, digit, feat, ROW_W0 | (more), handler), \
    AREA(text "64", MAP_0F, op, digit, feat, ROW_W1 | (more), handler)

static const struct x86_row rows[] = {
    {.name = "fldenv", .map = MAP_1, .opcode = 0xd9, .ext = 4, .rm = X86_ANY_EXT,
     .operand = {OPD_M}, .flags = ROW_X87 | ROW_MEM, .fn = X87_ALL(fldenv)},
    {.name = "fldcw", .map = MAP_1, .opcode = 0xd9, .ext = 5, .rm = X86_ANY_EXT,
     .operand = {OPD_Mw}, .flags = ROW_X87 | ROW_MEM, .fn = X87_ALL(fldcw)},
    NOWAIT("fnstenv", 0xd9, 6, OPD_M, fnstenv), NOWAIT("fnstcw", 0xd9, 7, OPD_Mw, fnstcw),
    {.name = "frstor", .map = MAP_1, .opcode = 0xdd, .ext = 4, .rm = X86_ANY_EXT,
     .operand = {OPD_M}, .flags = ROW_X87 | ROW_MEM, .fn = X87_ALL(frstor)},
    NOWAIT("fnsave", 0xdd, 6, OPD_M, fnsave), NOWAIT("fnstsw", 0xdd, 7, OPD_Mw, fnstsw),
    NOWAIT_ONE("fnclex", 0xdb, 4, 2, fnclex), NOWAIT_ONE("fninit", 0xdb, 4, 3, fninit),
    NOWAIT_ONE("fneni(8087 only)", 0xdb, 4, 0, nothing),
    NOWAIT_ONE("fndisi(8087 only)", 0xdb, 4, 1, nothing),
    NOWAIT_ONE("fnsetpm(287 only)", 0xdb, 4, 4, nothing),
    {.name = "fnstsw", .map = MAP_1, .opcode = 0xdf, .ext = 4, .rm = 0, .operand = {OPD_AX},
     .flags = ROW_X87 | ROW_NOWAIT | ROW_REG, .fn = X87_ALL(fnstsw_ax)},
    {.name = "fwait", .map = MAP_1, .opcode = 0x9b, .ext = X86_ANY_EXT, .rm = X86_ANY_EXT,
     .fn = X87_ALL(fwait)},

    AREAS("fxsave", 0xae, 0, X86_FEAT_FXSR, ROW_X87 | ROW_NOWAIT, fxsave),
    AREAS("fxrstor", 0xae, 1, X86_FEAT_FXSR, ROW_X87 | ROW_NOWAIT, fxrstor),
    AREAS("xsave", 0xae, 4, X86_FEAT_XSAVE, ROW_UNTESTABLE, xsave),
    AREAS("xrstor", 0xae, 5, X86_FEAT_XSAVE, ROW_UNTESTABLE, xrstor),
    AREAS("xsaveopt", 0xae, 6, X86_FEAT_XSAVEOPT, ROW_UNTESTABLE, xsave),
    AREAS("xsavec", 0xc7, 4, X86_FEAT_XSAVEC, ROW_UNTESTABLE, xsavec),
};
/* clang-format on */

const struct x86_row_table x86_rows_fpu = {rows, G_N_ELEMENTS(rows)};
