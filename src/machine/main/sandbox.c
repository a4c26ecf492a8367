/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/sandbox.h"

#include <gio/gio.h>
#include <seccomp.h>
#include <sys/prctl.h>

/* Never of use to a machine. */
static const int obsolete[] = {
    SCMP_SYS(acct),          SCMP_SYS(_sysctl),         SCMP_SYS(bdflush),
    SCMP_SYS(create_module), SCMP_SYS(get_kernel_syms), SCMP_SYS(query_module),
    SCMP_SYS(sgetmask),      SCMP_SYS(ssetmask),        SCMP_SYS(sysfs),
    SCMP_SYS(uselib),        SCMP_SYS(ustat),           SCMP_SYS(reboot),
    SCMP_SYS(kexec_load),    SCMP_SYS(init_module),     SCMP_SYS(delete_module),
    SCMP_SYS(swapon),        SCMP_SYS(swapoff),         SCMP_SYS(mount),
    SCMP_SYS(umount2),       SCMP_SYS(pivot_root),
};

static const int privileges[] = {
    SCMP_SYS(setuid),    SCMP_SYS(setgid),    SCMP_SYS(setreuid), SCMP_SYS(setregid),
    SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
    SCMP_SYS(setpgid),   SCMP_SYS(setsid),
};

static const int spawn[] = {SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve), SCMP_SYS(execveat)};

static const int resources[] = {
    SCMP_SYS(setpriority),       SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler),
    SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr),  SCMP_SYS(ioprio_set),
};

static int deny(scmp_filter_ctx filter, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int ret = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, calls[i], 0);

        if (ret < 0 && ret != -EDOM) { /* -EDOM: not on this architecture */
            return ret;
        }
    }
    return 0;
}

/* Without CLONE_THREAD a clone is a fork. */
static int deny_clone(scmp_filter_ctx filter)
{
    const scmp_datum_t thread = 0x00010000;

    return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, thread, 0));
}

static int fill(scmp_filter_ctx filter, const struct opt_sandbox *o)
{
    int ret = 0;

    if (o->obsolete == SANDBOX_DENY) {
        ret = deny(filter, obsolete, G_N_ELEMENTS(obsolete));
    }
    if (ret >= 0 && o->elevateprivileges == SANDBOX_DENY) {
        ret = deny(filter, privileges, G_N_ELEMENTS(privileges));
    }
    if (ret >= 0 && o->spawn == SANDBOX_DENY) {
        ret = deny(filter, spawn, G_N_ELEMENTS(spawn));
        ret = ret < 0 ? ret : deny_clone(filter);
    }
    if (ret >= 0 && o->resourcecontrol == SANDBOX_DENY) {
        ret = deny(filter, resources, G_N_ELEMENTS(resources));
    }
    ret = ret < 0 ? ret : seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    return ret < 0 ? ret : seccomp_load(filter);
}

gboolean sandbox_enter(const struct opt_sandbox *o, GError **error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int ret;

    if (o->elevateprivileges != SANDBOX_ALLOW) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
    ret = filter ? fill(filter, o) : -ENOMEM;
    seccomp_release(filter);
    if (ret < 0) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
                    "failed to install seccomp syscall filter in the kernel: %s", g_strerror(-ret));
        return FALSE;
    }
    return TRUE;
}
