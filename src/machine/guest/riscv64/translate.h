/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RISC-V 64 code as the translator's operations. vCPU's thread. */
#ifndef VIV_MACHINE_GUEST_RISCV64_TRANSLATE_H
#define VIV_MACHINE_GUEST_RISCV64_TRANSLATE_H

#include "machine/guest/riscv64/insn.h"
#include "machine/guest/translation.h"

extern const struct cpu_translation riscv64_translation;

/* What the code depends on: the mode, what data accesses reach, whether F and D are on. */
uint64_t riscv_key(const struct riscv_cpu *c);

/* Exceptions of floating point that translated code met: they become fflags. */
void riscv_float_flags(struct riscv_cpu *c, unsigned met);

/* Functions that translated code calls (struct ir_call, struct ir_target). */
uint32_t riscv_call_plain(void *cpu, const void *arg, uint64_t key);
uint32_t riscv_call_csr(void *cpu, const void *arg, uint64_t key);
uint32_t riscv_call_system(void *cpu, const void *arg, uint64_t key);
uint32_t riscv_call_load(void *cpu, uint64_t va, uint32_t width);
uint32_t riscv_call_store(void *cpu, uint64_t va, uint32_t width, uint64_t value);

#endif
