/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of a network changed: of the one that runs, of its definition, or of both. */
#include "manage/conf/fault.h"
#include "manage/conf/network-change.h"
#include "manage/core/affect.h"
#include "manage/core/handlers.h"
#include "manage/core/host.h"
#include "manage/core/network/leases.h"

/* In libvirt's words when the network has not what is to be changed. */
static bool choose(const struct object *object, unsigned flags, unsigned *ret, GError **error)
{
    unsigned which = flags & (AFFECT_LIVE | AFFECT_CONFIG);

    if (which == 0) {
        which = object->active ? AFFECT_LIVE : AFFECT_CONFIG;
    }
    if ((which & AFFECT_LIVE) != 0 && !object->active) {
        return fault_set(error, FAULT_OPERATION_INVALID, "network is not running");
    }
    if ((which & AFFECT_CONFIG) != 0 && !object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot change persistent config of a transient network");
    }
    *ret = which;
    return true;
}

static struct xml *changed(const struct xml *def, const struct network_change *change,
                           GError **error)
{
    g_autoptr(xml_own) copy = xml_copy(def);

    return network_change(copy, change, error) ? g_steal_pointer(&copy) : NULL;
}

/* The running one serves by the new definition, taken; else it goes on by the old one. */
static bool change_live(struct object *object, struct xml *fresh, GError **error)
{
    const struct network_ops *ops = object->host->networks;
    struct xml *old = object->def;

    /* What is kept must not follow. */
    if (object->next_def == NULL && object->persistent) {
        object->next_def = xml_copy(old);
    }
    object->def = fresh;
    if (ops->update(object, error)) {
        xml_free(old);
        object->generation++;
        return true;
    }
    object->def = old;
    (void)ops->update(object, NULL);
    xml_free(fresh);
    return false;
}

static bool change_config(struct object *object, struct xml *fresh, GError **error)
{
    const struct resource_ops *ops = object->host->resource[OBJECT_NETWORK];
    struct xml **kept = object->next_def != NULL ? &object->next_def : &object->def;

    if (!ops->store(object, fresh, error)) {
        xml_free(fresh);
        return false;
    }
    xml_free(*kept);
    *kept = fresh;
    return true;
}

bool network_update(struct call *call, GError **error)
{
    struct object *object = call->object;
    const struct network_change change = {.command = call_u32(call, 1),
                                          .section = call_u32(call, 2),
                                          .parent = call_i32(call, 3),
                                          .xml = call_string(call, 4)};
    g_autoptr(xml_own) live = NULL, config = NULL;
    unsigned which = 0;

    if (!choose(object, call->flags, &which, error) ||
        ((which & AFFECT_CONFIG) != 0 &&
         (config = changed(object->next_def != NULL ? object->next_def : object->def, &change,
                           error)) == NULL) ||
        ((which & AFFECT_LIVE) != 0 && (live = changed(object->def, &change, error)) == NULL)) {
        return false;
    }
    return (live == NULL || change_live(object, g_steal_pointer(&live), error)) &&
           (config == NULL || change_config(object, g_steal_pointer(&config), error));
}
