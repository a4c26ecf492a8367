/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/accel/jit/check.h"

#include <gio/gio.h>
#include <string.h>

#define ATTEMPTS 4 /* of a unit whose results differ: memory may have been written by a device */

#define AT_ONCE 65536 /* instructions, of repeated ones: what is stored meanwhile is remembered */

/* One upcall: what went out and what came in. */
enum outside { MEM_READ, MEM_WRITE, PORT_READ, PORT_WRITE, NOW, RANDOM, REG_READ, REG_WRITE };
struct answer {
    enum outside kind;
    unsigned size;
    uint64_t where, value;
    int status;
};

/* RAM that a store is about to change. */
struct stored {
    uint8_t *host;
    unsigned size;
    unsigned old, new; /* offsets in bytes */
};

enum phase { IDLE, FIRST, AGAIN, BY_INTERPRETER };

struct checker {
    struct cpu_upcalls upcalls; /* ours */
    const struct cpu_upcalls *outside;
    struct cpu *cpu;
    const struct cpu_translation *guest;
    enum phase phase;
    struct cpu *before, *translated; /* copies: only what save() takes */
    uint64_t flushes;
    uint64_t held;   /* of the budget */
    GArray *answers; /* struct answer */
    unsigned n_given;
    bool asked_otherwise; /* not what was asked the first time */
    GArray *stores;       /* struct stored, by the run in progress */
    GArray *expected;     /* those of the translated code */
    GByteArray *bytes;
    unsigned attempts;
    uint64_t n_units, n_insns, n_again;
};

static void count(uint64_t *counter, uint64_t by)
{
    __atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

/* ---- what stands between ---- */

static struct checker *checker_of(struct cpu *cpu)
{
    return (struct checker *)(void *)cpu->upcalls;
}

/* What was answered the first time; NULL: this is the first time, or it was not asked then. */
static const struct answer *given(struct checker *ck, enum outside kind, uint64_t where,
                                  unsigned size, uint64_t value)
{
    const struct answer *a = &g_array_index(ck->answers, struct answer, ck->n_given);
    bool in = kind == MEM_WRITE || kind == PORT_WRITE || kind == REG_WRITE;

    if (ck->phase == IDLE || ck->phase == FIRST) {
        return NULL;
    }
    if (ck->n_given >= ck->answers->len || a->kind != kind || a->where != where ||
        a->size != size || (in && a->value != value)) {
        ck->asked_otherwise = true;
        return NULL;
    }
    ck->n_given++;
    return a;
}

/* Whether the outside is to be asked. */
static bool really(const struct checker *ck)
{
    return ck->phase == IDLE || ck->phase == FIRST;
}

static int remember(struct checker *ck, enum outside kind, uint64_t where, unsigned size,
                    uint64_t value, int status)
{
    struct answer a = {
        .kind = kind, .size = size, .where = where, .value = value, .status = status};

    if (ck->phase == FIRST) {
        g_array_append_val(ck->answers, a);
    }
    return status;
}

static enum bus_status mem_read(struct cpu *cpu, gpa addr, unsigned size, uint64_t *ret)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, MEM_READ, addr, size, 0);

    if (a || !really(ck)) {
        *ret = a ? a->value : 0;
        return a ? a->status : BUS_OK;
    }
    int status = ck->outside->mem_read(cpu, addr, size, ret);

    return remember(ck, MEM_READ, addr, size, *ret, status);
}

static enum bus_status mem_write(struct cpu *cpu, gpa addr, uint64_t value, unsigned size)
{
    struct checker *ck = checker_of(cpu);

    value &= UINT64_MAX >> (64 - size * 8); /* the rest is nobody's */
    const struct answer *a = given(ck, MEM_WRITE, addr, size, value);

    if (a || !really(ck)) {
        return a ? a->status : BUS_OK;
    }
    return remember(ck, MEM_WRITE, addr, size, value,
                    ck->outside->mem_write(cpu, addr, value, size));
}

static enum bus_status port_read(struct cpu *cpu, uint16_t port, unsigned size, uint32_t *ret)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, PORT_READ, port, size, 0);

    if (a || !really(ck)) {
        *ret = a ? a->value : 0;
        return a ? a->status : BUS_OK;
    }
    int status = ck->outside->port_read(cpu, port, size, ret);

    return remember(ck, PORT_READ, port, size, *ret, status);
}

static enum bus_status port_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, PORT_WRITE, port, size, value);

    if (a || !really(ck)) {
        return a ? a->status : BUS_OK;
    }
    return remember(ck, PORT_WRITE, port, size, value,
                    ck->outside->port_write(cpu, port, value, size));
}

static int64_t now(struct cpu *cpu)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, NOW, 0, 0, 0);
    int64_t value = a ? (int64_t)a->value : ck->outside->now(cpu);

    if (!a) {
        remember(ck, NOW, 0, 0, value, 0);
    }
    return value;
}

static uint64_t random_number(struct cpu *cpu)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, RANDOM, 0, 0, 0);
    uint64_t value = a ? a->value : ck->outside->random(cpu);

    if (!a) {
        remember(ck, RANDOM, 0, 0, value, 0);
    }
    return value;
}

static int irq_acknowledge(struct cpu *cpu)
{
    return checker_of(cpu)->outside->irq_acknowledge(cpu); /* never within a unit */
}

static void irq_ended(struct cpu *cpu, uint8_t vector)
{
    checker_of(cpu)->outside->irq_ended(cpu, vector);
}

static int reg_read(struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, REG_READ, reg, 0, 0);

    if (a || !really(ck)) {
        *ret = a ? a->value : 0;
        return a ? a->status : 0;
    }
    int status = ck->outside->reg_read(cpu, reg, ret);

    return remember(ck, REG_READ, reg, 0, *ret, status);
}

static int reg_write(struct cpu *cpu, uint32_t reg, uint64_t value)
{
    struct checker *ck = checker_of(cpu);
    const struct answer *a = given(ck, REG_WRITE, reg, 0, value);

    if (a || !really(ck)) {
        return a ? a->status : 0;
    }
    return remember(ck, REG_WRITE, reg, 0, value, ck->outside->reg_write(cpu, reg, value));
}

static void storing(struct cpu *cpu, void *host, unsigned size)
{
    struct checker *ck = checker_of(cpu);
    struct stored s = {.host = host, .size = size, .old = ck->bytes->len};
    struct stored *last =
        ck->stores->len ? &g_array_index(ck->stores, struct stored, ck->stores->len - 1) : NULL;

    if (ck->phase == IDLE) {
        return;
    }
    if (last && last->host + last->size == s.host && last->old + last->size == s.old) {
        last->size += size;
    } else {
        g_array_append_val(ck->stores, s);
    }
    g_byte_array_append(ck->bytes, host, size);
}

/* ---- state and memory ---- */

static void *state_of(const struct checker *ck, struct cpu *cpu)
{
    return (char *)cpu + ck->guest->state_begin;
}

static void copy_state(const struct checker *ck, struct cpu *to, struct cpu *from)
{
    memcpy(state_of(ck, to), state_of(ck, from), ck->guest->state_end - ck->guest->state_begin);
    __atomic_store_n(&to->run_state, from->run_state, __ATOMIC_RELEASE);
    __atomic_store_n(&to->insns, from->insns, __ATOMIC_RELAXED);
    __atomic_store_n(&to->budget, from->budget, __ATOMIC_RELAXED);
}

/* Memory as it was before the stores; what they left is kept as `new`. */
static void take_back(struct checker *ck, GArray *stores)
{
    for (unsigned i = 0; i < stores->len; i++) {
        struct stored *s = &g_array_index(stores, struct stored, i);

        s->new = ck->bytes->len;
        g_byte_array_append(ck->bytes, s->host, s->size);
    }
    for (unsigned i = stores->len; i-- > 0;) {
        struct stored *s = &g_array_index(stores, struct stored, i);

        ram_write(s->host, ck->bytes->data + s->old, s->size);
    }
}

static void put_back(struct checker *ck)
{
    bool flushed = ck->cpu->tlb.flushes != ck->flushes;

    copy_state(ck, ck->cpu, ck->before);
    if (flushed) { /* mappings that the state does not have */
        tlb_flush(&ck->cpu->tlb);
        ck->flushes = ck->cpu->tlb.flushes;
    }
    ck->n_given = 0;
    ck->asked_otherwise = false;
}

/* What the translated code left at an address that it may have stored to; NULL: it did not. */
static const uint8_t *expected_at(const struct checker *ck, const uint8_t *at)
{
    for (unsigned i = ck->expected->len; i-- > 0;) {
        const struct stored *s = &g_array_index(ck->expected, struct stored, i);

        if (at >= s->host && at < s->host + s->size) {
            return ck->bytes->data + s->new + (at - s->host);
        }
    }
    return NULL;
}

/* Whether the two runs stored to the same places, one after the other, as they nearly always do. */
static bool same_places(const struct checker *ck)
{
    bool same = ck->stores->len == ck->expected->len;

    for (unsigned i = 0; same && i < ck->stores->len; i++) {
        const struct stored *a = &g_array_index(ck->stores, struct stored, i);
        const struct stored *b = &g_array_index(ck->expected, struct stored, i);

        same = a->host == b->host && a->size == b->size;
    }
    return same;
}

/* The first byte of RAM in which the two runs differ, or NULL. */
static const uint8_t *different_memory(const struct checker *ck)
{
    for (unsigned i = 0; i < ck->expected->len; i++) {
        const struct stored *s = &g_array_index(ck->expected, struct stored, i);
        const uint8_t *new = ck->bytes->data + s->new;

        if (memcmp(s->host, new, s->size) == 0) {
            continue;
        }
        for (unsigned k = 0; k < s->size; k++) {
            if (s->host[k] != new[k]) {
                return s->host + k;
            }
        }
    }
    for (unsigned i = same_places(ck) ? 0 : ck->stores->len; i-- > 0;) {
        const struct stored *s = &g_array_index(ck->stores, struct stored, i);
        const uint8_t *old = ck->bytes->data + s->old;

        for (unsigned k = 0; k < s->size; k++) {
            if (s->host[k] != old[k] && !expected_at(ck, s->host + k)) {
                return s->host + k;
            }
        }
    }
    return NULL;
}

/* ---- comparing ---- */

static void interpret(struct checker *ck, uint64_t n)
{
    struct cpu *cpu = ck->cpu;
    uint64_t end = cpu->insns + n;

    cpu->budget = n;
    while (cpu->insns < end && cpu->run_state == CPU_RUNNING &&
           ck->guest->step(cpu) != ACCEL_EXIT_SHUTDOWN) {
    }
}

static void put_registers(struct checker *ck, const char *whose, GString *out)
{
    g_string_append_printf(out, "\n%s\n", whose);
    ck->cpu->arch->print_registers(ck->cpu, out);
}

/* The vCPU has the interpreter's state, and gets back the one before the unit. */
static void report(struct checker *ck, const uint8_t *memory, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct cpu *cpu = ck->cpu;
    uint64_t by_interpreter = cpu->insns - ck->before->insns;

    g_string_append_printf(out,
                           "the unit of translated code at %#" G_GINT64_MODIFIER
                           "x differs from the interpreter: ",
                           ck->guest->get_pc(ck->before));
    if (ck->asked_otherwise || ck->n_given < ck->answers->len) {
        g_string_append(out, "in its ports, I/O memory or clocks");
    } else if (memory) {
        const uint8_t *expected = expected_at(ck, memory);

        g_string_append(out, "in memory");
        if (expected) {
            g_string_append_printf(out, " (a byte is %02x, not %02x)", *expected, *memory);
        }
    } else {
        g_string_append(out, "in registers");
    }
    put_registers(ck, "by the interpreter:", out);
    copy_state(ck, cpu, ck->translated);
    g_string_append_printf(out,
                           "%" G_GUINT64_FORMAT " instructions, translated code %" G_GUINT64_FORMAT,
                           by_interpreter, cpu->insns - ck->before->insns);
    put_registers(ck, "by translated code:", out);
    copy_state(ck, cpu, ck->before);
    put_registers(ck, "before:", out);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, out->str);
}

void checker_begin(struct checker *ck)
{
    uint64_t budget = ck->cpu->budget;

    ck->held = budget > AT_ONCE ? budget - AT_ONCE : 0;
    ck->cpu->budget = budget - ck->held;
    copy_state(ck, ck->before, ck->cpu);
    ck->flushes = ck->cpu->tlb.flushes;
    g_array_set_size(ck->answers, 0);
    g_array_set_size(ck->stores, 0);
    g_byte_array_set_size(ck->bytes, 0);
    ck->attempts = 0;
    ck->n_given = 0;
    ck->asked_otherwise = false;
    ck->phase = FIRST;
}

static void run_again(struct checker *ck)
{
    GArray *stores = ck->expected;

    copy_state(ck, ck->translated, ck->cpu);
    ck->expected = ck->stores;
    ck->stores = stores;
    g_array_set_size(ck->stores, 0);
    take_back(ck, ck->expected);
    put_back(ck);
    ck->phase = BY_INTERPRETER;
    interpret(ck, ck->translated->insns - ck->before->insns);
}

static enum checked finish(struct checker *ck, enum checked how)
{
    ck->cpu->budget += ck->held;
    ck->phase = IDLE;
    return how;
}

enum checked checker_compare(struct checker *ck, GError **error)
{
    struct cpu *cpu = ck->cpu;
    bool asked_otherwise =
        ck->asked_otherwise || (ck->phase == AGAIN && ck->n_given < ck->answers->len);
    const uint8_t *memory;

    if (cpu->insns == ck->before->insns) {
        return finish(ck, CHECKED_SAME); /* it was not run */
    }
    run_again(ck);
    memory = different_memory(ck);
    asked_otherwise |= ck->asked_otherwise || ck->n_given < ck->answers->len;
    ck->translated->pending = cpu_pending(cpu); /* not the unit's doing */
    ck->translated->start_vector = cpu->start_vector;
    if (!asked_otherwise && !memory && cpu->insns == ck->translated->insns &&
        cpu->run_state == ck->translated->run_state && ck->guest->same(cpu, ck->translated)) {
        count(&ck->n_units, 1);
        count(&ck->n_insns, cpu->insns - ck->before->insns);
        copy_state(ck, cpu, ck->translated);
        return finish(ck, CHECKED_SAME);
    }
    if (++ck->attempts == ATTEMPTS) {
        report(ck, memory, error);
        return finish(ck, CHECKED_DIFFER);
    }
    count(&ck->n_again, 1);
    take_back(ck, ck->stores);
    put_back(ck);
    g_array_set_size(ck->stores, 0);
    g_byte_array_set_size(ck->bytes, 0);
    ck->phase = AGAIN;
    return CHECKED_AGAIN;
}

void checker_describe(const struct checker *ck, GString *out)
{
    g_string_append_printf(out,
                           "checked by the interpreter: %" G_GUINT64_FORMAT
                           " instructions, %" G_GUINT64_FORMAT
                           " units; run again because memory may have been written meanwhile: "
                           "%" G_GUINT64_FORMAT "\n",
                           __atomic_load_n(&ck->n_insns, __ATOMIC_RELAXED),
                           __atomic_load_n(&ck->n_units, __ATOMIC_RELAXED),
                           __atomic_load_n(&ck->n_again, __ATOMIC_RELAXED));
}

/* ---- life ---- */

struct checker *checker_new(struct cpu *cpu)
{
    struct checker *ck = g_new0(struct checker, 1);

    ck->cpu = cpu;
    ck->guest = cpu->arch->translation;
    ck->outside = cpu->upcalls;
    ck->before = g_aligned_alloc0(1, ck->guest->size, 64);
    ck->translated = g_aligned_alloc0(1, ck->guest->size, 64);
    ck->answers = g_array_new(FALSE, FALSE, sizeof(struct answer));
    ck->stores = g_array_new(FALSE, FALSE, sizeof(struct stored));
    ck->expected = g_array_new(FALSE, FALSE, sizeof(struct stored));
    ck->bytes = g_byte_array_new();
    ck->upcalls = (struct cpu_upcalls){
        .mem_read = mem_read,
        .mem_write = mem_write,
        .port_read = port_read,
        .port_write = port_write,
        .now = now,
        .random = random_number,
        .irq_acknowledge = irq_acknowledge,
        .irq_ended = irq_ended,
        .reg_read = reg_read,
        .reg_write = reg_write,
    };
    cpu->upcalls = &ck->upcalls;
    cpu->storing = storing;
    cpu->tlb.no_direct_writes = true;
    return ck;
}

void checker_free(struct checker *ck)
{
    if (!ck) {
        return;
    }
    ck->cpu->upcalls = ck->outside;
    ck->cpu->storing = NULL;
    ck->cpu->tlb.no_direct_writes = false;
    g_aligned_free(ck->before);
    g_aligned_free(ck->translated);
    g_array_unref(ck->answers);
    g_array_unref(ck->stores);
    g_array_unref(ck->expected);
    g_byte_array_unref(ck->bytes);
    g_free(ck);
}
