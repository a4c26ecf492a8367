/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of the wire: length, header, body. No state; any thread. */
#ifndef VIV_MANAGE_RPC_FRAME_H
#define VIV_MANAGE_RPC_FRAME_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FRAME_LENGTH       4              /* bytes of the length itself, which counts them */
#define FRAME_HEADER       24             /* bytes behind it */
#define FRAME_MAX          (33554432 + 4) /* bytes, all of a frame */
#define FRAME_STREAM_CHUNK 262120         /* bytes of data in one stream packet */
#define FRAME_MAX_FDS      32
#define FRAME_KEEPALIVE    0x6b656570 /* program */
#define FRAME_VERSION      1

enum { FRAME_PING = 1, FRAME_PONG = 2 }; /* procedures of FRAME_KEEPALIVE */

enum frame_type {
    FRAME_CALL,
    FRAME_REPLY,
    FRAME_EVENT,
    FRAME_STREAM,
    FRAME_CALL_FDS,
    FRAME_REPLY_FDS,
    FRAME_HOLE,
};

enum frame_status { FRAME_OK, FRAME_ERROR, FRAME_CONTINUE };

struct frame {
    uint32_t program;
    uint32_t version;
    int32_t procedure;
    uint32_t type; /* enum frame_type */
    uint32_t serial;
    uint32_t status; /* enum frame_status */
};

/*
 * Length of the frame that starts with these bytes: 0 when fewer than FRAME_LENGTH are there, -1
 * when the length is not one a frame can have (the connection must be closed).
 */
int64_t frame_length(const uint8_t *data, size_t length);
/* Reads the header behind the length; `data` has FRAME_LENGTH + FRAME_HEADER bytes. */
void frame_read(const uint8_t *data, struct frame *ret_frame);
/*
 * Starts a frame: appends a length of 0 and the header. frame_finish then sets the length, false
 * when it is above FRAME_MAX. `start` is where the frame began.
 */
void frame_begin(GByteArray *out, const struct frame *frame);
bool frame_finish(GByteArray *out, size_t start);

#endif
