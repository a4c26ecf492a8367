/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/none.h"

static void reset(void *board)
{
}

static bool has_work(struct cpu *cpu)
{
    return false;
}

static const struct machine_board_ops ops = {.reset = reset, .cpu_has_work = has_work};

static gboolean build(struct machine *m, const struct machine_config *config, GError **error)
{
    if (config->kernel || config->firmware) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "machine 'none' has no CPU: it takes neither a kernel nor firmware");
        return FALSE;
    }
    m->board_ops = &ops;
    return TRUE;
}

static const struct row props[] = {{0}};

const struct board_class none_board = {
    .name = "none",
    .description = "empty machine",
    .max_cpus = 1,
    .address_bits = 52,
    .props = props,
    .build = build,
};
