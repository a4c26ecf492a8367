/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables of the q35 board (ACPI 5.0 chapter 5) and how they reach the guest: through fw_cfg
 * and the firmware's table loader, or placed in memory for a direct start.
 */
#ifndef VIV_MACHINE_BOARD_ACPI_H
#define VIV_MACHINE_BOARD_ACPI_H

#include "machine/dev/pc/fw_cfg.h"

/* What the tables say of the machine. */
struct acpi_config {
    unsigned n_cpus;
    const uint32_t *apic_ids; /* by index */
    uint64_t below_4g, above_4g;
    bool hpet, i8042;
    bool s3, s4;
    unsigned serials;         /* mask of COM1 to COM4 */
    const uint8_t *functions; /* devfn of each function on bus 0, ascending */
    unsigned n_functions;
};

struct acpi_tables {
    GByteArray *tables; /* from the FACS to the RSDT; pointers hold offsets into it */
    GByteArray *rsdp;   /* points to the RSDT */
    GArray *patches;    /* private: pointers and checksums, in the order to be made */
};

struct acpi_tables *acpi_tables_new(const struct acpi_config *config);
void acpi_tables_free(struct acpi_tables *t);

/* etc/acpi/tables, etc/acpi/rsdp and etc/table-loader, which tells firmware what to do with them.
 */
gboolean acpi_tables_publish(const struct acpi_tables *t, struct fw_cfg *f,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does the loader's work in place: tables at `base`, the RSDP at `rsdp`. */
void acpi_tables_link(struct acpi_tables *t, uint32_t base);

/* dsdt.c: the DSDT's AML, without its header. */
void acpi_dsdt(const struct acpi_config *config, GByteArray *out);

#endif
