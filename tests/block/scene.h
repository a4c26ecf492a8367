/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A folder with a qcow2 image and a raw one, and what the tests of qcow2 do with them. */
#ifndef VIV_TESTS_BLOCK_SCENE_H
#define VIV_TESTS_BLOCK_SCENE_H

#include "block/block.h"
#include "block/driver.h"

#define DISK (4u << 20)

struct scene {
    struct block_graph *graph;
    char *dir, *image, *raw;
};

void scene_open(struct scene *s);
void scene_close(struct scene *s);
/* Is that program of qemu-utils installed? If not, the test is marked as skipped. */
bool scene_have(const char *program);
/* Runs a command line; its exit status. What it said on failure becomes a test message. */
int scene_run(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Creates a qcow2 image from options in JSON. */
int scene_create(struct scene *s, const char *path, const char *options, uint64_t length,
                 GError **error);
/* Opens the scene's image for writing; `flags`: more block_open_flags. The caller owns it. */
struct block_node *scene_open_image(struct scene *s, unsigned flags);
/* A pattern with a random start. */
void scene_fill(uint8_t *buf, uint32_t len);
/* One random request to a node of `disk` bytes and to the copy; packed: some compressed. */
void scene_step(struct block_node *node, uint8_t *copy, uint32_t disk, bool packed);
void scene_compare_with_copy(struct block_node *node, const uint8_t *copy, uint32_t disk);
/* A check finds nothing at all. */
void scene_expect_clean(struct block_node *node);

#endif
