/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the translator asks of a guest architecture. All on the vCPU's thread.
 */
#ifndef VIV_MACHINE_GUEST_TRANSLATION_H
#define VIV_MACHINE_GUEST_TRANSLATION_H

#include "machine/core/arch.h"
#include "machine/jit/ir.h"

/* A page of RAM with code that was translated. */
struct code_page {
    struct ram_block *ram;
    gpa off; /* of the page */
    uint32_t generation;
    uint64_t granules; /* of 64 bytes that RAM knows to hold code */
};

#define CODE_GRANULE 64

/* Before its bytes are read: writes to them make a new generation. FALSE: that happened already. */
static inline bool code_page_enter(struct code_page *p, unsigned at, unsigned len)
{
    for (unsigned g = at / CODE_GRANULE; g <= (at + len - 1) / CODE_GRANULE; g++) {
        if (p->granules >> g & 1) {
            continue;
        }
        if (ram_code_enter(p->ram, p->off + g * CODE_GRANULE, CODE_GRANULE) != p->generation) {
            return false;
        }
        p->granules |= UINT64_C(1) << g;
    }
    return true;
}

struct cpu_translation {
    const struct ir_target *target;
    /* All that code depends on beside its bytes, in 8 bits. */
    uint64_t (*key)(const struct cpu *cpu);
    uint64_t (*get_pc)(const struct cpu *cpu);
    void (*set_pc)(struct cpu *cpu, uint64_t pc);
    /* Requests and interrupts. FALSE: leave, for *ret_why. */
    bool (*look_around)(struct cpu *cpu, enum accel_exit *ret_why);
    /* The page of code at pc, NULL where it is not RAM; FALSE: an exception is to be delivered. */
    bool (*fetch)(struct cpu *cpu, uint64_t pc, struct ram_block **ret_ram, gpa *ret_off);
    /* Exceptions (enum ir_float_flag) that translated code met. */
    void (*float_flags)(struct cpu *cpu, unsigned met);
    /* Delivers the exception of the instruction at pc. FALSE: it cannot, the machine shuts down. */
    bool (*deliver)(struct cpu *cpu);
    /* The unit was left before or behind (`done`) the instruction whose note in struct ir_unit this
     * is; the next one's follows it. NULL: it makes none. */
    void (*restore)(struct cpu *cpu, const uint8_t *note, bool done);
    /* A call left the unit and wrote pc: what it raised is delivered now. FALSE: as of deliver().
     * NULL: nothing. */
    bool (*jumped)(struct cpu *cpu);
    /*
     * At most so many instructions that the interpreter is to run before this is asked again,
     * because their mode is not translated; 0: translated code can go on. NULL: 0.
     */
    uint64_t (*interprets)(const struct cpu *cpu);
    /* One instruction by the interpreter, or as much of a repeated one as the budget has, without a
     * look around. */
    enum accel_exit (*step)(struct cpu *cpu);
    /* Around everything but the interpreter's ordinary run; NULL: nothing. */
    void (*enter)(struct cpu *cpu);
    void (*leave)(struct cpu *cpu);
    /*
     * Fills a unit begun with pc and key. No instruction at all: the first one is not translated.
     * FALSE: the page was written meanwhile.
     */
    bool (*translate)(struct cpu *cpu, struct code_page *page, struct ir_unit *u);
    /* The vCPU's struct, and where all that an instruction may change lies in it, beside what every
     * vCPU has: plain bytes. */
    size_t size, state_begin, state_end;
    /* Whether two of them have the same architectural state, but for what every vCPU has. */
    bool (*same)(const struct cpu *a, const struct cpu *b);
};

#endif
