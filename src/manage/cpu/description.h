/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A <cpu> of a document: what a CPU has (of a host: it names its architecture), or what a guest
 * asks for (it may have a mode, a way to match and policies). Any thread.
 */
#ifndef VIV_MANAGE_CPU_DESCRIPTION_H
#define VIV_MANAGE_CPU_DESCRIPTION_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

enum description_policy {
    POLICY_FORCE,
    POLICY_REQUIRE,
    POLICY_OPTIONAL,
    POLICY_DISABLE,
    POLICY_FORBID,
};

struct description_feature {
    const char *name; /* of the tree */
    enum description_policy policy;
};

/* Strings are its tree's. */
struct description {
    struct xml *tree;
    bool guest;
    bool strict;                       /* match='strict' */
    const char *arch, *model, *vendor; /* NULL: not there */
    GArray *features;                  /* struct description_feature; no name twice */
};

/* NULL with libvirt's code and words. `host`: it must be a host's; else what it looks like. */
struct description *description_parse(const char *text, bool host, GError **error);
/* Is the <cpu> of a domain well-formed? An absent one is. */
bool description_check(const struct xml *cpu, GError **error);
void description_free(struct description *description);
typedef struct description description_own;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(description_own, description_free)

#endif
