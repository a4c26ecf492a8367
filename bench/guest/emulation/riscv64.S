/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Supervisor mode on the virt board, under OpenSBI: a stack, the program, the end; traps. */
    .section .text.first, "ax"
    .globl _start
_start:
    la      sp, stack_top
    li      t0, 3 << 13             /* floating point on */
    csrs    sstatus, t0
    la      t0, handler
    csrw    stvec, t0
    call    main
    li      a7, 0x53525354          /* SRST: shut down */
    li      a6, 0
    li      a0, 0
    li      a1, 0
    ecall
1:  j       1b

/* Calls by the user return at once, the 99th ends user mode; page faults go to on_fault(address). */
    .balign 4
handler:
    csrw    sscratch, t6
    csrr    t6, scause
    addi    t6, t6, -8
    bnez    t6, 1f
    addi    t6, a7, -99
    beqz    t6, 2f
    csrr    t6, sepc
    addi    t6, t6, 4
    csrw    sepc, t6
    csrr    t6, sscratch
    sret
2:  la      t6, way_back
    csrw    sepc, t6
    li      t6, 1 << 8              /* SPP: supervisor */
    csrs    sstatus, t6
    sret
1:  addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      t0, 8(sp)
    sd      t1, 16(sp)
    sd      t2, 24(sp)
    sd      a0, 32(sp)
    sd      a1, 40(sp)
    sd      a2, 48(sp)
    sd      a3, 56(sp)
    sd      a4, 64(sp)
    sd      a5, 72(sp)
    sd      a6, 80(sp)
    sd      a7, 88(sp)
    sd      t3, 96(sp)
    sd      t4, 104(sp)
    sd      t5, 112(sp)
    csrr    a0, stval
    call    on_fault
    ld      ra, 0(sp)
    ld      t0, 8(sp)
    ld      t1, 16(sp)
    ld      t2, 24(sp)
    ld      a0, 32(sp)
    ld      a1, 40(sp)
    ld      a2, 48(sp)
    ld      a3, 56(sp)
    ld      a4, 64(sp)
    ld      a5, 72(sp)
    ld      a6, 80(sp)
    ld      a7, 88(sp)
    ld      t3, 96(sp)
    ld      t4, 104(sp)
    ld      t5, 112(sp)
    addi    sp, sp, 128
    csrr    t6, sscratch
    sret

/* in_user_mode(function): until its call 99. */
    .globl in_user_mode
in_user_mode:
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      s0, 8(sp)
    sd      s1, 16(sp)
    sd      s2, 24(sp)
    sd      s3, 32(sp)
    la      t0, saved
    sd      sp, 0(t0)
    csrw    sepc, a0
    li      t0, 1 << 8
    csrc    sstatus, t0
    sret
way_back:
    la      t0, saved
    ld      sp, 0(t0)
    ld      ra, 0(sp)
    ld      s0, 8(sp)
    ld      s1, 16(sp)
    ld      s2, 24(sp)
    ld      s3, 32(sp)
    addi    sp, sp, 128
    ret

    .section .bss
    .balign 16
saved:
    .zero   16
    .zero   65536
stack_top:
