/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 register stack, its exceptions and its environment. Intel SDM volume 1, chapter 8.
 * vCPU's thread. Tags are kept abridged (empty or not); the full ones are computed when stored.
 */
#ifndef VIV_MACHINE_GUEST_X86_FPU_X87_H
#define VIV_MACHINE_GUEST_X86_FPU_X87_H

#include "machine/guest/float/f80.h"
#include "machine/guest/x86/insn.h"

#define X87_SW_SF        0x0040u
#define X87_SW_ES        0x0080u
#define X87_SW_C0        0x0100u
#define X87_SW_C1        0x0200u
#define X87_SW_C2        0x0400u
#define X87_SW_TOP_SHIFT 11
#define X87_SW_TOP       0x3800u
#define X87_SW_C3        0x4000u
#define X87_SW_B         0x8000u

#define X87_CW_INIT  0x037fu
#define X87_CW_FIXED 0x0040u /* reads as one */
#define X87_CW_VALID 0x1f7fu

/*
 * Before every instruction that waits (ROW_X87 or ROW_MMX without ROW_NOWAIT, and FWAIT): an
 * unmasked exception that is pending is reported now. X86_OK: nothing pending, or it is ignored
 * (IGNNE#). X86_FAULT: #MF. X86_REPEAT: CR0.NE is clear, FERR# is raised and the processor waits
 * for the interrupt before this instruction.
 */
enum x86_status x87_wait(struct x86_cpu *c) G_GNUC_WARN_UNUSED_RESULT;

/* ES, B and FERR# from flags and masks; after anything that changed either. */
void x87_update_summary(struct x86_cpu *c);

/* FNINIT. */
void x87_reset(struct x86_cpu *c);

/* Notes FIP, FCS, FOP and, for a memory operand, FDP, FDS. */
void x87_note_insn(struct x86_cpu *c, const struct x86_insn *in);

/* The environment's rounding, precision and masks. */
struct fp_env x87_env(const struct x86_cpu *c);

/*
 * Takes over an operation's flags and C1. FALSE: an unmasked exception that was found before
 * computing; the result is not to be written and nothing popped.
 */
bool x87_settle(struct x86_cpu *c, const struct fp_env *env);

/* Stack fault. TRUE: masked, so the caller delivers the indefinite. */
bool x87_stack_fault(struct x86_cpu *c, bool overflow);

static inline unsigned x87_top(const struct x86_cpu *c)
{
    return c->fpu.status >> X87_SW_TOP_SHIFT & 7;
}

static inline unsigned x87_physical(const struct x86_cpu *c, unsigned i)
{
    return (x87_top(c) + i) & 7;
}

static inline bool x87_empty(const struct x86_cpu *c, unsigned i)
{
    return !(c->fpu.tag >> x87_physical(c, i) & 1);
}

static inline struct f80 x87_get(const struct x86_cpu *c, unsigned i)
{
    const struct x86_f80 *r = &c->fpu.st[x87_physical(c, i)];

    return (struct f80){.sig = r->mantissa, .se = r->sign_exponent};
}

static inline struct num x87_num(const struct x86_cpu *c, unsigned i)
{
    return f80_unpack(x87_get(c, i));
}

/* Writes ST(i), which becomes not empty. */
static inline void x87_set(struct x86_cpu *c, unsigned i, struct f80 v)
{
    unsigned n = x87_physical(c, i);

    c->fpu.st[n] = (struct x86_f80){.mantissa = v.sig, .sign_exponent = v.se};
    c->fpu.tag |= 1u << n;
}

static inline void x87_set_top(struct x86_cpu *c, unsigned top)
{
    c->fpu.status = (uint16_t)((c->fpu.status & ~X87_SW_TOP) | (top & 7) << X87_SW_TOP_SHIFT);
}

static inline void x87_free(struct x86_cpu *c, unsigned i)
{
    c->fpu.tag &= ~(1u << x87_physical(c, i));
}

static inline void x87_pop(struct x86_cpu *c)
{
    x87_free(c, 0);
    x87_set_top(c, x87_top(c) + 1);
}

/* Pushes without any check. */
static inline void x87_push(struct x86_cpu *c, struct f80 v)
{
    x87_set_top(c, x87_top(c) - 1);
    x87_set(c, 0, v);
}

/* Replaces the condition bits named by `mask`. */
static inline void x87_set_condition(struct x86_cpu *c, unsigned mask, unsigned bits)
{
    c->fpu.status = (uint16_t)((c->fpu.status & ~mask) | bits);
}

/* Rows: a memory form, a form with ST(i) in the lower three bits, and one opcode of its own. */
#define X87_MEM(text, op, digit, operands, handler)                                            \
    {                                                                                          \
        .name = (text), .map = MAP_1, .opcode = (op), .ext = (digit), .rm = X86_ANY_EXT,       \
        .operand = {operands}, .flags = ROW_X87 | ROW_MEM | ROW_NOP66, .fn = X87_ALL(handler), \
    }
#define X87_REG(text, op, digit, handler, ...)                                           \
    {                                                                                    \
        .name = (text), .map = MAP_1, .opcode = (op), .ext = (digit), .rm = X86_ANY_EXT, \
        .operand = {__VA_ARGS__}, .flags = ROW_X87 | ROW_REG, .fn = X87_ALL(handler),    \
    }
#define X87_ONE(text, op, digit, r, handler)                                     \
    {                                                                            \
        .name = (text), .map = MAP_1, .opcode = (op), .ext = (digit), .rm = (r), \
        .flags = ROW_X87 | ROW_REG, .fn = X87_ALL(handler),                      \
    }
#define X87_ALL(f)    \
    {                 \
        (f), (f), (f) \
    }

#endif
