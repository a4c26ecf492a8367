/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 as the rest of the machine sees it (core/arch.h). */
#ifndef VIV_MACHINE_GUEST_X86_ARCH_H
#define VIV_MACHINE_GUEST_X86_ARCH_H

#include "machine/core/arch.h"

extern const struct cpu_arch x86_arch;

#endif
