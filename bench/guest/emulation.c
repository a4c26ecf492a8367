/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work for translators, one group a program (-DGROUP=...). Prints how long it took by the machine's
 * clock, in ticks of 100 ns, and a checksum, which must not depend on who runs it.
 */
#include <stdint.h>

int main(void);
void on_fault(uint64_t address);
void in_user_mode(void (*fn)(void));

#define TEXT(x) #x
#define NAME(x) TEXT(x)

static void put(char c)
{
    register uint64_t a0 __asm__("a0") = (uint8_t)c;
    register uint64_t a7 __asm__("a7") = 1;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory", "a1");
}

static void put_number(uint64_t v)
{
    char digits[20];
    int n = 0;

    do {
        digits[n++] = '0' + v % 10;
        v /= 10;
    } while (v);
    while (n) {
        put(digits[--n]);
    }
}

static uint64_t now(void)
{
    uint64_t v;

    __asm__ volatile("rdtime %0" : "=r"(v));
    return v;
}

static uint64_t seed = 88172645463325252u;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- groups: each does its work once and returns a checksum ---- */

static uint8_t big[4 << 20] __attribute__((aligned(4096)));

__attribute__((unused)) static uint64_t integer(void)
{
    static const uint32_t k[8] = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
                                  0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5};
    uint32_t s[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint64_t sum = 0, primes = 0;

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))
    for (unsigned i = 0; i < 16000000; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t t = s[7] + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) +
                     ((e & s[5]) ^ (~e & s[6])) + k[i & 7];
        uint32_t u = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) +
                     ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

        for (unsigned j = 7; j > 0; j--) {
            s[j] = s[j - 1];
        }
        s[4] += t;
        s[0] = t + u;
    }
    for (unsigned i = 2; i < 1000000; i++) { /* trial division, a little */
        unsigned d = 3;

        while (d * d <= i && i % d) {
            d += 2;
        }
        primes += (i & 1) && d * d > i;
    }
    for (unsigned i = 0; i < 24000000; i++) { /* a bitwise CRC */
        sum ^= i;
        sum = sum & 1 ? sum >> 1 ^ 0xedb88320u : sum >> 1;
    }
    return sum + s[0] + primes;
}

__attribute__((noinline)) static uint64_t fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline)) static uint64_t f0(uint64_t v)
{
    return v + 1;
}
__attribute__((noinline)) static uint64_t f1(uint64_t v)
{
    return v ^ 0x55;
}
__attribute__((noinline)) static uint64_t f2(uint64_t v)
{
    return v * 3;
}
__attribute__((noinline)) static uint64_t f3(uint64_t v)
{
    return v - 7;
}

__attribute__((unused)) static uint64_t calls(void)
{
    static uint64_t (*const table[])(uint64_t) = {f0, f1, f2, f3};
    uint64_t v = 1;

    for (unsigned i = 0; i < 50000000; i++) {
        v = table[(v >> 3 ^ i) & 3](v);
    }
    return v + fib(35);
}

__attribute__((unused)) static uint64_t memory(void)
{
    uint64_t *words = (uint64_t *)big, sum = 0, at = 0;
    unsigned n = sizeof(big) / 8;

    for (unsigned i = 0; i < n; i++) {
        words[i] = next() % n;
    }
    for (unsigned i = 0; i < 12000000; i++) { /* chase */
        at = words[at] ^ (i & 1);
        sum += at;
    }
    for (unsigned round = 0; round < 60; round++) { /* sweep, with stores */
        for (unsigned i = 0; i < n; i += 1) {
            sum += words[i];
            words[i] = sum;
        }
    }
    return sum;
}

__attribute__((unused)) static uint64_t strings(void)
{
    uint64_t sum = 0;

    for (unsigned round = 0; round < 12; round++) {
        uint8_t *from = big, *to = big + (2 << 20);

        for (unsigned i = 0; i < 1 << 20; i++) { /* bytes */
            from[i] = i * 7 + round;
        }
        for (unsigned i = 0; i < 1 << 20; i += 32) { /* words, four at a time */
            uint64_t *a = (uint64_t *)(to + i), *b = (uint64_t *)(from + i);

            a[0] = b[0];
            a[1] = b[1];
            a[2] = b[2];
            a[3] = b[3];
        }
        for (unsigned i = 0; i < 1 << 20; i++) { /* compare */
            sum += to[i] == from[i];
        }
        for (uint8_t *p = to; p < to + (1 << 20); p++) { /* length */
            sum += *p != 0;
        }
    }
    return sum;
}

__attribute__((unused)) static uint64_t floating(void)
{
    double x = 0.5, y = 0.25, z = 1.5, sum = 0;
    float f = 1;
    uint64_t bits;

    for (unsigned i = 1; i < 4000000; i++) {
        double t = x * y + z;

        x = t / (1.0 + y * y);
        y = x - z * 0.125;
        z = (t + y) * 0.5;
        f = f * 0.75f + (float)(i & 7);
        sum += x > y ? x : z;
        sum += (double)f;
    }
    __builtin_memcpy(&bits, &sum, 8);
    return bits;
}

static void user_calls(void)
{
    register uint64_t a7 __asm__("a7") = 1;

    for (unsigned i = 0; i < 1000000; i++) {
        __asm__ volatile("ecall" : : "r"(a7) : "memory");
    }
    a7 = 99;
    __asm__ volatile("ecall" : : "r"(a7) : "memory");
    __builtin_unreachable();
}

__attribute__((unused)) static uint64_t system_calls(void)
{
    in_user_mode(user_calls);
    return 1;
}

/* Page tables: gigabytes one to one, and at 4 GiB pages that come when they are touched. */
static uint64_t root[512] __attribute__((aligned(4096))),
    middle[512] __attribute__((aligned(4096)));
static uint64_t leaf[512] __attribute__((aligned(4096)));
static uint64_t faults;

void on_fault(uint64_t address)
{
    leaf[address >> 12 & 511] = ((uint64_t)(uintptr_t)big + (address & 0x1ff000)) >> 2 | 0xc7;
    __asm__ volatile("sfence.vma %0" : : "r"(address) : "memory");
    faults++;
}

static void paging(void)
{
    for (unsigned i = 0; i < 4; i++) {
        root[i] = (uint64_t)i << 28 | 0xcf;
    }
    root[4] = (uint64_t)(uintptr_t)middle >> 2 | 1;
    middle[0] = (uint64_t)(uintptr_t)leaf >> 2 | 1;
    __asm__ volatile("csrw satp, %0\n sfence.vma"
                     :
                     : "r"((uint64_t)8 << 60 | (uint64_t)(uintptr_t)root >> 12)
                     : "memory");
}

__attribute__((unused)) static uint64_t page_faults(void)
{
    volatile uint64_t *far = (uint64_t *)(UINT64_C(4) << 30);
    uint64_t sum = 0;

    paging();
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i < 512; i++) {
            leaf[i] = 0;
        }
        __asm__ volatile("sfence.vma" : : : "memory");
        for (unsigned i = 0; i < 512; i++) {
            far[i * 512] = i;
            sum += far[i * 512];
        }
    }
    return sum + faults;
}

__attribute__((unused)) static uint64_t switches(void)
{
    uint64_t *words = (uint64_t *)big, sum = 0;

    paging();
    for (unsigned round = 0; round < 200000; round++) {
        uint64_t asid = (uint64_t)(round & 1) << 44;

        __asm__ volatile("csrw satp, %0\n sfence.vma"
                         :
                         : "r"((uint64_t)8 << 60 | asid | (uint64_t)(uintptr_t)root >> 12)
                         : "memory");
        for (unsigned i = 0; i < 16; i++) {
            sum += words[i * 512]++;
        }
    }
    return sum;
}

__attribute__((unused)) static uint64_t fresh_code(void)
{
    uint32_t *code = (uint32_t *)big;
    uint64_t v = 0;

    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < 32; i++) { /* addi a0, a0, N */
            code[i] = 0x00050513 | ((round + i) & 0x3ff) << 20;
        }
        code[32] = 0x00008067; /* ret */
        __asm__ volatile("fence.i" : : : "memory");
        v = ((uint64_t(*)(uint64_t))(uintptr_t)code)(v);
    }
    return v;
}

__attribute__((unused)) static uint64_t atomics(void)
{
    static uint64_t cell;
    uint64_t sum = 0;

    for (unsigned i = 0; i < 40000000; i++) {
        sum += __atomic_fetch_add(&cell, i, __ATOMIC_SEQ_CST);
        __atomic_exchange_n(&cell, sum, __ATOMIC_ACQ_REL);
    }
    return sum + cell;
}

int main(void)
{
    uint64_t begin = now(), sum = GROUP(), end = now();

    put('T');
    put(' ');
    put_number(end - begin);
    put(' ');
    put_number(sum);
    put('\n');
    return 0;
}
