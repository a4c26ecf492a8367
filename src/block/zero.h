/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * block_is_zero's two ways. The fast one needs AVX2; the plain one is its oracle and what other
 * hosts have. Any thread.
 */
#ifndef VIV_BLOCK_ZERO_H
#define VIV_BLOCK_ZERO_H

#include <stdbool.h>
#include <stddef.h>

/* All zero bytes? Any alignment, any length (0: yes). */
bool zero_plain(const void *buf, size_t len);
/* The same; only where zero_has_fast(). */
bool zero_fast(const void *buf, size_t len);
bool zero_has_fast(void);

#endif
