/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/zero.h"
#include "block/block.h"

#include <string.h>

#define STEP 64 /* bytes */

bool zero_plain(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    for (; len >= STEP; len -= STEP, p += STEP) {
        uint64_t v[STEP / 8];

        memcpy(v, p, sizeof(v));
        if ((v[0] | v[1] | v[2] | v[3] | v[4] | v[5] | v[6] | v[7]) != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

#ifdef __x86_64__
#include <immintrin.h>

#define FAST_STEP 128

bool zero_has_fast(void)
{
    return __builtin_cpu_supports("avx2");
}

__attribute__((target("avx2"))) bool zero_fast(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    for (; len >= FAST_STEP; len -= FAST_STEP, p += FAST_STEP) {
        __m256i a = _mm256_loadu_si256((const __m256i *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)(p + 32));
        __m256i c = _mm256_loadu_si256((const __m256i *)(p + 64));
        __m256i d = _mm256_loadu_si256((const __m256i *)(p + 96));
        __m256i any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));

        if (!_mm256_testz_si256(any, any)) {
            return false;
        }
    }
    return zero_plain(p, len);
}
#else
bool zero_has_fast(void)
{
    return false;
}

bool zero_fast(const void *buf, size_t len)
{
    return zero_plain(buf, len);
}
#endif

/* Most data shows in one of three bytes. */
bool block_is_zero(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    if (len > 0 && (p[0] | p[len / 2] | p[len - 1]) != 0) {
        return false;
    }
    return len >= 256 && zero_has_fast() ? zero_fast(p, len) : zero_plain(p, len);
}
