/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-rng. Virtual I/O Device (VIRTIO) 1.2, 5.4. */
#include <sys/random.h>

#include "machine/core/object.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/proxy.h"

#define QUEUE_SIZE 8
#define CHUNK      4096 /* bytes handed over at a time */

struct rng {
    struct virtio v;
    struct object_rng *source; /* NULL: the host kernel's generator */
    struct timer refill;       /* the quota's period */
    uint64_t quota;            /* lock: bytes left in this period */
    bool waiting;              /* lock: buffers wait for the next period */
    /* properties */
    char *object;
    uint64_t max_bytes;
    uint32_t period; /* milliseconds */
};

struct rng_dev {
    struct virtio_proxy proxy; /* first */
    struct rng rng;
};

static struct rng *rng_of(struct virtio *v)
{
    return (struct rng *)((char *)v - offsetof(struct rng, v));
}

static ssize_t read_source(struct rng *r, void *to, size_t len)
{
    return r->source ? r->source->read(r->source, to, len) : getrandom(to, len, 0);
}

/* Fills one element as far as quota and source give; returns the bytes written. */
static size_t fill(struct rng *r, struct virtq_elem *e)
{
    uint8_t bytes[CHUNK];
    size_t done = 0;

    while (done < e->in_len && r->quota > 0) {
        size_t want = MIN(MIN(sizeof(bytes), e->in_len - done), r->quota);
        ssize_t got = read_source(r, bytes, want);

        if (got <= 0) {
            break;
        }
        virtio_copy_in(e, done, bytes, got);
        done += got;
        r->quota -= got;
    }
    return done;
}

static void start_period(struct rng *r)
{
    if (!timer_armed(&r->refill)) {
        timer_arm(&r->refill,
                  clock_now(r->v.dev->env->clock, CLOCK_GUEST) + (int64_t)r->period * 1000000);
    }
}

static void serve(struct rng *r)
{
    struct virtq_elem *e;

    r->waiting = false;
    while ((e = virtio_pop(&r->v, 0))) {
        size_t n = e->in_len ? fill(r, e) : 0;

        if (e->in_len && n == 0) {
            virtq_unpop(&r->v.queue[0], e);
            r->waiting = true;
            start_period(r);
            break;
        }
        virtq_push(&r->v.queue[0], e, n);
    }
    virtio_signal(&r->v, 0);
}

static void notify(struct virtio *v, unsigned queue)
{
    serve(rng_of(v));
}

static void new_period(void *opaque)
{
    struct rng *r = opaque;

    r->quota = r->max_bytes;
    if (r->waiting) {
        serve(r);
    }
}

static bool reset(struct virtio *v)
{
    struct rng *r = rng_of(v);

    timer_cancel(&r->refill);
    r->quota = r->max_bytes;
    r->waiting = false;
    return true;
}

static const struct virtio_class rng_class = {
    .name = "virtio-rng",
    .id = 4,
    .notify = notify,
    .reset = reset,
};

static gboolean find_source(struct dev *dev, struct rng *r, GError **error)
{
    struct object *o;

    if (!r->object) {
        return TRUE;
    }
    o = dev->env->find(dev->env->machine, ROW_LINK_OBJECT, r->object, error);
    if (!o) {
        return FALSE;
    }
    if (!g_str_has_prefix(o->type, "rng-")) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_TYPE,
                    "rng=%s: object '%s' is a %s, not a source of random numbers", r->object,
                    r->object, o->type);
        if (dev->env->release) {
            dev->env->release(dev->env->machine, ROW_LINK_OBJECT, o);
        }
        return FALSE;
    }
    r->source = (struct object_rng *)o;
    return TRUE;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct rng_dev *d = (struct rng_dev *)dev;
    struct rng *r = &d->rng;

    if (r->period == 0) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "'period' parameter expects a positive integer");
        return FALSE;
    }
    if (!find_source(dev, r, error)) {
        return FALSE;
    }
    timer_init(&r->refill, dev->env->clock, CLOCK_GUEST, &dev->lock, new_period, r);
    r->quota = r->max_bytes;
    virtio_proxy_init(&d->proxy, &r->v, &rng_class, 1);
    virtio_set_queue_size(&r->v, 0, QUEUE_SIZE);
    return virtio_proxy_attach(&d->proxy, &r->v, 2, error);
}

static void unrealize(struct dev *dev)
{
    struct rng *r = &((struct rng_dev *)dev)->rng;

    if (r->refill.clock) {
        timer_cancel(&r->refill);
    }
    if (r->source && dev->env->release) {
        dev->env->release(dev->env->machine, ROW_LINK_OBJECT, r->source);
    }
    r->source = NULL;
    virtio_fini(&r->v);
}

#define RNG_FIELD(f) ROW_FIELD(struct rng_dev, rng.f)

static const struct row props[] = {
    {.name = "rng",
     .type = ROW_LINK,
     RNG_FIELD(object),
     .link = ROW_LINK_OBJECT,
     .help = "ID of an rng object; the host's generator if not given"},
    {.name = "max-bytes",
     .type = ROW_UINT,
     RNG_FIELD(max_bytes),
     .def = "9223372036854775807",
     .min = 1,
     .max = INT64_MAX,
     .help = "Bytes a period"},
    {.name = "period",
     .type = ROW_UINT,
     RNG_FIELD(period),
     .def = "65536",
     .max = UINT32_MAX,
     .help = "Period in milliseconds"},
    {},
};

static const struct state_row state[] = {
    STATE_T(struct rng_dev, rng.refill),
    STATE_KEEP(struct rng_dev, rng.quota),
    STATE_U(struct rng_dev, rng.waiting, 0),
    STATE_DONE,
};

static const struct virtio_pci_info rng_pci_info = {
    .pci = VIRTIO_PCI_CLASS(0x00ff00),
    .transitional_id = 0x1005,
};

const struct dev_class virtio_rng_pci_class = {
    .name = "virtio-rng-pci",
    .alias = "virtio-rng",
    .description = "Virtio source of random numbers",
    .bus_type = "PCI",
    .category = "Misc",
    .base = &virtio_pci_class,
    .bus_class = &rng_pci_info,
    .instance_size = sizeof(struct rng_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
};

const struct dev_class virtio_rng_device_class = {
    .name = "virtio-rng-device",
    .description = "Virtio source of random numbers",
    .bus_type = "virtio-bus",
    .category = "Misc",
    .base = &virtio_device_class,
    .instance_size = sizeof(struct rng_dev),
    .props = props,
    .state = state,
    .realize = realize,
    .unrealize = unrealize,
};
