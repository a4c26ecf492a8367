/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own/lines.h"

#include <stdint.h>
#include <string.h>

#define MAX_CELLS (16 * 1024 * 1024)

static void add(GArray *edits, char mark, const char *line)
{
    const struct lines_edit edit = {mark, line};

    g_array_append_val(edits, edit);
}

/* Lines that the two have in common from i and j on, for all i and j: rows of m + 1. */
static uint16_t *common(char **a, size_t n, char **b, size_t m)
{
    uint16_t *cells = g_new0(uint16_t, (n + 1) * (m + 1));

    for (size_t i = n; i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            uint16_t down = cells[(i + 1) * (m + 1) + j], right = cells[i * (m + 1) + j + 1];

            cells[i * (m + 1) + j] =
                strcmp(a[i], b[j]) == 0 ? cells[(i + 1) * (m + 1) + j + 1] + 1 : MAX(down, right);
        }
    }
    return cells;
}

GArray *lines_compare(char **before, char **after)
{
    size_t n = g_strv_length(before), m = g_strv_length(after), i = 0, j = 0;

    if (n >= UINT16_MAX || m >= UINT16_MAX || (n + 1) * (m + 1) > MAX_CELLS) {
        return NULL;
    }
    g_autofree uint16_t *cells = common(before, n, after, m);
    GArray *edits = g_array_new(FALSE, FALSE, sizeof(struct lines_edit));

    while (i < n || j < m) {
        if (i < n && j < m && strcmp(before[i], after[j]) == 0) {
            add(edits, ' ', before[i++]);
            j++;
        } else if (j == m ||
                   (i < n && cells[(i + 1) * (m + 1) + j] >= cells[i * (m + 1) + j + 1])) {
            add(edits, '-', before[i++]);
        } else {
            add(edits, '+', after[j++]);
        }
    }
    return edits;
}
