/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPUs that an emulator gives guests, in libvirt's words: its models, and the most of all that
 * it has, which clients call the host's model. Of x86. Any thread. */
#ifndef VIV_MANAGE_DRIVER_QMP_CPU_GUEST_H
#define VIV_MANAGE_DRIVER_QMP_CPU_GUEST_H

#include "manage/conf/xml.h"
#include "manage/cpu/model.h"
#include "manage/cpu/processor.h"
#include "manage/driver/qmp/emulator.h"

#include <stdbool.h>

/* Borrows the emulator. */
struct model_offers guest_cpu_offers(const struct emulator *emulator);
/* False: it did not tell, or has not one feature that has a name. */
bool guest_cpu_most(const struct emulator *emulator, struct processor *ret_processor);
bool guest_cpu_describe(const struct emulator *emulator, struct model_words *ret_words);

/* Has it a host's model for guests of that architecture? Then adds model, vendor and features. */
bool guest_cpu_has_model(const struct emulator *emulator, const char *arch);
void guest_cpu_add_model(struct xml *parent, const struct emulator *emulator, const char *fallback);

#endif
