/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Register sets between KVM and the vCPU's struct. Values are put into KVM by its own calls,
 * fetched, replaced in KVM by those of a reset, and stored: KVM then has what it had before, byte
 * for byte. So what is wrong or missing on either way shows.
 */
#include "bare.h"

#include "machine/accel/accel.h"
#include "machine/accel/kvm/kvm.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/interp.h"

#include <string.h>
#include <sys/ioctl.h>

struct fixture {
    struct bare *bare;
    struct accel_vm *vm;
    struct kvm_vcpu *vcpu;
};

/* All that KVM tells of a vCPU, but for machine-specific registers. */
struct sets {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debug;
    struct kvm_xcrs xcrs;
    struct kvm_vcpu_events events;
    struct kvm_mp_state mp;
    struct kvm_xsave xsave; /* last: clang wants that of what ends in an array of any length */
};

static bool have_kvm(void)
{
    g_autoptr(GError) error = NULL;

    if (accel_kvm.probe(true, &error)) {
        return true;
    }
    g_test_skip(error->message);
    return false;
}

static void fetch(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    kvm_state_fetch(f->vcpu, f->bare->c, &error);
    g_assert_no_error(error);
}

static void store(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    kvm_state_store(f->vcpu, f->bare->c, &error);
    g_assert_no_error(error);
}

/* KVM has the registers of a reset. */
static void start(struct fixture *f)
{
    g_autofree void *props = g_malloc0(accel_kvm.props_size);
    json_object *off = json_object_new_string("off");
    g_autoptr(GError) error = NULL;

    f->bare = bare_new("max");
    row_defaults(accel_kvm.props, props);
    g_assert_true(row_set(accel_kvm.props, props, "-accel kvm", "kernel-irqchip", off, &error));
    json_object_put(off);
    x86_interp_free(f->bare->c);
    f->vm = accel_kvm.vm_new(props, f->bare->bus, NULL, &error);
    g_assert_no_error(error);
    f->bare->c->cpu.arch = &x86_arch;
    g_assert_true(accel_kvm.vcpu_new(f->vm, &f->bare->c->cpu, &error));
    g_assert_no_error(error);
    f->vcpu = f->bare->c->cpu.accel;
    accel_kvm.state_set(f->vm, &f->bare->c->cpu);
    store(f);
}

static void stop(struct fixture *f)
{
    accel_kvm.vcpu_free(f->vm, &f->bare->c->cpu);
    accel_kvm.vm_free(f->vm);
    x86_interp_new(f->bare->c);
    bare_free(f->bare);
}

static void get_sets(const struct fixture *f, struct sets *s)
{
    int fd = f->vcpu->fd;

    memset(s, 0, sizeof(*s));
    g_assert_cmpint(ioctl(fd, KVM_GET_REGS, &s->regs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_SREGS, &s->sregs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_DEBUGREGS, &s->debug), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_XCRS, &s->xcrs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_XSAVE, &s->xsave), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_VCPU_EVENTS, &s->events), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_GET_MP_STATE, &s->mp), ==, 0);
}

static void set_sets(const struct fixture *f, struct sets *s)
{
    int fd = f->vcpu->fd;

    s->events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    g_assert_cmpint(ioctl(fd, KVM_SET_SREGS, &s->sregs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_REGS, &s->regs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_DEBUGREGS, &s->debug), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_XCRS, &s->xcrs), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_XSAVE, &s->xsave), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_VCPU_EVENTS, &s->events), ==, 0);
    g_assert_cmpint(ioctl(fd, KVM_SET_MP_STATE, &s->mp), ==, 0);
}

/* Each value differs from a reset's and from the others. x87: the stack's top is 5, four of its
 * registers are in use. */
static void make_values(struct sets *s)
{
    uint64_t *regs = (uint64_t *)(void *)&s->regs;
    uint8_t *x = (uint8_t *)s->xsave.region;
    struct kvm_segment *segments[] = {&s->sregs.es, &s->sregs.ds, &s->sregs.fs, &s->sregs.gs};

    for (unsigned i = 0; i < 17; i++) { /* the general ones and RIP */
        regs[i] = 0x1000 + 0x111 * i;
    }
    s->regs.rflags = 0x2 | 0x8d5 | 0x200;
    for (unsigned i = 0; i < G_N_ELEMENTS(segments); i++) {
        segments[i]->selector = 0x100 * (i + 1);
        segments[i]->base = 0x1000 * (i + 1);
    }
    s->sregs.gdt.base = 0x7000;
    s->sregs.gdt.limit = 0x17;
    s->sregs.idt.base = 0x8000;
    s->sregs.idt.limit = 0x3fe;
    s->sregs.cr2 = 0x12345678;
    s->sregs.cr3 = 0x5000;
    s->sregs.cr4 |= 0x600; /* OSFXSR, OSXMMEXCPT */
    for (unsigned i = 0; i < 4; i++) {
        s->debug.db[i] = 0x2000 + 0x100 * i;
    }
    s->xcrs.xcrs[0].value = 3;
    memset(x, 0, 512);
    memcpy(x, "\x7f\x02\x00\x29\xe1\x00\x34\x01", 8); /* FCW, FSW, FTW, FOP */
    memcpy(x + 24, "\xa0\x1f\x00\x00", 4);            /* MXCSR */
    for (unsigned i = 0; i < 8; i++) {
        memset(x + 32 + 16 * i, 0x21 + i, 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        memset(x + 160 + 16 * i, 0x61 + i, 16);
    }
    x[512] |= 3; /* XSTATE_BV: x87, SSE */
    s->events.nmi.masked = 1;
    s->events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
}

static void test_sets(void)
{
    struct fixture f;
    struct sets reset, values, was, now;

    if (!have_kvm()) {
        return;
    }
    start(&f);
    get_sets(&f, &reset);
    values = reset;
    make_values(&values);
    set_sets(&f, &values);
    get_sets(&f, &was); /* what this KVM makes of them */
    g_assert_cmpmem(&was.regs, sizeof(was.regs), &values.regs, sizeof(values.regs));
    fetch(&f);
    set_sets(&f, &reset);
    store(&f);
    get_sets(&f, &now);
    g_assert_cmpmem(&now.regs, sizeof(now.regs), &was.regs, sizeof(was.regs));
    g_assert_cmpmem(&now.sregs, sizeof(now.sregs), &was.sregs, sizeof(was.sregs));
    g_assert_cmpmem(&now.debug, sizeof(now.debug), &was.debug, sizeof(was.debug));
    g_assert_cmpmem(&now.xcrs, sizeof(now.xcrs), &was.xcrs, sizeof(was.xcrs));
    g_assert_cmpmem(&now.xsave, sizeof(now.xsave), &was.xsave, sizeof(was.xsave));
    g_assert_cmpmem(&now.events, sizeof(now.events), &was.events, sizeof(was.events));
    g_assert_cmpmem(&now.mp, sizeof(now.mp), &was.mp, sizeof(was.mp));
    stop(&f);
}

struct one_msr {
    uint32_t n, pad;
    struct kvm_msr_entry entry;
};

static uint64_t get_msr(const struct fixture *f, uint32_t index)
{
    struct one_msr one = {.n = 1, .entry.index = index};

    g_assert_cmpint(ioctl(f->vcpu->fd, KVM_GET_MSRS, &one), ==, 1);
    return one.entry.data;
}

static bool set_msr(const struct fixture *f, uint32_t index, uint64_t value)
{
    struct one_msr one = {.n = 1, .entry = {.index = index, .data = value}};

    return ioctl(f->vcpu->fd, KVM_SET_MSRS, &one) == 1;
}

static void test_msrs(void)
{
    static const struct {
        uint32_t index;
        uint64_t value;
    } rows[] = {
        {0x174, 0x10},
        {0x175, 0x1111},
        {0x176, 0x2222},
        {0x200, 0x10006},
        {0x201, 0xfff00800},
        {0x250, 0x0606060606060606},
        {0x26f, 0x0505050505050505},
        {0x277, 0x0001040500070106},
        {0x2ff, 0xc06},
        {0xc0000081, 0x0023001000000000},
        {0xc0000082, 0xffffffff81000000},
        {0xc0000083, 0xffffffff82000000},
        {0xc0000084, 0x47700},
        {0xc0000102, 0xffff888000000000},
    };
    uint64_t reset[G_N_ELEMENTS(rows)];
    struct fixture f;

    if (!have_kvm()) {
        return;
    }
    start(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        reset[i] = get_msr(&f, rows[i].index);
        g_assert_cmphex(reset[i], !=, rows[i].value);
        g_assert_true(set_msr(&f, rows[i].index, rows[i].value));
    }
    fetch(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(set_msr(&f, rows[i].index, reset[i]));
    }
    store(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("register 0x%x", rows[i].index);
        g_assert_cmphex(get_msr(&f, rows[i].index), ==, rows[i].value);
    }
    stop(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/accel/kvm-state/sets", test_sets);
    g_test_add_func("/accel/kvm-state/msrs", test_msrs);
    return g_test_run();
}
