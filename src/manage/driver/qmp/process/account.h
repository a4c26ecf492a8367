/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The account that the system daemon's machines run as: a guest that breaks out of its machine has
 * that account's rights and no more. */
#ifndef VIV_MANAGE_DRIVER_QMP_PROCESS_ACCOUNT_H
#define VIV_MANAGE_DRIVER_QMP_PROCESS_ACCOUNT_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define ACCOUNT_NAME       "vivarium"
#define ACCOUNT_MAX_GROUPS 32

struct account {
    uid_t uid;
    gid_t gid;
    gid_t groups[ACCOUNT_MAX_GROUPS];
    int n_groups;
};

/* False with code 38 that says how to make it, when there is none or it is root's. */
bool account_find(struct account *account, GError **error);
/* Makes the calling process the account's for good; for the time between fork and exec. Negative
 * errno. */
int account_become(const struct account *account) G_GNUC_WARN_UNUSED_RESULT;

#endif
