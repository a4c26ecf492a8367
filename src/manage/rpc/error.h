/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors on the wire. No state; any thread. */
#ifndef VIV_MANAGE_RPC_ERROR_H
#define VIV_MANAGE_RPC_ERROR_H

#include <glib.h>

/* The body of an error reply (XDR_ERROR_LAYOUT), floating. */
GVariant *rpc_error_pack(const GError *error);
/* And back: a new error with the peer's code, part and words; limits were the codec's. */
GError *rpc_error_unpack(GVariant *body);

#endif
