/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows: reset, save and load both ways, difference, and input that lies. */
#include "machine/core/state.h"

#include <string.h>

struct inner {
    uint16_t a;
    bool b;
};

struct thing {
    uint8_t u8;
    uint64_t u64;
    bool flag;
    uint32_t regs[3];
    uint32_t fifo_len;
    uint8_t fifo[4];
    uint8_t *flash;
    struct inner in;
    struct inner many[2];
    struct timer timer;
    uint32_t extra;
    uint32_t kept;
};

static bool has_extra(const void *obj)
{
    return ((const struct thing *)obj)->extra != 0;
}

static const struct state_row inner_rows[] = {STATE_U(struct inner, a, 7),
                                              STATE_U(struct inner, b, false), STATE_DONE};

static const struct state_row extra_rows[] = {STATE_U(struct thing, extra, 0), STATE_DONE};

static const struct state_row rows[] = {
    STATE_U(struct thing, u8, 0x5a),
    STATE_U(struct thing, u64, 0x123456789abc),
    STATE_U(struct thing, flag, true),
    STATE_U_ARRAY(struct thing, regs, 0xffffffff),
    {.kind = STATE_COUNTED,
     .name = "fifo",
     .offset = offsetof(struct thing, fifo),
     .size = 1,
     .count = 4,
     .count_offset = offsetof(struct thing, fifo_len)},
    {.kind = STATE_BYTES,
     .name = "flash",
     .offset = offsetof(struct thing, flash),
     .count = 8,
     .reset = 0xff},
    STATE_SUB(struct thing, in, inner_rows),
    {.kind = STATE_STRUCT,
     .name = "many",
     .offset = offsetof(struct thing, many),
     .size = sizeof(struct inner),
     .count = 2,
     .rows = inner_rows},
    STATE_T(struct thing, timer),
    {.kind = STATE_GROUP, .name = "extra", .rows = extra_rows, .needed = has_extra},
    STATE_KEEP(struct thing, kept),
    STATE_DONE};

static void nothing(void *opaque)
{
}

static struct thing *thing_new(struct clock *clock)
{
    struct thing *t = g_new0(struct thing, 1);

    t->flash = g_malloc0(8);
    timer_init(&t->timer, clock, CLOCK_GUEST, NULL, nothing, NULL);
    return t;
}

static void thing_free(struct thing *t)
{
    timer_cancel(&t->timer);
    g_free(t->flash);
    g_free(t);
}

static void fill(struct thing *t)
{
    t->u8 = 1;
    t->u64 = 2;
    t->regs[2] = 3;
    t->fifo_len = 2;
    t->fifo[1] = 9;
    t->flash[7] = 4;
    t->in = (struct inner){5, true};
    t->many[1].a = 6;
    t->extra = 8;
    t->kept = 10;
    timer_arm(&t->timer, 1234);
}

static void reset(void)
{
    struct clock *c = clock_new(0, NULL);
    struct thing *t = thing_new(c);

    fill(t);
    state_reset(rows, t);
    g_assert_cmphex(t->u8, ==, 0x5a);
    g_assert_cmphex(t->u64, ==, 0x123456789abc);
    g_assert_true(t->flag);
    g_assert_cmphex(t->regs[1], ==, 0xffffffff);
    g_assert_cmpuint(t->fifo_len, ==, 0);
    g_assert_cmphex(t->flash[7], ==, 0xff);
    g_assert_cmpuint(t->in.a, ==, 7);
    g_assert_false(t->in.b);
    g_assert_cmpuint(t->many[1].a, ==, 7);
    g_assert_cmpuint(t->extra, ==, 0);
    g_assert_cmpuint(t->kept, ==, 10);
    g_assert_false(timer_armed(&t->timer));
    thing_free(t);
    clock_free(c);
}

static void round_trip(void)
{
    struct clock *c = clock_new(0, NULL);
    struct thing *a = thing_new(c), *b = thing_new(c);
    g_autoptr(GByteArray) x = g_byte_array_new();
    g_autoptr(GByteArray) y = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *where = NULL;
    g_autoptr(GString) text = g_string_new(NULL);

    fill(a);
    state_save(rows, a, x);
    where = state_diff(rows, a, b);
    g_assert_cmpstr(where, ==, "u8");
    const uint8_t *p = x->data;
    size_t left = x->len;

    g_assert_true(state_load(rows, b, &p, &left, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(left, ==, 0);
    g_assert_null(state_diff(rows, a, b));
    state_save(rows, b, y);
    g_assert_cmpmem(x->data, x->len, y->data, y->len);
    g_assert_cmpint(timer_expiry(&b->timer), ==, 1234);
    b->many[1].b = true;
    g_free(where);
    where = state_diff(rows, a, b);
    g_assert_cmpstr(where, ==, "many[1].b");
    b->regs[1] = 77;
    g_free(where);
    where = state_diff(rows, a, b);
    g_assert_cmpstr(where, ==, "regs[1]");
    state_dump(rows, b, text);
    g_assert_nonnull(strstr(text->str, "u8 = 0x1\n"));
    g_assert_nonnull(strstr(text->str, "timer = at 1234\n"));
    thing_free(a);
    thing_free(b);
    clock_free(c);
}

/* Every prefix, and every byte spoilt: refused or loaded, never out of bounds. */
static void hostile(void)
{
    struct clock *c = clock_new(0, NULL);
    struct thing *a = thing_new(c);
    g_autoptr(GByteArray) x = g_byte_array_new();
    unsigned refused = 0;

    fill(a);
    state_save(rows, a, x);
    for (guint i = 0; i < x->len; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *copy = g_memdup2(x->data, i);
        const uint8_t *p = copy;
        size_t left = i;

        g_assert_false(state_load(rows, a, &p, &left, &error));
        g_assert_nonnull(error);
    }
    for (guint i = 0; i < x->len; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *copy = g_memdup2(x->data, x->len);
        const uint8_t *p = copy;
        size_t left = x->len;

        copy[i] ^= 0xfe;
        refused += !state_load(rows, a, &p, &left, &error);
        g_assert_cmpuint(a->fifo_len, <=, 4);
    }
    g_assert_cmpuint(refused, >=, 6); /* four bools, the fifo's length, group and timer marks */
    thing_free(a);
    clock_free(c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/reset", reset);
    g_test_add_func("/state/round-trip", round_trip);
    g_test_add_func("/state/hostile", hostile);
    return g_test_run();
}
