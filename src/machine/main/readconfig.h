/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -readconfig: option groups from a file in QEMU's form. */
#ifndef VIV_MACHINE_MAIN_READCONFIG_H
#define VIV_MACHINE_MAIN_READCONFIG_H

#include "machine/main/setup.h"

/*
 * [group] or [group "id"], then key = "value" lines; '#' begins a comment. Each section is one
 * option. FALSE with an error that names the file and the line.
 */
gboolean readconfig(struct setup *s, const char *path, GError **error);

#endif
