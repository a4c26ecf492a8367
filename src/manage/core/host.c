/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/host.h"

#include "manage/core/domain.h"
#include "manage/core/driver.h"

struct host *host_new(const struct driver *driver, const char *uri)
{
    struct host *host = g_new0(struct host, 1);

    g_atomic_ref_count_init(&host->refs);
    host->driver = driver;
    host->uri = g_strdup(uri);
    host->events = event_hub_new();
    for (int i = 0; i < OBJECT_KINDS; i++) {
        host->objects[i] = objects_new();
    }
    return host;
}

struct host *host_ref(struct host *host)
{
    g_atomic_ref_count_inc(&host->refs);
    return host;
}

void host_unref(struct host *host)
{
    if (host == NULL || !g_atomic_ref_count_dec(&host->refs)) {
        return;
    }
    if (host->driver->leave != NULL) {
        host->driver->leave(host);
    }
    for (int i = 0; i < OBJECT_KINDS; i++) {
        objects_free(host->objects[i]);
    }
    for (int i = 0; i < OBJECT_KINDS; i++) {
        if (host->resource[i] != NULL && host->resource[i]->close != NULL) {
            host->resource[i]->close(host);
        }
    }
    if (host->driver->close != NULL) {
        host->driver->close(host);
    }
    event_hub_free(host->events);
    g_free(host->uri);
    g_free(host);
}

int host_next_id(struct host *host)
{
    return g_atomic_int_add(&host->last_id, 1) + 1;
}

struct domain *host_find_id(struct host *host, int id)
{
    g_autoptr(GPtrArray) all = objects_all(host->objects[OBJECT_DOMAIN]);

    for (unsigned i = 0; i < all->len; i++) {
        struct object *object = object_ref(all->pdata[i]);

        object_lock(object);
        if (domain_of(object)->id == id && !object->gone) {
            return domain_of(object);
        }
        object_release(object);
    }
    return NULL;
}
