/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM blocks, the dirty log, code generations, the software TLB and DMA. */
#include "machine/core/dma.h"
#include "machine/core/tlb.h"

#include <errno.h>
#include <gio/gio.h>
#include <unistd.h>

static void blocks(void)
{
    g_autoptr(GError) error = NULL;
    struct ram_block *b = ram_block_new("pc.ram", 5000, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(b->size, ==, 8192);
    g_assert_cmpint(b->fd, >=, 0);
    ram_st32(b->host + 1, 0x11223344);
    g_assert_cmphex(ram_ld16(b->host + 2), ==, 0x2233);
    ram_block_free(b);
    g_assert_null(ram_block_new("none", 0, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_null(ram_block_new("huge", UINT64_C(1) << 60, &error));
    g_assert_nonnull(strstr(error->message, "1152921504606846976"));
}

static void file_backed(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-ram-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "mem", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize len;
    struct ram_source file = {RAM_FILE, path}, folder = {RAM_FILE, dir, .private_copy = true};
    struct ram_source nowhere = {RAM_FILE, "/nonexistent/x"};
    struct ram_block *b = ram_block_new_of("f", 4096, &file, &error);

    g_assert_no_error(error);
    ram_write(b->host + 4, "viva", 4);
    ram_block_free(b);
    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    g_assert_cmpuint(len, ==, 4096);
    g_assert_cmpmem(text + 4, 4, "viva", 4);
    b = ram_block_new_of("d", 4096, &folder, &error);
    g_assert_no_error(error);
    ram_block_free(b);
    g_assert_null(ram_block_new_of("no", 4096, &nowhere, &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/x"));
    unlink(path);
    rmdir(dir);
}

static void code(void)
{
    struct ram_block *b = ram_block_new("ram", 4 * RAM_PAGE_SIZE, NULL);
    uint32_t g0 = ram_code_enter(b, 0x1040, 64);

    g_assert_true(ram_has_code(b, 0x1fff));
    g_assert_false(ram_has_code(b, 0x2000));
    g_assert_false(ram_wrote(b, 0x1000, 0x40));
    g_assert_false(ram_wrote(b, 0x1080, 1));
    g_assert_cmpuint(ram_code_generation(b, 0x1000), ==, g0);
    g_assert_true(ram_wrote(b, 0x0fff, 0x42));
    g_assert_cmpuint(ram_code_generation(b, 0x1000), !=, g0);
    g_assert_false(ram_has_code(b, 0x1000));
    ram_block_free(b);
}

static void dirty(void)
{
    struct ram_block *b = ram_block_new("ram", 200 * RAM_PAGE_SIZE, NULL);

    g_assert_false(ram_dirty_take(b, 0, b->size));
    ram_dirty_log(b, true);
    ram_wrote(b, 70 * RAM_PAGE_SIZE - 1, 2);
    g_assert_false(ram_dirty_take(b, 0, 69 * RAM_PAGE_SIZE));
    g_assert_true(ram_dirty_take(b, 69 * RAM_PAGE_SIZE, 1));
    g_assert_true(ram_dirty_take(b, 70 * RAM_PAGE_SIZE, 1));
    g_assert_false(ram_dirty_take(b, 0, b->size));
    ram_dirty_log(b, false);
    ram_wrote(b, 0, 1);
    g_assert_false(ram_dirty_take(b, 0, b->size));
    ram_block_free(b);
}

static void tlb(void)
{
    struct ram_block *b = ram_block_new("ram", 16 * RAM_PAGE_SIZE, NULL);
    struct tlb *t = g_new0(struct tlb, 1);
    const uint64_t va = 0xffffffff80003000;

    tlb_init(t);
    g_assert_null(tlb_lookup(t, 1, TLB_READ, va, 1));
    tlb_fill(t, 1, TLB_READ, va, b, 0x2000);
    tlb_fill(t, 1, TLB_WRITE, va, b, 0x2000);
    g_assert_true(tlb_lookup(t, 1, TLB_READ, va + 8, 8) == b->host + 0x2008);
    g_assert_null(tlb_lookup(t, 1, TLB_READ, va + 0xffd, 4)); /* crosses */
    g_assert_null(tlb_lookup(t, 0, TLB_READ, va, 1));
    g_assert_nonnull(tlb_lookup(t, 1, TLB_WRITE, va, 1));
    tlb_protect(t, b->host + 0x2000);
    g_assert_null(tlb_lookup(t, 1, TLB_WRITE, va, 1));
    g_assert_nonnull(tlb_lookup(t, 1, TLB_READ, va, 1));
    ram_code_enter(b, 0x2000, 1);
    tlb_fill(t, 1, TLB_WRITE, va, b, 0x2000);
    g_assert_null(tlb_lookup(t, 1, TLB_WRITE, va, 1));
    g_assert_true(ram_wrote(b, 0x2000, 1));
    tlb_fill(t, 1, TLB_WRITE, va, b, 0x2000);
    g_assert_nonnull(tlb_lookup(t, 1, TLB_WRITE, va, 1));
    tlb_flush_page(t, va + 5);
    g_assert_null(tlb_lookup(t, 1, TLB_READ, va, 1));
    tlb_fill(t, 2, TLB_FETCH, va, b, 0);
    tlb_flush(t);
    g_assert_null(tlb_lookup(t, 2, TLB_FETCH, va, 1));
    g_assert_cmpuint(t->flushes, ==, 2);
    g_free(t);
    ram_block_free(b);
}

static void dma(void)
{
    struct quiesce *q = quiesce_new();
    struct bus *bus = bus_new("memory", 40, q);
    struct ram_block *b = ram_block_new("ram", 2 * RAM_PAGE_SIZE, NULL);
    static const struct bus_ops ops = {0};
    struct bus_region low, high, io;
    struct dma d = {.bus = bus, .enabled = true};
    struct iovec iov[4];
    unsigned n = 0;
    uint64_t v;
    uint8_t buf[64] = {0};

    bus_region_init_ram(&low, "low", b, RAM_PAGE_SIZE, RAM_PAGE_SIZE);
    bus_region_init_rom(&high, "rom", b, 0, RAM_PAGE_SIZE, NULL, NULL, NULL);
    bus_region_init_io(&io, "io", 4096, &ops, NULL, NULL);
    bus_map(bus, 0, &low, 0, 4096, 0, false);
    bus_map(bus, 4096, &high, 0, 4096, 0, false);
    bus_map(bus, 8192, &io, 0, 4096, 0, false);
    g_assert_cmpint(dma_st64(&d, 8, 0x0102030405060708), ==, 0);
    g_assert_cmpint(dma_ld64(&d, 8, &v), ==, 0);
    g_assert_cmphex(v, ==, 0x0102030405060708);
    g_assert_cmphex(b->host[RAM_PAGE_SIZE + 8], ==, 8);
    g_assert_cmpint(dma_read(&d, 4096 - 32, buf, 64), ==, 0);
    g_assert_cmpint(dma_write(&d, 4096 - 32, buf, 64), ==, -EFAULT);
    g_assert_cmpint(dma_read(&d, 8192, buf, 1), ==, -EFAULT);
    g_assert_cmpint(dma_read(&d, UINT64_MAX, buf, 64), ==, -EFAULT);
    g_assert_cmpint(dma_map(&d, 4000, 200, false, iov, 4, &n), ==, 0);
    g_assert_cmpuint(n, ==, 2);
    g_assert_cmpuint(iov[0].iov_len + iov[1].iov_len, ==, 200);
    g_assert_cmpint(dma_map(&d, 4000, 200, true, iov, 4, &n), ==, -EFAULT);
    n = 3;
    g_assert_cmpint(dma_map(&d, 4000, 200, false, iov, 4, &n), ==, -E2BIG);
    ram_code_enter(b, RAM_PAGE_SIZE, 64);
    dma_wrote(&d, 0, 10);
    g_assert_false(ram_has_code(b, RAM_PAGE_SIZE));
    d.enabled = false;
    g_assert_cmpint(dma_st16(&d, 8, 1), ==, -EFAULT);
    bus_free(bus);
    quiesce_free(q);
    ram_block_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram/blocks", blocks);
    g_test_add_func("/ram/file-backed", file_backed);
    g_test_add_func("/ram/code", code);
    g_test_add_func("/ram/dirty", dirty);
    g_test_add_func("/ram/tlb", tlb);
    g_test_add_func("/ram/dma", dma);
    return g_test_run();
}
