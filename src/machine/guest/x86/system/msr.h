/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model-specific registers and the time-stamp counter. Intel SDM volume 4; AMD BKDG for the few of
 * AMD's that firmware and kernels touch.
 */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_MSR_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_MSR_H

#include "machine/guest/x86/insn.h"

/* As RDMSR and WRMSR: X86_OK (X86_END after a write), or X86_FAULT with #GP(0). vCPU's thread. */
enum x86_status msr_read(struct x86_cpu *c, uint32_t msr, uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status msr_write(struct x86_cpu *c, uint32_t msr,
                          uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

/* The time-stamp counter now, and the guest time in ns at which it will read `tsc`. */
uint64_t msr_tsc(struct x86_cpu *c);
int64_t msr_tsc_to_ns(const struct x86_cpu *c, uint64_t tsc);

enum x86_status msr_rdmsr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_wrmsr(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdtsc(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdtscp(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdpid(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdpmc(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdfsbase(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_rdgsbase(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_wrfsbase(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_wrgsbase(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_swapgs(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_xgetbv(struct x86_cpu *c, const struct x86_insn *in);
enum x86_status msr_xsetbv(struct x86_cpu *c, const struct x86_insn *in);

#endif
