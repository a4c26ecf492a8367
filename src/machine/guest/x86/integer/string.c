/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MOVS STOS LODS CMPS SCAS INS OUTS with their repeat prefixes. Intel SDM volume 2.
 *
 * The obvious version does one element at a time through registers, so that it can stop between
 * any two. REP MOVS and REP STOS first try runs of elements inside directly accessible pages.
 *
 * Each element counts as an instruction. A repeated one is a block of its own (icache.c), so
 * cpu.budget says exactly how many elements may be done; what is left stays in RCX, and where a
 * stop falls changes no count.
 */
#include "base/least.h"
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/segment.h"

enum string_op { STRING_MOVS, STRING_STOS, STRING_LODS, STRING_CMPS, STRING_SCAS };

OPERAND_INLINE uint64_t address_mask(const struct x86_insn *in)
{
    return in->asize == 8 ? UINT64_MAX : in->asize == 4 ? 0xffffffff : 0xffff;
}

OPERAND_INLINE void advance(struct x86_cpu *c, const struct x86_insn *in, unsigned r, int64_t by)
{
    operand_set_wide(c, r, in->asize, (c->gpr[r] + by) & address_mask(in));
}

static enum x86_status element_movs(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v, mask = address_mask(in);
    enum x86_status st = x86_read(c, in->seg, c->gpr[RSI] & mask, size, &v);

    return st == X86_OK ? x86_write(c, SEG_ES, c->gpr[RDI] & mask, size, v) : st;
}

static enum x86_status element_lods(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, c->gpr[RSI] & address_mask(in), size, &v);

    if (st == X86_OK) {
        operand_set_wide(c, RAX, size, v);
    }
    return st;
}

static enum x86_status element_compare(struct x86_cpu *c, const struct x86_insn *in, unsigned size,
                                       bool scan)
{
    uint64_t a = c->gpr[RAX] & operand_mask(size), b;
    enum x86_status st = X86_OK;

    if (!scan) {
        st = x86_read(c, in->seg, c->gpr[RSI] & address_mask(in), size, &a);
    }
    if (st == X86_OK) {
        st = x86_read(c, SEG_ES, c->gpr[RDI] & address_mask(in), size, &b);
    }
    if (st == X86_OK) {
        x86_flags_lazy(c, LAZY_SUB, operand_log2(size), (a - b) & operand_mask(size), b);
    }
    return st;
}

OPERAND_INLINE enum x86_status element(struct x86_cpu *c, const struct x86_insn *in,
                                       enum string_op op, unsigned size)
{
    int64_t step = c->rflags & FLAG_DF ? -(int64_t)size : size;
    enum x86_status st;

    switch (op) {
    case STRING_MOVS: st = element_movs(c, in, size); break;
    case STRING_STOS:
        st = x86_write(c, SEG_ES, c->gpr[RDI] & address_mask(in), size,
                       c->gpr[RAX] & operand_mask(size));
        break;
    case STRING_LODS: st = element_lods(c, in, size); break;
    case STRING_CMPS: st = element_compare(c, in, size, false); break;
    default: st = element_compare(c, in, size, true); break;
    }
    if (st == X86_OK) {
        if (op != STRING_STOS && op != STRING_SCAS) {
            advance(c, in, RSI, step);
        }
        if (op != STRING_LODS) {
            advance(c, in, RDI, step);
        }
    }
    return st;
}

/* A run of elements, ascending, that stays inside one page. 0: none can be had. */
static uint64_t run_length(const struct x86_insn *in, uint64_t off, unsigned size, uint64_t count)
{
    uint64_t page = RAM_PAGE_SIZE - (off & (RAM_PAGE_SIZE - 1));
    uint64_t wrap = address_mask(in) - off;

    return MIN(MIN(page, wrap) / size, count);
}

/* Host address of [off, off + len) of a segment for direct access, or NULL. */
static void *direct(struct x86_cpu *c, unsigned seg, uint64_t off, uint64_t len,
                    enum tlb_access access)
{
    uint64_t linear;

    if (x86_linear(c, seg, off, len, access == TLB_WRITE, &linear) != X86_OK) {
        return NULL;
    }
    return tlb_lookup(&c->cpu.tlb, x86_regime(c), access, linear, len);
}

static void fill(uint8_t *to, uint64_t v, unsigned size, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        operand_host_set(to + i * size, size, v);
    }
}

/* Eight bytes at a time where that looks the same to the guest as element by element. */
static void copy(uint8_t *to, const uint8_t *from, unsigned size, uint64_t n)
{
    uint64_t len = n * size, i = 0;

    if (to <= from || to >= from + len) {
        for (; i + 8 <= len && (uint64_t)labs(to - from) >= 8; i += 8) {
            ram_st64(to + i, ram_ld64(from + i));
        }
    }
    for (; i < len; i += size) {
        operand_host_set(to + i, size, operand_host_get(from + i, size));
    }
}

/* Does part of a REP MOVS or REP STOS in one go; returns the number of elements done. */
static uint64_t run(struct x86_cpu *c, const struct x86_insn *in, enum string_op op, unsigned size,
                    uint64_t count)
{
    uint64_t to = c->gpr[RDI] & address_mask(in), from = c->gpr[RSI] & address_mask(in);
    uint64_t n = run_length(in, to, size, count);

    if (op == STRING_MOVS) {
        n = min_u64(n, run_length(in, from, size, count));
    }
    if ((c->rflags & FLAG_DF) || n < 2) {
        return 0;
    }
    uint8_t *host = direct(c, SEG_ES, to, n * size, TLB_WRITE);

    if (!host) {
        return 0;
    }
    if (op == STRING_STOS) {
        fill(host, c->gpr[RAX], size, n);
    } else {
        const uint8_t *source = direct(c, in->seg, from, n * size, TLB_READ);

        if (!source) {
            return 0;
        }
        copy(host, source, size, n);
        advance(c, in, RSI, n * size);
    }
    advance(c, in, RDI, n * size);
    return n;
}

/*
 * After `n` elements of a repeated instruction with `count` to go: X86_OK to go on, or X86_REPEAT
 * when the budget is used up, somebody wants this vCPU, or code, a breakpoint or a single step was
 * met. All `n` are counted, but the last element of all, which the run loop counts.
 */
static enum x86_status between(struct x86_cpu *c, uint64_t n, uint64_t count)
{
    x86_completed(c, n - (count == 0));
    if (count == 0) {
        return X86_OK;
    }
    if (x86_is_wanted(c) || c->cpu.budget == 0 || c->code_changed || c->tf_pending) {
        c->rflags |= FLAG_RF; /* what comes in between finds it so, and no breakpoint hits twice */
        return X86_REPEAT;
    }
    return X86_OK;
}

/* Elements that may be done in one go. */
OPERAND_INLINE uint64_t allowed(const struct x86_cpu *c, uint64_t count)
{
    return c->tf_pending ? 1 : MIN(count, c->cpu.budget);
}

OPERAND_INLINE enum x86_status repeat(struct x86_cpu *c, const struct x86_insn *in,
                                      enum string_op op, unsigned size)
{
    bool compares = op == STRING_CMPS || op == STRING_SCAS;
    uint64_t count = c->gpr[RCX] & address_mask(in);
    enum x86_status st = X86_OK;

    while (count && st == X86_OK) {
        uint64_t n = 0;

        if (op == STRING_MOVS || op == STRING_STOS) {
            n = run(c, in, op, size, allowed(c, count));
        }
        if (n == 0) {
            st = element(c, in, op, size);
            if (st != X86_OK) {
                return st;
            }
            n = 1;
        }
        count -= n;
        operand_set_wide(c, RCX, in->asize, count);
        if (compares && operand_condition(c, 4) != !(in->flags & INSN_REPNE)) {
            return X86_OK;
        }
        st = between(c, n, count);
    }
    return st;
}

OPERAND_INLINE enum x86_status string(struct x86_cpu *c, const struct x86_insn *in,
                                      enum string_op op, unsigned size)
{
    return in->flags & (INSN_REP | INSN_REPNE) ? repeat(c, in, op, size) : element(c, in, op, size);
}

#define STRING_SIZE(name, op, sfx, size)                                              \
    enum x86_status insn_##name##_##sfx(struct x86_cpu *c, const struct x86_insn *in) \
    {                                                                                 \
        return string(c, in, op, size);                                               \
    }

#define STRING(name, op)        \
    STRING_SIZE(name, op, b, 1) \
    STRING_SIZE(name, op, w, 2) \
    STRING_SIZE(name, op, d, 4) \
    STRING_SIZE(name, op, q, 8)

STRING(movs, STRING_MOVS)
STRING(stos, STRING_STOS)
STRING(lods, STRING_LODS)
STRING(cmps, STRING_CMPS)
STRING(scas, STRING_SCAS)

/* INS: the memory must be writable before the port is read. */
static enum x86_status element_in(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t off = c->gpr[RDI] & address_mask(in), linear;
    uint16_t port = c->gpr[RDX];
    uint32_t v;
    enum x86_status st = x86_linear(c, SEG_ES, off, size, true, &linear);

    if (st == X86_OK) {
        st = x86_probe_write(c, linear, size);
    }
    if (st == X86_OK) {
        c->cpu.upcalls->port_read(&c->cpu, port, size, &v);
        st = x86_write_linear(c, linear, size, v & operand_mask(size));
    }
    return st;
}

static enum x86_status element_out(struct x86_cpu *c, const struct x86_insn *in, unsigned size)
{
    uint64_t v;
    enum x86_status st = x86_read(c, in->seg, c->gpr[RSI] & address_mask(in), size, &v);

    if (st == X86_OK) {
        c->cpu.upcalls->port_write(&c->cpu, c->gpr[RDX], v, size);
    }
    return st;
}

static enum x86_status port_string(struct x86_cpu *c, const struct x86_insn *in, bool is_in)
{
    unsigned size = in->osize == 8 ? 4 : in->osize;
    bool repeated = in->flags & (INSN_REP | INSN_REPNE);
    uint64_t count = repeated ? c->gpr[RCX] & address_mask(in) : 1;
    int64_t step = c->rflags & FLAG_DF ? -(int64_t)size : size;
    enum x86_status st = x86_check_ports(c, c->gpr[RDX], size);

    while (count && st == X86_OK) {
        st = is_in ? element_in(c, in, size) : element_out(c, in, size);
        if (st != X86_OK) {
            break;
        }
        x86_note_port(c, c->gpr[RDX], size);
        advance(c, in, is_in ? RDI : RSI, step);
        count--;
        if (repeated) {
            operand_set_wide(c, RCX, in->asize, count);
            st = between(c, 1, count);
        }
    }
    return st;
}

X86_INSN(insn_ins)
{
    return port_string(c, in, true);
}

X86_INSN(insn_outs)
{
    return port_string(c, in, false);
}
