/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A multiboot kernel (Multiboot 0.6.96, 3.1) for two processors: the first is started by the
 * machine and runs storm_main(0); the second comes from reset by way of `second` (copied below
 * 1 MiB, SDM volume 3, 9.4.4) and runs storm_main(1). Both are in flat 32-bit protected mode. */
    .section .text.start, "ax"
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .globl _start
_start:
    cli
    mov $stack0_end, %esp
    push $0
    call storm_main
1:  hlt
    jmp 1b

    .globl second, second_end
    .code16
second:
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl gdt_pointer - second
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $second32
gdt_pointer:
    .word 23
    .long gdt
second_end:

    .code32
second32:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $stack1_end, %esp
    push $1
    call storm_main
1:  hlt
    jmp 1b

    .align 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff

    .bss
    .align 16
    .skip 16384
stack0_end:
    .skip 16384
stack1_end:

    .section .note.GNU-stack, "", @progbits
