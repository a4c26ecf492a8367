/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/frame.h"

#include <string.h>

static uint32_t read32(const uint8_t *data)
{
    uint32_t value;

    memcpy(&value, data, 4);
    return GUINT32_FROM_BE(value);
}

static void append32(GByteArray *out, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value, 4);
}

int64_t frame_length(const uint8_t *data, size_t length)
{
    if (length < FRAME_LENGTH) {
        return 0;
    }
    uint32_t value = read32(data);

    return value < FRAME_LENGTH + FRAME_HEADER || value > FRAME_MAX ? -1 : (int64_t)value;
}

void frame_read(const uint8_t *data, struct frame *ret_frame)
{
    *ret_frame = (struct frame){
        .program = read32(data + 4),
        .version = read32(data + 8),
        .procedure = (int32_t)read32(data + 12),
        .type = read32(data + 16),
        .serial = read32(data + 20),
        .status = read32(data + 24),
    };
}

void frame_begin(GByteArray *out, const struct frame *frame)
{
    append32(out, 0);
    append32(out, frame->program);
    append32(out, frame->version);
    append32(out, frame->procedure);
    append32(out, frame->type);
    append32(out, frame->serial);
    append32(out, frame->status);
}

bool frame_finish(GByteArray *out, size_t start)
{
    uint32_t length = GUINT32_TO_BE(out->len - start);

    memcpy(out->data + start, &length, 4);
    return out->len - start <= FRAME_MAX;
}
