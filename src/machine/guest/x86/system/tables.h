/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions on descriptor tables and selectors: LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR,
 * LAR, LSL, VERR, VERW, ARPL. Handlers of rows.c. Intel SDM volume 2.
 */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_TABLES_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_TABLES_H

#include "machine/guest/x86/insn.h"

enum x86_status tables_lgdt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_lidt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_sgdt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_sidt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_lldt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_ltr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_sldt(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_str(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_lar(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_lsl(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_verr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_verw(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status tables_arpl(struct x86_cpu *c, const struct x86_insn *in);

#endif
