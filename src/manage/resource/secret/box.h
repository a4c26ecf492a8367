/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as they are on disk: text files, sealed by AES-256-GCM under one key, each bound to its
 * secret's UUID, so that no file can stand in for another's. Any thread; a box belongs to one.
 */
#ifndef VIV_MANAGE_RESOURCE_SECRET_BOX_H
#define VIV_MANAGE_RESOURCE_SECRET_BOX_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOX_KEY 32 /* bytes */
#define BOX_ID  16

struct box;

/* Loads GnuTLS; NULL with code 1 when that cannot be had. The key is copied. */
struct box *box_new(const uint8_t key[BOX_KEY], GError **error);
/* Wipes its key. NULL is fine. */
void box_free(struct box *box);
/* The text of a file; to be freed. NULL with code 1. */
char *box_seal(struct box *box, const uint8_t id[BOX_ID], const uint8_t *value, size_t length,
               GError **error);
/* The value out of the text of a file, to be wiped and freed; NULL with code 1. */
uint8_t *box_open(struct box *box, const uint8_t id[BOX_ID], const char *text, size_t *ret_length,
                  GError **error);

/* A new key, and its file's text (to be wiped and freed); false with code 38. */
bool box_key_new(uint8_t ret_key[BOX_KEY], GError **error);
char *box_key_format(const uint8_t key[BOX_KEY]);
bool box_key_parse(const char *text, uint8_t ret_key[BOX_KEY]);

#endif
