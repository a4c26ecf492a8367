/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* key=value text and JSON into a struct with a field of every kind, and back. */
#include "row/row.h"

#include <stdbool.h>
#include <string.h>

struct sample {
    bool b;
    int tri, word;
    int32_t number, addr;
    uint16_t port;
    uint64_t size;
    char *text, *link;
    uint8_t mac[6];
    char **list;
    json_object *any;
};

static const char *const words[] = {"a", "b", NULL};
static const struct row rows[] = {
    {"b", ROW_BOOL, ROW_FIELD(struct sample, b)},
    {"tri", ROW_ON_OFF_AUTO, ROW_FIELD(struct sample, tri)},
    {"word", ROW_ENUM, ROW_FIELD(struct sample, word), .values = words},
    {"number", ROW_INT, ROW_FIELD(struct sample, number)},
    {"addr", ROW_PCI_ADDR, ROW_FIELD(struct sample, addr)},
    {"port", ROW_UINT, ROW_FIELD(struct sample, port), .min = 1, .max = 1000},
    {"size", ROW_SIZE, ROW_FIELD(struct sample, size)},
    {"text", ROW_STR, ROW_FIELD(struct sample, text)},
    {"link", ROW_LINK, ROW_FIELD(struct sample, link)},
    {"mac", ROW_MAC, ROW_FIELD(struct sample, mac)},
    {"list", ROW_STR_LIST, ROW_FIELD(struct sample, list)},
    {"any", ROW_JSON, ROW_FIELD(struct sample, any)},
    {NULL},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(text, "text", TRUE, &error);
    struct sample s;
    uint64_t bytes;

    g_assert(!o == !!error);
    memset(&s, 0, sizeof(s));
    row_defaults(rows, &s);
    if (o && row_set_all(rows, &s, "sample", o, NULL)) {
        for (const struct row *row = rows; row->name; row++) {
            json_object_put(row_get(rows, &s, row->name));
        }
    }
    row_clear(rows, &s);
    if (o) {
        json_object_put(o);
    }
    if (row_parse_size(text, 'b', &bytes, NULL)) {
        g_assert(g_ascii_isdigit(*text));
    }
    return 0;
}
