/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel-irqchip=split: the local APICs and their timers are KVM's, PIC, I/O APIC and PIT are the
 * machine's. Messages go to KVM as they are; KVM says when a level-triggered one of the I/O APIC's
 * has ended, for which it must know them: they are its routes (Documentation/virt/kvm/api.rst,
 * KVM_CAP_SPLIT_IRQCHIP).
 */
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>

#define APIC_BASE   UINT64_C(0xfee00000)
#define APIC_ENABLE (1u << 11)
#define R_LINT1     0x360
#define LVT_MASKED  (1u << 16)
#define LVT_NMI     4

gboolean kvm_irqchip_make(struct accel_vm *vm, GError **error)
{
    struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = KVM_PINS};

    if (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP) <= 0 ||
        ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SIGNAL_MSI) <= 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "this host's KVM has no split interrupt chips: kernel-irqchip=off");
        return FALSE;
    }
    return ioctl(vm->vm_fd, KVM_ENABLE_CAP, &split) == 0 ||
           kvm_failed("refuses split interrupt chips", error);
}

static void send(void *opaque, uint64_t address, uint32_t data)
{
    struct accel_vm *vm = opaque;
    struct kvm_msi msi = {
        .address_lo = (uint32_t)address, .address_hi = (uint32_t)(address >> 32), .data = data};

    /* Nobody is there to take it: as on hardware, it is lost. */
    (void)ioctl(vm->vm_fd, KVM_SIGNAL_MSI, &msi);
}

struct routes {
    uint32_t n, flags;
    struct kvm_irq_routing_entry entry[KVM_PINS];
};

G_STATIC_ASSERT(offsetof(struct routes, entry) == offsetof(struct kvm_irq_routing, entries));

static void watch(void *opaque, const struct irq_message *message, unsigned n)
{
    struct accel_vm *vm = opaque;
    struct routes routes = {.n = MIN(n, KVM_PINS)};

    if (n == vm->n_watched && memcmp(vm->watched, message, n * sizeof(*message)) == 0) {
        return;
    }
    for (unsigned i = 0; i < routes.n; i++) {
        routes.entry[i] = (struct kvm_irq_routing_entry){
            .gsi = i,
            .type = KVM_IRQ_ROUTING_MSI,
            .u.msi = {.address_lo = (uint32_t)message[i].address,
                      .address_hi = (uint32_t)(message[i].address >> 32),
                      .data = message[i].data},
        };
    }
    if (ioctl(vm->vm_fd, KVM_SET_GSI_ROUTING, &routes) < 0) {
        g_warning("KVM: refuses the I/O APIC's routes: %s", g_strerror(errno));
        return;
    }
    memcpy(vm->watched, message, routes.n * sizeof(*message));
    vm->n_watched = routes.n;
}

static const struct irq_chips chips = {.send = send, .watch = watch};

const struct irq_chips *kvm_irqchip_chips(struct accel_vm *vm)
{
    return vm->split ? &chips : NULL;
}

/* The registers that are not 0 after a reset, and those that tell them apart, are read from the
 * machine's own local APIC, which has just been reset. */
gboolean kvm_irqchip_reset(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    static const uint16_t registers[] = {0x20,  0x30,  0x80,  0xd0,  0xe0,  0xf0,  0x320,
                                         0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0};
    struct kvm_mp_state mp = {.mp_state =
                                  v->waits ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE};
    struct kvm_lapic_state page = {0};

    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        uint64_t value = 0;
        uint32_t low;

        c->cpu.upcalls->mem_read(&c->cpu, APIC_BASE + registers[i], 4, &value);
        low = (uint32_t)value;
        memcpy(page.regs + registers[i], &low, 4);
    }
    if (ioctl(v->fd, KVM_SET_LAPIC, &page) < 0 || ioctl(v->fd, KVM_SET_MP_STATE, &mp) < 0) {
        return kvm_failed("refuses the local APIC", error);
    }
    return TRUE;
}

bool kvm_irqchip_takes_nmi(const struct kvm_vcpu *v)
{
    struct kvm_lapic_state page;
    uint32_t lint1;

    if (!(v->apic_base & APIC_ENABLE)) {
        return true; /* LINT1 is the CPU's NMI pin */
    }
    if (ioctl(v->fd, KVM_GET_LAPIC, &page) < 0) {
        return false;
    }
    memcpy(&lint1, page.regs + R_LINT1, 4);
    return !(lint1 & LVT_MASKED) && (lint1 >> 8 & 7) == LVT_NMI;
}
