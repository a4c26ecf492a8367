/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "row/row.h"

#include <errno.h>
#include <string.h>

static const char units[] = "bkmgtpe";

/* The power of two that a unit letter stands for, or -1. */
static int unit_shift(char letter)
{
    const char *p = letter ? strchr(units, g_ascii_tolower(letter)) : NULL;

    return p ? (int)(p - units) * 10 : -1;
}

/* Reads ".digits" at *p; *ret is the fraction in 2^-32 units. */
static gboolean parse_fraction(const char **p, uint64_t *ret)
{
    uint64_t num = 0, den = 1;

    *ret = 0;
    if (**p != '.') {
        return TRUE;
    }
    ++*p;
    if (!g_ascii_isdigit(**p)) {
        return FALSE;
    }
    for (; g_ascii_isdigit(**p); ++*p) {
        if (den < UINT64_C(1000000000)) {
            num = num * 10 + (uint64_t)(**p - '0');
            den *= 10;
        }
    }
    *ret = (num << 32) / den;
    return TRUE;
}

static gboolean bad_size(const char *text, GError **error)
{
    g_set_error(error, ROW_ERROR, ROW_ERROR_TYPE,
                "'%s' is not a size: a non-negative number below 2^64 is expected; optional suffix "
                "k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta- and exabytes",
                text);
    return FALSE;
}

gboolean row_parse_size(const char *text, char default_unit, uint64_t *ret_bytes, GError **error)
{
    const char *p = text;
    gboolean hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    uint64_t whole, fraction = 0;
    char *end;
    int shift;

    if (!g_ascii_isdigit(*p)) {
        return bad_size(text, error);
    }
    errno = 0;
    whole = g_ascii_strtoull(p, &end, hex ? 16 : 10);
    if (errno || end == p) {
        return bad_size(text, error);
    }
    p = end;
    if (!hex && !parse_fraction(&p, &fraction)) {
        return bad_size(text, error);
    }
    shift = unit_shift(*p ? *p++ : default_unit);
    if (shift < 0 || *p || (shift && whole >> (64 - shift)) || (fraction && !shift)) {
        return bad_size(text, error);
    }
    fraction = shift >= 32 ? fraction << (shift - 32) : fraction >> (32 - shift);
    *ret_bytes = (whole << shift) + fraction;
    return TRUE;
}
