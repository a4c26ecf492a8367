/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/cpuset.h"

#include <glib.h>
#include <string.h>

/* Reads a number below `limit` and moves on. */
static bool number(const char **at, size_t limit, size_t *ret)
{
    size_t n = 0;

    if (!g_ascii_isdigit(**at)) {
        return false;
    }
    for (; g_ascii_isdigit(**at); (*at)++) {
        n = n * 10 + (size_t)(**at - '0');
        if (n >= limit) {
            return false;
        }
    }
    *ret = n;
    return true;
}

bool cpuset_parse(const char *text, uint8_t *map, size_t bytes)
{
    const char *at = text;
    uint8_t any = 0;

    memset(map, 0, bytes);
    do {
        bool without = *at == '^';
        size_t first, last;

        at += without;
        if (!number(&at, bytes * 8, &first)) {
            return false;
        }
        last = first;
        if (*at == '-' && !without) {
            at++;
            if (!number(&at, bytes * 8, &last) || last < first) {
                return false;
            }
        }
        for (size_t n = first; n <= last; n++) {
            uint8_t bit = (uint8_t)(1u << n % 8);

            map[n / 8] = (uint8_t)(without ? map[n / 8] & ~bit : map[n / 8] | bit);
        }
    } while (*at == ',' && *++at != '\0');
    for (size_t i = 0; i < bytes; i++) {
        any |= map[i];
    }
    return *at == '\0' && any != 0;
}

static bool has(const uint8_t *map, size_t bytes, size_t n)
{
    return n < bytes * 8 && (map[n / 8] >> n % 8 & 1) != 0;
}

char *cpuset_format(const uint8_t *map, size_t bytes)
{
    GString *text = g_string_new(NULL);

    for (size_t n = 0; n < bytes * 8; n++) {
        size_t first = n;

        if (!has(map, bytes, n)) {
            continue;
        }
        while (has(map, bytes, n + 1)) {
            n++;
        }
        g_string_append_printf(text, "%s%zu", text->len > 0 ? "," : "", first);
        if (n > first) {
            g_string_append_printf(text, "-%zu", n);
        }
    }
    return g_string_free(text, FALSE);
}
