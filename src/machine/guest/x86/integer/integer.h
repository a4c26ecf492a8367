/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handlers of the integer rows (rows.c), as the files of this folder define them. */
#ifndef VIV_MACHINE_GUEST_X86_INTEGER_INTEGER_H
#define VIV_MACHINE_GUEST_X86_INTEGER_INTEGER_H

#include "machine/guest/x86/insn.h"

#define X86_INSN(name) enum x86_status name(struct x86_cpu *c, const struct x86_insn *in)

/* Suffixes b, w, d, q are operand sizes 1, 2, 4 and 8. */
#define X86_INSN_DQ(name) \
    X86_INSN(name##_d);   \
    X86_INSN(name##_q)
#define X86_INSN_WDQ(name) \
    X86_INSN(name##_w);    \
    X86_INSN_DQ(name)
#define X86_INSN_BWDQ(name) \
    X86_INSN(name##_b);     \
    X86_INSN_WDQ(name)

/* insn_alu.c */
#define X86_INSN_ALU(name)           \
    X86_INSN_BWDQ(insn_##name##_rg); \
    X86_INSN_BWDQ(insn_##name##_gr); \
    X86_INSN_BWDQ(insn_##name##_mg); \
    X86_INSN_BWDQ(insn_##name##_gm); \
    X86_INSN_BWDQ(insn_##name##_ri); \
    X86_INSN_BWDQ(insn_##name##_mi)
X86_INSN_ALU(add);
X86_INSN_ALU(or);
X86_INSN_ALU(adc);
X86_INSN_ALU(sbb);
X86_INSN_ALU(and);
X86_INSN_ALU(sub);
X86_INSN_ALU(xor);
X86_INSN_ALU(cmp);
X86_INSN_ALU(test);
X86_INSN_BWDQ(insn_inc);
X86_INSN_BWDQ(insn_dec);
X86_INSN_BWDQ(insn_neg);
X86_INSN_BWDQ(insn_not);
X86_INSN(insn_inc_z_w);
X86_INSN(insn_inc_z_d);
X86_INSN(insn_dec_z_w);
X86_INSN(insn_dec_z_d);

/* insn_shift.c */
#define X86_INSN_SHIFT(name)        \
    X86_INSN_BWDQ(insn_##name##_i); \
    X86_INSN_BWDQ(insn_##name##_c); \
    X86_INSN_BWDQ(insn_##name##_1)
X86_INSN_SHIFT(rol);
X86_INSN_SHIFT(ror);
X86_INSN_SHIFT(rcl);
X86_INSN_SHIFT(rcr);
X86_INSN_SHIFT(shl);
X86_INSN_SHIFT(shr);
X86_INSN_SHIFT(sar);
X86_INSN_WDQ(insn_shld_i);
X86_INSN_WDQ(insn_shld_c);
X86_INSN_WDQ(insn_shrd_i);
X86_INSN_WDQ(insn_shrd_c);

/* insn_muldiv.c */
X86_INSN_BWDQ(insn_mul);
X86_INSN_BWDQ(insn_imul);
X86_INSN_BWDQ(insn_div);
X86_INSN_BWDQ(insn_idiv);
X86_INSN_WDQ(insn_imul2);
X86_INSN_WDQ(insn_imul3);
X86_INSN_WDQ(insn_extend);
X86_INSN_WDQ(insn_extend_dx);

/* insn_bit.c */
#define X86_INSN_BIT(name)         \
    X86_INSN_WDQ(insn_##name##_g); \
    X86_INSN_WDQ(insn_##name##_i)
X86_INSN_BIT(bt);
X86_INSN_BIT(bts);
X86_INSN_BIT(btr);
X86_INSN_BIT(btc);
X86_INSN_WDQ(insn_bsf);
X86_INSN_WDQ(insn_bsr);
X86_INSN_WDQ(insn_tzcnt);
X86_INSN_WDQ(insn_lzcnt);
X86_INSN_WDQ(insn_popcnt);
X86_INSN_WDQ(insn_bswap);

/* insn_bmi.c */
X86_INSN_DQ(insn_andn);
X86_INSN_DQ(insn_blsr);
X86_INSN_DQ(insn_blsmsk);
X86_INSN_DQ(insn_blsi);
X86_INSN_DQ(insn_bextr);
X86_INSN_DQ(insn_bzhi);
X86_INSN_DQ(insn_pdep);
X86_INSN_DQ(insn_pext);
X86_INSN_DQ(insn_mulx);
X86_INSN_DQ(insn_shlx);
X86_INSN_DQ(insn_shrx);
X86_INSN_DQ(insn_sarx);
X86_INSN_DQ(insn_rorx);
X86_INSN_DQ(insn_adcx);
X86_INSN_DQ(insn_adox);
X86_INSN_BWDQ(insn_crc32);
X86_INSN_WDQ(insn_movbe_load);
X86_INSN_WDQ(insn_movbe_store);

/* insn_move.c */
X86_INSN_BWDQ(insn_mov_rg);
X86_INSN_BWDQ(insn_mov_gr);
X86_INSN_BWDQ(insn_mov_mg);
X86_INSN_BWDQ(insn_mov_gm);
X86_INSN_BWDQ(insn_mov_ri);
X86_INSN_BWDQ(insn_mov_mi);
X86_INSN_BWDQ(insn_mov_zi);
X86_INSN_BWDQ(insn_mov_ao);
X86_INSN_BWDQ(insn_mov_oa);
X86_INSN_WDQ(insn_movzx_b);
X86_INSN_WDQ(insn_movzx_w);
X86_INSN_WDQ(insn_movsx_b);
X86_INSN_WDQ(insn_movsx_w);
X86_INSN_WDQ(insn_movsxd);
X86_INSN_WDQ(insn_lea);
X86_INSN_DQ(insn_movnti);
X86_INSN(insn_xlat);
X86_INSN(insn_mov_from_seg);
X86_INSN(insn_mov_to_seg);
X86_INSN(insn_les);
X86_INSN(insn_lds);
X86_INSN(insn_lss);
X86_INSN(insn_lfs);
X86_INSN(insn_lgs);

/* Of each condition code: insn_move.c and insn_flow.c */
#define X86_INSN_CC(cc)           \
    X86_INSN_WDQ(insn_cmov_##cc); \
    X86_INSN(insn_set_##cc);      \
    X86_INSN(insn_j_##cc)
X86_INSN_CC(0);
X86_INSN_CC(1);
X86_INSN_CC(2);
X86_INSN_CC(3);
X86_INSN_CC(4);
X86_INSN_CC(5);
X86_INSN_CC(6);
X86_INSN_CC(7);
X86_INSN_CC(8);
X86_INSN_CC(9);
X86_INSN_CC(10);
X86_INSN_CC(11);
X86_INSN_CC(12);
X86_INSN_CC(13);
X86_INSN_CC(14);
X86_INSN_CC(15);

/* insn_stack.c */
X86_INSN_WDQ(insn_push_z);
X86_INSN_WDQ(insn_pop_z);
X86_INSN_WDQ(insn_push_i);
X86_INSN_WDQ(insn_push_rm);
X86_INSN_WDQ(insn_pop_rm);
X86_INSN(insn_push_es);
X86_INSN(insn_push_cs);
X86_INSN(insn_push_ss);
X86_INSN(insn_push_ds);
X86_INSN(insn_push_fs);
X86_INSN(insn_push_gs);
X86_INSN(insn_pop_es);
X86_INSN(insn_pop_ss);
X86_INSN(insn_pop_ds);
X86_INSN(insn_pop_fs);
X86_INSN(insn_pop_gs);
X86_INSN(insn_pusha);
X86_INSN(insn_popa);
X86_INSN(insn_pushf);
X86_INSN(insn_popf);
X86_INSN(insn_enter);
X86_INSN(insn_leave);

/* insn_flow.c */
X86_INSN(insn_jmp);
X86_INSN_WDQ(insn_call);
X86_INSN_WDQ(insn_call_rm);
X86_INSN_WDQ(insn_jmp_rm);
X86_INSN_WDQ(insn_ret);
X86_INSN_WDQ(insn_ret_i);
X86_INSN(insn_loop);
X86_INSN(insn_loope);
X86_INSN(insn_loopne);
X86_INSN(insn_jcxz);
X86_INSN(insn_jmp_far);
X86_INSN(insn_call_far);
X86_INSN(insn_jmp_far_m);
X86_INSN(insn_call_far_m);
X86_INSN(insn_ret_far);
X86_INSN(insn_iret);
X86_INSN(insn_int3);
X86_INSN(insn_int);
X86_INSN(insn_into);
X86_INSN(insn_int1);
X86_INSN(insn_ud);
X86_INSN(insn_bound);

/* insn_bcd.c */
X86_INSN(insn_daa);
X86_INSN(insn_das);
X86_INSN(insn_aaa);
X86_INSN(insn_aas);
X86_INSN(insn_aam);
X86_INSN(insn_aad);
X86_INSN(insn_salc);
X86_INSN(insn_lahf);
X86_INSN(insn_sahf);
X86_INSN(insn_clc);
X86_INSN(insn_stc);
X86_INSN(insn_cmc);
X86_INSN(insn_cld);
X86_INSN(insn_std);

/* insn_atomic.c */
X86_INSN_BWDQ(insn_xchg);
X86_INSN_BWDQ(insn_xadd);
X86_INSN_BWDQ(insn_cmpxchg);
X86_INSN(insn_xchg_z);
X86_INSN(insn_cmpxchg8b);
X86_INSN(insn_cmpxchg16b);

/* insn_string.c */
X86_INSN_BWDQ(insn_movs);
X86_INSN_BWDQ(insn_stos);
X86_INSN_BWDQ(insn_lods);
X86_INSN_BWDQ(insn_cmps);
X86_INSN_BWDQ(insn_scas);
X86_INSN(insn_ins);
X86_INSN(insn_outs);

/* insn_misc.c */
X86_INSN(insn_in_i);
X86_INSN(insn_in_dx);
X86_INSN(insn_out_i);
X86_INSN(insn_out_dx);
X86_INSN(insn_cpuid);
X86_INSN(insn_rdrand);
X86_INSN(insn_nop);
X86_INSN(insn_pause);
X86_INSN(insn_fence);
X86_INSN(insn_clflush);

#endif
