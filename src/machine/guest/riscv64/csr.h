/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and status registers by number: volume II, chapter 2. vCPU's thread. */
#ifndef VIV_MACHINE_GUEST_RISCV64_CSR_H
#define VIV_MACHINE_GUEST_RISCV64_CSR_H

#include "machine/guest/riscv64/state.h"

/* FALSE: no such register, or not for this mode. */
bool riscv_csr_read(struct riscv_cpu *c, unsigned number, uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
/*
 * What a set or clear changes, when `old` was read: of mip.SEIP that is the bit that software
 * wrote, not the controller's line beside it (volume II, 3.1.9).
 */
uint64_t riscv_csr_to_modify(const struct riscv_cpu *c, unsigned number, uint64_t old);
/* As riscv_csr_read; bits that cannot be written keep their value. */
bool riscv_csr_write(struct riscv_cpu *c, unsigned number,
                     uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

#endif
