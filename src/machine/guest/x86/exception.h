/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions and interrupts: raising (by instructions) and delivery (by the run loop).
 * Intel SDM volume 3, chapter 6.
 */
#ifndef VIV_MACHINE_GUEST_X86_EXCEPTION_H
#define VIV_MACHINE_GUEST_X86_EXCEPTION_H

#include "machine/guest/x86/insn.h"

/* Notes the exception in c->exc and returns X86_FAULT. */
enum x86_status x86_raise(struct x86_cpu *c, enum x86_vector vector);
enum x86_status x86_raise_error(struct x86_cpu *c, enum x86_vector vector, uint32_t error);
enum x86_status x86_raise_page_fault(struct x86_cpu *c, uint64_t linear, uint32_t error);
/* Notes #DB with these DR6 bits and returns X86_TRAP; as a fault, the caller returns X86_FAULT. */
enum x86_status x86_raise_debug(struct x86_cpu *c, uint32_t dr6);
/* INT n, INT3, INTO, INT1: RIP becomes `next`, the next instruction; returns X86_TRAP. A fault of
 * the delivery finds RIP as it was. */
enum x86_status x86_raise_soft(struct x86_cpu *c, uint8_t vector, uint64_t next);

/*
 * Delivers c->exc: through IDT or IVT, with stack switch, task gates, error code, double and triple
 * faults. FALSE: triple fault (shutdown).
 */
bool x86_deliver_exception(struct x86_cpu *c) G_GNUC_WARN_UNUSED_RESULT;
/* Delivers an external interrupt or NMI between instructions; faults on the way are handled. */
bool x86_deliver_interrupt(struct x86_cpu *c, uint8_t vector, bool nmi) G_GNUC_WARN_UNUSED_RESULT;

/* Error code for a selector: without RPL, with EXT while an external event is delivered. */
static inline uint32_t x86_selector_error(const struct x86_cpu *c, uint16_t selector)
{
    return (selector & 0xfffc) | c->delivering_external;
}

/* Before an instruction, when x86_has_breakpoints: X86_FAULT with #DB if its first byte is watched
 * and RFLAGS.RF is clear. */
static inline bool x86_has_breakpoints(const struct x86_cpu *c)
{
    return (c->dr[7] & 0xff) != 0;
}
enum x86_status x86_check_breakpoint(struct x86_cpu *c) G_GNUC_WARN_UNUSED_RESULT;
/* After an instruction that had TF set (`stepped`) or when c->debug_hit is not 0: X86_TRAP with #DB
 * noted and the hits forgotten, else X86_OK. */
enum x86_status x86_debug_trap(struct x86_cpu *c, bool stepped) G_GNUC_WARN_UNUSED_RESULT;
/* An access to ports that is about to happen or has happened: I/O breakpoints (CR4.DE). */
void x86_note_port(struct x86_cpu *c, uint16_t port, unsigned size);

/* At a safe point: takes INIT, start-up, NMI and interrupts as flags and shadow allow.
 * FALSE: triple fault. Sets run_state. */
bool x86_take_pending(struct x86_cpu *c) G_GNUC_WARN_UNUSED_RESULT;
/* Of these only INIT and start-up; a start-up request counts only after INIT. Sets run_state. */
void x86_take_start(struct x86_cpu *c);
/* TRUE if a request or an event that the flags do not hold back waits for the next safe point. */
static inline bool x86_is_wanted(const struct x86_cpu *c)
{
    uint32_t pending = cpu_pending(&c->cpu);

    if (!(c->rflags & FLAG_IF)) {
        pending &= ~(uint32_t)CPU_PENDING_IRQ;
    }
    return pending || __atomic_load_n(&c->cpu.exit_request, __ATOMIC_RELAXED);
}
/* TRUE if a halted vCPU has a reason to wake. Any thread. */
bool x86_has_work(struct cpu *cpu);

/* Power-on (`cold`) or INIT state. */
void x86_reset(struct x86_cpu *c, bool cold);

#endif
