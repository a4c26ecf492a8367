/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/saved.h"

#include "machine/guest/x86/cpuid.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/segment.h"

#include <gio/gio.h>

static const struct state_row seg_rows[] = {
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
    {.kind = STATE_ARRAY,
     .name = "mc_bank",
     .offset = offsetof(struct x86_msrs, mc_bank),
     .size = 8,
     .count = sizeof(((struct x86_msrs *)0)->mc_bank) / 8},
    STATE_U(struct x86_msrs, xss, 0),
    STATE_U(struct x86_msrs, spec_ctrl, 0),
    STATE_U(struct x86_msrs, smbase, 0),
    STATE_U(struct x86_msrs, tsc_offset, 0),
    STATE_DONE,
};

static const struct state_row f80_rows[] = {
    STATE_U(struct x86_f80, mantissa, 0),
    STATE_U(struct x86_f80, sign_exponent, 0),
    STATE_DONE,
};

static const struct state_row fpu_rows[] = {
    {.kind = STATE_STRUCT,
     .name = "st",
     .offset = offsetof(struct x86_fpu, st),
     .size = sizeof(struct x86_f80),
     .count = 8,
     .rows = f80_rows},
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

static const struct state_row lazy_rows[] = {
    STATE_U(struct x86_lazy_flags, op, 0),
    STATE_U(struct x86_lazy_flags, result, 0),
    STATE_U(struct x86_lazy_flags, src, 0),
    STATE_DONE,
};

const struct state_row x86_state_rows[] = {
    STATE_U_ARRAY(struct x86_cpu, gpr, 0),
    STATE_U(struct x86_cpu, rip, 0),
    STATE_SUB(struct x86_cpu, lazy, lazy_rows),
    STATE_U(struct x86_cpu, rflags, 2),
    {.kind = STATE_STRUCT,
     .name = "seg",
     .offset = offsetof(struct x86_cpu, seg),
     .size = sizeof(struct x86_seg),
     .count = SEG_COUNT,
     .rows = seg_rows},
    STATE_SUB(struct x86_cpu, ldtr, seg_rows),
    STATE_SUB(struct x86_cpu, tr, seg_rows),
    STATE_SUB(struct x86_cpu, gdtr, table_rows),
    STATE_SUB(struct x86_cpu, idtr, table_rows),
    STATE_U(struct x86_cpu, cr0, 0),
    STATE_U(struct x86_cpu, cr2, 0),
    STATE_U(struct x86_cpu, cr3, 0),
    STATE_U(struct x86_cpu, cr4, 0),
    STATE_U(struct x86_cpu, cr8, 0),
    STATE_U_ARRAY(struct x86_cpu, dr, 0),
    STATE_U(struct x86_cpu, xcr0, 1),
    STATE_U_ARRAY(struct x86_cpu, pdpte, 0),
    STATE_SUB(struct x86_cpu, msr, msr_rows),
    {.kind = STATE_ARRAY,
     .name = "vec",
     .offset = offsetof(struct x86_cpu, vec),
     .size = 8,
     .count = sizeof(((struct x86_cpu *)0)->vec) / 8},
    STATE_U(struct x86_cpu, mxcsr, 0x1f80),
    STATE_SUB(struct x86_cpu, fpu, fpu_rows),
    STATE_U(struct x86_cpu, int_shadow, 0),
    STATE_U(struct x86_cpu, nmi_blocked, 0),
    STATE_U(struct x86_cpu, ignne, 0),
    STATE_U(struct x86_cpu, ferr, 0),
    STATE_U(struct x86_cpu, cpu.pending, 0),
    STATE_U(struct x86_cpu, cpu.run_state, 0),
    STATE_U(struct x86_cpu, cpu.start_vector, 0),
    STATE_U(struct x86_cpu, cpu.insns, 0),
    STATE_DONE,
};

void x86_save(struct x86_cpu *c, GByteArray *out)
{
    uint32_t pending = cpu_pending(&c->cpu);

    x86_flags_set(c, x86_flags_get(c));
    /* What only this process knows of is not state: posted work, a flush of its TLB. */
    c->cpu.pending = pending & ~(CPU_PENDING_FLUSH | CPU_PENDING_WORK);
    state_save(x86_state_rows, c, out);
    c->cpu.pending = pending;
}

/* A saved state is input: what the run loop relies on is checked. */
static bool possible(const struct x86_cpu *c)
{
    return c->cpu.run_state <= CPU_WAIT_START && c->lazy.op == 0 && !(c->cr8 & ~UINT64_C(15)) &&
           (c->rflags & FLAG_ONE) && !(c->xcr0 & ~(c->features->xcr0_allowed | 1)) && (c->xcr0 & 1);
}

gboolean x86_load(struct x86_cpu *c, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(x86_state_rows, c, data, left, error)) {
        return FALSE;
    }
    if (!possible(c)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "saved state of vCPU %u is not one a CPU can have", c->cpu.index);
        return FALSE;
    }
    c->delivering = 0xff;
    c->delivering_external = c->tf_pending = false;
    c->debug_hit = 0;
    c->code_changed = true;
    memset(&c->exc, 0, sizeof(c->exc));
    x86_update_mode(c);
    tlb_flush(&c->cpu.tlb);
    return TRUE;
}
