/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#define WINDOW_US  G_USEC_PER_SEC
#define WINDOW_MAX 10

/* TRUE if this note may be written; *ret_last is set for the last one of a window. */
static gboolean admit(struct log_limit *limit, gboolean *ret_last)
{
    gint64 now = g_get_monotonic_time();
    gint64 start = __atomic_load_n(&limit->window_start, __ATOMIC_RELAXED);
    int n;

    if (now - start >= WINDOW_US) {
        __atomic_store_n(&limit->window_start, now, __ATOMIC_RELAXED);
        __atomic_store_n(&limit->count, 0, __ATOMIC_RELAXED);
    }
    n = __atomic_add_fetch(&limit->count, 1, __ATOMIC_RELAXED);
    *ret_last = n == WINDOW_MAX;
    return n <= WINDOW_MAX;
}

void log_note(struct log_limit *limit, const char *who, const char *format, ...)
{
    g_autofree char *text = NULL;
    gboolean last;
    va_list ap;

    if (!admit(limit, &last)) {
        return;
    }
    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_info("%s: %s%s", who, text, last ? " (further notes of this second are dropped)" : "");
}
