/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection of the wire, seen from the server: frames in, replies, events and stream packets
 * out, keepalive. Reading and the callbacks happen on the peer's loop; everything that sends may be
 * called from any thread and never blocks (what the socket does not take is queued).
 * Closed by the peer's own misbehaviour, silence, end of file, or rpc_peer_close.
 */
#ifndef VIV_MANAGE_RPC_PEER_H
#define VIV_MANAGE_RPC_PEER_H

#include "manage/proc/proc.h"
#include "manage/rpc/frame.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rpc_peer;

/* Who is on the other side, from the socket's credentials. */
struct rpc_identity {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* One call; owned by who got it, until it is answered (exactly once). */
struct rpc_call {
    struct rpc_peer *peer; /* referenced */
    struct frame frame;
    const struct proc *proc;
    GBytes *body;
    int fds[FRAME_MAX_FDS]; /* owned; the taker sets -1 */
    unsigned n_fds;
};

/* What the peer calls, all on its loop. `user` is rpc_peer_new's. */
struct rpc_service {
    /* A known procedure was called. */
    void (*call)(struct rpc_call *call, void *user);
    /*
     * A stream packet of procedure `frame->procedure` and serial came (status as in the frame; a
     * hole's body is {i64 length, u32 flags}). Those of streams that are over are to be ignored.
     */
    void (*packet)(struct rpc_peer *peer, const struct frame *frame, GBytes *body, void *user);
    /* The queue of what is to be sent went empty: a stream may send its next chunk. */
    void (*drained)(struct rpc_peer *peer, void *user);
    /* The connection is gone; nothing more is called. */
    void (*closed)(struct rpc_peer *peer, void *user);
};

struct rpc_limits {
    unsigned calls;             /* outstanding calls of one peer before reading stops */
    unsigned keepalive_seconds; /* silence before a ping; 0: never */
    unsigned keepalive_count;   /* pings without an answer before it is closed */
};

/* Takes the descriptor, a connected stream socket, and starts reading on `context`. */
struct rpc_peer *rpc_peer_new(int fd, GMainContext *context, const struct rpc_limits *limits,
                              const struct rpc_service *service, void *user);
struct rpc_peer *rpc_peer_ref(struct rpc_peer *peer);
void rpc_peer_unref(struct rpc_peer *peer);
/* Closes when what is queued has been sent. */
void rpc_peer_close(struct rpc_peer *peer);
/* The other side understands keepalive: pings may be sent from now on. */
void rpc_peer_start_keepalive(struct rpc_peer *peer);
const struct rpc_identity *rpc_peer_identity(const struct rpc_peer *peer);

/* The call's arguments as its row's tuple; NULL with code 39. The caller owns a reference. */
GVariant *rpc_call_args(const struct rpc_call *call, GError **error);
/*
 * Answers and frees the call. `reply` is the row's reply tuple (NULL for an empty one; a floating
 * reference is taken). The descriptors are sent behind it and closed.
 */
void rpc_call_reply(struct rpc_call *call, GVariant *reply, const int *fds, unsigned n_fds);
/* Answers with the error, which it takes, and frees the call. */
void rpc_call_fail(struct rpc_call *call, GError *error);

/* Sends an event; `body` as rpc_call_reply's. */
void rpc_peer_event(struct rpc_peer *peer, const struct proc *proc, GVariant *body);

/*
 * Stream packets that belong to the call with frame `of`. Data is cut into chunks; status
 * FRAME_CONTINUE with no data is the end of data, FRAME_OK the end of the stream.
 */
void rpc_peer_stream(struct rpc_peer *peer, const struct frame *of, enum frame_status status,
                     const void *data, size_t length);
void rpc_peer_stream_hole(struct rpc_peer *peer, const struct frame *of, int64_t length);
/* Ends the stream with an error, which it takes. */
void rpc_peer_stream_fail(struct rpc_peer *peer, const struct frame *of, GError *error);
/* Bytes that wait to be sent. */
size_t rpc_peer_queued(struct rpc_peer *peer);

#endif
