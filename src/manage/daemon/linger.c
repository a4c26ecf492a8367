/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "manage/daemon/linger.h"

#include <sched.h>
#include <stdbool.h>

/* So many calls, each so soon after the answer before it, make a row of questions. */
#define ENOUGH  4
#define SOON_US 500

struct linger {
    GSource source;
    gint64 answered, until; /* microseconds of the monotonic clock */
    unsigned limit;
    unsigned close; /* calls that followed the answer before them closely */
};

/* Ready or not, the loop asks the kernel without waiting as long as this says "in 0 ms". */
static gboolean prepare(GSource *source, int *ret_timeout)
{
    struct linger *linger = (struct linger *)source;

    if (linger->until != 0 && g_get_monotonic_time() >= linger->until) {
        linger->until = 0;
    }
    *ret_timeout = linger->until != 0 ? 0 : -1;
    if (linger->until != 0) {
        sched_yield(); /* the client may want this very processor */
    }
    return FALSE;
}

static gboolean check(GSource *source)
{
    return FALSE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};

struct linger *linger_new(GMainContext *context)
{
    GSource *source = g_source_new(&functions, sizeof(struct linger));

    g_source_attach(source, context);
    return (struct linger *)source;
}

void linger_configure(struct linger *linger, unsigned microseconds)
{
    /* With one processor the client cannot ask while the loop looks. */
    linger->limit = g_get_num_processors() > 1 ? microseconds : 0;
    linger->until = 0;
}

void linger_free(struct linger *linger)
{
    g_source_destroy(&linger->source);
    g_source_unref(&linger->source);
}

void linger_asked(struct linger *linger)
{
    bool soon = g_get_monotonic_time() - linger->answered < SOON_US;

    linger->close = soon ? MIN(linger->close + 1, ENOUGH) : 0;
}

void linger_answered(struct linger *linger)
{
    linger->answered = g_get_monotonic_time();
    linger->until =
        linger->close == ENOUGH && linger->limit > 0 ? linger->answered + linger->limit : 0;
}
