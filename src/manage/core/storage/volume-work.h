/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work on a volume that takes long: done without its pool's lock, while both stay where they are.
 */
#ifndef VIV_MANAGE_CORE_STORAGE_VOLUME_WORK_H
#define VIV_MANAGE_CORE_STORAGE_VOLUME_WORK_H

#include "manage/core/call.h"
#include "manage/core/storage/pool.h"

#include <glib.h>
#include <stdbool.h>

struct volume_work {
    struct host *host;   /* a reference: a stream may outlive its connection */
    struct object *pool; /* a reference */
    struct volume *volume;
    char *path, *format;
};

/* The volume that argument n refers to, its pool held; NULL with libvirt's words. */
struct object *volume_target(struct call *call, unsigned n, struct volume **ret_volume,
                             GError **error);
/* Begins on the volume of argument n; nothing is locked afterwards. */
struct volume_work *volume_work_begin(struct call *call, unsigned n, GError **error);
/* Ends it and frees; `look`: the volume may be another than before. No lock held; NULL is fine. */
void volume_work_end(struct volume_work *work, bool look);
/* Makes a volume in the call's pool, which is held before and after; takes the definition. */
struct volume *volume_work_make(struct call *call, struct xml *def, GError **error);

#endif
