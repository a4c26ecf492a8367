/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/monitor.h"

#include "manage/conf/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct monitor {
    gatomicrefcount refs; /* the opener's and the source's */
    int fd;
    struct monitor_user user;
    GMainContext *context;
    GMutex lock;
    GCond changed;       /* a reply came, or the end */
    GSource *source;     /* lock */
    GByteArray *in;      /* the loop's */
    GByteArray *out;     /* lock: what the other side did not take yet */
    GSource *writer;     /* lock: waits until it takes more; NULL while `out` is empty */
    int out_fd;          /* lock: goes with the byte of `out` at `out_fd_at`; -1: none */
    guint out_fd_at;     /* lock */
    GHashTable *replies; /* lock: id -> json_object, or NULL while waiting */
    uint64_t next_id;    /* lock */
    bool ended;          /* lock */
    bool closed;         /* lock: the user is gone: no calls up */
};

struct monitor *monitor_ref(struct monitor *monitor)
{
    g_atomic_ref_count_inc(&monitor->refs);
    return monitor;
}

static void drop_fd(struct monitor *monitor)
{
    if (monitor->out_fd >= 0) {
        close(monitor->out_fd);
        monitor->out_fd = -1;
    }
}

void monitor_unref(struct monitor *monitor)
{
    if (monitor == NULL || !g_atomic_ref_count_dec(&monitor->refs)) {
        return;
    }
    monitor->user.release(monitor->user.opaque);
    close(monitor->fd);
    drop_fd(monitor);
    g_byte_array_free(monitor->in, TRUE);
    g_byte_array_free(monitor->out, TRUE);
    g_hash_table_unref(monitor->replies);
    g_main_context_unref(monitor->context);
    g_mutex_clear(&monitor->lock);
    g_cond_clear(&monitor->changed);
    g_free(monitor);
}

static void put_reply(gpointer reply)
{
    json_object_put(reply);
}

/* A reply for a call that waits; what nobody waits for is dropped. */
static void give_reply(struct monitor *monitor, json_object *message, json_object *id)
{
    uint64_t number = (uint64_t)json_object_get_int64(id);

    g_mutex_lock(&monitor->lock);
    if (g_hash_table_contains(monitor->replies, &number)) {
        g_hash_table_insert(monitor->replies, g_memdup2(&number, sizeof(number)),
                            json_object_get(message));
        g_cond_broadcast(&monitor->changed);
    }
    g_mutex_unlock(&monitor->lock);
}

static bool may_call_up(struct monitor *monitor)
{
    g_mutex_lock(&monitor->lock);
    bool may = !monitor->closed;
    g_mutex_unlock(&monitor->lock);
    return may;
}

static bool take_line(struct monitor *monitor, const char *text, int length)
{
    struct json_tokener *tokener = json_tokener_new();
    json_object *message = json_tokener_parse_ex(tokener, text, length);
    json_object *member, *data = NULL;
    bool good = message != NULL && json_object_is_type(message, json_type_object);

    json_tokener_free(tokener);
    if (good && json_object_object_get_ex(message, "event", &member)) {
        json_object_object_get_ex(message, "data", &data);
        if (may_call_up(monitor)) {
            monitor->user.event(json_object_get_string(member), data, monitor->user.opaque);
        }
    } else if (good && json_object_object_get_ex(message, "id", &member)) {
        give_reply(monitor, message, member);
    }
    json_object_put(message);
    return good;
}

/* The lines that are complete; false when one is none of QMP's, or longer than any may be. */
static bool take_lines(struct monitor *monitor)
{
    guint start = 0;
    uint8_t *end;

    while ((end = memchr(monitor->in->data + start, '\n', monitor->in->len - start)) != NULL) {
        guint length = (guint)(end - (monitor->in->data + start));

        if (length > 1 &&
            !take_line(monitor, (const char *)monitor->in->data + start, (int)length)) {
            return false;
        }
        start += length + 1;
    }
    g_byte_array_remove_range(monitor->in, 0, start);
    return monitor->in->len <= MONITOR_MAX_LINE;
}

static void end(struct monitor *monitor)
{
    g_mutex_lock(&monitor->lock);
    monitor->ended = true;
    bool call = !monitor->closed;
    g_cond_broadcast(&monitor->changed);
    g_mutex_unlock(&monitor->lock);
    if (call) {
        monitor->user.gone(monitor->user.opaque);
    }
}

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct monitor *monitor = opaque;
    uint8_t buffer[16384];
    ssize_t n = read(fd, buffer, sizeof(buffer));

    (void)condition;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n > 0) {
        g_byte_array_append(monitor->in, buffer, (guint)n);
        if (take_lines(monitor)) {
            return G_SOURCE_CONTINUE;
        }
    }
    end(monitor);
    return G_SOURCE_REMOVE;
}

static void source_done(gpointer opaque)
{
    monitor_unref(opaque);
}

/* What is before the byte that a descriptor goes with, or from that on with the descriptor. */
static ssize_t send_part(struct monitor *monitor)
{
    bool with_fd = monitor->out_fd >= 0 && monitor->out_fd_at == 0;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec part = {.iov_base = monitor->out->data, .iov_len = monitor->out->len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    if (with_fd) {
        memcpy(CMSG_DATA(&control.header), &monitor->out_fd, sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
    } else if (monitor->out_fd >= 0) {
        part.iov_len = monitor->out_fd_at;
    }
    n = sendmsg(monitor->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0 && with_fd) {
        drop_fd(monitor);
    } else if (n > 0 && monitor->out_fd >= 0) {
        monitor->out_fd_at -= (guint)n;
    }
    return n;
}

/* As much as it takes now; false when it takes no more ever. With the lock held. */
static bool send_some(struct monitor *monitor)
{
    while (monitor->out->len > 0) {
        ssize_t n = send_part(monitor);

        if (n > 0) {
            g_byte_array_remove_range(monitor->out, 0, (guint)n);
        } else if (errno == EAGAIN) {
            return true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* What it leaves of a broken connection is the reading side's to find. */
static gboolean writable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct monitor *monitor = opaque;
    bool more;

    (void)fd;
    (void)condition;
    g_mutex_lock(&monitor->lock);
    more = !monitor->ended && send_some(monitor) && monitor->out->len > 0;
    if (!more && monitor->writer != NULL) {
        g_source_unref(g_steal_pointer(&monitor->writer));
    }
    g_mutex_unlock(&monitor->lock);
    return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void watch_writable(struct monitor *monitor)
{
    monitor->writer = g_unix_fd_source_new(monitor->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(monitor->writer, G_SOURCE_FUNC(writable), monitor_ref(monitor),
                          source_done);
    g_source_attach(monitor->writer, monitor->context);
}

static int try_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        close(fd);
        return -ENAMETOOLONG;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int number = errno;

        close(fd);
        return -number;
    }
    return fd;
}

static int wait_connect(const char *path, unsigned seconds, const struct monitor_user *user,
                        GError **error)
{
    gint64 until = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    int fd;

    while ((fd = try_connect(path)) < 0) {
        bool may_come = fd == -ENOENT || fd == -ECONNREFUSED;

        if (!may_come || (user->alive != NULL && !user->alive(user->opaque)) ||
            g_get_monotonic_time() > until) {
            fault_set_errno(error, -fd, "failed to connect to monitor socket '%s'", path);
            return -1;
        }
        g_usleep(5000);
    }
    return fd;
}

struct monitor *monitor_connect(GMainContext *context, const char *path, unsigned seconds,
                                const struct monitor_user *user, GError **error)
{
    int fd = wait_connect(path, seconds, user, error);
    struct monitor *monitor;

    if (fd < 0) {
        user->release(user->opaque);
        return NULL;
    }
    monitor = g_new0(struct monitor, 1);
    g_atomic_ref_count_init(&monitor->refs);
    g_atomic_ref_count_inc(&monitor->refs);
    monitor->fd = fd;
    monitor->out_fd = -1;
    monitor->user = *user;
    monitor->context = g_main_context_ref(context);
    g_mutex_init(&monitor->lock);
    g_cond_init(&monitor->changed);
    monitor->in = g_byte_array_new();
    monitor->out = g_byte_array_new();
    monitor->replies = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, put_reply);
    monitor->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(monitor->source, G_SOURCE_FUNC(readable), monitor, source_done);
    g_source_attach(monitor->source, context);
    if (!monitor_do(monitor, "qmp_capabilities", NULL, error)) {
        monitor_close(monitor);
        return NULL;
    }
    return monitor;
}

/* A copy of the descriptor goes with the next byte queued; one at a time. With the lock held. */
static bool queue_fd(struct monitor *monitor, int fd)
{
    if (fd < 0) {
        return true;
    }
    if (monitor->out_fd >= 0) {
        return false; /* it has not taken the one before */
    }
    monitor->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    monitor->out_fd_at = monitor->out->len;
    return monitor->out_fd >= 0;
}

/* Queues it; whole commands follow each other on the wire. With the lock held. */
static bool send_message(struct monitor *monitor, json_object *message, uint64_t id, int fd)
{
    g_autofree char *line = NULL;

    json_object_object_add(message, "id", json_object_new_int64((int64_t)id));
    line = g_strdup_printf("%s\r\n",
                           json_object_to_json_string_ext(
                               message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    if (monitor->out->len > MONITOR_MAX_LINE || !queue_fd(monitor, fd)) {
        return false; /* it reads nothing, and may have died of it */
    }
    g_byte_array_append(monitor->out, (const guint8 *)line, (guint)strlen(line));
    if (!send_some(monitor)) {
        monitor->ended = true;
        return false;
    }
    if (monitor->out->len > 0 && monitor->writer == NULL) {
        watch_writable(monitor);
    }
    return true;
}

/* The "return" of a reply, or its error in libvirt's words. Takes the reply. */
static json_object *unpack(json_object *reply, const char *command, GError **error)
{
    json_object *value = NULL, *why = NULL;

    if (json_object_object_get_ex(reply, "return", &value)) {
        value = value != NULL ? json_object_get(value) : json_object_new_object();
    } else {
        json_object_object_get_ex(reply, "error", &value);
        json_object_object_get_ex(value, "desc", &why);
        fault_set(error, FAULT_INTERNAL_ERROR, "unable to execute QEMU command '%s': %s", command,
                  why != NULL ? json_object_get_string(why) : "no reason given");
        value = NULL;
    }
    json_object_put(reply);
    return value;
}

/* Called and returns with the lock held. NULL: no reply came. */
static json_object *wait_reply(struct monitor *monitor, uint64_t id)
{
    gint64 until = g_get_monotonic_time() + (gint64)MONITOR_TIMEOUT * G_USEC_PER_SEC;
    json_object *reply;

    while ((reply = g_hash_table_lookup(monitor->replies, &id)) == NULL && !monitor->ended) {
        gint64 now = g_get_monotonic_time();

        if (now >= until) {
            break;
        }
        if (monitor->user.alive != NULL && !monitor->user.alive(monitor->user.opaque)) {
            monitor->ended = true;
            break;
        }
        g_cond_wait_until(&monitor->changed, &monitor->lock, MIN(until, now + G_USEC_PER_SEC));
    }
    json_object_get(reply);
    g_hash_table_remove(monitor->replies, &id);
    return reply;
}

/* The whole reply; takes the message, which `command` names in errors; with a descriptor, or -1. */
static json_object *exchange(struct monitor *monitor, json_object *message, const char *command,
                             int fd, uint64_t *ret_id, GError **error)
{
    json_object *reply = NULL;
    bool ended;

    g_mutex_lock(&monitor->lock);
    uint64_t id = *ret_id = ++monitor->next_id;

    ended = monitor->ended;
    g_hash_table_insert(monitor->replies, g_memdup2(&id, sizeof(id)), NULL);
    if (!ended && send_message(monitor, message, id, fd)) {
        reply = wait_reply(monitor, id);
    } else {
        g_hash_table_remove(monitor->replies, &id);
    }
    ended = monitor->ended;
    g_mutex_unlock(&monitor->lock);
    json_object_put(message);
    if (reply == NULL) {
        if (ended) {
            fault_set(error, FAULT_INTERNAL_ERROR, "End of file from qemu monitor");
        } else {
            fault_set(error, FAULT_OPERATION_TIMEOUT, "no reply to '%s' within %d seconds", command,
                      MONITOR_TIMEOUT);
        }
    }
    return reply;
}

static json_object *call_with(struct monitor *monitor, const char *command, json_object *arguments,
                              int fd, GError **error)
{
    json_object *message = json_object_new_object(), *reply;
    uint64_t id;

    json_object_object_add(message, "execute", json_object_new_string(command));
    if (arguments != NULL) {
        json_object_object_add(message, "arguments", arguments);
    }
    reply = exchange(monitor, message, command, fd, &id, error);
    return reply != NULL ? unpack(reply, command, error) : NULL;
}

json_object *monitor_call(struct monitor *monitor, const char *command, json_object *arguments,
                          GError **error)
{
    return call_with(monitor, command, arguments, -1, error);
}

bool monitor_give_fd(struct monitor *monitor, const char *name, int fd, GError **error)
{
    json_object *arguments = json_object_new_object(), *value;

    json_object_object_add(arguments, "fdname", json_object_new_string(name));
    value = call_with(monitor, "getfd", arguments, fd, error);
    json_object_put(value);
    return value != NULL;
}

json_object *monitor_message(struct monitor *monitor, json_object *message, GError **error)
{
    uint64_t id;
    json_object *reply = exchange(monitor, message, "command of a client", -1, &id, error);

    if (reply != NULL) {
        g_autofree char *name = g_strdup_printf("libvirt-%" G_GUINT64_FORMAT, id);

        json_object_object_add(reply, "id", json_object_new_string(name));
    }
    return reply;
}

bool monitor_do(struct monitor *monitor, const char *command, json_object *arguments,
                GError **error)
{
    json_object *value = monitor_call(monitor, command, arguments, error);

    json_object_put(value);
    return value != NULL;
}

long monitor_peer_user(const struct monitor *monitor)
{
    struct ucred peer = {.pid = -1};
    socklen_t length = sizeof(peer);

    return getsockopt(monitor->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? (long)peer.uid
                                                                                 : -1;
}

int monitor_peer(const struct monitor *monitor)
{
    struct ucred peer = {.pid = -1};
    socklen_t length = sizeof(peer);

    return getsockopt(monitor->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : -1;
}

void monitor_close(struct monitor *monitor)
{
    if (monitor == NULL) {
        return;
    }
    g_mutex_lock(&monitor->lock);
    monitor->closed = true;
    monitor->ended = true;
    if (monitor->writer != NULL) {
        g_source_destroy(monitor->writer);
        g_source_unref(g_steal_pointer(&monitor->writer));
    }
    g_cond_broadcast(&monitor->changed);
    g_mutex_unlock(&monitor->lock);
    shutdown(monitor->fd, SHUT_RDWR);
    g_source_destroy(monitor->source);
    g_source_unref(monitor->source);
    monitor_unref(monitor);
}
