/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lesser and the greater of two numbers, each argument evaluated once. MIN and MAX of GLib
 * evaluate one of them twice, so they are for plain variables only (tools/checks/macros.py).
 */
#ifndef VIV_BASE_LEAST_H
#define VIV_BASE_LEAST_H

#include <stdint.h>

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
