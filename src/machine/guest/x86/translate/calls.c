/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What translated code calls: instructions as the interpreter does them, and slow accesses. */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/translate/translator.h"

/* x86_key()'s bits beside the regime. */
enum {
    KEY_EM = 1 << 2,
    KEY_TS = 1 << 3,
    KEY_OSFXSR = 1 << 4,
    KEY_LA57 = 1 << 5,
    KEY_FLOAT = 1 << 6
};

uint64_t x86_key(const struct x86_cpu *c)
{
    return x86_regime(c) | (c->cr0 & CR0_EM ? KEY_EM : 0) | (c->cr0 & CR0_TS ? KEY_TS : 0) |
           (c->cr4 & CR4_OSFXSR ? KEY_OSFXSR : 0) | (c->cr4 & CR4_LA57 ? KEY_LA57 : 0) |
           (x86_is_plain_float(c) ? KEY_FLOAT : 0);
}

void x86_met_float(struct x86_cpu *c, unsigned met)
{
    /* MXCSR 0 to 5 */
    c->mxcsr |= (met & IR_INVALID ? 1 : 0) | (met & IR_DENORMAL ? 2 : 0) |
                (met & IR_DIVZERO ? 4 : 0) | (met & IR_OVERFLOW ? 8 : 0) |
                (met & IR_UNDERFLOW ? 16 : 0) | (met & IR_INEXACT ? 32 : 0);
}

bool x86_is_translated(const struct x86_cpu *c)
{
    unsigned cpl = x86_cpl(c);

    return (c->mode & MODE_CODE64) && (cpl == 0 || cpl == 3) &&
           x86_regime(c) != REGIME_USER_ALIGN && !x86_interp_is_special(c);
}

/* Nothing changed that the rest of the unit was made for. */
static bool can_go_on(const struct x86_cpu *c, uint64_t key, uint64_t flushes)
{
    return c->cpu.run_state == CPU_RUNNING && x86_is_translated(c) && x86_key(c) == key &&
           c->cpu.tlb.flushes == flushes && !x86_is_wanted(c);
}

/* What this one sees is what those before it did: time may be counted in instructions. */
static void begin_exact(struct x86_cpu *c)
{
    x86_met_float(c, ir_take_float_flags(&c->cpu.jit.floats));
    x86_completed(c, -(uint64_t)(c->cpu.jit.rest + 1));
}

static void end_exact(struct x86_cpu *c)
{
    x86_completed(c, c->cpu.jit.rest + 1);
}

uint32_t x86_call_insn(void *cpu, const void *arg, uint64_t key)
{
    const struct x86_insn *in = arg;
    struct x86_cpu *c = cpu;
    uint64_t flushes = c->cpu.tlb.flushes;
    enum x86_status st;
    bool changed, enough;

    begin_exact(c);
    st = in->fn(c, in);
    enough = c->cpu.budget > c->cpu.jit.rest; /* a repeated string uses some up */
    end_exact(c);
    changed = c->code_changed;
    if (changed) {
        st = x86_interp_after(c, st);
    }
    switch (st) {
    case X86_OK:
    case X86_END:
        if (enough && !changed && x86_is_plain_float(c) == !!(key & KEY_FLOAT) &&
            ((st == X86_OK && !(in->flags & INSN_ENDS)) || can_go_on(c, key, flushes))) {
            return IR_OK;
        }
        c->rip += in->len;
        return IR_JUMPED;
    case X86_HALT:
        c->rip += in->len;
        __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
        return IR_JUMPED;
    case X86_REPEAT: x86_completed(c, -(uint64_t)1); return IR_JUMPED;
    case X86_FAULT: return IR_FAULT;
    case X86_TRAP: c->trap_waits = true; return IR_JUMPED;
    default: return IR_JUMPED;
    }
}

uint32_t x86_call_whole_insn(void *cpu, const void *arg, uint64_t key)
{
    const struct x86_insn *in = arg;
    struct x86_cpu *c = cpu;
    uint32_t status = x86_call_insn(cpu, arg, key);

    if (status != IR_OK) {
        return status;
    }
    c->rip += in->len;
    return IR_JUMPED;
}

uint32_t x86_call_condition(void *cpu, const void *arg, uint64_t key)
{
    struct x86_cpu *c = cpu;

    c->jit_condition = x86_condition(c, *(const uint8_t *)arg);
    return IR_OK;
}

uint32_t x86_call_bad_target(void *cpu, const void *arg, uint64_t key)
{
    return x86_raise_error(cpu, VEC_GP, 0) == X86_FAULT ? IR_FAULT : IR_OK;
}

static unsigned segment_of(uint32_t how)
{
    return how & IR_STACK ? SEG_SS : SEG_DS;
}

uint32_t x86_call_load(void *cpu, uint64_t va, uint32_t how)
{
    struct x86_cpu *c = cpu;
    unsigned size = ir_width_size(IR_WIDTH(how));
    uint64_t linear, value = 0;
    enum x86_status st = x86_linear(c, segment_of(how), va, size, how & IR_FOR_WRITE, &linear);

    if (st == X86_OK && (how & IR_FOR_WRITE)) {
        st = x86_probe_write(c, linear, size);
    }
    if (st == X86_OK) {
        begin_exact(c);
        st = x86_read_linear(c, linear, size, &value);
        end_exact(c);
    }
    c->cpu.jit.value = value;
    return st == X86_OK ? IR_OK : IR_FAULT;
}

uint32_t x86_call_store(void *cpu, uint64_t va, uint32_t how, uint64_t value)
{
    struct x86_cpu *c = cpu;
    unsigned size = ir_width_size(IR_WIDTH(how));
    uint64_t linear;
    enum x86_status st = x86_linear(c, segment_of(how), va, size, true, &linear);

    if (st == X86_OK) {
        begin_exact(c);
        st = x86_write_linear(c, linear, size, value);
        end_exact(c);
    }
    if (st != X86_OK) {
        return IR_FAULT;
    }
    if (!c->code_changed) {
        return IR_OK;
    }
    c->code_changed = false;
    if (how & IR_LATE) {
        c->cpu.jit.stamp = IR_STALE;
        return IR_OK;
    }
    return IR_LEAVE;
}
