/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast are requests of one kind? They take the way that a machine's do. */
#include "block/backend.h"
#include "image/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH  1024
#define MAX_BUFFER (1u << 30)

static const struct image_option options[] = {
    {'c', NULL, "count", "requests to send (75000)"},
    {'d', NULL, "depth", "of them at the same time (64)"},
    {'f', NULL, "fmt", "format of the image; without it: found out"},
    {IMAGE_KEY_FLUSH_INTERVAL, "flush-interval", "n", "flush after every n requests (0: never)"},
    {IMAGE_KEY_NO_DRAIN, "no-drain", NULL, "accepted; flushes do not wait for other requests"},
    {'i', NULL, "aio", "threads, native or io_uring"},
    {'n', NULL, NULL, "the same as -i native"},
    {'o', NULL, "offset", "of the first request (0)"},
    {IMAGE_KEY_PATTERN, "pattern", "byte", "what is written (0)"},
    {'q', "quiet", NULL, "print errors only"},
    {'s', NULL, "buffer_size", "bytes of a request (4k)"},
    {'S', NULL, "step_size", "bytes between the starts of two requests (buffer_size)"},
    {'t', NULL, "cache", "cache mode (writeback)"},
    {'w', NULL, NULL, "write rather than read"},
    {IMAGE_KEY_IMAGE_OPTS, "image-opts", NULL, "the file name is a list of options"},
    {'U', "force-share", NULL, "read even while another process writes"},
    {0},
};

struct bench;

struct slot {
    struct bench *bench;
    struct block_req req;
    struct iovec iov;
};

struct bench {
    struct block_backend *backend;
    uint64_t count, depth, size, step, offset, flush_interval;
    uint64_t length; /* of the image */
    bool write;
    uint8_t pattern;

    struct slot *slots;
    uint64_t sent, done;
    unsigned running;
    int result; /* the first error */
};

static void next(struct slot *slot);

static void flushed(struct block_req *req, int ret)
{
    struct slot *slot = req->opaque;

    slot->bench->result = slot->bench->result == 0 ? ret : slot->bench->result;
    next(slot);
}

static void finished(struct block_req *req, int ret)
{
    struct slot *slot = req->opaque;
    struct bench *b = slot->bench;

    b->done++;
    b->result = b->result == 0 ? ret : b->result;
    if (ret == 0 && b->flush_interval != 0 && b->done % b->flush_interval == 0) {
        req->op = BLOCK_FLUSH;
        req->len = 0;
        req->done = flushed;
        block_submit(b->backend, req);
        return;
    }
    next(slot);
}

static void next(struct slot *slot)
{
    struct bench *b = slot->bench;

    if (b->sent == b->count || b->result < 0 || image_interrupted()) {
        b->running--;
        return;
    }
    slot->req.op = b->write ? BLOCK_WRITE : BLOCK_READ;
    slot->req.offset = b->offset;
    slot->req.len = b->size;
    slot->req.done = finished;
    b->sent++;
    b->offset = (b->offset + b->step) % (b->length - b->size + 1);
    block_submit(b->backend, &slot->req);
}

static int run_requests(struct bench *b)
{
    b->slots = g_new0(struct slot, b->depth);
    block_plug(b->backend);
    for (unsigned i = 0; i < b->depth; i++) {
        struct slot *slot = &b->slots[i];

        slot->bench = b;
        slot->iov = (struct iovec){aligned_alloc(4096, (b->size + 4095) / 4096 * 4096), b->size};
        g_assert(slot->iov.iov_base != NULL);
        memset(slot->iov.iov_base, b->pattern, b->size);
        slot->req.iov = &slot->iov;
        slot->req.niov = 1;
        slot->req.opaque = slot;
        b->running++;
        next(slot);
    }
    block_unplug(b->backend);
    while (b->running > 0) {
        g_main_context_iteration(NULL, TRUE);
    }
    block_backend_drain(b->backend);
    for (unsigned i = 0; i < b->depth; i++) {
        free(b->slots[i].iov.iov_base);
    }
    g_free(b->slots);
    return b->result;
}

static void announce(const struct bench *b)
{
    printf("Sending %" PRIu64 " %s requests, %" PRIu64 " bytes each, %" PRIu64
           " in parallel (starting at offset %" PRIu64 ", step size %" PRIu64 ")\n",
           b->count, b->write ? "write" : "read", b->size, b->depth, b->offset, b->step);
    if (b->flush_interval != 0) {
        printf("Sending flush every %" PRIu64 " requests\n", b->flush_interval);
    }
}

static bool number(const struct image_args *args, int key, const char *what, uint64_t most,
                   uint64_t *value)
{
    if (image_has(args, key) &&
        (!block_parse_size(image_value(args, key), value) || *value > most)) {
        image_fail("Invalid %s specified", what);
        return false;
    }
    return true;
}

static bool parse(const struct image_args *args, struct bench *b)
{
    uint64_t pattern = 0;

    if (!number(args, 'c', "request count", INT32_MAX, &b->count) ||
        !number(args, 'd', "queue depth", MAX_DEPTH, &b->depth) ||
        !number(args, 's', "buffer size", MAX_BUFFER, &b->size) ||
        !number(args, 'S', "step size", INT32_MAX, &b->step) ||
        !number(args, 'o', "offset", BLOCK_MAX_LENGTH, &b->offset) ||
        !number(args, IMAGE_KEY_FLUSH_INTERVAL, "flush interval", INT32_MAX, &b->flush_interval) ||
        !number(args, IMAGE_KEY_PATTERN, "pattern byte", 0xff, &pattern)) {
        return false;
    }
    if (b->size == 0 || b->depth == 0) {
        image_fail("Invalid %s specified", b->size == 0 ? "buffer size" : "queue depth");
        return false;
    }
    if (!b->write &&
        (image_has(args, IMAGE_KEY_PATTERN) || image_has(args, IMAGE_KEY_FLUSH_INTERVAL))) {
        image_fail("%s is only available in write tests",
                   image_has(args, IMAGE_KEY_PATTERN) ? "--pattern" : "--flush-interval");
        return false;
    }
    if (b->flush_interval != 0 && b->flush_interval < b->depth) {
        image_fail("Flush interval can't be smaller than depth");
        return false;
    }
    b->pattern = (uint8_t)pattern;
    b->step = image_has(args, 'S') ? b->step : b->size;
    return true;
}

static int bench_node(const struct image_args *args, struct bench *b, struct block_node *node)
{
    int64_t length = block_length(node), start;
    GError *error = NULL;
    int r;

    if (length < 0 || (uint64_t)length < b->size) {
        return image_fail("The image is smaller than one request");
    }
    b->length = (uint64_t)length;
    b->offset = MIN(b->offset, b->length - b->size);
    b->backend = block_backend_new("bench", NULL);
    if (!block_backend_insert(b->backend, node,
                              BLOCK_PERM_CONSISTENT_READ | (b->write ? BLOCK_PERM_WRITE : 0),
                              BLOCK_PERM_ALL, &error)) {
        block_backend_free(b->backend);
        return image_fail_error(error);
    }
    if (!image_has(args, 'q')) {
        announce(b);
    }
    start = g_get_monotonic_time();
    r = run_requests(b);
    if (r == 0 && !image_has(args, 'q')) {
        printf("Run completed in %3.3f seconds.\n",
               (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
    }
    block_backend_free(b->backend);
    return r < 0 ? image_fail("Failed request: %s", g_strerror(-r)) : 0;
}

static int run(const struct image_args *args)
{
    struct bench b = {.count = 75000, .depth = 64, .size = 4096, .write = image_has(args, 'w')};
    const char *aio = image_value(args, 'i');
    g_autoptr(block_node_ref) node = NULL;
    unsigned flags = b.write ? BLOCK_O_RDWR | BLOCK_O_UNMAP : 0;

    if (args->operands->len != 1) {
        return image_usage("Expecting one image file name");
    }
    if (!parse(args, &b)) {
        return 1;
    }
    if (aio != NULL && strcmp(aio, "threads") == 0) {
        flags |= BLOCK_O_NO_URING;
    } else if (aio != NULL && strcmp(aio, "native") != 0 && strcmp(aio, "io_uring") != 0) {
        return image_fail("Invalid aio option: %s", aio);
    }
    node = image_open(args, image_operand(args, 0), image_value(args, 'f'), image_value(args, 't'),
                      flags);
    return node == NULL ? 1 : bench_node(args, &b, node);
}

const struct image_command image_bench = {
    .name = "bench",
    .operands = "filename",
    .help = "measure how fast requests are",
    .options = options,
    .run = run,
};
