/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an emulator's guests can have, compared with a <cpu> and with several. */
#include "manage/cpu/calls.h"
#include "manage/conf/fault.h"
#include "manage/cpu/arch.h"
#include "manage/driver/qmp/cpu/guest.h"
#include "manage/driver/qmp/cpu/subject.h"
#include "manage/driver/qmp/internal.h"

/* The documents come behind emulator, architecture, machine and type. */
enum { DOCUMENTS = 4 };

bool qmp_compare_hypervisor_cpu(struct call *call, GError **error)
{
    g_auto(subject_own) subject = {0};
    struct processor most;

    if (!subject_find(call, &subject, error)) {
        return false;
    }
    if (!arch_is_x86(subject.arch) || !guest_cpu_most(subject.emulator, &most)) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "QEMU '%s' does not support reporting CPU model for virttype '%s'",
                         subject.emulator->path, "qemu");
    }
    return calls_compare_with(call, DOCUMENTS, &most, error);
}

bool qmp_baseline_hypervisor_cpu(struct call *call, GError **error)
{
    g_auto(subject_own) subject = {0};
    struct model_offers offers;

    if (!subject_find(call, &subject, error)) {
        return false;
    }
    if (!arch_is_x86(subject.arch)) {
        return fault_set(error, FAULT_NO_SUPPORT,
                         "a baseline of CPUs of %s architecture is not built yet", subject.arch);
    }
    offers = guest_cpu_offers(subject.emulator);
    return calls_baseline_guests(call, DOCUMENTS, &offers, error);
}
