/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors, segment registers and the derived mode. Intel SDM volume 3, chapters 3 and 5.
 */
#include "machine/guest/x86/segment.h"

#include "base/least.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/walk.h"

#define TYPE_ACCESSED   1
#define TYPE_RW         2
#define TYPE_CONFORMING 4
#define TYPE_CODE       8

static unsigned dpl_of(const struct x86_seg *s)
{
    return s->attr >> SEG_DPL_SHIFT & 3;
}

static bool is_flat(const struct x86_seg *s)
{
    return s->base == 0 && s->limit == UINT32_MAX && (s->attr & SEG_P) && (s->attr & TYPE_RW) &&
           (s->attr & (TYPE_CODE | TYPE_CONFORMING)) != TYPE_CONFORMING;
}

void x86_update_mode(struct x86_cpu *c)
{
    const struct x86_seg *cs = &c->seg[SEG_CS];
    uint32_t mode = 0;
    unsigned cpl = 0;

    if (c->cr0 & CR0_PE) {
        if (c->rflags & FLAG_VM) {
            mode |= MODE_VM86;
            cpl = 3;
        } else {
            mode |= MODE_PROT;
            cpl = dpl_of(&c->seg[SEG_SS]);
        }
    }
    if (c->msr.efer & EFER_LMA) {
        mode |= MODE_LONG;
        mode |= cs->attr & SEG_L ? MODE_CODE64 : 0;
    }
    if (!(mode & MODE_CODE64) && (cs->attr & SEG_DB)) {
        mode |= MODE_CODE32;
    }
    mode |= c->seg[SEG_SS].attr & SEG_DB ? MODE_SS32 : 0;
    if (is_flat(cs) && is_flat(&c->seg[SEG_DS]) && is_flat(&c->seg[SEG_ES]) &&
        is_flat(&c->seg[SEG_SS])) {
        mode |= MODE_FLAT;
    }
    c->mode = mode | cpl << MODE_CPL_SHIFT;
}

void x86_unpack_descriptor(uint64_t descriptor, uint16_t selector, struct x86_seg *ret)
{
    uint32_t low = descriptor, high = descriptor >> 32;

    ret->selector = selector;
    ret->attr = high >> 8 & 0xf0ff;
    ret->base = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
    ret->limit = (low & 0xffff) | (high & 0xf0000);
    if (ret->attr & SEG_G) {
        ret->limit = ret->limit << 12 | 0xfff;
    }
}

uint64_t x86_descriptor_address(const struct x86_cpu *c, uint16_t selector)
{
    return (selector & 4 ? c->ldtr.base : c->gdtr.base) + (selector & 0xfff8);
}

enum x86_status x86_read_descriptor(struct x86_cpu *c, uint16_t selector, enum x86_vector vector,
                                    uint64_t *ret)
{
    bool usable = !(selector & 4) || (c->ldtr.attr & SEG_P);
    uint32_t limit = selector & 4 ? c->ldtr.limit : c->gdtr.limit;

    if (!usable || (selector | 7u) > limit) {
        return x86_raise_error(c, vector, x86_selector_error(c, selector));
    }
    return x86_read_system(c, x86_descriptor_address(c, selector), 8, ret);
}

enum x86_status x86_mark_accessed(struct x86_cpu *c, struct x86_seg *seg)
{
    enum x86_status st = X86_OK;

    if (!(seg->attr & TYPE_ACCESSED)) {
        seg->attr |= TYPE_ACCESSED;
        st = x86_write_system(c, x86_descriptor_address(c, seg->selector) + 5, 1, seg->attr & 0xff);
    }
    return st;
}

enum x86_status x86_read_stack_segment(struct x86_cpu *c, uint16_t selector, unsigned cpl,
                                       enum x86_vector vector, struct x86_seg *ret)
{
    uint64_t descriptor;
    enum x86_status st;

    if (!(selector & 0xfffc)) {
        return x86_raise_error(c, vector, vector == VEC_GP ? 0 : c->delivering_external);
    }
    st = x86_read_descriptor(c, selector, vector, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, ret);
    if ((selector & 3) != cpl || !(ret->attr & SEG_S) || (ret->attr & TYPE_CODE) ||
        !(ret->attr & TYPE_RW) || dpl_of(ret) != cpl) {
        return x86_raise_error(c, vector, x86_selector_error(c, selector));
    }
    if (!(ret->attr & SEG_P)) {
        return x86_raise_error(c, VEC_SS, x86_selector_error(c, selector));
    }
    return x86_mark_accessed(c, ret);
}

void x86_vm86_segment(struct x86_seg *seg, uint16_t selector)
{
    *seg = (struct x86_seg){.selector = selector,
                            .base = (uint32_t)selector << 4,
                            .limit = 0xffff,
                            .attr = SEG_P | SEG_S | 3 | 3 << SEG_DPL_SHIFT};
}

static enum x86_status load_null(struct x86_cpu *c, unsigned seg, uint16_t selector)
{
    unsigned cpl = x86_cpl(c);

    if (seg == SEG_SS) {
        if (!(c->mode & MODE_CODE64) || cpl == 3 || (selector & 3u) != cpl) {
            return x86_raise_error(c, VEC_GP, 0);
        }
        c->seg[seg] = (struct x86_seg){.selector = selector, .attr = cpl << SEG_DPL_SHIFT};
    } else {
        c->seg[seg] = (struct x86_seg){.selector = selector};
    }
    x86_update_mode(c);
    return X86_OK;
}

static enum x86_status load_data(struct x86_cpu *c, unsigned seg, uint16_t selector)
{
    struct x86_seg s;
    uint64_t descriptor;
    enum x86_status st = x86_read_descriptor(c, selector, VEC_GP, &descriptor);

    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, &s);
    bool code = s.attr & TYPE_CODE;
    bool checked = !code || !(s.attr & TYPE_CONFORMING);
    unsigned needed = max_u64(x86_cpl(c), selector & 3u);

    if (!(s.attr & SEG_S) || (code && !(s.attr & TYPE_RW)) || (checked && dpl_of(&s) < needed)) {
        return x86_raise_error(c, VEC_GP, x86_selector_error(c, selector));
    }
    if (!(s.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, x86_selector_error(c, selector));
    }
    st = x86_mark_accessed(c, &s);
    if (st == X86_OK) {
        c->seg[seg] = s;
        x86_update_mode(c);
    }
    return st;
}

enum x86_status x86_load_segment(struct x86_cpu *c, unsigned seg, uint16_t selector)
{
    struct x86_seg s;
    enum x86_status st;

    if (!(c->mode & MODE_PROT)) {
        c->seg[seg].selector = selector;
        c->seg[seg].base = (uint32_t)selector << 4; /* limit and attributes stay */
        x86_update_mode(c);
        return X86_OK;
    }
    if (!(selector & 0xfffc)) {
        return load_null(c, seg, selector);
    }
    if (seg != SEG_SS) {
        return load_data(c, seg, selector);
    }
    st = x86_read_stack_segment(c, selector, x86_cpl(c), VEC_GP, &s);
    if (st == X86_OK) {
        c->seg[SEG_SS] = s;
        x86_update_mode(c);
    }
    return st;
}

static enum x86_status tss_fault(struct x86_cpu *c)
{
    return x86_raise_error(c, VEC_TS, x86_selector_error(c, c->tr.selector));
}

enum x86_status x86_tss_stack(struct x86_cpu *c, unsigned cpl, struct x86_seg *ret_ss,
                              uint32_t *ret_sp)
{
    bool wide = c->tr.attr & 8; /* 32-bit TSS */
    unsigned size = wide ? 4 : 2;
    uint32_t off = size + cpl * size * 2;
    uint64_t sp, ss;
    enum x86_status st;

    if (!(c->tr.attr & SEG_P) || off + size + 1 > c->tr.limit) {
        return tss_fault(c);
    }
    st = x86_read_system(c, c->tr.base + off, size, &sp);
    if (st == X86_OK) {
        st = x86_read_system(c, c->tr.base + off + size, 2, &ss);
    }
    if (st == X86_OK) {
        *ret_sp = sp;
        st = x86_read_stack_segment(c, ss, cpl, VEC_TS, ret_ss);
    }
    return st;
}

enum x86_status x86_tss_stack64(struct x86_cpu *c, unsigned slot, uint64_t *ret_sp)
{
    uint32_t off = 4 + slot * 8;
    uint64_t sp;
    enum x86_status st;

    if (!(c->tr.attr & SEG_P) || off + 7 > c->tr.limit) {
        return tss_fault(c);
    }
    st = x86_read_system(c, c->tr.base + off, 8, &sp);
    if (st != X86_OK) {
        return st;
    }
    if (!x86_is_canonical(c, sp)) {
        return x86_raise_error(c, VEC_SS, c->delivering_external);
    }
    *ret_sp = sp;
    return X86_OK;
}

uint64_t x86_flags_mask(const struct x86_cpu *c, unsigned osize)
{
    uint64_t mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
    unsigned cpl = x86_cpl(c), iopl = (c->rflags & FLAG_IOPL) >> 12;

    if (cpl == 0) {
        mask |= FLAG_IOPL;
    }
    if (cpl <= iopl) {
        mask |= FLAG_IF;
    }
    return osize == 2 ? mask & 0xffff : mask;
}

#define IO_MAP_BASE 0x66

enum x86_status x86_check_ports(struct x86_cpu *c, uint16_t port, unsigned size)
{
    unsigned iopl = (c->rflags & FLAG_IOPL) >> 12;
    uint64_t map, bits;
    enum x86_status st;

    if (!(c->cr0 & CR0_PE) || (!(c->mode & MODE_VM86) && x86_cpl(c) <= iopl)) {
        return X86_OK;
    }
    if (!(c->tr.attr & SEG_P) || !(c->tr.attr & 8) || c->tr.limit < IO_MAP_BASE + 1) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = x86_read_system(c, c->tr.base + IO_MAP_BASE, 2, &map);
    if (st != X86_OK) {
        return st;
    }
    map += port / 8;
    if (map + 1 > c->tr.limit) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = x86_read_system(c, c->tr.base + map, 2, &bits);
    if (st != X86_OK) {
        return st;
    }
    return bits >> (port & 7) & ((1u << size) - 1) ? x86_raise_error(c, VEC_GP, 0) : X86_OK;
}
