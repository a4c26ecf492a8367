/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <capabilities>: this computer, and what each installed emulator says of itself. */
#include "manage/conf/fault.h"
#include "manage/cpu/model.h"
#include "manage/cpu/processor.h"
#include "manage/driver/qmp/internal.h"
#include "manage/host/cpu.h"
#include "manage/host/node.h"

#include <string.h>
#include <sys/stat.h>

/* Architectures that have emulators, in libvirt's order. */
static const struct arch {
    const char *name;
    unsigned bits;
    bool acpi; /* a guest's ACPI can be switched */
    bool apic;
} archs[] = {
    {"alpha", 64, false, false},        {"armv6l", 32, false, false},
    {"armv7l", 32, false, false},       {"aarch64", 64, true, false},
    {"cris", 32, false, false},         {"i686", 32, true, true},
    {"m68k", 32, false, false},         {"microblaze", 32, false, false},
    {"microblazeel", 32, false, false}, {"mips", 32, false, false},
    {"mipsel", 32, false, false},       {"mips64", 64, false, false},
    {"mips64el", 64, false, false},     {"ppc", 32, false, false},
    {"ppc64", 64, false, false},        {"ppc64le", 64, false, false},
    {"riscv32", 32, false, false},      {"riscv64", 64, false, false},
    {"s390x", 64, false, false},        {"sh4", 32, false, false},
    {"sh4eb", 32, false, false},        {"sparc", 32, false, false},
    {"sparc64", 64, false, false},      {"x86_64", 64, true, true},
    {"xtensa", 32, false, false},       {"xtensaeb", 32, false, false},
};

static struct xml *add_empty(struct xml *parent, const char *name)
{
    return xml_append(parent, xml_new(name));
}

G_GNUC_PRINTF(3, 4)
static void set(struct xml *node, const char *name, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list args;

    va_start(args, format);
    value = g_strdup_vprintf(format, args);
    va_end(args);
    xml_set(node, name, value);
}

/* --- the host --- */

/* The firmware's own number, or one made from what names this installation: always the same. */
static char *host_uuid(void)
{
    g_autofree char *text = NULL;
    uint8_t uuid[UUID_BYTES];
    char *out = g_malloc(UUID_TEXT);

    if (!g_file_get_contents("/sys/class/dmi/id/product_uuid", &text, NULL, NULL) ||
        !uuid_parse(g_strstrip(text), uuid)) {
        g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guint8 *)"vivarium host", 13);
        guint8 digest[32];
        gsize size = sizeof(digest);

        g_free(g_steal_pointer(&text));
        if (!g_file_get_contents("/etc/machine-id", &text, NULL, NULL)) {
            text = g_strdup(g_get_host_name());
        }
        g_hmac_update(hmac, (const guint8 *)text, -1);
        g_hmac_get_digest(hmac, digest, &size);
        memcpy(uuid, digest, sizeof(uuid));
        uuid[6] = (uuid[6] & 0x0f) | 0x80; /* version 8, RFC 9562 */
        uuid[8] = (uuid[8] & 0x3f) | 0x80;
    }
    uuid_format(uuid, out);
    return out;
}

/* False: it is none of those that have models. */
static bool describe_cpu(struct model_words *ret_words)
{
    struct model_wish wish = {.whole = true};
    struct processor processor;

    if (!processor_read(&processor)) {
        return false;
    }
    wish.vendor = processor.vendor;
    return model_describe(&processor.features, &wish, ret_words);
}

static void add_cpu_features(struct xml *cpu, const struct feature_set *set)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (feature_in(set, n)) {
            xml_set(add_empty(cpu, "feature"), "name", feature_get(n)->name);
        }
    }
}

static void add_cpu(struct xml *host, const struct node *node)
{
    struct xml *cpu = add_empty(host, "cpu"), *child;
    struct model_words words;
    bool described = describe_cpu(&words);
    struct host_cpu about;

    host_cpu_read("", &about);
    xml_add(cpu, "arch", "%s", about.arch);
    if (described) {
        xml_add(cpu, "model", "%s", words.model);
    }
    if (about.vendor != NULL) {
        xml_add(cpu, "vendor", "%s", about.vendor);
    }
    if (about.microcode != 0) {
        set(add_empty(cpu, "microcode"), "version", "%u", about.microcode);
    }
    if (about.family != 0) {
        child = add_empty(cpu, "signature");
        set(child, "family", "%u", about.family);
        set(child, "model", "%u", about.model);
        set(child, "stepping", "%u", about.stepping);
    }
    child = add_empty(cpu, "topology");
    set(child, "sockets", "%u", node->sockets);
    set(child, "dies", "%u", node->dies);
    set(child, "cores", "%u", node->cores);
    set(child, "threads", "%u", node->threads);
    if (about.address_bits != 0) {
        child = add_empty(cpu, "maxphysaddr");
        xml_set(child, "mode", "emulate");
        set(child, "bits", "%u", about.address_bits);
    }
    if (described) {
        add_cpu_features(cpu, &words.more);
    }
    for (unsigned i = 0; i < node_cell(node, 0)->pages->len; i++) {
        child = add_empty(cpu, "pages");
        xml_set(child, "unit", "KiB");
        set(child, "size", "%u",
            g_array_index(node_cell(node, 0)->pages, struct node_pages, i).kib);
    }
}

static void add_cell_memory(struct xml *parent, const struct node_cell *cell)
{
    struct xml *child = xml_add(parent, "memory", "%" G_GUINT64_FORMAT, cell->memory);

    xml_set(child, "unit", "KiB");
    for (unsigned i = 0; i < cell->pages->len; i++) {
        const struct node_pages *pages = &g_array_index(cell->pages, struct node_pages, i);

        child = xml_add(parent, "pages", "%" G_GUINT64_FORMAT, pages->total);
        xml_set(child, "unit", "KiB");
        set(child, "size", "%u", pages->kib);
    }
}

static void add_cell(struct xml *cells, const struct node *node, const struct node_cell *cell)
{
    struct xml *parent = add_empty(cells, "cell"), *list, *child;

    set(parent, "id", "%u", cell->id);
    add_cell_memory(parent, cell);
    if (cell->distances->len > 0) {
        list = add_empty(parent, "distances");
        for (unsigned i = 0; i < MIN(cell->distances->len, node->cells->len); i++) {
            child = add_empty(list, "sibling");
            set(child, "id", "%u", node_cell(node, i)->id);
            set(child, "value", "%u", g_array_index(cell->distances, unsigned, i));
        }
    }
    list = add_empty(parent, "cpus");
    set(list, "num", "%u", cell->cpus->len);
    for (unsigned i = 0; i < cell->cpus->len; i++) {
        const struct node_cpu *cpu = &g_array_index(cell->cpus, struct node_cpu, i);

        child = add_empty(list, "cpu");
        set(child, "id", "%u", cpu->id);
        set(child, "socket_id", "%u", cpu->socket);
        set(child, "die_id", "%u", cpu->die);
        set(child, "core_id", "%u", cpu->core);
        xml_set(child, "siblings", cpu->siblings);
    }
}

static void add_caches(struct xml *host, const struct node *node)
{
    struct xml *list = node->caches->len > 0 ? add_empty(host, "cache") : NULL;

    for (unsigned i = 0; i < node->caches->len; i++) {
        const struct node_cache *cache = node->caches->pdata[i];
        struct xml *bank = add_empty(list, "bank");
        bool whole = cache->kib % 1024 == 0;

        set(bank, "id", "%u", cache->id);
        set(bank, "level", "%u", cache->level);
        xml_set(bank, "type", cache->type);
        set(bank, "size", "%u", whole ? cache->kib / 1024 : cache->kib);
        xml_set(bank, "unit", whole ? "MiB" : "KiB");
        xml_set(bank, "cpus", cache->cpus != NULL ? cache->cpus : "");
    }
}

static bool has_iommu(void)
{
    g_autoptr(GDir) dir = g_dir_open("/sys/kernel/iommu_groups", 0, NULL);

    return dir != NULL && g_dir_read_name(dir) != NULL;
}

static void add_host(struct xml *root)
{
    struct xml *host = add_empty(root, "host"), *list;
    g_autoptr(node_own) node = node_read("");
    g_autofree char *uuid = host_uuid();

    xml_add(host, "uuid", "%s", uuid);
    add_cpu(host, node);
    add_empty(host, "power_management");
    xml_set(add_empty(host, "iommu"), "support", has_iommu() ? "yes" : "no");
    list = add_empty(add_empty(host, "topology"), "cells");
    set(list, "num", "%u", node->cells->len);
    for (unsigned i = 0; i < node->cells->len; i++) {
        add_cell(list, node, node_cell(node, i));
    }
    add_caches(host, node);
    list = add_empty(host, "secmodel");
    xml_add(list, "model", "none");
    xml_add(list, "doi", "0");
}

/* --- guests --- */

static void add_machine(struct xml *arch, const char *name, const struct emulator_machine *machine)
{
    struct xml *child = xml_add(arch, "machine", "%s", name);

    if (name != machine->name) {
        xml_set(child, "canonical", machine->name);
    }
    if (machine->max_cpus > 0) {
        set(child, "maxCpus", "%u", machine->max_cpus);
    }
    if (machine->deprecated) {
        xml_set(child, "deprecated", "yes");
    }
}

static void add_machines(struct xml *arch, const struct emulator *emulator)
{
    const struct emulator_machine *usual = emulator_find_machine(emulator, NULL);

    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < emulator->machines->len; i++) {
            const struct emulator_machine *machine = emulator->machines->pdata[i];

            /* The default first; "none" is for asking only. */
            if ((machine == usual) != (pass == 0) || strcmp(machine->name, "none") == 0) {
                continue;
            }
            add_machine(arch, machine->name, machine);
            if (machine->alias != NULL) {
                add_machine(arch, machine->alias, machine);
            }
        }
    }
}

static void add_toggle(struct xml *features, const char *name, bool toggle)
{
    struct xml *child = add_empty(features, name);

    xml_set(child, "default", "on");
    xml_set(child, "toggle", toggle ? "yes" : "no");
}

static void add_features(struct xml *guest, const struct arch *arch,
                         const struct emulator *emulator)
{
    struct xml *features = add_empty(guest, "features");

    if (strcmp(arch->name, "i686") == 0) {
        add_empty(features, "pae");
        add_empty(features, "nonpae");
    }
    if (arch->acpi) {
        add_toggle(features, "acpi", true);
    }
    if (arch->apic) {
        add_toggle(features, "apic", false);
    }
    if (g_hash_table_contains(emulator->commands, "query-cpu-definitions")) {
        add_empty(features, "cpuselection");
    }
    add_empty(features, "deviceboot");
    if (g_hash_table_contains(emulator->commands, "blockdev-snapshot-sync")) {
        add_toggle(features, "disksnapshot", false);
    }
}

static void add_guest(struct xml *root, const struct arch *arch, const struct emulator *emulator)
{
    struct xml *guest = add_empty(root, "guest"), *child;

    xml_add(guest, "os_type", "hvm");
    child = add_empty(guest, "arch");
    xml_set(child, "name", arch->name);
    xml_add(child, "wordsize", "%u", arch->bits);
    xml_add(child, "emulator", "%s", emulator->path);
    add_machines(child, emulator);
    xml_set(add_empty(child, "domain"), "type", "qemu");
    add_features(guest, arch, emulator);
}

/* libvirt leaves a line free between the parts. */
static char *format(const struct xml *root)
{
    GString *out = g_string_new("<capabilities>\n");
    const struct xml *part;

    for (unsigned i = 0; (part = xml_child(root, i)) != NULL; i++) {
        g_string_append_c(out, '\n');
        xml_write(part, 1, out);
    }
    g_string_append(out, "\n</capabilities>\n");
    return g_string_free(out, FALSE);
}

bool qmp_get_capabilities(struct call *call, GError **error)
{
    g_autoptr(xml_own) root = xml_new("capabilities");
    g_autofree char *text = NULL;

    add_host(root);
    for (unsigned i = 0; i < G_N_ELEMENTS(archs); i++) {
        g_autofree char *path = qmp_emulator_path(archs[i].name);
        g_autoptr(emulator_own) emulator =
            path != NULL ? qmp_emulator(call->host->state, path, NULL) : NULL;

        /* One that does not answer cannot run anything. */
        if (emulator != NULL) {
            add_guest(root, &archs[i], emulator);
        }
    }
    text = format(root);
    return call_reply_string(call, text);
}

bool qmp_get_sysinfo(struct call *call, GError **error)
{
    static const struct {
        const char *table;
        const char *entries[9][2]; /* libvirt's name, file of /sys/class/dmi/id */
    } tables[] = {
        {"bios",
         {{"vendor", "bios_vendor"},
          {"version", "bios_version"},
          {"date", "bios_date"},
          {"release", "bios_release"}}},
        {"system",
         {{"manufacturer", "sys_vendor"},
          {"product", "product_name"},
          {"version", "product_version"},
          {"serial", "product_serial"},
          {"uuid", "product_uuid"},
          {"sku", "product_sku"},
          {"family", "product_family"}}},
        {"baseBoard",
         {{"manufacturer", "board_vendor"},
          {"product", "board_name"},
          {"version", "board_version"},
          {"serial", "board_serial"},
          {"asset", "board_asset_tag"}}},
        {"chassis",
         {{"manufacturer", "chassis_vendor"},
          {"version", "chassis_version"},
          {"serial", "chassis_serial"},
          {"asset", "chassis_asset_tag"}}},
    };
    g_autoptr(xml_own) root = xml_new("sysinfo");
    g_autofree char *text = NULL;

    xml_set(root, "type", "smbios");
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (unsigned k = 0; tables[i].entries[k][0] != NULL; k++) {
            g_autofree char *path =
                g_build_filename("/sys/class/dmi/id", tables[i].entries[k][1], NULL);
            g_autofree char *value = NULL;

            if (g_file_get_contents(path, &value, NULL, NULL) && *g_strstrip(value) != '\0') {
                xml_set(xml_add(xml_need(root, tables[i].table), "entry", "%s", value), "name",
                        tables[i].entries[k][0]);
            }
        }
    }
    if (xml_child(root, 0) == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Host SMBIOS information is not available");
    }
    text = xml_format(root);
    return call_reply_string(call, text);
}

/* --- what is asked of the usual emulator --- */

/* Of this computer's architecture; NULL when none is installed or it does not answer. */
static struct emulator *usual_emulator(struct call *call, GError **error)
{
    struct host_cpu cpu;
    g_autofree char *path = NULL;

    host_cpu_read("", &cpu);
    path = qmp_emulator_path(cpu.arch);
    if (path == NULL) {
        fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                  "unable to find any emulator to serve '%s' architecture", cpu.arch);
        return NULL;
    }
    return qmp_emulator(call->host->state, path, error);
}

bool qmp_get_version(struct call *call, GError **error)
{
    g_autoptr(emulator_own) emulator = usual_emulator(call, error);

    return emulator != NULL && call_reply_u64(call, emulator->version);
}

/* libvirt's fixed answer for emulation; the most that a machine takes is in its capabilities. */
bool qmp_get_max_vcpus(struct call *call, GError **error)
{
    const char *type = call_maybe_string(call, 0);

    return type == NULL || g_ascii_strcasecmp(type, "qemu") == 0
               ? call_reply_i32(call, 16)
               : fault_set(error, FAULT_INVALID_ARG, "unknown type '%s'", type);
}
