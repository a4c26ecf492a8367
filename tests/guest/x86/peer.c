/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer.h"

#include <glib.h>

char *peer_run_image(const char *path, const char *cpu, const char *smp)
{
    const char *argv[] = {"qemu-system-x86_64",
                          "-machine",
                          "q35",
                          "-accel",
                          "tcg",
                          "-m",
                          "32",
                          "-nodefaults",
                          "-display",
                          "none",
                          "-no-reboot",
                          "-debugcon",
                          "stdio",
                          "-device",
                          "isa-debug-exit,iobase=0xf4,iosize=4",
                          "-bios",
                          path,
                          "-cpu",
                          cpu,
                          "-smp",
                          smp,
                          NULL};
    g_autofree char *qemu = g_find_program_in_path(argv[0]);
    g_autoptr(GError) error = NULL;
    char *out = NULL;

    if (qemu) {
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, &out, NULL, NULL, &error);
        g_assert_no_error(error);
    }
    return out;
}
