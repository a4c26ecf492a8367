/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS tables (DMTF DSP0134, version 2.8): structures 0, 1, 3, 4, 16, 17, 19, 32 and 127, with
 * what -smbios says in place of the defaults.
 */
#ifndef VIV_MACHINE_BOARD_SMBIOS_H
#define VIV_MACHINE_BOARD_SMBIOS_H

#include "machine/core/config.h"

#define SMBIOS_ANCHOR 31 /* bytes of the entry point */

struct smbios_tables {
    uint8_t anchor[SMBIOS_ANCHOR]; /* address 0 until linked */
    GByteArray *structures;
};

/* NULL with an error that names what -smbios says and is not built or is wrong. `below` and
 * `above`: bytes of RAM below and above 4 GiB. */
struct smbios_tables *smbios_tables_new(const struct machine_config *config, uint64_t below,
                                        uint64_t above, uint32_t cpu_signature,
                                        uint32_t cpu_features, GError **error);
void smbios_tables_free(struct smbios_tables *s);
/* The structures will lie at `address`: fills the entry point's address and checksums. */
void smbios_tables_link(struct smbios_tables *s, uint32_t address);

#endif
