/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUID instruction. Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E. */
#include "machine/guest/x86/system/cpuid.h"

#include "machine/guest/x86/state.h"

#include <string.h>

#define VENDOR_INTEL_EBX 0x756e6547u

enum out { EAX, EBX, ECX, EDX };

static const uint32_t interp_features[FW_COUNT] = {
    /* fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx fxsr sse
     * sse2 ss */
    [FW_1_EDX] = 0x0fcbfbfd,
    /* pni pclmulqdq monitor ssse3 cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes
     * xsave rdrand hypervisor */
    [FW_1_ECX] = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 9 | 1u << 13 | 1u << 17 | 1u << 19 | 1u << 20 |
                 1u << 21 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25 | 1u << 26 | 1u << 30 |
                 1u << 31,
    /* fsgsbase tsc-adjust bmi1 smep bmi2 erms invpcid rdseed adx smap clflushopt clwb sha-ni */
    [FW_7_0_EBX] = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 18 |
                   1u << 19 | 1u << 20 | 1u << 23 | 1u << 24 | 1u << 29,
    [FW_7_0_ECX] = 1u << 2 | 1u << 16 | 1u << 22, /* umip la57 rdpid */
    [FW_D_1_EAX] = 7,                             /* xsaveopt xsavec xgetbv1 */
    /* leaf 1's bits, syscall nx mmxext pdpe1gb rdtscp lm */
    [FW_8000_0001_EDX] =
        0x0183f3ff | 1u << 11 | 1u << 20 | 1u << 22 | 1u << 26 | 1u << 27 | 1u << 29,
    /* lahf-lm; svm as on a CPU whose firmware has locked it off (VM_CR.SVMDIS); abm
     * 3dnowprefetch */
    [FW_8000_0001_ECX] = 1u << 0 | 1u << 2 | 1u << 5 | 1u << 8,
    [FW_6_EAX] = 1u << 2, /* arat */
};

void x86_interp_features(uint32_t ret[FW_COUNT])
{
    memcpy(ret, interp_features, sizeof(interp_features));
}

static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;

    while (1u << bits < n) {
        bits++;
    }
    return bits;
}

static unsigned thread_bits(const struct x86_topology *t)
{
    return bits_for(MAX(t->threads, 1));
}

static unsigned core_bits(const struct x86_topology *t)
{
    return thread_bits(t) + bits_for(MAX(t->cores, 1));
}

static unsigned package_bits(const struct x86_topology *t)
{
    return core_bits(t) + bits_for(MAX(t->dies, 1));
}

uint32_t x86_apic_id(const struct x86_topology *t, unsigned index)
{
    unsigned threads = MAX(t->threads, 1), cores = MAX(t->cores, 1), dies = MAX(t->dies, 1);
    unsigned thread = index % threads, core = index / threads % cores;
    unsigned die = index / threads / cores % dies, socket = index / threads / cores / dies;

    return thread | core << thread_bits(t) | die << core_bits(t) | socket << package_bits(t);
}

static unsigned per_package(const struct x86_topology *t)
{
    return MAX(t->threads, 1) * MAX(t->cores, 1) * MAX(t->dies, 1);
}

static bool is_intel(const struct x86_features *f)
{
    return f->vendor[0] == VENDOR_INTEL_EBX;
}

static bool is_amd(const struct x86_features *f)
{
    return f->vendor[0] == 0x68747541u;
}

static void leaf_vendor(const struct x86_features *f, uint32_t level, uint32_t ret[4])
{
    ret[EAX] = level;
    ret[EBX] = f->vendor[0];
    ret[EDX] = f->vendor[1];
    ret[ECX] = f->vendor[2];
}

static void leaf_1(const struct x86_cpu *c, uint32_t ret[4])
{
    const struct x86_features *f = c->features;
    unsigned logical = per_package(&f->topology);

    ret[EAX] = f->signature;
    ret[EBX] = x86_apic_id(&f->topology, c->cpu.index) << 24 | 8 << 8;
    ret[ECX] = f->word[FW_1_ECX];
    ret[EDX] = f->word[FW_1_EDX];
    if (x86_has(f, X86_FEAT_XSAVE) && (c->cr4 & CR4_OSXSAVE)) {
        ret[ECX] |= 1u << 27;
    }
    if (logical > 1) {
        ret[EBX] |= logical << 16;
        ret[EDX] |= 1u << 28; /* HTT */
    }
}

/* Deterministic cache parameters: 32 KiB + 32 KiB L1, 4 MiB L2, 16 MiB L3, lines of 64 bytes. */
static void leaf_4(const struct x86_features *f, uint32_t subleaf, uint32_t ret[4])
{
    static const struct {
        uint32_t eax, ebx, ecx, edx;
    } cache[] = {
        {0x121, 0x1c0003f, 0x3f, 1},
        {0x122, 0x1c0003f, 0x3f, 1},
        {0x143, 0x3c0003f, 0xfff, 1},
        {0x163, 0x3c0003f, 0x3fff, 6},
    };
    const struct x86_topology *t = &f->topology;
    const unsigned sharing[] = {1, 1, MAX(t->threads, 1), 1u << core_bits(t)};
    unsigned cores = MAX(t->cores, 1) * MAX(t->dies, 1);

    if (subleaf >= G_N_ELEMENTS(cache)) {
        return;
    }
    ret[EAX] = cache[subleaf].eax | (sharing[subleaf] - 1) << 14 | (cores - 1) << 26;
    ret[EBX] = cache[subleaf].ebx;
    ret[ECX] = cache[subleaf].ecx;
    ret[EDX] = cache[subleaf].edx;
}

static void leaf_topology(const struct x86_cpu *c, uint32_t subleaf, uint32_t ret[4])
{
    const struct x86_topology *t = &c->features->topology;

    ret[ECX] = subleaf & 0xff;
    ret[EDX] = x86_apic_id(t, c->cpu.index);
    if (subleaf == 0) {
        ret[EAX] = thread_bits(t);
        ret[EBX] = MAX(t->threads, 1);
        ret[ECX] |= 1 << 8;
    } else if (subleaf == 1) {
        ret[EAX] = package_bits(t);
        ret[EBX] = per_package(t);
        ret[ECX] |= 2 << 8;
    }
}

/* XSAVE: the legacy area and header are 576 bytes; x87 and SSE lie in the former. */
static void leaf_d(const struct x86_cpu *c, uint32_t subleaf, uint32_t ret[4])
{
    const struct x86_features *f = c->features;

    if (!x86_has(f, X86_FEAT_XSAVE)) {
        return;
    }
    if (subleaf == 0) {
        ret[EAX] = f->xcr0_allowed;
        ret[EBX] = 576;
        ret[ECX] = 576;
        ret[EDX] = f->xcr0_allowed >> 32;
    } else if (subleaf == 1) {
        ret[EAX] = f->word[FW_D_1_EAX];
        ret[EBX] = ret[EAX] & (X86_FEATURE(0, 0) | 1u << 1 | 1u << 3) ? 576 : 0;
    }
}

static void basic(const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t ret[4])
{
    const struct x86_features *f = c->features;

    switch (leaf) {
    case 0: leaf_vendor(f, f->level, ret); break;
    case 1: leaf_1(c, ret); break;
    case 2:
        if (!is_amd(f)) {
            ret[EAX] = 1;
            ret[ECX] = 0x4d;     /* L3: 16 MiB */
            ret[EDX] = 0x2c307d; /* L1 data and instructions, L2 */
        }
        break;
    case 4:
        if (!is_amd(f)) {
            leaf_4(f, subleaf, ret);
        }
        break;
    case 5: ret[ECX] = 3; break; /* MWAIT: extensions, interrupts as break events */
    case 6: ret[EAX] = f->word[FW_6_EAX]; break;
    case 7:
        if (subleaf == 0) {
            ret[EBX] = f->word[FW_7_0_EBX];
            ret[ECX] = f->word[FW_7_0_ECX];
            ret[EDX] = f->word[FW_7_0_EDX];
        }
        break;
    case 0xb: leaf_topology(c, subleaf, ret); break;
    case 0xd: leaf_d(c, subleaf, ret); break;
    }
}

static void leaf_80000008(const struct x86_features *f, uint32_t ret[4])
{
    unsigned logical = per_package(&f->topology);

    ret[EAX] = f->phys_bits | (x86_has(f, X86_FEAT_LM) ? f->linear_bits << 8 : 0);
    ret[EBX] = f->word[FW_8000_0008_EBX];
    if (logical > 1) {
        ret[ECX] = package_bits(&f->topology) << 12 | (logical - 1);
    }
}

/* AMD: extended APIC id, core and node. */
static void leaf_8000001e(const struct x86_cpu *c, uint32_t ret[4])
{
    const struct x86_topology *t = &c->features->topology;
    uint32_t id = x86_apic_id(t, c->cpu.index);

    ret[EAX] = id;
    ret[EBX] = (MAX(t->threads, 1) - 1) << 8 | (id >> thread_bits(t) & 0xff);
    ret[ECX] = (MAX(t->dies, 1) - 1) << 8 | (id >> core_bits(t) & 0xff);
}

static void extended(const struct x86_cpu *c, uint32_t leaf, uint32_t ret[4])
{
    const struct x86_features *f = c->features;

    switch (leaf) {
    case 0x80000000: leaf_vendor(f, f->xlevel, ret); break;
    case 0x80000001:
        ret[EAX] = f->signature;
        ret[ECX] = f->word[FW_8000_0001_ECX];
        ret[EDX] = f->word[FW_8000_0001_EDX];
        if (per_package(&f->topology) > 1 && !is_intel(f)) {
            ret[ECX] |= 2; /* CmpLegacy */
        }
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: memcpy(ret, f->brand + (leaf - 0x80000002) * 16, 16); break;
    case 0x80000005:
        ret[EAX] = ret[EBX] = 0x01ff01ff; /* TLBs */
        ret[ECX] = ret[EDX] = 0x40020140; /* L1 caches */
        break;
    case 0x80000006:
        ret[EBX] = 0x42004200;
        ret[ECX] = 0x02008140;
        ret[EDX] = 0x00808140;
        break;
    case 0x80000007: ret[EDX] = f->word[FW_8000_0007_EDX]; break;
    case 0x80000008: leaf_80000008(f, ret); break;
    case 0x8000000a:
        if (x86_has(f, X86_FEATURE(FW_8000_0001_ECX, 2))) {
            ret[EAX] = 1;
            ret[EBX] = 0x10; /* address space ids */
        }
        break;
    case 0x8000001e:
        if (x86_has(f, X86_FEATURE(FW_8000_0001_ECX, 22))) {
            leaf_8000001e(c, ret);
        }
        break;
    }
}

void x86_cpuid(const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t ret[4])
{
    const struct x86_features *f = c->features;

    memset(ret, 0, 4 * sizeof(*ret));
    if (leaf >> 16 == 0x4000 && x86_has(f, X86_FEAT_HYPERVISOR)) {
        if (leaf == 0x40000000) {
            /* The interface followed is that of QEMU without KVM. */
            ret[EAX] = 0x40000001;
            memcpy(&ret[EBX], "TCGTCGTCGTCG", 12);
        }
        return;
    }
    if (leaf >> 31 && leaf <= f->xlevel) {
        extended(c, leaf, ret);
        return;
    }
    /* A leaf that is not there reads as the highest basic one. */
    basic(c, MIN(leaf, f->level), leaf > f->level ? 0 : subleaf, ret);
}
