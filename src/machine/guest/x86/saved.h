/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vCPU's architectural state as bytes, by rows: save, load and comparison. Stopped vCPU. */
#ifndef VIV_MACHINE_GUEST_X86_SAVED_H
#define VIV_MACHINE_GUEST_X86_SAVED_H

#include "machine/guest/x86/state.h"

extern const struct state_row x86_state_rows[];

void x86_save(struct x86_cpu *c, GByteArray *out);
/* Values that no CPU can have are refused; what is derived is computed anew. */
gboolean x86_load(struct x86_cpu *c, const uint8_t **data, size_t *left,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
