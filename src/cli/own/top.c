/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top: what running domains use, over and over. */
#include "base/cleanup.h"
#include "cli/own/own.h"
#include "cli/table.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <viv/monitor.h>

#define INTERVAL 2                     /* seconds */
#define GROUPS   (2 | 4 | 8 | 16 | 32) /* libvirt's: CPU, balloon, vCPUs, interfaces, disks */
#define ACTIVE   1

enum { CPU, MEMORY, VCPUS, READ, WRITTEN, RECEIVED, SENT, COUNTS };

/* Counters of a domain since its start, and what it has now. */
struct usage {
    char *name;
    uint64_t counts[COUNTS];
    bool known[COUNTS];
    uint64_t busy_ns; /* CPU time since the look before */
};

static void usage_clear(gpointer opaque)
{
    g_free(((struct usage *)opaque)->name);
}

/* What the values of a name like "block.0.rd.bytes" are added to; COUNTS for another name. */
static unsigned count_of(const char *name)
{
    static const struct {
        const char *start, *end;
    } names[COUNTS] = {
        [CPU] = {"cpu.time", ""},
        [MEMORY] = {"balloon.current", ""},
        [VCPUS] = {"vcpu.current", ""},
        [READ] = {"block.", ".rd.bytes"},
        [WRITTEN] = {"block.", ".wr.bytes"},
        [RECEIVED] = {"net.", ".rx.bytes"},
        [SENT] = {"net.", ".tx.bytes"},
    };
    unsigned i = 0;

    while (i < COUNTS && !(*names[i].end == '\0' ? strcmp(name, names[i].start) == 0
                                                 : g_str_has_prefix(name, names[i].start) &&
                                                       g_str_has_suffix(name, names[i].end))) {
        i++;
    }
    return i;
}

static void add_stats(GArray *usages, const struct viv_stats *stats)
{
    struct usage usage = {.name = g_strdup(viv_object_name(stats->domain))};

    for (const struct viv_param *p = stats->params; p->name != NULL; p++) {
        unsigned count = count_of(p->name);

        if (count < COUNTS && (p->type == VIV_PARAM_UINT || p->type == VIV_PARAM_UINT64)) {
            usage.counts[count] += p->value.natural;
            usage.known[count] = true;
        }
    }
    g_array_append_val(usages, usage);
}

/* Of all that run; NULL with a message. */
static GArray *measure(struct cli *cli)
{
    struct viv_stats *stats =
        viv_domain_stats(cli->connection, NULL, GROUPS, ACTIVE, cli_error(cli));

    if (stats == NULL) {
        cli_fail(cli, "cannot get the statistics of domains");
        return NULL;
    }
    GArray *usages = g_array_new(FALSE, TRUE, sizeof(struct usage));

    g_array_set_clear_func(usages, usage_clear);
    for (struct viv_stats *s = stats; s->domain != NULL; s++) {
        add_stats(usages, s);
    }
    viv_stats_free(stats);
    return usages;
}

static const struct usage *find(const GArray *usages, const char *name)
{
    for (unsigned i = 0; i < usages->len; i++) {
        if (strcmp(g_array_index(usages, struct usage, i).name, name) == 0) {
            return &g_array_index(usages, struct usage, i);
        }
    }
    return NULL;
}

/* How much a second; nothing where a counter began anew. To be freed. */
static char *rate(const struct usage *before, const struct usage *now, unsigned count,
                  double seconds)
{
    uint64_t then = before->counts[count], value = now->counts[count];

    return now->known[count]
               ? cli_size(value > then ? (uint64_t)((double)(value - then) / seconds) : 0)
               : g_strdup("-");
}

static void add_row(struct table *table, const struct usage *before, const struct usage *now,
                    double seconds)
{
    g_autofree char *vcpus =
        now->known[VCPUS] ? g_strdup_printf("%" G_GUINT64_FORMAT, now->counts[VCPUS]) : NULL;
    g_autofree char *cpu =
        now->known[CPU] ? g_strdup_printf("%.1f", (double)now->busy_ns / 1e7 / seconds) : NULL;
    g_autofree char *memory = now->known[MEMORY] ? cli_size(now->counts[MEMORY] * 1024) : NULL;
    g_autofree char *read = rate(before, now, READ, seconds);
    g_autofree char *written = rate(before, now, WRITTEN, seconds);
    g_autofree char *received = rate(before, now, RECEIVED, seconds);
    g_autofree char *sent = rate(before, now, SENT, seconds);

    table_add(table, now->name, vcpus != NULL ? vcpus : "-", cpu != NULL ? cpu : "-",
              memory != NULL ? memory : "-", read, written, received, sent, NULL);
}

static int busiest(const void *a, const void *b)
{
    const struct usage *x = a, *y = b;

    return x->busy_ns != y->busy_ns ? (x->busy_ns < y->busy_ns ? 1 : -1) : strcmp(x->name, y->name);
}

static void count_busy(const GArray *before, GArray *now)
{
    for (unsigned i = 0; i < now->len; i++) {
        struct usage *usage = &g_array_index(now, struct usage, i);
        const struct usage *then = find(before, usage->name);

        if (then != NULL && usage->counts[CPU] > then->counts[CPU]) {
            usage->busy_ns = usage->counts[CPU] - then->counts[CPU];
        }
    }
}

/* Those that ran at both times, busiest first. */
static void show(struct cli *cli, const GArray *before, GArray *now, double seconds)
{
    struct table *table = table_new("Name", "vCPUs", "CPU %", "Memory", "Read/s", "Written/s",
                                    "Received/s", "Sent/s", NULL);

    count_busy(before, now);
    g_array_sort(now, busiest);
    for (unsigned i = 0; i < now->len; i++) {
        const struct usage *usage = &g_array_index(now, struct usage, i);
        const struct usage *then = find(before, usage->name);

        if (then != NULL) {
            add_row(table, then, usage, seconds);
        }
    }
    if (!cli->json && isatty(STDOUT_FILENO) != 0) {
        fputs("\033[H\033[J", stdout);
    }
    table_show(table, cli);
    fflush(stdout);
}

/* False when the user wants no more. */
static bool pause_for(int signals, unsigned seconds)
{
    int64_t end = g_get_monotonic_time() + (int64_t)seconds * G_TIME_SPAN_SECOND;
    struct pollfd polled = {signals, POLLIN, 0};
    int64_t left;

    while ((left = end - g_get_monotonic_time()) > 0) {
        if (poll(&polled, 1, (int)(left / 1000) + 1) > 0) {
            return false;
        }
    }
    return true;
}

/* `count` 0: until interrupted. */
static bool repeat(struct cli *cli, unsigned seconds, unsigned count, int signals)
{
    int64_t then = g_get_monotonic_time();
    g_autoptr(GArray) before = measure(cli);

    for (unsigned n = 0; before != NULL && (count == 0 || n < count); n++) {
        if (!pause_for(signals, seconds)) {
            return true;
        }
        int64_t at = g_get_monotonic_time();
        GArray *now = measure(cli);

        if (now != NULL) {
            show(cli, before, now, (double)(at - then) / G_TIME_SPAN_SECOND);
        }
        g_array_unref(before);
        before = now;
        then = at;
    }
    return before != NULL;
}

bool own_top(struct cli *cli, const struct arguments *args)
{
    unsigned seconds = INTERVAL, count = cli->json || isatty(STDOUT_FILENO) == 0 ? 1 : 0;
    sigset_t ends, before;

    if (!arg_u32(cli, args, "interval", &seconds) || !arg_u32(cli, args, "iterations", &count)) {
        return false;
    }
    count = arg_given(args, "once") ? 1 : count;
    if (seconds == 0 || seconds > 86400) {
        return cli_fail(cli, "the interval must be 1 to 86400 seconds");
    }
    if (cli_connection(cli) == NULL) {
        return false;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, &before);
    auto_fd int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    bool good = repeat(cli, seconds, count, signals);
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof(info)) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}
