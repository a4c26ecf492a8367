/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder and the disassembler beside objdump, in length and mnemonic: on real programs (the
 * arguments; without any a few that every system has; with `all`, /usr/bin and the libraries it
 * takes) and on random bytes. A difference is one of the named rules below, each with the manual's
 * section, or it fails. VIV_SEED repeats the random bytes.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/least.h"
#include "machine/guest/x86/insn.h"
#include "machine/guest/x86/state.h"
#include "shape.h"

#define MODE      (MODE_CODE64 | MODE_PROT | MODE_LONG | 3 << MODE_CPL_SHIFT)
#define PER_FILE  150000  /* instructions of each of the few */
#define RANDOM    1000000 /* bytes */
#define BYTES_MAX 16

struct count {
    struct x86_decoder *decoder;
    GString *text;
    GHashTable *unnamed; /* class -> how many */
    unsigned compared, same, foreign;
    unsigned *named; /* by rule */
};

/* One line of objdump's beside what we make of its bytes. */
struct line {
    const uint8_t *bytes;
    unsigned len;    /* objdump's */
    const char *all; /* its text */
    char theirs[32]; /* mnemonics, without prefixes */
    char ours[32];   /* "" when it is invalid */
    enum x86_decode_result result;
    struct x86_insn in;
    struct shape shape;
};

struct rule {
    const char *name, *section;
    bool (*applies)(const struct line *l);
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
static void mnemonic(const char *text, char *ret, size_t size)
{
    for (;;) {
        size_t n;

        text += strspn(text, " \t\n");
        n = min_u64(strcspn(text, " \t\n"), size - 1);
        memcpy(ret, text, n);
        ret[n] = 0;
        text += strcspn(text, " \t\n");
        if (n == 0 || !is_prefix(ret)) {
            return;
        }
    }
}

static void look(struct count *n, struct line *l, unsigned available)
{
    uint8_t padded[BYTES_MAX] = {0};

    memcpy(padded, l->bytes, MIN(available, BYTES_MAX - 1));
    l->shape = shape_of(padded);
    l->result = x86_decode(n->decoder, MODE, l->bytes, available, &l->in);
    mnemonic(l->all, l->theirs, sizeof(l->theirs));
    l->ours[0] = 0;
    if (l->result == X86_DECODED && l->in.fn) {
        g_string_truncate(n->text, 0);
        x86_disassemble(n->decoder, MODE, &l->in, 0, n->text);
        mnemonic(n->text->str, l->ours, sizeof(l->ours));
    }
}

static bool agrees(const struct line *l)
{
    if (g_str_equal(l->theirs, "(bad)")) {
        return !l->ours[0];
    }
    return l->in.len == l->len && g_str_equal(l->ours, l->theirs);
}

static bool is_one_of(const char *word, const char *const *words)
{
    return g_strv_contains(words, word);
}

/* objdump prints a prefix that has no effect as a line of its own. */
static bool is_prefix_alone(const struct line *l)
{
    return !l->theirs[0] && l->len <= l->shape.prefixes;
}

static bool is_vector(const struct line *l)
{
    return !l->ours[0] && l->shape.encoding != SHAPE_LEGACY;
}

static bool is_locked(const struct line *l)
{
    return !l->ours[0] && l->shape.lock;
}

static bool same_length(const struct line *l)
{
    return l->ours[0] && l->in.len == l->len;
}

static bool is_predicate(const struct line *l)
{
    return same_length(l) && l->shape.map == 0x0f && l->shape.opcode == 0xc2 &&
           g_str_has_prefix(l->ours, "cmp") && g_str_has_prefix(l->theirs, "cmp") &&
           g_str_has_suffix(l->theirs, l->ours + strlen("cmp"));
}

static bool is_carryless(const struct line *l)
{
    return same_length(l) && g_str_equal(l->ours, "pclmulqdq") &&
           g_str_has_prefix(l->theirs, "pclmul");
}

/* Sizes that objdump puts into the name. */
static bool is_sized(const struct line *l)
{
    static const char *const names[] = {"push",   "pop",    "call",    "ret",  "retf",  "enter",
                                        "leave",  "sysret", "sysexit", "iret", "jmp",   "fnsave",
                                        "frstor", "fldenv", "fnstenv", "lgdt", "lidt",  "sgdt",
                                        "sidt",   "fxsave", "fxrstor", "loop", "jrcxz", NULL};
    size_t n = strlen(l->ours);

    return same_length(l) && is_one_of(l->ours, names) && !strncmp(l->theirs, l->ours, n) &&
           l->theirs[n] && strchr("wdqlsb", l->theirs[n]);
}

/* 9B is an instruction; objdump takes it for a prefix of what follows. */
static bool is_waiting(const struct line *l)
{
    return g_str_equal(l->ours, "fwait") && l->shape.opcode == 0x9b &&
           (!l->theirs[0] || l->theirs[0] == 'f' || g_str_equal(l->theirs, "(bad)"));
}

static bool is_legacy(const struct line *l, unsigned map, unsigned opcode)
{
    return l->shape.encoding == SHAPE_LEGACY && l->shape.map == map && l->shape.opcode == opcode;
}

/* An operand that may only be a register, or only memory, and is not. */
static bool is_bad_operand(const struct line *l)
{
    return !l->ours[0] && !g_str_equal(l->theirs, "(bad)") && strstr(l->all, "(bad)");
}

/* Hints that are NOPs to who does not know them. */
static bool is_hint(const struct line *l)
{
    return l->shape.map == 0x0f &&
           ((l->shape.opcode >= 0x18 && l->shape.opcode <= 0x1f) || l->shape.opcode == 0x0d) &&
           (g_str_equal(l->ours, "nop") || g_str_has_prefix(l->ours, "prefetch"));
}

/* 3DNow!'s FEMMS, RSM without SMM, VIA's 0F A6 and A7, the 287's FRSTPM. */
static bool is_absent(const struct line *l)
{
    return !l->ours[0] &&
           (is_legacy(l, 0x0f, 0x0e) || is_legacy(l, 0x0f, 0xaa) || is_legacy(l, 0x0f, 0xa6) ||
            is_legacy(l, 0x0f, 0xa7) || (is_legacy(l, 1, 0xdb) && l->shape.modrm == 0xe5));
}

/* 0F AE with a register: rm has no meaning in fences. */
static bool is_fence(const struct line *l)
{
    return is_legacy(l, 0x0f, 0xae) && l->shape.modrm >= 0xe8 && g_str_has_suffix(l->ours, "fence");
}

/* Prefixes that objdump takes for part of the opcode and the CPU does not, and the reverse. */
static bool is_ignored_prefix(const struct line *l)
{
    return (l->shape.p66 || l->shape.rep) && g_str_equal(l->theirs, "(bad)") && l->ours[0];
}

static bool is_refused_prefix(const struct line *l)
{
    return (l->shape.p66 || l->shape.rep) && !l->ours[0] && l->shape.encoding == SHAPE_LEGACY &&
           l->shape.map != 1;
}

/* XCHG AX, AX. */
static bool is_nop(const struct line *l)
{
    return same_length(l) && is_legacy(l, 1, 0x90) && g_str_equal(l->ours, "nop") &&
           g_str_equal(l->theirs, "xchg");
}

static bool is_wbnoinvd(const struct line *l)
{
    return same_length(l) && g_str_equal(l->ours, "wbinvd") && g_str_equal(l->theirs, "wbnoinvd");
}

static bool is_fpu_alias(const struct line *l)
{
    static const char *const names[] = {"fxch4", "fxch7", "fcom2",  "fcomp3",  "fcomp5", "fstp1",
                                        "fstp8", "fstp9", "ffreep", "fstpnce", NULL};

    return l->shape.map == 1 && l->shape.opcode >= 0xd8 && l->shape.opcode <= 0xdf &&
           l->shape.modrm >= 0xc0 && is_one_of(l->ours, names);
}

/* Extensions that objdump knows and we lack, one list a manual's chapter. */
static bool is_tsx(const struct line *l)
{
    static const char *const names[] = {"xabort", "xbegin", "xbeginw", "xend", "xtest", NULL};

    return !l->ours[0] && is_one_of(l->theirs, names);
}

static bool is_virtual(const struct line *l)
{
    static const char *const names[] = {
        "vmcall", "vmlaunch", "vmresume", "vmxoff", "vmxon",   "vmptrld", "vmptrst", "vmclear",
        "vmread", "vmwrite",  "vmfunc",   "invept", "invvpid", "vmrun",   "vmmcall", "vmload",
        "vmsave", "stgi",     "clgi",     "skinit", "invlpga", "vmgexit", NULL};

    return !l->ours[0] && is_one_of(l->theirs, names);
}

static bool is_sse4a(const struct line *l)
{
    static const char *const names[] = {"extrq", "insertq", "movntss", "movntsd", NULL};

    return !l->ours[0] && is_one_of(l->theirs, names);
}

static bool is_gfni(const struct line *l)
{
    return !l->ours[0] && g_str_has_prefix(l->theirs, "gf2p8");
}

static bool is_protection(const struct line *l)
{
    static const char *const names[] = {
        "incsspd",  "incsspq",  "rdsspd", "rdsspq", "saveprevssp", "rstorssp",
        "setssbsy", "clrssbsy", "wrssd",  "wrssq",  "wrussd",      "wrussq",
        "endbr64",  "endbr32",  "rdpkru", "wrpkru", "enclu",       "encls",
        "enclv",    "pconfig",  "getsec", NULL};

    return !l->ours[0] && is_one_of(l->theirs, names);
}

static bool is_later(const struct line *l)
{
    static const char *const names[] = {"ptwrite",
                                        "tpause",
                                        "umonitor",
                                        "umwait",
                                        "movdiri",
                                        "movdir64b",
                                        "serialize",
                                        "enqcmd",
                                        "enqcmds",
                                        "cldemote",
                                        "rdpru",
                                        "monitorx",
                                        "mwaitx",
                                        "clzero",
                                        "mcommit",
                                        "xsaves",
                                        "xrstors",
                                        "xsaves64",
                                        "xrstors64",
                                        "clui",
                                        "stui",
                                        "testui",
                                        "uiret",
                                        "senduipi",
                                        "xsusldtrk",
                                        "xresldtrk",
                                        "hreset",
                                        "invlpgb",
                                        "tlbsync",
                                        "pvalidate",
                                        "psmash",
                                        "rmpadjust",
                                        "rmpupdate",
                                        "rmpquery",
                                        "wbnoinvd",
                                        "loadiwkey",
                                        "aesenc128kl",
                                        "aesdec128kl",
                                        "aesenc256kl",
                                        "aesdec256kl",
                                        "aesencwide128kl",
                                        "encodekey128",
                                        "encodekey256",
                                        "wrmsrns",
                                        "wrmsrlist",
                                        "rdmsrlist",
                                        "aadd",
                                        "aand",
                                        "aor",
                                        "axor",
                                        "prefetchit0",
                                        "prefetchit1",
                                        "rdmsr",
                                        NULL};

    return !l->ours[0] && is_one_of(l->theirs, names);
}

/* objdump prints the bytes that are left: a valid instruction begins there and does not end. */
static bool is_cut(const struct line *l)
{
    return g_str_equal(l->theirs, ".byte") && l->result == X86_NEED_MORE;
}

static const struct rule rules[] = {
    {"an instruction that its section's end cuts", "SDM 2, 2.1", is_cut},
    {"a prefix without effect, alone", "SDM 2, 2.1.1 and 2.2.1", is_prefix_alone},
    {"VEX, EVEX, XOP and 3DNow!", "SDM 1, 14 and 15; APM 3, 1.2.5", is_vector},
    {"LOCK where it is invalid", "SDM 2, LOCK (#UD)", is_locked},
    {"comparisons by their predicate", "SDM 2, CMPPD, table 3-1", is_predicate},
    {"PCLMULQDQ by the halves its immediate names", "SDM 2, table 4-13", is_carryless},
    {"sizes in the name: pushw, retfq", "SDM 2, 2.2.1.7", is_sized},
    {"FWAIT and the instruction behind it as one", "SDM 2, FSTCW", is_waiting},
    {"operands that may not be memory, or not a register", "SDM 2, each entry", is_bad_operand},
    {"hints: MPX, CLDEMOTE, 0F 0D", "SDM 2, NOP and table A-3", is_hint},
    {"FEMMS, RSM, PadLock, FRSTPM", "SDM 2, tables A-3 and A-12; RSM", is_absent},
    {"fences with any rm", "SDM 2, table A-6, group 15", is_fence},
    {"prefixes without a meaning", "SDM 2, 2.1.1", is_ignored_prefix},
    {"prefixes that an opcode refuses (NP)", "SDM 2, 3.1.1.1", is_refused_prefix},
    {"90 as XCHG with itself", "SDM 2, NOP", is_nop},
    {"WBNOINVD is WBINVD where it is lacking", "SDM 2, WBNOINVD", is_wbnoinvd},
    {"x87 opcodes that are aliases", "SDM 2, A.5.2", is_fpu_alias},
    {"TSX", "SDM 1, 16", is_tsx},
    {"VMX and SVM", "SDM 3, 31; APM 2, 15", is_virtual},
    {"SSE4A", "APM 4, EXTRQ", is_sse4a},
    {"GFNI", "SDM 2, GF2P8AFFINEQB", is_gfni},
    {"CET, protection keys, SGX, SMX", "SDM 1, 17; SDM 3, 4.6.2, 33 and 6", is_protection},
    {"other extensions that the models lack", "SDM 2; APM 3", is_later},
};

static void unnamed(struct count *n, const struct line *l)
{
    const struct shape *s = &l->shape;
    char *class = g_strdup_printf(
        "%s (%u), ours %s (%u): encoding %u map %x opcode %02x %s%s rep %x", l->theirs, l->len,
        l->ours[0] ? l->ours : "invalid", l->in.len, s->encoding, s->map, s->opcode,
        s->p66 ? "66 " : "", s->modrm >= 0xc0 ? "register" : "memory", s->rep);
    unsigned seen = GPOINTER_TO_UINT(g_hash_table_lookup(n->unnamed, class));

    if (seen == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < MAX(l->len, l->in.len); i++) {
            g_string_append_printf(text, " %02x", l->bytes[i]);
        }
        g_test_message("%s:%s: %s", class, text->str, l->all);
    }
    g_hash_table_replace(n->unnamed, class, GUINT_TO_POINTER(seen + 1));
}

static void judge(struct count *n, struct line *l, unsigned available)
{
    look(n, l, available);
    n->compared++;
    if (agrees(l)) {
        n->same++;
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].applies(l)) {
            n->named[i]++;
            return;
        }
    }
    unnamed(n, l);
}

/* "  1012b:\te9 f0 fe ff ff       \tjmp    10020 <...>": address, bytes and text. FALSE: another
 * line. */
static bool read_line(char *line, uint64_t *ret_address, uint8_t *bytes, unsigned *ret_len,
                      const char **ret_text)
{
    char *p, *tab = strchr(line, '\t');

    if (line[0] != ' ' || !tab) {
        return false;
    }
    *ret_address = g_ascii_strtoull(line, NULL, 16);
    *ret_len = 0;
    for (p = tab + 1; g_ascii_isxdigit(p[0]) && *ret_len < BYTES_MAX; p += 3) {
        bytes[(*ret_len)++] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
    }
    p = strchr(p, '\t');
    *ret_text = p ? g_strchomp(p + 1) : "";
    return *ret_len > 0 && p;
}

/* Without `blob`, an instruction's bytes are those that objdump prints. */
static void compare(struct count *n, const char *command, const uint8_t *blob, size_t size,
                    unsigned limit)
{
    FILE *f = popen(command, "r");
    char text[512];

    g_assert_nonnull(f);
    for (unsigned i = 0; i < limit && fgets(text, sizeof(text), f); i++) {
        uint8_t bytes[BYTES_MAX] = {0};
        struct line l = {.bytes = bytes};
        uint64_t address;

        if (!read_line(text, &address, bytes, &l.len, &l.all)) {
            continue;
        }
        if (blob && address + BYTES_MAX > size) {
            break;
        }
        l.bytes = blob ? blob + address : bytes;
        judge(n, &l, blob ? BYTES_MAX - 1 : l.len);
    }
    pclose(f);
}

static void compare_file(struct count *n, const char *path, unsigned limit)
{
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command =
        g_strdup_printf("objdump -d -w -M intel --insn-width=16 %s 2>/dev/null", quoted);

    compare(n, command, NULL, 0, limit);
}

static void count_init(struct count *n)
{
    *n = (struct count){
        .decoder = x86_decoder_new(),
        .text = g_string_new(NULL),
        .unnamed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .named = g_new0(unsigned, G_N_ELEMENTS(rules)),
    };
}

static void count_fini(struct count *n)
{
    GHashTableIter i;
    gpointer k, v;

    for (unsigned r = 0; r < G_N_ELEMENTS(rules); r++) {
        g_test_message("%8u  %s; %s", n->named[r], rules[r].name, rules[r].section);
    }
    g_test_message("%u compared, %u the same, %u unnamed classes of difference", n->compared,
                   n->same, g_hash_table_size(n->unnamed));
    g_hash_table_iter_init(&i, n->unnamed);
    while (g_hash_table_iter_next(&i, &k, &v)) {
        g_test_message("unnamed: %u of %s", GPOINTER_TO_UINT(v), (char *)k);
        g_test_fail();
    }
    g_assert_cmpuint(n->same, >, 0);
    g_hash_table_destroy(n->unnamed);
    g_string_free(n->text, TRUE);
    x86_decoder_free(n->decoder);
    g_free(n->named);
}

static bool have_objdump(void)
{
    g_autofree char *objdump = g_find_program_in_path("objdump");

    if (!objdump) {
        g_test_skip("objdump is not installed");
    }
    return objdump;
}

/* Every file of `folder`, links followed. */
static void add_folder(GHashTable *files, const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *real = realpath(path, NULL);

        if (real) {
            g_hash_table_add(files, g_strdup(real));
        }
        free(real);
    }
    g_dir_close(dir);
}

/* The libraries that the dynamic linker would take for them. */
static void add_libraries(GHashTable *files)
{
    FILE *f = popen("ldd /usr/bin/* 2>/dev/null | grep -o '/[^ ]*lib[^ ]*' | sort -u", "r");
    char line[512];

    g_assert_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        char *real = realpath(g_strchomp(line), NULL);

        if (real) {
            g_hash_table_add(files, g_strdup(real));
        }
        free(real);
    }
    pclose(f);
}

static void test_programs(gconstpointer data)
{
    static const char *const usual[] = {"/bin/bash", "/lib/x86_64-linux-gnu/libm.so.6",
                                        "/lib/x86_64-linux-gnu/libc.so.6", NULL};
    const char *const *files = data;
    struct count n;

    if (!have_objdump()) {
        return;
    }
    count_init(&n);
    if (*files && g_str_equal(*files, "all")) {
        GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        GHashTableIter i;
        gpointer path;

        add_folder(all, "/usr/bin");
        add_libraries(all);
        g_test_message("%u files", g_hash_table_size(all));
        g_hash_table_iter_init(&i, all);
        while (g_hash_table_iter_next(&i, &path, NULL)) {
            compare_file(&n, path, UINT_MAX);
        }
        g_hash_table_destroy(all);
    } else {
        for (files = *files ? files : usual; *files; files++) {
            compare_file(&n, *files, PER_FILE);
        }
    }
    count_fini(&n);
}

/* Half of the bytes are random as they come; the others favour prefixes and escapes. */
static void make_bytes(uint8_t *bytes, size_t size, GRand *rand)
{
    static const uint8_t often[] = {0x0f, 0x66, 0xf2, 0xf3, 0x48, 0x41, 0x67, 0xf0};

    for (size_t i = 0; i < size; i++) {
        uint32_t v = g_rand_int(rand);

        bytes[i] = i & 0x8000 && (v >> 8 & 3) == 0 ? often[v >> 16 & 7] : v;
    }
}

static void test_random(void)
{
    const char *seed_text = g_getenv("VIV_SEED");
    uint32_t seed = seed_text ? (uint32_t)g_ascii_strtoull(seed_text, NULL, 0) : g_random_int();
    g_autofree uint8_t *bytes = g_malloc(RANDOM);
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    GRand *rand = g_rand_new_with_seed(seed);
    struct count n;
    int fd;

    g_test_message("VIV_SEED=%u", seed);
    make_bytes(bytes, RANDOM, rand);
    g_rand_free(rand);
    if (!have_objdump()) {
        return;
    }
    fd = g_file_open_tmp("objdump-XXXXXX", &path, &error);
    g_assert_no_error(error);
    close(fd);
    g_assert_true(g_file_set_contents(path, (const char *)bytes, RANDOM, &error));
    g_autofree char *command = g_strdup_printf(
        "objdump -D -w -z -b binary -m i386:x86-64 -M intel --insn-width=16 %s", path);

    count_init(&n);
    compare(&n, command, bytes, RANDOM, UINT_MAX);
    unlink(path);
    count_fini(&n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/x86/objdump/programs", argv + 1, test_programs);
    g_test_add_func("/x86/objdump/random", test_random);
    return g_test_run();
}
