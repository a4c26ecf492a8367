/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/smbios.h"

#include "base/endian.h"
#include "row/row.h"

#include <string.h>

#define HANDLE_BIOS   0x000
#define HANDLE_SYSTEM 0x100
#define HANDLE_CASE   0x300
#define HANDLE_CPU    0x400
#define HANDLE_ARRAY  0x1000
#define HANDLE_DIMM   0x1100
#define HANDLE_MAP    0x1300
#define HANDLE_BOOT   0x2000
#define HANDLE_END    0x7f00

#define DIMM_MAX (UINT64_C(16) << 30) /* bytes of one memory device */
#define DIMMS    64

/* What -smbios type=N,... may say; NULL or zero: the default. */
struct options {
    struct {
        char *vendor, *version, *date;
    } bios;
    struct {
        char *manufacturer, *product, *version, *serial, *uuid, *sku, *family;
    } system;
    struct {
        char *manufacturer, *version, *serial, *asset, *sku;
    } chassis;
    struct {
        char *socket, *manufacturer, *version, *serial, *asset, *part;
    } cpu;
    struct {
        char *locator, *bank, *manufacturer, *serial, *asset, *part;
        uint64_t speed;
    } dimm;
};

#define TEXT(key, f)                                                            \
    {                                                                           \
        .name = key, .type = ROW_STR, ROW_FIELD(struct options, f), .help = key \
    }

static const struct row type0[] = {
    TEXT("vendor", bios.vendor), TEXT("version", bios.version), TEXT("date", bios.date), {0}};
static const struct row type1[] = {TEXT("manufacturer", system.manufacturer),
                                   TEXT("product", system.product),
                                   TEXT("version", system.version),
                                   TEXT("serial", system.serial),
                                   TEXT("uuid", system.uuid),
                                   TEXT("sku", system.sku),
                                   TEXT("family", system.family),
                                   {0}};
static const struct row type3[] = {TEXT("manufacturer", chassis.manufacturer),
                                   TEXT("version", chassis.version),
                                   TEXT("serial", chassis.serial),
                                   TEXT("asset", chassis.asset),
                                   TEXT("sku", chassis.sku),
                                   {0}};
static const struct row type4[] = {TEXT("sock_pfx", cpu.socket),
                                   TEXT("manufacturer", cpu.manufacturer),
                                   TEXT("version", cpu.version),
                                   TEXT("serial", cpu.serial),
                                   TEXT("asset", cpu.asset),
                                   TEXT("part", cpu.part),
                                   {0}};
static const struct row type17[] = {TEXT("loc_pfx", dimm.locator),
                                    TEXT("bank", dimm.bank),
                                    TEXT("manufacturer", dimm.manufacturer),
                                    TEXT("serial", dimm.serial),
                                    TEXT("asset", dimm.asset),
                                    TEXT("part", dimm.part),
                                    {.name = "speed",
                                     .type = ROW_UINT,
                                     ROW_FIELD(struct options, dimm.speed),
                                     .max = UINT16_MAX,
                                     .help = "speed in MT/s"},
                                    {0}};

static const struct {
    const char *type;
    const struct row *rows;
} types[] = {{"0", type0}, {"1", type1}, {"3", type3}, {"4", type4}, {"17", type17}};

static gboolean read_one(struct options *o, json_object *given, GError **error)
{
    json_object *type = json_object_object_get(given, "type");
    const char *number = type ? json_object_get_string(type) : "";

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].type, number) != 0) {
            continue;
        }
        json_object_object_foreach(given, name, value)
        {
            g_autofree char *what = g_strdup_printf("-smbios type=%s", number);

            if (strcmp(name, "type") != 0 && !row_set(types[i].rows, o, what, name, value, error)) {
                return FALSE;
            }
        }
        return TRUE;
    }
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-smbios %s%s is not built yet",
                type ? "type=" : "file", number);
    return FALSE;
}

/* The structure in progress: its formatted bytes, then its strings. */
struct building {
    GByteArray *out;
    guint at;
    GPtrArray *strings; /* borrowed */
};

static struct building begin(struct smbios_tables *s, uint8_t type, uint16_t handle)
{
    struct building b = {s->structures, s->structures->len, g_ptr_array_new()};
    uint8_t head[4] = {type, 0};

    st_le16(head + 2, handle);
    g_byte_array_append(b.out, head, 4);
    return b;
}

static void put(struct building *b, uint64_t v, unsigned size)
{
    uint8_t bytes[8];

    st_le64(bytes, v);
    g_byte_array_append(b->out, bytes, size);
}

/* A reference to a string: its number, 0 for none. */
static void put_string(struct building *b, const char *text)
{
    if (text && *text) {
        g_ptr_array_add(b->strings, (char *)text);
        put(b, b->strings->len, 1);
    } else {
        put(b, 0, 1);
    }
}

static void end(struct smbios_tables *s, struct building *b)
{
    b->out->data[b->at + 1] = b->out->len - b->at;
    for (unsigned i = 0; i < b->strings->len; i++) {
        const char *text = g_ptr_array_index(b->strings, i);

        g_byte_array_append(b->out, (const uint8_t *)text, strlen(text) + 1);
    }
    put(b, 0, b->strings->len ? 1 : 2);
    /* Entry point: how many structures, and the longest. */
    st_le16(s->anchor + 0x1c, ld_le16(s->anchor + 0x1c) + 1);
    st_le16(s->anchor + 0x08, MAX(ld_le16(s->anchor + 0x08), b->out->len - b->at));
    g_ptr_array_unref(b->strings);
}

static const char * or (const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

static void add_bios(struct smbios_tables *s, const struct options *o)
{
    struct building b;

    if (!o->bios.vendor && !o->bios.version && !o->bios.date) {
        return; /* the firmware writes its own */
    }
    b = begin(s, 0, HANDLE_BIOS);
    put_string(&b, o->bios.vendor);
    put_string(&b, o->bios.version);
    put(&b, 0xe800, 2);
    put_string(&b, o->bios.date);
    put(&b, 0, 1);
    put(&b, 0x08, 8);   /* characteristics are not supported */
    put(&b, 0x1400, 2); /* virtual machine, targeted content */
    put(&b, 0, 2);
    put(&b, 0xffff, 2);
    end(s, &b);
}

/* The first three fields of a UUID are little-endian here. */
static gboolean put_uuid(struct building *b, const struct machine_config *config, const char *given,
                         GError **error)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t uuid[16];

    memcpy(uuid, config->uuid, 16);
    if (given) {
        unsigned n = 0;

        if (!g_uuid_string_is_valid(given)) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "-smbios type=1: '%s' is not a UUID", given);
            return FALSE;
        }
        for (const char *p = given; *p; p++) {
            if (*p != '-') {
                uuid[n++] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
                p++;
            }
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        put(b, uuid[order[i]], 1);
    }
    return TRUE;
}

static gboolean add_system(struct smbios_tables *s, const struct options *o,
                           const struct machine_config *config, GError **error)
{
    struct building b = begin(s, 1, HANDLE_SYSTEM);
    gboolean ok;

    put_string(&b, or (o->system.manufacturer, "QEMU"));
    put_string(&b, or (o->system.product, "Standard PC (Q35 + ICH9, 2009)"));
    put_string(&b, or (o->system.version, "pc-q35-7.2"));
    put_string(&b, o->system.serial);
    ok = put_uuid(&b, config, o->system.uuid, error);
    put(&b, 6, 1); /* woken by the power switch */
    put_string(&b, o->system.sku);
    put_string(&b, o->system.family);
    end(s, &b);
    return ok;
}

static void add_chassis(struct smbios_tables *s, const struct options *o)
{
    struct building b = begin(s, 3, HANDLE_CASE);

    put_string(&b, or (o->chassis.manufacturer, "QEMU"));
    put(&b, 1, 1); /* "other" */
    put_string(&b, or (o->chassis.version, "pc-q35-7.2"));
    put_string(&b, o->chassis.serial);
    put_string(&b, o->chassis.asset);
    put(&b, 0x03030303, 3); /* safe, safe, safe */
    put(&b, 2, 1);          /* security: unknown */
    put(&b, 0, 4);
    put(&b, 0, 4); /* height, cords, no contained elements */
    put_string(&b, o->chassis.sku);
    end(s, &b);
}

static void add_cpu(struct smbios_tables *s, const struct options *o,
                    const struct machine_config *config, unsigned socket, uint32_t signature,
                    uint32_t features)
{
    g_autofree char *name = g_strdup_printf("%s%2x", or (o->cpu.socket, "CPU"), socket);
    unsigned cores = MAX(config->smp.dies, 1) * MAX(config->smp.cores, 1);
    unsigned threads = cores * MAX(config->smp.threads, 1);
    struct building b = begin(s, 4, HANDLE_CPU + socket);

    put_string(&b, name);
    put(&b, 3, 1); /* central processor */
    put(&b, 1, 1); /* family "other" */
    put_string(&b, or (o->cpu.manufacturer, "QEMU"));
    put(&b, signature, 4);
    put(&b, features, 4);
    put_string(&b, or (o->cpu.version, "pc-q35-7.2"));
    put(&b, 0, 1);
    put(&b, 0, 2);
    put(&b, 2000, 2);
    put(&b, 2000, 2);
    put(&b, 0x41, 1); /* populated, enabled */
    put(&b, 1, 1);
    put(&b, 0xffff, 2);
    put(&b, 0xffff, 2);
    put(&b, 0xffff, 2);
    put_string(&b, o->cpu.serial);
    put_string(&b, o->cpu.asset);
    put_string(&b, o->cpu.part);
    put(&b, MIN(cores, 255), 1);
    put(&b, MIN(cores, 255), 1);
    put(&b, MIN(threads, 255), 1);
    put(&b, 2, 2);
    put(&b, 1, 2);
    put(&b, cores, 2);
    put(&b, cores, 2);
    put(&b, threads, 2);
    end(s, &b);
}

static void add_array(struct smbios_tables *s, uint64_t size, unsigned dimms)
{
    struct building b = begin(s, 16, HANDLE_ARRAY);
    bool large = size / 1024 >= 0x80000000;

    put(&b, 1, 1); /* where: "other" */
    put(&b, 3, 1); /* system memory */
    put(&b, 6, 1); /* multi-bit error correction */
    put(&b, large ? 0x80000000 : size / 1024, 4);
    put(&b, 0xfffe, 2);
    put(&b, dimms, 2);
    put(&b, large ? size : 0, 8);
    end(s, &b);
}

static void add_dimm(struct smbios_tables *s, const struct options *o, unsigned n, uint64_t size)
{
    g_autofree char *name = g_strdup_printf("%s %u", or (o->dimm.locator, "DIMM"), n);
    uint64_t mib = size >> 20;
    struct building b = begin(s, 17, HANDLE_DIMM + n);

    put(&b, HANDLE_ARRAY, 2);
    put(&b, 0xfffe, 2);
    put(&b, 0xffff, 2);
    put(&b, 0xffff, 2);
    put(&b, mib < 0x7fff ? mib : 0x7fff, 2);
    put(&b, 9, 1); /* DIMM */
    put(&b, 0, 1);
    put_string(&b, name);
    put_string(&b, o->dimm.bank);
    put(&b, 7, 1); /* RAM */
    put(&b, 2, 2);
    put(&b, o->dimm.speed, 2);
    put_string(&b, or (o->dimm.manufacturer, "QEMU"));
    put_string(&b, o->dimm.serial);
    put_string(&b, o->dimm.asset);
    put_string(&b, o->dimm.part);
    put(&b, 0, 1);
    put(&b, mib < 0x7fff ? 0 : mib, 4);
    put(&b, o->dimm.speed, 2);
    put(&b, 0, 6);
    end(s, &b);
}

static void add_map(struct smbios_tables *s, unsigned n, uint64_t base, uint64_t size)
{
    struct building b = begin(s, 19, HANDLE_MAP + n);
    uint64_t first = base / 1024, last = (base + size) / 1024 - 1;
    bool large = last > UINT32_MAX - 1;

    put(&b, large ? UINT32_MAX : first, 4);
    put(&b, large ? UINT32_MAX : last, 4);
    put(&b, HANDLE_ARRAY, 2);
    put(&b, 1, 1);
    put(&b, large ? base : 0, 8);
    put(&b, large ? base + size - 1 : 0, 8);
    end(s, &b);
}

static void add_boot_and_end(struct smbios_tables *s)
{
    struct building b = begin(s, 32, HANDLE_BOOT);

    put(&b, 0, 7); /* no errors */
    end(s, &b);
    b = begin(s, 127, HANDLE_END);
    end(s, &b);
}

static void add_memory(struct smbios_tables *s, const struct options *o, uint64_t below,
                       uint64_t above)
{
    uint64_t size = below + above, each = DIMM_MAX;
    unsigned n = (size + each - 1) / each;

    if (n > DIMMS) {
        n = DIMMS;
        each = (size + n - 1) / n;
    }
    add_array(s, size, n);
    for (unsigned i = 0; i < n; i++) {
        add_dimm(s, o, i, MIN(each, size - i * each));
    }
    add_map(s, 0, 0, below);
    if (above) {
        add_map(s, 1, UINT64_C(0x100000000), above);
    }
}

static uint8_t sum(const uint8_t *p, unsigned n)
{
    uint8_t v = 0;

    while (n--) {
        v += *p++;
    }
    return v;
}

void smbios_tables_link(struct smbios_tables *s, uint32_t address)
{
    uint8_t *a = s->anchor;

    memcpy(a, "_SM_", 4);
    a[0x05] = SMBIOS_ANCHOR;
    a[0x06] = 2;
    a[0x07] = 8;
    memcpy(a + 0x10, "_DMI_", 5);
    st_le16(a + 0x16, s->structures->len);
    st_le32(a + 0x18, address);
    a[0x1e] = 0x28;
    a[0x15] = 0;
    a[0x15] = -sum(a + 0x10, 15);
    a[0x04] = 0;
    a[0x04] = -sum(a, SMBIOS_ANCHOR);
}

static gboolean fill(struct smbios_tables *s, const struct options *o,
                     const struct machine_config *config, uint64_t below, uint64_t above,
                     uint32_t signature, uint32_t features, GError **error)
{
    add_bios(s, o);
    if (!add_system(s, o, config, error)) {
        return FALSE;
    }
    add_chassis(s, o);
    for (unsigned i = 0; i < MAX(config->smp.sockets, 1); i++) {
        add_cpu(s, o, config, i, signature, features);
    }
    add_memory(s, o, below, above);
    add_boot_and_end(s);
    if (s->structures->len > UINT16_MAX) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "the SMBIOS structures have %u bytes, 65535 fit", s->structures->len);
        return FALSE;
    }
    smbios_tables_link(s, 0);
    return TRUE;
}

struct smbios_tables *smbios_tables_new(const struct machine_config *config, uint64_t below,
                                        uint64_t above, uint32_t cpu_signature,
                                        uint32_t cpu_features, GError **error)
{
    struct smbios_tables *s = g_new0(struct smbios_tables, 1);
    struct options o = {0};
    gboolean ok = TRUE;

    s->structures = g_byte_array_new();
    for (unsigned i = 0; ok && i < config->n_smbios; i++) {
        ok = read_one(&o, config->smbios[i], error);
    }
    ok = ok && fill(s, &o, config, below, above, cpu_signature, cpu_features, error);
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        row_clear(types[i].rows, &o);
    }
    if (!ok) {
        smbios_tables_free(s);
        return NULL;
    }
    return s;
}

void smbios_tables_free(struct smbios_tables *s)
{
    if (s) {
        g_byte_array_unref(s->structures);
        g_free(s);
    }
}
