/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deliberate faults of a translator, which the tests that compare it have to find. */
#ifndef VIV_TESTS_GUEST_X86_JIT_FAULTS_H
#define VIV_TESTS_GUEST_X86_JIT_FAULTS_H

#include "machine/jit/ir.h"

struct jit_fault {
    const char *name;
    enum ir_opcode op;                /* each of these */
    bool (*change)(struct ir_op *op); /* TRUE: it is wrong now */
};

/* Ends with one without a name. */
extern const struct jit_fault jit_faults[];

/* From now on what is translated has this fault; NULL: none. */
void jit_fault_set(const struct jit_fault *fault);
/* How many operations were made wrong since then. */
unsigned jit_fault_count(void);

#endif
