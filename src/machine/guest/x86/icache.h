/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vCPU's cache of decoded code.
 *
 *   linear address --jump cache--> block <--hash of host address and mode-- page walk
 *
 * A block is straight-line code inside a page, up to an unconditional branch; or one instruction
 * that crosses into the next page. It is good while the generations of its pages stay (ram.h).
 * Blocks live in an arena that is emptied as a whole when it is full.
 */
#ifndef VIV_MACHINE_GUEST_X86_ICACHE_H
#define VIV_MACHINE_GUEST_X86_ICACHE_H

#include "machine/guest/x86/interp.h"

#define ICACHE_JUMPS     8192
#define ICACHE_HEADS     (1u << 17)
#define ICACHE_BLOCK_MAX 64 /* instructions */

struct x86_page {          /* where bytes of a block come from */
    struct ram_block *ram; /* NULL: no such page */
    gpa off;
    uint32_t generation;
};

struct x86_block {
    struct x86_block *next; /* of its hash chain */
    const uint8_t *host;    /* first byte */
    struct x86_page page[2];
    uint32_t key;           /* mode it was decoded for */
    uint16_t n;             /* instructions */
    uint16_t len;           /* bytes */
    struct x86_insn insn[]; /* n, then the bytes */
};

struct x86_jump {
    uint64_t linear, flushes;
    struct x86_block *block;
    uint32_t key;
};

struct x86_icache {
    struct x86_jump jump[ICACHE_JUMPS];
    struct x86_block *head[ICACHE_HEADS];
    GPtrArray *chunks;               /* of the arena */
    unsigned chunk;                  /* the one in use */
    size_t used;                     /* of it */
    struct x86_block *scratch;       /* code that cannot be cached */
    uint32_t branch64;               /* MODE_BRANCH64 or 0 */
    bool flush;                      /* the arena is full */
    unsigned log;                    /* enum accel_log_item */
    const struct accel_log *log_how; /* NULL: log is 0 */
};

/* Mode and everything else that decoding and its checks depend on. */
static inline uint32_t x86_icache_key(const struct x86_cpu *c)
{
    return c->mode | (uint32_t)(c->cr0 & (CR0_EM | CR0_TS)) << 14 |
           (uint32_t)(c->cr4 & CR4_OSFXSR) << 9;
}

static inline uint64_t x86_code_linear(const struct x86_cpu *c)
{
    return (c->mode & MODE_CODE64) ? c->rip : (uint32_t)(c->seg[SEG_CS].base + c->rip);
}

static inline bool x86_block_valid(const struct x86_block *b)
{
    return ram_code_generation(b->page[0].ram, b->page[0].off) == b->page[0].generation &&
           (!b->page[1].ram ||
            ram_code_generation(b->page[1].ram, b->page[1].off) == b->page[1].generation);
}

/* Decides what a decoded instruction does in this mode on this model: in->fn. One that may not run
 * gets a function that raises the exception, and ends its block. */
void x86_bind(const struct x86_cpu *c, enum x86_decode_result result, struct x86_insn *in);

/* The block at RIP; X86_FAULT when its bytes cannot be fetched. `guess`: what was there before the
 * TLB was flushed, or NULL. */
enum x86_status x86_icache_find(struct x86_cpu *c, uint64_t linear, uint32_t key,
                                struct x86_block *guess,
                                struct x86_block **ret) G_GNUC_WARN_UNUSED_RESULT;

/* The same with the jump cache before it. */
static inline G_GNUC_WARN_UNUSED_RESULT enum x86_status x86_icache_lookup(struct x86_cpu *c,
                                                                          struct x86_block **ret)
{
    uint64_t linear = x86_code_linear(c);
    uint32_t key = x86_icache_key(c);
    struct x86_jump *j = &c->icache->jump[(linear ^ linear >> 12) & (ICACHE_JUMPS - 1)];

    if (G_LIKELY(j->linear == linear && j->key == key && j->flushes == c->cpu.tlb.flushes &&
                 x86_block_valid(j->block))) {
        *ret = j->block;
        return X86_OK;
    }
    struct x86_block *guess = j->linear == linear && j->key == key ? j->block : NULL;
    enum x86_status st = x86_icache_find(c, linear, key, guess, ret);

    if (st == X86_OK && (*ret)->page[0].ram) {
        *j = (struct x86_jump){linear, c->cpu.tlb.flushes, *ret, key};
    }
    return st;
}

#endif
