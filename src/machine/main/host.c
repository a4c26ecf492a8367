/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back ends, board, devices in order, launch: a setup becomes a machine. */
#include "machine/main/host.h"
#include "machine/board/pc_firmware.h"

#include "block/block.h"
#include "machine/main/groups.h"
#include "machine/monitor/fdset.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static void put_json(gpointer value)
{
    json_object_put(value);
}

/* ---- hooks -------------------------------------------------------------------------------------
 */

static void on_quit(void *opaque, int code)
{
    struct host *h = opaque;

    if (h->machine) {
        machine_ask(h->machine, MACHINE_QUIT, false, code);
    }
}

static int on_named_fd(void *opaque, const char *name, GError **error)
{
    return fdset_take_named(((struct host *)opaque)->fds, name, error);
}

static int on_fdset(void *opaque, int64_t set, int flags)
{
    return fdset_open(((struct host *)opaque)->fds, set, flags);
}

/* ---- back ends ----------------------------------------------------------------------------------
 */

static gboolean build_objects(struct host *h, GError **error)
{
    for (guint i = 0; i < h->setup->objects->len; i++) {
        if (!objects_add(h->objects, h->setup->objects->pdata[i], error)) {
            g_prefix_error(error,
                           "-object %s: ", json_object_to_json_string(h->setup->objects->pdata[i]));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean build_fds(struct host *h, GError **error)
{
    for (guint i = 0; i < h->setup->add_fds->len; i++) {
        struct add_fd_opts o = {0};
        gboolean ok = row_set_all(add_fd_rows, &o, "-add-fd", h->setup->add_fds->pdata[i], error) &&
                      fdset_add_inherited(h->fds, o.fd, o.set, o.opaque, error);

        row_clear(add_fd_rows, &o);
        if (!ok) {
            return FALSE;
        }
    }
    return TRUE;
}

/* What a person must know to reach it. */
static void announce(struct chardev *c)
{
    g_autofree char *name = chardev_filename(c);

    if (g_str_has_prefix(name, "pty:")) {
        g_print("char device redirected to %s (label %s)\n", name + 4, chardev_id(c));
    }
}

static gboolean build_chardevs(struct host *h, GError **error)
{
    for (guint i = 0; i < h->setup->chardevs->len; i++) {
        struct chardev *c = chardev_new(h->chardevs, h->setup->chardevs->pdata[i], error);

        if (!c) {
            g_prefix_error(
                error, "-chardev %s: ", json_object_to_json_string(h->setup->chardevs->pdata[i]));
            return FALSE;
        }
        announce(c);
    }
    return TRUE;
}

/* -serial N, or what stands for it: the console with -nographic, else nobody. */
static gboolean build_serials(struct host *h, GError **error)
{
    const struct setup *s = h->setup;
    guint n = s->serials->len;
    bool implied = n == 0 && !s->no_defaults && h->board->has_serial;

    if (n > CONFIG_SERIALS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "too many serial ports: %u", n);
        return FALSE;
    }
    for (guint i = 0; i < n + implied; i++) {
        g_autofree char *id = g_strdup_printf("serial%u", i);
        const char *text = !implied ? s->serials->pdata[i] : s->nographic ? "mon:stdio" : "null";
        g_autoptr(GError) why = NULL;
        struct chardev *c = chardev_new_short(h->chardevs, id, text, &why);

        if (why) {
            g_propagate_prefixed_error(error, g_steal_pointer(&why), "-serial %s: ", text);
            return FALSE;
        }
        h->config.serial[i] = c ? chardev_id(c) : NULL;
        if (c && !g_str_has_prefix(text, "chardev:")) {
            announce(c);
        }
    }
    return TRUE;
}

/* ---- machine ------------------------------------------------------------------------------------
 */

static void set_actions(struct host *h)
{
    static const enum machine_action on_panic[] = {ACTION_SHUTDOWN, ACTION_PAUSE,
                                                   ACTION_EXIT_FAILURE, ACTION_NONE};
    const struct opt_action *o = &h->setup->action;

    h->machine->actions.reboot = o->reboot == REBOOT_SHUTDOWN ? ACTION_SHUTDOWN : ACTION_RESET;
    h->machine->actions.shutdown = o->shutdown == SHUTDOWN_PAUSE ? ACTION_PAUSE : ACTION_DEFAULT;
    h->machine->actions.panic = on_panic[o->panic];
}

static char *find_file(struct machine *m, const char *name, GError **error)
{
    const struct host *h = m->owner;

    return pc_firmware_find(&h->config, name, error);
}

static gboolean build_machine(struct host *h, GError **error)
{
    struct machine *m =
        machine_new(h->config.icount_shift, h->board->address_bits, h->board->has_io);

    h->machine = m;
    m->owner = h;
    m->env.find = devices_find;
    m->env.release = devices_release;
    m->env.find_file = find_file;
    m->env.defaults = devices_defaults;
    m->name = g_strdup(h->config.name);
    m->ram_size = h->config.memory.size;
    memcpy(m->uuid, h->config.uuid, sizeof(m->uuid));
    m->icount_sleep = h->config.icount_sleep;
    m->icount_auto = h->config.icount_auto;
    m->icount_align = h->config.icount_align;
    m->name_threads = h->setup->name.debug_threads;
    set_actions(h);
    m->accel = h->config.accel;
    m->accel_vm = m->accel->vm_new(h->config.accel_props, m->memory, m->io, error);
    return m->accel_vm != NULL;
}

static gboolean build_devices(struct host *h, GError **error)
{
    const GPtrArray *lists[] = {h->implied, h->setup->devices};

    for (unsigned l = 0; l < G_N_ELEMENTS(lists); l++) {
        for (guint i = 0; i < lists[l]->len; i++) {
            if (!devices_add(h, lists[l]->pdata[i], error)) {
                g_prefix_error(error,
                               "-device %s: ", json_object_to_json_string(lists[l]->pdata[i]));
                return FALSE;
            }
        }
    }
    return devices_check_globals(h, error);
}

/* What -machine, -object and -overcommit say of the host's memory. */
static gboolean settle_memory(struct host *h, GError **error)
{
    const char *backend = h->setup->machine.memory_backend;
    const struct object_memory *object = backend ? objects_memory(h->objects, backend, NULL) : NULL;
    bool dump = h->setup->machine.dump_guest_core && (!object || object->dump);
    bool merge = h->setup->machine.mem_merge && (!object || object->merge);

    for (guint i = 0; i < h->machine->ram->len; i++) {
        struct ram_block *ram = h->machine->ram->pdata[i];

        if (!dump) {
            madvise(ram->host, ram->size, MADV_DONTDUMP);
        }
        if (merge) {
            madvise(ram->host, ram->size, MADV_MERGEABLE);
        }
    }
    if (h->setup->overcommit.mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "locking memory failed: %s", g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

/* No vCPU runs before machine_start. */
static gboolean start_log(struct host *h)
{
    const struct accel_class *accel = h->machine->accel;

    for (unsigned i = 0; h->setup->log.items && accel->log && i < h->machine->n_cpus; i++) {
        accel->log(h->machine->accel_vm, h->machine->cpus[i], &h->setup->log);
    }
    return TRUE;
}

gboolean host_build(struct host *h, const struct setup *setup, GError **error)
{
    struct chardev_hooks hooks = {on_quit, on_named_fd, on_fdset, h};
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();

    h->setup = setup;
    h->chardevs = chardev_set_new(context);
    h->netdevs = netdev_set_new(context);
    h->graph = block_graph_new();
    h->objects = objects_new(setup->name.debug_threads);
    h->fds = fdset_new();
    h->nodes = g_ptr_array_new_with_free_func((GDestroyNotify)block_unref);
    h->backends = g_ptr_array_new_with_free_func((GDestroyNotify)block_backend_free);
    h->implied = g_ptr_array_new_with_free_func(put_json);
    h->contents = g_ptr_array_new_with_free_func(g_free);
    chardev_set_hooks(h->chardevs, &hooks);
    netdev_set_named_fds(h->netdevs, on_named_fd, h);
    block_graph_set_fdset(h->graph, on_fdset, h);
    if (setup->name.process) {
        prctl(PR_SET_NAME, setup->name.process);
    }
    return build_fds(h, error) && build_objects(h, error) && config_fill(h, error) &&
           build_chardevs(h, error) && build_serials(h, error) && build_machine(h, error) &&
           drives_build(h, error) && monitors_build(h, error) && nics_build(h, error) &&
           h->board->build(h->machine, &h->config, error) && build_devices(h, error) &&
           (!h->board->finish || h->board->finish(h->machine, error)) && settle_memory(h, error) &&
           machine_launch(h->machine, error) && start_log(h);
}

void host_free(struct host *h)
{
    if (h->machine) {
        machine_stop(h->machine, MACHINE_IS_SHUTDOWN);
    }
    monitors_free(h);
    for (guint i = 0; h->backends && i < h->backends->len; i++) {
        block_backend_drain(h->backends->pdata[i]);
        block_backend_flush(h->backends->pdata[i]);
    }
    machine_free(h->machine);
    config_clear(h);
    g_clear_pointer(&h->backends, g_ptr_array_unref);
    g_clear_pointer(&h->nodes, g_ptr_array_unref);
    g_clear_pointer(&h->implied, g_ptr_array_unref);
    g_clear_pointer(&h->contents, g_ptr_array_unref);
    block_graph_free(h->graph);
    netdev_set_free(h->netdevs);
    chardev_set_free(h->chardevs);
    objects_free(h->objects);
    fdset_free(h->fds);
    g_clear_error(&h->global_error);
}
