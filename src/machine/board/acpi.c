/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/acpi.h"

#include "base/endian.h"
#include "machine/board/lpc.h"
#include "machine/board/mch.h"

#define TABLES "etc/acpi/tables"
#define RSDP   "etc/acpi/rsdp"
#define LOADER "etc/table-loader"

#define HEADER     36
#define HPET_BASE  0xfed00000
#define LAPIC_BASE 0xfee00000

/* Commands of the table loader: 128 bytes each (QEMU, docs on fw_cfg's "etc/table-loader"). */
enum { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER, LOADER_ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
#define LOADER_ENTRY 128
#define LOADER_NAME  56

struct patch {
    bool in_rsdp;    /* else in the tables */
    bool checksum;   /* else a pointer into the tables */
    uint32_t offset; /* of the pointer or the checksum */
    uint32_t size;   /* of the pointer */
    uint32_t start, length;
};

static void put(GByteArray *out, uint64_t v, unsigned size)
{
    uint8_t b[8];

    st_le64(b, v);
    g_byte_array_append(out, b, size);
}

static void put_zeroes(GByteArray *out, unsigned n)
{
    guint at = out->len;

    g_byte_array_set_size(out, at + n);
    memset(out->data + at, 0, n);
}

static void patch_pointer(struct acpi_tables *t, bool in_rsdp, uint32_t offset, uint32_t size)
{
    struct patch p = {.in_rsdp = in_rsdp, .offset = offset, .size = size};

    g_array_append_val(t->patches, p);
}

static void patch_checksum(struct acpi_tables *t, bool in_rsdp, uint32_t offset, uint32_t start,
                           uint32_t length)
{
    struct patch p = {
        .in_rsdp = in_rsdp, .checksum = true, .offset = offset, .start = start, .length = length};

    g_array_append_val(t->patches, p);
}

/* A header whose length and checksum table_end() fills. The identity is QEMU's: guests have quirks
 * for it. */
static uint32_t table_begin(struct acpi_tables *t, const char *signature, unsigned revision)
{
    GByteArray *out = t->tables;
    uint32_t at = out->len;

    g_byte_array_append(out, (const uint8_t *)signature, 4);
    put(out, 0, 4);
    put(out, revision, 1);
    put(out, 0, 1);
    g_byte_array_append(out, (const uint8_t *)"BOCHS BXPC    ", 14);
    put(out, 1, 4);
    g_byte_array_append(out, (const uint8_t *)"BXPC", 4);
    put(out, 1, 4);
    return at;
}

static void table_end(struct acpi_tables *t, uint32_t at)
{
    uint32_t len = t->tables->len - at;

    st_le32(t->tables->data + at + 4, len);
    patch_checksum(t, false, at + 9, at, len);
}

static uint32_t add_facs(struct acpi_tables *t)
{
    uint32_t at = t->tables->len;

    g_byte_array_append(t->tables, (const uint8_t *)"FACS", 4);
    put(t->tables, 64, 4);
    put_zeroes(t->tables, 56);
    return at;
}

static uint32_t add_dsdt(struct acpi_tables *t, const struct acpi_config *c)
{
    uint32_t at = table_begin(t, "DSDT", 1);

    acpi_dsdt(c, t->tables);
    table_end(t, at);
    return at;
}

/* Generic Address Structure. */
static void put_gas(GByteArray *out, bool io, unsigned bits, uint64_t address)
{
    put(out, io, 1);
    put(out, bits, 1);
    put(out, 0, 2);
    put(out, address, 8);
}

static void put_fadt_blocks(GByteArray *out)
{
    put(out, LPC_PMBASE, 4); /* PM1a events */
    put(out, 0, 4);
    put(out, LPC_PMBASE + 4, 4); /* PM1a control */
    put(out, 0, 4);
    put(out, 0, 4);
    put(out, LPC_PMBASE + 8, 4);    /* timer */
    put(out, LPC_PMBASE + 0x20, 4); /* GPE0 */
    put(out, 0, 4);
    put(out, 4, 1);
    put(out, 2, 1);
    put(out, 0, 1);
    put(out, 4, 1);
    put(out, 16, 1);
    put_zeroes(out, 3);
    put(out, 0xfff, 2); /* no C2, no C3 */
    put(out, 0xfff, 2);
    put_zeroes(out, 6);
}

static void put_fadt_extended(GByteArray *out)
{
    put_gas(out, true, 32, LPC_PMBASE);
    put_gas(out, false, 0, 0);
    put_gas(out, true, 16, LPC_PMBASE + 4);
    put_gas(out, false, 0, 0);
    put_gas(out, false, 0, 0);
    put_gas(out, true, 32, LPC_PMBASE + 8);
    put_gas(out, true, 128, LPC_PMBASE + 0x20);
    put_gas(out, false, 0, 0);
}

static uint32_t add_fadt(struct acpi_tables *t, const struct acpi_config *c, uint32_t facs,
                         uint32_t dsdt)
{
    GByteArray *out = t->tables;
    uint32_t at = table_begin(t, "FACP", 3);

    put(out, facs, 4);
    put(out, dsdt, 4);
    put(out, 1, 1); /* dual PIC */
    put(out, 0, 1);
    put(out, LPC_SCI, 2);
    put_zeroes(out, 8); /* no SMI command port: ACPI mode is always on */
    put_fadt_blocks(out);
    put(out, 0, 2);
    put(out, 0x32, 1); /* century */
    put(out, c->i8042 ? 2 : 0, 2);
    put(out, 0, 1);
    put(out, 0x84a5, 4); /* WBINVD, C1, sleep button, RTC wakes S4, reset register, timers */
    put_gas(out, true, 8, 0xcf9);
    put(out, 0x0f, 1);
    put_zeroes(out, 3 + 8); /* the FACS has its 32-bit address */
    put(out, dsdt, 8);
    put_fadt_extended(out);
    patch_pointer(t, false, at + 36, 4);
    patch_pointer(t, false, at + 40, 4);
    patch_pointer(t, false, at + 140, 8);
    table_end(t, at);
    return at;
}

static void put_override(GByteArray *out, unsigned irq, unsigned gsi, unsigned flags)
{
    put(out, 2, 1);
    put(out, 10, 1);
    put(out, 0, 1);
    put(out, irq, 1);
    put(out, gsi, 4);
    put(out, flags, 2);
}

static void put_local_apic(GByteArray *out, unsigned index, uint32_t id)
{
    if (id < 255) {
        put(out, 0, 1);
        put(out, 8, 1);
        put(out, index, 1);
        put(out, id, 1);
        put(out, 1, 4);
    } else {
        put(out, 9, 1); /* local x2APIC */
        put(out, 16, 1);
        put(out, 0, 2);
        put(out, id, 4);
        put(out, 1, 4);
        put(out, index, 4);
    }
}

static uint32_t add_madt(struct acpi_tables *t, const struct acpi_config *c)
{
    static const uint8_t level_irqs[] = {5, 9, 10, 11}; /* what PCI links and the SCI may use */
    GByteArray *out = t->tables;
    uint32_t at = table_begin(t, "APIC", 1);

    put(out, LAPIC_BASE, 4);
    put(out, 1, 4); /* there is a pair of 8259A */
    for (unsigned i = 0; i < c->n_cpus; i++) {
        put_local_apic(out, i, c->apic_ids[i]);
    }
    put(out, 1, 1);
    put(out, 12, 1);
    put(out, 0, 2);
    put(out, IRQS_IOAPIC_BASE, 4);
    put(out, 0, 4);
    put_override(out, 0, 2, 0);
    for (unsigned i = 0; i < sizeof(level_irqs); i++) {
        put_override(out, level_irqs[i], level_irqs[i], 0xd); /* level, active high */
    }
    put(out, 4, 1); /* LINT1 of every CPU is NMI */
    put(out, 6, 1);
    put(out, 0xff, 1);
    put(out, 0, 2);
    put(out, 1, 1);
    table_end(t, at);
    return at;
}

static uint32_t add_hpet(struct acpi_tables *t)
{
    uint32_t at = table_begin(t, "HPET", 1);

    put(t->tables, 0x8086a201, 4);
    put_gas(t->tables, false, 0, HPET_BASE);
    put_zeroes(t->tables, 4);
    table_end(t, at);
    return at;
}

static uint32_t add_mcfg(struct acpi_tables *t)
{
    uint32_t at = table_begin(t, "MCFG", 1);

    put_zeroes(t->tables, 8);
    put(t->tables, MCH_ECAM_BASE, 8);
    put(t->tables, 0, 2);
    put(t->tables, 0, 1);
    put(t->tables, MCH_ECAM_SIZE / 0x100000 - 1, 1);
    put_zeroes(t->tables, 4);
    table_end(t, at);
    return at;
}

static uint32_t add_waet(struct acpi_tables *t)
{
    uint32_t at = table_begin(t, "WAET", 1);

    put(t->tables, 2, 4); /* one read of the timer is enough */
    table_end(t, at);
    return at;
}

static uint32_t add_rsdt(struct acpi_tables *t, const uint32_t *tables, unsigned n)
{
    uint32_t at = table_begin(t, "RSDT", 1);

    for (unsigned i = 0; i < n; i++) {
        put(t->tables, tables[i], 4);
        patch_pointer(t, false, at + HEADER + 4 * i, 4);
    }
    table_end(t, at);
    return at;
}

static void add_rsdp(struct acpi_tables *t, uint32_t rsdt)
{
    GByteArray *out = t->rsdp;

    g_byte_array_append(out, (const uint8_t *)"RSD PTR ", 8);
    put(out, 0, 1);
    g_byte_array_append(out, (const uint8_t *)"BOCHS ", 6);
    put(out, 0, 1); /* revision 1.0: 20 bytes */
    put(out, rsdt, 4);
    patch_pointer(t, true, 16, 4);
    patch_checksum(t, true, 8, 0, 20);
}

struct acpi_tables *acpi_tables_new(const struct acpi_config *c)
{
    struct acpi_tables *t = g_new0(struct acpi_tables, 1);
    uint32_t facs, dsdt, list[8];
    unsigned n = 0;

    t->tables = g_byte_array_new();
    t->rsdp = g_byte_array_new();
    t->patches = g_array_new(FALSE, FALSE, sizeof(struct patch));
    facs = add_facs(t);
    dsdt = add_dsdt(t, c);
    list[n++] = add_fadt(t, c, facs, dsdt);
    list[n++] = add_madt(t, c);
    if (c->hpet) {
        list[n++] = add_hpet(t);
    }
    list[n++] = add_mcfg(t);
    list[n++] = add_waet(t);
    add_rsdp(t, add_rsdt(t, list, n));
    return t;
}

void acpi_tables_free(struct acpi_tables *t)
{
    if (t) {
        g_byte_array_unref(t->tables);
        g_byte_array_unref(t->rsdp);
        g_array_unref(t->patches);
        g_free(t);
    }
}

static void put_file_name(uint8_t *at, const char *name)
{
    memcpy(at, name, strlen(name)); /* the rest is zero */
}

static void put_allocate(GByteArray *out, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t e[LOADER_ENTRY] = {0};

    st_le32(e, LOADER_ALLOCATE);
    put_file_name(e + 4, file);
    st_le32(e + 4 + LOADER_NAME, align);
    e[8 + LOADER_NAME] = zone;
    g_byte_array_append(out, e, sizeof(e));
}

static void put_patch(GByteArray *out, const struct patch *p)
{
    uint8_t e[LOADER_ENTRY] = {0};

    put_file_name(e + 4, p->in_rsdp ? RSDP : TABLES);
    if (p->checksum) {
        st_le32(e, LOADER_ADD_CHECKSUM);
        st_le32(e + 4 + LOADER_NAME, p->offset);
        st_le32(e + 8 + LOADER_NAME, p->start);
        st_le32(e + 12 + LOADER_NAME, p->length);
    } else {
        st_le32(e, LOADER_ADD_POINTER);
        put_file_name(e + 4 + LOADER_NAME, TABLES);
        st_le32(e + 4 + 2 * LOADER_NAME, p->offset);
        e[8 + 2 * LOADER_NAME] = p->size;
    }
    g_byte_array_append(out, e, sizeof(e));
}

gboolean acpi_tables_publish(const struct acpi_tables *t, struct fw_cfg *f, GError **error)
{
    g_autoptr(GByteArray) loader = g_byte_array_new();

    put_allocate(loader, TABLES, 64, ZONE_HIGH);
    put_allocate(loader, RSDP, 16, ZONE_FSEG);
    for (unsigned i = 0; i < t->patches->len; i++) {
        put_patch(loader, &g_array_index(t->patches, struct patch, i));
    }
    return fw_cfg_set_file(f, TABLES, t->tables->data, t->tables->len, error) &&
           fw_cfg_set_file(f, RSDP, t->rsdp->data, t->rsdp->len, error) &&
           fw_cfg_set_file(f, LOADER, loader->data, loader->len, error);
}

void acpi_tables_link(struct acpi_tables *t, uint32_t base)
{
    for (unsigned i = 0; i < t->patches->len; i++) {
        const struct patch *p = &g_array_index(t->patches, struct patch, i);
        uint8_t *data = p->in_rsdp ? t->rsdp->data : t->tables->data;
        uint8_t sum = 0;

        if (!p->checksum) {
            st_le32(data + p->offset, ld_le32(data + p->offset) + base);
            continue;
        }
        for (uint32_t k = 0; k < p->length; k++) {
            sum += data[p->start + k];
        }
        data[p->offset] -= sum;
    }
}
