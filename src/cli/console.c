/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console.h"

#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <viv/stream.h>

#define ESCAPE 0x1d /* ^] */

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* What the guest says; false at its end or on failure. */
static bool pass_out(struct cli *cli, struct viv_stream *stream)
{
    char data[4096];
    int64_t hole;
    ssize_t n = viv_stream_receive(stream, data, sizeof(data), &hole, cli_error(cli));

    return n > 0 && write_all(STDOUT_FILENO, data, (size_t)n);
}

/* What the user types; false after the escape or on failure. */
static bool pass_in(struct cli *cli, struct viv_stream *stream)
{
    char data[1024];
    ssize_t n = read(STDIN_FILENO, data, sizeof(data));

    if (n < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    const char *escape = memchr(data, ESCAPE, (size_t)n);
    size_t size = escape != NULL ? (size_t)(escape - data) : (size_t)n;

    return viv_stream_send(stream, data, size, cli_error(cli)) == 0 && escape == NULL && n > 0;
}

static void pass(struct cli *cli, struct viv_stream *stream, int signals)
{
    struct pollfd polled[] = {
        {viv_stream_fd(stream), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}};
    bool on = true;

    while (on) {
        if (poll(polled, G_N_ELEMENTS(polled), -1) < 0) {
            on = errno == EINTR;
            continue;
        }
        on = polled[2].revents == 0 && (polled[0].revents == 0 || pass_out(cli, stream)) &&
             (polled[1].revents == 0 || pass_in(cli, stream));
    }
}

/* The terminal gives every byte as it is typed; signals that end viv end the console first. */
static bool pass_raw(struct cli *cli, struct viv_stream *stream)
{
    struct termios before, raw;
    sigset_t ends, mask;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return cli_fail(cli, "unable to get tty attributes: %s", g_strerror(errno));
    }
    raw = before;
    cfmakeraw(&raw);
    sigemptyset(&ends);
    sigaddset(&ends, SIGHUP);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, &mask);
    int signals = signalfd(-1, &ends, SFD_CLOEXEC);

    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    pass(cli, stream, signals);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fd_close(&signals);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return cli->error == NULL;
}

static bool show(struct cli *cli, struct viv_object *domain, const char *device, unsigned flags,
                 bool paused)
{
    int active = viv_is_active(domain, cli_error(cli));

    if (active < 0) {
        return cli_fail(cli, "unable to get domain status");
    }
    if (active == 0) {
        return cli_fail(cli, "The domain is not running");
    }
    if (isatty(STDIN_FILENO) == 0) {
        return cli_fail(cli, "Cannot run interactive console without a controlling TTY");
    }
    printf("Connected to domain '%s'\nEscape character is ^] (Ctrl + ])\n",
           viv_object_name(domain));
    fflush(stdout);
    struct viv_stream *stream = viv_domain_console(domain, device, flags, cli_error(cli));
    bool good = stream != NULL && (!paused || viv_domain_resume(domain, cli_error(cli)) == 0) &&
                pass_raw(cli, stream);

    viv_stream_free(stream);
    return good;
}

bool console_show(struct cli *cli, struct viv_object *domain, const char *device, unsigned flags)
{
    return show(cli, domain, device, flags, false);
}

bool console_show_start(struct cli *cli, struct viv_object *domain)
{
    return show(cli, domain, NULL, 0, true);
}
