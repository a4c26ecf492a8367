/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a character device's peer sends, in a fuzzer. */
#ifndef VIV_FUZZ_CHARDEV_FEED_H
#define VIV_FUZZ_CHARDEV_FEED_H

#include "base/least.h"
#include "machine/chardev/backend.h"

/* As much as the front end takes. */
static inline void feed(struct chardev *c, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        size_t room = min_u64(chardev_room(c), len);

        if (room == 0) {
            return;
        }
        chardev_deliver(c, at, room);
        at += room;
        len -= room;
    }
}

#endif
