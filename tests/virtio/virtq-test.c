/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device's half of a split virtqueue, against drivers good and bad. VIRTIO 1.2, 2.7. */
#include "ring.h"

#include "base/bits.h"

#define NEXT     1
#define WRITE    2
#define INDIRECT 4

static void start(struct ring *r)
{
    ring_init(r);
    g_assert_cmpint(virtq_start(&r->q), ==, 0);
}

/* Offers the chain at 0 and checks that the queue calls it illegal. */
static void assert_broken(struct ring *r)
{
    ring_offer(r, 0);
    g_assert_null(virtq_pop(&r->q));
    g_assert_true(r->q.broken);
    g_assert_false(virtq_has_more(&r->q));
    g_assert_false(virtq_should_signal(&r->q));
    ring_fini(r);
}

static void chain_is_mapped_in_order(void)
{
    struct ring r;
    struct virtq_elem *e;

    start(&r);
    memcpy(r.ram->host + RING_DATA, "header", 6);
    ring_desc(&r, 3, RING_DATA, 6, NEXT, 5);
    ring_desc(&r, 5, RING_DATA + 0x100, 32, NEXT | WRITE, 1);
    ring_desc(&r, 1, RING_DATA + 0x200, 1, WRITE, 0);
    ring_offer(&r, 3);
    e = virtq_pop(&r.q);
    g_assert_nonnull(e);
    g_assert_cmpuint(e->n_out, ==, 1);
    g_assert_cmpuint(e->n_in, ==, 2);
    g_assert_cmpuint(e->out_len, ==, 6);
    g_assert_cmpuint(e->in_len, ==, 33);
    g_assert_cmpmem(e->out[0].iov_base, 6, "header", 6);
    g_assert_cmphex(e->in_gpa[1], ==, RING_DATA + 0x200);
    g_assert_null(virtq_pop(&r.q));
    virtq_push(&r.q, e, 33);
    g_assert_cmpuint(ring_used_index(&r), ==, 1);
    g_assert_cmpuint(ld_le32(r.ram->host + RING_USED + 4), ==, 3);
    g_assert_cmpuint(ld_le32(r.ram->host + RING_USED + 8), ==, 33);
    ring_fini(&r);
}

static void indices_wrap(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, WRITE, 0);
    for (unsigned i = 0; i < 70000; i++) {
        struct virtq_elem *e;

        ring_offer(&r, 0);
        e = virtq_pop(&r.q);
        g_assert_nonnull(e);
        virtq_push(&r.q, e, 16);
        g_assert_cmpuint(ring_used_index(&r), ==, (uint16_t)(i + 1));
    }
    ring_fini(&r);
}

static void indirect_table(void)
{
    struct ring r;
    struct virtq_elem *e;

    start(&r);
    r.q.indirect = true;
    for (unsigned i = 0; i < 200; i++) {
        ring_desc_at(&r, 0x8000, i, RING_DATA + i * 16, 16, i < 199 ? NEXT : 0, i + 1);
    }
    ring_desc(&r, 0, 0x8000, 200 * 16, INDIRECT, 0);
    ring_offer(&r, 0);
    e = virtq_pop(&r.q);
    g_assert_nonnull(e);
    g_assert_cmpuint(e->n_out, ==, 200);
    g_assert_cmpuint(e->out_len, ==, 3200);
    virtq_push(&r.q, e, 0);
    ring_fini(&r);
}

static void unpopped_comes_again(void)
{
    struct ring r;
    struct virtq_elem *e;

    start(&r);
    ring_desc(&r, 2, RING_DATA, 16, 0, 0);
    ring_offer(&r, 2);
    virtq_unpop(&r.q, virtq_pop(&r.q));
    e = virtq_pop(&r.q);
    g_assert_nonnull(e);
    g_assert_cmpuint(e->head, ==, 2);
    virtq_elem_free(e);
    ring_fini(&r);
}

static void several_appear_at_once(void)
{
    struct ring r;
    struct virtq_elem *e[2];
    const uint32_t written[2] = {16, 7};

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, WRITE, 0);
    ring_desc(&r, 1, RING_DATA + 16, 16, WRITE, 0);
    ring_offer(&r, 0);
    ring_offer(&r, 1);
    e[0] = virtq_pop(&r.q);
    e[1] = virtq_pop(&r.q);
    virtq_push_many(&r.q, e, written, 2);
    g_assert_cmpuint(ring_used_index(&r), ==, 2);
    g_assert_cmpuint(ld_le32(r.ram->host + RING_USED + 16), ==, 7);
    ring_fini(&r);
}

static void interrupt_suppression_flag(void)
{
    struct ring r;

    start(&r);
    g_assert_true(virtq_should_signal(&r.q));
    st_le16(r.ram->host + RING_AVAIL, 1);
    g_assert_false(virtq_should_signal(&r.q));
    g_assert_false(virtq_set_notify(&r.q, false));
    g_assert_cmpuint(ld_le16(r.ram->host + RING_USED), ==, 1);
    ring_offer(&r, 0);
    g_assert_true(virtq_set_notify(&r.q, true)); /* one came in meanwhile */
    g_assert_cmpuint(ld_le16(r.ram->host + RING_USED), ==, 0);
    ring_fini(&r);
}

/* 2.7.7.2: an interrupt exactly when the index passes the event the driver named. */
static void event_index(void)
{
    struct ring r;

    start(&r);
    r.q.event_idx = true;
    ring_desc(&r, 0, RING_DATA, 16, WRITE, 0);
    virtq_should_signal(&r.q);
    st_le16(r.ram->host + RING_AVAIL + 4 + RING_SIZE * 2, 3); /* used_event: after the 4th */
    for (unsigned i = 0; i < 6; i++) {
        ring_offer(&r, 0);
        virtq_push(&r.q, virtq_pop(&r.q), 0);
        g_assert_cmpint(virtq_should_signal(&r.q), ==, i == 3);
    }
    /* avail_event follows what was popped. */
    g_assert_cmpuint(ld_le16(r.ram->host + RING_USED + 4 + RING_SIZE * 8), ==, 6);
    ring_fini(&r);
}

static void loop_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, NEXT, 1);
    ring_desc(&r, 1, RING_DATA, 16, NEXT, 0);
    assert_broken(&r);
}

static void next_out_of_range_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, NEXT, RING_SIZE);
    assert_broken(&r);
}

static void head_out_of_range_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_offer(&r, 4096);
    g_assert_null(virtq_pop(&r.q));
    g_assert_true(r.q.broken);
    ring_fini(&r);
}

static void readable_after_writable_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, NEXT | WRITE, 1);
    ring_desc(&r, 1, RING_DATA, 16, 0, 0);
    assert_broken(&r);
}

static void buffer_outside_ram_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_RAM - 8, 16, WRITE, 0);
    assert_broken(&r);
    start(&r);
    ring_desc(&r, 0, UINT64_MAX - 7, 16, 0, 0);
    assert_broken(&r);
}

static void bad_indirect_is_refused(void)
{
    struct ring r;

    start(&r); /* not negotiated */
    ring_desc(&r, 0, 0x8000, 16, INDIRECT, 0);
    assert_broken(&r);
    start(&r); /* an indirect table inside one */
    r.q.indirect = true;
    ring_desc_at(&r, 0x8000, 0, 0x8000, 16, INDIRECT, 0);
    ring_desc(&r, 0, 0x8000, 16, INDIRECT, 0);
    assert_broken(&r);
    start(&r); /* half a descriptor */
    r.q.indirect = true;
    ring_desc(&r, 0, 0x8000, 24, INDIRECT, 0);
    assert_broken(&r);
    start(&r); /* outside RAM */
    r.q.indirect = true;
    ring_desc(&r, 0, RING_RAM, 16, INDIRECT, 0);
    assert_broken(&r);
}

static void index_too_far_ahead_is_refused(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, 0, 0);
    st_le16(r.ram->host + RING_AVAIL + 2, RING_SIZE + 1);
    g_assert_null(virtq_pop(&r.q));
    g_assert_true(r.q.broken);
    ring_fini(&r);
}

static void rings_outside_ram_do_not_start(void)
{
    struct ring r;

    ring_init(&r);
    r.q.used = RING_RAM - 16;
    g_assert_cmpint(virtq_start(&r.q), ==, -EFAULT);
    r.q.used = RING_USED + 1;
    g_assert_cmpint(virtq_start(&r.q), ==, -EFAULT);
    g_assert_false(r.q.ready);
    ring_fini(&r);
}

static void no_bus_master_no_buffers(void)
{
    struct ring r;

    start(&r);
    ring_desc(&r, 0, RING_DATA, 16, 0, 0);
    ring_offer(&r, 0);
    r.dma.enabled = false;
    g_assert_null(virtq_pop(&r.q));
    g_assert_false(r.q.broken);
    ring_fini(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtq/chain-is-mapped-in-order", chain_is_mapped_in_order);
    g_test_add_func("/virtq/indices-wrap", indices_wrap);
    g_test_add_func("/virtq/indirect-table", indirect_table);
    g_test_add_func("/virtq/unpopped-comes-again", unpopped_comes_again);
    g_test_add_func("/virtq/several-appear-at-once", several_appear_at_once);
    g_test_add_func("/virtq/interrupt-suppression-flag", interrupt_suppression_flag);
    g_test_add_func("/virtq/event-index", event_index);
    g_test_add_func("/virtq/loop", loop_is_refused);
    g_test_add_func("/virtq/next-out-of-range", next_out_of_range_is_refused);
    g_test_add_func("/virtq/head-out-of-range", head_out_of_range_is_refused);
    g_test_add_func("/virtq/readable-after-writable", readable_after_writable_is_refused);
    g_test_add_func("/virtq/buffer-outside-ram", buffer_outside_ram_is_refused);
    g_test_add_func("/virtq/bad-indirect", bad_indirect_is_refused);
    g_test_add_func("/virtq/index-too-far-ahead", index_too_far_ahead_is_refused);
    g_test_add_func("/virtq/rings-outside-ram", rings_outside_ram_do_not_start);
    g_test_add_func("/virtq/no-bus-master", no_bus_master_no_buffers);
    return g_test_run();
}
