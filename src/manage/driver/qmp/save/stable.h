/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is a definition one that a saved machine can go on under? No I/O. */
#ifndef VIV_MANAGE_DRIVER_QMP_SAVE_STABLE_H
#define VIV_MANAGE_DRIVER_QMP_SAVE_STABLE_H

#include "manage/conf/domain.h"

#include <glib.h>
#include <stdbool.h>

/*
 * What the guest sees of `given` must be what it sees of `saved`; where its disks and the like are
 * on the host may differ. Code 67 names the first difference.
 */
bool stable_check(const struct domain_def *saved, const struct domain_def *given, GError **error);

#endif
