/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/jit/x86_64/asm.h"

#include <stddef.h>
#include <string.h>

#define LONGEST 24 /* bytes of an instruction here, with room to spare */

static bool room(struct assembler *a)
{
    if (a->end - a->at < LONGEST) {
        a->full = true;
    }
    return !a->full;
}

static void byte(struct assembler *a, unsigned v)
{
    *a->at++ = v;
}

static void word32(struct assembler *a, uint32_t v)
{
    memcpy(a->at, &v, 4);
    a->at += 4;
}

static void opcode(struct assembler *a, unsigned code)
{
    if (code > 0xffff) {
        byte(a, code >> 16);
    }
    if (code > 0xff) {
        byte(a, code >> 8);
    }
    byte(a, code);
}

/* A byte register numbered 4 to 7 needs a prefix, lest it be AH to BH. */
static void rex(struct assembler *a, bool wide, unsigned reg, unsigned index, unsigned base,
                bool always)
{
    unsigned v = 0x40 | wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);

    if (v != 0x40 || always) {
        byte(a, v);
    }
}

static void put_rr(struct assembler *a, bool wide, unsigned code, unsigned reg, unsigned rm,
                   bool bytes)
{
    if (!room(a)) {
        return;
    }
    rex(a, wide, reg, 0, rm, bytes);
    opcode(a, code);
    byte(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

static void put_rm(struct assembler *a, bool wide, unsigned code, unsigned reg, struct host_mem m,
                   bool bytes)
{
    bool small = m.disp >= -128 && m.disp < 128, sib = m.index != NO_REG || (m.base & 7) == RSP;

    if (!room(a)) {
        return;
    }
    if (m.base == NO_REG) {
        rex(a, wide, reg, 0, 0, bytes);
        opcode(a, code);
        byte(a, (reg & 7) << 3 | 5);
        word32(a, m.disp);
        return;
    }
    rex(a, wide, reg, m.index == NO_REG ? 0 : m.index, m.base, bytes);
    opcode(a, code);
    byte(a, (small ? 0x40 : 0x80) | (reg & 7) << 3 | (sib ? 4 : m.base & 7));
    if (sib) {
        byte(a, m.scale << 6 | (m.index == NO_REG ? 4 : m.index & 7) << 3 | (m.base & 7));
    }
    if (small) {
        byte(a, m.disp);
    } else {
        word32(a, m.disp);
    }
}

void asm_mov_rr(struct assembler *a, bool wide, unsigned to, unsigned from)
{
    put_rr(a, wide, 0x89, from, to, false);
}

void asm_mov_low_rr(struct assembler *a, unsigned size, unsigned to, unsigned from)
{
    if (size == 2 && room(a)) {
        byte(a, 0x66);
    }
    put_rr(a, false, size == 1 ? 0x88 : 0x89, from, to, size == 1);
}

void asm_cmov_rr(struct assembler *a, enum host_cond cc, unsigned to, unsigned from)
{
    put_rr(a, true, 0x0f40 | cc, to, from, false);
}

void asm_cmov_rm(struct assembler *a, enum host_cond cc, unsigned to, struct host_mem from)
{
    put_rm(a, true, 0x0f40 | cc, to, from, false);
}

void asm_bswap(struct assembler *a, bool wide, unsigned r)
{
    if (room(a)) {
        rex(a, wide, 0, 0, r, false);
        byte(a, 0x0f);
        byte(a, 0xc8 | (r & 7));
    }
}

void asm_mov_ri(struct assembler *a, unsigned to, uint64_t imm)
{
    if (!room(a)) {
        return;
    }
    if (imm <= UINT32_MAX) {
        rex(a, false, 0, 0, to, false);
        byte(a, 0xb8 | (to & 7));
        word32(a, imm);
    } else if (imm == (uint64_t)(int64_t)(int32_t)imm) {
        rex(a, true, 0, 0, to, false);
        byte(a, 0xc7);
        byte(a, 0xc0 | (to & 7));
        word32(a, imm);
    } else {
        rex(a, true, 0, 0, to, false);
        byte(a, 0xb8 | (to & 7));
        word32(a, imm);
        word32(a, imm >> 32);
    }
}

void asm_load(struct assembler *a, bool wide, unsigned to, struct host_mem from)
{
    put_rm(a, wide, 0x8b, to, from, false);
}

void asm_store(struct assembler *a, unsigned size, struct host_mem to, unsigned from)
{
    if (size == 2 && room(a)) {
        byte(a, 0x66);
    }
    put_rm(a, size == 8, size == 1 ? 0x88 : 0x89, from, to, size == 1);
}

void asm_store_imm(struct assembler *a, bool wide, struct host_mem to, int32_t imm)
{
    put_rm(a, wide, 0xc7, 0, to, false);
    if (!a->full) {
        word32(a, imm);
    }
}

void asm_lea(struct assembler *a, bool wide, unsigned to, struct host_mem m)
{
    put_rm(a, wide, 0x8d, to, m, false);
}

void asm_alu_rr(struct assembler *a, bool wide, enum alu op, unsigned to, unsigned from)
{
    put_rr(a, wide, op << 3 | 1, from, to, false);
}

static void alu_imm(struct assembler *a, int32_t imm)
{
    if (a->full) {
        return;
    }
    if (imm >= -128 && imm < 128) {
        byte(a, imm);
    } else {
        word32(a, imm);
    }
}

static unsigned alu_code(int32_t imm)
{
    return imm >= -128 && imm < 128 ? 0x83 : 0x81;
}

void asm_alu_ri(struct assembler *a, bool wide, enum alu op, unsigned to, int32_t imm)
{
    put_rr(a, wide, alu_code(imm), op, to, false);
    alu_imm(a, imm);
}

void asm_alu_rm(struct assembler *a, bool wide, enum alu op, unsigned to, struct host_mem from)
{
    put_rm(a, wide, op << 3 | 3, to, from, false);
}

void asm_alu_mr(struct assembler *a, bool wide, enum alu op, struct host_mem to, unsigned from)
{
    put_rm(a, wide, op << 3 | 1, from, to, false);
}

void asm_alu_mi(struct assembler *a, bool wide, enum alu op, struct host_mem to, int32_t imm)
{
    put_rm(a, wide, alu_code(imm), op, to, false);
    alu_imm(a, imm);
}

void asm_test_rr(struct assembler *a, bool wide, unsigned x, unsigned y)
{
    put_rr(a, wide, 0x85, x, y, false);
}

void asm_shift_ri(struct assembler *a, bool wide, enum shift op, unsigned to, unsigned by)
{
    put_rr(a, wide, 0xc1, op, to, false);
    if (!a->full) {
        byte(a, by);
    }
}

void asm_shift_rcl(struct assembler *a, bool wide, enum shift op, unsigned to)
{
    put_rr(a, wide, 0xd3, op, to, false);
}

void asm_imul_rr(struct assembler *a, bool wide, unsigned to, unsigned from)
{
    put_rr(a, wide, 0x0faf, to, from, false);
}

void asm_imul_rm(struct assembler *a, bool wide, unsigned to, struct host_mem from)
{
    put_rm(a, wide, 0x0faf, to, from, false);
}

void asm_unary_r(struct assembler *a, bool wide, enum unary op, unsigned r)
{
    put_rr(a, wide, 0xf7, op, r, false);
}

void asm_setcc(struct assembler *a, enum host_cond cc, unsigned to)
{
    put_rr(a, false, 0x0f90 | cc, 0, to, true);
}

static unsigned extend_code(unsigned size, bool is_signed)
{
    return size == 4 ? (is_signed ? 0x63 : 0x8b) : 0x0fb6 + (size == 2) + (is_signed ? 8 : 0);
}

void asm_extend_rr(struct assembler *a, unsigned size, bool is_signed, unsigned to, unsigned from)
{
    put_rr(a, is_signed, extend_code(size, is_signed), to, from, size == 1);
}

void asm_extend_rm(struct assembler *a, unsigned size, bool is_signed, unsigned to,
                   struct host_mem from)
{
    put_rm(a, is_signed, extend_code(size, is_signed), to, from, false);
}

void asm_push(struct assembler *a, unsigned r)
{
    if (room(a)) {
        rex(a, false, 0, 0, r, false);
        byte(a, 0x50 | (r & 7));
    }
}

void asm_pop(struct assembler *a, unsigned r)
{
    if (room(a)) {
        rex(a, false, 0, 0, r, false);
        byte(a, 0x58 | (r & 7));
    }
}

void asm_ret(struct assembler *a)
{
    if (room(a)) {
        byte(a, 0xc3);
    }
}

void asm_call_r(struct assembler *a, unsigned r)
{
    put_rr(a, false, 0xff, 2, r, false);
}

void asm_jmp_r(struct assembler *a, unsigned r)
{
    put_rr(a, false, 0xff, 4, r, false);
}

void asm_jmp_m(struct assembler *a, struct host_mem m)
{
    put_rm(a, false, 0xff, 4, m, false);
}

void asm_sign_to_rdx(struct assembler *a, bool wide)
{
    if (room(a)) {
        rex(a, wide, 0, 0, 0, false);
        byte(a, 0x99);
    }
}

static void put_lock(struct assembler *a, bool lock)
{
    if (lock && room(a)) {
        byte(a, 0xf0);
    }
}

void asm_xadd(struct assembler *a, bool lock, bool wide, struct host_mem m, unsigned r)
{
    put_lock(a, lock);
    put_rm(a, wide, 0x0fc1, r, m, false);
}

void asm_cmpxchg(struct assembler *a, bool lock, bool wide, struct host_mem m, unsigned r)
{
    put_lock(a, lock);
    put_rm(a, wide, 0x0fb1, r, m, false);
}

void asm_xchg(struct assembler *a, bool wide, struct host_mem m, unsigned r)
{
    put_rm(a, wide, 0x87, r, m, false);
}

static void mandatory(struct assembler *a, unsigned prefix)
{
    if (prefix && room(a)) {
        byte(a, prefix);
    }
}

void asm_sse_rm(struct assembler *a, unsigned prefix, bool wide, unsigned code, unsigned reg,
                struct host_mem m)
{
    mandatory(a, prefix);
    put_rm(a, wide, 0x0f00 | code, reg, m, false);
}

void asm_sse_rr(struct assembler *a, unsigned prefix, bool wide, unsigned code, unsigned reg,
                unsigned rm)
{
    mandatory(a, prefix);
    put_rr(a, wide, 0x0f00 | code, reg, rm, false);
}

static unsigned escaped(unsigned map, unsigned code)
{
    static const unsigned escapes[] = {0x0f00, 0x0f3800, 0x0f3a00};

    return escapes[map] | code;
}

static void immediate(struct assembler *a, int imm)
{
    if (imm >= 0 && !a->full) {
        byte(a, imm);
    }
}

void asm_vector_rr(struct assembler *a, unsigned prefix, unsigned map, bool wide, unsigned code,
                   unsigned reg, unsigned rm, int imm)
{
    mandatory(a, prefix);
    put_rr(a, wide, escaped(map, code), reg, rm, false);
    immediate(a, imm);
}

void asm_vector_rm(struct assembler *a, unsigned prefix, unsigned map, bool wide, unsigned code,
                   unsigned reg, struct host_mem m, int imm)
{
    mandatory(a, prefix);
    put_rm(a, wide, escaped(map, code), reg, m, false);
    immediate(a, imm);
}

void asm_load_mxcsr(struct assembler *a, struct host_mem m)
{
    put_rm(a, false, 0x0fae, 2, m, false);
}

void asm_flags_to_rax(struct assembler *a)
{
    if (room(a)) {
        byte(a, 0x9f); /* lahf */
        byte(a, 0x0f); /* movzx eax, ah */
        byte(a, 0xb6);
        byte(a, 0xc4);
    }
}

void asm_fma(struct assembler *a, bool wide, unsigned code, unsigned to, unsigned by,
             struct host_mem m)
{
    if (!room(a)) {
        return;
    }
    /* Low registers only: R, X and B are not extended. */
    byte(a, 0xc4);
    byte(a, 0xe2);
    byte(a, wide << 7 | (~by & 15) << 3 | 1);
    byte(a, code);
    byte(a, 0x80 | to << 3 | m.base);
    word32(a, m.disp);
}

void asm_barrier(struct assembler *a)
{
    put_lock(a, true);
    asm_alu_mi(a, false, ALU_OR, (struct host_mem){RSP, NO_REG, 0}, 0);
}

static uint8_t *distance(struct assembler *a, const uint8_t *to)
{
    uint8_t *place = a->at;

    word32(a, 0);
    if (to) {
        asm_patch(place, to);
    }
    return place;
}

uint8_t *asm_jmp(struct assembler *a, const uint8_t *to)
{
    if (!room(a)) {
        return NULL;
    }
    byte(a, 0xe9);
    return distance(a, to);
}

uint8_t *asm_jcc(struct assembler *a, enum host_cond cc, const uint8_t *to)
{
    if (!room(a)) {
        return NULL;
    }
    byte(a, 0x0f);
    byte(a, 0x80 | cc);
    return distance(a, to);
}

uint8_t *asm_call(struct assembler *a, const uint8_t *to)
{
    if (!room(a)) {
        return NULL;
    }
    byte(a, 0xe8);
    return distance(a, to);
}

void asm_patch(uint8_t *place, const uint8_t *to)
{
    if (place) {
        int32_t by = (int32_t)(to - (place + 4));

        memcpy(place, &by, 4);
    }
}
