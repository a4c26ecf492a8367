/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translated code does what interpreted code does: the same bytes on both, whose whole state and
 * memory must agree at the end, wherever that is.
 */
#include "jit-faults.h"
#include "machine/accel/accel.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/saved.h"
#include "machine/guest/x86/segment.h"
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAMS       400
#define CHECKED        100
#define FAULT_PROGRAMS 200 /* within which each deliberate fault has to be found */

/* How the translated one is run. */
struct how {
    bool one_insn;
    unsigned turn; /* instructions a turn; 0: all at once */
    unsigned user; /* privilege of the code: 0 or 3 */
};

enum {
    GDT = 0x5000,
    IDT = 0x6000,
    TSS = 0x7000,
    HANDLER = 0x8000,
    CODE = 0x10000,
    CODE_SIZE = 0x2000,
    DATA = 0x20000,
    STACK = 0x40000,
    REACHED = 0x200000,
    TABLES = 0xf00000,
};

static uint32_t first_seed(void)
{
    const char *given = g_getenv("VIV_TEST_SEED");

    return given ? strtoul(given, NULL, 0) : 1;
}

static const char *difference(struct rig *a, struct rig *b)
{
    static char text[200];
    g_autoptr(GByteArray) sa = g_byte_array_new(), sb = g_byte_array_new();

    if (a->c->rip != b->c->rip || a->c->cpu.insns != b->c->cpu.insns) {
        g_snprintf(text, sizeof(text), "rip %#lx after %lu, translated %#lx after %lu", a->c->rip,
                   a->c->cpu.insns, b->c->rip, b->c->cpu.insns);
        return text;
    }
    for (unsigned i = 0; i < 16; i++) {
        if (a->c->gpr[i] != b->c->gpr[i]) {
            g_snprintf(text, sizeof(text), "register %u %#lx, translated %#lx", i, a->c->gpr[i],
                       b->c->gpr[i]);
            return text;
        }
    }
    if (x86_rflags(a->c) != x86_rflags(b->c)) {
        g_snprintf(text, sizeof(text), "flags %#lx, translated %#lx", x86_rflags(a->c),
                   x86_rflags(b->c));
        return text;
    }
    x86_save(a->c, sa);
    x86_save(b->c, sb);
    if (sa->len != sb->len || memcmp(sa->data, sb->data, sa->len) != 0) {
        g_snprintf(text, sizeof(text), "cr2 %#lx, translated %#lx, or another register", a->c->cr2,
                   b->c->cr2);
        return text;
    }
    for (gpa at = 0; at < REACHED; at += 8) {
        if (ram_ld64(a->ram->host + at) != ram_ld64(b->ram->host + at)) {
            g_snprintf(text, sizeof(text), "memory at %#lx: %#lx, translated %#lx", at,
                       ram_ld64(a->ram->host + at), ram_ld64(b->ram->host + at));
            return text;
        }
    }
    return NULL;
}

static enum accel_exit run(struct rig *r, uint64_t most, unsigned turn)
{
    enum accel_exit why = ACCEL_EXIT_BUDGET;

    for (uint64_t left = most, n; left > 0 && why == ACCEL_EXIT_BUDGET; left -= n) {
        n = turn && turn < left ? turn : left;
        why = rig_run(r, n);
    }
    return why;
}

static bool agree(struct rig *interpreted, struct rig *translated, uint64_t most, unsigned turn,
                  uint32_t seed)
{
    enum accel_exit a = run(interpreted, most, 0), b = run(translated, most, turn);
    const char *what = difference(interpreted, translated);

    if (a != b || what) {
        g_test_message("seed %u: exits %d and %d; %s", seed, a, b, what ? what : "same state");
        g_test_fail();
        return false;
    }
    return true;
}

static void put64(struct rig *r, gpa at, uint64_t v)
{
    rig_load(r, at, &v, 8);
}

/* Page tables that the code cannot reach: what a TLB still holds of changed ones is nobody's
 * promise. */
static void make_tables(struct rig *r)
{
    put64(r, TABLES, (TABLES + 0x1000) | 7);
    put64(r, TABLES + 0x1000, (TABLES + 0x2000) | 7);
    put64(r, TABLES + 0x2000, 0xe7);
    r->c->cr3 = TABLES;
    tlb_flush(&r->c->cpu.tlb);
}

/*
 * Every exception goes on elsewhere in the code: a counter in memory, multiplied and masked, says
 * where. On a stack of its own (IST 1), because the code's may be anywhere.
 */
static void make_handlers(struct rig *r, const struct how *how)
{
    static const uint8_t handler[] = {
        0x50,                                           /* push rax */
        0x48, 0x8b, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, /* mov rax, [9000h] */
        0x48, 0xff, 0xc0,                               /* inc rax */
        0x48, 0x89, 0x04, 0x25, 0x00, 0x90, 0x00, 0x00, /* mov [9000h], rax */
        0x48, 0x69, 0xc0, 0x35, 0x4e, 0x5a, 0x01,       /* imul rax, rax, 15A4E35h */
        0x48, 0xc1, 0xe8, 0x08,                         /* shr rax, 8 */
        0x25, 0xff, 0x1f, 0x00, 0x00,                   /* and eax, 1FFFh */
        0x05, 0x00, 0x00, 0x01, 0x00,                   /* add eax, CODE */
        0x48, 0x89, 0x04, 0x25, 0x08, 0x90, 0x00, 0x00, /* mov [9008h], rax */
        0x58,                                           /* pop rax */
        0x48, 0x8b, 0x24, 0x25, 0x10, 0x90, 0x00, 0x00, /* mov rsp, [9010h] */
        0xff, 0x34, 0x25, 0x18, 0x90, 0x00, 0x00,       /* push qword [9018h]: ss */
        0xff, 0x34, 0x25, 0x20, 0x90, 0x00, 0x00,       /* push qword [9020h]: rsp */
        0x68, 0x02, 0x00, 0x00, 0x00,                   /* push 2: flags */
        0xff, 0x34, 0x25, 0x28, 0x90, 0x00, 0x00,       /* push qword [9028h]: cs */
        0xff, 0x34, 0x25, 0x08, 0x90, 0x00, 0x00,       /* push qword [9008h] */
        0x48, 0xcf,                                     /* iretq */
    };
    bool user = how->user == 3;

    for (unsigned i = 0; i < 256; i++) {
        put64(r, IDT + i * 16, (uint64_t)HANDLER | 8 << 16 | UINT64_C(0xee01) << 32);
        put64(r, IDT + i * 16 + 8, 0);
    }
    put64(r, GDT + 8, 0x00af9b000000ffff);  /* 64-bit code */
    put64(r, GDT + 16, 0x00cf93000000ffff); /* data */
    put64(r, GDT + 24, 0x00affb000000ffff); /* the same for privilege 3 */
    put64(r, GDT + 32, 0x00cff3000000ffff);
    put64(r, TSS + 4, STACK + 0x2000);
    put64(r, TSS + 36, STACK + 0x3000);
    rig_load(r, HANDLER, handler, sizeof(handler));
    put64(r, 0x9010, STACK + 0x4000);
    put64(r, 0x9018, user ? 35 : 16);
    put64(r, 0x9020, STACK + 0x800);
    put64(r, 0x9028, user ? 27 : 8);
    r->c->gdtr = (struct x86_table){GDT, 0x3f};
    r->c->idtr = (struct x86_table){IDT, 0xfff};
    r->c->tr = (struct x86_seg){.base = TSS, .limit = 0x67, .selector = 0x30, .attr = SEG_P | 0xb};
    if (user) {
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            r->c->seg[i].selector = i == SEG_CS ? 27 : 35;
            r->c->seg[i].attr |= 3 << SEG_DPL_SHIFT;
        }
        x86_update_mode(r->c);
    }
}

/* ---- code ---- */

static uint8_t byte(GRand *random)
{
    return g_rand_int(random);
}

static bool chance(GRand *random, unsigned one_in)
{
    return g_rand_int(random) % one_in == 0;
}

struct text {
    uint8_t bytes[CODE_SIZE + 32];
    unsigned n;
};

static void add(struct text *t, uint8_t v)
{
    t->bytes[t->n++] = v;
}

/* ModRM, SIB and displacement, with registers that hold addresses of data more often than not. */
static void add_modrm(struct text *t, GRand *random, int ext)
{
    static const uint8_t mod[] = {0xc0, 0xc0, 0xc0, 0x80, 0x40, 0x40, 0x00, 0x00};
    uint8_t m =
        mod[byte(random) & 7] | (ext >= 0 ? ext << 3 : byte(random) & 0x38) | (byte(random) & 7);

    add(t, m);
    if (m >> 6 != 3 && (m & 7) == 4) {
        add(t, byte(random));
    }
    if (m >> 6 == 1) {
        add(t, byte(random));
    } else if (m >> 6 == 2 || (m >> 6 == 0 && (m & 7) == 5)) {
        add(t, byte(random));
        add(t, byte(random) & 3);
        add(t, 0);
        add(t, 0);
    }
}

static void add_prefixes(struct text *t, GRand *random)
{
    if (chance(random, 8)) {
        add(t, 0x66);
    }
    if (chance(random, 30)) {
        add(t, chance(random, 2) ? 0x64 : 0x65);
    }
    if (chance(random, 60)) {
        add(t, 0x67);
    }
    if (chance(random, 40)) {
        add(t, chance(random, 2) ? 0xf2 : 0xf3);
    }
    if (chance(random, 80)) {
        add(t, 0xf0);
    }
    if (!chance(random, 3)) {
        add(t, 0x40 | (byte(random) & (chance(random, 2) ? 15 : 8)));
    }
}

static bool has_modrm(const struct x86_row *row)
{
    if (row->flags & (ROW_MODRM | ROW_MEM | ROW_REG) || row->ext != X86_ANY_EXT) {
        return true;
    }
    for (unsigned i = 0; i < 4; i++) {
        uint8_t o = row->operand[i];

        if ((o >= OPD_Eb && o <= OPD_Gy) || (o >= OPD_M && o <= OPD_Mt) ||
            (o >= OPD_Pq && o <= OPD_Ux) || o == OPD_My) {
            return true;
        }
    }
    return false;
}

static void add_row(struct text *t, GRand *random, const struct x86_row *row)
{
    if ((row->flags & ROW_LOCK) && chance(random, 4)) {
        add(t, 0xf0);
    }
    add_prefixes(t, random);
    if (row->map != MAP_1) {
        add(t, 0x0f);
    }
    if (row->map == MAP_0F38 || row->map == MAP_0F3A) {
        add(t, row->map == MAP_0F38 ? 0x38 : 0x3a);
    }
    add(t, row->opcode + (row->opcode_span ? byte(random) % (row->opcode_span + 1) : 0));
    if (has_modrm(row)) {
        add_modrm(t, random, row->ext == X86_ANY_EXT ? -1 : row->ext);
    }
    for (unsigned i = 0; i < 4; i++) {
        switch (row->operand[i]) {
        case OPD_Ib:
        case OPD_sIb: add(t, byte(random)); break;
        case OPD_Jb: add(t, byte(random) & 0x9f); break;
        case OPD_Iw:
            add(t, byte(random) & 0x3f);
            add(t, 0);
            break;
        case OPD_Iz:
        case OPD_Iv:
            for (unsigned k = 0; k < 4; k++) {
                add(t, byte(random));
            }
            break;
        case OPD_Jz:
            add(t, byte(random));
            add(t, byte(random) & 7);
            add(t, 0);
            add(t, 0);
            break;
        default: break;
        }
    }
}

/* What this would only end by: the machine's own registers, far transfers. */
static bool is_too_wild(const struct x86_row *row)
{
    return (row->flags & (ROW_CPL0 | ROW_PROT | ROW_ONLY64)) ||
           g_str_has_prefix(row->name, "hlt") || g_str_has_prefix(row->name, "iret");
}

/* What most of a program is of. */
enum kind { ANY, VECTORS, INTEGERS };

/* Another row is taken. */
static bool is_not_of(const struct x86_row *row, GRand *random, enum kind kind)
{
    switch (kind) {
    case VECTORS: return !(row->flags & ROW_SSE) && !chance(random, 8);
    case INTEGERS:
        return (row->map != MAP_1 && !chance(random, 6)) ||
               (row->flags & (ROW_X87 | ROW_SSE | ROW_MMX));
    default: return false;
    }
}

static void make_code(struct text *t, GRand *random, const struct x86_decoder *decoder,
                      enum kind kind)
{
    unsigned rows = x86_decoder_rows(decoder);

    t->n = 0;
    while (t->n < CODE_SIZE) {
        const struct x86_row *row = x86_decoder_row(decoder, g_rand_int_range(random, 0, rows));

        if (row->map >= MAP_VEX_0F || (row->flags & ROW_NO64) || is_not_of(row, random, kind) ||
            (is_too_wild(row) && !chance(random, 20))) {
            continue;
        }
        add_row(t, random, row);
    }
}

/* Numbers of floating point, ordinary and not. */
static void fill_vectors(struct rig *r, GRand *random)
{
    static const uint64_t some[] = {
        0x3ff0000000000000, 0x4008000000000000, 0xbfe0000000000000, 0x7ff0000000000000,
        0x7ff8000000000001, 0x7ff0000000000001, 0x0000000000000001, 0x8000000000000000,
        0x3f800000c0400000, 0x7fc00001ff800000, 0x0000000180000000, 0x4b0000007f7fffff,
    };

    for (unsigned i = 0; i < 16; i++) {
        for (unsigned k = 0; k < 2; k++) {
            uint64_t any = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);

            r->c->vec[i].u64[k] = any & 3 ? some[(any >> 8) % G_N_ELEMENTS(some)] : any;
        }
    }
    for (gpa at = DATA; at < DATA + 0x10000; at += 8) {
        if (chance(random, 4)) {
            put64(r, at, some[g_rand_int(random) % G_N_ELEMENTS(some)]);
        }
    }
}

static struct rig *prepared(struct rig *r, const struct how *how, uint32_t seed)
{
    GRand *random = g_rand_new_with_seed(seed);
    struct text *t = g_new(struct text, 1);

    /* The interpreter counts a block when it is done, translated code each instruction. */
    r->timeless = true;
    rig_enter(r, 64, CODE, STACK);
    make_tables(r);
    make_handlers(r, how);
    make_code(t, random, r->decoder, seed % 4 == 0 ? ANY : seed % 4 == 1 ? VECTORS : INTEGERS);
    rig_load(r, CODE, t->bytes, CODE_SIZE);
    for (gpa at = DATA; at < DATA + 0x10000; at += 8) {
        put64(r, at, (uint64_t)g_rand_int(random) << 32 | g_rand_int(random));
    }
    fill_vectors(r, random);
    for (unsigned i = 0; i < 16; i++) {
        uint64_t any = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);

        r->c->gpr[i] = any & 3 ? DATA + (any >> 8) % 0x10000 : any >> 32 & 1 ? any : any >> 56;
        r->c->gpr[i] &= any & 4 ? UINT64_MAX : ~UINT64_C(15); /* aligned, half of them */
    }
    r->c->gpr[RSP] = STACK + 0x800;
    r->c->seg[SEG_FS].base = DATA + 0x1000;
    r->c->seg[SEG_GS].base = seed % 3 ? 0x10 : UINT64_C(0x7fffffffe000);
    g_free(t);
    g_rand_free(random);
    return r;
}

static void list(struct rig *r)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct x86_insn in;
    uint64_t at = r->c->rip;

    if (at < REACHED - 16 &&
        x86_decode(r->decoder, r->c->mode, r->ram->host + at, 15, &in) == X86_DECODED) {
        x86_disassemble(r->decoder, r->c->mode, &in, at, text);
    }
    g_test_message("%#lx %s", at, text->str);
}

/* The fewest instructions after which both differ, and those of its last units. */
static void narrow(const struct how *how, uint32_t seed, uint64_t most)
{
    for (uint64_t n = 1; n <= most; n++) {
        struct rig *a = prepared(rig_new(), how, seed);
        struct rig *b = prepared(rig_new_jit(how->one_insn, 1), how, seed);
        const char *what;

        run(a, n, 0);
        run(b, n, how->turn);
        what = difference(a, b);
        rig_free(a);
        rig_free(b);
        if (!what) {
            continue;
        }
        g_test_message("after %lu: %s", n, what);
        a = prepared(rig_new(), how, seed);
        for (uint64_t i = 0; i < n; i++) {
            if (i + 24 >= n) {
                list(a);
            }
            run(a, 1, 0);
        }
        rig_free(a);
        return;
    }
}

static void programs(gconstpointer data)
{
    const struct how *how = data;
    uint32_t seed = first_seed();

    g_test_message("seeds %u to %u", seed, seed + PROGRAMS - 1);
    for (uint32_t i = seed; i < seed + PROGRAMS && !g_test_failed(); i++) {
        struct rig *a = prepared(rig_new(), how, i);
        struct rig *b = prepared(rig_new_jit(how->one_insn, 1), how, i);

        for (unsigned part = 0; part < 4; part++) {
            if (!agree(a, b, 700 + i % 7, how->turn, i)) {
                narrow(how, i, 4 * (700 + i % 7));
                break;
            }
        }
        rig_free(a);
        rig_free(b);
    }
}

/* As lockstep sees it: each unit is compared, and the last state is the interpreter's, too. */
static void checked(gconstpointer data)
{
    const struct how *how = data;
    uint32_t seed = first_seed();

    for (uint32_t i = seed; i < seed + CHECKED && !g_test_failed(); i++) {
        struct rig *a = prepared(rig_new(), how, i), *b = prepared(rig_new_checked(), how, i);

        agree(a, b, 2000, how->turn, i);
        rig_free(a);
        rig_free(b);
    }
}

/* ---- the tests tested ---- */

/* The first program in which the two differ, counted from 1; 0: none of them. */
static unsigned first_difference(const struct how *how)
{
    unsigned found = 0;

    for (unsigned n = 1; n <= FAULT_PROGRAMS && !found; n++) {
        struct rig *a = prepared(rig_new(), how, n), *b = prepared(rig_new_jit(false, 1), how, n);
        enum accel_exit interpreted = run(a, 2800, 0), translated = run(b, 2800, 0);

        found = interpreted != translated || difference(a, b) ? n : 0;
        rig_free(a);
        rig_free(b);
    }
    return found;
}

/* The first program in which a check finds a difference. */
static unsigned first_refused(const struct how *how)
{
    unsigned found = 0;

    for (unsigned n = 1; n <= FAULT_PROGRAMS && !found; n++) {
        struct rig *r = prepared(rig_new_checked(), how, n);

        found = run(r, 2800, 0) == ACCEL_EXIT_ERROR ? n : 0;
        rig_free(r);
    }
    return found;
}

static void faults(gconstpointer data)
{
    for (const struct jit_fault *f = jit_faults; f->name; f++) {
        unsigned compared, refused;

        jit_fault_set(f);
        compared = first_difference(data);
        refused = first_refused(data);
        g_test_message("%s: found in program %u, by check=on in program %u; %u wrong operations",
                       f->name, compared, refused, jit_fault_count());
        if (!compared || !refused) {
            g_test_fail();
        }
    }
    jit_fault_set(NULL);
    g_assert_cmpuint(first_difference(data), ==, 0);
    g_assert_cmpuint(first_refused(data), ==, 0);
}

int main(int argc, char **argv)
{
    static const struct how plain = {false, 0, 0}, single = {true, 0, 0}, turns = {false, 13, 0},
                            user = {false, 0, 3};

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/jit/programs", &plain, programs);
    g_test_add_data_func("/x86/jit/one-insn", &single, programs);
    g_test_add_data_func("/x86/jit/turns", &turns, programs);
    g_test_add_data_func("/x86/jit/user", &user, programs);
    g_test_add_data_func("/x86/jit/checked", &plain, checked);
    g_test_add_data_func("/x86/jit/checked-turns", &turns, checked);
    g_test_add_data_func("/x86/jit/faults", &plain, faults);
    return g_test_run();
}
