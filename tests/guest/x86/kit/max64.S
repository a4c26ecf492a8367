/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came after the first long mode: SMEP, SMAP, UMIP, FSGSBASE, XSETBV, RDTSCP, SYSENTER, MWAIT. */
#include "kit.inc"

.set PT, FREE + 0x8000 /* 4 KiB pages for the 2 MiB at 40000000h */
.set VIRT, 0x40000000

.macro cr4_set bits
    mov %cr4, %rax
    or $\bits, %eax
    mov %rax, %cr4
.endm
.macro cr4_clear bits
    mov %cr4, %rax
    and $~\bits, %eax
    mov %rax, %cr4
.endm
.macro wrmsr_lo msr, low
    mov $\msr, %ecx
    mov $\low, %eax
    xor %edx, %edx
    wrmsr
.endm

    use_code64
    .globl test64
test64:
    allow_int3
    mov $PT, %edi
    mov $1024, %ecx
    xor %eax, %eax
    rep stosl
    movq $PT + 7, PML4 + 0x3000
    movq $0x22007, PT + 0 * 8 /* user */
    movq $0x23003, PT + 1 * 8 /* supervisor */
    movb $0xc3, 0x22000
    mov %cr3, %rax
    mov %rax, %cr3
    /* the kit's own pages become the supervisor's, but for the text, stack and notes of CPL 3 */
    call smap
    call umip
    call bases
    call extended
    call counters
    call sysenter
    call wait
    ret

/* SMAP and SMEP see the kit's 2 MiB pages, which are the user's; so the test runs on supervisor
 * mappings: PDE 0 becomes the supervisor's while it lasts. */
smap:
    andb $~4, PML4 + 0x2000
    mov %cr3, %rax
    mov %rax, %cr3
    expect clac-off, clac
    expect stac-off, stac
    pushf
    pop %rax
    and $0x40000, %eax
    show stac-flag, %rax
    clac
    cr4_set 0x200000
    expect smap-read, mov VIRT, %al
    expect smap-write, mov %al, VIRT
    expect smap-supervisor, mov VIRT + 0x1000, %al
    stac
    expect smap-stac, mov VIRT, %al
    clac
    expect smap-clac, mov VIRT, %al
    cr4_clear 0x200000
    expect smep-off, call call_user
    cr4_set 0x100000
    expect smep-on, call call_user
    mov $VIRT, %ebx
    expect smep-jump, jmp *%rbx
    cr4_clear 0x100000
    orb $4, PML4 + 0x2000
    mov %cr3, %rax
    mov %rax, %cr3
    expect3 user-clac, clac
    expect3 user-stac, stac
    ret
call_user:
    mov $VIRT, %ebx
    call *%rbx
    ret

umip:
    expect3 umip-off-sgdt, sgdt FREE
    expect3 umip-off-smsw, smsw %eax
    cr4_set 0x800
    expect3 umip-sgdt, sgdt FREE
    expect3 umip-sidt, sidt FREE
    expect3 umip-sldt, sldt %ax
    expect3 umip-smsw, smsw %eax
    expect3 umip-str, str %ax
    expect umip-kernel, sgdt FREE
    cr4_clear 0x800
    ret

bases:
    cr4_set 0x10000
    mov $0x123456789a, %rbx
    wrfsbase %rbx
    rdfsbase %rax
    show fsbase, %rax
    wrgsbase %ebx
    rdgsbase %rax
    show gsbase, %rax
    mov $0x800000000000, %rbx
    expect fsbase-canonical, wrfsbase %rbx
    rdgsbase %eax
    show gsbase-32, %rax
    cr4_clear 0x10000
    ret

extended:
    xor %ecx, %ecx
    expect xgetbv-off, xgetbv
    cr4_set 0x40000
    xor %ecx, %ecx
    xgetbv
    show xcr0, %rax
    mov $3, %eax
    xor %edx, %edx
    expect xsetbv, xsetbv
    xor %ecx, %ecx
    xgetbv
    show xcr0-after, %rax
    mov $2, %eax
    xor %edx, %edx
    expect xsetbv-no-x87, xsetbv
    mov $3, %eax
    mov $0x40000000, %edx
    expect xsetbv-high, xsetbv
    mov $1, %ecx
    mov $3, %eax
    xor %edx, %edx
    expect xsetbv-1, xsetbv
    mov $7, %ecx
    expect xgetbv-7, xgetbv
    expect3 user-xsetbv, xsetbv
    mov $1, %eax
    cpuid
    and $0x08000000, %ecx
    show osxsave, %rcx
    cr4_clear 0x40000
    mov $1, %eax
    cpuid
    and $0x08000000, %ecx
    show osxsave-off, %rcx
    ret

counters:
    wrmsr_lo 0xc0000103, 0x1234
    rdtscp
    show rdtscp-aux, %rcx
    rdtsc
    mov %eax, %ebx
    mov %edx, %esi
    rdtsc
    sub %ebx, %eax
    sbb %esi, %edx
    shr $31, %edx
    show tsc-goes-back, %rdx
    cr4_set 4
    expect3 tsd-rdtsc, rdtsc
    expect3 tsd-rdtscp, rdtscp
    cr4_clear 4
    expect3 user-rdtsc, rdtsc
    expect invd, invd
    expect wbinvd, wbinvd
    expect3 user-invd, invd
    ret

.macro seq_sysenter
    mov $after_sysenter, %edx
    mov $STACK_USER, %ecx
    sysenter
after_sysenter:
.endm
.macro seq_swapgs
    swapgs
.endm

sysenter:
    wrmsr_lo 0x174, 0
    expect3 sysenter-null, sysenter
    expect sysexit-null, sysexitl
    /* CS, SS, then those of CPL 3 in 32 and 64 bits follow each other in a table of their own */
    mov $sysenter_entry, %eax
    mov $0x176, %ecx
    xor %edx, %edx
    wrmsr
    wrmsr_lo 0x175, STACK_INNER
    wrmsr_lo 0x174, CODE64
    expect3 sysenter, seq_sysenter
    show sysenter-cs, NOTE + 0x98
    show sysenter-ss, NOTE + 0xa0
    show sysenter-sp, NOTE + 0xa8
    show sysenter-if, NOTE + 0xb0
    show sysexit-cs, NOTE + NOTE_CS
    expect3 user-sysexit, sysexitl
    expect3 user-swapgs, seq_swapgs
    ret
sysenter_entry:
    mov %cs, %eax
    mov %rax, NOTE + 0x98
    mov %ss, %eax
    mov %rax, NOTE + 0xa0
    mov %rsp, NOTE + 0xa8
    pushf
    pop %rax
    and $0x200, %eax
    mov %rax, NOTE + 0xb0
    sysexitq

wait:
    xor %ecx, %ecx
    xor %edx, %edx
    mov $FREE, %eax
    expect monitor, monitor
    mov $1, %ecx
    expect monitor-hint, monitor
    expect3 user-monitor, monitor
    expect3 user-mwait, mwait
    ret
