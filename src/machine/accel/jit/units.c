/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/accel/jit/units.h"

#include "machine/accel/jit/listing.h"

#include <stdlib.h>
#include <string.h>

/* Room for the longest unit there can be. */
#define UNIT_ROOM (96 << 10)

struct units *units_new(struct cpu *cpu, size_t memory, unsigned max_insns, bool counting,
                        GError **error)
{
    struct units *us = g_new0(struct units, 1);

    us->cpu = cpu;
    us->guest = cpu->arch->translation;
    us->max_insns = max_insns;
    cpu->jit.status = ir_float_status();
    if (!code_memory_new(&us->memory, memory, error)) {
        g_free(us);
        return NULL;
    }
    host_new(&us->host, us->guest->target, &us->memory, counting);
    us->at = us->host.begin;
    us->end = us->memory.write + us->memory.size;
    us->outside = g_new0(struct unit, 1);
    return us;
}

static unsigned page_hash(const struct ram_block *ram, gpa off)
{
    uint64_t h = (uintptr_t)(ram->host + off) >> RAM_PAGE_BITS;

    return (h ^ h >> 12) % PAGES_HASH;
}

static unsigned unit_hash(const struct page *p, uint64_t pc, uint64_t key)
{
    uint64_t h = (pc >> 1) + key * 0x9e37 + ((uintptr_t)p >> 4);

    return (h ^ h >> 15) % UNITS_HASH;
}

static void drop_unit(struct units *us, struct unit *u)
{
    struct unit **at = &us->unit[unit_hash(u->page, u->pc, u->key)];

    while (*at != u) {
        at = &(*at)->hash_next;
    }
    *at = u->hash_next;
    free(u);
}

static void drop_units(struct units *us, struct page *p)
{
    while (p->units) {
        struct unit *u = p->units;

        p->units = u->page_next;
        drop_unit(us, u);
        units_count(&us->counts.dropped, 1);
    }
}

/* All code of a page that was written. */
static void begin_page(struct units *us, struct page *p)
{
    drop_units(us, p);
    p->code.generation = ram_code_generation(p->code.ram, p->code.off);
    p->code.granules = 0;
    us->drops++;
}

static bool is_stale(const struct page *p)
{
    return ram_code_generation(p->code.ram, p->code.off) != p->code.generation;
}

static void drop_all(struct units *us)
{
    for (struct page *p = us->pages; p; p = p->all_next) {
        drop_units(us, p);
    }
    us->at = us->host.begin;
    us->drops++;
    units_count(&us->counts.flushes, 1);
}

void units_free(struct units *us)
{
    if (!us) {
        return;
    }
    drop_all(us);
    while (us->pages) {
        struct page *p = us->pages;

        us->pages = p->all_next;
        g_free(p);
    }
    code_memory_free(&us->memory);
    g_free(us->outside);
    g_free(us);
}

static void remember_ram(struct units *us, struct ram_block *ram)
{
    for (unsigned i = 0; i < us->n_rams; i++) {
        if (us->ram[i].ram == ram) {
            return;
        }
    }
    if (us->n_rams < UNITS_RAMS) {
        us->ram[us->n_rams].rewrites = __atomic_load_n(&ram->rewrites, __ATOMIC_ACQUIRE);
        us->ram[us->n_rams].ram = ram;
    }
    us->n_rams++;
}

static struct page *find_page(struct units *us, struct ram_block *ram, gpa off)
{
    struct page **head = &us->page[page_hash(ram, off)], *p;

    for (p = *head; p; p = p->hash_next) {
        if (p->code.ram == ram && p->code.off == off) {
            return p;
        }
    }
    remember_ram(us, ram);
    p = g_new0(struct page, 1);
    p->code.ram = ram;
    p->code.off = off;
    p->code.generation = ram_code_generation(ram, off);
    p->hash_next = *head;
    *head = p;
    p->all_next = us->pages;
    us->pages = p;
    return p;
}

/* The page of code at pc, NULL if it is not RAM. FALSE: an exception. */
static bool fetch_page(struct units *us, uint64_t pc, uint64_t key, struct page **ret)
{
    struct fetch *f = &us->fetch[(pc >> RAM_PAGE_BITS) % FETCHES];
    uint64_t va = pc >> RAM_PAGE_BITS, flushes = us->cpu->tlb.flushes;

    if (G_UNLIKELY(!f->page || f->va != va || f->flushes != flushes || f->key != key)) {
        struct ram_block *ram;
        gpa off;

        if (!us->guest->fetch(us->cpu, pc, &ram, &off)) {
            return false;
        }
        *f = (struct fetch){va, flushes, ram ? find_page(us, ram, off) : NULL, key};
    }
    if (G_LIKELY(f->page) && G_UNLIKELY(is_stale(f->page))) {
        begin_page(us, f->page);
    }
    *ret = f->page;
    return true;
}

/* ---- translation ---- */

/* The unit's own copy of what its calls are given. */
static void adopt(struct unit *u, struct ir_unit *ir)
{
    memcpy(u->kept, ir->kept, ir->n_kept);
    for (unsigned i = 0; i < ir->n_calls; i++) {
        ir->calls[i].arg = u->kept + ((const uint8_t *)ir->calls[i].arg - ir->kept);
    }
}

static struct unit *make(struct page *p, struct ir_unit *ir)
{
    size_t size = (sizeof(struct unit) + ir->n_kept + 15) & ~(size_t)15;
    struct unit *u = aligned_alloc(16, size);

    g_assert(u);
    memset(u, 0, sizeof(*u));
    u->pc = ir->pc;
    u->key = ir->key;
    u->page = p;
    u->n_insns = ir->n_insns;
    u->length = ir->length;
    memcpy(u->offset, ir->offset, sizeof(u->offset[0]) * (ir->n_insns + 1));
    memcpy(u->note, ir->note, ir->n_insns + 1);
    memcpy(u->target, ir->target, sizeof(u->target));
    adopt(u, ir);
    return u;
}

static void enter_unit(struct units *us, struct unit *u)
{
    struct unit **head = &us->unit[unit_hash(u->page, u->pc, u->key)];

    u->hash_next = *head;
    *head = u;
    u->page_next = u->page->units;
    u->page->units = u;
    units_count(&us->counts.units, 1);
    units_count(&us->counts.insns, u->n_insns);
    units_count(&us->counts.bytes, u->host.size);
}

static void write_code(struct units *us, struct unit *u)
{
    if (us->end - us->at < UNIT_ROOM) {
        drop_all(us);
    }
    if (!host_emit(&us->host, &us->ir, (uintptr_t)u, us->at, us->end, &u->host)) {
        g_error("a unit of %u instructions is longer than %d bytes", us->ir.n_insns, UNIT_ROOM);
    }
    us->at += (u->host.size + 15) & ~(size_t)15;
    if (us->listing) {
        listing_host(us->listing, &us->ir, code_memory_run(&us->memory, u->host.code),
                     u->host.size);
    }
}

static struct unit *translate(struct units *us, struct page *p, uint64_t pc, uint64_t key)
{
    struct unit *u;

    ir_begin(&us->ir, pc, key, us->max_insns);
    while (!us->guest->translate(us->cpu, &p->code, &us->ir)) {
        begin_page(us, p); /* written meanwhile */
        ir_begin(&us->ir, pc, key, us->max_insns);
    }
    if (us->listing) {
        listing_guest(us->listing, &p->code, &us->ir);
    }
    if (us->ir.n_insns > 0) {
        g_autofree char *why = NULL;

        if (ir_spoil) {
            ir_spoil(&us->ir);
        }
        ir_optimise(&us->ir);
        if (us->listing) {
            listing_optimised(us->listing, &us->ir);
        }
        why = ir_check(&us->ir, us->guest->target);
        if (why) {
            g_error("translation of %#" G_GINT64_MODIFIER "x: %s", pc, why);
        }
    }
    u = make(p, &us->ir);
    if (u->n_insns > 0) {
        write_code(us, u);
    }
    enter_unit(us, u);
    return u;
}

struct unit *units_find(struct units *us)
{
    uint64_t pc = us->guest->get_pc(us->cpu), key = us->guest->key(us->cpu);
    struct page *p;

    if (!fetch_page(us, pc, key, &p)) {
        return NULL;
    }
    if (!p) {
        return us->outside;
    }
    for (struct unit *u = us->unit[unit_hash(p, pc, key)]; u; u = u->hash_next) {
        if (u->pc == pc && u->page == p && u->key == key) {
            return u;
        }
    }
    return translate(us, p, pc, key);
}

/* ---- what generated code looks up ---- */

void units_stamp(struct units *us)
{
    struct cpu *cpu = us->cpu;

    cpu->jit.stamp = (cpu->tlb.flushes + us->drops) << 8 | us->guest->key(cpu);
}

bool units_revalidate(struct units *us)
{
    bool any = us->n_rams > UNITS_RAMS;

    for (unsigned i = 0; i < us->n_rams && i < UNITS_RAMS; i++) {
        uint32_t now = __atomic_load_n(&us->ram[i].ram->rewrites, __ATOMIC_ACQUIRE);

        any |= now != us->ram[i].rewrites;
        us->ram[i].rewrites = now;
    }
    for (struct page *p = any ? us->pages : NULL; p; p = p->all_next) {
        if (is_stale(p)) {
            begin_page(us, p);
        }
    }
    return any;
}

const uint8_t *units_known(struct units *us)
{
    uint64_t pc = us->guest->get_pc(us->cpu);
    const struct host_jump *j = &us->host.jumps[host_jump_index(us->guest->target, pc)];

    return j->pc == pc && j->stamp == us->cpu->jit.stamp ? j->code : NULL;
}

void units_link(struct units *us, struct unit *from, unsigned exit, struct unit *to)
{
    struct host_jump *j;

    if (from && from->host.exit[exit]) {
        asm_patch(from->host.exit[exit], to->pc > from->pc ? to->host.linked : to->host.code);
        return;
    }
    j = &us->host.jumps[host_jump_index(us->guest->target, to->pc)];
    j->pc = to->pc;
    j->stamp = us->cpu->jit.stamp;
    j->code = code_memory_run(&us->memory, to->host.code);
}
