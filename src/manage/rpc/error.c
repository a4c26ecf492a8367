/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/rpc/error.h"

#include "manage/conf/fault.h"

#define LEVEL_ERROR 2

GVariant *rpc_error_pack(const GError *error)
{
    return g_variant_new("(iimsi@m(sayi)msmsmsii@m(say))", (gint32)fault_code(error),
                         (gint32)fault_from(error), error->message, LEVEL_ERROR,
                         g_variant_new_maybe(G_VARIANT_TYPE("(sayi)"), NULL), error->message, NULL,
                         fault_hint(error), -1, -1,
                         g_variant_new_maybe(G_VARIANT_TYPE("(say)"), NULL));
}

GError *rpc_error_unpack(GVariant *body)
{
    gint32 code, from;
    const char *message, *hint;
    GError *error;

    g_variant_get_child(body, 0, "i", &code);
    g_variant_get_child(body, 1, "i", &from);
    g_variant_get_child(body, 2, "m&s", &message);
    g_variant_get_child(body, 7, "m&s", &hint);
    error = g_error_new_literal(FAULT, code, message != NULL ? message : "no message");
    fault_set_from(error, (enum fault_from)from);
    fault_set_hint(error, hint);
    return error;
}
