/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the common part of character devices and the back ends: one constant class per kind, an
 * instance that begins with a struct chardev.
 */
#ifndef VIV_MACHINE_CHARDEV_BACKEND_H
#define VIV_MACHINE_CHARDEV_BACKEND_H

#include "machine/chardev/chardev.h"
#include "row/row.h"

struct chardev_class {
    const char *name;
    const char *help;
    const struct row *rows; /* options; NULL: none */
    size_t opts_size;
    size_t instance_size;
    /* Loop. `opts` lives until close. On failure close is called too. */
    gboolean (*open)(struct chardev *c, void *opts, GError **error);
    void (*close)(struct chardev *c);
    /* Any thread, `lock` held: bytes taken, 0..len. NULL: takes and drops all. */
    size_t (*write)(struct chardev *c, const uint8_t *data, size_t len);
    /* Loop: the front end may have room now. */
    void (*resume)(struct chardev *c);
    /* Newly allocated name; NULL function: the class's name. */
    char *(*filename)(struct chardev *c);
    int (*take_fd)(struct chardev *c);
    /* mux: more than one front end. */
    gboolean (*attach)(struct chardev *c, const struct chardev_frontend *fe, GError **error);
    bool (*detach)(struct chardev *c, const struct chardev_frontend *fe);
    void (*event)(struct chardev *c, enum chardev_event event);
};

struct chardev {
    const struct chardev_class *class;
    struct chardev_set *set;
    char *id;
    void *opts;                        /* loop */
    json_object *options;              /* loop: what it was made of; NULL: of another (mux) */
    const struct chardev_frontend *fe; /* loop: own_fe, or NULL */
    struct chardev_frontend own_fe;    /* loop */
    GSource *resume;                   /* any thread arms it */
    GMutex lock;                       /* output side */
    bool open;                         /* lock writes, atomic reads */
    int log_fd;                        /* lock */
    unsigned users;                    /* loop: muxes on top of it */
};

struct chardev_set {
    GMainContext *context;
    GPtrArray *all; /* struct chardev *, owned, in order of making */
    struct chardev_hooks hooks;
};

extern const struct chardev_class chardev_file, chardev_mux, chardev_null, chardev_pipe,
    chardev_pty, chardev_ringbuf, chardev_socket, chardev_stdio, chardev_testdev;

/* ---- for back ends, on the loop with no lock held ------------------------------------------ */

/* One front end is known by its opaque pointer: the struct itself may be its caller's temporary. */
static inline bool chardev_same(const struct chardev_frontend *a, const struct chardev_frontend *b)
{
    return a && b && a->opaque == b->opaque && a->receive == b->receive;
}
/* How much the front end takes now; 0 without one. */
size_t chardev_room(struct chardev *c);
void chardev_deliver(struct chardev *c, const uint8_t *data, size_t len);
/* Changes the open state and tells the front end if it changed. */
void chardev_set_open(struct chardev *c, bool open);
/* What write refused may be tried again. */
void chardev_writable(struct chardev *c);
/* Opens a path, /dev/fdset/N included. -1 with an error. */
int chardev_open_path(struct chardev *c, const char *path, int flags, GError **error);
/* A mux `id` on top of `base`, taking over. */
struct chardev *chardev_mux_new(struct chardev_set *set, const char *id, struct chardev *base,
                                GError **error);

#endif
