/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single steps, breakpoints and RFLAGS.RF, in 64-bit code with an IDT whose handlers halt, so that
 * each exception is seen with its frame, and go back with IRETQ. Expectations are the SDM's, volume
 * 3: 6.8.3, 17.2, 17.3.
 */
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "rig.h"

#define CODE     0x8000
#define STACK    0x7000
#define GDT      0x5000
#define TSS      0x5800
#define IDT      0x6000
#define HANDLERS 0x9000 /* 16 bytes each: hlt; iretq */
#define DATA     0x20000

#define DR6_CLEAR 0xffff0ff0u
#define DR6_BD    (1u << 13)
#define DR6_BS    (1u << 14)

#define PORT_DEBUG 0xe9

static void make_tables(struct rig *rig)
{
    static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff,
                                   0x00affb000000ffff};
    static const uint8_t handler[] = {0xf4, 0x48, 0xcf};
    uint64_t rsp0 = STACK - 0x800;

    rig_load(rig, GDT, gdt, sizeof(gdt));
    rig_load(rig, TSS + 4, &rsp0, sizeof(rsp0));
    for (unsigned v = 0; v < 32; v++) {
        uint64_t at = HANDLERS + v * 16;
        uint64_t gate[2] = {(at & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32, 0};

        rig_load(rig, IDT + v * 16, gate, sizeof(gate));
        rig_load(rig, at, handler, sizeof(handler));
    }
    rig->c->gdtr = (struct x86_table){GDT, sizeof(gdt) - 1};
    rig->c->idtr = (struct x86_table){IDT, 32 * 16 - 1};
    rig->c->tr = (struct x86_seg){.base = TSS, .limit = 0x67, .attr = SEG_P | 0xb};
}

static struct rig *prepare(const void *code, size_t len)
{
    struct rig *rig = rig_new();

    memset(rig->c->gpr, 0, sizeof(rig->c->gpr));
    rig_enter(rig, 64, CODE, STACK);
    make_tables(rig);
    rig_load(rig, CODE, code, len);
    rig->c->rflags = FLAG_ONE;
    return rig;
}

/* Runs to the next exception, which must be `vector` with this frame; -1: to the code's own HLT. */
static void expect(struct rig *rig, int vector, uint64_t rip, bool rf)
{
    struct x86_cpu *c = rig->c;
    uint64_t frame[3];

    c->cpu.run_state = CPU_RUNNING;
    g_assert_cmpint(x86_interp_run(c, false), ==, X86_EXIT_HALT);
    if (vector < 0) {
        g_assert_cmphex(c->rip, ==, rip);
        return;
    }
    g_assert_cmphex(c->rip, ==, HANDLERS + vector * 16 + 1);
    g_assert_cmpint(bus_copy_from(rig->memory, c->gpr[RSP], frame, sizeof(frame)), ==, BUS_OK);
    g_assert_cmphex(frame[0], ==, rip);
    g_assert_cmpint(!!(frame[2] & FLAG_RF), ==, rf);
}

/* #DB with these bits of DR6, which are then cleared. */
static void expect_debug(struct rig *rig, uint64_t rip, bool rf, uint32_t dr6)
{
    expect(rig, VEC_DB, rip, rf);
    g_assert_cmphex(rig->c->dr[6], ==, DR6_CLEAR | dr6);
    rig->c->dr[6] = DR6_CLEAR;
}

/* Of breakpoint 0. */
static void watch(struct rig *rig, uint64_t linear, unsigned kind, unsigned length)
{
    rig->c->dr[0] = linear;
    rig->c->dr[7] = 0x400 | 1 | kind << 16 | (length - 1) << 18;
    tlb_flush(&rig->c->cpu.tlb);
}

/* The instruction after the POPF that sets TF is the first to trap, that which clears it the last.
 */
static void single_step(void)
{
    static const uint8_t code[] = {0x68, 0x02, 0x01, 0, 0, /* push 102h */
                                   0x9d,                   /* popf */
                                   0x90,                   /* nop */
                                   0x68, 0x02, 0,    0, 0, /* push 2 */
                                   0x9d, 0x90, 0xf4};      /* popf; nop; hlt */
    struct rig *rig = prepare(code, sizeof(code));

    expect_debug(rig, CODE + 7, false, DR6_BS);
    expect_debug(rig, CODE + 12, false, DR6_BS);
    expect_debug(rig, CODE + 13, false, DR6_BS);
    expect(rig, -1, CODE + 15, false);
    rig_free(rig);
}

/* A new stack segment holds the trap back for one instruction, STI does not. */
static void shadows(void)
{
    static const uint8_t code[] = {0x8e, 0xd0, 0x90, 0xfb, 0x90, 0xf4}; /* mov ss, eax; nop; sti */
    struct rig *rig = prepare(code, sizeof(code));

    rig->c->gpr[RAX] = 16;
    rig->c->rflags |= FLAG_TF;
    expect_debug(rig, CODE + 3, false, DR6_BS);
    expect_debug(rig, CODE + 4, false, DR6_BS);
    expect_debug(rig, CODE + 5, false, DR6_BS);
    expect_debug(rig, CODE + 6, false, DR6_BS); /* the trap behind HLT wakes it */
    rig_free(rig);
}

/* A data breakpoint hit by MOV SS is reported behind the next instruction; a code breakpoint there
 * is not met. */
static void held_back(void)
{
    static const uint8_t code[] = {0x8e, 0x16, 0x90, 0x90, 0xf4}; /* mov ss, [rsi]; nop; nop */
    struct rig *rig = prepare(code, sizeof(code));
    uint16_t selector = 16;

    rig_load(rig, DATA, &selector, 2);
    rig->c->gpr[RSI] = DATA;
    watch(rig, DATA, 3, 2);
    expect_debug(rig, CODE + 3, false, 1);
    expect(rig, -1, CODE + 5, false);
    rig->c->rip = CODE;
    rig->c->gpr[RSP] = STACK;
    watch(rig, CODE + 2, 0, 1);
    expect(rig, -1, CODE + 5, false);
    rig_free(rig);
}

/* A single step and a data breakpoint between the elements of a repeated string find RF set. */
static void repeated(void)
{
    static const uint8_t code[] = {0xf3, 0xaa, 0x90, 0xf4}; /* rep stosb; nop; hlt */
    struct rig *rig = prepare(code, sizeof(code));

    rig->c->gpr[RDI] = DATA;
    rig->c->gpr[RCX] = 3;
    rig->c->rflags |= FLAG_TF;
    expect_debug(rig, CODE, true, DR6_BS);
    g_assert_cmpuint(rig->c->gpr[RCX], ==, 2);
    expect_debug(rig, CODE, true, DR6_BS);
    expect_debug(rig, CODE + 2, false, DR6_BS);
    g_assert_cmphex(rig->c->gpr[RDI], ==, DATA + 3);
    rig_free(rig);

    rig = prepare(code, sizeof(code));
    rig->c->gpr[RDI] = DATA;
    rig->c->gpr[RCX] = 20;
    watch(rig, DATA + 5, 1, 1);
    expect_debug(rig, CODE, true, 1);
    g_assert_cmphex(rig->c->gpr[RDI], ==, DATA + 6);
    watch(rig, DATA + 19, 1, 1);
    expect_debug(rig, CODE + 2, false, 1);
    expect(rig, -1, CODE + 4, false);
    rig_free(rig);
}

/* A code breakpoint is met before the instruction, and with RF passed once. */
static void code_breakpoint(void)
{
    static const uint8_t code[] = {0x90, 0xff, 0xc0, 0xe2, 0xfc, 0xf4}; /* nop; inc eax; loop */
    struct rig *rig = prepare(code, sizeof(code));

    rig->c->gpr[RCX] = 2;
    watch(rig, CODE + 1, 0, 1);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t flags;

        expect_debug(rig, CODE + 1, false, 1);
        g_assert_cmpuint(rig->c->gpr[RAX], ==, i);
        bus_copy_from(rig->memory, rig->c->gpr[RSP] + 16, &flags, 8);
        flags |= FLAG_RF;
        rig_load(rig, rig->c->gpr[RSP] + 16, &flags, 8);
    }
    expect(rig, -1, CODE + 6, false);
    g_assert_cmpuint(rig->c->gpr[RAX], ==, 2);
    rig_free(rig);
}

/* Faults push RF, traps do not; MOV DR under GD is a fault and drops GD. */
static void resume_flag(void)
{
    static const uint8_t ud[] = {0x0f, 0x0b}, breakpoint[] = {0xcc};
    static const uint8_t move[] = {0x0f, 0x21, 0xc0, 0xf4}; /* mov rax, dr0; hlt */
    struct rig *rig = prepare(ud, sizeof(ud));

    expect(rig, VEC_UD, CODE, true);
    rig_free(rig);
    rig = prepare(breakpoint, sizeof(breakpoint));
    expect(rig, VEC_BP, CODE + 1, false);
    rig_free(rig);
    rig = prepare(move, sizeof(move));
    rig->c->dr[7] |= 1 << 13;
    rig->c->dr[0] = 0x1234;
    expect_debug(rig, CODE, true, DR6_BD);
    g_assert_cmphex(rig->c->dr[7], ==, 0x400);
    expect(rig, -1, CODE + 4, false);
    g_assert_cmphex(rig->c->gpr[RAX], ==, 0x1234);
    rig_free(rig);
}

/* I/O breakpoints trap behind the instruction, and between the elements of a repeated one. */
static void port_breakpoint(void)
{
    static const uint8_t code[] = {0xe6, PORT_DEBUG, 0xf3, 0x6e, 0x90, 0xf4};
    struct rig *rig = prepare(code, sizeof(code)); /* out; rep outsb; nop; hlt */

    rig->c->cr4 |= CR4_DE;
    rig->c->gpr[RCX] = 2;
    rig->c->gpr[RDX] = PORT_DEBUG;
    rig->c->gpr[RSI] = DATA;
    watch(rig, PORT_DEBUG, 2, 1);
    expect_debug(rig, CODE + 2, false, 1);
    expect_debug(rig, CODE + 2, true, 1);
    expect_debug(rig, CODE + 4, false, 1);
    expect(rig, -1, CODE + 6, false);
    g_assert_cmpuint(rig->console->len, ==, 3);
    rig_free(rig);
}

/* TF in user code, a system call whose mask clears it, and the return: one trap for the call, where
 * user code goes on. */
static void system_call(void)
{
    static const uint8_t code[] = {0x90, 0x48, 0x0f, 0x07};       /* nop; sysretq */
    static const uint8_t user[] = {0x0f, 0x05, 0x90, 0x90, 0xf4}; /* syscall; nop; nop */
    struct rig *rig = prepare(code, sizeof(code));

    rig_load(rig, CODE + 0x100, user, sizeof(user));
    rig->c->msr.star = UINT64_C(0x0010000800000000);
    rig->c->msr.lstar = CODE;
    rig->c->msr.sfmask = FLAG_TF | FLAG_IF;
    rig->c->gpr[RCX] = CODE + 0x100;
    rig->c->gpr[R11] = FLAG_ONE | FLAG_TF;
    expect_debug(rig, CODE + 0x100, false, DR6_BS); /* behind the first SYSRET */
    g_assert_cmpuint(rig->c->gpr[RSP], ==, STACK - 0x800 - 40);
    expect_debug(rig, CODE + 0x102, false, DR6_BS);
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/debug/single-step", single_step);
    g_test_add_func("/x86/debug/shadows", shadows);
    g_test_add_func("/x86/debug/held-back", held_back);
    g_test_add_func("/x86/debug/repeated", repeated);
    g_test_add_func("/x86/debug/code-breakpoint", code_breakpoint);
    g_test_add_func("/x86/debug/resume-flag", resume_flag);
    g_test_add_func("/x86/debug/port-breakpoint", port_breakpoint);
    g_test_add_func("/x86/debug/system-call", system_call);
    return g_test_run();
}
