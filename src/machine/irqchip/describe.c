/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/irqchip/describe.h"

#include <inttypes.h>

static const char *const modes[] = {"fixed", "lowest", "SMI",  "...",
                                    "NMI",   "INIT",   "SIPI", "ExtINT"};

void describe_pic(const struct pic *pic, GString *out)
{
    for (int i = 1; i >= 0; i--) {
        const struct pic_chip *c = &pic->chip[i];

        g_string_append_printf(out,
                               "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x "
                               "rr_sel=%d elcr=%02x fnm=%d\n",
                               i, c->irr, c->imr, c->isr, c->lowest, c->base, c->read_isr, c->elcr,
                               c->fully_nested);
    }
}

void describe_ioapic(const struct ioapic *io, GString *out)
{
    g_string_append_printf(out, "ioapic0: ver=0x20 id=0x%02x sel=0x%02x\n", io->id, io->select);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t e = io->entry[pin];

        g_string_append_printf(
            out, "  pin %-2u 0x%016" PRIx64 " dest=%x vec=%-3u %s %-5s %-6s %-6s %s\n", pin, e,
            (unsigned)(e >> 56), (unsigned)(e & 0xff), e >> 13 & 1 ? "active-lo" : "active-hi",
            e >> 15 & 1 ? "level" : "edge", e >> 16 & 1 ? "masked" : "", modes[e >> 8 & 7],
            e >> 11 & 1 ? "logical" : "physical");
    }
    g_string_append(out, "  IRR     ");
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (io->irr >> pin & 1) {
            g_string_append_printf(out, " %u", pin);
        }
    }
    g_string_append(out, io->irr ? "\n" : " (none)\n");
}

static void lvt(GString *out, const char *name, uint32_t v, bool timer)
{
    static const char *const kinds[] = {"one-shot", "periodic", "tsc-deadline", "reserved"};

    g_string_append_printf(out, "%-8s 0x%08x %s %-5s  %-6s %-12s %-6s (vec %u)\n", name, v,
                           v >> 13 & 1 ? "active-lo" : "active-hi", v >> 15 & 1 ? "level" : "edge",
                           v >> 16 & 1 ? "masked" : "", timer ? kinds[v >> 17 & 3] : "",
                           modes[v >> 8 & 7], v & 0xff);
}

static void vectors(GString *out, const char *name, const uint32_t *words)
{
    bool any = false;

    g_string_append_printf(out, "%s\t", name);
    for (unsigned v = 0; v < 256; v++) {
        if (words[v / 32] >> (v % 32) & 1) {
            g_string_append_printf(out, " %u", v);
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : " (none)\n");
}

void describe_lapic(struct lapic *l, int64_t now, GString *out)
{
    static const struct {
        const char *name;
        enum lapic_lvt lvt;
    } rows[] = {
        {"LVT0", LVT_LINT0},   {"LVT1", LVT_LINT1},      {"LVTPC", LVT_PERF},
        {"LVTERR", LVT_ERROR}, {"LVTTHMR", LVT_THERMAL}, {"LVTT", LVT_TIMER},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lvt(out, rows[i].name, l->lvt[rows[i].lvt], rows[i].lvt == LVT_TIMER);
    }
    g_string_append_printf(out, "Timer\t DCR=0x%x initial_count = %u current_count = %u\n",
                           l->divide, l->initial, lapic_read(l, 0x390, now));
    g_string_append_printf(out, "SPIV\t 0x%08x APIC %s, spurious vec %u\n", l->svr,
                           l->svr & 0x100 ? "enabled" : "disabled", l->svr & 0xff);
    g_string_append_printf(out, "ICR\t 0x%08x\nICR2\t 0x%08x\nESR\t 0x%08x\n", l->icr[0], l->icr[1],
                           l->esr);
    vectors(out, "ISR", l->isr);
    vectors(out, "IRR", l->irr);
    g_string_append_printf(out, "\nTPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", l->tpr,
                           l->dfr >> 28, l->ldr, lapic_ppr(l));
}
