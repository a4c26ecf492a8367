/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -r: a copy that takes at most so many bytes per second. */
#ifndef VIV_IMAGE_RATE_H
#define VIV_IMAGE_RATE_H

#include "image/command.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t per_second; /* bytes; 0: any number */
    gint64 began;        /* microseconds, monotonic */
    uint64_t done;
};

/* Reads -r and starts the clock; FALSE after a message. */
bool rate_start(struct rate *rate, const struct image_args *args);
/* Counts `n` bytes that are about to be written: not before the moment returned. */
gint64 rate_due(struct rate *rate, uint64_t n);
/* Sleeps until then, or until the program is interrupted. Any thread. */
void rate_sleep(gint64 due);

#endif
