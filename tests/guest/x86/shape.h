/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The outer shape of an instruction of 64-bit code, read without the decode tables: prefixes,
 * encoding, map, opcode and ModRM. The rules that name a difference between decoders are written
 * with it, so that a rule does not lean on the decoder under test.
 */
#ifndef VIV_TESTS_GUEST_X86_SHAPE_H
#define VIV_TESTS_GUEST_X86_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

enum shape_encoding { SHAPE_LEGACY, SHAPE_VEX, SHAPE_EVEX, SHAPE_XOP, SHAPE_3DNOW };

struct shape {
    enum shape_encoding encoding;
    unsigned prefixes; /* legacy and REX prefixes, those that have no effect included */
    bool p66, p67, lock, segment;
    bool lost_rex; /* a REX that another prefix follows */
    uint8_t rep;   /* 0, F2h, F3h: the last one */
    uint8_t rex;   /* the one that counts, or 0 */
    unsigned map;  /* 1, 0x0f, 0x0f38, 0x0f3a; VEX, EVEX and XOP: the field */
    uint8_t opcode;
    uint8_t modrm; /* the byte behind the opcode, whatever it is */
    bool w, l;     /* VEX */
};

/* `bytes` has 16. */
struct shape shape_of(const uint8_t *bytes);

#endif
