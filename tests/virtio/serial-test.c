/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-serial and its ports through the PCI interface. VIRTIO 1.2, 5.3. */
#include "rig.h"

#include "base/bits.h"
#include "base/endian.h"
#include "machine/chardev/chardev.h"
#include "machine/virtio/devices.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define CTRL_IN  2
#define CTRL_OUT 3

struct set_up {
    struct rig rig;
    struct chardev_set *set;
    struct dev *port;
    char *path;
};

static void init(struct set_up *s, const struct dev_class *class, const char *options)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(options, NULL, FALSE, &error), *c = json_object_new_object();
    int fd = g_file_open_tmp("viv-serial-XXXXXX", &s->path, &error);

    g_assert_no_error(error);
    close(fd);
    s->set = chardev_set_new(NULL);
    json_object_object_add(c, "id", json_object_new_string("c0"));
    json_object_object_add(c, "backend", json_object_new_string("file"));
    json_object_object_add(c, "path", json_object_new_string(s->path));
    rig_init(&s->rig, true, NULL);
    s->rig.backend = chardev_new(s->set, c, &error);
    g_assert_no_error(error);
    json_object_put(c);
    rig_add(&s->rig, &virtio_serial_pci_class, "max_ports=3");
    s->port = dev_new(class, "p0", &s->rig.machine.env);
    json_object_object_foreach(o, key, value)
    {
        g_assert_true(dev_set(s->port, key, value, &error));
    }
    json_object_put(o);
    g_assert_true(dev_realize(s->port, g_ptr_array_index(s->rig.dev->dev.buses, 0), &error));
}

static void fini(struct set_up *s)
{
    dev_free(s->port);
    rig_fini(&s->rig);
    chardev_set_free(s->set);
    g_unlink(s->path);
    g_free(s->path);
}

static void say(struct rig *r, uint32_t port, uint16_t event, uint16_t value)
{
    const struct rig_buffer b = {RIG_DATA, 8, false};

    st_le32(r->ram->host + RIG_DATA, port);
    st_le16(r->ram->host + RIG_DATA + 4, event);
    st_le16(r->ram->host + RIG_DATA + 6, value);
    rig_send(r, CTRL_OUT, 0, &b, 1);
    g_assert_cmpint(rig_used(r, CTRL_OUT, false), ==, 0);
}

static void give_control_buffers(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct rig_buffer b = {RIG_DATA + 0x1000 + i * 0x100, 0x100, true};

        rig_send(r, CTRL_IN, i, &b, 1);
    }
}

/* The i-th message: its event; *ret_value, *ret_text may be NULL. */
static uint16_t heard(struct rig *r, unsigned i, uint16_t *ret_value, const char **ret_text)
{
    uint8_t *m = r->ram->host + RIG_DATA + 0x1000 + i * 0x100;

    if (ret_value) {
        *ret_value = ld_le16(m + 6);
    }
    if (ret_text) {
        *ret_text = (char *)m + 8;
    }
    return ld_le16(m + 4);
}

static void port_is_announced(void)
{
    struct set_up s;
    const char *name;
    uint16_t value;

    init(&s, &virtserialport_class, "chardev=c0,name=org.example.test");
    rig_start(&s.rig, UINT64_MAX);
    g_assert_cmpuint(rig_device(&s.rig, 4, 4), ==, 3);
    give_control_buffers(&s.rig, 6);
    say(&s.rig, 0, 0, 1); /* DEVICE_READY */
    g_assert_cmpint(rig_used(&s.rig, CTRL_IN, false), ==, 8);
    g_assert_cmpuint(heard(&s.rig, 0, NULL, NULL), ==, 1); /* DEVICE_ADD */
    g_assert_cmpuint(ld_le32(s.rig.ram->host + RIG_DATA + 0x1000), ==, 1);
    say(&s.rig, 1, 3, 1); /* PORT_READY */
    g_assert_cmpint(rig_used(&s.rig, CTRL_IN, false), ==, 8 + 16);
    g_assert_cmpuint(heard(&s.rig, 1, &value, &name), ==, 7);
    g_assert_cmpstr(name, ==, "org.example.test");
    g_assert_cmpint(rig_used(&s.rig, CTRL_IN, false), ==, 8);
    g_assert_cmpuint(heard(&s.rig, 2, &value, NULL), ==, 6); /* host side is open */
    g_assert_cmpuint(value, ==, 1);
    say(&s.rig, 1, 6, 1);
    g_assert_cmpuint(s.rig.events->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(s.rig.events, 0), ==, "VSERPORT_CHANGE");
    fini(&s);
}

static void console_writes_out(void)
{
    const struct rig_buffer b = {RIG_DATA + 0x8000, 6, false};
    g_autofree char *text = NULL;
    struct set_up s;
    gsize len;

    init(&s, &virtconsole_class, "chardev=c0");
    rig_start(&s.rig, UINT64_MAX);
    give_control_buffers(&s.rig, 6);
    say(&s.rig, 0, 3, 1);
    g_assert_cmpuint(heard(&s.rig, 0, NULL, NULL), ==, 4); /* CONSOLE_PORT */
    memcpy(s.rig.ram->host + RIG_DATA + 0x8000, "hello\n", 6);
    rig_send(&s.rig, 1, 0, &b, 1);
    g_assert_cmpint(rig_used(&s.rig, 1, true), ==, 0);
    g_assert_true(g_file_get_contents(s.path, &text, &len, NULL));
    g_assert_cmpmem(text, len, "hello\n", 6);
    fini(&s);
}

static void hostile_control_is_survived(void)
{
    struct set_up s;

    init(&s, &virtserialport_class, "chardev=c0");
    rig_start(&s.rig, UINT64_MAX);
    for (unsigned event = 0; event < 12; event++) {
        say(&s.rig, 1, event, 1);
        say(&s.rig, 2, event, 1);          /* a port that is not plugged */
        say(&s.rig, UINT32_MAX, event, 1); /* one that cannot be */
    }
    for (unsigned i = 0; i < 20000; i++) { /* messages that nobody fetches are bounded */
        say(&s.rig, 1, 3, 1);
    }
    fini(&s);
}

static void plugging_is_checked(void)
{
    const struct {
        const struct dev_class *class;
        const char *nr, *says;
    } bad[] = {
        {&virtserialport_class, "0", "reserved for virtconsole"},
        {&virtserialport_class, "1", "already exists"},
        {&virtserialport_class, "3", "Out-of-range"},
    };
    struct set_up s;
    g_autoptr(GError) error = NULL;

    init(&s, &virtserialport_class, "chardev=c0");
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct dev *dev = dev_new(bad[i].class, NULL, &s.rig.machine.env);

        g_assert_true(dev_set_str(dev, "nr", bad[i].nr, NULL));
        g_assert_false(dev_realize(dev, g_ptr_array_index(s.rig.dev->dev.buses, 0), &error));
        g_assert_nonnull(strstr(error->message, bad[i].says));
        g_clear_error(&error);
        dev_free(dev);
    }
    fini(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-serial/announced", port_is_announced);
    g_test_add_func("/virtio-serial/console", console_writes_out);
    g_test_add_func("/virtio-serial/hostile-control", hostile_control_is_survived);
    g_test_add_func("/virtio-serial/plugging", plugging_is_checked);
    return g_test_run();
}
