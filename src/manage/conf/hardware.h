/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Completes a domain for QEMU-like machines as libvirt does when it is defined: canonical machine,
 * CPU and feature defaults, the devices that a board has anyway, controllers for what needs one,
 * and an address for everything that sits on a bus. What the document says stays as it is.
 */
#ifndef VIV_MANAGE_CONF_HARDWARE_H
#define VIV_MANAGE_CONF_HARDWARE_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* What depends on the host's emulators. Constant while a domain is completed; any thread. */
struct hardware_host {
    void *opaque;
    /* "q35" -> "pc-q35-7.2"; NULL: no such machine. A NULL machine asks for the default. Owned by
     * the caller. */
    char *(*machine)(void *opaque, const char *arch, const char *machine);
    /* Path of the emulator of an architecture, or NULL. Owned by the caller. */
    char *(*emulator)(void *opaque, const char *arch);
    /* CPU model of a machine for a domain without <cpu> ("qemu64"), or NULL: none is written.
     * Owned by the caller. */
    char *(*default_cpu)(void *opaque, const char *arch, const char *machine);
};

/*
 * Changes the tree of a <domain> in libvirt's form (schema.h). False with code 27, 67 or 1 when a
 * definition asks for what cannot be: addresses twice, a device without a bus that takes it.
 */
bool hardware_complete(struct xml *domain, const struct hardware_host *host, GError **error);

#endif
