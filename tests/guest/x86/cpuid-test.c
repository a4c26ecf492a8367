/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID: every leaf of the named models as a guest of the installed QEMU reads it (the kit's
 * cpuid image prints them), and -cpu's syntax.
 */
#include "bare.h"
#include "peer.h"

#include <stdio.h>
#include <string.h>

static char *kit_dir;

static const char *const models[] = {"qemu64",   "kvm64", "Conroe",     "Penryn", "Nehalem",
                                     "Westmere", "486",   "Opteron_G2", "n270",   "core2duo"};

static const struct {
    const char *smp;
    struct x86_topology topology;
} shapes[] = {
    {"1", {1, 1, 1, 1}},
    {"8,sockets=2,cores=2,threads=2", {2, 1, 2, 2}},
    {"3,sockets=1,cores=3,threads=1", {1, 1, 3, 1}},
};

/* What a guest on QEMU prints, or NULL with the test skipped. */
static char *real(const char *model, const char *smp)
{
    g_autofree char *image = g_build_filename(kit_dir, "cpuid.bin", NULL);
    char *out = peer_run_image(image, model, smp);

    if (out) {
        g_assert_nonnull(strstr(out, "40000000 0: 40000001"));
    } else {
        g_test_skip("qemu-system-x86_64 is not installed");
    }
    return out;
}

static void compare(const char *model, unsigned shape)
{
    g_autofree char *text = real(model, shapes[shape].smp);
    g_auto(GStrv) lines = text ? g_strsplit(g_strstrip(text), "\n", -1) : NULL;
    struct bare *r = bare_new(model);
    struct x86_features f = *r->features;

    f.topology = shapes[shape].topology;
    r->c->features = &f;
    for (unsigned i = 0; lines && lines[i]; i++) {
        uint32_t leaf, sub, want[4], got[4];

        g_assert_cmpint(sscanf(lines[i], "%x %x: %x %x %x %x", &leaf, &sub, &want[0], &want[1],
                               &want[2], &want[3]),
                        ==, 6);
        x86_cpuid(r->c, leaf, sub, got);
        g_autofree char *seen =
            g_strdup_printf("%x %x: %x %x %x %x", leaf, sub, got[0], got[1], got[2], got[3]);
        g_assert_cmpstr(seen, ==, lines[i]);
    }
    bare_free(r);
}

static void test_models(void)
{
    for (unsigned m = 0; m < G_N_ELEMENTS(models); m++) {
        for (unsigned s = 0; s < G_N_ELEMENTS(shapes); s++) {
            g_test_message("-cpu %s -smp %s", models[m], shapes[s].smp);
            compare(models[m], s);
        }
    }
}

/* Bits of `max` that are in one of the two only, each with its reason. */
static const struct {
    const char *features;
    bool ours;
    const char *reason;
} max_differences[] = {
    {"avx avx2 fma f16c vaes", false, "comes with the translator"},
    {"mpx pku pks 3dnow 3dnowext sse4a cr8legacy pcommit", false, "obsolete or rare"},
    {"3dnowprefetch pcid invpcid rdseed rdpid sha-ni x2apic tsc-deadline tsc-adjust xsavec", true,
     "asked for beyond what TCG has"},
};

static bool listed(const char *name, bool ours)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(max_differences); i++) {
        g_auto(GStrv) words = g_strsplit(max_differences[i].features, " ", -1);

        if (max_differences[i].ours == ours && g_strv_contains((const char *const *)words, name)) {
            return true;
        }
    }
    return false;
}

/* Where each feature word is printed. */
static const struct {
    uint32_t leaf, subleaf;
    unsigned reg;
    enum x86_feature_word word;
} places[] = {
    {1, 0, 3, FW_1_EDX},
    {1, 0, 2, FW_1_ECX},
    {7, 0, 1, FW_7_0_EBX},
    {7, 0, 2, FW_7_0_ECX},
    {0xd, 1, 0, FW_D_1_EAX},
    {0x80000001, 0, 3, FW_8000_0001_EDX},
    {0x80000001, 0, 2, FW_8000_0001_ECX},
    {6, 0, 0, FW_6_EAX},
};

/* Nothing is listed that is not different. */
static void check_list(GHashTable *differ)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(max_differences); i++) {
        g_auto(GStrv) words = g_strsplit(max_differences[i].features, " ", -1);

        for (unsigned w = 0; words[w]; w++) {
            if (!g_hash_table_contains(differ, words[w])) {
                g_test_message("%s is listed, and is the same", words[w]);
                g_test_fail();
            }
        }
    }
}

static void test_max(void)
{
    g_autoptr(GHashTable) differ = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree char *text = real("max", "1");
    struct bare *r = bare_new("max");

    for (unsigned p = 0; text && p < G_N_ELEMENTS(places); p++) {
        g_autofree char *key = g_strdup_printf("%x %x: ", places[p].leaf, places[p].subleaf);
        const char *line = strstr(text, key);
        uint32_t real_word[4], ours = r->features->word[places[p].word];

        g_assert_nonnull(line);
        g_assert_cmpint(sscanf(line + strlen(key), "%x %x %x %x", &real_word[0], &real_word[1],
                               &real_word[2], &real_word[3]),
                        ==, 4);
        for (unsigned bit = 0; bit < 32; bit++) {
            bool theirs = real_word[places[p].reg] >> bit & 1, mine = ours >> bit & 1;
            const char *name = x86_feature_name(X86_FEATURE(places[p].word, bit));

            if (theirs != mine && name) {
                g_hash_table_add(differ, (char *)name);
            }
            if (theirs != mine && !(name && listed(name, mine))) {
                g_test_message("word %u bit %u (%s): ours %u", places[p].word, bit,
                               name ? name : "?", mine);
                g_test_fail();
            }
        }
    }
    if (text) {
        check_list(differ);
    }
    bare_free(r);
}

static struct x86_features *parse(const char *text, GPtrArray *warnings, GError **error)
{
    static const struct x86_topology one = {1, 1, 1, 1};
    uint32_t supported[FW_COUNT];

    x86_interp_features(supported);
    return x86_features_new(text, &one, supported, warnings, error);
}

static void test_syntax(void)
{
    struct x86_features *f = parse("qemu64,+aes,-sse2,sse4_1=on,level=7,family=6,model=15,"
                                   "stepping=2,vendor=GenuineIntel,model-id=Test CPU,phys-bits=36",
                                   NULL, NULL);

    g_assert_nonnull(f);
    g_assert_true(x86_has(f, X86_FEAT_AES));
    g_assert_true(x86_has(f, X86_FEAT_SSE41));
    g_assert_false(x86_has(f, X86_FEAT_SSE2));
    g_assert_cmpuint(f->level, ==, 7);
    g_assert_cmphex(f->signature, ==, 0x6f2);
    g_assert_cmphex(f->vendor[0], ==, 0x756e6547);
    g_assert_cmpstr(f->brand, ==, "Test CPU");
    g_assert_cmpuint(f->phys_bits, ==, 36);
    x86_features_free(f);

    /* minus wins over plus, whatever the order */
    f = parse("qemu64,-aes,+aes", NULL, NULL);
    g_assert_false(x86_has(f, X86_FEAT_AES));
    x86_features_free(f);
}

static void test_lacking(void)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    struct x86_features *f = parse("qemu64,+avx,+avx2", warnings, NULL);

    g_assert_false(x86_has(f, X86_FEAT_AVX));
    g_assert_cmpuint(warnings->len, ==, 2);
    x86_features_free(f);
    g_assert_null(parse("qemu64,+avx,enforce", warnings, &error));
    g_assert_nonnull(strstr(error->message, "avx"));
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "nonesuch",          "qemu64,nonesuch",    "qemu64,+nonesuch",
        "qemu64,hv-relaxed", "qemu64,level=abc",   "qemu64,aes=maybe",
        "qemu64,vendor=x",   "qemu64,phys-bits=9", ""};

    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("%s", texts[i]);
        g_assert_null(parse(texts[i], NULL, &error));
        g_assert_nonnull(error);
    }
}

static void test_list(void)
{
    const struct x86_model_info *m = x86_models();
    unsigned n = 0;

    for (; m->name; m++, n++) {
        struct x86_features *f = parse(m->name, NULL, NULL);

        g_assert_nonnull(f);
        g_assert_cmpstr(f->model, ==, m->name);
        x86_features_free(f);
    }
    g_assert_cmpuint(n, >=, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    kit_dir = g_test_build_filename(G_TEST_BUILT, "kit", NULL);
    g_test_add_func("/x86/cpuid/models", test_models);
    g_test_add_func("/x86/cpuid/max", test_max);
    g_test_add_func("/x86/cpuid/syntax", test_syntax);
    g_test_add_func("/x86/cpuid/lacking", test_lacking);
    g_test_add_func("/x86/cpuid/refused", test_refused);
    g_test_add_func("/x86/cpuid/list", test_list);

    int failed = g_test_run();

    g_free(kit_dir);
    return failed;
}
