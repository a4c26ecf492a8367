/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of all remote procedures: numbers, layouts, traits. Constant; any thread.
 *
 * What a procedure takes and gives is a GVariant tuple. Its type follows from the layout, words
 * with spaces between:
 *
 *   word              on the wire (XDR)                         GVariant
 *   s, s?             string, nullable string                   s, ms
 *   i32 u32 i64 u64   integer                                   i, u, x, t
 *   flags             u32: the call's flags                     u
 *   f64               double                                    d
 *   c32               one byte in four                          y
 *   uuid              16 bytes                                  ay
 *   bytes<=N          packed bytes                              ay
 *   [c32]<=N, xN      each byte in four; counted, fixed         ay
 *   [word]<=N         array of at most N                        a...
 *   {word word}       struct                                    (...)
 *   dom net ...       an object (the list below); ? nullable    (...), m(...)
 *   tp                typed parameter                           (sv), v one of i u x t d b s
 */
#ifndef VIV_MANAGE_PROC_PROC_H
#define VIV_MANAGE_PROC_PROC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Objects, as layouts spell them and as they travel. */
#define PROC_OBJECTS(_)      \
    _("dom", "{s uuid i32}") \
    _("net", "{s uuid}")     \
    _("pool", "{s uuid}")    \
    _("vol", "{s s s}")      \
    _("iface", "{s s}")      \
    _("ndev", "{s}")         \
    _("nwf", "{s uuid}")     \
    _("nwb", "{s s}")        \
    _("sec", "{uuid i32 s}") \
    _("snap", "{s dom}")     \
    _("chk", "{s dom}")      \
    _("port", "{net uuid}")

enum proc_program {
    PROC_REMOTE = 0x20008086,
    PROC_QEMU = 0x20008087,
    PROC_LXC = 0x00068000,
};

enum proc_trait {
    PROC_HI = 1 << 0,       /* never blocks: may run on a priority worker */
    PROC_WRITE = 1 << 1,    /* refused on a read-only connection */
    PROC_EVENT = 1 << 2,    /* from the server to the client; no call */
    PROC_UPLOAD = 1 << 3,   /* a stream follows, client to server */
    PROC_DOWNLOAD = 1 << 4, /* a stream follows, server to client (a console: both ways) */
};

/* PROC_DOMAIN_CREATE and so on: indices into the table, dense from 0. */
enum proc_id {
#define PROC_ENUM(program, number, NAME, symbol, traits, args, reply) PROC_##NAME,
#define _                                                             PROC_ENUM
#include "manage/proc/procs.inc"
#undef _
#undef PROC_ENUM
    PROC_COUNT
};

struct proc {
    enum proc_program program;
    int number;
    const char *name;   /* "DOMAIN_CREATE" */
    const char *symbol; /* the public function, "virDomainCreate"; "" for an event */
    unsigned traits;    /* enum proc_trait */
    const char *args;   /* layouts; an event has only a reply: its body */
    const char *reply;
};

/* The row of an id below PROC_COUNT. */
const struct proc *proc_get(enum proc_id id);
enum proc_id proc_id(const struct proc *proc);
/* The row of a number from the wire, or NULL. */
const struct proc *proc_find(uint32_t program, int number);
/* What words of an object's name stand for, or NULL when `name` (length long) is no object. */
const char *proc_object(const char *name, size_t length);
/* Index of the argument `flags`, or -1. */
int proc_flags_index(const struct proc *proc);

#endif
