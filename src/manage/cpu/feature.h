/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Features of x86 CPUs under libvirt's names, and sets of them. The table is libvirt's order: that
 * of features in documents and messages. Any thread.
 */
#ifndef VIV_MANAGE_CPU_FEATURE_H
#define VIV_MANAGE_CPU_FEATURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum feature_number {
#define CPUID(token, ...) FEATURE_##token,
#define MSR(token, ...)   FEATURE_##token,
#include "manage/cpu/features.inc"
#undef CPUID
#undef MSR
    FEATURE_COUNT,
};

enum feature_register {
    FEATURE_IN_EAX,
    FEATURE_IN_EBX,
    FEATURE_IN_ECX,
    FEATURE_IN_EDX,
    FEATURE_IN_MSR,
};

enum feature_kind {
    FEATURE_MOVES, /* a guest that has it can move to another host */
    FEATURE_STAYS, /* it cannot */
    FEATURE_HOST,  /* it is the host's alone: no emulator gives it */
};

struct feature {
    const char *name;
    uint32_t leaf, subleaf; /* of CPUID; the index of an MSR */
    enum feature_register place;
    unsigned bit;
    enum feature_kind kind;
};

#define FEATURE_WORDS ((FEATURE_COUNT + 63) / 64)

struct feature_set {
    uint64_t words[FEATURE_WORDS];
};

/* Of a number below FEATURE_COUNT; constant. */
const struct feature *feature_get(unsigned n);
/* False: no feature has that name. */
bool feature_find(const char *name, unsigned *ret_number);
/* The same of the name that emulators have for it, and that name of a feature (to be freed). */
bool feature_find_property(const char *name, unsigned *ret_number);
char *feature_property(const char *name);

static inline bool feature_in(const struct feature_set *set, unsigned n)
{
    return (set->words[n / 64] >> n % 64 & 1) != 0;
}

static inline void feature_add(struct feature_set *set, unsigned n)
{
    set->words[n / 64] |= UINT64_C(1) << n % 64;
}

static inline void feature_remove(struct feature_set *set, unsigned n)
{
    set->words[n / 64] &= ~(UINT64_C(1) << n % 64);
}

/* What both have; what the first has and the second has not; what either has. */
struct feature_set feature_both(const struct feature_set *a, const struct feature_set *b);
struct feature_set feature_without(const struct feature_set *a, const struct feature_set *b);
struct feature_set feature_either(const struct feature_set *a, const struct feature_set *b);
unsigned feature_size(const struct feature_set *set);
/* Names with ", " between them; NULL: the set is empty. To be freed. */
char *feature_names(const struct feature_set *set);

#endif
