/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A direct start without firmware: what lies in memory when the bootstrap processor begins, and
 * its registers then. Made once by a loader (bzImage, PVH, Multiboot), carried out at each reset.
 *
 * Every start is 32-bit protected mode without paging, flat segments, interrupts off.
 */
#ifndef VIV_MACHINE_BOARD_BOOT_PLAN_H
#define VIV_MACHINE_BOARD_BOOT_PLAN_H

#include "machine/core/machine.h"
#include "machine/guest/x86/state.h"

/* Bytes below 1 MiB that plans use; the rest up to the EBDA is the kernel's. */
#define BOOT_GDT         0x8f000
#define BOOT_INFO        0x90000 /* zero page, hvm_start_info, multiboot information */
#define BOOT_CMDLINE     0x94000
#define BOOT_CMDLINE_MAX 0x4000
#define BOOT_CODE_SEL    0x10
#define BOOT_DATA_SEL    0x18

struct boot_plan {
    GArray *pieces; /* private */
    uint32_t eip, eax, ebx, esi;
};

/* What a loader works from; all borrowed. */
struct boot_source {
    GBytes *kernel;
    GBytes *initrd;      /* or NULL */
    const char *cmdline; /* never NULL */
    gpa ram_top;         /* end of the RAM below 4 GiB that a kernel may use */
    gpa rsdp;            /* address of ACPI's root pointer, or 0 */
    const GArray *e820;  /* struct e820_entry */
};

struct boot_plan *boot_plan_new(void);
void boot_plan_free(struct boot_plan *plan);

/* Puts a copy of `data` at `addr`, followed by zeroes up to `size` bytes; NULL keeps the place
 * free. FALSE with an error if it does not fit below `source->ram_top` or lies on another piece. */
gboolean boot_plan_put(struct boot_plan *plan, const struct boot_source *source, const char *what,
                       gpa addr, const void *data, size_t len, uint64_t size,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Highest page-aligned free place for `len` bytes below `limit` and above 1 MiB, or 0: none. */
gpa boot_plan_place(const struct boot_plan *plan, const struct boot_source *source, uint64_t len,
                    gpa limit);

/* Reads the kernel's format and plans its start. NULL with an error that says what is wrong. */
struct boot_plan *boot_plan_kernel(const struct boot_source *source, GError **error);
/* The formats. `*ret_mine` FALSE: another format (NULL without an error). */
struct boot_plan *boot_linux(const struct boot_source *source, bool *ret_mine, GError **error);
struct boot_plan *boot_elf(const struct boot_source *source, bool *ret_mine, GError **error);
struct boot_plan *boot_multiboot(const struct boot_source *source, bool *ret_mine, GError **error);

/* Stopped machine, after reset: fills memory and sets the bootstrap processor. */
void boot_plan_carry_out(const struct boot_plan *plan, struct bus *memory, struct x86_cpu *cpu);

#endif
