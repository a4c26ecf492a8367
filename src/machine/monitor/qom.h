/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of objects as clients see it: /machine, /machine/peripheral/ID, /objects/ID, ... */
#ifndef VIV_MACHINE_MONITOR_QOM_H
#define VIV_MACHINE_MONITOR_QOM_H

#include "machine/core/cpu.h"

/* "/machine/unattached/cpu[N]": newly allocated. */
char *qom_cpu_path(unsigned index);
/* "qemu64-x86_64-cpu": newly allocated. */
char *qom_cpu_type(const struct cpu *cpu);
/* The type of a model of -cpu: "rv64-riscv-cpu". Newly allocated. */
struct cpu_arch;
char *qom_model_type(const struct cpu_arch *arch, const char *model);
/* The host's number of the thread that runs it; 0 before there is one. */
int qom_cpu_thread(const struct cpu *cpu);

#endif
