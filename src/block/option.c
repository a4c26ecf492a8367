/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading driver options, given as JSON values or as the strings of key=value syntax. */
#include "block/driver.h"

#include <errno.h>
#include <math.h>
#include <string.h>

GQuark block_error_quark(void)
{
    return g_quark_from_static_string("block-error-quark");
}

const char *block_opt_string(json_object *options, const char *name, const char *def)
{
    json_object *v = NULL;

    return json_object_object_get_ex(options, name, &v) && v != NULL ? json_object_get_string(v)
                                                                     : def;
}

bool block_opt_bool(json_object *options, const char *name, bool def, bool *ret, GError **error)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"on", true},   {"yes", true}, {"true", true},   {"y", true},
                 {"off", false}, {"no", false}, {"false", false}, {"n", false}};
    json_object *v = NULL;

    if (!json_object_object_get_ex(options, name, &v)) {
        *ret = def;
        return true;
    }
    if (json_object_is_type(v, json_type_boolean)) {
        *ret = json_object_get_boolean(v);
        return true;
    }
    for (unsigned i = 0; json_object_is_type(v, json_type_string) && i < G_N_ELEMENTS(words); i++) {
        if (strcmp(json_object_get_string(v), words[i].text) == 0) {
            *ret = words[i].value;
            return true;
        }
    }
    g_set_error(error, BLOCK_ERROR, EINVAL, "Parameter '%s' expects 'on' or 'off'", name);
    return false;
}

/* log2 of a size suffix's unit, -1: none such. */
static int suffix_shift(char c)
{
    static const char suffixes[] = "bkmgtpe";
    const char *at = c == '\0' ? NULL : strchr(suffixes, g_ascii_tolower(c));

    return at == NULL ? -1 : (int)(at - suffixes) * 10;
}

/* The digits after the point of "1.5G" as bytes of a unit of 1 << shift. */
static bool parse_fraction(const char *text, const char **ret_end, int shift_max, double *ret)
{
    char *end = NULL;

    *ret = 0;
    *ret_end = text;
    if (*text == '.') {
        g_autofree char *copy = g_strdup_printf("0%s", text);

        for (unsigned i = 2; copy[i] != '\0'; i++) {
            if (!g_ascii_isdigit(copy[i])) {
                copy[i] = '\0';
                *ret_end = text + i - 1;
                break;
            }
            *ret_end = text + i;
        }
        *ret = g_ascii_strtod(copy, &end);
    }
    return *ret >= 0 && *ret < 1;
}

bool block_parse_size(const char *text, uint64_t *ret)
{
    const char *rest;
    char *end = NULL;
    double fraction;
    uint64_t whole;
    int shift = 0;
    bool hex = g_ascii_strncasecmp(text, "0x", 2) == 0;

    if (!g_ascii_isdigit(text[0])) {
        return false;
    }
    errno = 0;
    whole = g_ascii_strtoull(text, &end, hex ? 16 : 10);
    if (errno != 0 || !parse_fraction(end, &rest, 60, &fraction)) {
        return false;
    }
    if (*rest != '\0') {
        shift = suffix_shift(*rest);
        if (shift < 0 || rest[1] != '\0') {
            return false;
        }
    }
    if ((fraction != 0 && shift == 0) || (shift > 0 && whole >> (64 - shift) != 0)) {
        return false;
    }
    whole <<= shift;
    if (fraction != 0) {
        whole += (uint64_t)(fraction * (double)(UINT64_C(1) << shift) + 0.5);
    }
    *ret = whole;
    return true;
}

bool block_opt_size(json_object *options, const char *name, uint64_t def, uint64_t *ret,
                    GError **error)
{
    json_object *v = NULL;

    if (!json_object_object_get_ex(options, name, &v)) {
        *ret = def;
        return true;
    }
    if (json_object_is_type(v, json_type_int) && json_object_get_int64(v) >= 0) {
        *ret = json_object_get_uint64(v);
        return true;
    }
    if (json_object_is_type(v, json_type_string) &&
        block_parse_size(json_object_get_string(v), ret)) {
        return true;
    }
    g_set_error(error, BLOCK_ERROR, EINVAL,
                "Parameter '%s' expects a non-negative number below 2^64", name);
    return false;
}

static bool row_known(const struct block_option *row, const char *key)
{
    for (; row != NULL && row->name != NULL; row++) {
        if (strcmp(row->name, key) == 0) {
            return true;
        }
    }
    return false;
}

bool block_opt_known(const struct block_driver *driver, json_object *options, GError **error)
{
    json_object_object_foreach(options, key, value)
    {
        if (!row_known(driver->options, key)) {
            g_set_error(error, BLOCK_ERROR, EINVAL,
                        "Block %s '%s' does not support the option '%s'",
                        driver->kind == BLOCK_PROTOCOL ? "protocol" : "format", driver->name, key);
            return false;
        }
        (void)value;
    }
    return true;
}
