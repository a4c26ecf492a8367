/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -accel kvm: the host's KVM runs the guest's instructions. What its files share.
 *
 * The interrupt controllers and timers are the machine's own, in this process; with split chips
 * the local APICs are KVM's, which then also keeps halted vCPUs and starts others. A vCPU's
 * registers are in KVM while it runs and in its struct while somebody else looks at or changes them
 * (struct kvm_vcpu.owner).
 *
 * Linux Documentation/virt/kvm/api.rst.
 */
#ifndef VIV_MACHINE_ACCEL_KVM_KVM_H
#define VIV_MACHINE_ACCEL_KVM_KVM_H

#include "machine/core/accel.h"
#include "machine/guest/x86/state.h"

#include <linux/kvm.h>

#define KVM_DEVICE "/dev/kvm"

#define KVM_PINS 24 /* of the I/O APIC */

struct kvm_slot {
    gpa start;
    uint64_t size; /* bytes, whole pages; 0: not in use */
    uint8_t *host; /* of start */
    bool readonly;
};

struct kvm_slots {
    int vm_fd;
    unsigned max; /* how many the host allows */
    GArray *slot; /* struct kvm_slot; the index is KVM's number */
    bool full;    /* it was said that there are no more */
    bool failed;  /* atomic: the host refused a change; `error` says which */
    char *error;
};

/* A register that is exchanged, and its field in struct x86_cpu. */
struct kvm_msr {
    uint32_t index, off;
};

struct accel_vm {
    int fd, vm_fd;
    int stats_fd;      /* -1: this KVM has none */
    unsigned run_size; /* bytes of a vCPU's shared page */
    unsigned max_slots, max_vcpus;
    bool tsc_control;
    struct bus *memory;
    struct kvm_slots slots; /* changed by the thread that changes the map, under the bus's lock */
    GArray *msrs;           /* struct kvm_msr: those that this host's KVM knows */
    GArray *zero_msrs;      /* uint32_t: those that power-on makes 0, known to KVM alone */
    struct kvm_cpuid2 *supported;
    bool split; /* local APICs are KVM's; frozen */
    struct irq_message
        watched[KVM_PINS]; /* n_watched of them, under the interrupt controllers' lock */
    unsigned n_watched;
    uint64_t helped; /* atomic: instructions that the interpreter ran for KVM */
};

/* Where a vCPU's registers are. */
enum kvm_owner {
    OWNER_KVM,    /* the struct is stale */
    OWNER_STRUCT, /* KVM's copy is stale in what instructions change */
    OWNER_RESET,  /* KVM's copy is stale in everything: power-on, or a loaded state */
};

struct kvm_vcpu {
    struct accel_vm *vm;
    int fd;
    int stats_fd; /* -1: this KVM has none */
    struct kvm_run *run;
    enum kvm_owner owner;
    bool ready;      /* an interrupt may be injected */
    bool unfinished; /* the last exit's instruction ends in the next KVM_RUN */
    bool held;       /* `run` has an exit that was not taken yet */
    bool waits;      /* split chips: for its start, after the reset that is to be stored */
    int vector;      /* acknowledged and not yet given to KVM; -1: none */
    uint64_t apic_base;
    int tid;                       /* atomic: of the thread in run(); 0: none yet */
    uint32_t inside;               /* atomic: in KVM_RUN, or about to be */
    struct kvm_vcpu_events events; /* as of the last get */
    struct kvm_xsave xsave;
};

/* ---- slots.c: memory ---- */

void kvm_slots_init(struct kvm_slots *s, int vm_fd, unsigned max);
void kvm_slots_fini(struct kvm_slots *s);
/* Makes KVM's map that of `view`: only what differs is touched. */
void kvm_slots_apply(struct kvm_slots *s, const struct bus_view *view);

/* ---- host.c: why not ---- */

/* What of the host decides, beside what the device answers. */
struct kvm_host {
    int error;                       /* of opening the device; 0: it can be opened */
    bool vmx, svm, hypervisor;       /* what the CPU shows; hypervisor: this host is a guest */
    bool intel, amd, pvm;            /* modules of the kernel: kvm_intel, kvm_amd, kvm_pvm */
    bool device;                     /* there is one; the rest is about it */
    bool superuser, owner, in_group; /* who this process is */
    bool member;                     /* the user is listed in the group */
    unsigned mode;                   /* its permissions */
    char user[64], group[64];
};

void kvm_host_look(struct kvm_host *h, int error);
/* What stands in the way of hardware's KVM, in one line to be freed; NULL: nothing that shows. */
char *kvm_host_obstacle(const struct kvm_host *h);

/* ---- trial.c ---- */

/* Runs a guest of a few instructions. */
gboolean kvm_trial(int fd, GError **error);

/* ---- probe.c ---- */

/* The device, open; -1: the error says what would help. */
int kvm_open(GError **error);
/* It is KVM, and has all that is needed here. */
gboolean kvm_check(int fd, GError **error);
/* `forced`: the device alone counts; else the CPU and a guest of a few instructions too. */
gboolean kvm_probe(bool forced, GError **error);
/* Appends what is known, a fact a line. FALSE: the error says why the default is not KVM. */
gboolean kvm_diagnose(GString *out, GError **error);
/* "KVM: what: the system's words, and what helps", of errno; FALSE. */
gboolean kvm_failed(const char *what, GError **error);

/* ---- vcpu.c: the run loop ---- */

/* The signal that ends KVM_RUN has a handler from here on. */
void kvm_signal_init(void);
void kvm_interrupt(struct cpu *cpu);
enum accel_exit kvm_vcpu_run(struct accel_vm *vm, struct cpu *cpu, GError **error);
/* Ends the instruction of the last exit, so that the registers are those between two. */
void kvm_finish(struct kvm_vcpu *v, struct cpu *cpu);

/* ---- state.c: registers ---- */

/* Which of the machine-specific registers are exchanged with this host's KVM. */
void kvm_state_init(struct accel_vm *vm, int vcpu_fd);
/* vCPU's thread. */
gboolean kvm_state_fetch(struct kvm_vcpu *v, struct x86_cpu *c, GError **error);
gboolean kvm_state_store(struct kvm_vcpu *v, struct x86_cpu *c, GError **error);

/* ---- irqchip.c: interrupt chips in KVM ---- */

/* Before any vCPU. */
gboolean kvm_irqchip_make(struct accel_vm *vm, GError **error);
/* NULL: KVM has none. */
const struct irq_chips *kvm_irqchip_chips(struct accel_vm *vm);
/* Gives KVM the local APIC as a reset leaves it. vCPU's thread. */
gboolean kvm_irqchip_reset(struct kvm_vcpu *v, struct x86_cpu *c, GError **error);
/* TRUE if the NMI line reaches the vCPU. Its thread. */
bool kvm_irqchip_takes_nmi(const struct kvm_vcpu *v);

/* ---- stats.c: counters ---- */

/* Of a VM's or a vCPU's descriptor, whose counters can be read at any time; -1: this KVM has none,
 * or no descriptor was to be had. */
int kvm_stats_open(const struct accel_vm *vm, int fd);
void kvm_stats_read(int fd, accel_stat_fn fn, void *opaque);
/* KVM's, and for the machine ours too. */
void kvm_stats(struct accel_vm *vm, struct cpu *cpu, accel_stat_fn fn, void *opaque);

/* ---- cpuid.c ---- */

struct kvm_cpuid2 *kvm_cpuid_supported(int fd, GError **error);
/* What the guest sees: its model, without what KVM cannot run, and KVM's own leaves. */
gboolean kvm_cpuid_set(struct kvm_vcpu *v, struct x86_cpu *c, GError **error);

#endif
