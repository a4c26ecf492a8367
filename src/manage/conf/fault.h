/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of the management layer: GErrors of domain FAULT whose code is libvirt's error number,
 * with what a remote caller gets beside it. Any thread.
 */
#ifndef VIV_MANAGE_CONF_FAULT_H
#define VIV_MANAGE_CONF_FAULT_H

#include <glib.h>
#include <stdarg.h>
#include <stdbool.h>

enum fault_code {
#define _(NAME, number, plain, detailed) FAULT_##NAME = number,
#include "manage/conf/faults.inc"
#undef _
};

/* Which part reports: libvirt's "error domain". Only those that we report from. */
enum fault_from {
    FAULT_FROM_NONE = 0,
    FAULT_FROM_XML = 5,
    FAULT_FROM_RPC = 7,
    FAULT_FROM_QEMU = 10,
    FAULT_FROM_TEST = 12,
    FAULT_FROM_REMOTE = 13,
    FAULT_FROM_STORAGE = 18,
    FAULT_FROM_NETWORK = 19,
    FAULT_FROM_DOMAIN = 20,
    FAULT_FROM_NODEDEV = 22,
    FAULT_FROM_INTERFACE = 26,
    FAULT_FROM_SECRET = 30,
    FAULT_FROM_CPU = 31,
    FAULT_FROM_DOMAIN_SNAPSHOT = 35,
    FAULT_FROM_STREAMS = 38,
    FAULT_FROM_DOMAIN_CHECKPOINT = 69,
};

#define FAULT fault_quark()
GQuark fault_quark(void);

/*
 * Sets *error to code's words around the detail ("Domain not found: " + detail). A NULL format
 * gives the words for no detail. Returns false, so that a caller can `return fault_set(...)`.
 */
bool fault_set(GError **error, enum fault_code code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same with the whole message given, where libvirt puts no words in front. */
bool fault_set_raw(GError **error, enum fault_code code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* "cannot open file '/x': No such file or directory", code 38. */
bool fault_set_errno(GError **error, int number, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* libvirt's number of any error; one of another domain counts as internal. */
enum fault_code fault_code(const GError *error);
/* Who reported; FAULT_FROM_NONE when nobody said. Setting keeps what was said before. */
enum fault_from fault_from(const GError *error);
void fault_set_from(GError *error, enum fault_from from);
/* The same of an error just set, if the caller wants it: `return fault_came_from(...)`, false. */
bool fault_came_from(GError **error, enum fault_from from);
/* What the user can do about it, or NULL. Takes a copy. */
const char *fault_hint(const GError *error);
void fault_set_hint(GError *error, const char *hint);

#endif
