/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole machine in this process, made from words of a command line. */
#ifndef VIV_FUZZ_MACHINE_WHOLE_H
#define VIV_FUZZ_MACHINE_WHOLE_H

#include "machine/main/host.h"

struct whole {
    struct setup setup;
    struct host host;
};

/* `words` ends with NULL; asserts that such a machine can be built. */
void whole_init(struct whole *w, const char *const *words);
void whole_fini(struct whole *w);
/* Runs what waits on the main loop, a bounded number of times. */
void whole_loop(struct whole *w);

#endif
