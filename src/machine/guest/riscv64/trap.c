/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/trap.h"

#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
#define VECTORED        1

uint64_t riscv_mip(const struct riscv_cpu *c)
{
    static const struct {
        uint32_t pending;
        uint8_t irq;
    } lines[] = {
        {RISCV_PENDING_MSI, RISCV_IRQ_MSI}, {RISCV_PENDING_MTI, RISCV_IRQ_MTI},
        {RISCV_PENDING_SEI, RISCV_IRQ_SEI}, {RISCV_PENDING_MEI, RISCV_IRQ_MEI},
        {RISCV_PENDING_SSI, RISCV_IRQ_SSI},
    };
    uint32_t pending = cpu_pending(&c->cpu);
    uint64_t mip = c->mip;

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        mip |= pending & lines[i].pending ? UINT64_C(1) << lines[i].irq : 0;
    }
    if (c->menvcfg & MENVCFG_STCE) {
        mip &= ~(UINT64_C(1) << RISCV_IRQ_STI);
        mip |= pending & RISCV_PENDING_STI ? UINT64_C(1) << RISCV_IRQ_STI : 0;
    }
    return mip;
}

void riscv_update_regime(struct riscv_cpu *c)
{
    unsigned priv = c->priv;

    if (priv == RISCV_M && (c->mstatus & MSTATUS_MPRV)) {
        priv = (c->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
    }
    c->data_regime = priv == RISCV_M              ? RISCV_REGIME_M
                     : priv == RISCV_U            ? RISCV_REGIME_U
                     : (c->mstatus & MSTATUS_SUM) ? RISCV_REGIME_S_SUM
                                                  : RISCV_REGIME_S;
}

void riscv_set_priv(struct riscv_cpu *c, enum riscv_priv priv)
{
    c->priv = priv;
    riscv_update_regime(c);
}

static uint64_t handler(uint64_t tvec, uint64_t cause)
{
    uint64_t base = tvec & ~UINT64_C(3);

    return (tvec & 3) == VECTORED && (cause & CAUSE_INTERRUPT) ? base + 4 * (uint8_t)cause : base;
}

static void to_supervisor(struct riscv_cpu *c, uint64_t cause, uint64_t tval)
{
    uint64_t s = c->mstatus & ~(MSTATUS_SPP | MSTATUS_SPIE | MSTATUS_SIE);

    s |= c->mstatus & MSTATUS_SIE ? MSTATUS_SPIE : 0;
    s |= c->priv == RISCV_S ? MSTATUS_SPP : 0;
    c->mstatus = s;
    c->sepc = c->pc;
    c->scause = cause;
    c->stval = tval;
    c->pc = handler(c->stvec, cause);
    riscv_set_priv(c, RISCV_S);
}

static void to_machine(struct riscv_cpu *c, uint64_t cause, uint64_t tval)
{
    uint64_t s = c->mstatus & ~(MSTATUS_MPP | MSTATUS_MPIE | MSTATUS_MIE);

    s |= c->mstatus & MSTATUS_MIE ? MSTATUS_MPIE : 0;
    s |= (uint64_t)c->priv << MSTATUS_MPP_SHIFT;
    c->mstatus = s;
    c->mepc = c->pc;
    c->mcause = cause;
    c->mtval = tval;
    c->pc = handler(c->mtvec, cause);
    riscv_set_priv(c, RISCV_M);
}

static void trap(struct riscv_cpu *c, uint64_t cause, uint64_t tval)
{
    uint64_t delegated = cause & CAUSE_INTERRUPT ? c->mideleg : c->medeleg;

    if (c->priv != RISCV_M && (delegated >> (cause & 63) & 1)) {
        to_supervisor(c, cause, tval);
    } else {
        to_machine(c, cause, tval);
    }
}

void riscv_take_exception(struct riscv_cpu *c)
{
    trap(c, c->exc.cause, c->exc.tval);
}

/* Those that interrupt the current mode: for M ones not delegated, for S the delegated. */
static uint64_t deliverable(const struct riscv_cpu *c)
{
    uint64_t pending, machine, supervisor;

    if (cpu_pending(&c->cpu) == 0 && c->mip == 0) {
        return 0; /* mostly */
    }
    pending = riscv_mip(c) & c->mie;
    machine = pending & ~c->mideleg;
    supervisor = pending & c->mideleg;

    if (c->priv == RISCV_M && !(c->mstatus & MSTATUS_MIE)) {
        machine = 0;
    }
    if (c->priv == RISCV_M || (c->priv == RISCV_S && !(c->mstatus & MSTATUS_SIE))) {
        supervisor = 0;
    }
    return machine ? machine : supervisor;
}

bool riscv_interrupt_waits(const struct riscv_cpu *c)
{
    return deliverable(c) != 0;
}

bool riscv_take_interrupt(struct riscv_cpu *c)
{
    /* Highest first (volume II, 3.1.9). */
    static const uint8_t order[] = {RISCV_IRQ_MEI, RISCV_IRQ_MSI, RISCV_IRQ_MTI,  RISCV_IRQ_SEI,
                                    RISCV_IRQ_SSI, RISCV_IRQ_STI, RISCV_IRQ_LCOFI};
    uint64_t ready;

    if (cpu_pending(&c->cpu) & RISCV_PENDING_SSI) {
        cpu_lower(&c->cpu, RISCV_PENDING_SSI);
        c->mip |= UINT64_C(1) << RISCV_IRQ_SSI;
    }
    ready = deliverable(c);
    for (unsigned i = 0; ready && i < G_N_ELEMENTS(order); i++) {
        if (ready >> order[i] & 1) {
            trap(c, CAUSE_INTERRUPT | order[i], 0);
            return true;
        }
    }
    return false;
}

bool riscv_has_work(struct cpu *cpu)
{
    const struct riscv_cpu *c = riscv_of(cpu);

    return riscv_mip(c) & c->mie;
}
