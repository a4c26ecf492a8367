/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/model.h"

#include <string.h>

/* Sets are lists of numbers that FEATURE_COUNT ends. */
static const struct row {
    const char *name, *vendor;
    unsigned family, model;
    bool answers;
    const uint8_t *has, *had;
} rows[] = {
#define SET(...)      \
    (const uint8_t[]) \
    {                 \
        __VA_ARGS__   \
    }
#define MODEL(name, vendor, family, model, answers, has, had) \
    {name, vendor, family, model, answers, has, had},
#include "manage/cpu/models.inc"
#undef MODEL
#undef SET
};

G_STATIC_ASSERT(FEATURE_COUNT <= UINT8_MAX);

static void fill(struct feature_set *set, const uint8_t *numbers)
{
    *set = (struct feature_set){0};
    for (; *numbers != FEATURE_COUNT; numbers++) {
        feature_add(set, *numbers);
    }
}

unsigned model_count(void)
{
    return G_N_ELEMENTS(rows);
}

const char *model_name(unsigned n)
{
    return rows[n].name;
}

bool model_get(unsigned n, struct model *ret_model)
{
    if (n >= G_N_ELEMENTS(rows)) {
        return false;
    }
    *ret_model = (struct model){
        .name = rows[n].name,
        .vendor = rows[n].vendor,
        .family = rows[n].family,
        .model = rows[n].model,
        .answers = rows[n].answers,
    };
    fill(&ret_model->has, rows[n].has);
    fill(&ret_model->had, rows[n].had);
    return true;
}

bool model_find(const char *name, struct model *ret_model)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        if (strcmp(rows[n].name, name) == 0) {
            return model_get(n, ret_model);
        }
    }
    return false;
}

static bool may_be(const struct model *model, const struct feature_set *set,
                   const struct model_wish *wish, struct feature_set *ret_blockers)
{
    struct feature_set less = feature_without(&model->has, set);

    *ret_blockers = (struct feature_set){0};
    return model->answers &&
           (wish->vendor == NULL || model->vendor == NULL ||
            strcmp(wish->vendor, model->vendor) == 0) &&
           (!wish->whole || feature_size(&less) == 0) &&
           (wish->offers == NULL ||
            wish->offers->find(wish->offers->opaque, model->name, ret_blockers));
}

/* Who looks for a whole model is not told of features that it had. */
static struct model_words words_of(const struct model *model, const struct feature_set *set,
                                   const struct feature_set *blockers, bool whole)
{
    struct model_words words = {.model = model->name, .more = feature_without(set, &model->has)};
    struct feature_set blocked = feature_without(blockers, &words.more);
    struct feature_set less = feature_without(&model->has, set);

    words.less = feature_either(&less, &blocked);
    if (!whole) {
        words.gone = feature_without(&model->had, set);
    }
    return words;
}

/*
 * What the words cost: one each, and those that take away from the model ever more, a step dearer
 * with every second one. Of two that cost the same the one with fewer steps is better.
 */
struct cost {
    unsigned all, steps;
};

static struct cost cost_of(const struct model_words *words)
{
    unsigned less = feature_size(&words->less) + feature_size(&words->gone);
    unsigned steps = (less + 1) / 2;

    return (struct cost){feature_size(&words->more) + less + steps * (steps + 1) / 2, steps};
}

bool model_describe(const struct feature_set *set, const struct model_wish *wish,
                    struct model_words *ret_words)
{
    struct cost best = {UINT_MAX, UINT_MAX};
    bool found = false;
    struct model model;

    for (unsigned n = 0; model_get(n, &model); n++) {
        struct feature_set blockers;
        struct model_words words;
        struct cost cost;

        if (!may_be(&model, set, wish, &blockers)) {
            continue;
        }
        words = words_of(&model, set, &blockers, wish->whole);
        cost = cost_of(&words);
        if (g_strcmp0(wish->name, model.name) == 0) {
            *ret_words = words;
            return true;
        }
        /* Of equals the later. */
        if (cost.all < best.all || (cost.all == best.all && cost.steps <= best.steps)) {
            best = cost;
            *ret_words = words;
            found = true;
        }
    }
    return found;
}
