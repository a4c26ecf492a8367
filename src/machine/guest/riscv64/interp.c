/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter's loop. */
#include "machine/guest/riscv64/icache.h"
#include "machine/guest/riscv64/translate.h"
#include "machine/guest/riscv64/trap.h"

/* FALSE: the instruction at pc cannot be fetched; c->exc. */
static bool fetch(struct riscv_cpu *c, struct riscv_page *page, const struct riscv_insn **ret)
{
    const struct riscv_insn *in = &page->insn[(c->pc & (RAM_PAGE_SIZE - 1)) / 2];

    if (G_LIKELY(in->fn)) {
        *ret = in;
        return true;
    }
    return riscv_icache_decode(c, page, ret) == RISCV_OK;
}

/*
 * Runs at most `max` instructions, up to a jump, the end of the page or what needs a look around.
 * *ret_done: those completed.
 */
static enum riscv_status run_block(struct riscv_cpu *c, uint64_t max, uint64_t *ret_done)
{
    struct riscv_page *page;
    enum riscv_status st = riscv_icache_page(c, c->pc, &page);
    uint64_t done = 0, base = c->pc & TLB_PAGE_MASK;

    *ret_done = 0;
    if (st != RISCV_OK) {
        return st;
    }
    do {
        const struct riscv_insn *in;
        uint64_t follows;

        if (!fetch(c, page, &in)) {
            return RISCV_FAULT;
        }
        follows = c->next = c->pc + in->len;
        st = in->fn(c, in);
        if (G_UNLIKELY(st == RISCV_FAULT)) {
            return st;
        }
        c->pc = c->next;
        c->cpu.insns++;
        *ret_done = ++done;
        if (c->next != follows) {
            break;
        }
    } while (st == RISCV_OK && done < max && !c->code_changed && (c->pc & TLB_PAGE_MASK) == base);
    c->code_changed = false;
    return st;
}

bool riscv_look_around(struct riscv_cpu *c, enum accel_exit *ret_exit)
{
    if (__atomic_load_n(&c->cpu.exit_request, __ATOMIC_RELAXED) ||
        (cpu_pending(&c->cpu) & (CPU_PENDING_FLUSH | CPU_PENDING_WORK))) {
        *ret_exit = ACCEL_EXIT_KICK;
        return false;
    }
    if (riscv_take_interrupt(c) || riscv_has_work(&c->cpu)) {
        __atomic_store_n(&c->cpu.run_state, CPU_RUNNING, __ATOMIC_RELEASE);
    }
    *ret_exit = ACCEL_EXIT_HALT;
    return c->cpu.run_state == CPU_RUNNING;
}

/* At most `max` instructions of one block; an exception is taken. Returns how many. */
static uint64_t run_some(struct riscv_cpu *c, uint64_t max)
{
    uint64_t done;
    enum riscv_status st = run_block(c, max, &done);

    if (G_UNLIKELY(st == RISCV_FAULT)) {
        riscv_take_exception(c);
        c->cpu.insns++; /* time goes on in a handler that faults for ever */
        done++;
    } else if (G_UNLIKELY(st == RISCV_HALT)) {
        __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
    }
    return done;
}

static enum accel_exit run(struct riscv_cpu *c, bool counting)
{
    enum accel_exit why;

    for (;;) {
        uint64_t done, max = UINT64_MAX;

        if (!riscv_look_around(c, &why)) {
            return why;
        }
        if (counting) {
            max = c->cpu.budget;
            if (max == 0) {
                return ACCEL_EXIT_BUDGET;
            }
        }
        done = run_some(c, max);
        if (counting) {
            c->cpu.budget -= done;
        }
    }
}

enum accel_exit riscv_interp_step(struct cpu *cpu)
{
    cpu->budget -= run_some(riscv_of(cpu), 1);
    return ACCEL_EXIT_BUDGET;
}

static enum accel_exit interp_run(struct cpu *cpu, bool counting)
{
    return run(riscv_of(cpu), counting);
}

enum accel_exit riscv_exec_one(struct riscv_cpu *c)
{
    uint64_t done;
    enum riscv_status st;

    riscv_take_interrupt(c);
    st = run_block(c, 1, &done);
    if (st == RISCV_FAULT) {
        riscv_take_exception(c);
    }
    return st == RISCV_HALT ? ACCEL_EXIT_HALT : ACCEL_EXIT_KICK;
}

static void interp_new(struct cpu *cpu)
{
    riscv_icache_new(riscv_of(cpu));
}

static void interp_free(struct cpu *cpu)
{
    riscv_icache_free(riscv_of(cpu));
}

static const char *const names[32] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                      "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                      "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static const char *model(const struct cpu *cpu)
{
    return "rv64";
}

static bool get_feature(const struct cpu *cpu, const char *name, bool *ret)
{
    return riscv_model_get(((const struct riscv_cpu *)cpu)->model, name, ret);
}

static bool get_register(const struct cpu *cpu, const char *name, uint64_t *ret)
{
    const struct riscv_cpu *c = (const struct riscv_cpu *)cpu;

    for (unsigned i = 0; i < 32; i++) {
        g_autofree char *number = g_strdup_printf("x%u", i);

        if (g_str_equal(name, names[i]) || g_str_equal(name, number)) {
            *ret = c->x[i];
            return true;
        }
    }
    *ret = c->pc;
    return g_str_equal(name, "pc");
}

static bool peek(struct cpu *cpu, uint64_t va, gpa *ret)
{
    return riscv_walk_peek(riscv_of(cpu), va, ret);
}

static void print_registers(struct cpu *cpu, GString *out)
{
    const struct riscv_cpu *c = riscv_of(cpu);
    const struct {
        const char *name;
        uint64_t value;
    } csrs[] = {
        {"mhartid", cpu->index},   {"mstatus", c->mstatus}, {"mip", riscv_mip(c)},
        {"mie", c->mie},           {"mideleg", c->mideleg}, {"medeleg", c->medeleg},
        {"mtvec", c->mtvec},       {"stvec", c->stvec},     {"mepc", c->mepc},
        {"sepc", c->sepc},         {"mcause", c->mcause},   {"scause", c->scause},
        {"mtval", c->mtval},       {"stval", c->stval},     {"mscratch", c->mscratch},
        {"sscratch", c->sscratch}, {"satp", c->satp},
    };

    g_string_append_printf(out, " %-8s %016" G_GINT64_MODIFIER "x\n", "pc", c->pc);
    for (unsigned i = 0; i < G_N_ELEMENTS(csrs); i++) {
        g_string_append_printf(out, " %-8s %016" G_GINT64_MODIFIER "x\n", csrs[i].name,
                               csrs[i].value);
    }
    for (unsigned i = 0; i < 32; i++) {
        g_string_append_printf(out, " x%u/%-4s %016" G_GINT64_MODIFIER "x%s", i, names[i], c->x[i],
                               i % 4 == 3 ? "\n" : "");
    }
}

/* Each handler's work is a line of the table; what is logged of a run is not built yet. */
static void interp_log(struct cpu *cpu, const struct accel_log *log)
{
}

const struct cpu_arch riscv64_arch = {
    .name = "riscv64",
    .interp_new = interp_new,
    .interp_free = interp_free,
    .interp_run = interp_run,
    .interp_log = interp_log,
    .translation = &riscv64_translation,
    .model_nth = riscv_model_nth,
    .each_feature = riscv_model_each,
    .model = model,
    .get_feature = get_feature,
    .get_register = get_register,
    .peek = peek,
    .print_registers = print_registers,
};
