/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routines that generated code enters and leaves by (System V ABI, AMD64). */
#include "machine/jit/x86_64/frame.h"

#include <string.h>

/* The hottest registers get those that a call keeps. */
static const uint8_t pins[] = {RBX, R12, R13, R14, R15, RSI, RDI, R8, R9, R10, R11};
static const uint8_t saved[] = {RBX, RBP, R12, R13, R14, R15};

static void pins_store(struct assembler *a, const struct host *h, bool all)
{
    for (unsigned i = 0; i < h->target->n_regs; i++) {
        if (h->pin[i] != NO_REG && (all || !frame_callee_saved(h->pin[i]))) {
            asm_store(a, 8, frame_mem(h, h->target->reg[i]), h->pin[i]);
        }
    }
}

static void pins_load(struct assembler *a, const struct host *h, bool all)
{
    for (unsigned i = 0; i < h->target->n_regs; i++) {
        if (h->pin[i] != NO_REG && (all || !frame_callee_saved(h->pin[i]))) {
            asm_load(a, true, h->pin[i], frame_mem(h, h->target->reg[i]));
        }
    }
}

/* enter(cpu, code) */
static void write_enter(struct assembler *a, const struct host *h)
{
    for (unsigned i = 0; i < sizeof(saved); i++) {
        asm_push(a, saved[i]);
    }
    asm_alu_ri(a, true, ALU_SUB, RSP, 8); /* a multiple of 16 inside units */
    asm_mov_rr(a, true, RAX, RSI);
    asm_lea(a, true, CPU, (struct host_mem){RDI, NO_REG, h->target->middle});
    pins_load(a, h, true);
    asm_jmp_r(a, RAX);
}

/* rax: what enter() returns. */
static void write_leave(struct assembler *a, const struct host *h)
{
    pins_store(a, h, true);
    asm_alu_ri(a, true, ALU_ADD, RSP, 8);
    for (unsigned i = sizeof(saved); i-- > 0;) {
        asm_pop(a, saved[i]);
    }
    asm_ret(a);
}

/* Calls rax, or `fn`, with what is in the argument registers but the first, and flags of the
 * status in eax. Registers that a call does not keep, or all, come back from their home. */
static void call_out(struct assembler *a, const struct host *h, uintptr_t fn, bool all)
{
    asm_lea(a, true, RDI, (struct host_mem){CPU, NO_REG, -h->target->middle});
    if (fn) {
        asm_mov_ri(a, RAX, fn);
    }
    asm_alu_ri(a, true, ALU_SUB, RSP, 8);
    asm_call_r(a, RAX);
    asm_alu_ri(a, true, ALU_ADD, RSP, 8);
    pins_load(a, h, all);
    asm_test_rr(a, false, RAX, RAX);
    asm_ret(a);
}

/* rax: address, edx: width. */
static void write_load(struct assembler *a, const struct host *h)
{
    pins_store(a, h, false);
    asm_mov_rr(a, true, RSI, RAX);
    call_out(a, h, (uintptr_t)h->target->load, false);
}

/* rax: address, edx: width, rcx: value. */
static void write_store(struct assembler *a, const struct host *h)
{
    pins_store(a, h, false);
    asm_mov_rr(a, true, RSI, RAX);
    call_out(a, h, (uintptr_t)h->target->store, false);
}

/* rax: the function, rcx: its argument, rdx: the unit's key. */
static void write_call(struct assembler *a, const struct host *h, bool all)
{
    asm_alu_mi(a, true, ALU_ADD, frame_mem(h, h->target->calls), 1);
    pins_store(a, h, all);
    asm_mov_rr(a, true, RSI, RCX);
    call_out(a, h, 0, all);
}

void host_new(struct host *h, const struct ir_target *target, struct code_memory *memory,
              bool counting)
{
    struct assembler a = {memory->write + HOST_JUMPS * sizeof(struct host_jump),
                          memory->write + memory->size, false};

    memset(h, 0, sizeof(*h));
    h->target = target;
    h->counting = counting;
    h->fma = __builtin_cpu_supports("fma");
    h->jumps = (struct host_jump *)memory->write;
    memset(h->pin, NO_REG, sizeof(h->pin));
    for (unsigned i = 0; i < target->n_hot && i < sizeof(pins); i++) {
        h->pin[target->hot[i]] = pins[i];
    }
    h->enter = a.at;
    write_enter(&a, h);
    h->leave = a.at;
    write_leave(&a, h);
    h->load = a.at;
    write_load(&a, h);
    h->store = a.at;
    write_store(&a, h);
    h->call = a.at;
    write_call(&a, h, false);
    h->call_all = a.at;
    write_call(&a, h, true);
    g_assert(!a.full);
    h->begin = (uint8_t *)(((uintptr_t)a.at + 63) & ~(uintptr_t)63);
}

uint64_t host_run(const struct host *h, const struct code_memory *memory, void *cpu,
                  const uint8_t *code, unsigned *ret_flags)
{
    uint32_t *floats = (uint32_t *)((char *)cpu + h->target->floats);
    uint64_t tag;
    uint64_t (*enter)(void *, const uint8_t *) =
        (uint64_t(*)(void *, const uint8_t *))(uintptr_t)code_memory_run(memory, h->enter);

    tag = enter(cpu, code);
    *ret_flags = ir_take_float_flags(floats);
    return tag;
}
