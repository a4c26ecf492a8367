/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One procedure being carried out. A handler finds the object its first argument names already
 * looked up, locked, checked and with its job begun, as the driver's row says; it reads the other
 * arguments, does the work and sets the reply. Worker threads; a call belongs to one.
 */
#ifndef VIV_MANAGE_CORE_CALL_H
#define VIV_MANAGE_CORE_CALL_H

#include "manage/core/domain.h"
#include "manage/core/host.h"
#include "manage/proc/proc.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct stream;

struct call {
    struct connection *conn;
    struct host *host;
    const struct proc *proc;
    GVariant *args;        /* the row's tuple */
    unsigned flags;        /* the argument `flags`, 0 where there is none */
    struct object *object; /* the target, locked; NULL where there is none */
    struct domain *domain; /* the same, when it is a domain */
    GVariant *reply;       /* set by the handler unless it is empty; its own reference */
    struct stream *stream; /* set by the handler of a streaming procedure */
    const int *fds;        /* came with the call; borrowed */
    unsigned n_fds;
    GArray *reply_fds; /* int, to be sent and closed; NULL for none */
};

/* False with *error set; the reply is then ignored. */
typedef bool (*call_handler)(struct call *call, GError **error);

/* Arguments by index, of the row's type (a programmer's error otherwise); strings are borrowed. */
const char *call_string(struct call *call, unsigned n);       /* s */
const char *call_maybe_string(struct call *call, unsigned n); /* s?; NULL when it is not there */
int32_t call_i32(struct call *call, unsigned n);
uint32_t call_u32(struct call *call, unsigned n);
uint64_t call_u64(struct call *call, unsigned n);
int64_t call_i64(struct call *call, unsigned n);
/* The name in an object, and its UUID (16 bytes, borrowed). */
const char *call_object_name(struct call *call, unsigned n);
const uint8_t *call_object_uuid(struct call *call, unsigned n);

/* Sets the reply; always true, for `return call_reply(...)`. g_variant_new's format and values. */
bool call_reply(struct call *call, const char *format, ...);
bool call_reply_i32(struct call *call, int32_t value);
bool call_reply_u64(struct call *call, uint64_t value);
bool call_reply_string(struct call *call, const char *value);
/* A reply that is one object reference: dom, net, pool. */
bool call_reply_object(struct call *call, struct object *object);

/* Object references, floating: (sayi) of a domain, (say) of networks and pools, (ayis) ... */
GVariant *call_pack_uuid(const uint8_t uuid[UUID_BYTES]);
GVariant *call_pack_domain(struct domain *domain);
GVariant *call_pack_object(struct object *object);
/* A typed parameter; takes a floating value. */
GVariant *call_pack_param(const char *name, GVariant *value);

#endif
