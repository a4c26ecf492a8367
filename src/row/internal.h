/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of this folder share. */
#ifndef VIV_ROW_INTERNAL_H
#define VIV_ROW_INTERNAL_H

#include <json-c/json.h>
#include <stdbool.h>

/*
 * An array that stands for a key given several times ("hostfwd=a,hostfwd=b"): lists take all of
 * it, a scalar its last value.
 */
json_object *row_repeated_new(void);
bool row_is_repeated(json_object *value);

#endif
