/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots inside qcow2 images: of a running machine by its own jobs, else by our block code. */
#include "manage/driver/qmp/internal.h"
#include "manage/conf/fault.h"
#include "manage/driver/qmp/moment/image-disk.h"
#include "manage/driver/qmp/moment/snapshot.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define JOB_NAME "vivd-snapshot"

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

/* The disks of a definition that take part; borrowed. */
static GPtrArray *disks_of(const struct moment_def *def, struct domain_def *domain)
{
    const struct xml *entries = xml_find(def->root, "disks");
    GPtrArray *disks = g_ptr_array_new();

    for (struct xml *e = xml_find(entries, "disk"); e != NULL; e = xml_next(entries, "disk", e)) {
        struct xml *disk = xml_is(e, "snapshot", "internal") && xml_get(e, "name") != NULL
                               ? stats_find_disk(domain, xml_get(e, "name"))
                               : NULL;

        if (disk != NULL) {
            g_ptr_array_add(disks, disk);
        }
    }
    return disks;
}

static bool check_disks(GPtrArray *disks, GError **error)
{
    if (disks->len == 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "internal and full system snapshots require all disks to be selected for "
                         "snapshot");
    }
    for (unsigned i = 0; i < disks->len; i++) {
        const char *format = xml_get(xml_find(disks->pdata[i], "driver"), "type");

        if (stats_disk_path(disks->pdata[i]) == NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "a snapshot of a disk that is no file is not built yet");
        }
        if (g_strcmp0(format, "qcow2") != 0) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "internal snapshot for disk %s unsupported for storage type %s",
                             xml_get(xml_find(disks->pdata[i], "target"), "dev"),
                             format != NULL ? format : "(null)");
        }
    }
    return true;
}

/* The names of the machine's nodes of these disks; NULL when one has none. */
static json_object *nodes_of(struct domain *domain, const struct moment_def *def, GError **error)
{
    json_object *stats = NULL, *blocks = NULL, *nodes;
    g_autoptr(GPtrArray) disks = NULL;

    if (!stats_ask_blocks(domain, &stats, &blocks, error)) {
        return NULL;
    }
    nodes = json_object_new_array();
    disks = disks_of(def, domain->def);
    for (unsigned i = 0; i < disks->len && nodes != NULL; i++) {
        const char *node = stats_node(blocks, disks->pdata[i]);

        if (node != NULL) {
            json_object_array_add(nodes, json_object_new_string(node));
        }
    }
    json_object_put(stats);
    json_object_put(blocks);
    if (json_object_array_length(nodes) == 0) {
        json_object_put(nodes);
        fault_set(error, FAULT_OPERATION_INVALID, "the machine has none of the snapshot's disks");
        return NULL;
    }
    return nodes;
}

/* True when it has ended; *ret_why is then what it complained of, or NULL. */
static bool look(struct domain *domain, bool *ret_ended, char **ret_why, GError **error)
{
    json_object *jobs = NULL;

    *ret_ended = true; /* also one that nobody knows any more */
    if (!qmp_command(domain, "query-jobs", NULL, &jobs, error)) {
        return false;
    }
    for (size_t i = 0;
         json_object_is_type(jobs, json_type_array) && i < json_object_array_length(jobs); i++) {
        json_object *job = json_object_array_get_idx(jobs, i);

        if (g_strcmp0(json_object_get_string(member(job, "id")), JOB_NAME) == 0) {
            *ret_ended = g_strcmp0(json_object_get_string(member(job, "status")), "concluded") == 0;
            g_free(*ret_why);
            *ret_why = g_strdup(json_object_get_string(member(job, "error")));
        }
    }
    json_object_put(jobs);
    return true;
}

static bool wait_job(struct domain *domain, char **ret_why, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    bool ended = false, good = true;

    qmp_run_ref(run);
    while (good && !ended) {
        unsigned seen = run->job_events;

        good = look(domain, &ended, ret_why, error);
        while (good && !ended && domain->private == run && run->job_events == seen &&
               g_cond_wait_until(&domain->job_done, &domain->object.lock,
                                 g_get_monotonic_time() + G_TIME_SPAN_SECOND)) {
        }
    }
    qmp_run_unref(run);
    return good;
}

/* One of the machine's snapshot jobs, to its end. Takes the nodes. */
static bool run_job(struct domain *domain, const char *command, const char *tag, json_object *nodes,
                    bool state, GError **error)
{
    json_object *arguments = json_object_new_object(), *id = json_object_new_object();
    g_autofree char *why = NULL;
    bool good;

    words_set(arguments, "job-id", JOB_NAME);
    words_set(arguments, "tag", tag);
    if (state) {
        words_set(arguments, "vmstate",
                  json_object_get_string(json_object_array_get_idx(nodes, 0)));
    }
    json_object_object_add(arguments, "devices", nodes);
    good = qmp_command(domain, command, arguments, NULL, error) && wait_job(domain, &why, error);
    words_set(id, "id", JOB_NAME);
    if (good) {
        (void)qmp_command(domain, "job-dismiss", id, NULL, NULL);
    } else {
        json_object_put(id);
    }
    if (good && why != NULL) {
        return fault_set(error, FAULT_OPERATION_FAILED, "%s of '%s': %s", command, tag, why);
    }
    return good;
}

/* In all images or in none. */
static bool create_off(GPtrArray *disks, const char *name, GError **error)
{
    for (unsigned i = 0; i < disks->len; i++) {
        if (!image_disk_snapshot(stats_disk_path(disks->pdata[i]), IMAGE_DISK_CREATE, name,
                                 error)) {
            for (unsigned k = 0; k < i; k++) {
                (void)image_disk_snapshot(stats_disk_path(disks->pdata[k]), IMAGE_DISK_DELETE, name,
                                          NULL);
            }
            return false;
        }
    }
    return true;
}

bool internal_create(struct domain *domain, const struct moment_def *def, GError **error)
{
    g_autoptr(GPtrArray) disks = disks_of(def, domain->def);
    json_object *nodes;

    if (!check_disks(disks, error)) {
        return false;
    }
    if (!domain_is_active(domain)) {
        return create_off(disks, def->name, error);
    }
    nodes = nodes_of(domain, def, error);
    return nodes != NULL && run_job(domain, "snapshot-save", def->name, nodes, true, error);
}

bool internal_load(struct domain *domain, const void *opaque, GError **error)
{
    const struct moment_def *def = opaque;
    json_object *nodes = nodes_of(domain, def, error);

    return nodes != NULL && run_job(domain, "snapshot-load", def->name, nodes, true, error);
}

static bool of_images(const struct moment_def *def, enum image_disk_action action, GError **error)
{
    g_autoptr(GPtrArray) disks = disks_of(def, def->domain);

    for (unsigned i = 0; i < disks->len; i++) {
        const char *path = stats_disk_path(disks->pdata[i]);

        if (path != NULL && !image_disk_snapshot(path, action, def->name, error)) {
            return false;
        }
    }
    return true;
}

bool internal_apply(struct domain *domain, const struct moment_def *def, GError **error)
{
    return of_images(def, IMAGE_DISK_APPLY, error);
}

/* Has the machine the images that the snapshot is in? */
static bool same_images(struct domain *domain, const struct moment_def *def)
{
    g_autoptr(GPtrArray) disks = disks_of(def, def->domain);

    for (unsigned i = 0; i < disks->len; i++) {
        const char *target = xml_get(xml_find(disks->pdata[i], "target"), "dev");
        const struct xml *now = stats_find_disk(domain->def, target);

        if (now == NULL || g_strcmp0(stats_disk_path(now), stats_disk_path(disks->pdata[i])) != 0) {
            return false;
        }
    }
    return true;
}

bool internal_remove(struct domain *domain, const struct moment_def *def, GError **error)
{
    json_object *nodes;

    if (!domain_is_active(domain)) {
        return of_images(def, IMAGE_DISK_DELETE, error);
    }
    if (!same_images(domain, def)) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "deleting a snapshot in an image that the running machine has others over "
                         "is not built yet");
    }
    nodes = nodes_of(domain, def, error);
    return nodes != NULL && run_job(domain, "snapshot-delete", def->name, nodes, false, error);
}
