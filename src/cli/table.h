/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command shows: rows under headings, or names with values; as text or as JSON. One thread.
 */
#ifndef VIV_CLI_TABLE_H
#define VIV_CLI_TABLE_H

#include "cli/cli.h"

struct table;

/* Headings up to NULL. */
struct table *table_new(const char *heading, ...) G_GNUC_NULL_TERMINATED;
/* One row: as many texts as there are headings, copied. */
void table_add(struct table *table, const char *cell, ...) G_GNUC_NULL_TERMINATED;
/* Prints and frees. JSON is an array with an object for each row, keyed by the headings. */
void table_show(struct table *table, struct cli *cli);

/* "Name:           value" lines; `width` is where values start. */
struct fields;
struct fields *fields_new(unsigned width);
void fields_add(struct fields *fields, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* Prints and frees. JSON is one object. */
void fields_show(struct fields *fields, struct cli *cli);

#endif
