/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which CPU this computer has, as Linux names it in /proc/cpuinfo. Any thread. */
#ifndef VIV_MANAGE_HOST_CPU_H
#define VIV_MANAGE_HOST_CPU_H

#include <glib.h>

struct host_cpu {
    const char *arch;   /* constant: libvirt's name of what we were built for */
    const char *vendor; /* constant: "AMD", "Intel", "Hygon"; NULL: another */
    unsigned family, model, stepping;
    unsigned microcode;    /* 0: unknown */
    unsigned address_bits; /* physical; 0: unknown */
};

/* `root` as node.h has it. */
void host_cpu_read(const char *root, struct host_cpu *ret_cpu);

#endif
