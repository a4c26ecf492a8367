/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State rows: one constant table per struct says what of it is state. Reset, save, load, dump and
 * comparison run from the rows.
 *
 * Values at reset: SCALAR, ARRAY and BYTES take `reset` unless kept; COUNTED has none in use; TIMER
 * is cancelled; STRUCT and GROUP go by their rows; CUSTOM is the class's business.
 *
 * A saved struct is: per row, in table order, its values little-endian; counted arrays their count
 * first; optional groups one byte first. Sections carry name, instance and version, so a stream
 * can be checked before it is believed. Loaded counts and sizes are bounded by the rows.
 */
#ifndef VIV_MACHINE_CORE_STATE_H
#define VIV_MACHINE_CORE_STATE_H

#include "machine/core/clock.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state_kind {
    STATE_END,
    STATE_SCALAR,  /* integer or bool of `size` bytes (1, 2, 4, 8) */
    STATE_ARRAY,   /* `count` integers of `size` bytes each */
    STATE_COUNTED, /* as ARRAY, of which the uint32_t at `count_offset` says how many are in use */
    STATE_BYTES,   /* pointer field: `count` bytes at *field (a register file, flash contents) */
    STATE_STRUCT,  /* sub-struct in place: `rows`; `count` of them, `size` bytes apart */
    STATE_TIMER,   /* struct timer: virtual expiry, or not armed */
    STATE_GROUP,   /* optional: `rows` on the same struct, present when needed(obj) */
    STATE_CUSTOM,  /* save and load functions */
};

struct state_row {
    enum state_kind kind;
    const char *name;
    uint32_t offset;
    uint32_t size;
    uint32_t count;
    uint32_t count_offset;
    uint64_t reset; /* SCALAR, ARRAY: value at reset, unless keep */
    bool keep;      /* reset leaves it alone */
    bool boolean;   /* SCALAR, ARRAY of bool: 0 or 1 only */
    const struct state_row *rows;
    bool (*needed)(const void *obj);
    void (*save)(const void *obj, GByteArray *out);
    /* 0 or -EINVAL; reads at *data, at most *left bytes, and advances both. */
    int (*load)(void *obj, const uint8_t **data, size_t *left);
};

#define STATE_FIELD_SIZE(st, f) sizeof(((st *)0)->f)
#define STATE_IS_BOOL(st, f)    __builtin_types_compatible_p(__typeof__(((st *)0)->f), bool)
#define STATE_U(st, f, reset_value)                                                              \
    {                                                                                            \
        .kind = STATE_SCALAR, .name = #f, .offset = offsetof(st, f),                             \
        .size = STATE_FIELD_SIZE(st, f), .reset = (reset_value), .boolean = STATE_IS_BOOL(st, f) \
    }
/* As STATE_U; reset leaves it alone. */
#define STATE_KEEP(st, f)                                                              \
    {                                                                                  \
        .kind = STATE_SCALAR, .name = #f, .offset = offsetof(st, f),                   \
        .size = STATE_FIELD_SIZE(st, f), .keep = true, .boolean = STATE_IS_BOOL(st, f) \
    }
#define STATE_U_ARRAY(st, f, reset_value)                                                      \
    {                                                                                          \
        .kind = STATE_ARRAY, .name = #f, .offset = offsetof(st, f),                            \
        .size = STATE_FIELD_SIZE(st, f[0]),                                                    \
        .count = STATE_FIELD_SIZE(st, f) / STATE_FIELD_SIZE(st, f[0]), .reset = (reset_value), \
        .boolean = STATE_IS_BOOL(st, f[0])                                                     \
    }
/* As STATE_U_ARRAY; reset leaves it alone. */
#define STATE_KEEP_ARRAY(st, f)                                                      \
    {                                                                                \
        .kind = STATE_ARRAY, .name = #f, .offset = offsetof(st, f),                  \
        .size = STATE_FIELD_SIZE(st, f[0]),                                          \
        .count = STATE_FIELD_SIZE(st, f) / STATE_FIELD_SIZE(st, f[0]), .keep = true, \
        .boolean = STATE_IS_BOOL(st, f[0])                                           \
    }
#define STATE_T(st, f)                                                                           \
    {                                                                                            \
        .kind = STATE_TIMER, .name = #f, .offset = offsetof(st, f), .size = sizeof(struct timer) \
    }
#define STATE_SUB(st, f, sub_rows)                                      \
    {                                                                   \
        .kind = STATE_STRUCT, .name = #f, .offset = offsetof(st, f),    \
        .size = STATE_FIELD_SIZE(st, f), .count = 1, .rows = (sub_rows) \
    }
#define STATE_DONE        \
    {                     \
        .kind = STATE_END \
    }

void state_reset(const struct state_row *rows, void *obj);
void state_save(const struct state_row *rows, const void *obj, GByteArray *out);
/* TRUE and *data, *left past it, or FALSE naming the row; the object may be half loaded then. */
gboolean state_load(const struct state_row *rows, void *obj, const uint8_t **data, size_t *left,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "name = value" lines, nested by indentation: `info` commands and test messages. */
void state_dump(const struct state_row *rows, const void *obj, GString *out);
/* Name of the first row in which the two differ (newly allocated, "regs[3]"), or NULL. */
char *state_diff(const struct state_row *rows, const void *a, const void *b);

#endif
