/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks that come to a running machine, leave it, and get other media; plug.h has the rest. */
#include "manage/conf/fault.h"
#include "manage/core/event.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/device/alias.h"
#include "manage/driver/qmp/device/plug.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/source.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <stdio.h>
#include <string.h>

#define UNPLUG_SECONDS 5 /* a guest that needs longer is not waited for, as libvirt does */

static json_object *argument(const char *key, const char *value)
{
    json_object *object = json_object_new_object();

    words_set(object, key, value);
    return object;
}

static bool is_disk(const struct xml *device)
{
    return strcmp(device->name, "disk") == 0;
}

/* One more than the highest number of a node that the machine has. */
bool qmp_free_node(struct domain *domain, unsigned *ret, GError **error)
{
    json_object *nodes = NULL, *name = NULL;

    if (!qmp_command(domain, "query-named-block-nodes", NULL, &nodes, error)) {
        return false;
    }
    *ret = 1;
    for (size_t i = 0;
         json_object_is_type(nodes, json_type_array) && i < json_object_array_length(nodes); i++) {
        unsigned n = 0;

        if (json_object_object_get_ex(json_object_array_get_idx(nodes, i), "node-name", &name) &&
            sscanf(json_object_get_string(name), "libvirt-%u-", &n) == 1 && n >= *ret &&
            n < G_MAXINT) {
            *ret = n + 1;
        }
    }
    json_object_put(nodes);
    return true;
}

/* Closes both nodes of a disk; the format's is named. What is not there does not matter. */
void qmp_drop_nodes(struct domain *domain, const char *format)
{
    g_autoptr(GString) storage = g_string_new(format);

    g_string_replace(storage, "-format", "-storage", 1);
    (void)qmp_command(domain, "blockdev-del", argument("node-name", format), NULL, NULL);
    (void)qmp_command(domain, "blockdev-del", argument("node-name", storage->str), NULL, NULL);
}

/* Opens them in the order given; none stays when one fails. */
static bool add_nodes(struct domain *domain, GPtrArray *values, unsigned n, unsigned number,
                      GError **error)
{
    g_autofree char *format = g_strdup_printf("libvirt-%u-format", number);

    for (unsigned i = 0; i < n; i++) {
        if (!qmp_command(domain, "blockdev-add", json_tokener_parse(values->pdata[i]), NULL,
                         error)) {
            qmp_drop_nodes(domain, format);
            return false;
        }
    }
    return true;
}

static void tell_added(struct domain *domain, const char *id)
{
    event_send(&domain->object, EVENT_DEVICE_ADDED,
               g_variant_new("(@(sayi)s)", call_pack_domain(domain), id));
}

/* The device's options; of a medium only its nodes. What a volume is, is looked up. */
static GPtrArray *options_of(struct domain *domain, struct xml *device, unsigned number,
                             bool medium, GError **error)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(xml_own) root = NULL;
    const struct xml *own;
    guint at = 0;

    (void)g_ptr_array_find(device->parent->children, device, &at);
    root = source_translated(domain, device->parent->parent, error);
    own = xml_child(xml_find(root, "devices"), at);
    return root != NULL && (medium ? argv_disk_nodes(root, own, number, values, error)
                                   : argv_disk(root, own, number, values, error))
               ? g_steal_pointer(&values)
               : NULL;
}

static bool attach(struct domain *domain, struct xml *device, GError **error)
{
    g_autoptr(GPtrArray) values = NULL;
    g_autofree char *format = NULL;
    unsigned number;

    if (!is_disk(device)) {
        return plug_attach(domain, device, error);
    }
    if (!qmp_free_node(domain, &number, error) ||
        (values = options_of(domain, device, number, false, error)) == NULL ||
        !add_nodes(domain, values, values->len - 1, number, error)) {
        return false;
    }
    if (!qmp_command(domain, "device_add", json_tokener_parse(values->pdata[values->len - 1]), NULL,
                     error)) {
        format = g_strdup_printf("libvirt-%u-format", number);
        qmp_drop_nodes(domain, format);
        return false;
    }
    g_autofree char *id = argv_disk_id(device);

    tell_added(domain, id);
    return true;
}

static struct xml *find_id(struct domain *domain, const char *id)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        g_autofree char *name = argv_disk_id(d);

        if (g_strcmp0(name, id) == 0) {
            return d;
        }
    }
    return NULL;
}

/* The node of a disk's medium, to be freed; NULL when it has none, or the machine is gone. */
static char *node_of(struct domain *domain, const char *id)
{
    json_object *stats = NULL, *blocks = NULL;
    const struct xml *disk;
    char *node = NULL;

    if (stats_ask_blocks(domain, &stats, &blocks, NULL)) {
        disk = find_id(domain, id);
        node = disk != NULL ? g_strdup(stats_node(blocks, disk)) : NULL;
        json_object_put(stats);
        json_object_put(blocks);
    }
    return node;
}

/* Nodes that no device uses since their disk went: one that something uses refuses to go. */
static void drop_free(struct domain *domain)
{
    json_object *nodes = NULL, *name = NULL;

    if (!qmp_command(domain, "query-named-block-nodes", NULL, &nodes, NULL)) {
        return;
    }
    for (size_t i = 0;
         json_object_is_type(nodes, json_type_array) && i < json_object_array_length(nodes); i++) {
        if (json_object_object_get_ex(json_object_array_get_idx(nodes, i), "node-name", &name) &&
            g_str_has_prefix(json_object_get_string(name), "libvirt-") &&
            g_str_has_suffix(json_object_get_string(name), "-format")) {
            qmp_drop_nodes(domain, json_object_get_string(name));
        }
    }
    json_object_put(nodes);
    if (domain_is_active(domain)) {
        (void)qmp_write_mark(domain, NULL);
    }
}

/* As a job: nodes that wait for their device are not free. */
static void drop_unused(struct qmp_run *run)
{
    struct domain *domain = run->domain;

    object_lock(&domain->object);
    if (domain_job_begin(domain, JOB_MODIFY, NULL)) {
        if (domain->private == run) {
            drop_free(domain);
        }
        domain_job_end(domain, JOB_MODIFY);
    }
    object_unlock(&domain->object);
}

/* What a device that went used on the host; by its alias, which it has until then. */
static void drop_rest(struct qmp_run *run)
{
    struct domain *domain = run->domain;

    object_lock(&domain->object);
    plug_drop_unused(run);
    if (domain->private == run && domain_is_active(domain)) {
        (void)qmp_write_mark(domain, NULL);
    }
    object_unlock(&domain->object);
}

void qmp_device_deleted(struct qmp_run *run, const char *id)
{
    struct domain *domain = run->domain;
    struct xml *disk = find_id(domain, id);
    struct xml *device = disk != NULL ? disk : alias_find(domain->def, id);

    if (device == NULL) {
        g_cond_broadcast(&domain->job_done); /* a vCPU, which somebody waits for */
        return;
    }
    if (disk == NULL) {
        plug_deleted(run, device);
    }
    xml_drop(device);
    event_send(&domain->object, EVENT_DEVICE_REMOVED,
               g_variant_new("((@(sayi)s))", call_pack_domain(domain), id));
    g_cond_broadcast(&domain->job_done);
    qmp_later(run, disk != NULL ? drop_unused : drop_rest);
}

static bool detach(struct domain *domain, struct xml *device, GError **error)
{
    gint64 until = g_get_monotonic_time() + UNPLUG_SECONDS * G_TIME_SPAN_SECOND;
    g_autofree char *id = NULL;

    if (!is_disk(device)) {
        return plug_detach(domain, device, error);
    }
    if (!blockjob_check_idle(domain, xml_get(xml_find(device, "target"), "dev"), error)) {
        return false;
    }
    id = argv_disk_id(device);
    if (!qmp_command(domain, "device_del", argument("id", id), NULL, error)) {
        return false;
    }
    while (domain_is_active(domain) && find_id(domain, id) != NULL &&
           g_cond_wait_until(&domain->job_done, &domain->object.lock, until)) {
    }
    return true;
}

static bool take_medium(struct domain *domain, const char *id, GError **error)
{
    g_autofree char *node = node_of(domain, id);

    if (!qmp_command(domain, "blockdev-open-tray", argument("id", id), NULL, error) ||
        !qmp_command(domain, "blockdev-remove-medium", argument("id", id), NULL, error)) {
        return false;
    }
    if (node != NULL) {
        qmp_drop_nodes(domain, node);
    }
    /* Empty, should the next medium be refused. */
    xml_drop(xml_find(find_id(domain, id), "source"));
    return domain_check_active(domain, error);
}

static bool put_medium(struct domain *domain, struct xml *device, const char *id, GError **error)
{
    g_autoptr(GPtrArray) values = NULL;
    g_autofree char *format = NULL;
    json_object *arguments;
    unsigned number;

    if (!qmp_free_node(domain, &number, error) ||
        (values = options_of(domain, device, number, true, error)) == NULL ||
        !add_nodes(domain, values, values->len, number, error)) {
        return false;
    }
    format = g_strdup_printf("libvirt-%u-format", number);
    arguments = argument("id", id);
    words_set(arguments, "node-name", format);
    if (!qmp_command(domain, "blockdev-insert-medium", arguments, NULL, error)) {
        qmp_drop_nodes(domain, format);
        return false;
    }
    return true;
}

/* Another medium in the same drive; the rest of a disk stays as it is. */
static bool update(struct domain *domain, struct xml *device, GError **error)
{
    g_autofree char *id = NULL;

    if (!is_disk(device)) {
        return plug_update(domain, device, error);
    }
    if (!xml_is(device, "device", "cdrom") && !xml_is(device, "device", "floppy")) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "changing a disk that is no removable medium is not built yet");
    }
    id = argv_disk_id(device);
    return take_medium(domain, id, error) &&
           (source_is_empty(device) || put_medium(domain, device, id, error)) &&
           qmp_command(domain, "blockdev-close-tray", argument("id", id), NULL, error);
}

const struct driver_device qmp_device = {.attach = attach, .detach = detach, .update = update};
