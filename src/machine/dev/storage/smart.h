/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMART of an ATA disk: a drive that is always well. */
#ifndef VIV_MACHINE_DEV_STORAGE_SMART_H
#define VIV_MACHINE_DEV_STORAGE_SMART_H

#include "machine/core/state.h"

#include <stdbool.h>
#include <stdint.h>

#define SMART_TESTS 21 /* in the log of self-tests */

/* Under the controller's lock; a reset leaves it alone. */
struct smart {
    bool enabled, autosave;
    uint8_t last;               /* place of the newest entry of the log, from 1; 0: none */
    uint8_t tests[SMART_TESTS]; /* the log: number of the self-test, more by one; 0: none */
};

struct ide_command;

extern const struct state_row smart_state[];

/* As it comes from the factory. */
void smart_init(struct smart *s);
/* FALSE: no state of ours. */
bool smart_valid(const struct smart *s);
/* Executes the command SMART, which ends. */
void smart_execute(struct smart *s, struct ide_command *c);

#endif
