/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bzImage by the 32-bit entry point. Linux, Documentation/arch/x86/boot.rst (protocol 2.02 and
 * later, loaded high) and zero-page.rst.
 */
#include "machine/board/boot_plan.h"

#include "base/endian.h"
#include "machine/board/pc_memory.h"

#define SETUP_SECTS     0x1f1
#define HEADER_JUMP     0x201 /* its offset byte ends the header */
#define HEADER_MAGIC    0x202
#define VERSION         0x206
#define LOADER_TYPE     0x210
#define LOAD_FLAGS      0x211
#define LOADED_HIGH     0x01
#define CAN_USE_HEAP    0x80
#define RAMDISK_IMAGE   0x218
#define RAMDISK_SIZE    0x21c
#define HEAP_END        0x224
#define CMD_LINE        0x228
#define INITRD_MAX      0x22c
#define KERNEL_ALIGN    0x230
#define RELOCATABLE     0x234
#define CMDLINE_SIZE    0x238
#define PREF_ADDRESS    0x258
#define INIT_SIZE       0x260
#define HEADER_SIZE_MIN 0x230

#define ZERO_PAGE      4096
#define ZP_RSDP        0x070
#define ZP_E820_COUNT  0x1e8
#define ZP_E820        0x2d0
#define ZP_E820_MAX    128
#define KERNEL_ADDRESS 0x100000

static gboolean bad(GError **error, const char *what)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "bzImage: %s", what);
    return FALSE;
}

static uint64_t protected_offset(const uint8_t *k)
{
    return (k[SETUP_SECTS] ? k[SETUP_SECTS] + 1 : 5) * 512;
}

static gboolean check(const uint8_t *k, size_t len, GError **error)
{
    if (ld_le16(k + VERSION) < 0x0202 || !(k[LOAD_FLAGS] & LOADED_HIGH)) {
        return bad(error, "kernels older than boot protocol 2.02, and zImages, are not supported");
    }
    if (protected_offset(k) >= len) {
        return bad(error, "cut short");
    }
    return TRUE;
}

/* Where the kernel unpacks itself; nothing else may lie there. */
static void claim(const uint8_t *k, uint64_t kernel_len, gpa *ret_addr, uint64_t *ret_size)
{
    *ret_addr = KERNEL_ADDRESS;
    *ret_size = kernel_len;
    if (ld_le16(k + VERSION) >= 0x020a) {
        gpa pref = ld_le64(k + PREF_ADDRESS);
        uint64_t init = ld_le32(k + INIT_SIZE);

        if (pref >= KERNEL_ADDRESS && pref < UINT32_MAX && k[RELOCATABLE]) {
            *ret_addr = pref;
        }
        *ret_size = MAX(init, kernel_len);
    }
}

static gboolean put_initrd(struct boot_plan *plan, const struct boot_source *source,
                           uint8_t *zero_page, GError **error)
{
    gsize len;
    const void *data;
    uint64_t max = UINT64_C(0x37ffffff);
    gpa addr;

    if (!source->initrd) {
        return TRUE;
    }
    data = g_bytes_get_data(source->initrd, &len);
    if (ld_le16(zero_page + VERSION) >= 0x0203) {
        max = ld_le32(zero_page + INITRD_MAX);
    }
    addr = boot_plan_place(plan, source, len, max + 1);
    if (!addr) {
        return bad(error, "the initrd does not fit into the guest's memory");
    }
    st_le32(zero_page + RAMDISK_IMAGE, addr);
    st_le32(zero_page + RAMDISK_SIZE, len);
    return boot_plan_put(plan, source, "initrd", addr, data, len, len, error);
}

static gboolean put_cmdline(struct boot_plan *plan, const struct boot_source *source,
                            uint8_t *zero_page, GError **error)
{
    size_t len = strlen(source->cmdline), max = 255;

    if (ld_le16(zero_page + VERSION) >= 0x0206) {
        max = ld_le32(zero_page + CMDLINE_SIZE);
    }
    max = MIN(max, BOOT_CMDLINE_MAX - 1);
    if (len > max) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "bzImage: the command line has %zu bytes, this kernel takes %zu", len, max);
        return FALSE;
    }
    st_le32(zero_page + CMD_LINE, BOOT_CMDLINE);
    return boot_plan_put(plan, source, "command line", BOOT_CMDLINE, source->cmdline, len + 1,
                         len + 1, error);
}

static void fill_zero_page(uint8_t *zero_page, const uint8_t *k, const struct boot_source *source)
{
    unsigned end = MIN(0x202u + k[HEADER_JUMP], 0x290u);
    unsigned n = MIN(source->e820->len, ZP_E820_MAX);

    memcpy(zero_page + SETUP_SECTS, k + SETUP_SECTS, MAX(end, HEADER_SIZE_MIN) - SETUP_SECTS);
    zero_page[LOADER_TYPE] = 0xff; /* none of the registered loaders */
    zero_page[LOAD_FLAGS] |= CAN_USE_HEAP;
    st_le16(zero_page + HEAP_END, 0xfe00);
    st_le64(zero_page + ZP_RSDP, source->rsdp);
    zero_page[ZP_E820_COUNT] = n;
    memcpy(zero_page + ZP_E820, source->e820->data, n * sizeof(struct e820_entry));
}

static gboolean plan_all(struct boot_plan *plan, const struct boot_source *source, const uint8_t *k,
                         size_t len, GError **error)
{
    uint8_t zero_page[ZERO_PAGE] = {0};
    uint64_t off = protected_offset(k), claimed;
    gpa addr;

    fill_zero_page(zero_page, k, source);
    claim(k, len - off, &addr, &claimed);
    if (addr < KERNEL_ADDRESS + (len - off)) {
        claimed = addr + claimed > KERNEL_ADDRESS + (len - off)
                      ? addr + claimed - (KERNEL_ADDRESS + (len - off))
                      : 0;
        addr = KERNEL_ADDRESS + (len - off);
    }
    /* The initrd keeps away from where the kernel unpacks itself. */
    if (!boot_plan_put(plan, source, "kernel", KERNEL_ADDRESS, k + off, len - off, 0, error) ||
        !boot_plan_put(plan, source, "unpacked kernel", addr, NULL, 0, claimed, error) ||
        !put_initrd(plan, source, zero_page, error) ||
        !put_cmdline(plan, source, zero_page, error) ||
        !boot_plan_put(plan, source, "zero page", BOOT_INFO, zero_page, ZERO_PAGE, ZERO_PAGE,
                       error)) {
        return FALSE;
    }
    plan->eip = KERNEL_ADDRESS;
    plan->esi = BOOT_INFO;
    return TRUE;
}

struct boot_plan *boot_linux(const struct boot_source *source, bool *ret_mine, GError **error)
{
    gsize len;
    const uint8_t *k = g_bytes_get_data(source->kernel, &len);
    struct boot_plan *plan;

    if (len < 0x290 || memcmp(k + HEADER_MAGIC, "HdrS", 4) != 0) {
        return NULL;
    }
    *ret_mine = true;
    if (!check(k, len, error)) {
        return NULL;
    }
    plan = boot_plan_new();
    if (!plan_all(plan, source, k, len, error)) {
        boot_plan_free(plan);
        return NULL;
    }
    return plan;
}
