/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every option of -blockdev has an effect: one that a driver lists has a row here that names the
 * test of this program which sees it, or a test elsewhere; and each row an option.
 */
#include "base/endian.h"
#include "block/backend.h"
#include "scene.h"

#include <errno.h>
#include <string.h>

#define CLUSTER 65536u
#define WRITER  (BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE)

static struct block_node *open_text(struct block_graph *graph, GError **error, const char *format,
                                    ...) G_GNUC_PRINTF(3, 4);

static struct block_node *open_text(struct block_graph *graph, GError **error, const char *format,
                                    ...)
{
    g_autofree char *text = NULL;
    struct block_node *node;
    json_object *options;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    options = json_tokener_parse(text);
    g_assert_nonnull(options);
    node = block_open(options, graph, error);
    json_object_put(options);
    return node;
}

/* ---- disks of nothing --------------------------------------------------------------------------
 */

static void null(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node =
        open_text(graph, &error, "{'driver':'null-co','size':'3M','read-zeroes':true}");
    g_autoptr(block_node_ref) old = open_text(graph, &error, "{'driver':'null-co'}");
    char buf[4] = "old";

    g_assert_no_error(error);
    g_assert_cmpint(block_length(node), ==, 3 << 20);
    g_assert_cmpint(block_length(old), ==, 1 << 30);
    g_assert_cmpint(block_pread(old, 0, buf, 3), ==, 0);
    g_assert_cmpmem(buf, 3, "old", 3);
    g_assert_cmpint(block_pread(node, 0, buf, 3), ==, 0);
    g_assert_cmpmem(buf, 3, "\0\0\0", 3);
}

static void mem(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node =
        open_text(graph, &error, "{'driver':'mem','size':'1M','max':'2M'}");

    g_assert_no_error(error);
    g_assert_cmpint(block_length(node), ==, 1 << 20);
    g_assert_cmpint(block_truncate(node, 2 << 20, BLOCK_PREALLOC_OFF, &error), ==, 0);
    g_assert_cmpint(block_truncate(node, 3 << 20, BLOCK_PREALLOC_OFF, &error), ==, -ENOSPC);
}

static void raw(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) below =
        open_text(graph, &error, "{'driver':'mem','node-name':'m','size':'1M'}");
    g_autoptr(block_node_ref) node =
        open_text(graph, &error, "{'driver':'raw','file':'m','offset':8192,'size':4096}");
    char buf[2];

    g_assert_no_error(error);
    g_assert_cmpint(block_length(node), ==, 4096);
    g_assert_cmpint(block_pwrite(node, 0, "hi", 2, 0), ==, 0);
    g_assert_cmpint(block_pread(below, 8192, buf, 2), ==, 0);
    g_assert_cmpmem(buf, 2, "hi", 2);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static void lock_bytes(void)
{
    static const struct {
        const char *how;
        bool taken;
    } rows[] = {{"on", false}, {"auto", false}, {"off", true}};
    struct scene s;

    scene_open(&s);
    g_assert_true(g_file_set_contents(s.raw, "0123456789abcdef", 16, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(block_node_ref) first =
            open_text(s.graph, &error, "{'driver':'file','filename':'%s','locking':'%s'}", s.raw,
                      rows[i].how);
        g_autoptr(block_node_ref) second =
            open_text(s.graph, &error, "{'driver':'file','filename':'%s','locking':'%s'}", s.raw,
                      rows[i].how);
        struct block_backend *a = block_backend_new("a", NULL), *b = block_backend_new("b", NULL);

        g_assert_no_error(error);
        g_assert_true(block_backend_insert(a, first, WRITER, BLOCK_PERM_CONSISTENT_READ, &error));
        g_assert_true(block_backend_insert(b, second, WRITER, BLOCK_PERM_CONSISTENT_READ, &error) ==
                      rows[i].taken);
        block_backend_free(a);
        block_backend_free(b);
    }
    scene_close(&s);
}

static void how_files_are_read(void)
{
    struct scene s;
    g_autoptr(GError) error = NULL;

    scene_open(&s);
    g_assert_true(g_file_set_contents(s.raw, "0123456789abcdef", 16, NULL));
    {
        g_autoptr(block_node_ref) node =
            open_text(s.graph, &error, "{'driver':'file','filename':'%s','aio':'threads'}", s.raw);

        g_assert_no_error(error);
        g_assert_true(block_flags(node) & BLOCK_O_NO_URING);
    }
    g_assert_null(
        open_text(s.graph, &error, "{'driver':'file','filename':'%s','aio':'native'}", s.raw));
    g_assert_nonnull(strstr(error->message, "cache.direct=on"));
    scene_close(&s);
}

/* ---- qcow2 -------------------------------------------------------------------------------------
 */

static struct block_node *open_qcow2(struct scene *s, const char *more)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node =
        open_text(s->graph, &error,
                  "{'driver':'qcow2','discard':'unmap',%s'file':{'driver':'file','filename':'%s',"
                  "'discard':'unmap'}}",
                  more, s->image);

    g_assert_no_error(error);
    return node;
}

static bool is_dirty(struct scene *s)
{
    g_autofree char *bytes = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(s->image, &bytes, &len, NULL));
    g_assert_cmpuint(len, >=, 80);
    return ld_be64(bytes + 72) & 1;
}

/* An image whose refcounts may be behind says so, while it is open. */
static void lazy_refcounts(void)
{
    for (unsigned lazy = 0; lazy < 2; lazy++) {
        struct scene s;
        struct block_node *node;

        scene_open(&s);
        g_assert_cmpint(scene_create(&s, s.image, "{}", DISK, NULL), ==, 0);
        node = open_qcow2(&s, lazy ? "'lazy-refcounts':true," : "'lazy-refcounts':false,");
        g_assert_cmpint(block_pwrite(node, 0, "data", 4, 0), ==, 0);
        g_assert_cmpint(block_flush(node), ==, 0);
        g_assert_true(is_dirty(&s) == lazy);
        block_unref(node);
        g_assert_false(is_dirty(&s));
        scene_close(&s);
    }
}

static void discard_by_request(struct block_node *node, const uint8_t *data)
{
    g_assert_cmpint(block_pwrite(node, 0, data, CLUSTER, 0), ==, 0);
    g_assert_cmpint(block_flush(node), ==, 0);
    g_assert_cmpint(block_discard(node, 0, CLUSTER), ==, 0);
}

static void discard_by_snapshot(struct block_node *node, const uint8_t *data)
{
    const struct block_driver *qcow2 = block_driver_find("qcow2");
    const struct block_snapshot snapshot = {.name = (char *)"s"};
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(block_pwrite(node, 0, data, CLUSTER, 0), ==, 0);
    g_assert_cmpint(qcow2->snapshot_create(node, &snapshot, &error), ==, 0);
    g_assert_cmpint(block_pwrite(node, 0, data, CLUSTER, 0), ==, 0);
    g_assert_cmpint(block_flush(node), ==, 0);
    g_assert_cmpint(qcow2->snapshot_delete(node, "s", &error), ==, 0);
}

/* A compressed cluster gives its place back when it is written again. */
static void discard_by_other(struct block_node *node, const uint8_t *data)
{
    g_assert_cmpint(block_pwrite(node, 0, data, CLUSTER, BLOCK_REQ_COMPRESSED), ==, 0);
    g_assert_cmpint(block_flush(node), ==, 0);
    g_assert_cmpint(block_pwrite(node, 0, data, CLUSTER, 0), ==, 0);
}

/* How many clusters of the image's file are all zeroes in the end. */
static unsigned holes(void (*act)(struct block_node *node, const uint8_t *data), const char *option,
                      bool on)
{
    g_autofree char *more = g_strdup_printf("'%s':%s,", option, on ? "true" : "false");
    g_autofree char *bytes = NULL;
    uint8_t data[CLUSTER];
    struct block_node *node;
    unsigned found = 0;
    struct scene s;
    gsize len;

    memset(data, 0x5a, sizeof(data));
    scene_open(&s);
    g_assert_cmpint(scene_create(&s, s.image, "{}", DISK, NULL), ==, 0);
    node = open_qcow2(&s, more);
    act(node, data);
    g_assert_cmpint(block_flush(node), ==, 0);
    block_unref(node);
    g_assert_true(g_file_get_contents(s.image, &bytes, &len, NULL));
    for (gsize at = 0; at + CLUSTER <= len; at += CLUSTER) {
        found += bytes[at] == 0 && memcmp(bytes + at, bytes + at + 1, CLUSTER - 1) == 0;
    }
    scene_close(&s);
    return found;
}

static void pass_discard(void)
{
    static const struct {
        const char *option;
        void (*act)(struct block_node *node, const uint8_t *data);
    } rows[] = {{"pass-discard-request", discard_by_request},
                {"pass-discard-snapshot", discard_by_snapshot},
                {"pass-discard-other", discard_by_other}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned on = holes(rows[i].act, rows[i].option, true);
        unsigned off = holes(rows[i].act, rows[i].option, false);

        g_test_message("%s: %u clusters of zeroes, %u without", rows[i].option, on, off);
        g_assert_cmpuint(on, >, off);
    }
}

static void backing(void)
{
    struct scene s;
    char buf[4] = "old";

    scene_open(&s);
    g_assert_cmpint(scene_create(&s, s.image, "{}", DISK, NULL), ==, 0);
    {
        g_autoptr(block_node_ref) node = open_qcow2(
            &s, "'backing':{'driver':'raw','file':{'driver':'null-co','size':4194304}},");

        g_assert_cmpint(block_pread(node, 0, buf, 3), ==, 0);
        g_assert_cmpmem(buf, 3, "old", 3);
    }
    {
        g_autoptr(block_node_ref) node = open_qcow2(&s, "'backing':null,");

        g_assert_cmpint(block_pread(node, 0, buf, 3), ==, 0);
        g_assert_cmpmem(buf, 3, "\0\0\0", 3);
    }
    scene_close(&s);
}

/* Parts are no larger than the whole. */
static void cache_sizes(void)
{
    static const char *const refused[] = {"'cache-size':'1M','l2-cache-size':'2M'",
                                          "'cache-size':'1M','refcount-cache-size':'2M'",
                                          "'refcount-cache-size':'64M'", "'l2-cache-size':'64M'"};
    struct scene s;

    scene_open(&s);
    g_assert_cmpint(scene_create(&s, s.image, "{}", DISK, NULL), ==, 0);
    block_unref(
        open_qcow2(&s, "'cache-size':'2M','l2-cache-size':'1M','refcount-cache-size':'1M',"));
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(open_text(s.graph, &error,
                                "{'driver':'qcow2',%s,'file':{'driver':'file','filename':'%s'}}",
                                refused[i], s.image));
        g_assert_nonnull(strstr(error->message, "may not exceed cache-size"));
    }
    scene_close(&s);
}

/* ---- blkdebug ----------------------------------------------------------------------------------
 */

static void align(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = open_text(
        graph, &error, "{'driver':'blkdebug','align':8192,'image':{'driver':'mem','size':'1M'}}");

    g_assert_no_error(error);
    g_assert_cmpuint(block_align(node), ==, 8192);
}

static void config(void)
{
    static const char rules[] =
        "[inject-error]\nevent = \"none\"\niotype = \"write\"\nerrno = \"28\"\n";
    struct scene s;
    g_autoptr(GError) error = NULL;

    scene_open(&s);
    g_assert_true(g_file_set_contents(s.raw, rules, -1, NULL));
    {
        g_autoptr(block_node_ref) node = open_text(
            s.graph, &error,
            "{'driver':'blkdebug','config':'%s','image':{'driver':'mem','size':'1M'}}", s.raw);
        char c = 0;

        g_assert_no_error(error);
        g_assert_cmpint(block_pread(node, 0, &c, 1), ==, 0);
        g_assert_cmpint(block_pwrite(node, 0, &c, 1, 0), ==, -ENOSPC);
    }
    scene_close(&s);
}

/* Reads fail once something was written, when a rule moves to the state in which they do. */
static void states(void)
{
    for (unsigned moves = 0; moves < 2; moves++) {
        struct scene s;
        g_autoptr(GError) error = NULL;

        scene_open(&s);
        g_assert_cmpint(scene_create(&s, s.image, "{}", DISK, NULL), ==, 0);
        {
            g_autoptr(block_node_ref) node = open_text(
                s.graph, &error,
                "{'driver':'qcow2','file':{'driver':'blkdebug','image':{'driver':'file',"
                "'filename':'%s'},'set-state':[{'event':'write_aio','state':%u,'new_state':2}],"
                "'inject-error':[{'event':'read_aio','state':2,'errno':5}]}}",
                s.image, moves ? 1 : 7);
            char data[512] = "data";

            g_assert_no_error(error);
            g_assert_cmpint(block_pwrite(node, 0, data, sizeof(data), 0), ==, 0);
            g_assert_cmpint(block_pread(node, 0, data, sizeof(data)), ==, moves ? -EIO : 0);
        }
        scene_close(&s);
    }
}

/* ---- the list ----------------------------------------------------------------------------------
 */

/* Driver, options, and the test that sees them. */
static const struct {
    const char *driver, *options, *test;
} seen[] = {
    {"blkdebug", "image inject-error", "unit/block-backend"},
    {"blkdebug", "align", "/block/blkdebug/align"},
    {"blkdebug", "config", "/block/blkdebug/config"},
    {"blkdebug", "set-state", "/block/blkdebug/states"},
    {"file", "filename aio", "/block/file/aio"},
    {"file", "locking", "/block/file/locking"},
    {"host_device", "filename aio locking", "as file"},
    {"mem", "size max", "/block/mem"},
    {"null-co", "size read-zeroes", "/block/null"},
    {"qcow2", "file", "unit/block-qcow2"},
    {"qcow2", "backing", "/block/qcow2/backing"},
    {"qcow2", "lazy-refcounts", "/block/qcow2/lazy-refcounts"},
    {"qcow2", "pass-discard-request pass-discard-snapshot pass-discard-other",
     "/block/qcow2/pass-discard"},
    {"qcow2", "cache-size l2-cache-size refcount-cache-size", "/block/qcow2/cache"},
    {"raw", "file offset size", "/block/raw"},
};

static bool has_row(const char *driver, const char *option)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(seen); i++) {
        g_auto(GStrv) words = g_strsplit(seen[i].options, " ", -1);

        if (strcmp(seen[i].driver, driver) == 0 &&
            g_strv_contains((const char *const *)words, option)) {
            return true;
        }
    }
    return false;
}

static bool driver_has(const char *name, const char *option)
{
    const struct block_driver *driver = block_driver_find(name);

    for (const struct block_option *o = driver ? driver->options : NULL; o && o->name; o++) {
        if (strcmp(o->name, option) == 0) {
            return true;
        }
    }
    return false;
}

static void every_option(void)
{
    for (const struct block_driver *const *d = block_drivers(); *d; d++) {
        for (const struct block_option *o = (*d)->options; o && o->name; o++) {
            g_test_message("%s: %s", (*d)->name, o->name);
            g_assert_true(has_row((*d)->name, o->name));
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(seen); i++) {
        g_auto(GStrv) words = g_strsplit(seen[i].options, " ", -1);

        for (char **w = words; *w; w++) {
            g_test_message("%s: %s (%s)", seen[i].driver, *w, seen[i].test);
            g_assert_true(driver_has(seen[i].driver, *w));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/null", null);
    g_test_add_func("/block/mem", mem);
    g_test_add_func("/block/raw", raw);
    g_test_add_func("/block/file/locking", lock_bytes);
    g_test_add_func("/block/file/aio", how_files_are_read);
    g_test_add_func("/block/qcow2/lazy-refcounts", lazy_refcounts);
    g_test_add_func("/block/qcow2/pass-discard", pass_discard);
    g_test_add_func("/block/qcow2/backing", backing);
    g_test_add_func("/block/qcow2/cache", cache_sizes);
    g_test_add_func("/block/blkdebug/align", align);
    g_test_add_func("/block/blkdebug/config", config);
    g_test_add_func("/block/blkdebug/states", states);
    g_test_add_func("/block/every-option", every_option);
    return g_test_run();
}
