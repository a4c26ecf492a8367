/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why this host has no KVM that can be used: the device, the kernel's modules and the CPU, put into
 * one line for the person who can change it.
 */
#include "machine/accel/kvm/kvm.h"

#include <cpuid.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static void look_at_cpu(struct kvm_host *h)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        h->vmx = c >> 5 & 1;
        h->hypervisor = c >> 31;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        h->svm = c >> 2 & 1;
    }
}

static bool has_module(const char *name)
{
    g_autofree char *path = g_strdup_printf("/sys/module/%s", name);

    return access(path, F_OK) == 0;
}

/* The group is one of this process's. */
static bool acts_as(gid_t group)
{
    int n = getgroups(0, NULL);
    g_autofree gid_t *list = g_new(gid_t, MAX(n, 1));

    n = n > 0 ? getgroups(n, list) : 0;
    for (int i = 0; i < n; i++) {
        if (list[i] == group) {
            return true;
        }
    }
    return getegid() == group;
}

/* The user is listed as a member of the group, whatever this process has. */
static bool is_member(const char *user, const struct group *group)
{
    for (char **member = group->gr_mem; *member; member++) {
        if (g_str_equal(*member, user)) {
            return true;
        }
    }
    return false;
}

static void look_at_rights(struct kvm_host *h)
{
    const struct passwd *user = getpwuid(geteuid());
    const struct group *group;
    struct stat st;

    h->superuser = geteuid() == 0;
    g_strlcpy(h->user, user ? user->pw_name : "USER", sizeof(h->user));
    h->device = stat(KVM_DEVICE, &st) == 0;
    if (!h->device) {
        return;
    }
    h->mode = st.st_mode & 0777;
    h->owner = st.st_uid == geteuid();
    h->in_group = acts_as(st.st_gid);
    group = getgrgid(st.st_gid);
    if (group) {
        g_strlcpy(h->group, group->gr_name, sizeof(h->group));
        h->member = is_member(h->user, group);
    } else {
        g_snprintf(h->group, sizeof(h->group), "%u", st.st_gid);
    }
}

void kvm_host_look(struct kvm_host *h, int error)
{
    *h = (struct kvm_host){
        .error = error,
        .intel = has_module("kvm_intel"),
        .amd = has_module("kvm_amd"),
        .pvm = has_module("kvm_pvm"),
    };
    look_at_cpu(h);
    look_at_rights(h);
}

/* ---- in words ---- */

static char *no_right(const struct kvm_host *h)
{
    unsigned mine = h->owner ? h->mode >> 6 : h->in_group ? h->mode >> 3 : h->mode;

    if (h->superuser || !h->device || (mine & 6) == 6) {
        return g_strdup("no permission to open " KVM_DEVICE ": its mode allows it, so a container, "
                        "a service or a security module forbids it");
    }
    if ((h->mode & 060) != 060) {
        return g_strdup_printf("no permission to open " KVM_DEVICE ": its mode %03o gives it to "
                               "its owner alone",
                               h->mode);
    }
    if (h->member) {
        return g_strdup_printf("no permission to open " KVM_DEVICE ": %s is in the group '%s', but "
                               "this session is older than that: log in again",
                               h->user, h->group);
    }
    return g_strdup_printf("no permission to open " KVM_DEVICE ": members of the group '%s' may "
                           "(as root: usermod -aG %s %s, then log in again)",
                           h->group, h->group, h->user);
}

static char *no_device(const struct kvm_host *h)
{
    const char *module = h->vmx ? "kvm_intel" : "kvm_amd", *way = h->vmx ? "VMX" : "SVM";

    if (h->vmx ? h->intel : h->svm && h->amd) {
        return g_strdup_printf("no " KVM_DEVICE ", though the kernel module %s is loaded: a "
                               "container must be given the device",
                               module);
    }
    if (h->vmx || h->svm) {
        return g_strdup_printf("no " KVM_DEVICE ": the kernel module %s is not loaded (as root: "
                               "modprobe %s; if that fails, the firmware has turned %s off)",
                               module, module, way);
    }
    if (h->hypervisor) {
        return g_strdup("no " KVM_DEVICE ": this host is a guest itself, and its hypervisor shows "
                        "it neither VMX nor SVM: nested virtualization is off there");
    }
    return g_strdup("no " KVM_DEVICE ": the CPU has neither VMX nor SVM, or the firmware has "
                    "turned it off");
}

static char *no_hardware(const struct kvm_host *h)
{
    if (h->pvm) {
        return g_strdup(KVM_DEVICE " is PVM's, without the CPU's help: it runs kernels made for it "
                                   "and little else; -accel kvm alone forces it");
    }
    return g_strdup(KVM_DEVICE " is there, but the CPU has neither VMX nor SVM: it is no "
                               "hardware's KVM; -accel kvm alone forces it");
}

char *kvm_host_obstacle(const struct kvm_host *h)
{
    switch (h->error) {
    case 0: return h->vmx || h->svm ? NULL : no_hardware(h);
    case EACCES:
    case EPERM: return no_right(h);
    case ENOENT:
    case ENXIO:
    case ENODEV: return no_device(h);
    case EMFILE:
    case ENFILE:
        return g_strdup("cannot open " KVM_DEVICE ": too many open files (ulimit -n is the limit)");
    default: return g_strdup_printf("cannot open " KVM_DEVICE ": %s", g_strerror(h->error));
    }
}
