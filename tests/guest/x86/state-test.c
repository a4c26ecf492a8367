/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vCPU's state rows: round trips of random state, every field seen, bad input refused. */
#include "bare.h"
#include "machine/guest/x86/exception.h"
#include "machine/guest/x86/flags.h"
#include "machine/guest/x86/saved.h"

static void fill(struct x86_cpu *c, GRand *rand)
{
    uint8_t *vec = (uint8_t *)c->vec;

    for (unsigned i = 0; i < 16; i++) {
        c->gpr[i] = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
    }
    for (unsigned i = 0; i < sizeof(c->vec); i++) {
        vec[i] = g_rand_int(rand);
    }
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        c->seg[i].base = g_rand_int(rand);
        c->seg[i].selector = g_rand_int(rand);
    }
    for (unsigned i = 0; i < 8; i++) {
        c->fpu.st[i].mantissa = g_rand_int(rand);
        c->fpu.st[i].sign_exponent = g_rand_int(rand);
    }
    for (unsigned i = 0; i < 40; i++) {
        c->msr.mc_bank[i / 4][i % 4] = g_rand_int(rand);
    }
    c->rip = g_rand_int(rand);
    x86_flags_lazy(c, LAZY_SUB, 2, g_rand_int(rand), g_rand_int(rand));
    c->rflags = FLAG_ONE | FLAG_IF;
    c->msr.lstar = g_rand_int(rand);
    c->cr2 = g_rand_int(rand);
    c->int_shadow = SHADOW_ALL;
    c->nmi_blocked = g_rand_boolean(rand);
}

static void test_round_trip(void)
{
    uint32_t seed = g_test_rand_int();
    GRand *rand = g_rand_new_with_seed(seed);
    struct bare *a = bare_new("max"), *b = bare_new("max");

    g_test_message("seed %u", seed);
    for (unsigned round = 0; round < 50; round++) {
        g_autoptr(GByteArray) first = g_byte_array_new();
        g_autoptr(GByteArray) second = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *differs = NULL;

        fill(a->c, rand);
        x86_save(a->c, first);
        const uint8_t *data = first->data;
        size_t left = first->len;

        g_assert_true(x86_load(b->c, &data, &left, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(left, ==, 0);
        g_assert_cmphex(x86_rflags(b->c), ==, x86_rflags(a->c));
        differs = state_diff(x86_state_rows, a->c, b->c);
        g_assert_cmpstr(differs, ==, NULL);
        x86_save(b->c, second);
        g_assert_cmpmem(first->data, first->len, second->data, second->len);
    }
    g_rand_free(rand);
    bare_free(a);
    bare_free(b);
}

/* A changed byte anywhere in what must be kept is found by comparison. */
static void test_diff(void)
{
    struct bare *a = bare_new("max"), *b = bare_new("max");
    static const size_t fields[] = {
        offsetof(struct x86_cpu, gpr[15]),      offsetof(struct x86_cpu, rip),
        offsetof(struct x86_cpu, seg[5].limit), offsetof(struct x86_cpu, ldtr.attr),
        offsetof(struct x86_cpu, tr.base),      offsetof(struct x86_cpu, gdtr.limit),
        offsetof(struct x86_cpu, idtr.base),    offsetof(struct x86_cpu, cr0),
        offsetof(struct x86_cpu, cr3),          offsetof(struct x86_cpu, cr4),
        offsetof(struct x86_cpu, dr[7]),        offsetof(struct x86_cpu, pdpte[3]),
        offsetof(struct x86_cpu, msr.star),     offsetof(struct x86_cpu, msr.mtrr_mask[7]),
        offsetof(struct x86_cpu, vec[31]),      offsetof(struct x86_cpu, mxcsr),
        offsetof(struct x86_cpu, fpu.tag),      offsetof(struct x86_cpu, fpu.st[7]),
        offsetof(struct x86_cpu, msr.efer),     offsetof(struct x86_cpu, xcr0),
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        uint8_t *byte = (uint8_t *)b->c + fields[i];
        g_autofree char *same = state_diff(x86_state_rows, a->c, b->c);

        g_assert_cmpstr(same, ==, NULL);
        *byte ^= 0x10;
        g_autofree char *differs = state_diff(x86_state_rows, a->c, b->c);

        g_test_message("%s", differs);
        g_assert_nonnull(differs);
        *byte ^= 0x10;
    }
    bare_free(a);
    bare_free(b);
}

/* A state with this byte in it. */
static void expect_refused(struct bare *r, size_t field, uint8_t byte)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    x86_reset(r->c, true);
    *((uint8_t *)r->c + field) = byte;
    x86_save(r->c, out);
    const uint8_t *data = out->data;
    size_t left = out->len;

    g_assert_false(x86_load(r->c, &data, &left, &error));
    g_assert_nonnull(error);
}

static void test_refused(void)
{
    struct bare *a = bare_new("max");
    g_autoptr(GByteArray) out = g_byte_array_new();

    x86_save(a->c, out);
    for (size_t len = 0; len < out->len; len += 97) { /* cut short */
        const uint8_t *data = out->data;
        size_t left = len;
        g_autoptr(GError) error = NULL;

        g_assert_false(x86_load(a->c, &data, &left, &error));
        g_assert_nonnull(error);
    }
    expect_refused(a, offsetof(struct x86_cpu, cpu.run_state), 77);
    expect_refused(a, offsetof(struct x86_cpu, xcr0) + 4, 1);
    expect_refused(a, offsetof(struct x86_cpu, xcr0), 0);
    expect_refused(a, offsetof(struct x86_cpu, msr.efer) + 1, EFER_LMA >> 8);
    expect_refused(a, offsetof(struct x86_cpu, cr8), 16);
    expect_refused(a, offsetof(struct x86_cpu, cr0) + 3, CR0_PG >> 24);
    bare_free(a);
}

/* Intel SDM volume 3, table 9-1. */
static void test_reset(void)
{
    struct bare *r = bare_new("qemu64");
    struct x86_cpu *c = r->c;

    c->msr.pat = 1;
    c->mxcsr = 0;
    c->cr0 = CR0_PE | CR0_NE | CR0_CD;
    c->gpr[RBX] = 5;
    x86_reset(c, false);
    g_assert_cmphex(c->msr.pat, ==, 1);
    g_assert_cmphex(c->mxcsr, ==, 0);
    g_assert_cmphex(c->cr0, ==, CR0_CD | CR0_ET);
    x86_reset(c, true);
    g_assert_cmphex(c->cr0, ==, 0x60000010);
    g_assert_cmphex(c->rip, ==, 0xfff0);
    g_assert_cmphex(c->seg[SEG_CS].selector, ==, 0xf000);
    g_assert_cmphex(c->seg[SEG_CS].base, ==, 0xffff0000);
    g_assert_cmphex(c->seg[SEG_CS].attr, ==, 0x9b);
    g_assert_cmphex(c->seg[SEG_DS].limit, ==, 0xffff);
    g_assert_cmphex(c->seg[SEG_DS].attr, ==, 0x93);
    g_assert_cmphex(c->ldtr.attr, ==, 0x82);
    g_assert_cmphex(c->tr.attr, ==, 0x8b);
    g_assert_cmphex(c->gpr[RDX], ==, 0x60fb1);
    g_assert_cmphex(c->gpr[RBX], ==, 0);
    g_assert_cmphex(x86_rflags(c), ==, 2);
    g_assert_cmphex(c->dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(c->dr[7], ==, 0x400);
    g_assert_cmphex(c->mxcsr, ==, 0x1f80);
    g_assert_cmphex(c->msr.pat, ==, UINT64_C(0x0007040600070406));
    g_assert_cmphex(c->idtr.limit, ==, 0xffff);
    bare_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/state/reset", test_reset);
    g_test_add_func("/x86/state/round-trip", test_round_trip);
    g_test_add_func("/x86/state/diff", test_diff);
    g_test_add_func("/x86/state/refused", test_refused);
    return g_test_run();
}
