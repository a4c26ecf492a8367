/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/system/control.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/walk.h"

#define CR3_NOFLUSH (UINT64_C(1) << 63)

static enum x86_status gp0(struct x86_cpu *c)
{
    return x86_raise_error(c, VEC_GP, 0);
}

static bool pae_paging(const struct x86_cpu *c, uint64_t cr0, uint64_t cr4)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(c->msr.efer & EFER_LME);
}

static void drop_tlb(struct x86_cpu *c)
{
    tlb_flush(&c->cpu.tlb);
    c->code_changed = true;
}

#define CR0_WRITABLE \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_PAGING (CR0_PE | CR0_WP | CR0_PG)

/* TRUE if long mode's rules allow the change of CR0.PG. */
static bool paging_allowed(const struct x86_cpu *c, uint64_t value)
{
    if (value & ~c->cr0 & CR0_PG) {
        return !(c->msr.efer & EFER_LME) || ((c->cr4 & CR4_PAE) && !(c->seg[SEG_CS].attr & SEG_L));
    }
    if (c->cr0 & ~value & CR0_PG) {
        return !(c->mode & MODE_CODE64) && !(c->cr4 & CR4_PCIDE);
    }
    return true;
}

enum x86_status control_write_cr0(struct x86_cpu *c, uint64_t value)
{
    if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
        ((value & CR0_NW) && !(value & CR0_CD)) || !paging_allowed(c, value)) {
        return gp0(c);
    }
    value = (value & CR0_WRITABLE) | CR0_ET;
    uint64_t changed = value ^ c->cr0;

    if (pae_paging(c, value, c->cr4) && (changed & (CR0_PG | CR0_CD | CR0_NW))) {
        enum x86_status st = x86_load_pdptes(c, c->cr3);

        if (st != X86_OK) {
            return st;
        }
    }
    c->cr0 = value;
    if (changed & CR0_PG) {
        bool lma = (value & CR0_PG) && (c->msr.efer & EFER_LME);

        c->msr.efer = lma ? c->msr.efer | EFER_LMA : c->msr.efer & ~(uint64_t)EFER_LMA;
    }
    if (changed & CR0_PAGING) {
        drop_tlb(c);
    }
    x86_update_mode(c);
    return X86_END;
}

enum x86_status control_write_cr3(struct x86_cpu *c, uint64_t value)
{
    if (c->mode & MODE_LONG) {
        if (c->cr4 & CR4_PCIDE) {
            value &= ~CR3_NOFLUSH; /* flushing anyway is allowed */
        }
        if (value >> c->features->phys_bits) {
            return gp0(c);
        }
    } else {
        value = (uint32_t)value;
        if (pae_paging(c, c->cr0, c->cr4)) {
            enum x86_status st = x86_load_pdptes(c, value);

            if (st != X86_OK) {
                return st;
            }
        }
    }
    c->cr3 = value;
    drop_tlb(c);
    return X86_END;
}

/* CR4 bits and the features that make them writable. */
static const struct {
    uint32_t bit;
    uint16_t feature;
} cr4_bits[] = {
    {CR4_VME | CR4_PVI, X86_FEAT_VME},
    {CR4_TSD, X86_FEAT_TSC},
    {CR4_DE, X86_FEAT_DE},
    {CR4_PSE, X86_FEAT_PSE},
    {CR4_PAE, X86_FEAT_PAE},
    {CR4_MCE, X86_FEATURE(FW_1_EDX, 7)},
    {CR4_PGE, X86_FEAT_PGE},
    {CR4_PCE, X86_FEAT_FPU},
    {CR4_OSFXSR, X86_FEAT_FXSR},
    {CR4_OSXMMEXCPT, X86_FEAT_SSE},
    {CR4_UMIP, X86_FEAT_UMIP},
    {CR4_LA57, X86_FEAT_LA57},
    {CR4_FSGSBASE, X86_FEAT_FSGSBASE},
    {CR4_PCIDE, X86_FEAT_PCID},
    {CR4_OSXSAVE, X86_FEAT_XSAVE},
    {CR4_SMEP, X86_FEAT_SMEP},
    {CR4_SMAP, X86_FEAT_SMAP},
};

static uint64_t cr4_allowed(const struct x86_cpu *c)
{
    uint64_t allowed = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(cr4_bits); i++) {
        if (x86_has(c->features, cr4_bits[i].feature)) {
            allowed |= cr4_bits[i].bit;
        }
    }
    return allowed;
}

#define CR4_PAGING (CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_PCIDE | CR4_SMEP | CR4_SMAP)

enum x86_status control_write_cr4(struct x86_cpu *c, uint64_t value)
{
    uint64_t changed = value ^ c->cr4;

    if (value & ~cr4_allowed(c)) {
        return gp0(c);
    }
    if ((c->mode & MODE_LONG) && (!(value & CR4_PAE) || (changed & CR4_LA57))) {
        return gp0(c);
    }
    if ((changed & value & CR4_PCIDE) && (!(c->mode & MODE_LONG) || (c->cr3 & 0xfff))) {
        return gp0(c);
    }
    if (pae_paging(c, c->cr0, value) && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))) {
        enum x86_status st = x86_load_pdptes(c, c->cr3);

        if (st != X86_OK) {
            return st;
        }
    }
    c->cr4 = value;
    if (changed & CR4_PAGING) {
        drop_tlb(c);
    }
    x86_update_mode(c);
    return X86_END;
}

static unsigned register_size(const struct x86_cpu *c)
{
    return c->mode & MODE_CODE64 ? 8 : 4;
}

static uint64_t read_register(const struct x86_cpu *c, unsigned reg)
{
    return register_size(c) == 8 ? c->gpr[reg] : (uint32_t)c->gpr[reg];
}

static void write_register(struct x86_cpu *c, unsigned reg, uint64_t value)
{
    c->gpr[reg] = register_size(c) == 8 ? value : (uint32_t)value;
}

/* A register that is not there is #UD at any privilege (the rows leave CPL to us for it). */
static enum x86_status control_register(struct x86_cpu *c, const struct x86_insn *in)
{
    static const uint16_t there = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8;

    if (!(there >> in->reg & 1)) {
        return x86_raise(c, VEC_UD);
    }
    return x86_cpl(c) > 0 ? gp0(c) : X86_OK;
}

enum x86_status control_mov_from_cr(struct x86_cpu *c, const struct x86_insn *in)
{
    enum x86_status st = control_register(c, in);
    uint64_t value = 0;

    if (st != X86_OK) {
        return st;
    }
    switch (in->reg) {
    case 0: value = c->cr0; break;
    case 2: value = c->cr2; break;
    case 3: value = c->cr3; break;
    case 4: value = c->cr4; break;
    default: /* 8 */
        if (c->cpu.upcalls->reg_read(&c->cpu, X86_REG_CR8, &value) != 0) {
            value = c->cr8;
        }
        break;
    }
    write_register(c, in->rm, value);
    return X86_OK;
}

static enum x86_status write_cr8(struct x86_cpu *c, uint64_t value)
{
    if (value > 15) {
        return gp0(c);
    }
    c->cr8 = value;
    /* Without a local APIC the register is just kept. */
    (void)c->cpu.upcalls->reg_write(&c->cpu, X86_REG_CR8, value);
    return X86_END;
}

enum x86_status control_mov_to_cr(struct x86_cpu *c, const struct x86_insn *in)
{
    enum x86_status st = control_register(c, in);
    uint64_t value = read_register(c, in->rm);

    if (st != X86_OK) {
        return st;
    }
    switch (in->reg) {
    case 0: return control_write_cr0(c, value);
    case 2: c->cr2 = value; return X86_OK;
    case 3: return control_write_cr3(c, value);
    case 4: return control_write_cr4(c, value);
    default: return write_cr8(c, value); /* 8 */
    }
}

#define DR6_FIXED  UINT64_C(0xffff0ff0)
#define DR6_STATUS UINT64_C(0x0000e00f)
#define DR6_BD     (1u << 13)
#define DR7_FIXED  UINT64_C(0x00000400)
#define DR7_BITS   UINT64_C(0xffff23ff)
#define DR7_GD     (UINT64_C(1) << 13)

/* Number of the register meant, or -1 with the fault raised. */
static int debug_register(struct x86_cpu *c, const struct x86_insn *in)
{
    unsigned n = in->reg;

    if (n > 7 || ((n == 4 || n == 5) && (c->cr4 & CR4_DE))) {
        x86_raise(c, VEC_UD);
        return -1;
    }
    if (x86_cpl(c) > 0) {
        gp0(c);
        return -1;
    }
    if (c->dr[7] & DR7_GD) {
        x86_raise_debug(c, DR6_BD);
        return -1;
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

enum x86_status control_mov_from_dr(struct x86_cpu *c, const struct x86_insn *in)
{
    int n = debug_register(c, in);

    if (n < 0) {
        return X86_FAULT;
    }
    write_register(c, in->rm, c->dr[n]);
    return X86_OK;
}

enum x86_status control_mov_to_dr(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t value = read_register(c, in->rm);
    int n = debug_register(c, in);

    if (n < 0) {
        return X86_FAULT;
    }
    if (n >= 6 && value >> 32) {
        return gp0(c);
    }
    if (n == 6) {
        value = (value & DR6_STATUS) | DR6_FIXED;
    } else if (n == 7) {
        value = (value & DR7_BITS) | DR7_FIXED;
    }
    c->dr[n] = value;
    if (n != 6) {
        drop_tlb(c); /* watched pages leave the fast path, others come back */
    }
    return X86_END;
}

enum x86_status control_clts(struct x86_cpu *c, const struct x86_insn *in)
{
    c->cr0 &= ~(uint64_t)CR0_TS;
    return X86_END;
}

/* r/m16. */
static enum x86_status read_word(struct x86_cpu *c, const struct x86_insn *in, uint64_t *ret)
{
    if (in->flags & INSN_MEM) {
        return x86_read(c, in->seg, x86_ea(c, in), 2, ret);
    }
    *ret = c->gpr[in->rm] & 0xffff;
    return X86_OK;
}

enum x86_status control_lmsw(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t value;
    enum x86_status st = read_word(c, in, &value);

    if (st != X86_OK) {
        return st;
    }
    value |= c->cr0 & CR0_PE; /* cannot leave protected mode */
    return control_write_cr0(c, (c->cr0 & ~UINT64_C(15)) | (value & 15));
}

static bool umip_blocks(const struct x86_cpu *c)
{
    return (c->cr4 & CR4_UMIP) && x86_cpl(c) > 0;
}

enum x86_status control_smsw(struct x86_cpu *c, const struct x86_insn *in)
{
    if (umip_blocks(c)) {
        return gp0(c);
    }
    if (in->flags & INSN_MEM) {
        return x86_write(c, in->seg, x86_ea(c, in), 2, c->cr0 & 0xffff);
    }
    if (in->osize == 2) {
        c->gpr[in->rm] = (c->gpr[in->rm] & ~UINT64_C(0xffff)) | (c->cr0 & 0xffff);
    } else {
        c->gpr[in->rm] = in->osize == 8 ? c->cr0 : (uint32_t)c->cr0;
    }
    return X86_OK;
}

enum x86_status control_invlpg(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t base = c->mode & MODE_CODE64 && in->seg < SEG_FS ? 0 : c->seg[in->seg].base;
    uint64_t linear = base + x86_ea(c, in);

    tlb_flush_page(&c->cpu.tlb, c->mode & MODE_CODE64 ? linear : (uint32_t)linear);
    c->code_changed = true;
    return X86_END;
}

enum invpcid_type { INVPCID_ADDRESS, INVPCID_PCID, INVPCID_ALL_GLOBAL, INVPCID_ALL };

enum x86_status control_invpcid(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t type = read_register(c, in->reg), descriptor[2];
    uint8_t bytes[16];
    enum x86_status st = x86_read_bytes(c, in->seg, x86_ea(c, in), bytes, sizeof(bytes));

    if (st != X86_OK) {
        return st;
    }
    memcpy(descriptor, bytes, sizeof(descriptor));
    bool needs_zero_pcid = type <= INVPCID_PCID && !(c->cr4 & CR4_PCIDE);

    if (type > INVPCID_ALL || (type < INVPCID_ALL_GLOBAL && descriptor[0] >> 12) ||
        (needs_zero_pcid && (descriptor[0] & 0xfff)) ||
        (type == INVPCID_ADDRESS && !x86_is_canonical(c, descriptor[1]))) {
        return gp0(c);
    }
    drop_tlb(c);
    return X86_END;
}

enum x86_status control_wbinvd(struct x86_cpu *c, const struct x86_insn *in)
{
    return X86_OK; /* memory is always coherent */
}

static enum x86_status set_ac(struct x86_cpu *c, bool on)
{
    if (x86_cpl(c) > 0) {
        return x86_raise(c, VEC_UD);
    }
    c->rflags = on ? c->rflags | FLAG_AC : c->rflags & ~FLAG_AC;
    return X86_OK;
}

enum x86_status control_stac(struct x86_cpu *c, const struct x86_insn *in)
{
    return set_ac(c, true);
}

enum x86_status control_clac(struct x86_cpu *c, const struct x86_insn *in)
{
    return set_ac(c, false);
}

enum x86_status control_monitor(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t off = in->asize == 8   ? c->gpr[RAX]
                   : in->asize == 4 ? (uint32_t)c->gpr[RAX]
                                    : (uint16_t)c->gpr[RAX];
    uint64_t byte;

    if (x86_cpl(c) > 0) {
        return x86_raise(c, VEC_UD);
    }
    if ((uint32_t)c->gpr[RCX]) {
        return gp0(c);
    }
    return x86_read(c, in->seg, off, 1, &byte);
}

/* Waits only where nothing but an interrupt can end the wait; else it wakes at once, as it may. */
enum x86_status control_mwait(struct x86_cpu *c, const struct x86_insn *in)
{
    const struct x86_topology *t = &c->features->topology;
    bool alone = t->sockets * t->dies * t->cores * t->threads <= 1;

    if (x86_cpl(c) > 0) {
        return x86_raise(c, VEC_UD);
    }
    if ((uint32_t)c->gpr[RCX] > 1) {
        return gp0(c);
    }
    return alone && (c->rflags & FLAG_IF) ? X86_HALT : X86_END;
}

enum x86_status control_hlt(struct x86_cpu *c, const struct x86_insn *in)
{
    return X86_HALT;
}

static bool may_change_if(const struct x86_cpu *c)
{
    return x86_cpl(c) <= (c->rflags & FLAG_IOPL) >> 12;
}

enum x86_status control_cli(struct x86_cpu *c, const struct x86_insn *in)
{
    if (!may_change_if(c)) {
        return gp0(c);
    }
    c->rflags &= ~FLAG_IF;
    return X86_OK;
}

enum x86_status control_sti(struct x86_cpu *c, const struct x86_insn *in)
{
    if (!may_change_if(c)) {
        return gp0(c);
    }
    if (!(c->rflags & FLAG_IF)) {
        c->rflags |= FLAG_IF;
        c->int_shadow = SHADOW_INTERRUPTS;
    }
    return X86_END;
}
