/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables behind cpuid.h: the CPU models, and QEMU's names of feature bits. */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_MODELS_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_MODELS_H

#include "machine/guest/x86/system/cpuid.h"

struct x86_model {
    const char *name, *vendor, *id; /* id: the brand string */
    uint32_t level, xlevel;
    uint16_t family, model, stepping, phys_bits;
    uint32_t word[FW_COUNT];
    bool is_max; /* every feature the execution engine has is added */
};

extern const struct x86_model x86_model_table[];
extern const unsigned x86_model_count;

/* The feature of that name or alias ("sse4.1", "sse4_1", "sse4-1"), or -1. */
int x86_feature_find(const char *name);

#endif
