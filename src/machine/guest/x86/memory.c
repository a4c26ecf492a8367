/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slow twin of memory.h's inline accesses: page walks, TLB fills, pages that are not plain RAM,
 * accesses that cross a page, alignment checks and data breakpoints.
 */
#include "machine/guest/x86/memory.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/walk.h"

#define PAGE_OFFSET(linear) ((linear) & (RAM_PAGE_SIZE - 1))

/* A piece of an access that lies in one page, translated. */
struct piece {
    uint64_t linear;
    gpa addr;
    unsigned size;
    const struct bus_range *range; /* NULL: nobody there */
    uint8_t *host;                 /* NULL: not memory of `access`'s kind, goes to the bus */
    gpa off;                       /* of host in range's block */
};

/* The linear address after a wrap at 4 GiB outside long mode. */
static uint64_t wrap(const struct x86_cpu *c, uint64_t linear)
{
    return c->mode & MODE_LONG ? linear : (uint32_t)linear;
}

static enum x86_status segment_fault(struct x86_cpu *c, unsigned seg)
{
    return x86_raise_error(c, seg == SEG_SS ? VEC_SS : VEC_GP, 0);
}

/* Type bits of code and data segments. */
#define TYPE_CODE        8
#define TYPE_EXPAND_DOWN 4
#define TYPE_RW          2 /* data: writable; code: readable */

static bool type_allows(const struct x86_seg *s, bool write)
{
    if (!(s->attr & SEG_P)) {
        return false;
    }
    if (s->attr & TYPE_CODE) {
        return !write && (s->attr & TYPE_RW);
    }
    return !write || (s->attr & TYPE_RW);
}

static bool in_limit(const struct x86_seg *s, uint64_t off, unsigned size)
{
    uint64_t last = off + size - 1;

    if ((s->attr & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN) {
        return off > s->limit && last <= (s->attr & SEG_DB ? UINT32_MAX : 0xffff);
    }
    return last <= s->limit;
}

enum x86_status x86_linear(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size, bool write,
                           uint64_t *ret)
{
    const struct x86_seg *s = &c->seg[seg];

    if (c->mode & MODE_CODE64) {
        uint64_t linear = off + (seg >= SEG_FS ? s->base : 0);

        if (!x86_is_canonical(c, linear) || !x86_is_canonical(c, linear + size - 1)) {
            return segment_fault(c, seg);
        }
        *ret = linear;
        return X86_OK;
    }
    off = (uint32_t)off;
    if (((c->mode & MODE_PROT) && !type_allows(s, write)) || !in_limit(s, off, size)) {
        return segment_fault(c, seg);
    }
    *ret = (uint32_t)(s->base + off);
    return X86_OK;
}

/* A regime's access with walk; finds what is behind. */
static enum x86_status translate(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                                 enum tlb_access access, struct piece *p)
{
    enum x86_status st = x86_walk(c, linear, access, regime, &p->addr);

    if (st != X86_OK) {
        return st;
    }
    p->linear = linear;
    p->size = size;
    p->host = NULL;
    p->range = bus_find(bus_view(c->cpu.memory), p->addr, NULL);
    if (!p->range || p->range->region->kind == BUS_IO || p->range->last - p->addr < size - 1) {
        return X86_OK;
    }
    if (access == TLB_WRITE && (p->range->readonly || p->range->region->kind == BUS_ROM)) {
        return X86_OK;
    }
    p->off = p->range->region->ram_offset + p->range->off + (p->addr - p->range->start);
    p->host = p->range->region->ram->host + p->off;
    return X86_OK;
}

/* TRUE if all of the piece's page is in its range: a TLB entry may cover it. */
static bool whole_page(const struct piece *p)
{
    gpa page = p->addr & TLB_PAGE_MASK;

    return p->range->start <= page && p->range->last >= page + RAM_PAGE_SIZE - 1 &&
           PAGE_OFFSET(p->off) == PAGE_OFFSET(p->addr);
}

#define DR7_ANY 0xffu

/* Bytes that data breakpoint i watches: 1, 2, 8, 4 by its LEN field. */
static unsigned watch_length(uint64_t dr7, unsigned i)
{
    static const uint8_t length[4] = {1, 2, 8, 4};

    return length[dr7 >> (18 + i * 4) & 3];
}

/* DR6 bits of the enabled data breakpoints that [linear, linear + size) touches. */
static uint32_t watch_hits(const struct x86_cpu *c, uint64_t linear, uint64_t size, bool write)
{
    uint32_t hits = 0;

    for (unsigned i = 0; i < 4; i++) {
        unsigned kind = c->dr[7] >> (16 + i * 4) & 3; /* 1: writes; 3: reads and writes */
        uint64_t length = watch_length(c->dr[7], i);
        uint64_t start = c->dr[i] & ~(length - 1);

        if ((c->dr[7] >> (i * 2) & 3) && (kind == 3 || (kind == 1 && write)) &&
            linear < start + length && start < linear + size) {
            hits |= 1u << i;
        }
    }
    return hits;
}

static void note_watch(struct x86_cpu *c, uint64_t linear, unsigned size, bool write)
{
    if (G_UNLIKELY(c->dr[7] & DR7_ANY)) {
        uint32_t hits = watch_hits(c, linear, size, write);

        if (hits) {
            c->debug_hit |= hits;
            c->code_changed = true; /* leave the block: the trap follows this instruction */
        }
    }
}

static void fill(struct x86_cpu *c, const struct piece *p, unsigned regime, enum tlb_access access)
{
    if (regime == REGIME_USER_ALIGN || !p->host || !whole_page(p)) {
        return;
    }
    if ((c->dr[7] & DR7_ANY) &&
        watch_hits(c, p->linear & TLB_PAGE_MASK, RAM_PAGE_SIZE, true) != 0) {
        return; /* a watched page stays on the slow path */
    }
    tlb_fill(&c->cpu.tlb, regime, access, p->linear & TLB_PAGE_MASK, p->range->region->ram,
             p->off & TLB_PAGE_MASK);
}

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

/* The bus takes 1, 2, 4 or 8 bytes. */
static unsigned bus_size(unsigned size)
{
    return size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1;
}

static uint64_t piece_read(struct x86_cpu *c, const struct piece *p)
{
    uint64_t value = 0;

    if (p->host) {
        return load(p->host, p->size);
    }
    for (unsigned done = 0, n; done < p->size; done += n) {
        uint64_t part = 0;

        n = bus_size(p->size - done);
        if (c->cpu.upcalls->mem_read(&c->cpu, p->addr + done, n, &part) != BUS_OK) {
            part = UINT64_MAX >> (64 - n * 8);
        }
        value |= part << (done * 8);
    }
    return value;
}

static void wrote(struct x86_cpu *c, const struct piece *p)
{
    if (ram_wrote(p->range->region->ram, p->off, p->size)) {
        c->code_changed = true;
    }
}

static void piece_write(struct x86_cpu *c, const struct piece *p, uint64_t value)
{
    if (p->host) {
        cpu_storing(&c->cpu, p->host, p->size);
        store(p->host, p->size, value);
        wrote(c, p);
        return;
    }
    for (unsigned done = 0, n; done < p->size; done += n) {
        n = bus_size(p->size - done);
        /* Nobody there, or refused: the write is lost, as on a PC. */
        (void)c->cpu.upcalls->mem_write(&c->cpu, p->addr + done, value >> (done * 8), n);
    }
}

static void piece_copy(struct x86_cpu *c, const struct piece *p, uint8_t *bytes, bool write)
{
    if (p->host && write) {
        cpu_storing(&c->cpu, p->host, p->size);
        ram_write(p->host, bytes, p->size);
        wrote(c, p);
        return;
    }
    if (p->host) {
        ram_read(bytes, p->host, p->size);
        return;
    }
    for (unsigned done = 0, n; done < p->size; done += n) {
        struct piece part = {.addr = p->addr + done};

        n = part.size = bus_size(p->size - done);
        if (write) {
            piece_write(c, &part, load(bytes + done, n));
        } else {
            store(bytes + done, n, piece_read(c, &part));
        }
    }
}

/* One or two pieces, all of them translated before the caller touches any. Returns in *ret_n. */
static enum x86_status split(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                             enum tlb_access access, struct piece pieces[2], unsigned *ret_n)
{
    unsigned first = MIN(size, RAM_PAGE_SIZE - PAGE_OFFSET(linear));
    enum x86_status st = translate(c, linear, first, regime, access, &pieces[0]);

    if (st == X86_OK && first < size) {
        st = translate(c, wrap(c, linear + first), size - first, regime, access, &pieces[1]);
    }
    if (st == X86_OK) {
        *ret_n = first < size ? 2 : 1;
        note_watch(c, linear, size, access == TLB_WRITE);
    }
    return st;
}

static bool misaligned(unsigned regime, uint64_t linear, unsigned size)
{
    return G_UNLIKELY(regime == REGIME_USER_ALIGN) && (linear & (size - 1));
}

enum x86_status x86_read_slow(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                              uint64_t *ret)
{
    struct piece p[2];
    unsigned n;

    if (misaligned(regime, linear, size)) {
        return x86_raise_error(c, VEC_AC, 0);
    }
    enum x86_status st = split(c, linear, size, regime, TLB_READ, p, &n);

    if (st != X86_OK) {
        return st;
    }
    uint64_t value = piece_read(c, &p[0]);

    fill(c, &p[0], regime, TLB_READ);
    if (n == 2) {
        value |= piece_read(c, &p[1]) << (p[0].size * 8);
        fill(c, &p[1], regime, TLB_READ);
    }
    *ret = value;
    return X86_OK;
}

enum x86_status x86_write_slow(struct x86_cpu *c, uint64_t linear, unsigned size, unsigned regime,
                               uint64_t value)
{
    struct piece p[2];
    unsigned n;

    if (misaligned(regime, linear, size)) {
        return x86_raise_error(c, VEC_AC, 0);
    }
    enum x86_status st = split(c, linear, size, regime, TLB_WRITE, p, &n);

    if (st != X86_OK) {
        return st;
    }
    piece_write(c, &p[0], value);
    fill(c, &p[0], regime, TLB_WRITE);
    if (n == 2) {
        piece_write(c, &p[1], value >> (p[0].size * 8));
        fill(c, &p[1], regime, TLB_WRITE);
    }
    return X86_OK;
}

static enum x86_status copy_linear(struct x86_cpu *c, uint64_t linear, uint8_t *bytes,
                                   unsigned size, bool write)
{
    enum tlb_access access = write ? TLB_WRITE : TLB_READ;
    unsigned regime = x86_regime(c), n;
    struct piece p[2];
    enum x86_status st = split(c, linear, size, regime, access, p, &n);

    if (st != X86_OK) {
        return st;
    }
    for (unsigned i = 0; i < n; i++) {
        piece_copy(c, &p[i], bytes + (i ? p[0].size : 0), write);
        fill(c, &p[i], regime, access);
    }
    return X86_OK;
}

enum x86_status x86_read_bytes(struct x86_cpu *c, unsigned seg, uint64_t off, void *to,
                               unsigned size)
{
    uint64_t linear;

    g_assert(size > 0 && size <= RAM_PAGE_SIZE);
    enum x86_status st = x86_linear(c, seg, off, size, false, &linear);

    if (st != X86_OK) {
        return st;
    }
    const void *host = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_READ, linear, size);

    if (G_LIKELY(host && PAGE_OFFSET(linear) + size <= RAM_PAGE_SIZE)) {
        ram_read(to, host, size);
        return X86_OK;
    }
    return copy_linear(c, linear, to, size, false);
}

enum x86_status x86_write_bytes(struct x86_cpu *c, unsigned seg, uint64_t off, const void *from,
                                unsigned size)
{
    uint64_t linear;

    g_assert(size > 0 && size <= RAM_PAGE_SIZE);
    enum x86_status st = x86_linear(c, seg, off, size, true, &linear);

    if (st != X86_OK) {
        return st;
    }
    void *host = tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, linear, size);

    if (G_LIKELY(host && PAGE_OFFSET(linear) + size <= RAM_PAGE_SIZE)) {
        ram_write(host, from, size);
        return X86_OK;
    }
    return copy_linear(c, linear, (uint8_t *)from, size, true);
}

enum x86_status x86_rmw_host(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size,
                             void **ret)
{
    unsigned regime = x86_regime(c);
    uint64_t linear;
    struct piece p;
    enum x86_status st = x86_linear(c, seg, off, size, true, &linear);

    *ret = NULL;
    if (st != X86_OK) {
        return st;
    }
    if (linear & (size - 1)) {
        return X86_OK; /* the ordinary accesses do the alignment check */
    }
    *ret = tlb_lookup(&c->cpu.tlb, regime, TLB_WRITE, linear, size);
    if (G_LIKELY(*ret)) {
        return X86_OK;
    }
    st = translate(c, linear, size, regime, TLB_WRITE, &p);
    if (st == X86_OK && p.host) {
        note_watch(c, linear, size, true);
        fill(c, &p, regime, TLB_WRITE);
        cpu_storing(&c->cpu, p.host, size);
        *ret = p.host;
    }
    return st;
}

void x86_rmw_done(struct x86_cpu *c, unsigned seg, uint64_t off, unsigned size)
{
    uint64_t linear;
    struct piece p;

    if (x86_linear(c, seg, off, size, true, &linear) != X86_OK ||
        G_LIKELY(tlb_lookup(&c->cpu.tlb, x86_regime(c), TLB_WRITE, linear, size))) {
        return;
    }
    if (translate(c, linear, size, x86_regime(c), TLB_WRITE, &p) == X86_OK && p.host) {
        wrote(c, &p);
        fill(c, &p, x86_regime(c), TLB_WRITE);
    }
}

enum x86_status x86_read_system(struct x86_cpu *c, uint64_t linear, unsigned size, uint64_t *ret)
{
    linear = wrap(c, linear);
    const void *host = tlb_lookup(&c->cpu.tlb, REGIME_SUPERVISOR, TLB_READ, linear, size);

    if (G_LIKELY(host)) {
        *ret = load(host, size);
        return X86_OK;
    }
    return x86_read_slow(c, linear, size, REGIME_SUPERVISOR, ret);
}

enum x86_status x86_write_system(struct x86_cpu *c, uint64_t linear, unsigned size, uint64_t value)
{
    return x86_write_slow(c, wrap(c, linear), size, REGIME_SUPERVISOR, value);
}

enum x86_status x86_probe_write(struct x86_cpu *c, uint64_t linear, unsigned size)
{
    unsigned regime = x86_regime(c);
    unsigned first = MIN(size, RAM_PAGE_SIZE - PAGE_OFFSET(linear));
    gpa addr;

    if (G_LIKELY(tlb_lookup(&c->cpu.tlb, regime, TLB_WRITE, linear, size))) {
        return X86_OK;
    }
    if (misaligned(regime, linear, size)) {
        return x86_raise_error(c, VEC_AC, 0);
    }
    enum x86_status st = x86_walk(c, linear, TLB_WRITE, regime, &addr);

    if (st == X86_OK && first < size) {
        st = x86_walk(c, wrap(c, linear + first), TLB_WRITE, regime, &addr);
    }
    return st;
}

enum x86_status x86_fetch_host(struct x86_cpu *c, uint64_t linear, const uint8_t **ret,
                               struct ram_block **ret_block, gpa *ret_off)
{
    unsigned regime = x86_cpl(c) == 3 ? REGIME_USER : REGIME_SUPERVISOR;
    struct piece p;
    enum x86_status st = translate(c, linear, 1, regime, TLB_FETCH, &p);

    if (st != X86_OK) {
        return st;
    }
    if (p.host && whole_page(&p)) {
        *ret = p.host;
        *ret_block = p.range->region->ram;
        *ret_off = p.off;
    } else {
        *ret = NULL;
        *ret_block = NULL;
        *ret_off = p.addr;
    }
    return X86_OK;
}

bool x86_translate(struct x86_cpu *c, uint64_t linear, gpa *ret)
{
    return x86_walk_peek(c, wrap(c, linear), ret);
}
