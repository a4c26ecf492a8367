/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/irqchip/aclint.h"

#define R_MTIMECMP 0x4000
#define R_MTIME    0xbff8

#define NS_PER_TICK (NS_PER_SEC / ACLINT_HZ)

enum which { MACHINE_TIMER, SUPERVISOR_TIMER, TIMERS };

struct hart_timer {
    struct aclint *aclint;
    struct cpu *cpu;
    uint32_t input;
    uint64_t compare;
    struct timer timer;
};

struct aclint {
    struct cpu **cpus; /* frozen */
    unsigned n;
    struct clock *clock;
    uint32_t software; /* frozen */
    struct bus_region region;
    GMutex lock;     /* guards the rest; a leaf above the clock's */
    uint64_t offset; /* mtime - ticks of the guest's clock */
    uint32_t *msip;
    struct hart_timer *timer[TIMERS];
};

static uint64_t time_locked(struct aclint *a)
{
    return (uint64_t)clock_now(a->clock, CLOCK_GUEST) / NS_PER_TICK + a->offset;
}

/* Raises or lowers the hart's input by what the time is, and sees to it that it is looked at again
 * when the comparison comes true. */
static void look(struct hart_timer *t)
{
    struct aclint *a = t->aclint;
    uint64_t now = time_locked(a), ticks;

    if (now >= t->compare) {
        timer_cancel(&t->timer);
        cpu_raise(t->cpu, t->input);
        return;
    }
    cpu_lower(t->cpu, t->input);
    ticks = t->compare - a->offset;
    if (t->compare < a->offset || ticks > INT64_MAX / NS_PER_TICK) {
        timer_cancel(&t->timer); /* not in the time that the clock can count */
    } else {
        timer_arm(&t->timer, ticks * NS_PER_TICK);
    }
}

static void fired(void *opaque)
{
    look(opaque);
}

static void set_compare(struct aclint *a, enum which which, unsigned hart, uint64_t value)
{
    a->timer[which][hart].compare = value;
    look(&a->timer[which][hart]);
}

static void look_at_all(struct aclint *a)
{
    for (unsigned which = 0; which < TIMERS; which++) {
        for (unsigned i = 0; i < a->n; i++) {
            look(&a->timer[which][i]);
        }
    }
}

static void set_software(struct aclint *a, unsigned hart, bool level)
{
    a->msip[hart] = level;
    if (level) {
        cpu_raise(a->cpus[hart], a->software);
    } else {
        cpu_lower(a->cpus[hart], a->software);
    }
}

static uint64_t part(uint64_t value, gpa off, unsigned size)
{
    return size == 8 ? value : (uint32_t)(value >> (off & 4) * 8);
}

/* `value` of a 4- or 8-byte write put into `old`. */
static uint64_t merge(uint64_t old, gpa off, unsigned size, uint64_t value)
{
    uint64_t mask = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << (off & 4) * 8;

    return (old & ~mask) | (size == 8 ? value : value << (off & 4) * 8);
}

static uint64_t region_read(void *opaque, gpa off, unsigned size)
{
    struct aclint *a = opaque;
    unsigned hart = (off - R_MTIMECMP) / 8;
    uint64_t v = 0;

    g_mutex_lock(&a->lock);
    if (off / 4 < a->n) {
        v = a->msip[off / 4];
    } else if (off >= R_MTIME && off < R_MTIME + 8) {
        v = part(time_locked(a), off, size);
    } else if (off >= R_MTIMECMP && hart < a->n) {
        v = part(a->timer[MACHINE_TIMER][hart].compare, off, size);
    }
    g_mutex_unlock(&a->lock);
    return v;
}

static void region_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct aclint *a = opaque;
    unsigned hart = (off - R_MTIMECMP) / 8;

    g_mutex_lock(&a->lock);
    if (off / 4 < a->n) {
        set_software(a, off / 4, value & 1);
    } else if (off >= R_MTIME && off < R_MTIME + 8) {
        uint64_t now = time_locked(a);

        a->offset += merge(now, off, size, value) - now;
        look_at_all(a);
    } else if (off >= R_MTIMECMP && hart < a->n) {
        set_compare(a, MACHINE_TIMER, hart,
                    merge(a->timer[MACHINE_TIMER][hart].compare, off, size, value));
    }
    g_mutex_unlock(&a->lock);
}

static const struct bus_ops ops = {
    .read = region_read, .write = region_write, .min_size = 4, .max_size = 8};

struct aclint *aclint_new(struct cpu **cpus, unsigned n_cpus, struct clock *clock,
                          const struct aclint_inputs *inputs)
{
    const uint32_t bits[TIMERS] = {inputs->timer, inputs->supervisor_timer};
    struct aclint *a = g_new0(struct aclint, 1);

    a->cpus = cpus;
    a->n = n_cpus;
    a->clock = clock;
    a->software = inputs->software;
    a->msip = g_new0(uint32_t, n_cpus);
    g_mutex_init(&a->lock);
    for (unsigned which = 0; which < TIMERS; which++) {
        a->timer[which] = g_new0(struct hart_timer, n_cpus);
        for (unsigned i = 0; i < n_cpus; i++) {
            struct hart_timer *t = &a->timer[which][i];

            t->aclint = a;
            t->cpu = cpus[i];
            t->input = bits[which];
            t->compare = UINT64_MAX;
            timer_init(&t->timer, clock, CLOCK_GUEST, &a->lock, fired, t);
        }
    }
    bus_region_init_io(&a->region, "riscv.aclint", ACLINT_SIZE, &ops, a, NULL);
    return a;
}

void aclint_free(struct aclint *a)
{
    if (!a) {
        return;
    }
    g_mutex_lock(&a->lock);
    for (unsigned which = 0; which < TIMERS; which++) {
        for (unsigned i = 0; i < a->n; i++) {
            timer_cancel(&a->timer[which][i].timer);
        }
    }
    g_mutex_unlock(&a->lock);
    for (unsigned which = 0; which < TIMERS; which++) {
        g_free(a->timer[which]);
    }
    g_mutex_clear(&a->lock);
    g_free(a->msip);
    g_free(a);
}

void aclint_reset(struct aclint *a)
{
    g_mutex_lock(&a->lock);
    a->offset = 0 - (uint64_t)clock_now(a->clock, CLOCK_GUEST) / NS_PER_TICK;
    for (unsigned i = 0; i < a->n; i++) {
        set_software(a, i, false);
        set_compare(a, MACHINE_TIMER, i, UINT64_MAX);
        set_compare(a, SUPERVISOR_TIMER, i, UINT64_MAX);
    }
    g_mutex_unlock(&a->lock);
}

struct bus_region *aclint_region(struct aclint *a)
{
    return &a->region;
}

uint64_t aclint_time(struct aclint *a)
{
    uint64_t now;

    g_mutex_lock(&a->lock);
    now = time_locked(a);
    g_mutex_unlock(&a->lock);
    return now;
}

void aclint_set_stimecmp(struct aclint *a, unsigned hart, uint64_t value)
{
    g_mutex_lock(&a->lock);
    set_compare(a, SUPERVISOR_TIMER, hart, value);
    g_mutex_unlock(&a->lock);
}

static const struct state_row rows[] = {STATE_U(struct aclint, offset, 0), STATE_DONE};
static const struct state_row timer_rows[] = {STATE_U(struct hart_timer, compare, 0), STATE_DONE};

void aclint_save(struct aclint *a, GByteArray *out)
{
    state_save(rows, a, out);
    for (unsigned i = 0; i < a->n; i++) {
        uint8_t software = a->msip[i];

        g_byte_array_append(out, &software, 1);
        state_save(timer_rows, &a->timer[MACHINE_TIMER][i], out);
        state_save(timer_rows, &a->timer[SUPERVISOR_TIMER][i], out);
    }
}

gboolean aclint_load(struct aclint *a, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(rows, a, data, left, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < a->n; i++) {
        if (*left < 1 || **data > 1) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "saved state of the interrupt controller is none");
            return FALSE;
        }
        a->msip[i] = **data;
        ++*data;
        --*left;
        if (!state_load(timer_rows, &a->timer[MACHINE_TIMER][i], data, left, error) ||
            !state_load(timer_rows, &a->timer[SUPERVISOR_TIMER][i], data, left, error)) {
            return FALSE;
        }
    }
    g_mutex_lock(&a->lock);
    for (unsigned i = 0; i < a->n; i++) {
        set_software(a, i, a->msip[i]);
    }
    look_at_all(a);
    g_mutex_unlock(&a->lock);
    return TRUE;
}
