/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How instructions reach memory: segment:offset -> linear -> TLB or page walk -> RAM or the bus.
 * Every function returns X86_OK or X86_FAULT with c->exc set, and has changed nothing then.
 * Values are little-endian numbers. vCPU's thread.
 */
#ifndef VIV_MACHINE_GUEST_X86_MEMORY_H
#define VIV_MACHINE_GUEST_X86_MEMORY_H

#include "machine/guest/x86/insn.h"

/* Offset of the instruction's memory operand, truncated to its address size. */
static inline uint64_t x86_ea(const struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t ea = in->disp;

    if (in->base == X86_RIP) {
        ea += c->rip + in->len;
    } else if (in->base != X86_NO_REG) {
        ea += c->gpr[in->base];
    }
    if (in->index != X86_NO_REG) {
        ea += c->gpr[in->index] << in->scale;
    }
    return in->asize == 8 ? ea : in->asize == 4 ? (uint32_t)ea : (uint16_t)ea;
}

/*
 * Linear address of [off, off + size) in a segment, after the limit, type and canonical checks
 * (#GP, or #SS for the stack segment). `write`: the access will write.
 */
enum x86_status x86_linear(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size, bool write,
                           uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;

/* Linear accesses with the current privilege; size 1, 2, 4, 8. Slow paths are in memory.c. */
enum x86_status x86_read_slow(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                              uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_write_slow(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                               uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

static inline unsigned x86_regime(const struct x86_cpu *c)
{
    bool user = x86_cpl(c) == 3;

    if (G_UNLIKELY(c->rflags & FLAG_AC)) {
        return !user ? REGIME_SUPERVISOR_AC : c->cr0 & CR0_AM ? REGIME_USER_ALIGN : REGIME_USER;
    }
    return user ? REGIME_USER : REGIME_SUPERVISOR;
}

/* Linear accesses in a given regime, as for stacks of another privilege. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_read_regime(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime, uint64_t *ret)
{
    const void *p = tlb_lookup(&c->cpu.tlb, regime, TLB_READ, linear, size);

    if (G_LIKELY(p)) {
        switch (size) {
        case 1: *ret = ram_ld8(p); return X86_OK;
        case 2: *ret = ram_ld16(p); return X86_OK;
        case 4: *ret = ram_ld32(p); return X86_OK;
        case 8: *ret = ram_ld64(p); return X86_OK;
        }
    }
    return x86_read_slow(c, linear, size, regime, ret);
}

static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_write_regime(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime, uint64_t value)
{
    void *p = tlb_lookup(&c->cpu.tlb, regime, TLB_WRITE, linear, size);

    if (G_LIKELY(p)) {
        switch (size) {
        case 1: ram_st8(p, value); return X86_OK;
        case 2: ram_st16(p, value); return X86_OK;
        case 4: ram_st32(p, value); return X86_OK;
        case 8: ram_st64(p, value); return X86_OK;
        }
    }
    return x86_write_slow(c, linear, size, regime, value);
}

static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_read_linear(struct x86_cpu *c, uint64_t linear, unsigned size, uint64_t *ret)
{
    return x86_read_regime(c, linear, size, x86_regime(c), ret);
}

static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_write_linear(struct x86_cpu *c, uint64_t linear, unsigned size, uint64_t value)
{
    return x86_write_regime(c, linear, size, x86_regime(c), value);
}

/* Segment:offset accesses. In 64-bit code only FS and GS have a base and the check is canonicality,
 * which the page walk does (a non-canonical address never enters the TLB). */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_read(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size, uint64_t *ret)
{
    if (G_LIKELY(c->mode & MODE_CODE64)) {
        if (seg >= SEG_FS) {
            off += c->seg[seg].base;
        }
        const void *p = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_READ, off, size);

        if (G_LIKELY(p)) {
            switch (size) {
            case 1: *ret = ram_ld8(p); return X86_OK;
            case 2: *ret = ram_ld16(p); return X86_OK;
            case 4: *ret = ram_ld32(p); return X86_OK;
            case 8: *ret = ram_ld64(p); return X86_OK;
            }
        }
        off -= seg >= SEG_FS ? c->seg[seg].base : 0;
    }
    uint64_t linear;
    enum x86_status st = x86_linear(c, seg, off, size, false, &linear);

    return st == X86_OK ? x86_read_linear(c, linear, size, ret) : st;
}

static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status
x86_write(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size, uint64_t value)
{
    uint64_t linear;

    if (G_LIKELY(c->mode & MODE_CODE64)) {
        linear = off + (seg >= SEG_FS ? c->seg[seg].base : 0);
        void *p = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, linear, size);

        if (G_LIKELY(p)) {
            switch (size) {
            case 1: ram_st8(p, value); return X86_OK;
            case 2: ram_st16(p, value); return X86_OK;
            case 4: ram_st32(p, value); return X86_OK;
            case 8: ram_st64(p, value); return X86_OK;
            }
        }
    }
    enum x86_status st = x86_linear(c, seg, off, size, true, &linear);

    return st == X86_OK ? x86_write_linear(c, linear, size, value) : st;
}

/* Up to 4096 bytes at once (SSE, FXSAVE and XSAVE areas): nothing is written unless all of it can
 * be. */
enum x86_status x86_read_bytes(struct x86_cpu *c, unsigned seg, uint64_t off, void *to,
                               unsigned size) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_write_bytes(struct x86_cpu *c, unsigned seg, uint64_t off, const void *from,
                                unsigned size) G_GNUC_WARN_UNUSED_RESULT;

/*
 * Host address for a locked read-modify-write of `size` bytes (1..16), writable by the current
 * privilege, or NULL in *ret when the operand is not plain RAM within a page: then the caller uses
 * x86_locked_begin/end around ordinary accesses, which excludes every other vCPU.
 */
enum x86_status x86_rmw_host(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size,
                             void **ret) G_GNUC_WARN_UNUSED_RESULT;
/* After an atomic through x86_rmw_host: dirty bits and code. */
void x86_rmw_done(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size);

/*
 * What keeps every other vCPU out of its run loop while one does a locked access that the host
 * cannot do in one instruction. The board makes one for its vCPUs (c->exclusive; NULL: there is but
 * one). A run loop stands between x86_run_begin and x86_run_end; begin waits while another vCPU
 * holds the exclusion. locked_begin asks the others to leave their loops and waits for that; the
 * caller holds no device lock, and does nothing but memory accesses until locked_end.
 */
struct x86_exclusive *x86_exclusive_new(void);
void x86_exclusive_free(struct x86_exclusive *x);
/* Before any vCPU runs. */
void x86_exclusive_add(struct x86_exclusive *x, struct x86_cpu *c);
void x86_run_begin(struct x86_cpu *c);
void x86_run_end(struct x86_cpu *c);
void x86_locked_begin(struct x86_cpu *c);
void x86_locked_end(struct x86_cpu *c);

/* Accesses the CPU makes for itself (descriptor tables, TSS, IDT): supervisor, whatever the CPL. */
enum x86_status x86_read_system(struct x86_cpu *c, uint64_t linear, unsigned size,
                                uint64_t *ret) G_GNUC_WARN_UNUSED_RESULT;
enum x86_status x86_write_system(struct x86_cpu *c, uint64_t linear, unsigned size,
                                 uint64_t value) G_GNUC_WARN_UNUSED_RESULT;

/* Checks that a later write of [linear, linear + size) cannot fault. */
enum x86_status x86_probe_write(struct x86_cpu *c, uint64_t linear,
                                unsigned size) G_GNUC_WARN_UNUSED_RESULT;

/* Host address and RAM block of the code byte at `linear` for fetching, with its offset in the
 * block; *ret NULL: not RAM or ROM, and *ret_off is the physical address (fetched by bytes through
 * the bus). The bytes go on to the end of the page. X86_FAULT as above. */
enum x86_status x86_fetch_host(struct x86_cpu *c, uint64_t linear, const uint8_t **ret,
                               struct ram_block **ret_block,
                               gpa *ret_off) G_GNUC_WARN_UNUSED_RESULT;

/* Physical address of a linear one without side effects, for debuggers; FALSE: not mapped. */
bool x86_translate(struct x86_cpu *c, uint64_t linear, gpa *ret);

#endif
