/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "length-guest.h"

#include "length-probe.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/icache.h"
#include "machine/guest/x86/segment.h"

/* Physical addresses of the page tables and of the code; linear, as length-probe has it. */
#define PML4    0x1000
#define PDPT    0x2000
#define PD      0x3000
#define PT      0x4000
#define PHYS    0x8000
#define MISSING UINT64_C(0x100000001000)
#define USER    7

static void map_code(struct bare *b)
{
    uint64_t code = MISSING - RAM_PAGE_SIZE;

    bare_write64(b, PML4 + (code >> 39 & 511) * 8, PDPT | USER);
    bare_write64(b, PDPT + (code >> 30 & 511) * 8, PD | USER);
    bare_write64(b, PD + (code >> 21 & 511) * 8, PT | USER);
    bare_write64(b, PT + (code >> 12 & 511) * 8, PHYS | USER);
}

void length_guest_init(struct length_guest *g, const char *cpu)
{
    struct x86_cpu *c;

    g->bare = bare_new(cpu);
    c = g->bare->c;
    map_code(g->bare);
    c->cr0 |= CR0_NE | CR0_WP | CR0_MP;
    c->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE | CR4_UMIP;
    c->xcr0 = 3;
    c->msr.efer |= EFER_SCE;
    bare_long(g->bare, 3, PML4);
    c->fpu.control = 0x37f;
    g->fpu = c->fpu;
    memcpy(g->seg, c->seg, sizeof(g->seg));
}

void length_guest_fini(struct length_guest *g)
{
    bare_free(g->bare);
}

static void prepare(struct length_guest *g, const uint8_t *bytes, unsigned len)
{
    struct x86_cpu *c = g->bare->c;
    gpa at = PHYS + RAM_PAGE_SIZE - len;

    memcpy(g->bare->ram->host + at, bytes, len);
    ram_wrote(g->bare->ram, at, len);
    for (unsigned i = 0; i < 16; i++) {
        c->gpr[i] = PROBE_VALUE;
    }
    c->rip = MISSING - len;
    x86_flags_set(c, 0x202);
    c->fpu = g->fpu;
    c->mxcsr = 0x1f80;
    memcpy(c->seg, g->seg, sizeof(c->seg));
    x86_update_mode(c); /* SYSCALL may have left it */
    c->code_changed = c->exc.is_soft = false;
}

int length_guest_run(struct length_guest *g, const uint8_t *bytes, unsigned len)
{
    struct x86_cpu *c = g->bare->c;
    struct x86_block *block;

    prepare(g, bytes, len);
    enum x86_status st = x86_icache_lookup(c, &block);

    if (st == X86_OK) {
        st = block->insn[0].fn(c, &block->insn[0]);
    } else if (st == X86_FAULT && c->exc.vector == VEC_PF && c->exc.cr2 == MISSING) {
        return GUEST_MORE;
    }
    return st == X86_FAULT || (st == X86_TRAP && !c->exc.is_soft) ? c->exc.vector : GUEST_DONE;
}
