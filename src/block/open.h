/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening nodes, for drivers that open images of their own (backing files, overlays). Loop. */
#ifndef VIV_BLOCK_OPEN_H
#define VIV_BLOCK_OPEN_H

#include "block/driver.h"

/* Protocol options of a file name (a new object), as block_open_file takes names. */
json_object *block_filename_options(const char *filename, GError **error);
/* Makes `child` the node's `role`; refuses cycles. Takes a reference of its own. */
int block_adopt_child(struct block_node *node, const char *role, struct block_node *child,
                      GError **error);

/*
 * A temporary qcow2 overlay over `base` in $TMPDIR or /var/tmp; its file has no name any more when
 * this returns, so that it goes with the process. A new reference.
 */
struct block_node *block_open_overlay(struct block_node *base, struct block_graph *graph,
                                      GError **error);

#endif
