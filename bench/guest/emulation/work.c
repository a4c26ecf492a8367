/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work for translators, one group a program (-DGROUP=...). Prints how long it took by the machine's
 * clock, in ticks of 100 ns, and a checksum, which must not depend on who runs it.
 */
#include "arch.h"

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
    for (unsigned i = 0; i < 1000000; i++) {
        user_call();
    }
    user_end();
}

__attribute__((unused)) static uint64_t system_calls(void)
{
    in_user_mode(user_calls);
    return 1;
}

static uint64_t faults;

void on_fault(uint64_t address)
{
    map_far(address, big + (address & 0x1ff000));
    faults++;
}

__attribute__((unused)) static uint64_t page_faults(void)
{
    volatile uint64_t *far = (uint64_t *)FAR;
    uint64_t sum = 0;

    paging();
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = 0; i < 512; i++) {
            leaf[i] = 0;
        }
        forget_pages();
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
        switch_space(round & 1);
        for (unsigned i = 0; i < 16; i++) {
            sum += words[i * 512]++;
        }
    }
    return sum;
}

__attribute__((unused)) static uint64_t fresh_code(void)
{
    uint64_t v = 0;

    for (unsigned round = 0; round < 20000; round++) {
        write_code(big, round);
        v = ((uint64_t(*)(uint64_t))(uintptr_t)big)(v);
    }
    return v;
}

/* Four at a time, as compilers do it for loops over arrays. */
__attribute__((unused)) static uint64_t vectors(void)
{
    typedef uint32_t four __attribute__((vector_size(16)));
    typedef float real __attribute__((vector_size(16)));
    four *a = (four *)big, s = {1, 2, 3, 4};
    real *b = (real *)(big + (1 << 20)), f = {1, 2, 3, 4};
    uint32_t sum = 0;

    for (unsigned i = 0; i < 1 << 16; i++) {
        a[i] = (four){i, i * 3, i * 5, i * 7};
        b[i] = (real){(float)i, 0.5f, 0.25f, 0.125f};
    }
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 1 << 16; i++) {
            s = (s ^ a[i]) + (s << 5);
            a[i] = s & (s > a[i]);
            f = f * 0.5f + b[i];
            b[i] = f;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        sum += s[i] + (uint32_t)(int32_t)f[i];
    }
    return sum;
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
