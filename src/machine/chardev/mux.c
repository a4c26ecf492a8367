/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several front ends on one back end. Output of all is mixed; input goes to the one in focus, and
 * Ctrl-a begins a command to the multiplexer itself.
 */
#include "base/least.h"
#include "machine/chardev/backend.h"

#include <gio/gio.h>
#include <string.h>

#define MUX_FRONTENDS 4
#define MUX_PENDING   32
#define MUX_ESCAPE    1 /* Ctrl-a */

struct mux_slot {
    struct mux *mux;
    const struct chardev_frontend *fe; /* own, or NULL */
    struct chardev_frontend own;
    uint8_t pending[MUX_PENDING]; /* input it had no room for */
    unsigned n_pending;
};

struct mux {
    struct chardev c;
    struct chardev *base;
    struct chardev_frontend own;         /* what the base sees */
    struct mux_slot slot[MUX_FRONTENDS]; /* loop */
    int focus;                           /* loop; -1: nobody */
    bool escaped;                        /* loop */
    bool stamps;                         /* lock: time at the start of each line */
    bool line_start;                     /* lock */
    gint64 start;
};

static void tell(const struct mux_slot *s, enum chardev_event event)
{
    if (s->fe && s->fe->event) {
        s->fe->event(s->fe->opaque, event);
    }
}

static void set_focus(struct mux *m, int n)
{
    if (m->focus == n) {
        return;
    }
    if (m->focus >= 0) {
        tell(&m->slot[m->focus], CHARDEV_FOCUS_OUT);
    }
    m->focus = n;
    if (n >= 0) {
        tell(&m->slot[n], CHARDEV_FOCUS_IN);
    }
}

/* The next front end after `from`, or -1. */
static int next_slot(const struct mux *m, int from)
{
    for (int i = 1; i <= MUX_FRONTENDS; i++) {
        int n = (from + i) % MUX_FRONTENDS;

        if (m->slot[n].fe) {
            return n;
        }
    }
    return -1;
}

static void say(struct mux *m, const char *text)
{
    chardev_write(m->base, text, strlen(text));
}

static void print_help(struct mux *m)
{
    static const char help[] = "\r\n"
                               "Ctrl-a h    print this help\r\n"
                               "Ctrl-a x    exit the machine\r\n"
                               "Ctrl-a t    toggle time stamps\r\n"
                               "Ctrl-a b    send a break\r\n"
                               "Ctrl-a c    switch between console and monitor\r\n"
                               "Ctrl-a Ctrl-a  send Ctrl-a\r\n";

    say(m, help);
}

/* The key after Ctrl-a. TRUE if it is to be delivered. */
static bool command(struct mux *m, uint8_t key)
{
    struct chardev_hooks *hooks = &m->c.set->hooks;

    switch (key) {
    case MUX_ESCAPE: return true;
    case 'h':
    case '?': print_help(m); break;
    case 'x':
        say(m, "\r\nterminated\r\n");
        if (hooks->quit) {
            hooks->quit(hooks->opaque, 0);
        }
        break;
    case 't':
        g_mutex_lock(&m->c.lock);
        m->stamps = !m->stamps;
        m->line_start = true;
        m->start = g_get_monotonic_time();
        g_mutex_unlock(&m->c.lock);
        break;
    case 'b':
        if (m->focus >= 0) {
            tell(&m->slot[m->focus], CHARDEV_BREAK);
        }
        break;
    case 'c': set_focus(m, next_slot(m, MAX(m->focus, 0))); break;
    case 's': say(m, "\r\nCtrl-a s: saving disks is not built yet\r\n"); break;
    default: break;
    }
    return false;
}

/* Gives a front end what it has room for. */
static void flush(struct mux_slot *s)
{
    while (s->fe && s->fe->can_receive && s->n_pending) {
        size_t n = min_u64(s->fe->can_receive(s->fe->opaque), s->n_pending);
        uint8_t now[MUX_PENDING];

        if (!n) {
            return;
        }
        memcpy(now, s->pending, n);
        s->n_pending -= (unsigned)n;
        memmove(s->pending, s->pending + n, s->n_pending);
        s->fe->receive(s->fe->opaque, now, n);
    }
}

/* A full front end holds the peer back: nothing typed or pasted is lost. */
static size_t mux_can_receive(void *opaque)
{
    const struct mux *m = opaque;

    return m->focus < 0 || m->slot[m->focus].n_pending < MUX_PENDING;
}

static void mux_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct mux *m = opaque;

    for (size_t i = 0; i < len; i++) {
        struct mux_slot *s;

        if (!m->escaped && data[i] == MUX_ESCAPE) {
            m->escaped = true;
            continue;
        }
        if (m->escaped) {
            m->escaped = false;
            if (!command(m, data[i])) {
                continue;
            }
        }
        s = m->focus >= 0 ? &m->slot[m->focus] : NULL;
        if (s && s->n_pending < MUX_PENDING) {
            s->pending[s->n_pending++] = data[i];
            flush(s);
        }
    }
}

static void mux_base_event(void *opaque, enum chardev_event event)
{
    struct mux *m = opaque;

    if (event == CHARDEV_OPENED || event == CHARDEV_CLOSED) {
        chardev_set_open(&m->c, event == CHARDEV_OPENED);
    } else {
        chardev_send_event(&m->c, event);
    }
}

static void mux_base_writable(void *opaque)
{
    struct mux *m = opaque;

    for (unsigned i = 0; i < MUX_FRONTENDS; i++) {
        if (m->slot[i].fe && m->slot[i].fe->writable) {
            m->slot[i].fe->writable(m->slot[i].fe->opaque);
        }
    }
}

static gboolean mux_open(struct chardev *c, void *base, GError **error)
{
    struct mux *m = (struct mux *)c;

    m->focus = -1;
    m->line_start = true;
    m->own = (struct chardev_frontend){mux_can_receive, mux_receive, mux_base_event,
                                       mux_base_writable, m};
    for (unsigned i = 0; i < MUX_FRONTENDS; i++) {
        m->slot[i].mux = m;
    }
    if (!chardev_attach(base, &m->own, error)) {
        return FALSE;
    }
    m->base = base;
    m->base->users++;
    return TRUE;
}

static void mux_close(struct chardev *c)
{
    struct mux *m = (struct mux *)c;

    if (m->base) {
        m->base->users--;
        chardev_detach(m->base, &m->own);
    }
}

static size_t write_stamp(struct mux *m)
{
    gint64 ms = (g_get_monotonic_time() - m->start) / 1000;
    char text[32];

    g_snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
               (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    return chardev_write(m->base, text, strlen(text));
}

static size_t mux_write(struct chardev *c, const uint8_t *data, size_t len)
{
    struct mux *m = (struct mux *)c;
    size_t done = 0;

    if (!m->stamps) {
        return chardev_write(m->base, data, len);
    }
    while (done < len) {
        const uint8_t *end = memchr(data + done, '\n', len - done);
        size_t n = end ? (size_t)(end - data) + 1 - done : len - done;
        size_t taken;

        if (m->line_start) {
            m->line_start = false;
            write_stamp(m);
        }
        taken = chardev_write(m->base, data + done, n);
        done += taken;
        if (taken < n) {
            break;
        }
        m->line_start = end != NULL;
    }
    return done;
}

static void mux_resume(struct chardev *c)
{
    struct mux *m = (struct mux *)c;

    for (unsigned i = 0; i < MUX_FRONTENDS; i++) {
        flush(&m->slot[i]);
    }
    chardev_accept_input(m->base);
}

static gboolean mux_attach(struct chardev *c, const struct chardev_frontend *fe, GError **error)
{
    struct mux *m = (struct mux *)c;

    for (int i = 0; fe && i < MUX_FRONTENDS; i++) {
        if (!m->slot[i].fe) {
            m->slot[i].own = *fe;
            m->slot[i].fe = &m->slot[i].own;
            m->slot[i].n_pending = 0;
            if (chardev_is_open(c)) {
                tell(&m->slot[i], CHARDEV_OPENED);
            }
            set_focus(m, i);
            return TRUE;
        }
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "Chardev '%s' has no free place", c->id);
    return FALSE;
}

static bool mux_detach(struct chardev *c, const struct chardev_frontend *fe)
{
    struct mux *m = (struct mux *)c;

    for (int i = 0; i < MUX_FRONTENDS; i++) {
        if (chardev_same(m->slot[i].fe, fe)) {
            m->slot[i].fe = NULL;
            if (m->focus == i) {
                m->focus = -1;
                set_focus(m, next_slot(m, i));
            }
            return true;
        }
    }
    return false;
}

static void mux_event(struct chardev *c, enum chardev_event event)
{
    struct mux *m = (struct mux *)c;

    for (unsigned i = 0; i < MUX_FRONTENDS; i++) {
        tell(&m->slot[i], event);
    }
}

const struct chardev_class chardev_mux = {
    .name = "mux",
    .help = "several front ends on one back end",
    .instance_size = sizeof(struct mux),
    .open = mux_open,
    .close = mux_close,
    .write = mux_write,
    .resume = mux_resume,
    .attach = mux_attach,
    .detach = mux_detach,
    .event = mux_event,
};
