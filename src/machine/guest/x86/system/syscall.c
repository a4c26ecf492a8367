/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/system/syscall.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/walk.h"

#define VENDOR_INTEL_EBX 0x756e6547u

enum { KERNEL = 0, USER = 3 };

/* Flat segments as these instructions set them, whatever the descriptors say. */
static void set_code(struct x86_cpu *c, uint16_t selector, unsigned cpl, bool wide)
{
    c->seg[SEG_CS] = (struct x86_seg){
        .selector = (selector & 0xfffc) | cpl,
        .limit = UINT32_MAX,
        .attr = SEG_P | SEG_S | 0xb | cpl << SEG_DPL_SHIFT | SEG_G | (wide ? SEG_L : SEG_DB),
    };
}

static void set_stack(struct x86_cpu *c, uint16_t selector, unsigned cpl)
{
    c->seg[SEG_SS] = (struct x86_seg){
        .selector = (selector & 0xfffc) | cpl,
        .limit = UINT32_MAX,
        .attr = SEG_P | SEG_S | 3 | cpl << SEG_DPL_SHIFT | SEG_G | SEG_DB,
    };
}

static bool is_intel(const struct x86_cpu *c)
{
    return c->features->vendor[0] == VENDOR_INTEL_EBX;
}

/* SYSCALL and SYSRET look at the new TF: the trap is the system call's, and none is taken at CPL 0
 * if the mask clears TF. */
static void step_by_new_flags(struct x86_cpu *c)
{
    c->tf_pending = c->rflags & FLAG_TF;
    c->code_changed |= c->tf_pending;
}

enum x86_status syscall_syscall(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t next = c->rip + in->len;
    uint16_t selector = c->msr.star >> 32;
    bool wide = c->mode & MODE_LONG;

    if (!(c->msr.efer & EFER_SCE) || (!(c->mode & MODE_CODE64) && is_intel(c))) {
        return x86_raise(c, VEC_UD);
    }
    if (wide) {
        c->gpr[RCX] = next;
        c->gpr[R11] = x86_rflags(c) & ~(uint64_t)FLAG_RF;
        c->rip = c->mode & MODE_CODE64 ? c->msr.lstar : c->msr.cstar;
        x86_rflags_write(c, 0, (uint32_t)c->msr.sfmask | FLAG_RF);
    } else {
        c->gpr[RCX] = (uint32_t)next;
        c->rip = (uint32_t)c->msr.star;
        x86_rflags_write(c, 0, FLAG_IF | FLAG_VM | FLAG_RF);
    }
    set_code(c, selector, KERNEL, wide);
    set_stack(c, (selector & 0xfffc) + 8, KERNEL);
    x86_update_mode(c);
    step_by_new_flags(c);
    return X86_BRANCH;
}

#define SYSRET_FLAGS                                                                        \
    (FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_VIF | \
     FLAG_VIP | FLAG_ID)

enum x86_status syscall_sysret(struct x86_cpu *c, const struct x86_insn *in)
{
    uint16_t selector = c->msr.star >> 48;
    bool wide = in->osize == 8;

    if (!(c->msr.efer & EFER_SCE) || (!(c->mode & MODE_CODE64) && is_intel(c))) {
        return x86_raise(c, VEC_UD);
    }
    if (!(c->cr0 & CR0_PE) || x86_cpl(c) > 0 || (wide && !x86_is_canonical(c, c->gpr[RCX]))) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    if (c->mode & MODE_LONG) {
        x86_rflags_write(c, c->gpr[R11] & SYSRET_FLAGS, SYSRET_FLAGS | FLAG_RF);
    } else {
        x86_rflags_write(c, FLAG_IF, FLAG_IF);
    }
    c->rip = wide ? c->gpr[RCX] : (uint32_t)c->gpr[RCX];
    set_code(c, wide ? selector + 16 : selector, USER, wide);
    set_stack(c, selector + 8, USER);
    x86_update_mode(c);
    step_by_new_flags(c);
    return X86_BRANCH;
}

/* AMD's CPUs have SYSENTER in legacy mode only. */
static bool has_sysenter(const struct x86_cpu *c)
{
    return is_intel(c) || !(c->mode & MODE_LONG);
}

enum x86_status syscall_sysenter(struct x86_cpu *c, const struct x86_insn *in)
{
    uint16_t selector = c->msr.sysenter_cs & 0xfffc;
    bool wide = c->mode & MODE_LONG;

    if (!has_sysenter(c)) {
        return x86_raise(c, VEC_UD);
    }
    if (!(c->cr0 & CR0_PE) || !selector) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    x86_rflags_write(c, 0, FLAG_IF | FLAG_VM | FLAG_RF);
    c->gpr[RSP] = wide ? c->msr.sysenter_esp : (uint32_t)c->msr.sysenter_esp;
    c->rip = wide ? c->msr.sysenter_eip : (uint32_t)c->msr.sysenter_eip;
    set_code(c, selector, KERNEL, wide);
    set_stack(c, selector + 8, KERNEL);
    x86_update_mode(c);
    return X86_BRANCH;
}

enum x86_status syscall_sysexit(struct x86_cpu *c, const struct x86_insn *in)
{
    uint16_t selector = c->msr.sysenter_cs & 0xfffc;
    bool wide = in->osize == 8;

    if (!(c->cr0 & CR0_PE) || x86_cpl(c) > 0) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    if (!has_sysenter(c)) {
        return x86_raise(c, VEC_UD);
    }
    if (!selector ||
        (wide && (!x86_is_canonical(c, c->gpr[RCX]) || !x86_is_canonical(c, c->gpr[RDX])))) {
        return x86_raise_error(c, VEC_GP, 0);
    }
    c->gpr[RSP] = wide ? c->gpr[RCX] : (uint32_t)c->gpr[RCX];
    c->rip = wide ? c->gpr[RDX] : (uint32_t)c->gpr[RDX];
    set_code(c, selector + (wide ? 32 : 16), USER, wide);
    set_stack(c, selector + (wide ? 40 : 24), USER);
    x86_update_mode(c);
    return X86_BRANCH;
}
