/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hart from outside: what a board, an accelerator and a monitor ask of the architecture.
 */
#ifndef VIV_MACHINE_GUEST_RISCV64_HART_H
#define VIV_MACHINE_GUEST_RISCV64_HART_H

#include "machine/core/arch.h"
#include "machine/guest/riscv64/state.h"

extern const struct cpu_arch riscv64_arch;

/* A -cpu text ("rv64", "max", "rv64,zba=off,sv57=off") as a model; the error names the property. */
struct riscv_model *riscv_model_new(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void riscv_model_free(struct riscv_model *model);
/* "rv64imafdc_zicsr_...": the device tree's riscv,isa. Borrowed from the model. */
const char *riscv_model_isa(const struct riscv_model *model);
/* "riscv,sv57", "riscv,sv48", "riscv,sv39": the device tree's mmu-type. Constant. */
const char *riscv_model_mmu(const struct riscv_model *model);

/* Bytes of a cache block that cbo.* work on; 0: the model has none of them. */
unsigned riscv_model_cache_block(const struct riscv_model *model);

/* Names of models, for -cpu help; NULL past the last. */
const char *riscv_model_nth(unsigned n);
/* struct cpu_arch's each_feature. */
gboolean riscv_model_each(const char *text, void (*fn)(const char *name, bool on, void *opaque),
                          void *opaque, GError **error);

/* A property by its name; FALSE: no such. */
bool riscv_model_get(const struct riscv_model *model, const char *name, bool *ret);

/* A zeroed struct whose cpu part was initialised becomes a hart of `model`, reset. Main loop. */
void riscv_init(struct riscv_cpu *c, const struct riscv_model *model);
/* Power-on state: M mode at `pc`; a0 is the hart's number and a1 `a1`, as boot code has it. */
void riscv_reset(struct riscv_cpu *c, uint64_t pc, uint64_t a1);

/* Architectural state as bytes, by rows. Stopped vCPU. */
void riscv_save(struct riscv_cpu *c, GByteArray *out);
gboolean riscv_load(struct riscv_cpu *c, const uint8_t **data, size_t *left,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if a hart in WFI has a reason to go on. vCPU's thread. */
bool riscv_has_work(struct cpu *cpu);

/* One instruction, with the delivery of what it raises or of an interrupt before it. vCPU's
 * thread. */
enum accel_exit riscv_exec_one(struct riscv_cpu *c);

/* The physical address behind a virtual one, changing nothing; FALSE: not mapped. */
bool riscv_walk_peek(struct riscv_cpu *c, uint64_t va, gpa *ret);

#endif
