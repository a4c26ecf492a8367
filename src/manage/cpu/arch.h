/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of architectures. Any thread. */
#ifndef VIV_MANAGE_CPU_ARCH_H
#define VIV_MANAGE_CPU_ARCH_H

#include <stdbool.h>

/* Does libvirt 9.0 have the name? */
bool arch_is_known(const char *name);
/* Has it the models and features of model.h? */
bool arch_is_x86(const char *name);
/* Does libvirt have models of it, or take any name for one? */
bool arch_has_models(const char *name);

#endif
