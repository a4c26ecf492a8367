/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2 against a copy in memory, and against the real qemu-img and qemu-io where installed. */
#include "block/block.h"
#include "block/driver.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK (4u << 20)

struct scene {
    struct block_graph *graph;
    char *dir, *image, *raw;
};

static void scene_open(struct scene *s)
{
    s->graph = block_graph_new();
    s->dir = g_dir_make_tmp("viv-qcow2-XXXXXX", NULL);
    g_assert_nonnull(s->dir);
    s->image = g_build_filename(s->dir, "disk.qcow2", NULL);
    s->raw = g_build_filename(s->dir, "disk.raw", NULL);
}

static void scene_close(struct scene *s)
{
    GDir *dir = g_dir_open(s->dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(s->dir, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(s->dir);
    block_graph_free(s->graph);
    g_free(s->dir);
    g_free(s->image);
    g_free(s->raw);
}

static bool have(const char *program)
{
    g_autofree char *path = g_find_program_in_path(program);

    if (path == NULL) {
        g_test_skip("qemu-utils is not installed");
    }
    return path != NULL;
}

/* Runs a command line; returns its exit status and prints what it said on failure. */
static int run(const char *format, ...) G_GNUC_PRINTF(1, 2);

static int run(const char *format, ...)
{
    g_autofree char *line = NULL, *out = NULL, *err = NULL;
    g_autoptr(GError) error = NULL;
    int status = 0;
    va_list ap;

    va_start(ap, format);
    line = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_assert_true(g_spawn_command_line_sync(line, &out, &err, &status, &error));
    if (status != 0) {
        g_test_message("%s: status %d\n%s%s", line, status, out, err);
    }
    return status == 0 ? 0 : g_spawn_check_wait_status(status, NULL) ? 0 : status >> 8;
}

static int create(struct scene *s, const char *path, const char *options, uint64_t length,
                  GError **error)
{
    json_object *opts = json_tokener_parse(options);
    struct block_create args = {path, length, opts, s->graph};
    int r;

    g_assert_nonnull(opts);
    r = block_driver_find("qcow2")->create(&args, error);
    json_object_put(opts);
    return r;
}

static struct block_node *open_image(struct scene *s, unsigned flags)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node = block_open_file(
        s->image, "qcow2", flags | BLOCK_O_RDWR | BLOCK_O_UNMAP, NULL, s->graph, &error);

    g_assert_no_error(error);
    return node;
}

static void fill(uint8_t *buf, uint32_t len)
{
    uint8_t seed = (uint8_t)g_test_rand_int();

    for (uint32_t i = 0; i < len; i++) {
        buf[i] = (uint8_t)(seed + i * 7 + (i >> 8));
    }
}

/* One random request to the node and to the copy. */
static void step(struct block_node *node, uint8_t *copy, uint32_t disk, bool packed)
{
    uint32_t offset = (uint32_t)g_test_rand_int_range(0, (int)disk);
    uint32_t len = (uint32_t)g_test_rand_int_range(1, g_test_rand_bit() ? 200000 : 5000);
    g_autofree uint8_t *buf = NULL;
    int what = g_test_rand_int_range(0, 20), r;

    len = MIN(len, disk - offset);
    buf = g_malloc(len);
    if (what < 11) {
        fill(buf, len);
        memcpy(copy + offset, buf, len);
        r = block_pwrite(node, offset, buf, len, what == 0 ? BLOCK_REQ_FUA : 0);
    } else if (what < 14) {
        memset(copy + offset, 0, len);
        r = block_pwrite_zeroes(node, offset, len, what == 11 ? BLOCK_REQ_UNMAP : 0);
    } else if (what < 15 && packed) {
        struct block_info info;

        g_assert_cmpint(block_get_info(node, &info), ==, 0);
        offset -= offset % info.cluster_size;
        len = MIN(info.cluster_size, disk - offset);
        buf = g_realloc(buf, len);
        fill(buf, len);
        memcpy(copy + offset, buf, len);
        r = block_pwrite(node, offset, buf, len, BLOCK_REQ_COMPRESSED);
    } else if (what < 19) {
        r = block_pread(node, offset, buf, len);
        g_assert_true(memcmp(buf, copy + offset, len) == 0);
    } else {
        r = block_flush(node);
    }
    g_assert_cmpint(r, ==, 0);
}

static void compare_with_copy(struct block_node *node, const uint8_t *copy, uint32_t disk)
{
    g_autofree uint8_t *all = g_malloc(disk);

    g_assert_cmpint(block_pread(node, 0, all, disk), ==, 0);
    g_assert_true(memcmp(all, copy, disk) == 0);
}

static void expect_clean(struct block_node *node)
{
    struct block_check check = {0};
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    g_assert_cmpuint(check.leaks, ==, 0);
    g_assert_cmpuint(check.check_errors, ==, 0);
}

static void trace(struct scene *s, const char *options, unsigned steps)
{
    g_autofree uint8_t *copy = g_malloc0(DISK);
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    bool packed = strstr(options, "0.10") == NULL;

    create(s, s->image, options, DISK, &error);
    g_assert_no_error(error);
    node = open_image(s, 0);
    for (unsigned i = 0; i < steps; i++) {
        if (i % 150 == 149) {
            block_unref(node);
            node = open_image(s, 0);
        }
        step(node, copy, DISK, packed);
    }
    compare_with_copy(node, copy, DISK);
    g_assert_cmpint(block_flush(node), ==, 0);
    expect_clean(node);
    block_unref(node);
    g_assert_true(g_file_set_contents(s->raw, (char *)copy, DISK, NULL));
    g_assert_cmpint(run("qemu-img check -q -f qcow2 %s", s->image), ==, 0);
    g_assert_cmpint(run("qemu-img compare -q -f qcow2 -F raw %s %s", s->image, s->raw), ==, 0);
}

static const char *const layouts[] = {
    "{}",
    "{'compat':'0.10'}",
    "{'lazy_refcounts':'on'}",
    "{'compression_type':'zstd'}",
    "{'preallocation':'metadata'}",
    "{'preallocation':'falloc'}",
    "{'preallocation':'full','cluster_size':'4k'}",
    "{'cluster_size':512}",
    "{'cluster_size':'1k','refcount_bits':1}",
    "{'cluster_size':'2k','refcount_bits':2}",
    "{'cluster_size':'4k','refcount_bits':4}",
    "{'cluster_size':'8k','refcount_bits':8}",
    "{'cluster_size':'16k','refcount_bits':32}",
    "{'cluster_size':'32k','refcount_bits':64}",
    "{'cluster_size':'128k'}",
    "{'cluster_size':'512','refcount_bits':64}",
    "{'cluster_size':'1M'}",
    "{'cluster_size':'2M','refcount_bits':1}",
};

static void traces(gconstpointer opaque)
{
    struct scene s;

    if (!have("qemu-img")) {
        return;
    }
    scene_open(&s);
    trace(&s, opaque, 400);
    scene_close(&s);
}

/* ---- theirs, read by us ---- */

static void theirs(void)
{
    g_autofree char *script = NULL;
    g_autofree uint8_t *ours = g_malloc(DISK), *real = NULL;
    g_autoptr(GString) commands = g_string_new("set -e; ");
    struct block_node *node;
    struct scene s;
    gsize len;

    if (!have("qemu-io")) {
        return;
    }
    scene_open(&s);
    g_string_append_printf(commands, "qemu-img create -q -f qcow2 %s %u; qemu-io -f qcow2", s.image,
                           DISK);
    for (unsigned i = 0; i < 60; i++) {
        int at = g_test_rand_int_range(0, DISK / 512 - 300), n = g_test_rand_int_range(1, 300);

        g_string_append_printf(commands, " -c 'write %s %d %d'",
                               i % 5 == 0   ? "-z"
                               : i % 7 == 0 ? "-zu"
                                            : "-P 0xa5",
                               at * 512, n * 512);
    }
    g_string_append_printf(commands, " %s > /dev/null; qemu-img convert -f qcow2 -O raw %s %s",
                           s.image, s.image, s.raw);
    script = g_build_filename(s.dir, "script", NULL);
    g_assert_true(g_file_set_contents(script, commands->str, -1, NULL));
    g_assert_cmpint(run("sh %s", script), ==, 0);
    node = open_image(&s, 0);
    expect_clean(node);
    g_assert_cmpint(block_pread(node, 0, ours, DISK), ==, 0);
    g_assert_true(g_file_get_contents(s.raw, (char **)&real, &len, NULL));
    g_assert_cmpuint(len, ==, DISK);
    g_assert_true(memcmp(ours, real, DISK) == 0);
    block_unref(node);
    scene_close(&s);
}

/* ---- backing files ---- */

static void backing(void)
{
    g_autofree uint8_t *copy = g_malloc0(DISK), *part = g_malloc(DISK / 2);
    g_autofree char *base = NULL;
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;

    scene_open(&s);
    base = g_build_filename(s.dir, "base.raw", NULL);
    fill(part, DISK / 2);
    memcpy(copy, part, DISK / 2);
    g_assert_true(g_file_set_contents(base, (char *)part, DISK / 2, NULL));
    create(&s, s.image, "{'backing_file':'base.raw','backing_fmt':'raw'}", DISK, &error);
    g_assert_no_error(error);
    node = open_image(&s, 0);
    compare_with_copy(node, copy, DISK);
    for (unsigned i = 0; i < 300; i++) {
        step(node, copy, DISK, true);
    }
    compare_with_copy(node, copy, DISK);
    expect_clean(node);
    block_unref(node);
    scene_close(&s);
}

/* a -> b -> a, and a chain whose end is missing */
static void loops(void)
{
    g_autofree char *other = NULL;
    g_autoptr(GError) error = NULL;
    struct scene s;

    scene_open(&s);
    other = g_build_filename(s.dir, "other.qcow2", NULL);
    create(&s, s.image, "{'backing_file':'other.qcow2','backing_fmt':'qcow2'}", DISK, &error);
    g_assert_no_error(error);
    g_assert_null(block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "No such file"));
    g_clear_error(&error);
    create(&s, other, "{'backing_file':'disk.qcow2','backing_fmt':'qcow2'}", DISK, &error);
    g_assert_no_error(error);
    g_assert_null(block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "infinite loop"));
    scene_close(&s);
}

/* ---- temporary overlays ---- */

static void temporary(void)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    char buf[5] = "";
    struct scene s;

    scene_open(&s);
    g_assert_true(g_file_set_contents(s.raw, "0123456789abcdef", 16, NULL));
    node = block_open_file(s.raw, "raw", BLOCK_O_RDWR | BLOCK_O_SNAPSHOT, NULL, s.graph, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_pwrite(node, 4, "XYZ", 3, 0), ==, 0);
    g_assert_cmpint(block_pread(node, 3, buf, 5), ==, 0);
    g_assert_cmpmem(buf, 5, "3XYZ7", 5);
    block_unref(node);
    node = block_open_file(s.raw, "raw", 0, NULL, s.graph, &error);
    g_assert_cmpint(block_pread(node, 3, buf, 5), ==, 0);
    g_assert_cmpmem(buf, 5, "34567", 5);
    block_unref(node);
    scene_close(&s);
}

/* ---- snapshots ---- */

static void snapshots(void)
{
    g_autofree uint8_t *copy = g_malloc0(DISK), *then = NULL;
    struct block_snapshot snap = {.name = (char *)"one"}, second = {.name = (char *)"two"};
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;

    scene_open(&s);
    create(&s, s.image, "{'cluster_size':'4k'}", DISK, &error);
    g_assert_no_error(error);
    node = open_image(&s, 0);
    for (unsigned i = 0; i < 60; i++) {
        step(node, copy, DISK, true);
    }
    g_assert_cmpint(node->driver->snapshot_create(node, &snap, &error), ==, 0);
    then = g_memdup2(copy, DISK);
    for (unsigned i = 0; i < 60; i++) {
        step(node, copy, DISK, true);
    }
    compare_with_copy(node, copy, DISK);
    expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_create(node, &second, &error), ==, 0);
    g_assert_cmpint(node->driver->snapshot_apply(node, "one", &error), ==, 0);
    compare_with_copy(node, then, DISK);
    expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_apply(node, "two", &error), ==, 0);
    compare_with_copy(node, copy, DISK);
    g_assert_cmpint(node->driver->snapshot_delete(node, "one", &error), ==, 0);
    expect_clean(node);
    for (unsigned i = 0; i < 60; i++) {
        step(node, copy, DISK, true);
    }
    g_assert_cmpint(node->driver->snapshot_delete(node, "two", &error), ==, 0);
    compare_with_copy(node, copy, DISK);
    expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_delete(node, "two", &error), ==, -ENOENT);
    block_unref(node);
    if (have("qemu-img")) {
        g_assert_cmpint(run("qemu-img check -q %s", s.image), ==, 0);
    }
    scene_close(&s);
}

/* ---- resizing ---- */

static void resizing(void)
{
    g_autofree uint8_t *copy = g_malloc0(2 * DISK);
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    uint32_t size = DISK;
    struct scene s;

    scene_open(&s);
    create(&s, s.image, "{'cluster_size':'1k'}", size, &error);
    g_assert_no_error(error);
    node = open_image(&s, 0);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t to = (uint32_t)g_test_rand_int_range(1, 2 * DISK / 512) * 512;

        for (unsigned k = 0; k < 10; k++) {
            step(node, copy, size, true);
        }
        g_assert_cmpint(block_truncate(node, to, BLOCK_PREALLOC_OFF, &error), ==, 0);
        if (to < size) {
            memset(copy + to, 0, size - to);
        }
        size = to;
        g_assert_cmpint(block_length(node), ==, size);
        compare_with_copy(node, copy, size);
        expect_clean(node);
    }
    block_unref(node);
    if (have("qemu-img")) {
        g_assert_cmpint(run("qemu-img check -q %s", s.image), ==, 0);
    }
    scene_close(&s);
}

/* ---- locks ---- */

static void locks(void)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;

    if (!have("qemu-img")) {
        return;
    }
    scene_open(&s);
    create(&s, s.image, "{}", DISK, &error);
    g_assert_no_error(error);
    node = open_image(&s, 0);
    g_assert_cmpint(run("qemu-img info %s", s.image), ==, 1);
    g_assert_cmpint(run("qemu-img info -U %s", s.image), ==, 0);
    g_assert_cmpint(run("qemu-io -c 'write 0 512' %s", s.image), ==, 1);
    g_assert_null(block_open_file(s.image, "qcow2", BLOCK_O_RDWR, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "Is another process using the image"));
    g_clear_error(&error);
    block_unref(node);
    node = block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error);
    g_assert_no_error(error);
    g_assert_cmpint(run("qemu-img info %s", s.image), ==, 0);
    g_assert_cmpint(run("qemu-io -c 'write 0 512' %s", s.image), ==, 1);
    block_unref(node);
    scene_close(&s);
}

/* A running qemu-io keeps us out. */
static void locked_by_them(void)
{
    g_autoptr(GError) error = NULL;
    GPid pid;
    int in, out;
    char byte;
    struct scene s;

    if (!have("qemu-io")) {
        return;
    }
    scene_open(&s);
    create(&s, s.image, "{}", DISK, &error);
    g_assert_no_error(error);
    {
        char *argv[] = {(char *)"qemu-io", s.image, NULL};

        g_assert_true(g_spawn_async_with_pipes(NULL, argv, NULL,
                                               G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                               NULL, NULL, &pid, &in, &out, NULL, &error));
    }
    g_assert_cmpint(read(out, &byte, 1), ==, 1); /* its prompt: the image is open */
    g_assert_null(block_open_file(s.image, "qcow2", BLOCK_O_RDWR, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "lock"));
    g_clear_error(&error);
    g_assert_null(block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error));
    g_clear_error(&error);
    close(in);
    while (read(out, &byte, 1) == 1) {
    }
    close(out);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_spawn_close_pid(pid);
    scene_close(&s);
}

/* ---- damage ---- */

/* Byte patches of a good image: opening is refused with these words. */
static const struct {
    const char *name;
    unsigned offset, bytes;
    uint64_t value;
    const char *message;
} damages[] = {
    {"magic", 0, 4, 1, "not in qcow2 format"},
    {"version", 4, 4, 9, "Unsupported qcow2 version 9"},
    {"backing-offset", 8, 8, 70000, "Invalid backing file offset"},
    {"backing-size", 8, 16, 0, NULL},
    {"cluster-bits-small", 20, 4, 8, "Unsupported cluster size: 2^8"},
    {"cluster-bits-large", 20, 4, 40, "Unsupported cluster size: 2^40"},
    {"size", 24, 8, UINT64_MAX, "Image is too big"},
    {"size-over-l1", 24, 8, UINT64_C(1) << 50, "L1 table is too small"},
    {"crypt", 32, 4, 7, "Unsupported encryption method 7"},
    {"crypt-luks", 32, 4, 2, "not built yet"},
    {"l1-size", 36, 4, UINT32_MAX, "Active L1 table too large"},
    {"l1-size-zero", 36, 4, 0, "L1 table is too small"},
    {"l1-offset", 40, 8, 12345, "Active L1 table offset invalid"},
    {"l1-offset-far", 40, 8, UINT64_C(1) << 63, "Active L1 table offset invalid"},
    {"l1-offset-header", 40, 8, 0, "Active L1 table offset invalid"},
    {"reftable-offset", 48, 8, 77, "Reference count table offset invalid"},
    {"reftable-clusters", 56, 4, UINT32_MAX, "Reference count table too large"},
    {"reftable-none", 56, 4, 0, "does not contain a reference count table"},
    {"snapshots", 60, 4, UINT32_MAX, "Snapshot table too large"},
    {"snapshot-offset", 60, 4, 3, "Snapshot table offset invalid"},
    {"incompatible", 72, 8, UINT64_C(1) << 40, "Unknown incompatible feature: 10000000000"},
    {"data-file", 72, 8, 4, "Unsupported qcow2 feature(s): external data file"},
    {"extended-l2", 72, 8, 16, "Unsupported qcow2 feature(s): extended L2 entries"},
    {"corrupt", 72, 8, 2, "Image is corrupt; cannot be opened read/write"},
    {"compression", 72, 8, 8, "must not be set for zlib"},
    {"refcount-order", 96, 4, 7, "may not exceed 64 bits"},
    {"header-length", 100, 4, 8, "qcow2 header too short"},
    {"header-length-large", 100, 4, UINT32_MAX, "qcow2 header exceeds cluster size"},
    {"extension", 116, 4, UINT32_MAX, "Header extension too large"},
};

static void damage(gconstpointer opaque)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;
    gsize len;

    scene_open(&s);
    create(&s, s.image, "{}", DISK, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(s.image, &bytes, &len, NULL));
    for (unsigned k = 0; k < damages[i].bytes && k < 8; k++) {
        bytes[damages[i].offset + k] =
            (char)(damages[i].value >> (8 * (MIN(damages[i].bytes, 8) - 1 - k)));
    }
    g_assert_true(g_file_set_contents(s.image, bytes, (gssize)len, NULL));
    node = block_open_file(s.image, "qcow2", BLOCK_O_RDWR, NULL, s.graph, &error);
    if (damages[i].message == NULL) {
        g_assert_no_error(error);
        block_unref(node);
    } else {
        g_assert_null(node);
        g_assert_nonnull(error);
        if (strstr(error->message, damages[i].message) == NULL) {
            g_test_message("said: %s", error->message);
            g_test_fail();
        }
    }
    scene_close(&s);
}

/* Random bytes over a used image: open, read, write, check: errors, but nothing worse. */
static void noise(void)
{
    g_autofree uint8_t *buf = g_malloc(DISK);
    g_autofree char *good = NULL;
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;
    gsize len;

    scene_open(&s);
    create(&s, s.image, "{'cluster_size':'512'}", DISK / 8, &error);
    g_assert_no_error(error);
    node = open_image(&s, 0);
    memset(buf, 0, DISK);
    for (unsigned i = 0; i < 40; i++) {
        step(node, buf, DISK / 8, true);
    }
    block_unref(node);
    g_assert_true(g_file_get_contents(s.image, &good, &len, NULL));
    for (unsigned round = 0; round < 40; round++) {
        g_autofree char *bad = g_memdup2(good, len);
        struct block_check check = {0};

        for (unsigned k = 0; k < 1 + round % 40; k++) {
            gsize at = (gsize)g_test_rand_int_range(0, (int)(k % 2 ? len : MIN(len, 8192)));

            bad[at] = (char)g_test_rand_int();
        }
        g_assert_true(g_file_set_contents(s.image, bad, (gssize)len, NULL));
        node = block_open_file(s.image, "qcow2", BLOCK_O_RDWR | BLOCK_O_NO_BACKING, NULL, s.graph,
                               NULL);
        if (node == NULL || block_length(node) > DISK) {
            block_unref(node);
            continue;
        }
        (void)block_pread(node, 0, buf, (size_t)block_length(node));
        for (unsigned k = 0; k < 10; k++) {
            (void)block_pwrite(node, (uint64_t)g_test_rand_int_range(0, DISK / 8), buf, 3000, 0);
            (void)block_pwrite_zeroes(node, (uint64_t)g_test_rand_int_range(0, DISK / 8), 9000, 0);
        }
        (void)block_flush(node);
        (void)node->driver->check(node, &check, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, NULL);
        block_unref(node);
    }
    scene_close(&s);
}

/* ---- errors on the way ---- */

/*
 * Every write of a trace fails once, with the events of blkdebug; afterwards the image has leaks at
 * most and what was written before reads back.
 */
static void injected(gconstpointer opaque)
{
    const char *event = opaque;
    g_autofree char *text = NULL;
    g_autofree uint8_t *buf = g_malloc(100000);
    struct block_check check = {0};
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    json_object *options;
    struct scene s;
    int failures = 0;

    scene_open(&s);
    create(&s, s.image, "{'cluster_size':'1k','refcount_bits':64}", DISK, &error);
    g_assert_no_error(error);
    text = g_strdup_printf(
        "{'driver':'qcow2','file':{'driver':'blkdebug','image':{'driver':'file',"
        "'filename':'%s'},'inject-error':[{'event':'%s','iotype':'write','errno':28}]}}",
        s.image, event);
    options = json_tokener_parse(text);
    node = block_open(options, s.graph, &error);
    g_assert_no_error(error);
    json_object_put(options);
    for (unsigned i = 0; i < 60; i++) {
        uint32_t at = (uint32_t)g_test_rand_int_range(0, DISK - 100000);
        int r = block_pwrite(node, at, buf, (size_t)g_test_rand_int_range(1, 100000), 0);

        if (r != -ENOSPC) {
            g_assert_cmpint(r, ==, 0);
        }
        failures += r < 0;
        r = i % 10 == 9 ? block_flush(node) : 0;
        failures += r < 0;
    }
    g_assert_cmpint(failures, >, 0);
    block_unref(node);
    node = open_image(&s, 0);
    g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    block_unref(node);
    scene_close(&s);
}

/* A full file system: errors while it is full, everything whole once there is room. */
static void no_space(void)
{
    g_autofree uint8_t *buf = g_malloc(65536);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node_ref) node = NULL;
    struct block_check check = {0};
    struct scene s;
    int full = 0;

    scene_open(&s);
    create(&s, s.image, "{'cluster_size':'4k'}", DISK, &error);
    g_assert_no_error(error);
    {
        json_object *options = json_tokener_parse("{'driver':'mem','node-name':'m','max':1048576}");
        struct block_node *mem = block_open(options, s.graph, &error);
        g_autofree char *bytes = NULL;
        gsize len;

        json_object_put(options);
        g_assert_true(g_file_get_contents(s.image, &bytes, &len, NULL));
        g_assert_cmpint(block_pwrite(mem, 0, bytes, len, 0), ==, 0);
        options = json_tokener_parse("{'driver':'qcow2','file':'m'}");
        node = block_open(options, s.graph, &error);
        json_object_put(options);
        block_unref(mem);
        g_assert_no_error(error);
    }
    for (unsigned i = 0; i < 100; i++) {
        uint32_t at = (uint32_t)g_test_rand_int_range(0, DISK - 65536);
        int r;

        fill(buf, 65536);
        r = block_pwrite(node, at, buf, 65536, 0);
        g_assert_true(r == 0 || r == -ENOSPC);
        full += r < 0;
    }
    g_assert_cmpint(full, >, 0);
    g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    block_unref(g_steal_pointer(&node));
    scene_close(&s);
}

static const char *const inject_events[] = {
    "write_aio",     "l2_update", "refblock_update", "l2_alloc_write", "refblock_alloc_write",
    "cluster_alloc",
};

/* ---- killed ---- */

/* Writes until it is killed; each write's content is its offset, so that it can be known again. */
static void write_for_ever(struct scene *s, unsigned seed)
{
    struct block_node *node = open_image(s, 0);
    g_autofree uint64_t *words = g_new(uint64_t, 8192);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (;;) {
        uint32_t at = (uint32_t)g_rand_int_range(rand, 0, DISK / 512 - 128) * 512;
        uint32_t len = (uint32_t)g_rand_int_range(rand, 1, 128) * 512;
        int what = g_rand_int_range(rand, 0, 10);

        for (uint32_t i = 0; i < len / 8; i++) {
            words[i] = at + i * 8 + 1;
        }
        if (what < 7) {
            (void)block_pwrite(node, at, words, len, 0);
        } else if (what < 8) {
            (void)block_discard(node, at, len);
        } else if (what < 9) {
            (void)block_pwrite_zeroes(node, at, len, BLOCK_REQ_UNMAP);
        } else {
            (void)block_flush(node);
        }
    }
}

static void killed(gconstpointer opaque)
{
    g_autofree uint64_t *all = g_malloc(DISK);

    for (unsigned round = 0; round < 8; round++) {
        unsigned seed = g_test_rand_int(), delay = (unsigned)g_test_rand_int_range(1000, 60000);
        g_autoptr(GError) error = NULL;
        struct block_check check = {0};
        struct block_node *node;
        struct scene s;
        pid_t pid;

        scene_open(&s);
        create(&s, s.image, opaque, DISK, &error);
        g_assert_no_error(error);
        pid = fork();
        if (pid == 0) {
            write_for_ever(&s, seed);
        }
        g_usleep(delay);
        kill(pid, SIGKILL);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        node = open_image(&s, 0);
        g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
        g_assert_cmpuint(check.corruptions, ==, 0);
        g_assert_cmpint(block_pread(node, 0, all, DISK), ==, 0);
        for (uint32_t i = 0; i < DISK / 8; i++) {
            g_assert_true(all[i] == 0 || all[i] == (uint64_t)i * 8 + 1);
        }
        block_unref(node);
        scene_close(&s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/trace/%s", layouts[i]);

        g_test_add_data_func(path, layouts[i], traces);
    }
    g_test_add_func("/qcow2/theirs", theirs);
    g_test_add_func("/qcow2/backing", backing);
    g_test_add_func("/qcow2/loops", loops);
    g_test_add_func("/qcow2/temporary", temporary);
    g_test_add_func("/qcow2/snapshots", snapshots);
    g_test_add_func("/qcow2/resizing", resizing);
    g_test_add_func("/qcow2/locks", locks);
    g_test_add_func("/qcow2/locked-by-them", locked_by_them);
    for (unsigned i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/damage/%s", damages[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), damage);
    }
    g_test_add_func("/qcow2/noise", noise);
    for (unsigned i = 0; i < G_N_ELEMENTS(inject_events); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/injected/%s", inject_events[i]);

        g_test_add_data_func(path, inject_events[i], injected);
    }
    g_test_add_func("/qcow2/no-space", no_space);
    g_test_add_data_func("/qcow2/killed/plain", "{}", killed);
    g_test_add_data_func("/qcow2/killed/small", "{'cluster_size':'1k'}", killed);
    g_test_add_data_func("/qcow2/killed/lazy", "{'lazy_refcounts':'on'}", killed);
    return g_test_run();
}
