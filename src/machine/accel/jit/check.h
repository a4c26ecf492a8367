/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -accel jit,check=on: each unit of translated code is run a second time by the interpreter, from
 * the state and memory it was given, and both must come to the same.
 *
 *   begin --> translated code --> agrees: --> state and memory put back --> interpreter --> compare
 *
 * What came from outside the vCPU the first time (ports, I/O memory, time, the interrupt
 * controller's registers) is given again the second time, and what went there is compared and goes
 * only once. Memory that a device writes meanwhile may make the two differ without fault: such a
 * unit is run again. One vCPU, its thread.
 */
#ifndef VIV_MACHINE_ACCEL_JIT_CHECK_H
#define VIV_MACHINE_ACCEL_JIT_CHECK_H

#include "machine/guest/translation.h"

struct checker;

/* Stands between the vCPU and its upcalls from now on until freed. */
struct checker *checker_new(struct cpu *cpu);
void checker_free(struct checker *ck);

/* Before a unit is run for the first time. */
void checker_begin(struct checker *ck);

enum checked {
    CHECKED_SAME,
    CHECKED_AGAIN,  /* state and memory are as they were at the beginning: run the unit again */
    CHECKED_DIFFER, /* they differ whenever it is run; *error says how */
};
/* After the unit, before the vCPU's state is used for anything else. */
enum checked checker_compare(struct checker *ck, GError **error);

/* For monitors; any thread. */
void checker_describe(const struct checker *ck, GString *out);

#endif
