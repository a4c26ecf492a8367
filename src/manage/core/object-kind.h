/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What differs between the kinds of plain objects, for their handlers. Constant. */
#ifndef VIV_MANAGE_CORE_OBJECT_KIND_H
#define VIV_MANAGE_CORE_OBJECT_KIND_H

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/object.h"
#include "manage/proc/proc.h"

struct object_words {
    const char *word; /* in procedures' names; NULL: handled elsewhere */
    const char *text; /* in messages */
    enum fault_code missing;
    const char *type; /* of a reference, GVariant */
    enum named_kind named;
};

const struct object_words *object_words(enum object_kind kind);
/* The kind that a procedure is about, by its name; it is about one (a programmer's error). */
enum object_kind object_kind_of(const struct proc *proc);
/* "Network not found: no network with matching name 'x'"; `what` NULL: no detail. False. */
bool object_missing(enum object_kind kind, const char *what, const char *value, GError **error);
/* Code 55 in the kind's words unless it is active. */
bool object_check_active(const struct object *object, GError **error);

#endif
