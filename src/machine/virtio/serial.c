/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-serial: the console device with ports. Virtual I/O Device (VIRTIO) 1.2, 5.3.
 *
 *   queue 0, 1: port 0 (in, out)    2, 3: control (in, out)    2n + 2, 2n + 3: port n
 *
 * Ports are devices of their own (virtconsole, virtserialport) on the bus this controller offers.
 */
#include "base/bits.h"
#include "base/endian.h"
#include "machine/chardev/chardev.h"
#include "machine/virtio/devices.h"
#include "machine/virtio/proxy.h"

#define F_SIZE      0
#define F_MULTIPORT 1
#define F_EMERG     2

#define EV_DEVICE_READY 0
#define EV_DEVICE_ADD   1
#define EV_PORT_READY   3
#define EV_CONSOLE_PORT 4
#define EV_OPEN         6
#define EV_NAME         7

#define QUEUE_CTRL_IN  2
#define QUEUE_CTRL_OUT 3
#define QUEUE_SIZE     128
#define PORTS_MAX      511
#define CONFIG_SIZE    12
#define CONTROL_SIZE   8
#define NAME_MAX_LEN   128
#define WRITE_CHUNK    4096

struct port;

struct serial {
    struct virtio v;
    struct dev_bus *bus;
    struct port **port; /* by number; lock */
    bool paused;        /* lock: nothing goes to guest memory until the machine goes on */
    GQueue control;     /* lock: GBytes *, messages for the driver that wait for buffers */
    /* properties */
    uint32_t max_ports;
    bool emergency_write;
};

struct serial_dev {
    struct virtio_proxy proxy; /* first */
    struct serial serial;
};

struct port {
    struct dev dev; /* first */
    struct serial *serial;
    struct chardev *chardev;
    unsigned number;
    bool guest_open;        /* controller's lock */
    bool host_open;         /* controller's lock */
    struct virtq_elem *out; /* controller's lock: being written to a slow back end, from out_done */
    size_t out_done;
    /* properties */
    uint32_t nr;
    char *chardev_id, *name;
};

static struct serial *serial_of(struct virtio *v)
{
    return (struct serial *)((char *)v - offsetof(struct serial, v));
}

static bool is_console(const struct port *p)
{
    return p->dev.class == &virtconsole_class;
}

static unsigned in_queue(unsigned port)
{
    return port == 0 ? 0 : 2 * port + 2;
}

static GMutex *lock_of(const struct port *p)
{
    return &p->serial->v.dev->lock;
}

/* --- control messages: 5.3.6.2 --------------------------------------------------------------- */

static void flush_control(struct serial *s)
{
    GBytes *message;

    while ((message = g_queue_peek_head(&s->control))) {
        struct virtq_elem *e = virtio_pop(&s->v, QUEUE_CTRL_IN);
        gsize len;
        const void *data = g_bytes_get_data(message, &len);

        if (!e) {
            break;
        }
        virtq_push(&s->v.queue[QUEUE_CTRL_IN], e, virtio_copy_in(e, 0, data, len));
        g_bytes_unref(g_queue_pop_head(&s->control));
    }
    virtio_signal(&s->v, QUEUE_CTRL_IN);
}

static void tell(struct serial *s, unsigned port, uint16_t event, uint16_t value, const char *text)
{
    uint8_t message[CONTROL_SIZE + NAME_MAX_LEN] = {0};
    size_t text_len = text ? MIN(strlen(text), NAME_MAX_LEN) : 0;

    if (!virtio_has(&s->v, F_MULTIPORT) || s->control.length > 8 * PORTS_MAX) {
        return;
    }
    st_le32(message, port);
    st_le16(message + 4, event);
    st_le16(message + 6, value);
    if (text_len) {
        memcpy(message + CONTROL_SIZE, text, text_len);
    }
    g_queue_push_tail(&s->control, g_bytes_new(message, CONTROL_SIZE + text_len));
}

static void announce(struct port *p)
{
    if (is_console(p)) {
        tell(p->serial, p->number, EV_CONSOLE_PORT, 1, NULL);
    }
    if (p->name) {
        tell(p->serial, p->number, EV_NAME, 1, p->name);
    }
    if (p->host_open) {
        tell(p->serial, p->number, EV_OPEN, 1, NULL);
    }
}

static void port_event(struct port *p, bool open)
{
    json_object *data;

    if (p->guest_open == open) {
        return;
    }
    p->guest_open = open;
    if (p->dev.id && !is_console(p)) {
        data = json_object_new_object();
        json_object_object_add(data, "id", json_object_new_string(p->dev.id));
        json_object_object_add(data, "open", json_object_new_boolean(open));
        p->dev.env->event(p->dev.env->machine, "VSERPORT_CHANGE", data);
    }
    if (open && p->chardev) {
        chardev_accept_input(p->chardev);
    }
}

static void handle_control(struct serial *s, uint32_t number, uint16_t event, uint16_t value)
{
    struct port *p = number < s->max_ports ? s->port[number] : NULL;

    if (event == EV_DEVICE_READY) {
        for (unsigned i = 0; value && i < s->max_ports; i++) {
            if (s->port[i]) {
                tell(s, i, EV_DEVICE_ADD, 1, NULL);
            }
        }
    } else if (!p) {
        dev_note(s->v.dev, "control message %u for port %u, which is not there", event, number);
    } else if (event == EV_PORT_READY && value) {
        announce(p);
    } else if (event == EV_OPEN) {
        port_event(p, value != 0);
    }
}

static void control_out(struct serial *s)
{
    struct virtq_elem *e;

    while ((e = virtio_pop(&s->v, QUEUE_CTRL_OUT))) {
        uint8_t message[CONTROL_SIZE];

        if (virtio_copy_out(e, 0, message, sizeof(message)) == sizeof(message)) {
            handle_control(s, ld_le32(message), ld_le16(message + 4), ld_le16(message + 6));
        }
        virtq_push(&s->v.queue[QUEUE_CTRL_OUT], e, 0);
    }
    virtio_signal(&s->v, QUEUE_CTRL_OUT);
    flush_control(s);
}

/* --- guest to host -----------------------------------------------------------------------------
 */

/* FALSE: the back end takes no more now; p->out keeps the rest. */
static bool write_elem(struct port *p)
{
    uint8_t chunk[WRITE_CHUNK];
    size_t len;

    while ((len = virtio_copy_out(p->out, p->out_done, chunk, sizeof(chunk))) > 0) {
        size_t took = p->chardev ? chardev_write(p->chardev, chunk, len) : len;

        p->out_done += took;
        if (took < len) {
            return false;
        }
    }
    return true;
}

static void port_out(struct port *p)
{
    struct virtio *v = &p->serial->v;
    unsigned queue = in_queue(p->number) + 1;

    for (;;) {
        if (!p->out) {
            p->out = virtio_pop(v, queue);
            p->out_done = 0;
        }
        if (!p->out || !write_elem(p)) {
            break;
        }
        virtq_push(&v->queue[queue], p->out, 0);
        p->out = NULL;
    }
    virtio_signal(v, queue);
}

static void writable(void *opaque)
{
    struct port *p = opaque;

    g_mutex_lock(lock_of(p));
    port_out(p);
    g_mutex_unlock(lock_of(p));
}

/* --- host to guest
 * --------------------------------------------------------------------------------- */

/* Without MULTIPORT there is only port 0, and nobody says it is open. */
static bool listening(const struct port *p)
{
    return virtio_running(&p->serial->v) &&
           (p->guest_open || !virtio_has(&p->serial->v, F_MULTIPORT));
}

/* Room in the next buffer; what is promised here is there when receive() is called. */
static size_t can_receive(void *opaque)
{
    struct port *p = opaque;
    unsigned queue = in_queue(p->number);
    struct virtq_elem *e;
    size_t room = 0;

    g_mutex_lock(lock_of(p));
    e = listening(p) && !p->serial->paused ? virtio_pop(&p->serial->v, queue) : NULL;
    if (e) {
        room = e->in_len;
        virtq_unpop(&p->serial->v.queue[queue], e);
    }
    g_mutex_unlock(lock_of(p));
    return room;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct port *p = opaque;
    struct virtio *v = &p->serial->v;
    unsigned queue = in_queue(p->number);

    g_mutex_lock(lock_of(p));
    while (len) {
        struct virtq_elem *e = virtio_pop(v, queue);
        size_t n;

        if (!e) {
            break; /* the driver was reset since it was asked */
        }
        n = virtio_copy_in(e, 0, data, len);
        virtq_push(&v->queue[queue], e, n);
        data += n;
        len -= n;
    }
    virtio_signal(v, queue);
    g_mutex_unlock(lock_of(p));
}

static void chardev_changed(void *opaque, enum chardev_event event)
{
    struct port *p = opaque;

    if (event == CHARDEV_BREAK) {
        return;
    }
    g_mutex_lock(lock_of(p));
    p->host_open = event == CHARDEV_OPENED;
    tell(p->serial, p->number, EV_OPEN, p->host_open, NULL);
    flush_control(p->serial);
    g_mutex_unlock(lock_of(p));
}

static void notify(struct virtio *v, unsigned queue)
{
    struct serial *s = serial_of(v);
    struct port *p;

    if (queue == QUEUE_CTRL_OUT) {
        control_out(s);
        return;
    }
    if (queue == QUEUE_CTRL_IN) {
        flush_control(s);
        return;
    }
    p = s->port[queue < 2 ? 0 : queue / 2 - 1];
    if (!p) {
        return;
    }
    if (queue % 2) {
        port_out(p);
    } else if (p->chardev) {
        chardev_accept_input(p->chardev);
    }
}

/* --- controller
 * ---------------------------------------------------------------------------------------- */

static uint64_t features(struct virtio *v)
{
    const struct serial *s = serial_of(v);

    return (s->max_ports > 1 ? BIT64(F_MULTIPORT) : 0) | (s->emergency_write ? BIT64(F_EMERG) : 0);
}

static void get_config(struct virtio *v, uint8_t *c)
{
    st_le32(c + 4, serial_of(v)->max_ports);
}

/* Emergency write: one byte to the first console, with no queue set up (5.3.4). */
static void set_config(struct virtio *v, const uint8_t *c, unsigned off, unsigned size)
{
    struct serial *s = serial_of(v);

    for (unsigned i = 0; off <= 8 && 8 < off + size && i < s->max_ports; i++) {
        if (s->port[i] && is_console(s->port[i]) && s->port[i]->chardev) {
            chardev_write(s->port[i]->chardev, c + 8, 1);
            break;
        }
    }
}

static bool reset(struct virtio *v)
{
    struct serial *s = serial_of(v);

    g_queue_clear_full(&s->control, (GDestroyNotify)g_bytes_unref);
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->port[i]) {
            g_clear_pointer(&s->port[i]->out, virtq_elem_free);
            port_event(s->port[i], false);
        }
    }
    return true;
}

static const struct virtio_class serial_class = {
    .name = "virtio-serial",
    .id = 3,
    .config_size = CONFIG_SIZE,
    .features = features,
    .get_config = get_config,
    .set_config = set_config,
    .notify = notify,
    .reset = reset,
};

static gboolean plug(struct dev_bus *bus, struct dev *dev, GError **error)
{
    struct serial *s = bus->opaque;
    struct port *p = (struct port *)dev;
    unsigned number = p->nr;

    if (number == UINT32_MAX) {
        for (number = is_console(p) ? 0 : 1; number < s->max_ports && s->port[number]; number++) {
        }
    }
    if (number >= s->max_ports) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u",
                    s->max_ports - 1);
        return FALSE;
    }
    if (s->port[number]) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "virtio-serial-bus: A port already exists at id %u", number);
        return FALSE;
    }
    if (number == 0 && !is_console(p)) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Port number 0 on virtio-serial devices reserved for virtconsole devices for "
                    "backward compatibility.");
        return FALSE;
    }
    p->serial = s;
    p->number = number;
    return TRUE;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct serial_dev *d = (struct serial_dev *)dev;
    struct serial *s = &d->serial;

    if (s->max_ports == 0 || s->max_ports > PORTS_MAX) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "Maximum number of ports supported is %u, not %u", PORTS_MAX, s->max_ports);
        return FALSE;
    }
    g_queue_init(&s->control);
    s->port = g_new0(struct port *, s->max_ports);
    virtio_proxy_init(&d->proxy, &s->v, &serial_class, s->max_ports > 1 ? 2 * s->max_ports + 2 : 2);
    for (unsigned n = 0; n < s->v.n_queues; n++) {
        virtio_set_queue_size(&s->v, n, QUEUE_SIZE);
    }
    s->bus = dev_bus_new(dev, "virtio-serial-bus", NULL);
    s->bus->opaque = s;
    s->bus->plug = plug;
    return virtio_proxy_attach(&d->proxy, &s->v, 2, error);
}

static void unrealize(struct dev *dev)
{
    struct serial *s = &((struct serial_dev *)dev)->serial;

    if (s->port) {
        g_queue_clear_full(&s->control, (GDestroyNotify)g_bytes_unref);
    }
    g_clear_pointer(&s->port, g_free);
    virtio_fini(&s->v);
}

/* A half-written buffer goes back to its queue; its bytes are written again from the start only if
 * none was taken. */
static void quiet(struct dev *dev)
{
    struct serial *s = &((struct serial_dev *)dev)->serial;

    g_mutex_lock(&dev->lock);
    s->paused = true;
    for (unsigned i = 0; i < s->max_ports; i++) {
        struct port *p = s->port[i];

        if (p && p->out && p->out_done == 0) {
            virtq_unpop(&s->v.queue[in_queue(i) + 1], p->out);
            p->out = NULL;
        } else if (p && p->out) {
            virtq_push(&s->v.queue[in_queue(i) + 1], p->out, 0);
            p->out = NULL;
        }
    }
    g_mutex_unlock(&dev->lock);
}

static void resume(struct dev *dev)
{
    struct serial *s = &((struct serial_dev *)dev)->serial;

    g_mutex_lock(&dev->lock);
    s->paused = false;
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->port[i] && virtio_running(&s->v)) {
            port_out(s->port[i]);
            if (s->port[i]->chardev) {
                chardev_accept_input(s->port[i]->chardev);
            }
        }
    }
    g_mutex_unlock(&dev->lock);
}

static const struct row serial_props[] = {
    {.name = "max_ports",
     .type = ROW_UINT,
     ROW_FIELD(struct serial_dev, serial.max_ports),
     .def = "31",
     .help = "Ports, 1 to 511"},
    {.name = "emergency-write",
     .type = ROW_BOOL,
     ROW_FIELD(struct serial_dev, serial.emergency_write),
     .def = "on",
     .help = "Offer emergency write"},
    {},
};

static const struct virtio_pci_info serial_pci_info = {
    .pci = VIRTIO_PCI_CLASS(0x078000),
    .transitional_id = 0x1003,
};

const struct dev_class virtio_serial_pci_class = {
    .name = "virtio-serial-pci",
    .alias = "virtio-serial",
    .description = "Virtio console and serial port controller",
    .bus_type = "PCI",
    .category = "Input",
    .base = &virtio_pci_class,
    .bus_class = &serial_pci_info,
    .instance_size = sizeof(struct serial_dev),
    .props = serial_props,
    .realize = realize,
    .unrealize = unrealize,
    .pause = quiet,
    .resume = resume,
};

const struct dev_class virtio_serial_device_class = {
    .name = "virtio-serial-device",
    .description = "Virtio console and serial port controller",
    .bus_type = "virtio-bus",
    .category = "Input",
    .base = &virtio_device_class,
    .instance_size = sizeof(struct serial_dev),
    .props = serial_props,
    .realize = realize,
    .unrealize = unrealize,
    .pause = quiet,
    .resume = resume,
};

/* --- ports
 * --------------------------------------------------------------------------------------------------
 */

static const struct chardev_frontend *frontend_of(struct port *p, struct chardev_frontend *f)
{
    *f = (struct chardev_frontend){
        .can_receive = can_receive,
        .receive = receive,
        .event = chardev_changed,
        .writable = writable,
        .opaque = p,
    };
    return f;
}

static gboolean realize_port(struct dev *dev, GError **error)
{
    struct port *p = (struct port *)dev;
    struct serial *s = p->serial;
    struct chardev_frontend f;

    if (p->chardev_id) {
        p->chardev = dev->env->find(dev->env->machine, ROW_LINK_CHARDEV, p->chardev_id, error);
        if (!p->chardev || !chardev_attach(p->chardev, frontend_of(p, &f), error)) {
            p->chardev = NULL;
            return FALSE;
        }
        p->host_open = chardev_is_open(p->chardev);
    }
    g_mutex_lock(lock_of(p));
    s->port[p->number] = p;
    tell(s, p->number, EV_DEVICE_ADD, 1, NULL);
    g_mutex_unlock(lock_of(p));
    return TRUE;
}

static void unrealize_port(struct dev *dev)
{
    struct port *p = (struct port *)dev;
    struct chardev_frontend f;

    if (p->chardev) {
        chardev_detach(p->chardev, frontend_of(p, &f));
        p->chardev = NULL;
    }
    if (p->serial && p->serial->port) {
        g_mutex_lock(lock_of(p));
        g_clear_pointer(&p->out, virtq_elem_free);
        p->serial->port[p->number] = NULL;
        g_mutex_unlock(lock_of(p));
    }
}

static const struct row port_props[] = {
    {.name = "chardev",
     .type = ROW_LINK,
     ROW_FIELD(struct port, chardev_id),
     .link = ROW_LINK_CHARDEV,
     .help = "ID of a chardev to use as a backend"},
    {.name = "name",
     .type = ROW_STR,
     ROW_FIELD(struct port, name),
     .help = "Name the guest finds the port by"},
    {.name = "nr",
     .type = ROW_UINT,
     ROW_FIELD(struct port, nr),
     .def = "4294967295",
     .max = UINT32_MAX,
     .help = "Port number; the next free one if not given"},
    {},
};

static const struct state_row port_state[] = {
    STATE_U(struct port, guest_open, 0),
    STATE_DONE,
};

const struct dev_class virtserialport_class = {
    .name = "virtserialport",
    .description = "Virtio serial port",
    .bus_type = "virtio-serial-bus",
    .category = "Input",
    .instance_size = sizeof(struct port),
    .props = port_props,
    .state = port_state,
    .realize = realize_port,
    .unrealize = unrealize_port,
};

const struct dev_class virtconsole_class = {
    .name = "virtconsole",
    .description = "Virtio console",
    .bus_type = "virtio-serial-bus",
    .category = "Input",
    .instance_size = sizeof(struct port),
    .props = port_props,
    .state = port_state,
    .realize = realize_port,
    .unrealize = unrealize_port,
};
