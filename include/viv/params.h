/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Named values of several types: what tunes a domain, and what its statistics are made of.
 * Plain memory; any thread.
 */
#ifndef VIV_PARAMS_H
#define VIV_PARAMS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* libvirt's numbers. */
enum viv_param_type {
    VIV_PARAM_INT = 1,
    VIV_PARAM_UINT = 2,
    VIV_PARAM_INT64 = 3,
    VIV_PARAM_UINT64 = 4,
    VIV_PARAM_DOUBLE = 5,
    VIV_PARAM_BOOL = 6,
    VIV_PARAM_TEXT = 7,
};

struct viv_param {
    const char *name; /* NULL ends an array */
    enum viv_param_type type;
    union {
        int64_t number;   /* INT, INT64; BOOL: 0 or 1 */
        uint64_t natural; /* UINT, UINT64 */
        double real;
        const char *text;
    } value;
};

/* The value of that name in an array, or NULL. */
const struct viv_param *viv_params_find(const struct viv_param *params, const char *name);
/* Frees an array that a function of libviv gave, with its texts; NULL does nothing. */
void viv_params_free(struct viv_param *params);

#ifdef __cplusplus
}
#endif

#endif
