/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Models of x86 CPUs under libvirt's names, and which of them stands for a set of features. The
 * answers are libvirt 9.0's, found by asking it; tests/manage/cpu-models-test.py compares. Any
 * thread.
 */
#ifndef VIV_MANAGE_CPU_MODEL_H
#define VIV_MANAGE_CPU_MODEL_H

#include "manage/cpu/feature.h"

#include <glib.h>
#include <stdbool.h>

struct model {
    const char *name;
    const char *vendor;          /* "Intel"; NULL: it is for all */
    unsigned family, model;      /* what CPUID says of it; 0, 0: not known */
    bool answers;                /* a set of features can be called this */
    struct feature_set has, had; /* now; only in earlier versions of emulators */
};

/* A CPU in other words. */
struct model_words {
    const char *model;             /* constant */
    struct feature_set more, less; /* than the model */
    struct feature_set gone;       /* lacking too, and the model had it earlier */
};

/* The models that an emulator has. */
struct model_offers {
    /* False: not this one. Which of its features the emulator cannot give goes to *ret_blockers. */
    bool (*find)(const void *opaque, const char *name, struct feature_set *ret_blockers);
    const void *opaque;
};

/* What is looked for. */
struct model_wish {
    const char *vendor; /* of the CPU; NULL: any */
    const char *name;   /* taken if it can be; or NULL */
    bool whole;         /* the model has nothing that the CPU lacks */
    const struct model_offers
        *offers; /* one of these; what blocks it is named as less. NULL: any */
};

/* In libvirt's order; false past the end. */
bool model_get(unsigned n, struct model *ret_model);
unsigned model_count(void);
const char *model_name(unsigned n);
bool model_find(const char *name, struct model *ret_model);
/* The model that needs fewest words for the set; false: none is allowed. */
bool model_describe(const struct feature_set *set, const struct model_wish *wish,
                    struct model_words *ret_words);

#endif
