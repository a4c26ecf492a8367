/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process on the host cannot show of x87 and SSE: which exception CR0 and CR4 ask for, the
 * error line of old, the environment's four forms, XSAVE.
 */
#include "base/endian.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"
#include "rig.h"

#define CODE    0x8000
#define HANDLER 0x600 /* of vector n: HANDLER + n */
#define AREA    0x9000

/* Decodes and runs one instruction at CODE by itself: no delivery. */
static enum x86_status run_insn(struct rig *rig, const uint8_t *bytes, unsigned len)
{
    struct x86_insn in;

    rig->c->rip = CODE;
    g_assert_cmpint(x86_decode(rig->decoder, rig->c->mode, bytes, len, &in), ==, X86_DECODED);
    g_assert_cmpuint(in.len, ==, len);
    return in.fn(rig->c, &in);
}

#define RUN(rig, ...) \
    run_insn(rig, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

/* Real mode with a vector table whose entries are told apart by their offset. */
static struct rig *real_mode(void)
{
    struct rig *rig = rig_new();

    rig_enter(rig, 16, CODE, 0x7000);
    rig->c->idtr = (struct x86_table){.limit = 0x3ff};
    for (unsigned n = 0; n < 32; n++) {
        uint16_t entry[2] = {(uint16_t)(HANDLER + n), 0};

        rig_load(rig, n * 4, entry, 4);
    }
    x87_reset(rig->c);
    rig->c->mxcsr = 0x1f80;
    return rig;
}

/* One instruction through the interpreter; the vector it went to, or -1. */
static int vector_of(struct rig *rig, const uint8_t *code, unsigned len)
{
    struct x86_cpu *c = rig->c;

    rig_load(rig, CODE, code, len);
    ram_wrote(rig->ram, CODE, len);
    x86_interp_flush(c);
    c->rip = CODE;
    g_assert_cmpint(x86_exec_one(c), ==, X86_EXIT_STEP);
    return c->rip >= HANDLER && c->rip < HANDLER + 32 ? (int)(c->rip - HANDLER) : -1;
}

static void availability(void)
{
    static const uint8_t fld1[] = {0xd9, 0xe8}, fninit[] = {0xdb, 0xe3}, fwait[] = {0x9b};
    static const uint8_t paddb[] = {0x0f, 0xfc, 0xc1}, addps[] = {0x0f, 0x58, 0xc1};
    static const struct {
        const uint8_t *code;
        unsigned len;
        uint32_t cr0, cr4;
        int vector;
    } cases[] = {
        {fld1, 2, 0, 0, -1},
        {fld1, 2, CR0_EM, 0, VEC_NM},
        {fld1, 2, CR0_TS, 0, VEC_NM},
        {fninit, 2, CR0_TS, 0, VEC_NM},
        {fwait, 1, CR0_TS, 0, -1},
        {fwait, 1, CR0_MP, 0, -1},
        {fwait, 1, CR0_TS | CR0_MP, 0, VEC_NM},
        {paddb, 3, 0, 0, -1},
        {paddb, 3, CR0_EM, 0, VEC_UD},
        {paddb, 3, CR0_EM | CR0_TS, 0, VEC_UD},
        {paddb, 3, CR0_TS, 0, VEC_NM},
        {addps, 3, 0, CR4_OSFXSR, -1},
        {addps, 3, 0, 0, VEC_UD},
        {addps, 3, CR0_EM, CR4_OSFXSR, VEC_UD},
        {addps, 3, CR0_TS, CR4_OSFXSR, VEC_NM},
        {addps, 3, CR0_TS, 0, VEC_UD},
    };
    struct rig *rig = real_mode();

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        rig->c->cr0 = CR0_ET | CR0_NE | cases[i].cr0;
        rig->c->cr4 = cases[i].cr4;
        x87_reset(rig->c);
        g_assert_cmpint(vector_of(rig, cases[i].code, cases[i].len), ==, cases[i].vector);
    }
    rig_free(rig);
}

/* An unmasked SSE exception is #XM, or #UD where the system does not know that vector. */
static void sse_exception(void)
{
    static const uint8_t divps[] = {0x0f, 0x5e, 0xc1};
    struct rig *rig = real_mode();
    struct x86_cpu *c = rig->c;

    for (unsigned known = 0; known < 2; known++) {
        c->cr4 = CR4_OSFXSR | (known ? CR4_OSXMMEXCPT : 0);
        c->mxcsr = 0x1f80 & ~(FP_DIVZERO << 7);
        for (unsigned i = 0; i < 4; i++) {
            c->vec[0].u32[i] = 0x3f800000;
            c->vec[1].u32[i] = 0;
        }
        g_assert_cmpint(vector_of(rig, divps, 3), ==, known ? VEC_XM : VEC_UD);
        g_assert_cmphex(c->mxcsr & FP_FLAGS, ==, FP_DIVZERO);
        g_assert_cmphex(c->vec[0].u32[0], ==, 0x3f800000);
    }
    rig_free(rig);
}

/* 1 / 0 with that exception unmasked: done, and pending. */
static void leave_pending(struct rig *rig)
{
    x87_reset(rig->c);
    rig->c->fpu.control &= ~FP_DIVZERO;
    g_assert_cmpint(RUN(rig, 0xd9, 0xee), ==, X86_OK); /* fldz */
    g_assert_cmpint(RUN(rig, 0xd9, 0xe8), ==, X86_OK); /* fld1 */
    g_assert_cmpint(RUN(rig, 0xd8, 0xf1), ==, X86_OK); /* fdiv st, st(1) */
    g_assert_cmphex(rig->c->fpu.status & 0x80ff, ==, X87_SW_B | X87_SW_ES | FP_DIVZERO);
}

static void pending_error(void)
{
    static const uint8_t fwait[] = {0x9b}, fchs[] = {0xd9, 0xe0}, emms[] = {0x0f, 0x77};
    static const uint8_t fnstsw[] = {0xdf, 0xe0};
    struct rig *rig = real_mode();

    leave_pending(rig);
    g_assert_cmpint(vector_of(rig, fnstsw, 2), ==, -1);
    g_assert_cmpint(vector_of(rig, fwait, 1), ==, VEC_MF);
    g_assert_cmpint(vector_of(rig, fchs, 2), ==, VEC_MF);
    g_assert_cmpint(vector_of(rig, emms, 2), ==, VEC_MF);
    rig_free(rig);
}

static void set_line(void *opaque, int line, bool level)
{
    *(int *)opaque = level ? line : -line;
}

/* CR0.NE clear: IRQ 13 comes, the instruction waits, port F0h lets it go on, FNCLEX ends it. */
static void error_line(void)
{
    static const uint8_t fchs[] = {0xd9, 0xe0}, fnclex[] = {0xdb, 0xe2};
    struct rig *rig = real_mode();
    struct x86_cpu *c = rig->c;
    int line = 0;

    c->ferr_irq = (struct irq){.set = set_line, .opaque = &line, .line = 13};
    c->cr0 &= ~(uint64_t)CR0_NE;
    leave_pending(rig);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(vector_of(rig, fchs, 2), ==, -1);
        g_assert_cmphex(c->rip, ==, CODE);
        g_assert_cmpint(line, ==, 13);
    }
    c->ignne = true;
    g_assert_cmpint(vector_of(rig, fchs, 2), ==, -1);
    g_assert_cmphex(c->rip, ==, CODE + 2);
    g_assert_cmpint(vector_of(rig, fnclex, 2), ==, -1);
    g_assert_cmpint(line, ==, -13);
    g_assert_false(c->ferr || c->ignne);
    rig_free(rig);
}

/* Known pointers and the image that FNSTENV [AREA] makes of them. */
static void check_env(unsigned bits, bool wide, const uint32_t expected[7])
{
    struct rig *rig = rig_new();
    struct x86_cpu *c = rig->c;
    uint8_t code[] = {0x66, 0xd9, 0x36, AREA & 0xff, AREA >> 8, 0, 0};
    bool prefix = wide != (bits != 16);
    uint8_t image[28];
    unsigned len = bits == 16 ? 5 : 7;

    rig_enter(rig, bits, CODE, 0x7000);
    x87_reset(c);
    code[2] = bits == 16 ? 0x36 : 0x35;
    c->fpu.status = 0x2800;
    c->fpu.tag = 0xe0; /* ST(0..2) */
    for (unsigned i = 5; i < 8; i++) {
        c->fpu.st[i] = (struct x86_f80){.mantissa = i == 6 ? 0 : UINT64_C(1) << 63,
                                        .sign_exponent = i == 7   ? 0x7fff
                                                         : i == 6 ? 0
                                                                  : 0x3fff};
    }
    c->fpu.opcode = 0x5e3;
    c->fpu.ip = 0xabcde;
    c->fpu.dp = 0x12345;
    c->fpu.cs = 0x1111;
    c->fpu.ds = 0x2222;
    g_assert_cmpint(run_insn(rig, code + !prefix, len - !prefix), ==, X86_OK);
    g_assert_cmphex(c->fpu.control, ==, 0x37f);
    bus_copy_from(rig->memory, AREA, image, sizeof(image));
    for (unsigned i = 0; i < 7; i++) {
        g_assert_cmphex(wide ? ld_le32(image + 4 * i) : ld_le16(image + 2 * i), ==, expected[i]);
    }
    /* And back. */
    c->fpu.control = 0x340;
    x87_reset(c);
    code[2] = bits == 16 ? 0x26 : 0x25;
    g_assert_cmpint(run_insn(rig, code + !prefix, len - !prefix), ==, X86_OK);
    g_assert_cmphex(c->fpu.status, ==, 0x2800);
    g_assert_cmphex(c->fpu.tag, ==, 0xe0);
    g_assert_cmphex(c->fpu.ip, ==, wide || bits == 16 ? 0xabcde : 0xbcde);
    rig_free(rig);
}

static void environments(void)
{
    /* Tags: 7 special, 6 zero, 5 valid, the rest empty. */
    static const uint32_t real_16[] = {0x37f, 0x2800, 0x93ff, 0xbcde, 0xa5e3, 0x2345, 0x1000};
    static const uint32_t prot_16[] = {0x37f, 0x2800, 0x93ff, 0xbcde, 0x1111, 0x2345, 0x2222};
    static const uint32_t real_32[] = {0xffff037f, 0xffff2800, 0xffff93ff, 0xffffbcde,
                                       0x0000a5e3, 0xffff2345, 0x00001000};
    static const uint32_t prot_32[] = {0xffff037f, 0xffff2800, 0xffff93ff, 0x000abcde,
                                       0x05e31111, 0x00012345, 0xffff2222};

    check_env(16, false, real_16);
    check_env(16, true, real_32);
    check_env(32, false, prot_16);
    check_env(32, true, prot_32);
}

static void fill_state(struct x86_cpu *c, unsigned seed)
{
    for (unsigned i = 0; i < 16; i++) {
        c->vec[i].u64[0] = seed * 0x1111 + i;
        c->vec[i].u64[1] = seed * 0x2222 + i;
    }
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[i] =
            (struct x86_f80){.mantissa = seed + i, .sign_exponent = (uint16_t)(seed * i)};
    }
    c->fpu.control = 0x27f;
    c->fpu.status = 0x1800;
    c->fpu.tag = 0x5a;
    c->mxcsr = 0x1fa0;
}

#define XSAVE  0x0f, 0xae, 0x27 /* xsave [rdi] */
#define XRSTOR 0x0f, 0xae, 0x2f
#define XSAVEC 0x0f, 0xc7, 0x27

static struct rig *xsave_rig(void)
{
    struct rig *rig = rig_new();
    static const uint8_t ones[1024] = {[0 ... 511] = 0xff};

    rig_enter(rig, 64, CODE, 0x7000);
    x87_reset(rig->c);
    rig->c->cr4 |= CR4_OSXSAVE;
    rig->c->xcr0 = 3;
    rig->c->gpr[RDI] = AREA;
    rig->c->gpr[RAX] = 7;
    rig->c->gpr[RDX] = UINT32_MAX;
    rig_load(rig, AREA, ones, sizeof(ones));
    return rig;
}

static void xsave_round_trip(void)
{
    static const uint8_t zero[8];
    struct rig *rig = xsave_rig();
    struct x86_cpu *c = rig->c;
    struct x86_fpu fpu;
    uint64_t header[8];

    for (unsigned compact = 0; compact < 2; compact++) {
        fill_state(c, 5);
        fpu = c->fpu;
        g_assert_cmpint(compact ? RUN(rig, XSAVEC) : RUN(rig, XSAVE), ==, X86_OK);
        bus_copy_from(rig->memory, AREA + 512, header, sizeof(header));
        g_assert_cmphex(header[0], ==, 3);
        g_assert_cmphex(header[1], ==, compact ? UINT64_C(0x8000000000000003) : 0);
        fill_state(c, 9);
        x87_reset(c);
        c->mxcsr = 0x1f80;
        g_assert_cmpint(RUN(rig, XRSTOR), ==, X86_OK);
        g_assert_cmpmem(&fpu.st, sizeof(fpu.st), &c->fpu.st, sizeof(fpu.st));
        g_assert_cmphex(c->fpu.status, ==, fpu.status);
        g_assert_cmphex(c->fpu.tag, ==, fpu.tag);
        g_assert_cmphex(c->mxcsr, ==, 0x1fa0);
        g_assert_cmphex(c->vec[15].u64[1], ==, 5 * 0x2222 + 15);
    }
    /* Not present means initial. */
    rig_load(rig, AREA + 512, zero, 8);
    g_assert_cmpint(RUN(rig, XRSTOR), ==, X86_OK);
    g_assert_cmphex(c->fpu.control, ==, 0x37f);
    g_assert_cmphex(c->vec[3].u64[0], ==, 0);
    rig_free(rig);
}

/* What XRSTOR refuses, each a #GP that changes nothing. */
static void xrstor_refuses(void)
{
    static const struct {
        unsigned at;
        uint64_t value;
    } cases[] = {
        {512, 4}, /* a component that XCR0 lacks */
        {520, 1}, /* XCOMP_BV without bit 63 */
        {528, 1}, /* reserved */
        {24, UINT64_C(0xffff1f80) << 16},
    };
    struct rig *rig = xsave_rig();
    struct x86_cpu *c = rig->c;

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        fill_state(c, 5);
        g_assert_cmpint(RUN(rig, XSAVE), ==, X86_OK);
        rig_load(rig, AREA + cases[i].at, &cases[i].value, 8);
        fill_state(c, 9);
        g_assert_cmpint(RUN(rig, XRSTOR), ==, X86_FAULT);
        g_assert_cmpint(c->exc.vector, ==, VEC_GP);
        g_assert_cmphex(c->vec[0].u64[0], ==, 9 * 0x1111);
        rig_load(rig, AREA + 512, (uint64_t[8]){0}, 64);
    }
    c->gpr[RDI] = AREA + 16;
    g_assert_cmpint(RUN(rig, XSAVE), ==, X86_FAULT);
    g_assert_cmpint(c->exc.vector, ==, VEC_GP);
    c->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    g_assert_cmpint(RUN(rig, XSAVE), ==, X86_FAULT);
    g_assert_cmpint(c->exc.vector, ==, VEC_UD);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/fpu/availability", availability);
    g_test_add_func("/x86/fpu/sse-exception", sse_exception);
    g_test_add_func("/x86/fpu/pending-error", pending_error);
    g_test_add_func("/x86/fpu/error-line", error_line);
    g_test_add_func("/x86/fpu/environments", environments);
    g_test_add_func("/x86/fpu/xsave", xsave_round_trip);
    g_test_add_func("/x86/fpu/xrstor-refuses", xrstor_refuses);
    return g_test_run();
}
