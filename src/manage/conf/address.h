/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of devices on the buses of a machine: PCI, USB, drive and virtio-serial. */
#ifndef VIV_MANAGE_CONF_ADDRESS_H
#define VIV_MANAGE_CONF_ADDRESS_H

#include "manage/conf/xml.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Gives each device without an address one, adding bridges and ports where none is free. False with
 * code 27 when an address is malformed or taken twice, code 1 when a bus is full.
 */
bool address_assign(struct xml *domain, GError **error);
/* The PCI part of it; address_assign calls it. */
bool address_assign_pci(struct xml *domain, GError **error);

#endif
