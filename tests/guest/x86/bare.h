/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vCPU with RAM, a firmware image, a debug console (port E9h) and an exit port (F4h): enough
 * to run the bare-metal kit's images, or to call the parts of the CPU one by one.
 */
#ifndef VIV_TESTS_GUEST_X86_BARE_H
#define VIV_TESTS_GUEST_X86_BARE_H

#include "machine/guest/x86/insn.h"
#include "machine/guest/x86/system/cpuid.h"

#define BARE_RAM_SIZE (16u << 20)

struct bare {
    struct x86_cpu *c;
    struct x86_features *features;
    struct x86_decoder *decoder; /* when code runs */
    struct quiesce *quiesce;
    struct bus *bus;
    struct ram_block *ram, *rom;
    struct bus_region ram_region, rom_region;
    GString *console;
    int exit_code; /* -1: still running */
    int vector;    /* what irq_acknowledge answers, once; -1: none */
    uint64_t cr8;
};

/* `cpu` as for -cpu. A cold reset has been done. */
struct bare *bare_new(const char *cpu);
void bare_free(struct bare *r);

void bare_write64(struct bare *r, gpa addr, uint64_t value);
uint64_t bare_read64(struct bare *r, gpa addr);
void bare_write32(struct bare *r, gpa addr, uint32_t value);
uint32_t bare_read32(struct bare *r, gpa addr);

/* Flat protected mode at CPL `cpl`, paging off; long: 64-bit code (set CR3 before). */
void bare_protected(struct bare *r, unsigned cpl);
void bare_long(struct bare *r, unsigned cpl, gpa cr3);

/* Runs a 64 KiB image from its reset vector until it exits; FALSE: shutdown, or too long. */
bool bare_run_image(struct bare *r, const char *path);

#endif
