/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/stack.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/walk.h"

static uint64_t pointer_mask(const struct x86_seg *seg, bool wide)
{
    return wide ? UINT64_MAX : seg->attr & SEG_DB ? UINT32_MAX : 0xffff;
}

void x86_stack_current(const struct x86_cpu *c, struct x86_stack *ret)
{
    ret->seg = c->seg[SEG_SS];
    ret->sp = c->gpr[RSP];
    ret->mask = pointer_mask(&ret->seg, c->mode & MODE_CODE64);
    ret->regime = x86_regime(c);
    ret->error = c->delivering_external;
}

void x86_stack_other(const struct x86_cpu *c, const struct x86_seg *seg, uint64_t sp, unsigned cpl,
                     bool wide, uint32_t error, struct x86_stack *ret)
{
    ret->seg = *seg;
    ret->sp = sp;
    ret->mask = pointer_mask(seg, wide);
    ret->regime = cpl == 3              ? REGIME_USER
                  : c->rflags & FLAG_AC ? REGIME_SUPERVISOR_AC
                                        : REGIME_SUPERVISOR;
    ret->error = error;
}

#define TYPE_EXPAND_DOWN 4

/* Linear address of [off, off + size) or #SS. */
static enum x86_status stack_linear(struct x86_cpu *c, const struct x86_stack *s, uint64_t off,
                                    unsigned size, uint64_t *ret)
{
    uint64_t last = off + size - 1;
    bool ok;

    if (s->mask == UINT64_MAX) {
        ok = x86_is_canonical(c, off) && x86_is_canonical(c, last);
        *ret = off;
    } else {
        ok = s->seg.attr & TYPE_EXPAND_DOWN
                 ? off > s->seg.limit && last <= (s->seg.attr & SEG_DB ? UINT32_MAX : 0xffff)
                 : last <= s->seg.limit;
        *ret = (uint32_t)(s->seg.base + off);
    }
    return ok ? X86_OK : x86_raise_error(c, VEC_SS, s->error);
}

enum x86_status x86_stack_push(struct x86_cpu *c, struct x86_stack *s, unsigned size,
                               uint64_t value)
{
    uint64_t sp = (s->sp - size) & s->mask, linear;
    enum x86_status st = stack_linear(c, s, sp, size, &linear);

    if (st == X86_OK) {
        st = x86_write_regime(c, linear, size, s->regime, value);
    }
    if (st == X86_OK) {
        s->sp = sp;
    }
    return st;
}

enum x86_status x86_stack_pop(struct x86_cpu *c, struct x86_stack *s, unsigned size, uint64_t *ret)
{
    uint64_t linear;
    enum x86_status st = stack_linear(c, s, s->sp & s->mask, size, &linear);

    if (st == X86_OK) {
        st = x86_read_regime(c, linear, size, s->regime, ret);
    }
    if (st == X86_OK) {
        s->sp = (s->sp + size) & s->mask;
    }
    return st;
}

void x86_stack_commit(struct x86_cpu *c, const struct x86_stack *s)
{
    if (s->mask == UINT64_MAX || s->mask == UINT32_MAX) {
        c->gpr[RSP] = s->sp & s->mask;
    } else {
        c->gpr[RSP] = (c->gpr[RSP] & ~s->mask) | (s->sp & s->mask);
    }
}
