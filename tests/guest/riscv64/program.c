/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "program.h"

#include <elf.h>
#include <string.h>

#define BODY 400 /* random instructions of a program */

#define POINTER 31 /* to the middle of DATA */
#define ATOMIC  30 /* to an aligned place in it */

static void emit(struct program *p, uint32_t code)
{
    unsigned len = (code & 3) == 3 ? 4 : 2;

    memcpy(p->image + (p->at - BASE), &code, len);
    p->at += len;
}

static uint32_t below(struct program *p, uint32_t n)
{
    return g_rand_int_range(p->random, 0, n);
}

static uint64_t random64(struct program *p)
{
    return (uint64_t)g_rand_int(p->random) << 32 | g_rand_int(p->random);
}

/* Numbers where something happens: ends of ranges, infinities, NaNs, zeros, denormals. */
static uint64_t special(struct program *p)
{
    static const uint64_t values[] = {
        0,
        1,
        UINT64_MAX,
        INT64_MAX,
        UINT64_C(1) << 63,
        UINT64_C(0xffffffff80000000),
        0x7fffffff,
        UINT64_C(0x7ff0000000000000),
        UINT64_C(0xfff0000000000000),
        UINT64_C(0x7ff8000000000000),
        UINT64_C(0x7ff0000000000001),
        UINT64_C(0x3ff0000000000000),
        UINT64_C(0x0010000000000000),
        UINT64_C(0x7fefffffffffffff),
        UINT64_C(0x43e0000000000000),
        UINT64_C(0xffffffff7f800000),
        UINT64_C(0xffffffff7fc00000),
        UINT64_C(0xffffffff7f800001),
        UINT64_C(0xffffffff3f800000),
        UINT64_C(0xffffffff00000001),
        UINT64_C(0xffffffff00800000),
        UINT64_C(0xffffffff4f000000),
        UINT64_C(0xffffffffff7fffff),
    };

    switch (below(p, 4)) {
    case 0: return random64(p);
    case 1: return random64(p) | UINT64_C(0xffffffff00000000);
    case 2: return random64(p) >> below(p, 64);
    }
    return values[below(p, G_N_ELEMENTS(values))];
}

/* A destination that is no pointer. */
static unsigned destination(struct program *p)
{
    return below(p, ATOMIC);
}

/* What these programs leave out: what belongs to the system, jumps, what qemu-riscv64 7.2 lacks,
 * and cpopw, whose answer there can be above 32 (alu-test.c has it). */
static bool is_left_out(const struct riscv_row *row)
{
    static const char *const names[] = {"ecall",   "ebreak",     "sret", "mret", "wfi", "fence",
                                        "fence_i", "sfence_vma", "jal",  "jalr", "ctzw"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(row->name, names[i]) == 0) {
            return true;
        }
    }
    return g_str_has_prefix(row->name, "sc_") || row->form == RISCV_FORM_CSR ||
           row->extension == RISCV_EXT_ZICBOM || row->extension == RISCV_EXT_ZICBOZ;
}

/* Rounding mode in the place of funct3, where the row leaves it open. */
static uint32_t rounding(struct program *p, const struct riscv_row *row)
{
    static const uint8_t modes[] = {0, 1, 2, 3, 4, 7};

    return row->mask & 0x7000 ? 0 : (uint32_t)modes[below(p, sizeof(modes))] << 12;
}

static uint32_t in_data(struct program *p)
{
    return below(p, 4096 - 8) - 2048;
}

static uint32_t of_row(struct program *p, const struct riscv_row *row)
{
    uint32_t code = row->match, free_bits = ~row->mask;
    uint32_t rd = destination(p) << 7, any = g_rand_int(p->random) & 0x01f00000;
    uint32_t rs1 = below(p, 32) << 15, offset;

    if ((code & 0x7f) == 0x2f) { /* atomics */
        return code | rd | (below(p, 32) << 20 & free_bits) | ATOMIC << 15 |
               (g_rand_int(p->random) & 0x06000000);
    }
    switch (row->form) {
    case RISCV_FORM_S:
        offset = in_data(p);
        return code | (offset & 31) << 7 | POINTER << 15 | any | (offset & 0xfe0) << 20;
    case RISCV_FORM_B: /* over the next instruction, which is a short or a long one */
        return code | rs1 | any | 8 << 7;
    case RISCV_FORM_I:
        if ((code & 0x7f) == 0x03 || (code & 0x7f) == 0x07) {
            return code | rd | POINTER << 15 | in_data(p) << 20;
        }
        break;
    case RISCV_FORM_R:
        return code | rd |
               ((rs1 | any | rounding(p, row) | (below(p, 32) << 27)) & free_bits & ~0x0600007fu);
    default: break;
    }
    return code | rd | ((rs1 | (g_rand_int(p->random) & 0xfffff000)) & free_bits & ~0xf80u);
}

static const struct riscv_row *row_of(uint32_t code)
{
    unsigned n;
    const struct riscv_row *rows = riscv_rows(&n);

    for (unsigned i = 0; i < n; i++) {
        if ((code & rows[i].mask) == rows[i].match) {
            return &rows[i];
        }
    }
    return NULL;
}

/* A short instruction that neither jumps, nor touches memory or a pointer. */
static uint32_t of_compressed(struct program *p)
{
    for (;;) {
        uint16_t code = g_rand_int(p->random);
        uint32_t whole = (code & 3) == 3 ? 0 : riscv_expand(code);
        const struct riscv_row *row = row_of(whole);
        uint32_t opcode = whole & 0x7f;

        if (row && !is_left_out(row) && (whole >> 7 & 31) < ATOMIC && opcode != 0x63 &&
            opcode != 0x03 && opcode != 0x23 && opcode != 0x07 && opcode != 0x27) {
            return code;
        }
    }
}

static void emit_random(struct program *p)
{
    unsigned n;
    const struct riscv_row *rows = riscv_rows(&n), *row;

    if (below(p, 5) == 0) {
        emit(p, of_compressed(p));
        return;
    }
    do {
        row = &rows[below(p, n)];
    } while (is_left_out(row));
    emit(p, of_row(p, row));
    if (g_str_has_prefix(row->name, "lr_")) { /* and a store of the same width */
        emit(p, of_compressed(p));
        emit(p, rv_r(row->name[3] == 'w' ? "sc_w" : "sc_d", destination(p), ATOMIC, below(p, 32)));
    }
    if (row->form == RISCV_FORM_B) { /* 4 bytes to jump over */
        if (below(p, 2)) {
            emit(p, of_compressed(p));
            emit(p, of_compressed(p));
        } else {
            emit(p, rv_r("add", destination(p), below(p, 32), below(p, 32)));
        }
    }
}

static void emit_begin(struct program *p)
{
    emit(p, rv_u("lui", POINTER, (DATA + 0x1000) >> 12));
    emit(p, rv_i("addi", POINTER, POINTER, -2048));
    emit(p, rv_i("addi", ATOMIC, POINTER, 256));
    for (unsigned i = 0; i < 32; i++) {
        emit(p, rv_i("fld", i, POINTER, i * 8));
    }
    for (unsigned i = 1; i < ATOMIC; i++) {
        emit(p, rv_i("ld", i, POINTER, 512 + i * 8));
    }
    emit(p, rv_csr("csrrwi", 0, 0x002, below(p, 5))); /* frm */
}

static void emit_end(struct program *p)
{
    emit(p, rv_u("lui", POINTER, DUMP >> 12));
    for (unsigned i = 0; i <= ATOMIC; i++) {
        emit(p, rv_s("sd", POINTER, i, i * 8));
    }
    for (unsigned i = 0; i < 32; i++) {
        emit(p, rv_s("fsd", POINTER, i, 256 + i * 8));
    }
    emit(p, rv_csr("csrrs", 1, 0x003, 0)); /* fcsr */
    emit(p, rv_s("sd", POINTER, 1, 512));
    emit(p, rv_i("addi", 10, 0, 1));
    emit(p, rv_u("lui", 11, DATA >> 12));
    emit(p, rv_u("lui", 12, LENGTH >> 12));
    emit(p, rv_i("addi", 17, 0, 64)); /* write(1, DATA, LENGTH) */
    emit(p, rv_plain("ecall"));
    emit(p, rv_i("addi", 10, 0, 0));
    emit(p, rv_i("addi", 17, 0, 93)); /* exit(0) */
    emit(p, rv_plain("ecall"));
}

static void add_header(struct program *p)
{
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_RISCV,
        .e_version = EV_CURRENT,
        .e_entry = CODE,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_flags = 5, /* C, and doubles in registers */
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1};
    Elf64_Phdr segment = {.p_type = PT_LOAD,
                          .p_flags = PF_R | PF_W | PF_X,
                          .p_vaddr = BASE,
                          .p_paddr = BASE,
                          .p_filesz = END - BASE,
                          .p_memsz = END - BASE,
                          .p_align = 4096};

    memcpy(p->image, &header, sizeof(header));
    memcpy(p->image + sizeof(header), &segment, sizeof(segment));
}

struct program *program_new(uint32_t seed)
{
    struct program *p = g_new0(struct program, 1);

    p->random = g_rand_new_with_seed(seed);
    p->at = CODE;
    for (unsigned i = 0; i < 4096; i += 8) {
        uint64_t v = special(p);

        memcpy(p->image + (DATA - BASE) + i, &v, 8);
    }
    emit_begin(p);
    for (unsigned i = 0; i < BODY; i++) {
        emit_random(p);
    }
    emit_end(p);
    add_header(p);
    g_assert_cmphex(p->at, <, DATA);
    return p;
}

void program_free(struct program *p)
{
    g_rand_free(p->random);
    g_free(p);
}

void program_load(const struct program *p, struct rv *r)
{
    memcpy(r->ram->host + BASE, p->image, sizeof(p->image));
    rv_put(r, HALT, (uint32_t[]){rv_plain("wfi")}, 1);
    r->c->pc = CODE;
    r->c->mtvec = HALT;
    r->c->mstatus |= MSTATUS_FS;
}
