/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines saved to files and started from them. With the domain's lock, unless said. */
#ifndef VIV_MANAGE_DRIVER_QMP_SAVE_SAVE_H
#define VIV_MANAGE_DRIVER_QMP_SAVE_SAVE_H

#include "manage/core/call.h"
#include "manage/core/driver.h"

#include <glib.h>
#include <stdbool.h>

extern const struct driver_save qmp_save;

/* Where the managed image of a domain is, to be freed; there may be none. */
char *save_managed_path(struct domain *domain);
/* Notes in domain->saved whether there is one. */
void save_look_for_managed(struct domain *domain);
/* It goes. */
bool save_remove_managed(struct domain *domain, GError **error);
/* Starts a shut-off domain from its managed image, which is used up then. */
bool save_start_managed(struct domain *domain, unsigned flags, GError **error);
/* Makes a running machine pause, with that reason; *ret_ran: it ran. And go on again. */
bool save_pause(struct domain *domain, int reason, bool *ret_ran, GError **error);
void save_go_on(struct domain *domain, int reason);
/* Writes a machine that stands still to a file as a saved one; it is not ended. */
bool save_write_image(struct domain *domain, const char *path, bool ran, GError **error);
/* Ends a transfer of state, and waits until nothing more of it comes. */
void save_cancel_transfer(struct domain *domain);
/* What a machine that was being saved when its daemon ended needs: to go on. */
void save_recover(struct domain *domain);

/* Rows' handlers. */
bool save_managed(struct call *call, GError **error);
bool save_managed_remove(struct call *call, GError **error);
bool save_managed_get_xml_desc(struct call *call, GError **error);
bool save_managed_define_xml(struct call *call, GError **error);
/* dump.c: with and without a format */
bool save_core_dump(struct call *call, GError **error);

#endif
