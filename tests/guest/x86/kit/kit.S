/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A firmware of 64 KiB: real mode from the reset vector, protected mode, long mode, each with a
 * test's function if it has one. README.md says what a test may use.
 *
 * Linked at F0000h, where every PC shows the last 64 KiB below 4 GiB.
 */
#include "kit.inc"

    .weak test16, test32, test64

    .code16
    .section .start, "ax"
    .globl start16
start16:
    cli
    cld
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $STACK, %esp
    mov $test16, %ebx
    test %ebx, %ebx
    jz 1f
    call *%bx
1:  lgdtl %cs:rom_gdt_pointer - 0xf0000
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $CODE32, $start32

    .code32
start32:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    mov $STACK, %esp
    /* tables to RAM */
    mov $GDT, %edi
    mov $(GDT_LIMIT + 1) / 4, %ecx
    xor %eax, %eax
    rep stosl
    mov $rom_gdt, %esi
    mov $GDT, %edi
    mov $(rom_gdt_end - rom_gdt) / 4, %ecx
    rep movsl
    lgdt ram_gdt_pointer
    mov $TSS, %edi
    mov $0x400, %ecx
    xor %eax, %eax
    rep stosl
    movl $STACK_INNER, TSS + 4
    movl $DATA, TSS + 8
    movw $0x68, TSS + 0x66
    mov $TSS_SEL, %eax
    ltr %ax
    /* IDT of 256 interrupt gates */
    mov $entries32, %eax
    mov $IDT, %edi
    mov $256, %ecx
1:  mov %ax, (%edi)
    movw $CODE32, 2(%edi)
    movw $0x8e00, 4(%edi)
    mov %eax, %edx
    shr $16, %edx
    mov %dx, 6(%edi)
    add $16, %eax
    add $8, %edi
    loop 1b
    lidt idt32_pointer
    mov $test32, %eax
    test %eax, %eax
    jz 1f
    call *%eax
1:  mov $test64, %eax
    test %eax, %eax
    jz 1f
    jmp to_long
1:  xor %eax, %eax
    .globl exit
exit: /* the same bytes in 32 and 64-bit code */
    mov $0xf4, %edx
    out %eax, %dx
1:  cli
    hlt
    jmp 1b

to_long:
    /* PML4, PDPT and four PDs of 2 MiB pages, for user and supervisor */
    mov $PML4, %edi
    mov $6 * 1024, %ecx
    xor %eax, %eax
    rep stosl
    movl $PML4 + 0x1007, PML4
    mov $PML4 + 0x2007, %eax
    mov $PML4 + 0x1000, %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    loop 1b
    mov $0x87, %eax
    mov $PML4 + 0x2000, %edi
    mov $2048, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $PML4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax
    mov %eax, %cr0
    ljmp $CODE64, $start64

    .code64
start64:
    xor %eax, %eax
    mov %eax, %ss
    mov $STACK, %esp
    /* 64-bit TSS, IDT of 64-bit gates */
    mov $TSS, %edi
    mov $0x400, %ecx
    rep stosl
    movl $STACK_INNER, TSS + 4
    movl $STACK_INNER + 0x800, TSS + 0x24 /* IST1 */
    movw $0x68, TSS + 0x66
    movb $0x89, GDT + TSS_SEL + 5
    mov $TSS_SEL, %eax
    ltr %ax
    mov $entries64, %eax
    mov $IDT, %edi
    mov $256, %ecx
1:  mov %ax, (%rdi)
    movw $CODE64, 2(%rdi)
    movw $0x8e00, 4(%rdi)
    mov %eax, %edx
    shr $16, %edx
    mov %edx, 6(%rdi)
    movq $0, 8(%rdi)
    mov %edx, %ebx
    mov %bx, 6(%rdi)
    add $16, %eax
    add $16, %rdi
    loop 1b
    lidt idt64_pointer
    call test64
    xor %eax, %eax
    jmp exit

/* ---- what tests call, in both widths ---- */
.macro both mode, a, c, d, b, sp, si, di, ip, w, iret
    use_code\mode
    .globl putc\mode
putc\mode:
    out %al, $0xe9
    ret
    /* call print_inline with the text's address pushed */
    .globl print_inline\mode
print_inline\mode:
    pushf
    xchg %\si, 2*\w(%\sp)
    push %\a
1:  mov %cs:(%\si), %al
    inc %\si
    test %al, %al
    jz 2f
    out %al, $0xe9
    jmp 1b
2:  pop %\a
    mov 2*\w(%\sp), %\si
    popf
    ret $\w
    /* one pushed value, in hex without leading zeros */
    .globl print_hex\mode
print_hex\mode:
    pushf
    push %\a
    push %\c
    push %\d
    mov 5*\w(%\sp), %\d
    mov $\w * 2, %ecx
    xor %eax, %eax
1:  rol $4, %\d
    mov %dl, %al
    and $15, %al
    jnz 2f
    cmp $1, %cl
    je 2f
    test %ah, %ah
    jz 3f
2:  mov $1, %ah
    add $'0', %al
    cmp $'9', %al
    jbe 4f
    add $'a' - '0' - 10, %al
4:  out %al, $0xe9
3:  dec %ecx
    jnz 1b
    pop %\d
    pop %\c
    pop %\a
    popf
    ret $\w
    .globl report\mode
report\mode:
    pushf
    push %\a
    cmpl $-1, NOTE + NOTE_VECTOR
    jne 1f
    print "ok\n"
    jmp 2f
1:  print "#"
    phex NOTE + NOTE_VECTOR
    print " "
    phex NOTE + NOTE_ERROR
    cmpl $14, NOTE + NOTE_VECTOR
    jne 3f
    print " cr2 "
    phex NOTE + NOTE_CR2
3:  mov $'\n', %al
    out %al, $0xe9
2:  pop %\a
    popf
    ret
.endm
both 32, eax, ecx, edx, ebx, esp, esi, edi, eip, 4, iret
both 64, rax, rcx, rdx, rbx, rsp, rsi, rdi, rip, 8, iretq

/* ---- exceptions: note and go on at NOTE_RESUME with NOTE_SAVED as stack, CPL 0 ---- */
.macro has_error vector
    .if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17
    .set error, 1
    .else
    .set error, 0
    .endif
.endm

.macro entries mode
    .balign 16
entries\mode:
    .set vector, 0
    .rept 256
    .balign 16
    has_error vector
    .if error == 0
    push $0
    .endif
    push $vector
    jmp note\mode
    .set vector, vector + 1
    .endr
.endm

    .code32
    entries 32
note32:
    mov %eax, %ss:NOTE + 0x80
    pop %eax
    mov %eax, %ss:NOTE + NOTE_VECTOR
    pop %eax
    mov %eax, %ss:NOTE + NOTE_ERROR
    mov %cr2, %eax
    mov %eax, %ss:NOTE + NOTE_CR2
    mov (%esp), %eax
    mov %eax, %ss:NOTE + NOTE_IP
    mov 4(%esp), %eax
    mov %eax, %ss:NOTE + NOTE_CS
    mov 8(%esp), %eax
    mov %eax, %ss:NOTE + NOTE_FLAGS
    mov %esp, %ss:NOTE + NOTE_SP
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov NOTE + NOTE_SAVED, %esp
    mov NOTE + 0x80, %eax
    jmp *NOTE + NOTE_RESUME

    .code64
    entries 64
note64:
    mov %rax, NOTE + 0x80
    pop %rax
    mov %rax, NOTE + NOTE_VECTOR
    pop %rax
    mov %rax, NOTE + NOTE_ERROR
    mov %cr2, %rax
    mov %rax, NOTE + NOTE_CR2
    mov (%rsp), %rax
    mov %rax, NOTE + NOTE_IP
    mov 8(%rsp), %rax
    mov %rax, NOTE + NOTE_CS
    mov 16(%rsp), %rax
    mov %rax, NOTE + NOTE_FLAGS
    mov %rsp, NOTE + NOTE_SP
    xor %eax, %eax
    mov %eax, %ss
    mov NOTE + NOTE_SAVED, %rsp
    mov NOTE + 0x80, %rax
    jmp *NOTE + NOTE_RESUME

    .balign 8
rom_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* 08 CODE32 */
    .quad 0x00cf93000000ffff /* 10 DATA */
    .quad 0x00af9b000000ffff /* 18 CODE64 */
    .quad 0x000f9b000000ffff /* 20 CODE16, 1 MiB: limit fffff bytes */
    .quad 0x000093000000ffff /* 28 DATA16 */
    .quad 0x00cffb000000ffff /* 30 USER32 */
    .quad 0x00cff3000000ffff /* 38 USERDATA */
    .quad 0x00affb000000ffff /* 40 USER64 */
    .quad 0
    .quad 0x0000890030000067 /* 50 TSS */
    .quad 0
rom_gdt_end:

rom_gdt_pointer:
    .word rom_gdt_end - rom_gdt - 1
    .long rom_gdt
ram_gdt_pointer:
    .word GDT_LIMIT
    .long GDT
idt32_pointer:
    .word 256 * 8 - 1
    .long IDT
idt64_pointer:
    .word 256 * 16 - 1
    .quad IDT

    .section .reset, "ax"
    .code16
    .byte 0xea /* jmp far f000:start16 */
    .word start16 - 0xf0000
    .word 0xf000
    .fill 11, 1, 0
