/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "row/row.h"

#include <stdbool.h>
#include <string.h>

struct sample {
    bool on;
    int tri;
    int8_t small;
    uint16_t port;
    uint64_t big;
    uint64_t size;
    char *name;
    int color;
    uint8_t mac[6];
    int32_t addr;
    char **list;
    json_object *any;
};

static const char *const colors[] = {"red", "green", "blue", NULL};

static const struct row rows[] = {
    {"on", ROW_BOOL, ROW_FIELD(struct sample, on), .def = "on", .help = "a switch"},
    {"tri", ROW_ON_OFF_AUTO, ROW_FIELD(struct sample, tri)},
    {"small", ROW_INT, ROW_FIELD(struct sample, small)},
    {"port", ROW_UINT, ROW_FIELD(struct sample, port), .def = "80", .min = 1, .max = 1024},
    {"big", ROW_UINT, ROW_FIELD(struct sample, big)},
    {"size", ROW_SIZE, ROW_FIELD(struct sample, size), .def = "1M"},
    {"name", ROW_STR, ROW_FIELD(struct sample, name), .flags = ROW_REQUIRED},
    {"color", ROW_ENUM, ROW_FIELD(struct sample, color), .def = "green", .values = colors},
    {"mac", ROW_MAC, ROW_FIELD(struct sample, mac)},
    {"addr", ROW_PCI_ADDR, ROW_FIELD(struct sample, addr)},
    {"list", ROW_STR_LIST, ROW_FIELD(struct sample, list)},
    {"any", ROW_JSON, ROW_FIELD(struct sample, any)},
    {"x-secret", ROW_BOOL, ROW_FIELD(struct sample, on), .flags = ROW_HIDDEN},
    {NULL},
};

static gboolean set_text(struct sample *s, const char *text, GError **error)
{
    json_object *options = row_parse(text, NULL, TRUE, error);
    gboolean ok = options && row_set_all(rows, s, "sample", options, error);

    json_object_put(options);
    return ok;
}

static void assert_json(json_object *value, const char *text)
{
    g_assert_cmpstr(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), ==, text);
    json_object_put(value);
}

static void defaults(void)
{
    struct sample s = {0};

    row_defaults(rows, &s);
    g_assert_true(s.on);
    g_assert_cmpuint(s.port, ==, 80);
    g_assert_cmpuint(s.size, ==, 1 << 20);
    g_assert_cmpint(s.color, ==, 1);
    g_assert_cmpint(s.addr, ==, -1);
    row_clear(rows, &s);
}

static void text_values(void)
{
    struct sample s = {0};
    g_autoptr(GError) error = NULL;

    row_defaults(rows, &s);
    g_assert_true(set_text(&s,
                           "on=off,tri=off,small=-128,port=0x10,big=18446744073709551615,"
                           "size=1.5G,name=a,,b,color=blue,mac=52:54:00:aB:34:56,addr=0x1.0x2,"
                           "list=one,list=two",
                           &error));
    g_assert_no_error(error);
    g_assert_false(s.on);
    g_assert_cmpint(s.tri, ==, ROW_OFF);
    g_assert_cmpint(s.small, ==, -128);
    g_assert_cmpuint(s.port, ==, 16);
    g_assert_cmpuint(s.big, ==, UINT64_MAX);
    g_assert_cmpuint(s.size, ==, UINT64_C(3) << 29);
    g_assert_cmpstr(s.name, ==, "a,b");
    g_assert_cmpint(s.color, ==, 2);
    g_assert_cmphex(s.mac[3], ==, 0xab);
    g_assert_cmpint(s.addr, ==, 10);
    g_assert_cmpuint(g_strv_length(s.list), ==, 2);
    g_assert_cmpstr(s.list[1], ==, "two");
    assert_json(row_get(rows, &s, "big"), "18446744073709551615");
    assert_json(row_get(rows, &s, "small"), "-128");
    assert_json(row_get(rows, &s, "addr"), "\"01.2\"");
    assert_json(row_get(rows, &s, "list"), "[\"one\",\"two\"]");
    assert_json(row_get(rows, &s, "mac"), "\"52:54:00:ab:34:56\"");
    assert_json(row_get(rows, &s, "tri"), "\"off\"");
    row_clear(rows, &s);
    g_assert_null(s.name);
    g_assert_null(s.list);
}

static void json_values(void)
{
    struct sample s = {0};
    g_autoptr(GError) error = NULL;

    row_defaults(rows, &s);
    g_assert_true(set_text(&s,
                           "{\"name\":\"n\",\"on\":false,\"big\":18446744073709551615,"
                           "\"size\":4096,\"list\":[{\"str\":\"a\"},\"b\"],'any':{\"k\":[1]},"
                           "\"addr\":9,\"tri\":true}",
                           &error));
    g_assert_no_error(error);
    g_assert_false(s.on);
    g_assert_cmpuint(s.big, ==, UINT64_MAX);
    g_assert_cmpuint(s.size, ==, 4096);
    g_assert_cmpint(s.addr, ==, 9);
    g_assert_cmpint(s.tri, ==, ROW_ON);
    g_assert_cmpstr(s.list[0], ==, "a");
    assert_json(row_get(rows, &s, "any"), "{\"k\":[1]}");
    row_clear(rows, &s);
}

static void refusals(void)
{
    static const struct {
        const char *text;
        enum row_error code;
        const char *message;
    } cases[] = {
        {"name=x,nosuch=1", ROW_ERROR_UNKNOWN, "Property 'nosuch' not found"},
        {"on=off", ROW_ERROR_MISSING, "Parameter 'name' is missing"},
        {"name=x,on=maybe", ROW_ERROR_TYPE, "expects 'on' or 'off'"},
        {"name=x,port=0", ROW_ERROR_RANGE, "from 1 to 1024"},
        {"name=x,port=-1", ROW_ERROR_TYPE, "from 1 to 1024"},
        {"name=x,small=128", ROW_ERROR_RANGE, "from -128 to 127"},
        {"name=x,small=1x", ROW_ERROR_TYPE, "not '1x'"},
        {"name=x,big=18446744073709551616", ROW_ERROR_RANGE, "18446744073709551615"},
        {"{\"name\":\"x\",\"port\":-1}", ROW_ERROR_RANGE, "from 1 to 1024"},
        {"{\"name\":\"x\",\"port\":1.5}", ROW_ERROR_TYPE, "not '1.5'"},
        {"{\"name\":[]}", ROW_ERROR_TYPE, "expects a string"},
        {"{\"name\":\"a\\u0000b\"}", ROW_ERROR_TYPE, "expects a string"},
        {"name=x,size=12q", ROW_ERROR_TYPE, "expects a size"},
        {"name=x,color=pink", ROW_ERROR_RANGE, "one of red, green, blue"},
        {"name=x,mac=52:54:00:12:34", ROW_ERROR_TYPE, "MAC address"},
        {"name=x,addr=20", ROW_ERROR_RANGE, "06.0"},
        {"name=x,addr=1.8", ROW_ERROR_RANGE, "06.0"},
        {"name=x,list.0.a=1", ROW_ERROR_TYPE, "list of strings"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct sample s = {0};
        g_autoptr(GError) error = NULL;

        row_defaults(rows, &s);
        g_assert_false(set_text(&s, cases[i].text, &error));
        g_assert_error(error, ROW_ERROR, (int)cases[i].code);
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, cases[i].message));
        row_clear(rows, &s);
    }
}

static void parse_forms(void)
{
    static const struct {
        const char *text, *implied;
        gboolean flags;
        const char *json; /* NULL: refused */
    } cases[] = {
        {"", NULL, FALSE, "{}"},
        {"user,id=n0", "type", FALSE, "{\"type\":\"user\",\"id\":\"n0\"}"},
        {"a,,b", "path", FALSE, "{\"path\":\"a,b\"}"},
        {"path=x,server,nowait", NULL, TRUE, "{\"path\":\"x\",\"server\":\"on\",\"wait\":\"off\"}"},
        {"server", NULL, FALSE, NULL},
        {"a.b=1,a.c=2", NULL, FALSE, "{\"a\":{\"b\":\"1\",\"c\":\"2\"}}"},
        {"l.1=b,l.0=a", NULL, FALSE, "{\"l\":[\"a\",\"b\"]}"},
        {"l.0.x=1,l.1.x=2", NULL, FALSE, "{\"l\":[{\"x\":\"1\"},{\"x\":\"2\"}]}"},
        {"l.0=a,l.2=b", NULL, FALSE, NULL},
        {"l.0=a,l.x=b", NULL, FALSE, NULL},
        {"a=1,a.b=2", NULL, FALSE, NULL},
        {"a.b=1,a=2", NULL, FALSE, NULL},
        {"=1", NULL, FALSE, NULL},
        {"a..b=1", NULL, FALSE, NULL},
        {"a=\xff", NULL, FALSE, NULL},
        {"a=1,", NULL, FALSE, "{\"a\":\"1\"}"},
        {"a=b=c", NULL, FALSE, "{\"a\":\"b=c\"}"},
        {"{'a':1}", NULL, FALSE, "{\"a\":1}"},
        {"{\"a\":1} x", NULL, FALSE, NULL},
        {"{\"a\":", NULL, FALSE, NULL},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        json_object *got = row_parse(cases[i].text, cases[i].implied, cases[i].flags, &error);

        g_test_message("'%s'", cases[i].text);
        if (cases[i].json) {
            g_assert_no_error(error);
            assert_json(got, cases[i].json);
        } else {
            g_assert_error(error, ROW_ERROR, ROW_ERROR_SYNTAX);
            g_assert_null(got);
        }
    }
}

static void parse_limits(void)
{
    g_autoptr(GString) many = g_string_new(NULL), deep = g_string_new("k");
    g_autofree char *huge = g_strnfill(65537, 'a');
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 1025; i++) {
        g_string_append_printf(many, "k%d=1,", i);
    }
    for (int i = 0; i < 40; i++) {
        g_string_append(deep, ".k");
    }
    g_string_append(deep, "=1");
    g_assert_null(row_parse(many->str, NULL, FALSE, &error));
    g_clear_error(&error);
    g_assert_null(row_parse(deep->str, NULL, FALSE, &error));
    g_clear_error(&error);
    g_assert_null(row_parse(huge, "a", FALSE, &error));
    g_assert_error(error, ROW_ERROR, ROW_ERROR_SYNTAX);
}

static void sizes(void)
{
    static const struct {
        const char *text;
        char unit;
        uint64_t bytes;
        gboolean ok;
    } cases[] = {
        {"0", 'b', 0, TRUE},
        {"512", 'M', UINT64_C(512) << 20, TRUE},
        {"512b", 'M', 512, TRUE},
        {"4k", 'b', 4096, TRUE},
        {"0x200", 'b', 512, TRUE},
        {"1.5G", 'b', UINT64_C(3) << 29, TRUE},
        {"0.5k", 'b', 512, TRUE},
        {"15E", 'b', UINT64_C(15) << 60, TRUE},
        {"16E", 'b', 0, FALSE},
        {"18446744073709551615", 'b', UINT64_MAX, TRUE},
        {"18446744073709551616", 'b', 0, FALSE},
        {"-1", 'b', 0, FALSE},
        {" 1", 'b', 0, FALSE},
        {"1.5", 'b', 0, FALSE},
        {"1.", 'k', 0, FALSE},
        {"1kk", 'b', 0, FALSE},
        {"", 'b', 0, FALSE},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t got = 0;

        g_test_message("'%s'", cases[i].text);
        g_assert_cmpint(row_parse_size(cases[i].text, cases[i].unit, &got, NULL), ==, cases[i].ok);
        g_assert_cmpuint(got, ==, cases[i].bytes);
    }
}

static void help(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    row_help(rows, out);
    g_assert_nonnull(strstr(out->str, "  on=<bool>              - a switch (default: on)\n"));
    g_assert_nonnull(strstr(out->str, "port=<uint16>"));
    g_assert_null(strstr(out->str, "x-secret"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/row/defaults", defaults);
    g_test_add_func("/row/text", text_values);
    g_test_add_func("/row/json", json_values);
    g_test_add_func("/row/refusals", refusals);
    g_test_add_func("/row/parse", parse_forms);
    g_test_add_func("/row/limits", parse_limits);
    g_test_add_func("/row/sizes", sizes);
    g_test_add_func("/row/help", help);
    return g_test_run();
}
