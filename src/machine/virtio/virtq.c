/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/virtq.h"

#include "base/bits.h"
#include "base/endian.h"
#include "base/fence.h"

#define DESC_SIZE     16
#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY     1

struct desc {
    gpa addr;
    uint32_t len;
    uint16_t flags, next;
};

static struct desc read_desc(const uint8_t *table, unsigned i)
{
    const uint8_t *p = table + i * DESC_SIZE;

    return (struct desc){
        .addr = le64toh(ram_ld64(p)),
        .len = le32toh(ram_ld32(p + 8)),
        .flags = le16toh(ram_ld16(p + 12)),
        .next = le16toh(ram_ld16(p + 14)),
    };
}

static uint16_t avail_index(const struct virtq *q)
{
    uint16_t v = le16toh(ram_ld16(q->avail_host + 2));

    fence_acquire();
    return v;
}

/* One piece of RAM, or NULL. Where the rings are may be said before bus mastering is allowed. */
static uint8_t *map_area(struct virtq *q, gpa addr, uint64_t len, unsigned align, bool write)
{
    struct dma dma = {.bus = q->dma->bus, .device_id = q->dma->device_id, .enabled = true};
    struct iovec iov;
    unsigned n = 0;

    if (addr % align || dma_map(&dma, addr, len, write, &iov, 1, &n) < 0 || n != 1) {
        return NULL;
    }
    return iov.iov_base;
}

int virtq_start(struct virtq *q)
{
    q->desc_host = map_area(q, q->desc, q->size * DESC_SIZE, 16, false);
    q->avail_host = map_area(q, q->avail, 6 + q->size * 2, 2, false);
    q->used_host = map_area(q, q->used, 6 + q->size * 8, 4, true);
    if (!q->desc_host || !q->avail_host || !q->used_host) {
        q->desc_host = q->avail_host = q->used_host = NULL;
        return -EFAULT;
    }
    q->ready = true;
    q->notify_on = true;
    return 0;
}

void virtq_place_legacy(struct virtq *q, gpa desc, uint32_t align)
{
    q->desc = desc;
    q->avail = desc + q->size * 16u;
    q->used = align_up(q->avail + 6 + q->size * 2u, align);
}

void virtq_reset(struct virtq *q)
{
    q->size = q->size_max;
    q->ready = q->broken = q->signalled_valid = false;
    q->notify_on = true;
    q->desc = q->avail = q->used = 0;
    q->desc_host = q->avail_host = q->used_host = NULL;
    q->last_avail = q->used_next = q->signalled = q->in_flight = 0;
    q->vector = VIRTQ_NO_VECTOR;
    q->event_idx = q->indirect = false;
}

static bool usable(const struct virtq *q)
{
    return q->ready && !q->broken && __atomic_load_n(&q->dma->enabled, __ATOMIC_RELAXED);
}

bool virtq_has_more(const struct virtq *q)
{
    return usable(q) && avail_index(q) != q->last_avail;
}

/* What a walk over one chain gathers before it becomes an element. */
struct chain {
    struct virtq *q;
    unsigned n_out, n_in, n; /* pieces */
    uint64_t out_len, in_len;
    bool writing; /* a device-writable buffer was seen: no readable one may follow (2.7.4.2) */
    struct iovec iov[VIRTQ_IOV_MAX];
    gpa in_gpa[VIRTQ_IOV_MAX];
};

static bool add_buffer(struct chain *c, const struct desc *d)
{
    bool write = (d->flags & DESC_WRITE) != 0;
    unsigned first = c->n;
    gpa addr = d->addr;

    if (!write && c->writing) {
        return false;
    }
    c->writing = write;
    if (d->len == 0) {
        return true;
    }
    if (dma_map(c->q->dma, d->addr, d->len, write, c->iov, VIRTQ_IOV_MAX, &c->n) < 0) {
        return false;
    }
    *(write ? &c->n_in : &c->n_out) += c->n - first;
    *(write ? &c->in_len : &c->out_len) += d->len;
    for (unsigned i = first; write && i < c->n; i++) {
        c->in_gpa[i] = addr;
        addr += c->iov[i].iov_len;
    }
    return c->out_len + c->in_len <= UINT32_MAX;
}

/* Follows descriptors in `table` from `i`; a chain longer than the table is a loop. */
static bool walk(struct chain *c, const uint8_t *table, unsigned entries, unsigned i,
                 bool in_indirect)
{
    for (unsigned steps = 0; steps < entries; steps++) {
        struct desc d;

        if (i >= entries) {
            return false;
        }
        d = read_desc(table, i);
        if (d.flags & DESC_INDIRECT) {
            uint8_t *sub;

            if (in_indirect || !c->q->indirect || (d.flags & DESC_NEXT) || d.len == 0 ||
                d.len % DESC_SIZE || d.len / DESC_SIZE > VIRTQ_SIZE_MAX) {
                return false;
            }
            sub = map_area(c->q, d.addr, d.len, 1, false);
            return sub && walk(c, sub, d.len / DESC_SIZE, 0, true);
        }
        if (!add_buffer(c, &d)) {
            return false;
        }
        if (!(d.flags & DESC_NEXT)) {
            return true;
        }
        i = d.next;
    }
    return false;
}

static struct virtq_elem *elem_new(const struct chain *c, uint16_t head)
{
    struct virtq_elem *e =
        g_malloc(sizeof(*e) + c->n * sizeof(struct iovec) + c->n_in * sizeof(gpa));

    e->head = head;
    e->n_out = c->n_out;
    e->n_in = c->n_in;
    e->out_len = c->out_len;
    e->in_len = c->in_len;
    memcpy(e->iov, c->iov, c->n * sizeof(struct iovec));
    e->out = e->iov;
    e->in = e->iov + c->n_out;
    e->in_gpa = (gpa *)(e->iov + c->n);
    memcpy(e->in_gpa, c->in_gpa + c->n_out, c->n_in * sizeof(gpa));
    return e;
}

/* Tells the driver how far we have read, so that it notifies of the next buffer (2.7.10). */
static void publish_avail_event(struct virtq *q)
{
    if (q->event_idx && q->notify_on) {
        ram_st16(q->used_host + 4 + q->size * 8, htole16(q->last_avail));
        dma_wrote(q->dma, q->used + 4 + q->size * 8, 2);
    }
}

/* Walks the chain at `head` of a usable queue; NULL breaks it. */
static struct virtq_elem *take(struct virtq *q, uint16_t head)
{
    struct chain c;

    c.q = q;
    c.n = c.n_in = c.n_out = 0;
    c.in_len = c.out_len = 0;
    c.writing = false;
    /* More in flight than there are descriptors: the index is garbage. */
    if (q->in_flight >= q->size || !walk(&c, q->desc_host, q->size, head, false)) {
        q->broken = true;
        return NULL;
    }
    q->in_flight++;
    return elem_new(&c, head);
}

struct virtq_elem *virtq_pop(struct virtq *q)
{
    struct virtq_elem *e;
    uint16_t avail;

    if (!usable(q)) {
        return NULL;
    }
    avail = avail_index(q);
    if (avail == q->last_avail) {
        return NULL;
    }
    if ((uint16_t)(avail - q->last_avail) > q->size) { /* more than there are descriptors */
        q->broken = true;
        return NULL;
    }
    e = take(q, le16toh(ram_ld16(q->avail_host + 4 + q->last_avail % q->size * 2)));
    if (e) {
        q->last_avail++;
        publish_avail_event(q);
    }
    return e;
}

struct virtq_elem *virtq_repop(struct virtq *q, uint16_t head)
{
    return usable(q) ? take(q, head) : NULL;
}

void virtq_unpop(struct virtq *q, struct virtq_elem *elem)
{
    q->last_avail--;
    q->in_flight--;
    virtq_elem_free(elem);
}

void virtq_elem_free(struct virtq_elem *elem)
{
    g_free(elem);
}

static void mark_written(struct virtq *q, const struct virtq_elem *e, uint32_t written)
{
    for (unsigned i = 0; i < e->n_in && written; i++) {
        uint32_t len = MIN(written, e->in[i].iov_len);

        dma_wrote(q->dma, e->in_gpa[i], len);
        written -= len;
    }
}

static void fill_used(struct virtq *q, struct virtq_elem *e, uint32_t written, uint16_t at)
{
    uint8_t *slot = q->used_host + 4 + at % q->size * 8;

    mark_written(q, e, written);
    ram_st32(slot, htole32(e->head));
    ram_st32(slot + 4, htole32(written));
    q->in_flight--;
    virtq_elem_free(e);
}

void virtq_push_many(struct virtq *q, struct virtq_elem **elems, const uint32_t *written,
                     unsigned n)
{
    if (!q->ready || q->broken) {
        for (unsigned i = 0; i < n; i++) {
            virtq_elem_free(elems[i]);
        }
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        fill_used(q, elems[i], written[i], q->used_next + i);
    }
    q->used_next += n;
    fence_release();
    ram_st16(q->used_host + 2, htole16(q->used_next));
    dma_wrote(q->dma, q->used, 6 + q->size * 8);
}

void virtq_push(struct virtq *q, struct virtq_elem *elem, uint32_t written)
{
    virtq_push_many(q, &elem, &written, 1);
}

bool virtq_should_signal(struct virtq *q)
{
    uint16_t event, before = q->signalled, now = q->used_next;
    bool valid = q->signalled_valid;

    if (!q->ready || q->broken) {
        return false;
    }
    /* The index must be visible before the driver's wish is read (2.7.7.2). */
    fence_full();
    if (!q->event_idx) {
        return !(le16toh(ram_ld16(q->avail_host)) & AVAIL_NO_INTERRUPT);
    }
    q->signalled = now;
    q->signalled_valid = true;
    event = le16toh(ram_ld16(q->avail_host + 4 + q->size * 2));
    return !valid || (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

bool virtq_set_notify(struct virtq *q, bool on)
{
    if (!usable(q)) {
        return false;
    }
    q->notify_on = on;
    if (q->event_idx) {
        publish_avail_event(q);
    } else {
        ram_st16(q->used_host, htole16(on ? 0 : USED_NO_NOTIFY));
        dma_wrote(q->dma, q->used, 2);
    }
    if (!on) {
        return false;
    }
    fence_full();
    return avail_index(q) != q->last_avail;
}
