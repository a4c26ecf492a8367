/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of secrets that somebody damaged: 'K' and a key's file, anything else a value's. What is a
 * key must be written as it was read; a value sealed here must open, and no stranger's may.
 */
#include "manage/resource/secret/box.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(const char *text)
{
    uint8_t key[BOX_KEY], again[BOX_KEY];

    if (box_key_parse(text, key)) {
        g_autofree char *written = box_key_format(key);

        g_assert_true(box_key_parse(written, again));
        g_assert_cmpmem(key, BOX_KEY, again, BOX_KEY);
    }
}

static void try_value(const char *text, const uint8_t *data, size_t size)
{
    static const uint8_t key[BOX_KEY] = {1}, id[BOX_ID] = {2}, other[BOX_ID] = {3};
    struct box *box = box_new(key, NULL);
    size_t length = 0;

    g_assert_nonnull(box);
    g_assert_null(box_open(box, id, text, &length, NULL));
    if (size > 0 && size <= 65536) {
        g_autofree char *sealed = box_seal(box, id, data, size, NULL);
        g_autofree uint8_t *value = box_open(box, id, sealed, &length, NULL);

        g_assert_cmpmem(value, length, data, size);
        g_assert_null(box_open(box, other, sealed, &length, NULL));
    }
    box_free(box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);

    if (data[0] == 'K') {
        try_key(text);
    } else {
        try_value(text, data + 1, size - 1);
    }
    return 0;
}
