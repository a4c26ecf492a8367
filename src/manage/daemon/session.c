/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/session.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/daemon/admission.h"
#include "manage/daemon/carrier.h"
#include "manage/daemon/linger.h"
#include "manage/rpc/peer.h"

#include <string.h>

struct daemon_clients {
    GMainContext *context;
    struct registry *registry;
    void (*idle)(bool is_idle, void *user);
    void *user;
    GThreadPool *workers, *priority;
    GHashTable *sessions;     /* loop: set of struct session */
    unsigned max_clients;     /* loop */
    struct rpc_limits limits; /* loop */
    bool is_session;
    char *group; /* loop */
    struct linger *linger;
};

/* One client; referenced by the loop and by each call that runs. */
struct session {
    gatomicrefcount refs;
    struct daemon_clients *clients;
    struct rpc_peer *peer;   /* frozen once added */
    struct carrier *carrier; /* frozen once added */
    bool read_only;          /* frozen: came by the read-only socket */
    GError *refused;         /* frozen: why every call fails, or NULL */
    GMutex lock;
    struct connection *conn; /* lock to set; calls hold a use */
    unsigned uses;           /* lock */
    bool closed;             /* lock */
};

struct job {
    struct session *session;
    struct rpc_call *call;
};

static void session_unref(struct session *session)
{
    if (g_atomic_ref_count_dec(&session->refs)) {
        carrier_unref(session->carrier);
        rpc_peer_unref(session->peer);
        g_mutex_clear(&session->lock);
        g_clear_error(&session->refused);
        g_free(session);
    }
}

/* The connection, kept open until leave(); NULL when there is none. */
static struct connection *enter(struct session *session)
{
    g_mutex_lock(&session->lock);
    struct connection *conn = session->closed ? NULL : session->conn;

    session->uses += conn != NULL;
    g_mutex_unlock(&session->lock);
    return conn;
}

/* Whoever is last after the client closed closes the connection. */
static void close_if_last(struct session *session)
{
    struct connection *conn = NULL;

    g_mutex_lock(&session->lock);
    if (session->closed && session->uses == 0) {
        conn = g_steal_pointer(&session->conn);
    }
    g_mutex_unlock(&session->lock);
    connection_close(conn);
}

static void leave(struct session *session)
{
    g_mutex_lock(&session->lock);
    session->uses--;
    g_mutex_unlock(&session->lock);
    close_if_last(session);
}

static void on_event(const struct proc *proc, GVariant *body, void *user)
{
    struct session *session = user;

    rpc_peer_event(session->peer, proc, body);
}

/* Features of procedure 60 that the daemon answers for; a driver's come with the driver. */
enum {
    FEATURE_FD_PASSING = 8,
    FEATURE_TYPED_STRING = 9,
    FEATURE_KEEPALIVE = 10,
    FEATURE_EVENT_IDS = 14,
    FEATURE_CLOSE_CALLBACK = 15,
    FEATURE_NETWORK_UPDATE_ORDER = 16,
};

static bool supports_feature(struct call *call, struct session *session)
{
    switch (call_i32(call, 0)) {
    case FEATURE_KEEPALIVE: rpc_peer_start_keepalive(session->peer); break;
    case FEATURE_FD_PASSING:
    case FEATURE_TYPED_STRING:
    case FEATURE_EVENT_IDS:
    case FEATURE_CLOSE_CALLBACK:
    case FEATURE_NETWORK_UPDATE_ORDER: break;
    default: return call_reply_i32(call, 0);
    }
    return call_reply_i32(call, 1);
}

static bool open_connection(struct call *call, struct session *session, GError **error)
{
    const char *uri = call_maybe_string(call, 0);
    bool read_only = session->read_only || (call_u32(call, 1) & 1) != 0;
    struct connection *conn;

    g_mutex_lock(&session->lock);
    bool again = session->conn != NULL || session->closed;

    g_mutex_unlock(&session->lock);
    if (again) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "connection already open");
    }
    conn = connection_open(session->clients->registry, uri != NULL ? uri : "", read_only, on_event,
                           session, error);
    if (conn == NULL) {
        return false;
    }
    g_mutex_lock(&session->lock);
    again = session->conn != NULL;
    if (!again) {
        session->conn = conn;
    }
    g_mutex_unlock(&session->lock);
    if (again) {
        connection_close(conn);
        return fault_set(error, FAULT_INTERNAL_ERROR, "connection already open");
    }
    close_if_last(session);
    return true;
}

/* Procedures of the wire connection, before there is a host; false: not one of them. */
static bool serve_session(struct call *call, struct session *session, bool *ret_good,
                          GError **error)
{
    static const gint32 no_auth[] = {0};

    *ret_good = true;
    switch ((int)proc_id(call->proc)) {
    case PROC_AUTH_LIST:
        call_reply(call, "(@ai)",
                   g_variant_new_fixed_array(G_VARIANT_TYPE_INT32, no_auth, 1, sizeof(gint32)));
        return true;
    case PROC_CONNECT_SUPPORTS_FEATURE: supports_feature(call, session); return true;
    case PROC_CONNECT_OPEN: *ret_good = open_connection(call, session, error); return true;
    case PROC_CONNECT_CLOSE: rpc_peer_close(session->peer); return true;
    default: return false;
    }
}

static bool serve(struct call *call, struct session *session, GError **error)
{
    struct connection *conn;
    bool good;

    if (session->refused != NULL) {
        g_propagate_error(error, g_error_copy(session->refused));
        return false;
    }
    if (serve_session(call, session, &good, error)) {
        return good;
    }
    conn = enter(session);
    if (conn == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "connection not open");
    }
    good = connection_call(conn, call, error);
    leave(session);
    return good;
}

/* Sends what came of the call; takes the error. */
static void answer(struct session *session, struct rpc_call *of, struct call *call, bool good,
                   GError *error)
{
    const struct frame frame = of->frame;

    good = good &&
           (call->stream == NULL || carrier_add(session->carrier, &frame, call->stream, &error));
    if (!good) {
        fault_set_from(error, FAULT_FROM_RPC);
        rpc_call_fail(of, error);
    } else {
        rpc_call_reply(of, call->reply,
                       call->reply_fds != NULL ? (int *)call->reply_fds->data : NULL,
                       call->reply_fds != NULL ? call->reply_fds->len : 0);
        if (call->stream != NULL) {
            carrier_start(session->carrier, frame.serial);
        }
    }
    g_clear_pointer(&call->reply, g_variant_unref);
    g_clear_pointer(&call->args, g_variant_unref);
    g_clear_pointer(&call->reply_fds, g_array_unref);
}

static void run_job(gpointer data, gpointer unused)
{
    struct job *job = data;
    struct session *session = job->session;
    GError *error = NULL;
    struct call call = {
        .proc = job->call->proc,
        .args = rpc_call_args(job->call, &error),
        .fds = job->call->fds,
        .n_fds = job->call->n_fds,
    };
    bool good = call.args != NULL && serve(&call, session, &error);

    answer(session, job->call, &call, good, error);
    session_unref(session);
    g_free(job);
}

/*
 * A call that only looks at memory is answered on the loop: handing it to a worker and back costs
 * several times what it does. False: a worker has to.
 */
static bool serve_now(struct session *session, struct rpc_call *of)
{
    struct call call = {.proc = of->proc};
    struct connection *conn = session->refused != NULL ? NULL : enter(session);
    GError *error = NULL;
    bool done = false, good = false;

    if (conn == NULL) {
        return false;
    }
    if (connection_is_instant(conn, of->proc)) {
        call.args = rpc_call_args(of, NULL);
        done = call.args != NULL && connection_try(conn, &call, &good, &error);
    }
    leave(session);
    if (done) {
        answer(session, of, &call, good, error);
    } else {
        g_clear_pointer(&call.args, g_variant_unref);
    }
    return done;
}

static void on_call(struct rpc_call *call, void *user)
{
    struct session *session = user;
    bool high = (call->proc->traits & PROC_HI) != 0;
    struct job *job;

    linger_asked(session->clients->linger);
    if (serve_now(session, call)) {
        linger_answered(session->clients->linger);
        return;
    }
    job = g_new0(struct job, 1);
    g_atomic_ref_count_inc(&session->refs);
    job->session = session;
    job->call = call;
    g_thread_pool_push(high ? session->clients->priority : session->clients->workers, job, NULL);
}

static void on_packet(struct rpc_peer *peer, const struct frame *frame, GBytes *body, void *user)
{
    carrier_packet(((struct session *)user)->carrier, frame, body);
}

static void on_drained(struct rpc_peer *peer, void *user)
{
    carrier_drained(((struct session *)user)->carrier);
}

static void on_closed(struct rpc_peer *peer, void *user)
{
    struct session *session = user;
    struct daemon_clients *clients = session->clients;

    g_mutex_lock(&session->lock);
    session->closed = true;
    g_mutex_unlock(&session->lock);
    carrier_close(session->carrier);
    close_if_last(session);
    g_hash_table_remove(clients->sessions, session);
    if (g_hash_table_size(clients->sessions) == 0 && clients->idle != NULL) {
        clients->idle(true, clients->user);
    }
    session_unref(session);
}

static const struct rpc_service service = {on_call, on_packet, on_drained, on_closed};

void daemon_clients_add(struct daemon_clients *clients, int fd, bool read_only)
{
    struct session *session;

    if (g_hash_table_size(clients->sessions) >= clients->max_clients) {
        fd_close(&fd);
        return;
    }
    if (g_hash_table_size(clients->sessions) == 0 && clients->idle != NULL) {
        clients->idle(false, clients->user);
    }
    session = g_new0(struct session, 1);
    g_atomic_ref_count_init(&session->refs);
    g_mutex_init(&session->lock);
    session->clients = clients;
    session->read_only = read_only;
    g_hash_table_add(clients->sessions, session);
    session->peer = rpc_peer_new(fd, clients->context, &clients->limits, &service, session);
    session->carrier = carrier_new(session->peer, clients->context);
    if (!read_only) {
        const struct admission admission = {clients->is_session, clients->group};

        (void)admission_check(&admission, rpc_peer_identity(session->peer), &session->refused);
    }
}

struct daemon_clients *daemon_clients_new(GMainContext *context, struct registry *registry,
                                          bool session, void (*idle)(bool is_idle, void *user),
                                          void *user)
{
    struct daemon_clients *clients = g_new0(struct daemon_clients, 1);

    clients->context = context;
    clients->registry = registry;
    clients->idle = idle;
    clients->user = user;
    clients->is_session = session;
    clients->workers = g_thread_pool_new(run_job, NULL, 1, FALSE, NULL);
    clients->priority = g_thread_pool_new(run_job, NULL, 1, FALSE, NULL);
    clients->sessions = g_hash_table_new(NULL, NULL);
    clients->linger = linger_new(context);
    return clients;
}

void daemon_clients_configure(struct daemon_clients *clients, const struct config *config)
{
    clients->max_clients = config->max_clients;
    clients->limits = (struct rpc_limits){
        .calls = config->max_client_requests,
        .keepalive_seconds = config->keepalive_interval,
        .keepalive_count = config->keepalive_count,
    };
    g_free(clients->group);
    clients->group = g_strdup(config->socket_group);
    g_thread_pool_set_max_threads(clients->workers, (int)config->max_workers, NULL);
    g_thread_pool_set_max_threads(clients->priority, (int)config->prio_workers, NULL);
    linger_configure(clients->linger, config->call_poll);
}

void daemon_clients_free(struct daemon_clients *clients)
{
    clients->idle = NULL;
    while (g_hash_table_size(clients->sessions) > 0) {
        GHashTableIter iter;
        gpointer session;

        g_hash_table_iter_init(&iter, clients->sessions);
        while (g_hash_table_iter_next(&iter, &session, NULL)) {
            rpc_peer_close(((struct session *)session)->peer);
        }
        g_main_context_iteration(clients->context, TRUE);
    }
    g_thread_pool_free(clients->workers, FALSE, TRUE);
    g_thread_pool_free(clients->priority, FALSE, TRUE);
    g_hash_table_unref(clients->sessions);
    linger_free(clients->linger);
    g_free(clients->group);
    g_free(clients);
}
