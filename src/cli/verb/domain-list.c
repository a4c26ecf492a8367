/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list: the domains there are. */
#include "cli/command.h"
#include "cli/state.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ACTIVE   1
#define LIST_INACTIVE 2

/* Options that choose, and libvirt's flag of each. */
static const struct {
    const char *option;
    unsigned flag;
} filters[] = {
    {"persistent", 4},          {"transient", 8},
    {"state-running", 16},      {"state-paused", 32},
    {"state-shutoff", 64},      {"state-other", 128},
    {"with-managed-save", 256}, {"without-managed-save", 512},
    {"autostart", 1024},        {"no-autostart", 2048},
    {"with-snapshot", 4096},    {"without-snapshot", 8192},
    {"with-checkpoint", 16384}, {"without-checkpoint", 32768},
};

static unsigned list_flags(const struct arguments *args)
{
    unsigned flags = arg_given(args, "inactive") ? LIST_INACTIVE : LIST_ACTIVE;

    if (arg_given(args, "all")) {
        flags = LIST_ACTIVE | LIST_INACTIVE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(filters); i++) {
        flags |= arg_given(args, filters[i].option) ? filters[i].flag : 0;
    }
    return flags;
}

/* Running ones by their number, then the others by name. */
static int compare(const void *a, const void *b)
{
    const struct viv_object *x = *(struct viv_object *const *)a,
                            *y = *(struct viv_object *const *)b;
    int id_x = viv_object_id(x), id_y = viv_object_id(y);

    if (id_x != -1 && id_y != -1) {
        return id_x < id_y ? -1 : id_x > id_y;
    }
    return id_x != -1 ? -1 : id_y != -1 ? 1 : strcasecmp(viv_object_name(x), viv_object_name(y));
}

static char *id_text(const struct viv_object *domain)
{
    int id = viv_object_id(domain);

    return id >= 0 ? g_strdup_printf("%d", id) : g_strdup("-");
}

static const char *state_text(struct cli *cli, struct viv_object *domain, bool mark_saved)
{
    enum viv_state state;
    int reason;

    if (viv_domain_state(domain, &state, &reason, NULL) != 0) {
        return "no state";
    }
    bool saved = mark_saved && viv_object_id(domain) < 0 && viv_domain_has_saved(domain, NULL) > 0;

    return saved ? "saved" : state_name(state);
}

static void add_row(struct cli *cli, struct table *table, struct viv_object *domain,
                    const struct arguments *args)
{
    g_autofree char *id = id_text(domain);
    const char *state = state_text(cli, domain, arg_given(args, "managed-save"));

    if (arg_given(args, "title")) {
        char *title = viv_domain_note(domain, 1, VIV_AFFECT_CURRENT, NULL);

        table_add(table, id, viv_object_name(domain), state, title != NULL ? title : "", NULL);
        viv_free(title);
    } else {
        table_add(table, id, viv_object_name(domain), state, NULL);
    }
}

static void show_table(struct cli *cli, struct viv_object **domains, const struct arguments *args)
{
    struct table *table = arg_given(args, "title") ? table_new("Id", "Name", "State", "Title", NULL)
                                                   : table_new("Id", "Name", "State", NULL);

    for (struct viv_object **d = domains; *d != NULL; d++) {
        add_row(cli, table, *d, args);
    }
    table_show(table, cli);
}

static void show_words(struct viv_object **domains, const struct arguments *args)
{
    for (struct viv_object **d = domains; *d != NULL; d++) {
        g_autofree char *uuid = cli_uuid(viv_object_uuid(*d));
        g_autofree char *id = id_text(*d);
        const char *shown[] = {arg_given(args, "uuid") ? uuid : NULL,
                               arg_given(args, "id") ? id : NULL,
                               arg_given(args, "name") ? viv_object_name(*d) : NULL};
        const char *gap = "";

        for (unsigned i = 0; i < G_N_ELEMENTS(shown); i++) {
            if (shown[i] != NULL) {
                printf("%s%s", gap, shown[i]);
                gap = " ";
            }
        }
        putchar('\n');
    }
}

static bool run_list(struct cli *cli, const struct arguments *args)
{
    bool words = arg_given(args, "uuid") || arg_given(args, "name") || arg_given(args, "id");
    size_t n;

    if (!arg_exclusive(cli, args, "table", "name") || !arg_exclusive(cli, args, "table", "uuid") ||
        !arg_exclusive(cli, args, "table", "id") || cli_connection(cli) == NULL) {
        return false;
    }
    struct viv_object **domains =
        viv_objects(cli->connection, VIV_DOMAIN, list_flags(args), &n, cli_error(cli));

    if (domains == NULL) {
        return cli_fail(cli, "Failed to list domains");
    }
    qsort(domains, n, sizeof(*domains), compare);
    if (words && !cli->json) {
        show_words(domains, args);
    } else {
        show_table(cli, domains, args);
    }
    viv_objects_free(domains);
    return true;
}

const struct verb domain_list_verbs[] = {{"list", run_list}, {NULL}};
