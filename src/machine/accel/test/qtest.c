/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -accel qtest: executes nothing. A test pokes the devices' registers through the qtest protocol
 * and moves the clock by hand.
 */
#include "machine/accel/accel.h"

static gboolean probe(bool forced, GError **error)
{
    return TRUE;
}

struct accel_vm {
    struct bus *memory;
};

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
    return TRUE;
}

/* Never called: no thread is made. */
static enum accel_exit run(struct accel_vm *vm, struct cpu *cpu, GError **error)
{
    return ACCEL_EXIT_HALT;
}

static const struct row no_props[] = {{0}};

const struct accel_class accel_qtest = {
    .name = "qtest",
    .help = "executes nothing; tests drive the devices",
    .props = no_props,
    .probe = probe,
    .vm_new = vm_new,
    .vm_free = vm_free,
    .vcpu_new = vcpu_new,
    .run = run,
    .counts = true,
    .no_execution = true,
};
