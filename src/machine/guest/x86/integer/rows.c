/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the integer and control flow instructions. Intel SDM volume 2 and its appendix A. */
#include "machine/guest/x86/integer/integer.h"
#include "machine/guest/x86/system/cpuid.h"

/* A table, one instruction a row. */
/* clang-format off */
#define NO_EXT .ext = X86_ANY_EXT, .rm = X86_ANY_EXT
#define EXT(n) .ext = (n), .rm = X86_ANY_EXT
#define OPS(...)         \
    .operand =           \
    {                    \
        __VA_ARGS__      \
    }
#define FB(f) .fn = {f##_b}, .flags = ROW_BYTE
#define FWDQ(f) .fn = {f##_w, f##_d, f##_q}
#define FDQ(f) .fn = {NULL, f##_d, f##_q}
#define FWD(f) .fn = {f##_w, f##_d}
#define FALL(f) .fn = {f, f, f}

#define OSZAPC (FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF)

/* Two-operand arithmetic: six opcodes from `op`, and the immediate group's `ext`. */
#define ALU_ROWS(n, base, e, lock)                                                                 \
    {.name = n, .opcode = base + 0, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_##lock##_rg_b},        \
     .flags = ROW_BYTE | ROW_REG},                                                                 \
    {.name = n, .opcode = base + 0, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_##lock##_mg_b},        \
     .flags = ROW_BYTE | ROW_MEM | LOCK_##lock},                                                   \
    {.name = n, .opcode = base + 1, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_##lock##_rg),            \
     .flags = ROW_REG},                                                                            \
    {.name = n, .opcode = base + 1, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_##lock##_mg),            \
     .flags = ROW_MEM | LOCK_##lock},                                                              \
    {.name = n, .opcode = base + 2, NO_EXT, OPS(OPD_Gb, OPD_Eb), .fn = {insn_##lock##_gr_b},        \
     .flags = ROW_BYTE | ROW_REG},                                                                 \
    {.name = n, .opcode = base + 2, NO_EXT, OPS(OPD_Gb, OPD_Eb), .fn = {insn_##lock##_gm_b},        \
     .flags = ROW_BYTE | ROW_MEM},                                                                 \
    {.name = n, .opcode = base + 3, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_##lock##_gr),            \
     .flags = ROW_REG},                                                                            \
    {.name = n, .opcode = base + 3, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_##lock##_gm),            \
     .flags = ROW_MEM},                                                                            \
    {.name = n, .opcode = base + 4, NO_EXT, OPS(OPD_AL, OPD_Ib), FB(insn_##lock##_ri)},             \
    {.name = n, .opcode = base + 5, NO_EXT, OPS(OPD_rAX, OPD_Iz), FWDQ(insn_##lock##_ri)},          \
    {.name = n, .opcode = 0x80, EXT(e), OPS(OPD_Eb, OPD_Ib), .fn = {insn_##lock##_ri_b},            \
     .flags = ROW_BYTE | ROW_REG},                                                                 \
    {.name = n, .opcode = 0x80, EXT(e), OPS(OPD_Eb, OPD_Ib), .fn = {insn_##lock##_mi_b},            \
     .flags = ROW_BYTE | ROW_MEM | LOCK_##lock},                                                   \
    {.name = n, .opcode = 0x81, EXT(e), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_##lock##_ri),                \
     .flags = ROW_REG},                                                                            \
    {.name = n, .opcode = 0x81, EXT(e), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_##lock##_mi),                \
     .flags = ROW_MEM | LOCK_##lock},                                                              \
    {.name = n, .opcode = 0x82, EXT(e), OPS(OPD_Eb, OPD_Ib), .fn = {insn_##lock##_ri_b},            \
     .flags = ROW_BYTE | ROW_REG | ROW_NO64, .directed = "legacy"},                                                      \
    {.name = n, .opcode = 0x82, EXT(e), OPS(OPD_Eb, OPD_Ib), .fn = {insn_##lock##_mi_b},            \
     .flags = ROW_BYTE | ROW_MEM | ROW_NO64 | LOCK_##lock,                                         \
     .directed = "legacy"},                                        \
    {.name = n, .opcode = 0x83, EXT(e), OPS(OPD_Ev, OPD_sIb), FWDQ(insn_##lock##_ri),               \
     .flags = ROW_REG},                                                                            \
    {.name = n, .opcode = 0x83, EXT(e), OPS(OPD_Ev, OPD_sIb), FWDQ(insn_##lock##_mi),               \
     .flags = ROW_MEM | LOCK_##lock}

#define LOCK_add ROW_LOCK
#define LOCK_or  ROW_LOCK
#define LOCK_adc ROW_LOCK
#define LOCK_sbb ROW_LOCK
#define LOCK_and ROW_LOCK
#define LOCK_sub ROW_LOCK
#define LOCK_xor ROW_LOCK
#define LOCK_cmp 0

/* Shift group: by immediate, one, CL. */
#define SHIFT_ROWS(n, e, f, undefined)                                                             \
    {.name = n, .opcode = 0xc0, EXT(e), OPS(OPD_Eb, OPD_Ib), FB(insn_##f##_i),                      \
     .flags_undefined = undefined},                                                                \
    {.name = n, .opcode = 0xc1, EXT(e), OPS(OPD_Ev, OPD_Ib), FWDQ(insn_##f##_i),                    \
     .flags_undefined = undefined},                                                                \
    {.name = n, .opcode = 0xd0, EXT(e), OPS(OPD_Eb, OPD_ONE), FB(insn_##f##_1),                     \
     .flags_undefined = (undefined) & ~FLAG_OF},                                                   \
    {.name = n, .opcode = 0xd1, EXT(e), OPS(OPD_Ev, OPD_ONE), FWDQ(insn_##f##_1),                   \
     .flags_undefined = (undefined) & ~FLAG_OF},                                                   \
    {.name = n, .opcode = 0xd2, EXT(e), OPS(OPD_Eb, OPD_CL), FB(insn_##f##_c),                      \
     .flags_undefined = undefined},                                                                \
    {.name = n, .opcode = 0xd3, EXT(e), OPS(OPD_Ev, OPD_CL), FWDQ(insn_##f##_c),                    \
     .flags_undefined = undefined}

/* Unary group 3, and groups 4 and 5. */
#define UNARY_ROWS(n, op, e, f)                                                                    \
    {.name = n, .opcode = op, EXT(e), OPS(OPD_Eb), .fn = {insn_##f##_b},                            \
     .flags = ROW_BYTE | ROW_LOCK},                                                                \
    {.name = n, .opcode = op + 1, EXT(e), OPS(OPD_Ev), FWDQ(insn_##f), .flags = ROW_LOCK}

#define MULDIV_ROWS(n, e, f, undefined)                                                            \
    {.name = n, .opcode = 0xf6, EXT(e), OPS(OPD_Eb), FB(insn_##f), .flags_undefined = undefined},   \
    {.name = n, .opcode = 0xf7, EXT(e), OPS(OPD_Ev), FWDQ(insn_##f), .flags_undefined = undefined}

#define STRING_ROWS(n, op, f, ab, bb, av, bv)                                                      \
    {.name = n, .opcode = op, NO_EXT, OPS(ab, bb), .fn = {insn_##f##_b},                            \
     .flags = ROW_BYTE | ROW_REPS},                                                                \
    {.name = n, .opcode = op + 1, NO_EXT, OPS(av, bv), FWDQ(insn_##f), .flags = ROW_REPS}

/* Jcc short and near, SETcc, CMOVcc of one condition. */
#define CC_ROWS(name_cc, cc)                                                                       \
    {.name = "j" name_cc, .opcode = 0x70 + cc, NO_EXT, OPS(OPD_Jb), FALL(insn_j_##cc),              \
     .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},                                        \
    {.name = "j" name_cc, .map = MAP_0F, .opcode = 0x80 + cc, NO_EXT, OPS(OPD_Jz),                  \
     FALL(insn_j_##cc), .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},                     \
    {.name = "set" name_cc, .map = MAP_0F, .opcode = 0x90 + cc, NO_EXT, OPS(OPD_Eb),                \
     .fn = {insn_set_##cc}, .flags = ROW_BYTE},                                                    \
    {.name = "cmov" name_cc, .map = MAP_0F, .opcode = 0x40 + cc, NO_EXT, OPS(OPD_Gv, OPD_Ev),       \
     FWDQ(insn_cmov_##cc), .feature = X86_FEAT_CMOV}

#define BIT_ROWS(n, op, e, f, lock)                                                                \
    {.name = n, .map = MAP_0F, .opcode = op, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_##f##_g),       \
     .flags = lock, .flags_undefined = OSZAPC & ~FLAG_CF & ~FLAG_ZF},                              \
    {.name = n, .map = MAP_0F, .opcode = 0xba, EXT(e), OPS(OPD_Ev, OPD_Ib), FWDQ(insn_##f##_i),     \
     .flags = lock, .flags_undefined = OSZAPC & ~FLAG_CF & ~FLAG_ZF}

#define HINT_ROW(n, op, ...)                                                                       \
    {.name = n, .map = MAP_0F, .opcode = op, __VA_ARGS__, OPS(OPD_Ev), FALL(insn_nop)}

#define VEX_ROW(n, m, op, pp, f, feat, undefined, ...)                                             \
    {.name = n, .map = m, .opcode = op, NO_EXT, .prefix = pp, OPS(__VA_ARGS__), FDQ(insn_##f),      \
     .feature = feat, .flags_undefined = undefined}

#define BLS_ROW(n, e)                                                                              \
    {.name = #n, .map = MAP_VEX_0F38, .opcode = 0xf3, EXT(e), .prefix = PFX_NONE,                   \
     OPS(OPD_By, OPD_Ey), FDQ(insn_##n), .feature = X86_FEAT_BMI1,                                 \
     .flags_undefined = FLAG_AF | FLAG_PF}

#define SEG_ROWS(n, push, pop, opd)                                                                \
    {.name = "push", .opcode = push, NO_EXT, OPS(opd), FALL(insn_push_##n), .flags = ROW_NO64,      \
     .directed = "segments"},                                                                      \
    {.name = "pop", .opcode = pop, NO_EXT, OPS(opd), FALL(insn_pop_##n),                            \
     .flags = ROW_NO64 | ROW_ENDS, .directed = "segments"}

#define FLOW (ROW_DEF64 | ROW_FORCE64 | ROW_ENDS)

static const struct x86_row rows[] = {
    ALU_ROWS("add", 0x00, 0, add),
    ALU_ROWS("or", 0x08, 1, or),
    ALU_ROWS("adc", 0x10, 2, adc),
    ALU_ROWS("sbb", 0x18, 3, sbb),
    ALU_ROWS("and", 0x20, 4, and),
    ALU_ROWS("sub", 0x28, 5, sub),
    ALU_ROWS("xor", 0x30, 6, xor),
    ALU_ROWS("cmp", 0x38, 7, cmp),
    SEG_ROWS(es, 0x06, 0x07, OPD_ES),
    {.name = "push", .opcode = 0x0e, NO_EXT, OPS(OPD_CS), FALL(insn_push_cs), .flags = ROW_NO64,
     .directed = "segments"},
    SEG_ROWS(ss, 0x16, 0x17, OPD_SS),
    SEG_ROWS(ds, 0x1e, 0x1f, OPD_DS),
    {.name = "daa", .opcode = 0x27, NO_EXT, FALL(insn_daa), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF, .directed = "bcd"},
    {.name = "das", .opcode = 0x2f, NO_EXT, FALL(insn_das), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF, .directed = "bcd"},
    {.name = "aaa", .opcode = 0x37, NO_EXT, FALL(insn_aaa), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, .directed = "bcd"},
    {.name = "aas", .opcode = 0x3f, NO_EXT, FALL(insn_aas), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF, .directed = "bcd"},
    {.name = "inc", .opcode = 0x40, .opcode_span = 7, NO_EXT, OPS(OPD_Zv), FWD(insn_inc_z),
     .flags = ROW_NO64, .directed = "bcd"},
    {.name = "dec", .opcode = 0x48, .opcode_span = 7, NO_EXT, OPS(OPD_Zv), FWD(insn_dec_z),
     .flags = ROW_NO64, .directed = "bcd"},
    {.name = "push", .opcode = 0x50, .opcode_span = 7, NO_EXT, OPS(OPD_Zv), FWDQ(insn_push_z),
     .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "pop", .opcode = 0x58, .opcode_span = 7, NO_EXT, OPS(OPD_Zv), FWDQ(insn_pop_z),
     .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "pusha", .opcode = 0x60, NO_EXT, FALL(insn_pusha), .flags = ROW_NO64,
     .directed = "stack"},
    {.name = "popa", .opcode = 0x61, NO_EXT, FALL(insn_popa), .flags = ROW_NO64,
     .directed = "stack"},
    {.name = "bound", .opcode = 0x62, NO_EXT, OPS(OPD_Gv, OPD_Ma), FALL(insn_bound),
     .flags = ROW_NO64 | ROW_MEM, .directed = "bound"},
    {.name = "movsxd", .opcode = 0x63, NO_EXT, OPS(OPD_Gv, OPD_Ed), FWDQ(insn_movsxd),
     .flags = ROW_ONLY64},
    {.name = "push", .opcode = 0x68, NO_EXT, OPS(OPD_Iz), FWDQ(insn_push_i), .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "imul", .opcode = 0x69, NO_EXT, OPS(OPD_Gv, OPD_Ev, OPD_Iz), FWDQ(insn_imul3),
     .flags_undefined = OSZAPC & ~FLAG_CF & ~FLAG_OF},
    {.name = "push", .opcode = 0x6a, NO_EXT, OPS(OPD_sIb), FWDQ(insn_push_i), .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "imul", .opcode = 0x6b, NO_EXT, OPS(OPD_Gv, OPD_Ev, OPD_sIb), FWDQ(insn_imul3),
     .flags_undefined = OSZAPC & ~FLAG_CF & ~FLAG_OF},
    {.name = "ins", .opcode = 0x6c, NO_EXT, OPS(OPD_Yb, OPD_DX), .fn = {insn_ins},
     .flags = ROW_BYTE | ROW_REPS | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "ins", .opcode = 0x6d, NO_EXT, OPS(OPD_Yv, OPD_DX), FALL(insn_ins),
     .flags = ROW_REPS | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "outs", .opcode = 0x6e, NO_EXT, OPS(OPD_DX, OPD_Xb), .fn = {insn_outs},
     .flags = ROW_BYTE | ROW_REPS | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "outs", .opcode = 0x6f, NO_EXT, OPS(OPD_DX, OPD_Xv), FALL(insn_outs),
     .flags = ROW_REPS | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "test", .opcode = 0x84, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_test_rg_b},
     .flags = ROW_BYTE | ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0x84, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_test_mg_b},
     .flags = ROW_BYTE | ROW_MEM, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0x85, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_test_rg),
     .flags = ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0x85, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_test_mg),
     .flags = ROW_MEM, .flags_undefined = FLAG_AF},
    {.name = "xchg", .opcode = 0x86, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_xchg_b},
     .flags = ROW_BYTE | ROW_LOCK},
    {.name = "xchg", .opcode = 0x87, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_xchg),
     .flags = ROW_LOCK},
    {.name = "mov", .opcode = 0x88, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_mov_rg_b},
     .flags = ROW_BYTE | ROW_REG},
    {.name = "mov", .opcode = 0x88, NO_EXT, OPS(OPD_Eb, OPD_Gb), .fn = {insn_mov_mg_b},
     .flags = ROW_BYTE | ROW_MEM},
    {.name = "mov", .opcode = 0x89, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_mov_rg),
     .flags = ROW_REG},
    {.name = "mov", .opcode = 0x89, NO_EXT, OPS(OPD_Ev, OPD_Gv), FWDQ(insn_mov_mg),
     .flags = ROW_MEM},
    {.name = "mov", .opcode = 0x8a, NO_EXT, OPS(OPD_Gb, OPD_Eb), .fn = {insn_mov_gr_b},
     .flags = ROW_BYTE | ROW_REG},
    {.name = "mov", .opcode = 0x8a, NO_EXT, OPS(OPD_Gb, OPD_Eb), .fn = {insn_mov_gm_b},
     .flags = ROW_BYTE | ROW_MEM},
    {.name = "mov", .opcode = 0x8b, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_mov_gr),
     .flags = ROW_REG},
    {.name = "mov", .opcode = 0x8b, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_mov_gm),
     .flags = ROW_MEM},
    {.name = "mov", .opcode = 0x8c, NO_EXT, OPS(OPD_Ev, OPD_Sw), FALL(insn_mov_from_seg),
     .directed = "segments"},
    {.name = "lea", .opcode = 0x8d, NO_EXT, OPS(OPD_Gv, OPD_M), FWDQ(insn_lea), .flags = ROW_MEM},
    {.name = "mov", .opcode = 0x8e, NO_EXT, OPS(OPD_Sw, OPD_Ew), FALL(insn_mov_to_seg),
     .flags = ROW_ENDS, .directed = "segments"},
    {.name = "pop", .opcode = 0x8f, EXT(0), OPS(OPD_Ev), FWDQ(insn_pop_rm), .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "pause", .opcode = 0x90, NO_EXT, .prefix = PFX_F3, FALL(insn_pause)},
    {.name = "xchg", .opcode = 0x90, .opcode_span = 7, NO_EXT, OPS(OPD_Zv, OPD_rAX),
     FALL(insn_xchg_z)},
    {.name = "cbw", .opcode = 0x98, NO_EXT, FWDQ(insn_extend)},
    {.name = "cwd", .opcode = 0x99, NO_EXT, FWDQ(insn_extend_dx)},
    {.name = "call", .opcode = 0x9a, NO_EXT, OPS(OPD_Ap), FALL(insn_call_far),
     .flags = ROW_NO64 | ROW_ENDS, .directed = "far"},
    {.name = "pushf", .opcode = 0x9c, NO_EXT, FALL(insn_pushf), .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "popf", .opcode = 0x9d, NO_EXT, FALL(insn_popf), .flags = ROW_DEF64 | ROW_ENDS,
     .directed = "stack"},
    {.name = "sahf", .opcode = 0x9e, NO_EXT, FALL(insn_sahf), .flags = ROW_NO64, .directed = "legacy"},
    {.name = "sahf", .opcode = 0x9e, NO_EXT, FALL(insn_sahf), .flags = ROW_ONLY64,
     .feature = X86_FEAT_LAHF_LM},
    {.name = "lahf", .opcode = 0x9f, NO_EXT, FALL(insn_lahf), .flags = ROW_NO64, .directed = "legacy"},
    {.name = "lahf", .opcode = 0x9f, NO_EXT, FALL(insn_lahf), .flags = ROW_ONLY64,
     .feature = X86_FEAT_LAHF_LM},
    {.name = "mov", .opcode = 0xa0, NO_EXT, OPS(OPD_AL, OPD_Ob), FB(insn_mov_ao)},
    {.name = "mov", .opcode = 0xa1, NO_EXT, OPS(OPD_rAX, OPD_Ov), FWDQ(insn_mov_ao)},
    {.name = "mov", .opcode = 0xa2, NO_EXT, OPS(OPD_Ob, OPD_AL), FB(insn_mov_oa)},
    {.name = "mov", .opcode = 0xa3, NO_EXT, OPS(OPD_Ov, OPD_rAX), FWDQ(insn_mov_oa)},
    STRING_ROWS("movs", 0xa4, movs, OPD_Yb, OPD_Xb, OPD_Yv, OPD_Xv),
    STRING_ROWS("cmps", 0xa6, cmps, OPD_Xb, OPD_Yb, OPD_Xv, OPD_Yv),
    {.name = "test", .opcode = 0xa8, NO_EXT, OPS(OPD_AL, OPD_Ib), FB(insn_test_ri),
     .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xa9, NO_EXT, OPS(OPD_rAX, OPD_Iz), FWDQ(insn_test_ri),
     .flags_undefined = FLAG_AF},
    {.name = "stos", .opcode = 0xaa, NO_EXT, OPS(OPD_Yb, OPD_AL), .fn = {insn_stos_b},
     .flags = ROW_BYTE | ROW_REPS},
    {.name = "stos", .opcode = 0xab, NO_EXT, OPS(OPD_Yv, OPD_rAX), FWDQ(insn_stos),
     .flags = ROW_REPS},
    {.name = "lods", .opcode = 0xac, NO_EXT, OPS(OPD_AL, OPD_Xb), .fn = {insn_lods_b},
     .flags = ROW_BYTE | ROW_REPS},
    {.name = "lods", .opcode = 0xad, NO_EXT, OPS(OPD_rAX, OPD_Xv), FWDQ(insn_lods),
     .flags = ROW_REPS},
    {.name = "scas", .opcode = 0xae, NO_EXT, OPS(OPD_AL, OPD_Yb), .fn = {insn_scas_b},
     .flags = ROW_BYTE | ROW_REPS},
    {.name = "scas", .opcode = 0xaf, NO_EXT, OPS(OPD_rAX, OPD_Yv), FWDQ(insn_scas),
     .flags = ROW_REPS},
    {.name = "mov", .opcode = 0xb0, .opcode_span = 7, NO_EXT, OPS(OPD_Zb, OPD_Ib),
     FB(insn_mov_zi)},
    {.name = "mov", .opcode = 0xb8, .opcode_span = 7, NO_EXT, OPS(OPD_Zv, OPD_Iv),
     FWDQ(insn_mov_zi)},
    SHIFT_ROWS("rol", 0, rol, FLAG_OF),
    SHIFT_ROWS("ror", 1, ror, FLAG_OF),
    SHIFT_ROWS("rcl", 2, rcl, FLAG_OF),
    SHIFT_ROWS("rcr", 3, rcr, FLAG_OF),
    SHIFT_ROWS("shl", 4, shl, FLAG_OF | FLAG_AF),
    SHIFT_ROWS("shr", 5, shr, FLAG_OF | FLAG_AF),
    SHIFT_ROWS("shl", 6, shl, FLAG_OF | FLAG_AF),
    SHIFT_ROWS("sar", 7, sar, FLAG_OF | FLAG_AF),
    {.name = "ret", .opcode = 0xc2, NO_EXT, OPS(OPD_Iw), FWDQ(insn_ret_i), .flags = FLOW,
     .directed = "flow"},
    {.name = "ret", .opcode = 0xc3, NO_EXT, FWDQ(insn_ret), .flags = FLOW, .directed = "flow"},
    {.name = "les", .opcode = 0xc4, NO_EXT, OPS(OPD_Gv, OPD_Mp), FALL(insn_les),
     .flags = ROW_NO64 | ROW_MEM | ROW_ENDS, .directed = "segments"},
    {.name = "lds", .opcode = 0xc5, NO_EXT, OPS(OPD_Gv, OPD_Mp), FALL(insn_lds),
     .flags = ROW_NO64 | ROW_MEM | ROW_ENDS, .directed = "segments"},
    {.name = "mov", .opcode = 0xc6, EXT(0), OPS(OPD_Eb, OPD_Ib), .fn = {insn_mov_ri_b},
     .flags = ROW_BYTE | ROW_REG},
    {.name = "mov", .opcode = 0xc6, EXT(0), OPS(OPD_Eb, OPD_Ib), .fn = {insn_mov_mi_b},
     .flags = ROW_BYTE | ROW_MEM},
    {.name = "mov", .opcode = 0xc7, EXT(0), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_mov_ri),
     .flags = ROW_REG},
    {.name = "mov", .opcode = 0xc7, EXT(0), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_mov_mi),
     .flags = ROW_MEM},
    {.name = "enter", .opcode = 0xc8, NO_EXT, OPS(OPD_Iw, OPD_Ib), FALL(insn_enter),
     .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "leave", .opcode = 0xc9, NO_EXT, FALL(insn_leave), .flags = ROW_DEF64,
     .directed = "stack"},
    {.name = "retf", .opcode = 0xca, NO_EXT, OPS(OPD_Iw), FALL(insn_ret_far), .flags = ROW_ENDS,
     .directed = "far"},
    {.name = "retf", .opcode = 0xcb, NO_EXT, FALL(insn_ret_far), .flags = ROW_ENDS,
     .directed = "far"},
    {.name = "int3", .opcode = 0xcc, NO_EXT, FALL(insn_int3), .flags = ROW_ENDS,
     .directed = "interrupts"},
    {.name = "int", .opcode = 0xcd, NO_EXT, OPS(OPD_Ib), FALL(insn_int), .flags = ROW_ENDS,
     .directed = "interrupts"},
    {.name = "into", .opcode = 0xce, NO_EXT, FALL(insn_into), .flags = ROW_NO64,
     .directed = "interrupts"},
    {.name = "iret", .opcode = 0xcf, NO_EXT, FALL(insn_iret), .flags = ROW_ENDS,
     .directed = "interrupts"},
    {.name = "aam", .opcode = 0xd4, NO_EXT, OPS(OPD_Ib), FALL(insn_aam), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF | FLAG_AF | FLAG_CF, .directed = "bcd"},
    {.name = "aad", .opcode = 0xd5, NO_EXT, OPS(OPD_Ib), FALL(insn_aad), .flags = ROW_NO64,
     .flags_undefined = FLAG_OF | FLAG_AF | FLAG_CF, .directed = "bcd"},
    {.name = "salc", .opcode = 0xd6, NO_EXT, FALL(insn_salc), .flags = ROW_NO64,
     .directed = "bcd"},
    {.name = "xlat", .opcode = 0xd7, NO_EXT, OPS(OPD_Xb), .fn = {insn_xlat}, .flags = ROW_BYTE},
    {.name = "loopne", .opcode = 0xe0, NO_EXT, OPS(OPD_Jb), FALL(insn_loopne),
     .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},
    {.name = "loope", .opcode = 0xe1, NO_EXT, OPS(OPD_Jb), FALL(insn_loope),
     .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},
    {.name = "loop", .opcode = 0xe2, NO_EXT, OPS(OPD_Jb), FALL(insn_loop),
     .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},
    {.name = "jrcxz", .opcode = 0xe3, NO_EXT, OPS(OPD_Jb), FALL(insn_jcxz),
     .flags = ROW_DEF64 | ROW_FORCE64, .directed = "flow"},
    {.name = "in", .opcode = 0xe4, NO_EXT, OPS(OPD_AL, OPD_Ib), .fn = {insn_in_i},
     .flags = ROW_BYTE | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "in", .opcode = 0xe5, NO_EXT, OPS(OPD_rAX, OPD_Ib), FALL(insn_in_i),
     .flags = ROW_UNTESTABLE, .directed = "ports"},
    {.name = "out", .opcode = 0xe6, NO_EXT, OPS(OPD_Ib, OPD_AL), .fn = {insn_out_i},
     .flags = ROW_BYTE | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "out", .opcode = 0xe7, NO_EXT, OPS(OPD_Ib, OPD_rAX), FALL(insn_out_i),
     .flags = ROW_UNTESTABLE, .directed = "ports"},
    {.name = "call", .opcode = 0xe8, NO_EXT, OPS(OPD_Jz), FWDQ(insn_call), .flags = FLOW,
     .directed = "flow"},
    {.name = "jmp", .opcode = 0xe9, NO_EXT, OPS(OPD_Jz), FALL(insn_jmp), .flags = FLOW,
     .directed = "flow"},
    {.name = "jmp", .opcode = 0xea, NO_EXT, OPS(OPD_Ap), FALL(insn_jmp_far),
     .flags = ROW_NO64 | ROW_ENDS, .directed = "far"},
    {.name = "jmp", .opcode = 0xeb, NO_EXT, OPS(OPD_Jb), FALL(insn_jmp), .flags = FLOW,
     .directed = "flow"},
    {.name = "in", .opcode = 0xec, NO_EXT, OPS(OPD_AL, OPD_DX), .fn = {insn_in_dx},
     .flags = ROW_BYTE | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "in", .opcode = 0xed, NO_EXT, OPS(OPD_rAX, OPD_DX), FALL(insn_in_dx),
     .flags = ROW_UNTESTABLE, .directed = "ports"},
    {.name = "out", .opcode = 0xee, NO_EXT, OPS(OPD_DX, OPD_AL), .fn = {insn_out_dx},
     .flags = ROW_BYTE | ROW_UNTESTABLE, .directed = "ports"},
    {.name = "out", .opcode = 0xef, NO_EXT, OPS(OPD_DX, OPD_rAX), FALL(insn_out_dx),
     .flags = ROW_UNTESTABLE, .directed = "ports"},
    {.name = "int1", .opcode = 0xf1, NO_EXT, FALL(insn_int1), .flags = ROW_ENDS,
     .directed = "interrupts"},
    {.name = "cmc", .opcode = 0xf5, NO_EXT, FALL(insn_cmc)},
    {.name = "test", .opcode = 0xf6, EXT(0), OPS(OPD_Eb, OPD_Ib), .fn = {insn_test_ri_b},
     .flags = ROW_BYTE | ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf6, EXT(0), OPS(OPD_Eb, OPD_Ib), .fn = {insn_test_mi_b},
     .flags = ROW_BYTE | ROW_MEM, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf7, EXT(0), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_test_ri),
     .flags = ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf7, EXT(0), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_test_mi),
     .flags = ROW_MEM, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf6, EXT(1), OPS(OPD_Eb, OPD_Ib), .fn = {insn_test_ri_b},
     .flags = ROW_BYTE | ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf6, EXT(1), OPS(OPD_Eb, OPD_Ib), .fn = {insn_test_mi_b},
     .flags = ROW_BYTE | ROW_MEM, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf7, EXT(1), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_test_ri),
     .flags = ROW_REG, .flags_undefined = FLAG_AF},
    {.name = "test", .opcode = 0xf7, EXT(1), OPS(OPD_Ev, OPD_Iz), FWDQ(insn_test_mi),
     .flags = ROW_MEM, .flags_undefined = FLAG_AF},
    UNARY_ROWS("not", 0xf6, 2, not),
    UNARY_ROWS("neg", 0xf6, 3, neg),
    MULDIV_ROWS("mul", 4, mul, OSZAPC & ~FLAG_CF & ~FLAG_OF),
    MULDIV_ROWS("imul", 5, imul, OSZAPC & ~FLAG_CF & ~FLAG_OF),
    MULDIV_ROWS("div", 6, div, OSZAPC),
    MULDIV_ROWS("idiv", 7, idiv, OSZAPC),
    {.name = "clc", .opcode = 0xf8, NO_EXT, FALL(insn_clc)},
    {.name = "stc", .opcode = 0xf9, NO_EXT, FALL(insn_stc)},
    {.name = "cld", .opcode = 0xfc, NO_EXT, FALL(insn_cld)},
    {.name = "std", .opcode = 0xfd, NO_EXT, FALL(insn_std)},
    UNARY_ROWS("inc", 0xfe, 0, inc),
    UNARY_ROWS("dec", 0xfe, 1, dec),
    {.name = "call", .opcode = 0xff, EXT(2), OPS(OPD_Ev), FWDQ(insn_call_rm), .flags = FLOW,
     .directed = "flow"},
    {.name = "call", .opcode = 0xff, EXT(3), OPS(OPD_Mp), FALL(insn_call_far_m),
     .flags = ROW_MEM | ROW_ENDS, .directed = "far"},
    {.name = "jmp", .opcode = 0xff, EXT(4), OPS(OPD_Ev), FWDQ(insn_jmp_rm), .flags = FLOW,
     .directed = "flow"},
    {.name = "jmp", .opcode = 0xff, EXT(5), OPS(OPD_Mp), FALL(insn_jmp_far_m),
     .flags = ROW_MEM | ROW_ENDS, .directed = "far"},
    {.name = "push", .opcode = 0xff, EXT(6), OPS(OPD_Ev), FWDQ(insn_push_rm), .flags = ROW_DEF64,
     .directed = "stack"},

    {.name = "ud2", .map = MAP_0F, .opcode = 0x0b, NO_EXT, FALL(insn_ud), .flags = ROW_ENDS,
     .directed = "undefined"},
    {.name = "ud1", .map = MAP_0F, .opcode = 0xb9, NO_EXT, OPS(OPD_Gv, OPD_Ev), FALL(insn_ud),
     .flags = ROW_ENDS, .directed = "undefined"},
    {.name = "prefetch", .map = MAP_0F, .opcode = 0x0d, NO_EXT, OPS(OPD_Mb), FALL(insn_nop),
     .flags = ROW_MEM},
    {.name = "nop", .map = MAP_0F, .opcode = 0x0d, NO_EXT, OPS(OPD_Ev), FALL(insn_nop),
     .flags = ROW_REG, .directed = "undefined"},
    {.name = "prefetchnta", .map = MAP_0F, .opcode = 0x18, EXT(0), OPS(OPD_Mb), FALL(insn_nop),
     .flags = ROW_MEM},
    {.name = "prefetcht0", .map = MAP_0F, .opcode = 0x18, EXT(1), OPS(OPD_Mb), FALL(insn_nop),
     .flags = ROW_MEM},
    {.name = "prefetcht1", .map = MAP_0F, .opcode = 0x18, EXT(2), OPS(OPD_Mb), FALL(insn_nop),
     .flags = ROW_MEM},
    {.name = "prefetcht2", .map = MAP_0F, .opcode = 0x18, EXT(3), OPS(OPD_Mb), FALL(insn_nop),
     .flags = ROW_MEM},
    HINT_ROW("nop", 0x18, NO_EXT),
    HINT_ROW("nop", 0x19, .opcode_span = 6, NO_EXT),
    {.name = "endbr64", .map = MAP_0F, .opcode = 0x1e, .ext = 7, .rm = 2, .prefix = PFX_F3,
     FALL(insn_nop), .flags = ROW_REG},
    {.name = "endbr32", .map = MAP_0F, .opcode = 0x1e, .ext = 7, .rm = 3, .prefix = PFX_F3,
     FALL(insn_nop), .flags = ROW_REG},
    CC_ROWS("o", 0),
    CC_ROWS("no", 1),
    CC_ROWS("b", 2),
    CC_ROWS("ae", 3),
    CC_ROWS("e", 4),
    CC_ROWS("ne", 5),
    CC_ROWS("be", 6),
    CC_ROWS("a", 7),
    CC_ROWS("s", 8),
    CC_ROWS("ns", 9),
    CC_ROWS("p", 10),
    CC_ROWS("np", 11),
    CC_ROWS("l", 12),
    CC_ROWS("ge", 13),
    CC_ROWS("le", 14),
    CC_ROWS("g", 15),
    {.name = "push", .map = MAP_0F, .opcode = 0xa0, NO_EXT, OPS(OPD_FS), FALL(insn_push_fs),
     .flags = ROW_DEF64, .directed = "segments"},
    {.name = "pop", .map = MAP_0F, .opcode = 0xa1, NO_EXT, OPS(OPD_FS), FALL(insn_pop_fs),
     .flags = ROW_DEF64 | ROW_ENDS, .directed = "segments"},
    {.name = "cpuid", .map = MAP_0F, .opcode = 0xa2, NO_EXT, FALL(insn_cpuid), .directed = "cpuid"},
    BIT_ROWS("bt", 0xa3, 4, bt, 0),
    BIT_ROWS("bts", 0xab, 5, bts, ROW_LOCK),
    BIT_ROWS("btr", 0xb3, 6, btr, ROW_LOCK),
    BIT_ROWS("btc", 0xbb, 7, btc, ROW_LOCK),
    {.name = "shld", .map = MAP_0F, .opcode = 0xa4, NO_EXT, OPS(OPD_Ev, OPD_Gv, OPD_Ib),
     FWDQ(insn_shld_i), .flags_undefined = FLAG_OF | FLAG_AF},
    {.name = "shld", .map = MAP_0F, .opcode = 0xa5, NO_EXT, OPS(OPD_Ev, OPD_Gv, OPD_CL),
     FWDQ(insn_shld_c), .flags_undefined = FLAG_OF | FLAG_AF},
    {.name = "push", .map = MAP_0F, .opcode = 0xa8, NO_EXT, OPS(OPD_GS), FALL(insn_push_gs),
     .flags = ROW_DEF64, .directed = "segments"},
    {.name = "pop", .map = MAP_0F, .opcode = 0xa9, NO_EXT, OPS(OPD_GS), FALL(insn_pop_gs),
     .flags = ROW_DEF64 | ROW_ENDS, .directed = "segments"},
    {.name = "shrd", .map = MAP_0F, .opcode = 0xac, NO_EXT, OPS(OPD_Ev, OPD_Gv, OPD_Ib),
     FWDQ(insn_shrd_i), .flags_undefined = FLAG_OF | FLAG_AF},
    {.name = "shrd", .map = MAP_0F, .opcode = 0xad, NO_EXT, OPS(OPD_Ev, OPD_Gv, OPD_CL),
     FWDQ(insn_shrd_c), .flags_undefined = FLAG_OF | FLAG_AF},
    {.name = "clflush", .map = MAP_0F, .opcode = 0xae, EXT(7), .prefix = PFX_NONE, OPS(OPD_Mb),
     FALL(insn_clflush), .flags = ROW_MEM, .feature = X86_FEAT_CLFLUSH},
    {.name = "clflushopt", .map = MAP_0F, .opcode = 0xae, EXT(7), .prefix = PFX_66, OPS(OPD_Mb),
     FALL(insn_clflush), .flags = ROW_MEM, .feature = X86_FEAT_CLFLUSHOPT},
    {.name = "clwb", .map = MAP_0F, .opcode = 0xae, EXT(6), .prefix = PFX_66, OPS(OPD_Mb),
     FALL(insn_clflush), .flags = ROW_MEM, .feature = X86_FEAT_CLWB},
    {.name = "lfence", .map = MAP_0F, .opcode = 0xae, EXT(5), .prefix = PFX_NONE,
     FALL(insn_fence), .flags = ROW_REG, .feature = X86_FEAT_SSE2},
    {.name = "mfence", .map = MAP_0F, .opcode = 0xae, EXT(6), .prefix = PFX_NONE,
     FALL(insn_fence), .flags = ROW_REG, .feature = X86_FEAT_SSE2},
    {.name = "sfence", .map = MAP_0F, .opcode = 0xae, EXT(7), .prefix = PFX_NONE,
     FALL(insn_fence), .flags = ROW_REG, .feature = X86_FEAT_SSE},
    {.name = "imul", .map = MAP_0F, .opcode = 0xaf, NO_EXT, OPS(OPD_Gv, OPD_Ev),
     FWDQ(insn_imul2), .flags_undefined = OSZAPC & ~FLAG_CF & ~FLAG_OF},
    {.name = "cmpxchg", .map = MAP_0F, .opcode = 0xb0, NO_EXT, OPS(OPD_Eb, OPD_Gb),
     .fn = {insn_cmpxchg_b}, .flags = ROW_BYTE | ROW_LOCK},
    {.name = "cmpxchg", .map = MAP_0F, .opcode = 0xb1, NO_EXT, OPS(OPD_Ev, OPD_Gv),
     FWDQ(insn_cmpxchg), .flags = ROW_LOCK},
    {.name = "lss", .map = MAP_0F, .opcode = 0xb2, NO_EXT, OPS(OPD_Gv, OPD_Mp), FALL(insn_lss),
     .flags = ROW_MEM | ROW_ENDS, .directed = "segments"},
    {.name = "lfs", .map = MAP_0F, .opcode = 0xb4, NO_EXT, OPS(OPD_Gv, OPD_Mp), FALL(insn_lfs),
     .flags = ROW_MEM | ROW_ENDS, .directed = "segments"},
    {.name = "lgs", .map = MAP_0F, .opcode = 0xb5, NO_EXT, OPS(OPD_Gv, OPD_Mp), FALL(insn_lgs),
     .flags = ROW_MEM | ROW_ENDS, .directed = "segments"},
    {.name = "movzx", .map = MAP_0F, .opcode = 0xb6, NO_EXT, OPS(OPD_Gv, OPD_Eb),
     FWDQ(insn_movzx_b)},
    {.name = "movzx", .map = MAP_0F, .opcode = 0xb7, NO_EXT, OPS(OPD_Gv, OPD_Ew),
     FWDQ(insn_movzx_w)},
    {.name = "movsx", .map = MAP_0F, .opcode = 0xbe, NO_EXT, OPS(OPD_Gv, OPD_Eb),
     FWDQ(insn_movsx_b)},
    {.name = "movsx", .map = MAP_0F, .opcode = 0xbf, NO_EXT, OPS(OPD_Gv, OPD_Ew),
     FWDQ(insn_movsx_w)},
    {.name = "popcnt", .map = MAP_0F, .opcode = 0xb8, NO_EXT, .prefix = PFX_F3,
     OPS(OPD_Gv, OPD_Ev), FWDQ(insn_popcnt), .feature = X86_FEAT_POPCNT},
    {.name = "bsf", .map = MAP_0F, .opcode = 0xbc, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_bsf),
     .flags_undefined = OSZAPC & ~FLAG_ZF},
    {.name = "bsr", .map = MAP_0F, .opcode = 0xbd, NO_EXT, OPS(OPD_Gv, OPD_Ev), FWDQ(insn_bsr),
     .flags_undefined = OSZAPC & ~FLAG_ZF},
    {.name = "tzcnt", .map = MAP_0F, .opcode = 0xbc, NO_EXT, .prefix = PFX_F3,
     OPS(OPD_Gv, OPD_Ev), FWDQ(insn_tzcnt),
     .flags_undefined = FLAG_OF | FLAG_SF | FLAG_PF | FLAG_AF},
    {.name = "lzcnt", .map = MAP_0F, .opcode = 0xbd, NO_EXT, .prefix = PFX_F3,
     OPS(OPD_Gv, OPD_Ev), FWDQ(insn_lzcnt),
     .flags_undefined = FLAG_OF | FLAG_SF | FLAG_PF | FLAG_AF},
    {.name = "xadd", .map = MAP_0F, .opcode = 0xc0, NO_EXT, OPS(OPD_Eb, OPD_Gb),
     .fn = {insn_xadd_b}, .flags = ROW_BYTE | ROW_LOCK},
    {.name = "xadd", .map = MAP_0F, .opcode = 0xc1, NO_EXT, OPS(OPD_Ev, OPD_Gv),
     FWDQ(insn_xadd), .flags = ROW_LOCK},
    {.name = "movnti", .map = MAP_0F, .opcode = 0xc3, NO_EXT, .prefix = PFX_NONE,
     OPS(OPD_My, OPD_Gy), FDQ(insn_movnti), .flags = ROW_MEM, .feature = X86_FEAT_SSE2},
    {.name = "cmpxchg8b", .map = MAP_0F, .opcode = 0xc7, EXT(1), OPS(OPD_Mq),
     FALL(insn_cmpxchg8b), .flags = ROW_MEM | ROW_LOCK | ROW_W0, .feature = X86_FEAT_CX8},
    {.name = "cmpxchg16b", .map = MAP_0F, .opcode = 0xc7, EXT(1), OPS(OPD_Mdq),
     FALL(insn_cmpxchg16b), .flags = ROW_MEM | ROW_LOCK | ROW_W1 | ROW_ONLY64,
     .feature = X86_FEAT_CX16},
    {.name = "rdrand", .map = MAP_0F, .opcode = 0xc7, EXT(6), .prefix = PFX_NONE, OPS(OPD_Ev),
     FALL(insn_rdrand), .flags = ROW_REG, .feature = X86_FEAT_RDRAND, .directed = "random"},
    {.name = "rdseed", .map = MAP_0F, .opcode = 0xc7, EXT(7), .prefix = PFX_NONE, OPS(OPD_Ev),
     FALL(insn_rdrand), .flags = ROW_REG, .feature = X86_FEAT_RDSEED, .directed = "random"},
    {.name = "rdrand", .map = MAP_0F, .opcode = 0xc7, EXT(6), .prefix = PFX_66, OPS(OPD_Ev),
     .fn = {insn_rdrand, insn_rdrand, insn_rdrand}, .flags = ROW_REG,
     .feature = X86_FEAT_RDRAND, .directed = "random"},
    {.name = "rdseed", .map = MAP_0F, .opcode = 0xc7, EXT(7), .prefix = PFX_66, OPS(OPD_Ev),
     FALL(insn_rdrand), .flags = ROW_REG, .feature = X86_FEAT_RDSEED, .directed = "random"},
    {.name = "bswap", .map = MAP_0F, .opcode = 0xc8, .opcode_span = 7, NO_EXT, OPS(OPD_Zv),
     FWDQ(insn_bswap)},
    {.name = "ud0", .map = MAP_0F, .opcode = 0xff, NO_EXT, OPS(OPD_Gv, OPD_Ev), FALL(insn_ud),
     .flags = ROW_ENDS, .directed = "undefined"},

    {.name = "movbe", .map = MAP_0F38, .opcode = 0xf0, NO_EXT, OPS(OPD_Gv, OPD_Mv),
     FWDQ(insn_movbe_load), .flags = ROW_MEM, .prefix = PFX_NONE, .feature = X86_FEAT_MOVBE},
    {.name = "movbe", .map = MAP_0F38, .opcode = 0xf1, NO_EXT, OPS(OPD_Mv, OPD_Gv),
     FWDQ(insn_movbe_store), .flags = ROW_MEM, .prefix = PFX_NONE, .feature = X86_FEAT_MOVBE},
    {.name = "movbe", .map = MAP_0F38, .opcode = 0xf0, NO_EXT, OPS(OPD_Gv, OPD_Mv),
     FWDQ(insn_movbe_load), .flags = ROW_MEM, .prefix = PFX_66, .feature = X86_FEAT_MOVBE},
    {.name = "movbe", .map = MAP_0F38, .opcode = 0xf1, NO_EXT, OPS(OPD_Mv, OPD_Gv),
     FWDQ(insn_movbe_store), .flags = ROW_MEM, .prefix = PFX_66, .feature = X86_FEAT_MOVBE},
    {.name = "crc32", .map = MAP_0F38, .opcode = 0xf0, NO_EXT, OPS(OPD_Gd, OPD_Eb),
     FB(insn_crc32), .prefix = PFX_F2, .feature = X86_FEAT_SSE42},
    {.name = "crc32", .map = MAP_0F38, .opcode = 0xf1, NO_EXT, OPS(OPD_Gd, OPD_Ev),
     FWDQ(insn_crc32), .prefix = PFX_F2, .feature = X86_FEAT_SSE42},
    {.name = "adcx", .map = MAP_0F38, .opcode = 0xf6, NO_EXT, OPS(OPD_Gy, OPD_Ey),
     FDQ(insn_adcx), .prefix = PFX_66, .feature = X86_FEAT_ADX},
    {.name = "adox", .map = MAP_0F38, .opcode = 0xf6, NO_EXT, OPS(OPD_Gy, OPD_Ey),
     FDQ(insn_adox), .prefix = PFX_F3, .feature = X86_FEAT_ADX},

    VEX_ROW("andn", MAP_VEX_0F38, 0xf2, PFX_NONE, andn, X86_FEAT_BMI1, FLAG_AF | FLAG_PF, OPD_Gy,
            OPD_By, OPD_Ey),
    BLS_ROW(blsr, 1),
    BLS_ROW(blsmsk, 2),
    BLS_ROW(blsi, 3),
    VEX_ROW("bzhi", MAP_VEX_0F38, 0xf5, PFX_NONE, bzhi, X86_FEAT_BMI2, FLAG_AF | FLAG_PF, OPD_Gy,
            OPD_Ey, OPD_By),
    VEX_ROW("pext", MAP_VEX_0F38, 0xf5, PFX_F3, pext, X86_FEAT_BMI2, 0, OPD_Gy, OPD_By, OPD_Ey),
    VEX_ROW("pdep", MAP_VEX_0F38, 0xf5, PFX_F2, pdep, X86_FEAT_BMI2, 0, OPD_Gy, OPD_By, OPD_Ey),
    VEX_ROW("mulx", MAP_VEX_0F38, 0xf6, PFX_F2, mulx, X86_FEAT_BMI2, 0, OPD_Gy, OPD_By, OPD_Ey),
    VEX_ROW("bextr", MAP_VEX_0F38, 0xf7, PFX_NONE, bextr, X86_FEAT_BMI1,
            FLAG_AF | FLAG_SF | FLAG_PF, OPD_Gy, OPD_Ey, OPD_By),
    VEX_ROW("shlx", MAP_VEX_0F38, 0xf7, PFX_66, shlx, X86_FEAT_BMI2, 0, OPD_Gy, OPD_Ey, OPD_By),
    VEX_ROW("sarx", MAP_VEX_0F38, 0xf7, PFX_F3, sarx, X86_FEAT_BMI2, 0, OPD_Gy, OPD_Ey, OPD_By),
    VEX_ROW("shrx", MAP_VEX_0F38, 0xf7, PFX_F2, shrx, X86_FEAT_BMI2, 0, OPD_Gy, OPD_Ey, OPD_By),
    VEX_ROW("rorx", MAP_VEX_0F3A, 0xf0, PFX_F2, rorx, X86_FEAT_BMI2, 0, OPD_Gy, OPD_Ey, OPD_Ib),
};

const struct x86_row_table x86_rows_int = {rows, G_N_ELEMENTS(rows)};
/* clang-format on */
