/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder and the disassembler beside objdump on real programs: length and mnemonic of every
 * instruction that is not AVX or another extension we lack. Arguments are files; without any, a few
 * that every system has. Differences are counted by class and named at the end; each one fails.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/guest/x86/insn.h"
#include "machine/guest/x86/state.h"

#define MODE      (MODE_CODE64 | MODE_PROT | MODE_LONG | 3 << MODE_CPL_SHIFT)
#define PER_FILE  150000 /* instructions */
#define BYTES_MAX 16

struct count {
    struct x86_decoder *decoder;
    GHashTable *differences; /* class -> how many */
    unsigned compared, foreign;
};

static bool is_prefix(const char *word)
{
    static const char *const prefixes[] = {
        "rep", "repz", "repnz", "lock", "bnd",     "data16", "addr32",   "cs",      "ds",
        "es",  "ss",   "fs",    "gs",   "notrack", "rex",    "xacquire", "xrelease"};

    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_equal(word, prefixes[i])) {
            return true;
        }
    }
    return g_str_has_prefix(word, "rex.");
}

/* The mnemonic without prefixes. */
static char *mnemonic(const char *text)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\n", -1);

    for (unsigned i = 0; words[i]; i++) {
        if (*words[i] && !is_prefix(words[i])) {
            return g_strdup(words[i]);
        }
    }
    return g_strdup("");
}

/* What objdump knows and we do not have: AVX and later, and what user programs only probe for. */
static bool is_foreign(const char *name)
{
    static const char *const names[] = {
        "(bad)",         "xbegin",      "xend",      "xabort",           "xtest",
        "gf2p8affineqb", "gf2p8mulb",   "ptwrite",   "wrpkru",           "rdpkru",
        "xsaves",        "xrstors",     "tpause",    "umonitor",         "umwait",
        "movdiri",       "movdir64b",   "serialize", "enqcmd",           "incsspq",
        "rdsspq",        "saveprevssp", "rstorssp",  "setssbsy",         "clrssbsy",
        "wrssq",         "incsspd",     "rdsspd",    "gf2p8affineinvqb", "sha512rnds2",
        "extrq",         "insertq",     "movntss",   "movntsd",          "cldemote",
        "rdpru",         "monitorx",    "mwaitx",    "clzero",           "mcommit"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name, names[i])) {
            return true;
        }
    }
    return (name[0] == 'v' && !g_str_has_prefix(name, "verr") && !g_str_has_prefix(name, "verw")) ||
           (name[0] == 'k') || g_str_has_prefix(name, "tile") || g_str_has_prefix(name, ".byte");
}

/*
 * Named differences, which are spelling: objdump writes FWAIT and the instruction behind it as one,
 * MOV with a 64-bit immediate or address as MOVABS, comparisons by their predicate, XCHG AX, AX for
 * what the manual calls a NOP, and PCLMULQDQ by the halves its immediate names.
 */
static bool is_spelling(const char *theirs, const char *ours)
{
    if (g_str_has_prefix(ours, "cmp") && g_str_has_prefix(theirs, "cmp")) {
        return g_str_has_suffix(theirs, ours + strlen("cmp"));
    }
    return (g_str_equal(theirs, "movabs") && g_str_equal(ours, "mov")) ||
           (g_str_equal(theirs, "xchg") && g_str_equal(ours, "nop")) ||
           (g_str_has_prefix(theirs, "pclmul") && g_str_equal(ours, "pclmulqdq"));
}

/* The waiting forms: 9B, then FNSTCW and the like. */
static bool is_waiting(const char *theirs, const uint8_t *bytes)
{
    static const char *const names[] = {"fstcw", "fstsw", "fstenv", "fsave", "finit", "fclex"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(theirs, names[i])) {
            return bytes[0] == 0x9b;
        }
    }
    return false;
}

static void differs(struct count *n, const char *theirs, const char *ours, const char *line)
{
    char *class = g_strdup_printf("%s, ours %s", theirs, ours);
    unsigned seen = GPOINTER_TO_UINT(g_hash_table_lookup(n->differences, class));

    if (seen == 0) {
        g_test_message("%s: %s", class, line);
    }
    g_hash_table_replace(n->differences, class, GUINT_TO_POINTER(seen + 1));
}

/* "  1012b:\te9 f0 fe ff ff       \tjmp    10020 <...>" */
static void compare_line(struct count *n, char *line)
{
    g_auto(GStrv) fields = g_strsplit(g_strchomp(line), "\t", 3);
    uint8_t bytes[BYTES_MAX];
    unsigned len = 0;
    char *p;

    if (g_strv_length(fields) != 3) {
        return;
    }
    for (p = fields[1]; g_ascii_isxdigit(*p) && len < BYTES_MAX; p += 3) {
        bytes[len++] = (uint8_t)strtoul(p, NULL, 16);
    }
    g_autofree char *theirs = mnemonic(fields[2]);

    if (is_foreign(theirs) || !*theirs) {
        n->foreign++;
        return;
    }
    struct x86_insn in;
    enum x86_decode_result result = x86_decode(n->decoder, MODE, bytes, len, &in);
    g_autoptr(GString) text = g_string_new(NULL);

    n->compared++;
    if (result != X86_DECODED) {
        differs(n, theirs, "invalid", line);
        return;
    }
    if (is_waiting(theirs, bytes)) {
        return;
    }
    if (in.len != len) {
        differs(n, theirs, "of another length", line);
        return;
    }
    x86_disassemble(n->decoder, MODE, &in, 0, text);
    g_autofree char *ours = mnemonic(text->str);

    if (!g_str_equal(ours, theirs) && !is_spelling(theirs, ours)) {
        differs(n, theirs, ours, line);
    }
}

static void compare_file(struct count *n, const char *path)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command =
        g_strdup_printf("objdump -d -w -M intel --insn-width=16 %s 2>/dev/null", quoted);
    FILE *f = popen(command, "r");
    char line[512];

    g_assert_nonnull(f);
    for (unsigned i = 0; i < PER_FILE && fgets(line, sizeof(line), f); i++) {
        if (line[0] == ' ') {
            compare_line(n, line);
        }
    }
    pclose(f);
}

static void test_programs(gconstpointer data)
{
    static const char *const usual[] = {"/bin/bash", "/lib/x86_64-linux-gnu/libm.so.6",
                                        "/lib/x86_64-linux-gnu/libc.so.6", NULL};
    const char *const *files = data;
    struct count n = {
        .decoder = x86_decoder_new(),
        .differences = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };

    g_autofree char *objdump = g_find_program_in_path("objdump");

    if (!objdump) {
        g_test_skip("objdump is not installed");
    } else {
        for (files = *files ? files : usual; *files; files++) {
            compare_file(&n, *files);
        }
        g_test_message("%u instructions compared, %u foreign, %u classes of difference", n.compared,
                       n.foreign, g_hash_table_size(n.differences));
        g_assert_cmpuint(n.compared, >, 0);
        if (g_hash_table_size(n.differences)) {
            g_test_fail();
        }
    }
    g_hash_table_destroy(n.differences);
    x86_decoder_free(n.decoder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/objdump/programs", argv + 1, test_programs);
    return g_test_run();
}
