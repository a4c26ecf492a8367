/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiplexer with several front ends: keys of the peer (Ctrl-a and what follows), output of the
 * front ends, full and empty, back and forth. And the short forms that open nothing of the host.
 */
#include "../base/input.h"
#include "feed.h"

#include <string.h>

#define FRONT_ENDS 4 /* as many as a multiplexer takes */
#define OPERATIONS 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
    bool full;
    size_t got;
};

static size_t can_receive(void *opaque)
{
    return ((struct end *)opaque)->full ? 0 : 16;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct end *e = opaque;

    g_assert_false(e->full);
    g_assert_cmpuint(len, <=, 16);
    e->got += len;
}

static void event(void *opaque, enum chardev_event e)
{
}

static void operate(struct chardev *c, struct chardev *base, struct end *ends, struct input *in)
{
    uint8_t op = input_byte(in);
    struct end *e = &ends[op >> 3 & 3];
    size_t len;
    const uint8_t *at;

    switch (op & 7) {
    case 0:
        e->full = op & 0x80;
        chardev_accept_input(c);
        break;
    case 1: chardev_send_event(c, op >> 5 & 1 ? CHARDEV_BREAK : CHARDEV_OPENED); break;
    case 2:
        at = input_skip(in, op >> 3, &len);
        (void)chardev_write(c, at, len);
        break;
    case 3:
    case 4:
    case 5:
        at = input_skip(in, op >> 3, &len);
        feed(base, at, len);
        break;
    case 6: feed(base, (const uint8_t[]){1, input_byte(in)}, 2); break;
    default:
        for (unsigned i = 0; i < 4 && g_main_context_iteration(NULL, FALSE); i++) {
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct chardev_set *set = chardev_set_new(NULL);
    struct chardev *c = chardev_new_short(set, "m", "mon:ringbuf,size=1k", NULL);
    struct end ends[FRONT_ENDS] = {{false}};

    g_assert_nonnull(c);
    for (unsigned i = 0; i < FRONT_ENDS; i++) {
        const struct chardev_frontend fe = {
            .can_receive = can_receive, .receive = receive, .event = event, .opaque = &ends[i]};

        g_assert_true(chardev_attach(c, &fe, NULL));
    }
    for (unsigned i = 0; in.left && i < OPERATIONS; i++) {
        operate(c, chardev_find(set, "m-base"), ends, &in);
    }
    chardev_set_free(set);
    return 0;
}
