/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU 7.2 does not have under TCG: PCID, INVPCID, RDPID; and MWAIT, HLT with an answer. */
#include "kit.inc"

.macro invpcid_ name, type, first, second_high=0
    mov $\type, %ebx
    movq $\first, FREE
    movl $0, FREE + 8
    movl $\second_high, FREE + 12
    expect \name, invpcid FREE, %rbx
.endm
.macro seq_invpcid
    invpcid FREE, %rbx
.endm

    use_code64
    .globl test64
test64:
    allow_int3
    mov $0xc0000103, %ecx
    mov $0x5678, %eax
    xor %edx, %edx
    wrmsr
    xor %eax, %eax
    rdpid %rax
    show rdpid, %rax
    xor %ecx, %ecx
    expect rdpmc, rdpmc
    expect3 user-rdpmc, rdpmc
    invpcid_ invpcid-address, 0, 0
    invpcid_ invpcid-pcid-off, 1, 1
    invpcid_ invpcid-all, 2, 0
    invpcid_ invpcid-canonical, 0, 0, 0x8000
    invpcid_ invpcid-type, 4, 0
    invpcid_ invpcid-reserved, 1, 0x1000
    xor %ebx, %ebx
    expect3 user-invpcid, seq_invpcid
    mov %cr3, %rax
    mov %rax, %rsi
    or $5, %rax
    mov %rax, %cr3
    mov %cr4, %rax
    or $0x20000, %eax
    expect pcide-with-pcid, mov %rax, %cr4
    mov %rsi, %cr3
    mov %cr4, %rax
    or $0x20000, %eax
    expect pcide, mov %rax, %cr4
    mov %rsi, %rax
    or $7, %rax
    bts $63, %rax
    expect cr3-noflush, mov %rax, %cr3
    mov %cr3, %rax
    and $0xfff, %eax
    show cr3-pcid, %rax
    invpcid_ invpcid-pcid-on, 1, 1
    mov %cr0, %rax
    btr $31, %rax
    expect pg-off-64, mov %rax, %cr0
    mov %cr4, %rax
    and $~0x20, %eax
    expect pae-off, mov %rax, %cr4
    mov %cr4, %rax
    xor $0x1000, %eax
    expect la57-toggle, mov %rax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    and $~0x100, %eax
    expect lme-off, wrmsr
    mov $0xc0000080, %ecx
    rdmsr
    or $0x1000, %eax
    expect svme, wrmsr
    mov $0x12345, %ecx
    expect rdmsr-unknown, rdmsr
    expect wrmsr-unknown, wrmsr
    mov $0x277, %ecx
    mov $2, %eax
    xor %edx, %edx
    expect pat-type, wrmsr
    mov $0xfe, %ecx
    expect mtrrcap-write, wrmsr
    mov $0x1234, %eax
    xor %edx, %edx
    mov $0x10, %ecx
    wrmsr
    mov $0x3b, %ecx
    rdmsr
    test %edx, %edx
    setnz %al
    movzbl %al, %eax
    show tsc-adjust-negative, %rax
    mov $16, %eax
    expect cr8-large, mov %rax, %cr8
    mov $9, %eax
    mov %rax, %cr8
    xor %eax, %eax
    mov %cr8, %rax
    show cr8, %rax
    ret
