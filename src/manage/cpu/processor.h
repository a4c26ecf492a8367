/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this computer's x86 CPU says of itself by CPUID, as Linux lets a process see it, and what
 * two of its MSRs say if we may read them. Any thread. */
#ifndef VIV_MANAGE_CPU_PROCESSOR_H
#define VIV_MANAGE_CPU_PROCESSOR_H

#include "manage/cpu/feature.h"

#include <stdbool.h>

struct processor {
    struct feature_set features;
    const char *vendor; /* constant, "Intel"; NULL: another */
};

/* "Intel" of "GenuineIntel"; NULL: another. Constant. */
const char *processor_vendor(const char *id);
/* False: it is no x86 CPU. */
bool processor_read(struct processor *ret_processor);

#endif
