/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -machine none: nothing on the buses and no vCPU; management tools ask such a machine what this
 * program can do. */
#ifndef VIV_MACHINE_BOARD_NONE_H
#define VIV_MACHINE_BOARD_NONE_H

#include "machine/board/board.h"

extern const struct board_class none_board;

#endif
