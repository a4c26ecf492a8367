/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/irqchip/plic.h"

#define WORDS (PLIC_SOURCES / 32)

#define PRIORITY_MAX 7

/* Register blocks. */
#define R_PRIORITY    0x000000
#define R_PENDING     0x001000
#define R_ENABLE      0x002000
#define ENABLE_STRIDE 0x80
#define R_CONTEXT     0x200000
#define CONTEXT_SIZE  0x1000

struct context {
    uint32_t enable[WORDS];
    uint32_t threshold;
};

struct plic {
    struct cpu **cpus; /* frozen */
    unsigned n_contexts;
    uint32_t input[2]; /* frozen: bits of cpu.pending, of a hart's M and S context */
    struct bus_region region;
    GMutex lock; /* guards the rest; a leaf */
    uint32_t priority[PLIC_SOURCES];
    uint32_t level[WORDS], pending[WORDS], claimed[WORDS];
    struct context *context;
};

static bool bit(const uint32_t *words, unsigned n)
{
    return words[n / 32] >> (n % 32) & 1;
}

static void set_bit(uint32_t *words, unsigned n, bool value)
{
    words[n / 32] = (words[n / 32] & ~(1u << n % 32)) | (uint32_t)value << n % 32;
}

/* The source to be taken: the highest priority above the threshold, the lowest number among equals;
 * 0: none. */
static unsigned best(const struct plic *p, const struct context *c)
{
    unsigned ret = 0;
    uint32_t most = c->threshold;

    for (unsigned i = 1; i < PLIC_SOURCES; i++) {
        if (p->priority[i] > most && bit(p->pending, i) && bit(c->enable, i)) {
            most = p->priority[i];
            ret = i;
        }
    }
    return ret;
}

static void update(struct plic *p)
{
    for (unsigned i = 0; i < p->n_contexts; i++) {
        struct cpu *cpu = p->cpus[i / 2];

        if (best(p, &p->context[i])) {
            cpu_raise(cpu, p->input[i % 2]);
        } else {
            cpu_lower(cpu, p->input[i % 2]);
        }
    }
}

/* The gateway: a level is forwarded once until its handler says that it is done. */
static void forward(struct plic *p, unsigned source)
{
    if (!bit(p->claimed, source)) {
        set_bit(p->pending, source, bit(p->level, source));
    }
}

static void set_line(void *opaque, int line, bool level)
{
    struct plic *p = opaque;

    g_mutex_lock(&p->lock);
    set_bit(p->level, line, level);
    forward(p, line);
    update(p);
    g_mutex_unlock(&p->lock);
}

static uint32_t claim(struct plic *p, struct context *c)
{
    unsigned source = best(p, c);

    if (source) {
        set_bit(p->pending, source, false);
        set_bit(p->claimed, source, true);
        update(p);
    }
    return source;
}

static void complete(struct plic *p, const struct context *c, uint32_t source)
{
    if (source > 0 && source < PLIC_SOURCES && bit(c->enable, source)) {
        set_bit(p->claimed, source, false);
        forward(p, source);
        update(p);
    }
}

static uint64_t read_locked(struct plic *p, gpa off)
{
    unsigned i;

    if (off < R_PENDING) {
        i = off / 4;
        return i < PLIC_SOURCES ? p->priority[i] : 0;
    }
    if (off < R_ENABLE) {
        i = (off - R_PENDING) / 4;
        return i < WORDS ? p->pending[i] : 0;
    }
    if (off < R_CONTEXT) {
        unsigned word = (off - R_ENABLE) % ENABLE_STRIDE / 4;

        i = (off - R_ENABLE) / ENABLE_STRIDE;
        return i < p->n_contexts && word < WORDS ? p->context[i].enable[word] : 0;
    }
    i = (off - R_CONTEXT) / CONTEXT_SIZE;
    if (i >= p->n_contexts) {
        return 0;
    }
    switch (off % CONTEXT_SIZE) {
    case 0: return p->context[i].threshold;
    case 4: return claim(p, &p->context[i]);
    }
    return 0;
}

static void write_locked(struct plic *p, gpa off, uint32_t value)
{
    unsigned i = off / 4;

    if (off < R_PENDING) {
        if (i > 0 && i < PLIC_SOURCES) {
            p->priority[i] = value & PRIORITY_MAX;
        }
    } else if (off >= R_CONTEXT) {
        i = (off - R_CONTEXT) / CONTEXT_SIZE;
        if (i < p->n_contexts && off % CONTEXT_SIZE == 0) {
            p->context[i].threshold = value & PRIORITY_MAX;
        } else if (i < p->n_contexts && off % CONTEXT_SIZE == 4) {
            complete(p, &p->context[i], value);
        }
    } else if (off >= R_ENABLE) {
        unsigned word = (off - R_ENABLE) % ENABLE_STRIDE / 4;

        i = (off - R_ENABLE) / ENABLE_STRIDE;
        if (i < p->n_contexts && word < WORDS) {
            p->context[i].enable[word] = word ? value : value & ~1u;
        }
    }
    update(p);
}

static uint64_t region_read(void *opaque, gpa off, unsigned size)
{
    struct plic *p = opaque;
    uint64_t v;

    g_mutex_lock(&p->lock);
    v = read_locked(p, off);
    g_mutex_unlock(&p->lock);
    return v;
}

static void region_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct plic *p = opaque;

    g_mutex_lock(&p->lock);
    write_locked(p, off, value);
    g_mutex_unlock(&p->lock);
}

static const struct bus_ops ops = {
    .read = region_read, .write = region_write, .min_size = 4, .max_size = 4};

struct plic *plic_new(struct cpu **cpus, unsigned n_cpus, uint32_t m, uint32_t s)
{
    struct plic *p = g_new0(struct plic, 1);

    p->cpus = cpus;
    p->n_contexts = n_cpus * 2;
    p->input[0] = m;
    p->input[1] = s;
    p->context = g_new0(struct context, p->n_contexts);
    g_mutex_init(&p->lock);
    bus_region_init_io(&p->region, "riscv.plic", PLIC_SIZE, &ops, p, NULL);
    return p;
}

void plic_free(struct plic *p)
{
    if (!p) {
        return;
    }
    g_mutex_clear(&p->lock);
    g_free(p->context);
    g_free(p);
}

static void clear(struct plic *p)
{
    memset(p->priority, 0, sizeof(p->priority));
    memset(p->level, 0, sizeof(p->level));
    memset(p->pending, 0, sizeof(p->pending));
    memset(p->claimed, 0, sizeof(p->claimed));
    memset(p->context, 0, p->n_contexts * sizeof(p->context[0]));
}

void plic_reset(struct plic *p)
{
    g_mutex_lock(&p->lock);
    clear(p);
    update(p);
    g_mutex_unlock(&p->lock);
}

struct bus_region *plic_region(struct plic *p)
{
    return &p->region;
}

struct irq plic_line(struct plic *p, unsigned source)
{
    g_assert(source > 0 && source < PLIC_SOURCES);
    return (struct irq){.set = set_line, .opaque = p, .line = source};
}

static const struct state_row plic_rows[] = {
    STATE_U_ARRAY(struct plic, priority, 0),
    STATE_U_ARRAY(struct plic, level, 0),
    STATE_U_ARRAY(struct plic, pending, 0),
    STATE_U_ARRAY(struct plic, claimed, 0),
    STATE_DONE,
};

static const struct state_row context_rows[] = {
    STATE_U_ARRAY(struct context, enable, 0),
    STATE_U(struct context, threshold, 0),
    STATE_DONE,
};

void plic_save(struct plic *p, GByteArray *out)
{
    state_save(plic_rows, p, out);
    for (unsigned i = 0; i < p->n_contexts; i++) {
        state_save(context_rows, &p->context[i], out);
    }
}

gboolean plic_load(struct plic *p, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(plic_rows, p, data, left, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < p->n_contexts; i++) {
        if (!state_load(context_rows, &p->context[i], data, left, error)) {
            return FALSE;
        }
    }
    g_mutex_lock(&p->lock);
    update(p);
    g_mutex_unlock(&p->lock);
    return TRUE;
}
