/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models and CPUID. What a guest sees is ONE function of model, +/- features, topology and what
 * the accelerator supports. Names are QEMU's; bits are those of the Intel SDM (CPUID) and AMD APM.
 */
#ifndef VIV_MACHINE_GUEST_X86_SYSTEM_CPUID_H
#define VIV_MACHINE_GUEST_X86_SYSTEM_CPUID_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum x86_feature_word { /* one CPUID output register each */
                        FW_1_EDX,
                        FW_1_ECX,
                        FW_7_0_EBX,
                        FW_7_0_ECX,
                        FW_7_0_EDX,
                        FW_D_1_EAX,
                        FW_8000_0001_EDX,
                        FW_8000_0001_ECX,
                        FW_8000_0007_EDX,
                        FW_8000_0008_EBX,
                        FW_6_EAX,
                        FW_COUNT,
};

/* A feature is word * 32 + bit; 0 is FPU, which is always there, so 0 in a row means "always". */
#define X86_FEATURE(word, bit) ((word)*32 + (bit))

enum x86_feature {
    X86_FEAT_FPU = X86_FEATURE(FW_1_EDX, 0),
    X86_FEAT_VME = X86_FEATURE(FW_1_EDX, 1),
    X86_FEAT_DE = X86_FEATURE(FW_1_EDX, 2),
    X86_FEAT_PSE = X86_FEATURE(FW_1_EDX, 3),
    X86_FEAT_TSC = X86_FEATURE(FW_1_EDX, 4),
    X86_FEAT_MSR = X86_FEATURE(FW_1_EDX, 5),
    X86_FEAT_PAE = X86_FEATURE(FW_1_EDX, 6),
    X86_FEAT_CX8 = X86_FEATURE(FW_1_EDX, 8),
    X86_FEAT_SEP = X86_FEATURE(FW_1_EDX, 11),
    X86_FEAT_PGE = X86_FEATURE(FW_1_EDX, 13),
    X86_FEAT_CMOV = X86_FEATURE(FW_1_EDX, 15),
    X86_FEAT_PAT = X86_FEATURE(FW_1_EDX, 16),
    X86_FEAT_PSE36 = X86_FEATURE(FW_1_EDX, 17),
    X86_FEAT_CLFLUSH = X86_FEATURE(FW_1_EDX, 19),
    X86_FEAT_MMX = X86_FEATURE(FW_1_EDX, 23),
    X86_FEAT_FXSR = X86_FEATURE(FW_1_EDX, 24),
    X86_FEAT_SSE = X86_FEATURE(FW_1_EDX, 25),
    X86_FEAT_SSE2 = X86_FEATURE(FW_1_EDX, 26),
    X86_FEAT_SSE3 = X86_FEATURE(FW_1_ECX, 0),
    X86_FEAT_PCLMULQDQ = X86_FEATURE(FW_1_ECX, 1),
    X86_FEAT_MONITOR = X86_FEATURE(FW_1_ECX, 3),
    X86_FEAT_SSSE3 = X86_FEATURE(FW_1_ECX, 9),
    X86_FEAT_FMA = X86_FEATURE(FW_1_ECX, 12),
    X86_FEAT_CX16 = X86_FEATURE(FW_1_ECX, 13),
    X86_FEAT_PCID = X86_FEATURE(FW_1_ECX, 17),
    X86_FEAT_SSE41 = X86_FEATURE(FW_1_ECX, 19),
    X86_FEAT_SSE42 = X86_FEATURE(FW_1_ECX, 20),
    X86_FEAT_X2APIC = X86_FEATURE(FW_1_ECX, 21),
    X86_FEAT_MOVBE = X86_FEATURE(FW_1_ECX, 22),
    X86_FEAT_POPCNT = X86_FEATURE(FW_1_ECX, 23),
    X86_FEAT_TSC_DEADLINE = X86_FEATURE(FW_1_ECX, 24),
    X86_FEAT_AES = X86_FEATURE(FW_1_ECX, 25),
    X86_FEAT_XSAVE = X86_FEATURE(FW_1_ECX, 26),
    X86_FEAT_OSXSAVE = X86_FEATURE(FW_1_ECX, 27), /* dynamic: CR4.OSXSAVE */
    X86_FEAT_AVX = X86_FEATURE(FW_1_ECX, 28),
    X86_FEAT_F16C = X86_FEATURE(FW_1_ECX, 29),
    X86_FEAT_RDRAND = X86_FEATURE(FW_1_ECX, 30),
    X86_FEAT_HYPERVISOR = X86_FEATURE(FW_1_ECX, 31),
    X86_FEAT_FSGSBASE = X86_FEATURE(FW_7_0_EBX, 0),
    X86_FEAT_TSC_ADJUST = X86_FEATURE(FW_7_0_EBX, 1),
    X86_FEAT_BMI1 = X86_FEATURE(FW_7_0_EBX, 3),
    X86_FEAT_AVX2 = X86_FEATURE(FW_7_0_EBX, 5),
    X86_FEAT_SMEP = X86_FEATURE(FW_7_0_EBX, 7),
    X86_FEAT_BMI2 = X86_FEATURE(FW_7_0_EBX, 8),
    X86_FEAT_ERMS = X86_FEATURE(FW_7_0_EBX, 9),
    X86_FEAT_INVPCID = X86_FEATURE(FW_7_0_EBX, 10),
    X86_FEAT_RDSEED = X86_FEATURE(FW_7_0_EBX, 18),
    X86_FEAT_ADX = X86_FEATURE(FW_7_0_EBX, 19),
    X86_FEAT_SMAP = X86_FEATURE(FW_7_0_EBX, 20),
    X86_FEAT_CLFLUSHOPT = X86_FEATURE(FW_7_0_EBX, 23),
    X86_FEAT_CLWB = X86_FEATURE(FW_7_0_EBX, 24),
    X86_FEAT_SHA = X86_FEATURE(FW_7_0_EBX, 29),
    X86_FEAT_UMIP = X86_FEATURE(FW_7_0_ECX, 2),
    X86_FEAT_LA57 = X86_FEATURE(FW_7_0_ECX, 16),
    X86_FEAT_RDPID = X86_FEATURE(FW_7_0_ECX, 22),
    X86_FEAT_XSAVEOPT = X86_FEATURE(FW_D_1_EAX, 0),
    X86_FEAT_XSAVEC = X86_FEATURE(FW_D_1_EAX, 1),
    X86_FEAT_XGETBV1 = X86_FEATURE(FW_D_1_EAX, 2),
    X86_FEAT_XSAVES = X86_FEATURE(FW_D_1_EAX, 3),
    X86_FEAT_SYSCALL = X86_FEATURE(FW_8000_0001_EDX, 11),
    X86_FEAT_NX = X86_FEATURE(FW_8000_0001_EDX, 20),
    X86_FEAT_PDPE1GB = X86_FEATURE(FW_8000_0001_EDX, 26),
    X86_FEAT_RDTSCP = X86_FEATURE(FW_8000_0001_EDX, 27),
    X86_FEAT_LM = X86_FEATURE(FW_8000_0001_EDX, 29),
    X86_FEAT_LAHF_LM = X86_FEATURE(FW_8000_0001_ECX, 0),
    X86_FEAT_ABM = X86_FEATURE(FW_8000_0001_ECX, 5), /* LZCNT */
    X86_FEAT_3DNOWPREFETCH = X86_FEATURE(FW_8000_0001_ECX, 8),
};

struct x86_topology {
    unsigned sockets, dies, cores, threads; /* per the level above */
};

/* What one guest's CPUs have. Immutable once made. */
struct x86_features {
    const char *model; /* "qemu64" */
    uint32_t word[FW_COUNT];
    uint32_t vendor[3];              /* EBX, EDX, ECX of leaf 0 */
    uint32_t signature;              /* leaf 1 EAX */
    uint32_t level, xlevel, xlevel2; /* highest leaves */
    char brand[49];
    unsigned phys_bits, linear_bits;
    struct x86_topology topology;
    uint64_t tsc_khz;
    uint64_t xcr0_allowed;
};

static inline bool x86_has(const struct x86_features *f, unsigned feature)
{
    return f->word[feature / 32] >> (feature % 32) & 1;
}

/*
 * Reads QEMU's -cpu text ("qemu64,+aes,-sse4.2,enforce") and makes the features of a guest CPU.
 * What the execution engine (`supported`, one word each) lacks is dropped with a warning (check,
 * the default) or is an error that names each one (enforce).
 */
struct x86_features *x86_features_new(const char *cpu_text, const struct x86_topology *topology,
                                      const uint32_t supported[FW_COUNT], GPtrArray *ret_warnings,
                                      GError **error);
void x86_features_free(struct x86_features *f);
/* What the interpreter implements. */
void x86_interp_features(uint32_t ret[FW_COUNT]);

struct x86_cpu;
/* CPUID as an instruction: the leaf and subleaf to EAX, EBX, ECX, EDX. Needs the vCPU for OSXSAVE,
 * XCR0 and the APIC id. */
void x86_cpuid(const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t ret[4]);

/* APIC id of the index-th vCPU. */
uint32_t x86_apic_id(const struct x86_topology *topology, unsigned index);

/* Models for -cpu help and query-cpu-definitions; NULL ends. */
struct x86_model_info {
    const char *name, *description;
};
const struct x86_model_info *x86_models(void);
/* QEMU's name of a feature bit ("sse4.2"), or NULL. */
const char *x86_feature_name(unsigned feature);

#endif
