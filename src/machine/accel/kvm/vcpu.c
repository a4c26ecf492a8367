/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop: what goes in before KVM_RUN, and what comes out. */
#include "base/least.h"
#include "machine/accel/kvm/kvm.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/memory.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- kicks ---- */

static void woken(int number)
{
    /* That it came is all: KVM_RUN has ended, and is not begun again by the system. */
}

void kvm_signal_init(void)
{
    struct sigaction action = {.sa_handler = woken, .sa_flags = SA_RESTART};

    sigaction(SIGRTMIN, &action, NULL);
}

/*
 * cpu_kick has set exit_request before. run_guest says that it is inside and then reads
 * exit_request; so either it sees the request, or this sees it inside. A signal that comes before
 * KVM_RUN has begun is lost, but immediate_exit is not.
 */
void kvm_interrupt(struct cpu *cpu)
{
    struct kvm_vcpu *v = cpu->accel;

    if (__atomic_load_n(&v->inside, __ATOMIC_SEQ_CST)) {
        int tid = __atomic_load_n(&v->tid, __ATOMIC_ACQUIRE); /* set before `inside` ever was */

        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (tid != gettid()) {
            tgkill(getpid(), tid, SIGRTMIN);
        }
    }
}

/* The calling thread is the one that runs the vCPU. */
static void adopt_thread(struct kvm_vcpu *v)
{
    int tid = gettid();
    sigset_t set;

    if (__atomic_load_n(&v->tid, __ATOMIC_RELAXED) != tid) {
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        __atomic_store_n(&v->tid, tid, __ATOMIC_RELEASE);
    }
}

/* ---- what KVM_RUN leaves to us ---- */

static void do_ports(struct kvm_vcpu *v, struct cpu *cpu)
{
    const struct kvm_run *run = v->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint32_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, size);
            cpu->upcalls->port_write(cpu, run->io.port, value, size);
        } else {
            cpu->upcalls->port_read(cpu, run->io.port, size, &value);
            memcpy(data, &value, size);
        }
    }
    v->unfinished = true;
}

static void do_memory(struct kvm_vcpu *v, struct cpu *cpu)
{
    struct kvm_run *run = v->run;
    unsigned size = min_u64(run->mmio.len, 8);
    uint64_t value = 0;

    if (size == 0) {
        return;
    }
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size);
        cpu->upcalls->mem_write(cpu, run->mmio.phys_addr, value, size);
    } else {
        cpu->upcalls->mem_read(cpu, run->mmio.phys_addr, size, &value);
        memcpy(run->mmio.data, &value, size);
    }
    v->unfinished = true;
}

/* TRUE if it was an access. */
static bool do_access(struct kvm_vcpu *v, struct cpu *cpu)
{
    switch (v->run->exit_reason) {
    case KVM_EXIT_IO: do_ports(v, cpu); return true;
    case KVM_EXIT_MMIO: do_memory(v, cpu); return true;
    default: return false;
    }
}

void kvm_finish(struct kvm_vcpu *v, struct cpu *cpu)
{
    while (v->unfinished) {
        v->unfinished = false;
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        if (ioctl(v->fd, KVM_RUN, 0) == 0 && !do_access(v, cpu)) {
            v->held = true;
        }
    }
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/* What KVM cannot emulate is run here. Guest memory may have changed unseen: nothing that was
 * decoded or translated before counts. */
static enum accel_exit help(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    enum x86_exit why;

    if (!kvm_state_fetch(v, c, error)) {
        return ACCEL_EXIT_ERROR;
    }
    if (v->events.exception.nr == VEC_UD) {
        /* KVM's answer to what it cannot emulate. */
        v->events.exception.injected = v->events.exception.pending = 0;
    }
    tlb_flush(&c->cpu.tlb);
    x86_interp_flush(c);
    x86_run_begin(c);
    why = x86_exec_one(c);
    x86_run_end(c);
    __atomic_fetch_add(&v->vm->helped, 1, __ATOMIC_RELAXED);
    return why == X86_EXIT_SHUTDOWN ? ACCEL_EXIT_SHUTDOWN
           : why == X86_EXIT_HALT   ? ACCEL_EXIT_HALT
                                    : ACCEL_EXIT_KICK;
}

static enum accel_exit halt(struct kvm_vcpu *v, struct x86_cpu *c)
{
    /* What decides whether an interrupt wakes it. */
    c->rflags = (c->rflags & ~FLAG_IF) | (v->run->if_flag ? FLAG_IF : 0);
    c->nmi_blocked = false; /* asked for when there is one */
    __atomic_store_n(&c->cpu.run_state, CPU_HALTED, __ATOMIC_RELEASE);
    return ACCEL_EXIT_HALT;
}

static enum accel_exit stuck(GError **error, const char *what, uint64_t number)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                "KVM: %s (0x%" G_GINT64_MODIFIER "x); the guest stands, and -accel tcg may run it",
                what, number);
    return ACCEL_EXIT_ERROR;
}

/* Documentation/virt/kvm/api.rst, KVM_EXIT_INTERNAL_ERROR. */
static const char *internal_error(uint32_t suberror)
{
    switch (suberror) {
    case KVM_INTERNAL_ERROR_SIMUL_EX: return "two exceptions of the guest at once";
    case KVM_INTERNAL_ERROR_DELIVERY_EV: return "an event of the guest that cannot be delivered";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
        return "an exit of the CPU that the host's kernel does not know";
    default: return "an internal error of its own";
    }
}

/* ACCEL_EXIT_KICK: go on. */
static enum accel_exit take_exit(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    const struct kvm_run *run = v->run;

    if (do_access(v, &c->cpu)) {
        return ACCEL_EXIT_KICK;
    }
    switch (run->exit_reason) {
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR: return ACCEL_EXIT_KICK;
    case KVM_EXIT_IOAPIC_EOI:
        c->cpu.upcalls->irq_ended(&c->cpu, run->eoi.vector);
        return ACCEL_EXIT_KICK;
    case KVM_EXIT_HLT: return halt(v, c);
    case KVM_EXIT_SHUTDOWN: return ACCEL_EXIT_SHUTDOWN;
    case KVM_EXIT_INTERNAL_ERROR:
        if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
            return help(v, c, error);
        }
        return stuck(error, internal_error(run->internal.suberror), run->internal.suberror);
    case KVM_EXIT_DEBUG:
        return stuck(error, "a debug exit that nobody asked for", run->debug.arch.exception);
    case KVM_EXIT_FAIL_ENTRY:
        return stuck(error, "the CPU refuses to enter the guest",
                     run->fail_entry.hardware_entry_failure_reason);
    default: return stuck(error, "an exit of unknown kind", run->exit_reason);
    }
}

/* ---- what goes in ---- */

/* The acknowledged vector; it stays ours if KVM does not take it. */
static gboolean inject(struct kvm_vcpu *v, GError **error)
{
    struct kvm_interrupt irq = {.irq = v->vector};

    if (ioctl(v->fd, KVM_INTERRUPT, &irq) < 0) {
        return kvm_failed("refuses an interrupt", error);
    }
    v->ready = false;
    v->vector = -1;
    return TRUE;
}

static bool nmi_masked(struct kvm_vcpu *v, const struct x86_cpu *c)
{
    struct kvm_vcpu_events events;

    if (v->owner != OWNER_KVM) {
        return c->nmi_blocked;
    }
    return ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) == 0 && events.nmi.masked;
}

/* A halted vCPU: FALSE if it stays so. */
static bool wake(struct kvm_vcpu *v, struct x86_cpu *c, uint32_t pending)
{
    if (pending & CPU_PENDING_NMI) {
        c->nmi_blocked = nmi_masked(v, c);
    }
    if (v->vector < 0 && (!(pending & CPU_PENDING_NMI) || c->nmi_blocked)) {
        if (!(pending & CPU_PENDING_IRQ) || !(c->rflags & FLAG_IF)) {
            return false;
        }
        v->vector = c->cpu.upcalls->irq_acknowledge(&c->cpu);
        if (v->vector < 0) {
            return false;
        }
        v->ready = true; /* HLT is done, and nothing else is on its way */
    }
    __atomic_store_n(&c->cpu.run_state, CPU_RUNNING, __ATOMIC_RELEASE);
    return true;
}

static gboolean give_nmi(struct kvm_vcpu *v, struct cpu *cpu, GError **error)
{
    if (v->vm->split && !kvm_irqchip_takes_nmi(v)) {
        cpu_lower(cpu, CPU_PENDING_NMI);
        return TRUE;
    }
    cpu_lower(cpu, CPU_PENDING_NMI); /* first: one that comes now is another */
    if (ioctl(v->fd, KVM_NMI, 0) == 0) {
        return TRUE;
    }
    kvm_failed("refuses an NMI", error);
    cpu_raise(cpu, CPU_PENDING_NMI);
    return FALSE;
}

static gboolean give_events(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    uint32_t pending = cpu_pending(&c->cpu);

    if ((pending & CPU_PENDING_NMI) && !give_nmi(v, &c->cpu, error)) {
        return FALSE;
    }
    if (v->ready && v->vector < 0 && (pending & CPU_PENDING_IRQ)) {
        v->vector = c->cpu.upcalls->irq_acknowledge(&c->cpu);
    }
    if (v->ready && v->vector >= 0 && !inject(v, error)) {
        return FALSE;
    }
    v->run->request_interrupt_window =
        v->vector >= 0 || (cpu_pending(&c->cpu) & CPU_PENDING_IRQ) != 0;
    return TRUE;
}

/* INIT and start-up; a start-up request to a vCPU that runs is nothing. */
static gboolean take_start(struct kvm_vcpu *v, struct x86_cpu *c, uint32_t pending, GError **error)
{
    if (!(pending & CPU_PENDING_INIT) && c->cpu.run_state != CPU_WAIT_START) {
        cpu_lower(&c->cpu, CPU_PENDING_START);
        return TRUE;
    }
    if (!kvm_state_fetch(v, c, error)) {
        return FALSE;
    }
    if (pending & CPU_PENDING_INIT) {
        memset(&v->events, 0, sizeof(v->events));
        v->vector = -1;
        v->held = false;
    }
    x86_take_start(c);
    return TRUE;
}

/* What the interrupt controller keeps and KVM has a copy of. */
static void give_registers(struct kvm_vcpu *v, struct cpu *cpu)
{
    uint64_t cr8 = 0;

    cpu->upcalls->reg_read(cpu, X86_REG_CR8, &cr8);
    v->run->cr8 = cr8;
}

static void take_registers(struct kvm_vcpu *v, struct cpu *cpu, uint64_t old_cr8)
{
    if (v->run->cr8 != old_cr8) {
        cpu->upcalls->reg_write(cpu, X86_REG_CR8, v->run->cr8);
    }
    if (v->run->apic_base != v->apic_base) {
        v->apic_base = v->run->apic_base;
        cpu->upcalls->reg_write(cpu, 0x1b, v->apic_base);
    }
}

/* One KVM_RUN. ACCEL_EXIT_KICK: go on. */
static enum accel_exit run_guest(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    struct cpu *cpu = &c->cpu;
    uint64_t cr8;
    int r = -1, e = EINTR;

    give_registers(v, cpu);
    cr8 = v->run->cr8;
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&v->inside, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&cpu->exit_request, __ATOMIC_SEQ_CST)) {
        v->unfinished = false;
        v->owner = OWNER_KVM;
        r = ioctl(v->fd, KVM_RUN, 0);
        e = errno;
        v->ready = v->run->ready_for_interrupt_injection;
        take_registers(v, cpu, cr8);
    }
    __atomic_store_n(&v->inside, 0, __ATOMIC_SEQ_CST);
    if (r == 0) {
        return take_exit(v, c, error);
    }
    if (e == EINTR || e == EAGAIN) {
        return ACCEL_EXIT_KICK;
    }
    errno = e;
    kvm_failed("cannot run", error);
    return ACCEL_EXIT_ERROR;
}

/* FALSE: *ret says why to leave. */
static bool prepare(struct kvm_vcpu *v, struct x86_cpu *c, enum accel_exit *ret, GError **error)
{
    uint32_t pending = cpu_pending(&c->cpu);

    *ret = ACCEL_EXIT_KICK;
    if (__atomic_load_n(&c->cpu.exit_request, __ATOMIC_SEQ_CST) ||
        (pending & (CPU_PENDING_FLUSH | CPU_PENDING_WORK))) {
        return false;
    }
    if ((pending & (CPU_PENDING_INIT | CPU_PENDING_START)) && !take_start(v, c, pending, error)) {
        *ret = ACCEL_EXIT_ERROR;
        return false;
    }
    *ret = ACCEL_EXIT_HALT;
    if (c->cpu.run_state == CPU_WAIT_START) {
        return false;
    }
    if (!kvm_state_store(v, c, error)) {
        *ret = ACCEL_EXIT_ERROR;
        return false;
    }
    if (c->cpu.run_state == CPU_HALTED && !wake(v, c, cpu_pending(&c->cpu))) {
        return false;
    }
    if (!give_events(v, c, error)) {
        *ret = ACCEL_EXIT_ERROR;
        return false;
    }
    *ret = ACCEL_EXIT_KICK;
    return true;
}

enum accel_exit kvm_vcpu_run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    struct kvm_vcpu *v = cpu->accel;
    struct x86_cpu *c = x86_of(cpu);
    enum accel_exit why = ACCEL_EXIT_KICK;

    if (__atomic_load_n(&vm->slots.failed, __ATOMIC_ACQUIRE)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, vm->slots.error);
        return ACCEL_EXIT_ERROR;
    }
    adopt_thread(v);
    if (v->held) {
        v->held = false;
        why = take_exit(v, c, error);
    }
    while (why == ACCEL_EXIT_KICK && prepare(v, c, &why, error)) {
        why = run_guest(v, c, error);
    }
    return why;
}
