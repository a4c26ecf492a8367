/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/csr.h"

#include "machine/guest/riscv64/fpu.h"
#include "machine/guest/riscv64/trap.h"

#include <stddef.h>

#define IRQ(name) (UINT64_C(1) << RISCV_IRQ_##name)

#define S_IRQS (IRQ(SSI) | IRQ(STI) | IRQ(SEI))
#define M_IRQS (IRQ(MSI) | IRQ(MTI) | IRQ(MEI))

/* All exceptions but ECALL from M and the numbers that are none. */
#define DELEGABLE UINT64_C(0xb3ff)

#define MSTATUS_WRITABLE                                                                   \
    (MSTATUS_SIE | MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_MPIE | MSTATUS_SPP | MSTATUS_MPP | \
     MSTATUS_FS | MSTATUS_MPRV | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW |    \
     MSTATUS_TSR)
#define SSTATUS_WRITABLE \
    (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR)
#define SSTATUS_VISIBLE (SSTATUS_WRITABLE | MSTATUS_UXL | MSTATUS_SD)

#define CSR_MIP 0x344

#define COUNTERS UINT64_C(0xffffffff)

struct csr {
    uint16_t first, last; /* numbers */
    uint32_t field;       /* plain: offset in struct riscv_cpu, 8 bytes a register */
    uint64_t mask;        /* plain: what can be written */
    uint64_t (*read)(struct riscv_cpu *c, unsigned i);
    void (*write)(struct riscv_cpu *c, unsigned i, uint64_t value);
    bool (*allowed)(const struct riscv_cpu *c, unsigned i); /* NULL: the number says it all */
};

static uint64_t zero(struct riscv_cpu *c, unsigned i)
{
    return 0;
}

static void ignore(struct riscv_cpu *c, unsigned i, uint64_t value)
{
}

static bool float_on(const struct riscv_cpu *c, unsigned i)
{
    return !riscv_float_off(c);
}

static uint64_t read_fcsr(struct riscv_cpu *c, unsigned i)
{
    return i == 1 ? c->fflags : i == 2 ? c->frm : c->fflags | c->frm << 5;
}

static void write_fcsr(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    if (i != 2) {
        c->fflags = value & 0x1f;
    }
    if (i != 1) {
        c->frm = (i == 3 ? value >> 5 : value) & 7;
    }
    riscv_float_dirty(c);
}

static uint64_t status(const struct riscv_cpu *c)
{
    return c->mstatus | ((c->mstatus & MSTATUS_FS) == MSTATUS_FS ? MSTATUS_SD : 0);
}

static void set_status(struct riscv_cpu *c, uint64_t value, uint64_t mask)
{
    uint64_t changed;

    if (((value & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT) == 2) {
        mask &= ~MSTATUS_MPP; /* no such mode */
    }
    changed = (c->mstatus ^ value) & mask;
    c->mstatus ^= changed;
    if (changed & MSTATUS_MXR) {
        tlb_flush(&c->cpu.tlb);
    }
    riscv_update_regime(c);
}

static uint64_t read_mstatus(struct riscv_cpu *c, unsigned i)
{
    return status(c);
}

static void write_mstatus(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    set_status(c, value, MSTATUS_WRITABLE);
}

static uint64_t read_sstatus(struct riscv_cpu *c, unsigned i)
{
    return status(c) & SSTATUS_VISIBLE;
}

static void write_sstatus(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    set_status(c, value, SSTATUS_WRITABLE);
}

static uint64_t read_sie(struct riscv_cpu *c, unsigned i)
{
    return c->mie & c->mideleg;
}

static void write_sie(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    c->mie = (c->mie & ~c->mideleg) | (value & c->mideleg);
}

static uint64_t read_mip(struct riscv_cpu *c, unsigned i)
{
    return riscv_mip(c);
}

static void write_mip(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    uint64_t mask = S_IRQS;

    if (c->menvcfg & MENVCFG_STCE) {
        mask &= ~IRQ(STI); /* follows stimecmp */
    }
    c->mip = (c->mip & ~mask) | (value & mask);
}

static uint64_t read_sip(struct riscv_cpu *c, unsigned i)
{
    return riscv_mip(c) & c->mideleg;
}

static void write_sip(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    uint64_t mask = IRQ(SSI) & c->mideleg;

    c->mip = (c->mip & ~mask) | (value & mask);
}

/* Supervisor's registers of address translation trap for mstatus.TVM. */
static bool satp_allowed(const struct riscv_cpu *c, unsigned i)
{
    return c->priv == RISCV_M || !(c->mstatus & MSTATUS_TVM);
}

static void write_satp(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    unsigned mode = value >> 60;

    if (mode != 0 && (mode < 8 || mode > riscv_model_satp_most(c->model))) {
        return; /* a mode that is not there changes nothing */
    }
    c->satp = value;
    tlb_flush(&c->cpu.tlb);
}

static uint64_t read_satp(struct riscv_cpu *c, unsigned i)
{
    return c->satp;
}

static uint64_t read_time(struct riscv_cpu *c, unsigned i)
{
    uint64_t now = 0;

    return c->cpu.upcalls->reg_read(&c->cpu, RISCV_REG_TIME, &now) == 0 ? now : 0;
}

/* The counters of modes below: mcounteren, and scounteren for U. */
static bool counter_allowed(const struct riscv_cpu *c, unsigned i)
{
    unsigned bit = i & 31;

    return c->priv == RISCV_M ||
           ((c->mcounteren >> bit & 1) && (c->priv == RISCV_S || (c->scounteren >> bit & 1)));
}

static uint64_t read_counter(struct riscv_cpu *c, unsigned i)
{
    switch (i & 31) {
    case 0: return c->cpu.insns + c->cycle_offset;
    case 2: return c->cpu.insns + c->instret_offset;
    default: return 0; /* no events to count */
    }
}

static void write_counter(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    switch (i & 31) {
    case 0: c->cycle_offset = value - c->cpu.insns; break;
    case 2: c->instret_offset = value - c->cpu.insns; break;
    }
}

static bool sstc_allowed(const struct riscv_cpu *c, unsigned i)
{
    return riscv_model_has(c->model, RISCV_EXT_SSTC) &&
           (c->priv == RISCV_M || ((c->menvcfg & MENVCFG_STCE) && (c->mcounteren >> 1 & 1)));
}

static uint64_t read_stimecmp(struct riscv_cpu *c, unsigned i)
{
    return c->stimecmp;
}

static void write_stimecmp(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    c->stimecmp = value;
    (void)c->cpu.upcalls->reg_write(&c->cpu, RISCV_REG_STIMECMP, value);
}

static uint64_t envcfg_mask(const struct riscv_cpu *c, bool machine)
{
    return (riscv_model_has(c->model, RISCV_EXT_ZICBOM) ? MENVCFG_CBIE | MENVCFG_CBCFE : 0) |
           (riscv_model_has(c->model, RISCV_EXT_ZICBOZ) ? MENVCFG_CBZE : 0) |
           (machine && riscv_model_has(c->model, RISCV_EXT_SSTC) ? MENVCFG_STCE : 0);
}

static uint64_t read_menvcfg(struct riscv_cpu *c, unsigned i)
{
    return c->menvcfg;
}

static void write_menvcfg(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    c->menvcfg = value & envcfg_mask(c, true);
}

static uint64_t read_senvcfg(struct riscv_cpu *c, unsigned i)
{
    return c->senvcfg;
}

static void write_senvcfg(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    c->senvcfg = value & envcfg_mask(c, false);
}

static uint64_t read_misa(struct riscv_cpu *c, unsigned i)
{
    return c->misa;
}

static uint64_t read_mhartid(struct riscv_cpu *c, unsigned i)
{
    return c->cpu.index;
}

static uint64_t read_pmpcfg(struct riscv_cpu *c, unsigned i)
{
    uint64_t v = 0;

    for (unsigned k = 0; k < 8; k++) {
        v |= (uint64_t)c->pmpcfg[i * 4 + k] << (k * 8);
    }
    return v;
}

#define PMP_LOCKED 0x80
#define PMP_SHOWN  0x9f

static void write_pmpcfg(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    for (unsigned k = 0; k < 8; k++) {
        uint8_t v = value >> (k * 8) & PMP_SHOWN;
        uint8_t *cfg = &c->pmpcfg[i * 4 + k];

        /* Writable but not readable is reserved. */
        if (!(*cfg & PMP_LOCKED) && (v & 3) != 2) {
            *cfg = v;
        }
    }
    tlb_flush(&c->cpu.tlb);
}

/* Only even ones: each has eight entries. */
static bool pmpcfg_allowed(const struct riscv_cpu *c, unsigned i)
{
    return !(i & 1);
}

static uint64_t read_pmpaddr(struct riscv_cpu *c, unsigned i)
{
    return c->pmpaddr[i];
}

static void write_pmpaddr(struct riscv_cpu *c, unsigned i, uint64_t value)
{
    const uint8_t *next = i + 1 < RISCV_PMP_ENTRIES ? &c->pmpcfg[i + 1] : NULL;

    /* Locked, or the lower end of a locked range. */
    if ((c->pmpcfg[i] & PMP_LOCKED) || (next && (*next & PMP_LOCKED) && (*next >> 3 & 3) == 1)) {
        return;
    }
    c->pmpaddr[i] = value & ((UINT64_C(1) << 54) - 1);
    tlb_flush(&c->cpu.tlb);
}

#define PLAIN(number, f, bits)                                                       \
    {                                                                                \
        .first = (number), .last = (number), .field = offsetof(struct riscv_cpu, f), \
        .mask = (bits)                                                               \
    }
#define CODE(a, b, r, w, ok)                                                  \
    {                                                                         \
        .first = (a), .last = (b), .read = (r), .write = (w), .allowed = (ok) \
    }

static const struct csr csrs[] = {
    CODE(0x001, 0x003, read_fcsr, write_fcsr, float_on),
    CODE(0x100, 0x100, read_sstatus, write_sstatus, NULL),
    CODE(0x104, 0x104, read_sie, write_sie, NULL),
    PLAIN(0x105, stvec, ~UINT64_C(2)),
    PLAIN(0x106, scounteren, COUNTERS),
    CODE(0x10a, 0x10a, read_senvcfg, write_senvcfg, NULL),
    PLAIN(0x140, sscratch, UINT64_MAX),
    PLAIN(0x141, sepc, ~UINT64_C(1)),
    PLAIN(0x142, scause, UINT64_MAX),
    PLAIN(0x143, stval, UINT64_MAX),
    CODE(0x144, 0x144, read_sip, write_sip, NULL),
    CODE(0x14d, 0x14d, read_stimecmp, write_stimecmp, sstc_allowed),
    CODE(0x180, 0x180, read_satp, write_satp, satp_allowed),
    CODE(0x300, 0x300, read_mstatus, write_mstatus, NULL),
    CODE(0x301, 0x301, read_misa, ignore, NULL),
    PLAIN(0x302, medeleg, DELEGABLE),
    PLAIN(0x303, mideleg, S_IRQS),
    PLAIN(0x304, mie, S_IRQS | M_IRQS),
    PLAIN(0x305, mtvec, ~UINT64_C(2)),
    PLAIN(0x306, mcounteren, COUNTERS),
    CODE(0x30a, 0x30a, read_menvcfg, write_menvcfg, NULL),
    CODE(0x320, 0x320, zero, ignore, NULL), /* mcountinhibit: counters always count */
    CODE(0x323, 0x33f, zero, ignore, NULL), /* mhpmevent3..31: no events */
    PLAIN(0x340, mscratch, UINT64_MAX),
    PLAIN(0x341, mepc, ~UINT64_C(1)),
    PLAIN(0x342, mcause, UINT64_MAX),
    PLAIN(0x343, mtval, UINT64_MAX),
    CODE(CSR_MIP, CSR_MIP, read_mip, write_mip, NULL),
    CODE(0x3a0, 0x3a3, read_pmpcfg, write_pmpcfg, pmpcfg_allowed),
    CODE(0x3b0, 0x3bf, read_pmpaddr, write_pmpaddr, NULL),
    CODE(0xb00, 0xb00, read_counter, write_counter, NULL),
    CODE(0xb02, 0xb1f, read_counter, write_counter, NULL),
    CODE(0xc00, 0xc00, read_counter, NULL, counter_allowed),
    CODE(0xc01, 0xc01, read_time, NULL, counter_allowed),
    CODE(0xc02, 0xc1f, read_counter, NULL, counter_allowed),
    CODE(0xf11, 0xf13, zero, NULL, NULL), /* vendor, architecture, implementation: not given */
    CODE(0xf14, 0xf14, read_mhartid, NULL, NULL),
    CODE(0xf15, 0xf15, zero, NULL, NULL), /* mconfigptr */
};

/* The number of the register inside its row: what read and write are called with. */
static unsigned index_of(const struct csr *csr, unsigned number)
{
    return csr->first >= 0xb00 || csr->first == 0x001 ? number & 0xff : number - csr->first;
}

/* Bits 9:8 of a number are the least mode. NULL: not there, or not for this mode. */
static const struct csr *find(const struct riscv_cpu *c, unsigned number)
{
    if ((number >> 8 & 3) > c->priv) {
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(csrs); i++) {
        const struct csr *csr = &csrs[i];

        if (number >= csr->first && number <= csr->last) {
            return csr->allowed && !csr->allowed(c, index_of(csr, number)) ? NULL : csr;
        }
    }
    return NULL;
}

static uint64_t *plain(struct riscv_cpu *c, const struct csr *csr)
{
    return (uint64_t *)(void *)((char *)c + csr->field);
}

bool riscv_csr_read(struct riscv_cpu *c, unsigned number, uint64_t *ret)
{
    const struct csr *csr = find(c, number);

    if (csr) {
        *ret = csr->read ? csr->read(c, index_of(csr, number)) : *plain(c, csr);
    }
    return csr;
}

uint64_t riscv_csr_to_modify(const struct riscv_cpu *c, unsigned number, uint64_t old)
{
    return number == CSR_MIP ? (old & ~IRQ(SEI)) | (c->mip & IRQ(SEI)) : old;
}

bool riscv_csr_write(struct riscv_cpu *c, unsigned number, uint64_t value)
{
    const struct csr *csr = find(c, number);

    if (!csr || (number >> 10) == 3) {
        return false; /* the number says read-only */
    }
    if (csr->write) {
        csr->write(c, index_of(csr, number), value);
    } else {
        uint64_t *field = plain(c, csr);

        *field = (*field & ~csr->mask) | (value & csr->mask);
    }
    return true;
}
