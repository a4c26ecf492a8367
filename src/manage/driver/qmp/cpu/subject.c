/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/cpu/subject.h"

#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"
#include "manage/driver/qmp/internal.h"
#include "manage/host/cpu.h"

#include <string.h>

/* An emulator may serve an architecture beside its own. */
static bool serves(const struct emulator *emulator, const char *arch)
{
    return strcmp(emulator->arch, arch) == 0 ||
           (strcmp(emulator->arch, "x86_64") == 0 && strcmp(arch, "i686") == 0);
}

static bool check_type(const char *type, const char *path, GError **error)
{
    if (type == NULL || strcmp(type, "qemu") == 0) {
        return true;
    }
    return strcmp(type, "kvm") == 0 || strcmp(type, "xen") == 0
               ? fault_set(error, FAULT_INVALID_ARG,
                           "the accel '%s' is not supported by '%s' on this host",
                           strcmp(type, "kvm") == 0 ? "kvm" : "tcg", path)
               : fault_set(error, FAULT_INVALID_ARG, "unknown virttype: %s", type);
}

/* Of the emulator that the call names, or of the architecture's usual one. */
static char *find_path(const char *given, const char *arch, GError **error)
{
    char *path = given != NULL ? g_strdup(given) : qmp_emulator_path(arch);

    if (path == NULL) {
        fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                  "unable to find any emulator to serve '%s' architecture", arch);
    } else if (!g_path_is_absolute(path)) {
        fault_set(error, FAULT_INVALID_ARG, "emulator '%s' is not an absolute path", path);
        g_free(g_steal_pointer(&path));
    }
    return path;
}

static bool check(const struct subject *subject, const char *machine, GError **error)
{
    const struct emulator *emulator = subject->emulator;

    if (!serves(emulator, subject->arch)) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "architecture from emulator '%s' doesn't match given architecture '%s'",
                         emulator->arch, subject->arch);
    }
    return subject->machine != NULL ||
           fault_set(error, FAULT_INVALID_ARG, "the machine '%s' is not supported by emulator '%s'",
                     machine != NULL ? machine : "", emulator->path);
}

bool subject_find(struct call *call, struct subject *ret_subject, GError **error)
{
    const char *given = call_maybe_string(call, 0), *arch = call_maybe_string(call, 1);
    const char *machine = call_maybe_string(call, 2), *type = call_maybe_string(call, 3);
    struct qmp_host *state = call->host->state;
    g_autoptr(emulator_own) emulator = NULL;
    g_autofree char *path = NULL;
    struct host_cpu cpu;
    struct subject subject;

    host_cpu_read("", &cpu);
    if (arch != NULL && !arch_is_known(arch)) {
        return fault_set(error, FAULT_INVALID_ARG, "unknown architecture: %s", arch);
    }
    path = find_path(given, arch != NULL ? arch : cpu.arch, error);
    emulator = path != NULL ? qmp_emulator(state, path, error) : NULL;
    if (emulator == NULL || !check_type(type, path, error)) {
        return false;
    }
    subject = (struct subject){.emulator = emulator,
                               .machine = emulator_find_machine(emulator, machine),
                               .arch = arch != NULL ? arch : emulator->arch,
                               .session = state->session};
    if (!check(&subject, machine, error)) {
        return false;
    }
    *ret_subject = subject;
    ret_subject->emulator = g_steal_pointer(&emulator);
    return true;
}

void subject_clear(struct subject *subject)
{
    emulator_unref(subject->emulator);
    subject->emulator = NULL;
}
