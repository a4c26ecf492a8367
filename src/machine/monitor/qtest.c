/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest protocol: a test reads and writes memory and ports and moves the clock, one command a
 * line, one reply a line ("OK ...", "FAIL ..."). Meant for -accel qtest, whose clock stands still.
 */
#include "machine/monitor/monitor.h"

#include "base/cleanup.h"
#include "base/least.h"
#include "machine/core/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <inttypes.h>
#include <string.h>

#define LINE_BYTES (4 << 20)
#define BLOCK_MAX  (1 << 20) /* bytes of one read, write or memset */

struct qtest {
    const struct monitor_env *env;
    struct chardev *c;
    struct chardev_frontend fe;
    GString *line;
    bool too_long;
    GByteArray *out;
    int log;            /* -1: none */
    char *intercepting; /* controller whose lines are told, or NULL */
    GString *lines;     /* what they did, not yet sent */
    GSource *source;    /* sends it */
};

struct qtest_call {
    struct qtest *t;
    char **words; /* after the command */
    unsigned n;
    unsigned size;     /* of the access */
    uint64_t value[2]; /* the first two words as numbers */
};

/* ---- output
 * -------------------------------------------------------------------------------------- */

static void flush(struct qtest *t)
{
    while (t->out->len) {
        size_t n = chardev_write(t->c, t->out->data, t->out->len);

        if (!n) {
            return;
        }
        g_byte_array_remove_range(t->out, 0, (guint)n);
    }
}

static void log_line(struct qtest *t, const char *mark, const char *text)
{
    g_autofree char *line = t->log >= 0 ? g_strdup_printf("[%s] %s\n", mark, text) : NULL;
    ssize_t n;

    if (line) {
        n = write(t->log, line, strlen(line));
        if (n < 0) {
            fd_close(&t->log);
        }
    }
}

/* What lines did goes out before the reply to what moved them. */
static void send_lines(struct qtest *t)
{
    if (t->lines->len) {
        g_byte_array_append(t->out, (const guint8 *)t->lines->str, (guint)t->lines->len);
        g_string_truncate(t->lines, 0);
    }
}

static void reply(struct qtest *t, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void reply(struct qtest *t, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    send_lines(t);
    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    log_line(t, "S", text);
    g_byte_array_append(t->out, (const guint8 *)text, (guint)strlen(text));
    g_byte_array_append(t->out, (const guint8 *)"\n", 1);
    flush(t);
}

/* ---- commands
 * ------------------------------------------------------------------------------------ */

static void do_in(const struct qtest_call *c)
{
    uint64_t v;

    bus_read(c->t->env->machine->io, c->value[0] & 0xffff, c->size, &v);
    reply(c->t, "OK 0x%04" PRIx64, v & (UINT64_MAX >> (64 - c->size * 8)));
}

static void do_out(const struct qtest_call *c)
{
    bus_write(c->t->env->machine->io, c->value[0] & 0xffff, c->value[1], c->size);
    reply(c->t, "OK");
}

static void do_read(const struct qtest_call *c)
{
    uint64_t v;

    bus_read(c->t->env->machine->memory, c->value[0], c->size, &v);
    reply(c->t, "OK 0x%016" PRIx64, v & (UINT64_MAX >> (64 - c->size * 8)));
}

static void do_write(const struct qtest_call *c)
{
    bus_write(c->t->env->machine->memory, c->value[0], c->value[1], c->size);
    reply(c->t, "OK");
}

static void read_block(const struct qtest_call *c)
{
    g_autofree uint8_t *data = NULL;
    g_autoptr(GString) hex = g_string_new("0x");

    if (c->value[1] > BLOCK_MAX) {
        reply(c->t, "FAIL at most %d bytes", BLOCK_MAX);
        return;
    }
    data = g_malloc0(c->value[1] + 1);
    bus_copy_from(c->t->env->machine->memory, c->value[0], data, c->value[1]);
    for (uint64_t i = 0; i < c->value[1]; i++) {
        g_string_append_printf(hex, "%02x", data[i]);
    }
    reply(c->t, "OK %s", hex->str);
}

/* "0x" and two digits a byte; what is missing is zero. */
static void write_block(const struct qtest_call *c)
{
    const char *hex = c->words[2];
    g_autofree uint8_t *data = NULL;

    if (c->value[1] > BLOCK_MAX || !g_str_has_prefix(hex, "0x")) {
        reply(c->t, "FAIL at most %d bytes, as 0x...", BLOCK_MAX);
        return;
    }
    data = g_malloc0(c->value[1] + 1);
    hex += 2;
    for (uint64_t i = 0; i < c->value[1] && g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]);
         i++, hex += 2) {
        data[i] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
    }
    bus_copy_to(c->t->env->machine->memory, c->value[0], data, c->value[1]);
    reply(c->t, "OK");
}

static void read_base64(const struct qtest_call *c)
{
    g_autofree uint8_t *data = NULL;
    g_autofree char *text = NULL;

    if (c->value[1] > BLOCK_MAX) {
        reply(c->t, "FAIL at most %d bytes", BLOCK_MAX);
        return;
    }
    data = g_malloc0(c->value[1] + 1);
    bus_copy_from(c->t->env->machine->memory, c->value[0], data, c->value[1]);
    text = g_base64_encode(data, c->value[1]);
    reply(c->t, "OK %s", text);
}

static void write_base64(const struct qtest_call *c)
{
    gsize len;
    g_autofree guchar *data = g_base64_decode(c->words[2], &len);

    bus_copy_to(c->t->env->machine->memory, c->value[0], data, MIN(len, c->value[1]));
    reply(c->t, "OK");
}

static void do_memset(const struct qtest_call *c)
{
    g_autofree uint8_t *data = NULL;

    if (c->value[1] > BLOCK_MAX) {
        reply(c->t, "FAIL at most %d bytes", BLOCK_MAX);
        return;
    }
    data = g_malloc(c->value[1] + 1);
    memset(data, (int)(g_ascii_strtoull(c->words[2], NULL, 0) & 0xff), c->value[1]);
    bus_copy_to(c->t->env->machine->memory, c->value[0], data, c->value[1]);
    reply(c->t, "OK");
}

static void step_to(const struct qtest_call *c, int64_t target)
{
    struct clock *clock = c->t->env->machine->clock;

    if (!clock_is_counting(clock)) {
        reply(c->t, "FAIL the clock runs by itself; use -accel qtest");
        return;
    }
    for (int64_t next = clock_next(clock, CLOCK_GUEST); next <= target;
         next = clock_next(clock, CLOCK_GUEST)) {
        clock_skip(clock, max_i64(next - clock_now(clock, CLOCK_GUEST), 0));
        clock_run(clock);
    }
    clock_skip(clock, max_i64(target - clock_now(clock, CLOCK_GUEST), 0));
    reply(c->t, "OK %" PRId64, clock_now(clock, CLOCK_GUEST));
}

static void clock_step(const struct qtest_call *c)
{
    struct clock *clock = c->t->env->machine->clock;
    int64_t now = clock_now(clock, CLOCK_GUEST), next = clock_next(clock, CLOCK_GUEST);

    if (c->n > 0) {
        step_to(c, now + (int64_t)MIN(c->value[0], INT64_MAX / 2));
    } else {
        step_to(c, next == INT64_MAX ? now : MAX(next, now));
    }
}

static void clock_set_to(const struct qtest_call *c)
{
    step_to(c, (int64_t)MIN(c->value[0], INT64_MAX / 2));
}

static void endianness(const struct qtest_call *c)
{
    reply(c->t, "OK little");
}

/* "/machine/unattached/ioapic" is "ioapic" too. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Under the interrupt controllers' lock, which is a leaf: only the text is kept. */
static void on_line(void *opaque, unsigned line, bool level)
{
    struct qtest *t = opaque;

    g_string_append_printf(t->lines, "IRQ %s %u\n", level ? "raise" : "lower", line);
    g_source_set_ready_time(t->source, 0);
}

/* The lines that enter an interrupt controller. */
static void intercept_in(const struct qtest_call *c)
{
    const struct machine *m = c->t->env->machine;
    const char *name = last_part(c->words[0]);

    if (!m->accel->no_execution) {
        reply(c->t, "FAIL vCPUs run; use -accel qtest");
    } else if (c->t->intercepting && !g_str_equal(c->t->intercepting, name)) {
        reply(c->t, "FAIL IRQ intercept already enabled");
    } else if (!m->board_ops || !m->board_ops->intercept ||
               !m->board_ops->intercept(m->board, name, on_line, c->t)) {
        reply(c->t, "FAIL Unknown device");
    } else {
        g_free(c->t->intercepting);
        c->t->intercepting = g_strdup(name);
        reply(c->t, "OK");
    }
}

static void intercept_out(const struct qtest_call *c)
{
    reply(c->t, "FAIL intercepting the lines that leave a device is not built yet; intercept those "
                "that enter 'ioapic'");
}

/* PATH NAME LINE LEVEL; our controllers have one group of lines, without a name. */
static void set_irq_in(const struct qtest_call *c)
{
    const struct machine *m = c->t->env->machine;
    uint64_t line = g_ascii_strtoull(c->words[2], NULL, 0);

    if (!g_str_equal(c->words[1], "unnamed-gpio-in") || line > 255 || !m->board_ops ||
        !m->board_ops->set_line ||
        !m->board_ops->set_line(m->board, last_part(c->words[0]), (unsigned)line,
                                g_ascii_strtoll(c->words[3], NULL, 0) != 0)) {
        reply(c->t, "FAIL Unknown device or line");
    } else {
        reply(c->t, "OK");
    }
}

static const struct {
    const char *name;
    unsigned min_words, size;
    bool io;
    void (*run)(const struct qtest_call *c);
} commands[] = {
    {"inb", 1, 1, true, do_in},
    {"inw", 1, 2, true, do_in},
    {"inl", 1, 4, true, do_in},
    {"outb", 2, 1, true, do_out},
    {"outw", 2, 2, true, do_out},
    {"outl", 2, 4, true, do_out},
    {"readb", 1, 1, false, do_read},
    {"readw", 1, 2, false, do_read},
    {"readl", 1, 4, false, do_read},
    {"readq", 1, 8, false, do_read},
    {"writeb", 2, 1, false, do_write},
    {"writew", 2, 2, false, do_write},
    {"writel", 2, 4, false, do_write},
    {"writeq", 2, 8, false, do_write},
    {"read", 2, 0, false, read_block},
    {"write", 3, 0, false, write_block},
    {"b64read", 2, 0, false, read_base64},
    {"b64write", 3, 0, false, write_base64},
    {"memset", 3, 0, false, do_memset},
    {"clock_step", 0, 0, false, clock_step},
    {"clock_set", 1, 0, false, clock_set_to},
    {"endianness", 0, 0, false, endianness},
    {"irq_intercept_in", 1, 0, false, intercept_in},
    {"irq_intercept_out", 1, 0, false, intercept_out},
    {"set_irq_in", 4, 0, false, set_irq_in},
};

static void run_line(struct qtest *t, char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", 8);
    unsigned n = g_strv_length(words);
    struct qtest_call c = {.t = t, .words = words + 1, .n = n - 1};

    log_line(t, "R", line);
    for (unsigned i = 0; n > 0 && i < G_N_ELEMENTS(commands); i++) {
        if (!g_str_equal(words[0], commands[i].name)) {
            continue;
        }
        for (unsigned v = 0; v < 2 && v < c.n; v++) {
            c.value[v] = g_ascii_strtoull(c.words[v], NULL, 0);
        }
        c.size = commands[i].size;
        if (c.n < commands[i].min_words || (commands[i].io && !t->env->machine->io)) {
            reply(t, "FAIL %s: words are missing, or the machine has no ports", words[0]);
        } else {
            commands[i].run(&c);
        }
        return;
    }
    reply(t, "FAIL Unknown command '%.40s'", n ? words[0] : "");
}

/* ---- input
 * --------------------------------------------------------------------------------------- */

static size_t can_receive(void *opaque)
{
    return ((struct qtest *)opaque)->out->len > BLOCK_MAX ? 0 : 4096;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct qtest *t = opaque;

    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            t->too_long = t->too_long || t->line->len >= LINE_BYTES;
            if (!t->too_long) {
                g_string_append_c(t->line, (char)data[i]);
            }
            continue;
        }
        if (t->too_long) {
            reply(t, "FAIL the line is too long");
        } else if (strlen(t->line->str) == t->line->len && *t->line->str) {
            g_autofree char *line = g_strdup(t->line->str);

            run_line(t, line);
        }
        g_string_truncate(t->line, 0);
        t->too_long = false;
    }
}

static void writable(void *opaque)
{
    struct qtest *t = opaque;

    flush(t);
    chardev_accept_input(t->c);
}

static gboolean on_lines(gpointer opaque)
{
    struct qtest *t = opaque;

    g_source_set_ready_time(t->source, -1);
    send_lines(t);
    flush(t);
    return G_SOURCE_CONTINUE;
}

static gboolean dispatch(GSource *source, GSourceFunc fn, gpointer opaque)
{
    return fn(opaque);
}

static GSourceFuncs source_funcs = {.dispatch = dispatch};

static void add_source(struct qtest *t)
{
    t->source = g_source_new(&source_funcs, sizeof(GSource));
    g_source_set_callback(t->source, on_lines, t, NULL);
    g_source_attach(t->source, t->env->machine->context);
}

struct qtest *qtest_open(const struct monitor_env *env, struct chardev *c, const char *log,
                         GError **error)
{
    struct qtest *t = g_new0(struct qtest, 1);

    t->env = env;
    t->c = c;
    t->line = g_string_new(NULL);
    t->out = g_byte_array_new();
    t->lines = g_string_new(NULL);
    t->log = -1;
    add_source(t);
    t->fe = (struct chardev_frontend){can_receive, receive, NULL, writable, t};
    if (log) {
        t->log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (t->log < 0) {
            g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "-qtest-log %s: %s",
                        log, g_strerror(errno));
        }
    }
    if ((log && t->log < 0) || !chardev_attach(c, &t->fe, error)) {
        t->c = NULL;
        qtest_close(t);
        return NULL;
    }
    return t;
}

void qtest_close(struct qtest *t)
{
    if (t->c) {
        flush(t);
        chardev_detach(t->c, &t->fe);
    }
    if (t->intercepting) {
        t->env->machine->board_ops->intercept(t->env->machine->board, t->intercepting, NULL, NULL);
    }
    g_source_destroy(t->source);
    g_source_unref(t->source);
    g_free(t->intercepting);
    g_string_free(t->lines, TRUE);
    fd_close(&t->log);
    g_string_free(t->line, TRUE);
    g_byte_array_unref(t->out);
    g_free(t);
}
