/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must go and come to make one list of lines another. Any thread. */
#ifndef VIV_CLI_OWN_LINES_H
#define VIV_CLI_OWN_LINES_H

#include <glib.h>
#include <stdbool.h>

struct lines_edit {
    char mark;        /* '-' goes, '+' comes, ' ' stays */
    const char *line; /* one of those given */
};

/* The shortest list of edits, struct lines_edit, to be unreferenced; NULL where that would take too
 * much memory. Both arrays end with NULL. */
GArray *lines_compare(char **before, char **after);

#endif
