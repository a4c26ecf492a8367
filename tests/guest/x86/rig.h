/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The smallest machine a vCPU runs in: RAM from address 0 and a debug console on port E9h. The
 * CPU model is `max`. One thread.
 */
#ifndef VIV_TESTS_GUEST_X86_RIG_H
#define VIV_TESTS_GUEST_X86_RIG_H

#include "machine/guest/x86/interp.h"

#include <glib.h>

#define RIG_RAM (UINT64_C(16) << 20)

struct accel_class;

struct rig {
    const struct accel_class *accel;
    struct accel_vm *accel_vm;
    struct clock *clock;
    struct x86_cpu *c;
    struct x86_features *features;
    struct x86_decoder *decoder;
    struct quiesce *quiesce;
    struct bus *memory;
    struct ram_block *ram;
    struct bus_region region;
    struct bus_mapping *mapping;
    bool timeless;    /* time stands still; else it is the count of instructions */
    GString *console; /* what went to port E9h */
};

/* A vCPU in its power-on state, interpreted. */
struct rig *rig_new(void);
/* Translated, in units of `one_insn` or as they come, with `memory` MiB for code. */
struct rig *rig_new_jit(bool one_insn, unsigned memory);
/* The same with check=on. */
struct rig *rig_new_checked(void);
void rig_free(struct rig *rig);

/* Copies code or data into RAM, as a device would. */
void rig_load(struct rig *rig, gpa at, const void *bytes, size_t len);

/* Segment bases, modes and page tables (2 MiB pages, identity, at 1000h) for code of 16, 32 or 64
 * bits at privilege 0, without descriptor tables; RIP is `rip` and RSP `rsp`. */
void rig_enter(struct rig *rig, unsigned bits, uint64_t rip, uint64_t rsp);

/* Counts `most` instructions at most. */
enum accel_exit rig_run(struct rig *rig, uint64_t most);

#endif
