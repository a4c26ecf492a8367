/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long work on a domain: its progress is shown, and Ctrl-C cancels it. */
#ifndef VIV_CLI_PROGRESS_H
#define VIV_CLI_PROGRESS_H

#include "cli/cli.h"

struct progress_work {
    struct viv_object *domain;
    const char *path, *xml;
    unsigned format, flags;
};

/*
 * Carries out `run` in a thread of its own and waits for it: its result, 0 or -1 with cli's error.
 * With `show`, "label: [ 42 %]" on the standard error, again and again.
 */
int progress_run(struct cli *cli, const char *label, bool show, const struct progress_work *work,
                 int (*run)(const struct progress_work *work, struct viv_error **ret_error));

#endif
