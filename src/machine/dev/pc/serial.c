/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 16550A serial port, on the ISA bus or at an address of the board's. National Semiconductor
 * PC16550D data sheet (June 1995).
 *
 * A byte given to the transmitter goes to the character back end at once; only when that is slow
 * does it wait in the FIFO. A machine that counts instructions never sees a slow back end: what is
 * refused is kept on the host's side and sent later.
 */
#include "machine/dev/pc/serial.h"
#include "base/least.h"
#include "machine/chardev/chardev.h"
#include "machine/dev/classes.h"
#include "machine/dev/pc/isa.h"

#include <string.h>

enum { R_DATA, R_IER, R_IIR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR };

#define IER_RDI  0x01
#define IER_THRI 0x02
#define IER_RLSI 0x04
#define IER_MSI  0x08

#define IIR_MSI     0x00
#define IIR_NONE    0x01
#define IIR_THRI    0x02
#define IIR_RDI     0x04
#define IIR_RLSI    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFO    0xc0

#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define FCR_CLEAR_TX 0x04
#define FCR_DMA      0x08

#define LCR_STOP   0x04
#define LCR_PARITY 0x08
#define LCR_DLAB   0x80

#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DR    0x01
#define LSR_OE    0x02
#define LSR_BI    0x10
#define LSR_ERROR 0x1e
#define LSR_THRE  0x20
#define LSR_TEMT  0x40

#define MSR_DELTAS  0x0f
#define MSR_CTS     0x10
#define MSR_DSR     0x20
#define MSR_DCD     0x80
#define MSR_PRESENT (MSR_CTS | MSR_DSR | MSR_DCD)

#define FIFO_LEN    16
#define BACKLOG_MAX (1u << 20) /* bytes kept for a slow back end, counting instructions */
#define BASE_BAUD   115200
#define NOT_GIVEN   UINT32_MAX

struct serial {
    struct dev dev;
    /* properties */
    uint32_t index, iobase, irq_number;
    char *chardev_id;
    bool wakeup;

    struct chardev *chardev; /* frozen */
    struct chardev_frontend frontend;
    struct irq irq;
    gpa base;       /* serial-mm: where the board placed it; frozen */
    bool is_placed; /* frozen */
    struct bus_region region;
    struct bus_mapping *mapping;
    struct timer timeout;

    /* lock */
    uint8_t ier, iir, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    uint8_t rx[FIFO_LEN], tx[FIFO_LEN];
    uint32_t n_rx, n_tx;
    bool thr_pending;     /* the transmitter became empty, and nobody has been told */
    bool timeout_pending; /* bytes have waited in the receiver */
    bool paused;          /* what comes in waits until the machine goes on, but where it wakes it */
    GByteArray *backlog;  /* counting instructions: refused by the back end */
};

static const uint8_t trigger[4] = {1, 4, 8, 14};

static const struct row serial_props[] = {
    {"index", ROW_UINT, ROW_FIELD(struct serial, index), .def = "4294967295",
     .help = "which of the four standard ports (0..3); not given: the next"},
    {"iobase", ROW_UINT, ROW_FIELD(struct serial, iobase), .def = "4294967295",
     .help = "first of its eight I/O ports; not given: by index"},
    {"irq", ROW_UINT, ROW_FIELD(struct serial, irq_number), .def = "4294967295",
     .help = "ISA interrupt; not given: by index"},
    {"chardev", ROW_LINK, ROW_FIELD(struct serial, chardev_id), .link = ROW_LINK_CHARDEV,
     .help = "character back end"},
    {"wakeup", ROW_BOOL, ROW_FIELD(struct serial, wakeup), .def = "off",
     .help = "received bytes wake a suspended machine"},
    {NULL},
};

static const struct state_row serial_state[] = {
    STATE_U(struct serial, ier, 0),
    STATE_U(struct serial, iir, IIR_NONE),
    STATE_U(struct serial, fcr, 0),
    STATE_U(struct serial, lcr, 0),
    STATE_U(struct serial, mcr, MCR_OUT2),
    STATE_U(struct serial, lsr, LSR_THRE | LSR_TEMT),
    STATE_U(struct serial, msr, MSR_PRESENT),
    STATE_U(struct serial, scr, 0),
    STATE_U(struct serial, divisor, 12),
    STATE_U(struct serial, n_rx, 0),
    STATE_U(struct serial, n_tx, 0),
    STATE_U_ARRAY(struct serial, rx, 0),
    STATE_U_ARRAY(struct serial, tx, 0),
    STATE_U(struct serial, thr_pending, 0),
    STATE_U(struct serial, timeout_pending, 0),
    STATE_T(struct serial, timeout),
    STATE_DONE,
};

static struct serial *serial_of(struct dev *dev)
{
    return (struct serial *)dev;
}

static bool fifo_on(const struct serial *s)
{
    return (s->fcr & FCR_ENABLE) != 0;
}

static unsigned rx_room(const struct serial *s)
{
    return (fifo_on(s) ? FIFO_LEN : 1) - min_u64(s->n_rx, fifo_on(s) ? FIFO_LEN : 1);
}

/* ---- interrupts ---- */

static uint8_t identify(const struct serial *s)
{
    if (s->ier & IER_RLSI && s->lsr & LSR_ERROR) {
        return IIR_RLSI;
    }
    if (s->ier & IER_RDI && s->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if (s->ier & IER_RDI && s->lsr & LSR_DR && (!fifo_on(s) || s->n_rx >= trigger[s->fcr >> 6])) {
        return IIR_RDI;
    }
    if (s->ier & IER_THRI && s->thr_pending) {
        return IIR_THRI;
    }
    if (s->ier & IER_MSI && s->msr & MSR_DELTAS) {
        return IIR_MSI;
    }
    return IIR_NONE;
}

static void update_irq(struct serial *s)
{
    uint8_t iir = identify(s);

    s->iir = iir | (fifo_on(s) ? IIR_FIFO : 0);
    irq_set(&s->irq, iir != IIR_NONE);
}

/* Nanoseconds one character takes on the line. */
static int64_t char_time(const struct serial *s)
{
    unsigned bits =
        1 + 5 + (s->lcr & 3) + (s->lcr & LCR_PARITY ? 1 : 0) + (s->lcr & LCR_STOP ? 2 : 1);

    return NS_PER_SEC * bits * MAX(s->divisor, 1) / BASE_BAUD;
}

/* Bytes below the trigger level interrupt when nothing has happened for four characters. */
static void restart_timeout(struct serial *s)
{
    if (fifo_on(s) && s->n_rx > 0) {
        timer_arm(&s->timeout, clock_now(s->timeout.clock, CLOCK_GUEST) + 4 * char_time(s));
    } else {
        timer_cancel(&s->timeout);
    }
}

static void timed_out(void *opaque)
{
    struct serial *s = opaque;

    if (s->n_rx > 0) {
        s->timeout_pending = true;
        update_irq(s);
    }
}

/* ---- receiver ---- */

static void receive_byte(struct serial *s, uint8_t byte)
{
    if (rx_room(s) == 0) {
        s->lsr |= LSR_OE;
        if (!fifo_on(s)) {
            s->rx[0] = byte;
        }
    } else {
        s->rx[s->n_rx++] = byte;
    }
    s->lsr |= LSR_DR;
}

static uint8_t read_data(struct serial *s)
{
    uint8_t byte = s->rx[0];

    if (s->n_rx > 0) {
        s->n_rx--;
        memmove(s->rx, s->rx + 1, s->n_rx);
    }
    if (s->n_rx == 0) {
        s->lsr &= ~(LSR_DR | LSR_BI);
    }
    s->timeout_pending = false;
    restart_timeout(s);
    update_irq(s);
    if (s->chardev && !(s->mcr & MCR_LOOP)) {
        chardev_accept_input(s->chardev);
    }
    return byte;
}

static size_t can_receive(void *opaque)
{
    struct serial *s = opaque;
    unsigned room;

    g_mutex_lock(&s->dev.lock);
    room = s->mcr & MCR_LOOP || (s->paused && !s->wakeup) ? 0 : rx_room(s);
    g_mutex_unlock(&s->dev.lock);
    return room;
}

static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct serial *s = opaque;

    if (s->wakeup) {
        s->dev.env->request(s->dev.env->machine, MACHINE_WAKEUP, true, 0);
    }
    g_mutex_lock(&s->dev.lock);
    for (size_t i = 0; i < len; i++) {
        receive_byte(s, data[i]);
    }
    restart_timeout(s);
    update_irq(s);
    g_mutex_unlock(&s->dev.lock);
}

static void line_event(void *opaque, enum chardev_event event)
{
    struct serial *s = opaque;

    if (event != CHARDEV_BREAK) {
        return;
    }
    g_mutex_lock(&s->dev.lock);
    s->lsr |= LSR_BI;
    receive_byte(s, 0);
    update_irq(s);
    g_mutex_unlock(&s->dev.lock);
}

/* ---- transmitter ---- */

static void transmitted(struct serial *s)
{
    s->lsr |= LSR_THRE | LSR_TEMT;
    s->thr_pending = true;
}

/* Gives the back end what waits; TRUE when nothing is left. */
static bool drain(struct serial *s)
{
    size_t taken;

    if (s->backlog->len) {
        taken = chardev_write(s->chardev, s->backlog->data, s->backlog->len);
        g_byte_array_remove_range(s->backlog, 0, (guint)taken);
    }
    if (s->n_tx && !s->backlog->len) {
        taken = chardev_write(s->chardev, s->tx, s->n_tx);
        s->n_tx -= (uint32_t)taken;
        memmove(s->tx, s->tx + taken, s->n_tx);
    }
    return s->n_tx == 0;
}

/* Counting instructions: the guest never waits for the host. */
static void move_to_backlog(struct serial *s)
{
    if (s->backlog->len + s->n_tx <= BACKLOG_MAX) {
        g_byte_array_append(s->backlog, s->tx, s->n_tx);
    }
    s->n_tx = 0;
}

static void transmit(struct serial *s, uint8_t byte)
{
    s->thr_pending = false;
    s->lsr &= ~(LSR_THRE | LSR_TEMT);
    update_irq(s);
    if (s->mcr & MCR_LOOP) {
        receive_byte(s, byte);
        restart_timeout(s);
        transmitted(s);
    } else if (!s->chardev) {
        transmitted(s);
    } else {
        if (s->n_tx < FIFO_LEN) {
            s->tx[s->n_tx++] = byte;
        }
        if (!drain(s) && s->dev.env->deterministic) {
            move_to_backlog(s);
        }
        if (s->n_tx == 0) {
            transmitted(s);
        }
    }
    update_irq(s);
}

static void writable(void *opaque)
{
    struct serial *s = opaque;

    g_mutex_lock(&s->dev.lock);
    if (s->n_tx || s->backlog->len) {
        bool waited = s->n_tx != 0;

        if (drain(s) && waited) {
            transmitted(s);
            update_irq(s);
        }
    }
    g_mutex_unlock(&s->dev.lock);
}

/* ---- registers ---- */

static void write_fcr(struct serial *s, uint8_t value)
{
    if ((value ^ s->fcr) & FCR_ENABLE) {
        value |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    }
    if (value & FCR_CLEAR_RX) {
        s->n_rx = 0;
        s->lsr &= ~(LSR_DR | LSR_BI);
        s->timeout_pending = false;
    }
    if (value & FCR_CLEAR_TX && s->n_tx) {
        s->n_tx = 0;
        transmitted(s);
    }
    s->fcr = value & (FCR_ENABLE | FCR_DMA | 0xc0);
    if (!fifo_on(s)) {
        s->fcr = 0;
    }
    restart_timeout(s);
    update_irq(s);
    if (s->chardev) {
        chardev_accept_input(s->chardev);
    }
}

static void write_ier(struct serial *s, uint8_t value)
{
    bool thr_enabled = (value & ~s->ier & IER_THRI) != 0;

    s->ier = value & 0x0f;
    if (thr_enabled && s->lsr & LSR_THRE) {
        s->thr_pending = true;
    }
    update_irq(s);
}

static uint8_t modem_status(struct serial *s)
{
    uint8_t value = s->msr;

    if (s->mcr & MCR_LOOP) { /* DTR, RTS, OUT1, OUT2 come back as DSR, CTS, RI, DCD */
        return (uint8_t)((s->mcr & 0x0c) << 4 | (s->mcr & 0x02) << 3 | (s->mcr & 0x01) << 5);
    }
    s->msr &= ~MSR_DELTAS;
    update_irq(s);
    return value;
}

static uint64_t serial_read(void *opaque, gpa off, unsigned size)
{
    struct serial *s = opaque;
    uint8_t value;

    switch (off) {
    case R_DATA: return s->lcr & LCR_DLAB ? s->divisor & 0xff : read_data(s);
    case R_IER: return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
    case R_IIR:
        value = s->iir;
        if ((value & 0x0f) == IIR_THRI) {
            s->thr_pending = false;
            update_irq(s);
        }
        return value;
    case R_LCR: return s->lcr;
    case R_MCR: return s->mcr;
    case R_LSR:
        value = s->lsr;
        s->lsr &= ~LSR_ERROR;
        update_irq(s);
        return value;
    case R_MSR: return modem_status(s);
    default: return s->scr;
    }
}

static void serial_write(void *opaque, gpa off, uint64_t value, unsigned size)
{
    struct serial *s = opaque;

    switch (off) {
    case R_DATA:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (s->divisor & 0xff00) | (value & 0xff);
        } else {
            transmit(s, (uint8_t)value);
        }
        break;
    case R_IER:
        if (s->lcr & LCR_DLAB) {
            s->divisor = (uint16_t)((s->divisor & 0xff) | (value & 0xff) << 8);
        } else {
            write_ier(s, (uint8_t)value);
        }
        break;
    case R_IIR: write_fcr(s, (uint8_t)value); break;
    case R_LCR: s->lcr = (uint8_t)value; break;
    case R_MCR:
        s->mcr = value & 0x1f;
        if (s->chardev && !(s->mcr & MCR_LOOP)) {
            chardev_accept_input(s->chardev);
        }
        break;
    case R_SCR: s->scr = (uint8_t)value; break;
    default: break;
    }
}

static const struct bus_ops serial_ops = {
    .read = serial_read,
    .write = serial_write,
    .min_size = 1,
    .max_size = 1,
    .wide = BUS_SPLIT,
};

/* ---- life ---- */

static gboolean choose_port(struct serial *s, GError **error)
{
    static const uint16_t port[4] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    static const uint8_t irq[4] = {4, 3, 4, 3};
    struct isa_bus *bus = isa_bus_of(&s->dev);

    if (s->index == NOT_GIVEN) {
        s->index = bus ? bus->serials : 0;
    }
    if (s->index >= 4) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "Max. supported number of ISA serial ports is 4.");
        return FALSE;
    }
    if (bus) {
        bus->serials = MAX(bus->serials, s->index + 1);
    }
    if (s->iobase == NOT_GIVEN) {
        s->iobase = port[s->index];
    }
    if (s->irq_number == NOT_GIVEN) {
        s->irq_number = irq[s->index];
    }
    if (s->irq_number >= ISA_IRQS || s->iobase > 0xfff8) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "isa-serial: irq must be below 16 and iobase at most 0xfff8");
        return FALSE;
    }
    return TRUE;
}

static gboolean serial_realize(struct dev *dev, GError **error)
{
    struct serial *s = serial_of(dev);

    timer_init(&s->timeout, dev->env->clock, CLOCK_GUEST, &dev->lock, timed_out, s);
    if (!s->is_placed) {
        if (!choose_port(s, error)) {
            return FALSE;
        }
        s->irq = isa_irq(dev, s->irq_number);
    }
    if (s->chardev_id) {
        s->chardev = dev->env->find(dev->env->machine, ROW_LINK_CHARDEV, s->chardev_id, error);
        s->frontend = (struct chardev_frontend){
            .can_receive = can_receive,
            .receive = receive,
            .event = line_event,
            .writable = writable,
            .opaque = s,
        };
        if (!s->chardev) {
            return FALSE;
        }
        if (!chardev_attach(s->chardev, &s->frontend, error)) {
            s->chardev = NULL;
            return FALSE;
        }
    }
    s->backlog = g_byte_array_new();
    bus_region_init_io(&s->region, "serial", 8, &serial_ops, s, &dev->lock);
    s->mapping = s->is_placed
                     ? bus_map(dev->env->memory, s->base, &s->region, 0, s->region.size, 0, false)
                     : isa_map(dev, &s->region, s->iobase);
    return TRUE;
}

static void serial_unrealize(struct dev *dev)
{
    struct serial *s = serial_of(dev);

    if (s->is_placed) {
        bus_unmap(dev->env->memory, s->mapping);
    } else {
        isa_unmap(dev, s->mapping);
    }
    s->mapping = NULL;
    if (s->chardev) {
        chardev_detach(s->chardev, &s->frontend);
        s->chardev = NULL;
    }
    g_mutex_lock(&dev->lock);
    timer_cancel(&s->timeout);
    g_mutex_unlock(&dev->lock);
    g_clear_pointer(&s->backlog, g_byte_array_unref);
}

static void serial_reset(struct dev *dev)
{
    struct serial *s = serial_of(dev);

    timer_cancel(&s->timeout);
    irq_set(&s->irq, false);
}

static gboolean serial_post_load(struct dev *dev, GError **error)
{
    struct serial *s = serial_of(dev);

    if (s->n_rx > FIFO_LEN || s->n_tx > FIFO_LEN) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "isa-serial: FIFO over its length");
        return FALSE;
    }
    s->fcr &= FCR_ENABLE | FCR_DMA | 0xc0;
    update_irq(s);
    return TRUE;
}

static void set_paused(struct serial *s, bool paused)
{
    g_mutex_lock(&s->dev.lock);
    s->paused = paused;
    if (!paused && s->chardev) {
        chardev_accept_input(s->chardev);
    }
    g_mutex_unlock(&s->dev.lock);
}

static void serial_pause(struct dev *dev)
{
    set_paused((struct serial *)dev, true);
}

static void serial_resume(struct dev *dev)
{
    set_paused((struct serial *)dev, false);
}

const struct dev_class isa_serial_class = {
    .name = "isa-serial",
    .description = "16550A serial port",
    .bus_type = "ISA",
    .category = "Input",
    .instance_size = sizeof(struct serial),
    .props = serial_props,
    .state = serial_state,
    .state_version = 1,
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .reset = serial_reset,
    .post_load = serial_post_load,
    .pause = serial_pause,
    .resume = serial_resume,
};

static const struct row serial_mm_props[] = {
    {"chardev", ROW_LINK, ROW_FIELD(struct serial, chardev_id), .link = ROW_LINK_CHARDEV,
     .help = "character back end"},
    {NULL},
};

const struct dev_class serial_mm_class = {
    .name = "serial-mm",
    .description = "16550A serial port in memory",
    .category = "Input",
    .internal = true,
    .instance_size = sizeof(struct serial),
    .props = serial_mm_props,
    .state = serial_state,
    .state_version = 1,
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .reset = serial_reset,
    .post_load = serial_post_load,
};

void serial_place(struct dev *dev, gpa base, struct irq irq)
{
    struct serial *s = serial_of(dev);

    s->base = base;
    s->irq = irq;
    s->is_placed = true;
}
