/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks whose source is a volume of a pool. Clients see the pool and the volume; an emulator is
 * told the volume's own path, looked up when the disk is opened.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_SOURCE_H
#define VIV_MANAGE_DRIVER_QMP_SOURCE_H

#include "manage/conf/xml.h"
#include "manage/core/host.h"

#include <glib.h>
#include <stdbool.h>

struct domain;

/* Is there a source at all? A drive without a medium has none. */
bool source_is_empty(const struct xml *disk);
/* Does a disk of <domain> name a volume? */
bool source_any_volume(const struct xml *root);
/*
 * Makes a disk of a volume one of a file or block device, in place; others stay. False with
 * libvirt's words when there is no such volume now. Takes the pool's lock: no lock held.
 */
bool source_translate(struct host *host, struct xml *disk, GError **error);
/*
 * A copy of <domain> with every disk translated, to be freed; NULL with *error set. With `error`
 * NULL what cannot be translated stays as it is. Gives the domain's lock up meanwhile.
 */
struct xml *source_translated(struct domain *domain, const struct xml *root, GError **error);
/* Writes into the definition of a run the formats that its volumes were opened with. */
void source_note(struct xml *root);

#endif
