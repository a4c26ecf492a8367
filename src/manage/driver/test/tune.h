/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters of tuning, and where a definition keeps them. All of it under the domain's lock.
 */
#ifndef VIV_MANAGE_DRIVER_TEST_TUNE_H
#define VIV_MANAGE_DRIVER_TEST_TUNE_H

#include "manage/core/affect.h"
#include "manage/core/call.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct tune_row {
    const char *name;
    char type; /* of its GVariant: u t i s b */
};

/* Are the parameters of the call's nth argument among these? Code 74 or 8. */
bool tune_check(struct call *call, unsigned n, const struct tune_row *rows, unsigned n_rows,
                GError **error);
/* The value given for a name, its own reference, or NULL. */
GVariant *tune_given(struct call *call, unsigned n, const char *name);
bool tune_number(struct call *call, unsigned n, const char *name, uint64_t *ret_value);
/* The child of `parent` (an element at `path` of a definition in libvirt's form), made if need be.
 */
struct xml *tune_need(struct xml *parent, const char *path, const char *child);
/* A number as the text of a child; 0 takes the child away. */
void tune_put(struct xml *parent, const char *path, const char *child, uint64_t value);
uint64_t tune_read(const struct xml *parent, const char *child, uint64_t fallback);
/* Takes it away when nothing is in it. */
void tune_drop_empty(struct xml *node);

/* A reply of typed parameters: only their number when no room was asked for. */
bool tune_reply(struct call *call, GVariantBuilder *list, int room);

#endif
