/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/layout.h"

#include "manage/proc/proc.h"
#include "manage/rpc/xdr.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum layout_kind kind;
    const char *type; /* GVariant */
} names[] = {
    {"s", LAYOUT_STRING, "s"},     {"i32", LAYOUT_I32, "i"},     {"u32", LAYOUT_U32, "u"},
    {"flags", LAYOUT_U32, "u"},    {"i64", LAYOUT_I64, "x"},     {"u64", LAYOUT_U64, "t"},
    {"f64", LAYOUT_F64, "d"},      {"c32", LAYOUT_CHAR, "y"},    {"uuid", LAYOUT_UUID, "ay"},
    {"bytes", LAYOUT_BYTES, "ay"}, {"tp", LAYOUT_PARAM, "(sv)"},
};

/* Behind the bracket that closes the one at `p`. */
static const char *skip(const char *p)
{
    int depth = 0;

    do {
        g_assert(*p != '\0');
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        p++;
    } while (depth > 0);
    return p;
}

static const char *read_limit(const char *p, struct layout_word *word)
{
    char *end;

    g_assert(g_str_has_prefix(p, "<=") || *p == 'x');
    word->fixed = *p == 'x';
    word->limit = strtoul(p + (*p == 'x' ? 1 : 2), &end, 10);
    return end;
}

static const char *read_array(const char *p, struct layout_word *word)
{
    const char *element = p + 1;

    p = read_limit(skip(p), word);
    if (g_str_has_prefix(element, "c32]")) {
        word->kind = LAYOUT_CHARS;
        return p;
    }
    g_assert(!word->fixed);
    word->kind = LAYOUT_ARRAY;
    word->inner = element;
    return p;
}

static const char *read_name(const char *p, struct layout_word *word)
{
    size_t length = strcspn(p, " ?<}]");
    const char *object = proc_object(p, length);

    if (object != NULL) {
        word->kind = LAYOUT_STRUCT;
        word->inner = object + 1;
        return p + length;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strlen(names[i].name) == length && memcmp(names[i].name, p, length) == 0) {
            word->kind = names[i].kind;
            word->limit = XDR_MAX_STRING;
            p += length;
            return *p == '<' ? read_limit(p, word) : p;
        }
    }
    g_assert_not_reached();
}

struct layout_word layout_next(const char **at)
{
    struct layout_word word = {.kind = LAYOUT_END};
    const char *p = *at;

    while (*p == ' ') {
        p++;
    }
    if (*p == '\0' || *p == '}' || *p == ']') {
        return word;
    }
    if (*p == '{') {
        word.kind = LAYOUT_STRUCT;
        word.inner = p + 1;
        p = skip(p);
    } else if (*p == '[') {
        p = read_array(p, &word);
    } else {
        p = read_name(p, &word);
    }
    word.nullable = *p == '?';
    *at = p + word.nullable;
    return word;
}

static void type_of_words(const char *at, GString *out)
{
    struct layout_word word;

    while ((word = layout_next(&at)).kind != LAYOUT_END) {
        layout_type(&word, out);
    }
}

void layout_type(const struct layout_word *word, GString *out)
{
    const char *at = word->inner;

    if (word->nullable) {
        g_string_append_c(out, 'm');
    }
    switch (word->kind) {
    case LAYOUT_CHARS: g_string_append(out, "ay"); return;
    case LAYOUT_ARRAY: {
        struct layout_word element = layout_next(&at);

        g_string_append_c(out, 'a');
        layout_type(&element, out);
        return;
    }
    case LAYOUT_STRUCT:
        g_string_append_c(out, '(');
        type_of_words(at, out);
        g_string_append_c(out, ')');
        return;
    default: break;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].kind == word->kind) {
            g_string_append(out, names[i].type);
            return;
        }
    }
    g_assert_not_reached();
}

char *xdr_type(const char *layout)
{
    GString *out = g_string_new("(");

    type_of_words(layout, out);
    g_string_append_c(out, ')');
    return g_string_free(out, FALSE);
}
