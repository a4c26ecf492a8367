/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/system/tables.h"

#include "base/least.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/walk.h"

#define TYPE_RW         2
#define TYPE_CONFORMING 4
#define TYPE_CODE       8
#define TYPE_LDT        2
#define TSS_BUSY        2

static enum x86_status gp(struct x86_cpu *c, uint16_t selector)
{
    return x86_raise_error(c, VEC_GP, selector & 0xfffc);
}

/* r/m16 selector. */
static enum x86_status read_selector(struct x86_cpu *c, const struct x86_insn *in, uint16_t *ret)
{
    uint64_t value = c->gpr[in->rm];
    enum x86_status st = X86_OK;

    if (in->flags & INSN_MEM) {
        st = x86_read(c, in->seg, x86_ea(c, in), 2, &value);
    }
    *ret = value;
    return st;
}

static enum x86_status load_table(struct x86_cpu *c, const struct x86_insn *in,
                                  struct x86_table *table)
{
    unsigned size = c->mode & MODE_CODE64 ? 8 : 4;
    uint8_t bytes[10] = {0};
    uint64_t base = 0;
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, 2 + size);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < size; i++) {
        base |= (uint64_t)bytes[2 + i] << (i * 8);
    }
    if (size == 4 && in->osize == 2) {
        base &= 0xffffff;
    }
    if (!x86_is_canonical(c, base)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    table->limit = bytes[0] | bytes[1] << 8;
    table->base = base;
    return X86_OK;
}

enum x86_status tables_lgdt(struct x86_cpu *c, const struct x86_insn *in)
{
    return load_table(c, in, &c->gdtr);
}

enum x86_status tables_lidt(struct x86_cpu *c, const struct x86_insn *in)
{
    return load_table(c, in, &c->idtr);
}

static bool umip_blocks(const struct x86_cpu *c)
{
    return (c->cr4 & CR4_UMIP) && x86_cpl(c) > 0;
}

static enum x86_status store_table(struct x86_cpu *c, const struct x86_insn *in,
                                   const struct x86_table *table)
{
    unsigned size = c->mode & MODE_CODE64 ? 8 : 4;
    uint8_t bytes[10] = {table->limit & 0xff, table->limit >> 8};

    if (umip_blocks(c)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    for (unsigned i = 0; i < size; i++) {
        bytes[2 + i] = table->base >> (i * 8);
    }
    return x86_write_bytes(c, in->seg, x86_ea(c, in), bytes, 2 + size);
}

enum x86_status tables_sgdt(struct x86_cpu *c, const struct x86_insn *in)
{
    return store_table(c, in, &c->gdtr);
}

enum x86_status tables_sidt(struct x86_cpu *c, const struct x86_insn *in)
{
    return store_table(c, in, &c->idtr);
}

/* A system descriptor for LLDT and LTR: in the GDT, in long mode 16 bytes of it. */
static enum x86_status read_system_descriptor(struct x86_cpu *c, uint16_t selector,
                                              struct x86_seg *ret)
{
    uint64_t low, high = 0;
    enum x86_status st;

    if (selector & 4) {
        return gp(c, selector);
    }
    st = x86_read_descriptor(c, selector, VEC_GP, &low);
    if (st == X86_OK && (c->mode & MODE_LONG)) {
        if ((selector | 15u) > c->gdtr.limit) {
            return gp(c, selector);
        }
        st = x86_read_system(c, x86_descriptor_address(c, selector) + 8, 8, &high);
        if (st == X86_OK && (high >> 40 & 31)) {
            return gp(c, selector);
        }
    }
    if (st == X86_OK) {
        x86_unpack_descriptor(low, selector, ret);
        ret->base |= high << 32;
    }
    return st;
}

enum x86_status tables_lldt(struct x86_cpu *c, const struct x86_insn *in)
{
    struct x86_seg ldt;
    uint16_t selector;
    enum x86_status st = read_selector(c, in, &selector);

    if (st != X86_OK) {
        return st;
    }
    if (!(selector & 0xfffc)) {
        c->ldtr = (struct x86_seg){.selector = selector};
        return X86_OK;
    }
    st = read_system_descriptor(c, selector, &ldt);
    if (st != X86_OK) {
        return st;
    }
    if ((ldt.attr & (SEG_S | SEG_TYPE_MASK)) != TYPE_LDT) {
        return gp(c, selector);
    }
    if (!(ldt.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, selector & 0xfffc);
    }
    c->ldtr = ldt;
    return X86_OK;
}

enum x86_status tables_ltr(struct x86_cpu *c, const struct x86_insn *in)
{
    struct x86_seg tss;
    uint16_t selector;
    enum x86_status st = read_selector(c, in, &selector);

    if (st != X86_OK) {
        return st;
    }
    if (!(selector & 0xfffc)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    st = read_system_descriptor(c, selector, &tss);
    if (st != X86_OK) {
        return st;
    }
    unsigned type = tss.attr & (SEG_S | SEG_TYPE_MASK);

    if (type != 9 && (type != 1 || (c->mode & MODE_LONG))) {
        return gp(c, selector);
    }
    if (!(tss.attr & SEG_P)) {
        return x86_raise_error(c, VEC_NP, selector & 0xfffc);
    }
    tss.attr |= TSS_BUSY;
    st = x86_write_system(c, x86_descriptor_address(c, selector) + 5, 1, tss.attr & 0xff);
    if (st == X86_OK) {
        c->tr = tss;
    }
    return st;
}

static enum x86_status store_selector(struct x86_cpu *c, const struct x86_insn *in,
                                      uint16_t selector)
{
    if (umip_blocks(c)) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    if (in->flags & INSN_MEM) {
        return x86_write(c, in->seg, x86_ea(c, in), 2, selector);
    }
    c->gpr[in->rm] = in->osize == 2 ? (c->gpr[in->rm] & ~UINT64_C(0xffff)) | selector : selector;
    return X86_OK;
}

enum x86_status tables_sldt(struct x86_cpu *c, const struct x86_insn *in)
{
    return store_selector(c, in, c->ldtr.selector);
}

enum x86_status tables_str(struct x86_cpu *c, const struct x86_insn *in)
{
    return store_selector(c, in, c->tr.selector);
}

static void set_zf(struct x86_cpu *c, bool on)
{
    uint32_t flags = x86_flags_get(c) & ~FLAG_ZF;

    x86_flags_set(c, on ? flags | FLAG_ZF : flags);
}

static unsigned dpl_of(const struct x86_seg *s)
{
    return s->attr >> SEG_DPL_SHIFT & 3;
}

/* Reads the descriptor that LAR, LSL, VERR and VERW look at. *ret_visible: it exists and its
 * privilege allows looking. X86_FAULT only for page faults. */
static enum x86_status inspect(struct x86_cpu *c, const struct x86_insn *in, struct x86_seg *ret,
                               uint32_t *ret_high, bool *ret_visible)
{
    uint16_t selector;
    uint64_t descriptor;
    enum x86_status st = read_selector(c, in, &selector);

    *ret_visible = false;
    if (st != X86_OK || !(selector & 0xfffc)) {
        return st;
    }
    uint32_t limit = selector & 4 ? (c->ldtr.attr & SEG_P ? c->ldtr.limit : 0) : c->gdtr.limit;

    if ((selector | 7u) > limit) {
        return X86_OK;
    }
    st = x86_read_descriptor(c, selector, VEC_GP, &descriptor);
    if (st != X86_OK) {
        return st;
    }
    x86_unpack_descriptor(descriptor, selector, ret);
    *ret_high = descriptor >> 32;

    unsigned code = SEG_S | TYPE_CODE | TYPE_CONFORMING;
    bool conforming = (ret->attr & code) == code;

    *ret_visible = conforming || dpl_of(ret) >= max_u64(x86_cpl(c), selector & 3u);
    return X86_OK;
}

/* System descriptor types that LAR and LSL accept: legacy mode, long mode. */
static const uint16_t lar_types[2] = {0x1a3e, 0x1a04}; /* 1-5 9 b c; 2 9 b c */
static const uint16_t lsl_types[2] = {0x0a0e, 0x0a04}; /* 1-3 9 b; 2 9 b */

static bool type_listed(const struct x86_cpu *c, const struct x86_seg *s, const uint16_t types[2])
{
    return (s->attr & SEG_S) ||
           (types[(c->mode & MODE_LONG) != 0] >> (s->attr & SEG_TYPE_MASK) & 1);
}

static void write_result(struct x86_cpu *c, const struct x86_insn *in, uint32_t value)
{
    uint64_t *reg = &c->gpr[in->reg];

    *reg = in->osize == 2 ? (*reg & ~UINT64_C(0xffff)) | (value & 0xffff) : value;
}

enum x86_status tables_lar(struct x86_cpu *c, const struct x86_insn *in)
{
    struct x86_seg s;
    uint32_t high;
    bool visible;
    enum x86_status st = inspect(c, in, &s, &high, &visible);

    if (st != X86_OK) {
        return st;
    }
    visible = visible && type_listed(c, &s, lar_types);
    if (visible) {
        write_result(c, in, high & 0x00f0ff00);
    }
    set_zf(c, visible);
    return X86_OK;
}

enum x86_status tables_lsl(struct x86_cpu *c, const struct x86_insn *in)
{
    struct x86_seg s;
    uint32_t high;
    bool visible;
    enum x86_status st = inspect(c, in, &s, &high, &visible);

    if (st != X86_OK) {
        return st;
    }
    visible = visible && type_listed(c, &s, lsl_types);
    if (visible) {
        write_result(c, in, s.limit);
    }
    set_zf(c, visible);
    return X86_OK;
}

static enum x86_status verify(struct x86_cpu *c, const struct x86_insn *in, bool write)
{
    struct x86_seg s;
    uint32_t high;
    bool visible;
    enum x86_status st = inspect(c, in, &s, &high, &visible);

    if (st != X86_OK) {
        return st;
    }
    if (visible) {
        bool code = s.attr & TYPE_CODE, rw = s.attr & TYPE_RW;

        visible = (s.attr & SEG_S) && (write ? !code && rw : !code || rw);
    }
    set_zf(c, visible);
    return X86_OK;
}

enum x86_status tables_verr(struct x86_cpu *c, const struct x86_insn *in)
{
    return verify(c, in, false);
}

enum x86_status tables_verw(struct x86_cpu *c, const struct x86_insn *in)
{
    return verify(c, in, true);
}

enum x86_status tables_arpl(struct x86_cpu *c, const struct x86_insn *in)
{
    unsigned rpl = c->gpr[in->reg] & 3;
    uint16_t selector;
    enum x86_status st = read_selector(c, in, &selector);

    if (st != X86_OK) {
        return st;
    }
    bool raise = (selector & 3u) < rpl;
    uint16_t value = raise ? (selector & 0xfffc) | rpl : selector;

    if (in->flags & INSN_MEM) {
        st = raise ? x86_write(c, in->seg, x86_ea(c, in), 2, value) : X86_OK;
        if (st != X86_OK) {
            return st;
        }
    } else {
        c->gpr[in->rm] = (c->gpr[in->rm] & ~UINT64_C(0xffff)) | value;
    }
    set_zf(c, raise);
    return X86_OK;
}
