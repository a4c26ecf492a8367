/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/domain.h"
#include "manage/conf/fault.h"
#include "manage/conf/uuid.h"

#include <string.h>

static const char *const types[] = {"test", NULL};
static const struct domain_rules rules = {.types = types, .default_arch = "i686"};

#define HEAD "<domain type='test'><name>a&amp;b</name><memory unit='MiB'>4</memory>"
#define REST "<os><type>hvm</type></os></domain>"

static void tree(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(xml_own) root =
        xml_parse("<a x='1' y=\"&lt;'\"><!-- no --><b> t&#10;</b>\n<c/><b>2</b></a>", "t", &error);

    g_assert_no_error(error);
    g_assert_cmpstr(xml_text_at(root, "b"), ==, " t\n");
    g_assert_cmpstr(xml_get(root, "y"), ==, "<'");
    xml_set(root, "x", NULL);
    xml_set(root, "z", "3");
    xml_drop(xml_find(root, "c"));
    g_autofree char *text = xml_format(root);

    g_assert_cmpstr(text, ==, "<a y='&lt;&apos;' z='3'>\n  <b> t\n</b>\n  <b>2</b>\n</a>\n");
}

static void refused(const char *text, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_def_own) def = domain_def_parse(text, &rules, &error);

    g_assert_null(def);
    g_assert_error(error, FAULT, code);
}

static void definitions(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_def_own) def = domain_def_parse(
        HEAD "<keywrap><cipher name='aes' state='off'/></keywrap>" REST, &rules, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(domain_def_name(def), ==, "a&b");
    g_assert_cmpuint(domain_def_memory(def), ==, 4096);
    g_assert_cmpuint(domain_def_vcpus(def), ==, 1);
    domain_def_set_max_vcpus(def, 4);
    domain_def_set_vcpus(def, 2);
    domain_def_set_text(def, "title", "T");
    g_autofree char *text = domain_def_format(def, 7, 0);

    g_assert_true(g_str_has_prefix(text, "<domain type='test' id='7'>\n  <name>a&amp;b</name>\n"));
    g_assert_nonnull(strstr(text, "  <vcpu placement='static' current='2'>4</vcpu>\n"));
    g_assert_nonnull(strstr(text, "</uuid>\n  <title>T</title>\n  <memory unit='KiB'>4096<"));
    g_assert_nonnull(
        strstr(text, "</devices>\n  <keywrap>\n    <cipher name='aes' state='off'/>\n"));
}

static void refusals(void)
{
    g_autofree char *deep = g_strnfill(3 * 300, '<');

    for (int i = 0; i < 300; i++) {
        memcpy(deep + 3 * i, "<a>", 3);
    }
    refused("", FAULT_XML_DETAIL);
    refused("<domain", FAULT_XML_DETAIL);
    refused(deep, FAULT_XML_DETAIL);
    refused("<!DOCTYPE d [<!ENTITY e 'x'>]><domain type='test'><name>&e;</name></domain>",
            FAULT_XML_DETAIL);
    refused("<network/>", FAULT_XML_ERROR);
    refused("<domain type='kvm'/>", FAULT_CONFIG_UNSUPPORTED);
    refused("<domain type='test'/>", FAULT_NO_NAME);
    refused("<domain type='test'><name>a/b</name></domain>", FAULT_XML_ERROR);
    refused("<domain type='test'><name>a</name></domain>", FAULT_XML_ERROR);
    refused(HEAD "<currentMemory unit='XB'>1</currentMemory>" REST, FAULT_INVALID_ARG);
    refused(HEAD "<currentMemory unit='EiB'>9999</currentMemory>" REST, FAULT_OVERFLOW);
}

static void uuids(void)
{
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT];

    g_assert_true(uuid_parse(" 6695EB01f6a48304-79aa97f2502e193f ", uuid));
    uuid_format(uuid, text);
    g_assert_cmpstr(text, ==, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    g_assert_false(uuid_parse("6695eb01", uuid));
    g_assert_false(uuid_parse("6695eb01-f6a4-8304-79aa-97f2502e193f0", uuid));
    g_assert_false(uuid_parse("", uuid));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/tree", tree);
    g_test_add_func("/conf/definitions", definitions);
    g_test_add_func("/conf/refusals", refusals);
    g_test_add_func("/conf/uuids", uuids);
    return g_test_run();
}
