/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Settings of control groups. A session's machines have none with libvirtd either; the system's
 * have none with us yet, which reads as a host does that has not mounted the controller.
 */
#include "manage/conf/fault.h"
#include "manage/core/affect.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/tune/tune.h"

static bool is_session(struct call *call)
{
    const struct qmp_host *state = call->host->state;

    return state->session;
}

bool tune_no_scheduler(struct call *call, GError **error)
{
    return is_session(call)
               ? fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                           "CPU tuning is not available in session mode")
               : fault_set(error, FAULT_OPERATION_INVALID, "cgroup CPU controller is not mounted");
}

bool tune_no_memory(struct call *call, GError **error)
{
    return is_session(call) ? fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                                        "Memory tuning is not available in session mode")
                            : fault_set(error, FAULT_OPERATION_INVALID,
                                        "cgroup memory controller is not mounted");
}

bool tune_no_blkio(struct call *call, GError **error)
{
    return is_session(call)
               ? fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                           "Block I/O tuning is not available in session mode")
               : fault_set(error, FAULT_OPERATION_INVALID, "blkio cgroup isn't mounted");
}

bool tune_get_numa(struct call *call, GError **error)
{
    static const char *const modes[] = {"strict", "preferred", "interleave", "restrictive"};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sv)"));
    int room = call_i32(call, 1), mode = 0;
    const struct xml *memory;
    const char *nodes;
    unsigned which;

    if (!affect_one(call, &which, error)) {
        return false;
    }
    memory = xml_at(affect_def(call, which)->root, "numatune/memory");
    nodes = xml_get(memory, "nodeset");
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        mode = xml_is(memory, "mode", modes[i]) ? (int)i : mode;
    }
    if (room > 0) {
        g_variant_builder_add_value(&list, call_pack_param("numa_mode", g_variant_new_int32(mode)));
    }
    if (room > 1) {
        g_variant_builder_add_value(
            &list, call_pack_param("numa_nodeset", g_variant_new_string(nodes ? nodes : "")));
    }
    return call_reply(call, "(a(sv)i)", &list, room == 0 ? 2 : MIN(room, 2));
}
