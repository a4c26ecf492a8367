/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is written of each unit as it is translated: the guest's code, operations and the host's
 * code into the log (-d in_asm,op,op_opt,out_asm), the place of the host's code into
 * /tmp/perf-PID.map, where perf looks up addresses that no file has. One vCPU, its thread.
 */
#ifndef VIV_MACHINE_ACCEL_JIT_LISTING_H
#define VIV_MACHINE_ACCEL_JIT_LISTING_H

#include "machine/guest/translation.h"

struct listing;

struct listing *listing_new(struct cpu *cpu);
void listing_free(struct listing *l);
/* `log` outlives it. */
void listing_log(struct listing *l, const struct accel_log *log);
/* All vCPUs write to one. FALSE: the file cannot be made; *error names it. */
gboolean listing_perf_map(struct listing *l, GError **error);

/* One unit, in this order; `optimised` and `host` only if it has operations. */
void listing_guest(struct listing *l, const struct code_page *page, const struct ir_unit *u);
void listing_optimised(struct listing *l, const struct ir_unit *u);
/* `code` is where it runs. */
void listing_host(struct listing *l, const struct ir_unit *u, const uint8_t *code, size_t size);

#endif
