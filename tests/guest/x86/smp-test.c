/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two processors at once: the operations of kit/smp-ops.S run natively on two threads and, in the
 * kit's smp64 image, on two vCPUs of viv-machine, interpreted and translated. Locked operations
 * lose nothing wherever their operand lies, no outcome of a litmus test is one that x86 forbids
 * (SDM 3, 8.2), and nothing is seen through a page table entry that was taken away (SDM 3, 4.10).
 * With the argument `long`, the image that takes longer.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TIMES   1000
#define ROUNDS  200
#define BATCH   256
#define STRIDE  16 /* words between two places of a litmus test */
#define OUTCOME 256
#define SPINS   10000

struct smp_atomic {
    const char *name;
    void (*run)(void *place, uint64_t times, unsigned processor);
    uint64_t size;
    uint64_t left[4]; /* at +0, +4, +8, +16; per time */
};

typedef void (*litmus_fn)(uint32_t *x, uint32_t *y, uint32_t *result, uint64_t times);

struct smp_litmus {
    const char *name;
    litmus_fn run[2];
};

extern const struct smp_atomic smp_atomics[];
extern const struct smp_litmus smp_litmus[];

static char *image;

/* Outcomes that x86 allows: results of both (2 bits each), x and y (2 bits each) afterwards. */
static const struct {
    const char *name;
    uint8_t allowed[5]; /* up to 0 */
} rules[] = {
    {"sb", {0x50, 0x51, 0x54, 0x55}},
    {"sb+mfence", {0x51, 0x54, 0x55}},
    {"sb+lock", {0x51, 0x54, 0x55}},
    {"sb+xchg", {0x51, 0x54, 0x55}},
    {"sb+half", {0x50, 0x51, 0x54, 0x55}},
    {"mp", {0x50, 0x58, 0x5c}},
    {"lb", {0x50, 0x51, 0x54}},
    {"corr", {0x10, 0x18, 0x1c}},
    {"own", {0x55, 0x57, 0x5d, 0x5f}},
    {"2+2w", {0x60, 0x90, 0xa0}},
    {"s", {0x50, 0x54, 0x60}},
};

static void check_outcome(const char *where, const char *name, unsigned outcome, unsigned seen)
{
    g_test_message("%s: %s: %02x %u times", where, name, outcome, seen);
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (g_str_equal(rules[i].name, name)) {
            if (outcome == 0 || !memchr(rules[i].allowed, (int)outcome, sizeof(rules[i].allowed))) {
                g_test_message("%s: %s: x86 forbids %02x", where, name, outcome);
                g_test_fail();
            }
            return;
        }
    }
    g_test_message("no rule for %s", name);
    g_test_fail();
}

static const struct smp_atomic *find_atomic(const char *name)
{
    for (const struct smp_atomic *a = smp_atomics; a->name; a++) {
        if (g_str_equal(a->name, name)) {
            return a;
        }
    }
    g_assert_not_reached();
}

static void check_atomic(const char *where, const char *name, const char *place, uint64_t times,
                         const uint32_t *got)
{
    const struct smp_atomic *a = find_atomic(name);
    uint32_t mask = a->size < 4 ? (1u << 8 * a->size) - 1 : UINT32_MAX;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t want = (uint32_t)(a->left[i] * times) & (i ? UINT32_MAX : mask);

        if (got[i] != want) {
            g_test_message("%s: %s %s: %x, and %x was expected (%u)", where, name, place, got[i],
                           want, i);
            g_test_fail();
        }
    }
}

/* ---- natively ---- */

struct pair {
    int here; /* atomic: threads that have come */
    const struct smp_atomic *atomic;
    uint8_t *place;
    const struct smp_litmus *litmus;
    uint32_t *x, *y, *result[2];
};

struct side {
    struct pair *pair;
    unsigned processor;
};

static gpointer run_side(gpointer data)
{
    struct side *s = data;
    struct pair *p = s->pair;

    __atomic_fetch_add(&p->here, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 1; __atomic_load_n(&p->here, __ATOMIC_SEQ_CST) < 2; i++) {
        if (i % SPINS == 0) {
            g_thread_yield(); /* there may be one processor only */
        }
    }
    if (p->atomic) {
        p->atomic->run(p->place, TIMES, s->processor);
    } else {
        p->litmus->run[s->processor](p->x, p->y, p->result[s->processor], BATCH);
    }
    return NULL;
}

static void run_pair(struct pair *p)
{
    struct side sides[2] = {{p, 0}, {p, 1}};
    GThread *other;

    p->here = 0;
    other = g_thread_new("other", run_side, &sides[1]);
    run_side(&sides[0]);
    g_thread_join(other);
}

static void native_atomics(void)
{
    g_autofree uint8_t *memory = g_malloc0(3 * 4096);
    uint8_t *page = (uint8_t *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095);

    for (const struct smp_atomic *a = smp_atomics; a->name; a++) {
        static const unsigned middle[] = {0, 64, 4096};
        static const char *const names[] = {"aligned", "line", "page"};

        for (unsigned i = 0; i < (a->size > 1 && a->size < 16 ? 3 : 1); i++) {
            struct pair p = {.atomic = a, .place = page + middle[i] - (i ? a->size / 2 : 0)};
            uint32_t got[4];

            memset(page, 0, 4096 + 64);
            run_pair(&p);
            for (unsigned k = 0; k < 4; k++) {
                memcpy(&got[k], p.place + (unsigned[]){0, 4, 8, 16}[k], 4);
            }
            check_atomic("native", a->name, names[i], TIMES, got);
        }
    }
}

static void tally(const struct pair *p, unsigned *histogram)
{
    for (unsigned i = 0; i < BATCH; i++) {
        unsigned outcome =
            p->result[0][i] | p->result[1][i] << 2 | p->x[i * STRIDE] << 4 | p->y[i * STRIDE] << 6;

        histogram[outcome % OUTCOME]++;
    }
}

static void native_litmus(void)
{
    enum { WORDS = BATCH * STRIDE };
    g_autofree uint32_t *memory = g_new(uint32_t, 2 * WORDS + 2 * BATCH);

    for (const struct smp_litmus *l = smp_litmus; l->name; l++) {
        unsigned histogram[OUTCOME] = {0};
        struct pair p = {
            .litmus = l,
            .x = memory,
            .y = memory + WORDS,
            .result = {memory + 2 * WORDS, memory + 2 * WORDS + BATCH},
        };

        for (unsigned i = 0; i < ROUNDS; i++) {
            memset(memory, 0, (2 * WORDS + 2 * BATCH) * sizeof(*memory));
            run_pair(&p);
            tally(&p, histogram);
        }
        for (unsigned i = 0; i < OUTCOME; i++) {
            if (histogram[i]) {
                check_outcome("native", l->name, i, histogram[i]);
            }
        }
    }
}

/* ---- in the guest ---- */

/* What the image prints. */
static char *run_image(const char *accel)
{
    const char *machine = g_getenv("VIV_MACHINE");
    const char *argv[] = {machine,
                          "-machine",
                          "q35",
                          "-accel",
                          accel,
                          "-cpu",
                          "max",
                          "-smp",
                          "2",
                          "-m",
                          "32",
                          "-nodefaults",
                          "-display",
                          "none",
                          "-no-reboot",
                          "-chardev",
                          "stdio,id=text",
                          "-device",
                          "isa-debugcon,iobase=0xe9,chardev=text",
                          "-device",
                          "isa-debug-exit,iobase=0xf4,iosize=4",
                          "-bios",
                          image,
                          NULL};
    g_autoptr(GError) error = NULL;
    g_autofree char *errors = NULL;
    char *out = NULL;
    int status;

    g_assert_nonnull(machine);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
                               &errors, &status, &error));
    if (!g_spawn_check_wait_status(status, NULL) && !strstr(out, "\nend\n")) {
        g_test_message("%s%s", out, errors);
    }
    return out;
}

struct lines {
    unsigned times, atomics, litmus, shootdowns;
    bool end;
};

static void check_line(const char *line, struct lines *n)
{
    char name[32], place[16];
    unsigned outcome, seen, bad, of;
    uint32_t got[4];

    if (sscanf(line, "times %x", &seen) == 1) {
        n->times = seen;
    } else if (sscanf(line, "atomic %31s %15s %x %x %x %x", name, place, &got[0], &got[1], &got[2],
                      &got[3]) == 6) {
        n->atomics++;
        check_atomic("guest", name, place, g_str_equal(place, "page") ? n->times / 4 : n->times,
                     got);
    } else if (sscanf(line, "litmus %31s %x %x", name, &outcome, &seen) == 3) {
        n->litmus += seen;
        check_outcome("guest", name, outcome, seen);
    } else if (sscanf(line, "shootdown %31[a-z]: %x of %x", name, &bad, &of) == 3) {
        n->shootdowns++;
        g_test_message("guest: %s: %u changes of page tables, %u seen too late", name, of, bad);
        g_assert_cmpuint(of, >, 0);
        g_assert_cmpuint(bad, ==, 0);
    } else if (g_str_equal(line, "end")) {
        n->end = true;
    } else {
        g_test_message("\"%s\"", line);
        g_test_fail();
    }
}

static unsigned places(void)
{
    unsigned n = 0;

    for (const struct smp_atomic *a = smp_atomics; a->name; a++) {
        n += a->size > 1 && a->size < 16 ? 3 : 1;
    }
    return n;
}

static void guest(gconstpointer accel)
{
    g_autofree char *out = run_image(accel);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(out), "\n", -1);
    struct lines n = {0};

    for (unsigned i = 0; lines[i]; i++) {
        check_line(lines[i], &n);
    }
    g_test_message("%u places of locked operations, %u litmus runs", n.atomics, n.litmus);
    g_assert_true(n.end);
    g_assert_cmpuint(n.atomics, ==, places());
    g_assert_cmpuint(n.litmus, >, 0);
    g_assert_cmpuint(n.litmus % (G_N_ELEMENTS(rules) * BATCH), ==, 0);
    g_assert_cmpuint(n.shootdowns, ==, 3);
}

int main(int argc, char **argv)
{
    bool is_long = argc > 1 && g_str_equal(argv[1], "long");

    g_test_init(&argc, &argv, NULL);
    image =
        g_test_build_filename(G_TEST_BUILT, "kit", is_long ? "smp64-long.bin" : "smp64.bin", NULL);
    g_test_add_func("/x86/smp/native-atomics", native_atomics);
    g_test_add_func("/x86/smp/native-litmus", native_litmus);
    g_test_add_data_func("/x86/smp/guest", "interp", guest);
    g_test_add_data_func("/x86/smp/translated", "jit", guest);
    g_test_add_data_func("/x86/smp/translated-one-insn", "jit,one-insn-per-tb=on", guest);

    int failed = g_test_run();

    g_free(image);
    return failed;
}
