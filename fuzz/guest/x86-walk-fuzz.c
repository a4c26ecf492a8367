/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of any content: a walk ends, gives an address or a fault, and is the same when it is
 * done again; a read that the walk allows gives what lies at its address.
 */
#include "bare.h"

#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TABLES      0x10000
#define TABLES_SIZE 0x8000
#define HEADER      16

static void set_paging(struct bare *b, const uint8_t *header)
{
    struct x86_cpu *c = b->c;

    if (header[0] & 1) {
        bare_long(b, header[0] >> 1 & 3, TABLES);
        c->cr4 |= header[0] & 8 ? CR4_LA57 : 0;
    } else {
        bare_protected(b, header[0] >> 1 & 3);
        c->cr0 |= CR0_PG;
        c->cr3 = TABLES;
        c->cr4 |= (header[0] & 8 ? CR4_PAE : 0) | (header[0] & 16 ? CR4_PSE : 0);
        if ((c->cr4 & CR4_PAE) && x86_load_pdptes(c, TABLES) != X86_OK) {
            memset(c->pdpte, 0, sizeof(c->pdpte));
        }
    }
    c->msr.efer |= header[1] & 1 ? EFER_NXE : 0;
    c->cr0 |= header[1] & 2 ? CR0_WP : 0;
    c->cr4 |= (header[1] & 4 ? CR4_SMEP : 0) | (header[1] & 8 ? CR4_SMAP : 0);
}

static void check(struct bare *b, uint64_t linear, enum tlb_access access, unsigned regime)
{
    struct x86_cpu *c = b->c;
    gpa first = 0, second = 0;
    enum x86_status st = x86_walk(c, linear, access, regime, &first);
    uint32_t error = c->exc.error;
    uint64_t value = 0;

    g_assert(x86_walk(c, linear, access, regime, &second) == st);
    if (st != X86_OK) {
        g_assert(c->exc.vector == VEC_PF || c->exc.vector == VEC_GP);
        g_assert(c->exc.error == error);
        return;
    }
    if (access != TLB_READ) {
        return;
    }
    /* The first walk may have written accessed bits into the very tables it goes through. */
    g_assert(x86_read_regime(c, linear, 1, regime, &value) == X86_OK || first != second);
    if (first == second && first < BARE_RAM_SIZE) {
        g_assert(value == b->ram->host[first]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bare *b;

    if (size < HEADER) {
        return 0;
    }
    b = bare_new("max");
    /* Few entries are enough when each table is the same: the input repeats through all tables. */
    for (size_t i = 0; size > HEADER && i < TABLES_SIZE; i++) {
        b->ram->host[TABLES + i] = data[HEADER + i % (size - HEADER)];
    }
    set_paging(b, data);
    for (unsigned i = 0; i < 64; i++) {
        uint64_t linear = 0;

        memcpy(&linear, data + 2, 8);
        linear = (linear << (i & 31)) ^ ((uint64_t)data[10] << (i & 7) * 8) ^ i << 12;
        if (!(b->c->mode & MODE_LONG)) {
            linear = (uint32_t)linear;
        }
        check(b, linear, i % TLB_ACCESSES, i / 4 % 4);
    }
    bare_free(b);
    return 0;
}
