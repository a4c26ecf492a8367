/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID under KVM: what the model has, without what this host's KVM cannot run and what its own
 * interrupt controller would be needed for; and KVM's leaves, by which a guest finds its clock.
 * Linux Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "machine/guest/x86/system/cpuid.h"
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>

#define MAX_ENTRIES 256

/* Leaf 1 ECX: MONITOR; x2APIC and the TSC deadline are the local APIC's, which may not be in KVM;
 * OSXSAVE follows CR4. The hypervisor bit is ours to give. */
#define X2APIC         (1u << 21)
#define TSC_DEADLINE   (1u << 24)
#define LEAF_1_ECX_OFF (1u << 3 | X2APIC | TSC_DEADLINE | 1u << 27)
#define HYPERVISOR     (1u << 31)
#define HTT            (1u << 28)
#define CMP_LEGACY     (1u << 1)
#define SVM            (1u << 2)

/* Leaf 40000001h: the clock (old and new), no delay at ports, the clock is stable. */
#define PV_FEATURES (1u << 0 | 1u << 1 | 1u << 3 | 1u << 24)

struct kvm_cpuid2 *kvm_cpuid_supported(int fd, GError **error)
{
    struct kvm_cpuid2 *all =
        g_malloc0(sizeof(*all) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2));

    all->nent = MAX_ENTRIES;
    if (ioctl(fd, KVM_GET_SUPPORTED_CPUID, all) < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                    "KVM: does not say what it supports: %s", g_strerror(errno));
        g_free(all);
        return NULL;
    }
    return all;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *all, uint32_t leaf,
                                           uint32_t subleaf)
{
    static const struct kvm_cpuid_entry2 nothing;

    for (unsigned i = 0; i < all->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &all->entries[i];

        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == subleaf)) {
            return e;
        }
    }
    return &nothing;
}

/* Takes from a leaf what KVM cannot run. */
static void restrict_leaf(struct kvm_cpuid_entry2 *e, const struct kvm_cpuid_entry2 *can)
{
    switch (e->function) {
    case 1:
        e->ecx &= (can->ecx & ~LEAF_1_ECX_OFF) | HYPERVISOR;
        e->edx &= can->edx | HTT;
        break;
    case 5: e->ecx = 0; break; /* MWAIT */
    case 7:
        e->ebx &= can->ebx;
        e->ecx &= can->ecx;
        e->edx &= can->edx;
        break;
    case 0xd:
        e->eax &= can->eax;
        if (e->index == 0) {
            e->edx &= can->edx;
        } else if (e->index > 1 && !can->eax) {
            e->ebx = e->ecx = 0;
        }
        break;
    case 0x80000001:
        e->ecx &= (can->ecx & ~SVM) | CMP_LEGACY;
        e->edx &= can->edx;
        break;
    case 0x80000007: e->edx &= can->edx; break;
    case 0x80000008: e->ebx &= can->ebx; break;
    default: break;
    }
}

static uint32_t lapic_features(const struct accel_vm *vm)
{
    return (find(vm->supported, 1, 0)->ecx & X2APIC) |
           (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0 ? TSC_DEADLINE : 0);
}

static void add(struct kvm_cpuid2 *set, const struct kvm_vcpu *v, const struct x86_cpu *c,
                uint32_t leaf, uint32_t subleaf, bool indexed)
{
    struct kvm_cpuid_entry2 *e = &set->entries[set->nent];
    uint32_t out[4];

    g_assert(set->nent < MAX_ENTRIES);
    x86_cpuid(c, leaf, subleaf, out);
    *e = (struct kvm_cpuid_entry2){.function = leaf,
                                   .index = subleaf,
                                   .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
                                   .eax = out[0],
                                   .ebx = out[1],
                                   .ecx = out[2],
                                   .edx = out[3]};
    restrict_leaf(e, find(v->vm->supported, leaf, subleaf));
    if (leaf == 1 && v->vm->split) {
        e->ecx |= out[2] & lapic_features(v->vm);
    }
    set->nent++;
}

static unsigned subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4: return 5;
    case 7: return 1;
    case 0xb: return 3;
    case 0xd: return 2;
    default: return 0;
    }
}

static void add_range(struct kvm_cpuid2 *set, const struct kvm_vcpu *v, const struct x86_cpu *c,
                      uint32_t first, uint32_t last)
{
    for (uint32_t leaf = first; leaf <= last && leaf - first < 0x20; leaf++) {
        unsigned n = subleaves(leaf);

        for (unsigned sub = 0; sub < MAX(n, 1); sub++) {
            add(set, v, c, leaf, sub, n > 0);
        }
        for (unsigned sub = 2; leaf == 0xd && sub < 63; sub++) {
            if (c->features->xcr0_allowed >> sub & 1) {
                add(set, v, c, leaf, sub, true);
            }
        }
    }
}

static void add_kvm(struct kvm_cpuid2 *set, const struct kvm_vcpu *v)
{
    const struct kvm_cpuid_entry2 *can = find(v->vm->supported, 0x40000001, 0);
    struct kvm_cpuid_entry2 *e = &set->entries[set->nent];

    e[0] = (struct kvm_cpuid_entry2){.function = 0x40000000, .eax = 0x40000001};
    memcpy(&e[0].ebx, "KVMK", 4);
    memcpy(&e[0].ecx, "VMKV", 4);
    memcpy(&e[0].edx, "M\0\0", 4);
    e[1] = (struct kvm_cpuid_entry2){.function = 0x40000001, .eax = can->eax & PV_FEATURES};
    set->nent += 2;
}

gboolean kvm_cpuid_set(struct kvm_vcpu *v, struct x86_cpu *c, GError **error)
{
    g_autofree struct kvm_cpuid2 *set =
        g_malloc0(sizeof(*set) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2));

    add_range(set, v, c, 0, c->features->level);
    add_range(set, v, c, 0x80000000, c->features->xlevel);
    if (x86_has(c->features, X86_FEAT_HYPERVISOR)) {
        add_kvm(set, v);
    }
    if (ioctl(v->fd, KVM_SET_CPUID2, set) < 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
                    "KVM: refuses the CPU model '%s': %s", c->features->model, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}
