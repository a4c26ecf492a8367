/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 PC as QEMU 7.2 builds it with smm=off: MCH, ICH9 LPC bridge, PCI Express root bus, the
 * PC's ISA devices. One guest ABI; QEMU's versioned names are accepted as its aliases.
 */
#ifndef VIV_MACHINE_BOARD_Q35_H
#define VIV_MACHINE_BOARD_Q35_H

#include "machine/board/acpi.h"
#include "machine/board/board.h"
#include "machine/board/boot_plan.h"
#include "machine/board/lpc.h"
#include "machine/board/mch.h"
#include "machine/board/pc_cpus.h"
#include "machine/board/pc_firmware.h"
#include "machine/board/pc_memory.h"
#include "machine/board/smbios.h"
#include "machine/dev/pc/fw_cfg.h"

/* -machine options. */
struct q35_props {
    int acpi, smm, vmport; /* enum row_auto */
    bool hpet, i8042;
};

struct q35 {
    struct machine *m;
    const struct machine_config *config;
    struct pc_cpus cpus;
    struct pc_memory memory;
    struct pc_firmware firmware;
    struct q35_host *host; /* the devices: borrowed from the machine */
    struct mch *mch;
    struct lpc *lpc;
    struct dev *fw_cfg, *rtc;
    struct acpi_tables *acpi; /* NULL: -no-acpi */
    gpa acpi_base;            /* where a direct start puts them, or 0 */
    struct smbios_tables *smbios;
    struct boot_plan *plan; /* direct start, or NULL */
    unsigned resets;        /* so far; the first is power-on */
};

extern const struct board_class q35_board;

#endif
