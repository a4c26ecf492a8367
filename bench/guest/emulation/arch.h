/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What work.c needs of a machine: riscv64.h with riscv64.S, x86_64.h with x86_64.S. In supervisor
 * mode, memory one to one, paging on after paging().
 */
#ifndef BENCH_ARCH_H
#define BENCH_ARCH_H

#include <stdint.h>

int main(void);
/* Calls the function in user mode; user_end() is its last. */
void in_user_mode(void (*fn)(void));
/* By the assembly part: a page that is not there was touched. */
void on_fault(uint64_t address);

static void put(char c);
/* By the machine's clock, ticks of 100 ns. */
static uint64_t now(void);
/* User mode: a system call that does nothing. */
static void user_call(void);
static void user_end(void);
/* Makes FAR, 2 MiB of it, pages of `leaf`. */
static void paging(void);
/* An entry of `leaf` for the memory at `to`; the CPU is told if it must be. */
static void map_far(uint64_t address, const void *to);
static void forget_pages(void);
/* Turns to address space 0 or 1, which hold the same. */
static void switch_space(unsigned n);
/* Writes a function that adds 32 numbers, the first `n`, to its argument. */
static void write_code(uint8_t *code, unsigned n);

#define FAR (UINT64_C(4) << 30)
static uint64_t leaf[512] __attribute__((aligned(4096)));

#ifdef __riscv
#include "riscv64.h"
#else
#include "x86_64.h"
#endif

#endif
