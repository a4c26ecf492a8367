/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flags of SSE's floating point: Intel SDM volume 1, 10.2.3. */
#include "machine/jit/ir.h"

#include <xmmintrin.h>

#define MXCSR_DEFAULT 0x1f80 /* nothing unmasked, to the nearest, denormals as they are */
#define MXCSR_FLAGS   0x3f

unsigned ir_take_float_flags(void)
{
    unsigned v = _mm_getcsr();

    if (v == MXCSR_DEFAULT) {
        return 0;
    }
    _mm_setcsr(MXCSR_DEFAULT);
    v &= MXCSR_FLAGS;
    return (v & 1 ? IR_INVALID : 0) | (v & 4 ? IR_DIVZERO : 0) | (v & 8 ? IR_OVERFLOW : 0) |
           (v & 16 ? IR_UNDERFLOW : 0) | (v & 32 ? IR_INEXACT : 0) | (v & 2 ? IR_DENORMAL : 0);
}

bool ir_has_vectors(void)
{
    return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}
