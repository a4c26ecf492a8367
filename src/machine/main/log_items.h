/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -d and -dfilter say. */
#ifndef VIV_MACHINE_MAIN_LOG_ITEMS_H
#define VIV_MACHINE_MAIN_LOG_ITEMS_H

#include "machine/core/accel.h"

struct log_items {
    bool notes;     /* what the guest does wrong and what is not built */
    unsigned accel; /* enum accel_log_item */
};

/* "item,item,..."; an item that is not known or not built is an error. */
gboolean log_items_parse(const char *text, struct log_items *ret, GError **error);
/* The list of -d help. */
void log_items_help(GString *out);
/* "first..last,start+length,end-length,..."; *ret_ranges is the caller's. */
gboolean log_ranges_parse(const char *text, struct accel_log_range **ret_ranges, unsigned *ret_n,
                          GError **error);

#endif
