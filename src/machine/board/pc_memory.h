/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC's RAM with the hole below 4 GiB, and the map of it that firmware and kernels are told
 * (INT 15h, function E820h; ACPI 5.0 section 15).
 */
#ifndef VIV_MACHINE_BOARD_PC_MEMORY_H
#define VIV_MACHINE_BOARD_PC_MEMORY_H

#include "machine/core/config.h"
#include "machine/core/machine.h"

#define PC_4G UINT64_C(0x100000000)

enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

struct e820_entry {
    uint64_t base, length;
    uint32_t type; /* enum e820_type */
} __attribute__((packed));

struct pc_memory {
    struct ram_block *ram;        /* "pc.ram"; the machine owns it */
    uint64_t below_4g, above_4g;  /* bytes */
    struct bus_region low, high;  /* low: from address 0 */
    struct bus_region option_rom; /* c0000-dffff, the PCI side of the shadow */
};

/* Makes and maps RAM of config->memory.size bytes; what exceeds `max_low` comes above 4 GiB where
 * it does not fit below the hole. */
gboolean pc_memory_init(struct pc_memory *mem, struct machine *m,
                        const struct machine_config *config,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends an entry; ranges may come in any order and must not overlap. */
void e820_add(GArray *map, uint64_t base, uint64_t length, enum e820_type type);
/* RAM as the hardware has it: what the firmware is told. Entries of struct e820_entry. */
GArray *pc_memory_e820(const struct pc_memory *mem);

#endif
