/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads, stores, atomics and cache blocks: RV64I, A, Zicbom, Zicboz, and F's and D's moves. */
#include "machine/guest/riscv64/fpu.h"
#include "machine/guest/riscv64/memory.h"

#define LOAD(name, size, type)                                                                  \
    RISCV_HANDLER(name)                                                                         \
    {                                                                                           \
        uint64_t value;                                                                         \
        enum riscv_status st = riscv_read(c, c->x[in->rs1] + (int64_t)in->imm, (size), &value); \
                                                                                                \
        if (G_LIKELY(st == RISCV_OK)) {                                                         \
            riscv_set(c, in->rd, (uint64_t)(int64_t)(type)value);                               \
        }                                                                                       \
        return st;                                                                              \
    }

LOAD(lb, 1, int8_t)
LOAD(lh, 2, int16_t)
LOAD(lw, 4, int32_t)
LOAD(ld, 8, int64_t)
LOAD(lbu, 1, uint8_t)
LOAD(lhu, 2, uint16_t)
LOAD(lwu, 4, uint32_t)

#define STORE(name, size)                                                               \
    RISCV_HANDLER(name)                                                                 \
    {                                                                                   \
        return riscv_write(c, c->x[in->rs1] + (int64_t)in->imm, (size), c->x[in->rs2]); \
    }

STORE(sb, 1)
STORE(sh, 2)
STORE(sw, 4)
STORE(sd, 8)

#define FLOAT_LOAD(name, size, box)                                           \
    RISCV_HANDLER(name)                                                       \
    {                                                                         \
        uint64_t value;                                                       \
        enum riscv_status st;                                                 \
                                                                              \
        if (riscv_float_off(c)) {                                             \
            return riscv_illegal(c, in);                                      \
        }                                                                     \
        st = riscv_read(c, c->x[in->rs1] + (int64_t)in->imm, (size), &value); \
        if (G_LIKELY(st == RISCV_OK)) {                                       \
            riscv_float_set(c, in->rd, value | (box));                        \
        }                                                                     \
        return st;                                                            \
    }

FLOAT_LOAD(flw, 4, RISCV_BOX)
FLOAT_LOAD(fld, 8, 0)

#define FLOAT_STORE(name, size)                                                         \
    RISCV_HANDLER(name)                                                                 \
    {                                                                                   \
        if (riscv_float_off(c)) {                                                       \
            return riscv_illegal(c, in);                                                \
        }                                                                               \
        return riscv_write(c, c->x[in->rs1] + (int64_t)in->imm, (size), c->f[in->rs2]); \
    }

FLOAT_STORE(fsw, 4)
FLOAT_STORE(fsd, 8)

/* LR keeps address and value, SC succeeds while memory still has that value (the same value
 * written in between goes unnoticed, as it does in other emulators). */
#define RESERVED(suffix, bits)                                                                \
    RISCV_HANDLER(lr_##suffix)                                                                \
    {                                                                                         \
        uint64_t va = c->x[in->rs1];                                                          \
        void *host;                                                                           \
        enum riscv_status st = riscv_host(c, va, bits / 8, false, &host);                     \
                                                                                              \
        if (st == RISCV_OK) {                                                                 \
            uint##bits##_t value = __atomic_load_n((uint##bits##_t *)host, __ATOMIC_SEQ_CST); \
                                                                                              \
            c->reserved = va;                                                                 \
            c->reserved_value = (uint64_t)(int64_t)(int##bits##_t)value;                      \
            riscv_set(c, in->rd, (uint64_t)(int64_t)(int##bits##_t)value);                    \
        }                                                                                     \
        return st;                                                                            \
    }                                                                                         \
    RISCV_HANDLER(sc_##suffix)                                                                \
    {                                                                                         \
        uint64_t va = c->x[in->rs1];                                                          \
        uint##bits##_t expected = c->reserved_value;                                          \
        bool done = false;                                                                    \
        void *host;                                                                           \
        enum riscv_status st = riscv_host(c, va, bits / 8, true, &host);                      \
                                                                                              \
        if (st != RISCV_OK) {                                                                 \
            return st;                                                                        \
        }                                                                                     \
        if (c->reserved == va) {                                                              \
            done = __atomic_compare_exchange_n((uint##bits##_t *)host, &expected,             \
                                               (uint##bits##_t)c->x[in->rs2], false,          \
                                               __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
        }                                                                                     \
        if (done) {                                                                           \
            riscv_host_wrote(c, va, bits / 8);                                                \
        }                                                                                     \
        c->reserved = UINT64_MAX;                                                             \
        riscv_set(c, in->rd, !done);                                                          \
        return RISCV_OK;                                                                      \
    }

RESERVED(w, 32)
RESERVED(d, 64)

/* Replaces the value at `host` by `expression` of it (old) and rs2 (with). */
#define AMO(name, bits, type, expression)                                                       \
    RISCV_HANDLER(name)                                                                         \
    {                                                                                           \
        type with = (type)c->x[in->rs2], old, new;                                              \
        uint64_t va = c->x[in->rs1];                                                            \
        void *host;                                                                             \
        enum riscv_status st = riscv_host(c, va, bits / 8, true, &host);                        \
                                                                                                \
        if (st != RISCV_OK) {                                                                   \
            return st;                                                                          \
        }                                                                                       \
        old = __atomic_load_n((type *)host, __ATOMIC_RELAXED);                                  \
        do {                                                                                    \
            new = (type)(expression);                                                           \
        } while (!__atomic_compare_exchange_n((type *)host, &old, new, false, __ATOMIC_SEQ_CST, \
                                              __ATOMIC_RELAXED));                               \
        riscv_host_wrote(c, va, bits / 8);                                                      \
        riscv_set(c, in->rd, (uint64_t)(int64_t)(int##bits##_t)old);                            \
        return RISCV_OK;                                                                        \
    }

#define AMOS(suffix, bits)                                               \
    AMO(amoswap_##suffix, bits, uint##bits##_t, with)                    \
    AMO(amoadd_##suffix, bits, uint##bits##_t, old + with)               \
    AMO(amoxor_##suffix, bits, uint##bits##_t, old ^ with)               \
    AMO(amoand_##suffix, bits, uint##bits##_t, old &with)                \
    AMO(amoor_##suffix, bits, uint##bits##_t, old | with)                \
    AMO(amomin_##suffix, bits, int##bits##_t, old < with ? old : with)   \
    AMO(amomax_##suffix, bits, int##bits##_t, old > with ? old : with)   \
    AMO(amominu_##suffix, bits, uint##bits##_t, old < with ? old : with) \
    AMO(amomaxu_##suffix, bits, uint##bits##_t, old > with ? old : with)

AMOS(w, 32)
AMOS(d, 64)

/* Whether the modes above let a cache-block instruction run here: `bits` of menvcfg, senvcfg. */
static bool cache_allowed(const struct riscv_cpu *c, uint64_t bits)
{
    return c->priv == RISCV_M ||
           ((c->menvcfg & bits) && (c->priv == RISCV_S || (c->senvcfg & bits)));
}

/* Nothing is cached: that the block could be written is all there is to see. */
static enum riscv_status cache_touch(struct riscv_cpu *c, const struct riscv_insn *in,
                                     uint64_t bits)
{
    uint64_t value;

    if (!cache_allowed(c, bits)) {
        return riscv_illegal(c, in);
    }
    if (riscv_read(c, c->x[in->rs1], 1, &value) != RISCV_OK) {
        /* Faults are those of a store (Zicbom, "Traps"). */
        static const uint8_t as_store[] = {
            [RISCV_EXC_LOAD_ACCESS] = RISCV_EXC_STORE_ACCESS,
            [RISCV_EXC_LOAD_PAGE] = RISCV_EXC_STORE_PAGE,
        };

        c->exc.cause = as_store[c->exc.cause];
        return RISCV_FAULT;
    }
    return RISCV_OK;
}

RISCV_HANDLER(cbo_inval)
{
    return cache_touch(c, in, MENVCFG_CBIE);
}

RISCV_HANDLER(cbo_clean)
{
    return cache_touch(c, in, MENVCFG_CBCFE);
}

RISCV_HANDLER(cbo_flush)
{
    return cache_touch(c, in, MENVCFG_CBCFE);
}

RISCV_HANDLER(cbo_zero)
{
    uint64_t va = c->x[in->rs1] & ~(uint64_t)(RISCV_CACHE_BLOCK - 1);

    if (!cache_allowed(c, MENVCFG_CBZE)) {
        return riscv_illegal(c, in);
    }
    for (unsigned i = 0; i < RISCV_CACHE_BLOCK; i += 8) {
        enum riscv_status st = riscv_write(c, va + i, 8, 0);

        if (st != RISCV_OK) {
            return st;
        }
    }
    return RISCV_OK;
}
