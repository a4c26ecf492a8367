/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/backend.h"
#include "block/block.h"
#include "block/zero.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static struct block_node *open_json(struct block_graph *graph, const char *text, GError **error)
{
    json_object *options = json_tokener_parse(text);
    struct block_node *node;

    g_assert_nonnull(options);
    node = block_open(options, graph, error);
    json_object_put(options);
    return node;
}

static void mem_and_raw(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = open_json(
        graph,
        "{'driver':'raw','node-name':'disk','offset':'4k','file':{'driver':'mem','size':1048576}}",
        &error);
    char buf[16];

    g_assert_no_error(error);
    g_assert_true(block_graph_find(graph, "disk") == node);
    g_assert_cmpint(block_length(node), ==, 1048576 - 4096);
    g_assert_cmpint(block_pwrite(node, 100, "hello", 5, 0), ==, 0);
    g_assert_cmpint(block_pread(node, 98, buf, 8), ==, 0);
    g_assert_cmpmem(buf, 8, "\0\0hello", 8);
    g_assert_cmpint(block_pread(block_child(node, "file"), 4096 + 100, buf, 5), ==, 0);
    g_assert_cmpmem(buf, 5, "hello", 5);
    g_assert_cmpint(block_pread(node, 1048576 - 4096 - 4, buf, 5), ==, -EIO);
}

static void refusals(void)
{
    static const struct {
        const char *options, *message;
    } rows[] = {
        {"{'driver':'nonesuch'}", "Unknown driver 'nonesuch'"},
        {"{}", "Parameter 'driver' is missing"},
        {"{'driver':'mem','colour':1}",
         "Block protocol 'mem' does not support the option 'colour'"},
        {"{'driver':'raw'}", "A block device must be specified for \"file\""},
        {"{'driver':'raw','file':'gone'}", "Cannot find device='' nor node-name='gone'"},
        {"{'driver':'mem','read-only':'perhaps'}", "Parameter 'read-only' expects 'on' or 'off'"},
        {"{'driver':'mem','node-name':'1abc'}", "Invalid node-name: '1abc'"},
        {"{'driver':'mem','size':'12x'}",
         "Parameter 'size' expects a non-negative number below 2^64"},
        {"{'driver':'raw','offset':4096,'file':{'driver':'mem','size':512}}",
         "Offset (4096) cannot be greater than size of the containing file (512)"},
    };
    g_autoptr(block_graph_own) graph = block_graph_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(open_json(graph, rows[i].options, &error));
        g_assert_nonnull(error);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static void permissions(void)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node =
        open_json(graph, "{'driver':'mem','node-name':'m','size':4096}", &error);
    struct block_backend *a = block_backend_new("a", NULL), *b = block_backend_new("b", NULL);
    unsigned rw = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE;

    g_assert_no_error(error);
    g_assert_true(block_backend_insert(a, node, rw, BLOCK_PERM_CONSISTENT_READ, &error));
    g_assert_false(block_backend_insert(b, node, rw, BLOCK_PERM_ALL, &error));
    g_assert_nonnull(strstr(error->message, "'write' is required by block device 'b'"));
    block_backend_free(a);
    g_clear_error(&error);
    g_assert_true(block_backend_insert(b, node, rw, BLOCK_PERM_ALL, &error));
    block_backend_free(b);
}

static void done(struct block_req *req, int ret)
{
    *(int *)req->opaque = ret;
}

static void wait_done(int *result)
{
    while (*result > 0) {
        g_main_context_iteration(NULL, TRUE);
    }
}

static void run_requests(bool sync)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autofree char *path = g_strdup("/tmp/viv-block-XXXXXX");
    int fd = g_mkstemp(path), result = 1;
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = NULL;
    struct block_backend *be = block_backend_new("drive", NULL);
    char text[] = "some text", back[sizeof(text)] = "";
    struct iovec iov = {text, sizeof(text)};
    struct block_req req = {.op = BLOCK_WRITE,
                            .offset = 700,
                            .len = sizeof(text),
                            .iov = &iov,
                            .niov = 1,
                            .done = done,
                            .opaque = &result};
    struct block_stats stats;

    g_assert_cmpint(ftruncate(fd, 8192), ==, 0);
    node = block_open_file(path, "raw", BLOCK_O_RDWR, NULL, graph, &error);
    g_assert_no_error(error);
    g_assert_true(block_backend_insert(be, node, BLOCK_PERM_WRITE, BLOCK_PERM_ALL, &error));
    block_backend_set_sync(be, sync);
    block_submit(be, &req);
    wait_done(&result);
    g_assert_cmpint(result, ==, 0);
    result = 1;
    iov.iov_base = back;
    req.op = BLOCK_READ;
    block_submit(be, &req);
    block_backend_drain(be);
    g_assert_cmpint(result, ==, 0);
    g_assert_cmpstr(back, ==, text);
    result = 1;
    req.offset = 8192;
    block_submit(be, &req);
    wait_done(&result);
    g_assert_cmpint(result, ==, -EIO);
    block_backend_stats(be, &stats);
    g_assert_cmpuint(stats.op[BLOCK_WRITE].ops, ==, 1);
    g_assert_cmpuint(stats.op[BLOCK_READ].failed, ==, 1);
    g_assert_cmpuint(stats.highest_offset, ==, 700 + sizeof(text));
    block_backend_free(be);
    close(fd);
    g_unlink(path);
}

static void async_requests(void)
{
    run_requests(false);
}

static void sync_requests(void)
{
    run_requests(true);
}

static void sizes(void)
{
    static const struct {
        const char *text;
        const char *bytes;
    } rows[] = {{"1k", "1024"}, {"1.5G", "1610612736"}, {"0x10", "16"}, {"512b", "512"}};
    g_autoptr(block_graph_own) graph = block_graph_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("{'driver':'null-co','size':'%s'}", rows[i].text);
        g_autoptr(GError) error = NULL;
        g_autoptr(block_node_ref) node = open_json(graph, text, &error);
        g_autofree char *length = NULL;

        g_assert_no_error(error);
        length = g_strdup_printf("%" G_GINT64_FORMAT, block_length(node));
        g_assert_cmpstr(length, ==, rows[i].bytes);
    }
}

static void zero_scan(void)
{
    uint8_t buf[300] = {0};

    for (unsigned len = 0; len < sizeof(buf); len++) {
        g_assert_true(block_is_zero(buf, len));
        for (unsigned i = 0; i < len; i++) {
            buf[i] = 1;
            g_assert_false(block_is_zero(buf, len));
            buf[i] = 0;
        }
    }
}

/* One byte that is not zero, anywhere: the fast way and the plain one agree, and with the truth. */
static void zero_bytes(void)
{
    enum { SIZE = 2048 };
    g_autofree uint8_t *buf = g_malloc0(SIZE);

    for (unsigned i = 0; i < 20000; i++) {
        unsigned at = (unsigned)g_test_rand_int_range(0, 80);
        unsigned len = (unsigned)g_test_rand_int_range(0, i % 2 ? 300 : SIZE - 80);
        unsigned bad = (unsigned)g_test_rand_int_range(0, SIZE);
        bool zero = bad < at || bad >= at + len;

        buf[bad] = (uint8_t)(1u << (i % 8));
        g_assert_true(zero_plain(buf + at, len) == zero);
        g_assert_true(block_is_zero(buf + at, len) == zero);
        g_assert_true(!zero_has_fast() || zero_fast(buf + at, len) == zero);
        buf[bad] = 0;
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/mem-and-raw", mem_and_raw);
    g_test_add_func("/block/refusals", refusals);
    g_test_add_func("/block/permissions", permissions);
    g_test_add_func("/block/async", async_requests);
    g_test_add_func("/block/sync", sync_requests);
    g_test_add_func("/block/sizes", sizes);
    g_test_add_func("/block/zero-scan", zero_scan);
    g_test_add_func("/block/zero-bytes", zero_bytes);
    return g_test_run();
}
