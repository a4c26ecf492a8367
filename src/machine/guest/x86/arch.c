/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/arch.h"

#include "machine/guest/x86/log.h"

static void interp_new(struct cpu *cpu)
{
    x86_interp_new(x86_of(cpu));
}

static void interp_free(struct cpu *cpu)
{
    x86_interp_free(x86_of(cpu));
}

static enum accel_exit interp_run(struct cpu *cpu, bool counting)
{
    static const enum accel_exit exits[] = {[X86_EXIT_KICK] = ACCEL_EXIT_KICK,
                                            [X86_EXIT_HALT] = ACCEL_EXIT_HALT,
                                            [X86_EXIT_SHUTDOWN] = ACCEL_EXIT_SHUTDOWN,
                                            [X86_EXIT_BUDGET] = ACCEL_EXIT_BUDGET,
                                            [X86_EXIT_STEP] = ACCEL_EXIT_KICK};

    return exits[x86_interp_run(x86_of(cpu), counting)];
}

static void interp_log(struct cpu *cpu, const struct accel_log *log)
{
    x86_interp_log(x86_of(cpu), log);
}

static void print_registers(struct cpu *cpu, GString *out)
{
    x86_print_registers(x86_of(cpu), out);
}

const struct cpu_arch x86_arch = {
    .name = "x86_64",
    .interp_new = interp_new,
    .interp_free = interp_free,
    .interp_run = interp_run,
    .interp_log = interp_log,
    .print_registers = print_registers,
};
