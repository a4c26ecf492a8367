/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the host's own CPU takes an instruction to be. The program length-probe runs each string
 * of bytes against a page that is not there: while the CPU asks for that page, the instruction goes
 * on; what happens with the first string that suffices is the instruction's own doing.
 *
 * The program is its own process, whose system calls from the probed page are trapped, so that any
 * bytes may be run. x86-64 Linux hosts only.
 */
#ifndef VIV_TESTS_GUEST_X86_LENGTH_PROBE_H
#define VIV_TESTS_GUEST_X86_LENGTH_PROBE_H

#include <stdint.h>

#define PROBE_BYTES 15

/* What every general register holds: not an address, not a selector, and no count that ends. */
#define PROBE_VALUE UINT64_C(0x234567890000fff8)

/* One string, in memory shared with the program. */
struct probe_record {
    uint8_t bytes[PROBE_BYTES];
    uint8_t guess;  /* in: length to try first, 1..15 */
    uint8_t len;    /* out: 1..15; 16: more than 15 are asked for */
    uint8_t signal; /* out: what it came to; SIGTRAP: it was executed */
    uint8_t trapno; /* out: the exception's vector */
    uint8_t tries;  /* out */
};

#endif
