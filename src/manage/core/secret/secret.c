/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/secret/secret.h"

#include <string.h>

void secret_wipe(uint8_t *value, size_t length)
{
    if (value != NULL) {
        explicit_bzero(value, length);
        g_free(value);
    }
}

static void clear(struct object *object)
{
    secret_set(secret_of(object), NULL, 0);
}

struct secret *secret_new(struct host *host, const uint8_t uuid[UUID_BYTES], struct xml *def)
{
    struct secret *secret = g_new0(struct secret, 1);
    char name[UUID_TEXT];

    uuid_format(uuid, name);
    object_init(&secret->object, OBJECT_SECRET, host, name, uuid, clear);
    secret->object.def = def;
    secret->object.active = true;
    return secret;
}

void secret_set(struct secret *secret, const uint8_t *value, size_t length)
{
    secret_wipe(secret->value, secret->length);
    secret->value = value != NULL ? g_memdup2(value, length) : NULL;
    secret->length = value != NULL ? length : 0;
}
