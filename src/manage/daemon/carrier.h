/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries the streams of one client: between packets of the wire (rpc) and the far ends (core). All
 * on the loop, but for what says otherwise.
 */
#ifndef VIV_MANAGE_DAEMON_CARRIER_H
#define VIV_MANAGE_DAEMON_CARRIER_H

#include "manage/core/stream.h"
#include "manage/rpc/peer.h"

#include <glib.h>

#define CARRIER_MAX_STREAMS 64      /* of a client */
#define CARRIER_MAX_QUEUED  1048576 /* bytes to a slow client before its streams are not read */

struct carrier;

struct carrier *carrier_new(struct rpc_peer *peer, GMainContext *context);
/* The client is gone: every stream ends, and no other begins. */
void carrier_close(struct carrier *carrier);
/* Any thread; after carrier_close. NULL does nothing. */
void carrier_unref(struct carrier *carrier);
/*
 * A procedure opened a stream; takes it. Packets of the call with this frame are its own from now
 * on; nothing is read from it before carrier_start. Any thread. False (the stream is closed) with
 * code 1 when the client has too many, or is gone.
 */
bool carrier_add(struct carrier *carrier, const struct frame *of, struct stream *stream,
                 GError **error);
/* The call's reply is queued: reads may begin. Any thread. */
void carrier_start(struct carrier *carrier, uint32_t serial);
/* A packet came; those of streams that are over are dropped. */
void carrier_packet(struct carrier *carrier, const struct frame *frame, GBytes *body);
/* What was queued is sent: streams that waited for that go on. */
void carrier_drained(struct carrier *carrier);

#endif
