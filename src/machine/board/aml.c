/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/aml.h"

#include "base/endian.h"

#include <ctype.h>
#include <string.h>

#define OP_NAME    0x08
#define OP_BYTE    0x0a
#define OP_WORD    0x0b
#define OP_DWORD   0x0c
#define OP_STRING  0x0d
#define OP_QWORD   0x0e
#define OP_SCOPE   0x10
#define OP_BUFFER  0x11
#define OP_PACKAGE 0x12
#define OP_METHOD  0x14
#define OP_EXT     0x5b
#define OP_IF      0xa0
#define EXT_REGION 0x80
#define EXT_FIELD  0x81
#define EXT_DEVICE 0x82

void aml_init(struct aml *a, GByteArray *out)
{
    *a = (struct aml){.out = out};
}

static void put8(GByteArray *out, uint8_t v)
{
    g_byte_array_append(out, &v, 1);
}

static void put_le(GByteArray *out, uint64_t v, unsigned size)
{
    uint8_t b[8];

    st_le64(b, v);
    g_byte_array_append(out, b, size);
}

/* PkgLength (20.2.4) of `len`, which does not count the encoding itself. Returns its bytes. */
static unsigned encode_length(uint8_t out[4], uint32_t len, bool counts_itself)
{
    unsigned n = 1;

    while (n < 4 && len + (counts_itself ? n : 0) >= (n == 1 ? 0x40u : 1u << (4 + 8 * (n - 1)))) {
        n++;
    }
    len += counts_itself ? n : 0;
    if (n == 1) {
        out[0] = len;
        return 1;
    }
    out[0] = (n - 1) << 6 | (len & 15);
    len >>= 4;
    for (unsigned i = 1; i < n; i++, len >>= 8) {
        out[i] = len;
    }
    return n;
}

static void begin(struct aml *a)
{
    g_assert(a->depth < AML_DEPTH);
    a->open[a->depth++] = a->out->len;
}

void aml_end(struct aml *a)
{
    uint8_t bytes[4];
    unsigned at, n;
    uint32_t len;

    g_assert(a->depth > 0);
    at = a->open[--a->depth];
    len = a->out->len - at;
    n = encode_length(bytes, len, true);
    g_byte_array_set_size(a->out, a->out->len + n);
    memmove(a->out->data + at + n, a->out->data + at, len);
    memcpy(a->out->data + at, bytes, n);
}

/* One segment, padded with underscores; returns what follows it. */
static const char *put_segment(GByteArray *out, const char *path)
{
    unsigned n = 0;

    while (*path && *path != '.') {
        g_assert(n++ < 4);
        put8(out, *path++);
    }
    for (; n < 4; n++) {
        put8(out, '_');
    }
    return *path == '.' ? path + 1 : path;
}

void aml_path(struct aml *a, const char *path)
{
    unsigned segments = 1;

    if (*path == '\\') {
        put8(a->out, *path++);
    }
    if (!*path) {
        put8(a->out, 0); /* NullName */
        return;
    }
    for (const char *p = path; *p; p++) {
        segments += *p == '.';
    }
    if (segments == 2) {
        put8(a->out, 0x2e);
    } else if (segments > 2) {
        put8(a->out, 0x2f);
        put8(a->out, segments);
    }
    while (*path) {
        path = put_segment(a->out, path);
    }
}

void aml_scope(struct aml *a, const char *path)
{
    put8(a->out, OP_SCOPE);
    begin(a);
    aml_path(a, path);
}

void aml_device(struct aml *a, const char *path)
{
    put8(a->out, OP_EXT);
    put8(a->out, EXT_DEVICE);
    begin(a);
    aml_path(a, path);
}

void aml_method(struct aml *a, const char *path, unsigned args, bool serialized)
{
    put8(a->out, OP_METHOD);
    begin(a);
    aml_path(a, path);
    put8(a->out, args | (serialized ? 8 : 0));
}

void aml_package(struct aml *a, unsigned elements)
{
    g_assert(elements < 256);
    put8(a->out, OP_PACKAGE);
    begin(a);
    put8(a->out, elements);
}

void aml_if(struct aml *a)
{
    put8(a->out, OP_IF);
    begin(a);
}

void aml_else(struct aml *a)
{
    put8(a->out, AML_ELSE);
    begin(a);
}

void aml_fields(struct aml *a, const char *region, unsigned flags)
{
    put8(a->out, OP_EXT);
    put8(a->out, EXT_FIELD);
    begin(a);
    aml_path(a, region);
    put8(a->out, flags);
}

void aml_field(struct aml *a, const char *name, unsigned bits)
{
    uint8_t bytes[4];
    unsigned n = encode_length(bytes, bits, false);

    if (name) {
        put_segment(a->out, name);
    } else {
        put8(a->out, 0);
    }
    g_byte_array_append(a->out, bytes, n);
}

void aml_name(struct aml *a, const char *path)
{
    put8(a->out, OP_NAME);
    aml_path(a, path);
}

void aml_op(struct aml *a, enum aml_op op)
{
    put8(a->out, op);
}

void aml_int(struct aml *a, uint64_t v)
{
    if (v <= 1) {
        put8(a->out, v); /* ZeroOp, OneOp */
    } else if (v <= UINT8_MAX) {
        put8(a->out, OP_BYTE);
        put_le(a->out, v, 1);
    } else if (v <= UINT16_MAX) {
        put8(a->out, OP_WORD);
        put_le(a->out, v, 2);
    } else if (v <= UINT32_MAX) {
        put8(a->out, OP_DWORD);
        put_le(a->out, v, 4);
    } else {
        put8(a->out, OP_QWORD);
        put_le(a->out, v, 8);
    }
}

void aml_string(struct aml *a, const char *text)
{
    put8(a->out, OP_STRING);
    g_byte_array_append(a->out, (const uint8_t *)text, strlen(text) + 1);
}

/* Three letters of five bits, four hexadecimal digits; stored big-endian in an integer. */
void aml_eisa_id(struct aml *a, const char *id)
{
    uint32_t v;

    g_assert(strlen(id) == 7);
    v = (uint32_t)(id[0] - 0x40) << 26 | (uint32_t)(id[1] - 0x40) << 21 |
        (uint32_t)(id[2] - 0x40) << 16 | g_ascii_xdigit_value(id[3]) << 12 |
        g_ascii_xdigit_value(id[4]) << 8 | g_ascii_xdigit_value(id[5]) << 4 |
        g_ascii_xdigit_value(id[6]);
    put8(a->out, OP_DWORD);
    put_le(a->out, GUINT32_SWAP_LE_BE(v), 4);
}

void aml_buffer(struct aml *a, const void *data, size_t len)
{
    put8(a->out, OP_BUFFER);
    begin(a);
    aml_int(a, len);
    g_byte_array_append(a->out, data, len);
    aml_end(a);
}

void aml_uuid(struct aml *a, const char *uuid)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t plain[16], mixed[16];
    unsigned n = 0;

    for (const char *p = uuid; *p && n < 16; p++) {
        if (isxdigit((unsigned char)*p)) {
            plain[n++] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
            p++;
        }
    }
    g_assert(n == 16);
    for (unsigned i = 0; i < 16; i++) {
        mixed[i] = plain[order[i]];
    }
    aml_buffer(a, mixed, sizeof(mixed));
}

void aml_region(struct aml *a, const char *name, enum aml_space space, uint64_t base, uint64_t len)
{
    put8(a->out, OP_EXT);
    put8(a->out, EXT_REGION);
    aml_path(a, name);
    put8(a->out, space);
    aml_int(a, base);
    aml_int(a, len);
}

void aml_res_begin(struct aml_resources *r)
{
    r->bytes = g_byte_array_new();
}

void aml_res_io(struct aml_resources *r, uint16_t base, uint8_t len)
{
    put8(r->bytes, 0x47);
    put8(r->bytes, 1); /* decodes 16 bits */
    put_le(r->bytes, base, 2);
    put_le(r->bytes, base, 2);
    put8(r->bytes, 1);
    put8(r->bytes, len);
}

void aml_res_irq(struct aml_resources *r, unsigned irq)
{
    put8(r->bytes, 0x22);
    put_le(r->bytes, 1u << irq, 2);
}

void aml_res_interrupt(struct aml_resources *r, const uint32_t *irqs, unsigned n)
{
    put8(r->bytes, 0x89);
    put_le(r->bytes, 2 + 4 * n, 2);
    put8(r->bytes, 0x09); /* consumer, level, active high, shared */
    put8(r->bytes, n);
    for (unsigned i = 0; i < n; i++) {
        put_le(r->bytes, irqs[i], 4);
    }
}

void aml_res_memory32_fixed(struct aml_resources *r, uint32_t base, uint32_t len)
{
    put8(r->bytes, 0x86);
    put_le(r->bytes, 9, 2);
    put8(r->bytes, 0); /* read-only, as firmware reports registers */
    put_le(r->bytes, base, 4);
    put_le(r->bytes, len, 4);
}

/* Word, DWord and QWord address space descriptors share their shape. Both ends are fixed. */
static void put_window(struct aml_resources *r, unsigned size, uint8_t type, uint8_t flags,
                       uint64_t first, uint64_t last)
{
    put8(r->bytes, size == 2 ? 0x88 : size == 4 ? 0x87 : 0x8a);
    put_le(r->bytes, 3 + 5 * size, 2);
    put8(r->bytes, type);
    put8(r->bytes, 0x0c); /* producer, positive decode, minimum and maximum fixed */
    put8(r->bytes, flags);
    put_le(r->bytes, 0, size);
    put_le(r->bytes, first, size);
    put_le(r->bytes, last, size);
    put_le(r->bytes, 0, size);
    put_le(r->bytes, last - first + 1, size);
}

void aml_res_bus(struct aml_resources *r, uint16_t first, uint16_t last)
{
    put_window(r, 2, 2, 0, first, last);
}

void aml_res_io_window(struct aml_resources *r, uint16_t first, uint16_t last)
{
    put_window(r, 2, 1, 3, first, last); /* entire range */
}

void aml_res_memory_window(struct aml_resources *r, uint32_t first, uint32_t last, bool cacheable)
{
    put_window(r, 4, 0, cacheable ? 3 : 1, first, last); /* read-write */
}

void aml_res_memory_window64(struct aml_resources *r, uint64_t first, uint64_t last, bool cacheable)
{
    put_window(r, 8, 0, cacheable ? 3 : 1, first, last);
}

void aml_res_end(struct aml_resources *r, struct aml *a)
{
    put8(r->bytes, 0x79);
    put8(r->bytes, 0); /* no checksum */
    aml_buffer(a, r->bytes->data, r->bytes->len);
    g_byte_array_unref(r->bytes);
    r->bytes = NULL;
}
