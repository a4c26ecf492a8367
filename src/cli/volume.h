/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How commands find the volumes that they are about. One thread. */
#ifndef VIV_CLI_VOLUME_H
#define VIV_CLI_VOLUME_H

#include "cli/cli.h"

/* --vol, by its name in the pool that the option `pool` names; else by key, then by path. NULL with
 * messages. */
struct viv_volume *volume_find(struct cli *cli, const struct arguments *args, const char *pool);

static inline void volume_cleanup(struct viv_volume **volume)
{
    viv_volume_free(*volume);
}

/* `auto_volume struct viv_volume *volume = volume_find(...)`: freed when the scope ends. */
#define auto_volume __attribute__((cleanup(volume_cleanup)))

#endif
