/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI power management registers of the ICH9 (Intel ICH9 data sheet 316972, section 13.8; ACPI
 * 5.0 chapter 4): PM1 event and control, the 3.579545 MHz timer, GPE0, and the APM command port.
 *
 * No system management mode: as QEMU with smm=off, ACPI mode is on from reset and APM commands
 * raise no SMI. Part of the LPC bridge, which maps `region` at PMBASE and `apm` at B2h.
 */
#ifndef VIV_MACHINE_DEV_PC_ACPI_PM_H
#define VIV_MACHINE_DEV_PC_ACPI_PM_H

#include "machine/core/dev.h"

#define ACPI_PM_SIZE 128 /* bytes of I/O space at PMBASE */
#define ACPI_PM_HZ   3579545

/* SLP_TYP values (PM1_CNT bits 10..12) that the DSDT's _Sx objects must carry. */
enum acpi_sleep_type { ACPI_S5 = 0, ACPI_S3 = 1, ACPI_S4 = 2 };

struct acpi_pm {
    struct dev *owner;           /* frozen; its lock guards all below */
    struct irq sci;              /* frozen */
    struct bus_region region;    /* ACPI_PM_SIZE bytes */
    struct bus_region apm;       /* 2 bytes: command, status */
    bool disable_s3, disable_s4; /* frozen after realize */

    uint16_t pm1_sts, pm1_en, pm1_cnt;
    uint64_t gpe_sts, gpe_en;
    uint32_t smi_en, smi_sts;
    uint8_t apm_cmd, apm_sts;
    bool waking; /* a wake-up from S3 has yet to be shown in PM1_STS */
    struct timer overflow;
};

/* For STATE_SUB in the owner's rows; the owner's reset calls acpi_pm_reset as well. */
extern const struct state_row acpi_pm_state[];

void acpi_pm_init(struct acpi_pm *pm, struct dev *owner, const struct irq *sci);
void acpi_pm_fini(struct acpi_pm *pm);
void acpi_pm_reset(struct acpi_pm *pm);
/* After loading: SCI and timer follow the registers. */
void acpi_pm_loaded(struct acpi_pm *pm);
/* Presses the power button. Takes the owner's lock. */
void acpi_pm_power_button(struct acpi_pm *pm);
/* General-purpose event 0..63: sets its status bit. Takes the owner's lock. */
void acpi_pm_gpe(struct acpi_pm *pm, unsigned event);
/* The machine wakes from S3: the next reset keeps WAK_STS for the firmware and the guest. */
void acpi_pm_wake(struct acpi_pm *pm);

#endif
