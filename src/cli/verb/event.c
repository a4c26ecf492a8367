/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that wait for events. */
#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/event-text.h"
#include "cli/table.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

/* One command's wait. */
struct wait {
    struct cli *cli;
    enum viv_kind kind;
    bool loop, timestamp;
    int64_t end;     /* g_get_monotonic_time's; -1: no limit */
    GArray *watches; /* int */
    unsigned n;      /* events that came */
};

static bool list(struct cli *cli, enum viv_kind kind)
{
    struct table *table = cli->json ? table_new("Event", NULL) : NULL;
    const char *word;

    for (int i = 0; (word = viv_event_word(kind, i)) != NULL; i++) {
        if (table != NULL) {
            table_add(table, word, NULL);
        } else {
            puts(word);
        }
    }
    if (table != NULL) {
        table_show(table, cli);
    }
    return true;
}

static void show(const struct wait *wait, const struct viv_event *event)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
    g_autofree char *time =
        g_strdup_printf("%s.%03d+0000", seconds, g_date_time_get_microsecond(now) / 1000);

    if (wait->cli->json) {
        struct json_object *object = event_json(event);

        if (wait->timestamp) {
            json_object_object_add(object, "time", json_object_new_string(time));
        }
        json_print(object);
        json_object_put(object);
    } else {
        g_autofree char *text = event_text(event);

        printf("%s%s%s\n", wait->timestamp ? time : "", wait->timestamp ? ": " : "", text);
    }
    fflush(stdout);
}

/* All that came; false when there is no need to wait for more. */
static bool take(struct wait *wait)
{
    struct viv_event *event;
    bool on = true;

    while (on && (event = viv_next_event(wait->cli->connection)) != NULL) {
        if (viv_event_kind(event) == VIV_EVENT_CLOSED) {
            on = cli_fail(wait->cli, "the connection to the daemon was lost");
        } else if (viv_event_about(event) == wait->kind) {
            show(wait, event);
            wait->n++;
            on = wait->loop;
        }
        viv_event_free(event);
    }
    return on;
}

/* The word for why it ended, or NULL. */
static const char *wait_events(struct wait *wait, int signals)
{
    struct pollfd polled[] = {{viv_event_fd(wait->cli->connection), POLLIN, 0},
                              {signals, POLLIN, 0}};

    while (take(wait)) {
        int64_t now = g_get_monotonic_time();
        int64_t left = wait->end < 0 ? -1 : MAX(wait->end - now, 0) / 1000;
        int n = poll(polled, G_N_ELEMENTS(polled), (int)MIN(left, INT_MAX));

        if (n > 0 && polled[1].revents != 0) {
            return "interrupted";
        }
        if (n == 0 && left <= 0) {
            return "timed out";
        }
    }
    return NULL;
}

static bool watch(struct wait *wait, int event, struct viv_object *only)
{
    int id = viv_watch_kind(wait->cli->connection, wait->kind, event, only, cli_error(wait->cli));

    if (id >= 0) {
        g_array_append_val(wait->watches, id);
    }
    return id >= 0;
}

static int word_number(enum viv_kind kind, const char *word)
{
    const char *known;

    for (int i = 0; (known = viv_event_word(kind, i)) != NULL; i++) {
        if (strcmp(known, word) == 0) {
            return i;
        }
    }
    return -1;
}

/* `number` -1: every kind of event. */
static bool begin(struct wait *wait, int number, struct viv_object *only)
{
    for (int i = 0; number < 0 && viv_event_word(wait->kind, i) != NULL; i++) {
        if (!watch(wait, i, only)) {
            return false;
        }
    }
    return number < 0 || watch(wait, number, only);
}

static void forget(struct wait *wait)
{
    struct viv_event *event;

    for (unsigned i = 0; i < wait->watches->len; i++) {
        (void)viv_unwatch(wait->cli->connection, wait->kind, g_array_index(wait->watches, int, i),
                          NULL);
    }
    while ((event = viv_next_event(wait->cli->connection)) != NULL) {
        viv_event_free(event);
    }
    g_array_unref(wait->watches);
}

/* Ctrl-C ends the wait, not viv. */
static void wait_interruptibly(struct wait *wait)
{
    sigset_t interrupt, before;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    int signals = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
    const char *why = wait_events(wait, signals);
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof(info)) > 0) {
    }
    fd_close(&signals);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!wait->cli->json) {
        if (why != NULL) {
            printf("event loop %s\n", why);
        }
        printf("events received: %u\n", wait->n);
    }
}

/* Options that choose nothing or too much are told. */
static bool check(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                  int *ret_number)
{
    const char *word = arg_text(args, "event");
    bool all = kind == VIV_DOMAIN && arg_given(args, "all");

    if (kind == VIV_DOMAIN && !arg_exclusive(cli, args, "all", "event")) {
        return false;
    }
    if (word == NULL && !all) {
        return cli_fail(cli, kind == VIV_DOMAIN
                                 ? "one of --list, --all, or --event <type> is required"
                                 : "either --list or --event <type> is required");
    }
    *ret_number = word != NULL ? word_number(kind, word) : -1;
    return word == NULL || *ret_number >= 0 || cli_fail(cli, "unknown event type %s", word);
}

static bool wait_for(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                     const char *object)
{
    struct wait wait = {cli,  kind, arg_given(args, "loop"), arg_given(args, "timestamp"), -1,
                        NULL, 0};
    unsigned seconds = 0;
    int number;

    if (arg_given(args, "list")) {
        return list(cli, kind);
    }
    if (!check(cli, args, kind, &number) || !arg_u32(cli, args, "timeout", &seconds) ||
        cli_connection(cli) == NULL) {
        return false;
    }
    if (arg_given(args, "timeout") && (seconds == 0 || seconds > INT_MAX / 1000)) {
        return cli_fail(cli, "invalid timeout");
    }
    auto_object struct viv_object *only =
        arg_given(args, object) ? cli_object(cli, args, kind) : NULL;

    if (arg_given(args, object) && only == NULL) {
        return false;
    }
    wait.watches = g_array_new(FALSE, FALSE, sizeof(int));
    wait.end = seconds > 0 ? g_get_monotonic_time() + (int64_t)seconds * G_TIME_SPAN_SECOND : -1;
    if (begin(&wait, number, only)) {
        wait_interruptibly(&wait);
    }
    forget(&wait);
    return wait.n > 0;
}

static bool run_event(struct cli *cli, const struct arguments *args)
{
    return wait_for(cli, args, VIV_DOMAIN, "domain");
}

static bool run_net_event(struct cli *cli, const struct arguments *args)
{
    return wait_for(cli, args, VIV_NETWORK, "network");
}

static bool run_pool_event(struct cli *cli, const struct arguments *args)
{
    return wait_for(cli, args, VIV_POOL, "pool");
}

static bool run_nodedev_event(struct cli *cli, const struct arguments *args)
{
    return wait_for(cli, args, VIV_NODE_DEVICE, "device");
}

static bool run_secret_event(struct cli *cli, const struct arguments *args)
{
    return wait_for(cli, args, VIV_SECRET, "secret");
}

const struct verb event_verbs[] = {
    {"event", run_event},
    {"net-event", run_net_event},
    {"nodedev-event", run_nodedev_event},
    {"pool-event", run_pool_event},
    {"secret-event", run_secret_event},
    {NULL},
};
