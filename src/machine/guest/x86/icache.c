/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds, decodes and keeps blocks; see icache.h. */
#include "machine/guest/x86/icache.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flagless.h"
#include "machine/guest/x86/fpu/x87.h"
#include "machine/guest/x86/log.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/system/cpuid.h"

#define CHUNK_SIZE (UINT64_C(1) << 20)
#define CHUNKS_MAX 48
#define LEN_MAX    15
#define GRANULE    64

/* Handlers that stand in for an instruction that may not run. */
static enum x86_status refuse_ud(struct x86_cpu *c, const struct x86_insn *in)
{
    return x86_raise(c, VEC_UD);
}

static enum x86_status refuse_gp(struct x86_cpu *c, const struct x86_insn *in)
{
    return x86_raise_error(c, VEC_GP, 0);
}

static enum x86_status refuse_nm(struct x86_cpu *c, const struct x86_insn *in)
{
    return x86_raise(c, VEC_NM);
}

static unsigned size_index(const struct x86_insn *in)
{
    return in->osize == 8 ? 2 : in->osize == 4 ? 1 : 0;
}

/* Waiting x87 and MMX instructions first report an exception left by an earlier one. */
static enum x86_status after_fpu_check(struct x86_cpu *c, const struct x86_insn *in)
{
    enum x86_status st = x87_wait(c);

    return st == X86_OK ? x86_decoder_row(c->decoder, in->row)->fn[size_index(in)](c, in) : st;
}

static bool needs_fpu_check(const struct x86_row *row)
{
    return (row->flags & ROW_MMX) || ((row->flags & ROW_X87) && !(row->flags & ROW_NOWAIT));
}

/* The handler that refuses the instruction, or NULL. */
static x86_fn refusal(const struct x86_cpu *c, const struct x86_row *row)
{
    bool em = c->cr0 & CR0_EM, ts = c->cr0 & CR0_TS;

    if ((row->flags & ROW_PROT) && !(c->mode & MODE_PROT)) {
        return refuse_ud;
    }
    if (row->feature && !x86_has(c->features, row->feature)) {
        return refuse_ud;
    }
    if ((row->flags & ROW_SSE) && (em || !(c->cr4 & CR4_OSFXSR))) {
        return refuse_ud;
    }
    if ((row->flags & ROW_MMX) && em) {
        return refuse_ud;
    }
    if (((row->flags & ROW_X87) && (em || ts)) || ((row->flags & (ROW_SSE | ROW_MMX)) && ts)) {
        return refuse_nm;
    }
    return (row->flags & ROW_CPL0) && x86_cpl(c) > 0 ? refuse_gp : NULL;
}

/* A repeated string: a block of its own, so that it can count its elements (string.c). */
static bool stands_alone(const struct x86_cpu *c, const struct x86_insn *in)
{
    return (in->flags & (INSN_REP | INSN_REPNE)) &&
           (x86_decoder_row(c->decoder, in->row)->flags & ROW_REPS);
}

void x86_bind(const struct x86_cpu *c, enum x86_decode_result result, struct x86_insn *in)
{
    const struct x86_row *row = x86_decoder_row(c->decoder, in->row);
    x86_fn instead = NULL;

    if (result == X86_TOO_LONG) {
        instead = refuse_gp;
    } else if (result != X86_DECODED || !in->fn) {
        instead = refuse_ud;
    } else {
        instead = refusal(c, row);
    }
    if (instead) {
        in->fn = instead;
        in->flags |= INSN_ENDS;
    } else if (needs_fpu_check(row)) {
        in->fn = after_fpu_check;
    }
}

static void forget(struct x86_icache *ic)
{
    memset(ic->head, 0, sizeof(ic->head));
    memset(ic->jump, 0, sizeof(ic->jump));
    for (unsigned i = 0; i < ICACHE_JUMPS; i++) {
        ic->jump[i].flushes = UINT64_MAX;
    }
    ic->chunk = 0;
    ic->used = 0;
}

void x86_interp_flush(struct x86_cpu *c)
{
    forget(c->icache);
}

/* Room for a block; empties the arena if it is full (no block is in use then). */
static struct x86_block *allocate(struct x86_icache *ic, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (ic->used + size > CHUNK_SIZE) {
        ic->chunk++;
        ic->used = 0;
    }
    if (ic->chunk == CHUNKS_MAX) {
        forget(ic);
    }
    if (ic->chunk == ic->chunks->len) {
        g_ptr_array_add(ic->chunks, g_malloc(CHUNK_SIZE));
    }
    struct x86_block *b = (void *)((uint8_t *)g_ptr_array_index(ic->chunks, ic->chunk) + ic->used);

    ic->used += size;
    return b;
}

static uint8_t *block_bytes(struct x86_block *b)
{
    return (uint8_t *)&b->insn[b->n];
}

static unsigned hash(const uint8_t *host, uint32_t key)
{
    return (((uintptr_t)host ^ (uintptr_t)host >> 17) + key * 31) & (ICACHE_HEADS - 1);
}

/* Instructions being collected into a block. */
struct build {
    struct x86_insn insn[ICACHE_BLOCK_MAX];
    unsigned n, len;
};

/* Straight-line code within one page. FALSE: the first instruction crosses the page's end. */
static bool decode_page(struct x86_cpu *c, const uint8_t *host, struct x86_page *page,
                        struct build *w)
{
    unsigned room = RAM_PAGE_SIZE - (page->off & (RAM_PAGE_SIZE - 1)), marked = 0;

    w->n = w->len = 0;
    while (w->n < ICACHE_BLOCK_MAX && w->len < room) {
        struct x86_insn *in = &w->insn[w->n];

        if (w->len + LEN_MAX > marked && marked < room) {
            uint32_t generation =
                ram_code_enter(page->ram, page->off + marked, MIN(GRANULE, room - marked));

            page->generation = marked == 0 ? generation : page->generation;
            marked += GRANULE;
        }
        enum x86_decode_result result = x86_decode(c->decoder, c->mode | c->icache->branch64,
                                                   host + w->len, MIN(room - w->len, LEN_MAX), in);

        if (result == X86_NEED_MORE) {
            break;
        }
        x86_bind(c, result, in);
        if (w->n > 0 && stands_alone(c, in)) {
            break;
        }
        w->n++;
        w->len += in->len;
        if ((in->flags & INSN_ENDS) || stands_alone(c, in)) {
            break;
        }
    }
    return w->n > 0;
}

static struct x86_block *keep(struct x86_cpu *c, uint32_t key, const uint8_t *host,
                              const struct x86_page page[2], const struct build *w,
                              const uint8_t *bytes)
{
    struct x86_icache *ic = c->icache;
    struct x86_block *b = allocate(ic, sizeof(*b) + w->n * sizeof(struct x86_insn) + w->len);
    unsigned h = hash(host, key);

    *b = (struct x86_block){.next = ic->head[h],
                            .host = host,
                            .page = {page[0], page[1]},
                            .key = key,
                            .n = w->n,
                            .len = w->len};
    memcpy(b->insn, w->insn, w->n * sizeof(struct x86_insn));
    x86_flagless_mark(b->insn, w->n);
    memcpy(block_bytes(b), bytes, w->len);
    ic->head[h] = b;
    return b;
}

/* Bytes of an instruction that starts near a page's end, or outside RAM. */
struct fetched {
    uint8_t bytes[LEN_MAX];
    unsigned n;
    struct x86_page page[2];
    bool cacheable;
};

static enum x86_status fetch_part(struct x86_cpu *c, uint64_t linear, unsigned which,
                                  struct fetched *f)
{
    const uint8_t *host;
    struct ram_block *ram;
    gpa off;
    unsigned n = MIN(RAM_PAGE_SIZE - (linear & (RAM_PAGE_SIZE - 1)), LEN_MAX - f->n);
    enum x86_status st = x86_fetch_host(c, linear, &host, &ram, &off);

    if (st != X86_OK) {
        return st;
    }
    if (host) {
        f->page[which] = (struct x86_page){ram, off, ram_code_enter(ram, off, n)};
        memcpy(f->bytes + f->n, host, n);
        f->n += n;
        return X86_OK;
    }
    f->cacheable = false;
    for (unsigned i = 0; i < n; i++) {
        uint64_t v;

        c->cpu.upcalls->mem_read(&c->cpu, off + i, 1, &v);
        f->bytes[f->n++] = v;
    }
    return X86_OK;
}

/* One instruction, from one or two pages or from outside RAM. */
static enum x86_status decode_single(struct x86_cpu *c, uint64_t linear, uint32_t key,
                                     const uint8_t *host, struct x86_block **ret)
{
    struct fetched f = {.cacheable = true};
    struct build w = {.n = 1};
    enum x86_decode_result result;
    enum x86_status st = fetch_part(c, linear, 0, &f);

    if (st != X86_OK) {
        return st;
    }
    result = x86_decode(c->decoder, c->mode | c->icache->branch64, f.bytes, f.n, &w.insn[0]);
    if (result == X86_NEED_MORE) {
        uint64_t next = linear + f.n;

        st = fetch_part(c, (c->mode & MODE_CODE64) ? next : (uint32_t)next, 1, &f);
        if (st != X86_OK) {
            return st;
        }
        result = x86_decode(c->decoder, c->mode | c->icache->branch64, f.bytes, f.n, &w.insn[0]);
    }
    x86_bind(c, result, &w.insn[0]);
    w.len = MIN(w.insn[0].len, f.n);
    if (f.cacheable) {
        *ret = keep(c, key, host, f.page, &w, f.bytes);
    } else {
        *ret = c->icache->scratch;
        **ret = (struct x86_block){.key = key, .n = 1, .len = w.len};
        (*ret)->insn[0] = w.insn[0];
    }
    return X86_OK;
}

/* Code was written on the block's page: still good if its own bytes are the same. */
static bool revalidate(struct x86_block *b)
{
    struct x86_page *page = &b->page[0];

    if (page[1].ram) {
        return x86_block_valid(b);
    }
    if (!x86_block_valid(b)) {
        page->generation = ram_code_enter(page->ram, page->off, b->len);
        return memcmp(b->host, block_bytes(b), b->len) == 0;
    }
    return true;
}

/* TRUE if the second page of a crossing block is still what follows the first. */
static enum x86_status same_second(struct x86_cpu *c, const struct x86_block *b, uint64_t linear,
                                   bool *ret)
{
    const uint8_t *host;
    struct ram_block *ram;
    gpa off;
    uint64_t next = (linear | (RAM_PAGE_SIZE - 1)) + 1;

    *ret = true;
    if (!b->page[1].ram) {
        return X86_OK;
    }
    enum x86_status st =
        x86_fetch_host(c, (c->mode & MODE_CODE64) ? next : (uint32_t)next, &host, &ram, &off);

    *ret = st == X86_OK && host && ram == b->page[1].ram && off == b->page[1].off;
    return st;
}

/* The block for `host` among those decoded, brought to the front of its chain; or NULL. */
static enum x86_status find_decoded(struct x86_cpu *c, uint64_t linear, uint32_t key,
                                    const uint8_t *host, struct x86_block **ret)
{
    struct x86_block **head = &c->icache->head[hash(host, key)], **link = head;

    *ret = NULL;
    while (*link) {
        struct x86_block *b = *link;
        bool same = b->host == host && b->key == key;

        if (same && !revalidate(b)) {
            *link = b->next;
            continue;
        }
        if (same) {
            enum x86_status st = same_second(c, b, linear, &same);

            if (st != X86_OK) {
                return st;
            }
        }
        if (same) {
            *link = b->next;
            b->next = *head;
            *head = b;
            *ret = b;
            return X86_OK;
        }
        link = &b->next;
    }
    return X86_OK;
}

enum x86_status x86_icache_find(struct x86_cpu *c, uint64_t linear, uint32_t key,
                                struct x86_block *guess, struct x86_block **ret)
{
    const uint8_t *host;
    struct x86_page page[2] = {0};
    enum x86_status st = x86_fetch_host(c, linear, &host, &page[0].ram, &page[0].off);

    if (st != X86_OK) {
        return st;
    }
    if (!host) {
        return decode_single(c, linear, key, NULL, ret);
    }
    if (guess && guess->host == host && !guess->page[1].ram && x86_block_valid(guess)) {
        *ret = guess;
        return X86_OK;
    }
    st = find_decoded(c, linear, key, host, ret);
    if (st != X86_OK || *ret) {
        return st;
    }
    struct build w;

    if (decode_page(c, host, &page[0], &w)) {
        *ret = keep(c, key, host, page, &w, host);
    } else {
        st = decode_single(c, linear, key, host, ret);
    }
    if (st == X86_OK && (c->icache->log & ACCEL_LOG_CODE)) {
        x86_log_code(c, *ret, linear);
    }
    return st;
}

/* Whether near branches ignore 66h in 64-bit code, as on processors that are not AMD's. */
static bool is_amd(const struct x86_features *f)
{
    return f->vendor[0] == 0x68747541; /* "Auth" */
}

void x86_interp_new(struct x86_cpu *c)
{
    struct x86_icache *ic = g_new0(struct x86_icache, 1);

    ic->chunks = g_ptr_array_new_with_free_func(g_free);
    ic->scratch = g_malloc0(sizeof(struct x86_block) + sizeof(struct x86_insn));
    ic->branch64 = is_amd(c->features) ? 0 : MODE_BRANCH64;
    forget(ic);
    c->icache = ic;
}

void x86_interp_free(struct x86_cpu *c)
{
    if (c->icache) {
        g_ptr_array_free(c->icache->chunks, TRUE);
        g_free(c->icache->scratch);
        g_clear_pointer(&c->icache, g_free);
    }
}

void x86_interp_log(struct x86_cpu *c, const struct accel_log *log)
{
    c->icache->log = log->items;
    c->icache->log_how = log;
    forget(c->icache);
}
