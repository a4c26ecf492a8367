/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/agent/agent.h"

#include "manage/conf/fault.h"
#include "manage/driver/qmp/device/alias.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHANNEL  "org.qemu.guest_agent.0"
#define MAX_LINE (16 * 1024 * 1024)

/* One conversation; no lock. */
struct talk {
    int fd;
    gint64 until; /* monotonic */
    GByteArray *in;
};

static const struct xml *find_channel(struct domain *domain)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, "channel"); d != NULL;
         d = xml_next(devices, "channel", d)) {
        if (xml_is(xml_find(d, "target"), "name", CHANNEL) && xml_is(d, "type", "unix")) {
            return d;
        }
    }
    return NULL;
}

bool agent_is_open(struct domain *domain)
{
    return xml_is(xml_find(find_channel(domain), "target"), "state", "connected");
}

/* The path of its socket as the command line has it; to be freed. */
static char *path_of(struct domain *domain, const struct xml *channel)
{
    const char *path = xml_get(xml_find(channel, "source"), "path");
    unsigned n = 0;

    (void)alias_number(channel, &n);
    return path != NULL ? g_strdup(path)
                        : g_strdup_printf("%s/channel%u.sock", qmp_run_of(domain)->own, n);
}

static bool unresponsive(GError **error)
{
    return fault_set(error, FAULT_AGENT_UNRESPONSIVE, "Guest agent not available for now");
}

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Is the machine itself behind the socket? Then its port tells whether the guest has it open. */
static bool is_machine(int fd, int pid)
{
    struct ucred peer = {.pid = -1};
    socklen_t length = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == pid;
}

static bool wait_for(const struct talk *talk, short events)
{
    struct pollfd p = {.fd = talk->fd, .events = events};
    gint64 left = talk->until - g_get_monotonic_time();

    return left > 0 && poll(&p, 1, (int)(left / 1000) + 1) > 0;
}

static bool say(const struct talk *talk, json_object *message)
{
    g_autofree char *line = g_strdup_printf(
        "%s\n", json_object_to_json_string_ext(message, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
    size_t length = strlen(line), done = 0;

    while (done < length) {
        ssize_t n = send(talk->fd, line + done, length - done, MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
        if (n < 0 && !wait_for(talk, POLLOUT)) {
            return false;
        }
    }
    return true;
}

/* The next line that is an object; NULL when none comes in time. */
static json_object *hear(struct talk *talk)
{
    for (;;) {
        guint8 *end = talk->in->len > 0 ? memchr(talk->in->data, '\n', talk->in->len) : NULL;
        guint8 buffer[16384];
        ssize_t n;

        if (end != NULL) {
            guint length = (guint)(end - talk->in->data);
            struct json_tokener *tokener = json_tokener_new();
            json_object *value =
                json_tokener_parse_ex(tokener, (const char *)talk->in->data, (int)length);

            json_tokener_free(tokener);
            g_byte_array_remove_range(talk->in, 0, length + 1);
            if (json_object_is_type(value, json_type_object)) {
                return value;
            }
            json_object_put(value); /* what was left of another conversation */
            continue;
        }
        if (talk->in->len > MAX_LINE || !wait_for(talk, POLLIN)) {
            return NULL;
        }
        n = recv(talk->fd, buffer, sizeof(buffer), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return NULL;
        }
        g_byte_array_append(talk->in, buffer, n > 0 ? (guint)n : 0);
    }
}

/* Answers to what others asked before are heard and dropped until the one to our number. */
static bool synchronise(struct talk *talk)
{
    json_object *message = json_object_new_object(), *arguments = json_object_new_object();
    int64_t id = g_random_int_range(1, G_MAXINT);
    json_object *reply = NULL, *value = NULL;
    bool found = false;

    words_set(message, "execute", "guest-sync");
    words_set_int(arguments, "id", id);
    json_object_object_add(message, "arguments", arguments);
    if (say(talk, message)) {
        while (!found && (reply = hear(talk)) != NULL) {
            found = json_object_object_get_ex(reply, "return", &value) &&
                    json_object_is_type(value, json_type_int) && json_object_get_int64(value) == id;
            json_object_put(reply);
        }
    }
    json_object_put(message);
    return found;
}

/* Without the lock. NULL: no answer; with `seconds` 0 none is waited for and *ret_sent says all. */
static json_object *converse(int fd, json_object *message, int seconds, bool *ret_sent)
{
    struct talk talk = {.fd = fd, .in = g_byte_array_new()};
    json_object *reply = NULL;

    talk.until = g_get_monotonic_time() + AGENT_SECONDS * G_USEC_PER_SEC;
    *ret_sent = synchronise(&talk) && say(&talk, message);
    if (*ret_sent && seconds > 0) {
        talk.until = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
        reply = hear(&talk);
    }
    g_byte_array_free(talk.in, TRUE);
    return reply;
}

static int open_agent(struct domain *domain, GError **error)
{
    const struct xml *channel = find_channel(domain);
    g_autofree char *path = NULL;
    bool open;
    int fd;

    if (!domain_check_active(domain, error)) {
        return -1;
    }
    if (channel == NULL) {
        fault_set(error, FAULT_ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured");
        return -1;
    }
    open = xml_is(xml_find(channel, "target"), "state", "connected");
    path = path_of(domain, channel);
    fd = dial(path);
    if (fd < 0 || (!open && is_machine(fd, qmp_run_of(domain)->pid))) {
        fault_set(error, FAULT_AGENT_UNRESPONSIVE, "QEMU guest agent is not connected");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static bool exchange(struct domain *domain, json_object *message, int seconds,
                     json_object **ret_reply, GError **error)
{
    struct qmp_run *run = qmp_run_of(domain);
    json_object *reply;
    bool sent;
    int fd = open_agent(domain, error);

    if (fd < 0) {
        return false;
    }
    qmp_run_ref(run);
    object_unlock(&domain->object);
    reply = converse(fd, message, seconds, &sent);
    close(fd);
    object_lock(&domain->object);
    bool same = domain->private == run;

    qmp_run_unref(run);
    *ret_reply = reply;
    if (!same && seconds > 0) {
        json_object_put(reply);
        return fault_set(error, FAULT_OPERATION_FAILED, "domain is no longer running");
    }
    return reply != NULL || (sent && seconds == 0) || unresponsive(error);
}

bool agent_message(struct domain *domain, json_object *message, int seconds,
                   json_object **ret_reply, GError **error)
{
    bool good = exchange(domain, message, seconds, ret_reply, error);

    json_object_put(message);
    return good;
}

static json_object *message_of(const char *name, json_object *arguments)
{
    json_object *message = json_object_new_object();

    words_set(message, "execute", name);
    if (arguments != NULL) {
        json_object_object_add(message, "arguments", arguments);
    }
    return message;
}

/* Does the agent not know the command, or has it been told not to run it? */
static bool is_unknown(json_object *error)
{
    json_object *class = NULL;
    const char *name;

    json_object_object_get_ex(error, "class", &class);
    name = json_object_is_type(class, json_type_string) ? json_object_get_string(class) : "";
    return strcmp(name, "CommandNotFound") == 0 || strcmp(name, "CommandDisabled") == 0;
}

static bool ask(struct domain *domain, const char *name, json_object *arguments,
                json_object **ret_value, bool *ret_unknown, GError **error)
{
    json_object *reply = NULL, *value = NULL, *why = NULL;
    bool good;

    if (!agent_message(domain, message_of(name, arguments), AGENT_SECONDS, &reply, error)) {
        return false;
    }
    good = json_object_object_get_ex(reply, "return", &value);
    if (good && ret_value != NULL) {
        *ret_value = json_object_get(value);
    } else if (!good) {
        json_object_object_get_ex(reply, "error", &value);
        json_object_object_get_ex(value, "desc", &why);
        *ret_unknown = is_unknown(value);
        fault_set(error, FAULT_INTERNAL_ERROR, "unable to execute QEMU agent command '%s': %s",
                  name, why != NULL ? json_object_get_string(why) : "unknown QEMU command error");
    }
    json_object_put(reply);
    return good;
}

bool agent_command(struct domain *domain, const char *name, json_object *arguments,
                   json_object **ret_value, GError **error)
{
    bool unknown = false;

    return ask(domain, name, arguments, ret_value, &unknown, error);
}

bool agent_try(struct domain *domain, const char *name, json_object **ret_value, GError **error)
{
    g_autoptr(GError) why = NULL;
    bool unknown = false;

    *ret_value = NULL;
    if (ask(domain, name, NULL, ret_value, &unknown, &why) || unknown) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

bool agent_shutdown(struct domain *domain, const char *mode, GError **error)
{
    json_object *arguments = json_object_new_object(), *reply = NULL;

    words_set(arguments, "mode", mode);
    return agent_message(domain, message_of("guest-shutdown", arguments), 0, &reply, error);
}
