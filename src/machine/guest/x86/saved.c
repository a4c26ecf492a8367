/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/saved.h"

#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"

#include <errno.h>
#include <gio/gio.h>

static const struct state_row segment_rows[] = {
    STATE_U(struct x86_seg, base, 0),
    STATE_U(struct x86_seg, limit, 0),
    STATE_U(struct x86_seg, selector, 0),
    STATE_U(struct x86_seg, attr, 0),
    STATE_DONE,
};

static const struct state_row table_rows[] = {
    STATE_U(struct x86_table, base, 0),
    STATE_U(struct x86_table, limit, 0),
    STATE_DONE,
};

static const struct state_row f80_rows[] = {
    STATE_U(struct x86_f80, mantissa, 0),
    STATE_U(struct x86_f80, sign_exponent, 0),
    STATE_DONE,
};

static const struct state_row fpu_rows[] = {
    {
        .kind = STATE_STRUCT,
        .name = "st",
        .offset = offsetof(struct x86_fpu, st),
        .size = sizeof(struct x86_f80),
        .count = 8,
        .rows = f80_rows,
    },
    STATE_U(struct x86_fpu, control, 0),
    STATE_U(struct x86_fpu, status, 0),
    STATE_U(struct x86_fpu, tag, 0),
    STATE_U(struct x86_fpu, opcode, 0),
    STATE_U(struct x86_fpu, ip, 0),
    STATE_U(struct x86_fpu, dp, 0),
    STATE_U(struct x86_fpu, cs, 0),
    STATE_U(struct x86_fpu, ds, 0),
    STATE_DONE,
};

static const struct state_row msr_rows[] = {
    STATE_U(struct x86_msrs, efer, 0),
    STATE_U(struct x86_msrs, star, 0),
    STATE_U(struct x86_msrs, lstar, 0),
    STATE_U(struct x86_msrs, cstar, 0),
    STATE_U(struct x86_msrs, sfmask, 0),
    STATE_U(struct x86_msrs, kernel_gs_base, 0),
    STATE_U(struct x86_msrs, sysenter_cs, 0),
    STATE_U(struct x86_msrs, sysenter_esp, 0),
    STATE_U(struct x86_msrs, sysenter_eip, 0),
    STATE_U(struct x86_msrs, pat, 0),
    STATE_U(struct x86_msrs, tsc_aux, 0),
    STATE_U(struct x86_msrs, misc_enable, 0),
    STATE_U(struct x86_msrs, tsc_deadline, 0),
    STATE_U(struct x86_msrs, mtrr_def_type, 0),
    STATE_U_ARRAY(struct x86_msrs, mtrr_fixed, 0),
    STATE_U_ARRAY(struct x86_msrs, mtrr_base, 0),
    STATE_U_ARRAY(struct x86_msrs, mtrr_mask, 0),
    STATE_U(struct x86_msrs, mcg_status, 0),
    STATE_U(struct x86_msrs, mcg_ctl, 0),
    {
        .kind = STATE_ARRAY,
        .name = "mc_bank",
        .offset = offsetof(struct x86_msrs, mc_bank),
        .size = 8,
        .count = 40,
    },
    STATE_U(struct x86_msrs, xss, 0),
    STATE_U(struct x86_msrs, spec_ctrl, 0),
    STATE_U(struct x86_msrs, smbase, 0),
    STATE_U(struct x86_msrs, tsc_offset, 0),
    STATE_DONE,
};

/* RFLAGS with the arithmetic flags computed: how they are kept is not state. */
static void save_rflags(const void *obj, GByteArray *out)
{
    uint64_t flags = GUINT64_TO_LE(x86_rflags(obj));

    g_byte_array_append(out, (const uint8_t *)&flags, sizeof(flags));
}

#define FLAGS_KNOWN                                                                         \
    (FLAGS_ARITH | FLAG_ONE | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | \
     FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID)

static int load_rflags(void *obj, const uint8_t **data, size_t *left)
{
    uint64_t flags;

    if (*left < sizeof(flags)) {
        return -EINVAL;
    }
    memcpy(&flags, *data, sizeof(flags));
    flags = GUINT64_FROM_LE(flags);
    if (flags & ~(uint64_t)FLAGS_KNOWN) {
        return -EINVAL;
    }
    x86_rflags_write(obj, flags, UINT64_MAX);
    *data += sizeof(flags);
    *left -= sizeof(flags);
    return 0;
}

const struct state_row x86_state_rows[] = {
    STATE_U(struct x86_cpu, cpu.run_state, 0),
    STATE_U(struct x86_cpu, cpu.pending, 0),
    STATE_U(struct x86_cpu, cpu.start_vector, 0),
    STATE_U(struct x86_cpu, cpu.insns, 0),
    STATE_U_ARRAY(struct x86_cpu, gpr, 0),
    STATE_U(struct x86_cpu, rip, 0),
    {.kind = STATE_CUSTOM, .name = "rflags", .save = save_rflags, .load = load_rflags},
    {
        .kind = STATE_STRUCT,
        .name = "seg",
        .offset = offsetof(struct x86_cpu, seg),
        .size = sizeof(struct x86_seg),
        .count = SEG_COUNT,
        .rows = segment_rows,
    },
    STATE_SUB(struct x86_cpu, ldtr, segment_rows),
    STATE_SUB(struct x86_cpu, tr, segment_rows),
    STATE_SUB(struct x86_cpu, gdtr, table_rows),
    STATE_SUB(struct x86_cpu, idtr, table_rows),
    STATE_U(struct x86_cpu, cr0, 0),
    STATE_U(struct x86_cpu, cr2, 0),
    STATE_U(struct x86_cpu, cr3, 0),
    STATE_U(struct x86_cpu, cr4, 0),
    STATE_U(struct x86_cpu, cr8, 0),
    STATE_U_ARRAY(struct x86_cpu, dr, 0),
    STATE_U(struct x86_cpu, xcr0, 0),
    STATE_U_ARRAY(struct x86_cpu, pdpte, 0),
    STATE_SUB(struct x86_cpu, msr, msr_rows),
    {
        .kind = STATE_ARRAY,
        .name = "vec",
        .offset = offsetof(struct x86_cpu, vec),
        .size = 8,
        .count = 32 * 8,
    },
    STATE_U(struct x86_cpu, mxcsr, 0),
    STATE_SUB(struct x86_cpu, fpu, fpu_rows),
    STATE_U(struct x86_cpu, debug_hit, 0),
    STATE_U(struct x86_cpu, int_shadow, 0),
    STATE_U(struct x86_cpu, nmi_blocked, 0),
    STATE_U(struct x86_cpu, tf_pending, 0),
    STATE_U(struct x86_cpu, ignne, 0),
    STATE_U(struct x86_cpu, ferr, 0),
    STATE_DONE,
};

void x86_save(struct x86_cpu *c, GByteArray *out)
{
    uint32_t pending = cpu_pending(&c->cpu);

    /* What only this process knows of is not state: posted work, a flush of its TLB. */
    c->cpu.pending = pending & ~(CPU_PENDING_FLUSH | CPU_PENDING_WORK);
    state_save(x86_state_rows, c, out);
    c->cpu.pending = pending;
}

/* A saved state is input: what the run loop and the page walk rely on is checked. */
static bool is_possible(const struct x86_cpu *c)
{
    bool lma = (c->msr.efer & EFER_LME) && (c->cr0 & CR0_PG);

    return c->cpu.run_state <= CPU_WAIT_START && c->cr8 <= 15 &&
           !(c->xcr0 & ~(c->features->xcr0_allowed | 1)) && (c->xcr0 & 1) &&
           lma == ((c->msr.efer & EFER_LMA) != 0) && !((c->cr0 & CR0_PG) && !(c->cr0 & CR0_PE)) &&
           !(lma && (!(c->cr4 & CR4_PAE) || (c->rflags & FLAG_VM)));
}

gboolean x86_load(struct x86_cpu *c, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(x86_state_rows, c, data, left, error)) {
        return FALSE;
    }
    if (!is_possible(c)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "saved state of vCPU %u is not one a CPU can have", c->cpu.index);
        return FALSE;
    }
    c->delivering = 0xff;
    c->delivering_external = false;
    c->code_changed = true;
    memset(&c->exc, 0, sizeof(c->exc));
    tlb_flush(&c->cpu.tlb);
    x86_update_mode(c);
    return TRUE;
}
