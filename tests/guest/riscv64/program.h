/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random programs of integer, compressed, atomic and floating-point instructions, loads and stores,
 * as ELF images. A program ends by writing all its registers and its memory to DATA, and by write()
 * and exit().
 */
#ifndef VIV_TESTS_GUEST_RISCV64_PROGRAM_H
#define VIV_TESTS_GUEST_RISCV64_PROGRAM_H

#include "rv.h"

#define BASE   0x10000 /* of the image: ELF header, then code */
#define CODE   0x11000
#define DATA   0x20000 /* 4 KiB that the program reads and writes */
#define DUMP   0x21000 /* registers; the dump is data and this */
#define HALT   0x30000 /* where the trap handler of ours waits */
#define END    0x22000
#define LENGTH (END - DATA)

struct program {
    GRand *random;
    uint8_t image[END - BASE];
    uint32_t at; /* next code */
};

struct program *program_new(uint32_t seed);
void program_free(struct program *p);
/* Puts it into the hart's memory, in M mode with a handler that waits. */
void program_load(const struct program *p, struct rv *r);

#endif
