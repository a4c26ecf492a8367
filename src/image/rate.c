/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/rate.h"

#define NAP (50 * G_TIME_SPAN_MILLISECOND)

bool rate_start(struct rate *rate, const struct image_args *args)
{
    const char *text = image_value(args, 'r');

    *rate = (struct rate){.began = g_get_monotonic_time()};
    if (text != NULL &&
        (!block_parse_size(text, &rate->per_second) || rate->per_second > INT64_MAX)) {
        image_fail("Invalid rate limit specified. You may use k, M, G, T, P or E suffixes for\n"
                   "viv-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return false;
    }
    return true;
}

gint64 rate_due(struct rate *rate, uint64_t n)
{
    double seconds;

    if (rate->per_second == 0) {
        return 0;
    }
    seconds = (double)rate->done / (double)rate->per_second;
    rate->done += n;
    return rate->began + (gint64)(MIN(seconds, 1e9) * G_USEC_PER_SEC);
}

void rate_sleep(gint64 due)
{
    for (gint64 now = g_get_monotonic_time(); due > 0 && now < due && !image_interrupted();
         now = g_get_monotonic_time()) {
        g_usleep((gulong)MIN(due - now, NAP));
    }
}
