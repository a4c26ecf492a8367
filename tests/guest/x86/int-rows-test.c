/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every integer row beside the host's own CPU (x86-64 hosts): TRIALS random encodings of each row
 * with random registers, flags and memory run natively and in the interpreter, and registers,
 * flags (less those the row leaves undefined), memory and exceptions must agree. A row that cannot
 * run natively names a directed test; one that names none that exists fails. VIV_SEED repeats a
 * run.
 */
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flagless.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/icache.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"
#include "rig.h"
#include "tests/guest/x86/native.h"

#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>

#define TRIALS    1000
#define CODE      0x8000
#define DATA_PHYS 0x800000

struct bench {
    struct rig *rig;
    struct native *native;
    uint64_t seed;
};

static uint64_t next(struct bench *b)
{
    b->seed ^= b->seed << 13;
    b->seed ^= b->seed >> 7;
    b->seed ^= b->seed << 17;
    return b->seed * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(struct bench *b, unsigned n)
{
    return (next(b) >> 32) % n;
}

/* Values near the edges are as likely as any. */
static uint64_t value(struct bench *b)
{
    static const uint64_t edge[] = {
        0,      1,          2,          0x7f,       0x80,      0xff,       0x7fff,     0x8000,
        0xffff, 0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, 1ULL << 63, UINT64_MAX, 0x100000000};
    uint64_t v = next(b);

    switch (below(b, 4)) {
    case 0: return edge[below(b, G_N_ELEMENTS(edge))];
    case 1: return v >> below(b, 64);
    case 2: return (int64_t)v >> below(b, 64);
    default: return v;
    }
}

/* One encoding with its state. */
struct trial {
    uint8_t code[24];
    unsigned len;
    struct native_state state;
    uint8_t data[NATIVE_DATA_SIZE];
    bool lock, rex_w, p66, memory;
    unsigned base, reg;
    unsigned avoid; /* not a base: its value matters */
};

static bool uses(const struct x86_row *row, enum x86_operand o)
{
    for (unsigned i = 0; i < 4; i++) {
        if (row->operand[i] == o) {
            return true;
        }
    }
    return false;
}

static bool has_modrm(const struct x86_row *row)
{
    static const enum x86_operand with[] = {OPD_Eb, OPD_Ew, OPD_Ed, OPD_Ev, OPD_Ey,
                                            OPD_Gb, OPD_Gd, OPD_Gv, OPD_Gy, OPD_M,
                                            OPD_Mb, OPD_Mq, OPD_Mv, OPD_My, OPD_Mdq};

    for (unsigned i = 0; i < G_N_ELEMENTS(with); i++) {
        if (uses(row, with[i])) {
            return true;
        }
    }
    return row->ext != X86_ANY_EXT || (row->flags & (ROW_MEM | ROW_REG));
}

static bool is_string(const struct x86_row *row)
{
    return row->flags & ROW_REPS;
}

static void put(struct trial *t, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        t->code[t->len++] = v >> 8 * i;
    }
}

/* Operand size of the trial for immediates and data. */
static unsigned trial_size(const struct x86_row *row, const struct trial *t)
{
    if (row->flags & ROW_BYTE) {
        return 1;
    }
    return t->rex_w ? 8 : t->p66 ? 2 : (row->flags & ROW_DEF64) ? 8 : 4;
}

/* A register number that is not the stack pointer in any of its names. */
static unsigned any_register(struct bench *b)
{
    unsigned r = below(b, 16);

    return r == RSP ? RAX : r;
}

static bool is_vex(const struct x86_row *row)
{
    return row->map >= MAP_VEX_0F;
}

/* Legacy prefixes, REX or VEX, and the opcode. `rex`: R, X and B bits. */
static void put_opcode(struct bench *b, const struct x86_row *row, struct trial *t, unsigned rex,
                       unsigned opcode, unsigned vvvv)
{
    static const uint8_t mandatory[] = {[PFX_F3] = 0xf3, [PFX_F2] = 0xf2};

    if (is_vex(row)) {
        unsigned pp = row->prefix == PFX_66   ? 1
                      : row->prefix == PFX_F3 ? 2
                      : row->prefix == PFX_F2 ? 3
                                              : 0;

        put(t, 0xc4, 1);
        put(t, (~(rex << 5) & 0xe0) | (row->map - MAP_VEX_0F + 1), 1);
        put(t, (t->rex_w ? 0x80 : 0) | (~vvvv & 15) << 3 | pp, 1);
        put(t, opcode, 1);
        return;
    }
    if (t->lock) {
        put(t, 0xf0, 1);
    }
    if (t->p66 || row->prefix == PFX_66) {
        put(t, 0x66, 1);
    }
    if (row->prefix >= PFX_F3) {
        put(t, mandatory[row->prefix], 1);
    } else if (is_string(row) && below(b, 2)) {
        put(t, below(b, 2) ? 0xf3 : 0xf2, 1);
    }
    if (rex || t->rex_w || below(b, 4) == 0) {
        put(t, 0x40 | (t->rex_w ? 8 : 0) | rex, 1);
    }
    if (row->map != MAP_1) {
        put(t, 0x0f, 1);
    }
    if (row->map == MAP_0F38 || row->map == MAP_0F3A) {
        put(t, row->map == MAP_0F38 ? 0x38 : 0x3a, 1);
    }
    put(t, opcode, 1);
}

/* Offset in the data page that memory operands have; room for bit offsets on both sides. */
static unsigned data_offset(struct bench *b, const struct x86_row *row)
{
    unsigned off = 1600 + below(b, 800);

    return uses(row, OPD_Mdq) && below(b, 8) ? off & ~15u : off;
}

/* Puts ModRM, SIB and displacement behind the opcode that is yet to come: returns REX bits. */
struct address {
    unsigned rex;
    uint8_t bytes[6];
    unsigned len;
};

static void choose_memory(struct bench *b, const struct x86_row *row, struct trial *t,
                          struct address *a, unsigned reg)
{
    unsigned base = any_register(b), index = any_register(b), scale = below(b, 4);

    while (base == t->avoid) {
        base = any_register(b);
    }
    uint64_t where = NATIVE_DATA + data_offset(b, row);
    int32_t disp = (int32_t)next(b) >> below(b, 24);
    bool indexed = below(b, 2) && index != base;

    t->memory = true;
    t->base = base;
    if (indexed) {
        where -= t->state.gpr[index] << scale;
    }
    t->state.gpr[base] = where - disp;
    a->rex = (reg >> 3) << 2 | (indexed ? (index >> 3) << 1 : 0) | base >> 3;
    a->len = 0;
    a->bytes[a->len++] = 0x80 | (reg & 7) << 3 | (indexed || (base & 7) == RSP ? 4 : base & 7);
    if (indexed || (base & 7) == RSP) {
        a->bytes[a->len++] =
            (indexed ? scale << 6 : 0) | (indexed ? index & 7 : 4) << 3 | (base & 7);
    }
    memcpy(a->bytes + a->len, &disp, 4);
    a->len += 4;
}

static bool is_register_bit_test(const struct x86_row *row)
{
    return row->map == MAP_0F && (row->opcode & 0xe7) == 0xa3;
}

static void choose_operands(struct bench *b, const struct x86_row *row, struct trial *t,
                            struct address *a)
{
    unsigned reg = row->ext != X86_ANY_EXT ? (unsigned)row->ext : any_register(b);
    unsigned rm = any_register(b);

    if (is_register_bit_test(row)) {
        /* Keep the bit inside the page. */
        t->state.gpr[reg] = (int64_t)below(b, 8192) - 4096;
        t->avoid = reg;
    } else if (uses(row, OPD_CL) && t->p66 && row->map == MAP_0F) {
        t->state.gpr[RCX] = below(b, 17); /* more is undefined */
        t->avoid = RCX;
    }
    if ((row->flags & ROW_MEM) || (!(row->flags & ROW_REG) && below(b, 2))) {
        choose_memory(b, row, t, a, reg);
        t->lock = (row->flags & ROW_LOCK) && below(b, 2);
    } else {
        if ((row->flags & ROW_REG) && row->rm != X86_ANY_EXT) {
            rm = row->rm;
        }
        *a = (struct address){.rex = (reg >> 3) << 2 | rm >> 3, .len = 1};
        a->bytes[0] = 0xc0 | (reg & 7) << 3 | (rm & 7);
    }
    t->reg = reg;
}

/* State that makes the interesting cases of some instructions likely. */
static void prepare_state(struct bench *b, const struct x86_row *row, struct trial *t)
{
    uint64_t *r = t->state.gpr;

    if (is_string(row)) {
        r[RSI] = NATIVE_DATA + 512 + below(b, 512);
        r[RDI] = NATIVE_DATA + 2048 + below(b, 1024);
        r[RCX] = below(b, 24);
        if (below(b, 2)) {
            memset(t->data + 512, 0x55, 3000);
            r[RAX] = UINT64_C(0x5555555555555555);
        }
    } else if (g_str_equal(row->name, "xlat")) {
        r[RBX] = NATIVE_DATA + below(b, 2048);
    } else if (g_str_has_suffix(row->name, "div") && below(b, 2)) {
        r[RDX] = g_str_equal(row->name, "div") || (int64_t)r[RAX] >= 0 ? 0 : UINT64_MAX;
        r[RAX] = row->flags & ROW_BYTE ? (uint8_t)r[RAX] : r[RAX];
    } else if (g_str_has_prefix(row->name, "cmpxchg") && below(b, 2)) {
        memset(t->data, (uint8_t)r[RBX], sizeof(t->data));
        memset(&r[RAX], (uint8_t)r[RBX], 8);
        memset(&r[RDX], (uint8_t)r[RBX], 8);
    } else if (g_str_has_prefix(row->name, "sh") && uses(row, OPD_CL)) {
        r[RCX] = below(b, 40);
    }
}

static void put_immediates(struct bench *b, const struct x86_row *row, struct trial *t)
{
    unsigned size = trial_size(row, t);

    for (unsigned i = 0; i < 4; i++) {
        switch (row->operand[i]) {
        case OPD_Ib:
            if (size == 2 && (g_str_equal(row->name, "shld") || g_str_equal(row->name, "shrd"))) {
                put(t, below(b, 17), 1);
                break;
            }
            G_GNUC_FALLTHROUGH;
        case OPD_sIb: put(t, value(b), 1); break;
        case OPD_Iw: put(t, value(b), 2); break;
        case OPD_Iz: put(t, value(b), size == 2 ? 2 : 4); break;
        case OPD_Iv: put(t, value(b), size); break;
        case OPD_Ob:
        case OPD_Ov: put(t, NATIVE_DATA + below(b, 4000), 8); break;
        default: break;
        }
    }
}

static void make_trial(struct bench *b, const struct x86_row *row, struct trial *t)
{
    struct address a = {0};
    unsigned opcode = row->opcode + below(b, row->opcode_span + 1);
    bool sized = !(row->flags & (ROW_BYTE | ROW_NOP66)) && row->prefix != PFX_66 && !is_vex(row);

    t->len = 0;
    t->lock = t->memory = false;
    t->avoid = RSP;
    t->rex_w = (row->flags & ROW_W1) || (!(row->flags & (ROW_W0 | ROW_BYTE)) && below(b, 3) == 0);
    t->p66 = sized && row->prefix != PFX_NONE && below(b, 3) == 0;
    for (unsigned i = 0; i < 16; i++) {
        t->state.gpr[i] = value(b);
    }
    for (unsigned i = 0; i < NATIVE_DATA_SIZE; i += 8) {
        uint64_t v = value(b);

        memcpy(t->data + i, &v, 8);
    }
    t->state.flags = next(b) & FLAGS_ARITH;
    prepare_state(b, row, t);
    if (has_modrm(row)) {
        choose_operands(b, row, t, &a);
    } else if (uses(row, OPD_Zv) || uses(row, OPD_Zb)) {
        a.rex = below(b, 2);
        if (opcode % 8 == RSP && !a.rex) {
            opcode ^= 1;
        }
    }
    put_opcode(b, row, t, a.rex, opcode, any_register(b));
    if (is_vex(row) && !uses(row, OPD_By)) {
        t->code[2] |= 0x78;
    }
    for (unsigned i = 0; i < a.len; i++) {
        put(t, a.bytes[i], 1);
    }
    put_immediates(b, row, t);
}

static unsigned signal_of(const struct x86_cpu *c)
{
    switch (c->exc.vector) {
    case VEC_DE: return SIGFPE;
    case VEC_UD: return SIGILL;
    default: return SIGSEGV;
    }
}

/* Runs the trial in the interpreter. Returns the signal its exception would be. */
static int run_here(struct bench *b, const struct trial *t, struct native_state *state,
                    uint8_t *data)
{
    struct rig *rig = b->rig;
    struct x86_cpu *c = rig->c;
    struct x86_block *block;

    rig_load(rig, CODE, t->code, t->len);
    ram_wrote(rig->ram, CODE, t->len);
    memcpy(rig->ram->host + DATA_PHYS, t->data, NATIVE_DATA_SIZE);
    memcpy(c->gpr, t->state.gpr, sizeof(c->gpr));
    c->rip = CODE;
    x86_flags_set(c, t->state.flags);
    c->code_changed = false;
    g_assert_cmpint(x86_icache_lookup(c, &block), ==, X86_OK);

    /* What stands behind it from an earlier trial must not make its flags dead. */
    enum x86_status st = x86_flagless_exact(c, &block->insn[0])(c, &block->insn[0]);

    memcpy(state->gpr, c->gpr, sizeof(c->gpr));
    state->flags = x86_flags_get(c);
    memcpy(data, rig->ram->host + DATA_PHYS, NATIVE_DATA_SIZE);
    if (st != X86_FAULT && block->insn[0].len != t->len) {
        return -1;
    }
    return st == X86_FAULT ? (int)signal_of(c) : 0;
}

static void explain(struct bench *b, const struct x86_row *row, const struct trial *t,
                    const struct native_state *want, const struct native_state *got)
{
    g_autoptr(GString) code = g_string_new(NULL);
    struct x86_insn in;

    for (unsigned i = 0; i < t->len; i++) {
        g_string_append_printf(code, "%02x ", t->code[i]);
    }
    x86_decode(b->rig->decoder, MODE_CODE64 | MODE_PROT, t->code, t->len, &in);
    x86_disassemble(b->rig->decoder, MODE_CODE64, &in, CODE, code);
    g_test_message("%s: %s; flags in %" PRIx64 " native %" PRIx64 " here %" PRIx64, row->name,
                   code->str, t->state.flags, want->flags, got->flags);
    for (unsigned i = 0; i < 16; i++) {
        g_test_message("  %2u in %016" PRIx64 " native %016" PRIx64 " here %016" PRIx64 "%s", i,
                       t->state.gpr[i], want->gpr[i], got->gpr[i],
                       want->gpr[i] != got->gpr[i] && i != RSP ? " <" : "");
    }
}

static bool same(const struct x86_row *row, const struct native_state *want,
                 const struct native_state *got, bool faulted)
{
    uint64_t mask = FLAGS_ARITH & ~(uint64_t)row->flags_undefined;

    for (unsigned i = 0; i < 16; i++) {
        if (i != RSP && want->gpr[i] != got->gpr[i]) {
            return false;
        }
    }
    return faulted || (want->flags & mask) == (got->flags & mask);
}

/* FALSE: a difference, which has been explained. */
static bool try_one(struct bench *b, const struct x86_row *row, struct trial *t)
{
    struct native_state want, got;
    uint8_t data[NATIVE_DATA_SIZE];
    int native_signal, signal_here;

    make_trial(b, row, t);
    want = got = t->state;
    memcpy(native_data(b->native), t->data, NATIVE_DATA_SIZE);
    native_signal = native_run(b->native, t->code, t->len, &want);
    native_signal = native_signal == SIGBUS ? SIGSEGV : native_signal; /* #SS */
    want.gpr[RSP] = t->state.gpr[RSP];
    signal_here = run_here(b, t, &got, data);
    if (native_signal == signal_here && same(row, &want, &got, native_signal != 0) &&
        (native_signal || memcmp(data, native_data(b->native), NATIVE_DATA_SIZE) == 0)) {
        return true;
    }
    g_test_message("signal: native %d here %d; memory %s", native_signal, signal_here,
                   memcmp(data, native_data(b->native), NATIVE_DATA_SIZE) ? "differs" : "same");
    explain(b, row, t, &want, &got);
    return false;
}

static bool host_has(unsigned feature)
{
    unsigned a, ebx, ecx, edx, word[FW_COUNT] = {0};

    __cpuid(1, a, ebx, ecx, edx);
    word[FW_1_EDX] = edx;
    word[FW_1_ECX] = ecx;
    __cpuid_count(7, 0, a, ebx, ecx, edx);
    word[FW_7_0_EBX] = ebx;
    word[FW_7_0_ECX] = ecx;
    __cpuid(0x80000001, a, ebx, ecx, edx);
    word[FW_8000_0001_EDX] = edx;
    word[FW_8000_0001_ECX] = ecx;
    return !feature || (word[feature / 32] >> feature % 32 & 1);
}

/* Directed tests: where rows that do not run here are tested (interp-test.c). */
static const char *const directed[] = {"bcd",    "bound",      "cpuid",    "far",
                                       "flow",   "interrupts", "legacy",   "ports",
                                       "random", "stack",      "segments", "undefined"};

static bool is_directed(const struct x86_row *row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(directed); i++) {
        if (row->directed && g_str_equal(row->directed, directed[i])) {
            return true;
        }
    }
    return false;
}

/* What may not run inside the test's process. */
static bool is_testable(const struct x86_row *row)
{
    return !(row->flags & (ROW_UNTESTABLE | ROW_NO64 | ROW_CPL0)) && !row->directed;
}

static void map_data(struct rig *rig)
{
    uint64_t entry = DATA_PHYS | 0x87;

    rig_enter(rig, 64, CODE, 0x7000);
    rig_load(rig, 0x3000 + (NATIVE_DATA >> 21) * 8, &entry, 8);
    rig->c->seg[SEG_SS].attr |= 3u << SEG_DPL_SHIFT;
    rig->c->seg[SEG_CS].attr |= 3u << SEG_DPL_SHIFT;
    x86_update_mode(rig->c);
}

static void all_rows(void)
{
    struct bench b = {.rig = rig_new(), .native = native_new()};
    struct trial *t = g_new0(struct trial, 1);
    const char *seed = g_getenv("VIV_SEED");
    unsigned failed = 0, ran = 0, lacking = 0, named = 0;

    b.seed = seed ? g_ascii_strtoull(seed, NULL, 0) : (g_random_int() | 1);
    g_test_message("VIV_SEED=%" PRIu64, b.seed);
    map_data(b.rig);
    for (unsigned i = 0; i < x86_rows_int.n; i++) {
        const struct x86_row *row = &x86_rows_int.rows[i];

        if (!is_testable(row)) {
            if (!is_directed(row)) {
                g_test_message("%s (%02x): neither run nor directed", row->name, row->opcode);
                failed++;
            }
            named++;
            continue;
        }
        if (!host_has(row->feature)) {
            lacking++;
            continue;
        }
        ran++;
        for (unsigned n = 0; n < TRIALS; n++) {
            if (!try_one(&b, row, t)) {
                failed++;
                break;
            }
        }
    }
    g_test_message("%u rows beside the CPU, %u directed, %u the host lacks", ran, named, lacking);
    native_free(b.native);
    rig_free(b.rig);
    g_free(t);
    g_assert_cmpuint(failed, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/rows/integer", all_rows);
    return g_test_run();
}
