/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What -object makes: things that devices use and that are no device themselves. dev_env.find with
 * ROW_LINK_OBJECT or ROW_LINK_IOTHREAD returns a struct object; its user checks the type before it
 * believes what follows.
 */
#ifndef VIV_MACHINE_CORE_OBJECT_H
#define VIV_MACHINE_CORE_OBJECT_H

#include <stddef.h>
#include <sys/types.h>

struct object {
    const char *type; /* QEMU's qom-type: "rng-random", "memory-backend-ram", "secret", ... */
    char *id;
};

/* "rng-random", "rng-builtin": entropy for virtio-rng. */
struct object_rng {
    struct object object;
    /* Up to `len` bytes without waiting; 0: none now; negative errno. Main loop or vCPU thread. */
    ssize_t (*read)(struct object_rng *rng, void *to, size_t len);
};

#endif
