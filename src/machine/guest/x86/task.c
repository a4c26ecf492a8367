/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hardware task switches. Intel SDM volume 3, chapter 7.
 *
 * Up to the commit point everything may fault in the old task; afterwards the new task's registers
 * are in place and a bad segment faults (#TS, #NP, #SS) as its first instruction.
 */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/stack.h"
#include "machine/guest/x86/walk.h"

#define TYPE_BUSY       2
#define TYPE_WIDE       8
#define TYPE_RW         2
#define TYPE_CONFORMING 4
#define TYPE_CODE       8

#define DR6_BT (1u << 15)

/* Segments in the order of the TSS. */
static const uint8_t order[SEG_COUNT] = {SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS};

struct layout { /* offsets of one kind of TSS */
    uint8_t min_limit, width, ip, flags, gpr, segs, n_segs, seg_step, ldt;
};

static const struct layout layout16 = {0x2b, 2, 0x0e, 0x10, 0x12, 0x22, 4, 2, 0x2a};
static const struct layout layout32 = {0x67, 4, 0x20, 0x24, 0x28, 0x48, 6, 4, 0x60};

#define TSS32_CR3  0x1c
#define TSS32_TRAP 0x64

struct image { /* what a TSS holds of a task */
    uint64_t ip, flags, gpr[8], seg[SEG_COUNT], ldt, cr3, trap;
};

static enum x86_status ts(struct x86_cpu *c, uint16_t selector)
{
    return x86_raise_error(c, VEC_TS, x86_selector_error(c, selector));
}

static const struct layout *layout_of(const struct x86_seg *tss)
{
    return tss->attr & TYPE_WIDE ? &layout32 : &layout16;
}

/* The new task's descriptor, checked. */
static enum x86_status find_tss(struct x86_cpu *c, uint16_t selector, enum x86_task_reason reason,
                                struct x86_seg *tss)
{
    enum x86_vector vector = reason == TASK_IRET ? VEC_TS : VEC_GP;
    unsigned want = reason == TASK_IRET ? 1 | TYPE_BUSY : 1;
    uint64_t descriptor;
    enum x86_status st;

    if (selector & 4 || !(selector & 0xfff8)) {
        return x86_raise_error(c, vector, x86_selector_error(c, selector));
    }
    st = x86_read_descriptor(c, selector, vector, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, tss);
    if ((tss->attr & SEG_S) || (tss->attr & SEG_TYPE_MASK & ~TYPE_WIDE) != want) {
        return x86_raise_error(c, vector, x86_selector_error(c, selector));
    }
    if (!(tss->attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    return tss->limit < layout_of(tss)->min_limit ? ts(c, selector) : X86_OK;
}

static enum x86_status read_image(struct x86_cpu *c, const struct x86_seg *tss, struct image *im)
{
    const struct layout *l = layout_of(tss);
    bool wide = l == &layout32;
    enum x86_status st;

    memset(im, 0, sizeof(*im));
    if ((st = x86_read_system(c, tss->base + l->ip, l->width, &im->ip)) != X86_OK ||
        (st = x86_read_system(c, tss->base + l->flags, l->width, &im->flags)) != X86_OK ||
        (st = x86_read_system(c, tss->base + l->ldt, 2, &im->ldt)) != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < 8 && st == X86_OK; i++) {
        st = x86_read_system(c, tss->base + l->gpr + i * l->width, l->width, &im->gpr[i]);
        im->gpr[i] |= wide ? 0 : 0xffff0000;
    }
    for (unsigned i = 0; i < l->n_segs && st == X86_OK; i++) {
        st = x86_read_system(c, tss->base + l->segs + i * l->seg_step, 2, &im->seg[i]);
    }
    if (wide && st == X86_OK) {
        st = x86_read_system(c, tss->base + TSS32_CR3, 4, &im->cr3);
    }
    if (wide && st == X86_OK) {
        st = x86_read_system(c, tss->base + TSS32_TRAP, 2, &im->trap);
    }
    return st;
}

static enum x86_status save_old(struct x86_cpu *c, uint64_t next, uint64_t flags)
{
    const struct layout *l = layout_of(&c->tr);
    uint64_t base = c->tr.base;
    enum x86_status st;

    if ((st = x86_write_system(c, base + l->ip, l->width, next)) != X86_OK ||
        (st = x86_write_system(c, base + l->flags, l->width, flags)) != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < 8 && st == X86_OK; i++) {
        st = x86_write_system(c, base + l->gpr + i * l->width, l->width, c->gpr[i]);
    }
    for (unsigned i = 0; i < l->n_segs && st == X86_OK; i++) {
        st = x86_write_system(c, base + l->segs + i * l->seg_step, 2, c->seg[order[i]].selector);
    }
    return st;
}

static enum x86_status set_busy(struct x86_cpu *c, uint16_t selector, bool busy)
{
    uint64_t at = x86_descriptor_address(c, selector & 0xfff8) + 5, type;
    enum x86_status st = x86_read_system(c, at, 1, &type);

    if (st == X86_OK) {
        type = busy ? type | TYPE_BUSY : type & ~(uint64_t)TYPE_BUSY;
        st = x86_write_system(c, at, 1, type);
    }
    return st;
}

static unsigned dpl_of(const struct x86_seg *s)
{
    return s->attr >> SEG_DPL_SHIFT & 3;
}

static enum x86_status load_ldt(struct x86_cpu *c, uint16_t selector)
{
    struct x86_seg ldt = {.selector = selector};
    uint64_t descriptor;

    c->ldtr = ldt;
    if (!(selector & 0xfffc)) {
        return X86_OK;
    }
    if (selector & 4) {
        return ts(c, selector);
    }
    enum x86_status st = x86_read_descriptor(c, selector, VEC_TS, &descriptor);

    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, &ldt);
    if ((ldt.attr & (SEG_S | SEG_TYPE_MASK)) != 2 || !(ldt.attr & SEG_P)) {
        return ts(c, selector);
    }
    c->ldtr = ldt;
    return X86_OK;
}

static enum x86_status load_code(struct x86_cpu *c, uint16_t selector)
{
    struct x86_seg cs;
    uint64_t descriptor;
    unsigned rpl = selector & 3;

    if (!(selector & 0xfffc)) {
        return ts(c, selector);
    }
    enum x86_status st = x86_read_descriptor(c, selector, VEC_TS, &descriptor);

    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, &cs);
    bool bad = cs.attr & TYPE_CONFORMING ? dpl_of(&cs) > rpl : dpl_of(&cs) != rpl;

    if ((cs.attr & (SEG_S | TYPE_CODE)) != (SEG_S | TYPE_CODE) || bad) {
        return ts(c, selector);
    }
    if (!(cs.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    st = x86_mark_accessed(c, &cs);
    if (st == X86_OK) {
        c->seg[SEG_CS] = cs;
    }
    return st;
}

static enum x86_status load_data(struct x86_cpu *c, unsigned seg, uint16_t selector, unsigned cpl)
{
    struct x86_seg s;
    uint64_t descriptor;

    if (!(selector & 0xfffc)) {
        return X86_OK; /* stays null */
    }
    enum x86_status st = x86_read_descriptor(c, selector, VEC_TS, &descriptor);

    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, &s);
    bool code = s.attr & TYPE_CODE;
    bool checked = !code || !(s.attr & TYPE_CONFORMING);

    if (!(s.attr & SEG_S) || (code && !(s.attr & TYPE_RW)) ||
        (checked && dpl_of(&s) < MAX(cpl, selector & 3u))) {
        return ts(c, selector);
    }
    if (!(s.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    st = x86_mark_accessed(c, &s);
    if (st == X86_OK) {
        c->seg[seg] = s;
    }
    return st;
}

/* Descriptors of the new task, with its registers in place. */
static enum x86_status load_segments(struct x86_cpu *c, const struct image *im)
{
    unsigned cpl = im->seg[1] & 3;
    enum x86_status st = load_ldt(c, im->ldt);

    if (st != X86_OK || (c->rflags & FLAG_VM)) {
        return st;
    }
    if ((st = load_code(c, im->seg[1])) != X86_OK ||
        (st = x86_read_stack_segment(c, im->seg[2], cpl, VEC_TS, &c->seg[SEG_SS])) != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < SEG_COUNT && st == X86_OK; i++) {
        if (order[i] != SEG_CS && order[i] != SEG_SS) {
            st = load_data(c, order[i], im->seg[i], cpl);
        }
    }
    return st;
}

/* Registers of the new task; from here on there is no way back. */
static void load_registers(struct x86_cpu *c, const struct image *im)
{
    unsigned cpl = im->seg[1] & 3;

    c->rip = im->ip;
    for (unsigned i = 0; i < 8; i++) {
        c->gpr[i] = im->gpr[i];
    }
    x86_flags_set(c, im->flags);
    c->rflags = (im->flags & (FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF |
                              FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID)) |
                FLAG_ONE;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        if (c->rflags & FLAG_VM) {
            x86_vm86_segment(&c->seg[order[i]], im->seg[i]);
        } else {
            c->seg[order[i]] =
                (struct x86_seg){.selector = im->seg[i], .attr = cpl << SEG_DPL_SHIFT};
        }
    }
    c->dr[7] &= ~UINT64_C(0x155); /* local breakpoints */
    c->cr0 |= CR0_TS;
    x86_update_mode(c);
}

static enum x86_status load_cr3(struct x86_cpu *c, const struct image *im)
{
    if (c->cr4 & CR4_PAE) {
        enum x86_status st = x86_load_pdptes(c, im->cr3);

        if (st != X86_OK) {
            return st;
        }
    }
    c->cr3 = im->cr3;
    tlb_flush(&c->cpu.tlb);
    return X86_OK;
}

static enum x86_status push_error(struct x86_cpu *c, unsigned width, uint32_t error)
{
    struct x86_stack s;

    x86_stack_current(c, &s);
    enum x86_status st = x86_stack_push(c, &s, width, error);

    if (st == X86_OK) {
        x86_stack_commit(c, &s);
    }
    return st;
}

/* Busy bits, back link and NT; all that is written to memory before the commit. */
static enum x86_status link_tasks(struct x86_cpu *c, const struct x86_seg *tss,
                                  enum x86_task_reason reason, uint64_t next, struct image *im)
{
    bool nested = reason == TASK_CALL || reason == TASK_GATE;
    uint64_t flags = x86_rflags(c);
    enum x86_status st = save_old(c, next, reason == TASK_IRET ? flags & ~FLAG_NT : flags);

    if (st == X86_OK && !nested) {
        st = set_busy(c, c->tr.selector, false);
    }
    if (st == X86_OK && nested) {
        st = x86_write_system(c, tss->base, 2, c->tr.selector);
        im->flags |= FLAG_NT;
    }
    if (st == X86_OK && reason != TASK_IRET) {
        st = set_busy(c, tss->selector, true);
    }
    return st;
}

enum x86_status x86_task_switch(struct x86_cpu *c, uint16_t selector, enum x86_task_reason reason,
                                uint64_t next, bool has_error, uint32_t error)
{
    struct x86_seg tss;
    struct image im;
    enum x86_status st = find_tss(c, selector, reason, &tss);

    if (st != X86_OK || (st = read_image(c, &tss, &im)) != X86_OK ||
        (st = link_tasks(c, &tss, reason, next, &im)) != X86_OK) {
        return st;
    }
    unsigned width = layout_of(&tss)->width;

    if (width == 4 && (c->cr0 & CR0_PG) && (st = load_cr3(c, &im)) != X86_OK) {
        return st;
    }
    tss.attr |= TYPE_BUSY;
    c->tr = tss;
    load_registers(c, &im);
    st = load_segments(c, &im);
    x86_update_mode(c);
    if (st == X86_OK && has_error) {
        st = push_error(c, width, error);
    }
    if (st == X86_OK && c->rip > c->seg[SEG_CS].limit) {
        st = x86_raise_error(c, VEC_GP, c->delivering_external);
    }
    if (st == X86_OK && (im.trap & 1)) {
        c->debug_hit |= DR6_BT;
        c->code_changed = true;
    }
    return st;
}
