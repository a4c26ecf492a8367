/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the storage resource share. */
#ifndef VIV_MANAGE_RESOURCE_STORAGE_INTERNAL_H
#define VIV_MANAGE_RESOURCE_STORAGE_INTERNAL_H

#include "block/block.h"
#include "manage/core/storage/pool.h"
#include "manage/core/stream.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

/* folder.c: struct pool_ops and resource_ops; the pool's lock is held. */
bool folder_start(struct object *object, GError **error);
bool folder_stop(struct object *object, GError **error);
bool folder_refresh(struct object *object, GError **error);
bool folder_build(struct pool *pool, unsigned flags, GError **error);
bool folder_remove(struct pool *pool, unsigned flags, GError **error);
bool folder_measure(struct pool *pool, GError **error);
char *folder_place(struct pool *pool, const struct xml *def, GError **error);

/* volume-look.c. No lock. */
/* <permissions> of a file, last in `target`. */
void look_permissions(struct xml *target, const struct stat *st);
struct xml *look_volume(const char *path, GError **error);

/* volume-copy.c: an image by its path and format, nothing guessed; NULL with code 1. */
struct block_node *copy_open(struct block_graph *graph, const char *path, const char *format,
                             unsigned flags, GError **error);
/* Makes the target, which reads as zeroes, read as the source does. */
bool copy_volume(const struct volume_source *from, const char *path, const char *format,
                 GError **error);

/* volume-make.c */
bool make_volume(const char *path, const struct xml *def, const struct volume_source *from,
                 unsigned flags, GError **error);
bool make_removed(const char *path, unsigned flags, GError **error);
bool make_resized(const char *path, const char *format, uint64_t capacity, unsigned flags,
                  GError **error);
bool make_wiped(const char *path, unsigned algorithm, GError **error);

/* volume-stream.c */
struct stream *volume_stream_open(const char *path, const struct volume_range *range,
                                  void (*done)(void *user), void *user, GError **error);

#endif
