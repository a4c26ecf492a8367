/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each x87, MMX and SSE row against the host's CPU: random operands, addressing, control words and
 * flags; registers, memory and exceptions compared. Rows the host lacks are counted and named.
 */
#include <glib.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <signal.h>
#include <string.h>

#include "machine/core/bus.h"
#include "machine/core/ram.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/fpu/simd.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/system/cpuid.h"
#include "tests/guest/float/operand.h"
#include "tests/guest/x86/native.h"

#define ROUNDS 1008 /* per row */

struct fixture {
    struct native *native;
    struct quiesce *quiesce;
    struct bus *memory;
    struct ram_block *ram;
    struct bus_region region;
    struct bus_mapping *mapping;
    struct x86_decoder *decoder;
    struct x86_features features;
    struct x86_cpu *c;
    struct random random;
};

/* One case: the bytes, and the state both sides begin with. */
struct trial {
    const struct x86_row *row;
    uint8_t code[16];
    unsigned len;
    unsigned base; /* general register of the memory operand */
    struct native_state state;
    uint8_t data[NATIVE_DATA_SIZE];
};

static const struct x86_row_table *const tables[] = {
    &x86_rows_simd_int, &x86_rows_simd_move, &x86_rows_sse,      &x86_rows_sse_string,
    &x86_rows_crypto,   &x86_rows_x87,       &x86_rows_x87_move, &x86_rows_fpu,
};

static bool host_has(unsigned feature)
{
    unsigned a, b, c, d;

    switch (feature / 32) {
    case FW_1_EDX: __cpuid(1, a, b, c, d); return d >> feature % 32 & 1;
    case FW_1_ECX: __cpuid(1, a, b, c, d); return c >> feature % 32 & 1;
    case FW_7_0_EBX: __cpuid_count(7, 0, a, b, c, d); return b >> feature % 32 & 1;
    case FW_D_1_EAX: __cpuid_count(0xd, 1, a, b, c, d); return a >> feature % 32 & 1;
    default: return false;
    }
}

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    f->random = random_new();
    f->native = native_new();
    f->quiesce = quiesce_new();
    f->memory = bus_new("memory", 40, f->quiesce);
    f->ram = ram_block_new("test.ram", NATIVE_DATA_SIZE, &error);
    g_assert_no_error(error);
    bus_region_init_ram(&f->region, "ram", f->ram, 0, NATIVE_DATA_SIZE);
    f->mapping = bus_map(f->memory, NATIVE_DATA, &f->region, 0, NATIVE_DATA_SIZE, 0, false);
    f->decoder = x86_decoder_new();
    memset(f->features.word, 0xff, sizeof(f->features.word));
    f->c = g_aligned_alloc0(1, sizeof(*f->c), 64);
    f->c->features = &f->features;
    f->c->decoder = f->decoder;
    cpu_init(&f->c->cpu, 0, f->memory, NULL, NULL, NULL);
    quiesce_enter(f->quiesce, &f->c->cpu.reader);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    quiesce_leave(&f->c->cpu.reader);
    cpu_fini(&f->c->cpu);
    g_aligned_free(f->c);
    x86_decoder_free(f->decoder);
    bus_unmap(f->memory, f->mapping);
    bus_free(f->memory);
    ram_block_free(f->ram);
    quiesce_free(f->quiesce);
    native_free(f->native);
}

/* Encoding. */

static bool has_operand(const struct x86_row *row, unsigned operand)
{
    for (unsigned i = 0; i < 4; i++) {
        if (row->operand[i] == operand) {
            return true;
        }
    }
    return false;
}

static bool has_modrm(const struct x86_row *row)
{
    if (row->ext != X86_ANY_EXT || (row->flags & (ROW_MODRM | ROW_MEM | ROW_REG))) {
        return true;
    }
    return row->map != MAP_1 && row->operand[0] != OPD_NONE;
}

static bool general(unsigned operand)
{
    return operand == OPD_Ed || operand == OPD_Ey || operand == OPD_Gd || operand == OPD_Gy ||
           operand == OPD_My;
}

/* A general register that is not the stack pointer. */
static unsigned pick_general(struct random *r)
{
    unsigned n = random_below(r, 15);

    return n >= RSP ? n + 1 : n;
}

static void emit(struct trial *t, unsigned byte)
{
    t->code[t->len++] = (uint8_t)byte;
}

/* ModRM, REX bits in *rex. Memory operands are [reg + disp32] inside the data page. */
static void encode_operands(struct fixture *f, struct trial *t, unsigned *rex, uint8_t *modrm,
                            int32_t *disp, bool *memory)
{
    const struct x86_row *row = t->row;
    struct random *r = &f->random;
    unsigned reg = random_below(r, 16), rm = random_below(r, 16);

    *memory = (row->flags & ROW_MEM) || (!(row->flags & ROW_REG) && random_below(r, 2));
    for (unsigned i = 0; i < 4; i++) {
        if (general(row->operand[i])) {
            if (row->operand[i] == OPD_Gd || row->operand[i] == OPD_Gy) {
                reg = pick_general(r);
            } else {
                rm = pick_general(r);
            }
        }
    }
    if (row->ext != X86_ANY_EXT) {
        reg = (unsigned)row->ext;
    }
    if (!*memory && row->rm != X86_ANY_EXT) {
        rm = (unsigned)row->rm;
    }
    if (*memory) {
        do {
            rm = pick_general(r);
        } while ((rm & 7) == RSP);
        /* Mostly aligned; sometimes not, which SSE refuses. */
        *disp = (int32_t)(random_below(r, 32) * 64);
        if (random_below(r, 4) == 0) {
            *disp += (int32_t)random_below(r, 16);
        }
        if (row->feature == X86_FEAT_SHA || (has_operand(row, OPD_M) && random_below(r, 8))) {
            *disp &= ~63; /* AMD's processors let SHA instructions go unaligned */
        }
        if (g_str_equal(row->name, "ldmxcsr")) {
            *disp &= ~3; /* where prepare_image has put its values */
        }
        t->base = rm;
        t->state.gpr[rm] = NATIVE_DATA + random_below(r, 2) * 512;
        *modrm = (uint8_t)(0x80 | (reg & 7) << 3 | (rm & 7));
    } else {
        *modrm = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
    }
    *rex |= (reg >> 3) << 2 | rm >> 3;
}

static void encode(struct fixture *f, struct trial *t)
{
    static const uint8_t prefix[] = {[PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2};
    const struct x86_row *row = t->row;
    unsigned rex = 0;
    uint8_t modrm = 0;
    int32_t disp = 0;
    bool memory = false;

    t->len = 0;
    if (has_modrm(row)) {
        encode_operands(f, t, &rex, &modrm, &disp, &memory);
    }
    if ((row->flags & ROW_W1) ||
        (!(row->flags & (ROW_W0 | ROW_X87)) && random_below(&f->random, 4) == 0)) {
        rex |= 8;
    }
    if (row->map == MAP_1 && row->ext != X86_ANY_EXT && !memory) {
        rex = 0;
    }
    if (row->prefix > PFX_NONE) {
        emit(t, prefix[row->prefix]);
    }
    if (rex) {
        emit(t, 0x40 | rex);
    }
    if (row->map != MAP_1) {
        emit(t, 0x0f);
    }
    if (row->map == MAP_0F38 || row->map == MAP_0F3A) {
        emit(t, row->map == MAP_0F38 ? 0x38 : 0x3a);
    }
    emit(t, row->opcode);
    if (has_modrm(row)) {
        emit(t, modrm);
    }
    if (memory) {
        memcpy(t->code + t->len, &disp, 4);
        t->len += 4;
    }
    if (has_operand(row, OPD_Ib)) {
        emit(t, (unsigned)random_u64(&f->random) & (random_below(&f->random, 2) ? 0xff : 0x1f));
    }
}

/* State. */

static uint64_t random_lane(struct random *r)
{
    switch (random_below(r, 5)) {
    case 0: return random_fp(r, &fp_b64);
    case 1: return random_fp(r, &fp_b32) << 32 | random_fp(r, &fp_b32);
    case 2: return random_sig(r, 64);
    case 3: return random_u64(r) & UINT64_C(0x0703070307030703); /* small bytes, some zero */
    default: return random_u64(r);
    }
}

static void randomise(struct fixture *f, struct trial *t)
{
    struct random *r = &f->random;
    struct native_fx *fx = &t->state.fx;

    memset(fx, 0, sizeof(*fx));
    for (unsigned i = 0; i < 16; i++) {
        t->state.gpr[i] = random_below(r, 3) ? random_u64(r) : random_below(r, 20);
        fx->xmm[i][0] = random_lane(r);
        fx->xmm[i][1] = random_lane(r);
    }
    /* For MASKMOV: always a good address, of which the encoder may only change the page. */
    t->state.gpr[RDI] = NATIVE_DATA + 64 * random_below(r, 32);
    t->state.flags = random_u64(r);
    fx->mxcsr = 0x1f80 | random_below(r, 4) << 13 | (random_u64(r) & 0x3f);
    fx->mxcsr |= random_below(r, 4) ? 0 : 0x40;
    fx->mxcsr |= random_below(r, 4) ? 0 : 0x8000;
    if (random_below(r, 3) == 0) {
        /* Unmask some, with none of those pending: pending SSE flags do not trap by themselves. */
        fx->mxcsr &= ~(random_u64(r) & 0x1f80);
    }
    fx->control = 0x37f | random_below(r, 4) << 10;
    if (random_below(r, 3) == 0) {
        fx->control = (uint16_t)(fx->control & ~0x300) | (uint16_t)(random_below(r, 2) * 2) << 8;
    }
    if (random_below(r, 3) == 0) {
        fx->control &= (uint16_t) ~(random_u64(r) & 0x3f);
    }
    fx->status = (uint16_t)(random_u64(r) & (0x4700 | 0x3800 | 0x40));
    fx->status |= (uint16_t)(random_u64(r) & fx->control & 0x3f);
    if (random_below(r, 32) == 0) {
        /* An error is pending: waiting instructions raise #MF, the others go on. */
        fx->status |= (uint16_t)(random_u64(r) & 0x3f);
        fx->status |= fx->status & ~fx->control & 0x3f ? X87_SW_ES | X87_SW_B : 0;
    }
    switch (random_below(r, 4)) {
    case 0: fx->tag = (uint8_t)random_u64(r); break;
    case 1: fx->tag = 0xff; break;
    default: fx->tag = (uint8_t) ~(1u << ((fx->status >> 11) + 7) % 8); break;
    }
    for (unsigned i = 0; i < 8; i++) {
        struct f80 v = random_f80(r);

        fx->st[i].mantissa = v.sig;
        fx->st[i].sign_exponent = random_below(r, 12) ? v.se : 0xffff;
    }
}

/* Memory operands; made anew once in a while. */
static void randomise_data(struct fixture *f, struct trial *t)
{
    for (unsigned i = 0; i < NATIVE_DATA_SIZE; i += 8) {
        uint64_t v = random_lane(&f->random);

        memcpy(t->data + i, &v, 8);
    }
}

/* ST(0) within the range for which the manual defines a result. */
static void prepare_range(struct fixture *f, struct trial *t)
{
    struct native_fx *fx = &t->state.fx;
    bool f2xm1 = g_str_equal(t->row->name, "f2xm1");
    bool fyl2xp1 = g_str_equal(t->row->name, "fyl2xp1");

    if (fyl2xp1 && (fx->st[0].sign_exponent & 0x7fff) >= 0x3ffd) {
        fx->st[0].sign_exponent = (uint16_t)((fx->st[0].sign_exponent & 0x8000) |
                                             (0x3ffc - random_below(&f->random, 90)));
        fx->st[0].mantissa |= UINT64_C(1) << 63;
    }
    if (f2xm1 && (fx->st[0].sign_exponent & 0x7fff) >= 0x3fff) {
        fx->st[0].sign_exponent = (uint16_t)((fx->st[0].sign_exponent & 0x8000) |
                                             (0x3ffe - random_below(&f->random, 90)));
        fx->st[0].mantissa |= UINT64_C(1) << 63;
    }
}

/* Rows whose memory operand is a state image need a sensible one. */
static void prepare_image(struct fixture *f, struct trial *t)
{
    const char *name = t->row->name;
    bool fx = g_str_has_prefix(name, "fxrstor"), env = g_str_equal(name, "fldenv");
    bool save = g_str_equal(name, "frstor");

    if (!fx && !env && !save && !g_str_equal(name, "ldmxcsr")) {
        return;
    }
    for (unsigned at = 0; at < NATIVE_DATA_SIZE; at += 4) {
        uint32_t v;

        memcpy(&v, t->data + at, 4);
        if (g_str_equal(name, "ldmxcsr")) {
            v &= random_below(&f->random, 8) ? 0xffff : 0xfffdffff;
        } else if (fx && at % 64 == 24) {
            v &= 0xffff; /* MXCSR */
        } else if (fx && at % 64 == 0) {
            v |= 0x3f; /* everything masked, so nothing becomes pending */
        } else if ((env || save)) {
            v |= 0x3f;
        }
        memcpy(t->data + at, &v, 4);
    }
}

static void load_guest(struct fixture *f, const struct trial *t)
{
    struct x86_cpu *c = f->c;
    const struct native_fx *fx = &t->state.fx;

    memcpy(c->gpr, t->state.gpr, sizeof(c->gpr));
    x86_flags_set(c, (uint32_t)t->state.flags);
    c->rflags = FLAG_ONE | FLAG_IF;
    c->mode = MODE_CODE64 | MODE_PROT | MODE_LONG | 3 << MODE_CPL_SHIFT;
    c->cr0 = CR0_PE | CR0_NE | CR0_MP | CR0_ET;
    c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    c->rip = 0x1000;
    c->mxcsr = fx->mxcsr;
    for (unsigned i = 0; i < 16; i++) {
        memcpy(c->vec[i].u64, fx->xmm[i], 16);
    }
    memset(&c->fpu, 0, sizeof(c->fpu));
    c->fpu.control = fx->control;
    c->fpu.status = fx->status;
    c->fpu.tag = fx->tag;
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[x87_physical(c, i)] = (struct x86_f80){.mantissa = fx->st[i].mantissa,
                                                         .sign_exponent = fx->st[i].sign_exponent};
    }
    x87_update_summary(c);
    memcpy(f->ram->host, t->data, NATIVE_DATA_SIZE);
}

static void store_guest(struct fixture *f, struct native_state *s)
{
    const struct x86_cpu *c = f->c;

    memset(s, 0, sizeof(*s));
    memcpy(s->gpr, c->gpr, sizeof(s->gpr));
    s->flags = x86_flags_get(c);
    s->fx.mxcsr = c->mxcsr;
    s->fx.control = c->fpu.control;
    s->fx.status = c->fpu.status;
    s->fx.tag = c->fpu.tag;
    for (unsigned i = 0; i < 8; i++) {
        s->fx.st[i].mantissa = c->fpu.st[x87_physical(c, i)].mantissa;
        s->fx.st[i].sign_exponent = c->fpu.st[x87_physical(c, i)].sign_exponent;
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(s->fx.xmm[i], c->vec[i].u64, 16);
    }
}

static int signal_of(const struct x86_cpu *c, enum x86_status st)
{
    if (st != X86_FAULT) {
        return 0;
    }
    switch (c->exc.vector) {
    case VEC_MF:
    case VEC_XM: return SIGFPE;
    case VEC_UD: return SIGILL;
    default: return SIGSEGV;
    }
}

/* FALSE: the decoder does not find this row for these bytes. */
static bool run_guest(struct fixture *f, const struct trial *t, struct native_state *ret,
                      int *signal)
{
    struct x86_insn in;
    enum x86_status st = X86_OK;

    load_guest(f, t);
    if (x86_decode(f->decoder, f->c->mode, t->code, t->len, &in) != X86_DECODED ||
        in.len != t->len || x86_decoder_row(f->decoder, in.row) != t->row) {
        return false;
    }
    if ((t->row->flags & (ROW_X87 | ROW_MMX)) && !(t->row->flags & ROW_NOWAIT)) {
        st = x87_wait(f->c);
    }
    if (st == X86_OK) {
        st = in.fn(f->c, &in);
    }
    *signal = signal_of(f->c, st);
    store_guest(f, ret);
    return true;
}

/* Comparison. */

static bool near_f80(const struct native_fx *a, const struct native_fx *b, unsigned i)
{
    __int128 x =
        (__int128)(a->st[i].sign_exponent & 0x7fff) << 63 | (a->st[i].mantissa & INT64_MAX);
    __int128 y =
        (__int128)(b->st[i].sign_exponent & 0x7fff) << 63 | (b->st[i].mantissa & INT64_MAX);

    return (a->st[i].sign_exponent & 0x8000) == (b->st[i].sign_exponent & 0x8000) && x - y <= 1 &&
           y - x <= 1;
}

/* Both are approximations of relative error below 1.5 * 2^-12. */
static bool near_f32(uint32_t a, uint32_t b)
{
    float x, y;

    memcpy(&x, &a, 4);
    memcpy(&y, &b, 4);
    if (a == b || (x != x && y != y)) {
        return true;
    }
    if (!(a & 0x7fffffff) || !(b & 0x7fffffff)) {
        /* At the smallest normal number some flush to zero already. */
        return !((a ^ b) & 0x80000000) && ((a | b) & 0x7fffffff) < 0x00801000;
    }
    return (x > y ? x - y : y - x) <= 3.0f / 4096 * (x < 0 ? -x : x);
}

static bool transcendental(const char *name)
{
    static const char *const names[] = {"f2xm1", "fyl2x", "fyl2xp1", "fpatan",
                                        "fsin",  "fcos",  "fsincos", "fptan"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_nan64(uint64_t v)
{
    return (v & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

static bool is_nan32(uint32_t v)
{
    return (v & INT32_MAX) > 0x7f800000;
}

/*
 * DPPS and DPPD add several products, in an order that is the processor's own: where more than one
 * is a NaN, Intel's and AMD's give different ones.
 */
static bool same_sums(const struct native_fx *a, const struct native_fx *b, bool wide)
{
    const uint32_t *x = (const uint32_t *)a->xmm, *y = (const uint32_t *)b->xmm;

    for (unsigned i = 0; i < 32; i++) {
        uint64_t p = a->xmm[i / 2][i % 2], q = b->xmm[i / 2][i % 2];
        bool low = x[2 * i] == y[2 * i] || (is_nan32(x[2 * i]) && is_nan32(y[2 * i]));
        bool high =
            x[2 * i + 1] == y[2 * i + 1] || (is_nan32(x[2 * i + 1]) && is_nan32(y[2 * i + 1]));

        if (wide ? p != q && !(is_nan64(p) && is_nan64(q)) : !low || !high) {
            return false;
        }
    }
    return true;
}

static bool same_vectors(const struct native_fx *a, const struct native_fx *b, const char *name)
{
    bool approximate = g_str_has_prefix(name, "rcp") || g_str_has_prefix(name, "rsqrt");
    const uint32_t *x = (const uint32_t *)a->xmm, *y = (const uint32_t *)b->xmm;

    if (g_str_equal(name, "dpps") || g_str_equal(name, "dppd")) {
        return same_sums(a, b, g_str_equal(name, "dppd"));
    }
    for (unsigned i = 0; i < 64; i++) {
        if (approximate ? !near_f32(x[i], y[i]) : x[i] != y[i]) {
            return false;
        }
    }
    return true;
}

static bool is_denormal(const struct native_fx *a, unsigned i)
{
    return (a->st[i].sign_exponent & 0x7fff) == 0 && a->st[i].mantissa >> 63 == 0;
}

static bool is_infinite(const struct native_fx *a, unsigned i)
{
    return (a->st[i].sign_exponent & 0x7fff) == 0x7fff && a->st[i].mantissa << 1 == 0;
}

static bool same_x87(const struct native_fx *a, const struct native_fx *b, const char *name)
{
    bool loose = transcendental(name);
    /*
     * C1 of a transcendental says how an approximation was rounded. FCOMI clears it by the manual,
     * but not on AMD's processors.
     */
    bool free_c1 = loose || g_str_has_prefix(name, "fcomi") || g_str_has_prefix(name, "fucomi");
    uint16_t mask = free_c1 ? (uint16_t)~X87_SW_C1 : 0xffff;

    for (unsigned i = 0; i < 8; i++) {
        bool same = a->st[i].mantissa == b->st[i].mantissa &&
                    a->st[i].sign_exponent == b->st[i].sign_exponent;

        if (!same && !(loose && near_f80(a, b, i))) {
            return false;
        }
        /* Of two neighbours one may underflow or overflow and the other may not. */
        if (loose && is_denormal(a, i) != is_denormal(b, i)) {
            mask &= ~FP_UNDERFLOW;
        }
        if (loose && is_infinite(a, i) != is_infinite(b, i)) {
            mask &= ~FP_OVERFLOW;
        }
    }
    return a->control == b->control && !((a->status ^ b->status) & mask) && a->tag == b->tag;
}

/* A result that underflow, unmasked, scaled up, as it was before that. */
static void scale_down(struct native_fx *fx, unsigned i)
{
    int exponent = (fx->st[i].sign_exponent & 0x7fff) - 0x6000;

    if (exponent <= 0 && exponent > -63) {
        fx->st[i].mantissa >>= 1 - exponent;
        fx->st[i].sign_exponent &= 0x8000;
    }
}

/*
 * AMD's processors raise underflow for any result that is tiny; Intel's do not where it is the
 * operand itself, as a small angle is its own sine. TRUE: host and guest differ by no more.
 */
static bool same_but_underflow(const struct native_fx *host, const struct native_fx *guest,
                               const char *name)
{
    struct native_fx g = *guest;
    bool may = transcendental(name) || g_str_equal(name, "fscale") || g_str_equal(name, "fprem") ||
               g_str_equal(name, "fprem1");

    if (!may || (host->status & FP_UNDERFLOW) || !(g.status & ~g.control & FP_UNDERFLOW)) {
        return false;
    }
    g.status &= ~(FP_UNDERFLOW | X87_SW_ES | X87_SW_B);
    if (g.status & ~g.control & FP_FLAGS) {
        g.status |= X87_SW_ES | X87_SW_B;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (g.st[i].mantissa != host->st[i].mantissa) {
            scale_down(&g, i);
        }
    }
    return same_x87(host, &g, name);
}

static void describe(GString *s, const char *who, const struct native_state *st, int signal)
{
    g_string_append_printf(
        s, "\n%-6s sig=%d fl=%03" G_GINT64_MODIFIER "x mxcsr=%04x cw=%03x sw=%04x tag=%02x", who,
        signal, st->flags, st->fx.mxcsr, st->fx.control, st->fx.status, st->fx.tag);
}

static void explain(const struct trial *t, const struct native_state *want, int want_signal,
                    const struct native_state *got, int got_signal, bool memory)
{
    g_autoptr(GString) s = g_string_new(t->row->name);

    for (unsigned i = 0; i < t->len; i++) {
        g_string_append_printf(s, " %02x", t->code[i]);
    }
    describe(s, "before", &t->state, 0);
    describe(s, "host", want, want_signal);
    describe(s, "guest", got, got_signal);
    for (unsigned i = 0; i < 16; i++) {
        if (want->gpr[i] != got->gpr[i] && i != RSP) {
            g_string_append_printf(s, "\ngpr %u: %016lx host %016lx guest %016lx", i,
                                   t->state.gpr[i], want->gpr[i], got->gpr[i]);
        }
        if (memcmp(want->fx.xmm[i], got->fx.xmm[i], 16)) {
            g_string_append_printf(
                s, "\nxmm %u: %016lx_%016lx host %016lx_%016lx guest %016lx_%016lx", i,
                t->state.fx.xmm[i][1], t->state.fx.xmm[i][0], want->fx.xmm[i][1],
                want->fx.xmm[i][0], got->fx.xmm[i][1], got->fx.xmm[i][0]);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        g_string_append_printf(s, "\nst %u: %04x:%016lx host %04x:%016lx guest %04x:%016lx", i,
                               t->state.fx.st[i].sign_exponent, t->state.fx.st[i].mantissa,
                               want->fx.st[i].sign_exponent, want->fx.st[i].mantissa,
                               got->fx.st[i].sign_exponent, got->fx.st[i].mantissa);
    }
    g_test_message("%s%s", s->str, memory ? "" : "\nmemory differs");
}

/*
 * Images also hold the last instruction's address and opcode, which processors keep by rules of
 * their own: copied over before the comparison.
 */
static void forget_pointers(const struct trial *t, const struct native_state *before, uint8_t *host,
                            const uint8_t *guest)
{
    const char *name = t->row->name;
    bool fx = g_str_has_prefix(name, "fxsave");
    unsigned from = fx ? 6 : 12, to = fx ? 24 : 28;
    int32_t disp;
    uint64_t at;

    if (!fx && !g_str_equal(name, "fnstenv") && !g_str_equal(name, "fnsave")) {
        return;
    }
    memcpy(&disp, t->code + t->len - 4, 4);
    at = before->gpr[t->base] + (uint64_t)disp - NATIVE_DATA;
    if (at + 512 > NATIVE_DATA_SIZE) {
        return;
    }
    memcpy(host + at + from, guest + at + from, to - from);
    if (fx) {
        memcpy(host + at + 28, guest + at + 28, 4); /* MXCSR_MASK is the model's */
    }
}

static bool check(struct fixture *f, struct trial *t)
{
    struct native_state want = t->state, got;
    int want_signal, got_signal = 0;
    const char *name = t->row->name;
    bool memory, same;

    memcpy(native_data(f->native), t->data, NATIVE_DATA_SIZE);
    want_signal = native_run(f->native, t->code, t->len, &want);
    if (!run_guest(f, t, &got, &got_signal)) {
        g_test_message("%s: not decoded to its row (%02x %02x %02x %02x %02x)", name, t->code[0],
                       t->code[1], t->code[2], t->code[3], t->code[4]);
        return false;
    }
    want.gpr[RSP] = got.gpr[RSP];
    forget_pointers(t, &t->state, native_data(f->native), f->ram->host);
    memory = !memcmp(native_data(f->native), f->ram->host, NATIVE_DATA_SIZE);
    same = want_signal == got_signal && memory &&
           !((want.flags ^ got.flags) & ~t->row->flags_undefined & FLAGS_ARITH) &&
           !memcmp(want.gpr, got.gpr, sizeof(want.gpr)) && want.fx.mxcsr == got.fx.mxcsr &&
           same_vectors(&want.fx, &got.fx, name) &&
           (same_x87(&want.fx, &got.fx, name) || same_but_underflow(&want.fx, &got.fx, name));
    if (!same) {
        explain(t, &want, want_signal, &got, got_signal, memory);
    }
    return same;
}

static bool testable(const struct x86_row *row)
{
    /* XSAVE and its kin see the host's own components. */
    return !(row->flags & ROW_UNTESTABLE);
}

/* Such a row names the test of fpu-test.c that runs it instead. */
static bool is_directed(const struct x86_row *row)
{
    return row->directed && g_str_equal(row->directed, "x86/fpu/xsave");
}

static void test_table(struct fixture *f, gconstpointer data)
{
    const struct x86_row_table *table = data;
    g_autofree struct trial *t = g_new0(struct trial, 1);
    unsigned lacking = 0, directed = 0;

    for (unsigned i = 0; i < table->n; i++) {
        t->row = &table->rows[i];
        if (!testable(t->row)) {
            if (!is_directed(t->row)) {
                g_test_message("%s: neither run nor directed", t->row->name);
                g_test_fail();
            }
            directed++;
            continue;
        }
        if (t->row->feature && !host_has(t->row->feature)) {
            g_test_message("%s: the host's CPU lacks it", t->row->name);
            lacking++;
            continue;
        }
        for (unsigned n = 0; n < ROUNDS; n++) {
            randomise(f, t);
            if (n % 16 == 0) {
                randomise_data(f, t);
                prepare_image(f, t);
            }
            prepare_range(f, t);
            encode(f, t);
            if (!check(f, t)) {
                g_test_fail();
                break;
            }
        }
    }
    g_test_message("%u rows, %u directed, %u the host lacks", table->n, directed, lacking);
}

/* Opcodes of extensions that the host may have and we do not, by map and range. */
static bool is_foreign(unsigned map, unsigned op)
{
    static const struct {
        uint8_t map, first, last;
    } foreign[] = {
        {MAP_0F, 0x77, 0x79},                           /* no ModRM; SSE4A, VMX */
        {MAP_0F38, 0x80, 0x83},                         /* INVEPT and the like: not for users */
        {MAP_0F38, 0xcf, 0xcf}, {MAP_0F3A, 0xce, 0xcf}, /* GFNI */
        {MAP_0F38, 0xd8, 0xda},                         /* key locker */
        {MAP_0F38, 0xf0, 0xff},                         /* general registers: other tests' */
        {MAP_0F3A, 0xf0, 0xff},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (foreign[i].map == map && op >= foreign[i].first && op <= foreign[i].last) {
            return true;
        }
    }
    return false;
}

/* Does the processor know this encoding, and do we? */
static void check_known(struct fixture *f, const uint8_t *code, unsigned len)
{
    struct native_state state = {.fx = {.control = 0x37f, .mxcsr = 0x1f80}};
    struct x86_insn in;
    bool host, guest;

    for (unsigned i = 0; i < 16; i++) {
        state.gpr[i] = NATIVE_DATA;
    }
    host = native_run(f->native, code, len, &state) != SIGILL;
    guest =
        x86_decode(f->decoder, MODE_CODE64 | MODE_PROT | MODE_LONG, code, len, &in) == X86_DECODED;
    if (host != guest) {
        g_autoptr(GString) s = g_string_new(NULL);

        for (unsigned i = 0; i < len; i++) {
            g_string_append_printf(s, " %02x", code[i]);
        }
        g_test_message("%s knows%s", host ? "only the host" : "only the decoder", s->str);
        g_test_fail();
    }
}

/* ModRM.reg of these names a general register to write: not the stack pointer, please. */
static bool writes_general(const uint8_t *code, unsigned len)
{
    return code[len - 2] == 0x0f && strchr("\x2c\x2d\x50\xc5\xd7", code[len - 1]);
}

/* Every ModRM.reg, for a register and for memory, then something to be an immediate. */
static void check_forms(struct fixture *f, uint8_t *code, unsigned len)
{
    for (unsigned reg = 0; reg < 8; reg++) {
        if (reg == RSP && writes_general(code, len)) {
            continue;
        }
        for (unsigned memory = 0; memory < 2; memory++) {
            code[len] = (uint8_t)((memory ? 0x07 : 0xc1) | reg << 3);
            memset(code + len + 1, 0xc3, 3);
            check_known(f, code, len + 4);
        }
    }
}

static bool is_ours(unsigned map, unsigned op)
{
    if (map != MAP_0F) {
        return true;
    }
    return (op >= 0x10 && op <= 0x17) || (op >= 0x28 && op <= 0x2f) || (op >= 0x50 && op <= 0x7f) ||
           op == 0xc2 || (op >= 0xc4 && op <= 0xc6) || (op >= 0xd0 && op <= 0xfe);
}

static void test_known(struct fixture *f, gconstpointer data)
{
    static const uint8_t prefix[] = {0, 0x66, 0xf3, 0xf2};
    uint8_t code[16];

    for (unsigned map = MAP_0F; map <= MAP_0F3A; map++) {
        for (unsigned op = 0; op < 256; op++) {
            for (unsigned p = 0; p < 4; p++) {
                unsigned len = 0;

                bool sse4a = map == MAP_0F && op == 0x2b && p >= 2;

                if (!is_ours(map, op) || is_foreign(map, op) || sse4a) {
                    continue;
                }
                if (prefix[p]) {
                    code[len++] = prefix[p];
                }
                code[len++] = 0x0f;
                if (map != MAP_0F) {
                    code[len++] = map == MAP_0F38 ? 0x38 : 0x3a;
                }
                code[len++] = (uint8_t)op;
                check_forms(f, code, len);
            }
        }
    }
}

static void test_known_x87(struct fixture *f, gconstpointer data)
{
    for (unsigned op = 0xd8; op <= 0xdf; op++) {
        for (unsigned modrm = 0xc0; modrm <= 0xff; modrm++) {
            check_known(f, (const uint8_t[]){(uint8_t)op, (uint8_t)modrm}, 2);
        }
        for (unsigned reg = 0; reg < 8; reg++) {
            check_known(f, (const uint8_t[]){(uint8_t)op, (uint8_t)(reg << 3 | 7)}, 2);
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"simd-int", "simd-move", "sse",      "sse-string",
                                        "crypto",   "x87",       "x87-move", "fpu"};

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_autofree char *path = g_strdup_printf("/x86/native/%s", names[i]);

        g_test_add(path, struct fixture, tables[i], set_up, test_table, tear_down);
    }
    g_test_add("/x86/native/known", struct fixture, NULL, set_up, test_known, tear_down);
    g_test_add("/x86/native/known-x87", struct fixture, NULL, set_up, test_known_x87, tear_down);
    return g_test_run();
}

#else

int main(void)
{
    g_print("1..0 # SKIP the host is not x86-64\n");
    return 0;
}

#endif
