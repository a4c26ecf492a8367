/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/board/board.h"

#include "machine/board/none.h"
#include "machine/board/q35.h"
#include "machine/board/riscv/virt.h"

#include <string.h>

static const struct board_class *const boards[] = {&q35_board, &none_board, &virt_board, NULL};

const struct board_class *const *board_classes(void)
{
    return boards;
}

const struct board_class *board_find(const char *name)
{
    for (unsigned i = 0; boards[i]; i++) {
        if (strcmp(boards[i]->name, name) == 0) {
            return boards[i];
        }
        for (const char *const *a = boards[i]->aliases; a && *a; a++) {
            if (strcmp(*a, name) == 0) {
                return boards[i];
            }
        }
    }
    return NULL;
}
