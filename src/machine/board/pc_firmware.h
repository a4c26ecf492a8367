/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware files: where they are looked for, and -bios as ROM below 4 GiB with its copy below
 * 1 MiB. */
#ifndef VIV_MACHINE_BOARD_PC_FIRMWARE_H
#define VIV_MACHINE_BOARD_PC_FIRMWARE_H

#include "machine/core/config.h"
#include "machine/core/machine.h"

struct pc_firmware {
    struct ram_block *rom; /* "pc.bios"; the machine owns it */
    struct bus_region region;
};

/* Path of a firmware file: `name` itself if it has a slash or exists, else in config's folders and
 * those of the distribution. Newly allocated, or NULL with an error that lists where it was sought.
 */
char *pc_firmware_find(const struct machine_config *config, const char *name, GError **error);

/* Shows the end of a realized flash below 1 MiB, as firmware expects it at reset. */
void pc_firmware_show_flash(struct pc_firmware *fw, struct machine *m, const struct dev *flash);

/* Loads and maps config->firmware, or SeaBIOS. Main loop. */
gboolean pc_firmware_init(struct pc_firmware *fw, struct machine *m,
                          const struct machine_config *config,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
