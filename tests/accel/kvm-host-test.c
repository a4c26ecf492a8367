/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person is told where KVM cannot be used: one line for each kind of host. */
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    struct kvm_host host;
    const char *words; /* of the line; NULL: nothing stands in the way */
} rows[] = {
    {"vmx", {.vmx = true, .intel = true, .device = true}, NULL},
    {"svm", {.svm = true, .amd = true, .device = true}, NULL},
    {"pvm", {.pvm = true, .device = true, .hypervisor = true}, "PVM's"},
    {"no-hardware", {.device = true}, "neither VMX nor SVM"},
    {"no-module/intel", {.error = ENOENT, .vmx = true}, "modprobe kvm_intel"},
    {"no-module/amd", {.error = ENOENT, .svm = true}, "modprobe kvm_amd"},
    {"no-module/neither", {.error = ENOENT}, "the CPU has neither VMX nor SVM"},
    {"no-module/not-running", {.error = ENODEV, .vmx = true}, "the firmware has turned VMX off"},
    {"container", {.error = ENOENT, .vmx = true, .intel = true}, "container must be given"},
    {"nested", {.error = ENOENT, .hypervisor = true}, "nested virtualization is off"},
    {"no-right/group",
     {.error = EACCES, .vmx = true, .device = true, .mode = 0660, .user = "ann", .group = "kvm"},
     "members of the group 'kvm' may (as root: usermod -aG kvm ann, then log in again)"},
    {"no-right/old-session",
     {.error = EACCES, .device = true, .mode = 0660, .member = true, .user = "a", .group = "kvm"},
     "a is in the group 'kvm', but this session is older"},
    {"no-right/owner-only", {.error = EACCES, .device = true, .mode = 0600}, "mode 600 gives it"},
    {"no-right/root",
     {.error = EPERM, .device = true, .superuser = true, .mode = 0600},
     "a container, a service or a security module forbids it"},
    {"no-right/allowed-by-mode",
     {.error = EACCES, .device = true, .mode = 0666},
     "a container, a service or a security module forbids it"},
    {"no-right/in-group",
     {.error = EACCES, .device = true, .in_group = true, .mode = 0660, .group = "kvm"},
     "a container, a service or a security module forbids it"},
    {"files", {.error = EMFILE}, "ulimit -n"},
    {"other", {.error = EIO}, "cannot open /dev/kvm: "},
};

static void test_words(gconstpointer data)
{
    unsigned n = GPOINTER_TO_UINT(data);
    g_autofree char *line = kvm_host_obstacle(&rows[n].host);

    if (!rows[n].words) {
        g_assert_null(line);
        return;
    }
    g_test_message("%s", line);
    g_assert_nonnull(strstr(line, rows[n].words));
    g_assert_null(strchr(line, '\n'));
}

/* This host, by a second way: whatever it is, what was found out fits together. */
static void test_here(void)
{
    struct kvm_host host;
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) facts = g_string_new(NULL);
    gboolean usable;

    kvm_host_look(&host, 0);
    usable = kvm_diagnose(facts, &error);
    g_assert_cmpint(host.device, ==, g_file_test(KVM_DEVICE, G_FILE_TEST_EXISTS));
    g_assert_true(g_str_has_prefix(facts->str, "device: " KVM_DEVICE));
    g_assert_nonnull(strstr(facts->str, "CPU: "));
    if (usable) {
        g_assert_no_error(error);
        g_assert_true(host.device && (host.vmx || host.svm));
        g_assert_nonnull(strstr(facts->str, "a guest of a few instructions: runs\n"));
    } else {
        g_assert_nonnull(error);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        g_autofree char *path = g_strdup_printf("/kvm-host/words/%s", rows[n].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(n), test_words);
    }
    g_test_add_func("/kvm-host/here", test_here);
    return g_test_run();
}
