/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees of snapshots and checkpoints. */
#include "manage/conf/moments.h"

#include "manage/conf/fault.h"

#include <string.h>

static void moment_free(gpointer data)
{
    struct moment *moment = data;

    moment_def_free(moment->def);
    g_ptr_array_unref(moment->children);
    g_free(moment);
}

struct moments *moments_new(enum moment_kind kind)
{
    struct moments *moments = g_new0(struct moments, 1);

    moments->kind = kind;
    moments->all = g_ptr_array_new_with_free_func(moment_free);
    moments->roots = g_ptr_array_new();
    return moments;
}

void moments_free(struct moments *moments)
{
    if (moments != NULL) {
        g_ptr_array_unref(moments->all);
        g_ptr_array_unref(moments->roots);
        g_free(moments);
    }
}

unsigned moments_count(const struct moments *moments)
{
    return moments->all->len;
}

struct moment *moments_find(const struct moments *moments, const char *name)
{
    for (unsigned i = 0; name != NULL && i < moments->all->len; i++) {
        struct moment *moment = moments->all->pdata[i];

        if (strcmp(moment->def->name, name) == 0) {
            return moment;
        }
    }
    return NULL;
}

static GPtrArray *children_of(const struct moments *moments, const struct moment *parent)
{
    return parent != NULL ? parent->children : moments->roots;
}

/* Below the parent that its definition names. */
static void put(struct moments *moments, struct moment *moment)
{
    moment->parent = moments_find(moments, moment->def->parent);
    if (moment->parent == NULL) {
        g_clear_pointer(&moment->def->parent, g_free);
    }
    g_ptr_array_insert(children_of(moments, moment->parent), 0, moment);
}

struct moment *moments_add(struct moments *moments, struct moment_def *def)
{
    struct moment *moment = g_new0(struct moment, 1);

    moment->def = def;
    moment->children = g_ptr_array_new();
    put(moments, moment);
    g_ptr_array_add(moments->all, moment);
    return moment;
}

void moments_redefine(struct moments *moments, struct moment *moment, struct moment_def *def)
{
    g_ptr_array_remove(children_of(moments, moment->parent), moment);
    moment_def_free(moment->def);
    moment->def = def;
    put(moments, moment);
}

void moments_remove(struct moments *moments, struct moment *moment)
{
    GPtrArray *siblings = children_of(moments, moment->parent);

    g_ptr_array_remove(siblings, moment);
    for (unsigned i = 0; i < moment->children->len; i++) {
        struct moment *child = moment->children->pdata[i];

        child->parent = moment->parent;
        g_free(child->def->parent);
        child->def->parent = g_strdup(moment->def->parent);
        g_ptr_array_insert(siblings, i, child);
    }
    if (moments->current == moment) {
        moments->current = moment->parent;
    }
    g_ptr_array_remove(moments->all, moment);
}

static void push(GPtrArray *stack, const GPtrArray *children)
{
    for (unsigned i = children->len; i > 0; i--) {
        g_ptr_array_add(stack, children->pdata[i - 1]);
    }
}

void moments_below(const struct moments *moments, const struct moment *from, bool deep,
                   GPtrArray *list)
{
    g_autoptr(GPtrArray) stack = g_ptr_array_new();

    push(stack, children_of(moments, from));
    while (stack->len > 0) {
        struct moment *moment = g_ptr_array_steal_index(stack, stack->len - 1);

        g_ptr_array_add(list, moment);
        if (deep) {
            push(stack, moment->children);
        }
    }
}

bool moments_check_parent(const struct moments *moments, const char *name, const char *parent,
                          GError **error)
{
    if (parent == NULL) {
        return true;
    }
    if (strcmp(parent, name) == 0) {
        return fault_set(error, FAULT_INVALID_ARG, "cannot set moment %s as its own parent", name);
    }
    const struct moment *found = moments_find(moments, parent);

    if (found == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "parent %s for moment %s not found", parent,
                         name);
    }
    for (; found != NULL; found = found->parent) {
        if (strcmp(found->def->name, name) == 0) {
            return fault_set(error, FAULT_INVALID_ARG, "parent %s would create cycle to %s", parent,
                             name);
        }
    }
    return true;
}
