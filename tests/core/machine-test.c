/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life cycle with a fake accelerator: its "guest" counts instructions and rings a register. */
#include "base/endian.h"
#include "machine/core/accel.h"
#include "machine/core/machine.h"

#include <sys/mman.h>
#include <unistd.h>

#define BELL  0x1000 /* a write asks for what the value says */
#define TIMER 0x1008 /* a write arms the timer that many ns from now */

struct fake_cpu {
    struct cpu cpu;
    uint64_t acc; /* depends on every instruction and every timer in order */
};

struct fake {
    struct machine *m;
    struct fake_cpu cpus[3];
    struct cpu *list[3];
    unsigned resets;
    bool halt; /* guest code is HLT */
    bool ring; /* guest code writes the bell at instruction 1000 */
};

struct bell {
    struct dev dev;
    struct bus_region region;
    struct bus_mapping *mapping;
    struct timer timer;
    uint32_t rung, ticks;
    unsigned pauses, resumes; /* calls */
};

static void bell_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct bell *b = opaque;

    b->rung++;
    if (off == 0) {
        b->dev.env->request(b->dev.env->machine, value, true, 7);
    } else {
        timer_arm(&b->timer, clock_now(b->dev.env->clock, CLOCK_GUEST) + (int64_t)value);
    }
}

static uint64_t bell_read(void *opaque, gpa off, unsigned size)
{
    return ((struct bell *)opaque)->ticks;
}

static const struct bus_ops bell_ops = {
    .read = bell_read, .write = bell_write, .min_size = 4, .max_size = 4};

static void bell_tick(void *opaque)
{
    ((struct bell *)opaque)->ticks++;
}

static gboolean bell_realize(struct dev *dev, GError **error)
{
    struct bell *b = (struct bell *)dev;

    bus_region_init_io(&b->region, "bell", 16, &bell_ops, b, &dev->lock);
    b->mapping = bus_map(dev->env->memory, BELL, &b->region, 0, 16, 0, false);
    timer_init(&b->timer, dev->env->clock, CLOCK_GUEST, &dev->lock, bell_tick, b);
    return TRUE;
}

static void bell_unrealize(struct dev *dev)
{
    struct bell *b = (struct bell *)dev;

    timer_cancel(&b->timer);
    bus_unmap(dev->env->memory, b->mapping);
}

static struct machine *machine_of(struct dev *dev)
{
    return dev->env->machine;
}

/* No vCPU runs meanwhile. */
static void bell_pause(struct dev *dev)
{
    uint64_t before = machine_insns(machine_of(dev));

    g_usleep(2000);
    g_assert_cmpuint(machine_insns(machine_of(dev)), ==, before);
    ((struct bell *)dev)->pauses++;
}

static void bell_resume(struct dev *dev)
{
    ((struct bell *)dev)->resumes++;
}

static const struct state_row bell_state[] = {STATE_U(struct bell, rung, 0),
                                              STATE_U(struct bell, ticks, 0),
                                              STATE_T(struct bell, timer), STATE_DONE};

static const struct dev_class bell_class = {
    .name = "bell",
    .instance_size = sizeof(struct bell),
    .state = bell_state,
    .realize = bell_realize,
    .unrealize = bell_unrealize,
    .pause = bell_pause,
    .resume = bell_resume,
};

struct accel_vm {
    int unused;
};

static gboolean fake_vcpu_new(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    return TRUE;
}

/* One instruction: mixes the bell's tick count in; now and then arms the timer. */
static void step(struct fake_cpu *c)
{
    struct cpu *cpu = &c->cpu;
    uint64_t v = 0;

    if (cpu->insns % 64 == 0) {
        bus_read(cpu->memory, BELL, 4, &v);
    }
    if (cpu->insns % 5000 == 17) {
        bus_write(cpu->memory, TIMER, 100 + c->acc % 3000, 4);
    }
    c->acc = c->acc * 6364136223846793005u + v + 1;
    __atomic_store_n(&cpu->insns, cpu->insns + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&cpu->budget, cpu->budget - 1, __ATOMIC_RELAXED);
}

static enum accel_exit fake_run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    struct fake *f = cpu->board;
    struct fake_cpu *c = (struct fake_cpu *)cpu;

    if (f->halt) {
        cpu_lower(cpu, CPU_PENDING_IRQ);
        __atomic_store_n(&cpu->run_state, CPU_HALTED, __ATOMIC_RELAXED);
        return ACCEL_EXIT_HALT;
    }
    for (;;) {
        if (__atomic_load_n(&cpu->exit_request, __ATOMIC_ACQUIRE)) {
            return ACCEL_EXIT_KICK;
        }
        if (clock_is_counting(cpu->clock) && cpu->budget == 0) {
            return ACCEL_EXIT_BUDGET;
        }
        if (f->ring && cpu->insns == 1000) {
            bus_write(cpu->memory, BELL, MACHINE_QUIT, 4);
            f->ring = false;
        }
        step(c);
    }
}

static const struct accel_class fake_accel = {
    .name = "fake", .vcpu_new = fake_vcpu_new, .run = fake_run, .counts = true};

static void board_reset(void *board)
{
    ((struct fake *)board)->resets++;
}

static bool board_has_work(struct cpu *cpu)
{
    return cpu_pending(cpu) & CPU_PENDING_IRQ;
}

static void board_save(void *board, GByteArray *out)
{
    struct fake *f = board;

    for (unsigned i = 0; i < f->m->n_cpus; i++) {
        g_byte_array_append(out, (const uint8_t *)&f->cpus[i].acc, 8);
        g_byte_array_append(out, (const uint8_t *)&f->cpus[i].cpu.insns, 8);
    }
}

static gboolean board_load(void *board, const uint8_t **data, size_t *left, GError **error)
{
    struct fake *f = board;

    for (unsigned i = 0; i < f->m->n_cpus; i++) {
        memcpy(&f->cpus[i].acc, *data, 8);
        memcpy(&f->cpus[i].cpu.insns, *data + 8, 8);
        *data += 16;
        *left -= 16;
    }
    return TRUE;
}

static void board_free(void *board)
{
    struct fake *f = board;

    for (unsigned i = 0; i < G_N_ELEMENTS(f->list) && f->list[i]; i++) {
        cpu_fini(f->list[i]);
    }
    g_free(f);
}

static const struct machine_board_ops board_ops = {.reset = board_reset,
                                                   .save = board_save,
                                                   .load = board_load,
                                                   .cpu_has_work = board_has_work,
                                                   .free = board_free};

static struct machine *build(int shift, unsigned n, struct fake **ret)
{
    struct machine *m = machine_new(shift, 32, false);
    struct fake *f = g_new0(struct fake, 1);
    struct ram_block *ram = ram_block_new("ram", 1 << 20, NULL);
    struct dev *dev;
    GError *error = NULL;

    f->m = m;
    for (unsigned i = 0; i < n; i++) {
        f->list[i] = &f->cpus[i].cpu;
        cpu_init(f->list[i], i, m->memory, m->clock, NULL, f);
    }
    m->cpus = f->list;
    m->n_cpus = n;
    m->board = f;
    m->board_ops = &board_ops;
    m->accel = &fake_accel;
    machine_add_ram(m, ram);
    dev = dev_new(&bell_class, "b0", &m->env);
    g_assert_true(dev_realize(dev, NULL, &error));
    machine_add_dev(m, dev);
    g_assert_true(machine_launch(m, &error));
    g_assert_no_error(error);
    *ret = f;
    return m;
}

static void note(void *opaque, const char *name, json_object *data, int64_t us)
{
    g_string_append_printf(opaque, "%s ", name);
}

static void quit_from_guest(void)
{
    for (int shift = -1; shift <= 0; shift++) {
        struct fake *f;
        struct machine *m = build(shift, 1, &f);
        g_autoptr(GString) log = g_string_new(NULL);

        machine_listen(m, note, log);
        f->ring = true;
        g_assert_cmpstr(machine_state_name(m->state), ==, "prelaunch");
        g_assert_true(machine_start(m, NULL));
        g_assert_cmpint(machine_run(m), ==, 7);
        g_assert_cmpstr(log->str, ==, "RESUME SHUTDOWN STOP ");
        g_assert_cmpuint(machine_insns(m), >=, 1000);
        g_assert_cmpuint(machine_insns(m), <, 1100); /* at once, not when the loop gets to it */
        machine_free(m);
    }
}

static void stop_start_reset(void)
{
    struct fake *f;
    struct machine *m = build(-1, 3, &f);
    g_autoptr(GString) log = g_string_new(NULL);
    unsigned id = machine_listen(m, note, log);
    uint64_t n;

    g_assert_cmpuint(f->resets, ==, 1);
    g_assert_true(machine_find_dev(m, "b0") == machine_find_dev(m, "/machine/peripheral/b0"));
    for (unsigned i = 0; i < 20; i++) {
        g_assert_true(machine_start(m, NULL));
        machine_reset(m);
        machine_stop(m, MACHINE_PAUSED);
        n = machine_insns(m);
        g_assert_cmpint(m->state, ==, MACHINE_PAUSED);
        machine_stop(m, MACHINE_PAUSED);
        g_assert_cmpuint(machine_insns(m), ==, n);
    }
    g_assert_cmpuint(f->resets, ==, 21);
    g_assert_true(g_str_has_prefix(log->str, "RESUME RESET STOP RESUME RESET STOP "));
    machine_unlisten(m, id);
    machine_free(m);
}

static gboolean stop_loop(gpointer data)
{
    struct machine *m = data;

    g_main_loop_quit(m->loop);
    return G_SOURCE_REMOVE;
}

static void run_for(struct machine *m, unsigned ms)
{
    g_timeout_add(ms, stop_loop, m);
    g_main_loop_run(m->loop);
}

static void halt_and_wake(void)
{
    struct fake *f;
    struct machine *m = build(-1, 1, &f);

    f->halt = true;
    g_assert_true(machine_start(m, NULL));
    for (unsigned i = 0; i < 50; i++) {
        cpu_raise(f->list[0], CPU_PENDING_IRQ);
        for (unsigned k = 0; k < 5000 && (cpu_pending(f->list[0]) & CPU_PENDING_IRQ); k++) {
            g_usleep(200);
        }
        g_assert_false(cpu_pending(f->list[0]) & CPU_PENDING_IRQ);
    }
    machine_ask(m, MACHINE_RESET, true, 0);
    run_for(m, 20);
    g_assert_cmpuint(f->resets, ==, 2);
    machine_ask(m, MACHINE_SHUTDOWN, true, 0);
    g_assert_cmpint(machine_run(m), ==, 0);
    machine_free(m);
}

/* vCPUs stop while devices finish, at a device's wish and before a reset, and go on by themselves.
 */
static void drain(void)
{
    struct fake *f;
    struct machine *m = build(-1, 2, &f);
    struct bell *b = (struct bell *)machine_find_dev(m, "b0");
    uint64_t before;

    g_assert_true(machine_start(m, NULL));
    g_assert_cmpuint(b->resumes, ==, 1);
    machine_ask(m, MACHINE_DRAIN, true, 0);
    run_for(m, 20);
    g_assert_cmpuint(b->pauses, ==, 1);
    g_assert_cmpuint(b->resumes, ==, 2);
    g_assert_true(machine_is_running(m));
    before = machine_insns(m);
    for (unsigned k = 0; k < 5000 && machine_insns(m) == before; k++) {
        g_usleep(1000);
    }
    g_assert_cmpuint(machine_insns(m), >, before);
    machine_reset(m);
    g_assert_cmpuint(b->pauses, ==, 2);
    g_assert_cmpuint(b->resumes, ==, 3);
    machine_stop(m, MACHINE_PAUSED);
    g_assert_cmpuint(b->pauses, ==, 3);
    machine_free(m);
}

/* Runs until an instruction count is passed. */
static void run_until(struct machine *m, uint64_t count)
{
    g_assert_true(machine_start(m, NULL));
    while (machine_insns(m) < count) {
        g_main_context_iteration(m->context, FALSE);
        g_usleep(100);
    }
    machine_stop(m, MACHINE_PAUSED);
}

/* Several vCPUs that count instructions give the same run, timers included, each time. */
static void deterministic(void)
{
    uint64_t acc[2][3], ticks[2];

    for (unsigned k = 0; k < 2; k++) {
        struct fake *f;
        struct machine *m = build(2, 3, &f);
        struct bell *b = (struct bell *)machine_find_dev(m, "b0");

        f->ring = true; /* vCPU 0 ends the run */
        g_assert_true(machine_start(m, NULL));
        machine_run(m);
        g_assert_cmpuint(f->cpus[0].cpu.insns, ==, 1001); /* the one that rang completes */
        m->quitting = false;
        for (unsigned i = 0; i < 3; i++) {
            acc[k][i] = f->cpus[i].acc;
        }
        ticks[k] = b->ticks;
        machine_free(m);
    }
    g_assert_cmpmem(acc[0], sizeof(acc[0]), acc[1], sizeof(acc[1]));
    g_assert_cmpuint(ticks[0], ==, ticks[1]);
}

static void append(void *opaque, const void *data, size_t len)
{
    g_byte_array_append(opaque, data, len);
}

/* Saved to bytes, loaded into a second machine: same bytes again. */
static void save_load(void)
{
    struct fake *f, *g;
    struct machine *m = build(1, 2, &f), *n = build(1, 2, &g);
    g_autoptr(GByteArray) x = g_byte_array_new();
    g_autoptr(GByteArray) y = g_byte_array_new();
    GError *error = NULL;
    struct ram_block *ram = g_ptr_array_index(m->ram, 0);

    run_until(m, 100000);
    run_until(n, 5000); /* leaves something to be overwritten */
    ram_write(ram->host + 5000, "some state", 10);
    ram_write(((struct ram_block *)g_ptr_array_index(n->ram, 0))->host + 50000, "old", 3);
    machine_save(m, append, x);
    g_assert_true(machine_load(n, x->data, x->len, &error));
    g_assert_no_error(error);
    machine_save(n, append, y);
    g_assert_cmpmem(x->data, x->len, y->data, y->len);
    g_assert_cmpuint(machine_insns(m), ==, machine_insns(n));
    for (guint cut = 0; cut < x->len; cut += 37) {
        g_assert_false(machine_load(n, x->data, cut, &error));
        g_clear_error(&error);
    }
    machine_free(m);
    machine_free(n);
}

#define LARGE (UINT64_C(4352) << 20)
#define CHUNK (UINT64_C(64) << 20)

/* What a large state is made of: never kept, only measured. */
struct measure {
    uint64_t bytes, ram; /* all of it; of the section "ram", as its head says */
};

static void take_measure(void *opaque, const void *data, size_t len)
{
    struct measure *s = opaque;

    if (!s->ram && len == 12 && memcmp(data, "\003ram", 4) == 0) {
        s->ram = ld_le64((const uint8_t *)data + 4);
    }
    s->bytes += len;
}

/* More than 4 GiB of RAM in use: one chunk of it, seen many times over. */
static void save_large(void)
{
    struct fake *f;
    struct machine *m = build(1, 1, &f);
    struct ram_block *ram = ram_block_new("large", LARGE, NULL);
    struct measure s = {0};
    int fd = memfd_create("chunk", MFD_CLOEXEC);

    g_assert_nonnull(ram);
    machine_add_ram(m, ram);
    g_assert_cmpint(ftruncate(fd, CHUNK), ==, 0);
    for (uint64_t at = 0; at < LARGE; at += CHUNK) {
        g_assert_true(mmap(ram->host + at, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                           fd, 0) == ram->host + at);
    }
    for (uint64_t at = 0; at < CHUNK; at += RAM_PAGE_SIZE) {
        ram_st64(ram->host + at, at + 1);
    }
    machine_save(m, take_measure, &s);
    g_assert_cmpuint(s.ram, >, LARGE);
    g_assert_cmpuint(s.ram, <, s.bytes);
    g_assert_cmpuint(s.bytes - s.ram, <, 4096);
    close(fd);
    machine_free(m);
}

static void change_while_running(void)
{
    struct fake *f;
    struct machine *m = build(-1, 2, &f);
    static const struct bus_ops ops = {0};
    struct bus_region r;

    bus_region_init_io(&r, "moving", 4096, &ops, NULL, NULL);
    g_assert_true(machine_start(m, NULL));
    for (unsigned i = 0; i < 500; i++) {
        struct bus_mapping *map = bus_map(m->memory, 0x2000 + i * 64, &r, 0, 64, 1, false);

        g_main_context_iteration(m->context, FALSE);
        bus_unmap(m->memory, map);
    }
    machine_stop(m, MACHINE_PAUSED);
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/machine/quit-from-guest", quit_from_guest);
    g_test_add_func("/machine/stop-start-reset", stop_start_reset);
    g_test_add_func("/machine/halt-and-wake", halt_and_wake);
    g_test_add_func("/machine/drain", drain);
    g_test_add_func("/machine/deterministic", deterministic);
    g_test_add_func("/machine/save-load", save_load);
    g_test_add_func("/machine/save-large", save_large);
    g_test_add_func("/machine/change-while-running", change_while_running);
    return g_test_run();
}
