/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/board.h"

#include "machine/board/none.h"
#include "machine/board/q35.h"
#include "machine/board/riscv/virt.h"
#include "machine/guest/riscv64/hart.h"
#include "machine/guest/x86/arch.h"

#include <string.h>

#if defined(__riscv)
#define HOST_ARCH "riscv64"
#else
#define HOST_ARCH "x86_64"
#endif

static const struct cpu_arch *const archs[] = {&x86_arch, &riscv64_arch, NULL};

/* Of one architecture: its default board first. */
static const struct board_class *const boards[] = {&q35_board, &virt_board, &none_board, NULL};

const struct cpu_arch *const *board_archs(void)
{
    return archs;
}

const struct cpu_arch *board_arch(const char *name)
{
    for (unsigned i = 0; archs[i]; i++) {
        if (strcmp(archs[i]->name, name ? name : HOST_ARCH) == 0) {
            return archs[i];
        }
    }
    return NULL;
}

const struct board_class *board_nth(const struct cpu_arch *arch, unsigned n)
{
    for (unsigned i = 0; boards[i]; i++) {
        if ((!boards[i]->arch || boards[i]->arch == arch) && n-- == 0) {
            return boards[i];
        }
    }
    return NULL;
}

const struct board_class *board_find(const struct cpu_arch *arch, const char *name)
{
    const struct board_class *board;

    for (unsigned n = 0; (board = board_nth(arch, n)); n++) {
        if (strcmp(board->name, name) == 0) {
            return board;
        }
        for (const char *const *a = board->aliases; a && *a; a++) {
            if (strcmp(*a, name) == 0) {
                return board;
            }
        }
    }
    return NULL;
}
