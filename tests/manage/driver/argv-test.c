/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines are word for word what libvirtd 9.0 gave QEMU for the same definitions
 * (data/domain-xml/normalised/NAME.argv), but for what is its own: the key of its secrets, the
 * places of its sockets, the descriptors of its networks.
 */
#include "../conf/sample.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/argv.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/loader.h"
#include "manage/host/firmware.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned graphics_port(void *opaque)
{
    (void)opaque;
    return 5901;
}

static const struct argv_env env = {
    .runtime = "/run", .monitor = "/run/monitor.sock", .graphics_port = graphics_port};

/* What is not built yet, and the words that say so. */
static const struct {
    const char *name, *words;
} unbuilt[] = {
    {"9p", "<filesystem> is not built yet"},
    {"virtiofs", "<filesystem> is not built yet"},
    {"cpu-numa", "<numatune> is not built yet"},
};

/* What Debian 12 has installed, as far as it matters. */
static struct firmware edk2[] = {
    {.interfaces = (char *[]){"uefi", NULL},
     .features = (char *[]){"enrolled-keys", "requires-smm", "secure-boot", NULL},
     .targets = (char *[]){"x86_64", "pc-q35-*", NULL},
     .flash = true,
     .code = "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
     .code_format = "raw",
     .nvram = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"},
    {.interfaces = (char *[]){"uefi", NULL},
     .features = (char *[]){"requires-smm", "secure-boot", NULL},
     .targets = (char *[]){"x86_64", "pc-q35-*", NULL},
     .flash = true,
     .code = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
     .code_format = "raw",
     .nvram = "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {.interfaces = (char *[]){"uefi", NULL},
     .features = (char *[]){NULL},
     .targets = (char *[]){"x86_64", "pc-i440fx-*", "x86_64", "pc-q35-*", NULL},
     .flash = true,
     .code = "/usr/share/OVMF/OVMF_CODE_4M.fd",
     .code_format = "raw",
     .nvram = "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {.interfaces = (char *[]){"uefi", NULL},
     .features = (char *[]){"enrolled-keys", "secure-boot", NULL},
     .targets = (char *[]){"aarch64", "virt-*", NULL},
     .flash = true,
     .code = "/usr/share/AAVMF/AAVMF_CODE.ms.fd",
     .code_format = "raw",
     .nvram = "/usr/share/AAVMF/AAVMF_VARS.ms.fd"},
};

static bool fill(struct domain_def *def, bool smm, GError **error)
{
    g_autofree char *nvram =
        g_strdup_printf("/var/lib/libvirt/qemu/nvram/%s_VARS.fd", domain_def_name(def));
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    const struct loader_choice choice = {.list = list, .smm = smm, .nvram = nvram};

    for (unsigned i = 0; i < G_N_ELEMENTS(edk2); i++) {
        g_ptr_array_add(list, &edk2[i]);
    }
    return loader_fill(def->root, &choice, error);
}

/* The words after the emulator, one text; libvirtd's own places replaced by ours. */
static char *expected_words(const char *name)
{
    g_autofree char *file = g_strdup_printf("%s.argv", name);
    g_autofree char *text = sample_read("normalised", file);
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;
    GString *out = g_string_new(NULL);
    unsigned i = 0;

    g_shell_parse_argv(text, NULL, &words, &error);
    g_assert_no_error(error);
    while (!g_str_has_prefix(words[i], "/usr/bin/qemu")) {
        i++;
    }
    for (i++; words[i] != NULL; i++) {
        if (words[i + 1] != NULL && strstr(words[i + 1], "masterKey0") != NULL) {
            i++;
        } else if (strstr(words[i], "id=charmonitor,") != NULL) {
            g_string_append(out,
                            "socket,id=charmonitor,path=/run/monitor.sock,server=on,wait=off\n");
        } else if (strstr(words[i], "org.qemu.guest_agent.0,server") != NULL) {
            g_string_append(out,
                            "socket,id=charchannel0,path=/run/channel0.sock,server=on,wait=off\n");
        } else if (strstr(words[i], "\"hostnet0\"}") != NULL) {
            g_string_append(out, "{\"type\":\"user\",\"id\":\"hostnet0\"}\n");
        } else {
            g_string_append_printf(out, "%s\n", words[i]);
        }
    }
    return g_string_free(out, FALSE);
}

/* The definition with its network replaced by one that needs no descriptor. */
static struct domain_def *definition(const char *name)
{
    g_autofree char *file = g_strdup_printf("%s.xml", name);
    g_autofree char *text = sample_read("normalised", file);
    g_autoptr(GError) error = NULL;
    struct domain_def *def = domain_def_parse(text, &sample_rules, &error);
    struct xml *interface;

    g_assert_no_error(error);
    interface = xml_find(domain_def_devices(def), "interface");
    xml_set(interface, "type", "user");
    return def;
}

static void same(gconstpointer data)
{
    const char *name = data;
    g_autoptr(domain_def_own) def = definition(name);
    g_autoptr(GError) error = NULL;

    g_assert_true(fill(def, true, &error));
    g_auto(GStrv) words = argv_new(def->root, &env, &error);

    for (unsigned i = 0; i < G_N_ELEMENTS(unbuilt); i++) {
        if (strcmp(unbuilt[i].name, name) == 0) {
            g_assert_null(words);
            g_assert_cmpint(fault_code(error), ==, FAULT_CONFIG_UNSUPPORTED);
            g_assert_nonnull(strstr(error->message, unbuilt[i].words));
            return;
        }
    }
    g_assert_no_error(error);
    g_autofree char *expected = expected_words(name);
    g_autofree char *joined = g_strjoinv("\n", words);
    g_autofree char *got = g_strdup_printf("%s\n", joined);

    g_assert_cmpstr(got, ==, expected);
}

/* Text from a definition stays one value of its option. */
static void hostile(void)
{
    g_autoptr(domain_def_own) def = definition("headless-serial");
    g_autoptr(GError) error = NULL;
    struct xml *disk = xml_find(domain_def_devices(def), "disk");

    domain_def_set_name(def, "a,debug-threads=off,process=x");
    xml_set(xml_find(disk, "source"), "file", "/x\",\"driver\":\"null-co");
    g_auto(GStrv) words = argv_new(def->root, &env, &error);

    g_assert_no_error(error);
    g_assert_true(g_strv_contains((const char *const *)words,
                                  "guest=a,,debug-threads=off,,process=x,debug-threads=on"));
    g_assert_true(g_strv_contains(
        (const char *const *)words,
        "{\"driver\":\"file\",\"filename\":\"/x\\\",\\\"driver\\\":\\\"null-co\",\"node-name\":"
        "\"libvirt-1-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}"));
}

/* A value that QEMU reads by its commas takes none from a definition. */
static void commas(void)
{
    static const struct {
        const char *path, *attribute;
    } places[] = {
        {"cpu", "migratable"},
        {"clock/timer", "name"},
        {"vcpu", "current"},
        {"features/acpi", "state"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(domain_def_own) def = definition("headless-serial");
        g_autoptr(GError) error = NULL;

        xml_set(xml_at(def->root, places[i].path), places[i].attribute, "on,readonly=off");
        g_assert_null(argv_new(def->root, &env, &error));
        g_assert_cmpint(fault_code(error), ==, FAULT_CONFIG_UNSUPPORTED);
        g_assert_nonnull(strstr(error->message, "a comma in"));
    }
}

/* The name of an entry is a key of an option. */
static void smbios_names(void)
{
    g_autoptr(domain_def_own) def = definition("cloud-init-step1");
    g_autoptr(GError) error = NULL;

    xml_set(xml_at(def->root, "sysinfo/system/entry"), "name", "serial=1,file");
    g_assert_null(argv_new(def->root, &env, &error));
    g_assert_cmpint(fault_code(error), ==, FAULT_XML_ERROR);
}

#define FEATURE(state, name) "<firmware><feature enabled='" state "' name='" name "'/></firmware>"

/* As libvirtd 9.0 chose among the same descriptors. */
static void loaders(void)
{
    static const struct {
        const char *machine, *os;
        bool smm;
        const char *code; /* NULL: none fits */
    } cases[] = {
        {"pc-q35-7.2", "", true, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd"},
        {"pc-q35-7.2", "", false, "/usr/share/OVMF/OVMF_CODE_4M.fd"},
        {"pc-i440fx-7.2", "", true, "/usr/share/OVMF/OVMF_CODE_4M.fd"},
        {"microvm", "", true, NULL},
        {"pc-q35-7.2", "<loader secure='yes'/>", true, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd"},
        {"pc-q35-7.2", "<loader secure='yes'/>", false, NULL},
        {"pc-q35-7.2", "<loader stateless='yes'/>", true, NULL},
        {"pc-q35-7.2", FEATURE("no", "enrolled-keys"), true,
         "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"},
        {"pc-q35-7.2", FEATURE("no", "secure-boot"), true, "/usr/share/OVMF/OVMF_CODE_4M.fd"},
        {"pc-q35-7.2", FEATURE("yes", "secure-boot"), true, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            "<domain type='qemu'><name>d</name><memory>65536</memory><os firmware='efi'>"
            "<type arch='x86_64' machine='%s'>hvm</type>%s</os><features><acpi/></features>"
            "</domain>",
            cases[i].machine, cases[i].os);
        g_autoptr(GError) error = NULL;
        g_autoptr(domain_def_own) def = domain_def_parse(text, &sample_rules, &error);
        bool found = false;

        g_assert_no_error(error);
        found = fill(def, cases[i].smm, &error);
        if (cases[i].code == NULL) {
            g_assert_false(found);
            g_assert_cmpint(fault_code(error), ==, FAULT_OPERATION_FAILED);
            continue;
        }
        g_assert_no_error(error);
        g_assert_cmpstr(xml_text_at(def->root, "os/loader"), ==, cases[i].code);
        g_assert_null(xml_get(xml_find(def->root, "os"), "firmware"));
        g_assert_cmpstr(xml_text_at(def->root, "os/nvram"), ==,
                        "/var/lib/libvirt/qemu/nvram/d_VARS.fd");
        g_assert_true(
            xml_is(xml_at(def->root, "features/smm"), "state", "on") ==
            (strstr(cases[i].code, "ms") != NULL || strstr(cases[i].code, "secboot") != NULL));
    }
}

/* One that somebody listens on is passed over, and what was given is not given again. */
static void ports(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned next, taken, first;

    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &length), ==, 0);
    next = taken = ntohs(address.sin_port);
    first = qmp_graphics_port(&next);
    g_assert_true(first == 0 || first > taken);
    g_assert_true(first == 0 || qmp_graphics_port(&next) != first);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_auto(GStrv) names = sample_names(".argv");

    for (char **name = names; *name != NULL; name++) {
        *strrchr(*name, '.') = '\0';
        g_autofree char *path = g_strdup_printf("/argv/same/%s", *name);

        g_test_add_data_func(path, *name, same);
    }
    g_test_add_func("/argv/hostile", hostile);
    g_test_add_func("/argv/commas", commas);
    g_test_add_func("/argv/ports", ports);
    g_test_add_func("/argv/loaders", loaders);
    g_test_add_func("/argv/smbios-names", smbios_names);
    return g_test_run();
}
