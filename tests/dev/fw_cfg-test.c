/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg by ports and by DMA, as SeaBIOS, OVMF and Linux read it. */
#include "machine/dev/pc/fw_cfg.h"
#include "rig.h"

#include "base/endian.h"

#include <string.h>

static void select_key(struct rig *r, uint16_t key)
{
    rig_out(r, 0x510, 2, key);
}

static uint32_t rd32(struct rig *r)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < 4; i++) {
        v = v << 8 | (uint32_t)rig_in(r, 0x511, 1);
    }
    return v;
}

static struct fw_cfg *add(struct rig *r)
{
    struct fw_cfg *f = fw_cfg_of(rig_make(r, &fw_cfg_class));

    g_assert_true(fw_cfg_add_file(f, "etc/b", "bbbb", 4, NULL));
    g_assert_true(fw_cfg_add_file(f, "etc/a", "aa", 2, NULL));
    rig_start(r, (struct dev *)f, NULL);
    return f;
}

static void test_ports(void)
{
    struct rig *r = rig_new();
    struct fw_cfg *f = add(r);
    size_t len;

    select_key(r, FW_CFG_SIGNATURE);
    g_assert_cmphex(rd32(r), ==, 0x51454d55);
    g_assert_cmphex(rig_in(r, 0x511, 1), ==, 0); /* past the end */
    select_key(r, FW_CFG_ID);
    g_assert_cmphex(rd32(r), ==, 0x03000000);
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, 0x1234);
    select_key(r, FW_CFG_NB_CPUS);
    g_assert_cmphex(rd32(r), ==, 0x34120000);
    fw_cfg_add_string(f, FW_CFG_CMDLINE_DATA, "quiet");
    g_assert_cmpstr(fw_cfg_get(f, FW_CFG_CMDLINE_DATA, &len), ==, "quiet");
    g_assert_cmpuint(len, ==, 6);
    select_key(r, 0x7777);
    g_assert_cmphex(rd32(r), ==, 0);
    rig_free(r);
}

static void test_directory(void)
{
    struct rig *r = rig_new();
    struct fw_cfg *f = add(r);
    g_autoptr(GError) error = NULL;
    char name[57] = "";

    select_key(r, FW_CFG_FILE_DIR);
    g_assert_cmpuint(rd32(r), ==, 2);
    g_assert_cmpuint(rd32(r), ==, 2); /* etc/a: length, selector, name */
    g_assert_cmphex(rd32(r), ==, 0x00200000);
    for (unsigned i = 0; i < 56; i++) {
        name[i] = (char)rig_in(r, 0x511, 1);
    }
    g_assert_cmpstr(name, ==, "etc/a");
    g_assert_cmpuint(rd32(r), ==, 4);
    g_assert_cmphex(rd32(r), ==, 0x00210000);
    select_key(r, fw_cfg_file_key(f, "etc/b"));
    g_assert_cmphex(rd32(r), ==, 0x62626262);
    g_assert_false(fw_cfg_add_file(f, "etc/a", "x", 1, &error));
    g_clear_error(&error);
    memset(name, 'n', 56);
    g_assert_false(fw_cfg_add_file(f, name, "x", 1, &error));
    g_assert_nonnull(error);
    rig_free(r);
}

static uint32_t dma(struct rig *r, uint32_t control, uint32_t len, uint64_t addr)
{
    uint8_t *request = r->ram->host + 0x1000;

    st_be32(request, control);
    st_be32(request + 4, len);
    st_be64(request + 8, addr);
    rig_out(r, 0x514, 4, 0);
    rig_out(r, 0x518, 4, __builtin_bswap32(0x1000));
    return ld_be32(request);
}

struct written {
    unsigned n;
    uint8_t last;
};

static void written(void *opaque, const uint8_t *data, size_t off, size_t len)
{
    struct written *w = opaque;

    w->n++;
    w->last = data[off];
}

static void test_dma(void)
{
    struct rig *r = rig_new();
    struct fw_cfg *f = add(r);
    struct written w = {0};
    const struct fw_cfg_hooks hooks = {.written = written, .opaque = &w};
    uint32_t b = (uint32_t)fw_cfg_file_key(f, "etc/b") << 16;
    uint32_t own;

    g_assert_cmphex(rig_in(r, 0x514, 4), ==, __builtin_bswap32(0x51454d55));
    g_assert_cmphex(rig_in(r, 0x518, 4), ==, __builtin_bswap32(0x20434647));
    memset(r->ram->host + 0x2000, 0xee, 16);
    g_assert_cmphex(dma(r, b | 8 | 2, 6, 0x2000), ==, 0);
    g_assert_cmpmem(r->ram->host + 0x2000, 7, "bbbb\0\0\xee", 7);
    g_assert_cmphex(dma(r, b | 8 | 4, 3, 0), ==, 0); /* skip */
    g_assert_cmphex(rig_in(r, 0x511, 1), ==, 'b');
    g_assert_cmphex(rig_in(r, 0x511, 1), ==, 0);
    g_assert_cmphex(dma(r, b | 8 | 16, 1, 0x2000), ==, 1); /* read-only */
    g_assert_cmphex(dma(r, b | 8 | 2, 4, RIG_RAM), ==, 1); /* no memory there */
    g_assert_true(fw_cfg_add_file_hooks(f, "etc/w", "\0\0\0\0", 4, &hooks, NULL));
    own = (uint32_t)fw_cfg_file_key(f, "etc/w") << 16;
    g_assert_cmphex(dma(r, own | 8 | 16, 5, 0x2000), ==, 1); /* longer than it is */
    g_assert_cmpuint(w.n, ==, 0);
    g_assert_cmphex(dma(r, own | 8 | 16, 4, 0x2000), ==, 0);
    g_assert_cmpuint(w.n, ==, 1);
    g_assert_cmphex(w.last, ==, 'b');
    rig_round_trip((struct dev *)f);
    rig_bad_states((struct dev *)f);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/ports", test_ports);
    g_test_add_func("/fw_cfg/directory", test_directory);
    g_test_add_func("/fw_cfg/dma", test_dma);
    return g_test_run();
}
