/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Procedures about CPU models that need no hypervisor: handlers of drivers' rows. */
#ifndef VIV_MANAGE_CPU_CALLS_H
#define VIV_MANAGE_CPU_CALLS_H

#include "manage/core/call.h"
#include "manage/cpu/model.h"
#include "manage/cpu/processor.h"

bool calls_cpu_model_names(struct call *call, GError **error);
bool calls_baseline_cpu(struct call *call, GError **error);
/* With this computer's CPU. */
bool calls_compare_cpu(struct call *call, GError **error);

/* The same with another CPU and of an emulator's models; documents are argument n. */
bool calls_compare_with(struct call *call, unsigned n, const struct processor *host,
                        GError **error);
bool calls_baseline_guests(struct call *call, unsigned n, const struct model_offers *offers,
                           GError **error);

#endif
