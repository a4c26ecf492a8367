/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report.h"

#include "cli/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct report {
    const char *prefix, *separator;
    unsigned width;
    bool sections, space;
    GString *text;
    struct json_object *list; /* finished sections and the one that grows, which is last */
    struct json_object *last;
};

struct report *report_new(const char *prefix, unsigned width, const char *separator)
{
    struct report *report = g_new0(struct report, 1);

    report->prefix = prefix;
    report->width = width;
    report->separator = separator;
    report->text = g_string_new(NULL);
    report->list = json_object_new_array();
    return report;
}

static struct json_object *last(struct report *report)
{
    if (report->last == NULL) {
        report->last = json_object_new_object();
        json_object_array_add(report->list, report->last);
    }
    return report->last;
}

void report_space(struct report *report)
{
    report->space = true;
}

void report_section(struct report *report, const char *heading, const char *name, const char *value)
{
    if (report->sections && report->space) {
        g_string_append_c(report->text, '\n');
    }
    report->sections = true;
    report->last = NULL;
    if (heading != NULL) {
        g_string_append_printf(report->text, "%s\n", heading);
    }
    if (name != NULL) {
        json_object_object_add(last(report), name, json_object_new_string(value));
    }
}

void report_add(struct report *report, const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *value = g_strdup_vprintf(format, list);

    va_end(list);
    g_string_append_printf(report->text, "%s%-*s%s%s\n", report->prefix, (int)report->width, name,
                           report->separator, value);
    json_object_object_add(last(report), name, json_object_new_string(value));
}

char *param_text(const struct viv_param *param)
{
    switch (param->type) {
    case VIV_PARAM_INT:
    case VIV_PARAM_INT64: return g_strdup_printf("%" PRId64, param->value.number);
    case VIV_PARAM_UINT:
    case VIV_PARAM_UINT64: return g_strdup_printf("%" PRIu64, param->value.natural);
    case VIV_PARAM_DOUBLE: return g_strdup_printf("%lf", param->value.real);
    case VIV_PARAM_BOOL: return g_strdup(param->value.number != 0 ? "yes" : "no");
    default: return g_strdup(param->value.text);
    }
}

void report_add_param(struct report *report, const struct viv_param *param)
{
    g_autofree char *text = param_text(param);

    report_add(report, param->name, "%s", text);
}

bool report_show(struct report *report, struct cli *cli)
{
    if (cli->json) {
        json_print(report->sections ? report->list : last(report));
    } else {
        fputs(report->text->str, stdout);
    }
    json_object_put(report->list);
    g_string_free(report->text, TRUE);
    g_free(report);
    return true;
}

static void print_named(const char *name, const char *text)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, name, json_object_new_string(text));
    json_print(object);
    json_object_put(object);
}

bool show_text(struct cli *cli, const char *name, char *text)
{
    if (text == NULL) {
        return false;
    }
    if (cli->json) {
        print_named(name, text);
    } else {
        fputs(text, stdout);
    }
    viv_free(text);
    return true;
}

bool show_line(struct cli *cli, const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);

    va_end(list);
    if (cli->json) {
        print_named(name, text);
    } else {
        puts(text);
    }
    return true;
}

bool show_word(struct cli *cli, const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);

    va_end(list);
    if (cli->json) {
        print_named(name, text);
    } else {
        fputs(text, stdout);
    }
    return true;
}

bool show_words(struct cli *cli, char **words)
{
    struct json_object *array = json_object_new_array();

    for (; *words != NULL; words++) {
        if (cli->json) {
            json_object_array_add(array, json_object_new_string(*words));
        } else {
            puts(*words);
        }
    }
    if (cli->json) {
        json_print(array);
    }
    json_object_put(array);
    return true;
}
