/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/feature.h"

#include <string.h>

static const struct feature features[] = {
#define CPUID(token, name, leaf, subleaf, place, bit, kind) \
    {name, leaf, subleaf, FEATURE_IN_##place, bit, FEATURE_##kind},
#define MSR(token, name, index, bit, kind) {name, index, 0, FEATURE_IN_MSR, bit, FEATURE_##kind},
#include "manage/cpu/features.inc"
#undef CPUID
#undef MSR
};

const struct feature *feature_get(unsigned n)
{
    g_assert(n < FEATURE_COUNT);
    return &features[n];
}

bool feature_find(const char *name, unsigned *ret_number)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (strcmp(features[n].name, name) == 0) {
            *ret_number = n;
            return true;
        }
    }
    return false;
}

/* The one whose names differ in more than a line. */
static const char *const renamed[] = {"pclmuldq", "pclmulqdq"};

char *feature_property(const char *name)
{
    return strcmp(name, renamed[0]) == 0 ? g_strdup(renamed[1])
                                         : g_strdelimit(g_strdup(name), "_", '-');
}

bool feature_find_property(const char *name, unsigned *ret_number)
{
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        g_autofree char *property = feature_property(features[n].name);

        if (strcmp(property, name) == 0) {
            *ret_number = n;
            return true;
        }
    }
    return false;
}

struct feature_set feature_both(const struct feature_set *a, const struct feature_set *b)
{
    struct feature_set set;

    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        set.words[i] = a->words[i] & b->words[i];
    }
    return set;
}

struct feature_set feature_without(const struct feature_set *a, const struct feature_set *b)
{
    struct feature_set set;

    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        set.words[i] = a->words[i] & ~b->words[i];
    }
    return set;
}

struct feature_set feature_either(const struct feature_set *a, const struct feature_set *b)
{
    struct feature_set set;

    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        set.words[i] = a->words[i] | b->words[i];
    }
    return set;
}

unsigned feature_size(const struct feature_set *set)
{
    unsigned size = 0;

    for (unsigned i = 0; i < FEATURE_WORDS; i++) {
        size += (unsigned)__builtin_popcountll(set->words[i]);
    }
    return size;
}

char *feature_names(const struct feature_set *set)
{
    GString *names = g_string_new(NULL);

    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        if (feature_in(set, n)) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", features[n].name);
        }
    }
    return g_string_free(names, names->len == 0);
}
