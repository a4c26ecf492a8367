/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of -smbios: tables that are whole, or an error. */
#include "machine/board/smbios.h"

#include "row/row.h"

#include <string.h>

#define LINES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Structures follow each other to the end: a header, its length, strings that end with two zeroes.
 */
static void walk(const uint8_t *p, size_t len)
{
    while (len > 0) {
        size_t at;

        g_assert_cmpuint(len, >=, 6);
        g_assert_cmpuint(p[1], >=, 4);
        for (at = p[1]; at + 1 < len && (p[at] || p[at + 1]); at++) {
        }
        g_assert_cmpuint(at + 2, <=, len);
        p += at + 2;
        len -= at + 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, MIN(size, 65536));
    g_auto(GStrv) lines = g_strsplit(text, "\n", LINES_MAX);
    json_object *options[LINES_MAX];
    struct machine_config config = {.smp = {2, 2, 1, 1, 2, 1}, .smbios = options};
    g_autoptr(GError) error = NULL;
    struct smbios_tables *tables;

    for (char **line = lines; *line && config.n_smbios < LINES_MAX; line++) {
        options[config.n_smbios] = row_parse(*line, "file", FALSE, NULL);
        config.n_smbios += options[config.n_smbios] != NULL;
    }
    tables = smbios_tables_new(&config, 1 << 30, 1 << 30, 0x663, 0, &error);
    g_assert(!tables == !!error);
    if (tables) {
        walk(tables->structures->data, tables->structures->len);
        smbios_tables_link(tables, 0xe0000);
    }
    smbios_tables_free(tables);
    for (unsigned i = 0; i < config.n_smbios; i++) {
        json_object_put(options[i]);
    }
    return 0;
}
