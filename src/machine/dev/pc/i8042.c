/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard controller: see i8042.h. */
#include "machine/dev/pc/i8042.h"

#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"
#include "machine/dev/pc/ps2.h"

#define STATUS_OBF     0x01 /* output buffer full */
#define STATUS_SYSTEM  0x04 /* self-test passed */
#define STATUS_COMMAND 0x08 /* last write was to 64h */
#define STATUS_KEYLOCK 0x10 /* not locked */
#define STATUS_AUX     0x20 /* output buffer comes from the mouse */

#define MODE_KBD_INT   0x01
#define MODE_AUX_INT   0x02
#define MODE_SYSTEM    0x04
#define MODE_NO_KBD    0x10
#define MODE_NO_AUX    0x20
#define MODE_TRANSLATE 0x40

#define OUTPORT_RUN 0x01 /* low: the CPU is held in reset */
#define OUTPORT_A20 0x02
#define OUTPORT     0xcf

enum source { FROM_CONTROLLER, FROM_KEYBOARD, FROM_MOUSE };

struct i8042 {
    struct dev dev;
    uint8_t kbd_irq_number, mouse_irq_number;
    struct irq kbd_irq, mouse_irq;
    struct bus_region data_region, command_region;
    struct bus_mapping *data_mapping, *command_mapping;

    /* lock */
    uint8_t status, mode, outport, output;
    uint8_t source;  /* enum source of the output buffer */
    uint8_t command; /* of 64h that waits for a byte at 60h; 0: none */
    uint8_t reply;
    bool has_reply;
    uint8_t reply_source;
    bool released; /* translation saw F0h */
    struct ps2_keyboard keyboard;
    struct ps2_mouse mouse;
};

static const struct row i8042_props[] = {
    {"kbd-irq", ROW_UINT, ROW_FIELD(struct i8042, kbd_irq_number), .def = "1", .max = 15,
     .help = "ISA interrupt of the keyboard"},
    {"mouse-irq", ROW_UINT, ROW_FIELD(struct i8042, mouse_irq_number), .def = "12", .max = 15,
     .help = "ISA interrupt of the mouse"},
    {NULL},
};

static const struct state_row i8042_state[] = {
    STATE_U(struct i8042, status, STATUS_COMMAND | STATUS_KEYLOCK),
    STATE_U(struct i8042, mode, MODE_KBD_INT | MODE_AUX_INT),
    STATE_U(struct i8042, outport, OUTPORT),
    STATE_U(struct i8042, output, 0),
    STATE_U(struct i8042, source, FROM_CONTROLLER),
    STATE_U(struct i8042, command, 0),
    STATE_U(struct i8042, reply, 0),
    STATE_U(struct i8042, has_reply, 0),
    STATE_U(struct i8042, reply_source, FROM_CONTROLLER),
    STATE_U(struct i8042, released, 0),
    STATE_SUB(struct i8042, keyboard, ps2_keyboard_state),
    STATE_SUB(struct i8042, mouse, ps2_mouse_state),
    STATE_DONE,
};

static struct i8042 *i8042_of(struct dev *dev)
{
    return (struct i8042 *)dev;
}

static void update_irqs(struct i8042 *c)
{
    bool full = (c->status & STATUS_OBF) != 0, aux = (c->status & STATUS_AUX) != 0;

    irq_set(&c->kbd_irq, full && !aux && c->mode & MODE_KBD_INT);
    irq_set(&c->mouse_irq, full && aux && c->mode & MODE_AUX_INT);
}

/* Keyboard's next byte after translation, or -1. */
static int keyboard_byte(struct i8042 *c)
{
    int byte = ps2_keyboard_next(&c->keyboard);

    if (byte < 0 || !(c->mode & MODE_TRANSLATE)) {
        return byte;
    }
    if (byte == 0xf0) {
        c->released = true;
        byte = ps2_keyboard_next(&c->keyboard);
        if (byte < 0) {
            return byte;
        }
    }
    byte = ps2_translate((uint8_t)byte) | (c->released ? 0x80 : 0);
    c->released = false;
    return byte;
}

/* Fills the output buffer, if it is empty and somebody has a byte. */
static void fetch(struct i8042 *c)
{
    int byte = -1;

    if (c->status & STATUS_OBF) {
        return;
    }
    if (c->has_reply) {
        c->source = c->reply_source;
        byte = c->reply;
        c->has_reply = false;
    } else if (!(c->mode & MODE_NO_KBD) && (byte = keyboard_byte(c)) >= 0) {
        c->source = FROM_KEYBOARD;
    } else if (!(c->mode & MODE_NO_AUX) && (byte = ps2_mouse_next(&c->mouse)) >= 0) {
        c->source = FROM_MOUSE;
    }
    if (byte >= 0) {
        c->output = (uint8_t)byte;
        c->status |= STATUS_OBF;
        c->status = c->source == FROM_MOUSE ? c->status | STATUS_AUX : c->status & ~STATUS_AUX;
    }
}

static void reply(struct i8042 *c, uint8_t byte, enum source source)
{
    c->reply = byte;
    c->has_reply = true;
    c->reply_source = (uint8_t)source;
    c->status &= ~(STATUS_OBF | STATUS_AUX); /* an answer replaces what was not read */
}

static void ask_reset(struct i8042 *c)
{
    c->dev.env->request(c->dev.env->machine, MACHINE_RESET, true, 0);
}

static void set_outport(struct i8042 *c, uint8_t value)
{
    c->outport = value;
    isa_set_a20(&c->dev, value & OUTPORT_A20);
    if (!(value & OUTPORT_RUN)) {
        ask_reset(c);
    }
}

static void set_a20(struct i8042 *c, bool open)
{
    c->outport = open ? c->outport | OUTPORT_A20 : c->outport & ~OUTPORT_A20;
    isa_set_a20(&c->dev, open);
}

static void set_bits(struct i8042 *c, uint8_t set, uint8_t clear)
{
    c->mode = (c->mode | set) & ~clear;
}

static void run_command(struct i8042 *c, uint8_t command)
{
    switch (command) {
    case 0x20: reply(c, c->mode, FROM_CONTROLLER); break;
    case 0x60:
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xd4: c->command = command; break;
    case 0xa7: set_bits(c, MODE_NO_AUX, 0); break;
    case 0xa8: set_bits(c, 0, MODE_NO_AUX); break;
    case 0xa9: reply(c, 0x00, FROM_CONTROLLER); break; /* mouse port is fine */
    case 0xaa:
        c->status |= STATUS_SYSTEM;
        reply(c, 0x55, FROM_CONTROLLER);
        break;
    case 0xab: reply(c, 0x00, FROM_CONTROLLER); break; /* keyboard port is fine */
    case 0xad: set_bits(c, MODE_NO_KBD, 0); break;
    case 0xae: set_bits(c, 0, MODE_NO_KBD); break;
    case 0xc0: reply(c, 0x80, FROM_CONTROLLER); break;
    case 0xd0:
        reply(c, (c->outport & 0xcf) | (c->status & STATUS_OBF ? 0x10 : 0), FROM_CONTROLLER);
        break;
    case 0xdd: set_a20(c, false); break;
    case 0xdf: set_a20(c, true); break;
    default:
        if (command >= 0xf0 && !(command & OUTPORT_RUN)) {
            ask_reset(c); /* pulse of the reset line */
        }
        break;
    }
}

static void run_argument(struct i8042 *c, uint8_t byte)
{
    uint8_t command = c->command;

    c->command = 0;
    switch (command) {
    case 0x60:
        c->mode = byte & 0x7f;
        c->status = byte & MODE_SYSTEM ? c->status | STATUS_SYSTEM : c->status & ~STATUS_SYSTEM;
        break;
    case 0xd1: set_outport(c, byte); break;
    case 0xd2: reply(c, byte, FROM_KEYBOARD); break;
    case 0xd3: reply(c, byte, FROM_MOUSE); break;
    case 0xd4:
        set_bits(c, 0, MODE_NO_AUX);
        ps2_mouse_write(&c->mouse, byte);
        break;
    default: /* a byte to the keyboard opens its port */
        set_bits(c, 0, MODE_NO_KBD);
        ps2_keyboard_write(&c->keyboard, byte);
        break;
    }
}

static uint64_t data_read(void *opaque, gpa off, unsigned size)
{
    struct i8042 *c = opaque;
    uint8_t byte = c->output;

    c->status &= ~(STATUS_OBF | STATUS_AUX);
    update_irqs(c);
    fetch(c);
    update_irqs(c);
    return byte;
}

static void data_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct i8042 *c = opaque;

    c->status &= ~STATUS_COMMAND;
    run_argument(c, (uint8_t)value);
    fetch(c);
    update_irqs(c);
}

static uint64_t status_read(void *opaque, gpa off, unsigned size)
{
    return ((struct i8042 *)opaque)->status;
}

static void command_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct i8042 *c = opaque;

    c->status |= STATUS_COMMAND;
    run_command(c, (uint8_t)value);
    fetch(c);
    update_irqs(c);
}

static const struct bus_ops data_ops = {
    .read = data_read,
    .write = data_write,
    .min_size = 1,
    .max_size = 1,
};

static const struct bus_ops command_ops = {
    .read = status_read,
    .write = command_write,
    .min_size = 1,
    .max_size = 1,
};

void i8042_key(struct dev *dev, uint16_t code, bool down)
{
    struct i8042 *c = i8042_of(dev);

    g_mutex_lock(&dev->lock);
    ps2_keyboard_key(&c->keyboard, code, down);
    fetch(c);
    update_irqs(c);
    g_mutex_unlock(&dev->lock);
}

void i8042_mouse(struct dev *dev, int dx, int dy, int dz, uint8_t buttons)
{
    struct i8042 *c = i8042_of(dev);

    g_mutex_lock(&dev->lock);
    ps2_mouse_move(&c->mouse, dx, dy, dz, buttons);
    fetch(c);
    update_irqs(c);
    g_mutex_unlock(&dev->lock);
}

static gboolean i8042_realize(struct dev *dev, GError **error)
{
    struct i8042 *c = i8042_of(dev);

    c->kbd_irq = isa_irq(dev, c->kbd_irq_number);
    c->mouse_irq = isa_irq(dev, c->mouse_irq_number);
    bus_region_init_io(&c->data_region, "i8042-data", 1, &data_ops, c, &dev->lock);
    bus_region_init_io(&c->command_region, "i8042-cmd", 1, &command_ops, c, &dev->lock);
    c->data_mapping = isa_map(dev, &c->data_region, 0x60);
    c->command_mapping = isa_map(dev, &c->command_region, 0x64);
    return TRUE;
}

static void i8042_unrealize(struct dev *dev)
{
    struct i8042 *c = i8042_of(dev);

    isa_unmap(dev, c->data_mapping);
    isa_unmap(dev, c->command_mapping);
}

static void i8042_reset(struct dev *dev)
{
    struct i8042 *c = i8042_of(dev);

    ps2_keyboard_reset(&c->keyboard);
    ps2_mouse_reset(&c->mouse);
    update_irqs(c);
}

static gboolean i8042_post_load(struct dev *dev, GError **error)
{
    struct i8042 *c = i8042_of(dev);

    if (c->source > FROM_MOUSE || c->reply_source > FROM_MOUSE ||
        ps2_loaded(&c->keyboard, &c->mouse) < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "i8042: state out of range");
        return FALSE;
    }
    update_irqs(c);
    return TRUE;
}

const struct dev_class i8042_class = {
    .name = "i8042",
    .description = "keyboard controller with PS/2 keyboard and mouse",
    .bus_type = "ISA",
    .category = "Input",
    .instance_size = sizeof(struct i8042),
    .props = i8042_props,
    .state = i8042_state,
    .state_version = 1,
    .internal = true,
    .realize = i8042_realize,
    .unrealize = i8042_unrealize,
    .reset = i8042_reset,
    .post_load = i8042_post_load,
};
