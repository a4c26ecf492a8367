/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads and stores by virtual address. The fast path is a hit in the TLB; memory.c walks, checks
 * PMP, fills and does what is not plain RAM. All on the vCPU's thread.
 */
#ifndef VIV_MACHINE_GUEST_RISCV64_MEMORY_H
#define VIV_MACHINE_GUEST_RISCV64_MEMORY_H

#include "machine/guest/riscv64/insn.h"

/* Of 1, 2, 4 or 8 bytes at any alignment; RISCV_FAULT: c->exc. */
enum riscv_status riscv_read_slow(struct riscv_cpu *c, uint64_t va, unsigned size,
                                  uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
enum riscv_status riscv_write_slow(struct riscv_cpu *c, uint64_t va, unsigned size,
                                   uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

static inline G_GNUC_WARN_UNUSED_RESULT enum riscv_status
riscv_read(struct riscv_cpu *c, uint64_t va, unsigned size, uint64_t *ret)
{
    const void *host = tlb_lookup(&c->cpu.tlb, c->data_regime, TLB_READ, va, size);

    if (G_UNLIKELY(!host)) {
        return riscv_read_slow(c, va, size, ret);
    }
    switch (size) {
    case 1: *ret = ram_ld8(host); break;
    case 2: *ret = ram_ld16(host); break;
    case 4: *ret = ram_ld32(host); break;
    default: *ret = ram_ld64(host); break;
    }
    return RISCV_OK;
}

static inline G_GNUC_WARN_UNUSED_RESULT enum riscv_status
riscv_write(struct riscv_cpu *c, uint64_t va, unsigned size, uint64_t value)
{
    void *host = tlb_lookup(&c->cpu.tlb, c->data_regime, TLB_WRITE, va, size);

    if (G_UNLIKELY(!host)) {
        return riscv_write_slow(c, va, size, value);
    }
    switch (size) {
    case 1: ram_st8(host, value); break;
    case 2: ram_st16(host, value); break;
    case 4: ram_st32(host, value); break;
    default: ram_st64(host, value); break;
    }
    return RISCV_OK;
}

/*
 * The host's address of RAM for an atomic access, aligned to its size; an access fault where no RAM
 * is. `write`: it will be written, and riscv_host_wrote() is called then.
 */
enum riscv_status riscv_host(struct riscv_cpu *c, uint64_t va, unsigned size, bool write,
                             void **ret) G_GNUC_WARN_UNUSED_RESULT;
void riscv_host_wrote(struct riscv_cpu *c, uint64_t va, unsigned size);

/* The page of code at `va` in the current mode. */
enum riscv_status riscv_fetch_page(struct riscv_cpu *c, uint64_t va, struct ram_block **ret_block,
                                   gpa *ret_off) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Physical address of `va` for one kind of access as `regime` has it; sets accessed and dirty bits.
 * RISCV_FAULT: a page fault or, where the tables cannot be reached, an access fault.
 */
enum riscv_status riscv_walk(struct riscv_cpu *c, uint64_t va, enum tlb_access access,
                             unsigned regime, gpa *ret) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if PMP allows all of [addr, addr + size); *ret_whole_page (may be NULL): and one rule says
 * so for all of the page. `priv`: enum riscv_priv. */
bool riscv_pmp_allows(const struct riscv_cpu *c, gpa addr, unsigned size, enum tlb_access access,
                      unsigned priv, bool *ret_whole_page);

#endif
