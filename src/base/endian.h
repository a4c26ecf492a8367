/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unaligned little- and big-endian access to bytes: ld_le16, st_be64 and so on.
 * For buffers of one's own; guest RAM is touched only through machine/core/ram.h.
 */
#ifndef VIV_BASE_ENDIAN_H
#define VIV_BASE_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define VIV_ENDIAN_ACCESS(bits)                               \
    static inline uint##bits##_t ld_le##bits(const void *p)   \
    {                                                         \
        uint##bits##_t v;                                     \
        memcpy(&v, p, sizeof(v));                             \
        return le##bits##toh(v);                              \
    }                                                         \
    static inline uint##bits##_t ld_be##bits(const void *p)   \
    {                                                         \
        uint##bits##_t v;                                     \
        memcpy(&v, p, sizeof(v));                             \
        return be##bits##toh(v);                              \
    }                                                         \
    static inline void st_le##bits(void *p, uint##bits##_t v) \
    {                                                         \
        v = htole##bits(v);                                   \
        memcpy(p, &v, sizeof(v));                             \
    }                                                         \
    static inline void st_be##bits(void *p, uint##bits##_t v) \
    {                                                         \
        v = htobe##bits(v);                                   \
        memcpy(p, &v, sizeof(v));                             \
    }

VIV_ENDIAN_ACCESS(16)
VIV_ENDIAN_ACCESS(32)
VIV_ENDIAN_ACCESS(64)

#undef VIV_ENDIAN_ACCESS

#endif
