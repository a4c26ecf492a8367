/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qcow2 when things go wrong: damaged images, errors from below, a killed process. */
#include "scene.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- damage ---- */

/* Byte patches of a good image: opening is refused with these words. */
static const struct {
    const char *name;
    unsigned offset, bytes;
    uint64_t value;
    const char *message;
    struct {
        unsigned offset;
        uint64_t value; /* of eight bytes */
    } more[4];
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
    {"header-length-odd", 100, 4, 108, "qcow2 header length is not a multiple of 8"},
    {"compression-unmarked", 104, 1, 1, "incompatible feature bit must be set"},
    {"compression-unknown", 104, 1, 2, "unknown compression type: 2"},
    {"compression-zlib", 72, 8, 8, "must not be set for zlib"},
    {"autoclear-raw", 88, 8, 2, "data-file-raw requires a data file"},
    {"autoclear-unknown", 88, 8, UINT64_C(0xfffffffffffffffc), NULL},
    {"compatible-unknown", 80, 8, UINT64_MAX, NULL},
    {"snapshot-offset-odd", 60, 4, 1, "Snapshot table offset invalid", {{64, 65544}}},
    {"snapshot-offset-far", 60, 4, 1, "Snapshot table offset invalid", {{64, UINT64_C(1) << 63}}},
    {"backing-name-long",
     8,
     8,
     600,
     "Backing file name too long",
     {{16, UINT64_C(1024) << 32 | 16}}},
    {"backing-in-header", 8, 8, 64, "Invalid backing file offset", {{16, UINT64_C(8) << 32 | 16}}},
    {"extension", 116, 4, UINT32_MAX, "Header extension too large"},
    {"extension-format", 112, 8, UINT64_C(0xe2792aca00000010),
     "ext_backing_format: len=16 too large"},
    {"extension-crypto", 112, 8, UINT64_C(0x0537be7700000010), "CRYPTO header extension only"},
    {"extension-bitmaps-short", 112, 8, UINT64_C(0x2385287500000008), "Invalid extension length"},
    {"extension-bitmaps-off",
     112,
     8,
     UINT64_C(0x2385287500000018),
     NULL,
     {{120, UINT64_MAX}, {136, 0}, {144, 0}}},
    {"extension-bitmaps-none",
     112,
     8,
     UINT64_C(0x2385287500000018),
     "with 0 bitmaps",
     {{88, 1}, {120, 0}, {144, 0}}},
    {"extension-bitmaps-many",
     112,
     8,
     UINT64_C(0x2385287500000018),
     "with 65536 bitmaps",
     {{88, 1}, {120, UINT64_C(65536) << 32}, {144, 0}}},
    {"extension-bitmaps-reserved",
     112,
     8,
     UINT64_C(0x2385287500000018),
     "Reserved field is not zero",
     {{88, 1}, {120, UINT64_C(1) << 32 | 5}, {144, 0}}},
    {"extension-bitmaps-offset",
     112,
     8,
     UINT64_C(0x2385287500000018),
     "invalid bitmap directory offset",
     {{88, 1}, {120, UINT64_C(1) << 32}, {128, 24}, {136, 77}}},
    {"extension-bitmaps-size",
     112,
     8,
     UINT64_C(0x2385287500000018),
     "bitmap directory size (1) is wrong",
     {{88, 1}, {120, UINT64_C(1) << 32}, {128, 1}, {136, 65536}}},
    {"extension-end-cut", 112, 8, UINT64_C(0x123456780000ff88), NULL},
};

static void put(char *bytes, unsigned offset, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++) {
        bytes[offset + i] = (char)(value >> (8 * (n - 1 - i)));
    }
}

static void damage(gconstpointer opaque)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;
    gsize len;

    scene_open(&s);
    scene_create(&s, s.image, "{}", DISK, &error);
    g_assert_no_error(error);
    g_assert_true(g_file_get_contents(s.image, &bytes, &len, NULL));
    put(bytes, damages[i].offset, MIN(damages[i].bytes, 8), damages[i].value);
    for (unsigned k = 0; k < 4 && damages[i].more[k].offset != 0; k++) {
        put(bytes, damages[i].more[k].offset, 8, damages[i].more[k].value);
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

/* ---- table entries ---- */

enum table { T_L1, T_L2, T_REFTABLE, T_REFBLOCK };

/* Values that stand for places in the image, and any result. */
#define AT_L1       UINT64_C(0xf000000000000001)
#define AT_L2       UINT64_C(0xf000000000000002)
#define AT_REFTABLE UINT64_C(0xf000000000000003)
#define AT_REFBLOCK UINT64_C(0xf000000000000004)
#define OR(bits)    .set = (bits), .or = true
#define ANY         1

#define COPIED (UINT64_C(1) << 63)
#define PACKED (UINT64_C(1) << 62)

/*
 * One entry of a table of a good image is changed; the first cluster is read, written in place,
 * and a new one is written far behind it. qemu-img agrees whether the image is corrupt.
 */
static const struct {
    const char *name;
    enum table table;
    uint64_t set;
    bool or ;
    int read, write, alloc; /* 0, -EIO or ANY */
    bool clean;             /* a check finds no corruption */
    bool strict;            /* ... though qemu-img's does not */
    bool v2;
} entries[] = {
    {"l1/unaligned", T_L1, OR(512), .read = -EIO, .write = -EIO, .alloc = -EIO},
    {"l1/reserved-low", T_L1, OR(1)},
    {"l1/reserved-high", T_L1, OR(UINT64_C(1) << 56)},
    {"l1/far", T_L1, UINT64_C(1) << 40, .read = -EIO, .write = -EIO, .alloc = -EIO},
    {"l1/itself", T_L1, AT_L1, .read = ANY, .write = -EIO, .alloc = ANY},
    {"l1/reftable", T_L1, AT_REFTABLE, .read = ANY, .write = ANY, .alloc = ANY},
    {"l1/refblock", T_L1, AT_REFBLOCK, .read = ANY, .write = ANY, .alloc = ANY},
    {"l2/unaligned", T_L2, OR(512), .read = -EIO, .write = -EIO, .alloc = -EIO},
    {"l2/reserved-low", T_L2, OR(2)},
    {"l2/reserved-high", T_L2, OR(UINT64_C(1) << 57)},
    {"l2/zero-v2", T_L2, OR(1), .read = -EIO, .write = -EIO, .alloc = -EIO, .strict = true,
     .v2 = true},
    {"l2/zero-v3", T_L2, OR(1), .clean = true},
    {"l2/far", T_L2, COPIED | UINT64_C(1) << 40, .read = ANY, .write = -EIO, .alloc = -EIO},
    {"l2/farthest", T_L2, COPIED | UINT64_C(0xffffffffff0000), .read = ANY, .write = -EIO,
     .alloc = -EIO},
    {"l2/l1", T_L2, AT_L1, .write = -EIO, .alloc = -EIO},
    {"l2/l2", T_L2, AT_L2, .write = -EIO, .alloc = -EIO},
    {"l2/reftable", T_L2, AT_REFTABLE, .write = -EIO, .alloc = -EIO},
    {"l2/refblock", T_L2, AT_REFBLOCK, .write = -EIO, .alloc = -EIO},
    {"l2/not-copied", T_L2, UINT64_C(0x50000), .write = ANY, .alloc = ANY},
    {"l2/packed-garbage", T_L2, PACKED | 0x50000, .read = -EIO, .write = ANY, .alloc = ANY,
     .clean = true},
    {"l2/packed-copied", T_L2, COPIED | PACKED | 0x50000, .read = -EIO, .write = ANY, .alloc = ANY},
    {"l2/packed-far", T_L2, PACKED | UINT64_C(1) << 40, .read = -EIO, .write = ANY, .alloc = ANY},
    {"reftable/unaligned", T_REFTABLE, OR(512), .write = ANY, .alloc = -EIO},
    {"reftable/reserved", T_REFTABLE, OR(1), .write = ANY, .alloc = ANY},
    {"reftable/far", T_REFTABLE, UINT64_C(1) << 40, .write = ANY, .alloc = ANY},
    {"reftable/none", T_REFTABLE, 0, .write = ANY, .alloc = ANY},
    {"reftable/itself", T_REFTABLE, AT_REFTABLE, .write = ANY, .alloc = ANY},
    {"reftable/l2", T_REFTABLE, AT_L2, .write = ANY, .alloc = ANY},
    {"refblock/header-free", T_REFBLOCK, 0, .write = ANY, .alloc = -EIO},
};

static uint64_t get(const char *bytes, uint64_t offset)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++) {
        v = v << 8 | (uint8_t)bytes[offset + i];
    }
    return v;
}

static void change_entry(char *bytes, unsigned row)
{
    const uint64_t offsets = UINT64_C(0x00fffffffffffe00);
    uint64_t l1 = get(bytes, 40), reftable = get(bytes, 48), value = entries[row].set;
    uint64_t l2 = get(bytes, l1) & offsets, refblock = get(bytes, reftable);
    const uint64_t at[] = {
        [T_L1] = l1, [T_L2] = l2, [T_REFTABLE] = reftable, [T_REFBLOCK] = refblock};
    uint64_t place = at[entries[row].table];

    switch (value) {
    case AT_L1: value = COPIED | l1; break;
    case AT_L2: value = COPIED | l2; break;
    case AT_REFTABLE: value = reftable; break;
    case AT_REFBLOCK: value = refblock; break;
    default: break;
    }
    if (entries[row].table == T_REFTABLE) {
        value &= ~COPIED;
    } else if (entries[row].table == T_L2 && entries[row].set >= AT_L1) {
        value |= COPIED;
    }
    if (entries[row].table == T_REFBLOCK) {
        put(bytes, (unsigned)place, 2, value);
    } else {
        put(bytes, (unsigned)place, 8, entries[row].or ? get(bytes, place) | value : value);
    }
}

static void expect_result(const char *what, int result, int expected)
{
    if (expected == ANY ? result > 0 : result != expected) {
        g_test_message("%s: %d, not %d", what, result, expected);
        g_test_fail();
    }
}

/* Reads first, so that what a write marks as corrupt does not hide it. */
static void use_entry(struct scene *s, unsigned row)
{
    static uint8_t buf[65536];
    struct block_check check = {0};
    struct block_node *node = scene_open_image(s, 0);

    g_assert_cmpint(node->driver->check(node, &check, 0, NULL), ==, 0);
    if ((check.corruptions == 0) != entries[row].clean) {
        g_test_message("%" G_GUINT64_FORMAT " corruptions", (guint64)check.corruptions);
        g_test_fail();
    }
    expect_result("read", block_pread(node, 0, buf, sizeof(buf)), entries[row].read);
    expect_result("write", block_pwrite(node, 0, buf, sizeof(buf), 0), entries[row].write);
    expect_result("alloc", block_pwrite(node, 2u << 20, buf, sizeof(buf), 0), entries[row].alloc);
    (void)block_discard(node, 0, 1u << 20);
    (void)block_flush(node);
    block_unref(node);
    node = block_open_file(s->image, "qcow2", BLOCK_O_RDWR | BLOCK_O_CHECK, NULL, s->graph, NULL);
    if (node != NULL) {
        (void)node->driver->check(node, &check, BLOCK_FIX_ERRORS | BLOCK_FIX_LEAKS, NULL);
    }
    block_unref(node);
}

static void entry(gconstpointer opaque)
{
    unsigned row = GPOINTER_TO_UINT(opaque);
    g_autofree char *bytes = NULL, *program = g_find_program_in_path("qemu-img");
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    struct scene s;
    gsize len;

    scene_open(&s);
    scene_create(&s, s.image, entries[row].v2 ? "{'compat':'0.10'}" : "{}", DISK, &error);
    g_assert_no_error(error);
    bytes = g_malloc0(1u << 20);
    memset(bytes, 0x77, 1u << 20);
    node = scene_open_image(&s, 0);
    g_assert_cmpint(block_pwrite(node, 0, bytes, 1u << 20, 0), ==, 0);
    block_unref(node);
    g_clear_pointer(&bytes, g_free);
    g_assert_true(g_file_get_contents(s.image, &bytes, &len, NULL));
    change_entry(bytes, row);
    g_assert_true(g_file_set_contents(s.image, bytes, (gssize)len, NULL));
    if (program != NULL) {
        int status = scene_run("sh -c 'qemu-img check -q -f qcow2 %s 2>/dev/null'", s.image);

        if ((status == 0 || status == 3) != (entries[row].clean || entries[row].strict)) {
            g_test_message("qemu-img check: %d", status);
            g_test_fail();
        }
    }
    use_entry(&s, row);
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
    scene_create(&s, s.image, "{'cluster_size':'512'}", DISK / 8, &error);
    g_assert_no_error(error);
    node = scene_open_image(&s, 0);
    memset(buf, 0, DISK);
    for (unsigned i = 0; i < 40; i++) {
        scene_step(node, buf, DISK / 8, true);
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
    scene_create(&s, s.image, "{'cluster_size':'1k','refcount_bits':64}", DISK, &error);
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
    node = scene_open_image(&s, 0);
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
    scene_create(&s, s.image, "{'cluster_size':'4k'}", DISK, &error);
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

        scene_fill(buf, 65536);
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
static void write_for_ever(struct scene *s, unsigned flags, unsigned seed)
{
    struct block_node *node = scene_open_image(s, flags);
    uint64_t *words = aligned_alloc(4096, 65536);
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

struct kill_row {
    const char *name, *options;
    unsigned flags;
};

/* After it qemu-img finds leaks at most, and for lazy refcounts repairs what it finds. */
static void expect_no_corruption(const struct scene *s, bool lazy)
{
    g_autofree char *program = g_find_program_in_path("qemu-img");
    int status;

    if (program != NULL) {
        status = scene_run("qemu-img check -q -f qcow2 %s%s", lazy ? "-r all " : "", s->image);
        g_assert_true(status == 0 || status == 3);
    }
}

static void killed(gconstpointer opaque)
{
    const struct kill_row *row = opaque;
    g_autofree uint64_t *all = g_malloc(DISK);

    for (unsigned round = 0; round < 8; round++) {
        unsigned seed = g_test_rand_int(), delay = (unsigned)g_test_rand_int_range(1000, 60000);
        g_autoptr(GError) error = NULL;
        struct block_check check = {0};
        struct block_node *node;
        struct scene s;
        pid_t pid;

        scene_open(&s);
        scene_create(&s, s.image, row->options, DISK, &error);
        g_assert_no_error(error);
        pid = fork();
        if (pid == 0) {
            write_for_ever(&s, row->flags, seed);
        }
        g_usleep(delay);
        kill(pid, SIGKILL);
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
        if (round % 2 == 0) {
            expect_no_corruption(&s, strstr(row->options, "lazy") != NULL);
        }
        node = scene_open_image(&s, 0);
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

static const struct kill_row kills[] = {
    {"writeback", "{}", 0},
    {"none", "{}", BLOCK_O_DIRECT},
    {"unsafe", "{}", BLOCK_O_NO_FLUSH},
    {"small", "{'cluster_size':'1k'}", 0},
    {"small-none", "{'cluster_size':'4k','refcount_bits':8}", BLOCK_O_DIRECT},
    {"lazy", "{'lazy_refcounts':'on'}", 0},
    {"lazy-none", "{'lazy_refcounts':'on'}", BLOCK_O_DIRECT},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/damage/%s", damages[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), damage);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/entry/%s", entries[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), entry);
    }
    g_test_add_func("/qcow2/noise", noise);
    for (unsigned i = 0; i < G_N_ELEMENTS(inject_events); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/injected/%s", inject_events[i]);

        g_test_add_data_func(path, inject_events[i], injected);
    }
    g_test_add_func("/qcow2/no-space", no_space);
    for (unsigned i = 0; i < G_N_ELEMENTS(kills); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/killed/%s", kills[i].name);

        g_test_add_data_func(path, &kills[i], killed);
    }
    return g_test_run();
}
