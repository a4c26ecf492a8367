/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures about CPU models that need no hypervisor: handlers of drivers' rows. */
#ifndef VIV_MANAGE_CPU_CALLS_H
#define VIV_MANAGE_CPU_CALLS_H

#include "manage/core/call.h"

bool calls_cpu_model_names(struct call *call, GError **error);
bool calls_baseline_cpu(struct call *call, GError **error);
/* With this computer's CPU. */
bool calls_compare_cpu(struct call *call, GError **error);

#endif
