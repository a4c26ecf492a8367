/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames and arguments of the wire: the first two bytes choose a procedure, the rest is its body.
 * What decodes must encode to the same bytes, but for the padding and the bytes of c32 cells.
 */
#include "manage/proc/proc.h"
#include "manage/rpc/frame.h"
#include "manage/rpc/xdr.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_layout(const char *layout, const uint8_t *data, size_t size)
{
    g_autoptr(GVariant) value = xdr_decode(layout, data, size, NULL);
    g_autoptr(GByteArray) out = g_byte_array_new();

    if (value != NULL) {
        g_assert_true(xdr_encode(layout, value, out, NULL));
        g_assert_cmpuint(out->len, ==, size);
        g_autoptr(GVariant) again = xdr_decode(layout, out->data, out->len, NULL);

        g_assert_nonnull(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;

    if (size < 2) {
        return 0;
    }
    const struct proc *proc = proc_get((data[0] << 8 | data[1]) % PROC_COUNT);

    try_layout(proc->args, data + 2, size - 2);
    try_layout(proc->reply, data + 2, size - 2);
    try_layout(XDR_ERROR_LAYOUT, data + 2, size - 2);
    (void)frame_length(data, size);
    if (size >= FRAME_LENGTH + FRAME_HEADER) {
        frame_read(data, &frame);
        (void)proc_find(frame.program, frame.procedure);
    }
    return 0;
}
