/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/tuning.h>

#include "manage/lib/internal.h"
#include "manage/lib/params.h"

#include <string.h>

#define TEXTS_OKAY 4 /* libvirt's flag: values may be texts */

/* Procedures of each kind of tuning; 0 (CONNECT_OPEN) for one that it does not have. */
static const struct tuning {
    enum proc_id get, set;
    bool counted; /* asked with 0 first, it tells how many there are */
} tunings[VIV_TUNINGS] = {
    [VIV_TUNE_MEMORY] = {PROC_DOMAIN_GET_MEMORY_PARAMETERS, PROC_DOMAIN_SET_MEMORY_PARAMETERS,
                         true},
    [VIV_TUNE_BLKIO] = {PROC_DOMAIN_GET_BLKIO_PARAMETERS, PROC_DOMAIN_SET_BLKIO_PARAMETERS, true},
    [VIV_TUNE_NUMA] = {PROC_DOMAIN_GET_NUMA_PARAMETERS, PROC_DOMAIN_SET_NUMA_PARAMETERS, true},
    [VIV_TUNE_SCHEDULER] = {PROC_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS,
                            PROC_DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS, false},
    [VIV_TUNE_DISK] = {PROC_DOMAIN_GET_BLOCK_IO_TUNE, PROC_DOMAIN_SET_BLOCK_IO_TUNE, true},
    [VIV_TUNE_INTERFACE] = {PROC_DOMAIN_GET_INTERFACE_PARAMETERS,
                            PROC_DOMAIN_SET_INTERFACE_PARAMETERS, true},
    [VIV_TUNE_PERF] = {PROC_DOMAIN_GET_PERF_EVENTS, PROC_DOMAIN_SET_PERF_EVENTS, false},
    [VIV_TUNE_GUEST_VCPUS] = {PROC_DOMAIN_GET_GUEST_VCPUS, 0, false},
    [VIV_TUNE_LAUNCH_SECURITY] = {PROC_DOMAIN_GET_LAUNCH_SECURITY_INFO,
                                  PROC_DOMAIN_SET_LAUNCH_SECURITY_STATE, false},
};

/* One call; a kind that is counted gives its number too when it is asked for none. */
static GVariant *ask(struct viv_object *domain, enum viv_tuning what, const char *device,
                     unsigned n, unsigned flags, struct viv_error **ret_error)
{
    enum proc_id id = tunings[what].get;

    /* Older hosts know a scheduler without flags alone. */
    if (what == VIV_TUNE_SCHEDULER && flags == 0) {
        id = PROC_DOMAIN_GET_SCHEDULER_PARAMETERS;
    }
    flags |= TEXTS_OKAY;
    return lib_domain_ask(domain, id, lib_pack(domain, id, &device, n, flags), ret_error);
}

/* The scheduler's number comes with its name. */
static int count_scheduler(struct viv_object *domain, char **ret_name, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_SCHEDULER_TYPE;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, 0), ret_error);
    gint32 n = -1;

    if (reply != NULL) {
        g_variant_get(reply, "(si)", ret_name, &n);
    }
    return n;
}

VIV_PUBLIC char *viv_domain_scheduler(struct viv_object *domain, struct viv_error **ret_error)
{
    char *name = NULL;

    (void)count_scheduler(domain, &name, ret_error);
    return name;
}

VIV_PUBLIC int viv_domain_tunings(struct viv_object *domain, enum viv_tuning what,
                                  const char *device, unsigned flags, struct viv_error **ret_error)
{
    g_autofree char *name = NULL;
    gint32 n;

    if (what == VIV_TUNE_SCHEDULER) {
        return count_scheduler(domain, &name, ret_error);
    }
    g_autoptr(GVariant) reply = ask(domain, what, device, 0, flags, ret_error);

    if (reply == NULL) {
        return -1;
    }
    if (tunings[what].counted) {
        g_variant_get_child(reply, 1, "i", &n);
        return n;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);

    return (int)g_variant_n_children(list);
}

VIV_PUBLIC struct viv_param *viv_domain_tuning(struct viv_object *domain, enum viv_tuning what,
                                               const char *device, unsigned flags,
                                               struct viv_error **ret_error)
{
    bool counted = tunings[what].counted || what == VIV_TUNE_SCHEDULER;
    int n = counted ? viv_domain_tunings(domain, what, device, flags, ret_error) : 1;

    if (n <= 0) {
        return n == 0 ? g_new0(struct viv_param, 1) : NULL;
    }
    g_autoptr(GVariant) reply = ask(domain, what, device, (unsigned)n, flags, ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);

    return params_unpack(list);
}

VIV_PUBLIC int viv_domain_tune(struct viv_object *domain, enum viv_tuning what, const char *device,
                               const struct viv_param *params, unsigned flags,
                               struct viv_error **ret_error)
{
    bool plain = what == VIV_TUNE_SCHEDULER && flags == 0;
    bool on_device = what == VIV_TUNE_DISK || what == VIV_TUNE_INTERFACE;
    GVariant *list = params_pack(params);

    if (plain) {
        return lib_domain_do(domain, PROC_DOMAIN_SET_SCHEDULER_PARAMETERS,
                             g_variant_new("(@*@*)", domain->wire, list), ret_error);
    }
    return lib_domain_do(domain, tunings[what].set,
                         on_device ? g_variant_new("(@*s@*u)", domain->wire, device, list, flags)
                                   : g_variant_new("(@*@*u)", domain->wire, list, flags),
                         ret_error);
}

static unsigned map_bytes(unsigned cpus)
{
    return MIN((cpus + 7) / 8, VIV_MAP_BYTES);
}

/* The nth of maps of `size` bytes each that a reply has one after the other. */
static void copy_map(GVariant *bytes, unsigned n, unsigned size, struct viv_cpu_map *ret_map)
{
    gsize length;
    const uint8_t *data = g_variant_get_fixed_array(bytes, &length, 1);

    memset(ret_map, 0, sizeof(*ret_map));
    if ((gsize)(n + 1) * size <= length) {
        memcpy(ret_map->bits, data + (gsize)n * size, size);
    }
}

static GVariant *pack_map(const struct viv_cpu_map *map, unsigned cpus)
{
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, map->bits, map_bytes(cpus), 1);
}

VIV_PUBLIC struct viv_vcpu *viv_domain_vcpu_list(struct viv_object *domain, unsigned cpus,
                                                 size_t *ret_n, struct viv_error **ret_error)
{
    struct viv_domain_info info;

    if (viv_domain_info(domain, &info, ret_error) != 0) {
        return NULL;
    }
    g_autoptr(GVariant) reply = lib_domain_ask(
        domain, PROC_DOMAIN_GET_VCPUS,
        g_variant_new("(@*ii)", domain->wire, (gint32)info.vcpus, (gint32)map_bytes(cpus)),
        ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    g_autoptr(GVariant) maps = g_variant_get_child_value(reply, 1);
    struct viv_vcpu *vcpus = g_new0(struct viv_vcpu, g_variant_n_children(list) + 1);

    for (unsigned i = 0; i < g_variant_n_children(list); i++) {
        g_variant_get_child(list, i, "(uiti)", &vcpus[i].number, &vcpus[i].state, &vcpus[i].time_ns,
                            &vcpus[i].cpu);
        copy_map(maps, i, map_bytes(cpus), &vcpus[i].map);
    }
    *ret_n = g_variant_n_children(list);
    return vcpus;
}

VIV_PUBLIC struct viv_cpu_map *viv_domain_pins(struct viv_object *domain, unsigned vcpus,
                                               unsigned cpus, unsigned flags, size_t *ret_n,
                                               struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(
        domain, PROC_DOMAIN_GET_VCPU_PIN_INFO,
        g_variant_new("(@*iiu)", domain->wire, (gint32)vcpus, (gint32)map_bytes(cpus), flags),
        ret_error);
    gint32 n;

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) bytes = g_variant_get_child_value(reply, 0);

    g_variant_get_child(reply, 1, "i", &n);
    *ret_n = (size_t)CLAMP(n, 0, (gint32)vcpus);
    struct viv_cpu_map *maps = g_new0(struct viv_cpu_map, *ret_n + 1);

    for (unsigned i = 0; i < *ret_n; i++) {
        copy_map(bytes, i, map_bytes(cpus), &maps[i]);
    }
    return maps;
}

VIV_PUBLIC int viv_domain_pin(struct viv_object *domain, unsigned vcpu,
                              const struct viv_cpu_map *map, unsigned cpus, unsigned flags,
                              struct viv_error **ret_error)
{
    GVariant *bits = pack_map(map, cpus);

    return flags == 0 ? lib_domain_do(domain, PROC_DOMAIN_PIN_VCPU,
                                      g_variant_new("(@*u@*)", domain->wire, vcpu, bits), ret_error)
                      : lib_domain_do(domain, PROC_DOMAIN_PIN_VCPU_FLAGS,
                                      g_variant_new("(@*u@*u)", domain->wire, vcpu, bits, flags),
                                      ret_error);
}

VIV_PUBLIC int viv_domain_emulator_pin(struct viv_object *domain, unsigned cpus, unsigned flags,
                                       struct viv_cpu_map *ret_map, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_domain_ask(
        domain, PROC_DOMAIN_GET_EMULATOR_PIN_INFO,
        g_variant_new("(@*iu)", domain->wire, (gint32)map_bytes(cpus), flags), ret_error);
    gint32 held;

    if (reply == NULL) {
        return -1;
    }
    g_autoptr(GVariant) bytes = g_variant_get_child_value(reply, 0);

    g_variant_get_child(reply, 1, "i", &held);
    copy_map(bytes, 0, map_bytes(cpus), ret_map);
    return held != 0;
}

VIV_PUBLIC int viv_domain_pin_emulator(struct viv_object *domain, const struct viv_cpu_map *map,
                                       unsigned cpus, unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_PIN_EMULATOR,
                         g_variant_new("(@*@*u)", domain->wire, pack_map(map, cpus), flags),
                         ret_error);
}

VIV_PUBLIC struct viv_iothread *viv_domain_iothreads(struct viv_object *domain, unsigned flags,
                                                     size_t *ret_n, struct viv_error **ret_error)
{
    enum proc_id id = PROC_DOMAIN_GET_IOTHREAD_INFO;
    g_autoptr(GVariant) reply =
        lib_domain_ask(domain, id, lib_object_args(domain, id, flags), ret_error);

    if (reply == NULL) {
        return NULL;
    }
    g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
    struct viv_iothread *threads = g_new0(struct viv_iothread, g_variant_n_children(list) + 1);

    for (unsigned i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) bytes = NULL;

        g_variant_get_child(list, i, "(u@ay)", &threads[i].number, &bytes);
        copy_map(bytes, 0, (unsigned)g_variant_n_children(bytes), &threads[i].map);
    }
    *ret_n = g_variant_n_children(list);
    return threads;
}

static int change_iothread(struct viv_object *domain, enum proc_id id, unsigned number,
                           unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_do(domain, id, g_variant_new("(@*uu)", domain->wire, number, flags),
                         ret_error);
}

VIV_PUBLIC int viv_domain_add_iothread(struct viv_object *domain, unsigned number, unsigned flags,
                                       struct viv_error **ret_error)
{
    return change_iothread(domain, PROC_DOMAIN_ADD_IOTHREAD, number, flags, ret_error);
}

VIV_PUBLIC int viv_domain_del_iothread(struct viv_object *domain, unsigned number, unsigned flags,
                                       struct viv_error **ret_error)
{
    return change_iothread(domain, PROC_DOMAIN_DEL_IOTHREAD, number, flags, ret_error);
}

VIV_PUBLIC int viv_domain_pin_iothread(struct viv_object *domain, unsigned number,
                                       const struct viv_cpu_map *map, unsigned cpus, unsigned flags,
                                       struct viv_error **ret_error)
{
    return lib_domain_do(
        domain, PROC_DOMAIN_PIN_IOTHREAD,
        g_variant_new("(@*u@*u)", domain->wire, number, pack_map(map, cpus), flags), ret_error);
}

VIV_PUBLIC int viv_domain_tune_iothread(struct viv_object *domain, unsigned number,
                                        const struct viv_param *params, unsigned flags,
                                        struct viv_error **ret_error)
{
    return lib_domain_do(
        domain, PROC_DOMAIN_SET_IOTHREAD_PARAMS,
        g_variant_new("(@*u@*u)", domain->wire, number, params_pack(params), flags), ret_error);
}

VIV_PUBLIC int viv_domain_set_vcpu(struct viv_object *domain, const char *vcpus, int on,
                                   unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_VCPU,
                         g_variant_new("(@*siu)", domain->wire, vcpus, on != 0, flags), ret_error);
}

VIV_PUBLIC int viv_domain_set_guest_vcpus(struct viv_object *domain, const char *vcpus, int on,
                                          unsigned flags, struct viv_error **ret_error)
{
    return lib_domain_do(domain, PROC_DOMAIN_SET_GUEST_VCPUS,
                         g_variant_new("(@*siu)", domain->wire, vcpus, on != 0, flags), ret_error);
}
