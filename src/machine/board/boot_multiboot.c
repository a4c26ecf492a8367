/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot Specification version 0.6.96: kernels with the header in their first 8 KiB. */
#include "machine/board/boot_elf.h"

#include "base/endian.h"
#include "machine/board/pc_memory.h"

#define HEADER_MAGIC   0x1badb002
#define LOADER_MAGIC   0x2badb002
#define SEARCH         8192
#define FLAG_VIDEO     (1u << 2)
#define FLAG_ADDRESSES (1u << 16)
#define FLAGS_REFUSED  0xfff8u /* required features beyond aligned modules, memory and video */

#define INFO_MEMORY  (1u << 0)
#define INFO_CMDLINE (1u << 2)
#define INFO_MODULES (1u << 3)
#define INFO_MMAP    (1u << 6)
#define INFO_LOADER  (1u << 9)
#define MODULES      (BOOT_INFO + 0x80)
#define LOADER_NAME  (BOOT_INFO + 0xa0)
#define MMAP         (BOOT_INFO + 0x100)
#define MMAP_MAX     128

/* Offset of the header, or -1. */
static int64_t find_header(const uint8_t *k, size_t len)
{
    for (size_t i = 0; i + 12 <= MIN(len, SEARCH); i += 4) {
        if (ld_le32(k + i) == HEADER_MAGIC &&
            ld_le32(k + i) + ld_le32(k + i + 4) + ld_le32(k + i + 8) == 0) {
            return i;
        }
    }
    return -1;
}

static gboolean bad(GError **error, const char *what)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Multiboot kernel: %s", what);
    return FALSE;
}

/* The header itself says what goes where. */
static gboolean put_flat(struct boot_plan *plan, const struct boot_source *source, const uint8_t *k,
                         size_t len, size_t at, GError **error)
{
    const uint8_t *h = k + at;
    uint32_t header = ld_le32(h + 12), load = ld_le32(h + 16), load_end = ld_le32(h + 20);
    uint32_t bss_end = ld_le32(h + 24);
    uint64_t from, n;

    if (header < load || header - load > at) {
        return bad(error, "its load address is impossible");
    }
    from = at - (header - load);
    n = load_end ? (uint64_t)load_end - load : len - from;
    if ((load_end && load_end < load) || n > len - from || (bss_end && bss_end < load + n)) {
        return bad(error, "its addresses are impossible");
    }
    plan->eip = ld_le32(h + 28);
    return boot_plan_put(plan, source, "kernel", load, k + from, n, bss_end ? bss_end - load : n,
                         error);
}

static gboolean put_elf(struct boot_plan *plan, const struct boot_source *source, const uint8_t *k,
                        size_t len, GError **error)
{
    struct elf_image elf;

    if (!elf_open(k, len, &elf) || elf.is64) {
        return bad(error, "neither addresses in its header nor a 32-bit ELF file");
    }
    plan->eip = elf.entry;
    return elf_put(&elf, plan, source, error);
}

static void put_mmap(uint8_t *info, const struct boot_source *source)
{
    unsigned n = MIN(source->e820->len, MMAP_MAX);

    st_le32(info + 44, n * 24);
    st_le32(info + 48, MMAP);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = info + (MMAP - BOOT_INFO) + 24 * i;

        st_le32(e, 20);
        memcpy(e + 4, &g_array_index(source->e820, struct e820_entry, i), 20);
    }
}

static gboolean put_info(struct boot_plan *plan, const struct boot_source *source, gpa initrd,
                         GError **error)
{
    uint8_t info[0x1000] = {0};
    uint32_t flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_LOADER;

    st_le32(info + 4, 639);
    st_le32(info + 8, (source->ram_top - 0x100000) / 1024);
    st_le32(info + 16, BOOT_CMDLINE);
    if (initrd) {
        flags |= INFO_MODULES;
        st_le32(info + 20, 1);
        st_le32(info + 24, MODULES);
        st_le32(info + (MODULES - BOOT_INFO), initrd);
        st_le32(info + (MODULES - BOOT_INFO) + 4, initrd + g_bytes_get_size(source->initrd));
        st_le32(info + (MODULES - BOOT_INFO) + 8, BOOT_CMDLINE + strlen(source->cmdline));
    }
    put_mmap(info, source);
    st_le32(info + 64, LOADER_NAME);
    memcpy(info + (LOADER_NAME - BOOT_INFO), "vivarium", 9);
    st_le32(info, flags);
    return boot_plan_put(plan, source, "multiboot information", BOOT_INFO, info, sizeof(info), 0,
                         error);
}

static gboolean plan_all(struct boot_plan *plan, const struct boot_source *source, const uint8_t *k,
                         size_t len, size_t at, GError **error)
{
    uint32_t flags = ld_le32(k + at + 4);
    gpa initrd;

    if (flags & (FLAGS_REFUSED | FLAG_VIDEO)) {
        return bad(error, "it requires a feature (such as a video mode) that is not built yet");
    }
    if ((flags & FLAG_ADDRESSES) && at + 32 > len) {
        return bad(error, "cut short");
    }
    if (!(flags & FLAG_ADDRESSES ? put_flat(plan, source, k, len, at, error)
                                 : put_elf(plan, source, k, len, error))) {
        return FALSE;
    }
    plan->eax = LOADER_MAGIC;
    plan->ebx = BOOT_INFO;
    return boot_plan_put_initrd(plan, source, &initrd, error) &&
           boot_plan_put_cmdline(plan, source, error) && put_info(plan, source, initrd, error);
}

struct boot_plan *boot_multiboot(const struct boot_source *source, bool *ret_mine, GError **error)
{
    gsize len;
    const uint8_t *k = g_bytes_get_data(source->kernel, &len);
    int64_t at = find_header(k, len);
    struct boot_plan *plan;

    if (at < 0) {
        return NULL;
    }
    *ret_mine = true;
    plan = boot_plan_new();
    if (!plan_all(plan, source, k, len, at, error)) {
        boot_plan_free(plan);
        return NULL;
    }
    return plan;
}
