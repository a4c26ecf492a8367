/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter on small programs: modes, code that changes itself, counting, page ends. */
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "rig.h"

#define SHUTDOWN X86_EXIT_SHUTDOWN

/*
 * Real mode at 7C00h: prints "real ", loads a GDT, enters protected mode, prints "protected ",
 * makes page tables at 10000h with 2 MiB pages, enters long mode, prints "long\n" with REP OUTSB,
 * sums 1..100000 to [6000h] and ends with UD2 (no IDT: a triple fault).
 */
static const uint8_t modes[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xbe, 0x05, 0x7d, 0xe8,
    0x15, 0x00, 0x0f, 0x01, 0x16, 0x40, 0x7d, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x66,
    0xea, 0x33, 0x7c, 0x00, 0x00, 0x08, 0x00, 0xba, 0xe9, 0x00, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee,
    0xeb, 0xf8, 0xc3, 0x66, 0xb8, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70,
    0x00, 0x00, 0xbe, 0x0b, 0x7d, 0x00, 0x00, 0xe8, 0x6e, 0x00, 0x00, 0x00, 0xbf, 0x00, 0x00, 0x01,
    0x00, 0x31, 0xc0, 0xb9, 0x00, 0x0c, 0x00, 0x00, 0xf3, 0xab, 0xc7, 0x05, 0x00, 0x00, 0x01, 0x00,
    0x03, 0x10, 0x01, 0x00, 0xc7, 0x05, 0x00, 0x10, 0x01, 0x00, 0x03, 0x20, 0x01, 0x00, 0xbf, 0x00,
    0x20, 0x01, 0x00, 0xb8, 0x83, 0x00, 0x00, 0x00, 0xb9, 0x08, 0x00, 0x00, 0x00, 0x89, 0x07, 0x05,
    0x00, 0x00, 0x20, 0x00, 0x83, 0xc7, 0x08, 0xe2, 0xf4, 0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f,
    0x22, 0xe0, 0xb8, 0x00, 0x00, 0x01, 0x00, 0x0f, 0x22, 0xd8, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f,
    0x32, 0x0d, 0x00, 0x01, 0x00, 0x00, 0x0f, 0x30, 0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00, 0x00, 0x80,
    0x0f, 0x22, 0xc0, 0xea, 0xc7, 0x7c, 0x00, 0x00, 0x18, 0x00, 0x66, 0xba, 0xe9, 0x00, 0xac, 0x84,
    0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xc3, 0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xd0, 0x48, 0xc7,
    0xc4, 0x00, 0x70, 0x00, 0x00, 0x48, 0x8d, 0x35, 0x3a, 0x00, 0x00, 0x00, 0x48, 0xc7, 0xc1, 0x05,
    0x00, 0x00, 0x00, 0x66, 0xba, 0xe9, 0x00, 0xf3, 0x6e, 0x31, 0xc0, 0x48, 0xc7, 0xc1, 0xa0, 0x86,
    0x01, 0x00, 0x48, 0x01, 0xc8, 0x48, 0xff, 0xc9, 0x75, 0xf8, 0x48, 0x89, 0x04, 0x25, 0x00, 0x60,
    0x00, 0x00, 0x0f, 0x0b, 0xf4, 0x72, 0x65, 0x61, 0x6c, 0x20, 0x00, 0x70, 0x72, 0x6f, 0x74, 0x65,
    0x63, 0x74, 0x65, 0x64, 0x20, 0x00, 0x6c, 0x6f, 0x6e, 0x67, 0x0a, 0x0f, 0x1f, 0x44, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xaf, 0x00,
    0x1f, 0x00, 0x20, 0x7d, 0x00, 0x00,
};

static void all_modes(void)
{
    struct rig *rig = rig_new();
    uint64_t sum;

    rig_enter(rig, 16, 0x7c00, 0x7000);
    rig_load(rig, 0x7c00, modes, sizeof(modes));
    g_assert_cmpint(x86_interp_run(rig->c, false), ==, SHUTDOWN);
    g_assert_cmpstr(rig->console->str, ==, "real protected long\n");
    g_assert_cmpint(bus_copy_from(rig->memory, 0x6000, &sum, 8), ==, BUS_OK);
    g_assert_cmpuint(sum, ==, UINT64_C(100000) * 100001 / 2);
    g_assert_true(rig->c->mode & MODE_CODE64);
    rig_free(rig);
}

/* inc eax; jmp back: a budget stops it exactly, wherever the blocks end. */
static void budget(void)
{
    static const uint8_t code[] = {0x48, 0xff, 0xc0, 0x48, 0xff, 0xc3, 0xeb, 0xf8};
    struct rig *rig = rig_new();

    rig_enter(rig, 64, 0x8000, 0x7000);
    rig_load(rig, 0x8000, code, sizeof(code));
    rig->c->gpr[RAX] = rig->c->gpr[RBX] = 0;
    for (unsigned total = 0, n = 1; n < 50; n++) {
        rig->c->cpu.budget = n;
        g_assert_cmpint(x86_interp_run(rig->c, true), ==, X86_EXIT_BUDGET);
        g_assert_cmpuint(rig->c->cpu.budget, ==, 0);
        total += n;
        g_assert_cmpuint(rig->c->cpu.insns, ==, total);
        g_assert_cmpuint(rig->c->gpr[RAX], ==, (total + 2) / 3);
        g_assert_cmpuint(rig->c->gpr[RBX], ==, (total + 1) / 3);
    }
    rig_free(rig);
}

/*
 * mov byte [rip+1], 5 ; mov al, 1 ; ... ; hlt: the store changes the next instruction's immediate,
 * which is in the same block.
 */
static void changes_itself(void)
{
    static const uint8_t code[] = {0xc6, 0x05, 0x01, 0, 0, 0, 5, /* mov byte [rip+1], 5 */
                                   0xb0, 1,                      /* mov al, 1 */
                                   0x00, 0xc3,                   /* add bl, al */
                                   0xf4};
    struct rig *rig = rig_new();

    for (unsigned twice = 0; twice < 2; twice++) {
        rig_enter(rig, 64, 0x8000, 0x7000);
        rig_load(rig, 0x8000, code, sizeof(code));
        ram_wrote(rig->ram, 0x8000, sizeof(code));
        rig->c->gpr[RBX] = 0;
        rig->c->cpu.run_state = CPU_RUNNING;
        g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
        g_assert_cmpuint(rig->c->gpr[RBX], ==, 5);
    }
    rig_free(rig);
}

/* An instruction across two pages, run twice, then changed in its second page. */
static void crosses_pages(void)
{
    /* mov eax, imm32 from 8FFDh; hlt */
    static const uint8_t code[] = {0xb8, 1, 2, 3, 4, 0xf4};
    struct rig *rig = rig_new();
    uint8_t change = 9;

    rig_load(rig, 0x8ffd, code, sizeof(code));
    for (unsigned i = 0; i < 3; i++) {
        rig_enter(rig, 64, 0x8ffd, 0x7000);
        rig->c->cpu.run_state = CPU_RUNNING;
        g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
        g_assert_cmphex(rig->c->gpr[RAX], ==, i < 2 ? 0x04030201 : 0x09030201);
        g_assert_cmphex(rig->c->rip, ==, 0x9003);
        if (i == 1) {
            rig_load(rig, 0x9001, &change, 1);
            ram_wrote(rig->ram, 0x9001, 1);
        }
    }
    rig_free(rig);
}

/* REP MOVSB with every distance between source and destination, beside the same by elements. */
static void repeated_moves(void)
{
    static const uint8_t code[] = {0xf3, 0xa4, 0xf4};
    static const uint8_t slow[] = {0xa4, 0xe2, 0xfd, 0xf4}; /* movsb; loop */
    struct rig *rig = rig_new();

    rig_load(rig, 0x8000, code, sizeof(code));
    rig_load(rig, 0x8100, slow, sizeof(slow));
    for (int distance = -70; distance < 70; distance++) {
        uint8_t result[2][0x3000], data[0x3000];

        for (unsigned i = 0; i < sizeof(data); i++) {
            data[i] = i * 7 + (i >> 8);
        }
        for (unsigned way = 0; way < 2; way++) {
            rig_load(rig, 0x20000, data, sizeof(data));
            rig_enter(rig, 64, way ? 0x8100 : 0x8000, 0x7000);
            rig->c->gpr[RSI] = 0x20100;
            rig->c->gpr[RDI] = 0x20100 + distance;
            rig->c->gpr[RCX] = 0x1e03;
            rig->c->cpu.run_state = CPU_RUNNING;
            g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
            g_assert_cmphex(rig->c->gpr[RCX], ==, 0);
            g_assert_cmphex(rig->c->gpr[RSI], ==, 0x20100 + 0x1e03);
            g_assert_cmphex(rig->c->gpr[RDI], ==, 0x20100 + 0x1e03 + distance);
            bus_copy_from(rig->memory, 0x20000, result[way], sizeof(data));
        }
        g_assert_cmpmem(result[0], sizeof(data), result[1], sizeof(data));
    }
    rig_free(rig);
}

/* inc eax; rep string; inc ebx; hlt, with RCX = count; and how many elements are done of it. */
struct repeated {
    const char *name;
    uint8_t code[2]; /* behind the prefix */
    uint8_t prefix;
    unsigned count, elements;
};

/* Finds 'x' at the 30th place. */
static const struct repeated repeats[] = {
    {"rep movsb", {0xa4}, 0xf3, 5000, 5000},      {"rep movsq", {0x48, 0xa5}, 0xf3, 700, 700},
    {"rep stosd", {0xab}, 0xf3, 1025, 1025},      {"rep lodsw", {0x66, 0xad}, 0xf3, 33, 33},
    {"repe cmpsb", {0xa6}, 0xf3, 60, 60},         {"repne scasb", {0xae}, 0xf2, 60, 30},
    {"rep outsb", {0x6e}, 0xf3, 17, 17},          {"rep insb", {0x6c}, 0xf3, 40, 40},
    {"rep movsb of nothing", {0xa4}, 0xf3, 0, 1},
};

static void enter_repeated(struct rig *rig, const struct repeated *r)
{
    uint8_t code[8] = {0xff, 0xc0}, data[0x100];
    unsigned n = 2;

    if (r->code[0] == 0x66) {
        code[n++] = 0x66;
        code[n++] = r->prefix;
        code[n++] = r->code[1];
    } else {
        code[n++] = r->prefix;
        code[n++] = r->code[0];
        code[n] = r->code[1];
        n += r->code[1] != 0;
    }
    code[n++] = 0xff;
    code[n++] = 0xc3;
    code[n++] = 0xf4;
    memset(data, '.', sizeof(data));
    rig_load(rig, 0x20000, data, sizeof(data));
    data[29] = 'x';
    rig_load(rig, 0x30000, data, sizeof(data));
    if (r->code[0] == 0xa6) {
        rig_load(rig, 0x30000, data + 40, 60);
    }
    rig_load(rig, 0x8000, code, n);
    ram_wrote(rig->ram, 0x8000, n);
    rig_enter(rig, 64, 0x8000, 0x7000);
    memset(rig->c->gpr, 0, sizeof(rig->c->gpr));
    rig->c->gpr[RAX] = 'x' - 1;
    rig->c->gpr[RCX] = r->count;
    rig->c->gpr[RDX] = 0xe9;
    rig->c->gpr[RSI] = 0x20000;
    rig->c->gpr[RDI] = 0x30000;
    rig->c->cpu.run_state = CPU_RUNNING;
    rig->c->cpu.insns = 0;
}

/* An element is an instruction of virtual time, however the run is cut into budgets. */
static void repeats_count(void)
{
    static const unsigned slices[] = {1, 2, 3, 7, 64, 100, 4096, 100000};
    struct rig *rig = rig_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(repeats); i++) {
        const struct repeated *r = &repeats[i];
        unsigned want = r->elements + 3, left = r->count - (r->count ? r->elements : 0);

        g_test_message("%s", r->name);
        for (unsigned s = 0; s < G_N_ELEMENTS(slices); s++) {
            enum x86_exit why = X86_EXIT_BUDGET;

            enter_repeated(rig, r);
            for (unsigned total = 0; why == X86_EXIT_BUDGET; total += slices[s]) {
                g_assert_cmpuint(rig->c->cpu.insns, ==, total);
                g_assert_cmpuint(total, <, want);
                rig->c->cpu.budget = slices[s];
                why = x86_interp_run(rig->c, true);
            }
            g_assert_cmpint(why, ==, X86_EXIT_HALT);
            g_assert_cmpuint(rig->c->cpu.insns, ==, want);
            g_assert_cmpuint(rig->c->cpu.budget, ==, (slices[s] - want % slices[s]) % slices[s]);
            g_assert_cmpuint(rig->c->gpr[RCX], ==, left);
            g_assert_cmpuint(rig->c->gpr[RBX], ==, 1);
        }
        enter_repeated(rig, r); /* not counting: the same number */
        g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
        g_assert_cmpuint(rig->c->cpu.insns, ==, want);
    }
    rig_free(rig);
}

/*
 * An interrupt that falls due inside a repeated string is taken there, between two elements, and
 * the string goes on behind it. Real mode: NMI's handler is "mov bp, cx; iret".
 */
static void repeat_interrupted(void)
{
    static const uint8_t code[] = {0xf3, 0xaa, 0xf4}, handler[] = {0x89, 0xcd, 0xcf};
    static const uint16_t vector[] = {0x9000, 0};
    struct rig *rig = rig_new();

    rig_load(rig, 0x8000, code, sizeof(code));
    rig_load(rig, 0x9000, handler, sizeof(handler));
    rig_load(rig, 2 * 4, vector, sizeof(vector));
    for (unsigned due = 1; due < 100; due++) {
        rig_enter(rig, 16, 0x8000, 0x7000);
        rig->c->idtr = (struct x86_table){.base = 0, .limit = 0x3ff};
        rig->c->gpr[RCX] = 100;
        rig->c->gpr[RDI] = 0x4000;
        rig->c->gpr[RBP] = 0;
        rig->c->cpu.run_state = CPU_RUNNING;
        rig->c->cpu.insns = 0;
        rig->c->cpu.budget = due;
        g_assert_cmpint(x86_interp_run(rig->c, true), ==, X86_EXIT_BUDGET);
        g_assert_cmpuint(rig->c->gpr[RCX], ==, 100 - due);
        g_assert_cmphex(rig->c->rip, ==, 0x8000);
        cpu_raise(&rig->c->cpu, CPU_PENDING_NMI);
        rig->c->cpu.exit_request = 0; /* as the machine does when it comes back */
        rig->c->cpu.budget = 1000;
        g_assert_cmpint(x86_interp_run(rig->c, true), ==, X86_EXIT_HALT);
        g_assert_cmpuint(rig->c->gpr[RBP], ==, 100 - due);
        g_assert_cmpuint(rig->c->gpr[RCX], ==, 0);
        g_assert_cmpuint(rig->c->gpr[RDI], ==, 0x4064);
        g_assert_cmpuint(rig->c->cpu.insns, ==, 100 + 2 + 1);
    }
    rig_free(rig);
}

/* Carries worked out inline, beside the obvious version. */
static void carries(void)
{
    struct rig *rig = rig_new();

    for (unsigned i = 0; i < 100000; i++) {
        unsigned kind = g_test_rand_int_range(LAZY_NONE, LAZY_DEC + 1);
        unsigned size = g_test_rand_int_range(0, 4);
        uint64_t mask = UINT64_MAX >> (64 - (8 << size));
        uint64_t r = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        uint64_t b = i % 3 ? (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int() : r;

        x86_flags_lazy(rig->c, kind, size, r & mask,
                       kind == LAZY_INC || kind == LAZY_DEC ? b & 1 : b & mask);
        g_assert_cmpint(x86_carry_fast(rig->c), ==, x86_carry(rig->c));
    }
    rig_free(rig);
}

/* A random instruction on registers of 32 or 64 bits; returns its length. */
static unsigned random_insn(uint8_t *to)
{
    static const uint8_t alu[] = {0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31,
                                  0x39, 0x85, 0x89, 0x03, 0x2b, 0x63};
    static const uint8_t shifts[] = {0xc1, 0xd1, 0xd3};
    unsigned n = 0, which = g_test_rand_int_range(0, 10);

    to[n++] = g_test_rand_int_range(0x40, 0x50);
    if (which < 4) { /* a shift, a rotate */
        uint8_t op = shifts[g_test_rand_int_range(0, 3)];

        to[n++] = op;
        to[n++] = g_test_rand_int_range(0xc0, 0x100);
        if (op == 0xc1) {
            to[n++] = g_test_rand_int_range(0, 70);
        }
    } else if (which == 4) { /* inc, dec */
        to[n++] = 0xff;
        to[n++] = g_test_rand_int_range(0xc0, 0xd0);
    } else if (which == 5) { /* imul, movzx, setcc */
        to[n++] = 0x0f;
        to[n++] = g_test_rand_bit() ? 0xaf : g_test_rand_bit() ? 0xb6 : 0x92;
        to[n++] = g_test_rand_int_range(0xc0, 0x100);
    } else if (which == 6) {
        to[n++] = g_test_rand_bit() ? 0x6b : 0x83;
        to[n++] = g_test_rand_int_range(0xc0, 0x100);
        to[n++] = g_test_rand_int();
    } else {
        to[n++] = alu[g_test_rand_int_range(0, G_N_ELEMENTS(alu))];
        to[n++] = g_test_rand_int_range(0xc0, 0x100);
    }
    return n;
}

static void random_registers(struct rig *rig, uint64_t *gpr)
{
    memcpy(rig->c->gpr, gpr, sizeof(rig->c->gpr));
    rig->c->rip = 0x8000;
    rig->c->cpu.run_state = CPU_RUNNING;
    rig->c->cpu.insns = 0;
    x86_flags_set(rig->c, 0);
}

/*
 * Blocks in which dead flags are not computed (flagless.h), beside the exact handlers, which run
 * when a budget cuts the block; and stops at every place in between find the exact flags.
 */
static void dead_flags(void)
{
    struct rig *rig = rig_new();

    rig_enter(rig, 64, 0x8000, 0x7000);
    for (unsigned round = 0; round < 500; round++) {
        uint8_t code[512];
        uint64_t gpr[16], flags[64], want[16];
        unsigned n = g_test_rand_int_range(2, 60), len = 0;

        for (unsigned i = 0; i < 16; i++) {
            gpr[i] = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        }
        for (unsigned i = 0; i < n; i++) {
            len += random_insn(code + len);
        }
        code[len++] = 0xf4;
        rig_load(rig, 0x8000, code, len);
        ram_wrote(rig->ram, 0x8000, len);
        random_registers(rig, gpr);
        for (unsigned i = 0; i < n; i++) {
            rig->c->cpu.budget = 1;
            g_assert_cmpint(x86_interp_run(rig->c, true), ==, X86_EXIT_BUDGET);
            flags[i] = x86_flags_get(rig->c);
        }
        memcpy(want, rig->c->gpr, sizeof(want));
        random_registers(rig, gpr);
        g_assert_cmpint(x86_interp_run(rig->c, false), ==, X86_EXIT_HALT);
        g_assert_cmpmem(rig->c->gpr, sizeof(want), want, sizeof(want));
        g_assert_cmphex(x86_flags_get(rig->c), ==, flags[n - 1]);
        random_registers(rig, gpr);
        unsigned cut = g_test_rand_int_range(1, n + 1);

        rig->c->cpu.budget = cut;
        g_assert_cmpint(x86_interp_run(rig->c, true), ==, X86_EXIT_BUDGET);
        g_assert_cmphex(x86_flags_get(rig->c), ==, flags[cut - 1]);
    }
    rig_free(rig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/interp/modes", all_modes);
    g_test_add_func("/x86/interp/budget", budget);
    g_test_add_func("/x86/interp/changes-itself", changes_itself);
    g_test_add_func("/x86/interp/crosses-pages", crosses_pages);
    g_test_add_func("/x86/interp/repeated-moves", repeated_moves);
    g_test_add_func("/x86/interp/repeats-count", repeats_count);
    g_test_add_func("/x86/interp/repeat-interrupted", repeat_interrupted);
    g_test_add_func("/x86/interp/carries", carries);
    g_test_add_func("/x86/interp/dead-flags", dead_flags);
    return g_test_run();
}
