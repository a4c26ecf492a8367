/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A supervisor's program for the virt board, started by OpenSBI: integer work with a checksum,
 * timer interrupts, the machine with page tables, code that it writes itself, a second hart. Each
 * part prints a line. Position-independent: its .text is the image.
 */
    .text
    .globl start
start:
    mv      s11, a0                 /* this hart */
    la      sp, stack + 4096
    la      t0, trap
    csrw    stvec, t0

    /* ---- integer work: 20000 rounds of a mixed generator over a table ---- */
    la      s0, table
    li      s1, 20000
    li      s2, 88172645463325252
1:  slli    t0, s2, 13
    xor     s2, s2, t0
    srli    t0, s2, 7
    xor     s2, s2, t0
    slli    t0, s2, 17
    xor     s2, s2, t0
    andi    t1, s2, 0x7f8
    add     t1, t1, s0
    ld      t2, 0(t1)
    mulhu   t3, t2, s2
    mul     t4, t2, s2
    ori     t5, s2, 1
    divu    t2, t4, t5
    remw    t6, t3, t5
    addw    t2, t2, t6
    xor     t2, t2, t3
    add     t2, t2, s1
    sd      t2, 0(t1)
    lb      t3, 3(t1)
    lhu     t4, 1(t1)
    sub     s2, s2, t3
    add     s2, s2, t4
    addi    s1, s1, -1
    bnez    s1, 1b
    mv      s3, s2
    call    sum
    la      a0, text_sum
    call    print
    mv      a0, s3
    call    print_hex

    /* ---- floating point: a sum of square roots ---- */
    li      t0, 3 << 13
    csrs    sstatus, t0
    li      s1, 1000
    fmv.d.x fa0, zero
2:  fcvt.d.l fa1, s1
    fsqrt.d fa1, fa1
    fmadd.d fa0, fa1, fa1, fa0
    fadd.d  fa0, fa0, fa1
    addi    s1, s1, -1
    bnez    s1, 2b
    la      a0, text_float
    call    print
    fmv.x.d a0, fa0
    call    print_hex

    /* ---- atomics ---- */
    la      s0, cell
    li      s1, 1000
3:  lr.d    t0, (s0)
    addi    t0, t0, 3
    sc.d    t1, t0, (s0)
    bnez    t1, 3b
    amoadd.w t0, s1, (s0)
    amoxor.d t0, s1, (s0)
    addi    s1, s1, -1
    bnez    s1, 3b
    la      a0, text_atomic
    call    print
    ld      a0, 0(s0)
    call    print_hex

    /* ---- ten timer interrupts ---- */
    li      t0, 1 << 5
    csrs    sie, t0
    csrsi   sstatus, 2
    call    arm
4:  la      t0, ticks
    ld      t1, 0(t0)
    li      t2, 10
    bgeu    t1, t2, 5f
    wfi
    j       4b
5:  csrci   sstatus, 2
    la      a0, text_ticks
    call    print

    /* ---- page tables: the first gigabytes one to one, and the code again 64 GiB higher ---- */
    la      s0, root
    li      t0, 0x00000000000000cf | (0 << 28)
    li      t1, 1 << 28
    li      t2, 4
    mv      t3, s0
6:  sd      t0, 0(t3)
    add     t0, t0, t1
    addi    t3, t3, 8
    addi    t2, t2, -1
    bnez    t2, 6b
    ld      t0, 16(s0)              /* 80000000h.. also at 64 GiB + 80000000h */
    sd      t0, 66 * 8(s0)
    srli    t0, s0, 12
    li      t1, 8 << 60
    or      t0, t0, t1
    csrw    satp, t0
    sfence.vma
    la      t0, 7f
    li      t1, 64 << 30
    add     t0, t0, t1
    jr      t0
7:  auipc   s4, 0
    la      t0, 8f
    li      t1, -1
    srli    t1, t1, 28              /* below 64 GiB again */
    and     t0, t0, t1
    jr      t0
8:  la      a0, text_paged
    call    print
    srli    a0, s4, 32
    call    print_hex

    /* ---- code written anew, 200 times ---- */
    la      s0, written
    li      s1, 200
    li      s2, 0
9:  slli    t0, s1, 20              /* addi a0, a0, s1 */
    li      t1, 0x00050513
    or      t0, t0, t1
    sw      t0, 0(s0)
    fence.i
    mv      a0, s2
    jalr    s0
    mv      s2, a0
    addi    s1, s1, -1
    bnez    s1, 9b
    la      a0, text_written
    call    print
    mv      a0, s2
    call    print_hex

    /* ---- a load from nowhere: the handler names the cause ---- */
    li      t0, 5 << 30
    ld      t1, 0(t0)
    la      a0, text_fault
    call    print
    la      t0, cause
    ld      a0, 0(t0)
    call    print_hex

    /* ---- the other hart, if there is one, adds to a cell until it is told to stop ---- */
    xori    a0, s11, 1
    la      a1, second
    la      a2, stack + 8192
    li      a7, 0x48534d            /* HSM: hart_start */
    li      a6, 0
    csrw    satp, zero
    sfence.vma
    ecall
    bnez    a0, 11f
    la      s0, shared
    li      s1, 20000
10: amoadd.d.aqrl zero, s1, (s0)
    addi    s1, s1, -1
    bnez    s1, 10b
    li      t0, 1
12: la      t1, done
    ld      t1, 0(t1)
    beqz    t1, 12b
    la      a0, text_harts
    call    print
    ld      a0, 0(s0)
    call    print_hex
11:
    li      a7, 0x53525354          /* SRST: shut down */
    li      a6, 0
    li      a0, 0
    li      a1, 0
    ecall
13: j       13b

second:
    la      s0, shared
    li      s1, 20000
1:  amoadd.d.aqrl zero, s1, (s0)
    addi    s1, s1, -1
    bnez    s1, 1b
    la      t0, done
    fence   rw, rw
    li      t1, 1
    sd      t1, 0(t0)
2:  wfi
    j       2b

/* s3 = s3 folded with the table */
sum:
    la      t0, table
    li      t1, 256
1:  ld      t2, 0(t0)
    xor     s3, s3, t2
    slli    t3, s3, 5
    srli    t4, s3, 59
    or      s3, t3, t4
    addi    t0, t0, 8
    addi    t1, t1, -1
    bnez    t1, 1b
    ret

arm:
    rdtime  a0
    li      t0, 1000
    add     a0, a0, t0
    li      a7, 0x54494d45          /* TIME: set_timer */
    li      a6, 0
    ecall
    ret

    .balign 4
trap:
    addi    sp, sp, -64
    sd      ra, 0(sp)
    sd      t0, 8(sp)
    sd      t1, 16(sp)
    sd      a0, 24(sp)
    sd      a6, 32(sp)
    sd      a7, 40(sp)
    sd      a1, 48(sp)
    csrr    t0, scause
    bltz    t0, 1f
    la      t1, cause
    sd      t0, 0(t1)
    csrr    t0, sepc
    addi    t0, t0, 4
    csrw    sepc, t0
    j       2f
1:  la      t0, ticks
    ld      t1, 0(t0)
    addi    t1, t1, 1
    sd      t1, 0(t0)
    call    arm
2:  ld      ra, 0(sp)
    ld      t0, 8(sp)
    ld      t1, 16(sp)
    ld      a0, 24(sp)
    ld      a6, 32(sp)
    ld      a7, 40(sp)
    ld      a1, 48(sp)
    addi    sp, sp, 64
    sret

/* a0: zero-ended text */
print:
    mv      s10, a0
1:  lbu     a0, 0(s10)
    beqz    a0, 2f
    li      a7, 1                   /* console_putchar */
    ecall
    addi    s10, s10, 1
    j       1b
2:  ret

/* a0 in hexadecimal, and a new line */
print_hex:
    mv      s9, a0
    li      s8, 60
1:  srl     a0, s9, s8
    andi    a0, a0, 15
    addi    a0, a0, 48
    li      t0, 58
    bltu    a0, t0, 2f
    addi    a0, a0, 39
2:  li      a7, 1
    ecall
    addi    s8, s8, -4
    bgez    s8, 1b
    li      a0, 10
    li      a7, 1
    ecall
    ret

text_sum:     .asciz "sum "
text_float:   .asciz "float "
text_atomic:  .asciz "atomic "
text_ticks:   .asciz "ten ticks\n"
text_paged:   .asciz "paged "
text_written: .asciz "written "
text_fault:   .asciz "fault "
text_harts:   .asciz "harts "
    .balign 4096
root:    .zero 4096
table:   .zero 2048
cell:    .zero 64
shared:  .zero 64
done:    .zero 8
ticks:   .zero 8
cause:   .zero 8
    .balign 4096
written: .zero 4
    ret
    .balign 16
stack:   .zero 8192
