/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The near end of a stream on the wire: a console, a screenshot, a volume. Any thread; one thread
 * at a time receives and one sends. Every call fails with the other side's error once it has sent
 * one, and with code 38 when the connection is lost.
 */
#ifndef VIV_MANAGE_RPC_STREAM_CLIENT_H
#define VIV_MANAGE_RPC_STREAM_CLIENT_H

#include "manage/rpc/client.h"

struct stream_client;

/*
 * rpc_client_call of a procedure that a stream follows. The reply's tuple, when asked for, is the
 * caller's. Freed by stream_client_free before the client is; NULL with the call's error.
 */
struct stream_client *stream_client_open(struct rpc_client *client, enum proc_id id, GVariant *args,
                                         GVariant **ret_reply, GError **error);
/* Readable while there is something to receive, the end and an error too; to poll only. */
int stream_client_fd(const struct stream_client *stream);
/*
 * Up to `size` bytes; 0 with *ret_hole > 0 for so many zeroes, 0 without at the end; -1 on failure.
 * Waits, or with `wait` false answers -EAGAIN when nothing is there.
 */
ssize_t stream_client_receive(struct stream_client *stream, void *data, size_t size,
                              int64_t *ret_hole, bool wait, GError **error);
/* All of it, or so many zeroes. */
bool stream_client_send(struct stream_client *stream, const void *data, size_t size,
                        GError **error);
bool stream_client_send_hole(struct stream_client *stream, int64_t length, GError **error);
/* Nothing more is sent or received: waits until the other side has taken all. */
bool stream_client_finish(struct stream_client *stream, GError **error);
/* One that is not finished is given up. NULL does nothing. */
void stream_client_free(struct stream_client *stream);

#endif
