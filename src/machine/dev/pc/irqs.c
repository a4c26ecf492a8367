/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interrupt controllers of a PC and what joins them: see irqs.h. */
#include "machine/dev/pc/irqs.h"

#include "machine/irqchip/describe.h"
#include "machine/irqchip/ioapic.h"
#include "machine/irqchip/lapic.h"
#include "machine/irqchip/pic.h"
#include "machine/irqchip/pit.h"

#include <inttypes.h>
#include <string.h>

#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800
#define MSR_X2APIC_LAST  0x8ff

#define IOAPIC_SIZE 0x1000
#define LINT0       0
#define LINT1       1

/* One vCPU's local APIC. */
struct local {
    struct irqs *irqs;
    struct cpu *cpu;
    struct lapic apic;  /* lock */
    struct timer timer; /* lock */
    uint64_t page;      /* atomic: of the xAPIC registers; UINT64_MAX: none */
};

struct irqs {
    GMutex lock; /* a leaf */
    struct clock *clock;
    int64_t (*tsc_time)(void *opaque, struct cpu *cpu, uint64_t tsc);
    void *opaque;
    const struct irq_chips *chips; /* NULL: `local` below are the vCPUs' */
    void *chips_opaque;
    struct lapic_ops lapic_ops;

    struct pic pic;
    struct ioapic ioapic;
    struct pit pit;
    struct timer pit_timer;
    bool pit_disabled; /* HPET legacy replacement */
    bool pit_level;
    struct local *local; /* n_local of them */
    unsigned n_local;

    uint64_t raised[IRQS_GSIS];                             /* lock: how often, for people */
    uint32_t levels;                                        /* lock */
    void (*heard)(void *opaque, unsigned line, bool level); /* lock; NULL: nobody */
    void *heard_opaque;

    struct bus_region pic_region[2], elcr_region, pit_region, port61_region, ioapic_region;
    struct bus *memory, *io;
    GPtrArray *mappings; /* struct bus_mapping *, of `io` but for the first */
    struct bus_mapping *ioapic_mapping;
};

static const struct state_row irqs_rows[] = {
    STATE_U(struct irqs, pit_disabled, 0),
    STATE_U(struct irqs, pit_level, 0),
    STATE_DONE,
};

static int64_t now(const struct irqs *s)
{
    return clock_now(s->clock, CLOCK_GUEST);
}

static struct local *local_of(struct irqs *s, const struct cpu *cpu)
{
    g_assert(cpu->index < s->n_local);
    return &s->local[cpu->index];
}

/* ---- messages (lock held) ---- */

static void send_lowest(struct irqs *s, const struct apic_message *m)
{
    struct local *best = NULL;

    for (unsigned i = 0; i < s->n_local; i++) {
        struct local *l = &s->local[i];

        if (lapic_match(&l->apic, m) && lapic_takes_lowest(&l->apic) &&
            (!best || lapic_ppr(&l->apic) < lapic_ppr(&best->apic))) {
            best = l;
        }
    }
    if (best) {
        lapic_deliver(&best->apic, m);
    }
}

/* In the form of an MSI, for chips that are the accelerator's. */
static struct irq_message message_of(const struct apic_message *m)
{
    return (struct irq_message){
        .address = UINT64_C(0xfee00000) | (uint64_t)(m->dest & 0xff) << 12 |
                   (uint64_t)(m->dest & 0xffffff00) << 32 | (m->logical ? 4 : 0),
        .data = m->vector | (uint32_t)m->delivery << 8 | (m->level ? 0xc000u : 0),
    };
}

/* `from`: the sender of an IPI; NULL: an I/O APIC or a device. */
static void send(struct irqs *s, const struct apic_message *m, struct local *from)
{
    if (s->chips) {
        struct irq_message out = message_of(m);

        s->chips->send(s->chips_opaque, out.address, out.data);
        return;
    }
    if (m->delivery == APIC_LOWEST && m->shorthand == APIC_TO_DEST) {
        send_lowest(s, m);
        return;
    }
    for (unsigned i = 0; i < s->n_local; i++) {
        struct local *l = &s->local[i];
        bool to;

        switch (m->shorthand) {
        case APIC_TO_SELF: to = l == from; break;
        case APIC_TO_ALL: to = true; break;
        case APIC_TO_OTHERS: to = l != from; break;
        default: to = lapic_match(&l->apic, m); break;
        }
        if (to) {
            lapic_deliver(&l->apic, m);
        }
    }
}

static void ioapic_send(void *opaque, const struct apic_message *m)
{
    send(opaque, m, NULL);
}

static void msi(void *opaque, uint32_t device_id, uint64_t address, uint32_t data)
{
    struct irqs *s = opaque;
    struct apic_message m;

    if (apic_message_from_msi(address, data, &m)) {
        g_mutex_lock(&s->lock);
        send(s, &m, NULL);
        g_mutex_unlock(&s->lock);
    }
}

/* ---- what a local APIC asks for (lock held) ---- */

static void lapic_output(void *opaque, bool level)
{
    struct local *l = opaque;

    if (level) {
        cpu_raise(l->cpu, CPU_PENDING_IRQ);
    } else {
        cpu_lower(l->cpu, CPU_PENDING_IRQ);
    }
}

static void lapic_event(void *opaque, enum lapic_event event, uint8_t vector)
{
    struct local *l = opaque;

    switch (event) {
    case LAPIC_NMI: cpu_raise(l->cpu, CPU_PENDING_NMI); break;
    case LAPIC_SMI: break; /* no system management mode */
    case LAPIC_INIT:
        cpu_lower(l->cpu, CPU_PENDING_START);
        cpu_raise(l->cpu, CPU_PENDING_INIT);
        break;
    case LAPIC_START:
        __atomic_store_n(&l->cpu->start_vector, vector, __ATOMIC_RELEASE);
        cpu_raise(l->cpu, CPU_PENDING_START);
        break;
    }
}

static void set_timer(struct timer *t, int64_t expiry)
{
    if (expiry == INT64_MAX) {
        timer_cancel(t);
    } else {
        timer_arm(t, expiry);
    }
}

static void lapic_set_timer(void *opaque, int64_t expiry)
{
    struct local *l = opaque;

    set_timer(&l->timer, expiry);
}

static void lapic_fire(void *opaque)
{
    struct local *l = opaque;

    lapic_timer(&l->apic, now(l->irqs));
}

static int64_t lapic_tsc_time(void *opaque, uint64_t tsc)
{
    struct local *l = opaque;

    return l->irqs->tsc_time(l->irqs->opaque, l->cpu, tsc);
}

static void lapic_eoi(void *opaque, uint8_t vector)
{
    struct local *l = opaque;

    ioapic_eoi(&l->irqs->ioapic, vector);
}

/* ---- lines ---- */

static void pic_output(void *opaque, bool level)
{
    struct irqs *s = opaque;

    if (s->chips) { /* whether LINT0 lets it through they know */
        lapic_output(&s->local[0], level);
        return;
    }
    for (unsigned i = 0; i < s->n_local; i++) {
        lapic_set_lint(&s->local[i].apic, LINT0, level);
    }
}

static void note_line(struct irqs *s, unsigned gsi, bool level)
{
    if (level == (s->levels >> gsi & 1)) {
        return;
    }
    s->levels ^= 1u << gsi;
    s->raised[gsi] += level;
    if (s->heard) {
        s->heard(s->heard_opaque, gsi, level);
    }
}

static void set_gsi_locked(struct irqs *s, unsigned gsi, bool level)
{
    note_line(s, gsi, level);
    if (gsi < PIC_LINES) {
        pic_set_line(&s->pic, gsi, level);
    }
    ioapic_set_line(&s->ioapic, gsi == 0 ? 2 : gsi, level);
}

static void set_gsi(void *opaque, int line, bool level)
{
    struct irqs *s = opaque;

    g_mutex_lock(&s->lock);
    set_gsi_locked(s, (unsigned)line, level);
    g_mutex_unlock(&s->lock);
}

static void set_nmi(void *opaque, int line, bool level)
{
    struct irqs *s = opaque;

    g_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_local; i++) {
        if (!s->chips) {
            lapic_set_lint(&s->local[i].apic, LINT1, level);
        } else if (level) {
            lapic_event(&s->local[i], LAPIC_NMI, 0); /* the accelerator knows LINT1's entry */
        }
    }
    g_mutex_unlock(&s->lock);
}

static void pit_output(void *opaque, bool level)
{
    struct irqs *s = opaque;

    s->pit_level = level;
    if (!s->pit_disabled) {
        set_gsi_locked(s, 0, level);
    }
}

static void set_pit_disable(void *opaque, int line, bool level)
{
    struct irqs *s = opaque;

    g_mutex_lock(&s->lock);
    if (level != s->pit_disabled) {
        s->pit_disabled = level;
        set_gsi_locked(s, 0, !level && s->pit_level);
    }
    g_mutex_unlock(&s->lock);
}

static void pit_set_timer(void *opaque, int64_t expiry)
{
    struct irqs *s = opaque;

    set_timer(&s->pit_timer, expiry);
}

static void pit_fire(void *opaque)
{
    struct irqs *s = opaque;

    pit_timer(&s->pit, now(s));
}

struct irq irqs_gsi(struct irqs *s, unsigned gsi)
{
    g_assert(gsi < IRQS_GSIS);
    return (struct irq){.set = set_gsi, .opaque = s, .line = (int)gsi};
}

struct irq irqs_nmi(struct irqs *s)
{
    return (struct irq){.set = set_nmi, .opaque = s};
}

struct irq irqs_pit_disable(struct irqs *s)
{
    return (struct irq){.set = set_pit_disable, .opaque = s};
}

struct msi_target irqs_msi(struct irqs *s)
{
    return (struct msi_target){.send = msi, .opaque = s};
}

/* ---- registers: the bus takes the lock around these ---- */

static uint64_t pic_master_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return pic_read(&s->pic, 0, (unsigned)off);
}

static void pic_master_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    pic_write(&s->pic, 0, (unsigned)off, (uint8_t)value);
}

static uint64_t pic_slave_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return pic_read(&s->pic, 1, (unsigned)off);
}

static void pic_slave_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    pic_write(&s->pic, 1, (unsigned)off, (uint8_t)value);
}

static uint64_t elcr_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return pic_read_elcr(&s->pic, (unsigned)off);
}

static void elcr_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    pic_write_elcr(&s->pic, (unsigned)off, (uint8_t)value);
}

static uint64_t pit_port_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return pit_read(&s->pit, (unsigned)off, now(s));
}

static void pit_port_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    pit_write(&s->pit, (unsigned)off, (uint8_t)value, now(s));
}

static uint64_t port61_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return pit_read_61(&s->pit, now(s));
}

static void port61_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    pit_write_61(&s->pit, (uint8_t)value, now(s));
}

static uint64_t ioapic_reg_read(void *opaque, gpa off, unsigned size)
{
    struct irqs *s = opaque;

    return ioapic_read(&s->ioapic, off & 0xff);
}

/* Tells the accelerator's chips which messages end visibly. */
static void watch_ends(struct irqs *s)
{
    struct irq_message list[IOAPIC_PINS];
    struct apic_message m;
    unsigned n = 0;

    if (!s->chips) {
        return;
    }
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (ioapic_level_message(&s->ioapic, pin, &m)) {
            list[n++] = message_of(&m);
        }
    }
    s->chips->watch(s->chips_opaque, list, n);
}

static void ioapic_reg_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct irqs *s = opaque;

    ioapic_write(&s->ioapic, off & 0xff, (uint32_t)value);
    watch_ends(s);
}

#define BYTE_PORT(read_fn, write_fn)                                                        \
    {                                                                                       \
        .read = read_fn, .write = write_fn, .min_size = 1, .max_size = 1, .wide = BUS_SPLIT \
    }

static const struct bus_ops master_ops = BYTE_PORT(pic_master_read, pic_master_write);
static const struct bus_ops slave_ops = BYTE_PORT(pic_slave_read, pic_slave_write);
static const struct bus_ops elcr_ops = BYTE_PORT(elcr_read, elcr_write);
static const struct bus_ops pit_ops = BYTE_PORT(pit_port_read, pit_port_write);
static const struct bus_ops port61_ops = BYTE_PORT(port61_read, port61_write);
static const struct bus_ops ioapic_ops = {
    .read = ioapic_reg_read,
    .write = ioapic_reg_write,
    .min_size = 4,
    .max_size = 4,
    .narrow = BUS_SPLIT,
};

static void map_port(struct irqs *s, struct bus_region *r, gpa port)
{
    g_ptr_array_add(s->mappings, bus_map(s->io, port, r, 0, r->size, 0, false));
}

void irqs_map(struct irqs *s, struct bus *memory, struct bus *io)
{
    s->memory = memory;
    s->io = io;
    if (memory) {
        s->ioapic_mapping =
            bus_map(memory, IRQS_IOAPIC_BASE, &s->ioapic_region, 0, IOAPIC_SIZE, 0, false);
    }
    if (io) {
        bus_begin(io);
        map_port(s, &s->pic_region[0], 0x20);
        map_port(s, &s->pic_region[1], 0xa0);
        map_port(s, &s->elcr_region, 0x4d0);
        map_port(s, &s->pit_region, 0x40);
        map_port(s, &s->port61_region, 0x61);
        bus_commit(io);
    }
}

/* ---- a vCPU's own registers ---- */

static void publish_page(struct local *l)
{
    bool mapped = lapic_enabled(&l->apic) && !lapic_is_x2apic(&l->apic);

    __atomic_store_n(&l->page, mapped ? l->apic.base & ~UINT64_C(0xfff) : UINT64_MAX,
                     __ATOMIC_RELEASE);
}

gpa irqs_lapic_page(struct irqs *s, const struct cpu *cpu)
{
    return __atomic_load_n(&local_of(s, cpu)->page, __ATOMIC_ACQUIRE);
}

uint64_t irqs_lapic_read(struct irqs *s, struct cpu *cpu, unsigned off, unsigned size)
{
    struct local *l = local_of(s, cpu);
    uint64_t value;

    if ((off & 15) + size > 4) {
        return UINT64_MAX; /* undefined by the SDM: registers are 32 bits of every 16 bytes */
    }
    g_mutex_lock(&s->lock);
    value = lapic_read(&l->apic, off & 0xff0, now(s)) >> (off & 3) * 8;
    g_mutex_unlock(&s->lock);
    return size < 4 ? value & ((UINT64_C(1) << size * 8) - 1) : value;
}

void irqs_lapic_write(struct irqs *s, struct cpu *cpu, unsigned off, uint64_t value, unsigned size)
{
    struct local *l = local_of(s, cpu);
    struct apic_message m;

    if (off & 15 || size < 4) {
        return;
    }
    g_mutex_lock(&s->lock);
    if (lapic_write(&l->apic, off & 0xff0, (uint32_t)value, now(s), &m)) {
        send(s, &m, l);
    }
    g_mutex_unlock(&s->lock);
}

int irqs_acknowledge(struct irqs *s, struct cpu *cpu)
{
    struct local *l = local_of(s, cpu);
    int vector;

    g_mutex_lock(&s->lock);
    vector = s->chips ? -1 : lapic_acknowledge(&l->apic);
    if (vector < 0 && (s->chips || lapic_passes_pic(&l->apic)) && s->pic.level) {
        vector = pic_acknowledge(&s->pic);
    }
    g_mutex_unlock(&s->lock);
    return vector;
}

void irqs_ended(struct irqs *s, uint8_t vector)
{
    g_mutex_lock(&s->lock);
    ioapic_eoi(&s->ioapic, vector);
    g_mutex_unlock(&s->lock);
}

static int read_locked(struct irqs *s, struct local *l, uint32_t reg, uint64_t *ret)
{
    switch (reg) {
    case MSR_APIC_BASE: *ret = l->apic.base; return 0;
    case MSR_TSC_DEADLINE: *ret = lapic_deadline(&l->apic); return s->tsc_time ? 0 : -1;
    case IRQS_REG_CR8: *ret = lapic_cr8(&l->apic); return 0;
    default: break;
    }
    return reg >= MSR_X2APIC && reg <= MSR_X2APIC_LAST ? lapic_msr_read(&l->apic, reg, now(s), ret)
                                                       : -1;
}

int irqs_reg_read(struct irqs *s, struct cpu *cpu, uint32_t reg, uint64_t *ret)
{
    int status;

    g_mutex_lock(&s->lock);
    status = read_locked(s, local_of(s, cpu), reg, ret);
    g_mutex_unlock(&s->lock);
    return status;
}

static int write_x2apic(struct irqs *s, struct local *l, uint32_t reg, uint64_t value)
{
    struct apic_message m;
    int status = lapic_msr_write(&l->apic, reg, value, now(s), &m);

    if (status > 0) {
        send(s, &m, l);
    }
    return status < 0 ? -1 : 0;
}

static int write_locked(struct irqs *s, struct local *l, uint32_t reg, uint64_t value)
{
    int status;

    switch (reg) {
    case MSR_APIC_BASE:
        status = lapic_set_base(&l->apic, value);
        publish_page(l);
        return status;
    case MSR_TSC_DEADLINE:
        if (!s->tsc_time) {
            return -1;
        }
        lapic_set_deadline(&l->apic, value, now(s));
        return 0;
    case IRQS_REG_CR8: lapic_set_cr8(&l->apic, value & 0xf); return 0;
    default: break;
    }
    return reg >= MSR_X2APIC && reg <= MSR_X2APIC_LAST ? write_x2apic(s, l, reg, value) : -1;
}

int irqs_reg_write(struct irqs *s, struct cpu *cpu, uint32_t reg, uint64_t value)
{
    int status;

    g_mutex_lock(&s->lock);
    status = write_locked(s, local_of(s, cpu), reg, value);
    g_mutex_unlock(&s->lock);
    return status;
}

/* ---- life ---- */

static void init_regions(struct irqs *s)
{
    bus_region_init_io(&s->pic_region[0], "pic", 2, &master_ops, s, &s->lock);
    bus_region_init_io(&s->pic_region[1], "pic", 2, &slave_ops, s, &s->lock);
    bus_region_init_io(&s->elcr_region, "elcr", 2, &elcr_ops, s, &s->lock);
    bus_region_init_io(&s->pit_region, "pit", 4, &pit_ops, s, &s->lock);
    bus_region_init_io(&s->port61_region, "pcspk", 1, &port61_ops, s, &s->lock);
    bus_region_init_io(&s->ioapic_region, "ioapic", IOAPIC_SIZE, &ioapic_ops, s, &s->lock);
}

struct irqs *irqs_new(const struct irqs_config *config)
{
    struct irqs *s = g_new0(struct irqs, 1);

    g_mutex_init(&s->lock);
    s->clock = config->clock;
    s->tsc_time = config->tsc_time;
    s->opaque = config->opaque;
    s->chips = config->chips;
    s->chips_opaque = config->chips_opaque;
    s->lapic_ops = (struct lapic_ops){
        .output = lapic_output,
        .event = lapic_event,
        .timer = lapic_set_timer,
        .tsc_time = config->tsc_time ? lapic_tsc_time : NULL,
        .eoi = lapic_eoi,
    };
    s->mappings = g_ptr_array_new();
    s->n_local = config->n_cpus;
    s->local = g_new0(struct local, config->n_cpus);
    timer_init(&s->pit_timer, s->clock, CLOCK_GUEST, &s->lock, pit_fire, s);
    pic_init(&s->pic, pic_output, s);
    ioapic_init(&s->ioapic, ioapic_send, s);
    pit_init(&s->pit, pit_output, pit_set_timer, s);
    init_regions(s);
    for (unsigned i = 0; i < s->n_local; i++) {
        struct local *l = &s->local[i];
        uint32_t id = config->apic_ids ? config->apic_ids[i] : i;

        l->irqs = s;
        l->cpu = config->cpus[i];
        timer_init(&l->timer, s->clock, CLOCK_GUEST, &s->lock, lapic_fire, l);
        lapic_init(&l->apic, id, i == 0, config->x2apic, &s->lapic_ops, l);
    }
    irqs_reset(s);
    return s;
}

static void cancel_timer(struct irqs *s, struct timer *t)
{
    g_mutex_lock(&s->lock);
    timer_cancel(t);
    g_mutex_unlock(&s->lock);
}

void irqs_free(struct irqs *s)
{
    if (!s) {
        return;
    }
    for (unsigned i = 0; i < s->mappings->len; i++) {
        bus_unmap(s->io, g_ptr_array_index(s->mappings, i));
    }
    if (s->memory) {
        bus_unmap(s->memory, s->ioapic_mapping);
    }
    cancel_timer(s, &s->pit_timer);
    for (unsigned i = 0; i < s->n_local; i++) {
        cancel_timer(s, &s->local[i].timer);
    }
    g_ptr_array_free(s->mappings, TRUE);
    g_free(s->local);
    g_mutex_clear(&s->lock);
    g_free(s);
}

static void describe_lines(const struct irqs *s, GString *out)
{
    g_string_append(out, "IRQ statistics for ioapic:\n");
    for (unsigned i = 0; i < IRQS_GSIS; i++) {
        if (s->raised[i]) {
            g_string_append_printf(out, "%2u: %" PRIu64 "\n", i, s->raised[i]);
        }
    }
}

bool irqs_describe(struct irqs *s, const char *what, GString *out)
{
    bool known = true;

    g_mutex_lock(&s->lock);
    if (g_str_equal(what, "irq")) {
        describe_lines(s, out);
    } else if (g_str_equal(what, "pic")) {
        describe_ioapic(&s->ioapic, out);
        describe_pic(&s->pic, out);
    } else if (g_str_equal(what, "lapic")) {
        for (unsigned i = 0; i < s->n_local; i++) {
            g_string_append_printf(out, "dumping local APIC state for CPU %u\n\n", i);
            describe_lapic(&s->local[i].apic, now(s), out);
        }
    } else {
        known = false;
    }
    g_mutex_unlock(&s->lock);
    return known;
}

void irqs_intercept(struct irqs *s, void (*fn)(void *opaque, unsigned line, bool level),
                    void *opaque)
{
    g_mutex_lock(&s->lock);
    s->heard = fn;
    s->heard_opaque = opaque;
    g_mutex_unlock(&s->lock);
}

void irqs_reset(struct irqs *s)
{
    g_mutex_lock(&s->lock);
    s->pit_disabled = false;
    pic_reset(&s->pic);
    ioapic_reset(&s->ioapic);
    for (unsigned i = 0; i < s->n_local; i++) {
        lapic_reset(&s->local[i].apic);
        publish_page(&s->local[i]);
    }
    pit_reset(&s->pit, now(s));
    watch_ends(s);
    g_mutex_unlock(&s->lock);
}

void irqs_save(struct irqs *s, GByteArray *out)
{
    g_mutex_lock(&s->lock);
    state_save(irqs_rows, s, out);
    state_save(pic_state, &s->pic, out);
    state_save(ioapic_state, &s->ioapic, out);
    state_save(pit_state, &s->pit, out);
    for (unsigned i = 0; i < s->n_local; i++) {
        state_save(lapic_state, &s->local[i].apic, out);
    }
    g_mutex_unlock(&s->lock);
}

static gboolean check(int status, const char *what, GError **error)
{
    if (status < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "saved state of the %s is not valid",
                    what);
        return FALSE;
    }
    return TRUE;
}

static gboolean load_locked(struct irqs *s, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(irqs_rows, s, data, left, error) ||
        !state_load(pic_state, &s->pic, data, left, error) ||
        !state_load(ioapic_state, &s->ioapic, data, left, error) ||
        !state_load(pit_state, &s->pit, data, left, error)) {
        return FALSE;
    }
    for (unsigned i = 0; i < s->n_local; i++) {
        struct lapic *l = &s->local[i].apic;

        if (!state_load(lapic_state, l, data, left, error) ||
            !check(lapic_loaded(l), "local APIC", error)) {
            return FALSE;
        }
        publish_page(&s->local[i]);
    }
    pic_loaded(&s->pic);
    ioapic_loaded(&s->ioapic);
    return check(pit_loaded(&s->pit, now(s)), "8254", error);
}

gboolean irqs_load(struct irqs *s, const uint8_t **data, size_t *left, GError **error)
{
    gboolean ok;

    g_mutex_lock(&s->lock);
    ok = load_locked(s, data, left, error);
    g_mutex_unlock(&s->lock);
    return ok;
}
