/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names with their parents, shown as a tree; as JSON, nested. One thread. */
#ifndef VIV_CLI_TREE_H
#define VIV_CLI_TREE_H

#include "cli/cli.h"

struct tree;

struct tree *tree_new(void);
/* One without a parent, or whose parent is not in the tree, is a root. Copied. */
void tree_add(struct tree *tree, const char *name, const char *parent);
void tree_free(struct tree *tree);
/* Prints and frees. Always true. */
bool tree_show(struct tree *tree, struct cli *cli);

#endif
