/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg: how the machine tells firmware and guest what it is made of. Selector and data ports at
 * 510h and 511h, DMA at 514h; or in memory, where a board says. QEMU documentation, "QEMU Firmware
 * Configuration (fw_cfg) Device".
 *
 * The board adds items while it builds the machine (main loop); files are sorted by name, which
 * fixes their selectors. Afterwards an item's bytes may be replaced with the machine stopped or
 * from a `selected` callback.
 */
#ifndef VIV_MACHINE_DEV_PC_FW_CFG_H
#define VIV_MACHINE_DEV_PC_FW_CFG_H

#include "machine/core/dev.h"

/* Items that are not files. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,
    FW_CFG_ACPI_TABLES = 0x8000,
    FW_CFG_SMBIOS_ENTRIES = 0x8001,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_HPET = 0x8004,
};

#define FW_CFG_NAME_MAX  55   /* bytes of a file's name */
#define FW_CFG_FILES_MAX 1024 /* files */

struct fw_cfg; /* begins with a struct dev */

/* The board's own device "fw_cfg_io": dev_new, cast, dev_realize maps the ports. */
extern const struct dev_class fw_cfg_class;

/* The same in memory, "fw_cfg_mem": data at 0, selector at 8, DMA at 16, big-endian. */
extern const struct dev_class fw_cfg_mem_class;
#define FW_CFG_MEM_SIZE 24
/* Before realize of a fw_cfg_mem. */
void fw_cfg_place(struct fw_cfg *f, gpa base);

static inline struct fw_cfg *fw_cfg_of(struct dev *dev)
{
    return (struct fw_cfg *)dev;
}

/* Adds or replaces an item. Copies `data`. Integers are stored little-endian. */
void fw_cfg_add_bytes(struct fw_cfg *f, uint16_t key, const void *data, size_t len);
void fw_cfg_add_string(struct fw_cfg *f, uint16_t key, const char *value); /* with its NUL */
void fw_cfg_add_u16(struct fw_cfg *f, uint16_t key, uint16_t value);
void fw_cfg_add_u32(struct fw_cfg *f, uint16_t key, uint32_t value);
void fw_cfg_add_u64(struct fw_cfg *f, uint16_t key, uint64_t value);

/*
 * Adds a file the guest may read. Copies `data`. FALSE if the name is empty, too long or taken, or
 * there are too many; fw_cfg_set_file replaces or adds.
 */
gboolean fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean fw_cfg_set_file(struct fw_cfg *f, const char *name, const void *data, size_t len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a file may do beyond holding bytes. Called under the fw_cfg's lock, on a vCPU's thread. */
struct fw_cfg_hooks {
    /* The guest selected the file: bytes may be replaced with fw_cfg_replace_locked. */
    void (*selected)(void *opaque);
    /* The guest has written [off, off + len) by DMA. NULL: the guest cannot write. */
    void (*written)(void *opaque, const uint8_t *data, size_t off, size_t len);
    void *opaque;
};
gboolean fw_cfg_add_file_hooks(struct fw_cfg *f, const char *name, const void *data, size_t len,
                               const struct fw_cfg_hooks *hooks,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* From a hook: new bytes for the file; the length the guest sees in the directory follows. */
void fw_cfg_replace_locked(struct fw_cfg *f, const char *name, const void *data, size_t len);

/* Borrowed bytes of a file or item, or NULL. Main loop, stopped machine. */
const void *fw_cfg_get_file(struct fw_cfg *f, const char *name, size_t *ret_len);
const void *fw_cfg_get(struct fw_cfg *f, uint16_t key, size_t *ret_len);
/* Selector of a file, or 0. */
uint16_t fw_cfg_file_key(struct fw_cfg *f, const char *name);

#endif
