/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One hart with an accelerator, RAM and a device register, and the codes of instructions that tests
 * put there. */
#ifndef VIV_TESTS_GUEST_RISCV64_RV_H
#define VIV_TESTS_GUEST_RISCV64_RV_H

#include "machine/guest/riscv64/insn.h"

#define RV_RAM_SIZE (1u << 20) /* at 0 */
#define RV_DEVICE   0x10000000 /* 8 bytes: the last value written is read */

struct accel_class;

struct rv {
    const struct accel_class *accel;
    struct accel_vm *accel_vm;
    struct riscv_cpu *c;
    struct riscv_model *model;
    struct quiesce *quiesce;
    struct clock *clock;
    struct bus *bus;
    struct ram_block *ram;
    struct bus_region ram_region, device_region;
    uint64_t device, time, stimecmp;
};

struct rv *rv_new(const char *cpu); /* interpreted */
/* Translated, in units of `one_insn` or as they come, with `memory` MiB for code. */
struct rv *rv_new_jit(const char *cpu, bool one_insn, unsigned memory);
/* The same with check=on. */
struct rv *rv_new_checked(const char *cpu);
void rv_free(struct rv *r);

void rv_write64(struct rv *r, gpa addr, uint64_t value);
uint64_t rv_read64(const struct rv *r, gpa addr);
/* 32-bit codes from `addr` on. */
void rv_put(struct rv *r, gpa addr, const uint32_t *codes, unsigned n);
/* Counts `most` instructions at most. */
enum accel_exit rv_run(struct rv *r, uint64_t most);

/* Codes. */
uint32_t rv_i(const char *name, unsigned rd, unsigned rs1, int imm);
uint32_t rv_r(const char *name, unsigned rd, unsigned rs1, unsigned rs2);
uint32_t rv_s(const char *name, unsigned rs1, unsigned rs2, int imm);
uint32_t rv_u(const char *name, unsigned rd, uint32_t upper);
uint32_t rv_csr(const char *name, unsigned rd, unsigned number, unsigned rs1);
uint32_t rv_plain(const char *name);

#endif
