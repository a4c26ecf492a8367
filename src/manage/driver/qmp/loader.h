/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firmware of a domain: chosen among what is installed when the domain starts, as libvirt 9.0
 * does, and its NVRAM.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_LOADER_H
#define VIV_MANAGE_DRIVER_QMP_LOADER_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/* What is there to choose from. Borrowed. */
struct loader_choice {
    const GPtrArray *list; /* struct firmware, in their order */
    bool smm;              /* the emulator's machine has system management mode */
    const char *nvram;     /* path for a domain that names none */
};

/* Does the domain bring firmware that keeps variables, or ask for some to be chosen? */
bool loader_wanted(const struct xml *domain);
/*
 * Where a definition has flash, the place of its NVRAM is written into it; firmware needs what a
 * guest can find its tables by. False with code 67.
 */
bool loader_complete(struct xml *domain, const char *nvram, GError **error);
/*
 * Turns <os firmware=''> into a loader, and gives NVRAM its template: what runs, not what is kept.
 * False with code 9 when nothing fits.
 */
bool loader_fill(struct xml *domain, const struct loader_choice *choice, GError **error);
/* Makes the NVRAM of a filled definition from its template unless it is there. Durable. */
bool loader_make_nvram(const struct xml *domain, GError **error);

#endif
