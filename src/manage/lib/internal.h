/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of libviv share. Any thread. */
#ifndef VIV_MANAGE_LIB_INTERNAL_H
#define VIV_MANAGE_LIB_INTERNAL_H

#include "manage/proc/proc.h"

#include <glib.h>
#include <stdbool.h>
#include <viv/object.h>

/* Marks what the symbol map exports. */
#define VIV_PUBLIC __attribute__((visibility("default")))

struct stream;
struct stream_client;
struct viv_stream;

struct viv_object {
    struct viv_connection *connection; /* referenced */
    enum viv_kind kind;
    GVariant *wire; /* as it travels */
    const char *name;
    const uint8_t *uuid; /* NULL for none */
    int id;
};

struct viv_connection *lib_connection_ref(struct viv_connection *connection);
void lib_connection_unref(struct viv_connection *connection);

/*
 * Carries out a procedure, in the process or by the daemon. `args` is the row's tuple (a floating
 * reference is taken; NULL for an empty one). The reply is the caller's; NULL sets *ret_error.
 */
GVariant *lib_connection_ask(struct viv_connection *connection, enum proc_id id, GVariant *args,
                             struct viv_error **ret_error);
/*
 * The same of a procedure that a stream follows: one of the two ends is set, the caller's, to be
 * closed before the connection is. `ret_reply` may be NULL. False sets *ret_error.
 */
bool lib_connection_stream(struct viv_connection *connection, enum proc_id id, GVariant *args,
                           GVariant **ret_reply, struct stream_client **ret_remote,
                           struct stream **ret_local, struct viv_error **ret_error);
/* The stream of such a procedure; NULL sets *ret_error. */
struct viv_stream *lib_stream_open(struct viv_connection *connection, enum proc_id id,
                                   GVariant *args, GVariant **ret_reply,
                                   struct viv_error **ret_error);
/* For procedures without a result (0, or -1), with one i32 (or -1) and with one string. */
int lib_connection_do(struct viv_connection *connection, enum proc_id id, GVariant *args,
                      struct viv_error **ret_error);
int lib_connection_ask_number(struct viv_connection *connection, enum proc_id id, GVariant *args,
                              struct viv_error **ret_error);
char *lib_connection_ask_text(struct viv_connection *connection, enum proc_id id, GVariant *args,
                              struct viv_error **ret_error);

/* Hands an error on, which it takes. */
void lib_error_give(struct viv_error **ret_error, GError *error);

/* Arguments of a procedure on an object, and its flags if its layout has any. Floating. */
GVariant *lib_object_args(const struct viv_object *object, enum proc_id id, unsigned flags);
/*
 * Arguments of a procedure by the words of its layout: an object, the texts in their order (one
 * that is not nullable must be there), each count `n`, and the flags. Floating.
 */
GVariant *lib_pack(const struct viv_object *object, enum proc_id id, const char *const *texts,
                   unsigned n, unsigned flags);
/* The same, asked of a domain's connection; NULL with code 8 when it is none. `args` is floating
 * and taken. */
GVariant *lib_domain_ask(struct viv_object *domain, enum proc_id id, GVariant *args,
                         struct viv_error **ret_error);
int lib_domain_do(struct viv_object *domain, enum proc_id id, GVariant *args,
                  struct viv_error **ret_error);
char *lib_domain_ask_text(struct viv_object *domain, enum proc_id id, GVariant *args,
                          struct viv_error **ret_error);
/* Procedures on an object that take nothing, or flags, alone. */
int lib_object_do(struct viv_object *object, enum viv_kind kind, enum proc_id id, unsigned flags,
                  struct viv_error **ret_error);
char *lib_object_text(struct viv_object *object, enum viv_kind kind, enum proc_id id,
                      unsigned flags, struct viv_error **ret_error);
/* A new object from its reference on the wire. */
struct viv_object *lib_object_new(struct viv_connection *connection, enum viv_kind kind,
                                  GVariant *wire);
/* False with code 8 when the object is of another kind. */
bool lib_object_is(const struct viv_object *object, enum viv_kind kind,
                   struct viv_error **ret_error);

#endif
