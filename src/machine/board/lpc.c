/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/lpc.h"

#include "base/endian.h"

#define R_RCBA_D31IR 0x3140 /* device 31, 30, 29, ... interrupt routes, 16 bits each */
#define IR_RESET     0x3210 /* pins A to D go to PIRQ A to D */
#define ROUTE_OFF    0x80
#define ROUTE_RESET  0x80
#define PMBASE_IO    1u
#define ACPI_EN      0x80
#define RCBA_ENABLE  1u
#define SMI_LOCK     0x10

static struct lpc *lpc_of(void *p)
{
    return p;
}

/* Level of ISA interrupt `n`: its devices and the PIRQs routed to it. */
static bool isa_level_locked(const struct lpc *l, unsigned n)
{
    bool level = l->isa_level >> n & 1;

    for (unsigned i = 0; i < LPC_PIRQS; i++) {
        if (!(l->route[i] & ROUTE_OFF) && (l->route[i] & 15) == n) {
            level |= l->pirq_level >> i & 1;
        }
    }
    return level;
}

static void update_isa_locked(struct lpc *l, unsigned n)
{
    struct irq line = irqs_gsi(l->irqs, n);

    irq_set(&line, isa_level_locked(l, n));
}

static void set_isa(void *opaque, int line, bool level)
{
    struct lpc *l = opaque;

    g_mutex_lock(&l->line_lock);
    l->isa_level = (l->isa_level & ~(1u << line)) | (uint32_t)level << line;
    update_isa_locked(l, line);
    g_mutex_unlock(&l->line_lock);
}

static void set_pirq(void *opaque, int line, bool level)
{
    struct lpc *l = opaque;
    struct irq gsi = irqs_gsi(l->irqs, LPC_PIRQ_GSI + line);

    g_mutex_lock(&l->line_lock);
    l->pirq_level = (l->pirq_level & ~(1u << line)) | (uint8_t)level << line;
    irq_set(&gsi, level);
    if (!(l->route[line] & ROUTE_OFF)) {
        update_isa_locked(l, l->route[line] & 15);
    }
    g_mutex_unlock(&l->line_lock);
}

struct irq lpc_pirq(struct lpc *lpc, unsigned n)
{
    return (struct irq){set_pirq, lpc, n};
}

/* Slots 25 to 31 (but 30, a bridge that is not there) have a register each; the others rotate over
 * PIRQ E to H. */
unsigned lpc_map_irq(void *opaque, unsigned devfn, unsigned pin)
{
    struct lpc *l = opaque;
    unsigned slot = devfn >> 3;

    if (slot == 30) {
        return pin + 4;
    }
    if (slot >= 25) {
        unsigned ir = ld_le16(l->registers + R_RCBA_D31IR + 2 * (31 - slot));

        return ir >> (4 * pin) & 7;
    }
    return (slot + pin) % 4 + 4;
}

static void update_routes(struct lpc *l)
{
    g_mutex_lock(&l->line_lock);
    for (unsigned i = 0; i < LPC_PIRQS; i++) {
        l->route[i] = l->pci.config[i < 4 ? R_LPC_PIRQA + i : R_LPC_PIRQE + i - 4];
    }
    for (unsigned n = 3; n < ISA_IRQS; n++) {
        if (n != 8 && n != 13) {
            update_isa_locked(l, n);
        }
    }
    g_mutex_unlock(&l->line_lock);
}

static void update_pm(struct lpc *l)
{
    struct bus *io = l->pci.dev.env->io;
    uint32_t base = ld_le32(l->pci.config + R_LPC_PMBASE) & 0xff80;
    bool on = base && (l->pci.config[R_LPC_ACPI_CNTL] & ACPI_EN);

    bus_begin(io);
    bus_unmap(io, l->pm_mapping);
    l->pm_mapping = on ? bus_map(io, base, &l->pm.region, 0, ACPI_PM_SIZE, 0, false) : NULL;
    bus_commit(io);
}

static void update_rcba(struct lpc *l)
{
    struct bus *memory = l->pci.dev.env->memory;
    uint32_t rcba = ld_le32(l->pci.config + R_LPC_RCBA);

    bus_begin(memory);
    bus_unmap(memory, l->rcba_mapping);
    l->rcba_mapping = NULL;
    if (rcba & RCBA_ENABLE) {
        l->rcba_mapping = bus_map(memory, rcba & 0xffffc000, &l->rcba, 0, LPC_RCBA_SIZE, 1, false);
    }
    bus_commit(memory);
}

static bool overlaps(unsigned off, unsigned size, unsigned reg, unsigned len)
{
    return off < reg + len && reg < off + size;
}

static void lpc_written(struct pci_dev *p, unsigned off, unsigned size)
{
    struct lpc *l = (struct lpc *)p;

    if (overlaps(off, size, R_LPC_PMBASE, 4) || overlaps(off, size, R_LPC_ACPI_CNTL, 1)) {
        update_pm(l);
    }
    if (overlaps(off, size, R_LPC_PIRQA, 4) || overlaps(off, size, R_LPC_PIRQE, 4)) {
        update_routes(l);
    }
    if (overlaps(off, size, R_LPC_RCBA, 4)) {
        update_rcba(l);
    }
    if (overlaps(off, size, R_LPC_GEN_PMCON, 1) && (p->config[R_LPC_GEN_PMCON] & SMI_LOCK)) {
        p->writable[R_LPC_GEN_PMCON] &= ~SMI_LOCK; /* until reset */
    }
}

static uint64_t rcba_read(void *opaque, gpa off, unsigned size)
{
    const uint8_t *r = lpc_of(opaque)->registers + off;

    return size == 1 ? *r : size == 2 ? ld_le16(r) : ld_le32(r);
}

static void rcba_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    uint8_t *r = lpc_of(opaque)->registers + off;

    for (unsigned i = 0; i < size; i++) {
        r[i] = value >> (8 * i);
    }
}

static const struct bus_ops rcba_ops = {
    .read = rcba_read, .write = rcba_write, .min_size = 1, .max_size = 4};

uint8_t lpc_reset_control(struct lpc *l)
{
    return __atomic_load_n(&l->reset_control, __ATOMIC_RELAXED);
}

void lpc_set_reset_control(struct lpc *l, uint8_t value)
{
    const struct dev_env *env = l->pci.dev.env;

    if (value & 4) {
        env->request(env->machine, MACHINE_RESET, true, 0);
    } else {
        __atomic_store_n(&l->reset_control, value & 0xa, __ATOMIC_RELAXED);
    }
}

static void set_masks(struct lpc *l)
{
    uint8_t *w = l->pci.writable;

    st_le32(w + R_LPC_PMBASE, 0xff80);
    w[R_LPC_ACPI_CNTL] = 0x87;
    memset(w + R_LPC_PIRQA, 0x8f, 4);
    memset(w + R_LPC_PIRQE, 0x8f, 4);
    st_le16(w + R_LPC_GEN_PMCON, 0x00ff);
    st_le32(w + R_LPC_RCBA, 0xffffc001);
}

static gboolean lpc_realize(struct dev *dev, GError **error)
{
    struct lpc *l = lpc_of(dev);
    struct irq sci = {set_isa, l, LPC_SCI};

    g_assert(l->irqs);
    g_mutex_init(&l->line_lock);
    isa_bus_init(&l->isa, dev, "isa.0");
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        l->isa.irq[i] = (struct irq){set_isa, l, i};
    }
    acpi_pm_init(&l->pm, dev, &sci);
    l->pm.disable_s3 = l->disable_s3;
    l->pm.disable_s4 = l->disable_s4;
    set_masks(l);
    bus_region_init_io(&l->rcba, "lpc-rcrb-mmio", LPC_RCBA_SIZE, &rcba_ops, l, &dev->lock);
    l->apm_mapping = bus_map(dev->env->io, 0xb2, &l->pm.apm, 0, 2, 0, false);
    return TRUE;
}

static void lpc_unrealize(struct dev *dev)
{
    struct lpc *l = lpc_of(dev);

    bus_unmap(dev->env->io, l->pm_mapping);
    bus_unmap(dev->env->io, l->apm_mapping);
    bus_unmap(dev->env->memory, l->rcba_mapping);
    acpi_pm_fini(&l->pm);
    g_mutex_clear(&l->line_lock);
}

static void update_all(struct lpc *l)
{
    update_pm(l);
    update_rcba(l);
    update_routes(l);
}

static void lpc_reset(struct dev *dev)
{
    struct lpc *l = lpc_of(dev);
    uint8_t *c = l->pci.config;

    st_le32(c + R_LPC_PMBASE, PMBASE_IO);
    c[R_LPC_ACPI_CNTL] = 0;
    memset(c + R_LPC_PIRQA, ROUTE_RESET, 4);
    memset(c + R_LPC_PIRQE, ROUTE_RESET, 4);
    st_le16(c + R_LPC_GEN_PMCON, 0);
    l->pci.writable[R_LPC_GEN_PMCON] |= SMI_LOCK;
    st_le32(c + R_LPC_RCBA, 0);
    memset(l->registers, 0, sizeof(l->registers));
    for (unsigned slot = 25; slot < 32; slot++) {
        if (slot != 30) {
            st_le16(l->registers + R_RCBA_D31IR + 2 * (31 - slot), IR_RESET);
        }
    }
    l->reset_control = 0;
    acpi_pm_reset(&l->pm);
    update_all(l);
}

static gboolean lpc_post_load(struct dev *dev, GError **error)
{
    struct lpc *l = lpc_of(dev);

    acpi_pm_loaded(&l->pm);
    if (l->pci.config[R_LPC_GEN_PMCON] & SMI_LOCK) {
        l->pci.writable[R_LPC_GEN_PMCON] &= ~SMI_LOCK;
    }
    update_all(l);
    return TRUE;
}

static const struct row lpc_props[] = {
    {.name = "disable_s3",
     .type = ROW_UINT,
     ROW_FIELD(struct lpc, disable_s3),
     .max = 1,
     .def = "0",
     .help = "no suspend to RAM in the ACPI tables"},
    {.name = "disable_s4",
     .type = ROW_UINT,
     ROW_FIELD(struct lpc, disable_s4),
     .max = 1,
     .def = "0",
     .help = "no suspend to disk in the ACPI tables"},
    {0},
};

static const struct state_row lpc_state[] = {
    STATE_SUB(struct lpc, pm, acpi_pm_state), STATE_U_ARRAY(struct lpc, registers, 0),
    STATE_U(struct lpc, reset_control, 0),    STATE_U(struct lpc, isa_level, 0),
    STATE_U(struct lpc, pirq_level, 0),       STATE_DONE};

static const struct pci_class lpc_pci = {
    .vendor = 0x8086,
    .device = 0x2918,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .revision = 2,
    .class_code = 0x060100,
    .config_written = lpc_written,
};

const struct dev_class lpc_class = {
    .name = "ICH9-LPC",
    .description = "ICH9 LPC bridge",
    .category = "Bridge",
    .bus_type = "PCI",
    .base = &pci_dev_class,
    .bus_class = &lpc_pci,
    .instance_size = sizeof(struct lpc),
    .props = lpc_props,
    .state = lpc_state,
    .state_version = 1,
    .internal = true,
    .realize = lpc_realize,
    .unrealize = lpc_unrealize,
    .reset = lpc_reset,
    .post_load = lpc_post_load,
};
