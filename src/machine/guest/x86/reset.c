/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power-on and INIT, and what a vCPU takes in at a safe point.
 * Intel SDM volume 3, section 9.1.1 (table 9-1), and 8.4 for the start-up of further CPUs.
 */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/log.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"

#define PAT_RESET UINT64_C(0x0007040600070406)

static void reset_segments(struct x86_cpu *c)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        c->seg[i] = (struct x86_seg){.limit = 0xffff, .attr = SEG_P | SEG_S | 3};
    }
    c->seg[SEG_CS] = (struct x86_seg){
        .selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .attr = SEG_P | SEG_S | 0xb};
    c->ldtr = (struct x86_seg){.limit = 0xffff, .attr = SEG_P | 2};
    c->tr = (struct x86_seg){.limit = 0xffff, .attr = SEG_P | 0xb};
    c->gdtr = c->idtr = (struct x86_table){.limit = 0xffff};
}

/* What INIT leaves alone: x87, SSE, memory types, machine checks, the TSC. */
static void reset_cold(struct x86_cpu *c)
{
    memset(&c->msr, 0, sizeof(c->msr));
    c->msr.pat = PAT_RESET;
    c->msr.misc_enable = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(c->msr.mc_bank); i++) {
        c->msr.mc_bank[i][0] = UINT64_MAX;
    }
    c->msr.mcg_ctl = UINT64_MAX;
    memset(c->vec, 0, sizeof(c->vec));
    c->mxcsr = 0x1f80;
    c->fpu = (struct x86_fpu){.control = 0x0040, .tag = 0xff};
    c->xcr0 = 1;
    c->cr0 = CR0_CD | CR0_NW;
    c->ignne = c->ferr = false;
}

void x86_reset(struct x86_cpu *c, bool cold)
{
    if (x86_logs(c, ACCEL_LOG_RESET)) {
        x86_log_reset(c);
    }
    if (cold) {
        reset_cold(c);
    }
    c->msr.efer = 0;
    c->msr.spec_ctrl = 0;
    c->msr.tsc_deadline = 0;
    memset(c->gpr, 0, sizeof(c->gpr));
    c->gpr[RDX] = c->features->signature;
    c->rip = 0xfff0;
    x86_flags_set(c, 0);
    c->rflags = FLAG_ONE;
    c->cr0 = (c->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    c->cr2 = c->cr3 = c->cr4 = c->cr8 = 0;
    memset(c->dr, 0, sizeof(c->dr));
    c->dr[6] = 0xffff0ff0;
    c->dr[7] = 0x400;
    memset(c->pdpte, 0, sizeof(c->pdpte));
    memset(&c->exc, 0, sizeof(c->exc));
    c->delivering = 0xff;
    c->delivering_external = c->nmi_blocked = c->tf_pending = false;
    c->int_shadow = SHADOW_NONE;
    c->debug_hit = 0;
    c->code_changed = true;
    reset_segments(c);
    x86_update_mode(c);
    tlb_flush(&c->cpu.tlb);
    c->cpu.run_state = c->cpu.index ? CPU_WAIT_START : CPU_RUNNING;
}

static void set_run_state(struct x86_cpu *c, enum cpu_run_state state)
{
    __atomic_store_n(&c->cpu.run_state, state, __ATOMIC_RELEASE);
}

static void start_up(struct x86_cpu *c)
{
    uint32_t vector = __atomic_load_n(&c->cpu.start_vector, __ATOMIC_ACQUIRE) & 0xff;

    c->seg[SEG_CS].selector = vector << 8;
    c->seg[SEG_CS].base = vector << 12;
    c->rip = 0;
    set_run_state(c, CPU_RUNNING);
}

void x86_take_start(struct x86_cpu *c)
{
    uint32_t pending = cpu_pending(&c->cpu);

    if (pending & CPU_PENDING_INIT) {
        cpu_lower(&c->cpu, CPU_PENDING_INIT);
        x86_reset(c, false);
    }
    if (pending & CPU_PENDING_START) {
        cpu_lower(&c->cpu, CPU_PENDING_START);
        if (c->cpu.run_state == CPU_WAIT_START) {
            start_up(c);
        }
    }
}

static bool take_nmi(struct x86_cpu *c)
{
    cpu_lower(&c->cpu, CPU_PENDING_NMI);
    set_run_state(c, CPU_RUNNING);
    return x86_deliver_interrupt(c, VEC_NMI, true);
}

bool x86_take_pending(struct x86_cpu *c)
{
    uint32_t pending = cpu_pending(&c->cpu);

    if (pending & CPU_PENDING_FLUSH) {
        cpu_lower(&c->cpu, CPU_PENDING_FLUSH);
        tlb_flush(&c->cpu.tlb);
        c->code_changed = true;
    }
    if (pending & (CPU_PENDING_INIT | CPU_PENDING_START)) {
        x86_take_start(c);
    }
    if (c->cpu.run_state == CPU_WAIT_START) {
        return true;
    }
    if ((pending & CPU_PENDING_NMI) && !c->nmi_blocked && !c->int_shadow) {
        return take_nmi(c);
    }
    if ((pending & CPU_PENDING_IRQ) && (c->rflags & FLAG_IF) && !c->int_shadow) {
        int vector = c->cpu.upcalls->irq_acknowledge(&c->cpu);

        if (vector >= 0) {
            set_run_state(c, CPU_RUNNING);
            return x86_deliver_interrupt(c, vector, false);
        }
    }
    return true;
}

bool x86_has_work(struct cpu *cpu)
{
    struct x86_cpu *c = x86_of(cpu);
    uint32_t pending = cpu_pending(cpu);
    uint32_t run_state = __atomic_load_n(&cpu->run_state, __ATOMIC_ACQUIRE);

    if (run_state == CPU_RUNNING) {
        return true;
    }
    if (pending & CPU_PENDING_INIT) {
        return true;
    }
    if (run_state == CPU_WAIT_START) {
        return pending & CPU_PENDING_START;
    }
    return ((pending & CPU_PENDING_NMI) && !c->nmi_blocked) ||
           ((pending & CPU_PENDING_IRQ) && (c->rflags & FLAG_IF));
}
