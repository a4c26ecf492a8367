/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters of the wire as viv/params.h has them, and back. Any thread. */
#ifndef VIV_MANAGE_LIB_PARAMS_H
#define VIV_MANAGE_LIB_PARAMS_H

#include <glib.h>
#include <viv/params.h>

/* From an array a(sv). */
struct viv_param *params_unpack(GVariant *list);
/* Type and value of one, whose name stays. */
void params_set(GVariant *value, struct viv_param *param);
/* Into one; NULL is an empty one. Floating. */
GVariant *params_pack(const struct viv_param *params);

#endif
