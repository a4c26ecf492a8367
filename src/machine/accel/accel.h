/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerators. Names on the command line: kvm, jit, interp, qtest; tcg means jit where the
 * guest's code can be translated, else interp.
 */
#ifndef VIV_MACHINE_ACCEL_ACCEL_H
#define VIV_MACHINE_ACCEL_ACCEL_H

#include "machine/core/accel.h"

extern const struct accel_class accel_interp, accel_jit, accel_kvm, accel_qtest;

#endif
