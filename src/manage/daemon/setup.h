/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the system's daemon needs of its host before its first start: an account for machines and
 * its folders. One table makes them, and says them to systemd (sysusers.d(5), tmpfiles.d(5)). Any
 * thread.
 */
#ifndef VIV_MANAGE_DAEMON_SETUP_H
#define VIV_MANAGE_DAEMON_SETUP_H

#include <glib.h>
#include <stdbool.h>

/*
 * Makes what lacks and mends what differs, as root, or only finds out; one line of each to `said`.
 * False with the first that failed; what was done by then is said. Doing it again does nothing.
 */
bool setup_host(bool only_tell, GString *said, GError **error);
/* The rules for systemd-sysusers and for systemd-tmpfiles. The caller owns them. */
char *setup_sysusers(void);
char *setup_tmpfiles(void);

#endif
