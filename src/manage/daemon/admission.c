/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/admission.h"

#include "manage/conf/fault.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

/* More groups than Linux allows a user. */
#define MAX_GROUPS   65537
#define RECORD_BYTES 65536

static char *user_name(uid_t uid, gid_t *ret_gid)
{
    g_autofree char *record = g_malloc(RECORD_BYTES);
    struct passwd user, *found = NULL;

    if (getpwuid_r(uid, &user, record, RECORD_BYTES, &found) != 0 || found == NULL) {
        return NULL;
    }
    *ret_gid = user.pw_gid;
    return g_strdup(user.pw_name);
}

static bool group_id(const char *name, gid_t *ret_gid)
{
    g_autofree char *record = g_malloc(RECORD_BYTES);
    struct group group, *found = NULL;

    if (getgrnam_r(name, &group, record, RECORD_BYTES, &found) != 0 || found == NULL) {
        return false;
    }
    *ret_gid = group.gr_gid;
    return true;
}

static bool is_member(const char *user, gid_t primary, gid_t wanted)
{
    g_autofree gid_t *groups = g_new(gid_t, MAX_GROUPS);
    int n = MAX_GROUPS;

    if (getgrouplist(user, primary, groups, &n) < 0) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (groups[i] == wanted) {
            return true;
        }
    }
    return false;
}

static bool refuse(const char *user, uid_t uid, const char *group, GError **error)
{
    g_autofree char *number = g_strdup_printf("%u", (unsigned)uid);
    g_autofree char *hint = NULL;

    user = user != NULL ? user : number;
    if (group == NULL) {
        return fault_set(error, FAULT_AUTH_FAILED, "this daemon serves user %u alone, not '%s'",
                         (unsigned)geteuid(), user);
    }
    fault_set(error, FAULT_AUTH_FAILED,
              "user '%s' is not in the group '%s', whose members may change machines", user, group);
    hint = g_strdup_printf("run 'usermod -aG %s %s' as root and log in again, or connect read-only",
                           group, user);
    if (error != NULL) {
        fault_set_hint(*error, hint);
    }
    return false;
}

bool admission_check(const struct admission *admission, const struct rpc_identity *who,
                     GError **error)
{
    gid_t wanted, primary = who->gid;

    if (who->uid == 0 || who->uid == geteuid()) {
        return true;
    }
    g_autofree char *user = user_name(who->uid, &primary);

    if (admission->session) {
        return refuse(user, who->uid, NULL, error);
    }
    if (group_id(admission->group, &wanted) &&
        (who->gid == wanted || (user != NULL && is_member(user, primary, wanted)))) {
        return true;
    }
    return refuse(user, who->uid, admission->group, error);
}
