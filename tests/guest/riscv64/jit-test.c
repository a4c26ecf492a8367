/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translated code does what interpreted code does: the same programs on both, whose whole state
 * and memory must agree at the end, wherever that is.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAMS 60
#define WILD     400

/* How the translated one is run. */
struct how {
    bool one_insn;
    unsigned turn; /* instructions a turn; 0: all at once */
    bool check;    /* by the interpreter, each unit */
};

static uint32_t first_seed(void)
{
    const char *given = g_getenv("VIV_TEST_SEED");

    return given ? strtoul(given, NULL, 0) : 1;
}

static const char *difference(struct rv *a, struct rv *b)
{
    static char text[160];
    g_autoptr(GByteArray) sa = g_byte_array_new(), sb = g_byte_array_new();

    for (unsigned i = 0; i < 32; i++) {
        if (a->c->x[i] != b->c->x[i]) {
            g_snprintf(text, sizeof(text), "x%u %#lx, translated %#lx", i, a->c->x[i], b->c->x[i]);
            return text;
        }
    }
    if (a->c->pc != b->c->pc) {
        g_snprintf(text, sizeof(text), "pc %#lx, translated %#lx", a->c->pc, b->c->pc);
        return text;
    }
    if (a->c->cpu.insns != b->c->cpu.insns) {
        g_snprintf(text, sizeof(text), "%lu instructions, translated %lu", a->c->cpu.insns,
                   b->c->cpu.insns);
        return text;
    }
    riscv_save(a->c, sa);
    riscv_save(b->c, sb);
    if (sa->len != sb->len || memcmp(sa->data, sb->data, sa->len) != 0) {
        g_snprintf(text, sizeof(text), "mcause %lu, translated %lu, or another register",
                   a->c->mcause, b->c->mcause);
        return text;
    }
    return memcmp(a->ram->host, b->ram->host, RV_RAM_SIZE) == 0 ? NULL : "memory";
}

static enum accel_exit run(struct rv *r, uint64_t most, unsigned turn)
{
    enum accel_exit why = ACCEL_EXIT_BUDGET;

    for (uint64_t left = most, n; left > 0 && why == ACCEL_EXIT_BUDGET; left -= n) {
        n = turn && turn < left ? turn : left;
        why = rv_run(r, n);
    }
    return why;
}

static void agree(struct rv *interpreted, struct rv *translated, uint64_t most, unsigned turn,
                  uint32_t seed)
{
    enum accel_exit a = run(interpreted, most, 0), b = run(translated, most, turn);
    const char *what = difference(interpreted, translated);

    if (a != b || what) {
        g_test_message("seed %u: exits %d and %d; %s", seed, a, b, what ? what : "same state");
        g_test_fail();
    }
}

static struct rv *translated(const struct how *how)
{
    return how->check ? rv_new_checked("rv64") : rv_new_jit("rv64", how->one_insn, 1);
}

/* ---- programs that end ---- */

static void programs(gconstpointer data)
{
    const struct how *how = data;
    uint32_t seed = first_seed();

    g_test_message("seeds %u to %u", seed, seed + PROGRAMS - 1);
    for (uint32_t i = seed; i < seed + PROGRAMS && !g_test_failed(); i++) {
        struct program *p = program_new(i);
        struct rv *a = rv_new("rv64"), *b = translated(how);

        program_load(p, a);
        program_load(p, b);
        agree(a, b, 100000, how->turn, i);
        g_assert_cmphex(b->c->mcause, ==, RISCV_EXC_ECALL_U + RISCV_M);
        rv_free(a);
        rv_free(b);
        program_free(p);
    }
}

/* ---- any instructions in any order, with jumps, traps, CSRs and stores into the code ---- */

enum { WILD_CODE = 0x1000, WILD_HANDLER = 0x4000, WILD_LENGTH = 0x1800 };

static uint32_t wild_code(GRand *random)
{
    unsigned n;
    const struct riscv_row *rows = riscv_rows(&n), *row = &rows[g_rand_int_range(random, 0, n)];
    uint32_t any = g_rand_int(random), code = row->match | (any & ~row->mask);

    if ((code & 0x7f) == 0x6f) { /* not too far */
        code = (code & 0xfff) | (any & 0x7e000000) | (any & 0x80000000 ? 0x800ff000 : 0);
    }
    if (row->form == RISCV_FORM_CSR) { /* those that there are */
        static const uint16_t csrs[] = {0x001, 0x002, 0x003, 0x100, 0x104, 0x105, 0x140,
                                        0x141, 0x142, 0x143, 0x144, 0x300, 0x304, 0x305,
                                        0x340, 0x341, 0x342, 0x343, 0x344, 0xc00, 0xc01,
                                        0xc02, 0xb00, 0xb02, 0x302, 0x303, 0x180};

        code = (code & 0xfffff) | (uint32_t)csrs[any >> 20 & 31 ? any % G_N_ELEMENTS(csrs) : 0]
                                      << 20;
    }
    return code;
}

static void wild_load(struct rv *r, uint32_t seed)
{
    GRand *random = g_rand_new_with_seed(seed);
    unsigned at = WILD_CODE;

    while (at < WILD_CODE + WILD_LENGTH) {
        uint32_t code = g_rand_int(random);

        if (g_rand_int(random) & 3) {
            code = wild_code(random);
            memcpy(r->ram->host + at, &code, 4);
            at += 4;
        } else if ((code & 3) != 3) {
            memcpy(r->ram->host + at, &code, 2);
            at += 2;
        }
    }
    /* The handler goes on behind the instruction, 4 bytes further. */
    rv_put(r, WILD_HANDLER,
           (uint32_t[]){rv_csr("csrrs", 30, 0x341, 0), rv_i("addi", 30, 30, 4), rv_u("lui", 29, 7),
                        rv_r("and", 30, 30, 29), rv_u("lui", 29, 1), rv_r("or", 30, 30, 29),
                        rv_csr("csrrw", 0, 0x341, 30), rv_plain("mret")},
           8);
    for (unsigned i = 1; i < 32; i++) {
        r->c->x[i] = g_rand_int(random) & 1
                         ? g_rand_int(random) % RV_RAM_SIZE
                         : (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
        r->c->f[i] = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
    }
    r->c->pc = WILD_CODE;
    r->c->mtvec = WILD_HANDLER;
    r->c->pmpcfg[0] = 0x1f;
    r->c->pmpaddr[0] = UINT64_MAX >> 10;
    r->c->mstatus |= g_rand_int(random) & 1 ? MSTATUS_FS : 0;
    g_rand_free(random);
}

static void wild(gconstpointer data)
{
    const struct how *how = data;
    uint32_t seed = first_seed();

    g_test_message("seeds %u to %u", seed, seed + WILD - 1);
    for (uint32_t i = seed; i < seed + WILD && !g_test_failed(); i++) {
        struct rv *a = rv_new("rv64"), *b = translated(how);

        wild_load(a, i);
        wild_load(b, i);
        agree(a, b, 1500 + i % 7, how->turn, i);
        rv_free(a);
        rv_free(b);
    }
}

/* ---- code that changes ---- */

/* The store before it turns addi a0, a0, 1 into addi a0, a0, 2, in the same unit. */
static void store_ahead(void)
{
    struct rv *r = rv_new_jit("rv64", false, 1);
    uint32_t two = rv_i("addi", 10, 10, 2);

    rv_put(r, 0x1000,
           (uint32_t[]){rv_s("sw", 6, 5, 0), rv_i("addi", 11, 11, 1), rv_i("addi", 10, 10, 1),
                        rv_plain("wfi")},
           4);
    r->c->pc = 0x1000;
    r->c->x[5] = two;
    r->c->x[6] = 0x1008;
    g_assert_cmpint(rv_run(r, 100), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->c->x[10], ==, 2);
    g_assert_cmpuint(r->c->x[11], ==, 1);
    rv_free(r);
}

/* An atomic that is not aligned, in a page whose entry of the TLB must not be used: it has code. */
static void misaligned_atomic(void)
{
    struct rv *r = rv_new_jit("rv64", false, 1);

    for (unsigned at = 1; at < 4; at++) {
        rv_put(r, 0x1000,
               (uint32_t[]){rv_s("sd", 6, 0, 0x100), rv_r("amoswap_d", 10, 7, 11), rv_plain("wfi")},
               3);
        rv_put(r, 0x2000, (uint32_t[]){rv_plain("wfi")}, 1);
        r->c->pc = 0x1000;
        r->c->mtvec = 0x2000;
        r->c->mcause = 0;
        r->c->x[6] = 0x1000;
        r->c->x[7] = 0x1000 + at;
        __atomic_store_n(&r->c->cpu.run_state, CPU_RUNNING, __ATOMIC_RELAXED);
        g_assert_cmpint(rv_run(r, 100), ==, ACCEL_EXIT_HALT);
        g_assert_cmpuint(r->c->mcause, ==, RISCV_EXC_STORE_MISALIGNED);
        g_assert_cmpuint(r->c->mtval, ==, 0x1000 + at);
    }
    rv_free(r);
}

/* A device writes code that has run; after fence.i the new one runs, linked units included. */
static void device_writes_code(void)
{
    struct rv *r = rv_new_jit("rv64", false, 1);
    uint32_t two = rv_i("addi", 10, 10, 2);

    /* A loop of three units; one turn is five instructions. */
    rv_put(r, 0x1000,
           (uint32_t[]){rv_i("addi", 10, 10, 1), 0x0040006f /* j .+4 */, rv_i("addi", 5, 5, 1),
                        rv_plain("fence_i"), 0xff1ff06f /* j .-16 */},
           5);
    r->c->pc = 0x1000;
    g_assert_cmpint(rv_run(r, 50), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmpuint(r->c->x[10], ==, 10);
    memcpy(r->ram->host + 0x1000, &two, 4);
    g_assert_true(ram_wrote(r->ram, 0x1000, 4));
    g_assert_cmpint(rv_run(r, 50), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmpuint(r->c->x[10], ==, 30);
    rv_free(r);
}

/* More code than fits: all of it goes, again and again, and what runs stays right. */
static void small_memory(void)
{
    struct rv *a = rv_new("rv64"), *b = rv_new_jit("rv64", false, 1);
    struct rv *const both[] = {a, b};

    for (unsigned k = 0; k < 2; k++) {
        struct rv *r = both[k];

        /* 0xc0000 bytes of loads, a jump back at the end. */
        for (gpa at = 0x1000; at < 0xc1000; at += 4) {
            rv_put(r, at, (uint32_t[]){rv_i("lw", 10 + at / 4 % 8, 6, at / 4 % 512)}, 1);
        }
        rv_put(r, 0xc1000, (uint32_t[]){rv_i("jalr", 0, 7, 0)}, 1);
        r->c->pc = r->c->x[7] = 0x1000;
        r->c->x[6] = 0xd0000;
    }
    agree(a, b, 800000, 0, 0);
    rv_free(a);
    rv_free(b);
}

int main(int argc, char **argv)
{
    static const struct how plain = {false, 0}, single = {true, 0}, turns = {false, 13},
                            check = {.check = true};

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/riscv64/jit/programs", &plain, programs);
    g_test_add_data_func("/riscv64/jit/programs-one-insn", &single, programs);
    g_test_add_data_func("/riscv64/jit/programs-turns", &turns, programs);
    g_test_add_data_func("/riscv64/jit/wild", &plain, wild);
    g_test_add_data_func("/riscv64/jit/wild-one-insn", &single, wild);
    g_test_add_data_func("/riscv64/jit/wild-turns", &turns, wild);
    g_test_add_data_func("/riscv64/jit/programs-checked", &check, programs);
    g_test_add_data_func("/riscv64/jit/wild-checked", &check, wild);
    g_test_add_func("/riscv64/jit/store-ahead", store_ahead);
    g_test_add_func("/riscv64/jit/misaligned-atomic", misaligned_atomic);
    g_test_add_func("/riscv64/jit/device-writes-code", device_writes_code);
    g_test_add_func("/riscv64/jit/small-memory", small_memory);
    return g_test_run();
}
