/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes to and from what a host has: a guest's console, its screen, a volume. Any thread; one
 * thread at a time receives from a stream and one sends; a stream keeps its connection open.
 * Functions with an int give 0, or -1 on failure.
 */
#ifndef VIV_STREAM_H
#define VIV_STREAM_H

#include "viv/object.h"
#include "viv/storage.h"

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct viv_stream;

enum viv_console_flags {
    VIV_CONSOLE_FORCE = 1, /* takes it from who has it */
    VIV_CONSOLE_SAFE = 2,  /* only where one at a time is kept to */
};

enum viv_transfer_flags {
    VIV_TRANSFER_SPARSE = 1, /* holes travel as holes */
};

/*
 * A guest's console, both ways; `device` is its alias (NULL: the first). What its screen shows, by
 * number, as a picture whose MIME type is to be freed by viv_free. Each is NULL on failure, else
 * freed by viv_stream_free.
 */
struct viv_stream *viv_domain_console(struct viv_object *domain, const char *device, unsigned flags,
                                      struct viv_error **ret_error);
struct viv_stream *viv_domain_screenshot(struct viv_object *domain, unsigned screen,
                                         char **ret_type, struct viv_error **ret_error);
/* A volume's bytes from `offset` on, `length` of them (0: all): to give, and to take. */
struct viv_stream *viv_volume_upload(struct viv_volume *volume, uint64_t offset, uint64_t length,
                                     unsigned flags, struct viv_error **ret_error);
struct viv_stream *viv_volume_download(struct viv_volume *volume, uint64_t offset, uint64_t length,
                                       unsigned flags, struct viv_error **ret_error);

/* Readable while viv_stream_receive has an answer; owned by the stream, to poll only. */
int viv_stream_fd(const struct viv_stream *stream);
/*
 * Up to `size` bytes, waiting for the first. 0 with *ret_hole > 0: so many zeroes come next; 0
 * without: the end. -1 on failure.
 */
ssize_t viv_stream_receive(struct viv_stream *stream, void *data, size_t size, int64_t *ret_hole,
                           struct viv_error **ret_error);
/* Sends all of it, or so many zeroes; waits for a slow host. */
int viv_stream_send(struct viv_stream *stream, const void *data, size_t size,
                    struct viv_error **ret_error);
int viv_stream_send_hole(struct viv_stream *stream, int64_t length, struct viv_error **ret_error);
/* The end: success means that the host has taken all that was sent. Nothing else may follow but
 * viv_stream_free. */
int viv_stream_finish(struct viv_stream *stream, struct viv_error **ret_error);
/* One that is not finished is given up. NULL does nothing. */
void viv_stream_free(struct viv_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
