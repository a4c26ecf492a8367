/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real mode: interrupts through the IVT, segments and unreal mode, what is undefined there. */
#include "kit.inc"

.set MARK, 0x600 /* word: vector of the last interrupt; +2: IP, +4: CS, +6: flags it pushed */

.macro say text
    push %si
    mov $text_\@ - 0xf0000, %si
    call puts16
    pop %si
    .pushsection .rodata
text_\@: .asciz "\text"
    .popsection
.endm

/* Runs an instruction; the vector it raised (ffff: none), and how far behind `1b` it resumed. */
.macro try name:req, insn:vararg
    say "\name: "
    movw $0xffff, %ss:MARK
    movw $9002f - 0xf0000, %ss:MARK + 8
    mov %sp, %ss:MARK + 10
9001:
    \insn
9002:
    mov %ss:MARK, %ax
    call hex16
    cmpw $0xffff, %ss:MARK
    je 9003f
    say " ip "
    mov %ss:MARK + 2, %ax
    sub $9001b - 0xf0000, %ax
    call hex16
9003:
    say "\n"
.endm

.macro value name, reg
    push %ax
    mov \reg, %ax
    say "\name = "
    call hex16
    say "\n"
    pop %ax
.endm

    .code16
    .globl test16
test16:
    /* IVT: a stub of five bytes for each of 32 vectors */
    xor %di, %di
    mov $stubs - 0xf0000, %ax
    mov $32, %cx
1:  mov %ax, (%di)
    movw $0xf000, 2(%di)
    add $4, %di
    add $5, %ax
    loop 1b

    try int5, int $5
    mov %ss:MARK + 4, %bx
    value int-cs, %bx
    mov %ss:MARK + 6, %bx
    value int-flags, %bx
    try int3, int3
    xor %cx, %cx
    try divide, div %cl
    try ud2, ud2
    try lldt, lldt %ax
    try str, str %ax
    try arpl, .byte 0x63, 0xc0
    try verr, verr %ax
    try lock-nop, .byte 0xf0, 0x90
    mov $0xffff, %bx
    try word-at-ffff, mov (%bx), %ax
    try word-at-fffe, mov -1(%bx), %ax
    mov $0x10000, %ebx
    try beyond-64k, addr32 movb (%ebx), %al
    try bound, call do_bound
    stc
    try into-clear, clc; into
    sti
    pushf
    pop %bx
    and $0x200, %bx
    value if-set, %bx
    try int-clears, int $7
    pushf
    pop %bx
    and $0x200, %bx
    value if-after, %bx
    cli
    /* stack wraps at 64 KiB */
    mov %sp, %dx
    xor %sp, %sp
    push %ax
    mov %sp, %bx
    mov %dx, %sp
    value sp-wrap, %bx
    pushl $0x12345678
    pop %bx
    value push32-low, %bx
    pop %bx
    value push32-high, %bx
    /* far call and return */
    lcall $0xf000, $far16 - 0xf0000
    /* flags that POPF changes */
    pushw $0xf002
    popf
    pushf
    pop %bx
    pushw $2
    popf
    and $0xf000, %bx
    value popf-high, %bx
    smsw %bx
    value smsw, %bx
    sidt MARK + 16
    mov MARK + 16, %bx
    value idt-limit, %bx
    /* unreal mode: limits stay when CR0.PE goes */
    lgdtl %cs:unreal_gdt - 0xf0000
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    mov $8, %bx
    mov %bx, %es
    and $~1, %al
    mov %eax, %cr0
    xor %bx, %bx
    mov %bx, %es
    mov $0x100000, %ebx
    addr32 movl $0x600d600d, %es:(%ebx)
    addr32 movw %es:2(%ebx), %cx
    value unreal, %cx
    /* an IVT that is too short: triple fault ends the machine, so only its limit is shown */
    ret

do_bound:
    movw $5, MARK + 32
    movw $6, MARK + 34
    mov $7, %ax
    bound %ax, MARK + 32
    ret
far16:
    mov %sp, %bp
    mov 2(%bp), %bx
    value far-cs, %bx
    lret

/* Notes the vector and goes on where `try` says. */
stubs:
    .set vector, 0
    .rept 32
    push $vector
    .byte 0xe9
    .word noted - . - 2
    .set vector, vector + 1
    .endr
noted:
    pop %ss:MARK
    pop %ss:MARK + 2
    pop %ss:MARK + 4
    pop %ss:MARK + 6
    mov %ss:MARK + 10, %sp
    jmp *%ss:MARK + 8

puts16: /* text at CS:SI */
    push %ax
    pushf
1:  mov %cs:(%si), %al
    inc %si
    test %al, %al
    jz 2f
    out %al, $0xe9
    jmp 1b
2:  popf
    pop %ax
    ret

hex16: /* AX */
    pushf
    push %ax
    push %bx
    push %cx
    mov %ax, %bx
    mov $4, %cx
1:  rol $4, %bx
    mov %bl, %al
    and $15, %al
    add $'0', %al
    cmp $'9', %al
    jbe 2f
    add $'a' - '0' - 10, %al
2:  out %al, $0xe9
    loop 1b
    pop %cx
    pop %bx
    pop %ax
    popf
    ret

    .balign 4
unreal_table:
    .quad 0
    .quad 0x00cf93000000ffff
unreal_gdt:
    .word 15
    .long unreal_table
