/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions as virt-install writes them, completed, are byte for byte what libvirtd 9.0 with
 * QEMU 7.2 made of them (data/domain-xml/normalised).
 */
#include "sample.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"

#include <string.h>

static char *complete(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_def_own) def = domain_def_parse(text, &sample_rules, &error);
    char *got;

    g_assert_no_error(error);
    got = domain_def_format(def, -1, DOMAIN_DEF_INACTIVE);
    g_strchomp(got);
    return got;
}

static void normalised(gconstpointer name)
{
    g_autofree char *text = sample_read("", name);
    g_autofree char *expected = sample_read("normalised", name);
    g_autofree char *got = complete(text);

    g_strchomp(expected);
    g_assert_cmpstr(got, ==, expected);
}

/* What is complete stays as it is. */
static void again(gconstpointer name)
{
    g_autofree char *text = sample_read("normalised", name);
    g_autofree char *got = complete(text);

    g_strchomp(text);
    g_assert_cmpstr(got, ==, text);
}

#define DOMAIN(machine, devices)                                                          \
    "<domain type='qemu'><name>d</name><uuid>a807613a-3ca5-4a02-b8b9-cb7a95ac6f82</uuid>" \
    "<memory>65536</memory><os><type arch='x86_64' machine='" machine "'>hvm</type></os>" \
    "<devices>" devices "</devices></domain>"

/* As libvirtd 9.0 gives them: seen with its session daemon. */
static void buses_grow(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        /* A conventional card on PCI Express brings a bridge and its port, first in line. */
        {DOMAIN("q35", "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"),
         "<controller type='pci' index='2' model='pcie-to-pci-bridge'>\n"
         "      <model name='pcie-pci-bridge'/>\n"
         "      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"},
        {DOMAIN("q35", "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"),
         "<model type='rtl8139'/>\n"
         "      <address type='pci' domain='0x0000' bus='0x02' slot='0x01' function='0x0'/>"},
        {DOMAIN("pc", "<watchdog model='i6300esb' action='reset'/>"),
         "<watchdog model='i6300esb' action='reset'>\n"
         "      <address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/>"},
        {DOMAIN("pc", "<disk><source file='/y'/><target dev='sda'/></disk>"),
         "<controller type='scsi' index='0' model='lsilogic'>"},
        {DOMAIN("q35", "<disk><source file='/b'/><target dev='vdb'/></disk>"
                       "<disk><source file='/a'/><target dev='vda'/></disk>"),
         "<target dev='vda' bus='virtio'/>\n"
         "      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = complete(cases[i].text);

        g_test_message("%s", got);
        g_assert_nonnull(strstr(got, cases[i].expected));
    }
}

static void refused(void)
{
    static const struct {
        const char *text;
        enum fault_code code;
        const char *words;
    } cases[] = {
        {DOMAIN("nonesuch", ""), FAULT_CONFIG_UNSUPPORTED,
         "unsupported configuration: Emulator does not support machine type 'nonesuch'"},
        {DOMAIN("q35", "<disk><source file='/x'/></disk>"), FAULT_XML_ERROR,
         "XML error: missing target information for disk"},
        {DOMAIN("q35", "<disk><source file='/x'/><target dev='../x'/></disk>"), FAULT_XML_ERROR,
         "XML error: Unknown disk name '../x' and no address specified"},
        {DOMAIN("q35", "<rng model='virtio'><backend model='random'/><address type='pci' slot='2'/>"
                       "</rng><memballoon model='virtio'><address type='pci' slot='2'/>"
                       "</memballoon>"),
         FAULT_XML_ERROR, "XML error: Attempted double use of PCI Address 0000:00:02.0"},
        {DOMAIN("q35", "<controller type='pci' index='300' model='pcie-root-port'/>"),
         FAULT_XML_ERROR, "XML error: PCI controller index 300 too high, maximum is 255"},
        {DOMAIN("q35", "<disk><source file='/x'/><target dev='sda' bus='sata'/><address "
                       "type='drive' controller='99999999'/></disk>"),
         FAULT_XML_ERROR,
         "XML error: Invalid value for attribute 'controller' in element 'address': '99999999'"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(domain_def_parse(cases[i].text, &sample_rules, &error));
        g_assert_cmpint(fault_code(error), ==, cases[i].code);
        g_assert_cmpstr(error->message, ==, cases[i].words);
    }
}

/* Every slot of every bus there can be taken: an error, and no endless growth. */
static void full(void)
{
    GString *devices = g_string_new(NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 600; i++) {
        g_string_append(devices, "<rng model='virtio'><backend model='random'/></rng>");
    }
    text = g_strdup_printf(DOMAIN("q35", "%s"), devices->str);
    g_string_free(devices, TRUE);
    g_assert_null(domain_def_parse(text, &sample_rules, &error));
    g_assert_nonnull(error);
}

/* One document for each path of libvirt's schema of a domain: the element survives. */
static void survives(const char *path, const char *attributes, const char *children, void *opaque)
{
    unsigned *count = opaque;
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    g_auto(GStrv) names = g_strsplit(attributes, " ", -1);
    g_autoptr(xml_own) root = xml_new(steps[0]);
    struct xml *at = root;

    (void)children;
    if (strcmp(steps[0], "domain") != 0) {
        return;
    }
    for (unsigned i = 1; steps[i] != NULL; i++) {
        at = xml_append(at, xml_new(steps[i]));
    }
    for (unsigned i = 0; names[i] != NULL && names[i][0] != '\0'; i++) {
        xml_set(at, names[i], "x");
    }
    xml_set(at, "nonesuch", "x");
    xml_append(at, xml_new("nonesuch"));
    schema_tidy(root);
    at = root;
    for (unsigned i = 1; steps[i] != NULL; i++) {
        g_assert_nonnull(at = xml_find(at, steps[i]));
    }
    if (strcmp(children, "*") != 0) {
        g_assert_null(xml_get(at, "nonesuch"));
        g_assert_null(xml_find(at, "nonesuch"));
    }
    for (unsigned i = 0; names[i] != NULL && names[i][0] != '\0'; i++) {
        g_assert_cmpstr(xml_get(at, names[i]), ==, "x");
    }
    ++*count;
}

static void schema_survives(void)
{
    unsigned count = 0;

    schema_each(survives, &count);
    g_test_message("%u paths", count);
    g_assert_cmpuint(count, >, 800);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_auto(GStrv) names = sample_names(".xml");

    for (char **name = names; *name != NULL; name++) {
        g_autofree char *first = g_strdup_printf("/hardware/normalised/%s", *name);
        g_autofree char *second = g_strdup_printf("/hardware/again/%s", *name);

        g_test_add_data_func(first, *name, normalised);
        g_test_add_data_func(second, *name, again);
    }
    g_test_add_func("/hardware/buses-grow", buses_grow);
    g_test_add_func("/hardware/refused", refused);
    g_test_add_func("/hardware/full", full);
    g_test_add_func("/hardware/schema", schema_survives);
    return g_test_run();
}
