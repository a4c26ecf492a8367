/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -blockdev and -drive: nodes, and the backends that devices attach to. */
#include "machine/main/groups.h"
#include "machine/main/host.h"

#include "block/block.h"

#include <gio/gio.h>
#include <string.h>

#define CD_INDEX 2 /* of -cdrom, among IDE drives */

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error) {
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, ap);
    }
    va_end(ap);
    return FALSE;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void on_io_error(void *opaque, struct block_backend *backend, enum block_op op,
                        enum block_action action, int error)
{
    static const char *const words[] = {"report", "ignore", "stop"};
    struct host *h = opaque;
    json_object *data = json_object_new_object();
    struct block_node *node = block_backend_node(backend);

    json_object_object_add(data, "device", json_object_new_string(block_backend_id(backend)));
    if (node) {
        json_object_object_add(data, "node-name", json_object_new_string(block_name(node)));
    }
    json_object_object_add(data, "operation",
                           json_object_new_string(op == BLOCK_READ ? "read" : "write"));
    json_object_object_add(data, "action", json_object_new_string(words[action]));
    json_object_object_add(data, "nospace", json_object_new_boolean(error == ENOSPC));
    json_object_object_add(data, "reason", json_object_new_string(g_strerror(error)));
    machine_event(h->machine, "BLOCK_IO_ERROR", data);
}

static const struct block_backend_events events = {.io_error = on_io_error};

static struct block_backend *backend_new(struct host *h, const char *id, struct block_node *node,
                                         GError **error)
{
    struct block_backend *b = block_backend_new(id, h->machine->context);

    if (node && !block_backend_insert(b, node, 0, BLOCK_PERM_ALL, error)) {
        block_backend_free(b);
        return NULL;
    }
    block_backend_set_owner_events(b, &events, h);
    g_ptr_array_add(h->backends, b);
    return b;
}

struct block_backend *drives_find(struct host *h, const char *id, GError **error)
{
    struct block_node *node;

    for (guint i = 0; i < h->backends->len; i++) {
        if (g_str_equal(block_backend_id(h->backends->pdata[i]), id) && *id) {
            return h->backends->pdata[i];
        }
    }
    if (!*id) {
        return backend_new(h, "", NULL, error);
    }
    node = block_graph_find(h->graph, id);
    if (!node) {
        fail(error, "Property 'drive' can't find value '%s'", id);
        return NULL;
    }
    return backend_new(h, "", node, error);
}

void drives_release(struct host *h, struct block_backend *b)
{
    if (*block_backend_id(b)) {
        block_backend_set_device(b, "");
        block_backend_set_perm(b, 0, BLOCK_PERM_ALL, NULL); /* less than before: not refused */
    } else {
        g_ptr_array_remove(h->backends, b);
    }
}

/* ---- -drive ------------------------------------------------------------------------------------
 */

struct drive {
    struct host *h;
    struct drive_opts o;
    json_object *rest; /* what is no -drive row: the node's own options */
    const char *interface;
    bool cdrom;
};

static unsigned drive_flags(const struct drive *d, GError **error, bool *ret_writethrough,
                            gboolean *ok)
{
    unsigned flags = d->o.read_only || d->cdrom ? 0 : BLOCK_O_RDWR;

    *ok = TRUE;
    if (d->o.cache && !block_cache_mode(d->o.cache, &flags, ret_writethrough)) {
        *ok = fail(error, "invalid cache option");
    }
    if (d->o.discard && (g_str_equal(d->o.discard, "unmap") || g_str_equal(d->o.discard, "on"))) {
        flags |= BLOCK_O_UNMAP;
    }
    if (d->o.aio && g_str_equal(d->o.aio, "threads")) {
        flags |= BLOCK_O_NO_URING;
    }
    if (d->o.snapshot || d->h->setup->snapshot) {
        flags |= BLOCK_O_SNAPSHOT;
    }
    return flags;
}

static gboolean check_words(const struct drive *d, GError **error)
{
    const struct {
        const char *name, *value, *words[5];
    } checks[] = {
        {"media", d->o.media, {"disk", "cdrom"}},
        {"aio", d->o.aio, {"io_uring", "threads", "native"}},
        {"discard", d->o.discard, {"ignore", "unmap", "off", "on"}},
        {"detect-zeroes", d->o.detect_zeroes, {"off", "on", "unmap"}},
        {"if", d->o.interface, {"none", "virtio", "ide", "pflash"}},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(checks); i++) {
        bool found = !checks[i].value;

        for (unsigned w = 0; !found && w < 5 && checks[i].words[w]; w++) {
            found = g_str_equal(checks[i].words[w], checks[i].value);
        }
        if (!found) {
            return fail(error, "-drive: '%s=%s' is invalid or not built yet", checks[i].name,
                        checks[i].value);
        }
    }
    if (d->o.aio && g_str_equal(d->o.aio, "native")) {
        return fail(error, "-drive: aio=native is not built yet; io_uring and threads are");
    }
    return TRUE;
}

/* Bytes of "file.", "driver" and so on are the node's; detect-zeroes too. */
static struct block_node *open_node(struct drive *d, bool *ret_writethrough, GError **error)
{
    gboolean ok;
    unsigned flags = drive_flags(d, error, ret_writethrough, &ok);

    if (!ok) {
        return NULL;
    }
    if (d->o.detect_zeroes) {
        json_object_object_add(d->rest, "detect-zeroes",
                               json_object_new_string(d->o.detect_zeroes));
    }
    if (d->o.file && block_graph_find(d->h->graph, d->o.file) &&
        json_object_object_length(d->rest) == 0) {
        return block_ref(block_graph_find(d->h->graph, d->o.file));
    }
    if (!d->o.file) {
        if (!json_object_object_get_ex(d->rest, "driver", NULL) && d->o.format) {
            json_object_object_add(d->rest, "driver", json_object_new_string(d->o.format));
        }
        return block_open(d->rest, d->h->graph, error);
    }
    return block_open_file(d->o.file, d->o.format, flags, d->rest, d->h->graph, error);
}

static gboolean apply_policy(struct drive *d, struct block_backend *b, GError **error)
{
    enum block_on_error on_read = BLOCK_ON_ERROR_AUTO, on_write = BLOCK_ON_ERROR_AUTO;

    if ((d->o.rerror && !block_on_error_parse(d->o.rerror, &on_read)) ||
        (d->o.werror && !block_on_error_parse(d->o.werror, &on_write))) {
        return fail(error, "-drive: '%s' invalid write or read error action",
                    d->o.rerror ? d->o.rerror : d->o.werror);
    }
    block_backend_set_on_error(b, on_read, on_write);
    return TRUE;
}

/* The device that the interface stands for, added after the user's own. */
static void imply_device(struct drive *d, const char *id, int index)
{
    json_object *o = json_object_new_object();
    bool virtio = g_str_equal(d->interface, "virtio");
    const char *driver = virtio ? "virtio-blk-pci" : d->cdrom ? "ide-cd" : "ide-hd";

    json_object_object_add(o, "driver", json_object_new_string(driver));
    json_object_object_add(o, "drive", json_object_new_string(id));
    if (d->o.serial) {
        json_object_object_add(o, "serial", json_object_new_string(d->o.serial));
    }
    if (!virtio) {
        g_autofree char *bus = g_strdup_printf("ide.%d", index);

        json_object_object_add(o, "bus", json_object_new_string(bus));
    }
    g_ptr_array_add(d->h->implied, o);
}

/* The flash chip that the drive is: the next free one, or the one that was asked for. */
static int pflash_index(const struct drive *d, GError **error)
{
    int first = d->o.index >= 0 ? d->o.index : d->o.unit >= 0 ? d->o.unit : 0;
    bool fixed = d->o.index >= 0 || d->o.unit >= 0;

    for (int i = first; i < 2; i++) {
        if (!d->h->config.pflash[i]) {
            return i;
        }
        if (fixed) {
            break;
        }
    }
    fail(error, "-drive if=pflash: no free flash chip");
    return -1;
}

/* The next place on the interface, or the one that was asked for. */
static gboolean take_index(struct drive *d, unsigned used[2], int *ret, GError **error)
{
    unsigned kind = g_str_equal(d->interface, "virtio");
    int index = d->o.index >= 0 ? d->o.index
                : d->o.bus >= 0 ? d->o.bus + (d->o.unit > 0 ? d->o.unit : 0)
                                : d->o.unit;

    if (index < 0) {
        index = 0;
        while (index < 31 && used[kind] & 1u << index) {
            index++;
        }
    }
    if (index > 30 || used[kind] & 1u << index) {
        return fail(error, "drive with bus=0, unit=%d (index=%d) exists", index, index);
    }
    used[kind] |= 1u << index;
    *ret = index;
    return TRUE;
}

static gboolean build_drive(struct drive *d, unsigned used[2], GError **error)
{
    g_autoptr(block_node_ref) node = NULL;
    g_autofree char *id = NULL;
    struct block_backend *b;
    bool writethrough = false;
    bool empty;
    int index = 0;

    d->cdrom = d->o.media && g_str_equal(d->o.media, "cdrom");
    d->interface = d->o.interface            ? d->o.interface
                   : d->h->board->interface ? d->h->board->interface
                                            : "ide";
    if (!check_words(d, error)) {
        return FALSE;
    }
    empty = !d->o.file && json_object_object_length(d->rest) == 0;
    if (empty && !d->cdrom) {
        return fail(error, "-drive: Parameter 'file' is missing");
    }
    if (!empty) {
        node = open_node(d, &writethrough, error);
        if (!node) {
            return FALSE;
        }
        g_ptr_array_add(d->h->nodes, block_ref(node));
    }
    if (g_str_equal(d->interface, "pflash")) {
        index = pflash_index(d, error);
        if (index < 0) {
            return FALSE;
        }
    } else if (!g_str_equal(d->interface, "none") && !take_index(d, used, &index, error)) {
        return FALSE;
    }
    id = d->o.id ? g_strdup(d->o.id)
                 : g_strdup_printf(
                       "%s%d%s%d", d->interface, g_str_equal(d->interface, "ide") ? index : 0,
                       d->cdrom ? "-cd" : "-hd", g_str_equal(d->interface, "ide") ? 0 : index);
    for (guint i = 0; i < d->h->backends->len; i++) {
        if (g_str_equal(block_backend_id(d->h->backends->pdata[i]), id)) {
            return fail(error, "Duplicate ID '%s' for drive", id);
        }
    }
    b = backend_new(d->h, id, node, error);
    if (!b || !apply_policy(d, b, error)) {
        return FALSE;
    }
    block_backend_set_write_cache(b, !writethrough);
    if (g_str_equal(d->interface, "pflash")) {
        d->h->config.pflash[index] = block_backend_id(b);
    } else if (!g_str_equal(d->interface, "none")) {
        imply_device(d, id, index);
    }
    return TRUE;
}

static gboolean read_drive(struct host *h, json_object *options, unsigned used[2], GError **error)
{
    struct drive d = {.h = h, .rest = json_object_new_object()};
    json_object *mine = json_object_new_object();
    gboolean ok;

    json_object_object_foreach(options, name, value)
    {
        json_object_object_add(row_find(drive_rows, name) ? mine : d.rest, name,
                               json_object_get(value));
    }
    row_defaults(drive_rows, &d.o);
    if (json_object_is_type(json_object_object_get(mine, "file"), json_type_object)) {
        json_object_object_add(d.rest, "file",
                               json_object_get(json_object_object_get(mine, "file")));
        json_object_object_del(mine, "file");
    }
    ok = row_set_all(drive_rows, &d.o, "-drive", mine, error) && build_drive(&d, used, error);
    row_clear(drive_rows, &d.o);
    json_object_put(mine);
    json_object_put(d.rest);
    return ok;
}

/* The drive that a PC has for a CD-ROM when nothing was said of its place, empty. */
static gboolean add_default_cd(struct host *h, const unsigned used[2], GError **error)
{
    static const char *const drives[] = {"ide-cd", "ide-hd", "ide-drive", "scsi-cd", NULL};
    json_object *o;

    if (h->setup->no_defaults || !h->board->has_defaults || used[0] & 1u << CD_INDEX) {
        return TRUE;
    }
    for (guint i = 0; i < h->setup->devices->len; i++) {
        json_object *driver = json_object_object_get(h->setup->devices->pdata[i], "driver");

        if (json_object_is_type(driver, json_type_string) &&
            g_strv_contains(drives, json_object_get_string(driver))) {
            return TRUE;
        }
    }
    if (!backend_new(h, "ide2-cd0", NULL, error)) {
        return FALSE;
    }
    o = json_object_new_object();
    json_object_object_add(o, "driver", json_object_new_string("ide-cd"));
    json_object_object_add(o, "drive", json_object_new_string("ide2-cd0"));
    json_object_object_add(o, "bus", json_object_new_string("ide.2"));
    g_ptr_array_add(h->implied, o);
    return TRUE;
}

static gboolean name_pflash(struct host *h, GError **error)
{
    for (unsigned i = 0; i < 2; i++) {
        const char *name = h->setup->machine.pflash[i];

        if (name && !block_graph_find(h->graph, name)) {
            return fail(error, "-machine pflash%u: Property can't find value '%s'", i, name);
        }
        if (name) {
            h->config.pflash[i] = name;
        }
    }
    return TRUE;
}

gboolean drives_build(struct host *h, GError **error)
{
    unsigned used[2] = {0, 0};

    for (guint i = 0; i < h->setup->blockdevs->len; i++) {
        json_object *o = h->setup->blockdevs->pdata[i];
        struct block_node *node;

        if (!json_object_object_get_ex(o, "node-name", NULL)) {
            return fail(error, "-blockdev: 'node-name' must be specified for the root node");
        }
        node = block_open(o, h->graph, error);
        if (!node) {
            g_prefix_error(error, "-blockdev %s: ", json_object_to_json_string(o));
            return FALSE;
        }
        g_ptr_array_add(h->nodes, node);
    }
    for (guint i = 0; i < h->setup->drives->len; i++) {
        if (!read_drive(h, h->setup->drives->pdata[i], used, error)) {
            return FALSE;
        }
    }
    return add_default_cd(h, used, error) && name_pflash(h, error);
}
