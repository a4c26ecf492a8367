/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of procedures, and looking things up in it. */
#include "manage/proc/proc.h"

#include <string.h>

static const struct proc table[PROC_COUNT] = {
#define _(program, number, NAME, symbol, traits, args, reply) \
    [PROC_##NAME] = {PROC_##program, number, #NAME, symbol, traits, args, reply},
#include "manage/proc/procs.inc"
#undef _
};

static const struct {
    const char *name, *layout;
} objects[] = {
#define _(name, layout) {name, layout},
    PROC_OBJECTS(_)
#undef _
};

const struct proc *proc_get(enum proc_id id)
{
    g_assert((unsigned)id < PROC_COUNT);
    return &table[id];
}

enum proc_id proc_id(const struct proc *proc)
{
    g_assert(proc >= table && proc < table + PROC_COUNT);
    return proc - table;
}

/* Rows of a program stand together, numbered from 1 without a gap. */
const struct proc *proc_find(uint32_t program, int number)
{
    unsigned first;

    switch (program) {
    case PROC_REMOTE: first = 0; break;
    case PROC_QEMU: first = PROC_QEMU_DOMAIN_MONITOR_COMMAND; break;
    case PROC_LXC: first = PROC_LXC_DOMAIN_OPEN_NAMESPACE; break;
    default: return NULL;
    }
    if (number < 1 || (unsigned)number > PROC_COUNT - first) {
        return NULL;
    }
    const struct proc *p = &table[first + (number - 1)];

    return p->program == program && p->number == number ? p : NULL;
}

const char *proc_object(const char *name, size_t length)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(objects); i++) {
        if (strlen(objects[i].name) == length && memcmp(objects[i].name, name, length) == 0) {
            return objects[i].layout;
        }
    }
    return NULL;
}

int proc_flags_index(const struct proc *proc)
{
    const char *found = strstr(proc->args, "flags");
    int index = 0, depth = 0;

    if (found == NULL) {
        return -1;
    }
    for (const char *p = proc->args; p < found; p++) {
        depth += (*p == '{') - (*p == '}');
        index += *p == ' ' && depth == 0;
    }
    return index;
}
