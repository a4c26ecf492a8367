/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a real QEMU under TCG does not check: limits, types, EXT in error codes, CR0's rules. */
#include "kit.inc"

.set S_XCODE, GDT_FREE + 0x00
.set S_RODATA, GDT_FREE + 0x08
.set S_SMALL, GDT_FREE + 0x10
.set S_DOWN, GDT_FREE + 0x18

.macro descriptor selector, low, high
    movl $\low, GDT + \selector
    movl $\high, GDT + \selector + 4
.endm
.macro use_es selector
    mov $\selector, %eax
    mov %eax, %es
.endm

    use_code32
    .globl test32
test32:
    allow_int3
    descriptor S_XCODE, 0x0000ffff, 0x00cf9900
    descriptor S_RODATA, 0x0000ffff, 0x00cf9100
    descriptor S_SMALL, (FREE << 16) | 0xf, 0x00409302
    descriptor S_DOWN, 0x00000000, 0x00c09700
    mov $S_XCODE, %eax
    expect load-xcode, mov %eax, %es
    use_es S_RODATA
    expect write-rodata, movl $1, %es:FREE
    use_es S_RODATA
    expect write-code, movl $1, %cs:FREE
    use_es 0
    expect read-null, mov %es:FREE, %eax
    use_es S_SMALL
    expect limit-last, movb $1, %es:15
    expect limit-past, movb $1, %es:16
    use_es S_SMALL
    expect limit-cross, movl $1, %es:13
    use_es S_DOWN
    expect down-below, movb %es:0xfff, %al
    use_es S_DOWN
    expect down-above, movb %es:0x1000, %al
    use_es DATA
    xor %eax, %eax
    expect ltr-null, ltr %ax
    mov $0x80000000, %eax
    expect cr0-pg-no-pe, mov %eax, %cr0
    mov $0x20000011, %eax
    expect cr0-nw-no-cd, mov %eax, %cr0
    mov $0xffffffff, %eax
    expect cr4-reserved, mov %eax, %cr4
    mov $0x1, %eax
    expect dr6-reserved, mov %eax, %dr6
    mov %dr6, %eax
    show dr6, %eax
    /* EXT: the fault of an exception's delivery, not of INT n */
    movb $0x0e, IDT + 6 * 8 + 5
    expect ext-np-gate, ud2
    expect int-np-gate, int $6
    movb $0x8e, IDT + 6 * 8 + 5
    movw $DATA, IDT + 6 * 8 + 2
    expect ext-data-selector, ud2
    expect int-data-selector, int $6
    movw $0, IDT + 6 * 8 + 2
    expect ext-null-selector, ud2
    expect int-null-selector, int $6
    movw $CODE32, IDT + 6 * 8 + 2
    /* RF in the image of faults */
    expect fault, ud2
    mov NOTE + NOTE_FLAGS, %eax
    and $0x10000, %eax
    show fault-rf, %eax
    expect trap, int3
    mov NOTE + NOTE_FLAGS, %eax
    and $0x10000, %eax
    show trap-rf, %eax
    /* alignment check: CPL 3, CR0.AM, EFLAGS.AC */
    mov %cr0, %eax
    or $0x40000, %eax
    mov %eax, %cr0
    expect kernel-misaligned, mov FREE + 1, %eax
.macro misaligned4
    pushf
    orl $0x40000, (%esp)
    popf
    mov FREE + 1, %eax
.endm
.macro aligned4
    pushf
    orl $0x40000, (%esp)
    popf
    mov FREE + 4, %eax
    mov FREE + 3, %al
.endm
    expect3 user-misaligned-off, mov FREE + 1, %eax
    expect3 user-misaligned, misaligned4
    expect3 user-aligned, aligned4
    ret
