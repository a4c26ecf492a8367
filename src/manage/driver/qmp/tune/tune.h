/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a machine's threads may run (<cputune> of libvirt's format), and the settings that need a
 * control group, which our machines have not: those are refused in libvirt's words. Under the
 * domain's lock, given up while the machine is asked.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_TUNE_TUNE_H
#define VIV_MANAGE_DRIVER_QMP_TUNE_TUNE_H

#include "manage/core/call.h"

#include <glib.h>
#include <stdbool.h>

/* Puts the threads of a running machine where its definition in force says. Code 38 when Linux
 * refuses. */
bool tune_pin_machine(struct domain *domain, GError **error);

/* pin.c: rows' handlers */
bool tune_pin_vcpu(struct call *call, GError **error); /* with and without flags */
bool tune_pin_emulator(struct call *call, GError **error);
bool tune_get_pins(struct call *call, GError **error); /* of vCPUs and of the emulator */

/* group.c: rows' handlers */
bool tune_no_scheduler(struct call *call, GError **error);
bool tune_no_memory(struct call *call, GError **error);
bool tune_no_blkio(struct call *call, GError **error);
bool tune_get_numa(struct call *call, GError **error);

#endif
