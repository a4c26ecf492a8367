/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies in memory when the harts begin: OpenSBI's firmware (docs/firmware/fw_dynamic.md), the
 * kernel behind it (the kernel's Documentation/riscv/boot-image-header.rst), the initrd, the device
 * tree; and the reset code in ROM, which goes to the firmware.
 */
#include "machine/board/riscv/virt.h"

#include "base/endian.h"
#include "machine/guest/riscv64/insn.h"

#include <gio/gio.h>
#include <string.h>

#define FIRMWARE "opensbi-riscv64-generic-fw_dynamic.bin"

static const char *const firmware_paths[] = {
    "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
    "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin", NULL};

#define KERNEL_OFFSET UINT64_C(0x200000) /* from the start of RAM */
#define IMAGE_MAGIC   0x05435352         /* "RSC\x05" at offset 38h */
#define TREE_ALIGN    UINT64_C(0x200000)
#define TREE_LIMIT    UINT64_C(0xc0000000) /* the tree lies below: 32-bit firmware reaches it */

/* fw_dynamic_info. */
#define DYNAMIC_MAGIC   0x4942534f
#define DYNAMIC_VERSION 2
#define MODE_S          1

static GBytes *read_file(const char *path, const char *what, GError **error)
{
    char *data;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, error)) {
        g_prefix_error(error, "%s: ", what);
        return NULL;
    }
    return g_bytes_new_take(data, len);
}

static char *find_firmware(const struct machine_config *config, GError **error)
{
    for (const char *const *p = config->firmware_path; p && *p; p++) {
        g_autofree char *path = g_build_filename(*p, FIRMWARE, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS)) {
            return g_steal_pointer(&path);
        }
    }
    for (const char *const *p = firmware_paths; *p; p++) {
        if (g_file_test(*p, G_FILE_TEST_EXISTS)) {
            return g_strdup(*p);
        }
    }
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                "could not find OpenSBI: install Debian's package opensbi, or give -bios FILE or "
                "-bios none");
    return NULL;
}

/* FALSE: it does not fit into RAM, or onto what lies there. */
static gboolean put(struct virt *v, const char *what, gpa addr, GBytes *bytes, GError **error)
{
    uint64_t size = g_bytes_get_size(bytes);
    struct virt_piece piece = {addr, bytes};

    if (addr < VIRT_RAM || addr - VIRT_RAM > v->ram->size ||
        size > v->ram->size - (addr - VIRT_RAM)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                    "%s does not fit into the guest's memory: more than -m %" G_GUINT64_FORMAT
                    "M is needed",
                    what, v->ram->size >> 20);
        return FALSE;
    }
    for (guint i = 0; i < v->pieces->len; i++) {
        const struct virt_piece *p = &g_array_index(v->pieces, struct virt_piece, i);

        if (addr < p->addr + g_bytes_get_size(p->bytes) && p->addr < addr + size) {
            g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
                        "%s would lie on what was loaded before it", what);
            return FALSE;
        }
    }
    g_bytes_ref(bytes);
    g_array_append_val(v->pieces, piece);
    return TRUE;
}

/* Where the kernel goes by its own header; other formats begin right there. */
static gpa kernel_address(GBytes *kernel)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(kernel, &len);
    uint64_t offset;

    if (len < 64 || ld_le32(data + 0x38) != IMAGE_MAGIC) {
        return VIRT_RAM + KERNEL_OFFSET;
    }
    offset = ld_le64(data + 8);
    return VIRT_RAM + (offset ? offset : KERNEL_OFFSET);
}

/* The kernel's BSS follows its file; the initrd keeps away from it. */
static gpa initrd_address(const struct virt *v, gpa kernel)
{
    uint64_t half = v->ram->size / 2, most = UINT64_C(512) << 20;

    return kernel + (half < most ? half : most);
}

static void add32(GByteArray *rom, uint32_t v)
{
    uint8_t b[4];

    st_le32(b, v);
    g_byte_array_append(rom, b, 4);
}

static void add64(GByteArray *rom, uint64_t v)
{
    add32(rom, v);
    add32(rom, v >> 32);
}

/* Jumps to `start` with a0 the hart's number, a1 the tree, a2 what fw_dynamic looks at. */
static void make_rom(struct virt *v, gpa start, gpa tree, gpa next)
{
    g_autoptr(GByteArray) rom = g_byte_array_new();
    const unsigned start_at = 24, tree_at = 32, info_at = 40;

    add32(rom, 0x00000297);                  /* auipc t0, 0 */
    add32(rom, 0x00028613 | info_at << 20);  /* addi a2, t0, info_at */
    add32(rom, 0xf1402573);                  /* csrr a0, mhartid */
    add32(rom, 0x0002b583 | tree_at << 20);  /* ld a1, tree_at(t0) */
    add32(rom, 0x0002b283 | start_at << 20); /* ld t0, start_at(t0) */
    add32(rom, 0x00028067);                  /* jr t0 */
    add64(rom, start);
    add64(rom, tree);
    add64(rom, DYNAMIC_MAGIC);
    add64(rom, DYNAMIC_VERSION);
    add64(rom, next);
    add64(rom, MODE_S);
    add64(rom, 0); /* options */
    add64(rom, 0); /* boot hart */
    ram_write(v->rom->host, rom->data, rom->len);
}

/* Below the limit and the end of RAM. */
static gpa tree_address(const struct virt *v, gsize size)
{
    gpa top = VIRT_RAM + v->ram->size;

    top = top < TREE_LIMIT ? top : TREE_LIMIT;
    return size < top - VIRT_RAM ? (top - size) & ~(TREE_ALIGN - 1) : VIRT_RAM;
}

static gboolean plan_firmware(struct virt *v, gpa *ret_start, GError **error)
{
    const char *given = v->config->firmware;
    g_autofree char *path = NULL;
    g_autoptr(GBytes) bytes = NULL;

    *ret_start = VIRT_RAM;
    if (given && g_str_equal(given, "none")) {
        return TRUE;
    }
    path =
        given && !g_str_equal(given, "default") ? g_strdup(given) : find_firmware(v->config, error);
    bytes = path ? read_file(path, "-bios", error) : NULL;
    return bytes && put(v, path, VIRT_RAM, bytes, error);
}

gboolean virt_plan(struct virt *v, GError **error)
{
    const struct machine_config *config = v->config;
    g_autoptr(GBytes) kernel = NULL, initrd = NULL;
    gpa start, next = 0, initrd_at = 0, tree_at;
    size_t seed;

    if ((config->initrd || config->append) && !config->kernel) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s only allowed with -kernel option", config->initrd ? "-initrd" : "-append");
        return FALSE;
    }
    if (!plan_firmware(v, &start, error)) {
        return FALSE;
    }
    if (config->kernel) {
        kernel = read_file(config->kernel, "-kernel", error);
        next = kernel ? kernel_address(kernel) : 0;
        if (!kernel || !put(v, config->kernel, next, kernel, error)) {
            return FALSE;
        }
    }
    if (config->initrd) {
        initrd = read_file(config->initrd, "-initrd", error);
        initrd_at = initrd_address(v, next);
        if (!initrd || !put(v, config->initrd, initrd_at, initrd, error)) {
            return FALSE;
        }
    }
    v->tree = virt_tree(v, initrd_at, initrd ? g_bytes_get_size(initrd) : 0);
    tree_at = tree_address(v, g_bytes_get_size(v->tree));
    if (!put(v, "the device tree", tree_at, v->tree, error)) {
        return FALSE;
    }
    seed = virt_tree_seed(v->tree);
    v->rng_seed = seed ? tree_at + seed : 0;
    make_rom(v,
             config->kernel && config->firmware && g_str_equal(config->firmware, "none") ? next
                                                                                         : start,
             tree_at, next);
    return TRUE;
}
