/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parallel NOR flash with Intel's command set (cfi.pflash01): firmware code and its variables.
 * Common Flash Interface (JESD68.01); Intel 28F-series data sheets, command definitions.
 */
#ifndef VIV_MACHINE_DEV_PC_PFLASH_H
#define VIV_MACHINE_DEV_PC_PFLASH_H

#include "block/backend.h"
#include "machine/core/dev.h"

extern const struct dev_class pflash_class;

/*
 * Before realize: where the contents are; borrowed, already open with write permission if it is to
 * be written. Takes the place of the property "drive". The flash is as long as the node.
 */
void pflash_set_node(struct dev *pflash, struct block_node *node);
/* Before realize: address of the first byte, and a name for the memory ("system.flash0"). */
void pflash_place(struct dev *pflash, gpa base, const char *name);
/* As pflash_place, with the address after the last byte. */
void pflash_place_below(struct dev *pflash, gpa top, const char *name);
/* Address of the first byte; after realize. */
gpa pflash_base(const struct dev *pflash);
/* Bytes; after realize. */
uint64_t pflash_size(const struct dev *pflash);
/* The contents, for boards that show a part of them elsewhere; after realize. */
struct ram_block *pflash_ram(const struct dev *pflash);

#endif
