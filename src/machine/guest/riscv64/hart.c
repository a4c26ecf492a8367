/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/hart.h"

#include "machine/guest/riscv64/trap.h"

#define MXL64           (UINT64_C(2) << 62)
#define XLEN64_OF_MODES ((UINT64_C(2) << 32) | (UINT64_C(2) << 34)) /* mstatus.UXL, SXL */
#define LETTER(l)       (UINT64_C(1) << ((l) - 'A'))

static uint64_t letters(const struct riscv_model *model)
{
    return LETTER('I') | LETTER('S') | LETTER('U') |
           (riscv_model_has(model, RISCV_EXT_M) ? LETTER('M') : 0) |
           (riscv_model_has(model, RISCV_EXT_A) ? LETTER('A') : 0) |
           (riscv_model_has(model, RISCV_EXT_F) ? LETTER('F') : 0) |
           (riscv_model_has(model, RISCV_EXT_D) ? LETTER('D') : 0) |
           (riscv_model_has(model, RISCV_EXT_C) ? LETTER('C') : 0);
}

void riscv_init(struct riscv_cpu *c, const struct riscv_model *model)
{
    c->cpu.arch = &riscv64_arch;
    c->model = model;
    riscv_reset(c, 0, 0);
}

/* Everything between the first register and what is derived. */
static void clear(struct riscv_cpu *c)
{
    size_t from = offsetof(struct riscv_cpu, x), to = offsetof(struct riscv_cpu, model);

    memset((char *)c + from, 0, to - from);
}

void riscv_reset(struct riscv_cpu *c, uint64_t pc, uint64_t a1)
{
    clear(c);
    c->pc = pc;
    c->x[10] = c->cpu.index;
    c->x[11] = a1;
    c->reserved = UINT64_MAX;
    c->stimecmp = UINT64_MAX;
    c->misa = MXL64 | letters(c->model);
    c->mstatus = XLEN64_OF_MODES;
    __atomic_store_n(&c->cpu.run_state, CPU_RUNNING, __ATOMIC_RELEASE);
    riscv_set_priv(c, RISCV_M);
}

static const struct state_row rows[] = {
    STATE_U_ARRAY(struct riscv_cpu, x, 0),
    STATE_U(struct riscv_cpu, pc, 0),
    STATE_U_ARRAY(struct riscv_cpu, f, 0),
    STATE_U(struct riscv_cpu, fflags, 0),
    STATE_U(struct riscv_cpu, frm, 0),
    STATE_U(struct riscv_cpu, priv, 0),
    STATE_U(struct riscv_cpu, reserved, 0),
    STATE_U(struct riscv_cpu, reserved_value, 0),
    STATE_U(struct riscv_cpu, mstatus, 0),
    STATE_U(struct riscv_cpu, medeleg, 0),
    STATE_U(struct riscv_cpu, mideleg, 0),
    STATE_U(struct riscv_cpu, mie, 0),
    STATE_U(struct riscv_cpu, mip, 0),
    STATE_U(struct riscv_cpu, mtvec, 0),
    STATE_U(struct riscv_cpu, mscratch, 0),
    STATE_U(struct riscv_cpu, mepc, 0),
    STATE_U(struct riscv_cpu, mcause, 0),
    STATE_U(struct riscv_cpu, mtval, 0),
    STATE_U(struct riscv_cpu, mcounteren, 0),
    STATE_U(struct riscv_cpu, menvcfg, 0),
    STATE_U(struct riscv_cpu, stvec, 0),
    STATE_U(struct riscv_cpu, sscratch, 0),
    STATE_U(struct riscv_cpu, sepc, 0),
    STATE_U(struct riscv_cpu, scause, 0),
    STATE_U(struct riscv_cpu, stval, 0),
    STATE_U(struct riscv_cpu, scounteren, 0),
    STATE_U(struct riscv_cpu, satp, 0),
    STATE_U(struct riscv_cpu, senvcfg, 0),
    STATE_U(struct riscv_cpu, stimecmp, 0),
    STATE_U(struct riscv_cpu, cycle_offset, 0),
    STATE_U(struct riscv_cpu, instret_offset, 0),
    STATE_U_ARRAY(struct riscv_cpu, pmpcfg, 0),
    STATE_U_ARRAY(struct riscv_cpu, pmpaddr, 0),
    STATE_U(struct riscv_cpu, cpu.run_state, 0),
    STATE_U(struct riscv_cpu, cpu.pending, 0),
    STATE_U(struct riscv_cpu, cpu.insns, 0),
    STATE_DONE,
};

void riscv_save(struct riscv_cpu *c, GByteArray *out)
{
    state_save(rows, c, out);
}

static bool possible(const struct riscv_cpu *c)
{
    unsigned mode = c->satp >> 60;

    return (c->priv == RISCV_U || c->priv == RISCV_S || c->priv == RISCV_M) && c->x[0] == 0 &&
           (c->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT != 2 && c->frm <= 7 &&
           (mode == 0 || (mode >= 8 && mode <= riscv_model_satp_most(c->model))) &&
           c->cpu.run_state <= CPU_HALTED && !(c->pc & 1);
}

gboolean riscv_load(struct riscv_cpu *c, const uint8_t **data, size_t *left, GError **error)
{
    if (!state_load(rows, c, data, left, error)) {
        return FALSE;
    }
    if (!possible(c)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "saved state of CPU %u is none that a RISC-V CPU can have", c->cpu.index);
        return FALSE;
    }
    tlb_flush(&c->cpu.tlb);
    riscv_update_regime(c);
    return TRUE;
}
