/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rate-limited notes about what a guest or a client did wrong. Any thread.
 * Errors a person must act on are GErrors, reported once by main-level code; a note is for what
 * the untrusted side did, so that a log shows it without the untrusted side being able to fill it.
 */
#ifndef VIV_BASE_LOG_H
#define VIV_BASE_LOG_H

#include <glib.h>

/* One place that writes notes: zero-initialised, one per object that may misbehave. Atomic. */
struct log_limit {
    gint64 window_start; /* microseconds, monotonic */
    int count;           /* notes in this window */
};

/*
 * Writes "<who>: <message>" to the log, at most 10 a second per `limit` (then one line that says
 * notes are being dropped).
 */
void log_note(struct log_limit *limit, const char *who, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

#endif
