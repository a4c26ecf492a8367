/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/setup.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/driver/qmp/process/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct setup {
    bool only_tell;
    GString *said;
};

/* "what: made", or "what: would be made". */
static void say(const struct setup *setup, const char *what, const char *done)
{
    g_string_append_printf(setup->said, "%s: %s%s\n", what, setup->only_tell ? "would be " : "",
                           done);
}

static void say_there(const struct setup *setup, const char *what)
{
    g_string_append_printf(setup->said, "%s: there\n", what);
}

/* Where root's programs are, whatever the caller's PATH is. */
static char *find_program(const char *name)
{
    static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};

    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autofree char *path = g_build_filename(dirs[i], name, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
            return g_steal_pointer(&path);
        }
    }
    return NULL;
}

static bool spawn(const char *path, const char *const *argv, const char *what, GError **error)
{
    g_autofree char *line = g_strjoinv(" ", (char **)argv), *complaint = NULL;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    int status;

    g_ptr_array_add(words, (char *)path);
    for (unsigned i = 1; argv[i] != NULL; i++) {
        g_ptr_array_add(words, (char *)argv[i]);
    }
    g_ptr_array_add(words, NULL);
    if (!g_spawn_sync("/", (char **)words->pdata, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                      NULL, &complaint, &status, error)) {
        return false;
    }
    return g_spawn_check_wait_status(status, NULL) ||
           fault_set_raw(error, FAULT_SYSTEM_ERROR, "%s: '%s' failed: %s", what, line,
                         g_strchomp(complaint));
}

/* Runs a program for what has to be done, unless it is only to be told. */
static bool command(const struct setup *setup, const char *what, const char *done,
                    const char *const *argv, GError **error)
{
    g_autofree char *path = find_program(argv[0]);

    if (path == NULL) {
        g_autofree char *line = g_strjoinv(" ", (char **)argv);

        return fault_set_raw(error, FAULT_SYSTEM_ERROR,
                             "%s: this host has no program %s; what it is wanted for: %s", what,
                             argv[0], line);
    }
    if (!setup->only_tell && !spawn(path, argv, what, error)) {
        return false;
    }
    say(setup, what, done);
    return true;
}

static bool make_group(const struct setup *setup, const char *name, GError **error)
{
    g_autofree char *what = g_strconcat("group ", name, NULL);

    if (getgrnam(name) != NULL) {
        say_there(setup, what);
        return true;
    }
    return command(setup, what, "made", (const char *[]){"groupadd", "--system", name, NULL},
                   error);
}

static bool make_account(const struct setup *setup, GError **error)
{
    g_autofree char *shell = find_program("nologin");

    if (getpwnam(ACCOUNT_NAME) != NULL) {
        say_there(setup, "account " ACCOUNT_NAME);
        return true;
    }
    return command(setup, "account " ACCOUNT_NAME, "made",
                   (const char *[]){"useradd", "--system", "--gid", ACCOUNT_NAME,
                                    "--no-create-home", "--home-dir", "/", "--shell",
                                    shell != NULL ? shell : "/bin/false", "--comment", ABOUT,
                                    ACCOUNT_NAME, NULL},
                   error);
}

/* True also for an account that is yet to be made. */
static bool lacks_group(const struct account *account, const char *name)
{
    const struct group *group = getgrnam(name);

    for (int i = 0; group != NULL && i < account->n_groups; i++) {
        if (account->groups[i] == group->gr_gid) {
            return false;
        }
    }
    return true;
}

static bool join_group(const struct setup *setup, GError **error)
{
    static const char what[] = "account " ACCOUNT_NAME " in group " KVM_GROUP;
    struct account account = {0};

    /* What is found is looked at as a start of a machine does: it must not be root's. */
    if ((!setup->only_tell || getpwnam(ACCOUNT_NAME) != NULL) && !account_find(&account, error)) {
        return false;
    }
    if (!lacks_group(&account, KVM_GROUP)) {
        say_there(setup, what);
        return true;
    }
    return command(
        setup, what, "added",
        (const char *[]){"usermod", "--append", "--groups", KVM_GROUP, ACCOUNT_NAME, NULL}, error);
}

static bool make_folder(const struct setup *setup, const struct folder *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder->path);

    if (!setup->only_tell &&
        (g_mkdir_with_parents(parent, 0755) != 0 || mkdir(folder->path, folder->mode) != 0)) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", folder->path);
    }
    say(setup, folder->path, "made");
    return true;
}

/* The mode last: changing an owner may take bits of it away. */
static bool mend(const struct folder *folder)
{
    auto_fd int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fchown(fd, 0, 0) == 0 && fchmod(fd, folder->mode) == 0;
}

static bool mend_folder(const struct setup *setup, const struct folder *folder,
                        const struct stat *now, GError **error)
{
    g_autofree char *done = g_strdup_printf("given to root with mode %04o (was %u:%u, %04o)",
                                            (unsigned)folder->mode, (unsigned)now->st_uid,
                                            (unsigned)now->st_gid, (unsigned)now->st_mode & 07777);

    if (!setup->only_tell && !mend(folder)) {
        return fault_set_errno(error, errno, "cannot change the directory '%s'", folder->path);
    }
    say(setup, folder->path, done);
    return true;
}

static bool ensure_folder(const struct setup *setup, const struct folder *folder, GError **error)
{
    struct stat now;

    if (stat(folder->path, &now) != 0) {
        return errno == ENOENT ? make_folder(setup, folder, error)
                               : fault_set_errno(error, errno, "cannot look at '%s'", folder->path);
    }
    if (!S_ISDIR(now.st_mode)) {
        return fault_set_raw(error, FAULT_SYSTEM_ERROR, "'%s' is there and no directory",
                             folder->path);
    }
    if ((now.st_mode & 07777) == folder->mode && now.st_uid == 0 && now.st_gid == 0) {
        say_there(setup, folder->path);
        return true;
    }
    return mend_folder(setup, folder, &now, error);
}

bool setup_host(bool only_tell, GString *said, GError **error)
{
    const struct setup setup = {only_tell, said};

    if (!only_tell && geteuid() != 0) {
        return fault_set_raw(error, FAULT_ACCESS_DENIED, "only root can set a host up");
    }
    if (!make_group(&setup, KVM_GROUP, error) || !make_group(&setup, ACCOUNT_NAME, error) ||
        !make_account(&setup, error) || !join_group(&setup, error)) {
        return false;
    }
    mode_t before = umask(022); /* which takes nothing from the modes of the table */
    bool good = true;

    for (unsigned i = 0; i < G_N_ELEMENTS(folders) && good; i++) {
        good = ensure_folder(&setup, &folders[i], error);
    }
    umask(before);
    return good;
}
