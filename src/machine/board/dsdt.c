/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DSDT of q35: the same devices, routes and windows as QEMU 7.2 shows, as far as built. */
#include "machine/board/acpi.h"
#include "machine/board/aml.h"
#include "machine/board/lpc.h"
#include "machine/board/mch.h"
#include "machine/board/pc_setup.h"

#define FOUR_GIB UINT64_C(0x100000000)
#define PCI64    (UINT64_C(32) << 30) /* bytes of the window above RAM */

/* The guest may have all of PCI Express's features but native hot-plug. */
static void add_osc(struct aml *a)
{
    aml_method(a, "_OSC", 4, false);
    aml_op(a, AML_CREATE_DWORD_FIELD), aml_op(a, AML_ARG0 + 3), aml_int(a, 0), aml_path(a, "CDW1");
    aml_if(a);
    aml_op(a, AML_LEQUAL), aml_op(a, AML_ARG0);
    aml_uuid(a, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    aml_op(a, AML_CREATE_DWORD_FIELD), aml_op(a, AML_ARG0 + 3), aml_int(a, 4), aml_path(a, "CDW2");
    aml_op(a, AML_CREATE_DWORD_FIELD), aml_op(a, AML_ARG0 + 3), aml_int(a, 8), aml_path(a, "CDW3");
    aml_op(a, AML_STORE), aml_path(a, "CDW3"), aml_op(a, AML_LOCAL0);
    aml_op(a, AML_AND), aml_op(a, AML_LOCAL0), aml_int(a, 0x1f), aml_op(a, AML_LOCAL0);
    aml_if(a);
    aml_op(a, AML_LNOT), aml_op(a, AML_LEQUAL), aml_op(a, AML_ARG0 + 1), aml_int(a, 1);
    aml_op(a, AML_OR), aml_path(a, "CDW1"), aml_int(a, 8), aml_path(a, "CDW1");
    aml_end(a);
    aml_if(a);
    aml_op(a, AML_LNOT), aml_op(a, AML_LEQUAL), aml_path(a, "CDW3"), aml_op(a, AML_LOCAL0);
    aml_op(a, AML_OR), aml_path(a, "CDW1"), aml_int(a, 0x10), aml_path(a, "CDW1");
    aml_end(a);
    aml_op(a, AML_STORE), aml_op(a, AML_LOCAL0), aml_path(a, "CDW3");
    aml_end(a);
    aml_else(a);
    aml_op(a, AML_OR), aml_path(a, "CDW1"), aml_int(a, 4), aml_path(a, "CDW1");
    aml_end(a);
    aml_op(a, AML_RETURN), aml_op(a, AML_ARG0 + 3);
    aml_end(a);
}

static void add_root_windows(struct aml *a, const struct acpi_config *c)
{
    uint64_t above = FOUR_GIB + ((c->above_4g + 0x3fffffff) & ~UINT64_C(0x3fffffff));
    struct aml_resources r;

    aml_res_begin(&r);
    aml_res_bus(&r, 0, 0xff);
    aml_res_io(&r, 0xcf8, 8);
    aml_res_io_window(&r, 0, 0xcf7);
    aml_res_io_window(&r, 0xd00, 0xffff);
    aml_res_memory_window(&r, 0xa0000, 0xbffff, true);
    if (c->below_4g < MCH_ECAM_BASE) {
        aml_res_memory_window(&r, c->below_4g, MCH_ECAM_BASE - 1, false);
    }
    aml_res_memory_window(&r, PC_PCI_MEM_BASE, PC_PCI_MEM_LAST, false);
    aml_res_memory_window64(&r, above, above + PCI64 - 1, true);
    aml_name(a, "_CRS");
    aml_res_end(&r, a);
}

/* Four rows of _PRT per slot. Slots 25 and up start at PIRQ A, the others rotate over E to H. */
static void add_routes(struct aml *a, const char *name, const char *prefix)
{
    aml_name(a, name);
    aml_package(a, 128);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned pirq = slot == 30 ? pin + 4 : slot >= 25 ? pin : (slot + pin) % 4 + 4;
            char link[5] = {prefix[0], prefix[1], prefix[2], 'A' + pirq, 0};

            aml_package(a, 4);
            aml_int(a, slot << 16 | 0xffff);
            aml_int(a, pin);
            aml_path(a, link);
            aml_int(a, 0);
            aml_end(a);
        }
    }
    aml_end(a);
}

static void add_prt(struct aml *a)
{
    add_routes(a, "PRTP", "LNK");
    add_routes(a, "PRTA", "GSI");
    aml_method(a, "_PRT", 0, false);
    aml_if(a);
    aml_op(a, AML_LEQUAL), aml_path(a, "\\PICF"), aml_int(a, 0);
    aml_op(a, AML_RETURN), aml_path(a, "PRTP");
    aml_end(a);
    aml_else(a);
    aml_op(a, AML_RETURN), aml_path(a, "PRTA");
    aml_end(a);
    aml_end(a);
}

/* IQST: is the link routed; IQCR: what it is routed to. Both take the PIRQ's register. */
static void add_link_helpers(struct aml *a)
{
    static const uint32_t none = 0;
    struct aml_resources r;

    aml_method(a, "IQST", 1, false);
    aml_if(a);
    aml_op(a, AML_AND), aml_int(a, 0x80), aml_op(a, AML_ARG0), aml_op(a, AML_ZERO);
    aml_op(a, AML_RETURN), aml_int(a, 0x09);
    aml_end(a);
    aml_op(a, AML_RETURN), aml_int(a, 0x0b);
    aml_end(a);

    aml_method(a, "IQCR", 1, true);
    aml_res_begin(&r);
    aml_res_interrupt(&r, &none, 1);
    aml_name(a, "PRR0");
    aml_res_end(&r, a);
    aml_op(a, AML_CREATE_DWORD_FIELD), aml_path(a, "PRR0"), aml_int(a, 5), aml_path(a, "PRRI");
    aml_op(a, AML_AND), aml_op(a, AML_ARG0), aml_int(a, 0x0f), aml_path(a, "PRRI");
    aml_op(a, AML_RETURN), aml_path(a, "PRR0");
    aml_end(a);
}

static void add_link(struct aml *a, unsigned n)
{
    static const uint32_t possible[] = {5, 10, 11};
    char name[] = {'L', 'N', 'K', 'A' + n, 0}, reg[] = {'P', 'R', 'Q', 'A' + n, 0};
    struct aml_resources r;

    aml_device(a, name);
    aml_name(a, "_HID"), aml_eisa_id(a, "PNP0C0F");
    aml_name(a, "_UID"), aml_int(a, n);
    aml_res_begin(&r);
    aml_res_interrupt(&r, possible, G_N_ELEMENTS(possible));
    aml_name(a, "_PRS");
    aml_res_end(&r, a);
    aml_method(a, "_STA", 0, false);
    aml_op(a, AML_RETURN), aml_path(a, "IQST"), aml_path(a, reg);
    aml_end(a);
    aml_method(a, "_DIS", 0, false);
    aml_op(a, AML_OR), aml_path(a, reg), aml_int(a, 0x80), aml_path(a, reg);
    aml_end(a);
    aml_method(a, "_CRS", 0, false);
    aml_op(a, AML_RETURN), aml_path(a, "IQCR"), aml_path(a, reg);
    aml_end(a);
    aml_method(a, "_SRS", 1, false);
    aml_op(a, AML_CREATE_DWORD_FIELD), aml_op(a, AML_ARG0), aml_int(a, 5), aml_path(a, "PRRI");
    aml_op(a, AML_STORE), aml_path(a, "PRRI"), aml_path(a, reg);
    aml_end(a);
    aml_end(a);
}

static void add_gsi_link(struct aml *a, unsigned n)
{
    const uint32_t gsi = LPC_PIRQ_GSI + n;
    char name[] = {'G', 'S', 'I', 'A' + n, 0};
    struct aml_resources r;

    aml_device(a, name);
    aml_name(a, "_HID"), aml_eisa_id(a, "PNP0C0F");
    aml_name(a, "_UID"), aml_int(a, gsi);
    for (unsigned i = 0; i < 2; i++) {
        aml_res_begin(&r);
        aml_res_interrupt(&r, &gsi, 1);
        aml_name(a, i ? "_CRS" : "_PRS");
        aml_res_end(&r, a);
    }
    aml_method(a, "_DIS", 0, false);
    aml_end(a);
    aml_method(a, "_SRS", 1, false);
    aml_end(a);
    aml_end(a);
}

static void add_hpet(struct aml *a)
{
    struct aml_resources r;

    aml_device(a, "HPET");
    aml_name(a, "_HID"), aml_eisa_id(a, "PNP0103");
    aml_name(a, "_UID"), aml_int(a, 0);
    aml_name(a, "_STA"), aml_int(a, 0x0f);
    aml_res_begin(&r);
    aml_res_memory32_fixed(&r, 0xfed00000, 0x400);
    aml_name(a, "_CRS");
    aml_res_end(&r, a);
    aml_end(a);
}

static void add_cpus(struct aml *a, const struct acpi_config *c)
{
    aml_device(a, "CPUS");
    aml_name(a, "_HID"), aml_string(a, "ACPI0010");
    aml_name(a, "_CID"), aml_eisa_id(a, "PNP0A05");
    for (unsigned i = 0; i < c->n_cpus; i++) {
        g_autofree char *name = g_strdup_printf("C%03X", i);

        aml_device(a, name);
        aml_name(a, "_HID"), aml_string(a, "ACPI0007");
        aml_name(a, "_UID"), aml_int(a, i);
        aml_name(a, "_STA"), aml_int(a, 0x0f);
        aml_end(a);
    }
    aml_end(a);
}

/* Ports and an interrupt below the LPC bridge. `ports`: base and length, ends with length 0. */
static void add_isa(struct aml *a, const char *name, const char *id, unsigned uid,
                    const uint16_t (*ports)[2], unsigned irq)
{
    struct aml_resources r;

    aml_device(a, name);
    aml_name(a, "_HID"), aml_eisa_id(a, id);
    if (uid) {
        aml_name(a, "_UID"), aml_int(a, uid);
    }
    aml_name(a, "_STA"), aml_int(a, 0x0f);
    aml_res_begin(&r);
    for (; (*ports)[1]; ports++) {
        aml_res_io(&r, (*ports)[0], (*ports)[1]);
    }
    aml_res_irq(&r, irq);
    aml_name(a, "_CRS");
    aml_res_end(&r, a);
    aml_end(a);
}

static void add_isa_devices(struct aml *a, const struct acpi_config *c)
{
    static const uint16_t keyboard[][2] = {{0x60, 1}, {0x64, 1}, {0, 0}}, none[][2] = {{0, 0}};
    static const uint16_t rtc[][2] = {{0x70, 8}, {0, 0}};
    static const uint16_t com[4][2][2] = {{{0x3f8, 8}}, {{0x2f8, 8}}, {{0x3e8, 8}}, {{0x2e8, 8}}};

    if (c->i8042) {
        add_isa(a, "KBD", "PNP0303", 0, keyboard, 1);
        add_isa(a, "MOU", "PNP0F13", 0, none, 12);
    }
    for (unsigned i = 0; i < 4; i++) {
        char name[] = {'C', 'O', 'M', '1' + i, 0};

        if (c->serials & 1u << i) {
            add_isa(a, name, "PNP0501", i + 1, com[i], i % 2 ? 3 : 4);
        }
    }
    add_isa(a, "RTC", "PNP0B00", 0, rtc, 8);
}

/* The PIRQ registers in the bridge's configuration space, named in \_SB for the links. */
static void add_pirq_fields(struct aml *a)
{
    static const char *const names[] = {"PRQA", "PRQB", "PRQC", "PRQD", NULL,
                                        "PRQE", "PRQF", "PRQG", "PRQH"};

    aml_region(a, "PIRQ", AML_PCI_CONFIG, R_LPC_PIRQA, 12);
    aml_scope(a, "\\_SB");
    aml_fields(a, "PCI0.SF8.PIRQ", AML_BYTE_ACC);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        aml_field(a, names[i], names[i] ? 8 : 32);
    }
    aml_end(a);
    aml_end(a);
}

/* One device a function: S and the hexadecimal devfn of function 0, or the devfn itself. */
static void add_functions(struct aml *a, const struct acpi_config *c)
{
    for (unsigned i = 0; i < c->n_functions; i++) {
        unsigned devfn = c->functions[i];
        g_autofree char *name = g_strdup_printf("S%02X", devfn);

        aml_device(a, name);
        aml_name(a, "_ADR"), aml_int(a, (devfn >> 3) << 16 | (devfn & 7));
        if (devfn == PCI_DEVFN(31, 0)) {
            add_pirq_fields(a);
            add_isa_devices(a, c);
        }
        aml_end(a);
    }
}

/* Ports that belong to no bus: a container keeps the guest's hands off them. */
static void add_reserved(struct aml *a, const char *name, const char *hid, const char *uid,
                         uint16_t base, uint8_t len)
{
    struct aml_resources r;

    aml_device(a, name);
    aml_name(a, "_HID"), aml_string(a, hid);
    if (uid) {
        aml_name(a, "_UID"), aml_string(a, uid);
    }
    aml_name(a, "_STA"), aml_int(a, 0x0b);
    aml_res_begin(&r);
    aml_res_io(&r, base, len);
    aml_name(a, "_CRS");
    aml_res_end(&r, a);
    aml_end(a);
}

static void add_root(struct aml *a, const struct acpi_config *c)
{
    aml_device(a, "PCI0");
    aml_name(a, "_HID"), aml_eisa_id(a, "PNP0A08");
    aml_name(a, "_CID"), aml_eisa_id(a, "PNP0A03");
    aml_name(a, "_ADR"), aml_int(a, 0);
    aml_name(a, "_UID"), aml_int(a, 0);
    add_osc(a);
    add_root_windows(a, c);
    add_prt(a);
    add_reserved(a, "GPE0", "PNP0A06", "GPE0 resources", LPC_PMBASE + 0x20, 16);
    add_reserved(a, "FWCF", "QEMU0002", NULL, 0x510, 12);
    add_functions(a, c);
    aml_end(a);
}

static void add_ecam(struct aml *a)
{
    struct aml_resources r;

    aml_device(a, "DRAC");
    aml_name(a, "_HID"), aml_string(a, "PNP0C01");
    aml_res_begin(&r);
    aml_res_memory_window(&r, MCH_ECAM_BASE, MCH_ECAM_BASE + MCH_ECAM_SIZE - 1, false);
    aml_name(a, "_CRS");
    aml_res_end(&r, a);
    aml_end(a);
}

static void add_sleep(struct aml *a, const char *name, enum acpi_sleep_type type)
{
    aml_name(a, name);
    aml_package(a, 4);
    aml_int(a, type);
    aml_int(a, type);
    aml_int(a, 0);
    aml_int(a, 0);
    aml_end(a);
}

void acpi_dsdt(const struct acpi_config *c, GByteArray *out)
{
    struct aml a;

    aml_init(&a, out);
    aml_name(&a, "PICF"), aml_int(&a, 0);
    aml_method(&a, "_PIC", 1, false);
    aml_op(&a, AML_STORE), aml_op(&a, AML_ARG0), aml_path(&a, "PICF");
    aml_end(&a);
    aml_scope(&a, "_SB");
    add_root(&a, c);
    add_ecam(&a);
    add_link_helpers(&a);
    for (unsigned i = 0; i < LPC_PIRQS; i++) {
        add_link(&a, i);
        add_gsi_link(&a, i);
    }
    if (c->hpet) {
        add_hpet(&a);
    }
    add_cpus(&a, c);
    aml_end(&a);
    if (c->s3) {
        add_sleep(&a, "_S3", ACPI_S3);
    }
    if (c->s4) {
        add_sleep(&a, "_S4", ACPI_S4);
    }
    add_sleep(&a, "_S5", ACPI_S5);
}
