/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included by arch.h alone: a PC with an HPET (IA-PC HPET 1.0a, 2.3) and a serial port. */

#define HPET UINT64_C(0xfed00000)

extern uint64_t page_root[512], page_upper[512]; /* x86_64.S: 4 GiB one to one */

static void put(char c)
{
    __asm__ volatile("out %0, %1" : : "a"(c), "d"((uint16_t)0x3f8));
}

static uint64_t now(void)
{
    volatile uint64_t *hpet = (volatile uint64_t *)HPET;

    hpet[2] = hpet[2] | 1;                         /* counts */
    return hpet[30] * (hpet[0] >> 32) / 100000000; /* a period in femtoseconds */
}

static inline void user_call(void)
{
    __asm__ volatile("syscall" : : "a"(1) : "rcx", "r11", "memory");
}

static inline void user_end(void)
{
    __asm__ volatile("syscall" : : "a"(99) : "memory");
    __builtin_unreachable();
}

static uint64_t other_root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));

static inline void switch_space(unsigned n)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(n ? other_root : page_root) : "memory");
}

static inline void paging(void)
{
    page_upper[4] = (uint64_t)(uintptr_t)middle | 7;
    middle[0] = (uint64_t)(uintptr_t)leaf | 7;
    other_root[0] = page_root[0];
    switch_space(0);
}

static void map_far(uint64_t address, const void *to)
{
    leaf[address >> 12 & 511] = (uint64_t)(uintptr_t)to | 7;
}

static inline void forget_pages(void)
{
    switch_space(0);
}

static inline void write_code(uint8_t *code, unsigned n)
{
    *code++ = 0x48, *code++ = 0x89, *code++ = 0xf8; /* mov rax, rdi */
    for (unsigned i = 0; i < 32; i++) {             /* add rax, N */
        uint32_t v = (n + i) & 0x3ff;

        *code++ = 0x48, *code++ = 0x05;
        __builtin_memcpy(code, &v, 4);
        code += 4;
    }
    *code = 0xc3; /* ret */
}
