/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI and MSI-X: PCI Local Bus 3.0, 6.8. */
#include "base/bits.h"
#include "base/endian.h"
#include "machine/pci/internal.h"
#include "machine/pci/regs.h"

/* 64-bit words that hold a bit for each of n vectors. */
static size_t words(unsigned n)
{
    return (n + 63) / 64;
}

static void deliver(struct pci_dev *p, uint64_t address, uint32_t data)
{
    msi_send(&p->dev.env->msi, p->dma.device_id, address, data);
}

/* --- MSI-X ------------------------------------------------------------------------------- */

static bool entry_masked(const struct pci_msix *x, unsigned n)
{
    return x->masked ||
           (ld_le32(x->table + n * MSIX_ENTRY + MSIX_ENTRY_CONTROL) & MSIX_ENTRY_MASKED) != 0;
}

static void send_entry(struct pci_dev *p, unsigned n)
{
    const uint8_t *e = p->msix.table + n * MSIX_ENTRY;

    deliver(p, ld_le64(e), ld_le32(e + 8));
}

/* What became unmasked while pending is sent now. */
static void send_pending(struct pci_dev *p, unsigned n)
{
    struct pci_msix *x = &p->msix;

    if (x->enabled && (x->pending[n / 64] & BIT64(n % 64)) && !entry_masked(x, n)) {
        x->pending[n / 64] &= ~BIT64(n % 64);
        send_entry(p, n);
    }
}

static uint64_t table_read(void *opaque, gpa off, unsigned size)
{
    struct pci_dev *p = opaque;

    return size == 8 ? ld_le64(p->msix.table + off) : ld_le32(p->msix.table + off);
}

static void table_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pci_dev *p = opaque;

    if (size == 8) {
        st_le64(p->msix.table + off, value);
    } else {
        st_le32(p->msix.table + off, value);
    }
    send_pending(p, off / MSIX_ENTRY);
}

static uint64_t pending_read(void *opaque, gpa off, unsigned size)
{
    struct pci_dev *p = opaque;
    uint64_t bits = p->msix.pending[off / 8];

    return size == 8 ? bits : (uint32_t)(bits >> (off % 8 * 8));
}

static const struct bus_ops table_ops = {
    .read = table_read,
    .write = table_write,
    .min_size = 4,
    .max_size = 8,
};
static const struct bus_ops pending_ops = {.read = pending_read, .min_size = 4, .max_size = 8};

/* One region for the BAR: table first, pending bits in the second half. */
static uint64_t bar_read(void *opaque, gpa off, unsigned size)
{
    struct pci_dev *p = opaque;
    gpa pba = p->msix.bar_region.size / 2;

    if (off < p->msix.n * MSIX_ENTRY) {
        return table_ops.read(p, off, size);
    }
    if (off >= pba && off - pba < words(p->msix.n) * 8) {
        return pending_ops.read(p, off - pba, size);
    }
    return 0;
}

static void bar_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct pci_dev *p = opaque;

    if (off < p->msix.n * MSIX_ENTRY) {
        table_ops.write(p, off, value, size);
    }
}

static const struct bus_ops bar_ops = {
    .read = bar_read,
    .write = bar_write,
    .min_size = 4,
    .max_size = 8,
};

gboolean pci_add_msix(struct pci_dev *p, unsigned vectors, unsigned bar, GError **error)
{
    struct pci_msix *x = &p->msix;
    uint64_t size = 4096;

    if (vectors == 0 || vectors > 2048) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "vectors=%u: MSI-X has 1 to 2048", vectors);
        return FALSE;
    }
    while (size / 2 < vectors * MSIX_ENTRY) {
        size *= 2;
    }
    x->n = vectors;
    x->table = g_malloc0(vectors * MSIX_ENTRY);
    x->pending = g_new0(uint64_t, words(vectors));
    x->cap = pci_add_cap(p, CAP_MSIX, 12);
    put16(p->config + x->cap + MSIX_CONTROL, vectors - 1);
    p->writable[x->cap + MSIX_CONTROL + 1] = (MSIX_ENABLE | MSIX_MASK_ALL) >> 8;
    put32(p->config + x->cap + 4, bar);
    put32(p->config + x->cap + 8, size / 2 | bar);
    bus_region_init_io(&x->bar_region, "msix", size, &bar_ops, p, &p->irq_lock);
    pci_add_bar(p, bar, &x->bar_region, false, false, false);
    return TRUE;
}

bool pci_msix_enabled(const struct pci_dev *p)
{
    return p->msix.n && __atomic_load_n(&p->msix.enabled, __ATOMIC_RELAXED);
}

void pci_msix_send(struct pci_dev *p, unsigned n)
{
    struct pci_msix *x = &p->msix;

    g_mutex_lock(&p->irq_lock);
    if (n < x->n && x->enabled) {
        if (entry_masked(x, n)) {
            x->pending[n / 64] |= BIT64(n % 64);
        } else {
            send_entry(p, n);
        }
    }
    g_mutex_unlock(&p->irq_lock);
}

/* --- MSI --------------------------------------------------------------------------------- */

static unsigned data_offset(const struct pci_msi *m)
{
    return m->cap + (m->is64 ? 12 : 8);
}

static unsigned mask_offset(const struct pci_msi *m)
{
    return m->cap + (m->is64 ? 16 : 12);
}

void pci_add_msi(struct pci_dev *p, unsigned vectors, bool is64, bool mask)
{
    struct pci_msi *m = &p->msi;
    unsigned log2 = __builtin_ctz(vectors);

    g_assert(is_pow2(vectors) && vectors <= 32);
    m->is64 = is64;
    m->maskable = mask;
    m->cap = pci_add_cap(p, CAP_MSI, 10 + (is64 ? 4 : 0) + (mask ? 10 : 0));
    put16(p->config + m->cap + MSI_CONTROL,
          log2 << 1 | (is64 ? MSI_64 : 0) | (mask ? MSI_MASKABLE : 0));
    p->writable[m->cap + MSI_CONTROL] = MSI_ENABLE | 0x70;
    put32(p->writable + m->cap + 4, 0xfffffffc);
    if (is64) {
        put32(p->writable + m->cap + 8, 0xffffffff);
    }
    put16(p->writable + data_offset(m), 0xffff);
    if (mask) {
        put32(p->writable + mask_offset(m), mask64(vectors));
        put32(p->loadable + mask_offset(m) + 4, mask64(vectors));
    }
}

bool pci_msi_enabled(const struct pci_dev *p)
{
    return p->msi.cap && __atomic_load_n(&p->msi.enabled, __ATOMIC_RELAXED);
}

/* Vectors the guest did not allocate share the low bits of the data. */
static void send_msi(struct pci_dev *p, unsigned n)
{
    const struct pci_msi *m = &p->msi;

    deliver(p, m->address, (m->data & ~(m->allocated - 1)) | (n & (m->allocated - 1)));
}

void pci_msi_send(struct pci_dev *p, unsigned n)
{
    struct pci_msi *m = &p->msi;

    g_mutex_lock(&p->irq_lock);
    if (m->cap && m->enabled && n < 32) {
        if (m->mask & 1u << n) {
            m->pending |= 1u << n;
        } else {
            send_msi(p, n);
        }
    }
    g_mutex_unlock(&p->irq_lock);
}

void pci_msi_reading(struct pci_dev *p, unsigned off, unsigned size)
{
    const struct pci_msi *m = &p->msi;

    if (m->cap && m->maskable && off < mask_offset(m) + 8u && mask_offset(m) + 4u < off + size) {
        g_mutex_lock(&p->irq_lock);
        put32(p->config + mask_offset(m) + 4, m->pending);
        g_mutex_unlock(&p->irq_lock);
    }
}

static void update_msi(struct pci_dev *p)
{
    struct pci_msi *m = &p->msi;
    const uint8_t *c = p->config;
    uint16_t control = pci_get16(p, m->cap + MSI_CONTROL);
    unsigned allocated = control >> 4 & 7, offered = control >> 1 & 7;
    uint32_t fire;

    m->address = get32(c + m->cap + 4) | (m->is64 ? (uint64_t)get32(c + m->cap + 8) << 32 : 0);
    m->data = pci_get16(p, data_offset(m));
    m->allocated = 1u << MIN(allocated, offered);
    m->mask = m->maskable ? get32(c + mask_offset(m)) : 0;
    __atomic_store_n(&m->enabled, (control & MSI_ENABLE) != 0, __ATOMIC_RELAXED);
    fire = m->enabled ? m->pending & ~m->mask : 0;
    for (unsigned n = 0; n < 32; n++) {
        if (fire & 1u << n) {
            m->pending &= ~(1u << n);
            send_msi(p, n);
        }
    }
}

static void update_msix(struct pci_dev *p)
{
    struct pci_msix *x = &p->msix;
    uint16_t control = pci_get16(p, x->cap + MSIX_CONTROL);
    bool was_open = x->enabled && !x->masked;

    __atomic_store_n(&x->enabled, (control & MSIX_ENABLE) != 0, __ATOMIC_RELAXED);
    x->masked = (control & MSIX_MASK_ALL) != 0;
    if (x->enabled && !x->masked && !was_open) {
        for (unsigned n = 0; n < x->n; n++) {
            send_pending(p, n);
        }
    }
}

void pci_msi_update(struct pci_dev *p)
{
    g_mutex_lock(&p->irq_lock);
    if (p->msi.cap) {
        update_msi(p);
    }
    if (p->msix.n) {
        update_msix(p);
    }
    g_mutex_unlock(&p->irq_lock);
}

/* 6.8.2.9: every entry masked, nothing pending. */
void pci_msi_reset(struct pci_dev *p)
{
    struct pci_msix *x = &p->msix;

    g_mutex_lock(&p->irq_lock);
    p->msi.pending = 0;
    for (unsigned n = 0; n < x->n; n++) {
        memset(x->table + n * MSIX_ENTRY, 0, MSIX_ENTRY);
        x->table[n * MSIX_ENTRY + MSIX_ENTRY_CONTROL] = MSIX_ENTRY_MASKED;
        x->pending[n / 64] = 0;
    }
    g_mutex_unlock(&p->irq_lock);
}

void pci_msi_fini(struct pci_dev *p)
{
    g_clear_pointer(&p->msix.table, g_free);
    g_clear_pointer(&p->msix.pending, g_free);
    p->msix.n = 0;
}

void pci_msi_save(const struct pci_dev *p, GByteArray *out)
{
    uint8_t pending[8];

    st_le32(pending, p->msi.pending);
    g_byte_array_append(out, pending, 4);
    g_byte_array_append(out, p->msix.table, p->msix.n * MSIX_ENTRY);
    for (unsigned i = 0; i < words(p->msix.n); i++) {
        st_le64(pending, p->msix.pending[i]);
        g_byte_array_append(out, pending, 8);
    }
}

int pci_msi_load(struct pci_dev *p, const uint8_t **data, size_t *left)
{
    struct pci_msix *x = &p->msix;
    size_t table = x->n * MSIX_ENTRY, n_words = words(x->n);
    size_t need = 4 + table + n_words * 8;

    if (*left < need) {
        return -EINVAL;
    }
    p->msi.pending = ld_le32(*data);
    if (table) {
        memcpy(x->table, *data + 4, table);
    }
    for (size_t i = 0; i < n_words; i++) {
        x->pending[i] = ld_le64(*data + 4 + table + i * 8);
    }
    *data += need;
    *left -= need;
    return 0;
}
