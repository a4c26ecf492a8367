/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character back ends: a byte stream between a front end (serial port, monitor, virtio console) and
 * the outside (stdio, pty, file, sockets, null, mux, ring buffer). All on the main loop, except
 * chardev_write, which any thread may call.
 */
#ifndef VIV_MACHINE_CHARDEV_CHARDEV_H
#define VIV_MACHINE_CHARDEV_CHARDEV_H

#include "row/row.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chardev_event {
    CHARDEV_OPENED,
    CHARDEV_CLOSED,
    CHARDEV_BREAK,
    CHARDEV_FOCUS_IN, /* mux: input comes here from now on */
    CHARDEV_FOCUS_OUT,
};

/* What a front end gives; called on the main loop with no chardev lock held. */
struct chardev_frontend {
    /* How many bytes it can take now; 0: the back end waits until chardev_accept_input. NULL: it
     * never takes any. */
    size_t (*can_receive)(void *opaque);
    void (*receive)(void *opaque, const uint8_t *data, size_t len);
    void (*event)(void *opaque, enum chardev_event event); /* may be NULL */
    /* What chardev_write refused may be written again; may be NULL. */
    void (*writable)(void *opaque);
    void *opaque;
};

struct chardev;
struct chardev_set;

/* What back ends need of the rest of the machine; loop. Each may be NULL. */
struct chardev_hooks {
    /* A key (Ctrl-a x) or the testdev back end ends the process. */
    void (*quit)(void *opaque, int code);
    /* A new descriptor for the name given with fd=NAME, or -1 with an error. Caller owns. */
    int (*named_fd)(void *opaque, const char *name, GError **error);
    /* A new descriptor of add-fd set `set` with the access mode of `flags`, or -errno. */
    int (*fdset)(void *opaque, int64_t set, int flags);
    void *opaque;
};

/* All chardevs of one machine, by id. */
struct chardev_set *chardev_set_new(GMainContext *context);
void chardev_set_free(struct chardev_set *set);
/* Copied; before chardevs are made. */
void chardev_set_hooks(struct chardev_set *set, const struct chardev_hooks *hooks);

/* -chardev options as JSON: {"id":..., "backend":"socket", "path":..., "server":true, ...}. The
 * pieces that need files or sockets are opened now; "wait" blocks. */
struct chardev *chardev_new(struct chardev_set *set, json_object *options, GError **error);
/* QEMU's short forms of -serial, -monitor, -qmp: "stdio", "pty", "unix:PATH,server=on",
 * "mon:stdio", "file:X", "tcp:H:P,server=on", "null", "chardev:ID", "none" (NULL without error). */
struct chardev *chardev_new_short(struct chardev_set *set, const char *id, const char *text,
                                  GError **error);
struct chardev *chardev_find(struct chardev_set *set, const char *id);
/* Puts another back end, as chardev_new makes it, behind the same front end. On failure the old one
 * is opened again. Refused for a mux. */
gboolean chardev_change(struct chardev_set *set, const char *id, json_object *options,
                        GError **error);
gboolean chardev_remove(struct chardev_set *set, const char *id, GError **error);

/* One front end at a time (mux: several): FALSE if taken. Copied; known by its opaque pointer. NULL
 * frontend detaches. */
gboolean chardev_attach(struct chardev *c, const struct chardev_frontend *frontend, GError **error);
void chardev_detach(struct chardev *c, const struct chardev_frontend *frontend);
/* Bytes taken (0..len): a slow peer takes fewer; a closed or absent one takes and drops all. */
size_t chardev_write(struct chardev *c, const void *data, size_t len);
/* The front end can receive again. Any thread. */
void chardev_accept_input(struct chardev *c);
bool chardev_is_open(struct chardev *c);
const char *chardev_id(const struct chardev *c);
/* Descriptor that came with the last bytes (SCM_RIGHTS), for QMP's getfd; -1: none. Caller owns. */
int chardev_take_fd(struct chardev *c);
/* query-chardev's list. */
json_object *chardev_query(struct chardev_set *set);
/* Sends an event to the front ends, as a break key does. Loop. */
void chardev_send_event(struct chardev *c, enum chardev_event event);
/* "pty:/dev/pts/3", "unix:PATH,server=on", "null": newly allocated. */
char *chardev_filename(struct chardev *c);
bool chardev_is_mux(const struct chardev *c);
/* The ring buffer's bytes, at most `max` (ringbuf-read): NULL with an error if it is none. */
GBytes *chardev_ring_read(struct chardev *c, size_t max, GError **error);
/* As if the peer had sent bytes (ringbuf-write). */
gboolean chardev_ring_write(struct chardev *c, const void *data, size_t len, GError **error);

/* Names and one-line descriptions of the back ends, for help and query-chardev-backends. */
struct chardev_kind {
    const char *name, *help;
    const struct row *rows;
};
/* The n-th kind; NULL name past the last. */
struct chardev_kind chardev_kind(unsigned n);

#endif
