/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/messages.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>

/* Owned by the process: GLib has one log writer. Set once, before any thread is made. */
struct writer {
    FILE *notes; /* NULL: dropped */
    bool timestamp;
    char *name; /* of the guest, or NULL */
};

static void print(FILE *to, bool timestamp, const char *name, const char *level, const char *text)
{
    g_autoptr(GDateTime) now = timestamp ? g_date_time_new_now_utc() : NULL;
    g_autofree char *stamp = now ? g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ ") : NULL;

    fprintf(to, "%s%s%sviv-machine: %s%s\n", stamp ? stamp : "", name ? name : "", name ? " " : "",
            level, text);
    fflush(to);
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize n,
                                  gpointer opaque)
{
    const struct writer *w = opaque;
    const char *text = "";

    for (gsize i = 0; i < n; i++) {
        if (g_str_equal(fields[i].key, "MESSAGE")) {
            text = fields[i].value;
        }
    }
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        print(stderr, w->timestamp, w->name, "", text);
    } else if (level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE)) {
        print(stderr, w->timestamp, w->name, "warning: ", text);
    } else if (w->notes) {
        print(w->notes, w->timestamp, w->name, "", text);
    }
    return G_LOG_WRITER_HANDLED;
}

static void writer_free(gpointer opaque)
{
    struct writer *w = opaque;

    g_free(w->name);
    g_free(w);
}

gboolean messages_start(struct setup *s, GError **error)
{
    struct writer *w = g_new0(struct writer, 1);

    w->timestamp = s->msg.timestamp;
    w->name = s->msg.guest_name ? g_strdup(s->name.guest) : NULL;
    if (s->log_given) {
        s->log.out = s->log_file ? fopen(s->log_file, "we") : stderr;
        if (!s->log.out) {
            g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "-D %s: %s",
                        s->log_file, g_strerror(errno));
            writer_free(w);
            return FALSE;
        }
        w->notes = s->log_notes ? s->log.out : NULL;
    }
    g_log_set_writer_func(write_log, w, writer_free);
    return TRUE;
}

void messages_error(const struct setup *s, const char *text)
{
    print(stderr, s->msg.timestamp, s->msg.guest_name ? s->name.guest : NULL, "", text);
}
