/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end for x86-64 hosts: a checked unit becomes code.
 *
 * Registers: rbp the vCPU (biased to the middle of its registers), rsp the host's stack, rax rcx
 * rdx for temporaries and addresses, the other eleven hold guest registers, the same ones in every
 * unit. So a chain of units never stores and loads them; only what leaves the code does (the
 * `exit` and `call` routines below).
 */
#ifndef VIV_MACHINE_JIT_X86_64_HOST_H
#define VIV_MACHINE_JIT_X86_64_HOST_H

#include "machine/jit/cache.h"
#include "machine/jit/ir.h"
#include "machine/jit/x86_64/asm.h"

/* How generated code came back. */
enum host_exit {
    HOST_EXIT_0, /* through exit 0 of the unit, which is linked to nothing yet; then the others */
    HOST_EXIT_INDIRECT = IR_EXITS, /* pc is set; the jump table does not have it */
    HOST_EXIT_FAULT,   /* cpu_jit.at: the instruction of the unit that raised an exception */
    HOST_EXIT_LEAVE,   /* cpu_jit.at: the last instruction, which wants a look around */
    HOST_EXIT_JUMPED,  /* as HOST_EXIT_LEAVE, and pc is set */
    HOST_EXIT_REQUEST, /* before the unit: exit_request */
    HOST_EXIT_BUDGET,  /* before the unit: it has more instructions than are left */
    HOST_EXIT_END,     /* after the unit: an instruction follows that is not translated */
};
#define HOST_EXIT_BITS 4 /* a unit's tag is a multiple of 16 */

/* Where jumps that are not linked look: by pc. Generated code reads it, its owner writes it. */
#define HOST_JUMPS 8192
struct host_jump {
    uint64_t pc, stamp; /* valid while the vCPU's stamp is this one */
    const uint8_t *code;
    uint64_t unused;
};

struct host_unit {
    uint8_t *code, *linked;  /* where it begins; where earlier code of the same page enters */
    uint8_t *exit[IR_EXITS]; /* the distance of its jump, to patch; NULL: not linked directly */
    size_t size;
};

struct host {
    const struct ir_target *target;
    bool counting, fma;
    bool parallel;        /* other vCPUs run meanwhile: what is atomic has to be locked */
    uint8_t pin[IR_TEMP]; /* the host register of a guest register, or NO_REG */
    struct host_jump *jumps;
    /* Routines at the beginning of the memory. */
    uint8_t *enter, *leave, *load, *store, *call, *call_all;
    uint8_t *begin; /* of units */
};

/* Writes the routines. */
void host_new(struct host *h, const struct ir_target *target, struct code_memory *memory,
              bool counting);
/*
 * Writes `u` at `at`. FALSE: no room before `end`. `tag`: a multiple of 16 that exits bring back.
 * ret->exit are those of jumps inside the guest's page.
 */
bool host_emit(const struct host *h, const struct ir_unit *u, uint64_t tag, uint8_t *at,
               uint8_t *end, struct host_unit *ret);
/*
 * Runs from `code`, an address to run at; returns the tag of the last unit and a host_exit.
 * *ret_flags: exceptions of floating point since then, or since the last ir_take_float_flags().
 */
uint64_t host_run(const struct host *h, const struct code_memory *memory, void *cpu,
                  const uint8_t *code, unsigned *ret_flags);

static inline unsigned host_jump_index(const struct ir_target *t, uint64_t pc)
{
    uint64_t n = pc >> t->pc_shift;

    return (n ^ n >> t->page_bits) & (HOST_JUMPS - 1);
}

#endif
