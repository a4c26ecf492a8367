/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A multiboot kernel (Multiboot 0.6.96, 3.1): to 64-bit mode, the program, a reset; faults. */
    .section .text.first, "ax"
    .code32
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .globl _start
_start:
    cli
    mov $page_middle, %edi
    mov $0xe7, %eax                 /* 2 MiB, dirty, accessed, the user's, writable, present */
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x200000, %eax
    jnc 1b
    mov $page_upper, %edi
    mov $page_middle + 7, %eax
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 1b
    movl $page_upper + 7, page_root
    mov $page_root, %eax
    mov %eax, %cr3
    mov $0x620, %eax                /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $0xc0000080, %ecx           /* EFER: LME, SCE */
    rdmsr
    or $0x101, %eax
    wrmsr
    mov $0x80010033, %eax           /* PG, WP, NE, ET, MP, PE */
    mov %eax, %cr0
    lgdt gdt_at
    ljmp $8, $1f

    .code64
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $stack_end, %esp
    fninit
    mov $page_fault, %eax           /* vector 14 */
    mov %ax, idt + 14 * 16
    movw $8, idt + 14 * 16 + 2
    movw $0x8e00, idt + 14 * 16 + 4
    shr $16, %eax
    mov %ax, idt + 14 * 16 + 6
    lidt idt_at
    mov $0xc0000081, %ecx           /* STAR: the kernel's 8 and 16, the user's 32 and 40 */
    xor %eax, %eax
    mov $0x00180008, %edx
    wrmsr
    mov $0xc0000082, %ecx           /* LSTAR */
    mov $system_call, %eax
    xor %edx, %edx
    wrmsr
    mov $0xc0000084, %ecx           /* FMASK */
    mov $0x200, %eax
    wrmsr
    call main
    mov $0xfe, %al                  /* the keyboard controller's reset line */
    out %al, $0x64
1:  hlt
    jmp 1b

page_fault:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov %cr2, %rdi
    sub $8, %rsp
    cld
    call on_fault
    add $8, %rsp
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $8, %rsp                    /* the error code */
    iretq

/* Call 99 ends user mode. */
system_call:
    cmp $99, %eax
    je 1f
    sysretq
1:  mov saved, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* in_user_mode(function): until its call 99. */
    .globl in_user_mode
in_user_mode:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, saved
    mov %rdi, %rcx
    mov $2, %r11d
    mov $user_stack_end - 8, %esp
    sysretq

    .section .rodata
    .align 8
gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0
    .quad 0x00cff3000000ffff, 0x00affb000000ffff
gdt_at:
    .word gdt_at - gdt - 1
    .quad gdt
idt_at:
    .word 16 * 15 - 1
    .quad idt

    .bss
    .align 4096
    .globl page_root, page_upper
page_root:
    .skip 4096
page_upper:
    .skip 4096
page_middle:
    .skip 16384
idt:
    .skip 16 * 15
saved:
    .skip 8
    .align 16
    .skip 65536
stack_end:
    .skip 16384
user_stack_end:

    .section .note.GNU-stack, "", @progbits
