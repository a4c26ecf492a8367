/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control transfers between segments and privileges: far JMP, CALL and RET, call gates, IRET.
 * Everything is checked and pushed or popped before registers change.
 * Intel SDM volume 2 (the pages of JMP, CALL, RET, IRET) and volume 3, section 5.8.
 */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/stack.h"
#include "machine/guest/x86/walk.h"

#define TYPE_CONFORMING 4
#define TYPE_CODE       8

enum system_type { TYPE_TASK_GATE = 5, TYPE_TSS_BUSY = 2 };

static enum x86_status gp(struct x86_cpu *c, uint16_t selector)
{
    return x86_raise_error(c, VEC_GP, x86_selector_error(c, selector));
}

static unsigned dpl_of(const struct x86_seg *s)
{
    return s->attr >> SEG_DPL_SHIFT & 3;
}

static bool is_code(const struct x86_seg *s)
{
    return (s->attr & (SEG_S | TYPE_CODE)) == (SEG_S | TYPE_CODE);
}

static uint64_t cut(uint64_t off, unsigned osize)
{
    return osize == 8 ? off : osize == 4 ? (uint32_t)off : (uint16_t)off;
}

/* TRUE if `off` can be executed in `cs`. */
static bool offset_ok(const struct x86_cpu *c, const struct x86_seg *cs, uint64_t off)
{
    if ((c->mode & MODE_LONG) && (cs->attr & SEG_L)) {
        return x86_is_canonical(c, off);
    }
    return off <= cs->limit;
}

static void commit(struct x86_cpu *c, const struct x86_seg *cs, uint64_t off)
{
    c->seg[SEG_CS] = *cs;
    c->rip = off;
    x86_update_mode(c);
}

static void commit_real(struct x86_cpu *c, uint16_t selector, uint64_t off)
{
    c->seg[SEG_CS].selector = selector;
    c->seg[SEG_CS].base = (uint32_t)selector << 4;
    c->rip = off;
    x86_update_mode(c);
}

/* Presence, long-mode attributes and the accessed bit, common to every way into a code segment. */
static enum x86_status accept_code(struct x86_cpu *c, struct x86_seg *cs, unsigned cpl)
{
    if ((c->mode & MODE_LONG) && (cs->attr & SEG_L) && (cs->attr & SEG_DB)) {
        return gp(c, cs->selector);
    }
    if (!(cs->attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, cs->selector));
    }
    enum x86_status st = x86_mark_accessed(c, cs);

    cs->selector = (cs->selector & 0xfffc) | cpl;
    return st;
}

/* A code segment named directly by JMP or CALL: privilege stays. */
static enum x86_status direct_code(struct x86_cpu *c, struct x86_seg *cs)
{
    unsigned cpl = x86_cpl(c);
    bool bad = cs->attr & TYPE_CONFORMING ? dpl_of(cs) > cpl
                                          : (cs->selector & 3u) > cpl || dpl_of(cs) != cpl;

    return bad ? gp(c, cs->selector) : accept_code(c, cs, cpl);
}

struct call_gate {
    struct x86_seg cs;
    uint64_t off;
    unsigned cpl;    /* of the target, for CALL */
    unsigned params; /* to copy to an inner stack */
    unsigned size;   /* of pushes */
};

static enum x86_status gate_words(struct x86_cpu *c, uint16_t selector, uint64_t low,
                                  struct call_gate *g, uint16_t *ret_code)
{
    unsigned type = low >> 40 & 15;
    uint64_t high = 0;

    g->size = c->mode & MODE_LONG ? 8 : type == 12 ? 4 : 2;
    g->off = (low & 0xffff) | (low >> 48 << 16);
    g->params = c->mode & MODE_LONG ? 0 : low >> 32 & 31;
    *ret_code = low >> 16;
    if (type == 4) {
        g->off &= 0xffff;
    }
    if (!(c->mode & MODE_LONG)) {
        return X86_OK;
    }
    /* The upper half must lie in the table, and its type field be zero. */
    enum x86_status st = x86_read_descriptor(c, selector + 8, VEC_GP, &high);

    if (st == X86_OK && (high >> 40 & 31)) {
        st = gp(c, selector);
    }
    g->off |= high << 32;
    return st;
}

static enum x86_status open_gate(struct x86_cpu *c, uint16_t selector, uint64_t low, bool call,
                                 struct call_gate *g)
{
    struct x86_seg gate;
    unsigned cpl = x86_cpl(c);
    uint64_t descriptor;
    uint16_t code = 0;
    enum x86_status st;

    x86_unpack_descriptor(low, selector, &gate);
    if (dpl_of(&gate) < cpl || dpl_of(&gate) < (selector & 3u)) {
        return gp(c, selector);
    }
    if (!(gate.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    st = gate_words(c, selector, low, g, &code);
    if (st != X86_OK) {
        return st;
    }
    if (!(code & 0xfffc)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = x86_read_descriptor(c, code, VEC_GP, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, code, &g->cs);
    bool conforming = g->cs.attr & TYPE_CONFORMING;
    bool bad =
        !is_code(&g->cs) || dpl_of(&g->cs) > cpl || (!call && !conforming && dpl_of(&g->cs) != cpl);

    if (c->mode & MODE_LONG) {
        bad |= !(g->cs.attr & SEG_L) || (g->cs.attr & SEG_DB);
    }
    if (bad) {
        return gp(c, code);
    }
    g->cpl = conforming ? cpl : dpl_of(&g->cs);
    return accept_code(c, &g->cs, g->cpl);
}

/* What a far JMP or CALL names. */
enum target { TARGET_FAULT, TARGET_CODE, TARGET_GATE, TARGET_TSS, TARGET_TASK_GATE };

static enum target far_target(struct x86_cpu *c, uint16_t selector, uint64_t *ret,
                              struct x86_seg *seg)
{
    if (!(selector & 0xfffc)) {
        x86_raise_error(c, VEC_GP, 0);
        return TARGET_FAULT;
    }
    if (x86_read_descriptor(c, selector, VEC_GP, ret) != X86_OK) {
        return TARGET_FAULT;
    }
    x86_unpack_descriptor(*ret, selector, seg);
    if (is_code(seg)) {
        return TARGET_CODE;
    }
    if (!(seg->attr & SEG_S)) {
        bool wide = c->mode & MODE_LONG;

        switch (seg->attr & SEG_TYPE_MASK) {
        case 12: return TARGET_GATE;
        case 4:
            if (!wide) {
                return TARGET_GATE;
            }
            break;
        case 5:
            if (!wide) {
                return TARGET_TASK_GATE;
            }
            break;
        case 1:
        case 9:
            if (!wide) {
                return TARGET_TSS;
            }
            break;
        }
    }
    gp(c, selector);
    return TARGET_FAULT;
}

/* JMP or CALL to a TSS or task gate. */
static enum x86_status far_task(struct x86_cpu *c, const struct x86_seg *seg, uint64_t descriptor,
                                enum target target, enum x86_task_reason reason, uint64_t next)
{
    uint16_t selector = seg->selector;

    if (dpl_of(seg) < x86_cpl(c) || dpl_of(seg) < (selector & 3u)) {
        return gp(c, selector);
    }
    if (target == TARGET_TASK_GATE) {
        if (!(seg->attr & SEG_P)) {
            return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
        }
        selector = descriptor >> 16;
    }
    return x86_task_switch(c, selector, reason, next, false, 0);
}

enum x86_status x86_far_jump(struct x86_cpu *c, uint16_t selector, uint64_t off, unsigned osize,
                             uint64_t next)
{
    struct call_gate gate;
    struct x86_seg cs;
    uint64_t descriptor;
    enum target target;
    enum x86_status st;

    off = cut(off, osize);
    if (!(c->mode & MODE_PROT)) {
        if (off > c->seg[SEG_CS].limit) {
            return x86_raise_error(c, VEC_GP, 0);
        }
        commit_real(c, selector, off);
        return X86_OK;
    }
    target = far_target(c, selector, &descriptor, &cs);
    switch (target) {
    case TARGET_FAULT: return X86_FAULT;
    case TARGET_CODE: st = direct_code(c, &cs); break;
    case TARGET_GATE:
        st = open_gate(c, selector, descriptor, false, &gate);
        cs = gate.cs;
        off = gate.off;
        break;
    default: return far_task(c, &cs, descriptor, target, TASK_JUMP, next);
    }
    if (st != X86_OK) {
        return st;
    }
    if (!offset_ok(c, &cs, off)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    commit(c, &cs, off);
    return X86_OK;
}

/* Pushes CS:next on the current stack. */
static enum x86_status push_return(struct x86_cpu *c, struct x86_stack *s, unsigned size,
                                   uint64_t next)
{
    enum x86_status st;

    x86_stack_current(c, s);
    st = x86_stack_push(c, s, size, c->seg[SEG_CS].selector);
    return st == X86_OK ? x86_stack_push(c, s, size, next) : st;
}

static enum x86_status call_same(struct x86_cpu *c, const struct x86_seg *cs, uint64_t off,
                                 unsigned size, uint64_t next)
{
    struct x86_stack s;
    enum x86_status st;

    if (!offset_ok(c, cs, off)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = push_return(c, &s, size, next);
    if (st == X86_OK) {
        x86_stack_commit(c, &s);
        commit(c, cs, off);
    }
    return st;
}

static enum x86_status copy_params(struct x86_cpu *c, struct x86_stack *to, unsigned n,
                                   unsigned size)
{
    struct x86_stack from;
    uint64_t value[31];
    enum x86_status st = X86_OK;

    x86_stack_current(c, &from);
    for (unsigned i = 0; i < n && st == X86_OK; i++) {
        st = x86_stack_pop(c, &from, size, &value[i]);
    }
    for (unsigned i = n; i-- > 0 && st == X86_OK;) {
        st = x86_stack_push(c, to, size, value[i]);
    }
    return st;
}

static enum x86_status inner_stack(struct x86_cpu *c, unsigned cpl, struct x86_stack *ret)
{
    struct x86_seg ss = {.selector = cpl, .attr = cpl << SEG_DPL_SHIFT};
    enum x86_status st;

    if (c->mode & MODE_LONG) {
        uint64_t sp = 0;

        st = x86_tss_stack64(c, cpl, &sp);
        x86_stack_other(c, &ss, sp, cpl, true, 0, ret);
    } else {
        uint32_t sp = 0;

        st = x86_tss_stack(c, cpl, &ss, &sp);
        x86_stack_other(c, &ss, sp, cpl, false, x86_selector_error(c, ss.selector), ret);
    }
    return st;
}

static enum x86_status call_inner(struct x86_cpu *c, const struct call_gate *g, uint64_t next)
{
    struct x86_stack s;
    enum x86_status st = inner_stack(c, g->cpl, &s);

    if (st != X86_OK) {
        return st;
    }
    if (!offset_ok(c, &g->cs, g->off)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    if ((st = x86_stack_push(c, &s, g->size, c->seg[SEG_SS].selector)) != X86_OK ||
        (st = x86_stack_push(c, &s, g->size, c->gpr[RSP])) != X86_OK ||
        (st = copy_params(c, &s, g->params, g->size)) != X86_OK ||
        (st = x86_stack_push(c, &s, g->size, c->seg[SEG_CS].selector)) != X86_OK ||
        (st = x86_stack_push(c, &s, g->size, next)) != X86_OK) {
        return st;
    }
    c->seg[SEG_SS] = s.seg;
    x86_stack_commit(c, &s);
    commit(c, &g->cs, g->off);
    return X86_OK;
}

static enum x86_status call_real(struct x86_cpu *c, uint16_t selector, uint64_t off, unsigned osize,
                                 uint64_t next)
{
    struct x86_stack s;
    enum x86_status st;

    if (off > c->seg[SEG_CS].limit) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = push_return(c, &s, osize, next);
    if (st == X86_OK) {
        x86_stack_commit(c, &s);
        commit_real(c, selector, off);
    }
    return st;
}

enum x86_status x86_far_call(struct x86_cpu *c, uint16_t selector, uint64_t off, unsigned osize,
                             uint64_t next)
{
    struct call_gate gate;
    struct x86_seg cs;
    uint64_t descriptor;
    enum target target;
    enum x86_status st;

    off = cut(off, osize);
    if (!(c->mode & MODE_PROT)) {
        return call_real(c, selector, off, osize, next);
    }
    target = far_target(c, selector, &descriptor, &cs);
    switch (target) {
    case TARGET_FAULT: return X86_FAULT;
    case TARGET_CODE:
        st = direct_code(c, &cs);
        return st == X86_OK ? call_same(c, &cs, off, osize, next) : st;
    case TARGET_GATE: break;
    default: return far_task(c, &cs, descriptor, target, TASK_CALL, next);
    }
    st = open_gate(c, selector, descriptor, true, &gate);
    if (st != X86_OK) {
        return st;
    }
    return gate.cpl < x86_cpl(c) ? call_inner(c, &gate, next)
                                 : call_same(c, &gate.cs, gate.off, gate.size, next);
}

/* Code segment to return to, named by a selector from the stack. */
static enum x86_status return_code(struct x86_cpu *c, uint16_t selector, struct x86_seg *cs)
{
    unsigned rpl = selector & 3;
    uint64_t descriptor;
    enum x86_status st;

    if (!(selector & 0xfffc)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = x86_read_descriptor(c, selector, VEC_GP, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, cs);
    bool bad = cs->attr & TYPE_CONFORMING ? dpl_of(cs) > rpl : dpl_of(cs) != rpl;

    if (!is_code(cs) || rpl < x86_cpl(c) || bad) {
        return gp(c, selector);
    }
    return accept_code(c, cs, rpl);
}

/* Stack segment to return to; a null one is fine for 64-bit code below CPL 3. */
static enum x86_status return_stack(struct x86_cpu *c, uint16_t selector, const struct x86_seg *cs,
                                    struct x86_seg *ss)
{
    unsigned rpl = cs->selector & 3;
    bool to64 = (c->mode & MODE_LONG) && (cs->attr & SEG_L);

    if (!(selector & 0xfffc) && to64 && rpl != 3 && (selector & 3u) == rpl) {
        *ss = (struct x86_seg){.selector = selector, .attr = rpl << SEG_DPL_SHIFT};
        return X86_OK;
    }
    return x86_read_stack_segment(c, selector, rpl, VEC_GP, ss);
}

/* After a return to an outer privilege: segments that it may not use become null. */
static void drop_inner_segments(struct x86_cpu *c, unsigned cpl)
{
    static const uint8_t segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (unsigned i = 0; i < G_N_ELEMENTS(segs); i++) {
        struct x86_seg *s = &c->seg[segs[i]];
        bool checked = (s->attr & (TYPE_CODE | TYPE_CONFORMING)) != (TYPE_CODE | TYPE_CONFORMING);

        if (checked && dpl_of(s) < cpl) {
            uint64_t base = c->mode & MODE_LONG ? s->base : 0;

            *s = (struct x86_seg){.base = base};
        }
    }
}

static enum x86_status return_outer(struct x86_cpu *c, struct x86_stack *s, unsigned osize,
                                    uint16_t release, const struct x86_seg *cs, uint64_t off)
{
    struct x86_stack outer;
    struct x86_seg ss;
    uint64_t sp, selector;
    bool to64 = (c->mode & MODE_LONG) && (cs->attr & SEG_L);
    enum x86_status st;

    s->sp = (s->sp + release) & s->mask;
    if ((st = x86_stack_pop(c, s, osize, &sp)) != X86_OK ||
        (st = x86_stack_pop(c, s, osize, &selector)) != X86_OK ||
        (st = return_stack(c, selector, cs, &ss)) != X86_OK) {
        return st;
    }
    if (!offset_ok(c, cs, off)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    x86_stack_other(c, &ss, sp + release, cs->selector & 3, to64, 0, &outer);
    c->seg[SEG_SS] = ss;
    x86_stack_commit(c, &outer);
    commit(c, cs, off);
    drop_inner_segments(c, cs->selector & 3);
    x86_update_mode(c);
    return X86_OK;
}

enum x86_status x86_far_return(struct x86_cpu *c, unsigned osize, uint16_t release)
{
    struct x86_stack s;
    struct x86_seg cs;
    uint64_t off, selector;
    enum x86_status st;

    x86_stack_current(c, &s);
    if ((st = x86_stack_pop(c, &s, osize, &off)) != X86_OK ||
        (st = x86_stack_pop(c, &s, osize, &selector)) != X86_OK) {
        return st;
    }
    if (!(c->mode & MODE_PROT)) {
        if (off > c->seg[SEG_CS].limit) {
            return x86_raise_error(c, VEC_GP, 0);
        }
        commit_real(c, selector, off);
    } else {
        st = return_code(c, selector, &cs);
        if (st != X86_OK) {
            return st;
        }
        if ((cs.selector & 3u) > x86_cpl(c)) {
            return return_outer(c, &s, osize, release, &cs, off);
        }
        if (!offset_ok(c, &cs, off)) {
            return x86_raise_error(c, VEC_GP, 0);
        }
        commit(c, &cs, off);
    }
    s.sp += release;
    x86_stack_commit(c, &s);
    return X86_OK;
}

static enum x86_status pop3(struct x86_cpu *c, struct x86_stack *s, unsigned osize,
                            uint64_t value[3])
{
    enum x86_status st = X86_OK;

    x86_stack_current(c, s);
    for (unsigned i = 0; i < 3 && st == X86_OK; i++) {
        st = x86_stack_pop(c, s, osize, &value[i]);
    }
    return st;
}

/* Real mode, and virtual-8086 mode with IOPL 3. */
static enum x86_status iret_real(struct x86_cpu *c, unsigned osize)
{
    uint64_t v[3], mask = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT;
    struct x86_stack s;
    enum x86_status st;

    if ((c->mode & MODE_VM86) && (c->rflags & FLAG_IOPL) != FLAG_IOPL) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = pop3(c, &s, osize, v);
    if (st != X86_OK) {
        return st;
    }
    if (v[0] > c->seg[SEG_CS].limit) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    mask |= c->mode & MODE_VM86 ? 0 : FLAG_IOPL;
    mask |= osize == 4 ? FLAG_RF | FLAG_AC | FLAG_ID : 0;
    x86_stack_commit(c, &s);
    x86_rflags_write(c, v[2], mask);
    commit_real(c, v[1], v[0]);
    return X86_OK;
}

static enum x86_status iret_to_vm86(struct x86_cpu *c, struct x86_stack *s, const uint64_t v[3])
{
    static const uint8_t order[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    uint64_t sp, ss, seg[4];
    enum x86_status st;

    if ((st = x86_stack_pop(c, s, 4, &sp)) != X86_OK ||
        (st = x86_stack_pop(c, s, 4, &ss)) != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < 4; i++) {
        st = x86_stack_pop(c, s, 4, &seg[i]);
        if (st != X86_OK) {
            return st;
        }
    }
    x86_rflags_write(c, v[2],
                     FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF |
                         FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID);
    for (unsigned i = 0; i < 4; i++) {
        x86_vm86_segment(&c->seg[order[i]], seg[i]);
    }
    x86_vm86_segment(&c->seg[SEG_SS], ss);
    x86_vm86_segment(&c->seg[SEG_CS], v[1]);
    c->gpr[RSP] = (uint32_t)sp;
    c->rip = v[0] & 0xffff;
    x86_update_mode(c);
    return X86_OK;
}

/* Flags an IRET at privilege `cpl` (the old one) may load. */
static uint64_t iret_flags(const struct x86_cpu *c, unsigned osize)
{
    uint64_t mask = x86_flags_mask(c, osize);

    return x86_cpl(c) == 0 && osize != 2 ? mask | FLAG_VIF | FLAG_VIP : mask;
}

static enum x86_status iret_protected(struct x86_cpu *c, struct x86_stack *s, unsigned osize,
                                      const uint64_t v[3])
{
    struct x86_stack outer;
    struct x86_seg cs, ss;
    uint64_t sp, selector;
    enum x86_status st = return_code(c, v[1], &cs);

    if (st != X86_OK) {
        return st;
    }
    bool to64 = (c->mode & MODE_LONG) && (cs.attr & SEG_L);
    bool change = (cs.selector & 3u) > x86_cpl(c);
    uint64_t mask = iret_flags(c, osize);

    if (change || (c->mode & MODE_CODE64)) {
        if ((st = x86_stack_pop(c, s, osize, &sp)) != X86_OK ||
            (st = x86_stack_pop(c, s, osize, &selector)) != X86_OK ||
            (st = return_stack(c, selector, &cs, &ss)) != X86_OK) {
            return st;
        }
        x86_stack_other(c, &ss, sp, cs.selector & 3, to64, 0, &outer);
        s = &outer;
    } else {
        ss = c->seg[SEG_SS];
    }
    if (!offset_ok(c, &cs, v[0])) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    c->seg[SEG_SS] = ss;
    x86_stack_commit(c, s);
    x86_rflags_write(c, v[2], mask);
    commit(c, &cs, v[0]);
    if (change) {
        drop_inner_segments(c, cs.selector & 3);
        x86_update_mode(c);
    }
    return X86_OK;
}

static enum x86_status iret_task(struct x86_cpu *c, uint64_t next)
{
    uint64_t link;
    enum x86_status st = x86_read_system(c, c->tr.base, 2, &link);

    return st == X86_OK ? x86_task_switch(c, link, TASK_IRET, next, false, 0) : st;
}

enum x86_status x86_iret(struct x86_cpu *c, unsigned osize, uint64_t next)
{
    struct x86_stack s;
    uint64_t v[3];
    enum x86_status st;

    c->nmi_blocked = false; /* even if it faults */
    if (!(c->mode & MODE_PROT)) {
        return iret_real(c, osize);
    }
    if (c->rflags & FLAG_NT) {
        return c->mode & MODE_LONG ? x86_raise_error(c, VEC_GP, 0) : iret_task(c, next);
    }
    st = pop3(c, &s, osize, v);
    if (st != X86_OK) {
        return st;
    }
    if ((v[2] & FLAG_VM) && osize == 4 && x86_cpl(c) == 0 && !(c->mode & MODE_LONG)) {
        return iret_to_vm86(c, &s, v);
    }
    return iret_protected(c, &s, osize, v);
}
