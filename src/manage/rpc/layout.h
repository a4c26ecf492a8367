/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a layout of manage/proc/proc.h word by word. Constant input; any thread. */
#ifndef VIV_MANAGE_RPC_LAYOUT_H
#define VIV_MANAGE_RPC_LAYOUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum layout_kind {
    LAYOUT_END, /* of the layout, a struct or an array's element */
    LAYOUT_STRING,
    LAYOUT_I32,
    LAYOUT_U32,
    LAYOUT_I64,
    LAYOUT_U64,
    LAYOUT_F64,
    LAYOUT_CHAR,
    LAYOUT_UUID,
    LAYOUT_BYTES,
    LAYOUT_CHARS,
    LAYOUT_ARRAY,
    LAYOUT_STRUCT,
    LAYOUT_PARAM,
};

struct layout_word {
    enum layout_kind kind;
    bool nullable;
    bool fixed;        /* CHARS: exactly `limit` */
    uint32_t limit;    /* STRING, BYTES, CHARS, ARRAY: at most so many */
    const char *inner; /* ARRAY: its element; STRUCT: its words */
};

/* Reads the word at *at and moves behind it. A malformed layout is a programmer's error. */
struct layout_word layout_next(const char **at);
/* Appends the word's GVariant type. */
void layout_type(const struct layout_word *word, GString *out);

#endif
