/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration file of blkdebug of any bytes up to a NUL, then requests to its node. */
#include "../base/input.h"
#include "block/block.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DISK     65536
#define REQUESTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(struct block_node *node, struct input *in)
{
    uint8_t buf[512] = {0}, op = input_byte(in);
    uint64_t at = input_number(in, 2) & ~511u, run;

    switch (op & 7) {
    case 0: (void)block_pread(node, at, buf, sizeof(buf)); break;
    case 1: (void)block_pwrite(node, at, buf, sizeof(buf), 0); break;
    case 2: (void)block_flush(node); break;
    case 3: (void)block_pwrite_zeroes(node, at, sizeof(buf), 0); break;
    case 4: (void)block_discard(node, at, sizeof(buf)); break;
    case 5: (void)block_status(node, at, DISK - at, &run, NULL, NULL); break;
    case 6: json_object_put(block_get_specific(node)); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    const uint8_t *end = memchr(data, '\0', size);
    size_t len;
    const uint8_t *config = input_skip(&in, end ? (size_t)(end - data) : size, &len);
    int fd = memfd_create("config", MFD_CLOEXEC);
    g_autofree char *text =
        g_strdup_printf("{\"driver\":\"blkdebug\",\"config\":\"/proc/self/fd/%d\",\"image\":"
                        "{\"driver\":\"mem\",\"size\":%d}}",
                        fd, DISK);
    json_object *options = json_tokener_parse(text);
    struct block_graph *graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    struct block_node *node;

    g_assert_cmpint(write(fd, config, len), ==, len);
    node = block_open(options, graph, &error);
    g_assert(!node == !!error);
    for (unsigned i = 0; node && in.left && i < REQUESTS; i++) {
        request(node, &in);
    }
    block_unref(node);
    block_graph_free(graph);
    json_object_put(options);
    close(fd);
    return 0;
}
