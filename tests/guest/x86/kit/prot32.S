/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protected mode: descriptors, gates, privileges, tasks, virtual-8086 mode, debug exceptions. */
#include "kit.inc"

.set S_NP_DATA, GDT_FREE + 0x00  /* data, not present */
.set S_NP_CODE, GDT_FREE + 0x08
.set S_LDT, GDT_FREE + 0x10
.set S_CONF, GDT_FREE + 0x18     /* conforming code */
.set S_XCODE, GDT_FREE + 0x20    /* execute-only code */
.set S_RODATA, GDT_FREE + 0x28
.set S_SMALL, GDT_FREE + 0x30    /* data of 16 bytes at FREE */
.set S_DOWN, GDT_FREE + 0x38     /* expand-down above 0xfff */
.set S_GATE, GDT_FREE + 0x40     /* call gate to CODE32 */
.set S_GATE3, GDT_FREE + 0x48    /* the same for CPL 3, one parameter */
.set S_TSS2, GDT_FREE + 0x50
.set S_TASKGATE, GDT_FREE + 0x58
.set S_TSS16, GDT_FREE + 0x60

.set TSS2, FREE + 0x1000
.set PD, FREE + 0x2000
.set PT, FREE + 0x3000

.macro descriptor selector, low, high
    movl $\low, GDT + \selector
    movl $\high, GDT + \selector + 4
.endm

/* More than one instruction at CPL 3. */
.macro seq_user_ds_kernel
    mov %ss, %eax
    mov $DATA, %eax
    mov %eax, %ds
.endm
.macro seq_user_ss_kernel
    mov $DATA, %eax
    mov %eax, %ss
.endm
.macro seq_user_gate
    push $0x1234
    lcall $S_GATE3, $0
.endm
.macro seq_user_popf
    push $0x3202
    popf
    pushf
    pop %eax
    mov %eax, NOTE + 0x90
.endm
.macro seq_bitmap_beyond
    mov $0xfff0, %edx
    in %dx, %al
.endm
.macro seq_pf_user_fetch
    mov $0x50123, %eax
    jmp *%eax
.endm

    use_code32
    .globl test32
test32:
    allow_int3
    descriptor S_NP_DATA, 0x0000ffff, 0x00cf1300
    descriptor S_NP_CODE, 0x0000ffff, 0x00cf1b00
    descriptor S_LDT, (FREE << 16) | 0x17, 0x00008202
    descriptor S_CONF, 0x0000ffff, 0x00cf9f00
    descriptor S_XCODE, 0x0000ffff, 0x00cf9900
    descriptor S_RODATA, 0x0000ffff, 0x00cf9100
    descriptor S_SMALL, (FREE << 16) | 0xf, 0x00409302
    descriptor S_DOWN, 0x00000000, 0x00c09700
    descriptor S_TSS2, (TSS2 << 16) | 0x67, 0x00008902
    descriptor S_TASKGATE, S_TSS2 << 16, 0x0000e500
    mov $gate_target, %eax
    mov %ax, GDT + S_GATE
    movw $CODE32, GDT + S_GATE + 2
    movw $0x8c00, GDT + S_GATE + 4
    movw $0xf, GDT + S_GATE + 6
    mov %ax, GDT + S_GATE3
    movw $CODE32, GDT + S_GATE3 + 2
    movw $0xec01, GDT + S_GATE3 + 4
    movw $0xf, GDT + S_GATE3 + 6

    call simple
    call segments
    call transfers
    call gates
    call user
    call selectors
    call control
    call paging
    call debug
    call tasks
    call vm86
    call doubles
    ret

simple:
    expect ud2, ud2
    expect int3, int3
    expect int30, int $0x30
    xor %ecx, %ecx
    expect divide, div %ecx
    mov $0x7fffffff, %eax
    add $1, %eax
    expect into, into
    mov $5, %eax
    movl $1, FREE
    movl $4, FREE + 4
    expect bound, bound %eax, FREE
    expect hlt-interrupts-off, nop
    ret

.macro load sreg, name, selector
    mov $\selector, %eax
    expect \name, mov %eax, %\sreg
.endm

segments:
    load fs, fs-null, 0
    load es, es-null3, 3
    load ss, ss-null, 0
    load fs, fs-code, CODE32
    load fs, fs-xcode, S_XCODE
    load ss, ss-code, CODE32
    load ss, ss-rodata, S_RODATA
    load ss, ss-rpl3, DATA + 3
    load fs, fs-rpl3, DATA + 3
    load fs, fs-user, USERDATA
    load fs, fs-np, S_NP_DATA
    load ss, ss-np, S_NP_DATA
    load fs, fs-system, S_LDT
    load fs, fs-beyond, GDT_LIMIT + 1
    load fs, fs-ldt-none, 0xc
    mov $S_LDT, %eax
    expect lldt, lldt %ax
    movl $0x0000ffff, FREE + 8
    movl $0x00cf9300, FREE + 12
    load fs, fs-ldt, 0xc
    load fs, fs-ldt-null-entry, 0x4
    load fs, fs-ldt-beyond, 0x1c
    mov $DATA, %eax
    expect lldt-data, lldt %ax
    xor %eax, %eax
    expect lldt-null, lldt %ax
    mov $TSS_SEL, %eax
    expect ltr-busy, ltr %ax
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    ret

transfers:
    expect jmp-null, ljmp $0, $0
    expect jmp-data, ljmp $DATA, $0
    expect jmp-np, ljmp $S_NP_CODE, $0
    expect jmp-beyond, ljmp $GDT_LIMIT + 1, $0
    expect jmp-user, ljmp $USER32, $0
    expect jmp-rpl3, ljmp $CODE32 + 3, $0
    expect jmp-ldt, ljmp $S_LDT, $0
    ljmp $S_CONF, $1f
1:  mov %cs, %eax
    show conforming-cs, %eax
    ljmp $CODE32, $1f
1:  lcall $CODE32, $far_target
    push $0
    push $1f
    expect retf-null, lret
1:  add $8, %esp
    push $DATA
    push $0
    expect retf-data, lret
    add $8, %esp
    ret
far_target:
    show far-return-cs, 4(%esp)
    lret

gates:
    lcall $S_GATE, $0
    mov $1f, %eax
    mov %ax, GDT + S_GATE
    ljmp $S_GATE, $0
1:  mov %cs, %eax
    show gate-jump-cs, %eax
    mov $gate_target, %eax
    mov %ax, GDT + S_GATE
    movb $0x0c, GDT + S_GATE + 5
    expect gate-np, lcall $S_GATE, $0
    movb $0x8c, GDT + S_GATE + 5
    movw $DATA, GDT + S_GATE + 2
    expect gate-data, lcall $S_GATE, $0
    movw $0, GDT + S_GATE + 2
    expect gate-null, lcall $S_GATE, $0
    movw $S_NP_CODE, GDT + S_GATE + 2
    expect gate-np-code, lcall $S_GATE, $0
    movw $CODE32, GDT + S_GATE + 2
    /* IDT gates */
    movb $0x0e, IDT + 0x31 * 8 + 5
    expect idt-np, int $0x31
    movb $0x8c, IDT + 0x31 * 8 + 5
    expect idt-type, int $0x31
    movb $0x8e, IDT + 0x31 * 8 + 5
    movw $DATA, IDT + 0x31 * 8 + 2
    expect idt-data, int $0x31
    movw $0, IDT + 0x31 * 8 + 2
    expect idt-null, int $0x31
    movw $S_NP_CODE, IDT + 0x31 * 8 + 2
    expect idt-np-code, int $0x31
    movw $CODE32, IDT + 0x31 * 8 + 2
    lidt short_idt
    expect idt-limit, int $0x30
    lidt full_idt
    ret
gate_target:
    show gate-cs, 4(%esp)
    testb $3, 4(%esp)
    jz 1f
    show gate-param, 8(%esp)
    show gate-ss, 16(%esp)
    lret $4
1:  lret
short_idt:
    .word 0x30 * 8 + 6
    .long IDT
full_idt:
    .word 256 * 8 - 1
    .long IDT

user:
    expect3 user-nop, nop
    expect3 user-cli, cli
    expect3 user-hlt, hlt
    expect3 user-cr0, mov %cr0, %eax
    expect3 user-lgdt, lgdt FREE
    expect3 user-clts, clts
    expect3 user-rdmsr, rdmsr
    expect3 user-invlpg, invlpg FREE
    expect3 user-wbinvd, wbinvd
    expect3 user-smsw, smsw %eax
    expect3 user-in, in $0x80, %al
    expect3 user-int30, int $0x30
    expect3 user-int3, int3
    movb $0xee, IDT + 0x30 * 8 + 5
    expect3 user-int30-dpl3, int $0x30
    movb $0x8e, IDT + 0x30 * 8 + 5
    expect3 user-ds-kernel, seq_user_ds_kernel
    expect3 user-ss-kernel, seq_user_ss_kernel
    expect3 user-jmp-kernel, ljmp $CODE32, $0
    expect3 user-gate-dpl, lcall $S_GATE, $0
    expect3 user-gate, seq_user_gate
    expect3 user-sysexit, sysexit
    expect3 user-popf, seq_user_popf
    show user-popf-flags, NOTE + 0x90
    /* I/O bitmap: port 80h allowed, 81h not */
    movw $0x0167, GDT + TSS_SEL
    movb $0x89, GDT + TSS_SEL + 5
    mov $TSS_SEL, %eax
    ltr %ax
    movl $0, TSS + 0x68
    movl $0, TSS + 0x6c
    movl $0, TSS + 0x70
    movl $0, TSS + 0x74
    movb $2, TSS + 0x68 + 0x10
    expect3 bitmap-80, outb %al, $0x80
    expect3 bitmap-81, outb %al, $0x81
    expect3 bitmap-80-word, outw %ax, $0x80
    expect3 bitmap-beyond, seq_bitmap_beyond
    /* to an outer privilege by RETF */
    print "retf-outer: "
    movl $1f, NOTE + NOTE_RESUME
    movl $-1, NOTE + NOTE_VECTOR
    mov %esp, NOTE + NOTE_SAVED
    push $USERDATA
    push $STACK_USER
    push $USER32
    push $2f
    lret
2:  int3
1:  call report32
    show retf-outer-cs, NOTE + NOTE_CS
    mov NOTE + NOTE_SP, %eax
    show retf-outer-esp, 12(%eax)
    /* IRET checks */
    push $2
    push $CODE32
    push $1f
    iret
1:  push $2
    push $DATA
    push $0
    expect iret-data, iret
    add $12, %esp
    push $2
    push $0
    push $0
    expect iret-null, iret
    add $12, %esp
    push $DATA
    push $0
    push $2
    push $USER32
    push $0
    expect iret-bad-ss, iret
    add $20, %esp
    ret

.macro selector_op op, name, selector
    mov $\selector, %ecx
    mov $0x5a5a5a5a, %eax
    \op %ecx, %eax
    pushf
    andl $0x40, (%esp)
    show \name-zf, (%esp)
    popf
    show \name, %eax
.endm
.macro verify op, name, selector
    mov $\selector, %ecx
    \op %cx
    pushf
    andl $0x40, (%esp)
    show \name, (%esp)
    popf
.endm

selectors:
    selector_op lar, lar-code, CODE32
    selector_op lar, lar-null, 0
    selector_op lar, lar-beyond, GDT_LIMIT + 1
    selector_op lar, lar-tss, TSS_SEL
    selector_op lar, lar-gate, S_GATE
    selector_op lar, lar-ldt, S_LDT
    selector_op lar, lar-np, S_NP_DATA
    selector_op lar, lar-rpl3, DATA + 3
    selector_op lsl, lsl-code, CODE32
    selector_op lsl, lsl-tss, TSS_SEL
    selector_op lsl, lsl-gate, S_GATE
    selector_op lsl, lsl-small, S_SMALL
    verify verr, verr-code, CODE32
    verify verr, verr-xcode, S_XCODE
    verify verr, verr-tss, TSS_SEL
    verify verw, verw-data, DATA
    verify verw, verw-rodata, S_RODATA
    verify verw, verw-code, CODE32
    mov $0x10, %ax
    mov $0x33, %cx
    arpl %cx, %ax
    pushf
    andl $0x40, (%esp)
    show arpl-zf, (%esp)
    popf
    movzwl %ax, %eax
    show arpl, %eax
    str %eax
    show str, %eax
    sldt %eax
    show sldt, %eax
    sgdt FREE
    show sgdt-limit, FREE
    show sgdt-base, FREE + 2
    movw $0, FREE + 6
    sidt FREE
    show sidt-base, FREE + 2
    ret

control:
    mov %cr0, %eax
    show cr0, %eax
    mov $0x0e, %ecx
    smsw %eax
    show smsw, %eax
    mov %cr0, %eax
    or $8, %eax
    mov %eax, %cr0
    smsw %ax
    movzwl %ax, %eax
    show smsw-ts, %eax
    clts
    mov %cr0, %eax
    show cr0-clts, %eax
    mov $0xfff0, %eax
    lmsw %ax
    mov %cr0, %eax
    show cr0-lmsw, %eax
    mov %cr0, %eax
    and $~0xe, %eax
    mov %eax, %cr0
    ret

/* 4 KiB and 4 MiB pages. */
paging:
    mov $PD, %edi
    mov $0x800, %ecx
    xor %eax, %eax
    rep stosl
    movl $PT + 7, PD
    mov $PT, %edi
    mov $7, %eax
    mov $1024, %ecx
1:  stosl
    add $0x1000, %eax
    loop 1b
    mov $PD, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    movl $0, PT + 0x50 * 4
    movl $0x51003, PT + 0x51 * 4 /* supervisor */
    movl $0x52005, PT + 0x52 * 4 /* read-only user */
    movl $0x00400083, PD + 4     /* 4 MiB */
    invlpg 0x50000
    expect pf-read, mov 0x50004, %eax
    expect pf-write, movl $1, 0x50008
    expect pf-cross, mov 0x4fffe, %eax
    expect pf-wp-off, movl $1, 0x52000
    mov %cr0, %eax
    or $0x10000, %eax
    mov %eax, %cr0
    expect pf-wp-on, movl $1, 0x52000
    expect3 pf-user-supervisor, mov 0x51000, %eax
    expect3 pf-user-read, mov 0x52000, %eax
    expect3 pf-user-write, movl $1, 0x52000
    expect3 pf-user-fetch, seq_pf_user_fetch
    expect pf-beyond, mov 0x7ffffffc, %eax
    movl $0x600d, 0x400000
    show large, 0x400000
    mov PT + 0x52 * 4, %eax
    and $0xfff, %eax
    show pte-52, %eax
    mov PD + 4, %eax
    show pde-1, %eax
    movl $0x00600083, PD + 4
    invlpg 0x400000
    expect pf-reserved, mov 0x400000, %eax
    mov %cr0, %eax
    and $0x7ffeffff, %eax
    mov %eax, %cr0
    ret

debug:
    /* single step */
    print "step: "
    movl $1f, NOTE + NOTE_RESUME
    movl $-1, NOTE + NOTE_VECTOR
    mov %esp, NOTE + NOTE_SAVED
    xor %eax, %eax
    mov %eax, %dr6
    pushf
    orl $0x100, (%esp)
    popf
2:  nop
    nop
1:  call report32
    mov NOTE + NOTE_IP, %eax
    sub $2b, %eax
    show step-ip, %eax
    mov %dr6, %eax
    show step-dr6, %eax
    /* data breakpoint: writes of 4 at FREE */
    mov $FREE, %eax
    mov %eax, %dr0
    mov $0x000d0402, %eax
    mov %eax, %dr7
    xor %eax, %eax
    mov %eax, %dr6
    expect watch-read, mov FREE, %eax
    expect watch-write, movl $1, FREE
    mov %dr6, %eax
    show watch-dr6, %eax
    expect watch-byte, movb $1, FREE + 3
    expect watch-miss, movb $1, FREE + 4
    /* code breakpoint */
    xor %eax, %eax
    mov %eax, %dr6
    mov $break_here, %eax
    mov %eax, %dr0
    mov $0x402, %eax
    mov %eax, %dr7
    print "break: "
    movl $1f, NOTE + NOTE_RESUME
    movl $-1, NOTE + NOTE_VECTOR
    mov %esp, NOTE + NOTE_SAVED
    nop
break_here:
    nop
1:  call report32
    mov NOTE + NOTE_IP, %eax
    sub $break_here, %eax
    show break-ip, %eax
    mov %dr6, %eax
    show break-dr6, %eax
    /* general detect */
    mov $0x2400, %eax
    mov %eax, %dr7
    expect general-detect, mov %dr0, %eax
    mov %dr7, %eax
    show dr7, %eax
    mov %dr6, %eax
    and $0x2000, %eax
    show dr6-bd, %eax
    mov $0x400, %eax
    mov %eax, %dr7
    expect dr4, mov %dr4, %eax
    mov %cr4, %eax
    or $8, %eax
    mov %eax, %cr4
    expect dr4-de, mov %dr4, %eax
    mov %cr4, %eax
    and $~8, %eax
    mov %eax, %cr4
    ret

/* Tasks: call and return, jump and back, a task gate for an exception. */
tasks:
    mov $TSS2, %edi
    mov $0x100, %ecx
    xor %eax, %eax
    rep stosl
    movl $task2, TSS2 + 0x20
    movl $2, TSS2 + 0x24
    movl $0x1111, TSS2 + 0x28
    movl $STACK_INNER, TSS2 + 0x38
    movl $DATA, TSS2 + 0x48
    movl $CODE32, TSS2 + 0x4c
    movl $DATA, TSS2 + 0x50
    movl $DATA, TSS2 + 0x54
    movl $DATA, TSS2 + 0x58
    movl $DATA, TSS2 + 0x5c
    movw $0x68, TSS2 + 0x66
    mov $0x2222, %ebx
    lcall $S_TSS2, $0
    show task-back-ebx, %ebx
    pushf
    pop %eax
    show task-back-flags, %eax
    mov GDT + S_TSS2 + 4, %eax
    show task-busy, %eax
    str %eax
    show task-tr, %eax
    mov %cr0, %eax
    show task-cr0, %eax
    clts
    lcall $S_TASKGATE, $0
    print "task gate returned\n"
    clts
    /* exception through a task gate */
    mov IDT + 6 * 8, %esi
    mov IDT + 6 * 8 + 4, %edi
    movl $S_TSS2 << 16, IDT + 6 * 8
    movl $0x8500, IDT + 6 * 8 + 4
    movl $task_ud, TSS2 + 0x20
    movl $STACK_INNER, TSS2 + 0x38
    ud2
    print "task gate for #UD returned\n"
    clts
    mov %esi, IDT + 6 * 8
    mov %edi, IDT + 6 * 8 + 4
    expect task-data, ljmp $DATA, $0
    movb $0x09, GDT + S_TSS2 + 5
    expect task-np, ljmp $S_TSS2, $0
    movb $0x8b, GDT + S_TSS2 + 5
    expect task-busy-jump, ljmp $S_TSS2, $0
    movb $0x89, GDT + S_TSS2 + 5
    movb $0x66, GDT + S_TSS2
    expect task-short, ljmp $S_TSS2, $0
    movb $0x67, GDT + S_TSS2
    /* a bad segment in the new task faults there */
    movl $task2, TSS2 + 0x20
    movl $S_NP_DATA, TSS2 + 0x54
    expect task-bad-ds, ljmp $S_TSS2, $0
    str %eax
    show task-bad-ds-tr, %eax
    movl $DATA, TSS2 + 0x54
    clts
    movb $0x89, GDT + TSS_SEL + 5
    mov $TSS_SEL, %eax
    ltr %ax
    movb $0x89, GDT + S_TSS2 + 5
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    ret
task2:
    show task-eax, %eax
    show task-ebx, %ebx
    pushf
    pop %ecx
    show task-flags, %ecx
    str %ecx
    show task2-tr, %ecx
    movzwl TSS2, %ecx
    show task-link, %ecx
    clts
    iret
    jmp task2
task_ud:
    print "in the #UD task\n"
    addl $2, TSS + 0x20
    iret
    jmp task_ud

/* Virtual-8086 mode, code at 1000:0. */
vm86:
    movl $0x3000, TSS + 4 + 0 * 0
    movl $STACK_INNER, TSS + 4
    movl $DATA, TSS + 8
.macro vm_code off, bytes:vararg
    movl $vm_bytes\@, %esi
    movl $0x28000, %edi
    movl $8, %ecx
    rep movsb
    jmp vm_end\@
vm_bytes\@:
    .byte \bytes
    .byte 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc
vm_end\@:
.endm
.macro in_vm86 name, flags, bytes:vararg
    vm_code 0, \bytes
    print "\name: "
    movl $9002f, NOTE + NOTE_RESUME
    movl $-1, NOTE + NOTE_VECTOR
    mov %esp, NOTE + NOTE_SAVED
    push $0x5555
    push $0x4444
    push $0x3333
    push $0x2222
    push $0x1111
    push $0x0800
    push $\flags
    push $0x2800
    push $0
    iret
9002:
    call report32
    mov NOTE + NOTE_SP, %esi
    mov NOTE + NOTE_IP, %eax
    show \name-ip, %eax
.endm
    in_vm86 vm-int3, 0x20002, 0xcc
    show vm-cs, 4(%esi)
    show vm-flags, 8(%esi)
    show vm-sp, 12(%esi)
    show vm-ss, 16(%esi)
    show vm-es, 20(%esi)
    show vm-ds, 24(%esi)
    show vm-fs, 28(%esi)
    show vm-gs, 32(%esi)
    in_vm86 vm-cli, 0x20002, 0xfa
    in_vm86 vm-cli-iopl3, 0x23002, 0xfa
    in_vm86 vm-int30, 0x20002, 0xcd, 0x30
    in_vm86 vm-int30-iopl3, 0x23002, 0xcd, 0x30
    movb $0xee, IDT + 0x30 * 8 + 5
    in_vm86 vm-int30-iopl3-dpl3, 0x23002, 0xcd, 0x30
    movb $0x8e, IDT + 0x30 * 8 + 5
    in_vm86 vm-pushf, 0x20002, 0x9c
    in_vm86 vm-pushf-iopl3, 0x23002, 0x9c
    in_vm86 vm-iret, 0x20002, 0xcf
    in_vm86 vm-hlt, 0x20002, 0xf4
    in_vm86 vm-lgdt, 0x20002, 0x0f, 0x01, 0x16, 0, 0
    in_vm86 vm-sldt, 0x20002, 0x0f, 0x00, 0xc0
    in_vm86 vm-out81, 0x20002, 0xe6, 0x81
    in_vm86 vm-out80, 0x20002, 0xe6, 0x80
    in_vm86 vm-mov-ds, 0x20002, 0x8e, 0xd8
    in_vm86 vm-ud2, 0x20002, 0x0f, 0x0b
    ret

/* Faults while delivering. */
doubles:
    movb $0x0e, IDT + 13 * 8 + 5 /* #GP's gate: not present */
    expect double-gp, ljmp $DATA, $0
    movb $0x8e, IDT + 13 * 8 + 5
    movb $0x0e, IDT + 6 * 8 + 5 /* #UD's: benign, so #NP */
    expect ud-np, ud2
    movb $0x8e, IDT + 6 * 8 + 5
    movb $0x0e, IDT + 0 * 8 + 5
    xor %ecx, %ecx
    expect double-de, div %ecx
    movb $0x8e, IDT + 0 * 8 + 5
    /* inner stack that cannot be: #TS while CPL 3 faults */
    movl $0, TSS + 8
    movb $0x85, IDT + 10 * 8 + 5
    movl $TSS2 - TSS2 + (S_TSS2 << 16), IDT + 10 * 8
    movl $0x8500, IDT + 10 * 8 + 4
    movl $task_ts, TSS2 + 0x20
    movl $2, TSS2 + 0x24
    movl $STACK_INNER - 0x400, TSS2 + 0x38
    mov %esp, NOTE + NOTE_SAVED
    movl $1f, NOTE + NOTE_RESUME
    push $USERDATA
    push $STACK_USER
    push $2
    push $USER32
    push $2f
    iret
2:  ud2
task_ts:
    pop %eax
    show ts-error, %eax
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov NOTE + NOTE_SAVED, %esp
    pushf
    andl $~0x4000, (%esp)
    popf
    jmp *NOTE + NOTE_RESUME
1:  clts
    ret
