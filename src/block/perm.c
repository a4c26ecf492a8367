/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may do what to a node. Each user (edge) says what it needs and what it lets others do; two
 * users of a node conflict when one needs what the other does not share. A node asks its own
 * children for what its users need, and a file node asks the other processes (file-lock.c).
 */
#include "block/driver.h"

#include <errno.h>

static const char *perm_name(unsigned bit)
{
    switch (bit) {
    case BLOCK_PERM_CONSISTENT_READ: return "consistent read";
    case BLOCK_PERM_WRITE: return "write";
    case BLOCK_PERM_WRITE_UNCHANGED: return "write unchanged";
    default: return "resize";
    }
}

static char *edge_user(const struct block_edge *edge)
{
    return edge->parent != NULL
               ? g_strdup_printf("node '%s' as '%s'", edge->parent->name, edge->role)
               : g_strdup_printf("block device '%s'", edge->owner != NULL ? edge->owner : "");
}

/* Two edges of one node. */
static int check_pair(const struct block_edge *wants, const struct block_edge *other,
                      GError **error)
{
    unsigned bad = wants->perm & ~other->shared;
    g_autofree char *a = NULL, *b = NULL;

    if (bad == 0) {
        return 0;
    }
    a = edge_user(wants);
    b = edge_user(other);
    g_set_error(error, BLOCK_ERROR, EPERM,
                "Permission conflict on node '%s': '%s' is required by %s but unshared by %s",
                wants->node->name, perm_name(bad & -bad), a, b);
    return -EPERM;
}

static int check_conflicts(struct block_node *node, GError **error)
{
    for (unsigned i = 0; i < node->parents->len; i++) {
        const struct block_edge *a = g_ptr_array_index(node->parents, i);

        if ((a->perm & (BLOCK_PERM_WRITE | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_RESIZE)) &&
            block_read_only(node)) {
            g_set_error(error, BLOCK_ERROR, EROFS, "Block node '%s' is read-only", node->name);
            return -EROFS;
        }
        for (unsigned j = 0; j < node->parents->len; j++) {
            int r = i == j ? 0 : check_pair(a, g_ptr_array_index(node->parents, j), error);

            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

/* What a node asks of a child, from the role and what its own users ask of it. */
static void child_needs(const struct block_node *node, const struct block_edge *edge,
                        unsigned *ret_perm, unsigned *ret_shared)
{
    if (edge->node == node->backing) {
        *ret_perm = BLOCK_PERM_CONSISTENT_READ;
        *ret_shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED;
    } else if (node->driver->kind == BLOCK_FILTER) {
        *ret_perm = node->perm;
        *ret_shared = node->shared;
    } else {
        *ret_perm = node->perm | BLOCK_PERM_CONSISTENT_READ;
        *ret_shared = node->shared & ~(unsigned)(BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE);
        if (!block_read_only(node)) {
            *ret_perm |= BLOCK_PERM_WRITE | BLOCK_PERM_RESIZE;
        }
    }
    if (node->flags & BLOCK_O_FORCE_SHARE) {
        *ret_shared = BLOCK_PERM_ALL;
    }
}

static int refresh_child(struct block_node *node, struct block_edge *edge, GError **error)
{
    unsigned old_perm = edge->perm, old_shared = edge->shared;
    int r;

    child_needs(node, edge, &edge->perm, &edge->shared);
    if (old_perm == edge->perm && old_shared == edge->shared) {
        return 0;
    }
    r = block_refresh_perm(edge->node, error);
    if (r < 0) {
        edge->perm = old_perm;
        edge->shared = old_shared;
        (void)block_refresh_perm(edge->node, NULL);
    }
    return r;
}

int block_refresh_perm(struct block_node *node, GError **error)
{
    unsigned perm = 0, shared = BLOCK_PERM_ALL;
    int r = check_conflicts(node, error);

    if (r < 0) {
        return r;
    }
    for (unsigned i = 0; i < node->parents->len; i++) {
        const struct block_edge *edge = g_ptr_array_index(node->parents, i);

        perm |= edge->perm;
        shared &= edge->shared;
    }
    if (node->driver->set_perm != NULL && (perm != node->perm || shared != node->shared)) {
        r = node->driver->set_perm(node, perm, shared, error);
        if (r < 0) {
            return r;
        }
    }
    node->perm = perm;
    node->shared = shared;
    for (unsigned i = 0; i < node->children->len; i++) {
        r = refresh_child(node, g_ptr_array_index(node->children, i), error);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int block_edge_set_perm(struct block_edge *edge, unsigned perm, unsigned shared, GError **error)
{
    unsigned old_perm = edge->perm, old_shared = edge->shared;
    int r;

    edge->perm = perm;
    edge->shared = shared;
    r = block_refresh_perm(edge->node, error);
    if (r < 0) {
        edge->perm = old_perm;
        edge->shared = old_shared;
        (void)block_refresh_perm(edge->node, NULL);
    }
    return r;
}

static void edge_free(struct block_edge *edge)
{
    g_ptr_array_remove(edge->node->parents, edge);
    (void)block_refresh_perm(edge->node, NULL);
    block_unref(edge->node);
    g_free(edge->role);
    g_free(edge->owner);
    g_free(edge);
}

struct block_edge *block_attach(struct block_node *node, struct block_node *parent,
                                const char *role, const char *owner, unsigned perm, unsigned shared,
                                GError **error)
{
    struct block_edge *edge = g_new0(struct block_edge, 1);

    edge->node = block_ref(node);
    edge->parent = parent;
    edge->role = g_strdup(role);
    edge->owner = g_strdup(owner);
    edge->shared = BLOCK_PERM_ALL;
    g_ptr_array_add(node->parents, edge);
    if (block_edge_set_perm(edge, perm, shared, error) < 0) {
        edge_free(edge);
        return NULL;
    }
    return edge;
}

void block_detach(struct block_edge *edge)
{
    if (edge == NULL) {
        return;
    }
    if (edge->parent != NULL) {
        struct block_node *parent = edge->parent;

        g_ptr_array_remove(parent->children, edge);
        if (parent->backing == edge->node) {
            parent->backing = NULL;
        } else if (parent->file == edge->node) {
            parent->file = NULL;
        }
    }
    edge_free(edge);
}

void block_drop_backing(struct block_node *node)
{
    for (unsigned i = 0; i < node->children->len; i++) {
        struct block_edge *edge = g_ptr_array_index(node->children, i);

        if (edge->node == node->backing) {
            block_detach(edge);
            return;
        }
    }
}
