/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF images as the loaders read them; every field is checked against the file's length. */
#ifndef VIV_MACHINE_BOARD_BOOT_ELF_H
#define VIV_MACHINE_BOARD_BOOT_ELF_H

#include "machine/board/boot_plan.h"

#include <elf.h>

struct elf_image {
    const uint8_t *data; /* borrowed */
    size_t len;
    bool is64;
    uint64_t entry, phoff;
    unsigned phnum, phsize;
};

/* FALSE: not a little-endian ELF file whose program headers lie inside it. */
bool elf_open(const uint8_t *data, size_t len, struct elf_image *ret);
/* Program header `i`, widened; FALSE: its bytes lie outside the file. */
bool elf_segment(const struct elf_image *elf, unsigned i, Elf64_Phdr *ret);
/* Puts every loadable segment at its physical address. */
gboolean elf_put(const struct elf_image *elf, struct boot_plan *plan,
                 const struct boot_source *source, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Puts the initrd as high as it fits (0: there is none), and the command line at BOOT_CMDLINE. */
gboolean boot_plan_put_initrd(struct boot_plan *plan, const struct boot_source *source,
                              gpa *ret_addr, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean boot_plan_put_cmdline(struct boot_plan *plan, const struct boot_source *source,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
