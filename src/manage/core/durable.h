/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of state that a crash leaves whole, old or new. Any thread; one writer a file. */
#ifndef VIV_MANAGE_CORE_DURABLE_H
#define VIV_MANAGE_CORE_DURABLE_H

#include <glib.h>
#include <stdbool.h>

/* Written beside, synced, renamed, the folder synced; mode 0600. False with code 38. */
bool durable_write(const char *folder, const char *name, const char *text, GError **error);
/* One that is not there is gone already. False with code 38. */
bool durable_remove(const char *folder, const char *name, GError **error);

/* What was made, renamed or removed in a folder stays so. False with code 38. */
bool durable_sync(const char *folder, GError **error);

#endif
