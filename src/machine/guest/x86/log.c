/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/log.h"

#include "machine/guest/x86/flags.h"

/* TRUE if -dfilter lets code at this address be logged. */
static bool is_wanted(const struct x86_icache *ic, uint64_t linear)
{
    const struct accel_log *log = ic->log_how;

    for (unsigned i = 0; i < log->n_only; i++) {
        if (linear >= log->only[i].first && linear <= log->only[i].last) {
            return true;
        }
    }
    return log->n_only == 0;
}

static void put(struct x86_cpu *c, const GString *text)
{
    fputs(text->str, c->icache->log_how->out);
    fflush(c->icache->log_how->out);
}

void x86_print_registers(const struct x86_cpu *c, GString *out)
{
    static const char *const names[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                        "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"};
    static const char *const segments[] = {"ES", "CS", "SS", "DS", "FS", "GS"};

    for (unsigned r = 0; r < 16; r++) {
        g_string_append_printf(out, "%s=%016" PRIx64 "%c", names[r], c->gpr[r],
                               r % 4 == 3 ? '\n' : ' ');
    }
    g_string_append_printf(out, "RIP=%016" PRIx64 " RFL=%08x CPL=%u\n", c->rip,
                           (unsigned)x86_rflags(c), x86_cpl(c));
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        g_string_append_printf(out, "%s =%04x %016" PRIx64 " %08x %04x\n", segments[s],
                               c->seg[s].selector, c->seg[s].base, c->seg[s].limit, c->seg[s].attr);
    }
    g_string_append_printf(out,
                           "CR0=%08x CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08x\n"
                           "EFER=%016" PRIx64 "\n",
                           (unsigned)c->cr0, c->cr2, c->cr3, (unsigned)c->cr4, c->msr.efer);
}

void x86_log_code(struct x86_cpu *c, const struct x86_block *b, uint64_t linear)
{
    g_autoptr(GString) text = g_string_new("----------------\nIN:\n");
    g_autoptr(GString) line = g_string_new(NULL);

    if (!is_wanted(c->icache, linear)) {
        return;
    }
    for (unsigned i = 0; i < b->n; i++) {
        g_string_truncate(line, 0);
        x86_disassemble(c->decoder, c->mode | c->icache->branch64, &b->insn[i], linear, line);
        g_string_append_printf(text, "0x%08" PRIx64 ":  %s\n", linear, line->str);
        linear += b->insn[i].len;
    }
    g_string_append_c(text, '\n');
    put(c, text);
}

void x86_log_block(struct x86_cpu *c)
{
    g_autoptr(GString) text = g_string_new(NULL);
    uint64_t linear = x86_code_linear(c);

    if (!is_wanted(c->icache, linear)) {
        return;
    }
    if (c->icache->log & ACCEL_LOG_EXEC) {
        g_string_append_printf(text, "Trace %u: [%016" PRIx64 "/%016" PRIx64 "/%08x]\n",
                               c->cpu.index, c->seg[SEG_CS].base, linear, c->mode);
    }
    if (c->icache->log & ACCEL_LOG_CPU) {
        x86_print_registers(c, text);
    }
    put(c, text);
}

void x86_log_event(struct x86_cpu *c, uint8_t vector, uint32_t error, bool soft)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text,
                           "%6" PRIu64 ": v=%02x e=%04x i=%d cpl=%u IP=%04x:%016" PRIx64
                           " pc=%016" PRIx64 " SP=%04x:%016" PRIx64 " CR2=%016" PRIx64 "\n",
                           c->cpu.insns, vector, error, soft, x86_cpl(c), c->seg[SEG_CS].selector,
                           c->rip, x86_code_linear(c), c->seg[SEG_SS].selector, c->gpr[RSP],
                           c->cr2);
    x86_print_registers(c, text);
    put(c, text);
}

void x86_log_reset(struct x86_cpu *c)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "CPU Reset (CPU %u)\n", c->cpu.index);
    x86_print_registers(c, text);
    put(c, text);
}
