/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel-syntax text of decoded instructions, as objdump -M intel spells it. */
#include "machine/guest/x86/insn.h"

#include <inttypes.h>

static const char *const names64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const names16[] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
static const char *const names8[] = {"al", "cl", "dl",  "bl",  "ah",  "ch",
                                     "dh", "bh", "spl", "bpl", "sil", "dil"};
static const char *const seg_names[] = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};

struct text {
    const struct x86_insn *in;
    const struct x86_row *row;
    uint32_t mode;
    uint64_t next; /* address of the next instruction */
    GString *out;
};

static void put_register(GString *out, unsigned r, unsigned size, bool rex)
{
    r &= 15;
    if (size == 1) {
        if (r >= 8) {
            g_string_append_printf(out, "r%ub", r);
        } else {
            g_string_append(out, names8[r >= 4 && rex ? r + 4 : r]);
        }
    } else if (size == 8) {
        g_string_append(out, names64[r]);
    } else if (r >= 8) {
        g_string_append_printf(out, "r%u%c", r, size == 4 ? 'd' : 'w');
    } else {
        g_string_append_printf(out, "%s%s", size == 4 ? "e" : "", names16[r]);
    }
}

static const char *pointer_of(unsigned size)
{
    switch (size) {
    case 1: return "BYTE PTR ";
    case 2: return "WORD PTR ";
    case 4: return "DWORD PTR ";
    case 6: return "FWORD PTR ";
    case 8: return "QWORD PTR ";
    case 10: return "TBYTE PTR ";
    case 16: return "XMMWORD PTR ";
    default: return "";
    }
}

static void put_hex(GString *out, int64_t v, bool with_sign)
{
    if (with_sign) {
        g_string_append_printf(out, "%c0x%" PRIx64, v < 0 ? '-' : '+',
                               v < 0 ? -(uint64_t)v : (uint64_t)v);
    } else {
        g_string_append_printf(out, "0x%" PRIx64, (uint64_t)v);
    }
}

static void put_memory(const struct text *t, unsigned size)
{
    const struct x86_insn *in = t->in;
    bool none = in->base == X86_NO_REG && in->index == X86_NO_REG;

    g_string_append(t->out, pointer_of(size));
    if ((in->flags & INSN_SEG) || none) {
        g_string_append_printf(t->out, "%s:", seg_names[in->seg & 7]);
    }
    if (none) {
        put_hex(t->out,
                in->asize == 8   ? (int64_t)in->disp
                : in->asize == 4 ? (int64_t)(uint32_t)in->disp
                                 : (uint16_t)in->disp,
                false);
        return;
    }
    g_string_append_c(t->out, '[');
    if (in->base == X86_RIP) {
        g_string_append(t->out, in->asize == 8 ? "rip" : "eip");
    } else if (in->base != X86_NO_REG) {
        put_register(t->out, in->base, in->asize, true);
    }
    if (in->index != X86_NO_REG) {
        if (in->base != X86_NO_REG) {
            g_string_append_c(t->out, '+');
        }
        put_register(t->out, in->index, in->asize, true);
        if (in->asize != 2) {
            g_string_append_printf(t->out, "*%u", 1u << in->scale);
        }
    }
    if (in->disp || in->base == X86_RIP || (in->modrm >> 6 && in->modrm >> 6 != 3) ||
        in->base == X86_NO_REG) {
        put_hex(t->out, in->disp, true);
    }
    g_string_append_c(t->out, ']');
}

/* Size of a ModRM operand, 0 where it has none. */
static unsigned operand_size(const struct text *t, enum x86_operand o)
{
    switch (o) {
    case OPD_Eb:
    case OPD_Gb:
    case OPD_Mb:
    case OPD_Wb: return 1;
    case OPD_Ew:
    case OPD_Gw:
    case OPD_Mw:
    case OPD_Ww: return 2;
    case OPD_Ed:
    case OPD_Gd:
    case OPD_Md:
    case OPD_Qd:
    case OPD_Wd: return 4;
    case OPD_Eq:
    case OPD_Mq:
    case OPD_Qq:
    case OPD_Nq:
    case OPD_Wq: return 8;
    case OPD_Mdq:
    case OPD_Wx:
    case OPD_Ux: return 16;
    case OPD_Mt: return 10;
    case OPD_Mp: return t->in->osize + 2;
    case OPD_Ev:
    case OPD_Gv:
    case OPD_Ey:
    case OPD_Gy:
    case OPD_Mv:
    case OPD_My:
    case OPD_By:
    case OPD_Zv: return t->in->osize;
    default: return 0;
    }
}

static void put_rm(const struct text *t, enum x86_operand o)
{
    const struct x86_insn *in = t->in;

    if (in->flags & INSN_MEM) {
        put_memory(t, operand_size(t, o));
        return;
    }
    switch (o) {
    case OPD_Qd:
    case OPD_Qq:
    case OPD_Nq: g_string_append_printf(t->out, "mm%u", in->rm & 7); break;
    case OPD_Wb:
    case OPD_Ww:
    case OPD_Wd:
    case OPD_Wq:
    case OPD_Wx:
    case OPD_Ux: g_string_append_printf(t->out, "xmm%u", in->rm); break;
    default: put_register(t->out, in->rm, operand_size(t, o), in->flags & INSN_REX); break;
    }
}

static void put_immediate(const struct text *t, enum x86_operand o)
{
    int64_t v = t->in->imm;
    unsigned size = t->in->osize;

    if (o == OPD_Ib && t->in->opcode == 0xc8) {
        v = t->in->imm2;
    }
    v = size == 8 || o == OPD_Ib || o == OPD_Iw ? v
        : size == 4                             ? (int64_t)(uint32_t)v
        : size == 2                             ? (uint16_t)v
                                                : (uint8_t)v;
    put_hex(t->out, v, false);
}

static void put_string(const struct text *t, enum x86_operand o)
{
    bool is_source = o == OPD_Xb || o == OPD_Xv;

    g_string_append(t->out, pointer_of(t->in->osize));
    g_string_append_printf(t->out, "%s:[", is_source ? seg_names[t->in->seg] : "es");
    put_register(t->out, is_source ? (t->in->opcode == 0xd7 ? 3 : 6) : 7, t->in->asize, true);
    g_string_append_c(t->out, ']');
}

static void put_target(const struct text *t)
{
    uint64_t v = t->next + t->in->imm;

    put_hex(t->out, t->in->osize == 8 ? v : t->in->osize == 4 ? (uint32_t)v : (uint16_t)v, false);
}

static void put_moffs(const struct text *t)
{
    g_string_append_printf(t->out, "%s:0x%" PRIx64, seg_names[t->in->seg], (uint64_t)t->in->imm);
}

static void put_operand(const struct text *t, enum x86_operand o)
{
    static const char *const fixed[] = {
        [OPD_AL] = "al", [OPD_CL] = "cl",  [OPD_AX] = "ax",    [OPD_DX] = "dx", [OPD_ONE] = "1",
        [OPD_ES] = "es", [OPD_CS] = "cs",  [OPD_SS] = "ss",    [OPD_DS] = "ds", [OPD_FS] = "fs",
        [OPD_GS] = "gs", [OPD_ST0] = "st", [OPD_XMM0] = "xmm0"};
    const struct x86_insn *in = t->in;

    if (o < G_N_ELEMENTS(fixed) && fixed[o]) {
        g_string_append(t->out, fixed[o]);
        return;
    }
    switch (o) {
    case OPD_Gb:
    case OPD_Gw:
    case OPD_Gd:
    case OPD_Gv:
    case OPD_Gy: put_register(t->out, in->reg, operand_size(t, o), in->flags & INSN_REX); break;
    case OPD_Zb: put_register(t->out, in->reg, 1, in->flags & INSN_REX); break;
    case OPD_Zv: put_register(t->out, in->reg, in->osize, true); break;
    case OPD_By: put_register(t->out, in->vvvv, in->osize, true); break;
    case OPD_rAX: put_register(t->out, 0, in->osize, true); break;
    case OPD_Ib:
    case OPD_sIb:
    case OPD_Iw:
    case OPD_Iz:
    case OPD_Iv: put_immediate(t, o); break;
    case OPD_Jb:
    case OPD_Jz: put_target(t); break;
    case OPD_Ob:
    case OPD_Ov: put_moffs(t); break;
    case OPD_Ap:
        g_string_append_printf(t->out, "0x%x:0x%" PRIx64, in->imm2, (uint64_t)in->imm);
        break;
    case OPD_Sw: g_string_append(t->out, seg_names[in->reg & 7]); break;
    case OPD_Cy: g_string_append_printf(t->out, "cr%u", in->reg); break;
    case OPD_Dy: g_string_append_printf(t->out, "db%u", in->reg); break;
    case OPD_Xb:
    case OPD_Xv:
    case OPD_Yb:
    case OPD_Yv: put_string(t, o); break;
    case OPD_Pq: g_string_append_printf(t->out, "mm%u", in->reg & 7); break;
    case OPD_Vx: g_string_append_printf(t->out, "xmm%u", in->reg); break;
    case OPD_STi: g_string_append_printf(t->out, "st(%u)", in->modrm & 7); break;
    default: put_rm(t, o); break;
    }
}

/* Mnemonics that name their operand size: by 16, 32 and 64 bits. */
static const struct spelling {
    const char *row, *by_size[3];
} spellings[] = {
    {"cbw", {"cbw", "cwde", "cdqe"}},        {"cwd", {"cwd", "cdq", "cqo"}},
    {"pushf", {"pushfw", "pushf", "pushf"}}, {"popf", {"popfw", "popf", "popf"}},
    {"iret", {"iretw", "iret", "iretq"}},    {"jrcxz", {"jcxz", "jecxz", "jrcxz"}},
};

/* MOV with a 64-bit immediate or a 64-bit absolute address. */
static bool takes_64_bits(const struct text *t)
{
    for (unsigned i = 0; i < 2; i++) {
        unsigned o = t->row->operand[i];

        if ((o == OPD_Iv && t->in->osize == 8) ||
            ((o == OPD_Ob || o == OPD_Ov) && t->in->asize == 8)) {
            return true;
        }
    }
    return false;
}

static const char *mnemonic(const struct text *t)
{
    unsigned size = t->in->osize;

    if (g_str_equal(t->row->name, "jrcxz")) {
        size = t->in->asize;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(spellings); i++) {
        if (g_str_equal(t->row->name, spellings[i].row)) {
            return spellings[i].by_size[size == 8 ? 2 : size == 4 ? 1 : 0];
        }
    }
    if (g_str_equal(t->row->name, "xchg") && t->in->opcode == 0x90 && t->in->reg == 0 &&
        t->row->map == MAP_1 && size != 2) {
        return "nop";
    }
    if (g_str_equal(t->row->name, "mov") && takes_64_bits(t)) {
        return "movabs";
    }
    return t->row->name;
}

static void put_prefixes(const struct text *t)
{
    bool compares = t->in->opcode == 0xa6 || t->in->opcode == 0xa7 || t->in->opcode == 0xae ||
                    t->in->opcode == 0xaf;

    if (t->in->flags & INSN_LOCK) {
        g_string_append(t->out, "lock ");
    }
    if (t->row->flags & ROW_REPS) {
        if (t->in->flags & INSN_REPNE) {
            g_string_append(t->out, "repnz ");
        } else if (t->in->flags & INSN_REP) {
            g_string_append(t->out, compares ? "repz " : "rep ");
        }
    }
}

void x86_disassemble(const struct x86_decoder *decoder, uint32_t mode, const struct x86_insn *in,
                     uint64_t pc, GString *out)
{
    struct text t = {.in = in,
                     .row = x86_decoder_row(decoder, in->row),
                     .mode = mode,
                     .next = pc + in->len,
                     .out = out};

    if (!t.row) {
        g_string_append(out, "(bad)");
        return;
    }
    const char *name = mnemonic(&t);

    put_prefixes(&t);
    g_string_append(out, name);
    if (g_str_equal(name, "nop") && t.row->map == MAP_1) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(t.row->operand) && t.row->operand[i]; i++) {
        g_string_append_c(out, i ? ',' : ' ');
        put_operand(&t, t.row->operand[i]);
    }
}
