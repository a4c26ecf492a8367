/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU features as boolean properties, for QMP's models and the CPUs' own properties. Pure. */
#ifndef VIV_MACHINE_MONITOR_CPU_MODEL_H
#define VIV_MACHINE_MONITOR_CPU_MODEL_H

#include "machine/guest/x86/system/cpuid.h"

#include <json-c/json.h>

/* {"feature": bool, ...} for every feature that has a name. */
json_object *cpu_model_features(const struct x86_features *f);
/* The name of the n-th feature that has one, and its number; NULL past the last. */
const char *cpu_model_feature(unsigned n, unsigned *ret_feature);

#endif
