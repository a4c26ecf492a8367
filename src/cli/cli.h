/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of viv: its connection, its settings, what it says. One thread. */
#ifndef VIV_CLI_CLI_H
#define VIV_CLI_CLI_H

#include <glib.h>
#include <stdbool.h>
#include <viv/domain.h>
#include <viv/storage.h>

struct arguments;

struct cli {
    char *uri; /* as given; NULL: the default */
    bool read_only, quiet, json;
    bool interactive, quit;
    struct viv_connection *connection; /* NULL until it is needed */
    struct viv_error *error;           /* the last of libviv, not told yet */
};

/* The connection, opened when it is not yet; NULL with messages. */
struct viv_connection *cli_connection(struct cli *cli);
/* Where libviv's functions leave their error; what was there is forgotten. */
struct viv_error **cli_error(struct cli *cli);
/* Prints "error: ..." and returns false. */
bool cli_fail(struct cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Prints unless quiet: what is there for people. Always true. */
bool cli_say(struct cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The words of a line, as a shell would cut them, ";" a word of its own; NULL with a message. */
char **cli_split(struct cli *cli, const char *line);
/* Carries out the commands of the words, up to the first that fails to parse; true when the last
 * one succeeded. */
bool cli_run(struct cli *cli, char **words);

/* The object that an option names (a domain also by its number), or NULL with messages. */
struct viv_object *cli_object(struct cli *cli, const struct arguments *args, enum viv_kind kind);
/* The same by a name that is given. */
struct viv_object *cli_find(struct cli *cli, enum viv_kind kind, const char *name);
/* The text of the file an option names; to be freed; NULL with a message. */
char *cli_file(struct cli *cli, const struct arguments *args, const char *option);
/* "--config --live --current" as flags of enum viv_affect; false with a message. */
bool cli_affect(struct cli *cli, const struct arguments *args, unsigned *ret_affect);

/* Prints the UUID of 16 bytes as text; to be freed. */
char *cli_uuid(const uint8_t *uuid);
bool cli_parse_uuid(const char *text, uint8_t ret_uuid[VIV_UUID_BYTES]);
/* "1.50 GiB"; to be freed. */
char *cli_size(uint64_t bytes);

static inline void cli_free_object(struct viv_object **object)
{
    viv_object_free(*object);
}

/* `auto_object struct viv_object *domain = cli_object(...)`: freed when the scope ends. */
#define auto_object __attribute__((cleanup(cli_free_object)))

#endif
