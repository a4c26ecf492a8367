/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/log_items.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

static const struct item {
    const char *name, *help; /* no help: not built */
    struct log_items means;
} items[] = {
    {"in_asm", "show guest code when it is decoded", {.accel = ACCEL_LOG_CODE}},
    {"out_asm", "show host code that translated code became", {.accel = ACCEL_LOG_OUT}},
    {"op", "show operations of translated code", {.accel = ACCEL_LOG_OP}},
    {"op_opt", "show operations of translated code that are left", {.accel = ACCEL_LOG_OP_OPT}},
    {"int", "show interrupts and exceptions, with registers", {.accel = ACCEL_LOG_INT}},
    {"exec", "show a line before each block of code runs", {.accel = ACCEL_LOG_EXEC}},
    {"cpu", "show registers before each block of code runs", {.accel = ACCEL_LOG_CPU}},
    {"cpu_reset", "show registers before CPU resets", {.accel = ACCEL_LOG_RESET}},
    {"guest_errors", "log when the guest does something invalid", {.notes = true}},
    {"unimp", "log unimplemented functionality", {.notes = true}},
    {"nochain", "no effect: exec and cpu always show complete traces", {0}},
    {.name = "op_ind"},
    {.name = "fpu"},
    {.name = "mmu"},
    {.name = "pcall"},
    {.name = "page"},
    {.name = "plugin"},
    {.name = "strace"},
    {.name = "tid"},
    {.name = "all"},
};

static const struct item *find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++) {
        if (g_str_equal(items[i].name, name)) {
            return &items[i];
        }
    }
    return NULL;
}

gboolean log_items_parse(const char *text, struct log_items *ret, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);
    struct log_items all = {0};

    for (char **name = names; *name; name++) {
        const struct item *i = find(*name);
        bool known = i || g_str_has_prefix(*name, "trace:");

        if (!i || !i->help) {
            g_set_error(error, G_IO_ERROR,
                        known ? G_IO_ERROR_NOT_SUPPORTED : G_IO_ERROR_INVALID_ARGUMENT,
                        known ? "log item '%s' is not built yet; see -d help"
                              : "there is no log item '%s'; see -d help",
                        *name);
            return FALSE;
        }
        all.notes |= i->means.notes;
        all.accel |= i->means.accel;
    }
    *ret = all;
    return TRUE;
}

void log_items_help(GString *out)
{
    g_string_append(out, "Log items (comma separated):\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(items) && items[i].help; i++) {
        g_string_append_printf(out, "%-15s %s\n", items[i].name, items[i].help);
    }
}

static gboolean number(const char **text, uint64_t *ret)
{
    char *end;

    if (!g_ascii_isxdigit(**text)) {
        return FALSE;
    }
    errno = 0;
    *ret = strtoull(*text, &end, 0);
    *text = end;
    return errno == 0;
}

/* One range; FALSE: it is none. */
static gboolean parse_range(const char *text, struct accel_log_range *ret)
{
    uint64_t a, b;

    if (!number(&text, &a)) {
        return FALSE;
    }
    char op = *text++;

    if (op == '.' && *text++ != '.') {
        return FALSE;
    }
    if (!op || !number(&text, &b) || *text) {
        return FALSE;
    }
    switch (op) {
    case '.': *ret = (struct accel_log_range){a, b}; break;
    case '+': *ret = (struct accel_log_range){a, a + (b - 1)}; break;
    case '-': *ret = (struct accel_log_range){a - (b - 1), a}; break;
    default: return FALSE;
    }
    return ret->first <= ret->last && (op == '.' || b > 0);
}

gboolean log_ranges_parse(const char *text, struct accel_log_range **ret_ranges, unsigned *ret_n,
                          GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    unsigned n = g_strv_length(words);
    g_autofree struct accel_log_range *ranges = g_new0(struct accel_log_range, n + 1);

    for (unsigned i = 0; i < n; i++) {
        if (!parse_range(words[i], &ranges[i])) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "-dfilter: '%s' is no range: first..last, start+length or last-length",
                        words[i]);
            return FALSE;
        }
    }
    *ret_ranges = g_steal_pointer(&ranges);
    *ret_n = n;
    return TRUE;
}
