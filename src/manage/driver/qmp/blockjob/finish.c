/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a job means for the definitions: while it runs, and when it ended. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/stats.h"

#include <glib/gstdio.h>
#include <string.h>

/* A copy's has an older form, too, and ends a chain that is its own. */
static void describe_mirror(struct xml *mirror, const struct blockjob *job)
{
    bool copy = job->type == BLOCKJOB_COPY, device = chain_is_device(job->fresh->path);

    xml_set(mirror, "type", device ? "block" : "file");
    if (copy) {
        if (!device) {
            xml_set(mirror, "file", job->fresh->path);
            xml_set(mirror, "format", job->fresh->format);
        }
        xml_set(mirror, "job", "copy");
    } else {
        xml_set(mirror, "job", "active-commit");
    }
    chain_describe(mirror, job->fresh, true);
    if (copy && !job->shallow) {
        xml_append(mirror, xml_new("backingStore"));
    }
}

void blockjob_show_mirror(struct domain *domain, const struct blockjob *job)
{
    struct xml *disk = stats_find_disk(domain->def, job->target), *mirror;
    struct xml *before = xml_find(disk, "backingStore");
    guint place = 0;

    if (disk == NULL || job->fresh == NULL) {
        return;
    }
    mirror = xml_find(disk, "mirror");
    if (mirror == NULL) {
        before = before != NULL ? before : xml_find(disk, "source");
        (void)g_ptr_array_find(disk->children, before, &place);
        mirror = xml_insert(disk, place + 1, xml_new("mirror"));
        describe_mirror(mirror, job);
    }
    if (job->ready) {
        xml_set(mirror, "ready", "yes");
    }
}

void blockjob_drop_node(struct domain *domain, const struct chain_image *image)
{
    /* Only those that were opened by name; the others go with the one that opened them. */
    if (g_str_has_suffix(image->node, "-format")) {
        qmp_drop_nodes(domain, image->node);
    }
}

/* Another image is the disk. */
static void put_top(struct domain_def *def, const char *target, const char *old,
                    const struct chain_image *image, bool hide)
{
    struct xml *disk = def != NULL ? stats_find_disk(def, target) : NULL;
    bool device = chain_is_device(image->path);
    struct xml *source;

    if (disk == NULL || (old != NULL && g_strcmp0(stats_disk_path(disk), old) != 0)) {
        return; /* another disk by now */
    }
    if (hide) {
        chain_hide(disk);
    }
    xml_set(disk, "type", device ? "block" : "file");
    source = xml_need(disk, "source");
    xml_set(source, device ? "file" : "dev", NULL);
    xml_set(source, device ? "dev" : "file", image->path);
    xml_set(xml_need(disk, "driver"), "type", image->format);
}

static bool has_path(const GPtrArray *chain, const char *path)
{
    for (unsigned i = 0; i < chain->len; i++) {
        const struct chain_image *image = chain->pdata[i];

        if (strcmp(image->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* What the disk was made of and is no longer. */
static void drop_old(struct domain *domain, const struct blockjob *job, const GPtrArray *now)
{
    for (unsigned i = 0; job->chain != NULL && i < job->chain->len; i++) {
        const struct chain_image *image = job->chain->pdata[i];

        if (!has_path(now, image->path)) {
            blockjob_drop_node(domain, image);
        }
    }
    for (unsigned i = 0; job->unneeded != NULL && i < job->unneeded->len; i++) {
        if (!has_path(now, job->unneeded->pdata[i])) {
            g_unlink(job->unneeded->pdata[i]);
        }
    }
}

static void show_now(struct domain *domain, const struct blockjob *job, bool completed)
{
    GPtrArray *now = chain_read(domain, job->target, NULL);
    struct xml *disk = stats_find_disk(domain->def, job->target);

    if (now == NULL) {
        return; /* the machine ended, or this daemon does */
    }
    if (disk != NULL) {
        chain_show(disk, now);
    }
    if (completed) {
        drop_old(domain, job, now);
    }
    disk = domain->next_def != NULL ? stats_find_disk(domain->next_def, job->target) : NULL;
    if (completed && job->fresh != NULL && disk != NULL && now->len == 1) {
        chain_show(disk, now); /* "<backingStore/>": based on nothing */
        xml_set(xml_find(disk, "source"), "index", NULL);
    }
    g_ptr_array_free(now, TRUE);
}

static void keep(struct domain *domain)
{
    if (qmp_run_of(domain) == NULL) {
        return; /* the machine ended, or this daemon does */
    }
    (void)qmp_write_mark(domain, NULL);
    if (domain->object.persistent) {
        (void)qmp_store.store(domain, NULL);
    }
}

void blockjob_finish(struct domain *domain, struct blockjob *job, bool completed)
{
    struct xml *disk = stats_find_disk(domain->def, job->target);
    g_autofree char *old = disk != NULL ? g_strdup(stats_disk_path(disk)) : NULL;

    if (disk == NULL || old == NULL) {
        return;
    }
    if (completed && job->fresh != NULL) {
        put_top(domain->next_def, job->target, old, job->fresh, true);
        /* Images keep their numbers: those are read before the mirror goes. */
        put_top(domain->def, job->target, old, job->fresh, false);
    }
    show_now(domain, job, completed);
    disk = stats_find_disk(domain->def, job->target);
    xml_drop(disk != NULL ? xml_find(disk, "mirror") : NULL);
    if (!completed && job->type == BLOCKJOB_COPY && job->fresh != NULL) {
        blockjob_drop_node(domain, job->fresh);
    }
    keep(domain);
}
