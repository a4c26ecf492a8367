/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of an emulator for a domain: pure, from a completed definition (hardware.h). It
 * has the words that libvirtd gives QEMU for the same definition, so that whoever reads a process
 * list, or passes options on, finds what they know.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_ARGV_H
#define VIV_MANAGE_DRIVER_QMP_ARGV_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

#define QMP_GRAPHICS_ADDRESS "127.0.0.1" /* where a screen listens whose definition names none */

/* A tap that is open: "100" or, with several queues, "100:101"; or a descriptor's name. */
struct argv_tap {
    const char *device; /* the <target dev=> of its interface */
    const char *fds;
};

/* What the definition does not say. Borrowed while argv_new runs. */
struct argv_env {
    const char *runtime; /* folder of this run: sockets of channels without a path */
    const char *monitor; /* path of the QMP socket; NULL: `monitor_fd` is listening already */
    int monitor_fd;
    const struct argv_tap *taps; /* of all interfaces on networks and bridges */
    unsigned n_taps;
    bool incoming; /* its state comes later, by the monitor */
    /* The first socket or port of graphics with automatic ports; 0: none can be had. */
    unsigned (*graphics_port)(void *opaque);
    void *opaque;
};

/*
 * The words after the emulator's path, NULL-terminated; g_strfreev. NULL with code 67 naming the
 * element when the definition asks for what is not built, so that nothing is started without it.
 */
char **argv_new(const struct xml *domain, const struct argv_env *env, GError **error);

#endif
