/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/event.h>

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/lib/event-queue.h"
#include "manage/lib/internal.h"
#include "manage/lib/params.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_WAITING 100000

struct viv_event {
    enum viv_event_kind kind;
    enum viv_kind about;
    char *name;               /* or NULL */
    struct viv_param *params; /* never NULL */
};

/* The events there are: what each is called, and what its values are, in their order. */
static const struct event_row {
    enum proc_id proc;
    enum viv_kind about;
    int number;
    const char *word, *fields;
} event_rows[] = {
#define DOMAIN(number, NAME, word, fields) \
    {PROC_DOMAIN_EVENT_##NAME, VIV_DOMAIN, number, word, fields},
#define OTHER(KIND, number, NAME, word, fields) {PROC_##NAME, VIV_##KIND, number, word, fields},
#include "manage/lib/events.inc"
#undef DOMAIN
#undef OTHER
};

struct event_queue {
    int fd; /* eventfd; its count is not 0 while there are events */
    GMutex lock;
    GQueue waiting; /* lock: struct viv_event */
};

struct event_queue *event_queue_new(void)
{
    struct event_queue *queue = g_new0(struct event_queue, 1);

    queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(queue->fd >= 0);
    g_mutex_init(&queue->lock);
    return queue;
}

void event_queue_free(struct event_queue *queue)
{
    struct viv_event *event;

    while ((event = g_queue_pop_head(&queue->waiting)) != NULL) {
        viv_event_free(event);
    }
    fd_close(&queue->fd);
    g_mutex_clear(&queue->lock);
    g_free(queue);
}

static const struct event_row *find_row(enum viv_kind about, int number)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(event_rows); i++) {
        if (event_rows[i].about == about && event_rows[i].number == number) {
            return &event_rows[i];
        }
    }
    return NULL;
}

static const struct event_row *row_of(enum proc_id id)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(event_rows); i++) {
        if (event_rows[i].proc == id) {
            return &event_rows[i];
        }
    }
    return NULL;
}

/* An event while it is read. */
struct reading {
    struct viv_event *event;
    GArray *params;
    char **fields; /* names that are left */
};

static void add_named(struct reading *r, GVariant *pair)
{
    g_autoptr(GVariant) value = NULL;
    struct viv_param param = {.name = NULL};
    char *name;

    g_variant_get(pair, "(sv)", &name, &value);
    param.name = name;
    params_set(value, &param);
    g_array_append_val(r->params, param);
}

/* One that is not there takes its name with it. */
static void add_value(struct reading *r, GVariant *value)
{
    struct viv_param param = {.name = *r->fields};

    if (*r->fields == NULL) {
        return;
    }
    r->fields++;
    if (value != NULL) {
        param.name = g_strdup(param.name);
        params_set(value, &param);
        g_array_append_val(r->params, param);
    }
}

/* A secret is called by its UUID. */
static char *secret_name(GVariant *reference)
{
    g_autoptr(GVariant) uuid = g_variant_get_child_value(reference, 0);
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < g_variant_n_children(uuid); i++) {
        guchar byte;

        g_variant_get_child(uuid, i, "y", &byte);
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               byte);
    }
    return g_string_free(text, FALSE);
}

/* The object's reference, values, named values, or more of these in a struct. */
static void read_value(struct reading *r, GVariant *value)
{
    static const char *const references[VIV_KINDS] = {[VIV_DOMAIN] = "(sayi)",
                                                      [VIV_NETWORK] = "(say)",
                                                      [VIV_POOL] = "(say)",
                                                      [VIV_NODE_DEVICE] = "(s)",
                                                      [VIV_SECRET] = "(ayis)"};
    const char *type = g_variant_get_type_string(value);

    if (r->event->name == NULL && g_strcmp0(type, references[r->event->about]) == 0) {
        if (r->event->about == VIV_SECRET) {
            r->event->name = secret_name(value);
        } else {
            g_variant_get_child(value, 0, "s", &r->event->name);
        }
    } else if (g_variant_type_is_maybe(g_variant_get_type(value))) {
        g_autoptr(GVariant) inner = g_variant_get_maybe(value);

        add_value(r, inner);
    } else if (g_variant_type_is_basic(g_variant_get_type(value))) {
        add_value(r, value);
    } else if (strcmp(type, "(sv)") == 0) {
        add_named(r, value);
    } else {
        for (gsize i = 0; i < g_variant_n_children(value); i++) {
            g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

            read_value(r, child);
        }
    }
}

/* Of the wire's body, whose first value is the watch; NULL for a kind without a row. */
static struct viv_event *read_event(const struct proc *proc, GVariant *body)
{
    const struct event_row *row = proc != NULL ? row_of(proc_id(proc)) : NULL;
    struct viv_event *event = g_new0(struct viv_event, 1);
    GArray *params = g_array_new(TRUE, TRUE, sizeof(struct viv_param));

    if (row != NULL) {
        g_auto(GStrv) fields = g_strsplit(row->fields, " ", -1);
        struct reading reading = {event, params, fields};

        event->kind = (enum viv_event_kind)row->number;
        event->about = row->about;
        for (gsize i = 1; i < g_variant_n_children(body); i++) {
            g_autoptr(GVariant) child = g_variant_get_child_value(body, i);

            read_value(&reading, child);
        }
    } else {
        event->kind = VIV_EVENT_CLOSED;
    }
    event->params = (struct viv_param *)(void *)g_array_free(params, FALSE);
    if (row == NULL && proc != NULL) {
        g_clear_pointer(&event, viv_event_free);
    }
    return event;
}

void event_queue_add(struct event_queue *queue, const struct proc *proc, GVariant *body)
{
    struct viv_event *event = read_event(proc, body);
    const uint64_t one = 1;

    if (event == NULL) {
        return;
    }
    g_mutex_lock(&queue->lock);
    bool room = queue->waiting.length < MAX_WAITING;

    if (room) {
        g_queue_push_tail(&queue->waiting, event);
        while (write(queue->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
        }
    }
    g_mutex_unlock(&queue->lock);
    if (!room) {
        viv_event_free(event);
    }
}

/* Who to ask for events of a kind, and whom to tell that it is enough; `type` is of an object. */
static const struct {
    enum proc_id ask, stop;
    const char *type;
} watches[VIV_KINDS] = {
    [VIV_DOMAIN] = {PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                    PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, "(sayi)"},
    [VIV_NETWORK] = {PROC_CONNECT_NETWORK_EVENT_REGISTER_ANY,
                     PROC_CONNECT_NETWORK_EVENT_DEREGISTER_ANY, "(say)"},
    [VIV_POOL] = {PROC_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY,
                  PROC_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY, "(say)"},
    [VIV_NODE_DEVICE] = {PROC_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY,
                         PROC_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY, "(s)"},
    [VIV_SECRET] = {PROC_CONNECT_SECRET_EVENT_REGISTER_ANY,
                    PROC_CONNECT_SECRET_EVENT_DEREGISTER_ANY, "(ayis)"},
};

static bool has_events(enum viv_kind kind, struct viv_error **ret_error)
{
    GError *error = NULL;

    if (kind < VIV_KINDS && watches[kind].type != NULL) {
        return true;
    }
    fault_set(&error, FAULT_NO_SUPPORT, "viv_watch_kind");
    lib_error_give(ret_error, error);
    return false;
}

VIV_PUBLIC int viv_watch_kind(struct viv_connection *connection, enum viv_kind kind, int event,
                              struct viv_object *only, struct viv_error **ret_error)
{
    if (!has_events(kind, ret_error) || (only != NULL && !lib_object_is(only, kind, ret_error))) {
        return -1;
    }
    GVariant *which =
        g_variant_new_maybe(G_VARIANT_TYPE(watches[kind].type), only != NULL ? only->wire : NULL);

    return lib_connection_ask_number(connection, watches[kind].ask,
                                     g_variant_new("(i@*)", (gint32)event, which), ret_error);
}

VIV_PUBLIC int viv_unwatch(struct viv_connection *connection, enum viv_kind kind, int watch,
                           struct viv_error **ret_error)
{
    return has_events(kind, ret_error)
               ? lib_connection_do(connection, watches[kind].stop,
                                   g_variant_new("(i)", (gint32)watch), ret_error)
               : -1;
}

VIV_PUBLIC int viv_watch(struct viv_connection *connection, enum viv_event_kind kind,
                         struct viv_error **ret_error)
{
    return kind == VIV_EVENT_CLOSED ||
                   viv_watch_kind(connection, VIV_DOMAIN, (int)kind, NULL, ret_error) >= 0
               ? 0
               : -1;
}

VIV_PUBLIC const char *viv_event_word(enum viv_kind kind, int event)
{
    const struct event_row *row = find_row(kind, event);

    return row != NULL ? row->word : NULL;
}

VIV_PUBLIC int viv_event_fd(struct viv_connection *connection)
{
    return lib_connection_events(connection)->fd;
}

VIV_PUBLIC struct viv_event *viv_next_event(struct viv_connection *connection)
{
    struct event_queue *queue = lib_connection_events(connection);
    uint64_t count;

    g_mutex_lock(&queue->lock);
    struct viv_event *event = g_queue_pop_head(&queue->waiting);

    while (queue->waiting.length == 0 && read(queue->fd, &count, sizeof(count)) < 0 &&
           errno == EINTR) {
    }
    g_mutex_unlock(&queue->lock);
    return event;
}

VIV_PUBLIC void viv_event_free(struct viv_event *event)
{
    if (event != NULL) {
        g_free(event->name);
        viv_params_free(event->params);
        g_free(event);
    }
}

VIV_PUBLIC enum viv_event_kind viv_event_kind(const struct viv_event *event)
{
    return event->kind;
}

VIV_PUBLIC const char *viv_event_domain(const struct viv_event *event)
{
    return event->about == VIV_DOMAIN ? event->name : NULL;
}

VIV_PUBLIC int viv_event_number(const struct viv_event *event, unsigned n)
{
    for (const struct viv_param *p = event->params; p->name != NULL; p++) {
        if (p->type == VIV_PARAM_INT && n-- == 0) {
            return (int)p->value.number;
        }
    }
    return 0;
}

VIV_PUBLIC enum viv_kind viv_event_about(const struct viv_event *event)
{
    return event->about;
}

VIV_PUBLIC const char *viv_event_name(const struct viv_event *event)
{
    return event->name;
}

VIV_PUBLIC const struct viv_param *viv_event_params(const struct viv_event *event)
{
    return event->params;
}
