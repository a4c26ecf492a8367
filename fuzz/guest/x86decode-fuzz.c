/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 decoder and disassembler on any bytes: the first byte chooses the mode. What decodes is
 * at most 15 bytes long, takes no byte it was not given, and decodes the same again.
 */
#include "machine/guest/x86/insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_one(const struct x86_decoder *d, uint32_t mode, const uint8_t *data,
                       unsigned size)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct x86_insn in, again;
    enum x86_decode_result result = x86_decode(d, mode, data, size, &in);

    g_assert_cmpuint(in.len, <=, MIN(size, 15));
    if (result == X86_NEED_MORE) {
        g_assert_cmpuint(size, <, 15);
    }
    if (result == X86_DECODED) {
        g_assert_cmpuint(in.len, >, 0);
        g_assert_cmpint(x86_decode(d, mode, data, in.len, &again), ==, X86_DECODED);
        g_assert_cmpuint(again.row, ==, in.row);
        g_assert_cmpuint(again.len, ==, in.len);
    }
    x86_disassemble(d, mode, &in, 0, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t modes[] = {MODE_CODE64 | MODE_PROT | MODE_LONG,
                                     MODE_CODE64 | MODE_PROT | MODE_LONG | MODE_BRANCH64,
                                     MODE_CODE32 | MODE_PROT,
                                     MODE_PROT,
                                     0,
                                     MODE_VM86};
    struct x86_decoder *d;

    if (size < 1) {
        return 0;
    }
    d = x86_decoder_new();
    for (size_t at = 1; at < size && at < 256; at++) {
        decode_one(d, modes[data[0] % G_N_ELEMENTS(modes)], data + at, MIN(size - at, 16));
    }
    x86_decoder_free(d);
    return 0;
}
