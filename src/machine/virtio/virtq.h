/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A split virtqueue, device side. Virtual I/O Device (VIRTIO) 1.2, 2.7.
 *
 *   driver writes            device writes
 *   +------------+  heads    +-----------+
 *   | descriptors| <-------- | available |   pop: follow the chain, map every buffer
 *   +------------+           +-----------+
 *                            |   used    |   push: id and bytes written, then interrupt if asked
 *                            +-----------+
 *
 * What the driver wrote is made legal here, once: a popped element has buffers that are RAM, in the
 * right order, of bounded number and length. Anything else marks the queue broken, and the device
 * asks for a reset (2.1.2). All functions: under the device's lock.
 */
#ifndef VIV_MACHINE_VIRTIO_VIRTQ_H
#define VIV_MACHINE_VIRTIO_VIRTQ_H

#include "machine/core/dma.h"

#define VIRTQ_SIZE_MAX 1024
/* Pieces of one element: a chain may be as long as the queue, and RAM may be split once. */
#define VIRTQ_IOV_MAX (VIRTQ_SIZE_MAX + 16)

struct virtq {
    /* Set by the transport, then frozen until reset. */
    uint16_t size;     /* entries now */
    uint16_t size_max; /* as offered; 0: no such queue */
    bool ready;
    gpa desc, avail, used;
    uint16_t vector; /* MSI-X vector, VIRTQ_NO_VECTOR: none */

    /* Host addresses of the three areas, mapped when the queue becomes ready. */
    uint8_t *desc_host, *avail_host, *used_host;

    uint16_t last_avail; /* next to pop */
    uint16_t used_next;  /* next to push */
    uint16_t signalled;  /* used index at the last interrupt */
    bool signalled_valid;
    bool notify_on; /* the driver was asked to notify */
    bool broken;
    uint16_t in_flight; /* popped and not pushed */

    const struct dma *dma;
    bool event_idx; /* VIRTIO_F_EVENT_IDX negotiated */
    bool indirect;  /* VIRTIO_F_INDIRECT_DESC negotiated */
};

#define VIRTQ_NO_VECTOR 0xffff

/* A popped chain: `out` is read by the device, `in` is written. Freed by virtq_elem_free. */
struct virtq_elem {
    uint16_t head;
    unsigned n_out, n_in;
    uint32_t out_len, in_len; /* bytes */
    struct iovec *out, *in;   /* point into iov[] */
    gpa *in_gpa;              /* guest address of each `in` piece, for dirty marking */
    struct iovec iov[];
};

/* The areas of a legacy driver (2.7.2): one behind the other, the used ring at a multiple of
 * `align`, a power of two. */
void virtq_place_legacy(struct virtq *q, gpa desc, uint32_t align);
/* Maps the three areas. -EFAULT: not RAM, misaligned, or not in one piece. */
int virtq_start(struct virtq *q) G_GNUC_WARN_UNUSED_RESULT;
/* Back to what a reset leaves; size returns to size_max. */
void virtq_reset(struct virtq *q);

/* The next element, or NULL: none there, or (q->broken) what is there is not legal. */
struct virtq_elem *virtq_pop(struct virtq *q);
/* The element that began at descriptor `head` and was popped before the state was loaded, or NULL:
 * (q->broken) that is no legal chain. */
struct virtq_elem *virtq_repop(struct virtq *q, uint16_t head);
/* TRUE if pop would find something. */
bool virtq_has_more(const struct virtq *q);
/* Gives the element back unprocessed; it will be popped again. Last popped first. */
void virtq_unpop(struct virtq *q, struct virtq_elem *elem);
/* Done: `written` bytes of `in` hold data. Frees the element. */
void virtq_push(struct virtq *q, struct virtq_elem *elem, uint32_t written);
/* As push for `n` elements at once, in order: the driver sees all or none (merged receive
 * buffers). */
void virtq_push_many(struct virtq *q, struct virtq_elem **elems, const uint32_t *written,
                     unsigned n);
void virtq_elem_free(struct virtq_elem *elem);
/* TRUE if the driver wants an interrupt for what was pushed since the last one. */
bool virtq_should_signal(struct virtq *q);
/*
 * Asks the driver to notify of new buffers, or not to. After asking, TRUE if buffers came in
 * meanwhile: the caller looks again.
 */
bool virtq_set_notify(struct virtq *q, bool on);

#endif
