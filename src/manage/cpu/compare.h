/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can a host give a guest what a <cpu> asks for? Any thread. */
#ifndef VIV_MANAGE_CPU_COMPARE_H
#define VIV_MANAGE_CPU_COMPARE_H

#include "manage/cpu/description.h"
#include "manage/cpu/processor.h"

#include <glib.h>
#include <stdbool.h>

/* libvirt's numbers. */
enum compare_result { COMPARE_INCOMPATIBLE = 0, COMPARE_IDENTICAL = 1, COMPARE_SUPERSET = 2 };

/*
 * False with code 1 when the description names what is no model or feature. With `fail` also, with
 * code 91 and the reason, when it is incompatible.
 */
bool compare_cpu(const struct processor *host, const struct description *wanted, bool fail,
                 enum compare_result *ret_result, GError **error);

#endif
