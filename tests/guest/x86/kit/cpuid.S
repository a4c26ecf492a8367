/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints every CPUID leaf: "leaf subleaf: eax ebx ecx edx". */
#include "kit.inc"
    use_code32
    .globl test32
test32:
    mov $0, %esi
    call range
    mov $0x80000000, %esi
    call range
    mov $0x40000000, %esi
    mov $2, %ebp
    jmp leaves
range: /* all leaves from %esi to what it says */
    mov %esi, %eax
    cpuid
    mov %eax, %ebp
    sub %esi, %ebp
    jb 1f
    cmp $0x40, %ebp
    ja 1f
    inc %ebp
    jmp leaves
1:  ret
leaves: /* %ebp leaves from %esi, eight subleaves where they count */
    xor %edi, %edi
    mov $1, %ecx
    cmp $4, %esi
    je 2f
    cmp $7, %esi
    je 2f
    cmp $0xb, %esi
    je 2f
    cmp $0xd, %esi
    je 2f
    cmp $0x8000001d, %esi
    jne 3f
2:  mov $4, %ecx
3:  push %ecx
    mov %esi, %eax
    mov %edi, %ecx
    cpuid
    phex %esi
    print " "
    phex %edi
    print ": "
    phex %eax
    print " "
    phex %ebx
    print " "
    phex %ecx
    print " "
    phex %edx
    print "\n"
    pop %ecx
    inc %edi
    dec %ecx
    jnz 3b
    inc %esi
    dec %ebp
    jnz leaves
    ret
