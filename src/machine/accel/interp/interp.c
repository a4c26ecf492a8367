/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -accel interp: runs the guest's instructions one after the other, on any host. */
#include "machine/accel/accel.h"
#include "machine/core/arch.h"

struct accel_vm {
    struct bus *memory;
};

static gboolean probe(bool forced, GError **error)
{
    return TRUE;
}

static struct accel_vm *vm_new(const void *props, struct bus *memory, struct bus *io,
                               GError **error)
{
    struct accel_vm *vm = g_new0(struct accel_vm, 1);

    vm->memory = memory;
    return vm;
}

static void vm_free(struct accel_vm *vm)
{
    g_free(vm);
}

static gboolean vcpu_new(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    cpu->arch->interp_new(cpu);
    return TRUE;
}

static void vcpu_free(struct accel_vm *vm, struct cpu *cpu)
{
    cpu->arch->interp_free(cpu);
}

static enum accel_exit run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    return cpu->arch->interp_run(cpu, clock_is_counting(cpu->clock));
}

static void log_how(struct accel_vm *vm, struct cpu *cpu, const struct accel_log *log)
{
    cpu->arch->interp_log(cpu, log);
}

static const struct row no_props[] = {{0}};

const struct accel_class accel_interp = {
    .name = "interp",
    .help = "interprets the guest's instructions, on any host",
    .props = no_props,
    .probe = probe,
    .vm_new = vm_new,
    .vm_free = vm_free,
    .vcpu_new = vcpu_new,
    .vcpu_free = vcpu_free,
    .run = run,
    .log = log_how,
    .counts = true,
};
