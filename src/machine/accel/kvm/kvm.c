/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of the VM and its vCPUs. */
#include "machine/accel/kvm/kvm.h"

#include "machine/accel/accel.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/interp.h"
#include "machine/guest/x86/system/cpuid.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Intel CPUs that cannot run real mode by themselves want four pages of the guest's addresses that
 * nothing else uses. */
#define IDENTITY_MAP UINT64_C(0xfeffc000)
#define TSS_ADDRESS  UINT64_C(0xfeffd000)

/* Ten banks of machine checks, and MCG_CTL. */
#define MCG_CAP UINT64_C(0x10a)

struct props {
    int irqchip; /* IRQCHIP_ */
};

enum { IRQCHIP_OFF, IRQCHIP_SPLIT, IRQCHIP_ON };

static const char *const irqchip_values[] = {"off", "split", "on", NULL};

static const struct row props_rows[] = {
    {.name = "kernel-irqchip",
     .type = ROW_ENUM,
     ROW_FIELD(struct props, irqchip),
     .values = irqchip_values,
     .help = "interrupt chips in the host's kernel: none, the local APICs, all"},
    {0},
};

static gboolean make_irqchip(struct accel_vm *vm, const struct props *props, GError **error)
{
    if (props && props->irqchip == IRQCHIP_ON) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "-accel kvm,kernel-irqchip=on is not built yet: split");
        return FALSE;
    }
    vm->split = props && props->irqchip == IRQCHIP_SPLIT;
    return !vm->split || kvm_irqchip_make(vm, error);
}

static gboolean size_up(struct accel_vm *vm, GError **error)
{
    int size = ioctl(vm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    int slots = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    int vcpus = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

    if (size < (int)sizeof(struct kvm_run)) {
        return kvm_failed("says no size of a vCPU's page", error);
    }
    vm->run_size = size;
    vm->max_slots = slots > 0 ? slots : 32; /* what the interface promises */
    vm->max_vcpus = vcpus > 0 ? vcpus : 4;
    return TRUE;
}

static gboolean make_vm(struct accel_vm *vm, GError **error)
{
    struct kvm_enable_cap tell_failures = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args[0] = 1};
    uint64_t identity = IDENTITY_MAP;

    vm->fd = kvm_open(error);
    if (vm->fd < 0 || !kvm_check(vm->fd, error)) {
        return FALSE;
    }
    do {
        vm->vm_fd = ioctl(vm->fd, KVM_CREATE_VM, 0);
    } while (vm->vm_fd < 0 && errno == EINTR);
    if (vm->vm_fd < 0) {
        return kvm_failed("cannot make a virtual machine", error);
    }
    if ((ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_IDENTITY_MAP_ADDR) > 0 &&
         ioctl(vm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0) ||
        (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) > 0 &&
         ioctl(vm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0)) {
        return kvm_failed("cannot place its own pages", error);
    }
    if (!size_up(vm, error)) {
        return FALSE;
    }
    /* Else the guest would get an invalid opcode where the interpreter can help. */
    if (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_EXIT_ON_EMULATION_FAILURE) > 0) {
        ioctl(vm->vm_fd, KVM_ENABLE_CAP, &tell_failures);
    }
    vm->tsc_control = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
    vm->stats_fd = kvm_stats_open(vm, vm->vm_fd);
    vm->supported = kvm_cpuid_supported(vm->fd, error);
    return vm->supported != NULL;
}

static void memory_changed(void *opaque, const struct bus_view *view)
{
    struct accel_vm *vm = opaque;

    kvm_slots_apply(&vm->slots, view);
}

static void close_vm(struct accel_vm *vm)
{
    if (vm->stats_fd >= 0) {
        close(vm->stats_fd);
    }
    if (vm->vm_fd >= 0) {
        close(vm->vm_fd);
    }
    if (vm->fd >= 0) {
        close(vm->fd);
    }
    g_free(vm->supported);
    g_array_unref(vm->msrs);
    g_array_unref(vm->zero_msrs);
    g_free(vm);
}

static struct accel_vm *vm_new(const void *props, struct bus *memory, struct bus *io,
                               GError **error)
{
    struct accel_vm *vm = g_new0(struct accel_vm, 1);

    vm->fd = vm->vm_fd = vm->stats_fd = -1;
    vm->memory = memory;
    vm->msrs = g_array_new(FALSE, FALSE, sizeof(struct kvm_msr));
    vm->zero_msrs = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (!make_vm(vm, error) || !make_irqchip(vm, props, error)) {
        close_vm(vm);
        return NULL;
    }
    kvm_signal_init();
    kvm_slots_init(&vm->slots, vm->vm_fd, vm->max_slots);
    kvm_slots_apply(&vm->slots, bus_view(memory)); /* what is there already */
    bus_listen(memory, memory_changed, vm);
    return vm;
}

static void vm_free(struct accel_vm *vm)
{
    bus_unlisten(vm->memory, memory_changed, vm);
    kvm_slots_fini(&vm->slots);
    close_vm(vm);
}

/* The guest's TSC runs as fast as its model says where the host's CPU can do that, else as the
 * host's. */
static gboolean set_tsc(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    int khz;

    if (v->vm->tsc_control && ioctl(v->fd, KVM_SET_TSC_KHZ, c->tsc_khz) == 0) {
        return TRUE;
    }
    khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
    if (khz <= 0) {
        return kvm_failed("the host's time-stamp counter has no stable rate", error);
    }
    c->tsc_khz = khz;
    return TRUE;
}

static gboolean make_vcpu(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    struct accel_vm *vm = v->vm;
    uint64_t mcg_cap = MCG_CAP;

    if (c->cpu.index >= vm->max_vcpus) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "KVM: this host runs at most %u vCPUs in a machine: fewer of -smp, or "
                    "-accel tcg",
                    vm->max_vcpus);
        return FALSE;
    }
    v->fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, x86_apic_id(&c->features->topology, c->cpu.index));
    if (v->fd < 0) {
        return kvm_failed("cannot make a vCPU", error);
    }
    v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->run == MAP_FAILED) {
        v->run = NULL;
        return kvm_failed("cannot map a vCPU's page", error);
    }
    if (!set_tsc(v, c, error) || !kvm_cpuid_set(v, c, error)) {
        return FALSE;
    }
    if (ioctl(v->fd, KVM_X86_SETUP_MCE, &mcg_cap) < 0) {
        return kvm_failed("refuses machine checks", error);
    }
    v->stats_fd = kvm_stats_open(vm, v->fd);
    if (c->cpu.index == 0) {
        kvm_state_init(vm, v->fd);
    }
    return TRUE;
}

static void free_vcpu(struct kvm_vcpu *v)
{
    if (v->run) {
        munmap(v->run, v->vm->run_size);
    }
    if (v->stats_fd >= 0) {
        close(v->stats_fd);
    }
    if (v->fd >= 0) {
        close(v->fd);
    }
    g_free(v);
}

static gboolean vcpu_new(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    struct kvm_vcpu *v;

    g_assert(cpu->arch == &x86_arch);
    v = g_new0(struct kvm_vcpu, 1);
    v->vm = vm;
    v->fd = v->stats_fd = -1;
    v->owner = OWNER_RESET;
    v->vector = -1;
    if (!make_vcpu(v, x86_of(cpu), error)) {
        free_vcpu(v);
        return FALSE;
    }
    x86_interp_new(x86_of(cpu));
    cpu->accel = v;
    cpu->interrupt = kvm_interrupt;
    return TRUE;
}

static void vcpu_free(struct accel_vm *vm, struct cpu *cpu)
{
    if (cpu->accel) {
        cpu->interrupt = NULL;
        x86_interp_free(x86_of(cpu));
        free_vcpu(cpu->accel);
        cpu->accel = NULL;
    }
}

static void state_get(struct accel_vm *vm, struct cpu *cpu)
{
    g_autoptr(GError) error = NULL;

    if (!kvm_state_fetch(cpu->accel, x86_of(cpu), &error)) {
        g_warning("vCPU %u: %s", cpu->index, error->message);
    }
}

/* The vCPU's thread gives it to KVM before it runs again. */
static void state_set(struct accel_vm *vm, struct cpu *cpu)
{
    struct kvm_vcpu *v = cpu->accel;

    v->owner = OWNER_RESET;
    v->vector = -1;
    v->held = v->unfinished = false;
    if (vm->split) { /* KVM halts and starts it */
        v->waits = cpu->run_state == CPU_WAIT_START;
        __atomic_store_n(&cpu->run_state, CPU_RUNNING, __ATOMIC_RELEASE);
    }
}

static void describe(struct accel_vm *vm, GString *out)
{
    g_string_append_printf(out, "instructions run by the interpreter: %" G_GUINT64_FORMAT "\n",
                           __atomic_load_n(&vm->helped, __ATOMIC_RELAXED));
}

const struct accel_class accel_kvm = {
    .name = "kvm",
    .help = "the host's KVM runs the guest, at the speed of its CPU",
    .props = props_rows,
    .props_size = sizeof(struct props),
    .guest = "x86_64",
    .probe = kvm_probe,
    .diagnose = kvm_diagnose,
    .vm_new = vm_new,
    .vm_free = vm_free,
    .vcpu_new = vcpu_new,
    .vcpu_free = vcpu_free,
    .run = kvm_vcpu_run,
    .state_get = state_get,
    .state_set = state_set,
    .describe = describe,
    .chips = kvm_irqchip_chips,
    .stats = kvm_stats,
    .large_pages = true,
    .cannot_save = "the state of KVM's clock is not saved yet",
};
