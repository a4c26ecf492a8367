/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How all commands print JSON. One thread. */
#ifndef VIV_CLI_JSON_H
#define VIV_CLI_JSON_H

#include <json-c/json.h>
#include <stdio.h>

/* The value stays the caller's. */
static inline void json_print(struct json_object *value)
{
    puts(json_object_to_json_string_ext(value,
                                        JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

#endif
