/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes, traps, interrupts, translation, protection and code that changes: what programs of a user
 * do not reach. Expected values are the manuals'. */
#include "rv.h"

#include "machine/guest/riscv64/trap.h"

#define M_HANDLER 0x2000
#define S_HANDLER 0x3000
#define CODE      0x1000
#define TABLE     0x8000 /* page tables from here */

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_A 0x40
#define PTE_D 0x80

#define PUT(r, addr, ...) \
    rv_put(r, addr, (uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Both handlers wait; all memory is everybody's. */
static struct rv *ready(const char *cpu)
{
    struct rv *r = rv_new(cpu);

    PUT(r, M_HANDLER, rv_plain("wfi"));
    PUT(r, S_HANDLER, rv_plain("wfi"));
    r->c->mtvec = M_HANDLER;
    r->c->stvec = S_HANDLER;
    r->c->pmpcfg[0] = 0x1f; /* NAPOT, RWX */
    r->c->pmpaddr[0] = UINT64_MAX >> 10;
    r->c->pc = CODE;
    return r;
}

/* Enters `priv` by mret at CODE; what follows there is the test's. */
static void enter(struct rv *r, unsigned priv, uint64_t pc)
{
    PUT(r, 0x400, rv_plain("mret"));
    r->c->mstatus = (r->c->mstatus & ~MSTATUS_MPP) | (uint64_t)priv << MSTATUS_MPP_SHIFT;
    r->c->mepc = pc;
    r->c->pc = 0x400;
    r->c->cpu.run_state = CPU_RUNNING;
    riscv_set_priv(r->c, RISCV_M);
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmpuint(r->c->priv, ==, priv);
    g_assert_cmphex(r->c->pc, ==, pc);
}

static void words(void)
{
    struct rv *r = ready("rv64");

    r->c->x[1] = UINT64_C(0x1234567800000000);
    PUT(r, CODE, rv_i("ctzw", 2, 1, 0), rv_i("clzw", 3, 1, 0), rv_i("ctz", 4, 1, 0),
        rv_plain("wfi"));
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->c->x[2], ==, 32);
    g_assert_cmpuint(r->c->x[3], ==, 32);
    g_assert_cmpuint(r->c->x[4], ==, 35);
    rv_free(r);
}

static void delegation(void)
{
    struct rv *r = ready("rv64");

    PUT(r, CODE, rv_plain("ecall"));
    enter(r, RISCV_U, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_ECALL_U);
    g_assert_cmphex(r->c->mepc, ==, CODE);
    g_assert_cmphex(r->c->pc, ==, M_HANDLER + 4);
    g_assert_cmpuint((r->c->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT, ==, RISCV_U);
    rv_free(r);

    r = ready("rv64");
    PUT(r, CODE, rv_plain("ecall"));
    r->c->medeleg = 1 << RISCV_EXC_ECALL_U;
    r->c->mstatus |= MSTATUS_SIE;
    enter(r, RISCV_U, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->c->priv, ==, RISCV_S);
    g_assert_cmphex(r->c->scause, ==, RISCV_EXC_ECALL_U);
    g_assert_cmphex(r->c->sepc, ==, CODE);
    g_assert_false(r->c->mstatus & (MSTATUS_SPP | MSTATUS_SIE));
    g_assert_true(r->c->mstatus & MSTATUS_SPIE);
    rv_free(r);
}

static void expect_illegal(const char *cpu, unsigned priv, uint32_t code)
{
    struct rv *r = ready(cpu);

    PUT(r, CODE, code);
    enter(r, priv, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_ILLEGAL);
    g_assert_cmphex(r->c->mtval, ==, code);
    rv_free(r);
}

static void illegal(void)
{
    expect_illegal("rv64", RISCV_M, UINT32_MAX);
    expect_illegal("rv64", RISCV_S, rv_plain("mret"));
    expect_illegal("rv64", RISCV_U, rv_plain("sret"));
    expect_illegal("rv64", RISCV_U, rv_plain("wfi"));
    expect_illegal("rv64", RISCV_U, rv_csr("csrrs", 1, 0x180, 0));
    expect_illegal("rv64", RISCV_M, rv_csr("csrrwi", 0, 0xf14, 1));
    expect_illegal("rv64", RISCV_S, rv_csr("csrrs", 1, 0xc01, 0)); /* mcounteren is 0 */
    expect_illegal("rv64", RISCV_M, rv_r("fadd_d", 1, 2, 3));      /* mstatus.FS is 0 */
    expect_illegal("rv64,zba=off", RISCV_M, rv_r("sh1add", 1, 2, 3));
}

static void interrupts(void)
{
    struct rv *r = ready("rv64");

    PUT(r, CODE, rv_plain("wfi"));
    PUT(r, CODE + 4, rv_i("addi", 1, 1, 1), rv_plain("wfi"));
    r->c->mie = 1 << RISCV_IRQ_MTI | 1 << RISCV_IRQ_SSI;
    r->c->mtvec = M_HANDLER | 1;
    PUT(r, M_HANDLER + 4 * RISCV_IRQ_MTI, rv_plain("wfi"));
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_false(riscv_has_work(&r->c->cpu));

    /* Pending but masked: WFI goes on, no trap. */
    cpu_raise(&r->c->cpu, RISCV_PENDING_MTI);
    g_assert_true(riscv_has_work(&r->c->cpu));
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmpuint(r->c->x[1], ==, 1);
    g_assert_cmphex(r->c->mcause, ==, 0);

    r->c->mstatus |= MSTATUS_MIE;
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmphex(r->c->mcause, ==, UINT64_C(1) << 63 | RISCV_IRQ_MTI);
    g_assert_cmphex(r->c->pc, ==, M_HANDLER + 4 * RISCV_IRQ_MTI + 4);
    g_assert_false(r->c->mstatus & MSTATUS_MIE);

    /* An edge from the other harts' software interrupt stays until software takes it away. */
    cpu_lower(&r->c->cpu, RISCV_PENDING_MTI);
    r->c->mideleg = 1 << RISCV_IRQ_SSI;
    PUT(r, CODE, rv_i("addi", 2, 2, 1));
    enter(r, RISCV_U, CODE);
    cpu_raise(&r->c->cpu, RISCV_PENDING_SSI);
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmphex(r->c->scause, ==, UINT64_C(1) << 63 | RISCV_IRQ_SSI);
    g_assert_true(r->c->mip & 1 << RISCV_IRQ_SSI);
    rv_free(r);
}

/* A set of another bit does not make the controller's line software's own. */
static void external_line(void)
{
    struct rv *r = ready("rv64");

    cpu_raise(&r->c->cpu, RISCV_PENDING_SEI);
    PUT(r, CODE, rv_csr("csrrsi", 1, 0x344, 1 << RISCV_IRQ_SSI), rv_plain("wfi"));
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmphex(r->c->x[1], ==, 1 << RISCV_IRQ_SEI);
    g_assert_cmphex(r->c->mip, ==, 1 << RISCV_IRQ_SSI);
    cpu_lower(&r->c->cpu, RISCV_PENDING_SEI);
    r->c->x[2] = 1 << RISCV_IRQ_SEI;
    PUT(r, CODE + 4, rv_csr("csrrs", 1, 0x344, 2), rv_csr("csrrc", 3, 0x344, 2), rv_plain("wfi"));
    g_assert_cmpint(rv_run(r, 2), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmphex(r->c->x[1], ==, 1 << RISCV_IRQ_SSI);
    g_assert_cmphex(r->c->x[3], ==, 1 << RISCV_IRQ_SSI | 1 << RISCV_IRQ_SEI);
    g_assert_cmphex(r->c->mip, ==, 1 << RISCV_IRQ_SSI);
    rv_free(r);
}

static void timer(void)
{
    struct rv *r = ready("rv64");

    r->time = 77;
    r->c->menvcfg = MENVCFG_STCE;
    r->c->mcounteren = 2;
    r->c->x[5] = 99;
    PUT(r, CODE, rv_csr("csrrs", 1, 0xc01, 0), rv_csr("csrrw", 0, 0x14d, 5), rv_plain("wfi"));
    enter(r, RISCV_S, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->c->x[1], ==, 77);
    g_assert_cmpuint(r->stimecmp, ==, 99);
    rv_free(r);
}

/* An identity map of 4 KiB pages of the first 2 MiB by `levels`, all of it `bits`. */
static void map(struct rv *r, unsigned levels, uint64_t bits)
{
    gpa table = TABLE;

    for (unsigned level = levels; level-- > 1; table += 0x1000) {
        rv_write64(r, table, (table + 0x1000) >> 12 << 10 | PTE_V);
    }
    for (unsigned i = 0; i < 512; i++) {
        rv_write64(r, table + i * 8, (uint64_t)i << 10 | bits);
    }
    r->c->satp = (uint64_t)(levels + 5) << 60 | TABLE >> 12;
    tlb_flush(&r->c->cpu.tlb);
}

static gpa entry(unsigned levels, uint64_t va)
{
    return TABLE + (levels - 1) * 0x1000 + (va >> 12) * 8;
}

#define ALL (PTE_V | PTE_R | PTE_W | PTE_X)

static void translation(void)
{
    for (unsigned levels = 3; levels <= 5; levels++) {
        struct rv *r = ready("rv64");

        map(r, levels, ALL);
        r->c->x[2] = 0x40000;
        rv_write64(r, 0x40008, 123);
        PUT(r, CODE, rv_i("ld", 1, 2, 8), rv_s("sd", 2, 1, 16), rv_plain("wfi"));
        enter(r, RISCV_S, CODE);
        g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
        g_assert_cmpuint(r->c->x[1], ==, 123);
        g_assert_cmphex(rv_read64(r, entry(levels, 0x40000)) & 0xff, ==, ALL | PTE_A);
        g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
        g_assert_cmpuint(rv_read64(r, 0x40010), ==, 123);
        g_assert_cmphex(rv_read64(r, entry(levels, 0x40000)) & 0xff, ==, ALL | PTE_A | PTE_D);
        rv_free(r);
    }
}

/* A load, or a store, of S or U from a page with these bits: the cause, or -1. */
static int cause_of(unsigned priv, uint64_t bits, uint64_t status, uint32_t code)
{
    struct rv *r = ready("rv64");
    int cause = -1;

    map(r, 3, ALL | (priv == RISCV_U ? PTE_U : 0));
    rv_write64(r, entry(3, 0x40000), 0x40 << 10 | bits);
    r->c->x[2] = 0x40000;
    r->c->mstatus |= status;
    PUT(r, CODE, code);
    enter(r, priv, CODE);
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    if (r->c->priv == RISCV_M) {
        cause = r->c->mcause;
        g_assert_cmphex(r->c->mtval, ==, 0x40000);
        g_assert_cmphex(r->c->mepc, ==, CODE);
    }
    rv_free(r);
    return cause;
}

static void permissions(void)
{
    uint32_t load = rv_i("ld", 1, 2, 0), store = rv_s("sd", 2, 1, 0);
    uint32_t swap = rv_r("amoswap_d", 1, 2, 3);

    g_assert_cmpint(cause_of(RISCV_S, ALL, 0, load), ==, -1);
    g_assert_cmpint(cause_of(RISCV_S, 0, 0, load), ==, RISCV_EXC_LOAD_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, PTE_V | PTE_R, 0, store), ==, RISCV_EXC_STORE_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, PTE_V | PTE_R, 0, swap), ==, RISCV_EXC_STORE_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, PTE_V | PTE_X, 0, load), ==, RISCV_EXC_LOAD_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, PTE_V | PTE_X, MSTATUS_MXR, load), ==, -1);
    g_assert_cmpint(cause_of(RISCV_S, PTE_V | PTE_W, 0, store), ==, RISCV_EXC_STORE_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, ALL | PTE_U, 0, load), ==, RISCV_EXC_LOAD_PAGE);
    g_assert_cmpint(cause_of(RISCV_S, ALL | PTE_U, MSTATUS_SUM, load), ==, -1);
    g_assert_cmpint(cause_of(RISCV_U, ALL, 0, load), ==, RISCV_EXC_LOAD_PAGE);
    g_assert_cmpint(cause_of(RISCV_U, ALL | PTE_U, 0, store), ==, -1);
}

static void protection(void)
{
    struct rv *r = ready("rv64");

    /* Everything but [40000, 40100) is everybody's. */
    r->c->pmpaddr[1] = r->c->pmpaddr[0];
    r->c->pmpcfg[1] = r->c->pmpcfg[0];
    r->c->pmpaddr[0] = (0x40000 | 0x7f) >> 2;
    r->c->pmpcfg[0] = 0x18;
    r->c->x[2] = 0x40100;
    r->c->x[3] = 0x40000;
    PUT(r, CODE, rv_i("ld", 1, 2, 0), rv_i("ld", 1, 3, 0));
    enter(r, RISCV_S, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_LOAD_ACCESS);
    g_assert_cmphex(r->c->mepc, ==, CODE + 4);
    rv_free(r);

    r = ready("rv64");
    r->c->pmpcfg[0] = 0; /* no rule at all: only M */
    PUT(r, CODE, rv_i("addi", 1, 0, 1));
    enter(r, RISCV_S, CODE);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_FETCH_ACCESS);
    rv_free(r);
}

static void devices(void)
{
    struct rv *r = ready("rv64");

    r->c->x[2] = RV_DEVICE;
    r->c->x[3] = 0x20000000; /* nobody there */
    r->c->x[4] = 42;
    PUT(r, CODE, rv_s("sd", 2, 4, 0), rv_i("ld", 5, 2, 0), rv_i("ld", 6, 3, 0));
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->device, ==, 42);
    g_assert_cmpuint(r->c->x[5], ==, 42);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_LOAD_ACCESS);
    g_assert_cmphex(r->c->mtval, ==, 0x20000000);
    rv_free(r);
}

/* A store to the next instruction counts at once, as QEMU has it, and with fence.i it must. */
static void changing_code(void)
{
    struct rv *r = ready("rv64");

    r->c->x[2] = CODE;
    r->c->x[3] = rv_i("addi", 1, 0, 2);
    PUT(r, CODE, rv_i("addi", 1, 0, 1), rv_s("sw", 2, 3, 0), rv_plain("fence_i"),
        rv_i("jalr", 0, 2, 0));
    g_assert_cmpint(rv_run(r, 5), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmpuint(r->c->x[1], ==, 2);
    rv_free(r);
}

/* 4 bytes of which the last two lie in the next page. */
static void crossing(void)
{
    struct rv *r = ready("rv64");

    map(r, 3, ALL);
    PUT(r, 0x4ffe, rv_i("addi", 1, 0, 7), rv_plain("wfi"));
    enter(r, RISCV_S, 0x4ffe);
    g_assert_cmpint(rv_run(r, 10), ==, ACCEL_EXIT_HALT);
    g_assert_cmpuint(r->c->x[1], ==, 7);
    rv_write64(r, entry(3, 0x5000), 0);
    tlb_flush(&r->c->cpu.tlb);
    enter(r, RISCV_S, 0x4ffe);
    g_assert_cmpint(rv_run(r, 1), ==, ACCEL_EXIT_BUDGET);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_FETCH_PAGE);
    g_assert_cmphex(r->c->mepc, ==, 0x4ffe);
    g_assert_cmphex(r->c->mtval, ==, 0x5000);
    rv_free(r);
}

static void saved(void)
{
    struct rv *r = ready("rv64"), *copy = ready("rv64");
    g_autoptr(GByteArray) bytes = g_byte_array_new(), again = g_byte_array_new();
    const uint8_t *data;
    size_t left;
    GError *error = NULL;

    enter(r, RISCV_S, CODE);
    r->c->x[7] = 7;
    r->c->f[3] = 3;
    r->c->fflags = 5;
    riscv_save(r->c, bytes);
    data = bytes->data;
    left = bytes->len;
    g_assert_true(riscv_load(copy->c, &data, &left, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(left, ==, 0);
    riscv_save(copy->c, again);
    g_assert_cmpmem(bytes->data, bytes->len, again->data, again->len);
    g_assert_cmpuint(copy->c->data_regime, ==, RISCV_REGIME_S);

    bytes->data[0] = 1; /* x0 */
    data = bytes->data;
    left = bytes->len;
    g_assert_false(riscv_load(copy->c, &data, &left, &error));
    g_assert_nonnull(strstr(error->message, "CPU 0"));
    g_error_free(error);
    rv_free(r);
    rv_free(copy);
}

static void models(void)
{
    static const char *const bad[] = {"",           "rv32",       "rv64,zzz=on",
                                      "rv64,zba=1", "rv64,f=off", "rv64,sv48=off"};
    GError *error = NULL;
    struct riscv_model *m = riscv_model_new("rv64,zbb=off,sv57=off", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(riscv_model_isa(m), ==, "rv64imafdc_zicsr_zifencei_zba_zbs_zicbom_zicboz_sstc");
    g_assert_cmpstr(riscv_model_mmu(m), ==, "riscv,sv48");
    riscv_model_free(m);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(riscv_model_new(bad[i], &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv64/hart/words", words);
    g_test_add_func("/riscv64/hart/delegation", delegation);
    g_test_add_func("/riscv64/hart/illegal", illegal);
    g_test_add_func("/riscv64/hart/interrupts", interrupts);
    g_test_add_func("/riscv64/hart/external-line", external_line);
    g_test_add_func("/riscv64/hart/timer", timer);
    g_test_add_func("/riscv64/hart/translation", translation);
    g_test_add_func("/riscv64/hart/permissions", permissions);
    g_test_add_func("/riscv64/hart/protection", protection);
    g_test_add_func("/riscv64/hart/devices", devices);
    g_test_add_func("/riscv64/hart/changing-code", changing_code);
    g_test_add_func("/riscv64/hart/crossing", crossing);
    g_test_add_func("/riscv64/hart/saved", saved);
    g_test_add_func("/riscv64/hart/models", models);
    return g_test_run();
}
