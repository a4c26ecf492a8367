/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many requests at once through a backend: every byte and every completion is accounted for. */
#include "block/backend.h"
#include "block/driver.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define SLOTS  24
#define REGION (512u << 10) /* of each slot: its requests never overlap another's */
#define LEN    (64u << 10)

struct stress;

struct slot {
    struct stress *stress;
    struct block_req req;
    struct iovec iov[2];
    uint8_t *buf, *copy; /* the data of one request; what the region holds */
    uint32_t at, len;
    unsigned left;
};

struct stress {
    struct block_backend *backend;
    struct slot slots[SLOTS];
    unsigned running;
};

static void next(struct slot *slot);

static void done(struct block_req *req, int ret)
{
    struct slot *slot = req->opaque;

    g_assert_cmpint(ret, ==, 0);
    switch (req->op) {
    case BLOCK_READ: g_assert_true(memcmp(slot->buf, slot->copy + slot->at, slot->len) == 0); break;
    case BLOCK_WRITE: memcpy(slot->copy + slot->at, slot->buf, slot->len); break;
    case BLOCK_WRITE_ZEROES: memset(slot->copy + slot->at, 0, slot->len); break;
    default: break;
    }
    next(slot);
}

static void next(struct slot *slot)
{
    unsigned index = (unsigned)(slot - slot->stress->slots);
    int what = g_test_rand_int_range(0, 20);

    if (slot->left-- == 0) {
        slot->stress->running--;
        return;
    }
    slot->at = (uint32_t)g_test_rand_int_range(0, REGION - LEN) & ~511u;
    slot->len = ((uint32_t)g_test_rand_int_range(1, LEN) + 511) & ~511u;
    slot->req.op = what < 9    ? BLOCK_WRITE
                   : what < 16 ? BLOCK_READ
                   : what < 18 ? BLOCK_WRITE_ZEROES
                               : BLOCK_FLUSH;
    slot->req.flags = what == 0 ? BLOCK_REQ_FUA : 0;
    slot->req.offset = (uint64_t)index * REGION + slot->at;
    slot->req.len = slot->req.op == BLOCK_FLUSH ? 0 : slot->len;
    slot->iov[0] = (struct iovec){slot->buf, slot->len / 2};
    slot->iov[1] = (struct iovec){slot->buf + slot->len / 2, slot->len - slot->len / 2};
    if (slot->req.op == BLOCK_WRITE) {
        memset(slot->buf, g_test_rand_int_range(0, 256), slot->len);
    }
    block_submit(slot->stress->backend, &slot->req);
}

static void start(struct stress *s)
{
    block_plug(s->backend);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &s->slots[i];

        slot->stress = s;
        slot->buf = g_malloc(LEN);
        slot->copy = g_malloc0(REGION);
        slot->left = 60;
        slot->req.iov = slot->iov;
        slot->req.niov = 2;
        slot->req.done = done;
        slot->req.opaque = slot;
        s->running++;
        next(slot);
    }
    block_unplug(s->backend);
}

static void verify(struct stress *s)
{
    g_autofree uint8_t *buf = g_malloc(REGION);

    for (unsigned i = 0; i < SLOTS; i++) {
        g_assert_cmpint(block_backend_pread(s->backend, (uint64_t)i * REGION, buf, REGION), ==, 0);
        g_assert_true(memcmp(buf, s->slots[i].copy, REGION) == 0);
        g_free(s->slots[i].buf);
        g_free(s->slots[i].copy);
    }
}

struct setting {
    const char *name, *format, *options;
    unsigned flags;
    bool sync;
};

static const struct setting settings[] = {
    {"raw/uring", "raw", "{}", 0, false},
    {"raw/threads", "raw", "{}", BLOCK_O_NO_URING, false},
    {"raw/direct", "raw", "{}", BLOCK_O_DIRECT, false},
    {"raw/sync", "raw", "{}", 0, true},
    {"qcow2/uring", "qcow2", "{}", 0, false},
    {"qcow2/threads", "qcow2", "{}", BLOCK_O_NO_URING, false},
    {"qcow2/direct", "qcow2", "{}", BLOCK_O_DIRECT, false},
    {"qcow2/small", "qcow2", "{'cluster_size':512}", 0, false},
    {"qcow2/lazy", "qcow2", "{'lazy_refcounts':'on'}", 0, false},
    {"qcow2/metadata", "qcow2", "{'preallocation':'metadata'}", 0, false},
    {"qcow2/sync", "qcow2", "{}", 0, true},
};

static void create(const struct setting *setting, const char *path, struct block_graph *graph)
{
    json_object *opts = json_tokener_parse(setting->options);
    struct block_create args = {path, SLOTS * REGION, opts, graph};
    g_autoptr(GError) error = NULL;

    block_driver_find(setting->format)->create(&args, &error);
    g_assert_no_error(error);
    json_object_put(opts);
}

static void stress(gconstpointer opaque)
{
    const struct setting *setting = opaque;
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autofree char *dir = g_dir_make_tmp("viv-backend-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "disk", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = NULL;
    struct block_stats stats;
    struct stress s = {.backend = block_backend_new("drive", NULL)};

    create(setting, path, graph);
    node = block_open_file(path, setting->format, BLOCK_O_RDWR | BLOCK_O_UNMAP | setting->flags,
                           NULL, graph, &error);
    if (node == NULL && (setting->flags & BLOCK_O_DIRECT)) {
        g_test_skip(error->message);
    } else {
        g_assert_no_error(error);
        g_assert_true(block_backend_insert(s.backend, node,
                                           BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE,
                                           BLOCK_PERM_CONSISTENT_READ, &error));
        block_backend_set_sync(s.backend, setting->sync);
        start(&s);
        while (s.running > 0) {
            g_main_context_iteration(NULL, TRUE);
        }
        block_backend_drain(s.backend);
        block_backend_stats(s.backend, &stats);
        g_assert_cmpuint(stats.op[BLOCK_READ].ops + stats.op[BLOCK_WRITE].ops +
                             stats.op[BLOCK_WRITE_ZEROES].ops + stats.op[BLOCK_FLUSH].ops,
                         ==, SLOTS * 60);
        verify(&s);
    }
    block_backend_free(s.backend);
    g_unlink(path);
    g_rmdir(dir);
}

/* What werror= and rerror= choose, and what they leave in the iostatus. */
static void policies(void)
{
    static const struct {
        enum block_on_error policy;
        bool write;
        int error;
        enum block_action action;
        enum block_iostatus status;
    } rows[] = {
        {BLOCK_ON_ERROR_AUTO, true, ENOSPC, BLOCK_ACTION_STOP, BLOCK_IOSTATUS_NOSPACE},
        {BLOCK_ON_ERROR_AUTO, true, EIO, BLOCK_ACTION_REPORT, BLOCK_IOSTATUS_OK},
        {BLOCK_ON_ERROR_AUTO, false, ENOSPC, BLOCK_ACTION_REPORT, BLOCK_IOSTATUS_OK},
        {BLOCK_ON_ERROR_STOP, true, EIO, BLOCK_ACTION_STOP, BLOCK_IOSTATUS_FAILED},
        {BLOCK_ON_ERROR_STOP, false, EIO, BLOCK_ACTION_STOP, BLOCK_IOSTATUS_FAILED},
        {BLOCK_ON_ERROR_IGNORE, true, EIO, BLOCK_ACTION_IGNORE, BLOCK_IOSTATUS_OK},
        {BLOCK_ON_ERROR_REPORT, true, ENOSPC, BLOCK_ACTION_REPORT, BLOCK_IOSTATUS_OK},
        {BLOCK_ON_ERROR_ENOSPC, true, ENOSPC, BLOCK_ACTION_STOP, BLOCK_IOSTATUS_NOSPACE},
        {BLOCK_ON_ERROR_ENOSPC, true, EIO, BLOCK_ACTION_REPORT, BLOCK_IOSTATUS_OK},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct block_backend *be = block_backend_new("drive", NULL);

        block_backend_set_on_error(be, rows[i].policy, rows[i].policy);
        g_assert_cmpint(
            block_backend_error(be, rows[i].write ? BLOCK_WRITE : BLOCK_READ, rows[i].error), ==,
            rows[i].action);
        g_assert_cmpint(block_backend_iostatus(be), ==, rows[i].status);
        block_backend_reset_iostatus(be);
        g_assert_cmpint(block_backend_iostatus(be), ==, BLOCK_IOSTATUS_OK);
        block_backend_free(be);
    }
}

static void count_resize(void *opaque, struct block_backend *backend)
{
    *(int64_t *)opaque = block_backend_length(backend);
}

static void resize(void)
{
    static const struct block_backend_events events = {.resized = count_resize};
    g_autoptr(block_graph_own) graph = block_graph_new();
    json_object *options = json_tokener_parse("{'driver':'mem','size':4096}");
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = block_open(options, graph, &error);
    struct block_backend *be = block_backend_new("drive", NULL);
    int64_t heard = 0;

    json_object_put(options);
    g_assert_no_error(error);
    block_backend_set_events(be, &events, &heard);
    g_assert_false(block_backend_resize(be, 8192, &error));
    g_assert_cmpint(error->code, ==, ENOMEDIUM);
    g_clear_error(&error);
    g_assert_true(block_backend_insert(be, node, BLOCK_PERM_WRITE, BLOCK_PERM_ALL, &error));
    g_assert_true(block_backend_resize(be, 8192, &error));
    g_assert_cmpint(heard, ==, 8192);
    block_backend_free(be);
}

/* ---- writes that follow each other ---- */

#define PARTS 8
#define PART  1000u /* not a whole sector: the buffers are longer than what is written */

struct part {
    struct block_req req;
    struct iovec iov[2];
    uint8_t buf[PART + 24];
    int result;
};

static void part_done(struct block_req *req, int ret)
{
    struct part *part = req->opaque;

    part->result = ret;
}

/* Submits PARTS writes under one plug, in the order of `order`. */
static void write_parts(struct block_backend *be, struct part *parts, const unsigned *order)
{
    block_plug(be);
    for (unsigned i = 0; i < PARTS; i++) {
        struct part *part = &parts[order[i]];

        memset(part, 0, sizeof(*part));
        memset(part->buf, (int)order[i] + 1, PART);
        memset(part->buf + PART, 0xee, 24);
        part->iov[0] = (struct iovec){part->buf, 100};
        part->iov[1] = (struct iovec){part->buf + 100, PART + 24 - 100};
        part->result = 1;
        part->req = (struct block_req){.op = BLOCK_WRITE,
                                       .offset = (uint64_t)order[i] * PART,
                                       .len = PART,
                                       .iov = part->iov,
                                       .niov = 2,
                                       .done = part_done,
                                       .opaque = part};
        block_submit(be, &part->req);
    }
    block_unplug(be);
    block_backend_drain(be);
}

static struct block_backend *open_on(struct block_graph *graph, const char *text)
{
    json_object *options = json_tokener_parse(text);
    struct block_backend *be = block_backend_new("drive", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = block_open(options, graph, &error);

    json_object_put(options);
    g_assert_no_error(error);
    g_assert_true(block_backend_insert(be, node, BLOCK_PERM_WRITE | BLOCK_PERM_CONSISTENT_READ,
                                       BLOCK_PERM_ALL, &error));
    return be;
}

static void expect_parts(struct block_backend *be)
{
    uint8_t all[PARTS * PART + 1];

    g_assert_cmpint(block_backend_pread(be, 0, all, sizeof(all)), ==, 0);
    for (unsigned i = 0; i < PARTS * PART; i++) {
        g_assert_cmpuint(all[i], ==, i / PART + 1);
    }
    g_assert_cmpuint(all[PARTS * PART], ==, 0);
}

/* In order they become one write, in another order none does: the bytes are the same. */
static void merged(void)
{
    static const unsigned forward[PARTS] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const unsigned mixed[PARTS] = {4, 6, 0, 2, 1, 3, 7, 5};
    static const unsigned *const orders[] = {forward, mixed};
    static const uint64_t expected[] = {PARTS - 1, 0};
    g_autofree struct part *parts = g_new(struct part, PARTS);

    for (unsigned i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autoptr(block_graph_own) graph = block_graph_new();
        struct block_backend *be = open_on(graph, "{'driver':'mem','size':1048576}");
        struct block_stats stats;

        write_parts(be, parts, orders[i]);
        expect_parts(be);
        block_backend_stats(be, &stats);
        g_assert_cmpuint(stats.op[BLOCK_WRITE].merged, ==, expected[i]);
        g_assert_cmpuint(stats.op[BLOCK_WRITE].ops, ==, PARTS);
        g_assert_cmpuint(stats.op[BLOCK_WRITE].bytes, ==, PARTS * PART);
        block_backend_free(be);
    }
}

/* A bad sector under one of them: that one fails, the others are written. */
static void merged_failure(void)
{
    static const unsigned forward[PARTS] = {0, 1, 2, 3, 4, 5, 6, 7};
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autofree struct part *parts = g_new(struct part, PARTS);
    struct block_backend *be = open_on(
        graph, "{'driver':'blkdebug','image':{'driver':'mem','size':1048576},'inject-error':"
               "[{'event':'none','iotype':'write','sector':7,'once':false,'errno':5}]}");

    write_parts(be, parts, forward);
    for (unsigned i = 0; i < PARTS; i++) { /* sector 7 begins at byte 3584 */
        g_assert_cmpint(parts[i].result, ==, i == 3584 / PART ? -EIO : 0);
    }
    block_backend_free(be);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autofree char *path = g_strdup_printf("/backend/%s", settings[i].name);

        g_test_add_data_func(path, &settings[i], stress);
    }
    g_test_add_func("/backend/merged", merged);
    g_test_add_func("/backend/merged-failure", merged_failure);
    g_test_add_func("/backend/policies", policies);
    g_test_add_func("/backend/resize", resize);
    return g_test_run();
}
