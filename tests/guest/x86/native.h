/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one instruction on the host's CPU from a given register state, and catches its exception.
 * x86-64 hosts only. One thread at a time; signal handlers are installed by native_new.
 */
#ifndef VIV_TESTS_GUEST_X86_NATIVE_H
#define VIV_TESTS_GUEST_X86_NATIVE_H

#include <stddef.h>
#include <stdint.h>

/* The legacy FXSAVE64 area. */
struct native_fx {
    uint16_t control, status;
    uint8_t tag, zero;
    uint16_t opcode;
    uint64_t ip, dp;
    uint32_t mxcsr, mxcsr_mask;
    struct {
        uint64_t mantissa;
        uint16_t sign_exponent, zero[3];
    } st[8]; /* in stack order */
    uint64_t xmm[16][2];
    uint8_t rest[96];
};

struct native_state {
    uint64_t gpr[16]; /* x86 numbering; RSP is neither loaded nor saved */
    uint64_t flags;   /* the six arithmetic flags */
    struct native_fx fx __attribute__((aligned(64)));
};

struct native;

/* The data page (its address is fixed and below 2 GiB) and NATIVE_DATA_SIZE bytes long. */
#define NATIVE_DATA      UINT64_C(0x30000000)
#define NATIVE_DATA_SIZE 0x1000u

struct native *native_new(void);
void native_free(struct native *n);

/* The host's view of the data page. */
uint8_t *native_data(struct native *n);

/* Runs `len` bytes of code once. 0, or the signal it raised; *state is what was left then. */
int native_run(struct native *n, const uint8_t *code, size_t len, struct native_state *state);

#endif
