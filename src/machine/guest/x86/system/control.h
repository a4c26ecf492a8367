/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control, debug and descriptor-table registers: handlers of rows.c, and the checks behind
 * them. Intel SDM volume 3, chapters 2, 3 and 17.
 */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_CONTROL_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_CONTROL_H

#include "machine/guest/x86/insn.h"

/* Writes with every check; X86_END, or X86_FAULT with #GP(0) and nothing changed. */
enum x86_status control_write_cr0(struct x86_cpu *c, uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status control_write_cr3(struct x86_cpu *c, uint64_t value) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status control_write_cr4(struct x86_cpu *c, uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

enum x86_status control_mov_from_cr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_mov_to_cr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_mov_from_dr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_mov_to_dr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_clts(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_lmsw(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_smsw(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_invlpg(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_invpcid(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_wbinvd(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_stac(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_clac(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_monitor(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_mwait(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_hlt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_cli(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status control_sti(struct x86_cpu *c, const struct x86_insn *in);

#endif
