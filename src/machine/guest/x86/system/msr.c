/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/system/msr.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/walk.h"

#define VENDOR_AMD_EBX 0x68747541u

static enum x86_status gp0(struct x86_cpu *c)
{
    return x86_raise_error(c, VEC_GP, 0);
}

static uint64_t tsc_raw(struct x86_cpu *c)
{
    return (unsigned __int128)c->cpu.upcalls->now(&c->cpu) * c->tsc_khz / 1000000;
}

uint64_t msr_tsc(struct x86_cpu *c)
{
    return tsc_raw(c) + c->msr.tsc_offset;
}

int64_t msr_tsc_to_ns(const struct x86_cpu *c, uint64_t tsc)
{
    uint64_t raw = tsc - c->msr.tsc_offset;
    unsigned __int128 ns = ((unsigned __int128)raw * 1000000 + c->tsc_khz - 1) / c->tsc_khz;

    return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* What may be written to a plain register. */
enum check { ANY, CANONICAL, MEMORY_TYPES, READ_ONLY, IGNORED, ZERO };

struct msr_row {
    uint32_t first, count;
    uint16_t feature;
    uint8_t check;  /* enum check */
    uint32_t off;   /* of the field in struct x86_cpu; 0: `value` */
    uint64_t value; /* what it reads */
    uint64_t mask;  /* bits that may be set; 0: all */
};

#define FIELD(f) offsetof(struct x86_cpu, f)

#define MCG_CAP UINT64_C(0x0100010a) /* ten banks, MCG_CTL, software error recovery */
#define MTRRCAP 0x508                /* eight variable ranges, fixed ones, write combining */

/* Registers that are kept, or that read as a constant. */
static const struct msr_row rows[] = {
    {0x17, 1, 0, READ_ONLY},             /* IA32_PLATFORM_ID */
    {0x2c, 1, 0, READ_ONLY, 0, 1 << 24}, /* EBC_FREQUENCY_ID */
    {0x3a, 1, 0, READ_ONLY, 0, 1},       /* IA32_FEATURE_CONTROL: locked */
    {0x48, 1, X86_FEATURE(FW_7_0_EDX, 26), ANY, FIELD(msr.spec_ctrl), 0, 7},
    {0x79, 1, 0, IGNORED},                                             /* microcode update */
    {0xfe, 1, X86_FEATURE(FW_1_EDX, 12), READ_ONLY, 0, MTRRCAP},       /* IA32_MTRRCAP */
    {0x174, 1, X86_FEAT_SEP, ANY, FIELD(msr.sysenter_cs), 0, 0xffff},  /* SYSENTER_CS */
    {0x175, 1, X86_FEAT_SEP, CANONICAL, FIELD(msr.sysenter_esp)},      /* SYSENTER_ESP */
    {0x176, 1, X86_FEAT_SEP, CANONICAL, FIELD(msr.sysenter_eip)},      /* SYSENTER_EIP */
    {0x179, 1, X86_FEATURE(FW_1_EDX, 14), READ_ONLY, 0, MCG_CAP},      /* MCG_CAP */
    {0x17a, 1, X86_FEATURE(FW_1_EDX, 14), ANY, FIELD(msr.mcg_status)}, /* MCG_STATUS */
    {0x17b, 1, X86_FEATURE(FW_1_EDX, 14), ANY, FIELD(msr.mcg_ctl)},    /* MCG_CTL */
    {0x198, 1, 0, READ_ONLY, 0, UINT64_C(4) << 40 | 1000},             /* PERF_STATUS */
    {0x1a0, 1, 0, ANY, FIELD(msr.misc_enable)},                        /* MISC_ENABLE */
    {0x1d9, 1, 0, ZERO},                                               /* DEBUGCTL */
    {0x250, 1, X86_FEATURE(FW_1_EDX, 12), MEMORY_TYPES, FIELD(msr.mtrr_fixed[0])},
    {0x258, 2, X86_FEATURE(FW_1_EDX, 12), MEMORY_TYPES, FIELD(msr.mtrr_fixed[1])},
    {0x268, 8, X86_FEATURE(FW_1_EDX, 12), MEMORY_TYPES, FIELD(msr.mtrr_fixed[3])},
    {0x277, 1, X86_FEAT_PAT, MEMORY_TYPES, FIELD(msr.pat)},
    {0x2ff, 1, X86_FEATURE(FW_1_EDX, 12), ANY, FIELD(msr.mtrr_def_type), 0, 0xcff},
    {0x400, 40, X86_FEATURE(FW_1_EDX, 14), ANY, FIELD(msr.mc_bank)},
    {0xda0, 1, X86_FEAT_XSAVES, ZERO},                         /* XSS */
    {0xc0000081, 1, X86_FEAT_SYSCALL, ANY, FIELD(msr.star)},   /* STAR */
    {0xc0000082, 1, X86_FEAT_LM, CANONICAL, FIELD(msr.lstar)}, /* LSTAR */
    {0xc0000083, 1, X86_FEAT_LM, CANONICAL, FIELD(msr.cstar)}, /* CSTAR */
    {0xc0000084, 1, X86_FEAT_SYSCALL, ANY, FIELD(msr.sfmask)}, /* SFMASK */
    {0xc0000102, 1, X86_FEAT_LM, CANONICAL, FIELD(msr.kernel_gs_base)},
    {0xc0000103, 1, X86_FEAT_RDTSCP, ANY, FIELD(msr.tsc_aux), 0, UINT32_MAX},
    /* AMD's: SYSCFG, HWCR, interrupt pending, patch loader, DE_CFG, VM_CR (SVM locked off), HSAVE,
     * TSEG. */
    {0xc0010010, 1, 0, IGNORED},
    {0xc0010015, 1, 0, IGNORED},
    {0xc0010020, 1, 0, IGNORED},
    {0xc0010055, 1, 0, IGNORED},
    {0xc0010112, 2, 0, IGNORED},
    {0xc0010114, 1, X86_FEATURE(FW_8000_0001_ECX, 2), IGNORED, 0, 0x18},
    {0xc0010117, 1, X86_FEATURE(FW_8000_0001_ECX, 2), IGNORED},
    {0xc0011029, 1, X86_FEAT_SSE2, IGNORED, 0, 2},
};

static const struct msr_row *find_row(const struct x86_cpu *c, uint32_t msr)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (msr - rows[i].first < rows[i].count) {
            return x86_has(c->features, rows[i].feature) ? &rows[i] : NULL;
        }
    }
    return NULL;
}

static uint64_t *field(struct x86_cpu *c, const struct msr_row *row, uint32_t msr)
{
    return (uint64_t *)(void *)((char *)c + row->off) + (msr - row->first);
}

/* Each byte a memory type: UC WC WT WP WB, and UC- in the PAT. */
static bool memory_types_ok(uint64_t value, bool pat)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned type = value >> (i * 8) & 0xff;

        if (type > 7 || type == 2 || type == 3 || (type == 7 && !pat)) {
            return false;
        }
    }
    return true;
}

static bool may_write(const struct x86_cpu *c, const struct msr_row *row, uint64_t value)
{
    unsigned spare = 64 - c->features->linear_bits;

    if (row->mask && (value & ~row->mask)) {
        return false;
    }
    switch ((enum check)row->check) {
    case ANY:
    case IGNORED: return true;
    case CANONICAL: return (uint64_t)((int64_t)(value << spare) >> spare) == value;
    case MEMORY_TYPES: return memory_types_ok(value, row->first == 0x277);
    case READ_ONLY: return false;
    case ZERO: return value == 0;
    }
    return false;
}

#define EFER_SVME (1u << 12)

static uint64_t efer_allowed(const struct x86_cpu *c)
{
    const struct x86_features *f = c->features;

    return (x86_has(f, X86_FEAT_SYSCALL) ? EFER_SCE : 0) |
           (x86_has(f, X86_FEAT_LM) ? EFER_LME | EFER_LMA : 0) |
           (x86_has(f, X86_FEAT_NX) ? EFER_NXE : 0) |
           (x86_has(f, X86_FEATURE(FW_8000_0001_EDX, 25)) ? EFER_FFXSR : 0);
}

static enum x86_status write_efer(struct x86_cpu *c, uint64_t value)
{
    uint64_t changed = value ^ c->msr.efer;

    if ((value & ~efer_allowed(c)) || ((changed & EFER_LME) && (c->cr0 & CR0_PG))) {
        return gp0(c);
    }
    c->msr.efer = (value & ~(uint64_t)EFER_LMA) | (c->msr.efer & EFER_LMA);
    if (changed & EFER_NXE) {
        tlb_flush(&c->cpu.tlb);
    }
    x86_update_mode(c);
    return X86_END;
}

/* Registers of the board: the local APIC's. */
static bool is_board(uint32_t msr)
{
    return msr == 0x1b || msr == 0x6e0 || (msr >= 0x800 && msr <= 0x8ff);
}

static bool board_allowed(const struct x86_cpu *c, uint32_t msr)
{
    return msr == 0x1b    ? x86_has(c->features, X86_FEATURE(FW_1_EDX, 9))
           : msr == 0x6e0 ? x86_has(c->features, X86_FEAT_TSC_DEADLINE)
                          : x86_has(c->features, X86_FEAT_X2APIC);
}

#define MTRR_VAR_FIRST 0x200
#define MTRR_VAR_LAST  (MTRR_VAR_FIRST + 2 * X86_MTRR_VAR - 1)

/* Base registers are even, masks odd. */
static uint64_t *mtrr_variable(struct x86_cpu *c, uint32_t msr)
{
    unsigned i = (msr - MTRR_VAR_FIRST) / 2;

    return msr & 1 ? &c->msr.mtrr_mask[i] : &c->msr.mtrr_base[i];
}

static bool mtrr_variable_ok(const struct x86_cpu *c, uint32_t msr, uint64_t value)
{
    uint64_t address = ((UINT64_C(1) << c->features->phys_bits) - 1) & ~UINT64_C(0xfff);

    return msr & 1 ? !(value & ~(address | 0x800))
                   : !(value & ~(address | 0xff)) && memory_types_ok(value & 0xff, false);
}

/* The registers that do something. X86_OK and *ret_known FALSE: not one of them. */
static enum x86_status read_special(struct x86_cpu *c, uint32_t msr, uint64_t *ret, bool *ret_known)
{
    *ret_known = true;
    if (is_board(msr)) {
        return board_allowed(c, msr) && c->cpu.upcalls->reg_read(&c->cpu, msr, ret) == 0 ? X86_OK
                                                                                         : gp0(c);
    }
    if (msr >= MTRR_VAR_FIRST && msr <= MTRR_VAR_LAST) {
        *ret = *mtrr_variable(c, msr);
        return x86_has(c->features, X86_FEATURE(FW_1_EDX, 12)) ? X86_OK : gp0(c);
    }
    switch (msr) {
    case 0x10: *ret = msr_tsc(c); return X86_OK;
    case 0x3b:
        *ret = c->msr.tsc_offset;
        return x86_has(c->features, X86_FEAT_TSC_ADJUST) ? X86_OK : gp0(c);
    case 0x8b:
        *ret = c->features->vendor[0] == VENDOR_AMD_EBX ? 0x01000065 : UINT64_C(0x100000000);
        return X86_OK;
    case 0xc0000080: *ret = c->msr.efer; return X86_OK;
    case 0xc0000100: *ret = c->seg[SEG_FS].base; break;
    case 0xc0000101: *ret = c->seg[SEG_GS].base; break;
    default: *ret_known = false; return X86_OK;
    }
    return x86_has(c->features, X86_FEAT_LM) ? X86_OK : gp0(c);
}

static enum x86_status write_base(struct x86_cpu *c, unsigned seg, uint64_t value)
{
    if (!x86_has(c->features, X86_FEAT_LM) || !x86_is_canonical(c, value)) {
        return gp0(c);
    }
    c->seg[seg].base = value;
    return X86_END;
}

static enum x86_status write_special(struct x86_cpu *c, uint32_t msr, uint64_t value,
                                     bool *ret_known)
{
    *ret_known = true;
    if (is_board(msr)) {
        return board_allowed(c, msr) && c->cpu.upcalls->reg_write(&c->cpu, msr, value) == 0
                   ? X86_END
                   : gp0(c);
    }
    if (msr >= MTRR_VAR_FIRST && msr <= MTRR_VAR_LAST) {
        if (!x86_has(c->features, X86_FEATURE(FW_1_EDX, 12)) || !mtrr_variable_ok(c, msr, value)) {
            return gp0(c);
        }
        *mtrr_variable(c, msr) = value;
        return X86_OK;
    }
    switch (msr) {
    case 0x10: c->msr.tsc_offset = value - tsc_raw(c); return X86_OK;
    case 0x3b:
        if (!x86_has(c->features, X86_FEAT_TSC_ADJUST)) {
            return gp0(c);
        }
        c->msr.tsc_offset = value;
        return X86_OK;
    case 0x8b: return X86_OK; /* written before the version is read */
    case 0xc0000080: return write_efer(c, value);
    case 0xc0000100: return write_base(c, SEG_FS, value);
    case 0xc0000101: return write_base(c, SEG_GS, value);
    default: *ret_known = false; return X86_OK;
    }
}

enum x86_status msr_read(struct x86_cpu *c, uint32_t msr, uint64_t *ret)
{
    bool known;
    enum x86_status st = read_special(c, msr, ret, &known);

    if (known) {
        return st;
    }
    const struct msr_row *row = find_row(c, msr);

    if (!row) {
        return gp0(c);
    }
    *ret = row->off ? *field(c, row, msr) : row->value;
    return X86_OK;
}

enum x86_status msr_write(struct x86_cpu *c, uint32_t msr, uint64_t value)
{
    bool known;
    enum x86_status st = write_special(c, msr, value, &known);

    if (known) {
        return st;
    }
    const struct msr_row *row = find_row(c, msr);

    if (!row || !may_write(c, row, value)) {
        return gp0(c);
    }
    if (row->off) {
        *field(c, row, msr) = value;
    }
    return X86_OK;
}

static void write_edx_eax(struct x86_cpu *c, uint64_t value)
{
    c->gpr[RAX] = (uint32_t)value;
    c->gpr[RDX] = value >> 32;
}

static uint64_t read_edx_eax(const struct x86_cpu *c)
{
    return (uint32_t)c->gpr[RAX] | c->gpr[RDX] << 32;
}

enum x86_status msr_rdmsr(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t value;
    enum x86_status st = msr_read(c, c->gpr[RCX], &value);

    if (st == X86_OK) {
        write_edx_eax(c, value);
    }
    return st;
}

enum x86_status msr_wrmsr(struct x86_cpu *c, const struct x86_insn *in)
{
    enum x86_status st = msr_write(c, c->gpr[RCX], read_edx_eax(c));

    return st == X86_OK ? X86_END : st;
}

enum x86_status msr_rdtsc(struct x86_cpu *c, const struct x86_insn *in)
{
    if ((c->cr4 & CR4_TSD) && x86_cpl(c) > 0) {
        return gp0(c);
    }
    write_edx_eax(c, msr_tsc(c));
    return X86_OK;
}

enum x86_status msr_rdtscp(struct x86_cpu *c, const struct x86_insn *in)
{
    enum x86_status st = msr_rdtsc(c, in);

    if (st == X86_OK) {
        c->gpr[RCX] = (uint32_t)c->msr.tsc_aux;
    }
    return st;
}

enum x86_status msr_rdpid(struct x86_cpu *c, const struct x86_insn *in)
{
    c->gpr[in->rm] = (uint32_t)c->msr.tsc_aux;
    return X86_OK;
}

/* No performance counters. */
enum x86_status msr_rdpmc(struct x86_cpu *c, const struct x86_insn *in)
{
    return gp0(c);
}

static enum x86_status read_base(struct x86_cpu *c, const struct x86_insn *in, unsigned seg)
{
    if (!(c->cr4 & CR4_FSGSBASE)) {
        return x86_raise(c, VEC_UD);
    }
    c->gpr[in->rm] = in->osize == 8 ? c->seg[seg].base : (uint32_t)c->seg[seg].base;
    return X86_OK;
}

static enum x86_status write_base_register(struct x86_cpu *c, const struct x86_insn *in,
                                           unsigned seg)
{
    uint64_t value = in->osize == 8 ? c->gpr[in->rm] : (uint32_t)c->gpr[in->rm];

    if (!(c->cr4 & CR4_FSGSBASE)) {
        return x86_raise(c, VEC_UD);
    }
    if (!x86_is_canonical(c, value)) {
        return gp0(c);
    }
    c->seg[seg].base = value;
    return X86_OK;
}

enum x86_status msr_rdfsbase(struct x86_cpu *c, const struct x86_insn *in)
{
    return read_base(c, in, SEG_FS);
}

enum x86_status msr_rdgsbase(struct x86_cpu *c, const struct x86_insn *in)
{
    return read_base(c, in, SEG_GS);
}

enum x86_status msr_wrfsbase(struct x86_cpu *c, const struct x86_insn *in)
{
    return write_base_register(c, in, SEG_FS);
}

enum x86_status msr_wrgsbase(struct x86_cpu *c, const struct x86_insn *in)
{
    return write_base_register(c, in, SEG_GS);
}

enum x86_status msr_swapgs(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t base = c->seg[SEG_GS].base;

    c->seg[SEG_GS].base = c->msr.kernel_gs_base;
    c->msr.kernel_gs_base = base;
    return X86_OK;
}

#define XCR0_X87 1u
#define XCR0_SSE 2u

enum x86_status msr_xgetbv(struct x86_cpu *c, const struct x86_insn *in)
{
    uint32_t which = c->gpr[RCX];

    if (!(c->cr4 & CR4_OSXSAVE)) {
        return x86_raise(c, VEC_UD);
    }
    if (which > 1 || (which == 1 && !x86_has(c->features, X86_FEAT_XGETBV1))) {
        return gp0(c);
    }
    write_edx_eax(c, c->xcr0); /* 1: components in use; all may be */
    return X86_OK;
}

enum x86_status msr_xsetbv(struct x86_cpu *c, const struct x86_insn *in)
{
    uint64_t value = read_edx_eax(c);

    if (!(c->cr4 & CR4_OSXSAVE)) {
        return x86_raise(c, VEC_UD);
    }
    if ((uint32_t)c->gpr[RCX] != 0 || !(value & XCR0_X87) || (value & ~c->features->xcr0_allowed) ||
        ((value & 4) && !(value & XCR0_SSE))) {
        return gp0(c);
    }
    c->xcr0 = value;
    return X86_END;
}
