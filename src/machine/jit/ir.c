/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/jit/ir.h"

#include <string.h>

static const struct {
    const char *name;
    uint8_t form, effects;
} table[] = {
#define OP(name, form, effects) {#name, form, effects},
#include "machine/jit/ir.inc"
#undef OP
};

static const char *const conds[] = {"eq", "ne", "lt", "ge", "ltu", "geu", "le", "gt", "leu", "gtu"};
static const char *const widths[] = {"s8", "u8", "s16", "u16", "s32", "u32", "64"};

void (*ir_spoil)(struct ir_unit *u);

void ir_begin(struct ir_unit *u, uint64_t pc, uint64_t key, unsigned max_insns)
{
    u->pc = pc;
    u->key = key;
    u->max_insns = max_insns;
    u->n_insns = u->n_ops = u->n_calls = u->n_kept = 0;
    u->length = 0;
    u->offset[0] = 0;
    u->regime = 0;
    memset(u->target, 0, sizeof(u->target));
    u->note[0] = 0;
}

struct ir_op *ir_put(struct ir_unit *u, enum ir_opcode op, uint8_t d, uint8_t a, uint8_t b,
                     int64_t imm)
{
    struct ir_op *o = &u->ops[u->n_ops++];

    g_assert(u->n_ops <= IR_MAX_OPS);
    *o = (struct ir_op){.op = op, .d = d, .a = a, .b = b, .insn = u->n_insns, .imm = imm};
    return o;
}

int64_t ir_vector_imm(struct ir_vector v)
{
    int64_t imm;

    memcpy(&imm, &v, sizeof(imm));
    return imm;
}

struct ir_vector ir_vector_of(int64_t imm)
{
    struct ir_vector v;

    memcpy(&v, &imm, sizeof(v));
    return v;
}

const void *ir_keep(struct ir_unit *u, const void *bytes, size_t size)
{
    uint8_t *at = u->kept + u->n_kept;

    g_assert(size <= 48 && u->n_kept + size <= sizeof(u->kept));
    memcpy(at, bytes, size);
    u->n_kept += (size + 15) & ~(size_t)15;
    return at;
}

unsigned ir_width_size(enum ir_width w)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 8};

    return sizes[w];
}

uint64_t ir_extend(enum ir_width w, uint64_t value)
{
    switch (w) {
    case IR_S8: return (uint64_t)(int64_t)(int8_t)value;
    case IR_U8: return (uint8_t)value;
    case IR_S16: return (uint64_t)(int64_t)(int16_t)value;
    case IR_U16: return (uint16_t)value;
    case IR_S32: return (uint64_t)(int64_t)(int32_t)value;
    case IR_U32: return (uint32_t)value;
    default: return value;
    }
}

bool ir_holds(enum ir_cond cond, uint64_t a, uint64_t b)
{
    if (cond & IR_COND_32) { /* sign-extended, both kinds of order are kept */
        return ir_holds(cond & ~IR_COND_32, ir_extend(IR_S32, a), ir_extend(IR_S32, b));
    }
    switch (cond) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return (int64_t)a < (int64_t)b;
    case IR_GE: return (int64_t)a >= (int64_t)b;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LE: return (int64_t)a <= (int64_t)b;
    case IR_GT: return (int64_t)a > (int64_t)b;
    case IR_LEU: return a <= b;
    default: return a > b;
    }
}

static uint64_t signed32(uint64_t v)
{
    return (uint64_t)(int64_t)(int32_t)v;
}

uint64_t ir_compute(enum ir_opcode op, enum ir_cond cond, uint64_t a, uint64_t b)
{
    switch (op) {
    case IR_mov: return b;
    case IR_add: return a + b;
    case IR_sub: return a - b;
    case IR_and: return a & b;
    case IR_or: return a | b;
    case IR_xor: return a ^ b;
    case IR_mul: return a * b;
    case IR_shl: return a << (b & 63);
    case IR_shr: return a >> (b & 63);
    case IR_sar: return (uint64_t)((int64_t)a >> (b & 63));
    case IR_mul_hs: return (uint64_t)(((__int128)(int64_t)a * (int64_t)b) >> 64);
    case IR_mul_hu: return (uint64_t)(((unsigned __int128)a * b) >> 64);
    case IR_add32: return signed32(a + b);
    case IR_sub32: return signed32(a - b);
    case IR_mul32: return signed32(a * b);
    case IR_shl32: return signed32(a << (b & 31));
    case IR_shr32: return signed32((uint32_t)a >> (b & 31));
    case IR_sar32: return signed32((uint64_t)((int32_t)a >> (b & 31)));
    case IR_addz: return (uint32_t)(a + b);
    case IR_subz: return (uint32_t)(a - b);
    case IR_andz: return (uint32_t)(a & b);
    case IR_orz: return (uint32_t)(a | b);
    case IR_xorz: return (uint32_t)(a ^ b);
    case IR_mulz: return (uint32_t)(a * b);
    case IR_shlz: return (uint32_t)(a << (b & 31));
    case IR_shrz: return (uint32_t)a >> (b & 31);
    case IR_sarz: return (uint32_t)((int32_t)a >> (b & 31));
    case IR_rolz: return (uint32_t)((uint32_t)a << (b & 31) | (uint32_t)a >> (-b & 31));
    case IR_rol: return a << (b & 63) | a >> (-b & 63);
    case IR_swap: return __builtin_bswap64(a);
    case IR_swapz: return __builtin_bswap32(a);
    case IR_put8: return (a & ~UINT64_C(0xff)) | (uint8_t)b;
    case IR_put16: return (a & ~UINT64_C(0xffff)) | (uint16_t)b;
    case IR_ext_u8: return (uint8_t)a;
    case IR_ext_s8: return ir_extend(IR_S8, a);
    case IR_ext_s16: return ir_extend(IR_S16, a);
    case IR_ext_u16: return ir_extend(IR_U16, a);
    case IR_ext_u32: return ir_extend(IR_U32, a);
    case IR_set: return ir_holds(cond, a, b);
    default: g_assert_not_reached();
    }
}

/* ---- checker ---- */

static const char *bad_value(uint8_t v, const struct ir_target *t, uint32_t written)
{
    if (v < t->n_regs) {
        return NULL;
    }
    if (v < IR_TEMP || v >= IR_TEMP + IR_TEMPS) {
        return "an operand is no value";
    }
    return written >> (v - IR_TEMP) & 1 ? NULL : "a temporary is read before it is written";
}

/* The registers that are no values. */
static const char *bad_vector(const struct ir_unit *u, const struct ir_op *o)
{
    bool writes = o->op == IR_vec || o->op == IR_vec_put || o->op == IR_vec_load;
    bool reads = o->op != IR_vec_put && o->op != IR_vec_load && o->op != IR_vec_get_load;

    if ((writes && o->d >= IR_VECTORS) || (reads && o->b >= IR_VECTORS) ||
        (o->op == IR_vec_test && o->cond >= IR_VECTORS)) {
        return "no such vector";
    }
    return o->op >= IR_vec_load && ir_vector_of(o->imm).call >= u->n_calls ? "no such call" : NULL;
}

static const char *bad_op(const struct ir_unit *u, const struct ir_op *o, const struct ir_target *t,
                          uint32_t *written)
{
    const char *why = NULL;
    unsigned form;
    bool optional;

    if (o->op >= IR_OPCODES) {
        return "no such operation";
    }
    form = table[o->op].form;
    optional = o->op == IR_call || o->op == IR_amo || o->op == IR_float;
    if ((form & IR_A) && !(optional && o->a == IR_NONE)) {
        why = bad_value(o->a, t, *written);
    }
    if (!why && (form & IR_B) && o->b != IR_IMM && !(o->op == IR_store && o->b == IR_ZERO) &&
        !(optional && o->b == IR_NONE)) {
        why = bad_value(o->b, t, *written);
    }
    if (why) {
        return why;
    }
    if ((form & IR_C) && (o->cond & ~IR_COND_32) >= IR_CONDS) {
        return "no such condition";
    }
    if ((o->op == IR_load || o->op == IR_store) &&
        (IR_WIDTH(o->cond) >= IR_WIDTHS || o->cond >= IR_LATE << 1)) {
        return "no such width";
    }
    if ((o->op == IR_branch || o->op == IR_jump) && o->d >= IR_EXITS) {
        return "no such exit";
    }
    if ((o->op == IR_put8 || o->op == IR_put16) && (o->d != o->a || o->b == IR_IMM)) {
        return "what is changed in part is another value";
    }
    if (o->op == IR_lea && (o->cond > 3 || o->b == IR_IMM || o->imm != (int32_t)o->imm)) {
        return "no such address";
    }
    if (o->op == IR_movif && (o->b == IR_IMM || bad_value(o->d, t, *written))) {
        return "nothing to keep";
    }
    if (o->op == IR_store && o->b == IR_IMM) {
        return "an immediate where none can be";
    }
    if (o->op >= IR_vec && o->op <= IR_vec_store) {
        why = bad_vector(u, o);
    } else if (o->op >= IR_amo && o->op <= IR_check && o->op != IR_fence &&
               IR_IMM_CALL(o->imm) >= u->n_calls) {
        why = "no such call";
    }
    if (why) {
        return why;
    }
    if ((o->op == IR_amo && o->cond >= IR_AMOS) || (o->op == IR_divide && o->cond >= IR_DIVIDES) ||
        (o->op == IR_exchange_if && IR_IMM_C(o->imm) >= t->n_regs) ||
        (o->op == IR_float && (o->cond >= IR_FLOATS || IR_IMM_C(o->imm) >= t->n_regs))) {
        return "no such kind";
    }
    if (o->insn > u->n_insns) {
        return "no such instruction";
    }
    if ((form & IR_D) && !(optional && o->d == IR_NONE)) {
        if (o->d >= IR_TEMP && o->d < IR_TEMP + IR_TEMPS) {
            *written |= 1u << (o->d - IR_TEMP);
        } else if (o->d >= t->n_regs) {
            return "the result is no value";
        }
    }
    return NULL;
}

char *ir_check(const struct ir_unit *u, const struct ir_target *t)
{
    uint32_t written = 0;

    if (u->n_insns == 0 || u->n_insns > IR_MAX_INSNS || u->n_ops == 0) {
        return g_strdup("the unit is empty or too long");
    }
    for (unsigned i = 0; i < u->n_ops; i++) {
        const char *why = bad_op(u, &u->ops[i], t, &written);
        bool last = !why && (table[u->ops[i].op].effects & IR_LAST);

        if (!why && last != (i + 1 == u->n_ops)) {
            why = last ? "an end inside the unit" : "the unit has no end";
        }
        if (why) {
            return g_strdup_printf("operation %u: %s", i, why);
        }
    }
    return NULL;
}

/* ---- listing ---- */

static void print_value(uint8_t v, int64_t imm, GString *out)
{
    if (v == IR_IMM) {
        g_string_append_printf(out, " %#" G_GINT64_MODIFIER "x", (uint64_t)imm);
    } else if (v >= IR_ZERO) {
        g_string_append(out, v == IR_ZERO ? " 0" : " -");
    } else {
        g_string_append_printf(out, " %c%u", v < IR_TEMP ? 'r' : 't', v % IR_TEMP);
    }
}

void ir_print(const struct ir_unit *u, GString *out)
{
    unsigned insn = UINT_MAX;

    for (unsigned i = 0; i < u->n_ops; i++) {
        const struct ir_op *o = &u->ops[i];
        unsigned form = table[o->op].form;

        if (o->insn != insn) {
            insn = o->insn;
            g_string_append_printf(out, " ---- %016" G_GINT64_MODIFIER "x\n",
                                   u->pc + u->offset[insn]);
        }
        g_string_append_printf(out, " %s", table[o->op].name);
        if (form & IR_C) {
            g_string_append_printf(out, "_%s%s", conds[o->cond & ~IR_COND_32],
                                   o->cond & IR_COND_32 ? "_32" : "");
        } else if (o->op == IR_load || o->op == IR_store) {
            g_string_append_printf(out, "_%s", widths[IR_WIDTH(o->cond)]);
        }
        for (unsigned k = 0; k < 3; k++) {
            if (form & (IR_D << k)) {
                print_value(k == 0 ? o->d : k == 1 ? o->a : o->b, o->imm, out);
            }
        }
        if (!(form & IR_B) || o->b != IR_IMM) {
            g_string_append_printf(out, " [%#" G_GINT64_MODIFIER "x]", (uint64_t)o->imm);
        }
        g_string_append_c(out, '\n');
    }
}

/* ---- what nobody sees ---- */

struct live {
    bool value[IR_TEMP + IR_TEMPS];
};

static bool is_live(const struct live *l, uint8_t v)
{
    return l->value[v];
}

static void set_live(struct live *l, uint8_t v, bool on)
{
    l->value[v] = on;
}

static void set_all_live(struct live *l)
{
    memset(l->value, true, IR_TEMP);
}

static uint8_t use(struct live *l, uint8_t v, uint8_t mark)
{
    uint8_t last = 0;

    if (v >= IR_ZERO) {
        return 0;
    }
    if (v >= IR_TEMP && !is_live(l, v)) {
        last = mark;
    }
    set_live(l, v, true);
    return last;
}

void ir_optimise(struct ir_unit *u)
{
    struct live l = {{false}};
    unsigned at = u->n_ops;

    set_all_live(&l);
    /* From the end: what is kept moves to the end of the array, then to its beginning. */
    for (unsigned i = u->n_ops; i-- > 0;) {
        struct ir_op o = u->ops[i];
        unsigned form = table[o.op].form, effects = table[o.op].effects;

        if ((form & IR_D) && o.d < IR_NONE) {
            if (!effects && !is_live(&l, o.d)) {
                continue;
            }
            set_live(&l, o.d, false);
        }
        if (effects & IR_MAY_LEAVE) {
            set_all_live(&l);
        }
        o.last = 0;
        if (form & IR_OLD) {
            set_live(&l, o.d, true);
        }
        if (form & IR_B) {
            o.last |= use(&l, o.b, IR_B);
        }
        if (form & IR_A) {
            o.last |= use(&l, o.a, IR_A);
        }
        if (o.a == o.b && o.last) {
            o.last = IR_A | IR_B;
        }
        u->ops[--at] = o;
    }
    memmove(u->ops, u->ops + at, (u->n_ops - at) * sizeof(u->ops[0]));
    u->n_ops -= at;
}
