/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a machine may not open by itself is opened for it: images and all that they are based on as
 * descriptors in add-fd sets, kernels as copies in the machine's own folder.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_PROCESS_HANDOVER_H
#define VIV_MANAGE_DRIVER_QMP_PROCESS_HANDOVER_H

#include <glib.h>
#include <stdbool.h>

#define HANDOVER_FIRST_FD 100 /* number of the first descriptor in the machine */

/*
 * Changes an emulator's words (a GPtrArray of char *, freed by it, no NULL at the end) and appends
 * the descriptors they name to `fds` (int, the caller's to close, on failure too); `own` is the
 * machine's folder. False with code 38 when something cannot be opened.
 */
bool handover_words(GPtrArray *words, const char *own, GArray *fds, GError **error);

#endif
