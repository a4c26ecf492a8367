/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs any bytes as a RISC-V guest, interpreted and translated: the first choose mode, status and
 * delegation, the next are page-table entries and PMP, the rest is code and data. Nothing may crash
 * or hang, both must end in the same state, and that must be one that a hart could be loaded from.
 */
#include "rv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CODE = 0x1000, HANDLER = 0x3000, TABLE = 0x8000 };

#define HEADER 32
#define STEPS  2000

static uint64_t number(const uint8_t *bytes)
{
    uint64_t v;

    memcpy(&v, bytes, 8);
    return v;
}

/* Three levels, whose last maps 2 MiB one to one, but for an entry of the input in each. */
static void make_tables(struct rv *r, const uint8_t *header)
{
    rv_write64(r, TABLE, (TABLE + 0x1000) >> 2 | 1);
    rv_write64(r, TABLE + 0x1000, (TABLE + 0x2000) >> 2 | 1);
    for (unsigned i = 0; i < 512; i++) {
        rv_write64(r, TABLE + 0x2000 + i * 8, (uint64_t)i << 10 | (header[1] & 0x10) | 0xf);
    }
    rv_write64(r, TABLE + 0x2000 + header[2] % 64 * 8, number(header + 8));
    rv_write64(r, TABLE + 0x1000 * (header[3] % 3) + 8, number(header + 16));
}

static void set_mode(struct rv *r, const uint8_t *header)
{
    static const uint8_t modes[] = {RISCV_U, RISCV_S, RISCV_M, RISCV_M};
    struct riscv_cpu *c = r->c;

    c->pmpcfg[0] = header[4] & 0x80 ? header[5] & 0x9f : 0x1f;
    c->pmpaddr[0] = header[4] & 0x80 ? number(header + 24) >> 10 : UINT64_MAX >> 10;
    c->pmpcfg[1] = 0x1f;
    c->pmpaddr[1] = UINT64_MAX >> 10;
    c->mtvec = c->stvec = HANDLER | (header[6] & 1);
    c->medeleg = header[6] & 2 ? 0xb3ff : 0;
    c->mideleg = header[6] & 4 ? 0x222 : 0;
    c->mie = header[6] & 8 ? 0xaaa : 0;
    c->mcounteren = c->scounteren = header[6] & 16 ? UINT32_MAX : 0;
    c->menvcfg = header[6] & 32 ? MENVCFG_CBIE | MENVCFG_CBCFE | MENVCFG_CBZE | MENVCFG_STCE : 0;
    c->mstatus |= MSTATUS_FS | (header[7] & 1 ? MSTATUS_SUM : 0) |
                  (header[7] & 2 ? MSTATUS_MXR : 0) | (header[7] & 4 ? MSTATUS_SIE : 0);
    c->satp = header[0] & 4 ? UINT64_C(8) << 60 | TABLE >> 12 : 0;
    /* By mret, as a guest gets there. */
    c->mstatus |= (uint64_t)modes[header[0] & 3] << MSTATUS_MPP_SHIFT;
    c->mepc = CODE;
    rv_put(r, 0x400, (uint32_t[]){rv_plain("mret")}, 1);
    c->pc = 0x400;
}

/* Runs it and appends its state. */
static void run(struct rv *r, const uint8_t *data, size_t size, GByteArray *state)
{
    make_tables(r, data);
    set_mode(r, data);
    memcpy(r->ram->host + CODE, data + HEADER, size - HEADER);
    for (unsigned i = 1; i < 32; i++) {
        r->c->x[i] = (uint64_t)i * 0x1008 + (i & 1 ? data[i] : 0);
    }
    cpu_raise(&r->c->cpu, data[7] & 8 ? RISCV_PENDING_SEI | RISCV_PENDING_MTI : 0);
    (void)rv_run(r, STEPS);

    riscv_save(r->c, state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) one = g_byte_array_new(), other = g_byte_array_new();
    struct rv *interpreted, *translated;
    GError *error = NULL;
    const uint8_t *at;
    size_t left;

    if (size < HEADER || size > HEADER + 0x6000) {
        return 0;
    }
    interpreted = rv_new("rv64");
    translated = rv_new_jit("rv64", data[7] & 16, 1);
    run(interpreted, data, size, one);
    run(translated, data, size, other);
    if (one->len != other->len || memcmp(one->data, other->data, one->len) != 0 ||
        memcmp(interpreted->ram->host, translated->ram->host, RV_RAM_SIZE) != 0) {
        g_printerr("translated code differs: pc %#" G_GINT64_MODIFIER
                   "x, interpreted %#" G_GINT64_MODIFIER "x\n",
                   translated->c->pc, interpreted->c->pc);
        abort();
    }
    at = one->data;
    left = one->len;
    if (!riscv_load(interpreted->c, &at, &left, &error)) {
        g_error("a state that the hart came to is refused: %s", error->message);
    }
    rv_free(interpreted);
    rv_free(translated);
    return 0;
}
