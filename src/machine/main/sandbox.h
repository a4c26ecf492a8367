/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox: a system call filter for the whole process. */
#ifndef VIV_MACHINE_MAIN_SANDBOX_H
#define VIV_MACHINE_MAIN_SANDBOX_H

#include "machine/main/setup.h"

/* From now on the calls that the options deny end the process. All threads. */
gboolean sandbox_enter(const struct opt_sandbox *o, GError **error);

#endif
