/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of nft's JSON (libnftables-json(5)): each function gives an object that the caller owns. */
#ifndef VIV_MANAGE_RESOURCE_NETWORK_FIREWALL_H
#define VIV_MANAGE_RESOURCE_NETWORK_FIREWALL_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

/* {"key": value}; takes the value. */
json_object *nft_pair(const char *key, json_object *value);
/* "meta KEY OP TEXT" */
json_object *nft_meta(const char *key, const char *op, const char *text);
/* "ct state established,related" */
json_object *nft_replies(void);
/* A verdict without a value: "accept", "return". */
json_object *nft_verdict(const char *name);
/* An array of these, to a NULL; taken. */
json_object *nft_list(json_object *first, ...) G_GNUC_NULL_TERMINATED;
/* Has nft carry out these commands, an array that is taken, all or none. */
bool nft_run(json_object *commands, GError **error);

#endif
