/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreter: runs a vCPU from a cache of pre-decoded code. All functions run on the vCPU's
 * thread; the cache is the vCPU's own.
 */
#ifndef VIV_MACHINE_GUEST_X86_INTERP_H
#define VIV_MACHINE_GUEST_X86_INTERP_H

#include "machine/core/accel.h"
#include "machine/guest/x86/insn.h"

#include <inttypes.h>

enum x86_exit {
    X86_EXIT_KICK,     /* exit_request, or work that the machine does */
    X86_EXIT_HALT,     /* waits for an interrupt or start-up */
    X86_EXIT_SHUTDOWN, /* triple fault */
    X86_EXIT_BUDGET,   /* cpu->budget is used up */
    X86_EXIT_STEP,     /* x86_exec_one: one instruction done */
};

/* Gives the vCPU its cache; c->decoder and c->features are set. free takes NULL's meaning. */
void x86_interp_new(struct x86_cpu *c);
void x86_interp_free(struct x86_cpu *c);

/* Runs until there is a reason to return. `counting`: at most cpu->budget instructions, exactly,
 * and budget counts down. cpu->insns counts up in any case. Each element of a repeated string
 * counts as an instruction; one may end a budget, and the next run goes on behind it. */
enum x86_exit x86_interp_run(struct x86_cpu *c, bool counting);

/* One instruction, or one element of a repeated one if somebody waits, with the delivery of what
 * it raises. X86_EXIT_STEP, HALT or SHUTDOWN. */
enum x86_exit x86_exec_one(struct x86_cpu *c);

/* The same, but of a repeated string no more elements than cpu->budget, which is at least 1 and
 * counts down. */
enum x86_exit x86_interp_step(struct x86_cpu *c);

/* After an instruction that set c->code_changed: data breakpoints it hit, and the trap of a single
 * step. */
enum x86_status x86_interp_after(struct x86_cpu *c, enum x86_status st);
/* Delivers what was raised. A breakpoint held back by a new stack segment, or met by a task switch,
 * comes before the handler's first instruction. FALSE: triple fault. */
bool x86_interp_deliver(struct x86_cpu *c);
/* Requests and interrupts that wait. FALSE: *ret_exit says why to leave. */
bool x86_interp_look(struct x86_cpu *c, enum x86_exit *ret_exit);
/* Each instruction has to be looked at: single steps, breakpoints, shadows. */
bool x86_interp_is_special(const struct x86_cpu *c);

/* Forgets all decoded code. */
void x86_interp_flush(struct x86_cpu *c);

/* Writes about what runs; before it first does. `log` outlives the vCPU. */
void x86_interp_log(struct x86_cpu *c, const struct accel_log *log);

#endif
