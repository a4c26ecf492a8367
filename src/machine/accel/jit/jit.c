/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -accel jit: translates the guest's code into the host's. */
#include "base/least.h"
#include "machine/accel/accel.h"
#include "machine/accel/jit/check.h"
#include "machine/accel/jit/listing.h"
#include "machine/accel/jit/units.h"

#include <gio/gio.h>
#include <stddef.h>

struct props {
    uint32_t tb_size; /* MiB; 0: DEFAULT_MEMORY */
    bool one_insn, check, perf_map;
};

#define DEFAULT_MEMORY 64 /* MiB a vCPU */
#define MAX_MEMORY     1024

static const struct row props_rows[] = {
    {.name = "tb-size",
     .type = ROW_UINT,
     ROW_FIELD(struct props, tb_size),
     .max = MAX_MEMORY,
     .help = "MiB of memory for translated code, each vCPU (0: 64)"},
    {.name = "one-insn-per-tb",
     .type = ROW_BOOL,
     ROW_FIELD(struct props, one_insn),
     .help = "translate one instruction at a time"},
    {.name = "check",
     .type = ROW_BOOL,
     ROW_FIELD(struct props, check),
     .help =
         "run all translated code by the interpreter, too, and stop where they differ; slow, one "
         "vCPU"},
    {.name = "perf-map",
     .type = ROW_BOOL,
     ROW_FIELD(struct props, perf_map),
     .help = "tell perf in /tmp/perf-PID.map which code of the guest host code is of"},
    {0},
};

struct accel_vm {
    struct props props;
    GPtrArray *vcpus; /* struct units */
};

static gboolean probe(bool forced, GError **error)
{
#ifdef __x86_64__
    return TRUE;
#else
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                "-accel jit makes code for x86-64 hosts only");
    return FALSE;
#endif
}

static struct accel_vm *vm_new(const void *props, struct bus *memory, struct bus *io,
                               GError **error)
{
    struct accel_vm *vm = g_new0(struct accel_vm, 1);

    vm->props = *(const struct props *)props;
    vm->vcpus = g_ptr_array_new();
    return vm;
}

static void vm_free(struct accel_vm *vm)
{
    g_ptr_array_free(vm->vcpus, TRUE);
    g_free(vm);
}

static gboolean vcpu_new(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    struct units *us;
    size_t memory = (vm->props.tb_size ? vm->props.tb_size : DEFAULT_MEMORY) * (size_t)(1 << 20);

    if (!cpu->arch->translation) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "-accel jit does not translate code of %s guests; -accel interp runs them",
                    cpu->arch->name);
        return FALSE;
    }
    if (vm->props.check && vm->vcpus->len > 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "-accel jit,check=on checks machines of one vCPU: use -smp 1");
        return FALSE;
    }
    cpu->accel = units_new(cpu, memory, vm->props.one_insn ? 1 : IR_MAX_INSNS,
                           clock_is_counting(cpu->clock), error);
    if (!cpu->accel) {
        return FALSE;
    }
    us = cpu->accel;
    if (vm->props.perf_map) {
        us->listing = listing_new(cpu);
        if (!listing_perf_map(us->listing, error)) {
            listing_free(us->listing);
            units_free(us);
            cpu->accel = NULL;
            return FALSE;
        }
    }
    if (vm->props.check) {
        us->checker = checker_new(cpu);
    }
    cpu->arch->interp_new(cpu);
    g_ptr_array_add(vm->vcpus, us);
    return TRUE;
}

static void vcpu_free(struct accel_vm *vm, struct cpu *cpu)
{
    struct units *us = cpu->accel;

    if (us) {
        g_ptr_array_remove(vm->vcpus, us);
        checker_free(us->checker);
        listing_free(us->listing);
        units_free(us);
        cpu->accel = NULL;
        cpu->arch->interp_free(cpu);
    }
}

/* Units count all their instructions when they begin: these were not completed. */
static void uncount(struct cpu *cpu, const struct unit *u, unsigned done)
{
    cpu->insns -= u->n_insns - done;
    if (clock_is_counting(cpu->clock)) {
        cpu->budget += u->n_insns - done;
    }
}

static void count_one(struct cpu *cpu)
{
    cpu->insns++;
    if (clock_is_counting(cpu->clock)) {
        cpu->budget--;
    }
}

/* At most `max` instructions by the interpreter. */
static enum accel_exit interpret(struct units *us, uint64_t max)
{
    struct cpu *cpu = us->cpu;
    uint64_t left = cpu->budget, before = cpu->insns;
    enum accel_exit why;

    max = min_u64(max, left);
    cpu->budget = max;
    if (us->guest->leave) {
        us->guest->leave(cpu);
    }
    why = cpu->arch->interp_run(cpu, true);
    if (us->guest->enter) {
        us->guest->enter(cpu);
    }
    cpu->budget = left - (max - cpu->budget);
    units_count(&us->counts.stepped, cpu->insns - before);
    return why;
}

/* One instruction by the interpreter. */
static enum accel_exit step(struct units *us)
{
    uint64_t before = us->cpu->insns;
    enum accel_exit why;

    why = us->guest->step(us->cpu);
    units_count(&us->counts.stepped, us->cpu->insns - before);
    return why;
}

/* How a run of generated code ended, put into the vCPU's state. */
struct came_back {
    struct unit *from; /* its exit is to be linked, or NULL */
    unsigned exit;
    bool look; /* mode, mappings or requests may have changed */
    bool step; /* the interpreter has the next instruction */
    bool budget;
    bool shutdown;
};

/* The unit was left before or behind an instruction, in the middle. */
static void restore(struct units *us, const struct unit *u, unsigned insn, bool done)
{
    if (us->guest->restore) {
        us->guest->restore(us->cpu, &u->note[insn], done);
    }
}

static struct came_back come_back(struct units *us, uint64_t tag)
{
    struct unit *u = (struct unit *)(uintptr_t)(tag & ~(uint64_t)((1 << HOST_EXIT_BITS) - 1));
    struct cpu *cpu = us->cpu;
    struct came_back r = {.look = true};
    unsigned at = cpu->jit.at, how = tag & ((1 << HOST_EXIT_BITS) - 1);

    units_count(&us->counts.returns[how < HOST_EXIT_0 + IR_EXITS ? HOST_EXIT_0 : how], 1);
    if (how < HOST_EXIT_0 + IR_EXITS) {
        us->guest->set_pc(cpu, u->target[how]);
        if (cpu->jit.stamp == IR_STALE) {
            return r; /* code was written: maybe this */
        }
        return (struct came_back){.from = u, .exit = how};
    }
    switch ((enum host_exit)how) {
    case HOST_EXIT_0:
    case HOST_EXIT_INDIRECT: r.look = cpu->jit.stamp == IR_STALE; break;
    case HOST_EXIT_FAULT:
        uncount(cpu, u, at + 1);
        us->guest->set_pc(cpu, u->pc + u->offset[at]);
        restore(us, u, at, false);
        r.shutdown = !us->guest->deliver(cpu);
        break;
    case HOST_EXIT_LEAVE:
        uncount(cpu, u, at + 1);
        us->guest->set_pc(cpu, u->pc + u->offset[at + 1]);
        restore(us, u, at, true);
        break;
    case HOST_EXIT_JUMPED:
        uncount(cpu, u, at + 1);
        r.shutdown = us->guest->jumped && !us->guest->jumped(cpu);
        break;
    case HOST_EXIT_REQUEST: us->guest->set_pc(cpu, u->pc); break;
    case HOST_EXIT_BUDGET:
        us->guest->set_pc(cpu, u->pc);
        r.budget = true;
        break;
    case HOST_EXIT_END:
        us->guest->set_pc(cpu, u->pc + u->length);
        r.step = true;
        break;
    }
    return r;
}

/*
 * The code at pc, translated if it has to be, to which the exit that was taken leads from now on.
 * NULL: *r says what is to be done instead.
 */
static const uint8_t *find(struct units *us, struct came_back *r)
{
    uint64_t drops = us->drops;
    struct unit *u = units_find(us);

    if (us->drops != drops) {
        r->from = NULL; /* it may be gone */
    }
    if (G_UNLIKELY(!u)) {
        *r = (struct came_back){.look = true, .shutdown = !us->guest->deliver(us->cpu)};
        count_one(us->cpu);
        return NULL;
    }
    if (u->n_insns == 0) {
        *r = (struct came_back){.step = true};
        return NULL;
    }
    units_stamp(us);    /* finding may have dropped others */
    if (!us->checker) { /* which has to see each unit end */
        units_link(us, r->from, r->exit, u);
    }
    return code_memory_run(&us->memory, u->host.code);
}

/* Instructions that are the interpreter's because of their mode. FALSE: *ret_why. */
static bool past_untranslated(struct units *us, enum accel_exit *ret_why)
{
    const struct cpu_translation *g = us->guest;
    uint64_t n;

    *ret_why = ACCEL_EXIT_BUDGET;
    while (g->interprets && us->cpu->budget > 0 && (n = g->interprets(us->cpu)) > 0) {
        *ret_why = n == 1 ? step(us) : interpret(us, n);
        if (*ret_why != ACCEL_EXIT_BUDGET || !g->look_around(us->cpu, ret_why)) {
            return false;
        }
    }
    return !g->interprets || us->cpu->budget > 0;
}

static struct came_back run_code(struct units *us, const uint8_t *code)
{
    unsigned float_flags;
    uint64_t tag = host_run(&us->host, &us->memory, us->cpu, code, &float_flags);

    if (float_flags) {
        us->guest->float_flags(us->cpu, float_flags);
    }
    return come_back(us, tag);
}

/* As run_code(), and by the interpreter. FALSE: they differ. */
static bool run_checked(struct units *us, const uint8_t *code, struct came_back *ret,
                        GError **error)
{
    enum checked how;

    checker_begin(us->checker);
    do {
        *ret = run_code(us, code);
        how = checker_compare(us->checker, error);
    } while (how == CHECKED_AGAIN);
    return how == CHECKED_SAME;
}

static enum accel_exit run_units(struct units *us, bool counting, GError **error)
{
    struct cpu *cpu = us->cpu;
    struct came_back r = {.look = true};
    enum accel_exit why;

    for (;;) {
        const uint8_t *code;

        if (r.shutdown) {
            return ACCEL_EXIT_SHUTDOWN;
        }
        if (counting && (r.budget || cpu->budget == 0)) {
            return interpret(us, UINT64_MAX); /* less than a unit: one by one */
        }
        if (r.step) {
            why = step(us);
            if (why != ACCEL_EXIT_BUDGET) {
                return why;
            }
            r.look = true;
        }
        if (r.look) {
            if (!us->guest->look_around(cpu, &why) || !past_untranslated(us, &why)) {
                return why;
            }
            units_revalidate(us);
            units_stamp(us);
        }
        code = r.from ? NULL : units_known(us);
        if (!code && !(code = find(us, &r))) {
            continue;
        }
        if (G_LIKELY(!us->checker)) {
            r = run_code(us, code);
        } else if (!run_checked(us, code, &r, error)) {
            return ACCEL_EXIT_ERROR;
        }
    }
}

static enum accel_exit run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    struct units *us = cpu->accel;
    bool counting = clock_is_counting(cpu->clock);
    enum accel_exit why;

    us->host.parallel = vm->vcpus->len > 1 && !counting;
    if (!counting) {
        cpu->budget = INT64_MAX; /* with room for what calls put back */
    }
    if (us->guest->enter) {
        us->guest->enter(cpu);
    }
    why = run_units(us, counting, error);
    if (us->guest->leave) {
        us->guest->leave(cpu);
    }
    return why;
}

static void log_how(struct accel_vm *vm, struct cpu *cpu, const struct accel_log *log)
{
    struct units *us = cpu->accel;

    if (!us->listing) {
        us->listing = listing_new(cpu);
    }
    listing_log(us->listing, log);
    cpu->arch->interp_log(cpu, log);
}

static uint64_t read_count(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void put_share(GString *out, const char *what, uint64_t part, uint64_t whole)
{
    g_string_append_printf(out, "%s: %.2f%%\n", what, whole ? 100.0 * part / whole : 0.0);
}

/* Why generated code came back. */
static void put_returns(GString *out, const struct units_counts *n)
{
    static const char *const why[1 << HOST_EXIT_BITS] = {
        [HOST_EXIT_0] = "jump",        [HOST_EXIT_INDIRECT] = "indirect",
        [HOST_EXIT_FAULT] = "fault",   [HOST_EXIT_LEAVE] = "code written",
        [HOST_EXIT_JUMPED] = "call",   [HOST_EXIT_REQUEST] = "request",
        [HOST_EXIT_BUDGET] = "budget", [HOST_EXIT_END] = "not translated",
    };

    g_string_append(out, "returns to the dispatcher:");
    for (unsigned i = 0; i < G_N_ELEMENTS(why); i++) {
        if (why[i]) {
            g_string_append_printf(out, "%s %s %" G_GUINT64_FORMAT, i ? "," : "", why[i],
                                   read_count(&n->returns[i]));
        }
    }
    g_string_append_c(out, '\n');
}

static void describe(struct accel_vm *vm, GString *out)
{
    for (guint i = 0; i < vm->vcpus->len; i++) {
        const struct units *us = vm->vcpus->pdata[i];
        const struct units_counts *n = &us->counts;
        uint64_t insns = read_count(&us->cpu->insns), calls = read_count(&us->cpu->jit.calls);
        uint64_t stepped = read_count(&n->stepped), units = read_count(&n->units);
        uint64_t code = read_count(&n->insns), bytes = read_count(&n->bytes);

        g_string_append_printf(out, "CPU %u\n", us->cpu->index);
        g_string_append_printf(out, "memory for code: %zu MiB\n", us->memory.size >> 20);
        g_string_append_printf(
            out, "units translated: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " instructions\n",
            units, code);
        g_string_append_printf(out,
                               "code written: %" G_GUINT64_FORMAT " bytes, %.1f an instruction\n",
                               bytes, code ? (double)bytes / code : 0.0);
        g_string_append_printf(out,
                               "evictions: %" G_GUINT64_FORMAT " of everything, %" G_GUINT64_FORMAT
                               " units of written pages\n",
                               read_count(&n->flushes), read_count(&n->dropped));
        put_returns(out, n);
        g_string_append_printf(out, "instructions run: %" G_GUINT64_FORMAT "\n", insns);
        put_share(out, "inline", insns - MIN(insns, calls + stepped), insns);
        put_share(out, "by call", calls, insns);
        put_share(out, "by the interpreter", stepped, insns);
        if (us->checker) {
            checker_describe(us->checker, out);
        }
    }
}

const struct accel_class accel_jit = {
    .name = "jit",
    .help = "translates the guest's code into the host's",
    .props = props_rows,
    .props_size = sizeof(struct props),
    .probe = probe,
    .vm_new = vm_new,
    .vm_free = vm_free,
    .vcpu_new = vcpu_new,
    .vcpu_free = vcpu_free,
    .run = run,
    .log = log_how,
    .describe = describe,
    .counts = true,
};
