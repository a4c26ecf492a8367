/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <viv/event.h>

#include "base/cleanup.h"
#include "manage/lib/event-queue.h"
#include "manage/lib/internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_WAITING 100000
#define MAX_NUMBERS 2

struct viv_event {
    enum viv_event_kind kind;
    char *domain;
    int numbers[MAX_NUMBERS];
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

/* Of the wire's body, (i(dom i i)) and the like; NULL for a kind without a name. */
static struct viv_event *read_event(const struct proc *proc, GVariant *body)
{
    struct viv_event *event = g_new0(struct viv_event, 1);

    switch (proc != NULL ? proc_id(proc) : PROC_COUNT) {
    case PROC_COUNT: event->kind = VIV_EVENT_CLOSED; return event;
    case PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE:
        event->kind = VIV_EVENT_LIFECYCLE;
        g_variant_get(body, "(i((s@ayi)ii))", NULL, &event->domain, NULL, NULL, &event->numbers[0],
                      &event->numbers[1]);
        return event;
    case PROC_DOMAIN_EVENT_CALLBACK_REBOOT:
        event->kind = VIV_EVENT_REBOOT;
        g_variant_get(body, "(i((s@ayi)))", NULL, &event->domain, NULL, NULL);
        return event;
    default: g_free(event); return NULL;
    }
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

VIV_PUBLIC int viv_watch(struct viv_connection *connection, enum viv_event_kind kind,
                         struct viv_error **ret_error)
{
    GVariant *every = g_variant_new_maybe(G_VARIANT_TYPE("(sayi)"), NULL);
    int id =
        kind == VIV_EVENT_CLOSED
            ? 0
            : lib_connection_ask_number(connection, PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                                        g_variant_new("(i@*)", (gint32)kind, every), ret_error);

    return id < 0 ? -1 : 0;
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
        g_free(event->domain);
        g_free(event);
    }
}

VIV_PUBLIC enum viv_event_kind viv_event_kind(const struct viv_event *event)
{
    return event->kind;
}

VIV_PUBLIC const char *viv_event_domain(const struct viv_event *event)
{
    return event->domain;
}

VIV_PUBLIC int viv_event_number(const struct viv_event *event, unsigned n)
{
    return n < MAX_NUMBERS ? event->numbers[n] : 0;
}
