/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/state.h"

#include <glib.h>

static const struct {
    const char *name;
    const char *const *reasons; /* from 1 on, NULL-terminated; 0 is "unknown" */
} states[] = {
    [VIV_STATE_NONE] = {"no state", (const char *const[]){NULL}},
    [VIV_STATE_RUNNING] = {"running",
                           (const char *const[]){"booted", "migrated", "restored", "from snapshot",
                                                 "unpaused", "migration canceled", "save canceled",
                                                 "event wakeup", "crashed", "post-copy",
                                                 "post-copy failed", NULL}},
    [VIV_STATE_BLOCKED] = {"idle", (const char *const[]){NULL}},
    [VIV_STATE_PAUSED] = {"paused", (const char *const[]){"user", "migrating", "saving", "dumping",
                                                          "I/O error", "watchdog", "from snapshot",
                                                          "shutting down", "creating snapshot",
                                                          "crashed", "starting up", "post-copy",
                                                          "post-copy failed", "api error", NULL}},
    [VIV_STATE_SHUTDOWN] = {"in shutdown", (const char *const[]){"user", NULL}},
    [VIV_STATE_SHUTOFF] = {"shut off", (const char *const[]){"shutdown", "destroyed", "crashed",
                                                             "migrated", "saved", "failed",
                                                             "from snapshot", "daemon", NULL}},
    [VIV_STATE_CRASHED] = {"crashed", (const char *const[]){"panicked", NULL}},
    [VIV_STATE_PMSUSPENDED] = {"pmsuspended", (const char *const[]){NULL}},
};

const char *state_name(enum viv_state state)
{
    return (unsigned)state < G_N_ELEMENTS(states) ? states[state].name : "no state";
}

const char *state_reason(enum viv_state state, int reason)
{
    if ((unsigned)state < G_N_ELEMENTS(states) && reason > 0) {
        for (int i = 0; states[state].reasons[i] != NULL; i++) {
            if (i + 1 == reason) {
                return states[state].reasons[i];
            }
        }
    }
    return "unknown";
}
