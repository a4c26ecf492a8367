/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection of the wire, seen from the client: calls and their replies, events, keepalive.
 * Each call is made from its procedure's layouts. A thread of the client's own reads; every
 * function but rpc_client_free may be called from any thread, and calls of several threads are
 * under way at once.
 */
#ifndef VIV_MANAGE_RPC_CLIENT_H
#define VIV_MANAGE_RPC_CLIENT_H

#include "manage/proc/proc.h"
#include "manage/rpc/frame.h"

#include <glib.h>
#include <stdbool.h>

struct rpc_client;

/* Both on the client's thread, where no call may be made. */
struct rpc_client_events {
    /* `body` is the row's reply tuple, borrowed. */
    void (*event)(const struct proc *proc, GVariant *body, void *user);
    /* The other side is gone; comes once at most, and not for rpc_client_free. */
    void (*closed)(void *user);
};

/* Takes the descriptor, a connected stream socket. */
struct rpc_client *rpc_client_new(int fd, const struct rpc_client_events *events, void *user);
/* No call may be under way, and none of `events` comes after it. NULL does nothing. */
void rpc_client_free(struct rpc_client *client);

/*
 * Calls and waits for the answer. `args` is the row's tuple (a floating reference is taken; NULL
 * for an empty one); the reply's tuple is the caller's. NULL with the other side's error, code 39
 * when a value does not fit its layout or an answer is malformed, code 38 when the connection is
 * lost.
 */
GVariant *rpc_client_call(struct rpc_client *client, enum proc_id id, GVariant *args,
                          GError **error);
/*
 * Packets of a stream: `body` borrowed, what it returns counts as held until rpc_client_taken. NULL
 * for both: the connection is lost. On the client's thread, under its lock.
 */
typedef size_t (*rpc_client_packet)(const struct frame *frame, GBytes *body, void *user);
/*
 * rpc_client_call of a procedure that a stream follows: its packets come until
 * rpc_client_end_stream, by the serial that is told before the call is made. NULL: there is none.
 */
GVariant *rpc_client_stream(struct rpc_client *client, enum proc_id id, GVariant *args,
                            rpc_client_packet packet, void *user, uint32_t *ret_serial,
                            GError **error);
/* None comes after it returned; `held` bytes were never taken. */
void rpc_client_end_stream(struct rpc_client *client, uint32_t serial, size_t held);
/* A reader took these bytes. While streams hold too many and no call waits, nothing is received. */
void rpc_client_taken(struct rpc_client *client, size_t bytes);
/* Sends one packet, of FRAME_STREAM_CHUNK bytes at most; false when the connection is lost. */
bool rpc_client_send(struct rpc_client *client, const struct frame *frame, const void *data,
                     size_t size);
/*
 * The other side answers pings: one goes out after `seconds` of silence, and when `count` of them
 * stay without any answer the connection is closed.
 */
void rpc_client_start_keepalive(struct rpc_client *client, unsigned seconds, unsigned count);

#endif
