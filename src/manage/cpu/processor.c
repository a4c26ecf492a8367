/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/processor.h"

#include <string.h>

const char *processor_vendor(const char *id)
{
    static const char *const names[][2] = {
        {"GenuineIntel", "Intel"}, {"AuthenticAMD", "AMD"}, {"HygonGenuine", "Hygon"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(id, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

#if defined(__x86_64__)

#include "base/cleanup.h"

#include <cpuid.h>
#include <fcntl.h>
#include <unistd.h>

enum { ARCH_CAPABILITIES = 0x10a, CORE_CAPABILITIES = 0xcf };

/* Reads it of the first CPU; 0 where we may not, or where there is no such MSR. */
static uint64_t read_msr(uint32_t index)
{
    auto_fd int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
    uint64_t value;

    return fd >= 0 && pread(fd, &value, sizeof(value), index) == sizeof(value) ? value : 0;
}

/* A leaf beyond the highest has nothing; __get_cpuid_count looks at that. */
static uint64_t read_place(const struct feature *feature, const struct feature_set *known)
{
    unsigned words[4] = {0};

    if (feature->place == FEATURE_IN_MSR) {
        unsigned tells = feature->leaf == ARCH_CAPABILITIES ? FEATURE_ARCH_CAPABILITIES
                                                            : FEATURE_CORE_CAPABILITY;

        return feature_in(known, tells) ? read_msr(feature->leaf) : 0;
    }
    if (!__get_cpuid_count(feature->leaf, feature->subleaf, &words[0], &words[1], &words[2],
                           &words[3])) {
        return 0;
    }
    return words[feature->place - FEATURE_IN_EAX];
}

static bool same_place(const struct feature *a, const struct feature *b)
{
    return a->leaf == b->leaf && a->subleaf == b->subleaf && a->place == b->place;
}

static const char *read_vendor(void)
{
    unsigned eax, words[3];
    char id[13] = "";

    __cpuid(0, eax, words[0], words[2], words[1]);
    (void)eax;
    memcpy(id, words, sizeof(words));
    return processor_vendor(id);
}

bool processor_read(struct processor *ret_processor)
{
    const struct feature *last = NULL;
    uint64_t value = 0;

    *ret_processor = (struct processor){.vendor = read_vendor()};
    for (unsigned n = 0; n < FEATURE_COUNT; n++) {
        const struct feature *feature = feature_get(n);

        if (last == NULL || !same_place(feature, last)) {
            value = read_place(feature, &ret_processor->features);
        }
        last = feature;
        if ((value >> feature->bit & 1) != 0) {
            feature_add(&ret_processor->features, n);
        }
    }
    return true;
}

#else

bool processor_read(struct processor *ret_processor)
{
    *ret_processor = (struct processor){0};
    return false;
}

#endif
