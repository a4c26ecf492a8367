/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one constant table of options, and what reads, prints and describes it. */
#ifndef VIV_MACHINE_MAIN_OPTIONS_H
#define VIV_MACHINE_MAIN_OPTIONS_H

#include "machine/main/setup.h"

enum option_section {
    SECTION_STANDARD,
    SECTION_BLOCK,
    SECTION_DISPLAY,
    SECTION_BOARD,
    SECTION_NETWORK,
    SECTION_CHARDEV,
    SECTION_BOOT,
    SECTION_EXPERT,
    SECTION_OBJECT,
    SECTION_MISSING, /* QEMU's, refused as not built yet */
    SECTIONS,
};

enum option_kind {
    OPTION_FLAG,  /* bool field := true */
    OPTION_TEXT,  /* char * field; the last one counts */
    OPTION_TEXTS, /* GPtrArray of char * */
    OPTION_ITEMS, /* GPtrArray of json_object * */
    OPTION_GROUP, /* struct field filled by `rows` */
    OPTION_CALL,
    OPTION_REFUSE,
};

struct option {
    const char *name;
    enum option_kind kind;
    uint32_t offset; /* of the field in struct setup */
    const char *arg; /* what help shows after the name; NULL: takes no argument */
    const char *implied;
    const struct row *rows;
    gboolean (*call)(struct setup *s, const char *arg, GError **error);
    enum option_section section;
    const char *help;
    bool flags_ok; /* bare words are switches */
};

/* Ends with a NULL name. */
extern const struct option option_table[];

/* Reads argv[1..]. FALSE with an error that begins with the option. `s` is initialised. */
gboolean options_read(struct setup *s, int argc, char **argv, GError **error);
/* One option with its argument (NULL: none), as text or as JSON. */
gboolean options_take(struct setup *s, const struct option *o, const char *arg, GError **error);
const struct option *options_find(const char *name);
/* -help's text. */
void options_help(GString *out);

#endif
