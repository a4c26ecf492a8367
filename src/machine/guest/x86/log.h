/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interpreter's words for -d (core/accel.h): what it decodes, runs, delivers and resets. Each
 * text goes out in one piece. vCPU's thread, or its state is still. */
#ifndef VIV_MACHINE_GUEST_X86_LOG_H
#define VIV_MACHINE_GUEST_X86_LOG_H

#include "machine/guest/x86/icache.h"

static inline bool x86_logs(const struct x86_cpu *c, unsigned items)
{
    return c->icache && (c->icache->log & items);
}

/* in_asm: a block that was decoded at `linear`. */
void x86_log_code(struct x86_cpu *c, const struct x86_block *b, uint64_t linear);
/* exec and cpu: before a block at RIP runs. */
void x86_log_block(struct x86_cpu *c);
/* int: an exception, software interrupt (`soft`) or interrupt is about to be delivered. */
void x86_log_event(struct x86_cpu *c, uint8_t vector, uint32_t error, bool soft);
/* cpu_reset: the state before a reset. */
void x86_log_reset(struct x86_cpu *c);

/* The registers as text: general, segments, control. */
void x86_print_registers(const struct x86_cpu *c, GString *out);

#endif
