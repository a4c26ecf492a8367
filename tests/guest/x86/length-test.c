/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lengths beside the host's own CPU, which is the authority: STRINGS random strings of bytes are
 * run against a page that is not there (length-probe.h), and our decoder must say the same length,
 * and the same of what is no instruction at all. A difference is one of the named rules below, each
 * with the manual's section, or it fails. VIV_SEED repeats a run, VIV_STRINGS sets its length.
 */
#include "length-guest.h"
#include "length-probe.h"
#include "machine/guest/x86/insn.h"
#include "machine/guest/x86/system/cpuid.h"
#include "shape.h"

#include <cpuid.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STRINGS 1000000
#define BATCH   50000
#define MODE    (MODE_CODE64 | MODE_PROT | MODE_LONG | 3 << MODE_CPL_SHIFT)
#define SHOWN   3 /* examples of a difference that has no name */

struct one {
    const uint8_t *bytes;
    struct shape shape;
    enum x86_decode_result result; /* ours; a feature that the host lacks makes it invalid */
    struct x86_insn in;
    int guest;  /* length_guest_run of the bytes that the CPU, or we, needed */
    bool lacks; /* the host's CPU lacks the feature */
    const struct probe_record *host;
};

struct rule {
    const char *name, *section;
    bool (*applies)(const struct one *o);
    unsigned seen;
};

struct run {
    struct x86_decoder *decoder;
    struct length_guest guest;
    char *probe;
    uint32_t mode;
    uint64_t seed;
    unsigned same, invalid, different;
    struct rule *rules;
    GHashTable *unnamed; /* text -> how many */
};

static uint64_t next(struct run *r)
{
    r->seed ^= r->seed << 13;
    r->seed ^= r->seed >> 7;
    r->seed ^= r->seed << 17;
    return r->seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* Half are random as they come; the others begin with what random bytes seldom do: several
 * prefixes, or an escape to another map. */
static void make_string(struct run *r, uint8_t *bytes)
{
    static const uint8_t prefix[] = {0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e, 0x64, 0x65, 0x3e};
    uint64_t v[2] = {next(r), next(r)}, how = next(r) >> 16;
    unsigned n = 0;

    memcpy(bytes, v, PROBE_BYTES);
    if (how & 1) {
        return;
    }
    unsigned many = how >> 8 & 31;

    many = many < 20 ? many & 3 : many - 16;
    for (; n < many; n++) {
        bytes[n] = prefix[(next(r) >> 32) % sizeof(prefix)];
    }
    if (n < 12 && (how & 2)) {
        bytes[n++] = 0x40 | (how >> 16 & 15);
    }
    if (n < 12 && (how & 4)) {
        bytes[n++] = 0x0f;
        if ((how & 0x18) == 0) {
            bytes[n++] = how & 32 ? 0x38 : 0x3a;
        }
    } else if (n < 12 && (how & 0x18) == 8) {
        bytes[n++] = how & 32 ? 0xc4 : 0xc5;
    }
}

static bool host_has(unsigned feature)
{
    unsigned a, b, c, d;

    switch (feature ? feature / 32 : FW_COUNT) {
    case FW_1_EDX: __cpuid(1, a, b, c, d); return d >> feature % 32 & 1;
    case FW_1_ECX: __cpuid(1, a, b, c, d); return c >> feature % 32 & 1;
    case FW_7_0_EBX: __cpuid_count(7, 0, a, b, c, d); return b >> feature % 32 & 1;
    case FW_7_0_ECX: __cpuid_count(7, 0, a, b, c, d); return c >> feature % 32 & 1;
    case FW_D_1_EAX: __cpuid_count(0xd, 1, a, b, c, d); return a >> feature % 32 & 1;
    case FW_8000_0001_EDX: __cpuid(0x80000001, a, b, c, d); return d >> feature % 32 & 1;
    case FW_8000_0001_ECX: __cpuid(0x80000001, a, b, c, d); return c >> feature % 32 & 1;
    default: return true;
    }
}

static bool host_is_intel(void)
{
    unsigned a, b, c, d;

    __cpuid(0, a, b, c, d);
    return b == signature_INTEL_ebx;
}

static void look(struct run *r, const struct probe_record *host, struct one *o)
{
    uint8_t padded[16] = {0};

    memcpy(padded, host->bytes, PROBE_BYTES);
    o->bytes = host->bytes;
    o->shape = shape_of(padded);
    o->host = host;
    o->result = x86_decode(r->decoder, r->mode, host->bytes, PROBE_BYTES, &o->in);
    o->guest = o->result == X86_NEED_MORE ? GUEST_MORE
                                          : length_guest_run(&r->guest, host->bytes, o->in.len);
    o->lacks =
        o->result == X86_DECODED && !host_has(x86_decoder_row(r->decoder, o->in.row)->feature);
}

static bool host_refuses(const struct one *o)
{
    return o->host->signal == SIGILL;
}

/* The host knows the instruction and we do not. */
static bool only_host(const struct one *o)
{
    return !host_refuses(o) && o->guest == VEC_UD;
}

static bool is_vector(const struct one *o)
{
    return only_host(o) && (o->shape.encoding == SHAPE_VEX || o->shape.encoding == SHAPE_EVEX);
}

static bool is_xop(const struct one *o)
{
    return only_host(o) && o->shape.encoding == SHAPE_XOP;
}

static bool is_3dnow(const struct one *o)
{
    return only_host(o) &&
           (o->shape.encoding == SHAPE_3DNOW || (o->shape.map == 0x0f && o->shape.opcode == 0x0e));
}

static bool legacy(const struct one *o, unsigned map)
{
    return o->shape.encoding == SHAPE_LEGACY && o->shape.map == map;
}

static bool is_sse4a(const struct one *o)
{
    uint8_t op = o->shape.opcode;

    return only_host(o) && legacy(o, 0x0f) &&
           ((op == 0x2b && o->shape.rep) ||
            ((op == 0x78 || op == 0x79) && (o->shape.p66 || o->shape.rep == 0xf2)));
}

static bool is_gfni(const struct one *o)
{
    uint8_t op = o->shape.opcode;

    return only_host(o) && o->shape.p66 &&
           ((legacy(o, 0x0f38) && op == 0xcf) || (legacy(o, 0x0f3a) && (op & 0xfe) == 0xce));
}

static bool is_xsaves(const struct one *o)
{
    unsigned reg = o->shape.modrm >> 3 & 7;

    return only_host(o) && legacy(o, 0x0f) && o->shape.opcode == 0xc7 && o->shape.modrm < 0xc0 &&
           (reg == 3 || reg == 5);
}

/* XABORT and XBEGIN. */
static bool is_rtm(const struct one *o)
{
    return only_host(o) && legacy(o, 1) && (o->shape.opcode & 0xfe) == 0xc6 &&
           (o->shape.modrm & 0x38) == 0x38;
}

/* In 0F AE with a prefix: PTWRITE, INCSSP, CLRSSBSY; UMONITOR, UMWAIT, TPAUSE. */
static bool is_state_extension(const struct one *o)
{
    unsigned reg = o->shape.modrm >> 3 & 7;

    return only_host(o) && legacy(o, 0x0f) && o->shape.opcode == 0xae && reg >= 4 && reg <= 6 &&
           (o->shape.rep || o->shape.p66);
}

/* MOVDIRI, MOVDIR64B, ENQCMD, ENQCMDS. */
static bool is_direct_store(const struct one *o)
{
    return only_host(o) && legacy(o, 0x0f38) && (o->shape.opcode & 0xfe) == 0xf8 &&
           o->shape.modrm < 0xc0;
}

static bool is_hypercall(const struct one *o)
{
    return only_host(o) && legacy(o, 0x0f) && o->shape.opcode == 0x01 &&
           (o->shape.modrm == 0xc1 || o->shape.modrm == 0xd9);
}

/* Instructions in 0F 01 with a register form that are later than the model. */
static bool is_system_extension(const struct one *o)
{
    static const uint8_t modrm[] = {0xc0, 0xc5, 0xc6, 0xcc, 0xcd, 0xce, 0xec, 0xed,
                                    0xcf, 0xd4, 0xd5, 0xd6, 0xd7, 0xe8, 0xe9, 0xea,
                                    0xee, 0xef, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};

    return only_host(o) && legacy(o, 0x0f) && o->shape.opcode == 0x01 &&
           memchr(modrm, o->shape.modrm, sizeof(modrm));
}

/* SVM's; which of them a guest may try is its hypervisor's choice. */
static bool is_svm(const struct one *o)
{
    return only_host(o) && legacy(o, 0x0f) && o->shape.opcode == 0x01 &&
           (o->shape.modrm & 0xf8) == 0xd8;
}

static bool is_locked_verw(const struct one *o)
{
    return only_host(o) && o->shape.lock && legacy(o, 0x0f) && o->shape.opcode == 0x00 &&
           (o->shape.modrm & 0x38) == 0x28;
}

static bool is_alternate_cr8(const struct one *o)
{
    return only_host(o) && o->shape.lock && legacy(o, 0x0f) && (o->shape.opcode & 0xfd) == 0x20;
}

static bool is_long_invalid(const struct one *o)
{
    return o->guest == VEC_UD && o->host->trapno == VEC_GP && o->host->len >= PROBE_BYTES;
}

static bool is_long_ud(const struct one *o)
{
    uint8_t op = o->shape.opcode;

    return o->result == X86_TOO_LONG && host_refuses(o) && legacy(o, 0x0f) &&
           (op == 0xff || op == 0xb9);
}

static bool is_long_vex(const struct one *o)
{
    const struct shape *s = &o->shape;

    return o->result == X86_TOO_LONG && host_refuses(o) && s->encoding == SHAPE_VEX &&
           (s->p66 || s->rep || s->lock || s->rex);
}

static bool is_prefetch_register(const struct one *o)
{
    return o->result == X86_DECODED && host_refuses(o) && legacy(o, 0x0f) &&
           o->shape.opcode == 0x0d && o->shape.modrm >= 0xc0;
}

static const struct rule rules[] = {
    {"over 15 bytes, and invalid: either exception", "SDM 3, 6.15 #UD and #GP", is_long_invalid, 0},
    {"UD0 and UD1: ModRM is read, or not", "SDM 2, UD", is_long_ud, 0},
    {"over 15 bytes, and VEX with a forbidden prefix", "SDM 2, 2.3.2 to 2.3.4", is_long_vex, 0},
    {"VEX and EVEX: AVX, AVX2, FMA, F16C, AVX-512", "SDM 1, 14 and 15", is_vector, 0},
    {"XOP, FMA4, TBM", "APM 3, 1.2.5", is_xop, 0},
    {"3DNow!", "APM 3, A.1.2", is_3dnow, 0},
    {"SSE4A", "APM 4, EXTRQ, INSERTQ, MOVNTSD, MOVNTSS", is_sse4a, 0},
    {"GFNI", "SDM 2, GF2P8AFFINEQB", is_gfni, 0},
    {"XSAVES and XRSTORS", "SDM 1, 13.11", is_xsaves, 0},
    {"RTM", "SDM 1, 16.3.4", is_rtm, 0},
    {"CET, PTWRITE, WAITPKG", "SDM 2, INCSSPD, CLRSSBSY, PTWRITE, TPAUSE, UMONITOR, UMWAIT",
     is_state_extension, 0},
    {"direct stores", "SDM 2, MOVDIRI, MOVDIR64B, ENQCMD", is_direct_store, 0},
    {"VMCALL and VMMCALL: the host's hypervisor answers", "SDM 3, 31.3", is_hypercall, 0},
    {"SVM", "APM 2, 15.5 to 15.27", is_svm, 0},
    {"LOCK VERW is let through by some of AMD's", "SDM 2, VERW (#UD)", is_locked_verw, 0},
    {"0F 01 of later extensions", "SDM 2, table A-6; APM 3, table A-7", is_system_extension, 0},
    {"LOCK MOV CR0 as MOV CR8", "APM 3, MOV CRn", is_alternate_cr8, 0},
    {"0F 0D with a register", "SDM 2, table A-6 (NOP); APM 3, PREFETCH (#UD)", is_prefetch_register,
     0},
    {NULL},
};

/* One byte less asks for the next page in the interpreter as well. */
static bool asks(struct run *r, const struct one *o)
{
    return o->in.len == 1 || length_guest_run(&r->guest, o->bytes, o->in.len - 1) == GUEST_MORE;
}

static bool agrees(struct run *r, const struct one *o)
{
    if (o->lacks || o->guest == VEC_UD) {
        return host_refuses(o);
    }
    if (o->result == X86_TOO_LONG) {
        return o->host->trapno == VEC_GP;
    }
    return o->result == X86_DECODED && o->host->len == o->in.len && !host_refuses(o) && asks(r, o);
}

static const char *result_name(enum x86_decode_result result)
{
    static const char *const names[] = {[X86_DECODED] = "valid",
                                        [X86_NEED_MORE] = "short",
                                        [X86_TOO_LONG] = "too long",
                                        [X86_INVALID] = "invalid"};

    return names[result];
}

static void unnamed(struct run *r, const struct one *o)
{
    const struct shape *s = &o->shape;
    bool valid = o->result == X86_DECODED;
    char *class =
        g_strdup_printf("enc %u map %x op %02x %s%s rep %x lock %u: ours %s%s %s (%d), host %s",
                        s->encoding, s->map, s->opcode, s->p66 ? "66 " : "",
                        s->modrm >= 0xc0 ? "reg" : "mem", s->rep, s->lock, result_name(o->result),
                        valid ? " " : "", valid ? x86_decoder_row(r->decoder, o->in.row)->name : "",
                        o->guest, strsignal(o->host->signal));
    unsigned seen = GPOINTER_TO_UINT(g_hash_table_lookup(r->unnamed, class));

    if (seen < SHOWN) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < PROBE_BYTES; i++) {
            g_string_append_printf(text, " %02x", o->bytes[i]);
        }
        g_test_message("%s:%s: length %u, the CPU says %u", class, text->str, o->in.len,
                       o->host->len);
    }
    g_hash_table_replace(r->unnamed, class, GUINT_TO_POINTER(seen + 1));
}

static void judge(struct run *r, const struct probe_record *host)
{
    struct one o;

    look(r, host, &o);
    if (agrees(r, &o)) {
        r->same += o.guest != VEC_UD;
        r->invalid += o.guest == VEC_UD;
        return;
    }
    for (struct rule *rule = r->rules; rule->applies; rule++) {
        if (rule->applies(&o)) {
            rule->seen++;
            r->different++;
            return;
        }
    }
    unnamed(r, &o);
}

static void ask_cpu(const struct run *r, int fd, unsigned n)
{
    g_autofree char *fd_text = g_strdup_printf("%d", fd), *n_text = g_strdup_printf("%u", n);
    char *argv[] = {r->probe, fd_text, n_text, NULL};
    g_autoptr(GError) error = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, NULL,
                               NULL, &status, &error));
    g_assert_cmpint(status, ==, 0);
}

/* Asks the CPU about `n` strings, then judges each. */
static void compare(struct run *r, const uint8_t (*strings)[PROBE_BYTES], unsigned n)
{
    size_t size = n * sizeof(struct probe_record);
    int fd = memfd_create("strings", 0);

    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    struct probe_record *records = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    g_assert_true(records != MAP_FAILED);
    for (unsigned i = 0; i < n; i++) {
        struct x86_insn in;

        memcpy(records[i].bytes, strings[i], PROBE_BYTES);
        x86_decode(r->decoder, r->mode, records[i].bytes, PROBE_BYTES, &in);
        records[i].guess = in.len;
    }
    ask_cpu(r, fd, n);
    for (unsigned i = 0; i < n; i++) {
        judge(r, &records[i]);
    }
    munmap(records, size);
    close(fd);
}

static void run_init(struct run *r)
{
    const char *seed = g_getenv("VIV_SEED");
    bool intel = host_is_intel();

    *r = (struct run){
        .mode = MODE | (intel ? MODE_BRANCH64 : 0),
        .decoder = x86_decoder_new(),
        .probe = g_test_build_filename(G_TEST_BUILT, "length-probe", NULL),
        .seed = seed ? g_ascii_strtoull(seed, NULL, 0) : (g_random_int() | 1),
        .rules = g_memdup2(rules, sizeof(rules)),
        .unnamed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    length_guest_init(&r->guest, intel ? "max,vendor=GenuineIntel" : "max,vendor=AuthenticAMD");
}

static void run_fini(struct run *r)
{
    GHashTableIter i;
    gpointer k, v;

    g_hash_table_iter_init(&i, r->unnamed);
    while (g_hash_table_iter_next(&i, &k, &v)) {
        g_test_message("unnamed: %u of %s", GPOINTER_TO_UINT(v), (char *)k);
        g_test_fail();
    }
    g_hash_table_destroy(r->unnamed);
    length_guest_fini(&r->guest);
    x86_decoder_free(r->decoder);
    g_free(r->rules);
    g_free(r->probe);
}

static void test_random(void)
{
    g_autofree uint8_t(*strings)[PROBE_BYTES] = g_malloc(BATCH * PROBE_BYTES);
    const char *count = g_getenv("VIV_STRINGS");
    unsigned left = count ? strtoul(count, NULL, 0) : STRINGS;
    struct run r;

    run_init(&r);
    g_test_message("VIV_SEED=%" PRIu64 ", %u strings", r.seed, left);
    while (left) {
        unsigned n = MIN(left, BATCH);

        for (unsigned i = 0; i < n; i++) {
            make_string(&r, strings[i]);
        }
        compare(&r, (const uint8_t(*)[PROBE_BYTES])strings, n);
        left -= n;
    }
    for (struct rule *rule = r.rules; rule->applies; rule++) {
        g_test_message("%7u  %s; %s", rule->seen, rule->name, rule->section);
    }
    g_test_message("%u of the same length, %u no instruction on both, %u different by a rule",
                   r.same, r.invalid, r.different);
    g_assert_cmpuint(r.same, >, 0);
    run_fini(&r);
}

/* What random strings have found, and what they seldom are. No rule may excuse these. */
static void test_known(void)
{
    static const uint8_t strings[][PROBE_BYTES] = {
        {0x44, 0x8c, 0xd8},                   /* mov eax, ds with REX.R, which has no meaning */
        {0x45, 0x8e, 0xd8},                   /* mov ds, r8d */
        {0x44, 0x8e, 0xf0},                   /* a segment register that is not there */
        {0x0f, 0x20, 0xc8},                   /* CR1: #UD before #GP */
        {0x44, 0x0f, 0x20, 0xc8},             /* CR9 */
        {0x0f, 0x20, 0xc0},                   /* CR0 */
        {0x44, 0x0f, 0x23, 0xc0},             /* DR8 */
        {0x0f, 0x23, 0x00},                   /* DR0; mod is not looked at */
        {0x0f, 0x35},                         /* SYSEXIT: #GP by privilege first */
        {0xf2, 0x0f, 0x01, 0xd1},             /* XSETBV has no prefixes */
        {0x66, 0x0f, 0x01, 0xd0},             /* nor has XGETBV */
        {0x0f, 0x05},                         /* SYSCALL */
        {0xcd, 0x80},                         /* INT */
        {0xf1},                               /* INT1 */
        {0x66, 0xe9, 1, 2, 3, 4},             /* near JMP with 66h */
        {0x66, 0x0f, 0x84, 1, 2, 3, 4},       /* JE */
        {0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, /* MOV with a 64-bit immediate */
        {0x67, 0xa1, 1, 2, 3, 4},             /* MOV with an address of 32 bits */
        {0xc4, 0xe2, 0x70, 0xf2, 0xc2},       /* ANDN */
        {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90},
        {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66},
    };
    struct run r;

    run_init(&r);
    compare(&r, strings, G_N_ELEMENTS(strings));
    g_assert_cmpuint(r.different, ==, 0);
    run_fini(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/length/known", test_known);
    g_test_add_func("/x86/length/random", test_random);
    return g_test_run();
}
