/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hart's decoded code, page by page of the host's memory:
 *
 *   pc's page --recent[]--> page of decoded instructions, one place for every two bytes
 *
 * A page is good while the generation of its RAM stays (ram.h). An instruction that crosses into
 * the next page is decoded each time.
 */
#ifndef VIV_MACHINE_GUEST_RISCV64_ICACHE_H
#define VIV_MACHINE_GUEST_RISCV64_ICACHE_H

#include "machine/guest/riscv64/memory.h"

#define ICACHE_RECENT 256
#define ICACHE_PAGES  1024
#define ICACHE_SLOTS  (RAM_PAGE_SIZE / 2)

struct riscv_page {
    struct ram_block *ram; /* NULL: none yet */
    gpa off;
    uint32_t generation;
    uint64_t granules; /* of 64 bytes that RAM knows to hold code */
    struct riscv_insn insn[ICACHE_SLOTS];
};

struct riscv_recent {
    uint64_t va, flushes; /* of the page */
    struct riscv_page *page;
    uint8_t priv;
};

struct riscv_icache {
    struct riscv_recent recent[ICACHE_RECENT];
    struct riscv_page *page[ICACHE_PAGES];
    struct riscv_insn crossing;
};

void riscv_icache_new(struct riscv_cpu *c);
void riscv_icache_free(struct riscv_cpu *c);

/* The page at `va` with what is decoded of it; RISCV_FAULT: it cannot be fetched. */
enum riscv_status riscv_icache_page(struct riscv_cpu *c, uint64_t va,
                                    struct riscv_page **ret) G_GNUC_WARN_UNUSED_RESULT;
/* Decodes the instruction at pc, which lies in `page`; valid until the next call. */
enum riscv_status riscv_icache_decode(struct riscv_cpu *c, struct riscv_page *page,
                                      const struct riscv_insn **ret) G_GNUC_WARN_UNUSED_RESULT;

#endif
