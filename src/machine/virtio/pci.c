/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/pci.h"

#include "base/bits.h"
#include "base/endian.h"
#include "base/least.h"
#include "machine/pci/bridge.h"
#include "machine/pci/regs.h"

#define VENDOR_VIRTIO 0x1af4
#define BAR_LEGACY    0
#define BAR_MSIX      1
#define BAR_MODERN    4

/* The modern BAR: one page each, so that an accelerator can map them apart; then notifications. */
#define OFF_COMMON 0x0000
#define OFF_ISR    0x1000
#define OFF_DEVICE 0x2000
#define OFF_NOTIFY 0x3000
#define AREA       0x1000

enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_WINDOW };

#define ISR_QUEUE  1
#define ISR_CONFIG 2

/* --- interrupts --------------------------------------------------------------------------- */

static struct virtio_pci *proxy_of(struct virtio *v)
{
    return (struct virtio_pci *)v->dev;
}

static void interrupt(struct virtio_pci *proxy, uint16_t vector, uint8_t isr)
{
    if (pci_msix_enabled(&proxy->pci)) {
        if (vector != VIRTQ_NO_VECTOR) {
            pci_msix_send(&proxy->pci, vector);
        }
        return;
    }
    proxy->isr |= isr;
    pci_set_intx(&proxy->pci, true);
}

static void signal_queue(struct virtio *v, unsigned n)
{
    interrupt(proxy_of(v), v->queue[n].vector, ISR_QUEUE);
}

static void signal_config(struct virtio *v)
{
    interrupt(proxy_of(v), proxy_of(v)->config_vector, ISR_CONFIG);
}

const struct virtio_transport virtio_pci_transport = {
    .signal_queue = signal_queue,
    .signal_config = signal_config,
};

static uint8_t take_isr(struct virtio_pci *proxy)
{
    uint8_t isr = proxy->isr;

    proxy->isr = 0;
    pci_set_intx(&proxy->pci, false);
    return isr;
}

/* A vector that does not exist reads back as none: the driver sees it was refused (4.1.5.1.2). */
static uint16_t legal_vector(const struct virtio_pci *proxy, uint16_t vector)
{
    return vector < proxy->pci.msix.n ? vector : VIRTQ_NO_VECTOR;
}

static void set_status(struct virtio_pci *proxy, uint8_t status)
{
    virtio_set_status(proxy->v, status);
    if (status == 0) {
        take_isr(proxy);
        proxy->queue_select = 0;
        proxy->config_vector = VIRTQ_NO_VECTOR;
        proxy->device_feature_select = proxy->driver_feature_select = 0;
        proxy->driver_features = 0;
    }
}

/*
 * A transitional driver takes its memory back as soon as it has written the 0: vCPUs stop at the
 * end of this access, and go on when nothing is in flight. (A later one reads the status first.)
 */
static void set_status_legacy(struct virtio_pci *proxy, uint8_t status)
{
    const struct dev_env *env = proxy->pci.dev.env;

    set_status(proxy, status);
    if (proxy->v->resetting) {
        env->request(env->machine, MACHINE_DRAIN, true, 0);
    }
}

/* The selected queue, or NULL: registers of a queue that is not there read as 0. */
static struct virtq *selected(struct virtio_pci *proxy)
{
    return proxy->queue_select < proxy->v->n_queues ? &proxy->v->queue[proxy->queue_select] : NULL;
}

/* --- modern: common configuration, 4.1.4.3 -------------------------------------------------- */

/* Which queues exist may depend on the features: all, then up to the last that does. */
static unsigned n_queues(const struct virtio *v)
{
    unsigned n = v->n_queues;

    while ((v->status & STATUS_FEATURES_OK) && n > 0 && v->queue[n - 1].size_max == 0) {
        n--;
    }
    return n;
}

static uint64_t common_read(struct virtio_pci *proxy, unsigned off)
{
    struct virtio *v = proxy->v;
    const struct virtq *q = selected(proxy);

    switch (off) {
    case 0x00: return proxy->device_feature_select;
    case 0x04:
        return proxy->device_feature_select < 2
                   ? (uint32_t)(virtio_offered(v) >> (32 * proxy->device_feature_select))
                   : 0;
    case 0x08: return proxy->driver_feature_select;
    case 0x0c:
        return proxy->driver_feature_select < 2
                   ? (uint32_t)(proxy->driver_features >> (32 * proxy->driver_feature_select))
                   : 0;
    case 0x10: return proxy->config_vector;
    case 0x12: return n_queues(v);
    case 0x14: return virtio_get_status(v);
    case 0x15: return v->generation;
    case 0x16: return proxy->queue_select;
    case 0x18: return q ? q->size : 0;
    case 0x1a: return q ? q->vector : VIRTQ_NO_VECTOR;
    case 0x1c: return q ? q->ready : 0;
    case 0x1e: return proxy->queue_select;
    case 0x20: return q ? (uint32_t)q->desc : 0;
    case 0x24: return q ? q->desc >> 32 : 0;
    case 0x28: return q ? (uint32_t)q->avail : 0;
    case 0x2c: return q ? q->avail >> 32 : 0;
    case 0x30: return q ? (uint32_t)q->used : 0;
    case 0x34: return q ? q->used >> 32 : 0;
    default: return 0;
    }
}

static void set_half(gpa *address, bool high, uint32_t value)
{
    *address = bits_set(*address, high ? 32 : 0, 32, value);
}

static void write_queue(struct virtio_pci *proxy, struct virtq *q, unsigned off, uint32_t value)
{
    if (off == 0x1a) {
        q->vector = legal_vector(proxy, value);
        return;
    }
    if (q->ready) {
        return; /* 4.1.4.3.2: the driver must not */
    }
    switch (off) {
    case 0x18:
        if (is_pow2(value) && value <= q->size_max) {
            q->size = value;
        }
        break;
    case 0x1c:
        if (value == 1) {
            virtio_start_queue(proxy->v, proxy->queue_select);
        }
        break;
    case 0x20: set_half(&q->desc, false, value); break;
    case 0x24: set_half(&q->desc, true, value); break;
    case 0x28: set_half(&q->avail, false, value); break;
    case 0x2c: set_half(&q->avail, true, value); break;
    case 0x30: set_half(&q->used, false, value); break;
    case 0x34: set_half(&q->used, true, value); break;
    }
}

static void common_write(struct virtio_pci *proxy, unsigned off, uint32_t value)
{
    struct virtq *q = selected(proxy);

    switch (off) {
    case 0x00: proxy->device_feature_select = value; break;
    case 0x08: proxy->driver_feature_select = value; break;
    case 0x0c:
        if (proxy->driver_feature_select < 2 && !(proxy->v->status & STATUS_FEATURES_OK)) {
            proxy->driver_features =
                bits_set(proxy->driver_features, 32 * proxy->driver_feature_select, 32, value);
        }
        break;
    case 0x10: proxy->config_vector = legal_vector(proxy, value); break;
    case 0x14:
        set_status(proxy, virtio_judge_status(proxy->v, value, proxy->driver_features));
        break;
    case 0x16: proxy->queue_select = value; break;
    default:
        if (q) {
            write_queue(proxy, q, off, value);
        }
    }
}

static unsigned notify_stride(const struct virtio_pci *proxy)
{
    return proxy->page_per_vq ? AREA : 4;
}

/* Common registers are read in pieces too (a byte of status, a word of a queue): the register that
 * holds the byte, shifted. */
static uint64_t modern_read(void *opaque, gpa off, unsigned size)
{
    struct virtio_pci *proxy = opaque;

    if (off < OFF_ISR) {
        return common_read(proxy, off) & mask64(size * 8);
    }
    if (off < OFF_DEVICE) {
        return off == OFF_ISR ? take_isr(proxy) : 0;
    }
    if (off < OFF_NOTIFY) {
        return virtio_config_read(proxy->v, off - OFF_DEVICE, size);
    }
    return 0;
}

static void modern_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct virtio_pci *proxy = opaque;

    if (off < OFF_ISR) {
        common_write(proxy, off, value);
    } else if (off >= OFF_NOTIFY) {
        virtio_notify(proxy->v, (off - OFF_NOTIFY) / notify_stride(proxy));
    } else if (off >= OFF_DEVICE) {
        virtio_config_write(proxy->v, off - OFF_DEVICE, value, size);
    }
}

static const struct bus_ops modern_ops = {
    .read = modern_read,
    .write = modern_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- transitional: 4.1.4.10 ------------------------------------------------------------------ */

static unsigned legacy_config_start(const struct virtio_pci *proxy)
{
    return pci_msix_enabled(&proxy->pci) ? 0x18 : 0x14;
}

static uint64_t legacy_read(void *opaque, gpa off, unsigned size)
{
    struct virtio_pci *proxy = opaque;
    struct virtio *v = proxy->v;
    const struct virtq *q = selected(proxy);
    unsigned start = legacy_config_start(proxy);

    if (off >= start) {
        return virtio_config_read(v, off - start, size);
    }
    switch (off) {
    case 0x00: return (uint32_t)virtio_offered(v);
    case 0x04: return (uint32_t)v->agreed;
    case 0x08: return q && q->ready ? q->desc >> 12 : 0;
    case 0x0c: return q ? q->size_max : 0;
    case 0x0e: return proxy->queue_select;
    case 0x12: return virtio_get_status(v);
    case 0x13: return take_isr(proxy);
    case 0x14: return proxy->config_vector;
    case 0x16: return q ? q->vector : VIRTQ_NO_VECTOR;
    default: return 0;
    }
}

/* One page number places all three areas (0.9.5, 2.3); zero takes the whole device back. */
static void write_pfn(struct virtio_pci *proxy, struct virtq *q, uint32_t pfn)
{
    if (pfn == 0) {
        set_status_legacy(proxy, 0);
        return;
    }
    if (q->ready) {
        return; /* its rings are where they are until the device is taken back */
    }
    q->size = q->size_max;
    virtq_place_legacy(q, (gpa)pfn << 12, 4096);
    virtio_start_queue(proxy->v, proxy->queue_select);
}

static void legacy_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct virtio_pci *proxy = opaque;
    struct virtio *v = proxy->v;
    struct virtq *q = selected(proxy);
    unsigned start = legacy_config_start(proxy);

    if (off >= start) {
        virtio_config_write(v, off - start, value, size);
        return;
    }
    switch (off) {
    case 0x04: virtio_agree(v, (uint32_t)value & virtio_offered(v)); break;
    case 0x08:
        if (q && q->size_max) {
            write_pfn(proxy, q, value);
        }
        break;
    case 0x0e: proxy->queue_select = value; break;
    case 0x10: virtio_notify(v, (uint16_t)value); break;
    case 0x12: set_status_legacy(proxy, value); break;
    case 0x14: proxy->config_vector = legal_vector(proxy, value); break;
    case 0x16:
        if (q) {
            q->vector = legal_vector(proxy, value);
        }
        break;
    }
}

static const struct bus_ops legacy_ops = {
    .read = legacy_read,
    .write = legacy_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- capabilities ------------------------------------------------------------------------------
 */

static uint8_t add_area(struct pci_dev *p, uint8_t type, uint8_t bar, uint32_t off, uint32_t len,
                        unsigned extra)
{
    uint8_t cap = pci_add_cap(p, CAP_VENDOR, 16 + extra);
    uint8_t *c = p->config + cap;

    c[2] = 16 + extra;
    c[3] = type;
    c[4] = bar;
    st_le32(c + 8, off);
    st_le32(c + 12, len);
    return cap;
}

/* Adds the window last, so that firmware that walks the list finds the areas first. */
static void add_areas(struct virtio_pci *proxy)
{
    struct pci_dev *p = &proxy->pci;
    uint32_t notify_len = max_u64(AREA, notify_stride(proxy) * proxy->v->n_queues);
    uint8_t cap;

    add_area(p, CAP_COMMON, BAR_MODERN, OFF_COMMON, AREA, 0);
    add_area(p, CAP_ISR, BAR_MODERN, OFF_ISR, AREA, 0);
    add_area(p, CAP_DEVICE, BAR_MODERN, OFF_DEVICE, AREA, 0);
    cap = add_area(p, CAP_NOTIFY, BAR_MODERN, OFF_NOTIFY, notify_len, 4);
    st_le32(p->config + cap + 16, notify_stride(proxy));
    cap = add_area(p, CAP_WINDOW, 0, 0, 0, 4);
    proxy->window_cap = cap;
    p->writable[cap + 4] = 0xff;
    memset(p->writable + cap + 8, 0xff, 8);
    memset(p->writable + cap + 16, 0xff, 4);
}

/* Where the window points: an aligned access inside the modern BAR, or FALSE. */
static bool window(const struct virtio_pci *proxy, gpa *ret_off, unsigned *ret_size)
{
    const uint8_t *c = proxy->pci.config + proxy->window_cap;
    uint32_t off = ld_le32(c + 8), len = ld_le32(c + 12);

    if (c[4] != BAR_MODERN || (len != 1 && len != 2 && len != 4) || off % len ||
        off > proxy->modern.size - len) {
        return false;
    }
    *ret_off = off;
    *ret_size = len;
    return true;
}

static bool touches_window(const struct virtio_pci *proxy, unsigned off, unsigned size)
{
    unsigned data = proxy->window_cap + 16u;

    return proxy->window_cap && off < data + 4 && data < off + size;
}

void virtio_pci_config_reading(struct pci_dev *p, unsigned off, unsigned size)
{
    struct virtio_pci *proxy = (struct virtio_pci *)p;
    unsigned len;
    gpa at;

    if (touches_window(proxy, off, size) && window(proxy, &at, &len)) {
        st_le32(p->config + proxy->window_cap + 16, modern_read(proxy, at, len));
    }
}

void virtio_pci_config_written(struct pci_dev *p, unsigned off, unsigned size)
{
    struct virtio_pci *proxy = (struct virtio_pci *)p;
    unsigned len;
    gpa at;

    if (touches_window(proxy, off, size) && window(proxy, &at, &len)) {
        modern_write(proxy, at, ld_le32(p->config + proxy->window_cap + 16), len);
    }
}

/* --- device --------------------------------------------------------------------------------------
 */

static void set_identity(struct virtio_pci *proxy, const struct virtio_pci_info *info)
{
    uint8_t *c = proxy->pci.config;

    st_le16(c + R_PCI_VENDOR, VENDOR_VIRTIO);
    st_le16(c + R_PCI_DEVICE,
            proxy->has_legacy ? info->transitional_id : 0x1040 + proxy->v->class->id);
    c[R_PCI_REVISION] = proxy->has_legacy ? 0 : 1;
    st_le16(c + R_PCI_SUBSYS_VENDOR, VENDOR_VIRTIO);
    st_le16(c + R_PCI_SUBSYS, proxy->has_legacy ? proxy->v->class->id : 0x1100);
    c[R_PCI_IRQ_PIN] = 1;
}

static void add_legacy(struct virtio_pci *proxy)
{
    uint64_t size = 32;

    while (size < 0x18 + proxy->v->class->config_size) {
        size *= 2;
    }
    bus_region_init_io(&proxy->legacy, "virtio-legacy", size, &legacy_ops, proxy,
                       &proxy->pci.dev.lock);
    pci_add_bar(&proxy->pci, BAR_LEGACY, &proxy->legacy, true, false, false);
}

static void add_modern(struct virtio_pci *proxy)
{
    uint64_t size = 0x4000;

    while (size < OFF_NOTIFY + (uint64_t)notify_stride(proxy) * proxy->v->n_queues) {
        size *= 2;
    }
    bus_region_init_io(&proxy->modern, "virtio-modern", size, &modern_ops, proxy,
                       &proxy->pci.dev.lock);
    pci_add_bar(&proxy->pci, BAR_MODERN, &proxy->modern, false, true, true);
}

gboolean virtio_pci_attach(struct virtio_pci *proxy, struct virtio *v, unsigned vectors,
                           GError **error)
{
    struct pci_dev *p = &proxy->pci;
    const struct virtio_pci_info *info = p->dev.class->bus_class;
    bool on_port = p->bus->express && p->bus->parent;

    proxy->v = v;
    proxy->has_legacy =
        info->transitional_id != 0 &&
        (proxy->disable_legacy == ROW_OFF || (proxy->disable_legacy == ROW_AUTO && !on_port));
    proxy->has_modern = !proxy->disable_modern;
    if (!proxy->has_legacy && !proxy->has_modern) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "device cannot work as neither modern nor legacy mode is enabled");
        return FALSE;
    }
    v->mask |= (proxy->event_idx ? 0 : BIT64(VIRTIO_F_EVENT_IDX)) |
               (proxy->indirect_desc ? 0 : BIT64(VIRTIO_F_INDIRECT_DESC)) |
               (proxy->has_modern ? 0 : BIT64(VIRTIO_F_VERSION_1));
    set_identity(proxy, info);
    pci_rom_set_ids(p);
    if (proxy->vectors != UINT32_MAX) {
        vectors = proxy->vectors;
    }
    if (vectors && !pci_add_msix(p, vectors, BAR_MSIX, error)) {
        return FALSE;
    }
    if (proxy->has_modern) {
        add_areas(proxy);
        add_modern(proxy);
    }
    if (proxy->has_legacy) {
        add_legacy(proxy);
    }
    if (on_port) {
        pci_add_express(p, PORT_ENDPOINT, false, 0, 0);
        pci_add_power(p);
    }
    proxy->config_vector = VIRTQ_NO_VECTOR;
    return TRUE;
}

static void reset(struct dev *dev)
{
    struct virtio_pci *proxy = (struct virtio_pci *)dev;

    g_mutex_lock(&dev->lock);
    set_status(proxy, 0);
    g_mutex_unlock(&dev->lock);
}

static void save(const void *obj, GByteArray *out)
{
    virtio_save(((const struct virtio_pci *)obj)->v, out);
}

static int load(void *obj, const uint8_t **data, size_t *left)
{
    return virtio_load(((struct virtio_pci *)obj)->v, data, left);
}

static const struct row props[] = {
    {.name = "disable-legacy",
     .type = ROW_ON_OFF_AUTO,
     ROW_FIELD(struct virtio_pci, disable_legacy),
     .def = "auto",
     .help = "No transitional interface"},
    {.name = "disable-modern",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_pci, disable_modern),
     .def = "off",
     .help = "No VIRTIO 1 interface"},
    {.name = "event_idx",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_pci, event_idx),
     .def = "on",
     .help = "Offer the event index"},
    {.name = "indirect_desc",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_pci, indirect_desc),
     .def = "on",
     .help = "Offer indirect descriptors"},
    {.name = "page-per-vq",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_pci, page_per_vq),
     .def = "off",
     .help = "A page of its own for each queue's notifications"},
    {.name = "vectors",
     .type = ROW_UINT,
     ROW_FIELD(struct virtio_pci, vectors),
     .def = "4294967295",
     .max = UINT32_MAX,
     .help = "MSI-X vectors; 0: none"},
    {},
};

static const struct state_row state[] = {
    STATE_U(struct virtio_pci, isr, 0),
    STATE_U(struct virtio_pci, queue_select, 0),
    STATE_U(struct virtio_pci, config_vector, VIRTQ_NO_VECTOR),
    STATE_U(struct virtio_pci, device_feature_select, 0),
    STATE_U(struct virtio_pci, driver_feature_select, 0),
    STATE_U(struct virtio_pci, driver_features, 0),
    {.kind = STATE_CUSTOM, .name = "virtio", .save = save, .load = load},
    STATE_DONE,
};

const struct dev_class virtio_pci_class = {
    .name = "virtio-pci",
    .description = "Base of virtio devices on PCI",
    .bus_type = "PCI",
    .base = &pci_dev_class,
    .instance_size = sizeof(struct virtio_pci),
    .props = props,
    .state = state,
    .internal = true,
    .reset = reset,
};
