/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 16550A: register sequences of the data sheet, and what Linux's and SeaBIOS's drivers do. */
#include "machine/dev/classes.h"
#include "rig.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PORT 0x3f8

static struct dev *add_to(struct rig *r)
{
    struct dev *dev;
    g_autoptr(GError) error = NULL;

    dev = rig_make(r, &isa_serial_class);
    g_assert_true(dev_set_str(dev, "chardev", "ser", &error));
    rig_start(r, dev, r->isa.dev_bus);
    return dev;
}

static struct dev *add(struct rig *r)
{
    rig_chardev(r, "ser");
    return add_to(r);
}

/* A pair of named pipes as back end; the test types into one of them. */
struct typist {
    char *dir, *in, *out;
    int fd;
};

static void open_pipes(struct rig *r, struct typist *t)
{
    json_object *o = json_object_new_object();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;

    t->dir = g_dir_make_tmp("viv-serial-XXXXXX", &error);
    g_assert_no_error(error);
    path = g_build_filename(t->dir, "p", NULL);
    t->in = g_strconcat(path, ".in", NULL);
    t->out = g_strconcat(path, ".out", NULL);
    g_assert_cmpint(mkfifo(t->in, 0600) | mkfifo(t->out, 0600), ==, 0);
    json_object_object_add(o, "id", json_object_new_string("ser"));
    json_object_object_add(o, "backend", json_object_new_string("pipe"));
    json_object_object_add(o, "path", json_object_new_string(path));
    g_assert_nonnull(chardev_new(r->chardevs, o, &error));
    json_object_put(o);
    t->fd = open(t->in, O_WRONLY | O_NONBLOCK);
    g_assert_cmpint(t->fd, >=, 0);
}

static void close_pipes(struct typist *t)
{
    close(t->fd);
    g_unlink(t->in);
    g_unlink(t->out);
    g_rmdir(t->dir);
    g_free(t->in);
    g_free(t->out);
    g_free(t->dir);
}

static void type(struct rig *r, struct typist *t, const char *text)
{
    g_assert_cmpint(write(t->fd, text, strlen(text)), ==, (ssize_t)strlen(text));
    rig_loop(r);
}

static void test_probe(void)
{
    struct rig *r = rig_new();

    add(r);
    g_assert_cmphex(rig_in(r, PORT + 5, 1), ==, 0x60);
    g_assert_cmphex(rig_in(r, PORT + 6, 1), ==, 0xb0);
    rig_out(r, PORT + 7, 1, 0xa5);
    g_assert_cmphex(rig_in(r, PORT + 7, 1), ==, 0xa5);
    rig_out(r, PORT + 1, 1, 0xff); /* only four bits exist */
    g_assert_cmphex(rig_in(r, PORT + 1, 1), ==, 0x0f);
    rig_out(r, PORT + 1, 1, 0);
    rig_out(r, PORT + 2, 1, 0x01);
    g_assert_cmphex(rig_in(r, PORT + 2, 1), ==, 0xc1); /* FIFOs work: a 16550A */
    rig_out(r, PORT + 3, 1, 0x83);
    rig_out(r, PORT, 2, 0x0100 | 1); /* divisor 1, by one 16-bit write */
    g_assert_cmphex(rig_in(r, PORT, 1), ==, 1);
    g_assert_cmphex(rig_in(r, PORT + 1, 1), ==, 1);
    rig_free(r);
}

static void test_output(void)
{
    struct rig *r = rig_new();
    struct dev *dev = add(r);
    g_autoptr(GBytes) out = NULL;

    rig_out(r, PORT + 1, 1, 2); /* THRE interrupt: at once, the transmitter is empty */
    g_assert_true(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 2, 1), ==, 0x02);
    g_assert_false(r->line[4].level); /* reading it cleared it */
    for (const char *p = "hello"; *p; p++) {
        rig_out(r, PORT, 1, (uint8_t)*p);
    }
    g_assert_true(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 5, 1) & 0x60, ==, 0x60);
    out = chardev_ring_read(chardev_find(r->chardevs, "ser"), 100, NULL);
    g_assert_cmpmem(g_bytes_get_data(out, NULL), g_bytes_get_size(out), "hello", 5);
    rig_round_trip(dev);
    rig_free(r);
}

static void test_input(void)
{
    struct rig *r = rig_new();
    struct typist t;
    struct dev *dev;

    open_pipes(r, &t);
    dev = add_to(r);

    rig_out(r, PORT + 2, 1, 0x81); /* FIFO, trigger at 8 */
    rig_out(r, PORT + 1, 1, 1);
    type(r, &t, "abc");
    g_assert_false(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 5, 1) & 1, ==, 1);
    rig_sleep(r, 10 * 1000 * 1000); /* four characters at 9600 baud */
    g_assert_true(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 2, 1), ==, 0xcc); /* timeout */
    g_assert_cmphex(rig_in(r, PORT, 1), ==, 'a');
    g_assert_false(r->line[4].level);
    type(r, &t, "defghijk");
    g_assert_true(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 2, 1), ==, 0xc4);
    rig_round_trip(dev);
    rig_bad_states(dev);
    for (const char *p = "bcdefghijk"; *p; p++) {
        g_assert_cmphex(rig_in(r, PORT, 1), ==, (uint8_t)*p);
    }
    g_assert_false(r->line[4].level);
    g_assert_cmphex(rig_in(r, PORT + 5, 1) & 1, ==, 0);
    type(r, &t, "0123456789abcdefXYZ"); /* three wait outside */
    for (const char *p = "0123456789abcdefXYZ"; *p; p++) {
        g_assert_cmphex(rig_in(r, PORT, 1), ==, (uint8_t)*p);
        rig_loop(r);
    }
    close_pipes(&t);
    rig_free(r);
}

static void test_loopback(void)
{
    struct rig *r = rig_new();

    add(r);
    rig_out(r, PORT + 4, 1, 0x1a); /* loop, OUT2, RTS */
    g_assert_cmphex(rig_in(r, PORT + 6, 1) & 0xf0, ==, 0x90);
    rig_out(r, PORT, 1, 0x5a);
    rig_out(r, PORT, 1, 0x5b); /* no FIFO: overrun */
    g_assert_cmphex(rig_in(r, PORT + 5, 1) & 0x03, ==, 0x03);
    g_assert_cmphex(rig_in(r, PORT + 5, 1) & 0x03, ==, 0x01);
    g_assert_cmphex(rig_in(r, PORT, 1), ==, 0x5b);
    rig_free(r);
}

static void test_ports(void)
{
    struct rig *r = rig_new();
    g_autoptr(GError) error = NULL;
    struct dev *dev;

    for (unsigned i = 0; i < 4; i++) {
        rig_add(r, &isa_serial_class, r->isa.dev_bus);
    }
    g_assert_cmphex(rig_in(r, 0x2f8 + 5, 1), ==, 0x60);
    g_assert_cmphex(rig_in(r, 0x3e8 + 5, 1), ==, 0x60);
    g_assert_cmphex(rig_in(r, 0x2e8 + 5, 1), ==, 0x60);
    dev = rig_make(r, &isa_serial_class);
    g_assert_false(dev_realize(dev, r->isa.dev_bus, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_true(dev_set_str(dev, "index", "3", &error));
    g_assert_true(dev_set_str(dev, "iobase", "0x500", &error));
    g_assert_true(dev_set_str(dev, "irq", "9", &error));
    rig_start(r, dev, r->isa.dev_bus);
    rig_out(r, 0x501, 1, 2);
    g_assert_true(r->line[9].level);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/serial/probe", test_probe);
    g_test_add_func("/serial/output", test_output);
    g_test_add_func("/serial/input", test_input);
    g_test_add_func("/serial/loopback", test_loopback);
    g_test_add_func("/serial/ports", test_ports);
    return g_test_run();
}
