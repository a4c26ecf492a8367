/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/chardev.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A front end that keeps what it hears. */
struct ear {
    struct chardev_frontend fe;
    struct chardev *c;
    GString *got;
    size_t room;
    int opened, closed, breaks, focus, writable;
};

static size_t ear_room(void *opaque)
{
    return ((struct ear *)opaque)->room;
}

static void ear_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct ear *e = opaque;

    g_assert_cmpuint(len, <=, e->room);
    g_string_append_len(e->got, (const char *)data, (gssize)len);
}

static void ear_event(void *opaque, enum chardev_event event)
{
    struct ear *e = opaque;

    e->opened += event == CHARDEV_OPENED;
    e->closed += event == CHARDEV_CLOSED;
    e->breaks += event == CHARDEV_BREAK;
    e->focus += (event == CHARDEV_FOCUS_IN) - (event == CHARDEV_FOCUS_OUT);
}

static void ear_writable(void *opaque)
{
    ((struct ear *)opaque)->writable++;
}

static void ear_put_on(struct ear *e, struct chardev *c)
{
    g_autoptr(GError) error = NULL;

    memset(e, 0, sizeof(*e));
    e->fe = (struct chardev_frontend){ear_room, ear_receive, ear_event, ear_writable, e};
    e->c = c;
    e->got = g_string_new(NULL);
    e->room = 4096;
    g_assert_true(chardev_attach(c, &e->fe, &error));
    g_assert_no_error(error);
}

static void ear_take_off(struct ear *e)
{
    chardev_detach(e->c, &e->fe);
    g_string_free(e->got, TRUE);
}

/* Turns the loop until `cond`, at most 5 s. */
#define turn_until(f, cond)                                        \
    do {                                                           \
        gint64 end_ = g_get_monotonic_time() + 5 * G_USEC_PER_SEC; \
        while (!(cond) && g_get_monotonic_time() < end_) {         \
            if (!g_main_context_iteration((f)->context, FALSE)) {  \
                g_usleep(500);                                     \
            }                                                      \
        }                                                          \
        g_assert_true(cond);                                       \
    } while (0)

struct fixture {
    GMainContext *context;
    struct chardev_set *set;
    char *dir, *path;
    int quit;
};

static void on_quit(void *opaque, int code)
{
    ((struct fixture *)opaque)->quit = code;
}

static void setup(struct fixture *f, gconstpointer data)
{
    struct chardev_hooks hooks = {.quit = on_quit, .opaque = f};

    f->context = g_main_context_new();
    f->set = chardev_set_new(f->context);
    f->dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "s", NULL);
    f->quit = -1;
    chardev_set_hooks(f->set, &hooks);
}

static void teardown(struct fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    const char *name;

    chardev_set_free(f->set);
    g_main_context_unref(f->context);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->path);
}

static struct chardev *make(struct fixture *f, GError **error, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);
    g_autofree char *expanded = g_strjoinv(f->dir, parts);
    json_object *o = row_parse(expanded, "backend", TRUE, error);
    struct chardev *c;

    g_assert_nonnull(o);
    c = chardev_new(f->set, o, error);
    json_object_put(o);
    return c;
}

static void files(struct fixture *f, gconstpointer data)
{
    g_autofree char *in = g_build_filename(f->dir, "in", NULL);
    g_autofree char *log = g_build_filename(f->dir, "log", NULL);
    g_autofree char *text = NULL, *logged = NULL;
    g_autoptr(GError) error = NULL;
    struct chardev *c;
    struct ear e;

    g_assert_true(g_file_set_contents(in, "typed", -1, NULL));
    c = make(f, &error, "file,id=f,path=@/s,input-path=@/in,logfile=@/log");
    g_assert_no_error(error);
    ear_put_on(&e, c);
    g_assert_cmpuint(chardev_write(c, "hello\n", 6), ==, 6);
    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "hello\n");
    g_assert_true(g_file_get_contents(log, &logged, NULL, NULL));
    g_assert_cmpstr(logged, ==, "hello\n");
    turn_until(f, g_str_equal(e.got->str, "typed"));
    ear_take_off(&e);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void unix_server(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=s,path=@/s,server,nowait");
    g_autofree char *name = chardev_filename(c);
    struct ear e;
    char buf[8] = "";

    ear_put_on(&e, c);
    g_assert_true(g_str_has_prefix(name, "disconnected:unix:"));
    g_assert_cmpuint(chardev_write(c, "lost", 4), ==, 4);
    for (int round = 1; round <= 2; round++) {
        int fd = connect_unix(f->path);

        turn_until(f, e.opened == round);
        g_assert_cmpuint(chardev_write(c, "out", 3), ==, 3);
        g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 3);
        g_assert_cmpint(write(fd, "in", 2), ==, 2);
        turn_until(f, e.got->len == (gsize)round * 2);
        close(fd);
        turn_until(f, e.closed == round);
    }
    ear_take_off(&e);
}

/* A peer that does not read makes write take less; when it reads, writable is called. */
static void back_pressure(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=s,path=@/s,server=on,wait=off");
    g_autofree char *block = g_malloc0(1 << 20);
    int fd = connect_unix(f->path);
    size_t sent = 0, n = 1 << 20;
    struct ear e;

    ear_put_on(&e, c);
    turn_until(f, e.opened == 1);
    for (; n == 1 << 20 && sent < 64 << 20; sent += n) {
        n = chardev_write(c, block, 1 << 20);
    }
    g_assert_cmpuint(n, <, 1 << 20);
    g_assert_cmpint(e.writable, ==, 1); /* from the connection itself */
    while (sent > 0) {
        ssize_t got = read(fd, block, MIN(sent, 1 << 20));

        g_assert_cmpint(got, >, 0);
        sent -= (size_t)got;
    }
    turn_until(f, e.writable == 2);
    close(fd);
    ear_take_off(&e);
}

/* Input waits while the front end has no room. */
static void no_room(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=s,path=@/s,server=on,wait=off");
    int fd = connect_unix(f->path);
    struct ear e;

    ear_put_on(&e, c);
    e.room = 0;
    g_assert_cmpint(write(fd, "abc", 3), ==, 3);
    turn_until(f, e.opened == 1);
    for (int i = 0; i < 20; i++) {
        g_main_context_iteration(f->context, FALSE);
    }
    g_assert_cmpstr(e.got->str, ==, "");
    e.room = 1;
    chardev_accept_input(c);
    turn_until(f, g_str_equal(e.got->str, "abc"));
    close(fd);
    ear_take_off(&e);
}

static void passed_fd(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=s,path=@/s,server=on,wait=off");
    union {
        struct cmsghdr h;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.h = {.cmsg_level = SOL_SOCKET,
                       .cmsg_type = SCM_RIGHTS,
                       .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec iov = {(char *)"x", 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control.bytes)};
    int fd = connect_unix(f->path), pipe_fds[2], taken;
    struct ear e;
    char byte = 0;

    ear_put_on(&e, c);
    g_assert_cmpint(pipe(pipe_fds), ==, 0);
    memcpy(CMSG_DATA(&control.h), &pipe_fds[1], sizeof(int));
    g_assert_cmpint(sendmsg(fd, &msg, 0), ==, 1);
    turn_until(f, e.got->len == 1);
    taken = chardev_take_fd(c);
    g_assert_cmpint(taken, >=, 0);
    g_assert_cmpint(chardev_take_fd(c), ==, -1);
    g_assert_cmpint(write(taken, "y", 1), ==, 1);
    g_assert_cmpint(read(pipe_fds[0], &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'y');
    close(taken);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(fd);
    ear_take_off(&e);
}

static void tcp_pair(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    struct chardev *server =
        chardev_new_short(f->set, "s", "tcp:127.0.0.1:0,server=on,wait=off", &error);
    g_autofree char *name = NULL, *text = NULL;
    struct chardev *client;
    struct ear a, b;

    g_assert_no_error(error);
    ear_put_on(&a, server);
    name = chardev_filename(server);
    g_assert_true(g_str_has_prefix(name, "disconnected:tcp:127.0.0.1:"));
    *strchr(name, ',') = '\0';
    text = g_strdup_printf("%s,nodelay=on", name + strlen("disconnected:"));
    client = chardev_new_short(f->set, "c", text, &error);
    g_assert_no_error(error);
    ear_put_on(&b, client);
    turn_until(f, a.opened == 1);
    chardev_write(client, "ping", 4);
    turn_until(f, g_str_equal(a.got->str, "ping"));
    chardev_write(server, "pong", 4);
    turn_until(f, g_str_equal(b.got->str, "pong"));
    ear_take_off(&a);
    ear_take_off(&b);
    g_assert_true(chardev_remove(f->set, "c", &error));
}

static void reconnect(struct fixture *f, gconstpointer data)
{
    struct chardev *client = make(f, NULL, "socket,id=c,path=@/s,reconnect=1");
    struct ear e;

    ear_put_on(&e, client);
    g_assert_cmpint(e.opened, ==, 0);
    g_assert_nonnull(make(f, NULL, "socket,id=s,path=@/s,server=on,wait=off"));
    turn_until(f, e.opened == 1);
    ear_take_off(&e);
}

static void pty(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "pty,id=p");
    g_autofree char *name = chardev_filename(c);
    struct ear e;
    char buf[8] = "";
    int fd;

    g_assert_true(g_str_has_prefix(name, "pty:/dev/pts/"));
    ear_put_on(&e, c);
    fd = open(name + 4, O_RDWR | O_NOCTTY);
    g_assert_cmpint(fd, >=, 0);
    turn_until(f, e.opened == 1);
    g_assert_cmpuint(chardev_write(c, "a\nb", 3), ==, 3);
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 3);
    g_assert_cmpstr(buf, ==, "a\nb");
    g_assert_cmpint(write(fd, "key", 3), ==, 3);
    turn_until(f, g_str_equal(e.got->str, "key"));
    close(fd);
    turn_until(f, e.closed == 1);
    ear_take_off(&e);
}

static void fifo(struct fixture *f, gconstpointer data)
{
    g_autofree char *in = g_build_filename(f->dir, "s.in", NULL);
    g_autofree char *out = g_build_filename(f->dir, "s.out", NULL);
    char buf[4] = "";
    struct ear e;
    int w, r;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    ear_put_on(&e, make(f, NULL, "pipe,id=p,path=@/s"));
    w = open(in, O_WRONLY);
    r = open(out, O_RDONLY);
    g_assert_cmpint(write(w, "ab", 2), ==, 2);
    turn_until(f, g_str_equal(e.got->str, "ab"));
    chardev_write(e.c, "cd", 2);
    g_assert_cmpint(read(r, buf, 2), ==, 2);
    g_assert_cmpstr(buf, ==, "cd");
    close(w);
    close(r);
    ear_take_off(&e);
}

static void ring(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    struct chardev *c = make(f, &error, "ringbuf,id=r,size=4");
    g_autoptr(GBytes) bytes = NULL;

    g_assert_no_error(error);
    chardev_write(c, "abcdef", 6);
    bytes = chardev_ring_read(c, 100, &error);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "cdef", 4);
}

static void testdev(struct fixture *f, gconstpointer data)
{
    chardev_write(make(f, NULL, "testdev,id=t"), "3q", 2);
    turn_until(f, f->quit == 7);
}

static void mux_keys(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=m,path=@/s,server=on,wait=off,mux=on");
    int fd = connect_unix(f->path);
    struct ear a, b;

    g_assert_true(chardev_is_mux(c));
    ear_put_on(&a, c);
    ear_put_on(&b, c);
    turn_until(f, a.opened == 1 && b.opened == 1);
    g_assert_cmpint(b.focus, ==, 1);
    g_assert_cmpint(a.focus, ==, 0);
    g_assert_cmpint(write(fd, "1\001c2\001\001\001c3\001b\001x", 13), ==, 13);
    turn_until(f, f->quit == 0);
    g_assert_cmpstr(a.got->str, ==, "2\001");
    g_assert_cmpstr(b.got->str, ==, "13");
    g_assert_cmpint(b.breaks, ==, 1);
    close(fd);
    ear_take_off(&a);
    ear_take_off(&b);
}

/* A reader that gets room between one question and the next, as a guest that empties its FIFO while
 * the loop looks. */
struct sudden {
    unsigned asked;
    GString *got;
};

static size_t sudden_room(void *opaque)
{
    return ((struct sudden *)opaque)->asked++ < 11 ? 0 : 20;
}

static void sudden_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct sudden *s = opaque;

    s->asked = 0;
    g_string_append_len(s->got, (const char *)data, (gssize)len);
}

static void mux_sudden_room(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "socket,id=m,path=@/s,server=on,wait=off,mux=on");
    g_autoptr(GString) got = g_string_new(NULL);
    struct sudden s = {.got = got};
    const struct chardev_frontend fe = {sudden_room, sudden_receive, NULL, NULL, &s};
    int fd = connect_unix(f->path);
    GError *error = NULL;

    g_assert_true(chardev_attach(c, &fe, &error));
    g_assert_cmpint(write(fd, "the quick brown fox jumps over ", 31), ==, 31);
    turn_until(f, got->len >= 24);
    g_assert_true(g_str_has_prefix("the quick brown fox jumps over ", got->str));
    close(fd);
    chardev_detach(c, &fe);
}

static void mux_stamps(struct fixture *f, gconstpointer data)
{
    struct chardev *c = make(f, NULL, "file,id=m,path=@/s,input-path=@/in,mux=on");
    g_autofree char *in = g_build_filename(f->dir, "in", NULL), *text = NULL;
    struct ear e;

    g_assert_null(c);
    g_assert_true(g_file_set_contents(in, "\001ta", -1, NULL));
    c = make(f, NULL, "file,id=m,path=@/s,input-path=@/in,mux=on");
    ear_put_on(&e, c);
    turn_until(f, e.got->len == 1);
    chardev_write(c, "x\ny", 3);
    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    g_assert_true(
        g_regex_match_simple("^\\[00:00:0\\d\\.\\d+\\] x\n\\[00:00:0\\d\\.\\d+\\] y$", text, 0, 0));
    ear_take_off(&e);
}

static void refusals(struct fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "socket,id=x",
        "socket,id=x,path=/x,host=y,port=1",
        "socket,id=x,host=localhost",
        "socket,id=x,path=/nonexistent/x",
        "socket,id=x,path=/x,server=on,reconnect=1",
        "socket,id=x,path=/x,wait=on",
        "socket,id=x,path=/x,telnet=on",
        "socket,id=x,fd=nosuch",
        "socket,id=x,fd=100000",
        "socket,id=x,path=",
        "file,id=x,path=/nonexistent/x",
        "ringbuf,id=x,size=5",
        "null,id=taken",
        "null,id=x,extra=1",
        "udp,id=x",
        "nosuch,id=x",
        "null",
    };
    static const char *const bad_short[] = {"udp:x",  "vc",      "chardev:no", "tcp:x",
                                            "tcp:x:", "nosuch:", "file",       "telnet:x:1"};

    g_assert_nonnull(make(f, NULL, "null,id=taken"));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make(f, &error, bad[i]));
        g_test_message("%s: %s", bad[i], error->message);
        g_assert_null(chardev_find(f->set, "x"));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_short); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(chardev_new_short(f->set, "x", bad_short[i], &error));
        g_assert_nonnull(error);
    }
}

static void query(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    json_object *list;
    struct ear e;

    ear_put_on(&e, make(f, NULL, "null,id=n"));
    list = chardev_query(f->set);
    g_assert_cmpstr(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN), ==,
                    "[{\"frontend-open\":true,\"label\":\"n\",\"filename\":\"null\"}]");
    json_object_put(list);
    g_assert_false(chardev_remove(f->set, "n", &error));
    g_assert_nonnull(error);
    ear_take_off(&e);
    g_assert_true(chardev_remove(f->set, "n", NULL));
    g_assert_null(chardev_new_short(f->set, "n", "none", NULL));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(struct fixture *f, gconstpointer data);
    } tests[] = {
        {"/chardev/files", files},       {"/chardev/unix", unix_server},
        {"/chardev/tcp", tcp_pair},      {"/chardev/back-pressure", back_pressure},
        {"/chardev/no-room", no_room},   {"/chardev/passed-fd", passed_fd},
        {"/chardev/pty", pty},           {"/chardev/reconnect", reconnect},
        {"/chardev/pipe", fifo},         {"/chardev/ring", ring},
        {"/chardev/testdev", testdev},   {"/chardev/mux/keys", mux_keys},
        {"/chardev/refusals", refusals}, {"/chardev/mux/stamps", mux_stamps},
        {"/chardev/query", query},       {"/chardev/mux/sudden-room", mux_sudden_room},
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
