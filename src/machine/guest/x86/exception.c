/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raising exceptions, and delivering them and interrupts through the IVT or IDT.
 * Intel SDM volume 3, chapter 6, and the INT n page of volume 2.
 */
#include "machine/guest/x86/exception.h"

#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/log.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/stack.h"
#include "machine/guest/x86/walk.h"

enum x86_status x86_raise(struct x86_cpu *c, enum x86_vector vector)
{
    c->exc.vector = vector;
    c->exc.has_error = false;
    c->exc.is_soft = false;
    c->exc.error = 0;
    c->exc.dr6 = 0;
    return X86_FAULT;
}

enum x86_status x86_raise_error(struct x86_cpu *c, enum x86_vector vector, uint32_t error)
{
    x86_raise(c, vector);
    c->exc.has_error = true;
    c->exc.error = error;
    return X86_FAULT;
}

enum x86_status x86_raise_page_fault(struct x86_cpu *c, uint64_t linear, uint32_t error)
{
    x86_raise_error(c, VEC_PF, error);
    c->exc.cr2 = linear;
    return X86_FAULT;
}

enum x86_status x86_raise_debug(struct x86_cpu *c, uint32_t dr6)
{
    x86_raise(c, VEC_DB);
    c->exc.dr6 = dr6;
    return X86_TRAP;
}

enum x86_status x86_raise_soft(struct x86_cpu *c, uint8_t vector, uint64_t next)
{
    x86_raise(c, vector);
    c->exc.is_soft = true;
    c->exc.soft_rip = c->rip;
    c->rip = next;
    return X86_TRAP;
}

/* What is being delivered. */
struct event {
    uint8_t vector;
    bool soft;     /* INT n: gate DPL is checked, EXT is clear */
    bool external; /* interrupt or NMI */
    bool restarts; /* a fault: the instruction runs again after the handler */
    bool has_error;
    uint32_t error;
};

#define DR6_BD (1u << 13)

/* Of what c->exc holds. #DB is a fault for MOV DR, and for a code breakpoint, which leaves RF. */
static bool is_fault(const struct x86_cpu *c)
{
    switch (c->exc.vector) {
    case VEC_DB: return c->exc.dr6 & DR6_BD;
    case VEC_BP:
    case VEC_OF:
    case VEC_DF:
    case VEC_MC: return false;
    default: return !c->exc.is_soft;
    }
}

static uint32_t gate_error(const struct x86_cpu *c, const struct event *ev)
{
    return ev->vector * 8u + 2 + c->delivering_external;
}

/* RFLAGS as pushed: faults set RF so that the restarted instruction passes its breakpoint. A
 * repeated string that is stopped has set it already. SDM volume 3, 17.3.1.1. */
static uint64_t pushed_flags(const struct x86_cpu *c, const struct event *ev)
{
    return x86_rflags(c) | (ev->restarts ? FLAG_RF : 0);
}

static enum x86_status deliver_real(struct x86_cpu *c, const struct event *ev)
{
    struct x86_stack stack;
    uint64_t entry;
    enum x86_status st;

    if (ev->vector * 4u + 3 > c->idtr.limit) {
        return x86_raise_error(c, VEC_GP, gate_error(c, ev));
    }
    st = x86_read_system(c, c->idtr.base + ev->vector * 4, 4, &entry);
    x86_stack_current(c, &stack);
    if (st != X86_OK || (st = x86_stack_push(c, &stack, 2, x86_rflags(c))) != X86_OK ||
        (st = x86_stack_push(c, &stack, 2, c->seg[SEG_CS].selector)) != X86_OK ||
        (st = x86_stack_push(c, &stack, 2, c->rip)) != X86_OK) {
        return st;
    }
    x86_stack_commit(c, &stack);
    c->rip = entry & 0xffff;
    c->seg[SEG_CS].selector = entry >> 16;
    c->seg[SEG_CS].base = entry >> 16 << 4;
    c->rflags &= ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
    x86_update_mode(c);
    return X86_OK;
}

struct gate {
    unsigned type; /* 5: task; 6, 7, 14, 15: interrupt and trap, 16 and 32 or 64 bits */
    unsigned ist;
    uint16_t selector;
    uint64_t offset;
};

#define GATE_TASK 5

static enum x86_status read_gate(struct x86_cpu *c, const struct event *ev, struct gate *g)
{
    bool wide = c->mode & MODE_LONG;
    unsigned size = wide ? 16 : 8;
    uint64_t low, high = 0;
    enum x86_status st;

    if (ev->vector * size + size - 1 > c->idtr.limit) {
        return x86_raise_error(c, VEC_GP, gate_error(c, ev));
    }
    st = x86_read_system(c, c->idtr.base + ev->vector * size, 8, &low);
    if (st == X86_OK && wide) {
        st = x86_read_system(c, c->idtr.base + ev->vector * size + 8, 8, &high);
    }
    if (st != X86_OK) {
        return st;
    }
    g->type = low >> 40 & 31;
    g->ist = wide ? low >> 32 & 7 : 0;
    g->selector = low >> 16;
    g->offset = (low & 0xffff) | (low >> 48 << 16) | (wide ? high << 32 : 0);

    bool known =
        wide ? g->type == 14 || g->type == 15 : g->type == GATE_TASK || (g->type & ~9u) == 6;

    if (!known || (ev->soft && (low >> 45 & 3) < x86_cpl(c))) {
        return x86_raise_error(c, VEC_GP, gate_error(c, ev));
    }
    if (!(low >> 47 & 1)) {
        return x86_raise_error(c, VEC_NP, gate_error(c, ev));
    }
    if (g->type == 6 || g->type == 7) {
        g->offset &= 0xffff;
    }
    return X86_OK;
}

#define TYPE_CODE       8
#define TYPE_CONFORMING 4

/* The handler's code segment and privilege. */
static enum x86_status handler_code(struct x86_cpu *c, uint16_t selector, struct x86_seg *cs,
                                    unsigned *ret_cpl)
{
    unsigned cpl = x86_cpl(c), dpl;
    uint64_t descriptor;
    enum x86_status st;

    if (!(selector & 0xfffc)) {
        return x86_raise_error(c, VEC_GP, c->delivering_external);
    }
    st = x86_read_descriptor(c, selector, VEC_GP, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, cs);
    dpl = cs->attr >> SEG_DPL_SHIFT & 3;
    bool conforming = cs->attr & TYPE_CONFORMING;
    bool bad = !(cs->attr & SEG_S) || !(cs->attr & TYPE_CODE) || dpl > cpl;

    if (c->mode & MODE_LONG) {
        bad |= !(cs->attr & SEG_L) || (cs->attr & SEG_DB);
    }
    if (c->mode & MODE_VM86) {
        bad |= conforming || dpl != 0;
    }
    if (bad) {
        return x86_raise_error(c, VEC_GP, x86_selector_error(c, selector));
    }
    if (!(cs->attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    *ret_cpl = conforming ? cpl : dpl;
    cs->selector = (selector & 0xfffc) | *ret_cpl;
    return X86_OK;
}

static void enter_handler(struct x86_cpu *c, const struct gate *g, const struct x86_seg *cs)
{
    c->seg[SEG_CS] = *cs;
    c->rip = g->offset;
    c->rflags &= ~(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_NT);
    if (!(g->type & 1)) {
        c->rflags &= ~FLAG_IF;
    }
    x86_update_mode(c);
}

static enum x86_status push_all(struct x86_cpu *c, struct x86_stack *s, unsigned size,
                                const uint64_t *values, unsigned n)
{
    enum x86_status st = X86_OK;

    for (unsigned i = 0; i < n && st == X86_OK; i++) {
        st = x86_stack_push(c, s, size, values[i]);
    }
    return st;
}

static enum x86_status deliver_long(struct x86_cpu *c, const struct event *ev)
{
    struct x86_stack stack;
    struct x86_seg cs;
    struct gate g;
    unsigned cpl;
    enum x86_status st = read_gate(c, ev, &g);

    if (st != X86_OK || (st = handler_code(c, g.selector, &cs, &cpl)) != X86_OK) {
        return st;
    }
    bool inner = cpl != x86_cpl(c);
    struct x86_seg ss = c->seg[SEG_SS];
    uint64_t sp = c->gpr[RSP];

    if (inner) {
        ss = (struct x86_seg){.selector = cpl, .attr = cpl << SEG_DPL_SHIFT};
    }
    if (inner || g.ist) {
        st = x86_tss_stack64(c, g.ist ? g.ist + 3 : cpl, &sp);
        if (st != X86_OK) {
            return st;
        }
    }
    if (!x86_is_canonical(c, g.offset)) {
        return x86_raise_error(c, VEC_GP, c->delivering_external);
    }
    const uint64_t frame[] = {c->seg[SEG_SS].selector, c->gpr[RSP], pushed_flags(c, ev),
                              c->seg[SEG_CS].selector, c->rip,      ev->error};

    x86_stack_other(c, &ss, sp & ~UINT64_C(15), cpl, true, x86_selector_error(c, ss.selector),
                    &stack);
    st = push_all(c, &stack, 8, frame, ev->has_error ? 6 : 5);
    if (st != X86_OK) {
        return st;
    }
    c->gpr[RSP] = stack.sp;
    c->seg[SEG_SS] = ss;
    enter_handler(c, &g, &cs);
    return X86_OK;
}

static void null_data_segments(struct x86_cpu *c)
{
    static const uint8_t segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

    for (unsigned i = 0; i < G_N_ELEMENTS(segs); i++) {
        c->seg[segs[i]] = (struct x86_seg){0};
    }
}

static enum x86_status deliver_inner(struct x86_cpu *c, const struct event *ev,
                                     const struct gate *g, const struct x86_seg *cs, unsigned cpl)
{
    unsigned size = g->type & 8 ? 4 : 2;
    bool vm86 = c->mode & MODE_VM86;
    uint64_t frame[10];
    unsigned n = 0;
    struct x86_stack stack;
    struct x86_seg ss;
    uint32_t sp;
    enum x86_status st = x86_tss_stack(c, cpl, &ss, &sp);

    if (st != X86_OK) {
        return st;
    }
    if (g->offset > cs->limit) {
        return x86_raise_error(c, VEC_GP, c->delivering_external);
    }
    if (vm86) {
        frame[n++] = c->seg[SEG_GS].selector;
        frame[n++] = c->seg[SEG_FS].selector;
        frame[n++] = c->seg[SEG_DS].selector;
        frame[n++] = c->seg[SEG_ES].selector;
    }
    frame[n++] = c->seg[SEG_SS].selector;
    frame[n++] = c->gpr[RSP];
    frame[n++] = pushed_flags(c, ev);
    frame[n++] = c->seg[SEG_CS].selector;
    frame[n++] = c->rip;
    if (ev->has_error) {
        frame[n++] = ev->error;
    }
    x86_stack_other(c, &ss, sp, cpl, false, x86_selector_error(c, ss.selector), &stack);
    st = push_all(c, &stack, size, frame, n);
    if (st != X86_OK) {
        return st;
    }
    c->seg[SEG_SS] = ss;
    x86_stack_commit(c, &stack);
    if (vm86) {
        null_data_segments(c);
    }
    enter_handler(c, g, cs);
    return X86_OK;
}

static enum x86_status deliver_same(struct x86_cpu *c, const struct event *ev, const struct gate *g,
                                    const struct x86_seg *cs)
{
    const uint64_t frame[] = {pushed_flags(c, ev), c->seg[SEG_CS].selector, c->rip, ev->error};
    struct x86_stack stack;
    enum x86_status st;

    if (g->offset > cs->limit) {
        return x86_raise_error(c, VEC_GP, c->delivering_external);
    }
    x86_stack_current(c, &stack);
    st = push_all(c, &stack, g->type & 8 ? 4 : 2, frame, ev->has_error ? 4 : 3);
    if (st == X86_OK) {
        x86_stack_commit(c, &stack);
        enter_handler(c, g, cs);
    }
    return st;
}

static enum x86_status deliver_protected(struct x86_cpu *c, const struct event *ev)
{
    struct x86_seg cs;
    struct gate g;
    unsigned cpl;
    enum x86_status st;

    if ((c->mode & MODE_VM86) && ev->soft && ev->vector != VEC_BP && ev->vector != VEC_OF &&
        (c->rflags & FLAG_IOPL) != FLAG_IOPL) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = read_gate(c, ev, &g);
    if (st != X86_OK) {
        return st;
    }
    if (g.type == GATE_TASK) {
        return x86_task_switch(c, g.selector, TASK_GATE, c->rip, ev->has_error, ev->error);
    }
    st = handler_code(c, g.selector, &cs, &cpl);
    if (st != X86_OK) {
        return st;
    }
    return cpl != x86_cpl(c) ? deliver_inner(c, ev, &g, &cs, cpl) : deliver_same(c, ev, &g, &cs);
}

static enum x86_status deliver_once(struct x86_cpu *c, const struct event *ev)
{
    if (!(c->cr0 & CR0_PE)) {
        return deliver_real(c, ev);
    }
    return c->mode & MODE_LONG ? deliver_long(c, ev) : deliver_protected(c, ev);
}

/* SDM table 6-4. */
static bool is_contributory(unsigned vector)
{
    return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

static void begin_exception(struct x86_cpu *c, const struct event *ev)
{
    if (ev->vector == VEC_PF && !ev->soft && !ev->external) {
        c->cr2 = c->exc.cr2;
    }
    if (ev->vector == VEC_DB && !ev->soft) {
        c->dr[6] = (c->dr[6] & ~UINT64_C(15)) | c->exc.dr6;
        c->dr[7] &= ~(UINT64_C(1) << 13); /* GD */
    }
}

/* What a fault while delivering `first` becomes; FALSE: shutdown. */
static bool merge(struct x86_cpu *c, const struct event *first, struct event *ret)
{
    bool benign = first->soft || first->external;
    unsigned a = first->vector, b = c->exc.vector;

    *ret = (struct event){
        .vector = b, .restarts = is_fault(c), .has_error = c->exc.has_error, .error = c->exc.error};
    if (benign) {
        return true;
    }
    if (a == VEC_DF && (is_contributory(b) || b == VEC_PF)) {
        return false;
    }
    if ((is_contributory(a) && is_contributory(b)) ||
        (a == VEC_PF && (is_contributory(b) || b == VEC_PF))) {
        if (b == VEC_PF) {
            c->cr2 = c->exc.cr2;
        }
        *ret = (struct event){.vector = VEC_DF, .has_error = true};
    }
    return true;
}

static bool deliver(struct x86_cpu *c, struct event ev)
{
    uint64_t soft_rip = c->exc.soft_rip, next = c->rip;
    bool alive = true;

    for (;;) {
        begin_exception(c, &ev);
        if (G_UNLIKELY(x86_logs(c, ACCEL_LOG_INT))) {
            x86_log_event(c, ev.vector, ev.error, ev.soft);
        }
        c->delivering = ev.vector;
        c->delivering_external = !ev.soft;
        c->int_shadow = SHADOW_NONE;
        enum x86_status st = deliver_once(c, &ev);

        if (st != X86_FAULT) {
            break;
        }
        struct event merged;

        alive = merge(c, &ev, &merged);
        if (!alive) {
            break;
        }
        if (ev.soft && c->rip == next) {
            c->rip = soft_rip; /* INT n itself faults, unless a task switch has been done */
        }
        ev = merged;
    }
    c->delivering = 0xff;
    c->delivering_external = false;
    return alive;
}

bool x86_deliver_exception(struct x86_cpu *c)
{
    if (!c->exc.is_soft) {
        c->debug_hit = 0; /* what a faulting instruction touched is not reported */
    }
    return deliver(c, (struct event){.vector = c->exc.vector,
                                     .soft = c->exc.is_soft,
                                     .restarts = is_fault(c),
                                     .has_error = c->exc.has_error && (c->cr0 & CR0_PE),
                                     .error = c->exc.error});
}

bool x86_deliver_interrupt(struct x86_cpu *c, uint8_t vector, bool nmi)
{
    if (nmi) {
        c->nmi_blocked = true;
    }
    return deliver(c, (struct event){.vector = vector, .external = true});
}
