/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/fault.h"
#include "manage/proc/proc.h"
#include "manage/rpc/error.h"
#include "manage/rpc/frame.h"
#include "manage/rpc/xdr.h"

#include <string.h>

/* Every row: found by its number, its layouts readable, a value of each type there and back. */
static void rows(void)
{
    for (int i = 0; i < PROC_COUNT; i++) {
        const struct proc *p = proc_get(i);
        g_autofree char *args = xdr_type(p->args);
        g_autofree char *reply = xdr_type(p->reply);

        g_assert_true(proc_find(p->program, p->number) == p);
        g_assert_cmpint(proc_id(p), ==, i);
        g_assert_true(g_variant_type_string_is_valid(args));
        g_assert_true(g_variant_type_string_is_valid(reply));
        g_assert_true((p->traits & PROC_EVENT) == 0 || *p->args == '\0');
        if (proc_flags_index(p) >= 0) {
            const GVariantType *type =
                g_variant_type_first(G_VARIANT_TYPE(args)); /* the argument's type is u */

            for (int n = proc_flags_index(p); n > 0; n--) {
                type = g_variant_type_next(type);
            }
            g_assert_true(g_variant_type_equal(type, G_VARIANT_TYPE_UINT32));
        }
    }
    g_assert_null(proc_find(PROC_REMOTE, 0));
    g_assert_null(proc_find(PROC_REMOTE, 454));
    g_assert_null(proc_find(PROC_REMOTE, -1));
    g_assert_null(proc_find(PROC_REMOTE, G_MAXINT));
    g_assert_null(proc_find(PROC_QEMU, 8));
    g_assert_null(proc_find(1, 1));
    g_assert_cmpstr(proc_find(PROC_REMOTE, 443)->name, ==, "DOMAIN_FD_ASSOCIATE");
    g_assert_cmpstr(proc_find(PROC_LXC, 1)->name, ==, "LXC_DOMAIN_OPEN_NAMESPACE");
}

static void round_trip(const char *layout, const char *text)
{
    g_autofree char *type = xdr_type(layout);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = g_variant_parse(G_VARIANT_TYPE(type), text, NULL, NULL, &error);
    g_autoptr(GByteArray) out = g_byte_array_new();

    g_assert_no_error(error);
    g_assert_true(xdr_encode(layout, value, out, &error));
    g_assert_no_error(error);
    g_autoptr(GVariant) back = xdr_decode(layout, out->data, out->len, &error);

    g_assert_no_error(error);
    g_assert_true(g_variant_equal(value, back));
    for (guint i = 0; i < out->len; i++) { /* cut short anywhere it is refused */
        g_assert_null(xdr_decode(layout, out->data, i, &error));
        g_assert_error(error, FAULT, FAULT_RPC);
        g_clear_error(&error);
    }
}

static void codec(void)
{
    round_trip("s s? s? i32 u32 i64 u64 f64 c32",
               "('hello', nothing, just '', -5, 7, -6, 9, 1.5, 0x41)");
    round_trip("dom i32", "(('vm', [byte 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16], -1), 3)");
    round_trip("[tp]<=16 u32",
               "([('a', <int32 -1>), ('b', <uint32 2>), ('c', <int64 -3>), "
               "('d', <uint64 4>), ('e', <0.5>), ('f', <true>), ('g', <'text'>)], 4)");
    round_trip("[c32]x4 [c32]<=9 bytes<=5", "([byte 1,2,3,4], [byte 7,8], [byte 1,2,3])");
    round_trip("[{s? [u64]<=3}]<=2 dom?", "([(just 'x', [1, 2, 3]), (nothing, [])], nothing)");
}

static void codec_refuses(const char *layout, const void *data, size_t length)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(xdr_decode(layout, data, length, &error));
    g_assert_error(error, FAULT, FAULT_RPC);
}

static void hostile(void)
{
    codec_refuses("s", "\xff\xff\xff\xff", 4);
    codec_refuses("s", "\0\0\0\1\xff\0\0\0", 8); /* not UTF-8 */
    codec_refuses("s", "\0\0\0\2a\0\0\0", 8);    /* a zero inside */
    codec_refuses("s?", "\0\0\0\2\0\0\0\0", 8);  /* neither there nor not */
    codec_refuses("[i32]<=2", "\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    codec_refuses("[tp]<=2", "\0\0\0\1\0\0\0\0\0\0\0\11", 12); /* no such kind */
    codec_refuses("bytes<=4", "\0\0\0\5aaaaaaaa", 12);
    codec_refuses("", "\0\0\0\0", 4); /* left over */
}

/* What libvirt's own client sends to open: bytes recorded from the wire. */
static void wire_bytes(void)
{
    static const uint8_t open[] = {0,   0,   0,   1,   0,   0,   0,   15,  't', 'e',
                                   's', 't', ':', '/', '/', '/', 'd', 'e', 'f', 'a',
                                   'u', 'l', 't', 0,   0,   0,   0,   0};
    g_autoptr(GVariant) args =
        xdr_decode(proc_get(PROC_CONNECT_OPEN)->args, open, sizeof(open), NULL);
    const char *uri;
    guint32 flags;

    g_assert_nonnull(args);
    g_variant_get(args, "(m&su)", &uri, &flags);
    g_assert_cmpstr(uri, ==, "test:///default");
    g_assert_cmpuint(flags, ==, 0);
}

static void frames(void)
{
    const struct frame frame = {PROC_REMOTE, 1, -3, FRAME_STREAM, 9, FRAME_CONTINUE};
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct frame back;

    frame_begin(out, &frame);
    g_assert_true(frame_finish(out, 0));
    g_assert_cmpint(frame_length(out->data, out->len), ==, 28);
    frame_read(out->data, &back);
    g_assert_cmpmem(&frame, sizeof(frame), &back, sizeof(back));
    g_assert_cmpint(frame_length(out->data, 3), ==, 0);
    g_assert_cmpint(frame_length((const uint8_t *)"\0\0\0\x1b", 4), ==, -1);
    g_assert_cmpint(frame_length((const uint8_t *)"\2\0\0\5", 4), ==, -1);
    g_assert_cmpint(frame_length((const uint8_t *)"\2\0\0\4", 4), ==, FRAME_MAX);
}

static void errors(void)
{
    GError *error = NULL;

    fault_set(&error, FAULT_NO_DOMAIN, "no domain with matching name '%s'", "x");
    fault_set_from(error, FAULT_FROM_TEST);
    fault_set_from(error, FAULT_FROM_RPC); /* who said it first stays */
    g_assert_cmpstr(error->message, ==, "Domain not found: no domain with matching name 'x'");
    g_autoptr(GVariant) body = g_variant_ref_sink(rpc_error_pack(error));
    g_autofree char *type = xdr_type(XDR_ERROR_LAYOUT);

    g_assert_cmpstr(g_variant_get_type_string(body), ==, type);
    g_autoptr(GError) back = rpc_error_unpack(body);

    g_assert_cmpint(fault_code(back), ==, 42);
    g_assert_cmpint(fault_from(back), ==, FAULT_FROM_TEST);
    g_assert_cmpstr(back->message, ==, error->message);
    g_error_free(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rpc/rows", rows);
    g_test_add_func("/rpc/codec", codec);
    g_test_add_func("/rpc/hostile", hostile);
    g_test_add_func("/rpc/wire-bytes", wire_bytes);
    g_test_add_func("/rpc/frames", frames);
    g_test_add_func("/rpc/errors", errors);
    return g_test_run();
}
