/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that guests can have on each of some hosts. Any thread. */
#ifndef VIV_MANAGE_CPU_BASELINE_H
#define VIV_MANAGE_CPU_BASELINE_H

#include "manage/conf/xml.h"
#include "manage/cpu/model.h"

#include <glib.h>

enum baseline_flags {
    BASELINE_EXPAND = 1,     /* name all features */
    BASELINE_MIGRATABLE = 2, /* leave out what does not move to another host */
};

/* Of the hosts' <cpu> documents, one at least: a <cpu> to be freed, or NULL with libvirt's code. */
char *baseline_cpus(const char *const *documents, unsigned count, unsigned flags, GError **error);
/* The same for guests of an emulator for x86: documents may be guests', the model is one of its. */
char *baseline_guests(const char *const *documents, unsigned count,
                      const struct model_offers *offers, unsigned flags, GError **error);
/* Adds what a guest's <cpu> says of them: model, vendor (or NULL) and features. */
void baseline_add_words(struct xml *cpu, const struct model_words *words, const char *vendor,
                        const char *fallback);
/* The features alone. */
void baseline_add_features(struct xml *cpu, const struct model_words *words);
/* Takes what only hosts have out of a set, and with BASELINE_MIGRATABLE what does not move. */
void baseline_leave_out(struct feature_set *set, unsigned flags);

#endif
