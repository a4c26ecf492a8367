/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/mch.h"

#include "base/endian.h"

/* PCIEXBAR: enable, length (00: 256, 01: 128, 10: 64 MiB), base from bit 26 up. */
#define PCIEXBAR_ENABLE 1u
#define PAM_READ        1
#define PAM_WRITE       2

/* Above the firmware's copy below 1 MiB, which stands for the PCI side. */
#define PAM_PRIORITY  1
#define ECAM_PRIORITY 2

static uint64_t conf_read(void *opaque, gpa off, unsigned size)
{
    struct q35_host *h = opaque;

    if (off < 4) {
        if (off == 1 && size == 1) {
            return lpc_reset_control(h->lpc);
        }
        return size == 4 ? h->address : h->address >> (8 * off);
    }
    if (!(h->address & 0x80000000)) {
        return UINT32_MAX;
    }
    return pci_host_read(h->root, h->address >> 8 & 0xffff, (h->address & 0xfc) | (off & 3), size);
}

static void conf_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct q35_host *h = opaque;

    if (off == 0 && size == 4) {
        h->address = value;
    } else if (off == 1 && size == 1) {
        lpc_set_reset_control(h->lpc, value);
    } else if (off >= 4 && (h->address & 0x80000000)) {
        pci_host_write(h->root, h->address >> 8 & 0xffff, (h->address & 0xfc) | (off & 3), value,
                       size);
    }
}

static const struct bus_ops conf_ops = {
    .read = conf_read, .write = conf_write, .min_size = 1, .max_size = 4};

static gboolean host_realize(struct dev *dev, GError **error)
{
    struct q35_host *h = (struct q35_host *)dev;

    h->root = pci_root_new(dev, "pcie.0", true);
    bus_region_init_io(&h->ports, "pci-conf", 8, &conf_ops, h, &dev->lock);
    h->mapping = bus_map(dev->env->io, 0xcf8, &h->ports, 0, 8, 0, false);
    return TRUE;
}

static void host_unrealize(struct dev *dev)
{
    struct q35_host *h = (struct q35_host *)dev;

    bus_unmap(dev->env->io, h->mapping);
    g_clear_pointer(&h->root, pci_bus_free);
}

static const struct state_row host_state[] = {STATE_U(struct q35_host, address, 0), STATE_DONE};

const struct dev_class q35_host_class = {
    .name = "q35-pcihost",
    .description = "Q35 host bridge: configuration ports and root bus",
    .category = "Bridge",
    .instance_size = sizeof(struct q35_host),
    .state = host_state,
    .state_version = 1,
    .internal = true,
    .realize = host_realize,
    .unrealize = host_unrealize,
};

static struct mch *mch_of(void *p)
{
    return p;
}

/* Segment 0 is f0000-fffff; 1 to 12 are 16 KiB each from c0000. */
static gpa pam_base(unsigned i)
{
    return i == 0 ? 0xf0000 : 0xc0000 + (i - 1) * 0x4000;
}

static uint64_t pam_size(unsigned i)
{
    return i == 0 ? 0x10000 : 0x4000;
}

/* PAM0 has its bits in the high nibble; the others hold two segments each. */
static uint8_t pam_bits(const struct mch *m, unsigned i)
{
    uint8_t reg = m->pci.config[R_MCH_PAM0 + (i + 1) / 2];

    return (i % 2 ? reg : reg >> 4) & (PAM_READ | PAM_WRITE);
}

/* Writes that reach RAM while reads do not are not modelled: both go to the PCI side then. */
static void update_pam(struct mch *m)
{
    struct bus *memory = m->pci.dev.env->memory;

    bus_begin(memory);
    for (unsigned i = 0; i < MCH_PAMS; i++) {
        uint8_t mode = pam_bits(m, i);

        if (!(mode & PAM_READ)) {
            mode = 0;
        }
        if (mode == m->pam_mode[i]) {
            continue;
        }
        bus_unmap(memory, m->pam_mapping[i]);
        m->pam_mapping[i] = NULL;
        m->pam_mode[i] = mode;
        if (mode) {
            m->pam_mapping[i] = bus_map(memory, pam_base(i), m->ram, pam_base(i), pam_size(i),
                                        PAM_PRIORITY, !(mode & PAM_WRITE));
        }
    }
    bus_commit(memory);
}

static void update_ecam(struct mch *m)
{
    static const uint64_t sizes[] = {0x10000000, 0x8000000, 0x4000000, 0};
    struct bus *memory = m->pci.dev.env->memory;
    uint64_t bar = ld_le64(m->pci.config + R_MCH_PCIEXBAR);
    uint64_t size = bar & PCIEXBAR_ENABLE ? sizes[bar >> 1 & 3] : 0;
    gpa base = size ? bar & 0xffc000000 & ~(size - 1) : 0;

    bus_begin(memory);
    bus_unmap(memory, m->ecam_mapping);
    m->ecam_mapping = size ? bus_map(memory, base, &m->ecam, 0, size, ECAM_PRIORITY, false) : NULL;
    bus_commit(memory);
}

static bool overlaps(unsigned off, unsigned size, unsigned reg, unsigned len)
{
    return off < reg + len && reg < off + size;
}

static void mch_written(struct pci_dev *p, unsigned off, unsigned size)
{
    struct mch *m = (struct mch *)p;

    if (overlaps(off, size, R_MCH_PAM0, 7)) {
        update_pam(m);
    }
    if (overlaps(off, size, R_MCH_PCIEXBAR, 8)) {
        update_ecam(m);
    }
}

static uint64_t ecam_read(void *opaque, gpa off, unsigned size)
{
    struct mch *m = opaque;

    return pci_host_read(m->pci.bus, off >> 12, off & 0xfff, size);
}

static void ecam_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct mch *m = opaque;

    pci_host_write(m->pci.bus, off >> 12, off & 0xfff, value, size);
}

static const struct bus_ops ecam_ops = {
    .read = ecam_read, .write = ecam_write, .min_size = 1, .max_size = 4};

static gboolean mch_realize(struct dev *dev, GError **error)
{
    struct mch *m = mch_of(dev);

    g_assert(m->ram);
    memset(m->pci.writable + R_MCH_PAM0, 0x33, 7);
    m->pci.writable[R_MCH_PAM0] = 0x30;
    st_le64(m->pci.writable + R_MCH_PCIEXBAR, 0xffc000007);
    m->pci.writable[R_MCH_SMRAM] = 0x78;
    m->pci.writable[R_MCH_ESMRAMC] = 0x87;
    bus_region_init_io(&m->ecam, "pcie-mmcfg-mmio", MCH_ECAM_SIZE, &ecam_ops, m, NULL);
    return TRUE;
}

static void mch_unrealize(struct dev *dev)
{
    struct mch *m = mch_of(dev);

    for (unsigned i = 0; i < MCH_PAMS; i++) {
        bus_unmap(dev->env->memory, m->pam_mapping[i]);
    }
    bus_unmap(dev->env->memory, m->ecam_mapping);
}

static void mch_reset(struct dev *dev)
{
    struct mch *m = mch_of(dev);

    memset(m->pci.config + R_MCH_PAM0, 0, 7);
    st_le64(m->pci.config + R_MCH_PCIEXBAR, MCH_ECAM_BASE);
    st_le16(m->pci.config + R_MCH_EXT_TSEG, 16);
    m->pci.config[R_MCH_SMRAM] = 0x02;
    m->pci.config[R_MCH_ESMRAMC] = 0x38;
    update_pam(m);
    update_ecam(m);
}

static gboolean mch_post_load(struct dev *dev, GError **error)
{
    update_pam(mch_of(dev));
    update_ecam(mch_of(dev));
    return TRUE;
}

static const struct pci_class mch_pci = {
    .vendor = 0x8086,
    .device = 0x29c0,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class_code = 0x060000,
    .config_written = mch_written,
};

const struct dev_class mch_class = {
    .name = "mch",
    .description = "Host bridge",
    .category = "Bridge",
    .bus_type = "PCI",
    .base = &pci_dev_class,
    .bus_class = &mch_pci,
    .instance_size = sizeof(struct mch),
    .state_version = 1,
    .internal = true,
    .realize = mch_realize,
    .unrealize = mch_unrealize,
    .reset = mch_reset,
    .post_load = mch_post_load,
};
