/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/process/account.h"

#include "manage/conf/fault.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

bool account_find(struct account *account, GError **error)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwnam_r(ACCOUNT_NAME, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL) {
        return fault_set(error, FAULT_SYSTEM_ERROR,
                         "there is no account '%s' for machines to run as: 'vivd --setup' makes "
                         "it, as root",
                         ACCOUNT_NAME);
    }
    if (found->pw_uid == 0 || found->pw_gid == 0) {
        return fault_set(error, FAULT_SYSTEM_ERROR,
                         "the account '%s' that machines run as has root's rights", ACCOUNT_NAME);
    }
    account->uid = found->pw_uid;
    account->gid = found->pw_gid;
    account->n_groups = ACCOUNT_MAX_GROUPS;
    if (getgrouplist(ACCOUNT_NAME, account->gid, account->groups, &account->n_groups) < 0) {
        return fault_set(error, FAULT_SYSTEM_ERROR, "the account '%s' is in more than %d groups",
                         ACCOUNT_NAME, ACCOUNT_MAX_GROUPS);
    }
    return true;
}

int account_become(const struct account *account)
{
    if (setgroups((size_t)account->n_groups, account->groups) != 0 ||
        setresgid(account->gid, account->gid, account->gid) != 0 ||
        setresuid(account->uid, account->uid, account->uid) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -errno;
    }
    return 0;
}
