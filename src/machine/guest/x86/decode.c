/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder: bytes to struct x86_insn, driven by the rows. Intel SDM volume 2, chapter 2 and
 * appendix A; AMD APM volume 3, chapter 1.
 *
 *   prefixes -> map and opcode -> chain of rows -> ModRM, SIB, displacement -> immediates
 *
 * The rows of one opcode are chained, the most particular first, and the first that matches
 * prefixes, ModRM and mode wins. Nothing here looks at features or privilege.
 */
#include "base/endian.h"
#include "machine/guest/x86/insn.h"

#define LEN_MAX 15
#define NO_ROW  0xffff

struct x86_decoder {
    const struct x86_row **row;
    uint16_t *next; /* chain of rows of one opcode */
    unsigned n;
    uint16_t first[MAPS][256];
    bool modrm[MAPS][256];
};

/* What an operand reads after the opcode. */
enum tail { TAIL_NONE, TAIL_MODRM, TAIL_8, TAIL_16, TAIL_Z, TAIL_V, TAIL_FAR, TAIL_MOFFS };

static const uint8_t tail_of[] = {
    [OPD_Eb] = TAIL_MODRM, [OPD_Ew] = TAIL_MODRM, [OPD_Ed] = TAIL_MODRM, [OPD_Eq] = TAIL_MODRM,
    [OPD_Ev] = TAIL_MODRM, [OPD_Ey] = TAIL_MODRM, [OPD_Gb] = TAIL_MODRM, [OPD_Gw] = TAIL_MODRM,
    [OPD_Gd] = TAIL_MODRM, [OPD_Gv] = TAIL_MODRM, [OPD_Gy] = TAIL_MODRM, [OPD_Ib] = TAIL_8,
    [OPD_sIb] = TAIL_8,    [OPD_Iw] = TAIL_16,    [OPD_Iz] = TAIL_Z,     [OPD_Iv] = TAIL_V,
    [OPD_Jb] = TAIL_8,     [OPD_Jz] = TAIL_Z,     [OPD_M] = TAIL_MODRM,  [OPD_Mb] = TAIL_MODRM,
    [OPD_Mw] = TAIL_MODRM, [OPD_Md] = TAIL_MODRM, [OPD_Mq] = TAIL_MODRM, [OPD_Mdq] = TAIL_MODRM,
    [OPD_Mv] = TAIL_MODRM, [OPD_Mp] = TAIL_MODRM, [OPD_Ma] = TAIL_MODRM, [OPD_Ms] = TAIL_MODRM,
    [OPD_Mt] = TAIL_MODRM, [OPD_Ap] = TAIL_FAR,   [OPD_Ob] = TAIL_MOFFS, [OPD_Ov] = TAIL_MOFFS,
    [OPD_Sw] = TAIL_MODRM, [OPD_Cy] = TAIL_MODRM, [OPD_Dy] = TAIL_MODRM, [OPD_Pq] = TAIL_MODRM,
    [OPD_Qd] = TAIL_MODRM, [OPD_Qq] = TAIL_MODRM, [OPD_Nq] = TAIL_MODRM, [OPD_Vx] = TAIL_MODRM,
    [OPD_Wb] = TAIL_MODRM, [OPD_Ww] = TAIL_MODRM, [OPD_Wd] = TAIL_MODRM, [OPD_Wq] = TAIL_MODRM,
    [OPD_Wx] = TAIL_MODRM, [OPD_Ux] = TAIL_MODRM, [OPD_My] = TAIL_MODRM, [OPD_STi] = TAIL_NONE,
    [OPD_By] = TAIL_NONE,
};

static bool row_has_modrm(const struct x86_row *row)
{
    if ((row->flags & (ROW_MODRM | ROW_MEM | ROW_REG)) || row->ext != X86_ANY_EXT) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        if (tail_of[row->operand[i]] == TAIL_MODRM) {
            return true;
        }
    }
    return false;
}

/* How particular a row is: chains are sorted by it, descending. */
static unsigned particular(const struct x86_row *row)
{
    return (row->prefix != PFX_ANY ? 8 : 0) + ((row->flags & (ROW_W0 | ROW_W1)) ? 4 : 0) +
           (row->ext != X86_ANY_EXT ? 2 : 0) +
           ((row->flags & ROW_REG) && row->rm != X86_ANY_EXT ? 1 : 0);
}

/* Puts `row` into the chain of `opcode`: a row that covers several opcodes has an entry for each.
 */
static void enter(struct x86_decoder *d, const struct x86_row *row, unsigned opcode)
{
    uint16_t *link = &d->first[row->map][opcode];

    while (*link != NO_ROW && particular(d->row[*link]) >= particular(row)) {
        link = &d->next[*link];
    }
    d->row[d->n] = row;
    d->next[d->n] = *link;
    *link = d->n++;
    d->modrm[row->map][opcode] |= row_has_modrm(row);
}

static void add_table(struct x86_decoder *d, const struct x86_row_table *table)
{
    for (unsigned i = 0; i < table->n; i++) {
        const struct x86_row *row = &table->rows[i];

        for (unsigned op = row->opcode; op <= row->opcode + row->opcode_span; op++) {
            enter(d, row, op);
        }
    }
}

struct x86_decoder *x86_decoder_new(void)
{
    const struct x86_row_table *const tables[] = {
        &x86_rows_int,        &x86_rows_sys,      &x86_rows_x87,       &x86_rows_x87_move,
        &x86_rows_fpu,        &x86_rows_simd_int, &x86_rows_simd_move, &x86_rows_sse,
        &x86_rows_sse_string, &x86_rows_crypto};
    struct x86_decoder *d = g_new0(struct x86_decoder, 1);
    unsigned total = 0;

    memset(d->first, 0xff, sizeof(d->first));
    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (unsigned i = 0; i < tables[t]->n; i++) {
            g_assert(tables[t]->rows[i].map < MAPS);
            g_assert(tables[t]->rows[i].opcode + tables[t]->rows[i].opcode_span < 256);
            total += tables[t]->rows[i].opcode_span + 1;
        }
    }
    g_assert(total < NO_ROW);
    d->row = g_new0(const struct x86_row *, total + 1);
    d->next = g_new0(uint16_t, total + 1);
    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        add_table(d, tables[t]);
    }
    return d;
}

void x86_decoder_free(struct x86_decoder *decoder)
{
    if (decoder) {
        g_free(decoder->row);
        g_free(decoder->next);
        g_free(decoder);
    }
}

const struct x86_row *x86_decoder_row(const struct x86_decoder *decoder, unsigned row)
{
    return row < decoder->n ? decoder->row[row] : NULL;
}

unsigned x86_decoder_rows(const struct x86_decoder *decoder)
{
    return decoder->n;
}

/* The instruction while it is read. */
struct reader {
    const uint8_t *bytes;
    unsigned available, pos;
    enum x86_decode_result failed; /* X86_DECODED while all is well */
    uint32_t mode;
    bool p66, p67, lock, vex_l, vex_used, vex_vvvv;
    uint8_t rep, rex; /* rep: 0, 0xf2, 0xf3 */
    uint8_t map;
};

/* The next `n` bytes, or NULL and r->failed. */
static const uint8_t *take(struct reader *r, unsigned n)
{
    const uint8_t *p = r->bytes + r->pos;

    if (r->failed != X86_DECODED) {
        return NULL;
    }
    if (r->pos + n > LEN_MAX && MIN(r->available, LEN_MAX) == LEN_MAX) {
        r->failed = X86_TOO_LONG;
        return NULL;
    }
    if (r->pos + n > r->available) {
        r->failed = X86_NEED_MORE;
        return NULL;
    }
    r->pos += n;
    return p;
}

static int64_t take_signed(struct reader *r, unsigned n)
{
    const uint8_t *p = take(r, n);

    if (!p) {
        return 0;
    }
    switch (n) {
    case 1: return (int8_t)p[0];
    case 2: return (int16_t)ld_le16(p);
    case 4: return (int32_t)ld_le32(p);
    default: return ld_le64(p);
    }
}

/* Prefixes up to the first opcode byte, which is returned (or -1). */
static int take_prefixes(struct reader *r, struct x86_insn *in)
{
    static const uint8_t seg_of[] = {SEG_ES, SEG_CS, SEG_SS, SEG_DS};

    for (;;) {
        const uint8_t *p = take(r, 1);

        if (!p) {
            return -1;
        }
        switch (*p) {
        case 0x66: r->p66 = true; break;
        case 0x67: r->p67 = true; break;
        case 0xf0: r->lock = true; break;
        case 0xf2:
        case 0xf3: r->rep = *p; break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (!(r->mode & MODE_CODE64)) {
                in->seg = seg_of[(*p >> 3) & 3];
                in->flags |= INSN_SEG;
            }
            break;
        case 0x64:
        case 0x65:
            in->seg = *p == 0x64 ? SEG_FS : SEG_GS;
            in->flags |= INSN_SEG;
            break;
        default:
            if ((r->mode & MODE_CODE64) && (*p & 0xf0) == 0x40) {
                r->rex = *p;
                continue; /* REX counts only right before the opcode */
            }
            return *p;
        }
        r->rex = 0;
    }
}

/* VEX, whose first byte (C4, C5) has been read. Sets map and the fields of REX. -1: failed. */
static int take_vex(struct reader *r, struct x86_insn *in, unsigned first)
{
    static const uint8_t rep_of[] = {0, 0, 0xf3, 0xf2};
    const uint8_t *p = take(r, first == 0xc4 ? 2 : 1);

    if (!p) {
        return -1;
    }
    if (r->p66 || r->rep || r->lock || r->rex || !(r->mode & MODE_PROT)) {
        r->failed = X86_INVALID;
        return -1;
    }
    unsigned last = first == 0xc4 ? p[1] : p[0];

    r->rex = 0x40 | (~p[0] & 0x80 ? 4 : 0);
    r->map = MAP_VEX_0F;
    if (first == 0xc4) {
        r->rex |= (~p[0] & 0x40 ? 2 : 0) | (~p[0] & 0x20 ? 1 : 0) | (last & 0x80 ? 8 : 0);
        if ((p[0] & 0x1f) < 1 || (p[0] & 0x1f) > 3) {
            r->failed = X86_INVALID;
            return -1;
        }
        r->map = MAP_VEX_0F + (p[0] & 0x1f) - 1;
    }
    in->vvvv = ~(last >> 3) & 15;
    r->vex_vvvv = in->vvvv != 0;
    r->vex_used = true;
    r->vex_l = last & 4;
    r->p66 = (last & 3) == 1;
    r->rep = rep_of[last & 3];
    if (!(r->mode & MODE_CODE64)) {
        r->rex &= 0x40;
        in->vvvv &= 7;
    }
    p = take(r, 1);
    return p ? *p : -1;
}

static int take_opcode(struct reader *r, struct x86_insn *in)
{
    int op = take_prefixes(r, in);

    r->map = MAP_1;
    if (op == 0x0f) {
        const uint8_t *p = take(r, 1);

        r->map = p && *p == 0x38 ? MAP_0F38 : p && *p == 0x3a ? MAP_0F3A : MAP_0F;
        if (r->map != MAP_0F) {
            p = take(r, 1);
        }
        return p ? *p : -1;
    }
    if (op == 0xc4 || op == 0xc5) {
        /* LES and LDS outside 64-bit code, when the next byte could be their ModRM. */
        const uint8_t *p = take(r, 1);

        if (!p) {
            return -1;
        }
        r->pos--;
        if ((r->mode & MODE_CODE64) || *p >= 0xc0) {
            return take_vex(r, in, op);
        }
    }
    return op;
}

static void address_16(struct reader *r, struct x86_insn *in, unsigned mod, unsigned rm)
{
    static const uint8_t base[] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    static const uint8_t index[] = {RSI, RDI, RSI, RDI};

    in->base = base[rm];
    in->index = rm < 4 ? index[rm] : X86_NO_REG;
    if (mod == 0 && rm == 6) {
        in->base = X86_NO_REG;
        in->disp = take_signed(r, 2);
    } else if (mod) {
        in->disp = take_signed(r, mod == 1 ? 1 : 2);
    }
}

static void address_32(struct reader *r, struct x86_insn *in, unsigned mod, unsigned rm)
{
    unsigned base = rm;
    bool disp32 = mod == 0 && rm == 5;

    in->base = rm | (r->rex & 1) << 3;
    if (rm == 4) {
        const uint8_t *sib = take(r, 1);

        if (!sib) {
            return;
        }
        base = *sib & 7;
        in->base = base | (r->rex & 1) << 3;
        in->index = ((*sib >> 3) & 7) | (r->rex & 2) << 2;
        in->scale = *sib >> 6;
        if (in->index == RSP) {
            in->index = X86_NO_REG;
            in->scale = 0;
        }
        if (mod == 0 && base == 5) {
            in->base = X86_NO_REG;
            disp32 = true;
        }
    } else if (disp32) {
        in->base = (r->mode & MODE_CODE64) ? X86_RIP : X86_NO_REG;
    }
    if (disp32 || mod == 2) {
        in->disp = take_signed(r, 4);
    } else if (mod == 1) {
        in->disp = take_signed(r, 1);
    }
}

static void take_address(struct reader *r, struct x86_insn *in)
{
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;

    if (mod == 3) {
        return;
    }
    in->flags |= INSN_MEM;
    if (in->asize == 2) {
        address_16(r, in, mod, rm);
    } else {
        address_32(r, in, mod, rm);
    }
    if (!(in->flags & INSN_SEG) && (in->base == RSP || in->base == RBP)) {
        in->seg = SEG_SS;
    }
}

static bool prefix_matches(const struct x86_row *row, const struct x86_insn *in)
{
    return row->prefix == PFX_ANY || row->prefix == in->prefix;
}

static bool matches(const struct reader *r, const struct x86_row *row, const struct x86_insn *in)
{
    bool memory = in->modrm < 0xc0;

    if (!prefix_matches(row, in) || ((row->flags & ROW_NO64) && (r->mode & MODE_CODE64)) ||
        ((row->flags & ROW_ONLY64) && !(r->mode & MODE_CODE64)) ||
        ((row->flags & ROW_W0) && (r->rex & 8)) || ((row->flags & ROW_W1) && !(r->rex & 8))) {
        return false;
    }
    if (!row_has_modrm(row)) {
        return true;
    }
    return !((row->flags & ROW_MEM) && !memory) && !((row->flags & ROW_REG) && memory) &&
           (row->ext == X86_ANY_EXT || row->ext == ((in->modrm >> 3) & 7)) &&
           (!(row->flags & ROW_REG) || row->rm == X86_ANY_EXT || row->rm == (in->modrm & 7));
}

static bool row_uses(const struct x86_row *row, enum x86_operand operand)
{
    return row->operand[0] == operand || row->operand[1] == operand || row->operand[2] == operand ||
           row->operand[3] == operand;
}

/* Whether 66h has its general meaning: not where it is part of the opcode, unless the operands'
 * size depends on it as well (MOVBE, RDRAND). */
static bool shortens(const struct x86_row *row)
{
    if (row->flags & ROW_NOP66) {
        return false;
    }
    return row->prefix != PFX_66 || row_uses(row, OPD_Ev) || row_uses(row, OPD_Gv);
}

static unsigned operand_size(const struct reader *r, const struct x86_row *row)
{
    bool p66 = r->p66 && shortens(row);

    if (row->flags & ROW_BYTE) {
        return 1;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        unsigned o = row->operand[i];

        if (o == OPD_Ey || o == OPD_Gy || o == OPD_My || o == OPD_By) {
            return (r->rex & 8) && (r->mode & MODE_CODE64) ? 8 : 4;
        }
    }
    if (r->mode & MODE_CODE64) {
        bool branch = (row->flags & ROW_FORCE64) && (row->flags & ROW_DEF64);

        if ((row->flags & ROW_FORCE64) && (!branch || (r->mode & MODE_BRANCH64))) {
            return 8;
        }
        return (r->rex & 8) ? 8 : p66 ? 2 : (row->flags & ROW_DEF64) ? 8 : 4;
    }
    return !!(r->mode & MODE_CODE32) != p66 ? 4 : 2;
}

static void take_operand(struct reader *r, struct x86_insn *in, unsigned operand)
{
    switch (tail_of[operand]) {
    case TAIL_8:
        /* ENTER's second immediate goes beside the first. */
        if (operand == OPD_Ib) {
            uint8_t v = take_signed(r, 1);

            in->imm2 = v;
            in->imm = in->opcode == 0xc8 && r->map == MAP_1 ? in->imm : v;
        } else {
            in->imm = take_signed(r, 1);
        }
        break;
    case TAIL_16: in->imm = (uint16_t)take_signed(r, 2); break;
    case TAIL_Z: in->imm = take_signed(r, in->osize == 2 ? 2 : 4); break;
    case TAIL_V: in->imm = take_signed(r, in->osize); break;
    case TAIL_MOFFS:
        in->imm = take_signed(r, in->asize);
        in->imm &= in->asize == 8 ? -1 : in->asize == 4 ? 0xffffffffLL : 0xffff;
        break;
    case TAIL_FAR:
        in->imm = take_signed(r, in->osize == 2 ? 2 : 4);
        in->imm &= in->osize == 2 ? 0xffff : 0xffffffffLL;
        in->imm2 = take_signed(r, 2);
        break;
    }
}

static const struct x86_row *find_row(const struct x86_decoder *d, const struct reader *r,
                                      struct x86_insn *in)
{
    for (unsigned i = d->first[r->map][in->opcode]; i != NO_ROW; i = d->next[i]) {
        if (matches(r, d->row[i], in)) {
            in->row = i;
            return d->row[i];
        }
    }
    return NULL;
}

/* Flags, registers and sizes once the row is known. FALSE: #UD after all. */
static bool settle(const struct reader *r, const struct x86_row *row, struct x86_insn *in)
{
    if (row_has_modrm(row)) {
        in->reg = ((in->modrm >> 3) & 7) | (r->rex & 4) << 1;
        in->rm = (in->modrm & 7) | (r->rex & 1) << 3;
    } else {
        in->reg = (in->opcode & 7) | (r->rex & 1) << 3;
    }
    in->flags |= (r->rex ? INSN_REX : 0) | (r->rep == 0xf3 ? INSN_REP : 0) |
                 (r->rep == 0xf2 ? INSN_REPNE : 0) | (r->lock ? INSN_LOCK : 0) |
                 ((row->flags & ROW_ENDS) ? INSN_ENDS : 0);
    in->osize = operand_size(r, row);
    in->fn = row->fn[in->osize == 8 ? 2 : in->osize == 4 ? 1 : 0];
    if (r->lock && !((row->flags & ROW_LOCK) && (in->flags & INSN_MEM))) {
        return false;
    }
    if (r->vex_used && (r->vex_l || (r->vex_vvvv && !row_uses(row, OPD_By)))) {
        return false;
    }
    return true;
}

static enum x86_decode_result decode(const struct x86_decoder *d, struct reader *r,
                                     struct x86_insn *in)
{
    int op = take_opcode(r, in);

    if (op < 0) {
        return r->failed;
    }
    in->opcode = op;
    in->asize = (r->mode & MODE_CODE64)               ? (r->p67 ? 4 : 8)
                : !!(r->mode & MODE_CODE32) != r->p67 ? 4
                                                      : 2;
    in->prefix = r->rep == 0xf3 ? PFX_F3 : r->rep == 0xf2 ? PFX_F2 : r->p66 ? PFX_66 : PFX_NONE;
    if (d->modrm[r->map][op]) {
        const uint8_t *p = take(r, 1);

        in->modrm = p ? *p : 0;
        if (r->map == MAP_0F && op >= 0x20 && op <= 0x23) {
            in->modrm |= 0xc0; /* MOV to and from CR and DR ignore mod */
        }
    }
    const struct x86_row *row = r->failed == X86_DECODED ? find_row(d, r, in) : NULL;

    if (!row) {
        return r->failed == X86_DECODED ? X86_INVALID : r->failed;
    }
    if (row_has_modrm(row)) {
        take_address(r, in);
    } else if (d->modrm[r->map][op]) {
        r->pos--; /* another row of this opcode has ModRM, this one has not */
    }
    bool good = settle(r, row, in);

    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        take_operand(r, in, row->operand[i]);
    }
    if (r->failed != X86_DECODED) {
        return r->failed;
    }
    return good ? X86_DECODED : X86_INVALID;
}

enum x86_decode_result x86_decode(const struct x86_decoder *decoder, uint32_t mode,
                                  const uint8_t *bytes, unsigned available, struct x86_insn *in)
{
    struct reader r = {.bytes = bytes, .available = available, .mode = mode};

    *in = (struct x86_insn){
        .seg = SEG_DS, .base = X86_NO_REG, .index = X86_NO_REG, .row = NO_ROW, .osize = 4};
    enum x86_decode_result result = decode(decoder, &r, in);

    in->len = r.pos;
    return result;
}
