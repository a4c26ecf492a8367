/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/cpu/guest.h"

#include "manage/cpu/arch.h"
#include "manage/cpu/baseline.h"

#include <string.h>

static const struct emulator_cpu *find(const struct emulator *emulator, const char *name)
{
    for (unsigned i = 0; i < emulator->cpus->len; i++) {
        const struct emulator_cpu *cpu = emulator->cpus->pdata[i];

        if (strcmp(cpu->name, name) == 0) {
            return cpu;
        }
    }
    return NULL;
}

static bool offers(const void *opaque, const char *name, struct feature_set *ret_blockers)
{
    const struct emulator_cpu *cpu = find(opaque, name);
    unsigned n;

    for (unsigned i = 0; cpu != NULL && cpu->blockers[i] != NULL; i++) {
        if (feature_find_property(cpu->blockers[i], &n)) {
            feature_add(ret_blockers, n);
        }
    }
    return cpu != NULL;
}

struct model_offers guest_cpu_offers(const struct emulator *emulator)
{
    return (struct model_offers){offers, emulator};
}

bool guest_cpu_most(const struct emulator *emulator, struct processor *ret_processor)
{
    *ret_processor = (struct processor){0};
    if (emulator->cpu_vendor != NULL) {
        ret_processor->vendor = processor_vendor(emulator->cpu_vendor);
    }
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        g_autofree char *property = feature_property(feature_get(n)->name);

        if (g_hash_table_lookup(emulator->cpu_properties, property) != NULL) {
            feature_add(&ret_processor->features, n);
        }
    }
    baseline_leave_out(&ret_processor->features, BASELINE_MIGRATABLE);
    return feature_size(&ret_processor->features) > 0;
}

bool guest_cpu_describe(const struct emulator *emulator, struct model_words *ret_words)
{
    struct model_offers models = guest_cpu_offers(emulator);
    struct model_wish wish = {.offers = &models};
    struct processor most;

    if (!guest_cpu_most(emulator, &most)) {
        return false;
    }
    wish.vendor = most.vendor;
    return model_describe(&most.features, &wish, ret_words);
}

bool guest_cpu_has_model(const struct emulator *emulator, const char *arch)
{
    struct model_words words;

    return arch_is_x86(arch) && guest_cpu_describe(emulator, &words);
}

void guest_cpu_add_model(struct xml *parent, const struct emulator *emulator, const char *fallback)
{
    struct model_words words;
    struct processor most;

    if (guest_cpu_most(emulator, &most) && guest_cpu_describe(emulator, &words)) {
        baseline_add_words(parent, &words, most.vendor, fallback);
    }
}
