/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/mmio.h"

#include "base/bits.h"

/* 4.2.2 and, marked L, 4.2.4. */
enum {
    R_MAGIC = 0x000,
    R_VERSION = 0x004,
    R_DEVICE_ID = 0x008,
    R_VENDOR_ID = 0x00c,
    R_DEVICE_FEATURES = 0x010,
    R_DEVICE_FEATURES_SEL = 0x014,
    R_DRIVER_FEATURES = 0x020,
    R_DRIVER_FEATURES_SEL = 0x024,
    R_GUEST_PAGE_SIZE = 0x028, /* L */
    R_QUEUE_SEL = 0x030,
    R_QUEUE_NUM_MAX = 0x034,
    R_QUEUE_NUM = 0x038,
    R_QUEUE_ALIGN = 0x03c, /* L */
    R_QUEUE_PFN = 0x040,   /* L */
    R_QUEUE_READY = 0x044,
    R_QUEUE_NOTIFY = 0x050,
    R_INTERRUPT_STATUS = 0x060,
    R_INTERRUPT_ACK = 0x064,
    R_STATUS = 0x070,
    R_QUEUE_DESC = 0x080,
    R_QUEUE_DRIVER = 0x090,
    R_QUEUE_DEVICE = 0x0a0,
    R_SHM_LEN = 0x0b0,
    R_SHM_END = 0x0c0,
    R_CONFIG_GENERATION = 0x0fc,
    R_CONFIG = 0x100,
};

#define MAGIC          0x74726976 /* "virt" */
#define VENDOR         0x554d4551 /* "QEMU", which is what its users look for */
#define VERSION        2
#define VERSION_LEGACY 1
#define LEGACY_ALIGN   4096 /* of a driver that says nothing */

#define ISR_QUEUE  1
#define ISR_CONFIG 2

/* --- interrupts --------------------------------------------------------------------------- */

static struct virtio_mmio *mmio_of(struct virtio *v)
{
    return (struct virtio_mmio *)v->dev;
}

static void set_isr(struct virtio_mmio *m, uint8_t isr)
{
    m->isr = isr;
    irq_set(&m->slot->irq, isr != 0);
}

static void signal_queue(struct virtio *v, unsigned n)
{
    set_isr(mmio_of(v), mmio_of(v)->isr | ISR_QUEUE);
}

static void signal_config(struct virtio *v)
{
    set_isr(mmio_of(v), mmio_of(v)->isr | ISR_CONFIG);
}

const struct virtio_transport virtio_mmio_transport = {
    .signal_queue = signal_queue,
    .signal_config = signal_config,
};

/* --- registers ---------------------------------------------------------------------------- */

static bool is_legacy(const struct virtio_mmio *m)
{
    return m->slot->force_legacy;
}

/* The selected queue, or NULL: registers of a queue that is not there read as 0. */
static struct virtq *selected(struct virtio_mmio *m)
{
    return m->queue_select < m->v->n_queues ? &m->v->queue[m->queue_select] : NULL;
}

/* Half of the 64 bits, by what was written to the selection register. */
static uint32_t half(uint64_t value, uint32_t select)
{
    return select < 2 ? (uint32_t)(value >> (32 * select)) : 0;
}

static uint32_t identity(unsigned off, bool legacy)
{
    switch (off) {
    case R_MAGIC: return MAGIC;
    case R_VERSION: return legacy ? VERSION_LEGACY : VERSION;
    case R_VENDOR_ID: return VENDOR;
    default: return 0;
    }
}

static uint32_t register_read(struct virtio_mmio *m, unsigned off)
{
    struct virtio *v = m->v;
    const struct virtq *q = selected(m);

    switch (off) {
    case R_DEVICE_ID: return v->class->id;
    case R_DEVICE_FEATURES: return half(virtio_offered(v), m->device_feature_select);
    case R_QUEUE_NUM_MAX: return q ? q->size_max : 0;
    case R_QUEUE_PFN: return is_legacy(m) && q && q->ready ? q->desc / m->page_size : 0;
    case R_QUEUE_READY: return !is_legacy(m) && q ? q->ready : 0;
    case R_INTERRUPT_STATUS: return m->isr;
    case R_STATUS: return virtio_get_status(v);
    case R_CONFIG_GENERATION: return is_legacy(m) ? 0 : v->generation;
    }
    /* No device here has shared memory: a length of -1 says so (4.2.2). */
    return off >= R_SHM_LEN && off < R_SHM_END && !is_legacy(m) ? UINT32_MAX
                                                                : identity(off, is_legacy(m));
}

static uint64_t mmio_read(void *opaque, gpa off, unsigned size)
{
    struct virtio_mmio *m = opaque;

    if (off >= R_CONFIG) {
        return virtio_config_read(m->v, off - R_CONFIG, size);
    }
    /* 4.2.2.2: the driver uses 32 bits only. */
    return size == 4 ? register_read(m, off) : 0;
}

static void set_status(struct virtio_mmio *m, uint8_t status)
{
    virtio_set_status(m->v, status);
    if (status == 0) {
        set_isr(m, 0);
        m->queue_select = m->device_feature_select = m->driver_feature_select = 0;
        m->driver_features = 0;
        m->queue_align = LEGACY_ALIGN;
    }
}

/* A legacy driver takes its memory back as soon as it has written the 0; see pci.c. */
static void set_status_legacy(struct virtio_mmio *m, uint8_t status)
{
    set_status(m, status);
    if (m->v->resetting) {
        m->dev.env->request(m->dev.env->machine, MACHINE_DRAIN, true, 0);
    }
}

/* The page number places all three areas; zero takes the whole device back (4.2.4). */
static void write_pfn(struct virtio_mmio *m, struct virtq *q, uint32_t pfn)
{
    if (pfn == 0) {
        set_status_legacy(m, 0);
    } else if (!q->ready && q->size) {
        virtq_place_legacy(q, (gpa)pfn * m->page_size, m->queue_align);
        virtio_start_queue(m->v, m->queue_select);
    }
}

static void write_queue_legacy(struct virtio_mmio *m, struct virtq *q, unsigned off, uint32_t value)
{
    switch (off) {
    case R_QUEUE_ALIGN:
        if (is_pow2(value)) {
            m->queue_align = value;
        }
        break;
    case R_QUEUE_PFN: write_pfn(m, q, value); break;
    }
}

static void set_half(gpa *address, bool high, uint32_t value)
{
    *address = bits_set(*address, high ? 32 : 0, 32, value);
}

static void write_queue_modern(struct virtio_mmio *m, struct virtq *q, unsigned off, uint32_t value)
{
    if (off == R_QUEUE_READY) {
        if (value == 1) {
            virtio_start_queue(m->v, m->queue_select);
        } else if (value == 0) {
            virtio_stop_queue(m->v, m->queue_select);
        }
        return;
    }
    if (q->ready) {
        return; /* 4.2.2.2: the driver must not */
    }
    switch (off) {
    case R_QUEUE_DESC:
    case R_QUEUE_DESC + 4: set_half(&q->desc, off & 4, value); break;
    case R_QUEUE_DRIVER:
    case R_QUEUE_DRIVER + 4: set_half(&q->avail, off & 4, value); break;
    case R_QUEUE_DEVICE:
    case R_QUEUE_DEVICE + 4: set_half(&q->used, off & 4, value); break;
    }
}

static void write_queue(struct virtio_mmio *m, struct virtq *q, unsigned off, uint32_t value)
{
    if (off == R_QUEUE_NUM) {
        if (!q->ready && is_pow2(value) && value <= q->size_max) {
            q->size = value;
        }
    } else if (is_legacy(m)) {
        write_queue_legacy(m, q, off, value);
    } else {
        write_queue_modern(m, q, off, value);
    }
}

static void write_features(struct virtio_mmio *m, uint32_t value)
{
    if (is_legacy(m)) {
        if (m->driver_feature_select == 0) {
            virtio_agree(m->v, value & virtio_offered(m->v));
        }
    } else if (m->driver_feature_select < 2 && !(m->v->status & STATUS_FEATURES_OK)) {
        m->driver_features = bits_set(m->driver_features, 32 * m->driver_feature_select, 32, value);
    }
}

static void register_write(struct virtio_mmio *m, unsigned off, uint32_t value)
{
    struct virtq *q = selected(m);

    switch (off) {
    case R_DEVICE_FEATURES_SEL: m->device_feature_select = value; break;
    case R_DRIVER_FEATURES: write_features(m, value); break;
    case R_DRIVER_FEATURES_SEL: m->driver_feature_select = value; break;
    case R_GUEST_PAGE_SIZE:
        if (is_pow2(value)) {
            m->page_size = value;
        }
        break;
    case R_QUEUE_SEL: m->queue_select = value; break;
    case R_QUEUE_NOTIFY: virtio_notify(m->v, value); break;
    case R_INTERRUPT_ACK: set_isr(m, m->isr & ~value); break;
    case R_STATUS:
        if (is_legacy(m)) {
            set_status_legacy(m, value);
        } else {
            set_status(m, virtio_judge_status(m->v, value, m->driver_features));
        }
        break;
    default:
        if (q) {
            write_queue(m, q, off, value);
        }
    }
}

static void mmio_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct virtio_mmio *m = opaque;

    if (off >= R_CONFIG) {
        virtio_config_write(m->v, off - R_CONFIG, value, size);
    } else if (size == 4) {
        register_write(m, off, value);
    }
}

static const struct bus_ops mmio_ops = {
    .read = mmio_read,
    .write = mmio_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- slots -------------------------------------------------------------------------------- */

static uint64_t empty_read(void *opaque, gpa off, unsigned size)
{
    const struct virtio_slot *s = opaque;

    return size == 4 ? identity(off, s->force_legacy) : 0;
}

static const struct bus_ops empty_ops = {.read = empty_read, .min_size = 1, .max_size = 4};

static gboolean plug(struct dev_bus *bus, struct dev *dev, GError **error)
{
    if (bus->full) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "Bus '%s' is full", bus->name);
        return FALSE;
    }
    bus->full = true;
    return TRUE;
}

static void unplug(struct dev_bus *bus, struct dev *dev)
{
    bus->full = false;
}

static gboolean slot_realize(struct dev *dev, GError **error)
{
    struct virtio_slot *s = (struct virtio_slot *)dev;
    g_autofree char *name = g_strdup_printf("virtio-mmio-bus.%u", s->index);

    s->bus = dev_bus_new(dev, "virtio-bus", name);
    s->bus->opaque = s;
    s->bus->plug = plug;
    s->bus->unplug = unplug;
    bus_region_init_io(&s->region, "virtio-mmio", VIRTIO_MMIO_SIZE, &empty_ops, s, NULL);
    s->mapping = bus_map(dev->env->memory, s->base, &s->region, 0, VIRTIO_MMIO_SIZE, 0, false);
    return TRUE;
}

static void slot_unrealize(struct dev *dev)
{
    struct virtio_slot *s = (struct virtio_slot *)dev;

    bus_unmap(dev->env->memory, s->mapping);
    s->mapping = NULL;
}

static const struct row slot_props[] = {
    {.name = "force-legacy",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_slot, force_legacy),
     .def = "on",
     .help = "The legacy interface instead of VIRTIO 1's"},
    {},
};

const struct dev_class virtio_slot_class = {
    .name = "virtio-mmio",
    .description = "Place for a virtio device in memory",
    .instance_size = sizeof(struct virtio_slot),
    .props = slot_props,
    .internal = true,
    .realize = slot_realize,
    .unrealize = slot_unrealize,
};

struct dev *virtio_slot_new(const struct dev_env *env, unsigned index, gpa base, struct irq irq)
{
    struct dev *dev = dev_new(&virtio_slot_class, NULL, env);
    struct virtio_slot *s = (struct virtio_slot *)dev;

    s->index = index;
    s->base = base;
    s->irq = irq;
    return dev;
}

/* --- devices ------------------------------------------------------------------------------ */

static gboolean device_realize(struct dev *dev, GError **error)
{
    struct virtio_mmio *m = (struct virtio_mmio *)dev;

    m->slot = dev->parent->opaque;
    m->dma = (struct dma){.bus = dev->env->memory, .enabled = true};
    return TRUE;
}

gboolean virtio_mmio_attach(struct virtio_mmio *m, struct virtio *v, GError **error)
{
    m->v = v;
    m->page_size = m->queue_align = LEGACY_ALIGN;
    v->mask |= (m->event_idx ? 0 : BIT64(VIRTIO_F_EVENT_IDX)) |
               (m->indirect_desc ? 0 : BIT64(VIRTIO_F_INDIRECT_DESC)) |
               (is_legacy(m) ? BIT64(VIRTIO_F_VERSION_1) : 0);
    bus_region_init_io(&m->region, "virtio-mmio", VIRTIO_MMIO_SIZE, &mmio_ops, m, &m->dev.lock);
    m->mapping =
        bus_map(m->dev.env->memory, m->slot->base, &m->region, 0, VIRTIO_MMIO_SIZE, 1, false);
    return TRUE;
}

static void device_unrealize(struct dev *dev)
{
    struct virtio_mmio *m = (struct virtio_mmio *)dev;

    if (m->mapping) {
        bus_unmap(dev->env->memory, m->mapping);
        m->mapping = NULL;
    }
}

static void device_reset(struct dev *dev)
{
    struct virtio_mmio *m = (struct virtio_mmio *)dev;

    g_mutex_lock(&dev->lock);
    set_status(m, 0);
    g_mutex_unlock(&dev->lock);
}

/* A loaded page size is as hostile as a driver's. */
static gboolean device_post_load(struct dev *dev, GError **error)
{
    struct virtio_mmio *m = (struct virtio_mmio *)dev;

    if (!is_pow2(m->page_size) || !is_pow2(m->queue_align)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "virtio-mmio: a page of %u bytes",
                    m->page_size);
        return FALSE;
    }
    irq_set(&m->slot->irq, m->isr != 0);
    return TRUE;
}

static void save(const void *obj, GByteArray *out)
{
    virtio_save(((const struct virtio_mmio *)obj)->v, out);
}

static int load(void *obj, const uint8_t **data, size_t *left)
{
    return virtio_load(((struct virtio_mmio *)obj)->v, data, left);
}

static const struct row props[] = {
    {.name = "event_idx",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_mmio, event_idx),
     .def = "on",
     .help = "Offer the event index"},
    {.name = "indirect_desc",
     .type = ROW_BOOL,
     ROW_FIELD(struct virtio_mmio, indirect_desc),
     .def = "on",
     .help = "Offer indirect descriptors"},
    {},
};

static const struct state_row state[] = {
    STATE_U(struct virtio_mmio, isr, 0),
    STATE_U(struct virtio_mmio, queue_select, 0),
    STATE_U(struct virtio_mmio, device_feature_select, 0),
    STATE_U(struct virtio_mmio, driver_feature_select, 0),
    STATE_U(struct virtio_mmio, driver_features, 0),
    STATE_U(struct virtio_mmio, page_size, LEGACY_ALIGN),
    STATE_U(struct virtio_mmio, queue_align, LEGACY_ALIGN),
    {.kind = STATE_CUSTOM, .name = "virtio", .save = save, .load = load},
    STATE_DONE,
};

const struct dev_class virtio_device_class = {
    .name = "virtio-device",
    .description = "Base of virtio devices in memory",
    .bus_type = "virtio-bus",
    .instance_size = sizeof(struct virtio_mmio),
    .props = props,
    .state = state,
    .internal = true,
    .realize = device_realize,
    .unrealize = device_unrealize,
    .reset = device_reset,
    .post_load = device_post_load,
};
