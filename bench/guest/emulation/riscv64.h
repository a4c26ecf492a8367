/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included by arch.h alone: the virt board, under OpenSBI (its calls by SBI 0.1). */

static void put(char c)
{
    register uint64_t a0 __asm__("a0") = (uint8_t)c;
    register uint64_t a7 __asm__("a7") = 1;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory", "a1");
}

static uint64_t now(void)
{
    uint64_t v;

    __asm__ volatile("rdtime %0" : "=r"(v));
    return v;
}

static inline void user_call(void)
{
    register uint64_t a7 __asm__("a7") = 1;

    __asm__ volatile("ecall" : : "r"(a7) : "memory");
}

static inline void user_end(void)
{
    register uint64_t a7 __asm__("a7") = 99;

    __asm__ volatile("ecall" : : "r"(a7) : "memory");
    __builtin_unreachable();
}

static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));

static inline void switch_space(unsigned n)
{
    __asm__ volatile("csrw satp, %0\n sfence.vma"
                     :
                     : "r"((uint64_t)8 << 60 | (uint64_t)n << 44 | (uint64_t)(uintptr_t)root >> 12)
                     : "memory");
}

static inline void paging(void)
{
    for (unsigned i = 0; i < 4; i++) {
        root[i] = (uint64_t)i << 28 | 0xcf;
    }
    root[4] = (uint64_t)(uintptr_t)middle >> 2 | 1;
    middle[0] = (uint64_t)(uintptr_t)leaf >> 2 | 1;
    switch_space(0);
}

static void map_far(uint64_t address, const void *to)
{
    leaf[address >> 12 & 511] = (uint64_t)(uintptr_t)to >> 2 | 0xc7;
    __asm__ volatile("sfence.vma %0" : : "r"(address) : "memory");
}

static inline void forget_pages(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
}

static inline void write_code(uint8_t *to, unsigned n)
{
    uint32_t *code = (uint32_t *)to;

    for (unsigned i = 0; i < 32; i++) { /* addi a0, a0, N */
        code[i] = 0x00050513 | ((n + i) & 0x3ff) << 20;
    }
    code[32] = 0x00008067; /* ret */
    __asm__ volatile("fence.i" : : : "memory");
}
