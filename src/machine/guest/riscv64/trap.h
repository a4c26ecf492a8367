/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes, traps and interrupts: volume II, 3.1.6 to 3.1.9 and 4.1. vCPU's thread. */
#ifndef VIV_MACHINE_GUEST_RISCV64_TRAP_H
#define VIV_MACHINE_GUEST_RISCV64_TRAP_H

#include "machine/guest/riscv64/insn.h"

/* mip as software reads it: its own bits and the lines. */
uint64_t riscv_mip(const struct riscv_cpu *c);

/* Delivers the exception in c->exc, of the instruction at pc. */
void riscv_take_exception(struct riscv_cpu *c);
/* Delivers the first interrupt that is pending, enabled and not masked; FALSE: there is none. */
bool riscv_take_interrupt(struct riscv_cpu *c);

/* TRUE if riscv_take_interrupt() would deliver one. */
bool riscv_interrupt_waits(const struct riscv_cpu *c);

/* Changes the mode; what is derived from it follows. */
void riscv_set_priv(struct riscv_cpu *c, enum riscv_priv priv);
/* After mstatus changed: what loads and stores may reach. */
void riscv_update_regime(struct riscv_cpu *c);

/* Between blocks: requests and interrupts. FALSE: *ret_exit says why to leave. */
bool riscv_look_around(struct riscv_cpu *c, enum accel_exit *ret_exit);
/* One instruction, or the exception it raises, without a look around; uses up one of the budget. */
enum accel_exit riscv_interp_step(struct cpu *cpu);

#endif
