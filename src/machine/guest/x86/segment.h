/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segmentation, control transfers between segments and privileges, task switches, and the derived
 * mode. Intel SDM volume 3, chapters 3, 5 and 7.
 */
#ifndef VIV_MACHINE_GUEST_X86_SEGMENT_H
#define VIV_MACHINE_GUEST_X86_SEGMENT_H

#include "machine/guest/x86/insn.h"

/* Recomputes c->mode after CR0, CR4, EFER, RFLAGS.VM, CS, SS or a data segment changed. */
void x86_update_mode(struct x86_cpu *c);

/* MOV Sreg, POP Sreg, LDS...: all checks; real, virtual-8086, protected, long. Not for CS. */
enum x86_status x86_load_segment(struct x86_cpu *c, unsigned seg,
                                 uint16_t selector) G_GNUC_WARN_UNUSED_RESULT;

/* JMP, CALL, RET, IRET far, in every mode, through gates and tasks. On X86_OK (X86_BRANCH) RIP and
 * CS are those of the target. `osize` 2, 4, 8; `next` is the return address. */
enum x86_status x86_far_jump(struct x86_cpu *c, uint16_t selector, uint64_t off, unsigned osize,
                             uint64_t next) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_far_call(struct x86_cpu *c, uint16_t selector, uint64_t off, unsigned osize,
                             uint64_t next) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_far_return(struct x86_cpu *c, unsigned osize,
                               uint16_t release) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_iret(struct x86_cpu *c, unsigned osize,
                         uint64_t next) G_GNUC_WARN_UNUSED_RESULT;

/* Why a task switch happens: decides busy bits, the back link and NT. */
enum x86_task_reason { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };
enum x86_status x86_task_switch(struct x86_cpu *c, uint16_t selector, enum x86_task_reason reason,
                                uint64_t next, bool has_error,
                                uint32_t error) G_GNUC_WARN_UNUSED_RESULT;

/* A descriptor's eight bytes; #GP(selector) beyond the table. */
enum x86_status x86_read_descriptor(struct x86_cpu *c, uint16_t selector, enum x86_vector vector,
                                    uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
void x86_unpack_descriptor(uint64_t descriptor, uint16_t selector, struct x86_seg *ret);

/* Reads and checks the descriptor of a stack segment for privilege `cpl`: `vector` (#TS or #GP) or
 * #SS(selector). */
enum x86_status x86_read_stack_segment(struct x86_cpu *c, uint16_t selector, unsigned cpl,
                                       enum x86_vector vector,
                                       struct x86_seg *ret) G_GNUC_WARN_UNUSED_RESULT;
/* Sets the accessed bit of a code or data descriptor that is about to be used. */
enum x86_status x86_mark_accessed(struct x86_cpu *c, struct x86_seg *seg) G_GNUC_WARN_UNUSED_RESULT;
/* Linear address of a descriptor that x86_read_descriptor has accepted. */
uint64_t x86_descriptor_address(const struct x86_cpu *c, uint16_t selector);
/* Stack of an inner privilege from the TSS, checked; #TS. */
enum x86_status x86_tss_stack(struct x86_cpu *c, unsigned cpl, struct x86_seg *ret_ss,
                              uint32_t *ret_sp) G_GNUC_WARN_UNUSED_RESULT;
/* 64-bit TSS: slot 0..2 for RSP0..2, 4..10 for IST1..7. */
enum x86_status x86_tss_stack64(struct x86_cpu *c, unsigned slot,
                                uint64_t *ret_sp) G_GNUC_WARN_UNUSED_RESULT;
/* A segment of virtual-8086 mode (and, for base and selector, of real mode). */
void x86_vm86_segment(struct x86_seg *seg, uint16_t selector);
/* Flags that POPF and IRET may change at this privilege. */
uint64_t x86_flags_mask(const struct x86_cpu *c, unsigned osize);

/* TRUE if port `port`..`port + size - 1` may be used at this privilege (IOPL, TSS bitmap). */
enum x86_status x86_check_ports(struct x86_cpu *c, uint16_t port,
                                unsigned size) G_GNUC_WARN_UNUSED_RESULT;

#endif
