/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/uuid.h"

#include <glib.h>
#include <string.h>

bool uuid_parse(const char *text, uint8_t ret_uuid[UUID_BYTES])
{
    uint8_t uuid[UUID_BYTES];

    while (g_ascii_isspace(*text)) {
        text++;
    }
    for (int i = 0; i < UUID_BYTES; i++) {
        while (*text == '-' || g_ascii_isspace(*text)) {
            text++;
        }
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1])) {
            return false;
        }
        uuid[i] = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);
        text += 2;
    }
    while (g_ascii_isspace(*text)) {
        text++;
    }
    if (*text != '\0') {
        return false;
    }
    memcpy(ret_uuid, uuid, UUID_BYTES);
    return true;
}

void uuid_format(const uint8_t u[UUID_BYTES], char ret_text[UUID_TEXT])
{
    char *to = ret_text;

    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        to += g_snprintf(to, 3, "%02x", u[i]);
    }
}

void uuid_new(uint8_t ret_uuid[UUID_BYTES])
{
    g_autofree char *text = g_uuid_string_random();

    uuid_parse(text, ret_uuid);
}
