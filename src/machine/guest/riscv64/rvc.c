/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C extension: volume I, chapter 16. Each 16-bit code stands for one 32-bit instruction. */
#include "machine/guest/riscv64/insn.h"

#define SP 2

static uint32_t bits(uint32_t code, unsigned lo, unsigned n)
{
    return code >> lo & ((1u << n) - 1);
}

/* The low `n` bits of `value` as a signed number. */
static int32_t extend(uint32_t value, unsigned n)
{
    return (int32_t)(value << (32 - n)) >> (32 - n);
}

static uint32_t form_i(uint32_t opcode, unsigned f3, unsigned rd, unsigned rs1, int32_t imm)
{
    return opcode | rd << 7 | f3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static uint32_t form_s(uint32_t opcode, unsigned f3, unsigned rs1, unsigned rs2, int32_t imm)
{
    return opcode | bits(imm, 0, 5) << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 | bits(imm, 5, 7) << 25;
}

static uint32_t form_r(uint32_t opcode, unsigned f3, unsigned f7, unsigned rd, unsigned rs1,
                       unsigned rs2)
{
    return opcode | rd << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 | f7 << 25;
}

static uint32_t form_b(unsigned f3, unsigned rs1, int32_t imm)
{
    return 0x63 | bits(imm, 11, 1) << 7 | bits(imm, 1, 4) << 8 | f3 << 12 | rs1 << 15 |
           bits(imm, 5, 6) << 25 | bits(imm, 12, 1) << 31;
}

static uint32_t form_j(unsigned rd, int32_t imm)
{
    return 0x6f | rd << 7 | bits(imm, 12, 8) << 12 | bits(imm, 11, 1) << 20 |
           bits(imm, 1, 10) << 21 | bits(imm, 20, 1) << 31;
}

/* Offsets of loads and stores by a register: words and double words. */
static uint32_t offset_w(uint32_t c)
{
    return bits(c, 6, 1) << 2 | bits(c, 10, 3) << 3 | bits(c, 5, 1) << 6;
}

static uint32_t offset_d(uint32_t c)
{
    return bits(c, 10, 3) << 3 | bits(c, 5, 2) << 6;
}

/* Quadrant 0: loads and stores by a register. */
static uint32_t quadrant0(uint32_t c)
{
    unsigned rd = 8 + bits(c, 2, 3), rs1 = 8 + bits(c, 7, 3);
    uint32_t imm;

    switch (bits(c, 13, 3)) {
    case 0: /* c.addi4spn */
        imm = bits(c, 6, 1) << 2 | bits(c, 5, 1) << 3 | bits(c, 11, 2) << 4 | bits(c, 7, 4) << 6;
        return imm ? form_i(0x13, 0, rd, SP, imm) : 0;
    case 1: return form_i(0x07, 3, rd, rs1, offset_d(c));
    case 2: return form_i(0x03, 2, rd, rs1, offset_w(c));
    case 3: return form_i(0x03, 3, rd, rs1, offset_d(c));
    case 5: return form_s(0x27, 3, rs1, rd, offset_d(c));
    case 6: return form_s(0x23, 2, rs1, rd, offset_w(c));
    case 7: return form_s(0x23, 3, rs1, rd, offset_d(c));
    }
    return 0;
}

static uint32_t arithmetic(uint32_t c, int32_t imm)
{
    static const uint8_t f3[] = {0, 4, 6, 7};
    unsigned rd = 8 + bits(c, 7, 3), rs2 = 8 + bits(c, 2, 3);

    switch (bits(c, 10, 2)) {
    case 0: return form_i(0x13, 5, rd, rd, imm & 63);
    case 1: return form_i(0x13, 5, rd, rd, (imm & 63) | 0x400);
    case 2: return form_i(0x13, 7, rd, rd, imm);
    }
    if (!bits(c, 12, 1)) {
        unsigned which = bits(c, 5, 2);

        return form_r(0x33, f3[which], which == 0 ? 0x20 : 0, rd, rd, rs2);
    }
    if (bits(c, 6, 1)) {
        return 0;
    }
    return form_r(0x3b, 0, bits(c, 5, 1) ? 0 : 0x20, rd, rd, rs2);
}

static uint32_t lui_or_addi16sp(uint32_t c, unsigned rd, int32_t imm)
{
    if (rd == SP) {
        int32_t by = extend(bits(c, 6, 1) << 4 | bits(c, 2, 1) << 5 | bits(c, 5, 1) << 6 |
                                bits(c, 3, 2) << 7 | bits(c, 12, 1) << 9,
                            10);

        return by ? form_i(0x13, 0, SP, SP, by) : 0;
    }
    return imm ? 0x37 | rd << 7 | (uint32_t)imm << 12 : 0;
}

/* Quadrant 1: immediates, jumps and branches. */
static uint32_t quadrant1(uint32_t c)
{
    unsigned rd = bits(c, 7, 5), rs1 = 8 + bits(c, 7, 3);
    int32_t imm = extend(bits(c, 2, 5) | bits(c, 12, 1) << 5, 6);
    int32_t jump = extend(bits(c, 3, 3) << 1 | bits(c, 11, 1) << 4 | bits(c, 2, 1) << 5 |
                              bits(c, 7, 1) << 6 | bits(c, 6, 1) << 7 | bits(c, 9, 2) << 8 |
                              bits(c, 8, 1) << 10 | bits(c, 12, 1) << 11,
                          12);
    int32_t branch = extend(bits(c, 3, 2) << 1 | bits(c, 10, 2) << 3 | bits(c, 2, 1) << 5 |
                                bits(c, 5, 2) << 6 | bits(c, 12, 1) << 8,
                            9);

    switch (bits(c, 13, 3)) {
    case 0: return form_i(0x13, 0, rd, rd, imm);
    case 1: return rd ? form_i(0x1b, 0, rd, rd, imm) : 0;
    case 2: return form_i(0x13, 0, rd, 0, imm);
    case 3: return lui_or_addi16sp(c, rd, imm);
    case 4: return arithmetic(c, imm);
    case 5: return form_j(0, jump);
    case 6: return form_b(0, rs1, branch);
    }
    return form_b(1, rs1, branch);
}

static uint32_t jump_or_add(uint32_t c, unsigned rd, unsigned rs2)
{
    if (!bits(c, 12, 1)) {
        if (rs2) {
            return form_r(0x33, 0, 0, rd, 0, rs2);
        }
        return rd ? form_i(0x67, 0, 0, rd, 0) : 0;
    }
    if (rs2) {
        return form_r(0x33, 0, 0, rd, rd, rs2);
    }
    return rd ? form_i(0x67, 0, 1, rd, 0) : 0x00100073; /* ebreak */
}

/* Quadrant 2: by the stack pointer, and whole registers. */
static uint32_t quadrant2(uint32_t c)
{
    unsigned rd = bits(c, 7, 5), rs2 = bits(c, 2, 5);
    uint32_t load_w = bits(c, 4, 3) << 2 | bits(c, 12, 1) << 5 | bits(c, 2, 2) << 6;
    uint32_t load_d = bits(c, 5, 2) << 3 | bits(c, 12, 1) << 5 | bits(c, 2, 3) << 6;
    uint32_t store_w = bits(c, 9, 4) << 2 | bits(c, 7, 2) << 6;
    uint32_t store_d = bits(c, 10, 3) << 3 | bits(c, 7, 3) << 6;

    switch (bits(c, 13, 3)) {
    case 0: return form_i(0x13, 1, rd, rd, rs2 | bits(c, 12, 1) << 5);
    case 1: return form_i(0x07, 3, rd, SP, load_d);
    case 2: return rd ? form_i(0x03, 2, rd, SP, load_w) : 0;
    case 3: return rd ? form_i(0x03, 3, rd, SP, load_d) : 0;
    case 4: return jump_or_add(c, rd, rs2);
    case 5: return form_s(0x27, 3, SP, rs2, store_d);
    case 6: return form_s(0x23, 2, SP, rs2, store_w);
    }
    return form_s(0x23, 3, SP, rs2, store_d);
}

uint32_t riscv_expand(uint16_t code)
{
    switch (code & 3) {
    case 0: return quadrant0(code);
    case 1: return quadrant1(code);
    case 2: return quadrant2(code);
    }
    return 0;
}
