/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole ring memory comes from the input, as a hostile driver writes it: descriptors, available
 * ring, then operations (pop, push, unpop, notify on and off, bump the index). Every popped buffer
 * is touched, so that a piece outside RAM would fault.
 */
#include "../../tests/virtio/ring.h"

#define OPERATIONS 256

static void touch(const struct virtq_elem *e)
{
    size_t out = 0, in = 0;

    for (unsigned i = 0; i < e->n_out; i++) {
        uint8_t *p = e->out[i].iov_base;

        g_assert_cmpuint(e->out[i].iov_len, >, 0);
        (void)ram_ld8(p);
        (void)ram_ld8(p + e->out[i].iov_len - 1);
        out += e->out[i].iov_len;
    }
    for (unsigned i = 0; i < e->n_in; i++) {
        uint8_t *p = e->in[i].iov_base;

        ram_st8(p, ram_ld8(p));
        ram_st8(p + e->in[i].iov_len - 1, ram_ld8(p + e->in[i].iov_len - 1));
        in += e->in[i].iov_len;
    }
    g_assert_cmpuint(out, ==, e->out_len);
    g_assert_cmpuint(in, ==, e->in_len);
}

static void operate(struct ring *r, uint8_t op, GPtrArray *popped)
{
    struct virtq_elem *e;

    switch (op & 7) {
    case 0:
    case 1:
    case 2:
        e = virtq_pop(&r->q);
        if (e) {
            touch(e);
            g_ptr_array_add(popped, e);
        }
        break;
    case 3:
        if (popped->len) {
            virtq_push(&r->q, g_ptr_array_steal_index(popped, op % popped->len), op);
        }
        break;
    case 4:
        if (popped->len) {
            virtq_unpop(&r->q, g_ptr_array_steal_index(popped, popped->len - 1));
        }
        break;
    case 5: virtq_set_notify(&r->q, op & 8); break;
    case 6: virtq_should_signal(&r->q); break;
    case 7: st_le16(r->ram->host + RING_AVAIL + 2, r->avail += op >> 3); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) popped = g_ptr_array_new_with_free_func((GDestroyNotify)virtq_elem_free);
    struct ring r;
    size_t n;

    if (size < 4) {
        return 0;
    }
    ring_init(&r);
    r.q.event_idx = data[0] & 1;
    r.q.indirect = data[0] & 2;
    if (data[0] & 4) {
        r.q.desc = (gpa)data[1] << 12;
    }
    data += 2;
    size -= 2;
    n = MIN(size, RING_SIZE * 16);
    memcpy(r.ram->host + RING_DESC, data, n);
    memcpy(r.ram->host + RING_DATA, data, n); /* where indirect tables are likely to point */
    data += n;
    size -= n;
    n = MIN(size, 6 + RING_SIZE * 2);
    memcpy(r.ram->host + RING_AVAIL, data, n);
    data += n;
    size -= n;
    r.avail = ld_le16(r.ram->host + RING_AVAIL + 2);
    if (virtq_start(&r.q) == 0) {
        for (size_t i = 0; i < size && i < OPERATIONS; i++) {
            operate(&r, data[i], popped);
        }
    }
    g_ptr_array_set_size(popped, 0);
    ring_fini(&r);
    return 0;
}
