/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/setup.h"

#include "manage/driver/qmp/process/account.h"

#include <sys/types.h>

/* In both kinds of rules, and in what passwd(5) says of the account. */
#define ABOUT "Vivarium's machines"

/* Whose members may use /dev/kvm on Debian and its like. */
#define KVM_GROUP "kvm"

/*
 * All are root's. What vivd makes inside them has modes of its own; a folder that it takes for a
 * sign of an earlier start is not among them.
 */
static const struct folder {
    const char *path, *what;
    mode_t mode;
} folders[] = {
    {"/run/vivarium", "the sockets, and what runs", 0755},
    {"/var/lib/vivarium", "definitions, saved states, images; machines pass through", 0711},
    {"/var/log/vivarium", "what emulators said", 0700},
    {"/var/cache/vivarium", "what emulators can", 0700},
};

char *setup_sysusers(void)
{
    return g_strdup("# The account that vivd's machines run as; see vivd(8).\n"
                    "u " ACCOUNT_NAME " - \"" ABOUT "\"\n"
                    "m " ACCOUNT_NAME " " KVM_GROUP "\n");
}

char *setup_tmpfiles(void)
{
    GString *out = g_string_new("# The folders of vivd; see vivd(8).\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_string_append_printf(out, "# %s\nd %s %04o root root -\n", folders[i].what,
                               folders[i].path, (unsigned)folders[i].mode);
    }
    return g_string_free(out, FALSE);
}
