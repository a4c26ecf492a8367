/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What translated code calls: instructions as the interpreter does them, and slow accesses. */
#include "machine/guest/riscv64/fpu.h"
#include "machine/guest/riscv64/memory.h"
#include "machine/guest/riscv64/translate.h"
#include "machine/guest/riscv64/trap.h"

G_STATIC_ASSERT((int)RISCV_OK == (int)IR_OK && (int)RISCV_FAULT == (int)IR_FAULT &&
                (int)RISCV_LEAVE == (int)IR_LEAVE);

uint64_t riscv_key(const struct riscv_cpu *c)
{
    return c->priv | (uint64_t)c->data_regime << 2 |
           (c->mstatus & MSTATUS_FS) >> MSTATUS_FS_SHIFT << 4 | (uint64_t)(c->frm != 0) << 6;
}

void riscv_float_flags(struct riscv_cpu *c, unsigned met)
{
    uint8_t flags = (met & IR_INVALID ? 0x10 : 0) | (met & IR_DIVZERO ? 0x08 : 0) |
                    (met & IR_OVERFLOW ? 0x04 : 0) | (met & IR_UNDERFLOW ? 0x02 : 0) |
                    (met & IR_INEXACT ? 0x01 : 0);

    if (flags & ~c->fflags) {
        c->fflags |= flags;
        riscv_float_dirty(c);
    }
}

/* A write hit code: maybe that which runs. */
static uint32_t unless_code_changed(struct riscv_cpu *c, enum riscv_status st)
{
    bool changed = c->code_changed;

    c->code_changed = false;
    return st == RISCV_OK && changed ? IR_LEAVE : (uint32_t)st;
}

uint32_t riscv_call_plain(void *cpu, const void *arg, uint64_t key)
{
    const struct riscv_insn *in = arg;
    struct riscv_cpu *c = cpu;

    return unless_code_changed(c, in->fn(c, in));
}

uint32_t riscv_call_csr(void *cpu, const void *arg, uint64_t key)
{
    const struct riscv_insn *in = arg;
    struct riscv_cpu *c = cpu;
    uint64_t flushes = c->cpu.tlb.flushes;
    enum riscv_status st;

    riscv_float_flags(c, ir_take_float_flags(&c->cpu.jit.floats));
    st = in->fn(c, in);

    if (st == RISCV_LEAVE && riscv_key(c) == key && c->cpu.tlb.flushes == flushes &&
        !riscv_interrupt_waits(c)) {
        return IR_OK; /* nothing changed that the rest of the unit was made for */
    }
    return st;
}

uint32_t riscv_call_system(void *cpu, const void *arg, uint64_t key)
{
    const struct riscv_insn *in = arg;
    struct riscv_cpu *c = cpu;
    enum riscv_status st;

    riscv_float_flags(c, ir_take_float_flags(&c->cpu.jit.floats));
    st = in->fn(c, in);
    if (st == RISCV_FAULT) {
        return IR_FAULT;
    }
    if (st == RISCV_HALT) {
        __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
    }
    c->pc = c->next;
    return IR_JUMPED;
}

uint32_t riscv_call_load(void *cpu, uint64_t va, uint32_t width)
{
    struct riscv_cpu *c = cpu;
    uint64_t value;
    enum riscv_status st;

    riscv_float_flags(c, ir_take_float_flags(&c->cpu.jit.floats));
    st = riscv_read_slow(c, va, ir_width_size(width), &value);
    c->cpu.jit.value = ir_extend(width, value);
    return st;
}

uint32_t riscv_call_store(void *cpu, uint64_t va, uint32_t width, uint64_t value)
{
    struct riscv_cpu *c = cpu;
    enum riscv_status st;

    riscv_float_flags(c, ir_take_float_flags(&c->cpu.jit.floats));
    st = riscv_write_slow(c, va, ir_width_size(width), value);
    return unless_code_changed(c, st);
}
