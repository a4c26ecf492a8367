/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The view against a map kept byte by byte, policies one by one, and readers beside a writer. */
#include "machine/core/bus.h"

#define SPACE  4096
#define WINDOW 1024

struct log {
    unsigned n;
    struct {
        gpa off;
        uint64_t value, mask;
        unsigned size;
    } e[16];
};

static uint64_t io_read(void *opaque, gpa off, unsigned size)
{
    struct log *log = opaque;
    uint64_t v = 0;

    if (log && log->n < 16) {
        log->e[log->n].off = off;
        log->e[log->n++].size = size;
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)(uint8_t)(off + i) << (8 * i);
    }
    return v;
}

static void io_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct log *log = opaque;

    if (log && log->n < 16) {
        log->e[log->n].off = off;
        log->e[log->n].value = value;
        log->e[log->n++].size = size;
    }
}

static void io_lanes(void *opaque, gpa off, uint64_t value, uint64_t mask)
{
    struct log *log = opaque;

    log->e[log->n].off = off;
    log->e[log->n].value = value;
    log->e[log->n++].mask = mask;
}

/* One mapping of the model. */
struct model {
    struct bus_mapping *mapping;
    struct bus_region *region;
    gpa base, off;
    uint64_t len;
    int priority;
    bool readonly;
};

static void compare(struct bus *bus, const struct model *m, unsigned n)
{
    const struct bus_view *view = bus_view(bus);

    for (unsigned i = 1; i < view->n; i++) {
        g_assert_cmpuint(view->range[i - 1].last, <, view->range[i].start);
    }
    for (gpa a = 0; a < SPACE; a++) {
        const struct model *best = NULL;

        /* Later entries win among equals: the model keeps the order of mapping. */
        for (unsigned i = 0; i < n; i++) {
            if (a >= m[i].base && a - m[i].base < m[i].len &&
                (!best || m[i].priority >= best->priority)) {
                best = &m[i];
            }
        }
        const struct bus_range *r = bus_find(view, a, NULL);

        g_assert_true(!best == !r);
        if (best) {
            g_assert_true(r->region == best->region);
            g_assert_cmpuint(r->off + (a - r->start), ==, best->off + (a - best->base));
            g_assert_true(r->readonly == best->readonly);
        }
    }
}

static void random_mappings(void)
{
    struct quiesce *q = quiesce_new();
    struct bus *bus = bus_new("memory", 12, q);
    static const struct bus_ops ops = {.read = io_read};
    struct bus_region regions[4];
    struct model m[40];
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++) {
        bus_region_init_io(&regions[i], "r", WINDOW, &ops, NULL, NULL);
    }
    for (unsigned round = 0; round < 1500; round++) {
        if (n == G_N_ELEMENTS(m) || (n > 0 && g_test_rand_int_range(0, 3) == 0)) {
            unsigned k = g_test_rand_int_range(0, n);

            bus_unmap(bus, m[k].mapping);
            memmove(&m[k], &m[k + 1], (n - k - 1) * sizeof(m[0]));
            n--;
        } else {
            struct model *x = &m[n++];

            x->region = &regions[g_test_rand_int_range(0, 4)];
            x->base = g_test_rand_int_range(0, SPACE);
            x->off = g_test_rand_int_range(0, WINDOW / 2);
            x->len = g_test_rand_int_range(0, WINDOW / 2);
            x->priority = g_test_rand_int_range(-2, 3);
            x->readonly = g_test_rand_int_range(0, 2);
            x->mapping = bus_map(bus, x->base, x->region, x->off, x->len, x->priority, x->readonly);
        }
        if (round % 5 == 0) {
            compare(bus, m, n);
        }
    }
    compare(bus, m, n);
    bus_free(bus);
    quiesce_free(q);
}

/* Maps one region of `ops` at 0x100 and gives it a log. */
struct fixture {
    struct quiesce *q;
    struct bus *bus;
    struct bus_region region;
    struct log log;
};

static void open_io(struct fixture *f, const struct bus_ops *ops, uint64_t size)
{
    memset(f, 0, sizeof(*f));
    f->q = quiesce_new();
    f->bus = bus_new("memory", 32, f->q);
    bus_region_init_io(&f->region, "io", size, ops, &f->log, NULL);
    bus_map(f->bus, 0x100, &f->region, 0, size, 0, false);
}

static void close_io(struct fixture *f)
{
    bus_free(f->bus);
    quiesce_free(f->q);
}

static void split(void)
{
    static const struct bus_ops ops = {
        .read = io_read, .write = io_write, .min_size = 2, .max_size = 4};
    struct fixture f;
    uint64_t v;

    open_io(&f, &ops, 16);
    g_assert_cmpint(bus_read(f.bus, 0x100, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x0706050403020100);
    g_assert_cmpuint(f.log.n, ==, 2);
    g_assert_cmpint(bus_read(f.bus, 0x103, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 3);
    g_assert_cmpuint(f.log.e[2].off, ==, 2);
    g_assert_cmpuint(f.log.e[2].size, ==, 2);
    f.log.n = 0;
    g_assert_cmpint(bus_read(f.bus, 0x101, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x04030201);
    f.log.n = 0;
    g_assert_cmpint(bus_write(f.bus, 0x102, 0x55667788, 4), ==, BUS_OK);
    g_assert_cmpuint(f.log.n, ==, 2);
    g_assert_cmphex(f.log.e[0].value, ==, 0x7788);
    g_assert_cmphex(f.log.e[1].value, ==, 0x5566);
    g_assert_cmpuint(f.log.e[1].off, ==, 4);
    f.log.n = 0; /* narrower than legal, no lanes: ignored */
    g_assert_cmpint(bus_write(f.bus, 0x102, 1, 1), ==, BUS_OK);
    g_assert_cmpuint(f.log.n, ==, 0);
    close_io(&f);
}

static void lanes(void)
{
    static const struct bus_ops ops = {.read = io_read,
                                       .write = io_write,
                                       .write_lanes = io_lanes,
                                       .min_size = 4,
                                       .max_size = 4,
                                       .narrow = BUS_LANES,
                                       .unaligned = BUS_LANES};
    struct fixture f;

    open_io(&f, &ops, 16);
    bus_write(f.bus, 0x105, 0xab, 1);
    g_assert_cmpuint(f.log.n, ==, 1);
    g_assert_cmpuint(f.log.e[0].off, ==, 4);
    g_assert_cmphex(f.log.e[0].value, ==, 0xab00);
    g_assert_cmphex(f.log.e[0].mask, ==, 0xff00);
    bus_write(f.bus, 0x107, 0xaabbccdd, 4); /* two units */
    g_assert_cmpuint(f.log.n, ==, 3);
    g_assert_cmphex(f.log.e[1].mask, ==, 0xff000000);
    g_assert_cmphex(f.log.e[1].value, ==, 0xdd000000);
    g_assert_cmphex(f.log.e[2].mask, ==, 0x00ffffff);
    g_assert_cmphex(f.log.e[2].value, ==, 0xaabbcc);
    close_io(&f);
}

static void ignore_and_fault(void)
{
    static const struct bus_ops ops = {.read = io_read,
                                       .write = io_write,
                                       .min_size = 4,
                                       .max_size = 4,
                                       .narrow = BUS_IGNORE,
                                       .wide = BUS_FAULT,
                                       .big_endian = true};
    struct fixture f;
    uint64_t v;

    open_io(&f, &ops, 16);
    g_assert_cmpint(bus_read(f.bus, 0x100, 2, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0xffff);
    g_assert_cmpint(bus_read(f.bus, 0x100, 8, &v), ==, BUS_REFUSED);
    g_assert_cmphex(v, ==, UINT64_MAX);
    g_assert_cmpint(bus_write(f.bus, 0x100, 0, 8), ==, BUS_REFUSED);
    g_assert_cmpint(bus_read(f.bus, 0x104, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x04050607);
    g_assert_cmpint(bus_read(f.bus, 0x200, 4, &v), ==, BUS_UNASSIGNED);
    g_assert_cmphex(v, ==, 0xffffffff);
    close_io(&f);
}

static void ram_and_rom(void)
{
    struct quiesce *q = quiesce_new();
    struct bus *bus = bus_new("memory", 32, q);
    struct ram_block *ram = ram_block_new("ram", 3 * RAM_PAGE_SIZE, NULL);
    struct bus_region a, b;
    uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8}, back[16];
    uint64_t v;

    bus_region_init_ram(&a, "a", ram, 0, RAM_PAGE_SIZE);
    bus_region_init_rom(&b, "b", ram, 2 * RAM_PAGE_SIZE, RAM_PAGE_SIZE, NULL, NULL, NULL);
    bus_map(bus, 0, &a, 0, a.size, 0, false);
    bus_map(bus, RAM_PAGE_SIZE, &b, 0, b.size, 0, false);
    g_assert_cmpint(bus_copy_to(bus, RAM_PAGE_SIZE - 4, bytes, 8), ==, BUS_REFUSED);
    g_assert_cmpint(bus_read(bus, RAM_PAGE_SIZE - 4, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x04030201);
    g_assert_cmpint(bus_load(bus, RAM_PAGE_SIZE - 4, bytes, 8), ==, BUS_OK);
    g_assert_cmpint(bus_read(bus, RAM_PAGE_SIZE - 4, 8, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x0807060504030201);
    g_assert_cmpint(bus_write(bus, RAM_PAGE_SIZE, 0, 4), ==, BUS_REFUSED);
    g_assert_cmpint(bus_write(bus, 1, 0x123456789a, 5), ==, BUS_OK);
    g_assert_cmpint(bus_read(bus, 2, 3, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x345678);
    g_assert_cmpint(bus_copy_from(bus, 2 * RAM_PAGE_SIZE - 8, back, 16), ==, BUS_UNASSIGNED);
    g_assert_cmphex(back[8], ==, 0xff);
    g_assert_cmphex(back[7], ==, 0);
    bus_free(bus);
    quiesce_free(q);
    ram_block_free(ram);
}

struct race {
    struct bus *bus;
    struct quiesce *q;
    struct bus_region *regions;
    bool stop; /* atomic */
    unsigned reads;
};

static gpointer reader(gpointer data)
{
    struct race *r = data;
    struct quiesce_reader self;
    uint64_t v;

    quiesce_enter(r->q, &self);
    while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
        for (gpa a = 0; a < SPACE; a += 64) {
            if (bus_read(r->bus, a, 4, &v) == BUS_OK) {
                g_assert_cmphex((uint8_t)(v >> 8), ==, (uint8_t)(v + 1));
            }
        }
        bus_write(r->bus, 128, 1, 4);
        __atomic_fetch_add(&r->reads, 1, __ATOMIC_RELAXED);
        quiesce_point(&self);
    }
    quiesce_leave(&self);
    return NULL;
}

static void concurrent(void)
{
    struct quiesce *q = quiesce_new();
    struct bus *bus = bus_new("memory", 12, q);
    static const struct bus_ops ops = {.read = io_read};
    struct bus_region regions[8];
    struct race race = {.bus = bus, .q = q};
    struct bus_mapping *m[8];
    GThread *t[2];

    for (unsigned i = 0; i < 8; i++) {
        bus_region_init_io(&regions[i], "r", 512, &ops, NULL, NULL);
        m[i] = bus_map(bus, i * 512, &regions[i], 0, 512, 0, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        t[i] = g_thread_new("reader", reader, &race);
    }
    for (unsigned i = 0; i < 2000 || __atomic_load_n(&race.reads, __ATOMIC_RELAXED) < 50; i++) {
        unsigned k = i % 8;

        bus_begin(bus);
        bus_unmap(bus, m[k]);
        m[k] = bus_map(bus, g_test_rand_int_range(0, 64) * 64, &regions[k], 0, 512, 0, false);
        bus_commit(bus);
    }
    __atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++) {
        g_thread_join(t[i]);
    }
    g_assert_cmpuint(quiesce_collect(q), ==, 0);
    bus_free(bus);
    quiesce_free(q);
}

static void edges(void)
{
    struct quiesce *q = quiesce_new();
    struct bus *bus = bus_new("memory", 52, q);
    static const struct bus_ops ops = {.read = io_read};
    struct bus_region r;
    g_autoptr(GString) text = g_string_new(NULL);
    gpa next;

    bus_region_init_io(&r, "wide", UINT64_MAX, &ops, NULL, NULL);
    bus_map(bus, UINT64_MAX - 10, &r, 0, 4096, 0, false); /* wraps: nothing */
    g_assert_cmpuint(bus_view(bus)->n, ==, 0);
    bus_map(bus, (UINT64_C(1) << 52) - 16, &r, 0, 4096, 0, false); /* clipped */
    g_assert_cmpuint(bus_view(bus)->n, ==, 1);
    g_assert_null(bus_find(bus_view(bus), 0, &next));
    g_assert_cmphex(next, ==, (UINT64_C(1) << 52) - 16);
    bus_describe(bus, text);
    g_assert_cmpstr(text->str, ==, "000ffffffffffff0-000fffffffffffff i/o wide\n");
    bus_free(bus);
    quiesce_free(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bus/random-mappings", random_mappings);
    g_test_add_func("/bus/split", split);
    g_test_add_func("/bus/lanes", lanes);
    g_test_add_func("/bus/ignore-and-fault", ignore_and_fault);
    g_test_add_func("/bus/ram-and-rom", ram_and_rom);
    g_test_add_func("/bus/edges", edges);
    g_test_add_func("/bus/concurrent", concurrent);
    return g_test_run();
}
