/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that guests can have on each of some hosts. Any thread. */
#ifndef VIV_MANAGE_CPU_BASELINE_H
#define VIV_MANAGE_CPU_BASELINE_H

#include <glib.h>

enum baseline_flags {
    BASELINE_EXPAND = 1,     /* name all features */
    BASELINE_MIGRATABLE = 2, /* leave out what does not move to another host */
};

/* Of the hosts' <cpu> documents, one at least: a <cpu> to be freed, or NULL with libvirt's code. */
char *baseline_cpus(const char *const *documents, unsigned count, unsigned flags, GError **error);

#endif
