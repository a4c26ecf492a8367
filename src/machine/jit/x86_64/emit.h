/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back end's own: where values are while a unit is written. */
#ifndef VIV_MACHINE_JIT_X86_64_EMIT_H
#define VIV_MACHINE_JIT_X86_64_EMIT_H

#include "machine/jit/x86_64/frame.h"

#define SCRATCH   3 /* rax, rcx, rdx by number */
#define NOBODY    0xff
#define STUBS     (IR_MAX_OPS * 4)
#define IN_MEMORY NO_REG

/* Code off the path that is expected: written after the rest. */
struct stub {
    const struct ir_op *op;
    uint8_t *from; /* of the jump to it */
    uint8_t *back;
    uint8_t *code;
    uint16_t vectors; /* those that are in host registers there */
    bool floats;      /* the host's status gathers flags there */
};

/* A branch that was taken. */
struct way_out {
    const struct ir_op *op;
    uint8_t *from;
};

struct emitter {
    struct assembler a;
    const struct host *h;
    const struct ir_unit *u;
    uint64_t tag;
    uint8_t holds[SCRATCH];  /* the temporary in each, or NOBODY */
    bool floats;             /* the host's status gathers flags */
    uint16_t vectors;        /* bits: xmm0 and so on hold the vector of that number */
    uint8_t where[IR_TEMPS]; /* a scratch register, or IN_MEMORY: its spill slot */
    unsigned n_stubs;
    struct stub stubs[STUBS];
    unsigned n_outs;
    struct way_out outs[IR_EXITS];
    unsigned n_fails;
    uint8_t *fails[STUBS]; /* jumps to the common way out with a status */
};

/* How wide an operation is, and what becomes of the upper half of its result. */
enum width { WIDE, SIGNED, ZERO };

enum place_kind { IN_REG, IN_MEM, AS_IMM };
struct place {
    uint8_t kind; /* enum place_kind */
    uint8_t reg;
    struct host_mem mem;
    int32_t imm;
};

static inline bool emit_fits32(int64_t v)
{
    return v == (int32_t)v;
}

static inline unsigned emit_bit_of(const struct place *p)
{
    return p->kind == IN_REG && p->reg < SCRATCH ? 1u << p->reg : 0;
}

struct host_mem emit_spill(const struct emitter *e, unsigned temp);
/* Temporaries go to their slots: all of them, or those that are not read again are forgotten. */
void emit_evict_all(struct emitter *e);
void emit_forget_last(struct emitter *e, const struct ir_op *o);
/* A scratch register that is none of the bits of `avoid`. */
unsigned emit_take(struct emitter *e, unsigned avoid);
struct place emit_locate(const struct emitter *e, uint8_t value);
/* The value in a register; a scratch one is none of the bits of `avoid`. */
unsigned emit_in_reg(struct emitter *e, const struct place *p, unsigned avoid);
void emit_move_to(struct emitter *e, unsigned reg, const struct place *p);
/* Where a result is made: the register that d lives in, or a scratch one (`like`, if it is free).
 */
unsigned emit_result_reg(struct emitter *e, uint8_t d, const struct place *like, unsigned avoid);
/* The result, in `reg`, is d from now on. */
void emit_finish(struct emitter *e, uint8_t d, unsigned reg);

/* to = to op p */
void emit_alu(struct emitter *e, bool wide, enum alu op, unsigned to, const struct place *p);

/* Code off the path, for `o`, to which the jump at `from` goes; the caller sets `back`. */
struct stub *emit_stub(struct emitter *e, const struct ir_op *o, uint8_t *from);
void emit_write_stub(struct emitter *e, struct stub *s);

/* emit_memory.c: the address in `o->a` + offset goes to rax, the host's on a hit of the TLB; else
 * the stub is taken. rcx and rdx are used up. */
struct stub *emit_address(struct emitter *e, const struct ir_op *o, unsigned size, int32_t offset,
                          bool write);
/* As emit_address(), for an access that has to be aligned: what is not, is the call's, too. */
void emit_aligned_address(struct emitter *e, const struct ir_op *o, unsigned size, bool write,
                          struct stub *ret[2]);

/* Before floating point: the host's status gathers its flags from now on. */
void emit_begin_floats(struct emitter *e);
/* Vectors that are in host registers come there again. */
void emit_reload_vectors(struct emitter *e, unsigned vectors);
void emit_vector(struct emitter *e, const struct ir_op *o);

void emit_load(struct emitter *e, const struct ir_op *o);
void emit_store(struct emitter *e, const struct ir_op *o);
void emit_amo(struct emitter *e, const struct ir_op *o);
void emit_divide(struct emitter *e, const struct ir_op *o);
void emit_exchange_if(struct emitter *e, const struct ir_op *o);
void emit_store_if(struct emitter *e, const struct ir_op *o);
void emit_call(struct emitter *e, const struct ir_op *o);
void emit_check(struct emitter *e, const struct ir_op *o);
void emit_float(struct emitter *e, const struct ir_op *o);

#endif
