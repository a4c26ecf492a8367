/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long mode: system calls, IST, canonical addresses, page faults, NX, SMEP and SMAP, MSRs. */
#include "kit.inc"

.set PT, FREE + 0x8000 /* 4 KiB pages for the 2 MiB at 40000000h */
.set VIRT, 0x40000000

/* More than one instruction at CPL 3. */
.macro seq_syscall
    mov $0x1234, %r11d
    syscall
.endm
.macro seq_fsbase
    rdfsbase %rax
.endm
.macro seq_ac_read
    mov VIRT, %rax
.endm
.macro seq_fetch_supervisor
    mov $VIRT, %eax
    jmp *%rax
.endm
.macro seq_fetch_nx
    mov $VIRT + 0x2000, %eax
    jmp *%rax
.endm
.macro seq_noncanonical_ss
    mov $0x800000000000, %rsp
    push %rax
.endm
.macro seq_load_fs
    mov $USERDATA, %eax
    mov %eax, %fs
.endm

.macro wrmsr64 msr, low, high=0
    mov $\msr, %ecx
    mov $\low, %eax
    mov $\high, %edx
    wrmsr
.endm
.macro rdmsr64 name, msr
    mov $\msr, %ecx
    rdmsr
    show \name-low, %rax
    show \name-high, %rdx
.endm
.macro try_wrmsr name, msr, low, high=0
    mov $\msr, %ecx
    mov $\low, %eax
    mov $\high, %edx
    expect \name, wrmsr
.endm

    use_code64
    .globl test64
test64:
    allow_int3
    call basics
    call canonical
    call ist
    call paging
    call syscalls
    call msrs
    call segments
    call compat
    ret

basics:
    expect ud2, ud2
    mov NOTE + NOTE_SP, %rax
    and $15, %eax
    show frame-alignment, %rax
    sub $1, %rsp
    expect ud2-odd-stack, ud2
    add $1, %rsp
    mov NOTE + NOTE_SP, %rax
    and $15, %eax
    show odd-alignment, %rax
    xor %ecx, %ecx
    expect divide, div %rcx
    .macro one_byte op
    expect \op, .byte 0x\op, 0, 0, 0, 0
    .endm
    one_byte 06
    one_byte 27
    one_byte 37
    one_byte 60
    one_byte 9a
    one_byte ce
    one_byte d6
    one_byte ea
    expect lds, .byte 0xc5, 0x00
    expect int30, int $0x30
    mov NOTE + NOTE_CS, %rax
    show cs, %rax
    mov %cr0, %rax
    show cr0, %rax
    mov %cr4, %rax
    show cr4, %rax
    ret

canonical:
    mov $0x800000000000, %rbx
    expect read, mov (%rbx), %rax
    expect read-last, mov -4(%rbx), %rax
    mov $0xffff7fffffffffff, %rbx
    expect read-cross, mov (%rbx), %rax
    mov $0x800000000000, %rbx
    expect jump, jmp *%rbx
    expect3 user-stack, seq_noncanonical_ss
    mov $0x800000000000, %rbx
    mov %rbx, %rbp
    expect rbp, mov (%rbp), %rax
    push $0
    push $FREE + 0x400
    push $2
    push $CODE64
    push %rbx
    expect iret, iretq
    add $40, %rsp
    movw $0x7f, FREE
    mov %rbx, FREE + 2
    ret

ist:
    movb $1, IDT + 6 * 16 + 4
    expect ist, ud2
    mov NOTE + NOTE_SP, %rax
    show ist-sp, %rax
    movb $7, IDT + 6 * 16 + 4
    movl $0, TSS + 0x54
    movl $0x8000, TSS + 0x58
    expect ist-noncanonical, ud2
    movb $0, IDT + 6 * 16 + 4
    movb $0x8c, IDT + 6 * 16 + 5
    expect gate-type, int $6
    movb $0x8e, IDT + 6 * 16 + 5
    movl $1, IDT + 6 * 16 + 12
    expect reserved-half, int $0x30
    movl $0, IDT + 6 * 16 + 12
    movw $CODE32, IDT + 6 * 16 + 2
    expect code32-handler, int $6
    movw $CODE64, IDT + 6 * 16 + 2
    lidt short_idt
    expect idt-limit, int $0x30
    lidt full_idt
    expect3 user-ud2, ud2
    mov NOTE + NOTE_SP, %rax
    show user-ud2-sp, %rax
    show user-ud2-ss, 32(%rax)
    show user-ud2-rsp, 24(%rax)
    ret
short_idt:
    .word 0x30 * 16 + 14
    .quad IDT
full_idt:
    .word 256 * 16 - 1
    .quad IDT

paging:
    mov $PT, %edi
    mov $1024, %ecx
    xor %eax, %eax
    rep stosl
    movq $PT + 7, PML4 + 0x3000      /* 40000000h: first PDE of the second PD */
    movq $0x21003, PT + 0 * 8        /* supervisor */
    movq $0x22005, PT + 1 * 8        /* user, read-only */
    movl $0x23007, PT + 2 * 8        /* user, no execute */
    movl $0x80000000, PT + 2 * 8 + 4
    movq $0x24007, PT + 4 * 8
    mov %cr3, %rax
    mov %rax, %cr3
    mov $0xc3, %al
    mov %al, 0x21000
    mov %al, 0x23000
    mov %al, 0x24000
    expect not-present, mov VIRT + 0x3000, %rax
    expect not-present-write, mov %rax, VIRT + 0x3008
    expect cross, mov VIRT + 0x2ffe, %eax
    mov %cr0, %rax
    or $0x10000, %eax
    mov %rax, %cr0
    expect wp, mov %al, VIRT + 0x1000
    expect3 user-supervisor, mov VIRT, %al
    expect3 user-read, mov VIRT + 0x1000, %al
    expect3 user-write, mov %al, VIRT + 0x1000
    expect3 user-fetch-supervisor, seq_fetch_supervisor
    expect3 user-fetch-nx-off, mov VIRT + 0x2000, %al
    mov $0xc0000080, %ecx
    rdmsr
    or $0x800, %eax
    wrmsr
    expect3 user-fetch-nx, seq_fetch_nx
    mov $VIRT + 0x2000, %ebx
    expect fetch-nx, jmp *%rbx
    mov PT + 0 * 8, %rax
    show pte-0, %rax
    mov PT + 1 * 8, %rax
    show pte-1, %rax
    mov PML4, %rax
    show pml4e, %rax
    invlpg VIRT
    ret

syscalls:
    wrmsr64 0xc0000081, 0, 0x330018
    wrmsr64 0xc0000082, 0xf0000
    mov $0xc0000082, %ecx
    mov $syscall_entry, %eax
    xor %edx, %edx
    wrmsr
    wrmsr64 0xc0000084, 0x200
    mov %rsp, NOTE + NOTE_SAVED
    expect3 syscall, seq_syscall
    show rcx-is-next, NOTE + 0x98
    show r11, NOTE + 0xa0
    show cs, NOTE + 0xa8
    show ss, NOTE + 0xb0
    mov $0xc0000080, %ecx
    rdmsr
    and $~1, %eax
    wrmsr
    expect3 syscall-off, syscall
    mov $0xc0000080, %ecx
    rdmsr
    or $1, %eax
    wrmsr
    expect3 user-sysret, sysretq
    ret
syscall_entry:
    mov (%rcx), %al
    movzbl %al, %eax
    mov %rax, NOTE + 0x98
    mov %r11, NOTE + 0xa0
    mov %cs, NOTE + 0xa8
    mov %ss, NOTE + 0xb0
    sysretq

msrs:
    rdmsr64 efer, 0xc0000080
    rdmsr64 pat, 0x277
    rdmsr64 mtrrcap, 0xfe
    rdmsr64 star, 0xc0000081
    rdmsr64 sfmask, 0xc0000084
    try_wrmsr lstar-canonical, 0xc0000082, 0, 0x8000
    wrmsr64 0xc0000100, 0x1000, 0x1
    rdmsr64 fs-base, 0xc0000100
    wrmsr64 0xc0000101, 0x2000, 0
    wrmsr64 0xc0000102, 0x3000, 0
    swapgs
    rdmsr64 gs-base, 0xc0000101
    rdmsr64 kernel-gs-base, 0xc0000102
    movl $0x77, FREE
    wrmsr64 0xc0000100, FREE
    show fs-read, %fs:0
    mov %gs, %eax
    show gs-selector, %rax
    expect fsgsbase-off, rdfsbase %rax
    ret

segments:
    xor %eax, %eax
    expect ss-null, mov %eax, %ss
    mov $3, %eax
    expect ss-null-rpl3, mov %eax, %ss
    mov $CODE64, %eax
    expect ds-code64, mov %eax, %es
    mov $DATA, %eax
    expect es-data, mov %eax, %es
    expect3 user-load-fs, seq_load_fs
    mov $TSS_SEL, %eax
    expect ltr-busy, ltr %ax
    mov $0x1c, %eax
    lar %eax, %ecx
    setz %al
    movzbl %al, %eax
    show lar-none, %rax
    mov $TSS_SEL, %eax
    lar %eax, %ecx
    show lar-tss, %rcx
    push $DATA
    push $0
    expect retf-data, lretq
    add $16, %rsp
    push $CODE64
    push $1f
    lretq
1:  sub $32, %rsp
    sgdt (%rsp)
    show gdt-base, 2(%rsp)
    add $32, %rsp
    ret

/* 32-bit code inside long mode and back. */
compat:
    mov %rsp, %r15
    mov $DATA, %eax
    mov %eax, %ss
    mov %eax, %ds
    push $CODE32
    push $1f
    lretq
    .code32
1:  mov $0x1ffffffff & 0xffffffff, %eax
    inc %eax
    mov %eax, NOTE + 0xc0
    mov %cs, NOTE + 0xc8
    ljmp $CODE64, $2f
    .code64
2:  mov %r15, %rsp
    show compat-wrap, NOTE + 0xc0
    xor %eax, %eax
    mov %eax, %ss
    ret
