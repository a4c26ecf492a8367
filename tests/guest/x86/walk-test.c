/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks: every mode, each fault with its exact error code, accessed and dirty bits. Expected
 * values are those of the Intel SDM, volume 3, sections 4.3 to 4.7.
 */
#include "bare.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/memory.h"
#include "machine/guest/x86/segment.h"
#include "machine/guest/x86/walk.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (UINT64_C(1) << 63)

enum { ERR_P = 1, ERR_W = 2, ERR_U = 4, ERR_RSVD = 8, ERR_I = 16 };

/* Tables at fixed places, one of each level, all for linear addresses of the tests. */
enum { T5 = 0x10000, T4 = 0x11000, T3 = 0x12000, T2 = 0x13000, T1 = 0x14000, PAGE = 0x20000 };

#define OK -1

/* Walks and gives the #PF error code, OK, or -2 for #GP. */
static int try_walk(struct bare *r, uint64_t linear, enum tlb_access access, unsigned regime,
                    gpa *ret)
{
    gpa addr = 0;

    if (x86_walk(r->c, linear, access, regime, &addr) == X86_OK) {
        *ret = addr;
        return OK;
    }
    if (r->c->exc.vector == VEC_GP) {
        g_assert_cmpuint(r->c->exc.error, ==, 0);
        return -2;
    }
    g_assert_cmpuint(r->c->exc.vector, ==, VEC_PF);
    g_assert_cmphex(r->c->exc.cr2, ==, linear);
    return r->c->exc.error;
}

static void expect(struct bare *r, uint64_t linear, enum tlb_access access, unsigned regime,
                   int want, gpa want_addr)
{
    gpa addr = 0;

    g_assert_cmpint(try_walk(r, linear, access, regime, &addr), ==, want);
    if (want == OK) {
        g_assert_cmphex(addr, ==, want_addr);
    }
}

#define LINEAR4 UINT64_C(0x00007fa5c3e01234) /* any canonical address */

static unsigned index_of(uint64_t linear, unsigned level)
{
    return linear >> (12 + 9 * level) & 511;
}

/* A mapping of LINEAR4 to PAGE with `flags` in every entry. */
static struct bare *long_bare(const char *cpu, uint64_t flags)
{
    struct bare *r = bare_new(cpu);

    bare_long(r, 0, T4);
    bare_write64(r, T4 + index_of(LINEAR4, 3) * 8, T3 | flags);
    bare_write64(r, T3 + index_of(LINEAR4, 2) * 8, T2 | flags);
    bare_write64(r, T2 + index_of(LINEAR4, 1) * 8, T1 | flags);
    bare_write64(r, T1 + index_of(LINEAR4, 0) * 8, PAGE | flags);
    return r;
}

static void test_four_levels(void)
{
    struct bare *r = long_bare("max", P | W | U);
    gpa pte = T1 + index_of(LINEAR4, 0) * 8, pde = T2 + index_of(LINEAR4, 1) * 8;

    expect(r, LINEAR4, TLB_READ, REGIME_USER, OK, PAGE + 0x234);
    g_assert_cmphex(bare_read64(r, pte), ==, PAGE | P | W | U | A);
    g_assert_cmphex(bare_read64(r, pde), ==, T1 | P | W | U | A);
    expect(r, LINEAR4, TLB_WRITE, REGIME_USER, OK, PAGE + 0x234);
    g_assert_cmphex(bare_read64(r, pte), ==, PAGE | P | W | U | A | D);
    g_assert_cmphex(bare_read64(r, pde), ==, T1 | P | W | U | A);

    expect(r, LINEAR4 + 0x1000, TLB_READ, REGIME_USER, ERR_U, 0);
    expect(r, LINEAR4 + 0x1000, TLB_WRITE, REGIME_SUPERVISOR, ERR_W, 0);
    expect(r, LINEAR4 + 0x1000, TLB_FETCH, REGIME_USER, ERR_U, 0);
    r->c->msr.efer |= EFER_NXE;
    expect(r, LINEAR4 + 0x1000, TLB_FETCH, REGIME_USER, ERR_U | ERR_I, 0);
    expect(r, UINT64_C(0x0000800000000000), TLB_READ, REGIME_SUPERVISOR, -2, 0);
    expect(r, UINT64_C(0xffff7fffffffffff), TLB_READ, REGIME_SUPERVISOR, -2, 0);
    bare_free(r);
}

static void test_no_bits_on_fault(void)
{
    struct bare *r = long_bare("max", P | W);
    gpa pte = T1 + index_of(LINEAR4, 0) * 8;

    expect(r, LINEAR4, TLB_WRITE, REGIME_USER, ERR_P | ERR_W | ERR_U, 0);
    g_assert_cmphex(bare_read64(r, pte), ==, PAGE | P | W);
    bare_free(r);
}

static void test_five_levels(void)
{
    uint64_t linear = UINT64_C(0x00a5c3e012345678);
    struct bare *r = bare_new("max");

    bare_long(r, 0, T5);
    r->c->cr4 |= CR4_LA57;
    bare_write64(r, T5 + index_of(linear, 4) * 8, T4 | P);
    bare_write64(r, T4 + index_of(linear, 3) * 8, T3 | P);
    bare_write64(r, T3 + index_of(linear, 2) * 8, T2 | P);
    bare_write64(r, T2 + index_of(linear, 1) * 8, T1 | P);
    bare_write64(r, T1 + index_of(linear, 0) * 8, PAGE | P);
    expect(r, linear, TLB_READ, REGIME_SUPERVISOR, OK, PAGE + 0x678);
    g_assert_cmphex(bare_read64(r, T5 + index_of(linear, 4) * 8), ==, T4 | P | A);
    expect(r, UINT64_C(0x0100000000000000), TLB_READ, REGIME_SUPERVISOR, -2, 0);
    expect(r, UINT64_C(0xff00000000000000), TLB_READ, REGIME_SUPERVISOR, 0, 0);
    bare_free(r);
}

static void test_large_pages(void)
{
    struct bare *r = long_bare("max", P | W | U);
    gpa pde = T2 + index_of(LINEAR4, 1) * 8, pdpte = T3 + index_of(LINEAR4, 2) * 8;

    bare_write64(r, pde, 0x40600000 | P | W | U | PS);
    expect(r, LINEAR4, TLB_WRITE, REGIME_USER, OK, 0x40600000 + (LINEAR4 & 0x1fffff));
    g_assert_cmphex(bare_read64(r, pde), ==, 0x40600000 | P | W | U | PS | A | D);
    bare_write64(r, pde, 0x40600000 | P | W | U | PS | 0x2000);
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    bare_write64(r, pdpte, UINT64_C(0x1c0000000) | P | W | U | PS);
    expect(r, LINEAR4, TLB_READ, REGIME_USER, OK, 0x1c0000000 + (LINEAR4 & 0x3fffffff));
    bare_write64(r, pdpte, UINT64_C(0x1c0200000) | P | W | U | PS);
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    bare_free(r);

    r = long_bare("qemu64", P | W | U); /* without 1 GiB pages the bit is reserved */
    bare_write64(r, pdpte, UINT64_C(0x1c0000000) | P | W | U | PS);
    expect(r, LINEAR4, TLB_READ, REGIME_SUPERVISOR, ERR_P | ERR_RSVD, 0);
    bare_free(r);
}

static void test_reserved(void)
{
    struct bare *r = long_bare("max", P | W | U);
    gpa pte = T1 + index_of(LINEAR4, 0) * 8, pml4e = T4 + index_of(LINEAR4, 3) * 8;

    bare_write64(r, pte, PAGE | P | U | UINT64_C(1) << 45); /* above 40 bits */
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    bare_write64(r, pte, PAGE | P | U | UINT64_C(1) << 55); /* ignored */
    expect(r, LINEAR4, TLB_READ, REGIME_USER, OK, PAGE + 0x234);
    bare_write64(r, pte, PAGE | P | U | NX); /* reserved while NXE is clear */
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    r->c->msr.efer |= EFER_NXE;
    expect(r, LINEAR4, TLB_READ, REGIME_USER, OK, PAGE + 0x234);
    expect(r, LINEAR4, TLB_FETCH, REGIME_USER, ERR_P | ERR_U | ERR_I, 0);
    expect(r, LINEAR4, TLB_FETCH, REGIME_SUPERVISOR, ERR_P | ERR_I, 0);
    bare_write64(r, pml4e, T3 | P | W | U | PS);
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    /* not present wins over reserved, level by level */
    bare_write64(r, pml4e, T3 | P | W | U);
    bare_write64(r, pte, UINT64_C(1) << 45);
    expect(r, LINEAR4, TLB_READ, REGIME_USER, ERR_U, 0);
    bare_free(r);
}

/* One row per permission question: entries' flags at table and leaf, CR bits, access, answer. */
static const struct {
    uint64_t upper, leaf;
    uint32_t cr0, cr4;
    enum tlb_access access;
    enum x86_regime regime;
    int want;
} permissions[] = {
    {P | W | U, P | W | U, 0, 0, TLB_WRITE, REGIME_USER, OK},
    {P | W | U, P | U, 0, 0, TLB_WRITE, REGIME_USER, ERR_P | ERR_W | ERR_U},
    {P | U, P | W | U, 0, 0, TLB_WRITE, REGIME_USER, ERR_P | ERR_W | ERR_U},
    {P | W | U, P | U, 0, 0, TLB_WRITE, REGIME_SUPERVISOR, OK},
    {P | W | U, P | U, CR0_WP, 0, TLB_WRITE, REGIME_SUPERVISOR, ERR_P | ERR_W},
    {P | U, P | W | U, CR0_WP, 0, TLB_WRITE, REGIME_SUPERVISOR, ERR_P | ERR_W},
    {P | W, P | W | U, 0, 0, TLB_READ, REGIME_USER, ERR_P | ERR_U},
    {P | W | U, P | W, 0, 0, TLB_READ, REGIME_USER, ERR_P | ERR_U},
    {P | W | U, P | W, 0, 0, TLB_FETCH, REGIME_USER, ERR_P | ERR_U},
    {P | W | U, P | W | U, 0, 0, TLB_FETCH, REGIME_SUPERVISOR, OK},
    {P | W | U, P | W | U, 0, CR4_SMEP, TLB_FETCH, REGIME_SUPERVISOR, ERR_P | ERR_I},
    {P | W, P | W | U, 0, CR4_SMEP, TLB_FETCH, REGIME_SUPERVISOR, OK},
    {P | W | U, P | W | U, 0, CR4_SMEP, TLB_FETCH, REGIME_USER, OK},
    {P | W | U, P | W, 0, CR4_SMEP, TLB_FETCH, REGIME_USER, ERR_P | ERR_U | ERR_I},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_READ, REGIME_SUPERVISOR, ERR_P},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_WRITE, REGIME_SUPERVISOR, ERR_P | ERR_W},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_READ, REGIME_SUPERVISOR_AC, OK},
    {P | W | U, P | W, 0, CR4_SMAP, TLB_READ, REGIME_SUPERVISOR, OK},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_READ, REGIME_USER, OK},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_READ, REGIME_USER_ALIGN, OK},
    {P | W | U, P | W | U, 0, CR4_SMAP, TLB_FETCH, REGIME_SUPERVISOR, OK},
};

static void test_permissions(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(permissions); i++) {
        struct bare *r = long_bare("max", permissions[i].upper);

        bare_write64(r, T1 + index_of(LINEAR4, 0) * 8, PAGE | permissions[i].leaf);
        r->c->cr0 |= permissions[i].cr0;
        r->c->cr4 |= permissions[i].cr4;
        g_test_message("row %u", i);
        expect(r, LINEAR4, permissions[i].access, permissions[i].regime, permissions[i].want,
               PAGE + 0x234);
        bare_free(r);
    }
}

#define LINEAR32 0xc3e01234u

static void test_narrow(void)
{
    struct bare *r = bare_new("qemu64");
    gpa pde = T2 + (LINEAR32 >> 22) * 4, pte = T1 + (LINEAR32 >> 12 & 1023) * 4;

    bare_protected(r, 0);
    r->c->cr0 |= CR0_PG;
    r->c->cr3 = T2;
    bare_write32(r, pde, T1 | P | W | U);
    bare_write32(r, pte, PAGE | P | W | U);
    expect(r, LINEAR32, TLB_WRITE, REGIME_USER, OK, PAGE + 0x234);
    g_assert_cmphex(bare_read32(r, pde), ==, T1 | P | W | U | A);
    g_assert_cmphex(bare_read32(r, pte), ==, PAGE | P | W | U | A | D);
    expect(r, LINEAR32 + 0x1000, TLB_READ, REGIME_USER, ERR_U, 0);

    bare_write32(r, pde, 0x00c00000 | T1 | P | W | U | PS); /* PS means nothing without PSE */
    expect(r, LINEAR32, TLB_READ, REGIME_USER, ERR_U, 0);
    r->c->cr4 |= CR4_PSE;
    bare_write32(r, pde, 0x12c00000 | P | W | U | PS);
    expect(r, LINEAR32, TLB_WRITE, REGIME_USER, OK, 0x12c00000 + (LINEAR32 & 0x3fffff));
    g_assert_cmphex(bare_read32(r, pde), ==, 0x12c00000 | P | W | U | PS | A | D);
    bare_write32(r, pde, 0x12c00000 | P | W | U | PS | 0xa5 << 13); /* PSE-36 */
    expect(r, LINEAR32, TLB_READ, REGIME_USER, OK, 0xa512c00000 + (LINEAR32 & 0x3fffff));
    bare_write32(r, pde, 0x12c00000 | P | W | U | PS | 1 << 21);
    expect(r, LINEAR32, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);
    bare_free(r);
}

static void test_pae(void)
{
    struct bare *r = bare_new("qemu64");
    gpa pde = T2 + (LINEAR32 >> 21 & 511) * 8, pte = T1 + (LINEAR32 >> 12 & 511) * 8;

    bare_protected(r, 0);
    r->c->cr4 |= CR4_PAE;
    bare_write64(r, T3 + 3 * 8, T2 | P);
    g_assert_cmpint(x86_load_pdptes(r->c, T3), ==, X86_OK);
    r->c->cr0 |= CR0_PG;
    r->c->cr3 = T3;
    bare_write64(r, pde, T1 | P | W | U);
    bare_write64(r, pte, UINT64_C(0x7f00000000) | P | W | U);
    expect(r, LINEAR32, TLB_WRITE, REGIME_USER, OK, 0x7f00000234);
    g_assert_cmphex(bare_read64(r, T3 + 3 * 8), ==, T2 | P); /* no accessed bit there */
    expect(r, 0x1234, TLB_READ, REGIME_USER, ERR_U, 0);      /* PDPTE 0 is not present */
    bare_write64(r, T3 + 3 * 8, 0); /* the registers hold what was loaded */
    expect(r, LINEAR32, TLB_READ, REGIME_USER, OK, 0x7f00000234);
    bare_write64(r, pte, UINT64_C(0x7f00000000) | P | W | U | UINT64_C(1) << 55);
    expect(r, LINEAR32, TLB_READ, REGIME_USER, ERR_P | ERR_U | ERR_RSVD, 0);

    bare_write64(r, T3 + 8, T2 | P | W); /* reserved in a PDPTE */
    g_assert_cmpint(x86_load_pdptes(r->c, T3), ==, X86_FAULT);
    g_assert_cmpuint(r->c->exc.vector, ==, VEC_GP);
    bare_free(r);
}

/* A page table that is not there reads as all ones: reserved bits. */
static void test_table_nowhere(void)
{
    struct bare *r = long_bare("max", P | W | U);

    bare_write64(r, T2 + index_of(LINEAR4, 1) * 8, UINT64_C(0x8000000000) | P | W | U);
    expect(r, LINEAR4, TLB_READ, REGIME_SUPERVISOR, ERR_P | ERR_RSVD, 0);
    bare_free(r);
}

/* Accesses that cross a page fault on the second page with nothing written. */
static void test_crossing(void)
{
    struct bare *r = long_bare("max", P | W | U);
    uint64_t end = (LINEAR4 & ~UINT64_C(0xfff)) + 0xffe, value;

    g_assert_cmpint(x86_write_linear(r->c, end, 4, 0x11223344), ==, X86_FAULT);
    g_assert_cmphex(r->c->exc.cr2, ==, end + 2);
    g_assert_cmphex(r->c->exc.error, ==, ERR_W);
    g_assert_cmphex(bare_read32(r, PAGE + 0xffc), ==, 0);
    bare_write64(r, T1 + (index_of(LINEAR4, 0) + 1) * 8, (PAGE + 0x5000) | P | W | U);
    g_assert_cmpint(x86_write_linear(r->c, end, 4, 0x11223344), ==, X86_OK);
    g_assert_cmphex(bare_read32(r, PAGE + 0xffc), ==, 0x33440000);
    g_assert_cmphex(bare_read32(r, PAGE + 0x5000), ==, 0x1122);
    g_assert_cmpint(x86_read_linear(r->c, end, 4, &value), ==, X86_OK);
    g_assert_cmphex(value, ==, 0x11223344);
    bare_free(r);
}

static void test_alignment(void)
{
    struct bare *r = long_bare("max", P | W | U);
    uint64_t value;

    bare_long(r, 3, T4);
    r->c->cr0 |= CR0_AM;
    g_assert_cmpint(x86_read_linear(r->c, LINEAR4 | 1, 4, &value), ==, X86_OK);
    r->c->rflags |= FLAG_AC;
    g_assert_cmpint(x86_read_linear(r->c, LINEAR4 | 1, 4, &value), ==, X86_FAULT);
    g_assert_cmpuint(r->c->exc.vector, ==, VEC_AC);
    g_assert_true(r->c->exc.has_error);
    g_assert_cmpint(x86_read_linear(r->c, LINEAR4 & ~UINT64_C(7), 8, &value), ==, X86_OK);
    g_assert_cmpint(x86_read_linear(r->c, LINEAR4 | 1, 1, &value), ==, X86_OK);
    bare_free(r);
}

static void test_watch(void)
{
    struct bare *r = long_bare("max", P | W | U);
    uint64_t value, at = LINEAR4 & ~UINT64_C(7);

    r->c->dr[0] = at;
    r->c->dr[7] = 0x400 | 2 | 1 << 16 | 3 << 18; /* writes, four bytes */
    g_assert_cmpint(x86_read_linear(r->c, at, 4, &value), ==, X86_OK);
    g_assert_cmphex(r->c->debug_hit, ==, 0);
    g_assert_cmpint(x86_write_linear(r->c, at + 4, 4, 1), ==, X86_OK);
    g_assert_cmphex(r->c->debug_hit, ==, 0);
    g_assert_cmpint(x86_write_linear(r->c, at + 3, 1, 1), ==, X86_OK);
    g_assert_cmphex(r->c->debug_hit, ==, 1);
    g_assert_cmpint(x86_debug_trap(r->c, true), ==, X86_TRAP);
    g_assert_cmphex(r->c->exc.dr6, ==, 0x4001);
    g_assert_cmphex(r->c->debug_hit, ==, 0);

    /* a hit of an instruction that faults is forgotten with it */
    g_assert_cmpint(x86_write_linear(r->c, at, 1, 1), ==, X86_OK);
    g_assert_cmphex(r->c->debug_hit, ==, 1);
    x86_raise_error(r->c, VEC_GP, 0);
    g_assert_false(x86_deliver_exception(r->c)); /* no IDT: shutdown */
    g_assert_cmphex(r->c->debug_hit, ==, 0);
    bare_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/walk/four-levels", test_four_levels);
    g_test_add_func("/x86/walk/five-levels", test_five_levels);
    g_test_add_func("/x86/walk/large-pages", test_large_pages);
    g_test_add_func("/x86/walk/reserved", test_reserved);
    g_test_add_func("/x86/walk/permissions", test_permissions);
    g_test_add_func("/x86/walk/no-bits-on-fault", test_no_bits_on_fault);
    g_test_add_func("/x86/walk/narrow", test_narrow);
    g_test_add_func("/x86/walk/pae", test_pae);
    g_test_add_func("/x86/walk/table-nowhere", test_table_nowhere);
    g_test_add_func("/x86/memory/crossing", test_crossing);
    g_test_add_func("/x86/memory/alignment", test_alignment);
    g_test_add_func("/x86/memory/watch", test_watch);
    return g_test_run();
}
