/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a machine's state goes to or comes from: fd:NAME, exec:COMMAND, file:PATH[,offset=N] and
 * unix:PATH. Opened and freed on the main loop; used by one other thread.
 */
#ifndef VIV_MACHINE_MONITOR_CHANNEL_H
#define VIV_MACHINE_MONITOR_CHANNEL_H

#include "machine/monitor/fdset.h"

struct channel;

/* For writing, or reading; unix: connects, or waits for one connection when it is first read. */
struct channel *channel_open(const char *uri, bool writing, struct fdset *fds, GError **error);
/* Ends what exec: started, if it still runs. Nobody may be using the channel. */
void channel_free(struct channel *c);

/* All of it, or FALSE with an error: also after channel_cancel. Blocks. */
gboolean channel_write(struct channel *c, const void *data, size_t len,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean channel_read(struct channel *c, void *data, size_t len,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Nothing more comes: writes what is kept, waits for exec:'s command, and gives its verdict. */
gboolean channel_finish(struct channel *c, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Sleeps so long, or until cancelled. The user's thread. */
void channel_rest(struct channel *c, unsigned ms);

/* Any thread: what waits, and all that follows, fails. */
void channel_cancel(struct channel *c);
bool channel_is_cancelled(const struct channel *c);
/* Bytes that have passed. Any thread. */
uint64_t channel_bytes(const struct channel *c);

#endif
