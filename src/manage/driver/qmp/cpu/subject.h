/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which emulator, machine and architecture a client asks about. Worker threads. */
#ifndef VIV_MANAGE_DRIVER_QMP_CPU_SUBJECT_H
#define VIV_MANAGE_DRIVER_QMP_CPU_SUBJECT_H

#include "manage/core/call.h"
#include "manage/driver/qmp/emulator.h"

#include <glib.h>
#include <stdbool.h>

struct subject {
    struct emulator *emulator; /* a reference */
    const struct emulator_machine *machine;
    const char *arch; /* of the call or of the emulator */
    bool session;
};

/* From the call's first arguments: emulator, architecture, machine and type, each may be missing.
 * False with libvirt's code and words. */
bool subject_find(struct call *call, struct subject *ret_subject, GError **error);
void subject_clear(struct subject *subject);
typedef struct subject subject_own;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(subject_own, subject_clear)

#endif
