/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine's own options; the devices are next door. */
#include "manage/driver/qmp/argv.h"

#include "manage/conf/device.h"
#include "manage/conf/fault.h"
#include "manage/cpu/feature.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

static const char *ram_id(const struct words *words)
{
    const char *arch = xml_get(xml_at(words->domain, "os/type"), "arch");

    return strcmp(arch, "aarch64") == 0   ? "mach-virt.ram"
           : strcmp(arch, "riscv64") == 0 ? "riscv_virt_board.ram"
                                          : "pc.ram";
}

static bool has_numa(const struct words *words)
{
    return xml_at(words->domain, "cpu/numa/cell") != NULL;
}

static uint64_t memory_kib(const struct words *words)
{
    uint64_t kib = 0;

    (void)xml_number(xml_text_at(words->domain, "memory"), &kib);
    return kib;
}

static bool has_rom(const struct words *words)
{
    return xml_is(xml_at(words->domain, "os/loader"), "type", "rom");
}

static bool has_flash(const struct words *words)
{
    const struct xml *loader = xml_at(words->domain, "os/loader");

    return xml_is(loader, "type", "pflash") && xml_is(loader, "readonly", "yes");
}

static bool has_nvram(const struct words *words)
{
    return has_flash(words) && xml_text_at(words->domain, "os/nvram") != NULL;
}

static void add_flash_node(struct words *words, unsigned n, const char *path, bool read_only)
{
    g_autofree char *storage = g_strdup_printf("libvirt-pflash%u-storage", n);
    g_autofree char *format = g_strdup_printf("libvirt-pflash%u-format", n);
    json_object *object = words_device("file");

    words_set(object, "filename", path);
    words_set(object, "node-name", storage);
    words_set_bool(object, "auto-read-only", true);
    words_set(object, "discard", "unmap");
    words_add_json(words, "-blockdev", object);
    object = json_object_new_object();
    words_set(object, "node-name", format);
    words_set_bool(object, "read-only", read_only);
    words_set(object, "driver", "raw");
    words_set(object, "file", storage);
    words_add_json(words, "-blockdev", object);
}

static void add_flash(struct words *words)
{
    if (has_flash(words)) {
        add_flash_node(words, 0, xml_text_at(words->domain, "os/loader"), true);
    }
    if (has_nvram(words)) {
        add_flash_node(words, 1, xml_text_at(words->domain, "os/nvram"), false);
    }
}

static void add_loader(struct words *words)
{
    if (has_rom(words)) {
        words_add(words, "-bios", "%s", xml_text_at(words->domain, "os/loader"));
    }
    if (has_flash(words) && xml_is(xml_at(words->domain, "os/loader"), "secure", "yes")) {
        words_add(words, "-global", "driver=cfi.pflash01,property=secure,value=on");
    }
}

static void add_machine(struct words *words)
{
    const struct xml *features = xml_find(words->domain, "features");
    GString *value = g_string_new(xml_get(xml_at(words->domain, "os/type"), "machine"));
    const char *state;

    g_string_append(value, ",usb=off");
    if ((state = xml_get(xml_find(features, "vmport"), "state")) != NULL) {
        g_string_append_printf(value, ",vmport=%s", state);
    }
    if ((state = xml_get(xml_find(features, "smm"), "state")) != NULL) {
        g_string_append_printf(value, ",smm=%s", state);
    }
    if ((state = xml_get(xml_find(features, "gic"), "version")) != NULL) {
        g_string_append_printf(value, ",gic-version=%s", state);
    }
    g_string_append(value, ",dump-guest-core=off");
    if (!has_numa(words)) {
        g_string_append_printf(value, ",memory-backend=%s", ram_id(words));
    }
    if (has_flash(words)) {
        g_string_append(value, ",pflash0=libvirt-pflash0-format");
    }
    if (has_nvram(words)) {
        g_string_append(value, ",pflash1=libvirt-pflash1-format");
    }
    words_add(words, "-machine", "%s", value->str);
    g_string_free(value, TRUE);
    words_add(words, "-accel", "%s", xml_is(words->domain, "type", "kvm") ? "kvm" : "tcg");
}

static void add_hyperv(const struct words *words, GString *value)
{
    const struct xml *hyperv = xml_at(words->domain, "features/hyperv");
    const struct xml *feature;

    for (unsigned i = 0; (feature = xml_child(hyperv, i)) != NULL; i++) {
        if (!xml_is(feature, "state", "on")) {
            continue;
        }
        if (strcmp(feature->name, "spinlocks") == 0) {
            g_string_append_printf(value, ",hv-spinlocks=0x%x",
                                   words_attribute(feature, "retries", 0x1fff));
        } else {
            g_string_append_printf(value, ",hv-%s=on", feature->name);
        }
    }
}

static bool add_cpu(struct words *words, GError **error)
{
    const struct xml *cpu = xml_find(words->domain, "cpu");
    const struct xml *clock = xml_find(words->domain, "clock");
    const char *mode = xml_get(cpu, "mode");
    const char *model = xml_text_at(cpu, "model");
    GString *value;

    if (cpu == NULL) {
        return true;
    }
    if (g_strcmp0(mode, "host-model") == 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "CPU mode 'host-model' is not built yet for this emulator and type: use "
                         "host-passthrough or a model");
    }
    value = g_string_new(g_strcmp0(mode, "host-passthrough") == 0 ? "host"
                         : g_strcmp0(mode, "maximum") == 0        ? "max"
                         : model != NULL                          ? model
                                                                  : "");
    if (g_strcmp0(mode, "host-passthrough") == 0) {
        /* Without KVM there is no host's CPU to pass through; the most there is comes nearest. */
        g_string_assign(value, xml_is(words->domain, "type", "kvm") ? "host" : "max");
        if (xml_get(cpu, "migratable") != NULL && xml_is(words->domain, "type", "kvm")) {
            g_string_append_printf(value, ",migratable=%s", xml_get(cpu, "migratable"));
        }
    }
    if (xml_get(xml_find(cpu, "model"), "vendor_id") != NULL) {
        g_string_append_printf(value, ",vendor=%s", xml_get(xml_find(cpu, "model"), "vendor_id"));
    }
    for (const struct xml *f = xml_find(cpu, "feature"); f != NULL;
         f = xml_next(cpu, "feature", f)) {
        const char *policy = xml_get(f, "policy");
        bool off = g_strcmp0(policy, "disable") == 0 || g_strcmp0(policy, "forbid") == 0;
        g_autofree char *property = feature_property(xml_get(f, "name"));

        g_string_append_printf(value, ",%s=%s", property, off ? "off" : "on");
    }
    for (const struct xml *t = xml_find(clock, "timer"); t != NULL;
         t = xml_next(clock, "timer", t)) {
        if (xml_is(t, "name", "hypervclock") && xml_is(t, "present", "yes")) {
            g_string_append(value, ",hv-time=on");
        }
    }
    add_hyperv(words, value);
    if (value->len > 0) {
        words_add(words, "-cpu", "%s", value->str);
    }
    g_string_free(value, TRUE);
    return true;
}

static json_object *memory_backend(const struct words *words, const char *id, uint64_t kib)
{
    const struct xml *backing = xml_find(words->domain, "memoryBacking");
    bool memfd = xml_is(xml_find(backing, "source"), "type", "memfd");
    json_object *object = words_object(memfd ? "memory-backend-memfd" : "memory-backend-ram", id);

    if (xml_is(xml_find(backing, "access"), "mode", "shared")) {
        words_set_bool(object, "share", true);
        words_set_bool(object, "x-use-canonical-path-for-ramblock-id", false);
    }
    words_set_int(object, "size", (int64_t)(kib * 1024));
    return object;
}

static void add_memory(struct words *words)
{
    words_add(words, "-m", "%" G_GUINT64_FORMAT, memory_kib(words) / 1024);
    if (!has_numa(words)) {
        words_add_json(words, "-object", memory_backend(words, ram_id(words), memory_kib(words)));
    }
    words_add(words, "-overcommit", "mem-lock=%s",
              xml_at(words->domain, "memoryBacking/locked") != NULL ? "on" : "off");
}

static void add_smp(struct words *words)
{
    const struct xml *vcpu = xml_find(words->domain, "vcpu");
    const struct xml *topology = xml_at(words->domain, "cpu/topology");
    const char *most = vcpu->text, *current = xml_get(vcpu, "current");
    GString *value = g_string_new(current != NULL ? current : most);

    if (current != NULL) {
        g_string_append_printf(value, ",maxcpus=%s", most);
    }
    g_string_append_printf(value, ",sockets=%s",
                           topology != NULL ? xml_get(topology, "sockets") : most);
    if (topology != NULL) {
        g_string_append_printf(value, ",dies=%s", xml_get(topology, "dies"));
    }
    g_string_append_printf(value, ",cores=%s,threads=%s",
                           topology != NULL ? xml_get(topology, "cores") : "1",
                           topology != NULL ? xml_get(topology, "threads") : "1");
    words_add(words, "-smp", "%s", value->str);
    g_string_free(value, TRUE);
}

static void add_iothreads(struct words *words)
{
    uint64_t n = 0;

    (void)xml_number(xml_text_at(words->domain, "iothreads"), &n);
    for (uint64_t i = 1; i <= n && i < 1024; i++) {
        g_autofree char *id = g_strdup_printf("iothread%" G_GUINT64_FORMAT, i);

        words_add_json(words, "-object", words_object("iothread", id));
    }
}

static bool add_numa(struct words *words, GError **error)
{
    const struct xml *numa = xml_at(words->domain, "cpu/numa");

    for (const struct xml *cell = xml_find(numa, "cell"); cell != NULL;
         cell = xml_next(numa, "cell", cell)) {
        g_autofree char *id = g_strdup_printf("ram-node%s", xml_get(cell, "id"));
        uint64_t kib = 0;

        if (xml_at(words->domain, "numatune") != NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<numatune> is not built yet");
        }
        (void)xml_number(xml_get(cell, "memory"), &kib);
        words_add_json(words, "-object", memory_backend(words, id, kib));
        words_add(words, "-numa", "node,nodeid=%s,cpus=%s,memdev=%s", xml_get(cell, "id"),
                  xml_get(cell, "cpus"), id);
    }
    return true;
}

static void add_monitor(struct words *words)
{
    if (words->env->monitor != NULL) {
        g_autofree char *path = words_quote(words->env->monitor);

        words_add(words, "-chardev", "socket,id=charmonitor,path=%s,server=on,wait=off", path);
    } else {
        words_add(words, "-chardev", "socket,id=charmonitor,fd=%d,server=on,wait=off",
                  words->env->monitor_fd);
    }
    words_add(words, "-mon", "chardev=charmonitor,id=monitor,mode=control");
}

static void add_clock(struct words *words)
{
    const struct xml *clock = xml_find(words->domain, "clock");
    bool slew = false, delay = false, hpet = true;

    for (const struct xml *t = xml_find(clock, "timer"); t != NULL;
         t = xml_next(clock, "timer", t)) {
        slew = slew || (xml_is(t, "name", "rtc") && xml_is(t, "tickpolicy", "catchup"));
        delay = delay || (xml_is(t, "name", "pit") && xml_is(t, "tickpolicy", "delay"));
        hpet = hpet && !(xml_is(t, "name", "hpet") && xml_is(t, "present", "no"));
    }
    words_add(words, "-rtc", "base=%s%s",
              xml_is(clock, "offset", "localtime") ? "localtime" : "utc",
              slew ? ",driftfix=slew" : "");
    if (delay && xml_is(words->domain, "type", "kvm")) {
        words_add(words, "-global", "kvm-pit.lost_tick_policy=delay");
    }
    if (!hpet && device_board(words->domain) != BOARD_VIRT) {
        words_add(words, "-no-hpet", NULL);
    }
}

static void add_power(struct words *words)
{
    const struct xml *pm = xml_find(words->domain, "pm");
    const char *chip = device_board(words->domain) == BOARD_Q35 ? "ICH9-LPC" : "PIIX4_PM";

    words_add(words, "-no-shutdown", NULL);
    if (xml_at(words->domain, "features/acpi") == NULL &&
        device_board(words->domain) != BOARD_VIRT) {
        words_add(words, "-no-acpi", NULL);
    }
    if (xml_get(xml_find(pm, "suspend-to-mem"), "enabled") != NULL) {
        words_add(words, "-global", "%s.disable_s3=%d", chip,
                  !xml_is(xml_find(pm, "suspend-to-mem"), "enabled", "yes"));
    }
    if (xml_get(xml_find(pm, "suspend-to-disk"), "enabled") != NULL) {
        words_add(words, "-global", "%s.disable_s4=%d", chip,
                  !xml_is(xml_find(pm, "suspend-to-disk"), "enabled", "yes"));
    }
}

static void add_boot(struct words *words)
{
    static const char *const files[][2] = {
        {"kernel", "-kernel"}, {"initrd", "-initrd"}, {"cmdline", "-append"}, {"dtb", "-dtb"}};
    const struct xml *os = xml_find(words->domain, "os");
    const struct xml *menu = xml_find(os, "bootmenu");
    GString *value = g_string_new(NULL);

    if (menu != NULL) {
        g_string_append_printf(value, "menu=%s,", xml_is(menu, "enable", "yes") ? "on" : "off");
        if (xml_get(menu, "timeout") != NULL) {
            g_string_append_printf(value, "splash-time=%s,", xml_get(menu, "timeout"));
        }
    }
    words_add(words, "-boot", "%sstrict=on", value->str);
    g_string_free(value, TRUE);
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        if (xml_text_at(os, files[i][0]) != NULL) {
            words_add(words, files[i][1], "%s", xml_text_at(os, files[i][0]));
        }
    }
}

/* <sysinfo type='smbios'>: the tables that QEMU takes, by their own numbers and names. */
static void add_smbios(struct words *words)
{
    static const struct {
        const char *element;
        int type;
    } tables[] = {{"bios", 0}, {"system", 1}, {"baseBoard", 2}, {"chassis", 3}};
    const struct xml *sysinfo = xml_find(words->domain, "sysinfo");

    if (!xml_is(xml_at(words->domain, "os/smbios"), "mode", "sysinfo")) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        const struct xml *table = xml_find(sysinfo, tables[i].element);
        g_autoptr(GString) value = g_string_new(NULL);

        for (const struct xml *e = xml_find(table, "entry"); e != NULL;
             e = xml_next(table, "entry", e)) {
            g_autofree char *text = words_quote(e->text != NULL ? e->text : "");

            g_string_append_printf(value, ",%s=%s", xml_get(e, "name"), text);
        }
        if (table != NULL) {
            words_add(words, "-smbios", "type=%d%s", tables[i].type, value->str);
        }
    }
}

/* Of <cputune>, where threads run is carried out when the machine is there: tune/pin.c. */
static bool check_cputune(const struct words *words, GError **error)
{
    const struct xml *cputune = xml_find(words->domain, "cputune"), *child;

    for (unsigned i = 0; (child = xml_child(cputune, i)) != NULL; i++) {
        if (strcmp(child->name, "vcpupin") != 0 && strcmp(child->name, "emulatorpin") != 0) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "<cputune> with <%s> is not built yet", child->name);
        }
    }
    return true;
}

/* Elements that change what a guest gets or who may touch it, and that nothing here carries out. */
static bool refuse_unbuilt(const struct words *words, GError **error)
{
    static const char *const unbuilt[] = {
        "launchSecurity",
        "keywrap",
        "blkiotune",
        "memtune",
        "numatune",
        "resource",
        "seclabel",
        "perf",
        "idmap",
        "genid",
        "memoryBacking/hugepages",
        "override",
        "maxMemory",
    };

    if (!check_cputune(words, error)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(unbuilt); i++) {
        if (xml_at(words->domain, unbuilt[i]) != NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s> is not built yet", unbuilt[i]);
        }
    }
    /* Chosen by now (loader.h), or nobody did. */
    if (xml_get(xml_find(words->domain, "os"), "firmware") != NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "no firmware was chosen");
    }
    if (xml_text_at(words->domain, "os/loader") != NULL && !has_flash(words) && !has_rom(words)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "<loader> in flash that is written to is not built yet");
    }
    return true;
}

/*
 * These go into values with commas between as they are, and none of QEMU's names or numbers for
 * them has one: a comma would begin an option that nobody checked.
 */
static bool check_plain(const struct xml *node, GError **error)
{
    const struct xml *child;

    for (char **a = node != NULL ? node->attributes : NULL; a != NULL && *a != NULL; a += 2) {
        if (strchr(a[1], ',') != NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "a comma in %s='%s' of <%s>", a[0],
                             a[1], node->name);
        }
    }
    if (node != NULL && node->text != NULL && strchr(node->text, ',') != NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "a comma in <%s>", node->name);
    }
    for (unsigned i = 0; (child = xml_child(node, i)) != NULL; i++) {
        if (!check_plain(child, error)) {
            return false;
        }
    }
    return true;
}

static bool check_values(const struct words *words, GError **error)
{
    static const char *const plain[] = {"vcpu", "cpu", "features", "clock", "iothreads"};
    const struct xml *sysinfo = xml_find(words->domain, "sysinfo"), *table, *entry;

    for (unsigned i = 0; i < G_N_ELEMENTS(plain); i++) {
        if (!check_plain(xml_find(words->domain, plain[i]), error)) {
            return false;
        }
    }
    for (const struct xml *g = xml_find(words->devices, "graphics"); g != NULL;
         g = xml_next(words->devices, "graphics", g)) {
        if (!check_plain(xml_find(g, "image"), error)) {
            return false;
        }
    }
    for (unsigned i = 0; (table = xml_child(sysinfo, i)) != NULL; i++) {
        for (unsigned k = 0; (entry = xml_child(table, k)) != NULL; k++) {
            const char *name = xml_get(entry, "name");

            if (name == NULL || strpbrk(name, ",=") != NULL) {
                return fault_set(error, FAULT_XML_ERROR, "Invalid name of a <sysinfo> entry: '%s'",
                                 name != NULL ? name : "");
            }
        }
    }
    return true;
}

static bool build(struct words *words, GError **error)
{
    g_autofree char *name = words_quote(xml_text_at(words->domain, "name"));

    if (!refuse_unbuilt(words, error) || !check_values(words, error)) {
        return false;
    }
    words_add(words, "-name", "guest=%s,debug-threads=on", name);
    words_add(words, "-S", NULL);
    add_flash(words);
    add_machine(words);
    if (!add_cpu(words, error)) {
        return false;
    }
    add_loader(words);
    add_memory(words);
    add_smp(words);
    add_iothreads(words);
    if (!add_numa(words, error)) {
        return false;
    }
    words_add(words, "-uuid", "%s", xml_text_at(words->domain, "uuid"));
    add_smbios(words);
    if (xml_find(words->devices, "graphics") == NULL) {
        words_add(words, "-display", "none");
    }
    words_add(words, "-no-user-config", NULL);
    words_add(words, "-nodefaults", NULL);
    add_monitor(words);
    add_clock(words);
    add_power(words);
    add_boot(words);
    if (!argv_add_devices(words, error)) {
        return false;
    }
    if (words->env->incoming) {
        words_add(words, "-incoming", "defer");
    }
    words_add(words, "-sandbox",
              "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    words_add(words, "-msg", "timestamp=on");
    return true;
}

char **argv_new(const struct xml *domain, const struct argv_env *env, GError **error)
{
    struct words words = {.list = g_ptr_array_new_with_free_func(g_free),
                          .domain = domain,
                          .devices = xml_find(domain, "devices"),
                          .env = env};

    if (!build(&words, error)) {
        g_ptr_array_free(words.list, TRUE);
        return NULL;
    }
    g_ptr_array_add(words.list, NULL);
    g_ptr_array_set_free_func(words.list, NULL);
    return (char **)g_ptr_array_free(words.list, FALSE);
}
