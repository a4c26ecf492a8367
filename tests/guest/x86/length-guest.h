/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What length-probe does natively, in the interpreter: a string of bytes against a page that is
 * not there, in 64-bit code at privilege 3. One thread.
 */
#ifndef VIV_TESTS_GUEST_X86_LENGTH_GUEST_H
#define VIV_TESTS_GUEST_X86_LENGTH_GUEST_H

#include "bare.h"

#define GUEST_MORE -1 /* asks for the page behind */
#define GUEST_DONE -2 /* executed */

struct length_guest {
    struct bare *bare;
    struct x86_fpu fpu;
    struct x86_seg seg[SEG_COUNT];
};

void length_guest_init(struct length_guest *g, const char *cpu);
void length_guest_fini(struct length_guest *g);

/* GUEST_MORE, GUEST_DONE, or the vector of the exception that `len` bytes raise. */
int length_guest_run(struct length_guest *g, const uint8_t *bytes, unsigned len);

#endif
