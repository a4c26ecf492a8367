/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UUIDs of objects: 16 bytes, and their text. Any thread. */
#ifndef VIV_MANAGE_CONF_UUID_H
#define VIV_MANAGE_CONF_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_BYTES 16
#define UUID_TEXT  37 /* with the final 0 */

/* Accepts dashes and blanks anywhere between bytes, as libvirt does. */
bool uuid_parse(const char *text, uint8_t ret_uuid[UUID_BYTES]);
void uuid_format(const uint8_t uuid[UUID_BYTES], char ret_text[UUID_TEXT]);
/* A random one, version 4. */
void uuid_new(uint8_t ret_uuid[UUID_BYTES]);

#endif
