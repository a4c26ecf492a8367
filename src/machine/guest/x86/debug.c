/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug exceptions: breakpoints on code and ports, single steps. Intel SDM volume 3, chapter 17. */
#include "machine/guest/x86/exception.h"

#define DR6_BS (1u << 14)

enum { BREAK_CODE = 0, BREAK_PORT = 2 }; /* R/W field of DR7 */

static bool is_enabled(const struct x86_cpu *c, unsigned i, unsigned kind)
{
    return (c->dr[7] >> (i * 2) & 3) && (c->dr[7] >> (16 + i * 4) & 3) == kind;
}

enum x86_status x86_check_breakpoint(struct x86_cpu *c)
{
    uint64_t linear = c->mode & MODE_CODE64 ? c->rip : (uint32_t)(c->seg[SEG_CS].base + c->rip);
    uint32_t hits = 0;

    if (c->rflags & FLAG_RF) {
        return X86_OK;
    }
    for (unsigned i = 0; i < 4; i++) {
        if (is_enabled(c, i, BREAK_CODE) && c->dr[i] == linear) {
            hits |= 1u << i;
        }
    }
    if (!hits) {
        return X86_OK;
    }
    x86_raise_debug(c, hits);
    return X86_FAULT;
}

enum x86_status x86_debug_trap(struct x86_cpu *c, bool stepped)
{
    uint32_t dr6 = c->debug_hit | (stepped ? DR6_BS : 0);

    c->debug_hit = 0;
    return dr6 ? x86_raise_debug(c, dr6) : X86_OK;
}

void x86_note_port(struct x86_cpu *c, uint16_t port, unsigned size)
{
    static const uint8_t length[4] = {1, 2, 8, 4};

    if (!(c->cr4 & CR4_DE)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned len = length[c->dr[7] >> (18 + i * 4) & 3];
        uint64_t start = c->dr[i] & ~(uint64_t)(len - 1);

        if (is_enabled(c, i, BREAK_PORT) && port < start + len && start < (uint64_t)port + size) {
            c->debug_hit |= 1u << i;
            c->code_changed = true;
        }
    }
}
