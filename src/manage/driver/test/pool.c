/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools of the test driver: each holds 100 GiB. */
#include "manage/conf/named.h"
#include "manage/driver/test/internal.h"

#include <inttypes.h>

#define POOL_BYTES (G_GUINT64_CONSTANT(100) << 30)

static void set(struct xml *def, const char *child, uint64_t bytes)
{
    g_autofree char *text = g_strdup_printf("%" PRIu64, bytes);

    named_set(NAMED_POOL, def, child, text);
}

void test_size_pool(struct pool *pool)
{
    pool->capacity = POOL_BYTES;
    pool->allocation = 0;
    pool->available = POOL_BYTES;
    set(pool->object.def, "capacity", pool->capacity);
    set(pool->object.def, "allocation", pool->allocation);
    set(pool->object.def, "available", pool->available);
}

static bool complete(struct host *host, struct xml *def, const uint8_t uuid[UUID_BYTES],
                     GError **error)
{
    set(def, "capacity", POOL_BYTES);
    set(def, "allocation", 0);
    set(def, "available", POOL_BYTES);
    return true;
}

static bool start(struct object *object, GError **error)
{
    if (pool_of(object)->capacity == 0) {
        test_size_pool(pool_of(object));
    }
    return true;
}

const struct resource_ops test_pools = {
    .complete = complete,
    .start = start,
};
