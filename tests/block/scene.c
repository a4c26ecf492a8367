/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scene.h"

#include <glib/gstdio.h>
#include <string.h>

void scene_open(struct scene *s)
{
    s->graph = block_graph_new();
    s->dir = g_dir_make_tmp("viv-qcow2-XXXXXX", NULL);
    g_assert_nonnull(s->dir);
    s->image = g_build_filename(s->dir, "disk.qcow2", NULL);
    s->raw = g_build_filename(s->dir, "disk.raw", NULL);
}

void scene_close(struct scene *s)
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

bool scene_have(const char *program)
{
    g_autofree char *path = g_find_program_in_path(program);

    if (path == NULL) {
        g_test_skip("qemu-utils is not installed");
    }
    return path != NULL;
}

/* Runs a command line; returns its exit status and prints what it said on failure. */
int scene_run(const char *format, ...)
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

int scene_create(struct scene *s, const char *path, const char *options, uint64_t length,
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

struct block_node *scene_open_image(struct scene *s, unsigned flags)
{
    g_autoptr(GError) error = NULL;
    struct block_node *node = block_open_file(
        s->image, "qcow2", flags | BLOCK_O_RDWR | BLOCK_O_UNMAP, NULL, s->graph, &error);

    g_assert_no_error(error);
    return node;
}

void scene_fill(uint8_t *buf, uint32_t len)
{
    uint8_t seed = (uint8_t)g_test_rand_int();

    for (uint32_t i = 0; i < len; i++) {
        buf[i] = (uint8_t)(seed + i * 7 + (i >> 8));
    }
}

/* One random request to the node and to the copy. */
void scene_step(struct block_node *node, uint8_t *copy, uint32_t disk, bool packed)
{
    uint32_t offset = (uint32_t)g_test_rand_int_range(0, (int)disk);
    uint32_t len = (uint32_t)g_test_rand_int_range(1, g_test_rand_bit() ? 200000 : 5000);
    g_autofree uint8_t *buf = NULL;
    int what = g_test_rand_int_range(0, 20), r;

    len = MIN(len, disk - offset);
    buf = g_malloc(len);
    if (what < 11) {
        scene_fill(buf, len);
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
        scene_fill(buf, len);
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

void scene_compare_with_copy(struct block_node *node, const uint8_t *copy, uint32_t disk)
{
    g_autofree uint8_t *all = g_malloc(disk);

    g_assert_cmpint(block_pread(node, 0, all, disk), ==, 0);
    g_assert_true(memcmp(all, copy, disk) == 0);
}

void scene_expect_clean(struct block_node *node)
{
    struct block_check check = {0};
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    g_assert_cmpuint(check.leaks, ==, 0);
    g_assert_cmpuint(check.check_errors, ==, 0);
}
