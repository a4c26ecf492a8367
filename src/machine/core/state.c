/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/state.h"

#include "base/bits.h"
#include "base/least.h"

#include <gio/gio.h>
#include <string.h>

#define AT(obj, row)  ((void *)((uint8_t *)(obj) + (row)->offset))
#define CAT(obj, row) ((const void *)((const uint8_t *)(obj) + (row)->offset))

static uint64_t get(const void *p, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)p;
    case 2: return *(const uint16_t *)p;
    case 4: return *(const uint32_t *)p;
    default: return *(const uint64_t *)p;
    }
}

static void set(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *(uint8_t *)p = v; break;
    case 2: *(uint16_t *)p = v; break;
    case 4: *(uint32_t *)p = v; break;
    default: *(uint64_t *)p = v; break;
    }
}

static uint8_t *bytes_of(const void *obj, const struct state_row *row)
{
    return *(uint8_t *const *)CAT(obj, row);
}

static uint32_t *count_of(const void *obj, const struct state_row *row)
{
    return (uint32_t *)((uint8_t *)obj + row->count_offset);
}

/* How many elements of the row are in use. */
static uint32_t used(const void *obj, const struct state_row *row)
{
    switch (row->kind) {
    case STATE_SCALAR: return 1;
    case STATE_COUNTED: return min_u64(*count_of(obj, row), row->count);
    default: return row->count;
    }
}

static bool wanted(const void *obj, const struct state_row *row)
{
    return !row->needed || row->needed(obj);
}

static void reset_values(const struct state_row *row, void *obj)
{
    for (uint32_t i = 0; i < (row->kind == STATE_SCALAR ? 1 : row->count); i++) {
        set((uint8_t *)AT(obj, row) + i * row->size, row->size, row->reset);
    }
}

void state_reset(const struct state_row *rows, void *obj)
{
    for (const struct state_row *row = rows; row && row->kind != STATE_END; row++) {
        if (row->keep) {
            continue;
        }
        switch (row->kind) {
        case STATE_SCALAR:
        case STATE_ARRAY: reset_values(row, obj); break;
        case STATE_COUNTED: *count_of(obj, row) = 0; break;
        case STATE_BYTES:
            if (bytes_of(obj, row)) {
                memset(bytes_of(obj, row), row->reset, row->count);
            }
            break;
        case STATE_STRUCT:
            for (uint32_t i = 0; i < row->count; i++) {
                state_reset(row->rows, (uint8_t *)AT(obj, row) + i * row->size);
            }
            break;
        case STATE_TIMER: timer_cancel(AT(obj, row)); break;
        case STATE_GROUP: state_reset(row->rows, obj); break;
        case STATE_CUSTOM:
        case STATE_END: break;
        }
    }
}

static void put(GByteArray *out, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(out, (const uint8_t *)&v, size);
}

static void save_row(const struct state_row *row, const void *obj, GByteArray *out)
{
    const struct timer *t;

    switch (row->kind) {
    case STATE_COUNTED: put(out, used(obj, row), 4); G_GNUC_FALLTHROUGH;
    case STATE_SCALAR:
    case STATE_ARRAY:
        for (uint32_t i = 0; i < used(obj, row); i++) {
            put(out, get((const uint8_t *)CAT(obj, row) + i * row->size, row->size), row->size);
        }
        break;
    case STATE_BYTES: g_byte_array_append(out, bytes_of(obj, row), row->count); break;
    case STATE_STRUCT:
        for (uint32_t i = 0; i < row->count; i++) {
            state_save(row->rows, (const uint8_t *)CAT(obj, row) + i * row->size, out);
        }
        break;
    case STATE_TIMER:
        t = CAT(obj, row);
        put(out, timer_armed(t), 1);
        put(out, timer_armed(t) ? (uint64_t)timer_expiry(t) : 0, 8);
        break;
    case STATE_GROUP:
        put(out, wanted(obj, row), 1);
        if (wanted(obj, row)) {
            state_save(row->rows, obj, out);
        }
        break;
    case STATE_CUSTOM: row->save(obj, out); break;
    case STATE_END: break;
    }
}

void state_save(const struct state_row *rows, const void *obj, GByteArray *out)
{
    for (const struct state_row *row = rows; row && row->kind != STATE_END; row++) {
        save_row(row, obj, out);
    }
}

struct input {
    const uint8_t *data;
    size_t left;
};

static int take(struct input *in, unsigned size, uint64_t *ret)
{
    uint64_t v = 0;

    if (in->left < size) {
        return -EINVAL;
    }
    memcpy(&v, in->data, size);
    *ret = GUINT64_FROM_LE(v);
    in->data += size;
    in->left -= size;
    return 0;
}

static int load_rows(const struct state_row *rows, void *obj, struct input *in,
                     const struct state_row **ret_bad);

static int load_values(const struct state_row *row, void *obj, uint32_t n, struct input *in)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v;

        if (take(in, row->size, &v) < 0 || (row->boolean && v > 1)) {
            return -EINVAL;
        }
        set((uint8_t *)AT(obj, row) + i * row->size, row->size, v);
    }
    return 0;
}

static int load_counted(const struct state_row *row, void *obj, struct input *in)
{
    uint64_t n;

    if (take(in, 4, &n) < 0 || n > row->count) {
        return -EINVAL;
    }
    *count_of(obj, row) = n;
    return load_values(row, obj, n, in);
}

static int load_timer(const struct state_row *row, void *obj, struct input *in)
{
    uint64_t armed, expiry;

    if (take(in, 1, &armed) < 0 || take(in, 8, &expiry) < 0 || armed > 1) {
        return -EINVAL;
    }
    if (armed) {
        timer_arm(AT(obj, row), expiry);
    } else {
        timer_cancel(AT(obj, row));
    }
    return 0;
}

static int load_row(const struct state_row *row, void *obj, struct input *in,
                    const struct state_row **ret_bad)
{
    uint64_t v;

    switch (row->kind) {
    case STATE_SCALAR: return load_values(row, obj, 1, in);
    case STATE_ARRAY: return load_values(row, obj, row->count, in);
    case STATE_COUNTED: return load_counted(row, obj, in);
    case STATE_BYTES:
        if (in->left < row->count) {
            return -EINVAL;
        }
        memcpy(bytes_of(obj, row), in->data, row->count);
        in->data += row->count;
        in->left -= row->count;
        return 0;
    case STATE_STRUCT:
        for (uint32_t i = 0; i < row->count; i++) {
            if (load_rows(row->rows, (uint8_t *)AT(obj, row) + i * row->size, in, ret_bad) < 0) {
                return -EINVAL;
            }
        }
        return 0;
    case STATE_TIMER: return load_timer(row, obj, in);
    case STATE_GROUP:
        if (take(in, 1, &v) < 0 || v > 1) {
            return -EINVAL;
        }
        return v ? load_rows(row->rows, obj, in, ret_bad) : 0;
    case STATE_CUSTOM: return row->load(obj, &in->data, &in->left);
    case STATE_END: break;
    }
    return 0;
}

static int load_rows(const struct state_row *rows, void *obj, struct input *in,
                     const struct state_row **ret_bad)
{
    for (const struct state_row *row = rows; row && row->kind != STATE_END; row++) {
        if (load_row(row, obj, in, ret_bad) < 0) {
            if (!*ret_bad) {
                *ret_bad = row;
            }
            return -EINVAL;
        }
    }
    return 0;
}

gboolean state_load(const struct state_row *rows, void *obj, const uint8_t **data, size_t *left,
                    GError **error)
{
    struct input in = {*data, *left};
    const struct state_row *bad = NULL;

    if (load_rows(rows, obj, &in, &bad) < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "saved state is bad at '%s'",
                    bad->name ? bad->name : "?");
        return FALSE;
    }
    *data = in.data;
    *left = in.left;
    return TRUE;
}

static void dump_rows(const struct state_row *rows, const void *obj, GString *out, int indent);

static void dump_values(const struct state_row *row, const void *obj, GString *out)
{
    for (uint32_t i = 0; i < used(obj, row); i++) {
        g_string_append_printf(out, " 0x%" G_GINT64_MODIFIER "x",
                               get((const uint8_t *)CAT(obj, row) + i * row->size, row->size));
    }
    g_string_append_c(out, '\n');
}

static void dump_bytes(const uint8_t *p, uint32_t n, GString *out)
{
    uint32_t hash = 5381;

    for (uint32_t i = 0; i < n; i++) {
        hash = hash * 33 + p[i];
    }
    g_string_append_printf(out, " %u bytes, hash %08x\n", n, hash);
}

static void dump_row(const struct state_row *row, const void *obj, GString *out, int indent)
{
    const struct timer *t;

    g_string_append_printf(out, "%*s%s =", indent, "", row->name ? row->name : "-");
    switch (row->kind) {
    case STATE_SCALAR:
    case STATE_ARRAY:
    case STATE_COUNTED: dump_values(row, obj, out); return;
    case STATE_BYTES: dump_bytes(bytes_of(obj, row), row->count, out); return;
    case STATE_TIMER:
        t = CAT(obj, row);
        if (timer_armed(t)) {
            g_string_append_printf(out, " at %" G_GINT64_FORMAT "\n", timer_expiry(t));
        } else {
            g_string_append(out, " not armed\n");
        }
        return;
    case STATE_STRUCT:
        g_string_append_c(out, '\n');
        for (uint32_t i = 0; i < row->count; i++) {
            dump_rows(row->rows, (const uint8_t *)CAT(obj, row) + i * row->size, out, indent + 2);
        }
        return;
    case STATE_GROUP:
        g_string_append(out, wanted(obj, row) ? "\n" : " absent\n");
        if (wanted(obj, row)) {
            dump_rows(row->rows, obj, out, indent + 2);
        }
        return;
    default: g_string_append(out, " (custom)\n"); return;
    }
}

static void dump_rows(const struct state_row *rows, const void *obj, GString *out, int indent)
{
    for (const struct state_row *row = rows; row && row->kind != STATE_END; row++) {
        dump_row(row, obj, out, indent);
    }
}

void state_dump(const struct state_row *rows, const void *obj, GString *out)
{
    dump_rows(rows, obj, out, 0);
}

/* Element of the first difference, -1: none, -2: the row as a whole. */
static int64_t diff_values(const struct state_row *row, const void *a, const void *b)
{
    if (used(a, row) != used(b, row)) {
        return -2;
    }
    for (uint32_t i = 0; i < used(a, row); i++) {
        if (memcmp((const uint8_t *)CAT(a, row) + i * row->size,
                   (const uint8_t *)CAT(b, row) + i * row->size, row->size) != 0) {
            return row->kind == STATE_SCALAR ? -2 : (int64_t)i;
        }
    }
    return -1;
}

static bool same_saved(const struct state_row *row, const void *a, const void *b)
{
    g_autoptr(GByteArray) x = g_byte_array_new();
    g_autoptr(GByteArray) y = g_byte_array_new();

    save_row(row, a, x);
    save_row(row, b, y);
    return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
}

static char *diff_struct(const struct state_row *row, const void *a, const void *b)
{
    for (uint32_t i = 0; i < row->count; i++) {
        g_autofree char *inner = state_diff(row->rows, (const uint8_t *)CAT(a, row) + i * row->size,
                                            (const uint8_t *)CAT(b, row) + i * row->size);

        if (inner && row->count > 1) {
            return g_strdup_printf("%s[%u].%s", row->name, i, inner);
        }
        if (inner) {
            return g_strdup_printf("%s.%s", row->name, inner);
        }
    }
    return NULL;
}

static char *diff_row(const struct state_row *row, const void *a, const void *b)
{
    int64_t i;

    switch (row->kind) {
    case STATE_SCALAR:
    case STATE_ARRAY:
    case STATE_COUNTED:
        i = diff_values(row, a, b);
        if (i >= 0) {
            return g_strdup_printf("%s[%" G_GINT64_FORMAT "]", row->name, i);
        }
        return i == -2 ? g_strdup(row->name) : NULL;
    case STATE_STRUCT: return diff_struct(row, a, b);
    case STATE_GROUP:
        if (wanted(a, row) != wanted(b, row)) {
            return g_strdup(row->name);
        }
        return wanted(a, row) ? state_diff(row->rows, a, b) : NULL;
    default: return same_saved(row, a, b) ? NULL : g_strdup(row->name ? row->name : "?");
    }
}

char *state_diff(const struct state_row *rows, const void *a, const void *b)
{
    for (const struct state_row *row = rows; row && row->kind != STATE_END; row++) {
        char *where = diff_row(row, a, b);

        if (where) {
            return where;
        }
    }
    return NULL;
}
