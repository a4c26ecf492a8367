/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client of QMP (QEMU 7.2, docs/interop/qmp-spec): one socket, commands from any thread, events
 * and the end on the loop of a GMainContext. What the other side sends is bounded and checked.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_MONITOR_H
#define VIV_MANAGE_DRIVER_QMP_MONITOR_H

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

#define MONITOR_MAX_LINE (64 * 1024 * 1024) /* bytes of one message */
#define MONITOR_TIMEOUT  60                 /* seconds for a reply */

struct monitor;

struct monitor_user {
    /* An event; `data` is borrowed and may be NULL. The loop's thread, no lock held. */
    void (*event)(const char *name, json_object *data, void *opaque);
    /* The connection ended; no event comes after it. The loop's thread, once. */
    void (*gone)(void *opaque);
    /* Nothing is called any more: the user's reference to `opaque` goes. Any thread. */
    void (*release)(void *opaque);
    /* Asked while waiting for the socket or a reply: does that still make sense? NULL: always.
     * May be called with a lock of the monitor's held. */
    bool (*alive)(void *opaque);
    void *opaque;
};

/*
 * Connects to a listening Unix socket and negotiates; waits at most `seconds` for the socket to be
 * there (an emulator makes it).
 * NULL with code 38 or 1; `release` has then been called.
 */
struct monitor *monitor_connect(GMainContext *context, const char *path, unsigned seconds,
                                const struct monitor_user *user, GError **error);
struct monitor *monitor_ref(struct monitor *monitor);
void monitor_unref(struct monitor *monitor);
/*
 * Runs a command; takes `arguments` (NULL: none). The reply's "return" (owned), or NULL with code 1
 * and "internal error: unable to execute QEMU command 'x': why" as libvirt says it, code 68 when no
 * reply came in time, code 1 when the connection is gone. Any thread but the loop's.
 */
json_object *monitor_call(struct monitor *monitor, const char *command, json_object *arguments,
                          GError **error);
/*
 * A whole message of a client's own, whose "id" is replaced; takes it. The whole reply, errors too,
 * with "libvirt-N" as its id; NULL as above when none came.
 */
json_object *monitor_message(struct monitor *monitor, json_object *message, GError **error);
/* The same when the answer does not matter. */
bool monitor_do(struct monitor *monitor, const char *command, json_object *arguments,
                GError **error);
/* Gives the other side a copy of a descriptor under a name ("fd:NAME" in later commands). */
bool monitor_give_fd(struct monitor *monitor, const char *name, int fd, GError **error);
/* Process id of the other side, as the kernel says. */
int monitor_peer(const struct monitor *monitor);
/* User id of the other side; -1: unknown. */
long monitor_peer_user(const struct monitor *monitor);
/* Ends the connection and drops the opener's reference; `gone` is not called any more, calls that
 * wait fail. NULL does nothing. */
void monitor_close(struct monitor *monitor);

#endif
