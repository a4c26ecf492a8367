/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/arch.h"

#include "machine/guest/x86/log.h"
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/translate/translate.h"
#include "machine/guest/x86/walk.h"

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

static const char *model(const struct cpu *cpu)
{
    return ((const struct x86_cpu *)cpu)->features->model;
}

static bool get_feature(const struct cpu *cpu, const char *name, bool *ret)
{
    for (unsigned f = 0; f < FW_COUNT * 32; f++) {
        const char *known = x86_feature_name(f);

        if (known && g_str_equal(known, name)) {
            *ret = x86_has(((const struct x86_cpu *)cpu)->features, f);
            return true;
        }
    }
    return false;
}

static bool get_register(const struct cpu *cpu, const char *name, uint64_t *ret)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const short_names[] = {"eax", "ecx", "edx", "ebx",
                                              "esp", "ebp", "esi", "edi"};
    const struct x86_cpu *c = (const struct x86_cpu *)cpu;

    for (unsigned i = 0; i < 16; i++) {
        if (g_str_equal(name, names[i]) || (i < 8 && g_str_equal(name, short_names[i]))) {
            *ret = c->gpr[i];
            return true;
        }
    }
    if (g_str_equal(name, "rip") || g_str_equal(name, "eip")) {
        *ret = c->rip;
        return true;
    }
    *ret = c->rip + c->seg[SEG_CS].base;
    return g_str_equal(name, "pc");
}

static bool peek(struct cpu *cpu, uint64_t va, gpa *ret)
{
    return x86_walk_peek(x86_of(cpu), va, ret);
}

static unsigned disassemble(struct cpu *cpu, uint64_t at, const uint8_t *bytes, unsigned have,
                            GString *out)
{
    const struct x86_cpu *c = x86_of(cpu);
    struct x86_insn in = {0};

    if (x86_decode(c->decoder, c->mode, bytes, have, &in) != X86_DECODED) {
        return 0;
    }
    x86_disassemble(c->decoder, c->mode, &in, at, out);
    return in.len;
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
    .translation = &x86_translation,
    .model = model,
    .get_feature = get_feature,
    .get_register = get_register,
    .peek = peek,
    .disassemble = disassemble,
    .print_registers = print_registers,
};
