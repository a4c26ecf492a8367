/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XDR (RFC 4506) to and from GVariant, led by the layouts of manage/proc/proc.h. No state; any
 * thread. What comes from the wire is bounded here: strings, arrays and blobs by their limits and
 * by the bytes that are there; text must be UTF-8 without a zero byte; nothing may be left over.
 */
#ifndef VIV_MANAGE_RPC_XDR_H
#define VIV_MANAGE_RPC_XDR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XDR_MAX_STRING (4 * 1024 * 1024)

/* The body of an error reply. */
#define XDR_ERROR_LAYOUT "i32 i32 s? i32 dom? s? s? s? i32 i32 net?"

/* A tuple with a reference of the caller's, or NULL with code 39. */
GVariant *xdr_decode(const char *layout, const uint8_t *data, size_t length, GError **error);
/*
 * Appends the tuple, whose type is the layout's (a programmer's error otherwise). False with code
 * 39 when a string, array or blob is over its limit; `out` then ends in part of it.
 */
bool xdr_encode(const char *layout, GVariant *tuple, GByteArray *out, GError **error);
/* The type of a layout's tuple, "(sayi)"; to be freed. */
char *xdr_type(const char *layout);

#endif
