/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection: drivers inside this process, or a daemon's; one way to ask either. */
#include <viv/connection.h>

#include "manage/conf/fault.h"
#include "manage/core/connection.h"
#include "manage/driver/remote/remote.h"
#include "manage/driver/test/test.h"
#include "manage/lib/event-queue.h"
#include "manage/lib/internal.h"
#include "manage/rpc/stream-client.h"

#include <string.h>
#include <unistd.h>

struct viv_connection {
    gatomicrefcount refs;
    struct event_queue *events;
    struct registry *registry; /* frozen; in this process */
    struct connection *local;  /* frozen; or NULL */
    struct rpc_client *remote; /* frozen; or NULL */
    char *uri;                 /* frozen; as opened */
};

static const struct driver *const drivers[] = {&test_driver, NULL};

static void on_event(const struct proc *proc, GVariant *body, void *user)
{
    event_queue_add(((struct viv_connection *)user)->events, proc, body);
}

static void on_closed(void *user)
{
    event_queue_add(((struct viv_connection *)user)->events, NULL, NULL);
}

static const struct rpc_client_events client_events = {on_event, on_closed};

struct viv_connection *lib_connection_ref(struct viv_connection *connection)
{
    g_atomic_ref_count_inc(&connection->refs);
    return connection;
}

void lib_connection_unref(struct viv_connection *connection)
{
    if (!g_atomic_ref_count_dec(&connection->refs)) {
        return;
    }
    rpc_client_free(connection->remote);
    connection_close(connection->local);
    g_clear_pointer(&connection->registry, registry_free);
    event_queue_free(connection->events);
    g_free(connection->uri);
    g_free(connection);
}

static const char *default_uri(void)
{
    const char *uri = g_getenv("LIBVIRT_DEFAULT_URI");

    return uri != NULL && *uri != '\0' ? uri
           : geteuid() == 0            ? "qemu:///system"
                                       : "qemu:///session";
}

static bool open_it(struct viv_connection *connection, bool read_only, GError **error)
{
    if (!g_str_has_prefix(connection->uri, "test://")) {
        connection->remote =
            remote_open(connection->uri, read_only, &client_events, connection, error);
        return connection->remote != NULL;
    }
    connection->registry = registry_new(drivers, NULL);
    connection->local = connection_open(connection->registry, connection->uri, read_only, on_event,
                                        connection, error);
    return connection->local != NULL;
}

VIV_PUBLIC struct viv_connection *viv_open(const char *uri, unsigned flags,
                                           struct viv_error **ret_error)
{
    struct viv_connection *connection = g_new0(struct viv_connection, 1);
    GError *error = NULL;

    g_atomic_ref_count_init(&connection->refs);
    connection->events = event_queue_new();
    connection->uri = g_strdup(uri != NULL && *uri != '\0' ? uri : default_uri());
    if (!open_it(connection, (flags & VIV_OPEN_READ_ONLY) != 0, &error)) {
        lib_error_give(ret_error, error);
        lib_connection_unref(connection);
        return NULL;
    }
    return connection;
}

VIV_PUBLIC void viv_close(struct viv_connection *connection)
{
    if (connection != NULL) {
        lib_connection_unref(connection);
    }
}

VIV_PUBLIC char *viv_uri(struct viv_connection *connection)
{
    return g_strdup(connection->uri);
}

struct event_queue *lib_connection_events(struct viv_connection *connection)
{
    return connection->events;
}

/* `ret_stream` NULL: none follows. */
static GVariant *ask_local(struct viv_connection *connection, enum proc_id id, GVariant *args,
                           struct stream **ret_stream, GError **error)
{
    g_autoptr(GVariant) tuple =
        g_variant_ref_sink(args != NULL ? args : g_variant_new_tuple(NULL, 0));
    struct call call = {.proc = proc_get(id), .args = tuple};

    (void)g_variant_get_data(tuple); /* as from the wire: in one piece */
    bool good = connection_call(connection->local, &call, error);

    g_clear_pointer(&call.reply_fds, g_array_unref);
    if (good && call.reply == NULL) {
        call.reply = g_variant_ref_sink(g_variant_new_tuple(NULL, 0));
    }
    if (!good) {
        g_clear_pointer(&call.reply, g_variant_unref);
    } else if (ret_stream != NULL) {
        *ret_stream = call.stream;
    }
    return call.reply;
}

GVariant *lib_connection_ask(struct viv_connection *connection, enum proc_id id, GVariant *args,
                             struct viv_error **ret_error)
{
    GError *error = NULL;
    GVariant *reply = connection->remote != NULL
                          ? rpc_client_call(connection->remote, id, args, &error)
                          : ask_local(connection, id, args, NULL, &error);

    if (reply == NULL) {
        lib_error_give(ret_error, error);
    }
    return reply;
}

bool lib_connection_stream(struct viv_connection *connection, enum proc_id id, GVariant *args,
                           GVariant **ret_reply, struct stream_client **ret_remote,
                           struct stream **ret_local, struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = NULL;
    GError *error = NULL;

    if (connection->remote != NULL) {
        *ret_remote = stream_client_open(connection->remote, id, args, &reply, &error);
    } else {
        reply = ask_local(connection, id, args, ret_local, &error);
    }
    if (reply == NULL) {
        lib_error_give(ret_error, error);
        return false;
    }
    if (ret_reply != NULL) {
        *ret_reply = g_steal_pointer(&reply);
    }
    return true;
}

int lib_connection_do(struct viv_connection *connection, enum proc_id id, GVariant *args,
                      struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, args, ret_error);

    return reply != NULL ? 0 : -1;
}

int lib_connection_ask_number(struct viv_connection *connection, enum proc_id id, GVariant *args,
                              struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, args, ret_error);
    gint32 value = -1;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "i", &value);
    }
    return value;
}

char *lib_connection_ask_text(struct viv_connection *connection, enum proc_id id, GVariant *args,
                              struct viv_error **ret_error)
{
    g_autoptr(GVariant) reply = lib_connection_ask(connection, id, args, ret_error);
    char *text = NULL;

    if (reply != NULL) {
        g_variant_get_child(reply, 0, "s", &text);
    }
    return text;
}
