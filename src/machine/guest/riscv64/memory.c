/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/guest/riscv64/memory.h"

#define PAGE_OFFSET(va) ((va) & (RAM_PAGE_SIZE - 1))

/* A piece of an access that lies in one page, translated. */
struct piece {
    uint64_t va;
    gpa addr;
    unsigned size;
    const struct bus_range *range; /* NULL: nobody there */
    uint8_t *host;                 /* NULL: not memory of the access's kind */
    gpa off;                       /* of host in range's block */
    bool whole_page;               /* one PMP rule and one range for all of it */
};

static unsigned priv_of(unsigned regime)
{
    return regime == RISCV_REGIME_M ? RISCV_M : regime == RISCV_REGIME_U ? RISCV_U : RISCV_S;
}

static enum riscv_status refuse(struct riscv_cpu *c, uint64_t va, enum tlb_access access)
{
    return riscv_raise(c,
                       access == TLB_FETCH  ? RISCV_EXC_FETCH_ACCESS
                       : access == TLB_READ ? RISCV_EXC_LOAD_ACCESS
                                            : RISCV_EXC_STORE_ACCESS,
                       va);
}

static enum riscv_status translate(struct riscv_cpu *c, uint64_t va, unsigned size, unsigned regime,
                                   enum tlb_access access, struct piece *p)
{
    enum riscv_status st = riscv_walk(c, va, access, regime, &p->addr);
    gpa page;

    if (st != RISCV_OK) {
        return st;
    }
    if (!riscv_pmp_allows(c, p->addr, size, access, priv_of(regime), &p->whole_page)) {
        return refuse(c, va, access);
    }
    p->va = va;
    p->size = size;
    p->host = NULL;
    p->range = bus_find(bus_view(c->cpu.memory), p->addr, NULL);
    if (!p->range) {
        return refuse(c, va, access);
    }
    if (p->range->region->kind == BUS_IO || p->range->last - p->addr < size - 1 ||
        (access == TLB_WRITE && (p->range->readonly || p->range->region->kind == BUS_ROM))) {
        return RISCV_OK;
    }
    page = p->addr & TLB_PAGE_MASK;
    p->off = p->range->region->ram_offset + p->range->off + (p->addr - p->range->start);
    p->host = p->range->region->ram->host + p->off;
    p->whole_page = p->whole_page && p->range->start <= page &&
                    p->range->last >= page + RAM_PAGE_SIZE - 1 &&
                    PAGE_OFFSET(p->off) == PAGE_OFFSET(p->addr);
    return RISCV_OK;
}

static void fill(struct riscv_cpu *c, const struct piece *p, unsigned regime,
                 enum tlb_access access)
{
    if (p->host && p->whole_page) {
        tlb_fill(&c->cpu.tlb, regime, access, p->va & TLB_PAGE_MASK, p->range->region->ram,
                 p->off & TLB_PAGE_MASK);
    }
}

/* Bytes one after the other where the size is not one that an access has. */
static uint64_t load(const uint8_t *host, unsigned size)
{
    uint64_t value = 0;

    switch (size) {
    case 1: return ram_ld8(host);
    case 2: return ram_ld16(host);
    case 4: return ram_ld32(host);
    case 8: return ram_ld64(host);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)ram_ld8(host + i) << (i * 8);
    }
    return value;
}

static void store(uint8_t *host, unsigned size, uint64_t value)
{
    switch (size) {
    case 1: ram_st8(host, value); return;
    case 2: ram_st16(host, value); return;
    case 4: ram_st32(host, value); return;
    case 8: ram_st64(host, value); return;
    }
    for (unsigned i = 0; i < size; i++) {
        ram_st8(host + i, value >> (i * 8));
    }
}

static unsigned bus_size(unsigned size)
{
    return size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

static enum riscv_status piece_read(struct riscv_cpu *c, const struct piece *p, uint64_t *ret)
{
    if (p->host) {
        *ret = load(p->host, p->size);
        return RISCV_OK;
    }
    *ret = 0;
    for (unsigned done = 0, n; done < p->size; done += n) {
        uint64_t part = 0;

        n = bus_size(p->size - done);
        if (c->cpu.upcalls->mem_read(&c->cpu, p->addr + done, n, &part) != BUS_OK) {
            return refuse(c, p->va, TLB_READ);
        }
        *ret |= part << (done * 8);
    }
    return RISCV_OK;
}

static enum riscv_status piece_write(struct riscv_cpu *c, const struct piece *p, uint64_t value)
{
    if (p->host) {
        cpu_storing(&c->cpu, p->host, p->size);
        store(p->host, p->size, value);
        c->code_changed |= ram_wrote(p->range->region->ram, p->off, p->size);
        return RISCV_OK;
    }
    for (unsigned done = 0, n; done < p->size; done += n) {
        n = bus_size(p->size - done);
        if (c->cpu.upcalls->mem_write(&c->cpu, p->addr + done, value >> (done * 8), n) != BUS_OK) {
            return refuse(c, p->va, TLB_WRITE);
        }
    }
    return RISCV_OK;
}

/* One or two pieces, all of them translated before the caller touches any. */
static enum riscv_status split(struct riscv_cpu *c, uint64_t va, unsigned size,
                               enum tlb_access access, struct piece pieces[2], unsigned *ret_n)
{
    unsigned room = RAM_PAGE_SIZE - PAGE_OFFSET(va), first = size < room ? size : room;
    enum riscv_status st = translate(c, va, first, c->data_regime, access, &pieces[0]);

    *ret_n = 1;
    if (st == RISCV_OK && first < size) {
        *ret_n = 2;
        st = translate(c, va + first, size - first, c->data_regime, access, &pieces[1]);
    }
    return st;
}

enum riscv_status riscv_read_slow(struct riscv_cpu *c, uint64_t va, unsigned size, uint64_t *ret)
{
    struct piece p[2];
    uint64_t value = 0;
    unsigned n, shift = 0;
    enum riscv_status st = split(c, va, size, TLB_READ, p, &n);

    for (unsigned i = 0; st == RISCV_OK && i < n; i++) {
        uint64_t part;

        st = piece_read(c, &p[i], &part);
        if (st == RISCV_OK) {
            value |= part << shift;
            shift += p[i].size * 8;
            fill(c, &p[i], c->data_regime, TLB_READ);
        }
    }
    *ret = value;
    return st;
}

enum riscv_status riscv_write_slow(struct riscv_cpu *c, uint64_t va, unsigned size, uint64_t value)
{
    struct piece p[2];
    unsigned n;
    enum riscv_status st = split(c, va, size, TLB_WRITE, p, &n);

    for (unsigned i = 0; st == RISCV_OK && i < n; i++) {
        st = piece_write(c, &p[i], i ? value >> (p[0].size * 8) : value);
        fill(c, &p[i], c->data_regime, TLB_WRITE);
    }
    return st;
}

enum riscv_status riscv_host(struct riscv_cpu *c, uint64_t va, unsigned size, bool write,
                             void **ret)
{
    enum tlb_access access = write ? TLB_WRITE : TLB_READ;
    struct piece p;
    enum riscv_status st;

    if (va & (size - 1)) {
        return riscv_raise(c, write ? RISCV_EXC_STORE_MISALIGNED : RISCV_EXC_LOAD_MISALIGNED, va);
    }
    *ret = tlb_lookup(&c->cpu.tlb, c->data_regime, access, va, size);
    if (G_LIKELY(*ret)) {
        return RISCV_OK;
    }
    st = translate(c, va, size, c->data_regime, access, &p);
    if (st != RISCV_OK) {
        return st;
    }
    if (!p.host) {
        return refuse(c, va, access);
    }
    fill(c, &p, c->data_regime, access);
    if (write) {
        cpu_storing(&c->cpu, p.host, size);
    }
    *ret = p.host;
    return RISCV_OK;
}

void riscv_host_wrote(struct riscv_cpu *c, uint64_t va, unsigned size)
{
    struct piece p;

    if (G_LIKELY(tlb_lookup(&c->cpu.tlb, c->data_regime, TLB_WRITE, va, size))) {
        return;
    }
    if (translate(c, va, size, c->data_regime, TLB_WRITE, &p) == RISCV_OK && p.host) {
        c->code_changed |= ram_wrote(p.range->region->ram, p.off, size);
        fill(c, &p, c->data_regime, TLB_WRITE);
    }
}

enum riscv_status riscv_fetch_page(struct riscv_cpu *c, uint64_t va, struct ram_block **ret_block,
                                   gpa *ret_off)
{
    static const uint8_t regimes[] = {
        [RISCV_U] = RISCV_REGIME_U, [RISCV_S] = RISCV_REGIME_S, [RISCV_M] = RISCV_REGIME_M};
    struct piece p;
    enum riscv_status st = translate(c, va, 2, regimes[c->priv], TLB_FETCH, &p);

    if (st != RISCV_OK) {
        return st;
    }
    if (!p.host || !p.whole_page) {
        return refuse(c, va, TLB_FETCH);
    }
    *ret_block = p.range->region->ram;
    *ret_off = p.off & TLB_PAGE_MASK;
    return RISCV_OK;
}
