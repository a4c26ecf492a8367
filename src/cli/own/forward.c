/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward: ports of this host that lead to a guest's, while it runs. */
#include "base/cleanup.h"
#include "cli/own/address.h"
#include "cli/own/own.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PORTS 16
#define MAX_CALLS 128 /* at once; others wait to be accepted */
#define BUFFER    16384
#define ROUNDS    16 /* buffers of one connection before it is the next one's turn */

/* One direction of a connection. */
struct flow {
    int from, to;
    size_t start, end; /* of what is read and not written yet */
    bool ended;        /* `from` says no more, and `to` has been told */
    uint8_t data[BUFFER];
};

struct call {
    int near, far; /* the client's, the guest's */
    bool connected;
    struct flow there, back;
};

struct port {
    int fd; /* listens */
    struct addrinfo *target;
};

struct forward {
    struct port ports[MAX_PORTS];
    unsigned n_ports;
    GPtrArray *calls; /* struct call, owned */
};

static void call_free(gpointer opaque)
{
    struct call *call = opaque;

    fd_close(&call->near);
    fd_close(&call->far);
    g_free(call);
}

static void forward_clear(struct forward *forward)
{
    for (unsigned i = 0; i < forward->n_ports; i++) {
        fd_close(&forward->ports[i].fd);
        freeaddrinfo(forward->ports[i].target);
    }
    g_ptr_array_unref(forward->calls);
}

static struct addrinfo *resolve(struct cli *cli, const char *address, const char *port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(address, port, &hints, &found);

    if (status != 0) {
        cli_fail(cli, "%s port %s: %s", address, port, gai_strerror(status));
        return NULL;
    }
    return found;
}

/* The number of the port that it got; 0 on failure. */
static unsigned port_of(int fd)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof(own);
    char port[NI_MAXSERV] = "0";

    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
                   getnameinfo((struct sockaddr *)&own, length, NULL, 0, port, sizeof(port),
                               NI_NUMERICSERV) == 0
               ? (unsigned)g_ascii_strtoull(port, NULL, 10)
               : 0;
}

/* -1 with a message. */
static int listen_at(struct cli *cli, const char *address, const char *port)
{
    struct addrinfo *at = resolve(cli, address, port);
    const int on = 1;

    if (at == NULL) {
        return -1;
    }
    auto_fd int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 32) == 0;

    if (!good) {
        cli_fail(cli, "cannot listen at %s port %s: %s", address, port, g_strerror(errno));
    }
    freeaddrinfo(at);
    return good ? fd_steal(&fd) : -1;
}

static bool is_port(const char *text, unsigned least)
{
    guint64 value;

    return g_ascii_string_to_unsigned(text, 10, least, 65535, &value, NULL);
}

/* "8080:80", or "80" for the same on both; 0 is any port that is free. */
static bool add_port(struct cli *cli, struct forward *forward, const char *text, const char *listen,
                     const char *guest)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 3);
    unsigned n = g_strv_length(parts);

    if (n == 0 || n > 2 || !is_port(parts[0], n == 2 ? 0 : 1) || !is_port(parts[n - 1], 1)) {
        return cli_fail(cli, "'%s' is no port, nor two with a colon", text);
    }
    if (forward->n_ports == MAX_PORTS) {
        return cli_fail(cli, "these are more than %u ports", MAX_PORTS);
    }
    struct port port = {-1, resolve(cli, guest, parts[n - 1])};

    if (port.target == NULL) {
        return false;
    }
    port.fd = listen_at(cli, listen, parts[0]);
    forward->ports[forward->n_ports++] = port;
    return port.fd >= 0 && cli_say(cli, "Port %u of %s leads to port %s of %s\n", port_of(port.fd),
                                   listen, parts[n - 1], guest);
}

static void take_call(struct forward *forward, const struct port *port)
{
    int near = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (near < 0) {
        return;
    }
    const struct addrinfo *at = port->target;
    int far = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct call *call = g_new0(struct call, 1);

    call->near = near;
    call->far = far;
    call->there.from = call->back.to = near;
    call->there.to = call->back.from = far;
    if (far >= 0 && (connect(far, at->ai_addr, at->ai_addrlen) == 0 || errno == EINPROGRESS)) {
        g_ptr_array_add(forward->calls, call);
    } else {
        call_free(call);
    }
}

static bool is_later(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Some of what goes without waiting; false when the connection is broken. */
static bool flow_move(struct flow *flow)
{
    for (unsigned i = 0; i < ROUNDS && !flow->ended; i++) {
        if (flow->start == flow->end) {
            ssize_t n = recv(flow->from, flow->data, BUFFER, 0);

            if (n < 0) {
                return is_later();
            }
            flow->start = 0;
            flow->end = (size_t)n;
            flow->ended = n == 0;
            if (n == 0) {
                return shutdown(flow->to, SHUT_WR) == 0;
            }
        }
        ssize_t n = send(flow->to, flow->data + flow->start, flow->end - flow->start, MSG_NOSIGNAL);

        if (n < 0) {
            return is_later();
        }
        flow->start += (size_t)n;
    }
    return true;
}

/* False when it is over. */
static bool call_move(struct call *call, const struct pollfd *near, const struct pollfd *far)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (near->revents == 0 && far->revents == 0) {
        return true;
    }
    if (!call->connected) {
        if (getsockopt(call->far, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
            return false;
        }
        call->connected = true;
    }
    return flow_move(&call->there) && flow_move(&call->back) &&
           !(call->there.ended && call->back.ended);
}

static short flow_events(const struct flow *in, const struct flow *out)
{
    short events = !in->ended && in->start == in->end ? POLLIN : 0;

    return out->start < out->end ? events | POLLOUT : events;
}

/* What is waited for at both ends of a call; -1 where it is nothing, as ends that hung up are told
 * of always. */
static void call_poll(const struct call *call, struct pollfd *ret_near, struct pollfd *ret_far)
{
    short near = call->connected ? flow_events(&call->there, &call->back) : 0;
    short far = call->connected ? flow_events(&call->back, &call->there) : POLLOUT;

    *ret_near = (struct pollfd){near != 0 ? call->near : -1, near, 0};
    *ret_far = (struct pollfd){far != 0 ? call->far : -1, far, 0};
}

/* Until a signal comes. */
static void serve(struct forward *forward, int signals)
{
    struct pollfd polled[1 + MAX_PORTS + 2 * MAX_CALLS] = {{signals, POLLIN, 0}};
    const unsigned first = 1 + forward->n_ports;

    while (polled[0].revents == 0) {
        const unsigned calls = forward->calls->len;
        bool room = calls < MAX_CALLS;

        for (unsigned i = 0; i < forward->n_ports; i++) {
            polled[1 + i] = (struct pollfd){room ? forward->ports[i].fd : -1, POLLIN, 0};
        }
        for (unsigned i = 0; i < calls; i++) {
            call_poll(forward->calls->pdata[i], &polled[first + 2 * i], &polled[first + 2 * i + 1]);
        }
        if (poll(polled, first + 2 * calls, -1) < 0) {
            polled[0].revents = errno == EINTR ? 0 : POLLERR;
            continue;
        }
        for (unsigned i = calls; i-- > 0;) {
            if (!call_move(forward->calls->pdata[i], &polled[first + 2 * i],
                           &polled[first + 2 * i + 1])) {
                g_ptr_array_remove_index(forward->calls, i);
            }
        }
        for (unsigned i = 0; i < forward->n_ports; i++) {
            if (polled[1 + i].revents != 0 && forward->calls->len < MAX_CALLS) {
                take_call(forward, &forward->ports[i]);
            }
        }
    }
}

static void serve_until_interrupted(struct forward *forward)
{
    sigset_t ends, before;
    struct signalfd_siginfo info;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, &before);
    auto_fd int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);

    fflush(stdout);
    serve(forward, signals);
    while (read(signals, &info, sizeof(info)) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool own_forward(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *address = domain != NULL ? address_find(cli, args, domain) : NULL;
    const char *listen = arg_text(args, "listen");
    struct forward forward = {.calls = g_ptr_array_new_with_free_func(call_free)};
    bool good = address != NULL;

    for (char **text = arg_words(args, "port"); good && text != NULL && *text != NULL; text++) {
        good = add_port(cli, &forward, *text, listen != NULL ? listen : "127.0.0.1", address);
    }
    if (good) {
        serve_until_interrupted(&forward);
    }
    forward_clear(&forward);
    return good;
}
