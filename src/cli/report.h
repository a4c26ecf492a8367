/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands show that is no table: sections of names with values, words, whole texts; as text
 * or as JSON. One thread. */
#ifndef VIV_CLI_REPORT_H
#define VIV_CLI_REPORT_H

#include "cli/cli.h"

#include <viv/params.h>

struct report;

/* Lines are `prefix`, a name padded to `width`, `separator` and the value. */
struct report *report_new(const char *prefix, unsigned width, const char *separator);
/* What follows is of another object: a heading of its own line (NULL for none). `name` is what JSON
 * calls it, `value` which one it is. */
void report_section(struct report *report, const char *heading, const char *name,
                    const char *value);
/* An empty line between sections. */
void report_space(struct report *report);
void report_add(struct report *report, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
void report_add_param(struct report *report, const struct viv_param *param);
/* Prints and frees. JSON is an object, or an array of them where there are sections. Always true.
 */
bool report_show(struct report *report, struct cli *cli);

/* A value as virsh writes it; to be freed. */
char *param_text(const struct viv_param *param);

/* A document or a line under a name that JSON shows. Takes the text, of libviv; false for NULL. */
bool show_text(struct cli *cli, const char *name, char *text);
bool show_line(struct cli *cli, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same without the end of the line, as virsh ends some. */
bool show_word(struct cli *cli, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A word a line; a JSON array. */
bool show_words(struct cli *cli, char **words);

#endif
