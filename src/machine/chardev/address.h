/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as options give them: path=, host= and port=, or fd=. */
#ifndef VIV_MACHINE_CHARDEV_ADDRESS_H
#define VIV_MACHINE_CHARDEV_ADDRESS_H

#include "machine/chardev/backend.h"

struct address_opts {
    char *path;
    bool abstract;
    bool tight;
    char *host;
    char *port;
    uint16_t to; /* highest port to try; 0: only `port` */
    int ipv4, ipv6;
    char *fd;
};

#define ADDRESS_ROWS(st, field)                                                                 \
    {"path", ROW_STR, ROW_FIELD(st, field.path), .help = "of a Unix socket"},                   \
        {"abstract", ROW_BOOL, ROW_FIELD(st, field.abstract), .def = "off",                     \
         .help = "the path is in Linux's abstract namespace"},                                  \
        {"tight", ROW_BOOL, ROW_FIELD(st, field.tight), .def = "on"},                           \
        {"host", ROW_STR, ROW_FIELD(st, field.host), .help = "of a TCP socket"},                \
        {"port", ROW_STR, ROW_FIELD(st, field.port), .help = "number or service name"},         \
        {"to", ROW_UINT, ROW_FIELD(st, field.to), .def = "0",                                   \
         .help = "a server tries ports up to this one"},                                        \
        {"ipv4", ROW_ON_OFF_AUTO, ROW_FIELD(st, field.ipv4)},                                   \
        {"ipv6", ROW_ON_OFF_AUTO, ROW_FIELD(st, field.ipv6)},                                   \
    {                                                                                           \
        "fd", ROW_STR, ROW_FIELD(st, field.fd), .help = "an open socket: number, or getfd name" \
    }

gboolean address_check(const struct address_opts *a, const char *id,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A listening, or a connected, blocking socket; -1 with an error. Name look-ups may block. */
int address_listen(const struct address_opts *a, const char *id, GError **error);
int address_connect(const struct address_opts *a, const char *id, GError **error);
/* fd=TEXT: a number inherited from the parent, or a name the monitor knows. Caller owns. */
int address_given_fd(struct chardev *c, const char *text, GError **error);
/* "unix:PATH", "tcp:HOST:PORT"; the port is the one `fd` is bound to, if it is open. */
char *address_name(const struct address_opts *a, int fd);
/* "HOST:PORT" of the other side. */
char *address_peer_name(int fd);

#endif
