/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys by QEMU's names (QKeyCode), pressed together on the guest's keyboard. Main loop. */
#ifndef VIV_MACHINE_MONITOR_KEYS_H
#define VIV_MACHINE_MONITOR_KEYS_H

#include "machine/monitor/env.h"

#define KEYS_MAX 16

/* Set 1 make code of a key, 0xe0 in the high byte for extended ones; -1: no such name. */
int keys_code(const char *name);
/* What env->held_keys is. */
GPtrArray *keys_held_new(void);
/* Presses `n` (1..KEYS_MAX) keys in order and lets them go after `hold_ms`. */
gboolean keys_press(const struct monitor_env *env, const uint16_t *codes, unsigned n,
                    int64_t hold_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
