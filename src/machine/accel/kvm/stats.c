/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's own counters of the machine and of a vCPU, by the descriptor that KVM gives for them
 * (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD), and ours beside them.
 */
#include "machine/accel/kvm/kvm.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MAX_STATS = 4096, MAX_NAME = 512, MAX_VALUES = 1024 };

int kvm_stats_open(const struct accel_vm *vm, int fd)
{
    return ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) > 0
               ? ioctl(fd, KVM_GET_STATS_FD, 0)
               : -1;
}

static bool read_at(int fd, void *to, size_t size, uint32_t at)
{
    return pread(fd, to, size, at) == (ssize_t)size;
}

static const char *type_name(uint32_t flags)
{
    switch (flags & KVM_STATS_TYPE_MASK) {
    case KVM_STATS_TYPE_CUMULATIVE: return "cumulative";
    case KVM_STATS_TYPE_INSTANT: return "instant";
    case KVM_STATS_TYPE_PEAK: return "peak";
    case KVM_STATS_TYPE_LINEAR_HIST: return "linear-histogram";
    case KVM_STATS_TYPE_LOG_HIST: return "log2-histogram";
    default: return NULL;
    }
}

/* FALSE: of a kind that is not known. */
static bool describe_unit(struct accel_stat *s, uint32_t flags)
{
    switch (flags & KVM_STATS_UNIT_MASK) {
    case KVM_STATS_UNIT_NONE: break;
    case KVM_STATS_UNIT_BYTES: s->unit = "bytes"; break;
    case KVM_STATS_UNIT_SECONDS: s->unit = "seconds"; break;
    case KVM_STATS_UNIT_CYCLES: s->unit = "cycles"; break;
    case KVM_STATS_UNIT_BOOLEAN: s->unit = "boolean"; break;
    default: return false;
    }
    switch (flags & KVM_STATS_BASE_MASK) {
    case KVM_STATS_BASE_POW10: s->base = 10; return true;
    case KVM_STATS_BASE_POW2: s->base = 2; return true;
    default: return false;
    }
}

static void tell(int fd, const struct kvm_stats_header *h, const struct kvm_stats_desc *d,
                 accel_stat_fn fn, void *opaque)
{
    struct accel_stat s = {.name = d->name,
                           .type = type_name(d->flags),
                           .exponent = d->exponent,
                           .bucket_size = d->bucket_size,
                           .n = d->size};
    g_autofree uint64_t *value = NULL;

    if (!s.type || !describe_unit(&s, d->flags) || s.n == 0 || s.n > MAX_VALUES) {
        return;
    }
    value = g_new(uint64_t, s.n);
    if (read_at(fd, value, s.n * sizeof(*value), h->data_offset + d->offset)) {
        s.value = value;
        fn(opaque, &s);
    }
}

void kvm_stats_read(int fd, accel_stat_fn fn, void *opaque)
{
    struct kvm_stats_header h;
    g_autofree struct kvm_stats_desc *d = NULL;
    size_t size;

    if (fd < 0 || !read_at(fd, &h, sizeof(h), 0) || h.num_desc > MAX_STATS || h.name_size == 0 ||
        h.name_size > MAX_NAME) {
        return;
    }
    size = sizeof(*d) + h.name_size;
    d = g_malloc(size);
    for (uint32_t i = 0; i < h.num_desc; i++) {
        if (!read_at(fd, d, size, h.desc_offset + i * size) || !memchr(d->name, 0, h.name_size)) {
            return;
        }
        tell(fd, &h, d, fn, opaque);
    }
}

void kvm_stats(struct accel_vm *vm, struct cpu *cpu, accel_stat_fn fn, void *opaque)
{
    const struct kvm_vcpu *v = cpu ? cpu->accel : NULL;
    uint64_t helped = __atomic_load_n(&vm->helped, __ATOMIC_RELAXED);
    const struct accel_stat own = {
        .name = "insn_interpreted", .type = "cumulative", .base = 10, .value = &helped, .n = 1};

    if (!cpu) {
        fn(opaque, &own);
    }
    kvm_stats_read(v ? v->stats_fd : cpu ? -1 : vm->stats_fd, fn, opaque);
}
