/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directed tests of integer rows that int-rows-test.c cannot run beside the host's CPU: they are
 * not for 64-bit user code, move the stack pointer or the instruction pointer, or need privilege.
 * A row's `directed` is the last part of a path here. Expectations are the SDM's.
 */
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "rig.h"

#define CODE  0x8000
#define STACK 0x7000

/* Loads code for a mode; regs are zero but RSP. */
static struct rig *prepare(unsigned bits, const void *code, size_t len)
{
    struct rig *rig = rig_new();

    memset(rig->c->gpr, 0, sizeof(rig->c->gpr));
    rig_enter(rig, bits, CODE, STACK);
    rig_load(rig, CODE, code, len);
    return rig;
}

static void run(struct rig *rig)
{
    g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
}

static uint64_t memory(struct rig *rig, gpa at, unsigned size)
{
    uint64_t v = 0;

    g_assert_cmpint(bus_copy_from(rig->memory, at, &v, size), ==, BUS_OK);
    return v;
}

/* One instruction on AX and the flags, in 32-bit code. */
static void adjust(const uint8_t *code, size_t len, uint16_t ax, uint32_t flags, uint16_t want_ax,
                   uint32_t want_flags, uint32_t mask)
{
    struct rig *rig = prepare(32, code, len);

    rig->c->gpr[RAX] = ax;
    x86_flags_set(rig->c, flags);
    g_assert_cmpint(x86_exec_one(rig->c), ==, X86_EXIT_STEP);
    g_assert_cmphex(rig->c->gpr[RAX], ==, want_ax);
    g_assert_cmphex(x86_flags_get(rig->c) & mask, ==, want_flags);
    rig_free(rig);
}

static void bcd(void)
{
    static const uint8_t daa[] = {0x27}, das[] = {0x2f}, aaa[] = {0x37}, aas[] = {0x3f};
    static const uint8_t aam[] = {0xd4, 10}, aad[] = {0xd5, 10}, salc[] = {0xd6};
    static const uint8_t inc[] = {0x40}, dec[] = {0x48};
    uint32_t all = FLAGS_ARITH & ~FLAG_OF, carries = FLAG_AF | FLAG_CF;

    adjust(daa, 1, 0xae, FLAG_PF | FLAG_SF, 0x14, carries | FLAG_PF, all);
    adjust(daa, 1, 0x14, 0, 0x14, FLAG_PF, all);
    adjust(das, 1, 0xee, FLAG_AF | FLAG_CF | FLAG_SF, 0x88, carries | FLAG_SF | FLAG_PF, all);
    adjust(aaa, 1, 0x000f, 0, 0x0105, carries, carries);
    adjust(aaa, 1, 0x0005, 0, 0x0005, 0, carries);
    adjust(aas, 1, 0x020f, 0, 0x0109, carries, carries);
    adjust(aam, 2, 0x004f, 0, 0x0709, FLAG_PF, FLAG_SF | FLAG_ZF | FLAG_PF);
    adjust(aad, 2, 0x0709, 0, 0x004f, 0, FLAG_SF | FLAG_ZF | FLAG_PF);
    adjust(salc, 1, 0x1200, FLAG_CF, 0x12ff, FLAG_CF, FLAG_CF);
    adjust(salc, 1, 0x1234, 0, 0x1200, 0, FLAG_CF);
    adjust(inc, 1, 0x0f, FLAG_CF, 0x10, FLAG_CF | FLAG_AF, FLAGS_ARITH);
    adjust(dec, 1, 1, FLAG_CF, 0, FLAG_CF | FLAG_ZF | FLAG_PF, FLAGS_ARITH);
}

/* 82h is 80h again, SAHF and LAHF need no feature, outside 64-bit code only. */
static void legacy(void)
{
    static const uint8_t add[] = {0x82, 0xc0, 0x7f, 0xf4};
    static const uint8_t memory_add[] = {0x82, 0x05, 0, 0x60, 0, 0, 5, 0xf4};
    static const uint8_t ah[] = {0x9e, 0xb4, 0, 0x9f, 0xf4}; /* sahf; mov ah, 0; lahf */
    struct rig *rig = prepare(32, add, sizeof(add));

    rig->c->gpr[RAX] = 1;
    run(rig);
    g_assert_cmphex(rig->c->gpr[RAX], ==, 0x80);
    g_assert_true(x86_flags_get(rig->c) & FLAG_OF);
    rig_free(rig);
    rig = prepare(32, memory_add, sizeof(memory_add));
    run(rig);
    g_assert_cmphex(memory(rig, 0x6000, 1), ==, 5);
    rig_free(rig);
    rig = prepare(32, ah, sizeof(ah));
    rig->c->gpr[RAX] = 0xff00;
    run(rig);
    g_assert_cmphex(rig->c->gpr[RAX], ==, 0xd700);
    rig_free(rig);
    rig = prepare(64, add, sizeof(add));
    g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_SHUTDOWN);
    rig_free(rig);
}

static void bound(void)
{
    static const uint8_t code[] = {0x62, 0x05, 0, 0x60, 0, 0, 0xf4};
    static const int32_t limits[] = {-3, 7};

    for (int v = -5; v < 10; v++) {
        struct rig *rig = prepare(32, code, sizeof(code));
        bool inside = v >= -3 && v <= 7;

        rig_load(rig, 0x6000, limits, sizeof(limits));
        rig->c->gpr[RAX] = (uint32_t)v;
        g_assert_cmpint(x86_interp_run(rig->c, false), ==,
                        inside ? X86_EXIT_HALT : X86_EXIT_SHUTDOWN);
        rig_free(rig);
    }
}

static void cpuid(void)
{
    static const uint8_t code[] = {0x0f, 0xa2, 0xf4};
    struct rig *rig = prepare(64, code, sizeof(code));

    rig->c->gpr[RAX] = UINT64_C(0xffffffff80000000);
    run(rig);
    g_assert_cmphex(rig->c->gpr[RAX], >=, 0x80000008);
    g_assert_cmphex(rig->c->gpr[RAX], <, UINT64_C(0x100000000));
    rig_free(rig);
}

/* Each condition by Jcc and each LOOP, counted against the flags. */
static void flow(void)
{
    for (unsigned cc = 0; cc < 16; cc++) {
        for (unsigned flags = 0; flags < 64; flags++) {
            uint8_t code[] = {
                0x70 + cc, 1,         0xf4, 0x48, 0xff, 0xc3, /* jcc +1; hlt; inc rbx */
                0x0f,      0x80 + cc, 1,    0,    0,    0,    0xf4, 0xf4};
            struct rig *rig = prepare(64, code, sizeof(code));
            static const uint32_t bit[] = {FLAG_CF, FLAG_PF, FLAG_AF, FLAG_ZF, FLAG_SF, FLAG_OF};
            uint32_t f = 0;

            for (unsigned i = 0; i < 6; i++) {
                f |= flags >> i & 1 ? bit[i] : 0;
            }
            x86_flags_set(rig->c, f);
            bool less = !(f & FLAG_SF) != !(f & FLAG_OF);
            bool want[] = {f & FLAG_OF, f & FLAG_CF, f & FLAG_ZF, f & (FLAG_CF | FLAG_ZF),
                           f & FLAG_SF, f & FLAG_PF, less,        less || (f & FLAG_ZF)};

            run(rig);
            g_assert_cmpuint(rig->c->gpr[RBX], ==, want[cc / 2] ^ (cc & 1));
            rig_free(rig);
        }
    }
    /* call +1; hlt; inc eax; jmp over; hlt; loop back until ecx is 0; ret to the first hlt */
    static const uint8_t loops[] = {0xe8, 1,    0,    0,    0, 0xf4, 0xff, 0xc0, 0xeb, 1,
                                    0xf4, 0xe2, 0xf9, 0xe3, 1, 0xf4, 0xc2, 8,    0};
    struct rig *rig = prepare(64, loops, sizeof(loops));

    rig->c->gpr[RCX] = 10;
    run(rig);
    g_assert_cmpuint(rig->c->gpr[RAX], ==, 10);
    g_assert_cmphex(rig->c->gpr[RSP], ==, STACK + 8);
    g_assert_cmphex(rig->c->rip, ==, CODE + 6);
    rig_free(rig);
}

static void stack(void)
{
    /* push rsp; pop rax; push word; pop word [rsp-6]...: each leaves what the SDM says. */
    static const uint8_t code[] = {0x54, 0x58,                   /* push rsp; pop rax */
                                   0x6a, 0xff, 0x5b,             /* push -1; pop rbx */
                                   0x66, 0x6a, 0x7f,             /* push word 127 */
                                   0x66, 0x59,                   /* pop cx */
                                   0x68, 1,    0,    0,    0x80, /* push imm32, sign-extended */
                                   0x8f, 0x04, 0x24,             /* pop [rsp]: with the new rsp */
                                   0xc8, 0x10, 0,    1,          /* enter 16, 1 */
                                   0x9c, 0x5a,                   /* pushf; pop rdx */
                                   0xc9, 0xff, 0x34, 0x24,       /* leave; push [rsp] */
                                   0xf4};
    struct rig *rig = prepare(64, code, sizeof(code));

    rig->c->gpr[RBP] = 0x1234;
    rig->c->gpr[RCX] = UINT64_MAX;
    run(rig);
    g_assert_cmphex(rig->c->gpr[RAX], ==, STACK);
    g_assert_cmphex(rig->c->gpr[RBX], ==, UINT64_MAX);
    g_assert_cmphex(rig->c->gpr[RCX], ==, UINT64_C(0xffffffffffff007f));
    g_assert_cmphex(rig->c->gpr[RDX] & 2, ==, 2);
    g_assert_cmphex(rig->c->gpr[RBP], ==, 0x1234);
    g_assert_cmphex(rig->c->gpr[RSP], ==, STACK - 8);
    g_assert_cmphex(memory(rig, STACK, 8), ==, UINT64_C(0xffffffff80000001));
    g_assert_cmphex(memory(rig, STACK - 8, 8), ==, UINT64_C(0xffffffff80000001));
    rig_free(rig);

    static const uint8_t all[] = {0x60, 0x89, 0xe6, 0x61, 0xf4}; /* pusha; mov esi, esp; popa */
    rig = prepare(32, all, sizeof(all));
    for (unsigned r = RAX; r <= RDI; r++) {
        rig->c->gpr[r] = r == RSP ? STACK : 0x1000 + r;
    }
    run(rig);
    for (unsigned r = RAX; r <= RDI; r++) {
        uint32_t v = r == RSP ? STACK : 0x1000 + r;

        g_assert_cmphex(rig->c->gpr[r], ==, v);
        g_assert_cmphex(memory(rig, STACK - 4 - 4 * r, 4), ==, v);
    }
    rig_free(rig);
}

/* Real mode: selectors times 16. */
static void segments(void)
{
    static const uint8_t code[] = {0x8e, 0xd8,             /* mov ds, ax */
                                   0x1e, 0x07,             /* push ds; pop es */
                                   0x8c, 0xc3,             /* mov bx, es */
                                   0xc5, 0x36, 0x10, 0,    /* lds si, [10h] */
                                   0x0f, 0xa8, 0x0f, 0xa1, /* push gs; pop fs */
                                   0xf4};
    static const uint16_t far_pointer[] = {0x5678, 0x0300};
    struct rig *rig = prepare(16, code, sizeof(code));

    rig->c->gpr[RAX] = 0x200;
    rig_load(rig, 0x2010, far_pointer, sizeof(far_pointer));
    run(rig);
    g_assert_cmphex(rig->c->gpr[RBX], ==, 0x200);
    g_assert_cmphex(rig->c->seg[SEG_ES].base, ==, 0x2000);
    g_assert_cmphex(rig->c->seg[SEG_DS].base, ==, 0x3000);
    g_assert_cmphex(rig->c->gpr[RSI], ==, 0x5678);
    g_assert_cmphex(rig->c->seg[SEG_FS].selector, ==, rig->c->seg[SEG_GS].selector);
    rig_free(rig);
}

/* call 0080h:0010h; there: mov al, 5; retf; then hlt */
static void far_transfers(void)
{
    static const uint8_t code[] = {0x9a, 0x10, 0, 0x80, 0, 0xf4};
    static const uint8_t target[] = {0xb0, 5, 0xcb};
    struct rig *rig = prepare(16, code, sizeof(code));

    rig_load(rig, 0x810, target, sizeof(target));
    run(rig);
    g_assert_cmphex(rig->c->gpr[RAX], ==, 5);
    g_assert_cmphex(rig->c->rip, ==, CODE + 6);
    g_assert_cmphex(rig->c->gpr[RSP], ==, STACK);
    rig_free(rig);
}

/* INT n, INT3, INTO and INT1 in real mode: each handler is "inc word [si]; iret". */
static void interrupts(void)
{
    static const uint8_t code[] = {0xcd, 0x40, 0xcc, 0xce, 0xf1, 0xf4};
    static const uint8_t handler[] = {0xff, 0x04, 0xcf};
    static const uint16_t vector[] = {0x9000, 0};
    struct rig *rig = prepare(16, code, sizeof(code));

    rig->c->idtr = (struct x86_table){.base = 0, .limit = 0x3ff};
    rig->c->gpr[RSI] = 0x6000;
    rig_load(rig, 0x9000, handler, sizeof(handler));
    for (unsigned i = 0; i < 4; i++) {
        static const uint8_t vectors[] = {0x40, 3, 4, 1};

        rig_load(rig, vectors[i] * 4, vector, sizeof(vector));
    }
    x86_flags_set(rig->c, FLAG_OF);
    run(rig);
    g_assert_cmpuint(memory(rig, 0x6000, 2), ==, 4);
    g_assert_cmphex(rig->c->rip, ==, CODE + sizeof(code));
    g_assert_cmphex(rig->c->gpr[RSP], ==, STACK);
    rig_free(rig);
}

static void ports(void)
{
    static const uint8_t code[] = {0xb0, 'a',  0xe6, 0xe9, /* mov al, 'a'; out e9h, al */
                                   0x66, 0xba, 0xe9, 0,    /* mov dx, e9h */
                                   0xb0, 'b',  0xee,       /* mov al, 'b'; out dx, al */
                                   0xf3, 0x6e,             /* rep outsb */
                                   0xe4, 0xe9, 0x88, 0xc3, /* in al, e9h; mov bl, al */
                                   0x31, 0xc0, 0xec,       /* xor eax, eax; in al, dx */
                                   0xb1, 4,    0xf3, 0x6c, /* mov cl, 4; rep insb */
                                   0xf4};
    struct rig *rig = prepare(64, code, sizeof(code));

    rig_load(rig, 0x6000, "cde", 3);
    rig->c->gpr[RSI] = 0x6000;
    rig->c->gpr[RDI] = 0x6100;
    rig->c->gpr[RCX] = 3;
    run(rig);
    g_assert_cmpstr(rig->console->str, ==, "abcde");
    g_assert_cmphex(rig->c->gpr[RBX], ==, 0xe9);
    g_assert_cmphex(rig->c->gpr[RAX], ==, 0xe9);
    g_assert_cmphex(memory(rig, 0x6100, 8), ==, 0xe9e9e9e9);
    g_assert_cmphex(rig->c->gpr[RDI], ==, 0x6104);
    rig_free(rig);
}

static void random_numbers(void)
{
    static const uint8_t code[] = {0x48, 0x0f, 0xc7, 0xf3, 0x66, 0x0f, 0xc7, 0xf9, 0xf4};
    struct rig *rig = prepare(64, code, sizeof(code)); /* rdrand rbx; rdseed cx */

    rig->c->gpr[RCX] = UINT64_MAX;
    run(rig);
    g_assert_cmphex(rig->c->gpr[RBX], ==, UINT64_C(0x123456789abcdef0));
    g_assert_cmphex(rig->c->gpr[RCX], ==, UINT64_C(0xffffffffffffdef0));
    g_assert_cmphex(x86_flags_get(rig->c), ==, FLAG_CF);
    rig_free(rig);
}

static void undefined(void)
{
    static const uint8_t codes[][4] = {
        {0x0f, 0x0b},       /* ud2 */
        {0x0f, 0xb9, 0xc0}, /* ud1 */
        {0x0f, 0xff, 0xc0}, /* ud0 */
        {0xf0, 0x01, 0xc0}, /* lock add eax, eax */
        {0xf0, 0x8b, 0x03}, /* lock mov */
        {0x8e, 0xc8},       /* mov cs, ax */
        {0xc6, 0xc8, 0x00}, /* group 11 /1 */
        {0x06},             /* push es in 64-bit code */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        struct rig *rig = prepare(64, codes[i], sizeof(codes[i]));

        g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_SHUTDOWN);
        g_assert_cmphex(rig->c->rip, ==, CODE);
        g_assert_cmpuint(rig->c->cpu.insns, ==, 1);
        rig_free(rig);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/directed/bcd", bcd);
    g_test_add_func("/x86/directed/legacy", legacy);
    g_test_add_func("/x86/directed/bound", bound);
    g_test_add_func("/x86/directed/cpuid", cpuid);
    g_test_add_func("/x86/directed/flow", flow);
    g_test_add_func("/x86/directed/stack", stack);
    g_test_add_func("/x86/directed/segments", segments);
    g_test_add_func("/x86/directed/far", far_transfers);
    g_test_add_func("/x86/directed/interrupts", interrupts);
    g_test_add_func("/x86/directed/ports", ports);
    g_test_add_func("/x86/directed/random", random_numbers);
    g_test_add_func("/x86/directed/undefined", undefined);
    return g_test_run();
}
