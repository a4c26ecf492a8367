/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* XDR, RFC 4506: big-endian, everything in multiples of four bytes. */
#include "manage/rpc/xdr.h"

#include "manage/conf/fault.h"
#include "manage/conf/uuid.h"
#include "manage/rpc/layout.h"

#include <string.h>

struct input {
    const uint8_t *at, *end;
};

/* Numbers on the wire of a typed parameter's kinds. */
enum { PARAM_I32 = 1, PARAM_U32, PARAM_I64, PARAM_U64, PARAM_F64, PARAM_BOOL, PARAM_STRING };

static bool get32(struct input *in, uint32_t *ret_value)
{
    if (in->end - in->at < 4) {
        return false;
    }
    memcpy(ret_value, in->at, 4);
    *ret_value = GUINT32_FROM_BE(*ret_value);
    in->at += 4;
    return true;
}

static bool get64(struct input *in, uint64_t *ret_value)
{
    uint32_t high, low;

    if (!get32(in, &high) || !get32(in, &low)) {
        return false;
    }
    *ret_value = (uint64_t)high << 32 | low;
    return true;
}

/* `length` bytes and their padding; NULL when they are not there. */
static const uint8_t *get_bytes(struct input *in, uint32_t length)
{
    size_t padded = ((size_t)length + 3) & ~(size_t)3;
    const uint8_t *at = in->at;

    if ((size_t)(in->end - in->at) < padded) {
        return NULL;
    }
    in->at += padded;
    return at;
}

static GVariant *bytes_variant(const void *data, size_t length)
{
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, length, 1);
}

static GVariant *get_string(struct input *in)
{
    uint32_t length;
    const uint8_t *text;

    if (!get32(in, &length) || length > XDR_MAX_STRING || (text = get_bytes(in, length)) == NULL ||
        !g_utf8_validate_len((const char *)text, length, NULL)) {
        return NULL;
    }
    return g_variant_new_take_string(g_strndup((const char *)text, length));
}

static GVariant *get_blob(struct input *in, const struct layout_word *word)
{
    uint32_t length;
    const uint8_t *data;

    if (!get32(in, &length) || length > word->limit || (data = get_bytes(in, length)) == NULL) {
        return NULL;
    }
    return bytes_variant(data, length);
}

static GVariant *get_chars(struct input *in, const struct layout_word *word)
{
    uint32_t count = word->limit;

    if ((!word->fixed && !get32(in, &count)) || count > word->limit ||
        (size_t)(in->end - in->at) / 4 < count) {
        return NULL;
    }
    g_autofree uint8_t *bytes = g_malloc(count + 1);

    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = in->at[3];
        in->at += 4;
    }
    return bytes_variant(bytes, count);
}

static GVariant *get_param_value(struct input *in)
{
    uint32_t kind, small;
    uint64_t big;
    double real;

    if (!get32(in, &kind)) {
        return NULL;
    }
    switch (kind) {
    case PARAM_I32: return get32(in, &small) ? g_variant_new_int32(small) : NULL;
    case PARAM_U32: return get32(in, &small) ? g_variant_new_uint32(small) : NULL;
    case PARAM_BOOL: return get32(in, &small) ? g_variant_new_boolean(small != 0) : NULL;
    case PARAM_I64: return get64(in, &big) ? g_variant_new_int64(big) : NULL;
    case PARAM_U64: return get64(in, &big) ? g_variant_new_uint64(big) : NULL;
    case PARAM_F64:
        if (!get64(in, &big)) {
            return NULL;
        }
        memcpy(&real, &big, sizeof(real));
        return g_variant_new_double(real);
    case PARAM_STRING: return get_string(in);
    default: return NULL;
    }
}

static GVariant *get_param(struct input *in)
{
    GVariant *name = get_string(in);
    GVariant *value = name != NULL ? get_param_value(in) : NULL;

    if (value == NULL) {
        g_clear_pointer(&name, g_variant_unref);
        return NULL;
    }
    return g_variant_new("(@sv)", name, value);
}

static GVariant *get_word(struct input *in, const struct layout_word *word);

static GVariant *get_words(struct input *in, const char *at)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    struct layout_word word;

    while ((word = layout_next(&at)).kind != LAYOUT_END) {
        GVariant *item = get_word(in, &word);

        if (item == NULL) {
            return NULL;
        }
        g_ptr_array_add(items, g_variant_ref_sink(item));
    }
    return g_variant_new_tuple((GVariant *const *)items->pdata, items->len);
}

static GVariant *get_array(struct input *in, const struct layout_word *word)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    g_autoptr(GString) type = g_string_new(NULL);
    const char *at = word->inner;
    struct layout_word element = layout_next(&at);
    uint32_t count;

    if (!get32(in, &count) || count > word->limit || (size_t)(in->end - in->at) / 4 < count) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        GVariant *item = get_word(in, &element);

        if (item == NULL) {
            return NULL;
        }
        g_ptr_array_add(items, g_variant_ref_sink(item));
    }
    layout_type(&element, type);
    return g_variant_new_array(G_VARIANT_TYPE(type->str), (GVariant *const *)items->pdata,
                               items->len);
}

static GVariant *get_nullable(struct input *in, const struct layout_word *word)
{
    g_autoptr(GString) type = g_string_new(NULL);
    struct layout_word plain = *word;
    GVariant *value = NULL;
    uint32_t there;

    plain.nullable = false;
    if (!get32(in, &there) || there > 1 || (there && (value = get_word(in, &plain)) == NULL)) {
        return NULL;
    }
    layout_type(&plain, type);
    return g_variant_new_maybe(G_VARIANT_TYPE(type->str), value);
}

static GVariant *get_word(struct input *in, const struct layout_word *word)
{
    const uint8_t *data;
    uint32_t small;
    uint64_t big;
    double real;

    if (word->nullable) {
        return get_nullable(in, word);
    }
    switch (word->kind) {
    case LAYOUT_STRING: return get_string(in);
    case LAYOUT_I32: return get32(in, &small) ? g_variant_new_int32(small) : NULL;
    case LAYOUT_U32: return get32(in, &small) ? g_variant_new_uint32(small) : NULL;
    case LAYOUT_I64: return get64(in, &big) ? g_variant_new_int64(big) : NULL;
    case LAYOUT_U64: return get64(in, &big) ? g_variant_new_uint64(big) : NULL;
    case LAYOUT_F64:
        if (!get64(in, &big)) {
            return NULL;
        }
        memcpy(&real, &big, sizeof(real));
        return g_variant_new_double(real);
    case LAYOUT_CHAR: return get32(in, &small) ? g_variant_new_byte(small) : NULL;
    case LAYOUT_UUID:
        data = get_bytes(in, UUID_BYTES);
        return data != NULL ? bytes_variant(data, UUID_BYTES) : NULL;
    case LAYOUT_BYTES: return get_blob(in, word);
    case LAYOUT_CHARS: return get_chars(in, word);
    case LAYOUT_ARRAY: return get_array(in, word);
    case LAYOUT_STRUCT: return get_words(in, word->inner);
    case LAYOUT_PARAM: return get_param(in);
    case LAYOUT_END: break;
    }
    g_assert_not_reached();
}

GVariant *xdr_decode(const char *layout, const uint8_t *data, size_t length, GError **error)
{
    /* Nothing at all may come without a place. */
    struct input in = {data, length > 0 ? data + length : data};
    GVariant *tuple = get_words(&in, layout);

    if (tuple == NULL) {
        fault_set(error, FAULT_RPC, "Unable to decode message payload");
        return NULL;
    }
    g_variant_ref_sink(tuple);
    if (in.at != in.end) {
        g_variant_unref(tuple);
        fault_set(error, FAULT_RPC, "Unable to decode message payload: %zu bytes too many",
                  (size_t)(in.end - in.at));
        return NULL;
    }
    return tuple;
}

static void put32(GByteArray *out, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value, 4);
}

static void put64(GByteArray *out, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value, 8);
}

static void put_real(GByteArray *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put64(out, bits);
}

static void put_bytes(GByteArray *out, const void *data, size_t length)
{
    static const uint8_t zeros[3];

    g_byte_array_append(out, data, length);
    g_byte_array_append(out, zeros, -length & 3);
}

static bool put_string(GByteArray *out, GVariant *value)
{
    gsize length;
    const char *text = g_variant_get_string(value, &length);

    if (length > XDR_MAX_STRING) {
        return false;
    }
    put32(out, length);
    put_bytes(out, text, length);
    return true;
}

static bool put_blob(GByteArray *out, const struct layout_word *word, GVariant *value)
{
    gsize length;
    const uint8_t *data = g_variant_get_fixed_array(value, &length, 1);

    if (length > word->limit || (word->fixed && length != word->limit)) {
        return false;
    }
    if (!word->fixed) {
        put32(out, length);
    }
    if (word->kind == LAYOUT_BYTES) {
        put_bytes(out, data, length);
        return true;
    }
    for (gsize i = 0; i < length; i++) {
        put32(out, data[i]);
    }
    return true;
}

static bool put_param(GByteArray *out, GVariant *param)
{
    g_autoptr(GVariant) name = g_variant_get_child_value(param, 0);
    g_autoptr(GVariant) box = g_variant_get_child_value(param, 1);
    g_autoptr(GVariant) value = g_variant_get_variant(box);

    if (!put_string(out, name)) {
        return false;
    }
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_INT32:
        put32(out, PARAM_I32);
        put32(out, g_variant_get_int32(value));
        return true;
    case G_VARIANT_CLASS_UINT32:
        put32(out, PARAM_U32);
        put32(out, g_variant_get_uint32(value));
        return true;
    case G_VARIANT_CLASS_INT64:
        put32(out, PARAM_I64);
        put64(out, g_variant_get_int64(value));
        return true;
    case G_VARIANT_CLASS_UINT64:
        put32(out, PARAM_U64);
        put64(out, g_variant_get_uint64(value));
        return true;
    case G_VARIANT_CLASS_DOUBLE:
        put32(out, PARAM_F64);
        put_real(out, g_variant_get_double(value));
        return true;
    case G_VARIANT_CLASS_BOOLEAN:
        put32(out, PARAM_BOOL);
        put32(out, g_variant_get_boolean(value));
        return true;
    case G_VARIANT_CLASS_STRING: put32(out, PARAM_STRING); return put_string(out, value);
    default: g_assert_not_reached();
    }
}

static bool put_word(GByteArray *out, const struct layout_word *word, GVariant *value);

static bool put_words(GByteArray *out, const char *at, GVariant *tuple)
{
    struct layout_word word;

    for (gsize i = 0; (word = layout_next(&at)).kind != LAYOUT_END; i++) {
        g_autoptr(GVariant) item = g_variant_get_child_value(tuple, i);

        if (!put_word(out, &word, item)) {
            return false;
        }
    }
    return true;
}

static bool put_array(GByteArray *out, const struct layout_word *word, GVariant *array)
{
    const char *at = word->inner;
    struct layout_word element = layout_next(&at);
    gsize count = g_variant_n_children(array);

    if (count > word->limit) {
        return false;
    }
    put32(out, count);
    for (gsize i = 0; i < count; i++) {
        g_autoptr(GVariant) item = g_variant_get_child_value(array, i);

        if (!put_word(out, &element, item)) {
            return false;
        }
    }
    return true;
}

static bool put_nullable(GByteArray *out, const struct layout_word *word, GVariant *maybe)
{
    g_autoptr(GVariant) value = g_variant_get_maybe(maybe);
    struct layout_word plain = *word;

    plain.nullable = false;
    put32(out, value != NULL);
    return value == NULL || put_word(out, &plain, value);
}

static bool put_uuid(GByteArray *out, GVariant *value)
{
    gsize length;
    const uint8_t *data = g_variant_get_fixed_array(value, &length, 1);

    g_assert(length == UUID_BYTES);
    put_bytes(out, data, length);
    return true;
}

static bool put_word(GByteArray *out, const struct layout_word *word, GVariant *value)
{
    if (word->nullable) {
        return put_nullable(out, word, value);
    }
    switch (word->kind) {
    case LAYOUT_STRING: return put_string(out, value);
    case LAYOUT_I32: put32(out, g_variant_get_int32(value)); return true;
    case LAYOUT_U32: put32(out, g_variant_get_uint32(value)); return true;
    case LAYOUT_I64: put64(out, g_variant_get_int64(value)); return true;
    case LAYOUT_U64: put64(out, g_variant_get_uint64(value)); return true;
    case LAYOUT_F64: put_real(out, g_variant_get_double(value)); return true;
    case LAYOUT_CHAR: put32(out, g_variant_get_byte(value)); return true;
    case LAYOUT_UUID: return put_uuid(out, value);
    case LAYOUT_BYTES:
    case LAYOUT_CHARS: return put_blob(out, word, value);
    case LAYOUT_ARRAY: return put_array(out, word, value);
    case LAYOUT_STRUCT: return put_words(out, word->inner, value);
    case LAYOUT_PARAM: return put_param(out, value);
    case LAYOUT_END: break;
    }
    g_assert_not_reached();
}

bool xdr_encode(const char *layout, GVariant *tuple, GByteArray *out, GError **error)
{
    g_autofree char *type = xdr_type(layout);

    if (strcmp(g_variant_get_type_string(tuple), type) != 0) {
        g_error("a tuple is %s where the layout \"%s\" says %s", g_variant_get_type_string(tuple),
                layout, type);
    }
    if (!put_words(out, layout, tuple)) {
        return fault_set(error, FAULT_RPC, "Unable to encode message payload");
    }
    return true;
}
