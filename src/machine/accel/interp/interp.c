/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -accel interp: runs the guest's instructions one after the other, on any host. */
#include "machine/guest/x86/interp.h"
#include "machine/accel/accel.h"

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
    x86_interp_new(x86_of(cpu));
    return TRUE;
}

static void vcpu_free(struct accel_vm *vm, struct cpu *cpu)
{
    x86_interp_free(x86_of(cpu));
}

static enum accel_exit run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    static const enum accel_exit exits[] = {[X86_EXIT_KICK] = ACCEL_EXIT_KICK,
                                            [X86_EXIT_HALT] = ACCEL_EXIT_HALT,
                                            [X86_EXIT_SHUTDOWN] = ACCEL_EXIT_SHUTDOWN,
                                            [X86_EXIT_BUDGET] = ACCEL_EXIT_BUDGET,
                                            [X86_EXIT_STEP] = ACCEL_EXIT_KICK};

    return exits[x86_interp_run(x86_of(cpu), clock_is_counting(cpu->clock))];
}

static void log_how(struct accel_vm *vm, struct cpu *cpu, const struct accel_log *log)
{
    x86_interp_log(x86_of(cpu), log);
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
