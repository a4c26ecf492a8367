/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two processors at once: the operations of smp-ops.S on shared places, and page table changes that
 * one makes while the other uses them. Started with -smp 2; without a second processor it says so
 * and leaves. What is printed:
 *
 *     times N
 *     atomic NAME PLACE  +0 +4 +8 +16     what is left in memory
 *     litmus NAME  OUTCOME COUNT          OUTCOME: results (2 bits each), x and y (2 bits each)
 *     shootdown ...
 */
#include "kit.inc"

#ifndef TIMES
#define TIMES 1000  /* locked operations of each processor and place; less where they are slow */
#define ROUNDS 20   /* litmus: batches */
#define CHANGES 300 /* of page tables */
#endif
#define BATCH 256 /* litmus: places */

.set LAPIC, 0xfee00000
.set TRAMPOLINE, 0xb000
.set AP_STACK, 0xd000
.set IDT_POINTER, 0xe000

/* what the two tell each other, a cache line each */
.set COMMAND, 0xe040 /* number of the call asked for */
.set READY, 0xe080   /* number the second processor is at */
.set GO, 0xe0c0
.set DONE, 0xe100
.set CALL, 0xe140    /* function and four arguments */
.set ACK, 0xe180     /* shootdown interrupts taken */
.set STOP, 0xe1c0
.set BAD, 0xe200     /* what the second processor should not have seen */
.set SEEN, 0xe240    /* its passes */

.set PLACE, 0x700000
.set X, 0x400000
.set Y, 0x500000
.set RESULT0, 0x600000
.set RESULT1, 0x610000
.set HISTOGRAM, 0x620000

.set WINDOW, 0x1000000 /* 2 MiB with 4 KiB pages */
.set WINDOW_PDE, PML4 + 0x2000 + (WINDOW >> 21) * 8
.set WINDOW_PT, 0x30000
.set FRAME0, 0x640000
.set FRAME1, 0x641000
.set POISON, 0xdead
.set VECTOR, 0x40
.set PTE_RW, 3
.set PTE_RO, 1

    .code16
    .section .rodata
    .balign 16
trampoline:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl TRAMPOLINE + trampoline_gdt - trampoline
    mov $0x20, %eax
    mov %eax, %cr4
    mov $PML4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80010001, %eax /* write protection too */
    mov %eax, %cr0
    ljmpl $CODE64, $second
    .balign 8
trampoline_gdt:
    .word GDT_LIMIT
    .long GDT
trampoline_end:

    .text
    use_code64

/* Uses EAX. */
.macro lapic register, value
    mov $LAPIC, %eax
    movl $\value, \register(%rax)
.endm
.set TASK_PRIORITY, 0x80
.set END_OF_INTERRUPT, 0xb0
.set SPURIOUS, 0xf0
.set COMMAND_LOW, 0x300

/* ---- the second processor ---- */
second:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $AP_STACK, %esp
    lidt IDT_POINTER
    lapic SPURIOUS, 0x1ff
    lapic TASK_PRIORITY, 0
    sti
    xor %ebx, %ebx
    movl $1, READY
second_next:
    inc %ebx
1:  pause
    cmp %ebx, COMMAND
    jne 1b
    mov CALL + 8, %rdi
    mov CALL + 16, %rsi
    mov CALL + 24, %rdx
    mov CALL + 32, %rcx
    lea 1(%rbx), %eax
    mov %eax, READY
1:  cmp %ebx, GO
    jne 1b
    call *CALL
    mov %ebx, DONE
    jmp second_next

/* ---- the first ---- */
    .globl test64
test64:
    mov %cr0, %rax
    or $0x10000, %eax
    mov %rax, %cr0
    mov $0xe000, %edi
    mov $0x2000 / 8, %ecx
    xor %eax, %eax
    rep stosq
    sidt IDT_POINTER
    mov $shootdown_interrupt, %eax
    mov %ax, IDT + VECTOR * 16
    shr $16, %eax
    mov %ax, IDT + VECTOR * 16 + 6
    mov $trampoline, %esi
    mov $TRAMPOLINE, %edi
    mov $trampoline_end - trampoline, %ecx
    rep movsb
    lapic SPURIOUS, 0x1ff
    lapic COMMAND_LOW, 0xc4500 /* INIT to all others */
    mov $20000, %ecx
1:  pause
    loop 1b
    lapic COMMAND_LOW, (0xc4600 | TRAMPOLINE >> 12) /* start-up */
    mov $20000000, %ecx
1:  pause
    cmpl $1, READY
    je 2f
    loop 1b
    print "no second processor\n"
    ret
2:  print "times "
    phex $TIMES
    print "\n"
    mov $1, %r15d /* number of the next call */
    call atomics
    call litmus_tests
    call shootdown
    print "end\n"
    ret

/* Makes the second processor call what CALL says, when both are there. */
begin_second:
    mov %r15d, COMMAND
    lea 1(%r15), %eax
1:  cmp %eax, READY
    jne 1b
    mov %r15d, GO
    ret

wait_second:
1:  pause
    cmp %r15d, DONE
    jne 1b
    inc %r15d
    ret

/* RAX: a string */
puts:
    push %rsi
    mov %rax, %rsi
1:  lodsb
    test %al, %al
    jz 2f
    out %al, $0xe9
    jmp 1b
2:  pop %rsi
    ret

space:
    push %rax
    mov $' ', %al
    out %al, $0xe9
    pop %rax
    ret

newline:
    push %rax
    mov $'\n', %al
    out %al, $0xe9
    pop %rax
    ret

/* ---- locked operations ---- */
    .pushsection .rodata
    .balign 8
    /* name, offset of the middle of the operand (0: it begins there), times */
places:
    .quad 1f, 0, TIMES
    .quad 2f, 0x40, TIMES
    .quad 3f, 0x1000, TIMES / 4
    .quad 0
1:  .asciz "aligned"
2:  .asciz "line"
3:  .asciz "page"
    .popsection

atomics:
    mov $smp_atomics, %rbp
1:  cmpq $0, (%rbp)
    je 4f
    mov $places, %r14
2:  cmpq $0, (%r14)
    je 3f
    call atomic
    add $24, %r14
    jmp 2b
3:  add $56, %rbp
    jmp 1b
4:  ret

atomic:
    mov 16(%rbp), %rax
    mov $PLACE, %r13
    cmpq $0, 8(%r14)
    je 1f
    cmp $1, %al /* a byte crosses nothing, and CMPXCHG16B must be aligned */
    je 9f
    cmp $16, %al
    je 9f
    shr %rax
    add 8(%r14), %r13
    sub %rax, %r13
1:  movq $0, (%r13)
    movq $0, 8(%r13)
    movq $0, 16(%r13)
    mov 8(%rbp), %rax
    mov %rax, CALL
    mov %r13, CALL + 8
    mov 16(%r14), %rax
    mov %rax, CALL + 16
    movq $1, CALL + 24
    call begin_second
    mov %r13, %rdi
    mov 16(%r14), %rsi
    xor %edx, %edx
    call *8(%rbp)
    call wait_second
    print "atomic "
    mov (%rbp), %rax
    call puts
    call space
    mov (%r14), %rax
    call puts
    .irp at, 0, 4, 8, 16
    call space
    mov \at(%r13), %eax
    phex %rax
    .endr
    call newline
9:  ret

/* ---- memory order ---- */
litmus_tests:
    mov $smp_litmus, %rbp
1:  cmpq $0, (%rbp)
    je 2f
    call litmus_test
    add $24, %rbp
    jmp 1b
2:  ret

.macro zero at, bytes
    mov $\at, %edi
    mov $\bytes / 8, %ecx
    xor %eax, %eax
    rep stosq
.endm

litmus_test:
    zero HISTOGRAM, 1024
    mov $ROUNDS, %r14d
1:  zero X, (BATCH * 64)
    zero Y, (BATCH * 64)
    zero RESULT0, (BATCH * 4)
    zero RESULT1, (BATCH * 4)
    mov 16(%rbp), %rax
    mov %rax, CALL
    movq $X, CALL + 8
    movq $Y, CALL + 16
    movq $RESULT1, CALL + 24
    movq $BATCH, CALL + 32
    call begin_second
    mov $X, %edi
    mov $Y, %esi
    mov $RESULT0, %edx
    mov $BATCH, %ecx
    call *8(%rbp)
    call wait_second
    call tally
    dec %r14d
    jnz 1b
    /* outcomes that were seen */
    xor %ebx, %ebx
2:  mov HISTOGRAM(, %rbx, 4), %r13d
    test %r13d, %r13d
    jz 3f
    print "litmus "
    mov (%rbp), %rax
    call puts
    call space
    phex %rbx
    call space
    phex %r13
    call newline
3:  inc %ebx
    cmp $256, %ebx
    jne 2b
    ret

tally:
    xor %ecx, %ecx
1:  mov RESULT0(, %rcx, 4), %eax
    mov RESULT1(, %rcx, 4), %edx
    lea (%rax, %rdx, 4), %eax
    mov %ecx, %edx
    shl $6, %edx
    mov X(%rdx), %r8d
    mov Y(%rdx), %r9d
    shl $4, %r8d
    shl $6, %r9d
    or %r8d, %eax
    or %r9d, %eax
    movzbl %al, %eax
    incl HISTOGRAM(, %rax, 4)
    inc %ecx
    cmp $BATCH, %ecx
    jne 1b
    ret

/* ---- page tables ---- */
    .balign 16
shootdown_interrupt:
    push %rax
    mov $WINDOW, %eax
    invlpg (%rax)
    lock incl ACK
    lapic END_OF_INTERRUPT, 0
    pop %rax
    iretq

/* Both forget WINDOW's translation. */
shoot:
    mov ACK, %ecx
    mov $WINDOW, %eax
    invlpg (%rax)
    lapic COMMAND_LOW, (0xc4000 | VECTOR)
1:  pause
    cmp %ecx, ACK
    je 1b
    ret

/* second: reads WINDOW for ever; what the first writes to a frame that is gone must not show */
reader:
1:  mov WINDOW, %eax
    cmp $POISON, %eax
    jne 2f
    incl BAD
2:  incl SEEN
    cmpl $0, STOP
    je 1b
    ret

/* second: counts in WINDOW, where it may; a page fault is passed over */
writer:
    mov %rsp, NOTE + NOTE_SAVED
    movq $2f, NOTE + NOTE_RESUME
1:  lock incl WINDOW
2:  sti /* the kit's gates are interrupt gates */
    incl SEEN
    cmpl $0, STOP
    je 1b
    ret

/* Calls RAX on the second processor. */
.macro start_second fn
    movl $0, STOP
    movl $0, BAD
    movl $0, SEEN
    movq $\fn, CALL
    call begin_second
1:  pause
    cmpl $0, SEEN
    je 1b
.endm

.macro report name
    movl $1, STOP
    call wait_second
    print "shootdown \name: "
    mov BAD, %eax
    phex %rax
    print " of "
    phex $CHANGES
    print "\n"
.endm

shootdown:
    zero WINDOW_PT, 4096
    movq $FRAME0 | PTE_RW, WINDOW_PT
    movl $0, FRAME0
    movl $0, FRAME1
    mov WINDOW_PDE, %rax
    movq $WINDOW_PT | 7, WINDOW_PDE
    mov %cr3, %rax
    mov %rax, %cr3

    /* the frame changes */
    call shootdown_first
    start_second reader
    mov $CHANGES, %ebx
    mov $FRAME0, %r12d
    mov $FRAME1, %r13d
1:  mov %ebx, %eax
    and $0x7fff, %eax
    mov %eax, (%r13)
    lea PTE_RW(%r13), %rax
    mov %rax, WINDOW_PT
    call shoot
    movl $POISON, (%r12)
    xchg %r12, %r13
    dec %ebx
    jnz 1b
    report frame

    /* the right to write comes and goes; page faults are the second's alone */
    start_second writer
    mov $CHANGES, %ebx
1:  movq $FRAME0 | PTE_RO, WINDOW_PT
    call shoot
    mov FRAME0, %r12d
    mov SEEN, %ecx
2:  pause /* let it try */
    mov SEEN, %eax
    sub %ecx, %eax
    cmp $20, %eax
    jb 2b
    cmp FRAME0, %r12d
    je 3f
    incl BAD
3:  movq $FRAME0 | PTE_RW, WINDOW_PT
    call shoot
    mov FRAME0, %r12d
2:  pause /* ... and succeed */
    cmp FRAME0, %r12d
    je 2b
    dec %ebx
    jnz 1b
    report write

    /* dirty: once cleared and shot down, a write sets it again */
    start_second writer
    mov $CHANGES, %ebx
1:  movq $FRAME0 | PTE_RW, WINDOW_PT
    call shoot
    mov FRAME0, %r12d
2:  pause
    cmp FRAME0, %r12d
    je 2b
    testb $0x40, WINDOW_PT
    jnz 3f
    incl BAD
3:  dec %ebx
    jnz 1b
    report dirty
    ret

/* The second's TLB has WINDOW as part of a large page. */
shootdown_first:
    mov $1f, %eax
    mov %rax, CALL
    call begin_second
    call wait_second
    ret
1:  mov %cr3, %rax
    mov %rax, %cr3
    ret
