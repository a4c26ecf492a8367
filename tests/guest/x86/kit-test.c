/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bare-metal kit's images on our CPU and on a real QEMU: what they print is compared line by
 * line. Where QEMU's emulation is known to differ from the processor, the line and the processor's
 * answer are in a table with the manual's section; `strict` images hold what QEMU does not check at
 * all, with the answers beside them.
 */
#include "bare.h"
#include "peer.h"

#include <string.h>

static char *kit_dir;

/* What a processor says where QEMU says something else. */
struct deviation {
    const char *name;  /* of the line */
    const char *value; /* the processor's; NULL: depends, not compared */
    const char *why;
};

struct image {
    const char *name, *cpu;
    const struct deviation *known;
    const char *const *strict; /* all expected lines, instead of a comparison */
};

static const struct deviation prot32_known[] = {
    {"pf-reserved", "#e 9 cr2 400000", "P is set with RSVD; SDM 3, 4.7"},
    {"general-detect", "#1 0", "DR7.GD; SDM 3, 17.2.4"},
    {"dr7", "400", "GD is cleared on entry; SDM 3, 17.2.4"},
    {"dr6-bd", "2000", "SDM 3, 17.2.3"},
    {"ud-np", "#b 33", "EXT; SDM 3, 6.13"},
    {"ts-error", "1", "EXT; SDM 3, 6.13"},
    {NULL},
};

static const struct deviation long64_known[] = {
    {"read-last", "#d 0", "its last bytes are not canonical; SDM 1, 3.3.7.1"},
    {"rbp", "#c 0", "the stack segment; SDM 1, 3.3.7.1"},
    {"ist-noncanonical", "#c 1", "EXT; SDM 3, 6.13"},
    {"gate-type", "#d 32", "eight times the vector, plus 2; SDM 3, 6.13"},
    {"idt-limit", "#d 182", "the same"},
    {"lstar-canonical", "#d 0", "WRMSR; SDM 2"},
    {"ss-null-rpl3", "#d 0", "RPL is not CPL; SDM 2, MOV"},
    {NULL},
};

static const struct deviation real16_known[] = {
    {"word-at-ffff", "000d ip 0000", "the segment's limit; SDM 3, 20.1.1"},
    {"beyond-64k", "000d ip 0000", "the same"},
    {NULL},
};

static const struct deviation max64_known[] = {
    {"fsbase-canonical", "#d 0", "SDM 2, WRFSBASE"},
    {NULL},
};

static const char *const strict64[] = {
    "rdpid = 5678",
    "rdpmc: #d 0",
    "user-rdpmc: #d 0",
    "invpcid-address: ok",
    "invpcid-pcid-off: #d 0",
    "invpcid-all: ok",
    "invpcid-canonical: #d 0",
    "invpcid-type: #d 0",
    "invpcid-reserved: #d 0",
    "user-invpcid: #d 0",
    "pcide-with-pcid: #d 0",
    "pcide: ok",
    "cr3-noflush: ok",
    "cr3-pcid = 7",
    "invpcid-pcid-on: ok",
    "pg-off-64: #d 0",
    "pae-off: #d 0",
    "la57-toggle: #d 0",
    "lme-off: #d 0",
    "svme: #d 0",
    "rdmsr-unknown: #d 0",
    "wrmsr-unknown: #d 0",
    "pat-type: #d 0",
    "mtrrcap-write: #d 0",
    "tsc-adjust-negative = 1",
    "cr8-large: #d 0",
    "cr8 = 9",
    NULL,
};

static const char *const strict32[] = {
    "load-xcode: #d 60",
    "write-rodata: #d 0",
    "write-code: #d 0",
    "read-null: #d 0",
    "limit-last: ok",
    "limit-past: #d 0",
    "limit-cross: #d 0",
    "down-below: #d 0",
    "down-above: ok",
    "ltr-null: #d 0",
    "cr0-pg-no-pe: #d 0",
    "cr0-nw-no-cd: #d 0",
    "cr4-reserved: #d 0",
    "dr6-reserved: ok",
    "dr6 = ffff0ff1",
    "ext-np-gate: #b 33",
    "int-np-gate: #b 32",
    "ext-data-selector: #d 11",
    "int-data-selector: #d 10",
    "ext-null-selector: #d 1",
    "int-null-selector: #d 0",
    "fault: #6 0",
    "fault-rf = 10000",
    "trap: #3 0",
    "trap-rf = 0",
    "kernel-misaligned: ok",
    "user-misaligned-off: #3 0",
    "user-misaligned: #11 0",
    "user-aligned: #3 0",
    NULL,
};

static const struct image images[] = {
    {"prot32", "qemu64", prot32_known, NULL},
    {"long64", "qemu64", long64_known, NULL},
    {"real16", "qemu64", real16_known, NULL},
    {"max64", "max,vendor=GenuineIntel", max64_known, NULL},
    {"strict32", "qemu64", NULL, strict32},
    {"strict64", "max", NULL, strict64},
};

static char *image_path(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".bin", NULL);

    return g_build_filename(kit_dir, file, NULL);
}

/* What we print. */
static char *ours(const struct image *im)
{
    g_autofree char *path = image_path(im->name);
    struct bare *r = bare_new(im->cpu);
    bool done = bare_run_image(r, path);
    char *out = g_strdup(r->console->str);

    if (!done || r->exit_code != 0) {
        g_test_message("stopped at %04x:%08" G_GINT64_MODIFIER "x after:\n%s",
                       r->c->seg[SEG_CS].selector, r->c->rip, out);
        g_test_fail();
    }
    bare_free(r);
    return out;
}

static bool is_line(const char *line, const char *name)
{
    size_t len = strlen(name);

    return !strncmp(line, name, len) && (line[len] == ':' || line[len] == ' ');
}

static const struct deviation *find_deviation(const struct image *im, const char *line)
{
    for (const struct deviation *d = im->known; d && d->name; d++) {
        if (is_line(line, d->name)) {
            return d;
        }
    }
    return NULL;
}

static void check_line(const struct image *im, const char *mine, const char *theirs)
{
    const struct deviation *d = find_deviation(im, theirs);

    if (d && d->value) {
        if (!is_line(mine, d->name) || !g_str_has_suffix(mine, d->value)) {
            g_test_message("%s: \"%s\", and a processor says %s (%s)", im->name, mine, d->value,
                           d->why);
            g_test_fail();
        }
    } else if (!d && strcmp(mine, theirs)) {
        g_test_message("%s: \"%s\", and QEMU says \"%s\"", im->name, mine, theirs);
        g_test_fail();
    }
}

static void compare(const struct image *im, const char *const *theirs, char **mine)
{
    unsigned i = 0;

    for (; mine[i] && theirs[i]; i++) {
        check_line(im, mine[i], theirs[i]);
    }
    if (mine[i] || theirs[i]) {
        g_test_message("%s: %s goes on with \"%s\"", im->name, mine[i] ? "ours" : "QEMU",
                       mine[i] ? mine[i] : theirs[i]);
        g_test_fail();
    }
}

static void test_image(gconstpointer data)
{
    const struct image *im = data;
    g_autofree char *mine = ours(im);
    g_auto(GStrv) my_lines = g_strsplit(g_strstrip(mine), "\n", -1);

    if (im->strict) {
        compare(im, im->strict, my_lines);
        return;
    }
    g_autofree char *path = image_path(im->name);
    g_autofree char *theirs = peer_run_image(path, im->cpu, "1");
    g_auto(GStrv) their_lines = theirs ? g_strsplit(g_strstrip(theirs), "\n", -1) : NULL;

    if (!theirs) {
        g_test_skip("qemu-system-x86_64 is not installed");
        return;
    }
    compare(im, (const char *const *)their_lines, my_lines);
}

/* Each system row's directed test is one of the images. */
static void test_directed(void)
{
    for (unsigned i = 0; i < x86_rows_sys.n; i++) {
        const char *directed = x86_rows_sys.rows[i].directed;
        bool found = false;

        g_assert_true(directed && g_str_has_prefix(directed, "x86/kit/"));
        for (unsigned k = 0; k < G_N_ELEMENTS(images); k++) {
            found |= !strcmp(directed + strlen("x86/kit/"), images[k].name);
        }
        if (!found) {
            g_test_message("%s: no test %s", x86_rows_sys.rows[i].name, directed);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    kit_dir = g_test_build_filename(G_TEST_BUILT, "kit", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *path = g_strconcat("/x86/kit/", images[i].name, NULL);

        g_test_add_data_func(path, &images[i], test_image);
    }
    g_test_add_func("/x86/kit/directed", test_directed);

    int failed = g_test_run();

    g_free(kit_dir);
    return failed;
}
