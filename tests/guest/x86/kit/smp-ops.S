/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two processors do at the same time: locked operations on one place, and the litmus tests of
 * memory order. Called by the kit's smp64 image and, natively, by two threads of smp-test; the
 * tables at the end say what is in here.
 */
    .text
    .code64

/* ---- locked operations: (place, times, which processor) ---- */
.macro times name, insn:vararg
\name:
    mov $1, %eax
1:  \insn
    dec %rsi
    jnz 1b
    ret
.endm

times add_b, lock addb $1, (%rdi)
times add_w, lock addw $1, (%rdi)
times add_l, lock addl $1, (%rdi)
times add_q, lock addq $1, (%rdi)
times inc_l, lock incl (%rdi)
times inc_q, lock incq (%rdi)
times sub_q, lock subq $-1, (%rdi)

.macro xadd_times name, reg
\name:
1:  mov $1, %eax
    lock xadd \reg, (%rdi)
    dec %rsi
    jnz 1b
    ret
.endm
xadd_times xadd_l, %eax
xadd_times xadd_q, %rax

.macro cmpxchg_times name, old, new
\name:
1:  mov (%rdi), \old
2:  mov %rax, %rdx
    inc %rdx
    lock cmpxchg \new, (%rdi)
    jnz 2b
    dec %rsi
    jnz 1b
    ret
.endm
cmpxchg_times cmpxchg_w, %ax, %dx
cmpxchg_times cmpxchg_l, %eax, %edx
cmpxchg_times cmpxchg_q, %rax, %rdx

cmpxchg8b_q:
    push %rbx
1:  mov (%rdi), %eax
    mov 4(%rdi), %edx
2:  mov %eax, %ebx
    mov %edx, %ecx
    add $1, %ebx
    adc $0, %ecx
    lock cmpxchg8b (%rdi)
    jnz 2b
    dec %rsi
    jnz 1b
    pop %rbx
    ret

/* The halves count differently, so that a torn one shows. */
cmpxchg16b_o:
    push %rbx
1:  mov (%rdi), %rax
    mov 8(%rdi), %rdx
2:  lea 1(%rax), %rbx
    lea 3(%rdx), %rcx
    lock cmpxchg16b (%rdi)
    jnz 2b
    dec %rsi
    jnz 1b
    pop %rbx
    ret

/* Each processor turns its own bit over, an even number of times. */
.macro flip_times name, insn:vararg
\name:
    mov %edx, %ecx
    mov $1, %eax
    shl %cl, %eax
    lea (%rsi, %rsi), %rsi
1:  \insn
    dec %rsi
    jnz 1b
    ret
.endm
flip_times xor_l, lock xorl %eax, (%rdi)
flip_times xor_q, lock xorq %rax, (%rdi)
flip_times btc_l, lock btcl %edx, (%rdi)

/* Locks around a plain counter, 16 bytes further on. */
xchg_l:
1:  mov $1, %eax
    xchg %eax, (%rdi)
    test %eax, %eax
    jz 2f
    pause
    jmp 1b
2:  incq 16(%rdi)
    movl $0, (%rdi)
    dec %rsi
    jnz 1b
    ret

bts_l:
1:  lock btsl $3, (%rdi)
    jnc 2f
    pause
    jmp 1b
2:  incq 16(%rdi)
    lock btrl $3, (%rdi)
    dec %rsi
    jnz 1b
    ret

/* One counts in all eight bytes and the other in the upper half of them alone. */
mixed_q:
    test %edx, %edx
    jnz 2f
1:  lock addq $1, (%rdi)
    dec %rsi
    jnz 1b
    ret
2:  lock addl $1, 4(%rdi)
    dec %rsi
    jnz 2b
    ret

/* ---- litmus tests: (x, y, results, times); places 64 bytes apart ---- */
.macro litmus name, a, b=, c=
\name:
1:  xor %eax, %eax
    xor %r8d, %r8d
    \a
    \b
    \c
    lea (%rax, %r8, 2), %eax
    mov %eax, (%rdx)
    add $64, %rdi
    add $64, %rsi
    add $4, %rdx
    dec %rcx
    jnz 1b
    ret
.endm

/* store buffering, plain and with what must order it */
litmus sb_0, "movl $1, (%rdi)", "mov (%rsi), %eax"
litmus sb_1, "movl $1, (%rsi)", "mov (%rdi), %eax"
litmus sb_mfence_0, "movl $1, (%rdi)", "mfence", "mov (%rsi), %eax"
litmus sb_mfence_1, "movl $1, (%rsi)", "mfence", "mov (%rdi), %eax"
litmus sb_lock_0, "movl $1, (%rdi)", "lock addl $0, -8(%rsp)", "mov (%rsi), %eax"
litmus sb_lock_1, "movl $1, (%rsi)", "lock addl $0, -8(%rsp)", "mov (%rdi), %eax"
litmus sb_xchg_0, "mov $1, %r9d", "xchg %r9d, (%rdi)", "mov (%rsi), %eax"
litmus sb_xchg_1, "mov $1, %r9d", "xchg %r9d, (%rsi)", "mov (%rdi), %eax"
litmus sb_half_0, "movl $1, (%rdi)", "mfence", "mov (%rsi), %eax"
/* message passing */
litmus mp_0, "movl $1, (%rdi)", "movl $1, (%rsi)"
litmus mp_1, "mov (%rsi), %eax", "mov (%rdi), %r8d"
/* load buffering */
litmus lb_0, "mov (%rdi), %eax", "movl $1, (%rsi)"
litmus lb_1, "mov (%rsi), %eax", "movl $1, (%rdi)"
/* reads of one place stay in order */
litmus corr_0, "movl $1, (%rdi)"
litmus corr_1, "mov (%rdi), %eax", "mov (%rdi), %r8d"
/* one's own stores are seen at once, before the other sees them */
litmus own_0, "movl $1, (%rdi)", "mov (%rdi), %eax", "mov (%rsi), %r8d"
litmus own_1, "movl $1, (%rsi)", "mov (%rsi), %eax", "mov (%rdi), %r8d"
/* what is left behind: two writers, in opposite order */
litmus w2_0, "movl $1, (%rdi)", "movl $2, (%rsi)"
litmus w2_1, "movl $1, (%rsi)", "movl $2, (%rdi)"
/* a store, and one that another's load says is later */
litmus s_0, "movl $2, (%rdi)", "movl $1, (%rsi)"
litmus s_1, "mov (%rsi), %eax", "movl $1, (%rdi)"

/* ---- tables: struct smp_atomic and struct smp_litmus of smp-test.c ---- */
    .section .data.rel.ro, "aw", @progbits
.macro row name:req, fns:req, size:req, a, b, c, d
    .pushsection .rodata.names, "a"
9: .asciz "\name"
    .popsection
    .quad 9b, \fns, \size, \a, \b, \c, \d
.endm

    .balign 8
/* name, function, bytes; what is left per processor and time: at +0, +4, +8, +16 */
    .globl smp_atomics
smp_atomics:
    row add-b, add_b, 1, 2, 0, 0, 0
    row add-w, add_w, 2, 2, 0, 0, 0
    row add-l, add_l, 4, 2, 0, 0, 0
    row add-q, add_q, 8, 2, 0, 0, 0
    row inc-l, inc_l, 4, 2, 0, 0, 0
    row inc-q, inc_q, 8, 2, 0, 0, 0
    row sub-q, sub_q, 8, 2, 0, 0, 0
    row xadd-l, xadd_l, 4, 2, 0, 0, 0
    row xadd-q, xadd_q, 8, 2, 0, 0, 0
    row cmpxchg-w, cmpxchg_w, 2, 2, 0, 0, 0
    row cmpxchg-l, cmpxchg_l, 4, 2, 0, 0, 0
    row cmpxchg-q, cmpxchg_q, 8, 2, 0, 0, 0
    row cmpxchg8b, cmpxchg8b_q, 8, 2, 0, 0, 0
    row cmpxchg16b, cmpxchg16b_o, 16, 2, 0, 6, 0
    row xor-l, xor_l, 4, 0, 0, 0, 0
    row xor-q, xor_q, 8, 0, 0, 0, 0
    row btc-l, btc_l, 4, 0, 0, 0, 0
    row xchg-l, xchg_l, 4, 0, 0, 0, 2
    row bts-l, bts_l, 4, 0, 0, 0, 2
    row mixed-q, mixed_q, 8, 1, 1, 0, 0
    .quad 0

.macro pair name:req, fn
    .pushsection .rodata.names, "a"
9: .asciz "\name"
    .popsection
    .quad 9b, \fn\()_0, \fn\()_1
.endm

/* name and the two functions */
    .globl smp_litmus
smp_litmus:
    pair sb, sb
    pair sb+mfence, sb_mfence
    pair sb+lock, sb_lock
    pair sb+xchg, sb_xchg
    .pushsection .rodata.names, "a"
9: .asciz "sb+half"
    .popsection
    .quad 9b, sb_half_0, sb_1
    pair mp, mp
    pair lb, lb
    pair corr, corr
    pair own, own
    pair 2+2w, w2
    pair s, s
    .quad 0

    .section .note.GNU-stack, "", @progbits
