/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 code for the translator. */
#ifndef VIV_MACHINE_GUEST_X86_TRANSLATE_TRANSLATE_H
#define VIV_MACHINE_GUEST_X86_TRANSLATE_TRANSLATE_H

#include "machine/guest/translation.h"

extern const struct cpu_translation x86_translation;

#endif
