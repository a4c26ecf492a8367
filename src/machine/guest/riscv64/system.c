/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fences, traps by instruction, returns from them, and the instructions on CSRs. */
#include "base/fence.h"
#include "machine/guest/riscv64/csr.h"
#include "machine/guest/riscv64/trap.h"

/* Nothing is reordered that a fence could keep in order but a store before a load. */
RISCV_HANDLER(fence)
{
    fence_full();
    return RISCV_OK;
}

/* Decoded code is checked against what was written at the head of every block. */
RISCV_HANDLER(fence_i)
{
    return RISCV_LEAVE;
}

RISCV_HANDLER(ecall)
{
    return riscv_raise(c, RISCV_EXC_ECALL_U + c->priv, 0);
}

RISCV_HANDLER(ebreak)
{
    return riscv_raise(c, RISCV_EXC_BREAKPOINT, c->pc);
}

RISCV_HANDLER(sret)
{
    uint64_t s = c->mstatus;
    enum riscv_priv to = s & MSTATUS_SPP ? RISCV_S : RISCV_U;

    if (c->priv < RISCV_S || (c->priv == RISCV_S && (s & MSTATUS_TSR))) {
        return riscv_illegal(c, in);
    }
    s = (s & ~(MSTATUS_SIE | MSTATUS_SPP | MSTATUS_MPRV)) | MSTATUS_SPIE;
    c->mstatus = s | (c->mstatus & MSTATUS_SPIE ? MSTATUS_SIE : 0);
    c->next = c->sepc;
    riscv_set_priv(c, to);
    return RISCV_LEAVE;
}

RISCV_HANDLER(mret)
{
    uint64_t s = c->mstatus;
    enum riscv_priv to = (s & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;

    if (c->priv != RISCV_M) {
        return riscv_illegal(c, in);
    }
    s = (s & ~(MSTATUS_MIE | MSTATUS_MPP)) | MSTATUS_MPIE;
    s |= c->mstatus & MSTATUS_MPIE ? MSTATUS_MIE : 0;
    c->mstatus = to == RISCV_M ? s : s & ~MSTATUS_MPRV;
    c->next = c->mepc;
    riscv_set_priv(c, to);
    return RISCV_LEAVE;
}

RISCV_HANDLER(wfi)
{
    if (c->priv == RISCV_U || (c->priv == RISCV_S && (c->mstatus & MSTATUS_TW))) {
        return riscv_illegal(c, in);
    }
    return riscv_has_work(&c->cpu) ? RISCV_LEAVE : RISCV_HALT;
}

RISCV_HANDLER(sfence_vma)
{
    if (c->priv == RISCV_U || (c->priv == RISCV_S && (c->mstatus & MSTATUS_TVM))) {
        return riscv_illegal(c, in);
    }
    if (in->rs1) {
        tlb_flush_page(&c->cpu.tlb, c->x[in->rs1]);
    } else {
        tlb_flush(&c->cpu.tlb);
    }
    return RISCV_LEAVE;
}

enum csr_operation { CSR_WRITE, CSR_SET, CSR_CLEAR };

/* `writes`: a set or clear by x0 does not write at all, `reads`: a write to x0 does not read. */
static enum riscv_status csr(struct riscv_cpu *c, const struct riscv_insn *in,
                             enum csr_operation operation, uint64_t value)
{
    bool writes = operation == CSR_WRITE || in->rs1, reads = operation != CSR_WRITE || in->rd;
    uint64_t old = 0;

    if (reads && !riscv_csr_read(c, in->imm, &old)) {
        return riscv_illegal(c, in);
    }
    if (writes) {
        uint64_t base = riscv_csr_to_modify(c, in->imm, old);

        value = operation == CSR_SET     ? base | value
                : operation == CSR_CLEAR ? base & ~value
                                         : value;
        if (!riscv_csr_write(c, in->imm, value)) {
            return riscv_illegal(c, in);
        }
    }
    riscv_set(c, in->rd, old);
    return RISCV_LEAVE;
}

RISCV_HANDLER(csrrw)
{
    return csr(c, in, CSR_WRITE, c->x[in->rs1]);
}

RISCV_HANDLER(csrrs)
{
    return csr(c, in, CSR_SET, c->x[in->rs1]);
}

RISCV_HANDLER(csrrc)
{
    return csr(c, in, CSR_CLEAR, c->x[in->rs1]);
}

RISCV_HANDLER(csrrwi)
{
    return csr(c, in, CSR_WRITE, in->rs1);
}

RISCV_HANDLER(csrrsi)
{
    return csr(c, in, CSR_SET, in->rs1);
}

RISCV_HANDLER(csrrci)
{
    return csr(c, in, CSR_CLEAR, in->rs1);
}
