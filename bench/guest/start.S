/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A multiboot kernel (Multiboot 0.6.96, 3.1): flat 32-bit protected mode, a stack, then guest_main. */
    .section .text.start, "ax"
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .globl _start
_start:
    cli
    mov $stack_end, %esp
    call guest_main
1:  hlt
    jmp 1b

    .bss
    .align 16
    .skip 16384
stack_end:

    .section .note.GNU-stack, "", @progbits
