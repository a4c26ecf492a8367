/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/pc_firmware.h"

#include "machine/dev/pc/pflash.h"

#include <string.h>

#define DEFAULT_FIRMWARE "bios-256k.bin"
#define FIRMWARE_MAX     (16u << 20)
#define LOW_COPY         0x20000 /* the last 128 KiB show below 1 MiB */

static const char *const folders[] = {"/usr/share/seabios", "/usr/share/qemu", "/usr/lib/ipxe/qemu",
                                      "/usr/share/ovmf",    "/usr/share/OVMF", NULL};

static char *find_in(const char *const *dirs, const char *name, GString *tried)
{
    for (; dirs && *dirs; dirs++) {
        char *path = g_build_filename(*dirs, name, NULL);

        if (g_file_test(path, G_FILE_TEST_EXISTS)) {
            return path;
        }
        g_string_append_printf(tried, " %s", *dirs);
        g_free(path);
    }
    return NULL;
}

char *pc_firmware_find(const struct machine_config *config, const char *name, GError **error)
{
    g_autoptr(GString) tried = g_string_new(NULL);
    char *path;

    if (strchr(name, '/') || g_file_test(name, G_FILE_TEST_EXISTS)) {
        return g_strdup(name);
    }
    path = find_in(config->firmware_path, name, tried);
    if (!path) {
        path = find_in(folders, name, tried);
    }
    if (!path) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "could not find firmware file '%s' in:%s", name, tried->str);
    }
    return path;
}

static gboolean check_size(const char *path, gsize len, GError **error)
{
    if (len == 0 || len % RAM_PAGE_SIZE || len > FIRMWARE_MAX) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "firmware '%s' has %zu bytes; a multiple of 4096 up to 16 MiB is needed", path,
                    len);
        return FALSE;
    }
    return TRUE;
}

gboolean pc_firmware_init(struct pc_firmware *fw, struct machine *m,
                          const struct machine_config *config, GError **error)
{
    g_autofree char *path =
        pc_firmware_find(config, config->firmware ? config->firmware : DEFAULT_FIRMWARE, error);
    g_autofree char *bytes = NULL;
    uint64_t low;
    gsize len;

    if (!path || !g_file_get_contents(path, &bytes, &len, error) || !check_size(path, len, error)) {
        return FALSE;
    }
    fw->rom = ram_block_new("pc.bios", len, error);
    if (!fw->rom) {
        return FALSE;
    }
    machine_add_ram(m, fw->rom);
    ram_write(fw->rom->host, bytes, len);
    fw->rom->readonly = true;
    bus_region_init_rom(&fw->region, "pc.bios", fw->rom, 0, len, NULL, NULL, NULL);
    bus_map(m->memory, UINT64_C(0x100000000) - len, &fw->region, 0, len, 0, false);
    low = MIN(len, LOW_COPY);
    bus_map(m->memory, 0x100000 - low, &fw->region, len - low, low, 0, false);
    return TRUE;
}

void pc_firmware_show_flash(struct pc_firmware *fw, struct machine *m, const struct dev *flash)
{
    uint64_t len = pflash_size(flash), low = MIN(len, LOW_COPY);

    bus_region_init_rom(&fw->region, "isa-bios", pflash_ram(flash), len - low, low, NULL, NULL,
                        NULL);
    bus_map(m->memory, 0x100000 - low, &fw->region, 0, low, 0, false);
}
