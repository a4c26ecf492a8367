/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Power cuts. A recorder below qcow2 keeps every write and flush. A trace of guest requests runs;
 * then, for many moments of it, the file is put together as a disk may hold it after a cut: all
 * that a completed flush covers, and of what came later any of the sectors. Such an image has to
 * open, to be free of corruption, and to read back what the guest was told is stable, or
 * something that the guest wrote later.
 */
#include "base/least.h"
#include "block/block.h"
#include "block/driver.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SECTOR  512u
#define DISK    (3u << 20)
#define SECTORS (DISK / SECTOR)
#define STEPS   150
#define CUTS    40

/* ---- what the file was told ---- */

struct entry {
    bool flush, stable; /* stable: written with FUA */
    uint64_t offset, len;
    uint8_t *data; /* NULL: zeroes */
};

struct recorder {
    struct block_node *mem;
    const struct block_driver *real;
    struct block_driver driver;
    GArray *log;          /* of entry */
    unsigned fail_one_in; /* writes and flushes that fail; 0: none */
};

/* The only recorder: a driver's functions have no other way to it. */
static struct recorder *the_recorder;

static void entry_clear(void *opaque)
{
    g_free(((struct entry *)opaque)->data);
}

static bool fails(void)
{
    return the_recorder->fail_one_in != 0 &&
           g_test_rand_int_range(0, (int)the_recorder->fail_one_in) == 0;
}

static int recorded_pwritev(struct block_node *node, uint64_t offset, uint64_t len,
                            struct block_vec vec, unsigned flags)
{
    struct entry e = {.stable = (flags & BLOCK_REQ_FUA) != 0, .offset = offset, .len = len};

    if (fails()) {
        return g_test_rand_bit() ? -EIO : -ENOSPC;
    }
    e.data = g_malloc(len);
    block_vec_to_buf(vec, e.data, len);
    g_array_append_val(the_recorder->log, e);
    return the_recorder->real->pwritev(node, offset, len, vec, flags);
}

static int recorded_pwrite_zeroes(struct block_node *node, uint64_t offset, uint64_t len,
                                  unsigned flags)
{
    struct entry e = {.stable = (flags & BLOCK_REQ_FUA) != 0, .offset = offset, .len = len};

    if (fails()) {
        return -EIO;
    }
    g_array_append_val(the_recorder->log, e);
    return the_recorder->real->pwrite_zeroes(node, offset, len, flags);
}

static int recorded_flush(struct block_node *node)
{
    struct entry e = {.flush = true};

    if (fails()) {
        return -EIO;
    }
    g_array_append_val(the_recorder->log, e);
    return 0;
}

static struct block_node *open_text(struct block_graph *graph, const char *text)
{
    g_autoptr(GError) error = NULL;
    json_object *options = json_tokener_parse(text);
    struct block_node *node = block_open(options, graph, &error);

    json_object_put(options);
    g_assert_no_error(error);
    return node;
}

static void recorder_open(struct recorder *rec, struct block_graph *graph, const uint8_t *bytes,
                          gsize len)
{
    *rec = (struct recorder){.mem = open_text(graph, "{'driver':'mem','node-name':'m'}")};
    rec->log = g_array_new(FALSE, FALSE, sizeof(struct entry));
    g_array_set_clear_func(rec->log, entry_clear);
    g_assert_cmpint(block_pwrite(rec->mem, 0, bytes, len, 0), ==, 0);
    rec->real = rec->mem->driver;
    rec->driver = *rec->real;
    rec->driver.pwritev = recorded_pwritev;
    rec->driver.pwrite_zeroes = recorded_pwrite_zeroes;
    rec->driver.flush = recorded_flush;
    rec->mem->driver = &rec->driver;
    the_recorder = rec;
}

static void recorder_close(struct recorder *rec)
{
    rec->mem->driver = rec->real;
    block_unref(rec->mem);
    g_array_unref(rec->log);
    the_recorder = NULL;
}

/* ---- what the guest was told ---- */

/* One value that a sector was given; an older one of the same sector is `before`. */
struct value {
    uint32_t tag;   /* each byte of four bytes' words; 0: zeroes */
    int before;     /* index or -1 */
    unsigned start; /* length of the log when the request began */
    unsigned acked; /* ... when it was known to be stable; UINT_MAX: never */
    bool maybe;     /* the request failed: perhaps it was done */
};

struct guest {
    GArray *values;
    int last[SECTORS]; /* index of the newest value, -1: zeroes from the start */
    unsigned unacked;  /* first value without `acked` */
    uint32_t next_tag;
};

static unsigned log_len(void)
{
    return the_recorder->log->len;
}

static void give(struct guest *g, uint32_t sector, uint32_t n, uint32_t tag, unsigned start,
                 bool failed, bool fua)
{
    for (uint32_t i = sector; i < sector + n; i++) {
        struct value v = {tag, g->last[i], start, UINT_MAX, failed};

        v.acked = fua && !failed ? log_len() : UINT_MAX;
        g->last[i] = (int)g->values->len;
        g_array_append_val(g->values, v);
    }
}

static void acknowledge(struct guest *g)
{
    for (; g->unacked < g->values->len; g->unacked++) {
        struct value *v = &g_array_index(g->values, struct value, g->unacked);

        v->acked = min_u64(v->acked, log_len());
    }
}

static void fill(uint32_t *words, uint32_t n, uint32_t tag)
{
    for (uint32_t i = 0; i < n * SECTOR / 4; i++) {
        words[i] = tag;
    }
}

/* A discard may keep what it likes: the guest looks. */
static void look(struct guest *g, struct block_node *node, uint32_t sector, uint32_t n,
                 unsigned start)
{
    g_autofree uint32_t *words = g_malloc((size_t)n * SECTOR);
    bool failed = block_pread(node, (uint64_t)sector * SECTOR, words, (size_t)n * SECTOR) < 0;

    for (uint32_t i = 0; i < n; i++) {
        give(g, sector + i, 1, failed ? 0 : words[i * (SECTOR / 4)], start, true, false);
    }
}

static void step(struct guest *g, struct block_node *node, uint32_t *words)
{
    uint32_t sector = (uint32_t)g_test_rand_int_range(0, SECTORS);
    uint32_t most = (uint32_t)g_test_rand_int_range(1, g_test_rand_bit() ? 300 : 9);
    uint32_t n = MIN(most, SECTORS - sector);
    uint64_t offset = (uint64_t)sector * SECTOR, len = (uint64_t)n * SECTOR;
    unsigned start = log_len();
    int what = g_test_rand_int_range(0, 20), r;

    if (what < 12) {
        unsigned flags = what < 2 ? BLOCK_REQ_FUA : 0;
        uint32_t tag = ++g->next_tag;

        fill(words, n, tag);
        r = block_pwrite(node, offset, words, len, flags);
        give(g, sector, n, tag, start, r < 0, flags != 0);
    } else if (what < 15) {
        unsigned flags = what == 12 ? BLOCK_REQ_FUA : what == 13 ? BLOCK_REQ_UNMAP : 0;

        r = block_pwrite_zeroes(node, offset, len, flags);
        give(g, sector, n, 0, start, r < 0, what == 12);
    } else if (what < 16) {
        (void)block_discard(node, offset, len);
        look(g, node, sector, n, start);
    } else if (what < 18 && block_flush(node) == 0) {
        acknowledge(g);
    }
}

/* ---- after the cut ---- */

/* The file as the disk may hold it when the log is `cut` entries long. */
static uint8_t *cut_file(const struct recorder *rec, const uint8_t *first, gsize first_len,
                         unsigned cut, gsize *ret_len)
{
    GByteArray *file = g_byte_array_new();
    int keep = g_test_rand_int_range(0, 5); /* of four; 4: everything */
    unsigned flushed = 0;

    g_byte_array_append(file, first, (guint)first_len);
    for (unsigned i = 0; i < cut; i++) {
        flushed = g_array_index(rec->log, struct entry, i).flush ? i : flushed;
    }
    for (unsigned i = 0; i < cut; i++) {
        const struct entry *e = &g_array_index(rec->log, struct entry, i);

        for (uint64_t at = 0, n; at < e->len; at += n) {
            guint old = file->len;
            uint64_t to = e->offset + at;

            n = MIN(SECTOR - to % SECTOR, e->len - at);
            if (i >= flushed && !e->stable && g_test_rand_int_range(0, 4) >= keep) {
                continue;
            }
            if (to + n > old) {
                g_byte_array_set_size(file, (guint)(to + n));
                memset(file->data + old, 0, to + n - old);
            }
            if (e->data != NULL) {
                memcpy(file->data + to, e->data + at, n);
            } else {
                memset(file->data + to, 0, n);
            }
        }
    }
    *ret_len = file->len;
    return g_byte_array_free(file, FALSE);
}

static bool allowed(const struct guest *g, uint32_t sector, unsigned cut, uint32_t tag)
{
    for (int i = g->last[sector]; i >= 0;) {
        const struct value *v = &g_array_index(g->values, struct value, i);

        if (v->start <= cut && v->tag == tag) {
            return true;
        }
        if (v->acked <= cut && !v->maybe) {
            return false;
        }
        i = v->before;
    }
    return tag == 0;
}

static void expect_content(const struct guest *g, struct block_node *node, unsigned cut)
{
    g_autofree uint32_t *words = g_malloc(DISK);

    g_assert_cmpint(block_pread(node, 0, words, DISK), ==, 0);
    for (uint32_t s = 0; s < SECTORS; s++) {
        const uint32_t *w = words + (size_t)s * (SECTOR / 4);

        for (unsigned k = 1; k < SECTOR / 4; k++) {
            g_assert_cmpuint(w[k], ==, w[0]);
        }
        if (!allowed(g, s, cut, w[0])) {
            g_test_message("cut after %u: sector %u holds %u", cut, s, w[0]);
            g_assert_not_reached();
        }
    }
}

static void complain(void *opaque, const char *text)
{
    g_test_message("%s", text);
}

static void try_cut(const struct recorder *rec, const struct guest *g, const uint8_t *first,
                    gsize first_len, unsigned cut)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(block_node_ref) mem = open_text(graph, "{'driver':'mem','node-name':'m'}");
    g_autofree uint8_t *bytes = NULL;
    struct block_check check = {.note = complain};
    g_autoptr(GError) error = NULL;
    struct block_node *node;
    gsize len;

    bytes = cut_file(rec, first, first_len, cut, &len);
    g_assert_cmpint(block_pwrite(mem, 0, bytes, len, 0), ==, 0);
    node = open_text(graph, "{'driver':'qcow2','file':'m'}");
    g_assert_cmpint(node->driver->check(node, &check, 0, &error), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    g_assert_cmpuint(check.check_errors, ==, 0);
    expect_content(g, node, cut);
    block_unref(node);
}

/* ---- a trace ---- */

static uint8_t *new_image(struct block_graph *graph, const char *options, gsize *ret_len)
{
    g_autofree char *dir = g_dir_make_tmp("viv-powercut-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "disk.qcow2", NULL);
    json_object *opts = json_tokener_parse(options);
    struct block_create args = {path, DISK, opts, graph};
    g_autoptr(GError) error = NULL;
    char *bytes;

    block_driver_find("qcow2")->create(&args, &error);
    g_assert_no_error(error);
    json_object_put(opts);
    g_assert_true(g_file_get_contents(path, &bytes, ret_len, NULL));
    g_unlink(path);
    g_rmdir(dir);
    return (uint8_t *)bytes;
}

static void trace(const char *options, unsigned fail_one_in)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autofree struct guest *g = g_new0(struct guest, 1);
    g_autofree uint32_t *words = g_malloc(DISK);
    g_autofree uint8_t *first = NULL;
    struct recorder rec;
    struct block_node *node;
    gsize len;

    first = new_image(graph, options, &len);
    recorder_open(&rec, graph, first, len);
    g->values = g_array_new(FALSE, FALSE, sizeof(struct value));
    for (uint32_t i = 0; i < SECTORS; i++) {
        g->last[i] = -1;
    }
    node = open_text(graph, "{'driver':'qcow2','file':'m','discard':'unmap'}");
    rec.fail_one_in = fail_one_in;
    for (unsigned i = 0; i < STEPS; i++) {
        step(g, node, words);
    }
    for (unsigned i = 0; i < CUTS; i++) {
        try_cut(&rec, g, first, len, (unsigned)g_test_rand_int_range(0, (int)log_len() + 1));
    }
    rec.fail_one_in = 0;
    block_unref(node);
    try_cut(&rec, g, first, len, log_len());
    recorder_close(&rec);
    g_array_unref(g->values);
}

static void cuts(gconstpointer options)
{
    trace(options, 0);
}

static void cuts_with_errors(gconstpointer options)
{
    trace(options, 15);
}

int main(int argc, char **argv)
{
    static const char *const layouts[] = {
        "{}",
        "{'compat':'0.10'}",
        "{'lazy_refcounts':'on'}",
        "{'cluster_size':'512','refcount_bits':64}",
        "{'cluster_size':'1k','lazy_refcounts':'on'}",
        "{'cluster_size':'4k','refcount_bits':1}",
        "{'preallocation':'metadata'}",
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        g_autofree char *plain = g_strdup_printf("/powercut/%s", layouts[i]);
        g_autofree char *errors = g_strdup_printf("/powercut/errors/%s", layouts[i]);

        g_test_add_data_func(plain, layouts[i], cuts);
        g_test_add_data_func(errors, layouts[i], cuts_with_errors);
    }
    return g_test_run();
}
