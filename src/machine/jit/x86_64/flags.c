/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags of SSE's floating point: Intel SDM volume 1, 10.2.3. */
#include "machine/jit/ir.h"

#include <xmmintrin.h>

#define MXCSR_DEFAULT 0x1f80 /* nothing unmasked, to the nearest, denormals as they are */

unsigned ir_take_float_flags(uint32_t *floats)
{
    unsigned v;

    if (!*floats) {
        return 0; /* what the status says is nobody's */
    }
    *floats = 0;
    v = _mm_getcsr();
    return (v & 1 ? IR_INVALID : 0) | (v & 4 ? IR_DIVZERO : 0) | (v & 8 ? IR_OVERFLOW : 0) |
           (v & 16 ? IR_UNDERFLOW : 0) | (v & 32 ? IR_INEXACT : 0) | (v & 2 ? IR_DENORMAL : 0);
}

uint32_t ir_float_status(void)
{
    return MXCSR_DEFAULT;
}

bool ir_has_vectors(void)
{
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}
