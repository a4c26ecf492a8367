/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/core/storage/volume-work.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/handlers.h"
#include "manage/core/object-kind.h"
#include "manage/core/stream.h"

#include <string.h>

enum { RESIZE_ALLOCATE = 1 << 0, RESIZE_DELTA = 1 << 1, RESIZE_SHRINK = 1 << 2 };
enum { STREAM_SPARSE = 1 << 0 };
enum { INFO_PHYSICAL = 1 << 0 };

struct volume_work *volume_work_begin(struct call *call, unsigned n, GError **error)
{
    struct volume *volume;
    struct object *pool = volume_target(call, n, &volume, error);
    struct volume_work *work;

    if (pool == NULL) {
        return NULL;
    }
    if (call->host->pools == NULL) {
        fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
        object_release(pool);
        return NULL;
    }
    work = g_new0(struct volume_work, 1);
    work->host = host_ref(call->host);
    work->pool = pool;
    work->volume = volume;
    work->path = g_strdup(volume->path);
    work->format = g_strdup(volume_format(volume));
    volume->users++;
    pool_of(pool)->jobs++;
    object_unlock(pool);
    return work;
}

void volume_work_end(struct volume_work *work, bool look)
{
    if (work == NULL) {
        return;
    }
    const struct pool_ops *ops = work->pool->host->pools;
    struct xml *def = look ? ops->volume_look(work->path, NULL) : NULL;

    object_lock(work->pool);
    if (def != NULL) {
        pool_put(pool_of(work->pool), work->path, def);
        (void)ops->measure(pool_of(work->pool), NULL);
    }
    work->volume->users--;
    pool_of(work->pool)->jobs--;
    object_release(work->pool);
    host_unref(work->host);
    g_free(work->path);
    g_free(work->format);
    g_free(work);
}

/* With the pool's lock, given up meanwhile. */
static struct volume *make(struct call *call, const char *path, const struct xml *def,
                           const struct volume_work *from, GError **error)
{
    const struct pool_ops *ops = call->host->pools;
    struct pool *pool = pool_of(call->object);
    struct volume_source source = {0};
    struct xml *found = NULL;

    if (from != NULL) {
        source = (struct volume_source){from->path, from->format};
    }
    pool->jobs++;
    object_unlock(call->object);
    if (ops->volume_make(path, def, from != NULL ? &source : NULL, call->flags, error)) {
        found = ops->volume_look(path, error);
        if (found == NULL && error != NULL && *error == NULL) {
            fault_set(error, FAULT_INTERNAL_ERROR, "volume '%s' has gone", path);
        }
    }
    object_lock(call->object);
    pool->jobs--;
    if (found == NULL) {
        return NULL;
    }
    (void)ops->measure(pool, NULL);
    return pool_put(pool, path, found);
}

static bool check_name(const struct xml *def, GError **error)
{
    const char *name = named_name(def);

    return strchr(name, '/') == NULL ||
           fault_set(error, FAULT_OPERATION_INVALID, "volume name '%s' cannot contain '/'", name);
}

/* What a name stands for already. */
static bool check_exists(struct call *call, const struct xml *def, bool clone, GError **error)
{
    const char *name = named_name(def);

    if (pool_find(pool_of(call->object), name) == NULL) {
        return true;
    }
    return clone ? fault_set(error, FAULT_INTERNAL_ERROR,
                             "storage volume name '%s' already in use.", name)
                 : fault_set(error, FAULT_STORAGE_VOL_EXIST, "'%s'", name);
}

struct volume *volume_work_make(struct call *call, struct xml *def, GError **error)
{
    g_autoptr(xml_own) own = def;
    bool clone = proc_id(call->proc) == PROC_STORAGE_VOL_CREATE_XML_FROM;
    struct volume_work *from = NULL;
    struct volume *volume = NULL;
    g_autofree char *path = NULL;

    if (clone) {
        object_unlock(call->object);
        from = volume_work_begin(call, 2, error);
        object_lock(call->object);
        if (from == NULL) {
            return NULL;
        }
    }
    if (object_check_active(call->object, error) && check_name(own, error) &&
        check_exists(call, own, clone, error)) {
        path = call->host->pools->place(pool_of(call->object), own, error);
        volume = path != NULL ? make(call, path, own, from, error) : NULL;
    }
    if (from != NULL) {
        object_unlock(call->object);
        volume_work_end(from, false);
        object_lock(call->object);
    }
    return volume;
}

/* What resize's flags make of the wanted size; libvirt's order of refusals. */
static bool new_capacity(struct volume_work *work, uint64_t wanted, unsigned flags,
                         uint64_t *ret_capacity, GError **error)
{
    uint64_t old, allocation, available, capacity = wanted;

    object_lock(work->pool);
    old = volume_capacity(work->volume);
    allocation = volume_allocation(work->volume);
    available = pool_of(work->pool)->available;
    object_unlock(work->pool);
    if ((flags & RESIZE_DELTA) != 0) {
        capacity = (flags & RESIZE_SHRINK) != 0 ? old - MIN(old, wanted) : old + wanted;
        if ((flags & RESIZE_SHRINK) == 0 && capacity < old) {
            return fault_set(error, FAULT_OVERFLOW, "the capacity is too large");
        }
    }
    if (capacity < allocation) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "can't shrink capacity below existing allocation");
    }
    if (capacity < old && (flags & RESIZE_SHRINK) == 0) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "Can't shrink capacity below current capacity unless shrink flag "
                         "explicitly specified");
    }
    if ((flags & RESIZE_ALLOCATE) != 0 && capacity > old && capacity - old > available) {
        return fault_set(error, FAULT_OPERATION_FAILED, "not enough space left in storage pool");
    }
    *ret_capacity = capacity;
    return true;
}

bool volume_resize(struct call *call, GError **error)
{
    struct volume_work *work = volume_work_begin(call, 0, error);
    uint64_t capacity;
    bool good;

    if (work == NULL) {
        return false;
    }
    good = new_capacity(work, call_u64(call, 1), call->flags, &capacity, error) &&
           call->host->pools->volume_resize(work->path, work->format, capacity, call->flags, error);
    volume_work_end(work, good);
    return good;
}

/* storage_vol_wipe and storage_vol_wipe_pattern */
bool volume_wipe(struct call *call, GError **error)
{
    bool pattern = proc_id(call->proc) == PROC_STORAGE_VOL_WIPE_PATTERN;
    struct volume_work *work = volume_work_begin(call, 0, error);
    bool good;

    if (work == NULL) {
        return false;
    }
    good = call->host->pools->volume_wipe(work->path, pattern ? call_u32(call, 1) : 0, error);
    volume_work_end(work, good);
    return good;
}

static void stream_done(void *user)
{
    volume_work_end(user, true);
}

/* storage_vol_upload and storage_vol_download */
bool volume_stream(struct call *call, GError **error)
{
    struct volume_range range = {
        .offset = call_u64(call, 1),
        .length = call_u64(call, 2),
        .upload = proc_id(call->proc) == PROC_STORAGE_VOL_UPLOAD,
        .sparse = (call->flags & STREAM_SPARSE) != 0,
    };
    struct volume_work *work = volume_work_begin(call, 0, error);

    if (work == NULL) {
        return false;
    }
    call->stream = call->host->pools->volume_open(work->path, &range, stream_done, work, error);
    if (call->stream == NULL) {
        volume_work_end(work, false);
    }
    return call->stream != NULL;
}

bool volume_get_info_flags(struct call *call, GError **error)
{
    struct volume *volume;
    g_autoptr(object_held) pool = volume_target(call, 0, &volume, error);

    return pool != NULL &&
           call_reply(call, "(ytt)", volume_type(volume), volume_capacity(volume),
                      (call->flags & INFO_PHYSICAL) != 0 ? volume_physical(volume)
                                                         : volume_allocation(volume));
}
