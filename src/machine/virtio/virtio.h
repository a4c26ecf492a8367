/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio devices whatever their transport. Virtual I/O Device (VIRTIO) 1.2, chapters 2 and 3; the
 * transitional (0.9.5) interface differs only in the transport and where VIRTIO_F_VERSION_1 is
 * said.
 *
 * A device gives a struct virtio_class; the core keeps status, features and queues, slices
 * configuration bytes and decides when to interrupt; a transport (pci.h) carries it. Everything
 * here runs under the lock of the struct dev it belongs to.
 */
#ifndef VIV_MACHINE_VIRTIO_VIRTIO_H
#define VIV_MACHINE_VIRTIO_VIRTIO_H

#include "machine/core/dev.h"
#include "machine/virtio/virtq.h"

enum virtio_status {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128,
};

/* Feature bits of every device (chapter 6). */
#define VIRTIO_F_NOTIFY_ON_EMPTY 24
#define VIRTIO_F_ANY_LAYOUT      27
#define VIRTIO_F_INDIRECT_DESC   28
#define VIRTIO_F_EVENT_IDX       29
#define VIRTIO_F_VERSION_1       32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_RESET      40

#define VIRTIO_CONFIG_MAX 256
#define VIRTIO_QUEUE_MAX  1024

struct virtio;

struct virtio_class {
    const char *name; /* "virtio-blk" */
    uint16_t id;      /* chapter 5 */
    unsigned config_size;
    /* Features of the device type it offers now. */
    uint64_t (*features)(struct virtio *v);
    /* Fills config_size little-endian bytes. */
    void (*get_config)(struct virtio *v, uint8_t *config);
    /* The driver wrote [off, off + size) of `config`, which holds all bytes; NULL: read-only. */
    void (*set_config)(struct virtio *v, const uint8_t *config, unsigned off, unsigned size);
    /* Features were agreed on. */
    void (*negotiated)(struct virtio *v);
    /* Status changed to v->status. */
    void (*status_changed)(struct virtio *v);
    /* The driver put buffers into queue `n`, which is ready, with the driver up. */
    void (*notify)(struct virtio *v, unsigned n);
    /*
     * Forget everything in flight. FALSE: requests are still being worked on; virtio_reset_done is
     * called when the last one has ended.
     */
    bool (*reset)(struct virtio *v);
};

/* How a transport tells the driver. */
struct virtio_transport {
    void (*signal_queue)(struct virtio *v, unsigned n);
    void (*signal_config)(struct virtio *v);
};

struct virtio {
    const struct virtio_class *class;
    const struct virtio_transport *transport;
    struct dev *dev;
    const struct dma *dma;
    uint64_t offered, agreed; /* feature bits */
    uint64_t mask;            /* bits the user switched off (event_idx=off, ...) */
    uint8_t status;
    uint8_t generation; /* of the configuration, changes with it */
    bool resetting;     /* the device still works on requests from before the reset */
    unsigned n_queues;
    struct virtq *queue;
};

/* Realize: `n_queues` queues of the given sizes follow by virtio_set_queue_size. */
void virtio_init(struct virtio *v, const struct virtio_class *class, struct dev *dev,
                 const struct dma *dma, const struct virtio_transport *transport,
                 unsigned n_queues);
void virtio_fini(struct virtio *v);
void virtio_set_queue_size(struct virtio *v, unsigned n, unsigned size);

static inline bool virtio_has(const struct virtio *v, unsigned bit)
{
    return v->agreed >> bit & 1;
}

static inline bool virtio_running(const struct virtio *v)
{
    return (v->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK &&
           !v->resetting;
}

/* --- for devices -------------------------------------------------------------------------- */

/* Interrupts the driver if it wants to hear of what was pushed. */
void virtio_signal(struct virtio *v, unsigned n);
/* The configuration changed. */
void virtio_config_changed(struct virtio *v);
/* The driver broke the rules: the device stops until it is reset (2.1.2); a note says why. */
void virtio_fail(struct virtio *v, const char *why);
/* virtq_pop of queue n; a broken queue fails the device. */
struct virtq_elem *virtio_pop(struct virtio *v, unsigned n);
void virtio_reset_done(struct virtio *v);

/* Bytes of scattered buffers: copy from or to [off, off + len); return what was there to copy. */
size_t virtio_copy_out(const struct virtq_elem *e, size_t off, void *to, size_t len);
size_t virtio_copy_in(const struct virtq_elem *e, size_t off, const void *from, size_t len);

/* --- for transports ------------------------------------------------------------------------ */

uint64_t virtio_offered(struct virtio *v);
/*
 * Sets agreed features. FALSE: a bit that was not offered, or other ones than those agreed on
 * while a queue or the driver is up, which changes nothing.
 */
bool virtio_agree(struct virtio *v, uint64_t features);
void virtio_set_status(struct virtio *v, uint8_t status);
/* What a VIRTIO 1 driver's write of `status` comes to: without FEATURES_OK if it sets that and
 * `features` are none that were offered (3.1.1). Features are agreed on here. */
uint8_t virtio_judge_status(struct virtio *v, uint8_t status, uint64_t features);
uint8_t virtio_get_status(const struct virtio *v);
/* Starts queue n with the addresses set in it; a failure is the driver's: virtio_fail. */
void virtio_start_queue(struct virtio *v, unsigned n);
/* Stops queue n, unless the device still works on what came from it. */
void virtio_stop_queue(struct virtio *v, unsigned n);
void virtio_notify(struct virtio *v, unsigned n);
/* Little-endian; size 1, 2, 4, 8; beyond the end reads as 0. */
uint64_t virtio_config_read(struct virtio *v, unsigned off, unsigned size);
void virtio_config_write(struct virtio *v, unsigned off, uint64_t value, unsigned size);

void virtio_save(const struct virtio *v, GByteArray *out);
int virtio_load(struct virtio *v, const uint8_t **data, size_t *left);

#endif
