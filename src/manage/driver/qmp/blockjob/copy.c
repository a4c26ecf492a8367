/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copy: a disk's content goes to another image, and every write too, until a pivot or an end. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/moment/image-disk.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/words.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of both calls, as the newer one numbers them. */
enum {
    COPY_SHALLOW = 1 << 0,
    COPY_REUSE = 1 << 1,
    COPY_TRANSIENT_JOB = 1 << 2,
    COPY_SYNCHRONOUS = 1 << 3,
};

/* What is asked for. */
struct wish {
    char *path;
    char *format; /* NULL: the disk's */
    bool device;  /* the path is to be one */
    bool made;    /* the file, by us */
    unsigned flags;
    uint64_t speed, buffer;
    uint32_t granularity;
};

static void wish_clear(struct wish *wish)
{
    g_free(wish->path);
    g_free(wish->format);
}

typedef struct wish wish_own;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(wish_own, wish_clear)

static bool is_built(const char *format, GError **error)
{
    static const char *const known[] = {"bochs", "cloop", "dmg", "iso",  "vpc", "vdi",  "fat",
                                        "vhd",   "ploop", "cow", "qcow", "qed", "vmdk", NULL};

    if (format == NULL || strcmp(format, "raw") == 0 || strcmp(format, "qcow2") == 0) {
        return true;
    }
    return g_strv_contains(known, format)
               ? fault_set(error, FAULT_CONFIG_UNSUPPORTED, "copies of format %s are not built yet",
                           format)
               : fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown driver format value '%s'",
                           format);
}

/* Is it there as it has to be? The one check that a file made before is not written over. */
static bool check_there(const struct wish *wish, const char *target, GError **error)
{
    bool reuse = (wish->flags & COPY_REUSE) != 0;
    struct stat st;

    if (stat(wish->path, &st) == 0) {
        return reuse || S_ISBLK(st.st_mode) ||
               fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "external destination file for disk %s already exists and is not a block "
                         "device: %s",
                         target, wish->path);
    }
    return !(reuse || wish->device) ||
           fault_set_errno(error, errno, "missing destination file for disk %s: %s", target,
                           wish->path);
}

static bool make_file(struct wish *wish, const GPtrArray *chain, GError **error)
{
    const struct chain_image *top = chain->pdata[0], *below = NULL;

    if ((wish->flags & COPY_REUSE) != 0 || g_file_test(wish->path, G_FILE_TEST_EXISTS)) {
        return true;
    }
    if ((wish->flags & COPY_SHALLOW) != 0 && chain->len > 1) {
        below = chain->pdata[1];
    }
    wish->made = image_disk_like(wish->path, wish->format, top->path, top->format,
                                 below != NULL ? below->path : NULL,
                                 below != NULL ? below->format : NULL, error);
    return wish->made;
}

/* Opens the new image in the machine, over what it shares with the disk. */
static bool add_nodes(struct domain *domain, const char *target, const GPtrArray *chain,
                      const struct wish *wish, const struct chain_image *fresh, GError **error)
{
    g_autoptr(domain_def_own) copy = domain_def_copy(domain->def);
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    struct xml *disk = stats_find_disk(copy, target), *source = xml_need(disk, "source");
    bool shares = (wish->flags & COPY_SHALLOW) != 0 && chain->len > 1;

    chain_hide(disk);
    xml_set(disk, "type", wish->device ? "block" : "file");
    xml_set(source, "file", NULL);
    xml_set(source, "dev", NULL);
    xml_set(source, wish->device ? "dev" : "file", fresh->path);
    xml_set(xml_need(disk, "driver"), "type", fresh->format);
    if (!argv_disk_nodes(copy->root, disk, fresh->index, values, error)) {
        return false;
    }
    for (unsigned i = 0; i < values->len; i++) {
        json_object *node = json_tokener_parse(values->pdata[i]);

        if (i + 1 == values->len && strcmp(fresh->format, "raw") != 0) {
            const struct chain_image *below = shares ? chain->pdata[1] : NULL;

            json_object_object_add(node, "backing",
                                   below != NULL ? json_object_new_string(below->node) : NULL);
        }
        if (!qmp_command(domain, "blockdev-add", node, NULL, error)) {
            return false;
        }
    }
    return true;
}

static json_object *arguments_of(const struct wish *wish, const char *node, const char *to)
{
    json_object *arguments = json_object_new_object();

    words_set(arguments, "device", node);
    words_set(arguments, "target", to);
    words_set(arguments, "sync", (wish->flags & COPY_SHALLOW) != 0 ? "top" : "full");
    if (wish->granularity > 0) {
        words_set_int(arguments, "granularity", wish->granularity);
    }
    if (wish->buffer > 0) {
        words_set_int(arguments, "buf-size", (int64_t)wish->buffer);
    }
    if ((wish->flags & COPY_SYNCHRONOUS) != 0) {
        words_set(arguments, "copy-mode", "write-blocking");
    }
    return arguments;
}

/* Takes `fresh`; what it opened and made goes again when it fails. */
static bool begin(struct domain *domain, const char *target, GPtrArray *chain, struct wish *wish,
                  struct chain_image *fresh, GError **error)
{
    const struct chain_image *top = chain->pdata[0];
    g_autofree char *node = g_strdup(fresh->node);
    struct blockjob *job = blockjob_new(BLOCKJOB_COPY, target, chain);
    bool good;

    job->fresh = fresh;
    job->shallow = (wish->flags & COPY_SHALLOW) != 0;
    if (add_nodes(domain, target, chain, wish, fresh, error)) {
        good = blockjob_begin(domain, job, "blockdev-mirror", arguments_of(wish, top->node, node),
                              wish->speed, error);
    } else {
        blockjob_free(job);
        good = false;
    }
    if (!good && domain_is_active(domain)) {
        qmp_drop_nodes(domain, node);
    }
    return good;
}

static bool check_domain(struct call *call, const struct wish *wish, GError **error)
{
    if (*wish->path != '/') {
        return fault_set(error, FAULT_INVALID_ARG,
                         "absolute path must be used as block copy target");
    }
    return !call->object->persistent || (wish->flags & COPY_TRANSIENT_JOB) != 0 ||
           fault_set(error, FAULT_OPERATION_INVALID, "domain is not transient");
}

static bool begin_copy(struct call *call, const char *target, GPtrArray *chain, struct wish *wish,
                       GError **error)
{
    struct chain_image *fresh;
    unsigned number, unused;

    if (!make_file(wish, chain, error) || !qmp_free_node(call->domain, &number, error)) {
        g_ptr_array_free(chain, TRUE);
        return false;
    }
    unused = chain_free_index(call->domain);
    number = MAX(number, unused);
    fresh = g_new0(struct chain_image, 1);
    fresh->path = g_strdup(wish->path);
    fresh->format = g_strdup(wish->format);
    fresh->index = number;
    fresh->node = g_strdup_printf("libvirt-%u-format", number);
    return begin(call->domain, target, chain, wish, fresh, error);
}

static bool copy(struct call *call, struct wish *wish, GError **error)
{
    g_autofree char *target = NULL;
    const struct chain_image *top;
    GPtrArray *chain;

    if (!is_built(wish->format, error) || !check_domain(call, wish, error) ||
        !blockjob_disk(call, &target, error) || !check_there(wish, target, error) ||
        (chain = chain_read(call->domain, target, error)) == NULL) {
        return false;
    }
    if (chain->len == 0) {
        g_ptr_array_free(chain, TRUE);
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "failed to update capacity data for block node '(null)'");
    }
    top = chain->pdata[0];
    wish->format = wish->format != NULL ? wish->format : g_strdup(top->format);
    if ((wish->flags & COPY_SHALLOW) != 0 && chain->len > 1 && strcmp(wish->format, "qcow2") != 0) {
        g_ptr_array_free(chain, TRUE);
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "shallow copies to images of format %s are not built yet", wish->format);
    }
    if (!begin_copy(call, target, chain, wish, error)) {
        if (wish->made) {
            g_unlink(wish->path);
        }
        return false;
    }
    return true;
}

static bool read_params(struct call *call, struct wish *wish, GError **error)
{
    g_autoptr(GVariant) list = g_variant_get_child_value(call->args, 3);

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(list, i);
        g_autoptr(GVariant) boxed = g_variant_get_child_value(row, 1);
        g_autoptr(GVariant) value = g_variant_get_variant(boxed);
        g_autoptr(GVariant) word = g_variant_get_child_value(row, 0);
        const char *name = g_variant_get_string(word, NULL);

        if (strcmp(name, "bandwidth") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64)) {
            wish->speed = g_variant_get_uint64(value);
        } else if (strcmp(name, "granularity") == 0 &&
                   g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32)) {
            wish->granularity = g_variant_get_uint32(value);
        } else if (strcmp(name, "buf-size") == 0 &&
                   g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64)) {
            wish->buffer = g_variant_get_uint64(value);
        } else {
            return fault_set(error, FAULT_INVALID_ARG, "parameter '%s' not supported", name);
        }
    }
    if ((wish->granularity & (wish->granularity - 1)) != 0) {
        return fault_set(error, FAULT_INVALID_ARG, "granularity must be power of 2");
    }
    return blockjob_speed(wish->speed, true, &wish->speed, error) &&
           (wish->buffer <= G_MAXINT64 ||
            fault_set(error, FAULT_OVERFLOW, "buffer size must be less than %" G_GINT64_FORMAT,
                      G_MAXINT64));
}

bool blockjob_copy(struct call *call, GError **error)
{
    g_autoptr(xml_own) disk = xml_parse(call_string(call, 2), "disk_definition", error);
    g_auto(wish_own) wish = {.flags = call->flags};
    const struct xml *source = xml_find(disk, "source");
    const char *path;

    if (disk == NULL) {
        return false;
    }
    wish.device = xml_is(disk, "type", "block");
    path = xml_get(source, wish.device ? "dev" : "file");
    if (path == NULL || strcmp(disk->name, "disk") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "only copies to files and devices are built");
    }
    wish.path = g_strdup(path);
    wish.format = g_strdup(xml_get(xml_find(disk, "driver"), "type"));
    return read_params(call, &wish, error) && copy(call, &wish, error);
}

bool blockjob_rebase_copy(struct call *call, uint64_t speed, bool raw, bool device, GError **error)
{
    const char *path = call_maybe_string(call, 2);
    g_auto(wish_own) wish = {
        .flags = call->flags & (COPY_SHALLOW | COPY_REUSE), .speed = speed, .device = device};

    if (path == NULL) {
        return fault_set(error, FAULT_INVALID_ARG, "base in virDomainBlockRebase must not be NULL");
    }
    wish.path = g_strdup(path);
    wish.format = raw ? g_strdup("raw") : NULL;
    return copy(call, &wish, error);
}
