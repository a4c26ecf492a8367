/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's state on its way to elsewhere, or from there. The guest is stopped from the first
 * byte to the last; what is written is core/save.c's stream. Main loop.
 */
#ifndef VIV_MACHINE_MONITOR_MIGRATION_H
#define VIV_MACHINE_MONITOR_MIGRATION_H

#include "machine/monitor/env.h"

struct migration;

/* `env` may still be filled; it outlives the migration. */
struct migration *migration_new(const struct monitor_env *env);
/* Gives up what is under way. */
void migration_free(struct migration *m);

/* Stops the machine and begins to write it. Where that fails, the machine goes on as it was. */
gboolean migration_out(struct migration *m, const char *uri,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
void migration_cancel(struct migration *m);

/* -incoming: the machine waits for its state, from `uri` or, "defer", from where migration_in says.
 * `start`: then it runs, if it ran where it comes from. A failure ends the machine. */
gboolean migration_expect(struct migration *m, const char *uri, bool start,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean migration_in(struct migration *m, const char *uri,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* cont and stop while the state is still to come: what happens then. FALSE: it is not to come. */
bool migration_start_then(struct migration *m, bool start);

/* Whether MIGRATION events are sent. */
bool migration_tells(const struct migration *m);
void migration_set_tells(struct migration *m, bool tells);
/* Bytes per second, 0: as fast as it goes. */
uint64_t migration_bandwidth(const struct migration *m);
void migration_set_bandwidth(struct migration *m, uint64_t bytes);

/* query-migrate's reply. */
json_object *migration_query(const struct migration *m);

#endif
