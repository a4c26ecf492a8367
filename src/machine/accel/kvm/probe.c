/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether this host's KVM can be used. A host without the CPU's virtualization may still have the
 * device (KVM in software, on a page table of its own): it runs kernels made for it and little
 * else, so only a forced choice takes it.
 */
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What helps, where it is known. */
static const char *hint(int e)
{
    switch (e) {
    case EBUSY: return ": another hypervisor may hold the CPU's VMX or SVM; stop it first";
    case ENOMEM: return ": the host, or this process's cgroup, has too little memory";
    case EMFILE:
    case ENFILE: return " (ulimit -n is the limit)";
    case EIO: return ": KVM has given this machine up; the kernel's log may say why";
    case EFAULT: return ": memory of the guest that the host cannot give";
    default: return "";
    }
}

gboolean kvm_failed(const char *what, GError **error)
{
    int e = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(e), "KVM: %s: %s%s", what, g_strerror(e),
                hint(e));
    return FALSE;
}

static gboolean obstacle(int e, GError **error)
{
    struct kvm_host host;
    g_autofree char *why = NULL;

    kvm_host_look(&host, e);
    why = kvm_host_obstacle(&host);
    if (why) {
        g_set_error_literal(error, G_IO_ERROR,
                            e ? g_io_error_from_errno(e) : G_IO_ERROR_NOT_SUPPORTED, why);
    }
    return !why;
}

int kvm_open(GError **error)
{
    int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        obstacle(errno, error);
    }
    return fd;
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

    if (version < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    KVM_DEVICE " is not KVM's device: %s", g_strerror(errno));
        return FALSE;
    }
    if (version != KVM_API_VERSION) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    KVM_DEVICE " speaks version %d of KVM's interface, not %d", version,
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

gboolean kvm_probe(bool forced, GError **error)
{
    int fd = kvm_open(error);
    gboolean ok =
        fd >= 0 && kvm_check(fd, error) && (forced || (obstacle(0, error) && kvm_trial(fd, error)));

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* ---- what is known, for people ---- */

static void describe_host(const struct kvm_host *h, GString *out)
{
    g_string_append_printf(out, "CPU: %s%s\n",
                           h->vmx   ? "VMX"
                           : h->svm ? "SVM"
                                    : "neither VMX nor SVM",
                           h->hypervisor ? ", under a hypervisor" : "");
    g_string_append_printf(out, "kernel modules: %s\n",
                           h->intel ? "kvm_intel"
                           : h->amd ? "kvm_amd"
                           : h->pvm ? "kvm_pvm"
                                    : "none known");
}

static void describe_numbers(int fd, GString *out)
{
    static const struct {
        const char *name;
        int number;
    } rows[] = {
        {"vCPUs at most", KVM_CAP_MAX_VCPUS},
        {"memory slots", KVM_CAP_NR_MEMSLOTS},
    };

    g_string_append_printf(out, "interface: %d\n", ioctl(fd, KVM_GET_API_VERSION, 0));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_string_append_printf(out, "%s: %d\n", rows[i].name,
                               ioctl(fd, KVM_CHECK_EXTENSION, rows[i].number));
    }
}

gboolean kvm_diagnose(GString *out, GError **error)
{
    g_autoptr(GError) why = NULL;
    struct kvm_host host;
    int fd = kvm_open(&why);

    kvm_host_look(&host, 0);
    g_string_append_printf(out, "device: %s%s\n", KVM_DEVICE,
                           fd >= 0       ? ""
                           : host.device ? " (cannot be opened)"
                                         : " (missing)");
    describe_host(&host, out);
    if (fd >= 0 && kvm_check(fd, &why)) {
        describe_numbers(fd, out);
        g_string_append_printf(out, "a guest of a few instructions: %s\n",
                               kvm_trial(fd, &why) ? "runs" : why->message);
        g_clear_error(&why);
    }
    if (fd >= 0) {
        close(fd);
    }
    return kvm_probe(false, error);
}
