/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtual machine: its buses, clock, vCPUs and devices, and its life cycle.
 *
 * States carry QEMU's names (RunState). Requests come from any thread and are carried out on the
 * main loop, with all vCPUs stopped where that is needed. Nothing here knows an architecture: the
 * board gives vCPUs and says how they are reset.
 */
#ifndef VIV_MACHINE_CORE_MACHINE_H
#define VIV_MACHINE_CORE_MACHINE_H

#include "machine/core/cpu.h"
#include "machine/core/dev.h"

enum machine_state {
    MACHINE_PRELAUNCH, /* -S: built, never started */
    MACHINE_RUNNING,
    MACHINE_PAUSED,
    MACHINE_IS_SHUTDOWN,
    MACHINE_SUSPENDED,
    MACHINE_GUEST_PANICKED,
    MACHINE_STOPPED_IO_ERROR,
    MACHINE_INTERNAL_ERROR,
    MACHINE_STOPPED_DEBUG,
    MACHINE_INMIGRATE,      /* its state is to come from elsewhere */
    MACHINE_FINISH_MIGRATE, /* its state is being written: stopped, and nothing changes it */
    MACHINE_POSTMIGRATE,    /* its state has been written */
    MACHINE_STATES,
};

/* QEMU's RunState name: "running", "paused", "io-error", ... */
const char *machine_state_name(enum machine_state state);

/* What to do when ...: -action, -no-reboot, -no-shutdown. */
enum machine_action {
    ACTION_DEFAULT,
    ACTION_RESET,
    ACTION_SHUTDOWN,
    ACTION_PAUSE,
    ACTION_NONE,
    ACTION_EXIT_FAILURE
};
struct machine_actions {
    enum machine_action reboot;   /* RESET (default) or SHUTDOWN */
    enum machine_action shutdown; /* default: quit; PAUSE: stop and stay */
    enum machine_action panic;    /* default SHUTDOWN; PAUSE, EXIT_FAILURE, NONE */
};

struct accel_class;
struct accel_vm;

/* What a board tells the machine about its vCPUs; frozen. */
struct machine_board_ops {
    /* Main loop, vCPUs stopped: all state of vCPUs and interrupt controllers to power-on. */
    void (*reset)(void *board);
    /* State of vCPUs and interrupt controllers, for save, load and comparison. */
    void (*save)(void *board, GByteArray *out);
    gboolean (*load)(void *board, const uint8_t **data, size_t *left, GError **error);
    /* TRUE if a halted vCPU has a reason to run. vCPU's thread. */
    bool (*cpu_has_work)(struct cpu *cpu);
    /* Power button. */
    void (*powerdown)(void *board);
    /* Text for people about "irq", "pic" or "lapic"; FALSE: the board has no such thing. Main loop;
     * NULL: none. */
    bool (*describe)(void *board, const char *what, GString *out);
    /* For tests: calls `fn` for every change of an interrupt controller's input line. FALSE: the
     * board has no controller of that name. Main loop, vCPUs do not run; NULL: none. */
    bool (*intercept)(void *board, const char *controller,
                      void (*fn)(void *opaque, unsigned line, bool level), void *opaque);
    /* For tests: sets such a line. FALSE: no such controller or line. */
    bool (*set_line)(void *board, const char *controller, unsigned line, bool level);
    void (*free)(void *board);
};

struct machine {
    struct dev_env env;
    char *name; /* -name guest=, or NULL */
    uint8_t uuid[16];
    struct quiesce *quiesce;
    GMainContext *context;
    GMainLoop *loop;
    struct clock *clock;
    struct bus *memory;
    struct bus *io;
    GPtrArray *ram;     /* struct ram_block *, owned */
    uint64_t ram_size;  /* bytes of -m; the board sets it, then frozen */
    GPtrArray *old_ram; /* struct ram_block *, owned: of devices that left */
    GPtrArray *devices; /* struct dev *, owned, order of realizing */
    GPtrArray *buses;   /* struct dev_bus *, borrowed: every bus of every device */
    struct cpu **cpus;  /* array of n_cpus, owned by the board */
    unsigned n_cpus;
    void *board;
    const struct machine_board_ops *board_ops;
    const struct accel_class *accel;
    struct accel_vm *accel_vm;
    struct machine_actions actions;
    bool icount_sleep;        /* counting, all idle: sleep until the next timer is due; frozen */
    bool icount_auto;         /* the shift follows the host's time; frozen */
    bool name_threads;        /* -name debug-threads=on: the host shows names of threads; frozen */
    bool icount_align;        /* guest time waits for the host's; frozen */
    enum machine_state state; /* main loop writes */
    int exit_code;
    bool quitting;
    void *owner; /* of whoever fills env; frozen */
    struct machine_private *priv;
};

/* `icount_shift` -1: real time. The machine has its buses and clock and nothing on them. */
struct machine *machine_new(int icount_shift, unsigned address_bits, bool has_io);
/* Stops vCPUs, frees devices in reverse order, the board, RAM. */
void machine_free(struct machine *m);

/* Takes a realized device; registers its buses and gives it a QOM path. */
void machine_add_dev(struct machine *m, struct dev *dev);
/* Unrealizes and frees. */
void machine_remove_dev(struct machine *m, struct dev *dev);
/*
 * plug.c, main loop: what device_add and device_del do. A device is made and taken over by
 * machine_add_dev inside machine_synchronised, then announced by machine_hotplugged. machine_unplug
 * asks the guest for it: DEVICE_DELETED tells when it went, maybe before this returns.
 */
gboolean machine_may_plug(const struct machine *m, const char *command, GError **error);
void machine_hotplugged(struct machine *m, struct dev *dev);
gboolean machine_unplug(struct machine *m, struct dev *dev, GError **error);
/* Carries out the fates of devices. */
void machine_settle(struct machine *m);
/* Takes memory of a device that leaves: decoded code may name it as long as there are vCPUs. */
void machine_keep_ram(struct machine *m, struct ram_block *block);
struct dev *machine_find_dev(struct machine *m, const char *id_or_path);
/* By name, or NULL name: the first not full one of the type. */
struct dev_bus *machine_find_bus(struct machine *m, const char *name, const char *type);
void machine_add_ram(struct machine *m, struct ram_block *block);

/* Creates vCPU threads (one; or one for all when counting instructions). They wait for start. */
gboolean machine_launch(struct machine *m, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE while vCPUs may run. Any thread. */
bool machine_is_running(const struct machine *m);

/* Main loop only. stop waits for every vCPU; both are idempotent and send STOP/RESUME events. */
void machine_stop(struct machine *m, enum machine_state why);
gboolean machine_start(struct machine *m, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void machine_reset(struct machine *m);
/* Runs `fn` on the main loop with every vCPU at a safe point, and continues. */
void machine_synchronised(struct machine *m, void (*fn)(void *opaque), void *opaque);

/* Any thread; see dev_env.request. */
void machine_ask(struct machine *m, enum machine_request what, bool guest, int code);

/* Events go to every listener on the main loop, in order. Any thread posts; takes `data`. */
void machine_event(struct machine *m, const char *name, json_object *data);
typedef void (*machine_event_fn)(void *opaque, const char *name, json_object *data, int64_t us);
unsigned machine_listen(struct machine *m, machine_event_fn fn, void *opaque);
void machine_unlisten(struct machine *m, unsigned listener);

/* Runs the main loop until the machine ends; returns the exit code. */
int machine_run(struct machine *m);

/* Enters or leaves INMIGRATE, FINISH_MIGRATE and POSTMIGRATE (stopped machine): in the first two it
 * is not started, and requests but to quit wait. Main loop. */
void machine_moving(struct machine *m, enum machine_state state);

/*
 * The whole state (stopped machine): clock, RAM, board, devices. `put` takes the bytes piece by
 * piece, as many as there are: RAM is never copied to one place first.
 */
gboolean machine_can_save(const struct machine *m, GError **error); /* else says why not */
typedef void (*machine_put_fn)(void *opaque, const void *data, size_t len);
void machine_save(struct machine *m, machine_put_fn put, void *opaque);
gboolean machine_load(struct machine *m, const uint8_t *data, size_t len,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The same in two steps, of which the long one needs no main loop. Saving: machine_image_new copies
 * all but RAM (main loop, machine_can_save); machine_image_put writes it and RAM (any one thread).
 * Loading: machine_image_get reads into an empty image, and RAM into the machine's (any one
 * thread); machine_image_load takes over the rest (main loop). The machine stays stopped
 * throughout. After a failed load it holds parts of two states, and can only be reset or ended.
 */
struct machine_image;
struct machine_progress {
    uint64_t total;        /* bytes of RAM */
    uint64_t normal, zero; /* pages done, by whether they have content */
};
struct machine_image *machine_image_new(struct machine *m, bool ran);
struct machine_image *machine_image_empty(const struct machine *m);
void machine_image_free(struct machine_image *image);
/* Any thread. */
void machine_image_progress(const struct machine_image *image, struct machine_progress *ret);
/* What machine_image_new was told: whether the vCPUs are to run. */
bool machine_image_ran(const struct machine_image *image);
void machine_image_put(struct machine_image *image, struct machine *m, machine_put_fn put,
                       void *opaque);
/* All of `len` bytes, or FALSE with an error. */
typedef gboolean (*machine_get_fn)(void *opaque, void *data, size_t len, GError **error);
gboolean machine_image_get(struct machine_image *image, struct machine *m, machine_get_fn get,
                           void *opaque, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean machine_image_load(const struct machine_image *image, struct machine *m,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Instructions executed by all vCPUs since reset, where the accelerator counts them. */
uint64_t machine_insns(struct machine *m);

#endif
