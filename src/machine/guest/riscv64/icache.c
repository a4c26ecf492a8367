/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/icache.h"

#define GRANULE 64

void riscv_icache_new(struct riscv_cpu *c)
{
    c->icache = g_new0(struct riscv_icache, 1);
}

void riscv_icache_free(struct riscv_cpu *c)
{
    for (unsigned i = 0; c->icache && i < ICACHE_PAGES; i++) {
        g_free(c->icache->page[i]);
    }
    g_clear_pointer(&c->icache, g_free);
}

static void begin(struct riscv_page *p, struct ram_block *ram, gpa off)
{
    memset(p, 0, sizeof(*p));
    p->ram = ram;
    p->off = off;
    p->generation = ram_code_generation(ram, off);
}

/* The place where a page of RAM is kept; another one may have to leave it. */
static struct riscv_page *place(struct riscv_icache *ic, struct ram_block *ram, gpa off)
{
    uint64_t hash = (uintptr_t)(ram->host + off) >> RAM_PAGE_BITS;
    struct riscv_page **p = &ic->page[(hash ^ hash >> 10) % ICACHE_PAGES];

    if (!*p) {
        *p = g_new(struct riscv_page, 1);
        begin(*p, ram, off);
    } else if ((*p)->ram != ram || (*p)->off != off) {
        for (unsigned i = 0; i < ICACHE_RECENT; i++) {
            if (ic->recent[i].page == *p) {
                ic->recent[i].page = NULL;
            }
        }
        begin(*p, ram, off);
    }
    return *p;
}

enum riscv_status riscv_icache_page(struct riscv_cpu *c, uint64_t va, struct riscv_page **ret)
{
    uint64_t page_va = va & TLB_PAGE_MASK;
    struct riscv_recent *r = &c->icache->recent[(va >> RAM_PAGE_BITS) % ICACHE_RECENT];
    struct ram_block *ram;
    gpa off;
    enum riscv_status st;

    if (G_UNLIKELY(!r->page || r->va != page_va || r->priv != c->priv ||
                   r->flushes != c->cpu.tlb.flushes)) {
        st = riscv_fetch_page(c, va, &ram, &off);
        if (st != RISCV_OK) {
            return st;
        }
        *r =
            (struct riscv_recent){page_va, c->cpu.tlb.flushes, place(c->icache, ram, off), c->priv};
    }
    if (G_UNLIKELY(ram_code_generation(r->page->ram, r->page->off) != r->page->generation)) {
        begin(r->page, r->page->ram, r->page->off);
    }
    *ret = r->page;
    return RISCV_OK;
}

/* The second half of an instruction that begins in the last two bytes of a page. */
static enum riscv_status decode_crossing(struct riscv_cpu *c, uint16_t first,
                                         const struct riscv_insn **ret)
{
    uint64_t va = c->pc + 2;
    struct ram_block *ram;
    gpa off;
    enum riscv_status st = riscv_fetch_page(c, va, &ram, &off);

    if (st != RISCV_OK) {
        return st;
    }
    riscv_decode(c->model, first | (uint32_t)ram_ld16(ram->host + off) << 16, &c->icache->crossing);
    *ret = &c->icache->crossing;
    return RISCV_OK;
}

/* Before its bytes are read: writes to them are noticed from now on. */
static void enter(struct riscv_page *p, unsigned at, unsigned len)
{
    for (unsigned g = at / GRANULE; g <= (at + len - 1) / GRANULE; g++) {
        uint32_t generation;

        if (p->granules >> g & 1) {
            continue;
        }
        generation = ram_code_enter(p->ram, p->off + g * GRANULE, GRANULE);
        if (generation != p->generation) {
            begin(p, p->ram, p->off);
            p->generation = generation;
        }
        p->granules |= UINT64_C(1) << g;
    }
}

enum riscv_status riscv_icache_decode(struct riscv_cpu *c, struct riscv_page *p,
                                      const struct riscv_insn **ret)
{
    unsigned at = c->pc & (RAM_PAGE_SIZE - 1), room = RAM_PAGE_SIZE - at;
    const uint8_t *host = p->ram->host + p->off + at;
    struct riscv_insn *in = &p->insn[at / 2];
    uint32_t code;

    enter(p, at, room < 4 ? room : 4);
    code = ram_ld16(host);
    if ((code & 3) == 3) {
        if (room < 4) {
            return decode_crossing(c, code, ret);
        }
        code |= (uint32_t)ram_ld16(host + 2) << 16;
    }
    riscv_decode(c->model, code, in);
    *ret = in;
    return RISCV_OK;
}
