/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices. A constant class says what a device is: properties (rows), state (rows) and a few
 * functions; an instance begins with a struct dev and gets all it can reach in a dev_env.
 *
 * Phases: dev_new (defaults) -> property rows set -> dev_realize (maps regions, connects lines,
 * attaches back ends; may fail) -> machine runs, reset any number of times -> dev_free.
 * Realize, unrealize and properties: main loop. Reset, save, load, pause: main loop with all vCPUs
 * stopped. Register callbacks: any vCPU's thread, under `lock` (taken by the bus).
 */
#ifndef VIV_MACHINE_CORE_DEV_H
#define VIV_MACHINE_CORE_DEV_H

#include "base/log.h"
#include "machine/core/bus.h"
#include "machine/core/clock.h"
#include "machine/core/dma.h"
#include "machine/core/irq.h"
#include "machine/core/state.h"
#include "row/row.h"

struct dev;
struct dev_bus;
struct machine;

/* Requests a device or a monitor makes of the machine; carried out on the main loop. */
enum machine_request {
    MACHINE_RESET,     /* guest- or user-asked reboot */
    MACHINE_SHUTDOWN,  /* guest- or user-asked power-off */
    MACHINE_POWERDOWN, /* press the power button */
    MACHINE_WAKEUP,
    MACHINE_SUSPEND,  /* ACPI S3 */
    MACHINE_PANIC,    /* pvpanic, triple fault with -action */
    MACHINE_IO_ERROR, /* werror=stop, rerror=stop */
    MACHINE_DRAIN,    /* vCPUs wait until no device works on a request */
    MACHINE_UNPLUG,   /* vCPUs wait until each device has met its fate */
    MACHINE_QUIT,     /* the process ends with `code` */
    MACHINE_DEBUG,
    MACHINE_FAILED, /* the accelerator cannot go on */
    MACHINE_REQUESTS,
};

/* All that a device can reach. One per machine, frozen before devices are realized. */
struct dev_env {
    struct machine *machine;
    struct bus *memory;
    struct bus *io; /* NULL: the board has no port space */
    struct clock *clock;
    GMainContext *context; /* the main loop's */
    struct quiesce *quiesce;
    struct msi_target msi;
    bool deterministic; /* instruction counting: back ends complete in the guest's time */
    /*
     * The back end `id` of a kind: borrowed, or NULL with an error that names it. BLOCK: struct
     * block_backend * of the drive or node, made on first use ("": a new,
     * empty one); CHARDEV: struct chardev *; NETDEV:
     * struct netdev *; OBJECT, IOTHREAD: the object's own struct.
     */
    void *(*find)(struct machine *machine, enum row_link kind, const char *id, GError **error);
    /* Main loop, a device is unrealized: it has no more use for what `find` gave it, of kind BLOCK
     * or OBJECT. May be NULL. */
    void (*release)(struct machine *machine, enum row_link kind, void *found);
    /* Main loop: a new device has its rows' defaults; sets what -global said. May be NULL. */
    void (*defaults)(struct machine *machine, struct dev *dev);
    /* Path of a data file (option ROM) along -L and the built-in folders, newly allocated, or NULL
     * with an error that lists where it was sought. NULL: names are paths. */
    char *(*find_file)(struct machine *machine, const char *name, GError **error);
    /* Any thread, any lock held. `code`: exit code of MACHINE_QUIT, 0 else; `guest`: who asked. */
    void (*request)(struct machine *machine, enum machine_request what, bool guest, int code);
    /* QMP event; takes `data` (may be NULL). Any thread, any lock held. */
    void (*event)(struct machine *machine, const char *name, json_object *data);
};

struct dev_class {
    const char *name;        /* of -device: "virtio-blk-pci" */
    const char *alias;       /* second accepted name, or NULL */
    const char *description; /* one line for -device help */
    const char *bus_type;    /* dev_bus it plugs into: "PCI", "ISA", "virtio-serial-bus"; NULL: the
                                board's own (system) device */
    const char *category;    /* -device help heading: "Storage", "Network", "Input", "Misc", ... */
    const struct dev_class *base; /* rows and hooks of it come first; the instance begins with it */
    const void *bus_class;        /* what the bus type needs to know: struct pci_class for "PCI" */
    size_t instance_size;
    const struct row *props;       /* NULL: none */
    const struct state_row *state; /* NULL: none */
    uint32_t state_version;
    bool internal; /* made by boards only: not listed, refused by -device */
    gboolean (*realize)(struct dev *dev, GError **error);
    /* Undoes realize, also one that failed half-way: what was not reached is still zero. */
    void (*unrealize)(struct dev *dev);
    void (*reset)(struct dev *dev); /* after the rows' values were set; only what they cannot say */
    gboolean (*post_load)(struct dev *dev, GError **error); /* checks: a snapshot is input */
    void (*pause)(struct dev *dev);                         /* the machine stops: drain */
    void (*resume)(struct dev *dev);
    /* Properties that are not fields, for qom-get ("guest-stats"); NULL if none of that name. */
    json_object *(*get_extra)(struct dev *dev, const char *name);
};

/* What a bus that the guest takes a device's power from has in store for it. */
enum dev_fate { DEV_STAYS, DEV_RESETS, DEV_LEAVES };

struct dev {
    const struct dev_class *class;
    char *id;   /* user's, or NULL */
    char *path; /* QOM path: /machine/peripheral/ID, /machine/unattached/device[N] */
    const struct dev_env *env;
    struct dev_bus *parent; /* bus it sits on, NULL for the board's own */
    GPtrArray *buses;       /* struct dev_bus * it offers; owned; NULL: none */
    GMutex lock;            /* guards its registers */
    struct log_limit notes; /* for log_note */
    json_object *options;   /* as given by the user, or NULL; owned */
    bool realized;
    bool hotplugged;
    int fate;            /* atomic: enum dev_fate; carried out by MACHINE_UNPLUG */
    int64_t asked_until; /* atomic: the guest was asked to let it go, guest time; 0: was not */
};

/* How devices come to a bus of a machine that runs, and leave it. Main loop. */
struct dev_bus_hotplug {
    /* `dev` is realized and reset: tells the guest. NULL: nothing to tell. */
    void (*added)(struct dev_bus *bus, struct dev *dev);
    /* Asks the guest to let `dev` go, or sets its fate if there is nobody to ask. */
    gboolean (*ask)(struct dev_bus *bus, struct dev *dev, GError **error);
    /* A device has left. NULL: nothing to tell. */
    void (*removed)(struct dev_bus *bus);
};

/* A place to plug devices: PCI bus, IDE channel, virtio-serial ports. Owned by the device offering
 * it. */
struct dev_bus {
    char *name;       /* "pcie.0", "virtio-serial0.0" */
    const char *type; /* matches dev_class.bus_type */
    struct dev *owner;
    GPtrArray *devices; /* struct dev *, borrowed from the machine, order of plugging */
    /* Checks and takes an address before the device's realize; NULL: anything goes. */
    gboolean (*plug)(struct dev_bus *bus, struct dev *dev, GError **error);
    void (*unplug)(struct dev_bus *bus, struct dev *dev);
    const struct dev_bus_hotplug *hotplug; /* NULL: devices stay as they are while it runs */
    void *opaque;                          /* the bus type's own struct: struct pci_bus, ... */
    bool full;                             /* not chosen when the user names no bus */
};

/* `bus_name` NULL: "<id or class>.0". The bus belongs to `owner`. */
struct dev_bus *dev_bus_new(struct dev *owner, const char *type, const char *bus_name);

/* New instance with every row's default. Freed by dev_free. */
struct dev *dev_new(const struct dev_class *class, const char *id, const struct dev_env *env);
/* Rows of the class and its bases, most basic first. FALSE with an error naming the property. */
gboolean dev_set(struct dev *dev, const char *name, json_object *value,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean dev_set_str(struct dev *dev, const char *name, const char *value,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
json_object *dev_get(struct dev *dev, const char *name);
/* Calls `fn` for each property row, bases first. */
void dev_class_each_prop(const struct dev_class *class,
                         void (*fn)(const struct row *row, void *opaque), void *opaque);
/* TRUE if `name` is the class or one of its bases. */
bool dev_is(const struct dev *dev, const struct dev_class *class);

/* Plugs into `bus` (NULL for board devices) and realizes, bases first; on failure all is undone. */
gboolean dev_realize(struct dev *dev, struct dev_bus *bus,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
void dev_free(struct dev *dev);

/* {"device": id, "path": ...} of an event about it; new. */
json_object *dev_event_data(const struct dev *dev);

/* Rows' reset values and reset hooks, bases first. */
void dev_reset(struct dev *dev);
/* One section: path, class version, rows of bases and class. */
void dev_save(struct dev *dev, GByteArray *out);
/* TRUE if the section that begins at `data` is the device's. */
bool dev_owns_state(const struct dev *dev, const uint8_t *data, size_t left);
gboolean dev_load(struct dev *dev, const uint8_t **data, size_t *left,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "guest did something wrong" note, rate-limited, with the device's name. */
#define dev_note(dev, ...) \
    log_note(&(dev)->notes, (dev)->id ? (dev)->id : (dev)->class->name, __VA_ARGS__)

#endif
