/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of a few instructions, to see that KVM runs one: software interrupts in real mode, which
 * a KVM without the CPU's help cannot.
 */
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 10000, PAGE = 4096, CODE = 0x100, HANDLER = 0x180, STACK = 0x800 };

struct trial {
    int vm_fd, fd;
    size_t run_size;
    struct kvm_run *run;
    uint8_t *page; /* the guest's only memory, at 0 */
};

/* Real mode: counts ROUNDS software interrupts in BX, then halts. */
static void write_guest(uint8_t *page)
{
    static const uint8_t code[] = {
        0xb9, ROUNDS & 0xff, ROUNDS >> 8, /* mov cx, ROUNDS */
        0xcd, 0x20,                       /* again: int 20h */
        0x49,                             /* dec cx */
        0x75, 0xfb,                       /* jnz again */
        0xf4,                             /* hlt */
    };
    static const uint8_t handler[] = {0x43, 0xcf}; /* inc bx; iret */

    memcpy(page + CODE, code, sizeof(code));
    memcpy(page + HANDLER, handler, sizeof(handler));
    page[4 * 0x20] = HANDLER & 0xff;
    page[4 * 0x20 + 1] = HANDLER >> 8;
}

static gboolean make_trial(struct trial *t, int fd, GError **error)
{
    struct kvm_userspace_memory_region region = {.memory_size = PAGE};
    int size = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);

    if (size < (int)sizeof(*t->run)) {
        return kvm_failed("says no size of a vCPU's page", error);
    }
    t->vm_fd = ioctl(fd, KVM_CREATE_VM, 0);
    if (t->vm_fd < 0) {
        return kvm_failed("cannot make a virtual machine", error);
    }
    t->run_size = size;
    if (ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SET_TSS_ADDR) > 0) {
        ioctl(t->vm_fd, KVM_SET_TSS_ADDR, 0xfffbd000);
    }
    t->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    region.userspace_addr = (uintptr_t)t->page;
    if (t->page == MAP_FAILED || ioctl(t->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0) {
        return kvm_failed("refuses memory", error);
    }
    write_guest(t->page);
    t->fd = ioctl(t->vm_fd, KVM_CREATE_VCPU, 0);
    if (t->fd < 0) {
        return kvm_failed("cannot make a vCPU", error);
    }
    t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
    return t->run != MAP_FAILED || kvm_failed("cannot map a vCPU's page", error);
}

static void free_trial(struct trial *t)
{
    if (t->run != MAP_FAILED) {
        munmap(t->run, t->run_size);
    }
    if (t->fd >= 0) {
        close(t->fd);
    }
    if (t->vm_fd >= 0) {
        close(t->vm_fd);
    }
    if (t->page != MAP_FAILED) {
        munmap(t->page, PAGE);
    }
}

static gboolean run_trial(struct trial *t, GError **error)
{
    struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 2};
    struct kvm_sregs sregs;
    int r;

    if (ioctl(t->fd, KVM_GET_SREGS, &sregs) < 0) {
        return kvm_failed("cannot get the registers", error);
    }
    sregs.cs.base = sregs.cs.selector = 0;
    if (ioctl(t->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(t->fd, KVM_SET_REGS, &regs) < 0) {
        return kvm_failed("refuses the registers", error);
    }
    do {
        r = ioctl(t->fd, KVM_RUN, 0);
    } while (r < 0 && errno == EINTR);
    if (r < 0 || ioctl(t->fd, KVM_GET_REGS, &regs) < 0) {
        return kvm_failed("cannot run a guest", error);
    }
    if (t->run->exit_reason != KVM_EXIT_HLT || (regs.rbx & 0xffff) != ROUNDS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    KVM_DEVICE " does not run a guest of a few instructions (exit %u)",
                    t->run->exit_reason);
        return FALSE;
    }
    return TRUE;
}

gboolean kvm_trial(int fd, GError **error)
{
    struct trial t = {.vm_fd = -1, .fd = -1, .run = MAP_FAILED, .page = MAP_FAILED};
    gboolean ok = make_trial(&t, fd, error) && run_trial(&t, error);

    free_trial(&t);
    return ok;
}
