/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The <cpu> of a run: what is asked for becomes one of the emulator's models and what differs from
 * it, as libvirt 9.0 does; then what the machine was really given. Of emulation on x86: other
 * definitions stay as they are. With the domain's lock.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_CPU_RESOLVE_H
#define VIV_MANAGE_DRIVER_QMP_CPU_RESOLVE_H

#include "manage/conf/xml.h"
#include "manage/cpu/feature.h"
#include "manage/driver/qmp/emulator.h"

#include <json-c/json.h>
#include <stdbool.h>

/* Is there something to be done before the start? */
bool resolve_wanted(const struct xml *domain);
/* Does it, in the definition of the run. False with libvirt's code when it cannot be given. */
bool resolve_cpu(struct xml *domain, const struct emulator *emulator, GError **error);
/* From QEMU's "feature-words" or "filtered-features" of a CPU; false when it is no such list. */
bool resolve_read_words(json_object *words, struct feature_set *ret_set);
/*
 * Writes what the CPU has into the definition of the run, and what it was to have by its model and
 * could not (`filtered`). False when it had to be what the definition says and is not.
 */
bool resolve_note(struct xml *domain, const struct feature_set *has,
                  const struct feature_set *filtered, GError **error);

#endif
