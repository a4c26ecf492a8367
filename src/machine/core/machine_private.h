/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What machine.c, life.c, save.c and vcpu.c share; nobody else includes it. */
#ifndef VIV_MACHINE_CORE_MACHINE_PRIVATE_H
#define VIV_MACHINE_CORE_MACHINE_PRIVATE_H

#include "machine/core/accel.h"
#include "machine/core/machine.h"

struct machine_event_item {
    char *name;
    json_object *data; /* owned */
    int64_t us;        /* wall clock */
};

struct machine_listener {
    unsigned id;
    machine_event_fn fn;
    void *opaque;
};

/* Instructions of one vCPU's turn when they are counted. */
#define VCPU_TURN 20000

/* Whose turn it is when instructions are counted. A stop leaves it as it is, so that it does not
 * change the run. */
struct vcpu_turn {
    unsigned cpu;
    uint64_t left; /* instructions; 0: a whole turn comes */
    bool ran;      /* some vCPU has run in this round */
};

struct machine_private {
    GThread *main_thread;
    struct quiesce_reader reader; /* main loop */
    GSource *guard;               /* marks the main loop's safe points */
    GSource *source;              /* handles requests and events */

    GPtrArray *threads; /* GThread *; main loop */
    GMutex run_lock;    /* guards the four below */
    GCond run_cond;
    bool go;               /* vCPUs may run */
    bool end;              /* threads end */
    unsigned running;      /* threads that are not parked */
    uint32_t halt;         /* atomic: leave the run loop and park; !go, early */
    struct vcpu_turn turn; /* the counting thread; main loop while it is parked */

    GMutex ask_lock; /* guards the rest; a leaf */
    uint32_t asked;  /* bits of enum machine_request */
    bool guest[MACHINE_REQUESTS];
    int code[MACHINE_REQUESTS];
    char *failure;     /* of MACHINE_FAILED */
    GQueue events;     /* struct machine_event_item * */
    GArray *listeners; /* struct machine_listener; main loop */
    unsigned listeners_made;
    unsigned unattached; /* device numbers given; main loop */
};

/* life.c: main loop, from the source. */
void machine_handle_requests(struct machine *m);
void machine_deliver_events(struct machine *m);
/* Wakes the source. Any thread. */
void machine_wake_loop(struct machine *m);

/* vcpu.c. Main loop. */
gboolean vcpu_launch(struct machine *m, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops every thread, or lets them go on; vcpu_end joins them. */
void vcpu_pause(struct machine *m);
void vcpu_resume(struct machine *m);
void vcpu_end(struct machine *m);
/* Any thread: vCPUs park as soon as they can; nobody waits for it. */
void vcpu_halt(struct machine *m);

#endif
