/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where messages go: standard error, or -D's file for notes, with -msg's time. */
#ifndef VIV_MACHINE_MAIN_MESSAGES_H
#define VIV_MACHINE_MAIN_MESSAGES_H

#include "machine/main/setup.h"

/* Installs the process's log writer; s->log.out becomes what -d and -D say, open to the end. */
gboolean messages_start(struct setup *s, GError **error);
/* "viv-machine: TEXT" on standard error. */
void messages_error(const struct setup *s, const char *text);

#endif
