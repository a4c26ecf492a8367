/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translated code of one vCPU:
 *
 *   pc --recent[]--> page of RAM --+--> unit (by page, pc and key) --> code
 *                                  +--> all its units
 *
 * Only code in one page is linked by direct jumps, so a page that is written goes with all its
 * units and nothing points into them any more but the jump table, whose stamp changes. When the
 * memory is full everything goes. All on the vCPU's thread.
 */
#ifndef VIV_MACHINE_ACCEL_JIT_UNITS_H
#define VIV_MACHINE_ACCEL_JIT_UNITS_H

#include "machine/guest/translation.h"
#include "machine/jit/x86_64/host.h"

struct checker; /* check.h */
struct listing; /* listing.h */

struct page {
    struct code_page code; /* first */
    struct page *hash_next, *all_next;
    struct unit *units;
};

struct unit {
    uint64_t pc, key;
    struct page *page;
    struct unit *hash_next, *page_next;
    uint16_t n_insns; /* 0: the instruction at pc is not translated */
    uint16_t length;
    uint64_t target[IR_EXITS];
    struct host_unit host;
    uint16_t offset[IR_MAX_INSNS + 1];
    uint8_t note[IR_MAX_INSNS + 1];
    uint8_t kept[] __attribute__((aligned(16)));
};

#define UNITS_HASH (1u << 15)
#define PAGES_HASH (1u << 12)
#define FETCHES    256
#define UNITS_RAMS 8

/* The page of code that a virtual page is, while the TLB stays as it is. */
struct fetch {
    uint64_t va, flushes;
    struct page *page;
    uint8_t key;
};

/* Counters for monitors: written by the vCPU, read by anybody. */
struct units_counts {
    uint64_t units, insns, bytes;          /* translated since the start */
    uint64_t flushes, dropped;             /* of all units; units of pages that were written */
    uint64_t stepped;                      /* instructions by the interpreter */
    uint64_t returns[1 << HOST_EXIT_BITS]; /* runs of code that came back, by enum host_exit */
};

/* vCPU's thread. */
static inline void units_count(uint64_t *counter, uint64_t by)
{
    __atomic_store_n(counter, *counter + by, __ATOMIC_RELAXED);
}

struct units {
    struct cpu *cpu;
    const struct cpu_translation *guest;
    struct checker *checker; /* check=on, or NULL */
    struct listing *listing; /* NULL: nothing is written */
    struct code_memory memory;
    struct host host;
    uint8_t *at, *end; /* where the next unit is written; end of room */
    unsigned max_insns;
    uint64_t drops; /* part of the stamp */
    struct unit *unit[UNITS_HASH];
    struct page *page[PAGES_HASH];
    struct page *pages;   /* all */
    struct unit *outside; /* of code that is not in RAM: never translated */
    struct fetch fetch[FETCHES];
    /* Blocks with code, and how often their code was written when that was last looked at. */
    struct {
        struct ram_block *ram;
        uint32_t rewrites;
    } ram[UNITS_RAMS];
    unsigned n_rams;
    struct units_counts counts;
    struct ir_unit ir; /* in progress */
};

struct units *units_new(struct cpu *cpu, size_t memory, unsigned max_insns, bool counting,
                        GError **error);
void units_free(struct units *us);

/* The unit at the vCPU's pc, translated if it has to be, or one without instructions; NULL: an
 * exception is to be delivered. */
struct unit *units_find(struct units *us);
/* Before the first unit of a run, and after anything that may have changed mode or mappings. */
void units_stamp(struct units *us);
/* Drops what was written since the last time. TRUE: something was. */
bool units_revalidate(struct units *us);
/* The code at the vCPU's pc, if the jump table has it; else NULL. The stamp is the present one. */
const uint8_t *units_known(struct units *us);
/* From now on generated code goes from `from`'s exit, or by its pc, to `to`. */
void units_link(struct units *us, struct unit *from, unsigned exit, struct unit *to);

#endif
