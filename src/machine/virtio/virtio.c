/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtio/virtio.h"

#include "base/bits.h"
#include "base/endian.h"

void virtio_init(struct virtio *v, const struct virtio_class *class, struct dev *dev,
                 const struct dma *dma, const struct virtio_transport *transport, unsigned n_queues)
{
    g_assert(n_queues <= VIRTIO_QUEUE_MAX && class->config_size <= VIRTIO_CONFIG_MAX);
    v->class = class;
    v->dev = dev;
    v->dma = dma;
    v->transport = transport;
    v->n_queues = n_queues;
    v->queue = g_new0(struct virtq, n_queues);
    for (unsigned n = 0; n < n_queues; n++) {
        v->queue[n].dma = dma;
        virtq_reset(&v->queue[n]);
    }
}

void virtio_fini(struct virtio *v)
{
    g_clear_pointer(&v->queue, g_free);
    v->n_queues = 0;
}

void virtio_set_queue_size(struct virtio *v, unsigned n, unsigned size)
{
    g_assert(n < v->n_queues && size <= VIRTQ_SIZE_MAX && (size == 0 || is_pow2(size)));
    g_assert(!v->queue[n].ready);
    v->queue[n].size = v->queue[n].size_max = size;
}

/* --- devices ------------------------------------------------------------------------------ */

void virtio_signal(struct virtio *v, unsigned n)
{
    if (virtq_should_signal(&v->queue[n])) {
        v->transport->signal_queue(v, n);
    }
}

void virtio_config_changed(struct virtio *v)
{
    v->generation++;
    if (v->status & STATUS_DRIVER_OK) {
        v->transport->signal_config(v);
    }
}

void virtio_fail(struct virtio *v, const char *why)
{
    if (v->status & STATUS_NEEDS_RESET) {
        return;
    }
    dev_note(v->dev, "%s; the device needs a reset", why);
    v->status |= STATUS_NEEDS_RESET;
    if (virtio_has(v, VIRTIO_F_VERSION_1) && (v->status & STATUS_DRIVER_OK)) {
        v->transport->signal_config(v);
    }
}

struct virtq_elem *virtio_pop(struct virtio *v, unsigned n)
{
    struct virtq_elem *e = virtio_running(v) ? virtq_pop(&v->queue[n]) : NULL;

    if (!e && v->queue[n].broken) {
        g_autofree char *why = g_strdup_printf("queue %u holds descriptors that are not legal", n);

        virtio_fail(v, why);
    }
    return e;
}

static size_t copy(const struct iovec *iov, unsigned n, size_t off, void *flat, size_t len,
                   bool to_guest)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part;

        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        part = MIN(iov[i].iov_len - off, len - done);
        if (to_guest) {
            ram_write((uint8_t *)iov[i].iov_base + off, (uint8_t *)flat + done, part);
        } else {
            ram_read((uint8_t *)flat + done, (uint8_t *)iov[i].iov_base + off, part);
        }
        done += part;
        off = 0;
    }
    return done;
}

size_t virtio_copy_out(const struct virtq_elem *e, size_t off, void *to, size_t len)
{
    return copy(e->out, e->n_out, off, to, len, false);
}

size_t virtio_copy_in(const struct virtq_elem *e, size_t off, const void *from, size_t len)
{
    return copy(e->in, e->n_in, off, (void *)from, len, true);
}

/* --- transports ---------------------------------------------------------------------------- */

uint64_t virtio_offered(struct virtio *v)
{
    uint64_t ring =
        BIT64(VIRTIO_F_INDIRECT_DESC) | BIT64(VIRTIO_F_EVENT_IDX) | BIT64(VIRTIO_F_VERSION_1);

    return (ring | (v->class->features ? v->class->features(v) : 0)) & ~v->mask;
}

/* Rings are laid out, and buffers interpreted, by what was agreed on when they started. */
static bool settled(const struct virtio *v)
{
    bool is = (v->status & (STATUS_FEATURES_OK | STATUS_DRIVER_OK)) != 0;

    for (unsigned n = 0; n < v->n_queues; n++) {
        is |= v->queue[n].ready;
    }
    return is;
}

bool virtio_agree(struct virtio *v, uint64_t features)
{
    if (settled(v)) {
        if (features != v->agreed) {
            dev_note(v->dev, "a driver that is running may not change features");
        }
        return features == v->agreed;
    }
    v->offered = virtio_offered(v);
    v->agreed = features & v->offered;
    for (unsigned n = 0; n < v->n_queues; n++) {
        v->queue[n].event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX);
        v->queue[n].indirect = virtio_has(v, VIRTIO_F_INDIRECT_DESC);
    }
    if (v->class->negotiated) {
        v->class->negotiated(v);
    }
    return (features & ~v->offered) == 0;
}

static void reset(struct virtio *v)
{
    v->resetting = v->class->reset && !v->class->reset(v);
    v->agreed = 0;
    v->status = 0;
    for (unsigned n = 0; n < v->n_queues; n++) {
        virtq_reset(&v->queue[n]);
    }
    if (v->class->negotiated) {
        v->class->negotiated(v);
    }
    if (v->class->status_changed) {
        v->class->status_changed(v);
    }
}

void virtio_reset_done(struct virtio *v)
{
    v->resetting = false;
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
    uint8_t before = v->status;

    if (status == 0) {
        reset(v);
        return;
    }
    /* NEEDS_RESET is the device's to set; only a reset clears it, and what was agreed on. */
    status = (status & ~STATUS_NEEDS_RESET) | (before & (STATUS_NEEDS_RESET | STATUS_FEATURES_OK));
    if ((status & STATUS_FEATURES_OK) && !(before & STATUS_FEATURES_OK) &&
        !virtio_agree(v, v->agreed)) {
        status &= ~STATUS_FEATURES_OK;
    }
    v->status = status;
    if (v->class->status_changed && status != before) {
        v->class->status_changed(v);
    }
    /* Buffers may have been put in before the driver said it was up. */
    for (unsigned n = 0; (status & ~before & STATUS_DRIVER_OK) && n < v->n_queues; n++) {
        if (virtq_has_more(&v->queue[n])) {
            virtio_notify(v, n);
        }
    }
}

uint8_t virtio_judge_status(struct virtio *v, uint8_t status, uint64_t features)
{
    if ((status & STATUS_FEATURES_OK) && !(v->status & STATUS_FEATURES_OK) &&
        (!virtio_agree(v, features) || !virtio_has(v, VIRTIO_F_VERSION_1))) {
        return status & ~STATUS_FEATURES_OK;
    }
    return status;
}

/* 2.4.1: a driver that wrote 0 reads until it sees 0, which is when nothing is in flight. */
uint8_t virtio_get_status(const struct virtio *v)
{
    return v->resetting ? STATUS_ACKNOWLEDGE : v->status;
}

void virtio_start_queue(struct virtio *v, unsigned n)
{
    if (v->queue[n].ready || v->queue[n].size == 0) {
        return;
    }
    if (virtq_start(&v->queue[n]) < 0) {
        g_autofree char *why = g_strdup_printf("queue %u was placed where there is no RAM", n);

        virtio_fail(v, why);
    }
}

void virtio_stop_queue(struct virtio *v, unsigned n)
{
    struct virtq *q = &v->queue[n];

    if (q->ready && q->in_flight == 0) {
        virtq_reset(q);
        q->event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX);
        q->indirect = virtio_has(v, VIRTIO_F_INDIRECT_DESC);
    }
}

void virtio_notify(struct virtio *v, unsigned n)
{
    if (n < v->n_queues && v->queue[n].ready && virtio_running(v) && v->class->notify) {
        v->class->notify(v, n);
    }
}

uint64_t virtio_config_read(struct virtio *v, unsigned off, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = {0};

    if (off >= v->class->config_size) {
        return 0;
    }
    v->class->get_config(v, config);
    return ld_le64(config + off) & mask64(size * 8);
}

void virtio_config_write(struct virtio *v, unsigned off, uint64_t value, unsigned size)
{
    uint8_t config[VIRTIO_CONFIG_MAX + 8] = {0};

    if (off >= v->class->config_size || size > v->class->config_size - off ||
        !v->class->set_config) {
        return;
    }
    v->class->get_config(v, config);
    for (unsigned i = 0; i < size; i++) {
        config[off + i] = value >> (8 * i);
    }
    v->class->set_config(v, config, off, size);
}

/* --- state ---------------------------------------------------------------------------------- */

static const struct state_row queue_rows[] = {
    STATE_U(struct virtq, size, 0),
    STATE_U(struct virtq, ready, 0),
    STATE_U(struct virtq, desc, 0),
    STATE_U(struct virtq, avail, 0),
    STATE_U(struct virtq, used, 0),
    STATE_U(struct virtq, vector, VIRTQ_NO_VECTOR),
    STATE_U(struct virtq, last_avail, 0),
    STATE_U(struct virtq, used_next, 0),
    STATE_U(struct virtq, signalled, 0),
    STATE_U(struct virtq, signalled_valid, 0),
    STATE_U(struct virtq, notify_on, 1),
    STATE_U(struct virtq, broken, 0),
    STATE_DONE,
};

static const struct state_row rows[] = {
    STATE_U(struct virtio, agreed, 0),
    STATE_U(struct virtio, status, 0),
    STATE_U(struct virtio, generation, 0),
    STATE_DONE,
};

void virtio_save(const struct virtio *v, GByteArray *out)
{
    state_save(rows, v, out);
    for (unsigned n = 0; n < v->n_queues; n++) {
        state_save(queue_rows, &v->queue[n], out);
    }
}

/* A loaded queue is as hostile as a driver's: it is started like one. */
static int load_queue(struct virtio *v, struct virtq *q, const uint8_t **data, size_t *left)
{
    bool ready, notify_on;

    if (!state_load(queue_rows, q, data, left, NULL)) {
        return -EINVAL;
    }
    ready = q->ready;
    notify_on = q->notify_on;
    q->ready = false;
    q->in_flight = 0;
    q->event_idx = virtio_has(v, VIRTIO_F_EVENT_IDX);
    q->indirect = virtio_has(v, VIRTIO_F_INDIRECT_DESC);
    if (q->size > q->size_max || (q->size && !is_pow2(q->size))) {
        return -EINVAL;
    }
    if (ready && (q->size == 0 || virtq_start(q) < 0)) {
        return -EINVAL;
    }
    q->notify_on = notify_on;
    return 0;
}

int virtio_load(struct virtio *v, const uint8_t **data, size_t *left)
{
    for (unsigned n = 0; n < v->n_queues; n++) {
        virtq_reset(&v->queue[n]);
    }
    if (!state_load(rows, v, data, left, NULL) || (v->agreed & ~virtio_offered(v)) != 0) {
        v->agreed = 0;
        v->status = 0;
        return -EINVAL;
    }
    if (v->class->negotiated) {
        v->class->negotiated(v);
    }
    for (unsigned n = 0; n < v->n_queues; n++) {
        int r = load_queue(v, &v->queue[n], data, left);

        if (r < 0) {
            virtq_reset(&v->queue[n]);
            return r;
        }
    }
    return 0;
}
