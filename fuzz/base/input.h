/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fuzzer's input, taken from the front; past its end there are zeroes. */
#ifndef VIV_FUZZ_BASE_INPUT_H
#define VIV_FUZZ_BASE_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *data;
    size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

/* Little-endian, of 1 to 8 bytes. */
static inline uint64_t input_number(struct input *in, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)input_byte(in) << (i * 8);
    }
    return v;
}

/* Goes past `bytes` of it, or what there is; returns where they began. */
static inline const uint8_t *input_skip(struct input *in, size_t bytes, size_t *ret_len)
{
    const uint8_t *at = in->data;

    *ret_len = bytes < in->left ? bytes : in->left;
    in->data += *ret_len;
    in->left -= *ret_len;
    return at;
}

#endif
