/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A saved vCPU is input: a good state with bytes of the fuzzer's laid over it is refused, or is
 * taken and runs without a crash.
 */
#include "bare.h"

#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each three bytes: offset (16 bits) and the byte to put there. */
static void disturb(GByteArray *state, const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        state->data[(data[0] | data[1] << 8) % state->len] = data[2];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bare *b = bare_new("max");
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    x86_save(b->c, state);
    disturb(state, data, MIN(size, 3000));
    const uint8_t *saved = state->data;
    size_t left = size % 7 ? state->len : size % state->len;

    if (x86_load(b->c, &saved, &left, &error)) {
        b->c->cpu.budget = 200;
        (void)x86_interp_run(b->c, true);
    } else {
        g_assert_nonnull(error);
    }
    bare_free(b);
    return 0;
}
