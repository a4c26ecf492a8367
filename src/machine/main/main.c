/* SPDX-License-Identifier: GPL-2.0-or-later */
/* viv-machine: one process, one virtual machine. */
#include "machine/main/daemon.h"
#include "machine/main/host.h"
#include "machine/main/messages.h"
#include "machine/main/options.h"
#include "machine/main/sandbox.h"
#include "machine/monitor/migration.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A signal source that knows who sent it: GLib's does not tell, so only its number is said. */
struct on_signal {
    struct machine *machine;
    const struct setup *setup;
    int number;
};

static gboolean terminate(gpointer opaque)
{
    struct on_signal *s = opaque;
    g_autofree char *text = g_strdup_printf("terminating on signal %d", s->number);

    messages_error(s->setup, text);
    machine_ask(s->machine, MACHINE_QUIT, false, 0);
    return G_SOURCE_CONTINUE;
}

static void watch_signals(struct on_signal slots[3], struct machine *m, const struct setup *s)
{
    static const int numbers[3] = {SIGINT, SIGTERM, SIGHUP};

    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        GSource *source = g_unix_signal_source_new(numbers[i]);

        slots[i] = (struct on_signal){m, s, numbers[i]};
        g_source_set_callback(source, terminate, &slots[i], NULL);
        g_source_attach(source, m->context);
        g_source_unref(source);
    }
}

/* Built; now run to the end. Returns the exit code, or -1 with an error. */
static int run(struct host *h, int ready_fd, GError **error)
{
    const struct setup *s = h->setup;
    struct on_signal slots[3];

    watch_signals(slots, h->machine, s);
    if (s->sandbox_given && s->sandbox.enable && !sandbox_enter(&s->sandbox, error)) {
        return -1;
    }
    if (ready_fd >= 0) {
        daemon_ready(ready_fd);
    }
    if (s->incoming) {
        if (!migration_expect(h->env.migration, s->incoming, !s->stopped, error)) {
            return -1;
        }
    } else if (!s->stopped && !machine_start(h->machine, error)) {
        return -1;
    }
    return machine_run(h->machine);
}

static int dump_tree(const struct host *h, GError **error)
{
    const char *file = h->setup->machine.dumpdtb;
    gsize len;
    const void *data = g_bytes_get_data(h->board->tree(h->machine), &len);

    if (!g_file_set_contents(file, data, len, error)) {
        return -1;
    }
    g_printerr("viv-machine: info: dtb dumped to %s. Exiting.\n", file);
    return 0;
}

static int build_and_run(const struct setup *s, GError **error)
{
    struct host h = {0};
    int ready_fd = -1, code = -1;

    if (s->daemonize && (ready_fd = daemon_fork(error)) < 0) {
        return -1;
    }
    if ((!s->pidfile || daemon_pidfile(s->pidfile, error)) && host_build(&h, s, error)) {
        code = s->machine.dumpdtb ? dump_tree(&h, error) : run(&h, ready_fd, error);
    }
    host_free(&h);
    if (s->pidfile) {
        unlink(s->pidfile);
    }
    return code;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    struct setup s;
    int code = -1;

    signal(SIGPIPE, SIG_IGN);
    setup_init(&s);
    if (options_read(&s, argc, argv, &error) && messages_start(&s, &error)) {
        g_autoptr(GString) text = g_string_new(NULL);

        if (s.help || lists_print(&s, text, &error)) {
            fputs(s.help ? s.help->str : text->str, stdout);
            code = 0;
        } else if (!error) {
            code = build_and_run(&s, &error);
        }
    }
    if (error) {
        messages_error(&s, error->message);
        code = 1;
    }
    setup_clear(&s);
    return code;
}
