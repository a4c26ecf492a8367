/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IN OUT, CPUID, RDRAND RDSEED, and what does nothing here: NOP, hints, fences, cache lines. */
#include "machine/guest/x86/integer/integer.h"

#include "base/fence.h"
#include "machine/guest/x86/operand.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"

static enum x86_status port_in(struct x86_cpu *c, uint16_t port, unsigned size)
{
    uint32_t v;
    enum x86_status st = x86_check_ports(c, port, size);

    if (st == X86_OK) {
        c->cpu.upcalls->port_read(&c->cpu, port, size, &v);
        operand_set_wide(c, RAX, size, v & operand_mask(size));
        x86_note_port(c, port, size);
    }
    return st;
}

static enum x86_status port_out(struct x86_cpu *c, uint16_t port, unsigned size)
{
    enum x86_status st = x86_check_ports(c, port, size);

    if (st == X86_OK) {
        c->cpu.upcalls->port_write(&c->cpu, port, c->gpr[RAX] & operand_mask(size), size);
        x86_note_port(c, port, size);
    }
    return st;
}

static unsigned port_size(const struct x86_insn *in)
{
    return in->osize == 8 ? 4 : in->osize;
}

X86_INSN(insn_in_i)
{
    return port_in(c, (uint8_t)in->imm, port_size(in));
}

X86_INSN(insn_in_dx)
{
    return port_in(c, c->gpr[RDX], port_size(in));
}

X86_INSN(insn_out_i)
{
    return port_out(c, (uint8_t)in->imm, port_size(in));
}

X86_INSN(insn_out_dx)
{
    return port_out(c, c->gpr[RDX], port_size(in));
}

X86_INSN(insn_cpuid)
{
    uint32_t r[4];

    x86_cpuid(c, c->gpr[RAX], c->gpr[RCX], r);
    c->gpr[RAX] = r[0];
    c->gpr[RBX] = r[1];
    c->gpr[RCX] = r[2];
    c->gpr[RDX] = r[3];
    return X86_OK;
}

X86_INSN(insn_rdrand)
{
    operand_set_wide(c, in->rm, in->osize,
                     c->cpu.upcalls->random(&c->cpu) & operand_mask(in->osize));
    x86_flags_set(c, FLAG_CF);
    return X86_OK;
}

/* The others' turn, where vCPUs take turns: the loop around this one changes nothing meanwhile. */
X86_INSN(insn_pause)
{
    if (!c->cpu.takes_turns) {
        return X86_OK;
    }
    c->cpu.yields = true;
    __atomic_store_n(&c->cpu.exit_request, 1, __ATOMIC_RELAXED);
    return X86_END;
}

X86_INSN(insn_nop)
{
    return X86_OK;
}

X86_INSN(insn_fence)
{
    fence_full();
    return X86_OK;
}

/* CLFLUSH and its like touch nothing here, but fault as a byte's read does. */
X86_INSN(insn_clflush)
{
    uint64_t v;

    return operand_load(c, in, 1, &v);
}
