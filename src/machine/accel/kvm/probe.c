/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether this host's KVM can be used, and if not, why not. A host without the CPU's
 * virtualization may still have the device (KVM in software, on a page table of its own): it runs
 * kernels made for it and little else, so only a forced choice takes it.
 */
#include "machine/accel/kvm/kvm.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <grp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE "/dev/kvm"

gboolean kvm_failed(const char *what, GError **error)
{
    int e = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(e), "KVM: %s: %s", what, g_strerror(e));
    return FALSE;
}

static void explain_access(GError **error)
{
    struct stat st;
    bool known = stat(DEVICE, &st) == 0;
    const struct group *group = known ? getgrgid(st.st_gid) : NULL;
    g_autofree char *name = !known  ? NULL
                            : group ? g_strdup(group->gr_name)
                                    : g_strdup_printf("%u", st.st_gid);

    if (!known) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "no permission to open " DEVICE);
    } else if ((st.st_mode & S_IRGRP) && (st.st_mode & S_IWGRP)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "no permission to open " DEVICE ": members of the group '%s' may", name);
    } else {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                    "no permission to open " DEVICE ": only its owner may (mode %03o)",
                    st.st_mode & 0777);
    }
}

int kvm_open(GError **error)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        return fd;
    }
    switch (errno) {
    case EACCES:
    case EPERM: explain_access(error); break;
    case ENOENT:
    case ENXIO:
    case ENODEV:
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "no " DEVICE ": the kernel module kvm-intel or kvm-amd is not loaded, or the "
                    "CPU has no virtualization (or it is off in the firmware)");
        break;
    default:
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "cannot open " DEVICE ": %s",
                    g_strerror(errno));
        break;
    }
    return -1;
}

static const struct {
    int number;
    const char *name;
} needed[] = {
    {KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
    {KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM"},
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
    {KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
    {KVM_CAP_USER_NMI, "KVM_CAP_USER_NMI"},
    {KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"},
    {KVM_CAP_DEBUGREGS, "KVM_CAP_DEBUGREGS"},
    {KVM_CAP_XSAVE, "KVM_CAP_XSAVE"},
    {KVM_CAP_XCRS, "KVM_CAP_XCRS"},
    {KVM_CAP_GET_TSC_KHZ, "KVM_CAP_GET_TSC_KHZ"},
};

gboolean kvm_check(int fd, GError **error)
{
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);

    if (version != KVM_API_VERSION) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    DEVICE " speaks version %d of KVM's interface, not %d", version,
                    KVM_API_VERSION);
        return FALSE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].number) <= 0) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "this host's KVM lacks %s: its kernel is too old", needed[i].name);
            return FALSE;
        }
    }
    return TRUE;
}

/* ---- the CPU, and a guest ---- */

static bool cpu_virtualizes(void)
{
    unsigned a, b, c, d;

    return (__get_cpuid(1, &a, &b, &c, &d) && (c & 1u << 5)) ||        /* VMX */
           (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & 1u << 2)); /* SVM */
}

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

    t->vm_fd = ioctl(fd, KVM_CREATE_VM, 0);
    if (t->vm_fd < 0 || size < (int)sizeof(*t->run)) {
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
                    DEVICE " does not run a guest of a few instructions (exit %u)",
                    t->run->exit_reason);
        return FALSE;
    }
    return TRUE;
}

static gboolean try_guest(int fd, GError **error)
{
    struct trial t = {.vm_fd = -1, .fd = -1, .run = MAP_FAILED, .page = MAP_FAILED};
    gboolean ok;

    if (!cpu_virtualizes()) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    DEVICE " is there, but the CPU has neither VMX nor SVM: it is no hardware's "
                           "KVM; -accel kvm alone forces it");
        return FALSE;
    }
    ok = make_trial(&t, fd, error) && run_trial(&t, error);
    free_trial(&t);
    return ok;
}

gboolean kvm_probe(bool forced, GError **error)
{
    int fd = kvm_open(error);
    gboolean ok = fd >= 0 && kvm_check(fd, error) && (forced || try_guest(fd, error));

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}
