/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stays awake for the next call. A client that asks one question behind another waits, for each,
 * for two sleeping processors to wake up, which costs more than the answer. While calls follow each
 * other closely the loop therefore looks again for a few microseconds before it sleeps. The loop's
 * thread only.
 */
#ifndef VIV_MANAGE_DAEMON_LINGER_H
#define VIV_MANAGE_DAEMON_LINGER_H

#include <glib.h>

struct linger;

/* On the loop of `context`; it never stays awake before linger_configure(), then at most as long
 * after an answer (0: never). */
struct linger *linger_new(GMainContext *context);
void linger_configure(struct linger *linger, unsigned microseconds);
void linger_free(struct linger *linger);
/* A call came in, or was answered, now. */
void linger_asked(struct linger *linger);
void linger_answered(struct linger *linger);

#endif
