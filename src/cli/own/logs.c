/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs: what a domain's emulator said. Daemons write that to files on their host. */
#include "base/cleanup.h"
#include "cli/own/own.h"
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define LINES   40
#define MAX_LOG (64 * 1024 * 1024) /* bytes from a log's end that are read */

/* vivd names logs by UUID, libvirtd by name. To be freed by g_strfreev. */
static char **places(struct viv_object *domain, bool session)
{
    g_autofree char *uuid = cli_uuid(viv_object_uuid(domain));
    g_autofree char *ours = g_strconcat(uuid, ".log", NULL);
    g_autofree char *theirs = g_strconcat(viv_object_name(domain), ".log", NULL);
    GPtrArray *paths = g_ptr_array_new();
    const char *cache = g_get_user_cache_dir();

    if (session) {
        g_ptr_array_add(paths, g_build_filename(cache, "vivarium", "log", ours, NULL));
        g_ptr_array_add(paths, g_build_filename(cache, "libvirt", "qemu", "log", theirs, NULL));
    } else {
        g_ptr_array_add(paths, g_build_filename("/var/log/vivarium", ours, NULL));
        g_ptr_array_add(paths, g_build_filename("/var/log/libvirt/qemu", theirs, NULL));
    }
    g_ptr_array_add(paths, NULL);
    return (char **)g_ptr_array_free(paths, FALSE);
}

/* The first that is there; NULL with a message. To be freed. */
static char *find_log(struct cli *cli, struct viv_object *domain)
{
    char *uri = viv_uri(cli->connection);
    bool session = strstr(uri, "/session") != NULL;
    bool plain = strchr(viv_object_name(domain), '/') == NULL;
    g_auto(GStrv) paths = places(domain, session);

    viv_free(uri);
    for (char **path = paths; plain && *path != NULL; path++) {
        if (g_file_test(*path, G_FILE_TEST_EXISTS)) {
            return g_strdup(*path);
        }
    }
    g_autofree char *all = g_strjoinv(" or ", paths);

    cli_fail(cli, "domain '%s' has no log on this host (looked for %s): it was never started",
             viv_object_name(domain), all);
    return NULL;
}

/* The file's end, MAX_LOG at most; to be freed. */
static char *read_end(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > MAX_LOG ? size - MAX_LOG : 0;
    GString *text = g_string_new(NULL);
    char data[65536];
    ssize_t n;

    (void)lseek(fd, MAX(from, 0), SEEK_SET);
    while ((n = read(fd, data, sizeof(data))) != 0 && (n > 0 || errno == EINTR)) {
        g_string_append_len(text, data, MAX(n, 0));
    }
    return g_string_free(text, FALSE);
}

/* Where the last `count` lines begin; 0: all. */
static const char *last_lines(const char *text, unsigned count)
{
    const char *p = text + strlen(text);
    unsigned seen = 0;

    while (count > 0 && p > text) {
        if (p[-1] == '\n' && p[0] != '\0' && ++seen == count) {
            return p;
        }
        p--;
    }
    return text;
}

/* Control characters that a guest or an emulator wrote do not reach the terminal. */
static void print_clean(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];

        putchar((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
    }
    fflush(stdout);
}

/* What is new in the file; it begins anew when a daemon cut it. */
static void print_new(int fd)
{
    char data[65536];
    ssize_t n;
    struct stat st;

    if (fstat(fd, &st) == 0 && lseek(fd, 0, SEEK_CUR) > st.st_size) {
        (void)lseek(fd, 0, SEEK_SET);
    }
    while ((n = read(fd, data, sizeof(data))) > 0) {
        print_clean(data, (size_t)n);
    }
}

static bool follow(struct cli *cli, int fd, const char *path)
{
    auto_fd int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    sigset_t ends, before;

    if (changes < 0 || inotify_add_watch(changes, path, IN_MODIFY) < 0) {
        return cli_fail(cli, "cannot watch %s: %s", path, g_strerror(errno));
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, &before);
    auto_fd int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd polled[] = {{changes, POLLIN, 0}, {signals, POLLIN, 0}};
    struct signalfd_siginfo info;
    char events[4096];

    do {
        print_new(fd);
        while (poll(polled, G_N_ELEMENTS(polled), -1) < 0 && errno == EINTR) {
        }
        while (read(changes, events, sizeof(events)) > 0) {
        }
    } while (polled[1].revents == 0);
    while (read(signals, &info, sizeof(info)) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return true;
}

static bool show_log(struct cli *cli, int fd, unsigned count)
{
    g_autofree char *text = read_end(fd);
    const char *shown = last_lines(text, count);

    if (cli->json) {
        g_autofree char *valid = g_utf8_make_valid(shown, -1);
        g_auto(GStrv) lines = g_strsplit(g_strchomp(valid), "\n", -1);

        return show_words(cli, lines);
    }
    print_clean(shown, strlen(shown));
    return true;
}

bool own_logs(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    unsigned count = LINES;

    if (domain == NULL || !arg_u32(cli, args, "lines", &count)) {
        return false;
    }
    g_autofree char *path = find_log(cli, domain);

    if (path == NULL) {
        return false;
    }
    if (arg_given(args, "path")) {
        return show_line(cli, "Path", "%s", path);
    }
    if (cli->json && arg_given(args, "follow")) {
        return cli_fail(cli, "--follow gives no JSON");
    }
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return cli_fail(cli, "cannot open %s: %s", path, g_strerror(errno));
    }
    return show_log(cli, fd, count) && (!arg_given(args, "follow") || follow(cli, fd, path));
}
