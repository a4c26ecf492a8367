/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2 against a copy in memory, and against the real qemu-img and qemu-io where installed. */
#include "scene.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void trace(struct scene *s, const char *options, unsigned steps)
{
    g_autofree uint8_t *copy = g_malloc0(DISK);
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    bool packed = strstr(options, "0.10") == NULL;

    scene_create(s, s->image, options, DISK, &error);
    g_assert_no_error(error);
    node = scene_open_image(s, 0);
    for (unsigned i = 0; i < steps; i++) {
        if (i % 150 == 149) {
            block_unref(node);
            node = scene_open_image(s, 0);
        }
        scene_step(node, copy, DISK, packed);
    }
    scene_compare_with_copy(node, copy, DISK);
    g_assert_cmpint(block_flush(node), ==, 0);
    scene_expect_clean(node);
    block_unref(node);
    g_assert_true(g_file_set_contents(s->raw, (char *)copy, DISK, NULL));
    g_assert_cmpint(scene_run("qemu-img check -q -f qcow2 %s", s->image), ==, 0);
    g_assert_cmpint(scene_run("qemu-img compare -q -f qcow2 -F raw %s %s", s->image, s->raw), ==,
                    0);
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

    if (!scene_have("qemu-img")) {
        return;
    }
    scene_open(&s);
    trace(&s, opaque, 400);
    scene_close(&s);
}

/* ---- theirs, read by us ---- */

/* One random request for qemu-io, which does not write compressed over what is there already. */
static void add_compressed(GString *to, unsigned cluster)
{
    unsigned at = (unsigned)g_test_rand_int_range(0, DISK / 512 - 300);

    g_string_append_printf(to, " -c 'write -c -P %u %u %u'", 1 + g_test_rand_int() % 255u,
                           at * 512 / cluster * cluster, cluster);
}

static void add_command(GString *to)
{
    unsigned at = (unsigned)g_test_rand_int_range(0, DISK / 512 - 300);
    unsigned n = (unsigned)g_test_rand_int_range(1, 300), what = (unsigned)g_test_rand_int() % 10;

    if (what < 5) {
        g_string_append_printf(to, " -c 'write -P %u %u %u'", 1 + g_test_rand_int() % 255u,
                               at * 512, n * 512);
    } else if (what < 8) {
        static const char *const zero[] = {"write -z", "write -zu", "discard"};

        g_string_append_printf(to, " -c '%s %u %u'", zero[what - 5], at * 512, n * 512);
    } else if (what == 8) {
        g_string_append(to, " -c flush");
    } else {
        g_string_append_printf(to, " -c 'aio_write -P 7 %u %u'", at * 512, n * 512);
    }
}

/* A script of some runs of qemu-io on the image and of qemu-img's copy to `raw`. The compressed
 * requests of a run come first: QEMU 7.2 packs compressed data behind the last of its run, even
 * into a cluster that was freed and taken by other data in between, and so corrupts the image
 * (seen in 23 of 300 traces of qemu-io alone). */
static void write_trace(const struct scene *s, const char *script, unsigned cluster, bool packed)
{
    g_autoptr(GString) lines = g_string_new("set -e\n");

    for (unsigned run = 0; run < 6; run++) {
        g_string_append(lines, "qemu-io -d unmap -f qcow2");
        for (unsigned i = 0; packed && i < 2; i++) {
            add_compressed(lines, cluster);
        }
        for (unsigned i = 0; i < 8; i++) {
            add_command(lines);
        }
        /* Refused requests are part of the trace: its status is not asked for. */
        g_string_append_printf(lines, " %s >/dev/null || :\n", s->image);
    }
    g_string_append_printf(lines, "qemu-img check -q %s\nqemu-img convert -f qcow2 -O raw %s %s\n",
                           s->image, s->image, s->raw);
    g_assert_true(g_file_set_contents(script, lines->str, -1, NULL));
}

/* What qemu-io left in `image`, and qemu-img's raw copy of it: the same for us; then on from there.
 */
static void expect_theirs(struct scene *s, bool packed)
{
    g_autofree uint8_t *copy = NULL;
    struct block_node *node = scene_open_image(s, 0);
    gsize len;

    scene_expect_clean(node);
    g_assert_true(g_file_get_contents(s->raw, (char **)&copy, &len, NULL));
    g_assert_cmpuint(len, ==, DISK);
    scene_compare_with_copy(node, copy, DISK);
    for (unsigned i = 0; i < 60; i++) {
        scene_step(node, copy, DISK, packed);
    }
    scene_compare_with_copy(node, copy, DISK);
    block_unref(node);
    g_assert_true(g_file_set_contents(s->raw, (char *)copy, DISK, NULL));
    g_assert_cmpint(scene_run("qemu-img check -q -f qcow2 %s", s->image), ==, 0);
    g_assert_cmpint(scene_run("qemu-img compare -q -f qcow2 -F raw %s %s", s->image, s->raw), ==,
                    0);
}

/* Their trace, then ours, then theirs again, on one image made by them. */
static void theirs(gconstpointer opaque)
{
    const char *options = opaque;
    g_autofree char *script = NULL;
    bool packed = strstr(options, "0.10") == NULL;
    struct block_info info;
    struct block_node *node;
    struct scene s;

    if (!scene_have("qemu-io")) {
        return;
    }
    scene_open(&s);
    script = g_build_filename(s.dir, "script", NULL);
    g_assert_cmpint(scene_run("qemu-img create -q -f qcow2 -o %s %s %u", options, s.image, DISK),
                    ==, 0);
    node = scene_open_image(&s, 0);
    g_assert_cmpint(block_get_info(node, &info), ==, 0);
    for (unsigned round = 0; round < 2; round++) {
        write_trace(&s, script, info.cluster_size, packed);
        block_unref(g_steal_pointer(&node));
        g_assert_cmpint(scene_run("sh %s", script), ==, 0);
        expect_theirs(&s, packed);
        node = scene_open_image(&s, 0);
    }
    block_unref(node);
    scene_close(&s);
}

static const char *const their_layouts[] = {
    "compat=1.1",
    "compat=0.10",
    "compat=0.10,cluster_size=512",
    "lazy_refcounts=on",
    "compression_type=zstd,cluster_size=32k",
    "preallocation=metadata",
    "preallocation=full,cluster_size=8k",
    "cluster_size=512,refcount_bits=1",
    "cluster_size=1k,refcount_bits=2",
    "cluster_size=2k,refcount_bits=4",
    "cluster_size=4k,refcount_bits=8",
    "cluster_size=16k,refcount_bits=32",
    "cluster_size=128k,refcount_bits=64",
    "cluster_size=256k",
    "cluster_size=512k,lazy_refcounts=on",
    "cluster_size=2M",
};

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
    scene_fill(part, DISK / 2);
    memcpy(copy, part, DISK / 2);
    g_assert_true(g_file_set_contents(base, (char *)part, DISK / 2, NULL));
    scene_create(&s, s.image, "{'backing_file':'base.raw','backing_fmt':'raw'}", DISK, &error);
    g_assert_no_error(error);
    node = scene_open_image(&s, 0);
    scene_compare_with_copy(node, copy, DISK);
    for (unsigned i = 0; i < 300; i++) {
        scene_step(node, copy, DISK, true);
    }
    scene_compare_with_copy(node, copy, DISK);
    scene_expect_clean(node);
    block_unref(node);
    scene_close(&s);
}

/* base (raw) <- middle (v2, small clusters) <- top: each written by them and by us in turn. */
static void chain(gconstpointer opaque)
{
    g_autofree uint8_t *copy = g_malloc(DISK), *all = NULL;
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;
    gsize len;

    if (!scene_have("qemu-img")) {
        return;
    }
    scene_open(&s);
    scene_fill(copy, DISK);
    g_assert_true(g_file_set_contents(s.raw, (char *)copy, DISK / 2 + 512, NULL));
    memset(copy + DISK / 2 + 512, 0, DISK / 2 - 512);
    g_assert_cmpint(
        scene_run("sh -c 'cd %s; qemu-img create -q -f qcow2 -b disk.raw -F raw -o "
                  "compat=0.10,cluster_size=1k middle.qcow2 %u; qemu-img create -q -f qcow2 "
                  "-b middle.qcow2 -F qcow2 -o %s disk.qcow2'",
                  s.dir, DISK - 1024, (const char *)opaque),
        ==, 0);
    g_assert_cmpint(scene_run("qemu-img resize -q -f qcow2 %s %u", s.image, DISK), ==, 0);
    node = scene_open_image(&s, 0);
    scene_compare_with_copy(node, copy, DISK);
    for (unsigned i = 0; i < 250; i++) {
        scene_step(node, copy, DISK, true);
    }
    scene_compare_with_copy(node, copy, DISK);
    scene_expect_clean(node);
    block_unref(node);
    g_assert_cmpint(
        scene_run("qemu-io -d unmap -f qcow2 -c 'write -P 9 100k 300k' -c 'write -z 1M 70k' "
                  "%s",
                  s.image),
        ==, 0);
    memset(copy + (100u << 10), 9, 300u << 10);
    memset(copy + (1u << 20), 0, 70u << 10);
    node = scene_open_image(&s, 0);
    scene_compare_with_copy(node, copy, DISK);
    block_unref(node);
    g_assert_cmpint(
        scene_run("sh -c 'cd %s; qemu-img check -q disk.qcow2 && qemu-img convert -O raw "
                  "disk.qcow2 all'",
                  s.dir),
        ==, 0);
    {
        g_autofree char *path = g_build_filename(s.dir, "all", NULL);

        g_assert_true(g_file_get_contents(path, (char **)&all, &len, &error));
    }
    g_assert_cmpmem(all, len, copy, DISK);
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
    scene_create(&s, s.image, "{'backing_file':'other.qcow2','backing_fmt':'qcow2'}", DISK, &error);
    g_assert_no_error(error);
    g_assert_null(block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "No such file"));
    g_clear_error(&error);
    scene_create(&s, other, "{'backing_file':'disk.qcow2','backing_fmt':'qcow2'}", DISK, &error);
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
    scene_create(&s, s.image, "{'cluster_size':'4k'}", DISK, &error);
    g_assert_no_error(error);
    node = scene_open_image(&s, 0);
    for (unsigned i = 0; i < 60; i++) {
        scene_step(node, copy, DISK, true);
    }
    g_assert_cmpint(node->driver->snapshot_create(node, &snap, &error), ==, 0);
    then = g_memdup2(copy, DISK);
    for (unsigned i = 0; i < 60; i++) {
        scene_step(node, copy, DISK, true);
    }
    scene_compare_with_copy(node, copy, DISK);
    scene_expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_create(node, &second, &error), ==, 0);
    g_assert_cmpint(node->driver->snapshot_apply(node, "one", &error), ==, 0);
    scene_compare_with_copy(node, then, DISK);
    scene_expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_apply(node, "two", &error), ==, 0);
    scene_compare_with_copy(node, copy, DISK);
    g_assert_cmpint(node->driver->snapshot_delete(node, "one", &error), ==, 0);
    scene_expect_clean(node);
    for (unsigned i = 0; i < 60; i++) {
        scene_step(node, copy, DISK, true);
    }
    g_assert_cmpint(node->driver->snapshot_delete(node, "two", &error), ==, 0);
    scene_compare_with_copy(node, copy, DISK);
    scene_expect_clean(node);
    g_assert_cmpint(node->driver->snapshot_delete(node, "two", &error), ==, -ENOENT);
    block_unref(node);
    if (scene_have("qemu-img")) {
        g_assert_cmpint(scene_run("qemu-img check -q %s", s.image), ==, 0);
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
    scene_create(&s, s.image, "{'cluster_size':'1k'}", size, &error);
    g_assert_no_error(error);
    node = scene_open_image(&s, 0);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t to = (uint32_t)g_test_rand_int_range(1, 2 * DISK / 512) * 512;

        for (unsigned k = 0; k < 10; k++) {
            scene_step(node, copy, size, true);
        }
        g_assert_cmpint(block_truncate(node, to, BLOCK_PREALLOC_OFF, &error), ==, 0);
        if (to < size) {
            memset(copy + to, 0, size - to);
        }
        size = to;
        g_assert_cmpint(block_length(node), ==, size);
        scene_compare_with_copy(node, copy, size);
        scene_expect_clean(node);
    }
    block_unref(node);
    if (scene_have("qemu-img")) {
        g_assert_cmpint(scene_run("qemu-img check -q %s", s.image), ==, 0);
    }
    scene_close(&s);
}

/* ---- locks ---- */

static void locks(void)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;

    if (!scene_have("qemu-img")) {
        return;
    }
    scene_open(&s);
    scene_create(&s, s.image, "{}", DISK, &error);
    g_assert_no_error(error);
    node = scene_open_image(&s, 0);
    g_assert_cmpint(scene_run("qemu-img info %s", s.image), ==, 1);
    g_assert_cmpint(scene_run("qemu-img info -U %s", s.image), ==, 0);
    g_assert_cmpint(scene_run("qemu-io -c 'write 0 512' %s", s.image), ==, 1);
    g_assert_null(block_open_file(s.image, "qcow2", BLOCK_O_RDWR, NULL, s.graph, &error));
    g_assert_nonnull(strstr(error->message, "Is another process using the image"));
    g_clear_error(&error);
    block_unref(node);
    node = block_open_file(s.image, "qcow2", 0, NULL, s.graph, &error);
    g_assert_no_error(error);
    g_assert_cmpint(scene_run("qemu-img info %s", s.image), ==, 0);
    g_assert_cmpint(scene_run("qemu-io -c 'write 0 512' %s", s.image), ==, 1);
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

    if (!scene_have("qemu-io")) {
        return;
    }
    scene_open(&s);
    scene_create(&s, s.image, "{}", DISK, &error);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/trace/%s", layouts[i]);

        g_test_add_data_func(path, layouts[i], traces);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(their_layouts); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/theirs/%s", their_layouts[i]);

        g_test_add_data_func(path, their_layouts[i], theirs);
    }
    g_test_add_func("/qcow2/backing", backing);
    g_test_add_data_func("/qcow2/chain/plain", "compat=1.1", chain);
    g_test_add_data_func("/qcow2/chain/lazy", "lazy_refcounts=on", chain);
    g_test_add_data_func("/qcow2/chain/large", "cluster_size=64k,refcount_bits=1", chain);
    g_test_add_func("/qcow2/loops", loops);
    g_test_add_func("/qcow2/temporary", temporary);
    g_test_add_func("/qcow2/snapshots", snapshots);
    g_test_add_func("/qcow2/resizing", resizing);
    g_test_add_func("/qcow2/locks", locks);
    g_test_add_func("/qcow2/locked-by-them", locked_by_them);
    return g_test_run();
}
