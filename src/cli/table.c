/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"
#include "base/least.h"

#include "cli/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct table {
    GPtrArray *cells; /* the headings first */
    unsigned columns;
};

static void add_cells(struct table *table, const char *first, va_list list)
{
    for (const char *cell = first; cell != NULL; cell = va_arg(list, const char *)) {
        g_ptr_array_add(table->cells, g_strdup(cell));
    }
}

struct table *table_new(const char *heading, ...)
{
    struct table *table = g_new0(struct table, 1);
    va_list list;

    table->cells = g_ptr_array_new_with_free_func(g_free);
    va_start(list, heading);
    add_cells(table, heading, list);
    va_end(list);
    table->columns = table->cells->len;
    return table;
}

void table_add(struct table *table, const char *cell, ...)
{
    va_list list;

    va_start(list, cell);
    add_cells(table, cell, list);
    va_end(list);
    g_assert(table->cells->len % table->columns == 0);
}

/* Columns on a terminal; what is no text of the locale counts by bytes. */
static unsigned width_of(const char *text)
{
    unsigned width = 0;

    if (!g_utf8_validate(text, -1, NULL)) {
        return strlen(text);
    }
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        width += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return width;
}

static const char *cell_at(const struct table *table, unsigned row, unsigned column)
{
    return g_ptr_array_index(table->cells, row * table->columns + column);
}

static void print_row(const struct table *table, unsigned row, const unsigned *widths)
{
    for (unsigned i = 0; i < table->columns; i++) {
        const char *text = cell_at(table, row, i);
        bool last = i + 1 == table->columns;

        printf(" %s%*s", text, last ? 0 : (int)(widths[i] - width_of(text) + 2), "");
    }
    putchar('\n');
}

static void print_table(const struct table *table, bool quiet)
{
    unsigned rows = table->cells->len / table->columns, total = 0;
    g_autofree unsigned *widths = g_new0(unsigned, table->columns);

    for (unsigned i = 0; i < table->columns; i++) {
        for (unsigned row = quiet ? 1 : 0; row < rows; row++) {
            widths[i] = max_u64(widths[i], width_of(cell_at(table, row, i)));
        }
        total += widths[i] + 3;
    }
    if (!quiet) {
        print_row(table, 0, widths);
        while (total-- > 0) {
            putchar('-');
        }
        putchar('\n');
    }
    for (unsigned row = 1; row < rows; row++) {
        print_row(table, row, widths);
    }
}

static void print_json(struct json_object *json)
{
    json_print(json);
    json_object_put(json);
}

static void print_table_json(const struct table *table)
{
    struct json_object *array = json_object_new_array();

    for (unsigned row = 1; row < table->cells->len / table->columns; row++) {
        struct json_object *object = json_object_new_object();

        for (unsigned i = 0; i < table->columns; i++) {
            json_object_object_add(object, cell_at(table, 0, i),
                                   json_object_new_string(cell_at(table, row, i)));
        }
        json_object_array_add(array, object);
    }
    print_json(array);
}

void table_show(struct table *table, struct cli *cli)
{
    if (cli->json) {
        print_table_json(table);
    } else {
        print_table(table, cli->quiet);
    }
    g_ptr_array_unref(table->cells);
    g_free(table);
}

struct fields {
    struct json_object *values; /* kept in their order */
    unsigned width;
};

struct fields *fields_new(unsigned width)
{
    struct fields *fields = g_new0(struct fields, 1);

    fields->values = json_object_new_object();
    fields->width = width;
    return fields;
}

void fields_add(struct fields *fields, const char *name, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *value = g_strdup_vprintf(format, list);

    va_end(list);
    json_object_object_add(fields->values, name, json_object_new_string(value));
}

void fields_show(struct fields *fields, struct cli *cli)
{
    if (cli->json) {
        print_json(json_object_get(fields->values));
    } else {
        json_object_object_foreach(fields->values, name, value)
        {
            printf("%s:%*s%s\n", name, MAX(1, (int)fields->width - (int)strlen(name) - 1), "",
                   json_object_get_string(value));
        }
    }
    json_object_put(fields->values);
    g_free(fields);
}
