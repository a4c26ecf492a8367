/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks: linear to physical addresses, permissions, accessed and dirty bits.
 * Intel SDM volume 3, chapter 4; AMD APM volume 2, chapter 5.
 */
#ifndef VIV_MACHINE_GUEST_X86_WALK_H
#define VIV_MACHINE_GUEST_X86_WALK_H

#include "machine/guest/x86/insn.h"

/*
 * Physical address of `linear` for one kind of access in a regime; sets accessed and dirty bits.
 * #PF with the exact error code, or #GP(0) for an address that is not canonical. The tables and the
 * result lie behind the A20 gate. vCPU's thread.
 */
enum x86_status x86_walk(struct x86_cpu *c, uint64_t linear, enum tlb_access access,
                         unsigned regime, gpa *ret) G_GNUC_WARN_UNUSED_RESULT;

/* As x86_walk for a supervisor's read that changes nothing; FALSE: not mapped. */
bool x86_walk_peek(struct x86_cpu *c, uint64_t linear, gpa *ret);

/* Reads the four PDPTEs that PAE paging keeps in the CPU; #GP(0) if one has reserved bits. */
enum x86_status x86_load_pdptes(struct x86_cpu *c, uint64_t cr3) G_GNUC_WARN_UNUSED_RESULT;

/* A physical address as it leaves the CPU. */
static inline gpa x86_gate(const struct x86_cpu *c, gpa addr)
{
    return addr & ~__atomic_load_n(&c->address_gate, __ATOMIC_RELAXED);
}

/* TRUE if `linear` is canonical in the current mode (always, outside long mode). */
bool x86_is_canonical(const struct x86_cpu *c, uint64_t linear);

#endif
