/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYSCALL, SYSRET, SYSENTER, SYSEXIT: handlers of rows.c. Intel SDM volume 2, AMD APM 3. */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_SYSCALL_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_SYSCALL_H

#include "machine/guest/x86/insn.h"

enum x86_status syscall_syscall(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status syscall_sysret(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status syscall_sysenter(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status syscall_sysexit(struct x86_cpu *c, const struct x86_insn *in);

#endif
