/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI functions, bridges and messages through configuration cycles, as a guest drives them. */
#include "base/bits.h"
#include "machine/pci/bridge.h"
#include "machine/pci/pci.h"
#include "machine/pci/regs.h"

#define MEM_BAR      0xe0000000u
#define IO_BAR       0xc000u
#define BDF(b, d, f) ((b) << 8 | (d) << 3 | (f))

/* --- a function with a memory BAR that echoes, an I/O BAR, MSI and MSI-X -----------------------
 */

struct echo {
    struct pci_dev pci; /* first */
    struct bus_region memory, io;
    uint64_t last;
};

static uint64_t echo_read(void *opaque, gpa off, unsigned size)
{
    return off;
}

static void echo_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    ((struct echo *)opaque)->last = value;
}

static const struct bus_ops echo_ops = {
    .read = echo_read,
    .write = echo_write,
    .min_size = 1,
    .max_size = 4,
};

static gboolean echo_realize(struct dev *dev, GError **error)
{
    struct echo *e = (struct echo *)dev;

    e->pci.config[R_PCI_IRQ_PIN] = 1;
    bus_region_init_io(&e->memory, "echo", 0x10000, &echo_ops, e, &dev->lock);
    bus_region_init_io(&e->io, "echo-io", 0x20, &echo_ops, e, &dev->lock);
    pci_add_bar(&e->pci, 0, &e->memory, false, true, true);
    pci_add_bar(&e->pci, 2, &e->io, true, false, false);
    pci_add_msi(&e->pci, 4, true, true);
    return pci_add_msix(&e->pci, 3, 4, error);
}

static const struct pci_class echo_pci = {
    .vendor = 0x1234,
    .device = 0x5678,
    .class_code = 0xff0000,
};

static const struct dev_class echo_class = {
    .name = "echo",
    .bus_type = "PCI",
    .base = &pci_dev_class,
    .bus_class = &echo_pci,
    .instance_size = sizeof(struct echo),
    .realize = echo_realize,
};

/* --- a machine of two buses and a root
 * ------------------------------------------------------------- */

static const struct dev_class host_class = {
    .name = "host",
    .instance_size = sizeof(struct dev),
    .internal = true,
};

struct rig {
    struct dev_env env;
    struct quiesce_reader reader;
    struct dev *host;
    struct pci_bus *root;
    GPtrArray *devs;
    bool line[8];
    unsigned messages;
    uint64_t msi_address;
    uint32_t msi_data;
};

static void set_line(void *opaque, int line, bool level)
{
    ((struct rig *)opaque)->line[line] = level;
}

static void message(void *opaque, uint32_t device, uint64_t address, uint32_t data)
{
    struct rig *r = opaque;

    r->messages++;
    r->msi_address = address;
    r->msi_data = data;
}

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->env.quiesce = quiesce_new();
    quiesce_enter(r->env.quiesce, &r->reader);
    r->env.memory = bus_new("memory", 40, r->env.quiesce);
    r->env.io = bus_new("io", 16, r->env.quiesce);
    r->env.msi = (struct msi_target){.send = message, .opaque = r};
    r->host = dev_new(&host_class, NULL, &r->env);
    r->root = pci_root_new(r->host, "pcie.0", true);
    for (int i = 0; i < 4; i++) {
        r->root->intx[i] = (struct irq){.set = set_line, .opaque = r, .line = i};
    }
    r->devs = g_ptr_array_new();
}

static struct pci_dev *add(struct rig *r, const struct dev_class *class, const char *id,
                           struct pci_bus *bus, const char *addr)
{
    struct dev *dev = dev_new(class, id, &r->env);
    g_autoptr(GError) error = NULL;

    if (addr) {
        g_assert_true(dev_set_str(dev, "addr", addr, &error));
    }
    g_assert_true(dev_realize(dev, bus->dev_bus, &error));
    dev_reset(dev);
    g_ptr_array_add(r->devs, dev);
    return (struct pci_dev *)dev;
}

static void rig_fini(struct rig *r)
{
    while (r->devs->len) {
        dev_free(g_ptr_array_steal_index(r->devs, r->devs->len - 1));
    }
    g_ptr_array_free(r->devs, TRUE);
    dev_free(r->host);
    pci_bus_free(r->root);
    quiesce_leave(&r->reader);
    bus_free(r->env.io);
    bus_free(r->env.memory);
    quiesce_free(r->env.quiesce);
}

static uint32_t rd(struct rig *r, uint32_t bdf, unsigned off, unsigned size)
{
    return pci_host_read(r->root, bdf, off, size);
}

static void wr(struct rig *r, uint32_t bdf, unsigned off, uint32_t value, unsigned size)
{
    pci_host_write(r->root, bdf, off, value, size);
}

static uint64_t peek(struct bus *bus, gpa addr, unsigned size)
{
    uint64_t value;

    bus_read(bus, addr, size, &value);
    return value;
}

/* --- tests
 * -------------------------------------------------------------------------------------------- */

static void absent_reads_ones(void)
{
    struct rig r;

    rig_init(&r);
    g_assert_cmphex(rd(&r, BDF(0, 5, 0), 0, 4), ==, 0xffffffff);
    g_assert_cmphex(rd(&r, BDF(3, 0, 0), 0, 2), ==, 0xffff);
    wr(&r, BDF(3, 0, 0), 4, 7, 2);
    rig_fini(&r);
}

static void bars_size_and_move(void)
{
    struct rig r;
    uint32_t f = BDF(0, 4, 0);

    rig_init(&r);
    add(&r, &echo_class, NULL, r.root, "4");
    g_assert_cmphex(rd(&r, f, R_PCI_VENDOR, 4), ==, 0x56781234);
    wr(&r, f, R_PCI_BAR0, 0xffffffff, 4);
    wr(&r, f, R_PCI_BAR0 + 4, 0xffffffff, 4);
    g_assert_cmphex(rd(&r, f, R_PCI_BAR0, 4), ==, 0xffff000c);
    g_assert_cmphex(rd(&r, f, R_PCI_BAR0 + 4, 4), ==, 0xffffffff);
    wr(&r, f, R_PCI_BAR0 + 8, 0xffffffff, 4);
    g_assert_cmphex(rd(&r, f, R_PCI_BAR0 + 8, 4), ==, 0xffffffe1);
    wr(&r, f, R_PCI_BAR0, MEM_BAR, 4);
    wr(&r, f, R_PCI_BAR0 + 4, 1, 4); /* above 4 GiB */
    g_assert_cmphex(peek(r.env.memory, 0x1e0000040, 4), ==, 0xffffffff);
    wr(&r, f, R_PCI_COMMAND, COMMAND_MEMORY, 2);
    g_assert_cmphex(peek(r.env.memory, 0x1e0000040, 4), ==, 0x40);
    wr(&r, f, R_PCI_BAR0 + 4, 0, 4);
    g_assert_cmphex(peek(r.env.memory, 0x1e0000040, 4), ==, 0xffffffff);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 0xfffc, 4), ==, 0xfffc);
    wr(&r, f, R_PCI_BAR0 + 8, IO_BAR, 4);
    wr(&r, f, R_PCI_COMMAND, COMMAND_IO, 2);
    g_assert_cmphex(peek(r.env.io, IO_BAR + 4, 2), ==, 4);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 4, 4), ==, 0xffffffff);
    rig_fini(&r);
}

static void reset_unmaps(void)
{
    struct rig r;
    struct pci_dev *p;

    rig_init(&r);
    p = add(&r, &echo_class, NULL, r.root, "4");
    wr(&r, BDF(0, 4, 0), R_PCI_BAR0, MEM_BAR, 4);
    wr(&r, BDF(0, 4, 0), R_PCI_COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
    g_assert_true(p->dma.enabled);
    dev_reset(&p->dev);
    g_assert_false(p->dma.enabled);
    g_assert_cmphex(rd(&r, BDF(0, 4, 0), R_PCI_COMMAND, 2), ==, 0);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR, 4), ==, 0xffffffff);
    rig_fini(&r);
}

/* What is behind a port is there only inside its bus range and windows. */
static void port_forwards_windows(void)
{
    struct rig r;
    struct pci_dev *port;
    uint32_t p = BDF(0, 2, 0), f = BDF(1, 0, 0);

    rig_init(&r);
    port = add(&r, &pcie_root_port_class, "rp", r.root, "2");
    add(&r, &echo_class, NULL, port->below, NULL);
    g_assert_cmphex(rd(&r, f, 0, 4), ==, 0xffffffff);
    wr(&r, p, R_BRIDGE_PRIMARY, 0x00010100, 4);
    g_assert_cmphex(rd(&r, f, 0, 4), ==, 0x56781234);
    wr(&r, f, R_PCI_BAR0, MEM_BAR + 0x8000000, 4);
    wr(&r, f, R_PCI_COMMAND, COMMAND_MEMORY, 2);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 0x8000000, 4), ==, 0xffffffff);
    wr(&r, p, R_BRIDGE_MEM_BASE, 0xe800e800, 4);
    wr(&r, p, R_PCI_COMMAND, COMMAND_MEMORY, 2);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 0x8000010, 4), ==, 0x10);
    wr(&r, p, R_BRIDGE_MEM_BASE, 0xe900e900, 4);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 0x8000010, 4), ==, 0xffffffff);
    wr(&r, p, R_BRIDGE_PREF_BASE, 0xe801e801, 4);
    wr(&r, p, R_BRIDGE_PREF_BASE_HI, 0, 4);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 0x8000010, 4), ==, 0x10);
    rig_fini(&r);
}

static void intx_follows_level_and_disable(void)
{
    struct rig r;
    struct pci_dev *p, *q;

    rig_init(&r);
    p = add(&r, &echo_class, NULL, r.root, "4");
    q = add(&r, &echo_class, NULL, r.root, "5");
    pci_set_intx(p, true);
    pci_set_intx(q, true); /* both on INTA: the line is shared */
    g_assert_true(r.line[0]);
    g_assert_true(rd(&r, BDF(0, 4, 0), R_PCI_STATUS, 2) & STATUS_INTERRUPT);
    pci_set_intx(p, false);
    g_assert_true(r.line[0]);
    wr(&r, BDF(0, 5, 0), R_PCI_COMMAND, COMMAND_INTX_OFF, 2);
    g_assert_false(r.line[0]);
    g_assert_true(rd(&r, BDF(0, 5, 0), R_PCI_STATUS, 2) & STATUS_INTERRUPT);
    wr(&r, BDF(0, 5, 0), R_PCI_COMMAND, 0, 2);
    g_assert_true(r.line[0]);
    pci_set_intx(q, false);
    rig_fini(&r);
}

static unsigned find_cap(struct rig *r, uint32_t bdf, uint8_t id)
{
    unsigned at = rd(r, bdf, R_PCI_CAP, 1);

    for (unsigned i = 0; at && i < 48; i++) {
        if (rd(r, bdf, at, 1) == id) {
            return at;
        }
        at = rd(r, bdf, at + 1, 1);
    }
    g_assert_not_reached();
}

static void msix_masks_and_pends(void)
{
    struct rig r;
    struct pci_dev *p;
    uint32_t f = BDF(0, 4, 0);
    unsigned cap;
    gpa table = MEM_BAR;

    rig_init(&r);
    p = add(&r, &echo_class, NULL, r.root, "4");
    cap = find_cap(&r, f, CAP_MSIX);
    g_assert_cmphex(rd(&r, f, cap + 2, 2), ==, 2);
    wr(&r, f, R_PCI_BAR0 + 16, MEM_BAR, 4);
    wr(&r, f, R_PCI_COMMAND, COMMAND_MEMORY, 2);
    bus_write(r.env.memory, table + 16, 0xfee01000, 4);
    bus_write(r.env.memory, table + 24, 0x55, 4);
    pci_msix_send(p, 1);
    g_assert_cmpuint(r.messages, ==, 0); /* not enabled: lost */
    wr(&r, f, cap + 2, MSIX_ENABLE, 2);
    pci_msix_send(p, 1);
    g_assert_cmpuint(r.messages, ==, 0); /* masked: pending */
    g_assert_cmphex(peek(r.env.memory, table + 2048, 4), ==, 2);
    bus_write(r.env.memory, table + 28, 0, 4);
    g_assert_cmpuint(r.messages, ==, 1);
    g_assert_cmphex(r.msi_address, ==, 0xfee01000);
    g_assert_cmphex(r.msi_data, ==, 0x55);
    g_assert_cmphex(peek(r.env.memory, table + 2048, 4), ==, 0);
    wr(&r, f, cap + 2, MSIX_ENABLE | MSIX_MASK_ALL, 2);
    pci_msix_send(p, 1);
    g_assert_cmpuint(r.messages, ==, 1);
    wr(&r, f, cap + 2, MSIX_ENABLE, 2);
    g_assert_cmpuint(r.messages, ==, 2);
    pci_msix_send(p, 3); /* no such vector */
    g_assert_cmpuint(r.messages, ==, 2);
    rig_fini(&r);
}

static void msi_masks_and_pends(void)
{
    struct rig r;
    struct pci_dev *p;
    uint32_t f = BDF(0, 4, 0);
    unsigned cap;

    rig_init(&r);
    p = add(&r, &echo_class, NULL, r.root, "4");
    cap = find_cap(&r, f, CAP_MSI);
    wr(&r, f, cap + 4, 0xfee00000, 4);
    wr(&r, f, cap + 12, 0x40, 2);
    wr(&r, f, cap + 2, MSI_ENABLE | 2 << 4, 2); /* four vectors */
    pci_msi_send(p, 3);
    g_assert_cmphex(r.msi_data, ==, 0x43);
    wr(&r, f, cap + 16, 1 << 3, 4);
    pci_msi_send(p, 3);
    g_assert_cmpuint(r.messages, ==, 1);
    g_assert_cmphex(rd(&r, f, cap + 20, 4), ==, 1 << 3);
    wr(&r, f, cap + 16, 0, 4);
    g_assert_cmpuint(r.messages, ==, 2);
    g_assert_cmphex(rd(&r, f, cap + 20, 4), ==, 0);
    wr(&r, f, cap + 2, MSI_ENABLE, 2); /* one vector: all share it */
    pci_msi_send(p, 3);
    g_assert_cmphex(r.msi_data, ==, 0x40);
    rig_fini(&r);
}

static void addresses_are_checked(void)
{
    struct rig r;
    g_autoptr(GError) error = NULL;
    struct dev *dev;
    const struct {
        const char *addr, *says;
    } bad[] = {
        {"4", "not available"},
        {"4.1", "single function"},
    };

    rig_init(&r);
    add(&r, &echo_class, NULL, r.root, "4");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        dev = dev_new(&echo_class, NULL, &r.env);
        g_assert_true(dev_set_str(dev, "addr", bad[i].addr, NULL));
        g_assert_false(dev_realize(dev, r.root->dev_bus, &error));
        g_assert_nonnull(strstr(error->message, bad[i].says));
        g_clear_error(&error);
        dev_free(dev);
    }
    rig_fini(&r);
}

/* Save, change, load: the mapping and the mask come back; constant bytes do not change. */
static void state_round_trip(void)
{
    struct rig r;
    struct pci_dev *p;
    g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    const uint8_t *data;
    size_t left;

    rig_init(&r);
    p = add(&r, &echo_class, NULL, r.root, "4");
    wr(&r, BDF(0, 4, 0), R_PCI_BAR0, MEM_BAR, 4);
    wr(&r, BDF(0, 4, 0), R_PCI_COMMAND, COMMAND_MEMORY, 2);
    dev_save(&p->dev, a);
    dev_reset(&p->dev);
    data = a->data;
    left = a->len;
    g_assert_true(dev_load(&p->dev, &data, &left, &error));
    g_assert_cmpuint(left, ==, 0);
    g_assert_cmphex(peek(r.env.memory, MEM_BAR + 8, 4), ==, 8);
    dev_save(&p->dev, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    rig_fini(&r);
}

/* --- a port's slot -----------------------------------------------------------------------------
 */

#define PORT BDF(0, 2, 0)

/* What a port asks of its machine. */
struct asked {
    unsigned unplugs, refusals;
};

static void on_request(struct machine *m, enum machine_request what, bool guest, int code)
{
    ((struct asked *)m)->unplugs += what == MACHINE_UNPLUG;
}

static void on_event(struct machine *m, const char *name, json_object *data)
{
    ((struct asked *)m)->refusals += g_str_equal(name, "DEVICE_UNPLUG_GUEST_ERROR");
    json_object_put(data);
}

static struct pci_dev *add_port(struct rig *r, const char *hotplug)
{
    struct dev *dev = dev_new(&pcie_root_port_class, "rp", &r->env);

    r->env.request = on_request;
    r->env.event = on_event;
    g_assert_true(dev_set_str(dev, "addr", "2", NULL));
    g_assert_true(dev_set_str(dev, "slot", "5", NULL));
    g_assert_true(dev_set_str(dev, "hotplug", hotplug, NULL));
    g_assert_true(dev_realize(dev, r->root->dev_bus, NULL));
    dev_reset(dev);
    g_ptr_array_add(r->devs, dev);
    wr(r, PORT, R_BRIDGE_PRIMARY, 0x00010100, 4);
    return (struct pci_dev *)dev;
}

/* A function comes while the machine runs. */
static struct pci_dev *hotplug(struct rig *r, struct pci_dev *port)
{
    struct dev *dev = dev_new(&echo_class, "late", &r->env);

    dev->hotplugged = true;
    dev->path = g_strdup("/machine/peripheral/late");
    g_assert_true(dev_realize(dev, port->below->dev_bus, NULL));
    dev_reset(dev);
    port->below->dev_bus->hotplug->added(port->below->dev_bus, dev);
    return (struct pci_dev *)dev;
}

static void unplug(struct pci_dev *port, struct pci_dev *p)
{
    dev_free(&p->dev);
    port->below->dev_bus->hotplug->removed(port->below->dev_bus);
}

static void slot_shows_what_comes_and_goes(void)
{
    struct rig r;
    struct asked asked = {0};
    struct pci_dev *port, *p;
    unsigned cap;

    rig_init(&r);
    port = add_port(&r, "on");
    r.env.machine = (struct machine *)&asked; /* what the hooks above get */
    cap = find_cap(&r, PORT, CAP_EXPRESS);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_CAPABILITIES, 4), ==, 5 << 19 | SLOT_CAPABILITIES);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_CONTROL, 4), ==, 0x07c0);
    g_assert_cmphex(rd(&r, PORT, cap + R_LINK_STATUS, 2) & LINK_ACTIVE, ==, 0);
    p = hotplug(&r, port);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_STATUS, 2), ==,
                    SLOT_PRESENT | SLOT_PRESENCE_CHANGED | SLOT_BUTTON);
    g_assert_cmphex(rd(&r, BDF(1, 0, 0), 0, 4), ==, 0xffffffff); /* no power yet */
    wr(&r, PORT, cap + R_SLOT_STATUS, SLOT_PRESENCE_CHANGED | SLOT_BUTTON, 2);
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_ON, 2);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_STATUS, 2), ==,
                    SLOT_PRESENT | SLOT_COMMAND_DONE | SLOT_LINK_CHANGED);
    g_assert_cmphex(rd(&r, PORT, cap + R_LINK_STATUS, 2) & LINK_ACTIVE, ==, LINK_ACTIVE);
    g_assert_cmphex(rd(&r, BDF(1, 0, 0), 0, 4), ==, 0x56781234);

    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_POWER_OFF | SLOT_LIGHT_ON, 2);
    g_assert_cmpint(p->dev.fate, ==, DEV_RESETS);
    g_assert_cmphex(rd(&r, BDF(1, 0, 0), 0, 4), ==, 0xffffffff);
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_POWER_OFF | SLOT_LIGHT_OFF, 2);
    g_assert_cmpint(p->dev.fate, ==, DEV_LEAVES);
    g_assert_cmpuint(asked.unplugs, ==, 2);
    unplug(port, p);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_STATUS, 2) & (SLOT_PRESENT | SLOT_PRESENCE_CHANGED),
                    ==, SLOT_PRESENCE_CHANGED);
    r.env.machine = NULL;
    rig_fini(&r);
}

/* The line is high as long as an enabled event is not cleared; a message is sent once for all. */
static void slot_interrupts(void)
{
    struct rig r;
    struct pci_dev *port, *p;
    unsigned cap, msix;

    rig_init(&r);
    port = add_port(&r, "on");
    cap = find_cap(&r, PORT, CAP_EXPRESS);
    msix = find_cap(&r, PORT, CAP_MSIX);
    wr(&r, PORT, cap + R_SLOT_CONTROL, 0x07c0 | SLOT_INTERRUPT_ENABLE | SLOT_BUTTON, 2);
    g_assert_false(r.line[0]); /* command completed has an enable of its own */
    p = hotplug(&r, port);
    g_assert_true(r.line[0]);
    wr(&r, PORT, cap + R_SLOT_STATUS, SLOT_BUTTON, 2);
    g_assert_false(r.line[0]);

    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_ON | SLOT_INTERRUPT_ENABLE | SLOT_BUTTON, 2);
    wr(&r, PORT, R_PCI_BAR0, MEM_BAR, 4);
    wr(&r, PORT, R_PCI_COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
    bus_write(r.env.memory, MEM_BAR, 0xfee00000, 4);
    bus_write(r.env.memory, MEM_BAR + 8, 0x55, 4);
    bus_write(r.env.memory, MEM_BAR + MSIX_ENTRY_CONTROL, 0, 4);
    wr(&r, PORT, msix + MSIX_CONTROL, MSIX_ENABLE, 2);
    g_assert_true(port->below->dev_bus->hotplug->ask(port->below->dev_bus, &p->dev, NULL));
    g_assert_cmpuint(r.messages, ==, 1);
    g_assert_cmphex(r.msi_data, ==, 0x55);
    g_assert_true(port->below->dev_bus->hotplug->ask(port->below->dev_bus, &p->dev, NULL));
    g_assert_cmpuint(r.messages, ==, 1);
    g_assert_false(r.line[0]);
    wr(&r, PORT, cap + R_SLOT_STATUS, SLOT_BUTTON, 2);
    g_assert_true(port->below->dev_bus->hotplug->ask(port->below->dev_bus, &p->dev, NULL));
    g_assert_cmpuint(r.messages, ==, 2);
    unplug(port, p);
    rig_fini(&r);
}

/* A guest that turns its light back on keeps the device; while it blinks it is not asked. */
static void slot_refuses(void)
{
    struct rig r;
    struct asked asked = {0};
    struct pci_dev *port, *p;
    g_autoptr(GError) error = NULL;
    unsigned cap;

    rig_init(&r);
    port = add_port(&r, "on");
    cap = find_cap(&r, PORT, CAP_EXPRESS);
    p = hotplug(&r, port);
    r.env.machine = (struct machine *)&asked;
    p->dev.asked_until = 1;
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_BLINKS, 2);
    g_assert_false(port->below->dev_bus->hotplug->ask(port->below->dev_bus, &p->dev, &error));
    g_assert_nonnull(strstr(error->message, "guest is busy (power indicator blinking)"));
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_ON, 2);
    g_assert_cmpuint(asked.refusals, ==, 1);
    g_assert_cmpint(p->dev.asked_until, ==, 0);
    g_assert_cmpuint(asked.unplugs, ==, 0);
    r.env.machine = NULL;
    unplug(port, p);
    rig_fini(&r);
}

/* What the guest did to the slot is in a saved state; what sits in it is this machine's. */
static void slot_state_round_trip(void)
{
    struct rig r;
    struct pci_dev *port, *p;
    g_autoptr(GByteArray) a = g_byte_array_new(), b = g_byte_array_new();
    const uint8_t *data;
    size_t left;
    unsigned cap;

    rig_init(&r);
    port = add_port(&r, "on");
    cap = find_cap(&r, PORT, CAP_EXPRESS);
    p = hotplug(&r, port);
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_ON, 2);
    dev_save(&port->dev, a);
    dev_reset(&port->dev);
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_LIGHT_BLINKS, 2);
    data = a->data;
    left = a->len;
    g_assert_true(dev_load(&port->dev, &data, &left, NULL));
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_CONTROL, 2), ==, SLOT_LIGHT_ON);
    g_assert_cmphex(rd(&r, BDF(1, 0, 0), 0, 4), ==, 0x56781234);
    dev_save(&port->dev, b);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    unplug(port, p);
    rig_fini(&r);
}

static void slot_without_hotplug(void)
{
    struct rig r;
    struct pci_dev *port;
    unsigned cap;

    rig_init(&r);
    port = add_port(&r, "off");
    add(&r, &echo_class, NULL, port->below, NULL);
    cap = find_cap(&r, PORT, CAP_EXPRESS);
    g_assert_null(port->below->dev_bus->hotplug);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_CAPABILITIES, 4), ==, 5 << 19);
    wr(&r, PORT, cap + R_SLOT_CONTROL, SLOT_POWER_OFF | SLOT_LIGHT_OFF, 2);
    g_assert_cmphex(rd(&r, PORT, cap + R_SLOT_CONTROL, 2), ==, 0);
    g_assert_cmphex(rd(&r, BDF(1, 0, 0), 0, 4), ==, 0x56781234);
    rig_fini(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/absent-reads-ones", absent_reads_ones);
    g_test_add_func("/pci/bars-size-and-move", bars_size_and_move);
    g_test_add_func("/pci/reset-unmaps", reset_unmaps);
    g_test_add_func("/pci/port-forwards-windows", port_forwards_windows);
    g_test_add_func("/pci/intx", intx_follows_level_and_disable);
    g_test_add_func("/pci/msix", msix_masks_and_pends);
    g_test_add_func("/pci/msi", msi_masks_and_pends);
    g_test_add_func("/pci/addresses", addresses_are_checked);
    g_test_add_func("/pci/state", state_round_trip);
    g_test_add_func("/pci/slot/comes-and-goes", slot_shows_what_comes_and_goes);
    g_test_add_func("/pci/slot/interrupts", slot_interrupts);
    g_test_add_func("/pci/slot/refuses", slot_refuses);
    g_test_add_func("/pci/slot/state", slot_state_round_trip);
    g_test_add_func("/pci/slot/without-hotplug", slot_without_hotplug);
    return g_test_run();
}
