/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-balloon. Virtual I/O Device (VIRTIO) 1.2, 5.5. */
#include "base/bits.h"
#include "base/endian.h"
#include "machine/core/machine.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/proxy.h"

#define F_MUST_TELL_HOST 0
#define F_STATS_VQ       1
#define F_DEFLATE_ON_OOM 2
#define F_REPORTING      5

#define QUEUE_INFLATE 0
#define QUEUE_DEFLATE 1
#define QUEUE_STATS   2
#define QUEUE_REPORT  3
#define N_QUEUES      4

#define CONFIG_SIZE 8
#define PAGE_BITS   12 /* balloon pages are 4 KiB whatever the guest's */
#define STAT_SIZE   10
#define PFN_CHUNK   256

/* In the order of the tags, as guest-stats names them. */
static const char *const stat_names[] = {
    "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
    "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
    "stat-htlb-pgalloc", "stat-htlb-pgfail",
};
#define N_STATS G_N_ELEMENTS(stat_names)

struct balloon {
    struct virtio v;
    uint32_t target, actual;      /* lock: pages the guest should give, and gave */
    uint64_t stat[N_STATS];       /* lock: as last reported; all ones: never */
    int64_t stat_time;            /* lock: seconds since the epoch */
    struct virtq_elem *stat_elem; /* lock: given back when new statistics are wanted */
    struct timer poll;
    /* properties */
    bool deflate_on_oom, reporting;
    uint32_t poll_seconds;
};

struct balloon_dev {
    struct virtio_proxy proxy; /* first */
    struct balloon balloon;
};

static struct balloon *balloon_of(struct virtio *v)
{
    return (struct balloon *)((char *)v - offsetof(struct balloon, v));
}

/* --- pages
 * ---------------------------------------------------------------------------------------- */

/* The RAM at a guest address is not needed now: its contents become zero or stay, as the host
 * likes. */
static void release(struct balloon *b, gpa addr, uint64_t len)
{
    const struct bus_view *view = bus_view(b->v.dev->env->memory);
    const struct bus_range *range = bus_find(view, addr, NULL);
    struct ram_block *ram;
    gpa off;

    if (!range || range->region->kind != BUS_RAM || len > range->last - addr + 1) {
        return; /* not RAM: nothing to give back */
    }
    ram = range->region->ram;
    off = range->region->ram_offset + range->off + (addr - range->start);
    ram_discard(ram, off, len);
}

static void inflate(struct balloon *b, struct virtq_elem *e)
{
    uint8_t pfns[PFN_CHUNK * 4];

    for (size_t off = 0; off + 4 <= e->out_len; off += sizeof(pfns)) {
        size_t got = virtio_copy_out(e, off, pfns, sizeof(pfns));

        for (size_t i = 0; i + 4 <= got; i += 4) {
            release(b, (gpa)ld_le32(pfns + i) << PAGE_BITS, RAM_PAGE_SIZE);
        }
    }
}

/* Free page reporting: the buffers themselves are what is free (5.5.6.7). */
static void report(struct balloon *b, struct virtq_elem *e)
{
    for (unsigned i = 0; i < e->n_in; i++) {
        release(b, e->in_gpa[i], e->in[i].iov_len);
    }
}

static void serve(struct balloon *b, unsigned queue)
{
    struct virtq_elem *e;

    while ((e = virtio_pop(&b->v, queue))) {
        if (queue == QUEUE_INFLATE) {
            inflate(b, e);
        } else if (queue == QUEUE_REPORT) {
            report(b, e);
        }
        virtq_push(&b->v.queue[queue], e, 0);
    }
    virtio_signal(&b->v, queue);
}

/* --- statistics
 * -------------------------------------------------------------------------------------- */

static void read_stats(struct balloon *b, struct virtq_elem *e)
{
    uint8_t raw[STAT_SIZE];

    for (size_t off = 0; virtio_copy_out(e, off, raw, STAT_SIZE) == STAT_SIZE; off += STAT_SIZE) {
        uint16_t tag = ld_le16(raw);

        if (tag < N_STATS) {
            b->stat[tag] = ld_le64(raw + 2);
        }
        if (off > 64 * STAT_SIZE) {
            break;
        }
    }
    b->stat_time = g_get_real_time() / G_USEC_PER_SEC;
}

static void arm_poll(struct balloon *b)
{
    if (b->poll_seconds) {
        timer_arm(&b->poll,
                  clock_now(b->v.dev->env->clock, CLOCK_GUEST) + b->poll_seconds * NS_PER_SEC);
    } else {
        timer_cancel(&b->poll);
    }
}

/* The driver leaves one buffer with us; returning it asks for fresh numbers (5.5.6.3). */
static void stats_arrived(struct balloon *b)
{
    struct virtq_elem *e = virtio_pop(&b->v, QUEUE_STATS);

    if (!e) {
        return;
    }
    if (b->stat_elem) {
        virtq_push(&b->v.queue[QUEUE_STATS], b->stat_elem, 0);
    }
    b->stat_elem = e;
    read_stats(b, e);
    arm_poll(b);
}

static void poll(void *opaque)
{
    struct balloon *b = opaque;

    if (b->stat_elem && virtio_running(&b->v)) {
        virtq_push(&b->v.queue[QUEUE_STATS], b->stat_elem, 0);
        b->stat_elem = NULL;
        virtio_signal(&b->v, QUEUE_STATS);
    } else {
        arm_poll(b);
    }
}

static void notify(struct virtio *v, unsigned queue)
{
    if (queue == QUEUE_STATS) {
        stats_arrived(balloon_of(v));
    } else {
        serve(balloon_of(v), queue);
    }
}

static json_object *get_extra(struct dev *dev, const char *name)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;
    json_object *all, *stats;

    if (strcmp(name, "guest-stats") != 0) {
        return NULL;
    }
    all = json_object_new_object();
    stats = json_object_new_object();
    g_mutex_lock(&dev->lock);
    for (unsigned i = 0; i < N_STATS; i++) {
        json_object_object_add(stats, stat_names[i], json_object_new_uint64(b->stat[i]));
    }
    json_object_object_add(all, "stats", stats);
    json_object_object_add(all, "last-update", json_object_new_int64(b->stat_time));
    g_mutex_unlock(&dev->lock);
    return all;
}

/* --- target
 * -------------------------------------------------------------------------------------------- */

static uint64_t ram_size(struct dev *dev)
{
    return dev->env->machine->ram_size;
}

bool virtio_is_balloon(const struct dev *dev)
{
    return dev_is(dev, &virtio_balloon_pci_class) || dev_is(dev, &virtio_balloon_device_class);
}

void virtio_balloon_set_target(struct dev *dev, uint64_t bytes)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;
    uint64_t all = ram_size(dev);

    g_mutex_lock(&dev->lock);
    b->target = (all - MIN(bytes, all)) >> PAGE_BITS;
    virtio_config_changed(&b->v);
    g_mutex_unlock(&dev->lock);
}

uint64_t virtio_balloon_actual(struct dev *dev)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;
    uint64_t pages;

    g_mutex_lock(&dev->lock);
    pages = b->actual;
    g_mutex_unlock(&dev->lock);
    return ram_size(dev) - (pages << PAGE_BITS);
}

static uint64_t features(struct virtio *v)
{
    const struct balloon *b = balloon_of(v);

    return BIT64(F_STATS_VQ) | (b->deflate_on_oom ? BIT64(F_DEFLATE_ON_OOM) : 0) |
           (b->reporting ? BIT64(F_REPORTING) : 0);
}

static void get_config(struct virtio *v, uint8_t *c)
{
    st_le32(c, balloon_of(v)->target);
    st_le32(c + 4, balloon_of(v)->actual);
}

/* The guest says how many pages it gave: never more than there are. */
static void set_config(struct virtio *v, const uint8_t *c, unsigned off, unsigned size)
{
    struct balloon *b = balloon_of(v);
    uint64_t all = ram_size(v->dev);
    uint32_t actual = MIN(ld_le32(c + 4), all >> PAGE_BITS);
    json_object *data;

    if (actual == b->actual) {
        return;
    }
    b->actual = actual;
    data = json_object_new_object();
    json_object_object_add(data, "actual",
                           json_object_new_uint64(all - ((uint64_t)actual << PAGE_BITS)));
    v->dev->env->event(v->dev->env->machine, "BALLOON_CHANGE", data);
}

static bool reset(struct virtio *v)
{
    struct balloon *b = balloon_of(v);

    g_clear_pointer(&b->stat_elem, virtq_elem_free);
    for (unsigned i = 0; i < N_STATS; i++) {
        b->stat[i] = UINT64_MAX;
    }
    timer_cancel(&b->poll);
    return true;
}

static const struct virtio_class balloon_class = {
    .name = "virtio-balloon",
    .id = 5,
    .config_size = CONFIG_SIZE,
    .features = features,
    .get_config = get_config,
    .set_config = set_config,
    .notify = notify,
    .reset = reset,
};

/* --- device
 * ------------------------------------------------------------------------------------------------
 */

static gboolean realize(struct dev *dev, GError **error)
{
    struct balloon_dev *d = (struct balloon_dev *)dev;
    struct balloon *b = &d->balloon;

    timer_init(&b->poll, dev->env->clock, CLOCK_GUEST, &dev->lock, poll, b);
    virtio_proxy_init(&d->proxy, &b->v, &balloon_class, b->reporting ? N_QUEUES : N_QUEUES - 1);
    for (unsigned n = 0; n < b->v.n_queues; n++) {
        virtio_set_queue_size(&b->v, n, n == QUEUE_REPORT ? 32 : 128);
    }
    for (unsigned i = 0; i < N_STATS; i++) {
        b->stat[i] = UINT64_MAX;
    }
    return virtio_proxy_attach(&d->proxy, &b->v, 0, error);
}

static void unrealize(struct dev *dev)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;

    if (b->poll.clock) {
        timer_cancel(&b->poll);
    }
    g_clear_pointer(&b->stat_elem, virtq_elem_free);
    virtio_fini(&b->v);
}

/* The held buffer goes back to the queue, so that a saved queue says it is there. */
static void quiet(struct dev *dev)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;

    g_mutex_lock(&dev->lock);
    if (b->stat_elem) {
        virtq_unpop(&b->v.queue[QUEUE_STATS], b->stat_elem);
        b->stat_elem = NULL;
    }
    g_mutex_unlock(&dev->lock);
}

static void resume(struct dev *dev)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;

    g_mutex_lock(&dev->lock);
    stats_arrived(b);
    arm_poll(b);
    g_mutex_unlock(&dev->lock);
}

#define BALLOON_FIELD(f) ROW_FIELD(struct balloon_dev, balloon.f)

static const struct row props[] = {
    {.name = "deflate-on-oom",
     .type = ROW_BOOL,
     BALLOON_FIELD(deflate_on_oom),
     .def = "off",
     .help = "The guest may take pages back when it runs out"},
    {.name = "free-page-reporting",
     .type = ROW_BOOL,
     BALLOON_FIELD(reporting),
     .def = "off",
     .help = "The guest tells of free pages"},
    {.name = "guest-stats-polling-interval",
     .type = ROW_UINT,
     BALLOON_FIELD(poll_seconds),
     .flags = ROW_RUNTIME,
     .def = "0",
     .max = INT32_MAX,
     .help = "Seconds between statistics; 0: none"},
    {},
};

static const struct state_row state[] = {
    STATE_KEEP(struct balloon_dev, balloon.target),
    STATE_U(struct balloon_dev, balloon.actual, 0),
    STATE_DONE,
};

static gboolean post_load(struct dev *dev, GError **error)
{
    struct balloon *b = &((struct balloon_dev *)dev)->balloon;

    if (b->actual > ram_size(dev) >> PAGE_BITS || b->target > ram_size(dev) >> PAGE_BITS) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "virtio-balloon: a balloon of %u pages is larger than the machine", b->actual);
        return FALSE;
    }
    return TRUE;
}

static const struct virtio_pci_info balloon_pci_info = {
    .pci = VIRTIO_PCI_CLASS(0x00ff00),
    .transitional_id = 0x1002,
};

const struct dev_class virtio_balloon_pci_class = {
    .name = "virtio-balloon-pci",
    .alias = "virtio-balloon",
    .description = "Virtio memory balloon",
    .bus_type = "PCI",
    .category = "Misc",
    .base = &virtio_pci_class,
    .bus_class = &balloon_pci_info,
    .instance_size = sizeof(struct balloon_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
    .pause = quiet,
    .resume = resume,
    .post_load = post_load,
    .get_extra = get_extra,
};

const struct dev_class virtio_balloon_device_class = {
    .name = "virtio-balloon-device",
    .description = "Virtio memory balloon",
    .bus_type = "virtio-bus",
    .category = "Misc",
    .base = &virtio_device_class,
    .instance_size = sizeof(struct balloon_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
    .pause = quiet,
    .resume = resume,
    .post_load = post_load,
    .get_extra = get_extra,
};
