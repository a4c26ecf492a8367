/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree.h"

#include "cli/json.h"

#include <stdio.h>

#include <string.h>

#define MAX_DEPTH 128

struct tree {
    GPtrArray *names, *parents;
};

struct tree *tree_new(void)
{
    struct tree *tree = g_new0(struct tree, 1);

    tree->names = g_ptr_array_new_with_free_func(g_free);
    tree->parents = g_ptr_array_new_with_free_func(g_free);
    return tree;
}

void tree_add(struct tree *tree, const char *name, const char *parent)
{
    g_ptr_array_add(tree->names, g_strdup(name));
    g_ptr_array_add(tree->parents, g_strdup(parent));
}

void tree_free(struct tree *tree)
{
    g_ptr_array_unref(tree->names);
    g_ptr_array_unref(tree->parents);
    g_free(tree);
}

/* The next child of a name from index `at` on, or the number of names. */
static unsigned next_child(const struct tree *tree, const char *name, unsigned at)
{
    while (at < tree->names->len && g_strcmp0(g_ptr_array_index(tree->parents, at), name) != 0) {
        at++;
    }
    return at;
}

static bool is_root(const struct tree *tree, unsigned at)
{
    const char *parent = g_ptr_array_index(tree->parents, at);

    for (unsigned i = 0; parent != NULL && i < tree->names->len; i++) {
        if (strcmp(g_ptr_array_index(tree->names, i), parent) == 0) {
            return false;
        }
    }
    return true;
}

/* A line for the name, then what hangs below it; `last` among its parent's children. */
static void print(const struct tree *tree, unsigned at, const char *indent, const char *mark,
                  bool last, unsigned depth)
{
    const char *name = g_ptr_array_index(tree->names, at);
    unsigned child = next_child(tree, name, 0);
    g_autofree char *below =
        *mark == '\0' ? g_strdup("") : g_strconcat(indent, last ? "    " : "  | ", NULL);

    printf("%s%s%s\n", indent, mark, name);
    if (child == tree->names->len) {
        if (last) {
            puts(below);
        }
        return;
    }
    printf("%s  |\n", below);
    while (child < tree->names->len && depth < MAX_DEPTH) {
        unsigned next = next_child(tree, name, child + 1);

        print(tree, child, below, "  +- ", next == tree->names->len, depth + 1);
        child = next;
    }
}

static struct json_object *as_json(const struct tree *tree, unsigned at, unsigned depth)
{
    struct json_object *object = json_object_new_object();
    struct json_object *children = json_object_new_array();
    const char *name = g_ptr_array_index(tree->names, at);

    json_object_object_add(object, "name", json_object_new_string(name));
    for (unsigned child = next_child(tree, name, 0); child < tree->names->len && depth < MAX_DEPTH;
         child = next_child(tree, name, child + 1)) {
        json_object_array_add(children, as_json(tree, child, depth + 1));
    }
    json_object_object_add(object, "children", children);
    return object;
}

bool tree_show(struct tree *tree, struct cli *cli)
{
    struct json_object *roots = json_object_new_array();

    for (unsigned i = 0; i < tree->names->len; i++) {
        if (!is_root(tree, i)) {
            continue;
        }
        if (cli->json) {
            json_object_array_add(roots, as_json(tree, i, 0));
        } else {
            print(tree, i, "", "", true, 0);
        }
    }
    if (cli->json) {
        json_print(roots);
    }
    json_object_put(roots);
    tree_free(tree);
    return true;
}
