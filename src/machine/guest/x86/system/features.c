/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's -cpu text to the features of a guest CPU. */
#include "machine/guest/x86/system/cpuid.h"
#include "machine/guest/x86/system/models.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

/* Bits of 80000001h EDX that repeat those of leaf 1 on AMD's CPUs. */
#define AMD_ALIASES 0x0183f3ffu

#define VENDOR_AMD_EBX 0x68747541u

#define FEATURE_SVM X86_FEATURE(FW_8000_0001_ECX, 2)

struct request { /* what the text asks for, while it is read */
    struct x86_features *f;
    uint32_t plus[FW_COUNT], minus[FW_COUNT]; /* +name and -name come last, as in QEMU */
    uint32_t family, model, stepping;
    bool check, enforce;
    bool level_set, xlevel_set;
};

static void set_vendor(struct x86_features *f, const char *vendor)
{
    char text[12] = "";

    memcpy(text, vendor, MIN(strlen(vendor), sizeof(text)));
    memcpy(&f->vendor[0], text, 4);
    memcpy(&f->vendor[1], text + 4, 4);
    memcpy(&f->vendor[2], text + 8, 4);
}

static void set_word(uint32_t words[FW_COUNT], unsigned feature, bool on)
{
    uint32_t bit = 1u << (feature % 32);

    words[feature / 32] = on ? words[feature / 32] | bit : words[feature / 32] & ~bit;
}

static gboolean bad(GError **error, const char *format, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, what);
    return FALSE;
}

static gboolean parse_switch(const char *key, const char *value, bool *ret, GError **error)
{
    static const char *const on[] = {"on", "yes", "true", "y"};
    static const char *const off[] = {"off", "no", "false", "n"};

    for (unsigned i = 0; i < G_N_ELEMENTS(on); i++) {
        if (!strcmp(value, on[i])) {
            *ret = true;
            return TRUE;
        }
        if (!strcmp(value, off[i])) {
            *ret = false;
            return TRUE;
        }
    }
    return bad(error, "Parameter '%s' expects 'on' or 'off'", key);
}

static gboolean parse_number(const char *key, const char *value, uint64_t max, uint64_t *ret,
                             GError **error)
{
    char *end;

    errno = 0;
    *ret = g_ascii_strtoull(value, &end, 0);
    if (end == value || *end || errno || value[0] == '-' || *ret > max) {
        return bad(error, "Parameter '%s' expects a number in its range", key);
    }
    return TRUE;
}

enum number {
    NUM_LEVEL,
    NUM_XLEVEL,
    NUM_XLEVEL2,
    NUM_FAMILY,
    NUM_MODEL,
    NUM_STEPPING,
    NUM_PHYS,
    NUM_TSC
};

static const struct {
    const char *key;
    enum number what;
    uint64_t min, max;
} numbers[] = {
    {"level", NUM_LEVEL, 0, 0x1f},
    {"min-level", NUM_LEVEL, 0, 0x1f},
    {"xlevel", NUM_XLEVEL, 0, 0x8000001f},
    {"min-xlevel", NUM_XLEVEL, 0, 0x8000001f},
    {"xlevel2", NUM_XLEVEL2, 0, UINT32_MAX},
    {"family", NUM_FAMILY, 0, 0xff + 0xf},
    {"model", NUM_MODEL, 0, 0xff},
    {"stepping", NUM_STEPPING, 0, 0xf},
    {"phys-bits", NUM_PHYS, 32, 52},
    {"tsc-frequency", NUM_TSC, 1000000, UINT64_C(100000000000)},
};

static void take_number(struct request *r, enum number what, uint64_t value)
{
    switch (what) {
    case NUM_LEVEL:
        r->f->level = value;
        r->level_set = true;
        break;
    case NUM_XLEVEL:
        r->f->xlevel = value;
        r->xlevel_set = true;
        break;
    case NUM_XLEVEL2: r->f->xlevel2 = value; break;
    case NUM_FAMILY: r->family = value; break;
    case NUM_MODEL: r->model = value; break;
    case NUM_STEPPING: r->stepping = value; break;
    case NUM_PHYS: r->f->phys_bits = value; break;
    case NUM_TSC: r->f->tsc_khz = value / 1000; break;
    }
}

/* Numbers and texts. *ret_known says whether the key is one of them. */
static gboolean parse_value(struct request *r, const char *key, const char *value, bool *ret_known,
                            GError **error)
{
    uint64_t n;

    *ret_known = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!strcmp(key, numbers[i].key)) {
            if (!parse_number(key, value, numbers[i].max, &n, error)) {
                return FALSE;
            }
            if (n < numbers[i].min) {
                return bad(error, "Parameter '%s' expects a number in its range", key);
            }
            take_number(r, numbers[i].what, n);
            return TRUE;
        }
    }
    if (!strcmp(key, "vendor")) {
        if (strlen(value) != 12) {
            return bad(error, "Property '.vendor' doesn't take value '%s'", value);
        }
        set_vendor(r->f, value);
        return TRUE;
    }
    if (!strcmp(key, "model-id")) {
        g_strlcpy(r->f->brand, value, sizeof(r->f->brand));
        return TRUE;
    }
    *ret_known = false;
    return TRUE;
}

/* Switches of QEMU that are not features: what they say is already so, or is not built. */
static gboolean parse_other(struct request *r, const char *key, bool on, GError **error)
{
    static const char *const only_off[] = {"pmu", "host-phys-bits", "host-cache-info", "kvm"};
    static const char *const no_effect[] = {"migratable", "l3-cache", "legacy-cache",
                                            "fill-mtrr-mask", "tcg-cpuid"};

    if (!strcmp(key, "check")) {
        r->check = on;
        return TRUE;
    }
    if (!strcmp(key, "enforce")) {
        r->enforce = on;
        return TRUE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(no_effect); i++) {
        if (!strcmp(key, no_effect[i]) && on) {
            return TRUE;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(only_off); i++) {
        if (!strcmp(key, only_off[i]) && !on) {
            return TRUE;
        }
    }
    if (g_str_has_prefix(key, "hv-") || g_str_has_prefix(key, "hv_") ||
        g_str_has_prefix(key, "kvm") || g_str_has_prefix(key, "vmx-")) {
        return on ? bad(error, "CPU property '%s' is not built yet", key) : TRUE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(only_off); i++) {
        if (!strcmp(key, only_off[i])) {
            return bad(error, "CPU property '%s' is not built yet", key);
        }
    }
    return bad(error, "Property '.%s' not found", key);
}

static gboolean parse_word(struct request *r, const char *word, GError **error)
{
    bool known, on = true;
    int feature;

    if (word[0] == '+' || word[0] == '-') {
        feature = x86_feature_find(word + 1);
        if (feature < 0) {
            return parse_other(r, word + 1, word[0] == '+', error);
        }
        set_word(word[0] == '+' ? r->plus : r->minus, feature, true);
        return TRUE;
    }
    const char *equals = strchr(word, '=');
    g_autofree char *key = equals ? g_strndup(word, equals - word) : g_strdup(word);

    if (equals) {
        if (!parse_value(r, key, equals + 1, &known, error)) {
            return FALSE;
        }
        if (known) {
            return TRUE;
        }
        if (!parse_switch(key, equals + 1, &on, error)) {
            return FALSE;
        }
    }
    feature = x86_feature_find(key);
    if (feature < 0) {
        return parse_other(r, key, on, error);
    }
    set_word(r->f->word, feature, on);
    return TRUE;
}

static const struct x86_model *find_model(const char *name)
{
    for (unsigned i = 0; i < x86_model_count; i++) {
        const char *n = x86_model_table[i].name;
        size_t len = strlen(n);

        if (!strncmp(name, n, len) && (!name[len] || !strcmp(name + len, "-v1"))) {
            return &x86_model_table[i];
        }
    }
    return NULL;
}

/* What the engine lacks goes, with a warning or an error for each. */
static gboolean filter(struct request *r, const uint32_t supported[FW_COUNT], GPtrArray *warnings,
                       GError **error)
{
    g_autoptr(GString) missing = g_string_new(NULL);

    for (unsigned f = 0; f < FW_COUNT * 32; f++) {
        if (x86_has(r->f, f) && !(supported[f / 32] >> (f % 32) & 1)) {
            const char *name = x86_feature_name(f);
            char *text = name ? g_strdup_printf("%s", name) : g_strdup_printf("bit %u", f);

            g_string_append_printf(missing, "%s%s", missing->len ? " " : "", text);
            if (warnings && r->check) {
                g_ptr_array_add(
                    warnings,
                    g_strdup_printf("interp doesn't support requested feature: %s", text));
            }
            g_free(text);
            set_word(r->f->word, f, false);
        }
    }
    if (r->enforce && missing->len) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "interp doesn't support requested features: %s", missing->str);
        return FALSE;
    }
    return TRUE;
}

static void raise_levels(struct request *r)
{
    static const struct {
        enum x86_feature_word word;
        uint32_t level;
    } need[] = {
        {FW_1_EDX, 1},
        {FW_1_ECX, 1},
        {FW_6_EAX, 6},
        {FW_7_0_EBX, 7},
        {FW_7_0_ECX, 7},
        {FW_7_0_EDX, 7},
        {FW_D_1_EAX, 0xd},
        {FW_8000_0001_EDX, 0x80000001},
        {FW_8000_0001_ECX, 0x80000001},
        {FW_8000_0007_EDX, 0x80000007},
        {FW_8000_0008_EBX, 0x80000008},
    };
    struct x86_features *f = r->f;
    uint32_t level = f->level, xlevel = f->xlevel;

    for (unsigned i = 0; i < G_N_ELEMENTS(need); i++) {
        if (f->word[need[i].word]) {
            uint32_t *which = need[i].level >> 31 ? &xlevel : &level;

            *which = MAX(*which, need[i].level);
        }
    }
    if (x86_has(f, X86_FEAT_XSAVE)) {
        level = MAX(level, 0xd);
    }
    if (x86_has(f, FEATURE_SVM)) {
        xlevel = MAX(xlevel, 0x8000000a);
    }
    f->level = r->level_set ? f->level : level;
    f->xlevel = r->xlevel_set ? f->xlevel : xlevel;
}

static uint32_t signature(uint32_t family, uint32_t model, uint32_t stepping)
{
    uint32_t base = MIN(family, 0xf), extended = family - base;

    return stepping | (model & 15) << 4 | base << 8 | (model >> 4) << 16 | extended << 20;
}

static void finish(struct request *r, const struct x86_topology *topology)
{
    struct x86_features *f = r->f;

    for (unsigned w = 0; w < FW_COUNT; w++) {
        f->word[w] = (f->word[w] | r->plus[w]) & ~r->minus[w];
    }
    if (!x86_has(f, X86_FEAT_XSAVE)) {
        f->word[FW_D_1_EAX] = 0;
    }
    f->signature = signature(r->family, r->model, r->stepping);
    f->linear_bits = x86_has(f, X86_FEAT_LA57) ? 57 : 48;
    f->topology = *topology;
}

struct x86_features *x86_features_new(const char *cpu_text, const struct x86_topology *topology,
                                      const uint32_t supported[FW_COUNT], GPtrArray *ret_warnings,
                                      GError **error)
{
    g_auto(GStrv) words = g_strsplit(cpu_text, ",", -1);
    const struct x86_model *m = words[0] ? find_model(words[0]) : NULL;
    struct x86_features *f;
    struct request r = {.check = true};

    if (!m) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "unable to find CPU model '%s'",
                    words[0] ? words[0] : "");
        return NULL;
    }
    f = r.f = g_new0(struct x86_features, 1);
    f->model = m->name;
    f->level = m->level;
    f->xlevel = m->xlevel;
    f->phys_bits = m->phys_bits;
    f->tsc_khz = 1000000;
    r.family = m->family;
    r.model = m->model;
    r.stepping = m->stepping;
    set_vendor(f, m->vendor);
    g_strlcpy(f->brand, m->id, sizeof(f->brand));
    memcpy(f->word, m->is_max ? supported : m->word, sizeof(f->word));
    for (unsigned i = 1; words[i]; i++) {
        if (words[i][0] && !parse_word(&r, words[i], error)) {
            x86_features_free(f);
            return NULL;
        }
    }
    finish(&r, topology);
    if (!filter(&r, supported, ret_warnings, error)) {
        x86_features_free(f);
        return NULL;
    }
    if (f->vendor[0] == VENDOR_AMD_EBX) {
        f->word[FW_8000_0001_EDX] =
            (f->word[FW_8000_0001_EDX] & ~AMD_ALIASES) | (f->word[FW_1_EDX] & AMD_ALIASES);
    }
    raise_levels(&r);
    f->xcr0_allowed = x86_has(f, X86_FEAT_XSAVE) ? 3 : 0;
    return f;
}

void x86_features_free(struct x86_features *f)
{
    g_free(f);
}
