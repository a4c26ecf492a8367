/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/x86/translate/translate.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flagless.h"
#include "machine/guest/x86/icache.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/saved.h"
#include "machine/guest/x86/translate/translator.h"

#include <stddef.h>
#include <string.h>

#define LEN_MAX 15

/* Instructions that 16-bit and 32-bit code is left to the interpreter for, at once. */
#define INTERPRETED 4096

/* ---- decoding ---- */

/* Straight-line code, as far as one unit goes. */
struct run {
    struct x86_insn insn[IR_MAX_INSNS];
    unsigned n;
    bool whole; /* what follows can be a unit, too */
};

static bool is_jcc(const struct x86_row *row)
{
    return row && ((row->map == MAP_1 && row->opcode >> 4 == 7) ||
                   (row->map == MAP_0F && row->opcode >> 4 == 8));
}

/* FALSE: the page was written meanwhile. */
static bool decode(const struct x86_cpu *c, struct code_page *page, const struct ir_unit *u,
                   struct run *r)
{
    unsigned at = u->pc & (RAM_PAGE_SIZE - 1), branches = 0;

    r->n = 0;
    r->whole = true;
    while (r->n < u->max_insns && at < RAM_PAGE_SIZE && branches < IR_EXITS - 1) {
        struct x86_insn *in = &r->insn[r->n];
        unsigned room = MIN(RAM_PAGE_SIZE - at, (unsigned)LEN_MAX);
        enum x86_decode_result result;

        if (!code_page_enter(page, at, room)) {
            return false;
        }
        result = x86_decode(c->decoder, c->mode | c->icache->branch64,
                            page->ram->host + page->off + at, room, in);
        if (result == X86_NEED_MORE) {
            r->whole = false;
            break;
        }
        x86_bind(c, result, in);
        branches += is_jcc(x86_decoder_row(c->decoder, in->row));
        r->n++;
        at += in->len;
        if (in->flags & INSN_ENDS) {
            break;
        }
    }
    x86_flagless_mark(r->insn, r->n);
    return true;
}

/* ---- translation ---- */

unsigned x86_put_function(struct x86_translator *t,
                          uint32_t (*fn)(void *cpu, const void *arg, uint64_t key), bool sees_all)
{
    struct ir_unit *u = t->u;

    u->calls[u->n_calls] = (struct ir_call){fn, ir_keep(u, t->in, sizeof(*t->in)), true, sees_all};
    return u->n_calls++;
}

void x86_put_call(struct x86_translator *t)
{
    x86_store_kind(t);
    ir_put(t->u, IR_call, IR_NONE, IR_NONE, IR_NONE, x86_put_function(t, x86_call_insn, true));
    x86_forget_flags(t);
}

unsigned x86_put_whole_call(struct x86_translator *t)
{
    x86_store_kind(t);
    return x86_put_function(t, x86_call_whole_insn, true);
}

static bool is_rows_own(const struct x86_translator *t)
{
    const struct x86_insn *in = t->in;
    unsigned i = in->osize == 8 ? 2 : in->osize == 4 ? 1 : 0;

    return t->row && ((in->flags & INSN_FLAGLESS) || in->fn == t->row->fn[i]);
}

static enum x86_next translate_1(struct x86_translator *t)
{
    unsigned kind = t->in->modrm >> 3 & 7;

    switch (t->in->opcode) {
    case 0x00 ... 0x3f:
    case 0x80 ... 0x85:
    case 0xa8:
    case 0xa9: return x86_translate_alu(t);
    case 0x69:
    case 0x6b: return x86_translate_multiply(t);
    case 0x70 ... 0x7f: return x86_translate_jcc(t);
    case 0xc0:
    case 0xc1:
    case 0xd0 ... 0xd3: return x86_translate_shift(t);
    case 0xc2:
    case 0xc3:
    case 0xe8 ... 0xe9:
    case 0xeb: return x86_translate_flow(t);
    case 0xf6:
    case 0xf7:
    case 0xfe: return x86_translate_unary(t);
    case 0xff:
        switch (kind) {
        case 0:
        case 1: return x86_translate_unary(t);
        case 2:
        case 4: return x86_translate_flow(t);
        case 6: return x86_translate_move(t);
        default: return NEXT_CALLS;
        }
    default: return x86_translate_move(t);
    }
}

static enum x86_next translate_0f(struct x86_translator *t)
{
    switch (t->in->opcode) {
    case 0x80 ... 0x8f: return x86_translate_jcc(t);
    case 0xaf: return x86_translate_multiply(t);
    default: return x86_translate_move_0f(t);
    }
}

static enum x86_next translate_insn(struct x86_translator *t)
{
    if (!is_rows_own(t)) {
        return NEXT_CALLS; /* may not run */
    }
    if ((t->in->flags & INSN_LOCK) || x86_locks_itself(t)) {
        return x86_translate_locked(t);
    }
    if (t->row->prefix != PFX_ANY) {
        return x86_translate_vector(t);
    }
    switch (t->row->map) {
    case MAP_1: return translate_1(t);
    case MAP_0F: return translate_0f(t);
    default: return NEXT_CALLS;
    }
}

static void note(struct x86_translator *t, unsigned insn)
{
    t->u->note[insn] = t->flags.known && !t->flags.stored ? t->flags.op : NOTE_STORED;
}

static bool translate(struct cpu *cpu, struct code_page *page, struct ir_unit *u)
{
    struct x86_cpu *c = x86_of(cpu);
    struct x86_translator t = {.u = u, .c = c};
    enum x86_next next = NEXT_GOES_ON;
    struct run r;

    if (!decode(c, page, u, &r)) {
        return false;
    }
    u->regime = x86_regime(c);
    x86_forget_flags(&t);
    note(&t, 0);
    for (unsigned i = 0; i < r.n; i++) {
        t.in = &r.insn[i];
        t.row = x86_decoder_row(c->decoder, t.in->row);
        t.pc = u->pc + u->length;
        t.follows = t.pc + t.in->len;
        u->offset[i + 1] = u->length + t.in->len;
        next = translate_insn(&t);
        if (next == NEXT_CALLS) {
            x86_put_call(&t);
        }
        note(&t, i + 1);
        u->n_insns++;
        u->length += t.in->len;
    }
    if (r.n > 0 && next != NEXT_ENDS) {
        x86_store_kind(&t);
        u->target[t.exits] = u->pc + u->length;
        ir_put(u, r.whole ? IR_jump : IR_leave, t.exits, IR_NONE, IR_NONE, 0);
    }
    return true;
}

/* ---- the interface ---- */

static uint64_t key(const struct cpu *cpu)
{
    return x86_key((const struct x86_cpu *)cpu);
}

static uint64_t get_pc(const struct cpu *cpu)
{
    return ((const struct x86_cpu *)cpu)->rip;
}

static void set_pc(struct cpu *cpu, uint64_t pc)
{
    x86_of(cpu)->rip = pc;
}

static enum accel_exit public_exit(enum x86_exit why)
{
    switch (why) {
    case X86_EXIT_HALT: return ACCEL_EXIT_HALT;
    case X86_EXIT_SHUTDOWN: return ACCEL_EXIT_SHUTDOWN;
    case X86_EXIT_BUDGET:
    case X86_EXIT_STEP: return ACCEL_EXIT_BUDGET;
    default: return ACCEL_EXIT_KICK;
    }
}

static bool look_around(struct cpu *cpu, enum accel_exit *ret_why)
{
    struct x86_cpu *c = x86_of(cpu);
    enum x86_exit why;

    if ((c->cpu.run_state != CPU_RUNNING || x86_is_wanted(c)) && !x86_interp_look(c, &why)) {
        *ret_why = public_exit(why);
        return false;
    }
    return true;
}

static bool fetch(struct cpu *cpu, uint64_t pc, struct ram_block **ret_ram, gpa *ret_off)
{
    const uint8_t *host;
    enum x86_status st = x86_fetch_host(x86_of(cpu), pc, &host, ret_ram, ret_off);

    if (st == X86_OK && !host) {
        *ret_ram = NULL;
    }
    *ret_off &= TLB_PAGE_MASK;
    return st == X86_OK;
}

static void float_flags(struct cpu *cpu, unsigned met)
{
    x86_met_float(x86_of(cpu), met);
}

static bool deliver(struct cpu *cpu)
{
    return x86_interp_deliver(x86_of(cpu));
}

static bool jumped(struct cpu *cpu)
{
    struct x86_cpu *c = x86_of(cpu);
    bool trap = c->trap_waits;

    c->trap_waits = false;
    return !trap || x86_interp_deliver(c);
}

static void restore(struct cpu *cpu, const uint8_t *note, bool done)
{
    struct x86_cpu *c = x86_of(cpu);
    unsigned kind = note[done] & ~NOTE_PUSHED;

    if (kind != NOTE_STORED) {
        c->lazy.op = kind;
    }
    if (done && (note[0] & NOTE_PUSHED)) {
        c->gpr[RSP] -= 8;
    }
}

static uint64_t interprets(const struct cpu *cpu)
{
    const struct x86_cpu *c = (const struct x86_cpu *)cpu;

    if (x86_is_translated(c)) {
        return 0;
    }
    return x86_interp_is_special(c) ? 1 : INTERPRETED;
}

static enum accel_exit step(struct cpu *cpu)
{
    return public_exit(x86_interp_step(x86_of(cpu)));
}

static void enter(struct cpu *cpu)
{
    x86_run_begin(x86_of(cpu));
}

static void leave(struct cpu *cpu)
{
    x86_run_end(x86_of(cpu));
}

#define SAME(from, to) \
    (memcmp(&a->from, &b->from, offsetof(struct x86_cpu, to) - offsetof(struct x86_cpu, from)) == 0)

/* By the rows, in which flags are as a guest sees them and structs have no gaps. */
static bool same_rows(const struct x86_cpu *a, const struct x86_cpu *b)
{
    g_autoptr(GByteArray) rows_a = g_byte_array_new(), rows_b = g_byte_array_new();

    state_save(x86_state_rows, a, rows_a);
    state_save(x86_state_rows, b, rows_b);
    return rows_a->len == rows_b->len && memcmp(rows_a->data, rows_b->data, rows_a->len) == 0;
}

static bool same(const struct cpu *cpu_a, const struct cpu *cpu_b)
{
    const struct x86_cpu *a = (const struct x86_cpu *)cpu_a, *b = (const struct x86_cpu *)cpu_b;

    return (SAME(gpr, lazy) && SAME(mode, exc) && a->int_shadow == b->int_shadow &&
            x86_rflags(a) == x86_rflags(b)) ||
           same_rows(a, b);
}

#define OFF(field) ((int32_t)offsetof(struct x86_cpu, field))
#define R(n)       [n] = OFF(gpr) + 8 * (n)
#define R4(n)      R(n), R((n) + 1), R((n) + 2), R((n) + 3)

G_STATIC_ASSERT(offsetof(struct x86_cpu, mode) == offsetof(struct x86_cpu, rflags) + 4);

static const struct ir_target target = {
    .reg = {R4(0), R4(4), R4(8), R4(12), [V_RESULT] = OFF(lazy.result), [V_SOURCE] = OFF(lazy.src),
            [V_KIND] = OFF(lazy.op), [V_FS] = OFF(seg[SEG_FS].base), [V_GS] = OFF(seg[SEG_GS].base),
            [V_RFLAGS] = OFF(rflags), [V_CONDITION] = OFF(jit_condition)},
    .n_regs = VALUES,
    .hot = {RAX, RSP, RBX, RBP, RDI, RDX, RCX, RSI, V_RESULT, V_SOURCE, R12},
    .n_hot = 11,
    .pc = OFF(rip),
    .next = -1,
    .middle = OFF(gpr) + 128,
    .exit_request = OFF(cpu.exit_request),
    .insns = OFF(cpu.insns),
    .budget = OFF(cpu.budget),
    .stamp = OFF(cpu.jit.stamp),
    .value = OFF(cpu.jit.value),
    .spill = OFF(cpu.jit.spill),
    .calls = OFF(cpu.jit.calls),
    .at = OFF(cpu.jit.at),
    .floats = OFF(cpu.jit.floats),
    .status = OFF(cpu.jit.status),
    .vectors = OFF(vec),
    .vector_stride = sizeof(union x86_vec),
    .tlb_read = OFF(cpu.tlb.set[0].entry[TLB_READ]),
    .tlb_write = OFF(cpu.tlb.set[0].entry[TLB_WRITE]),
    .tlb_stride = sizeof(struct tlb_set),
    .tlb_bits = TLB_BITS,
    .page_bits = RAM_PAGE_BITS,
    .pc_shift = 0,
    .load = x86_call_load,
    .store = x86_call_store,
};

const struct cpu_translation x86_translation = {
    .target = &target,
    .key = key,
    .get_pc = get_pc,
    .set_pc = set_pc,
    .look_around = look_around,
    .fetch = fetch,
    .float_flags = float_flags,
    .deliver = deliver,
    .restore = restore,
    .jumped = jumped,
    .interprets = interprets,
    .step = step,
    .enter = enter,
    .leave = leave,
    .translate = translate,
    .size = sizeof(struct x86_cpu),
    .state_begin = offsetof(struct x86_cpu, gpr),
    .state_end = offsetof(struct x86_cpu, features),
    .same = same,
};
