/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors on character devices: QMP, the human one, and qtest. Main loop. */
#ifndef VIV_MACHINE_MONITOR_MONITOR_H
#define VIV_MACHINE_MONITOR_MONITOR_H

#include "machine/monitor/env.h"

struct qmp_session *qmp_open(const struct monitor_env *env, struct chardev *c, bool pretty,
                             GError **error);
void qmp_close(struct qmp_session *s);

struct human *human_open(const struct monitor_env *env, struct chardev *c, GError **error);
void human_close(struct human *h);

/* `log` NULL: none. */
struct qtest *qtest_open(const struct monitor_env *env, struct chardev *c, const char *log,
                         GError **error);
void qtest_close(struct qtest *t);

#endif
