/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on snapshots and checkpoints, which are alike. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/moment-xml.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/tree.h"

#include <stdlib.h>
#include <string.h>
#include <viv/moment.h>

#define NO_SNAPSHOT   72
#define NO_CHECKPOINT 103
#define DESCENDANTS   1 /* in place of the flag for roots, where it is about children */

static void free_moment(struct viv_moment **moment)
{
    viv_moment_free(*moment);
}

#define auto_moment __attribute__((cleanup(free_moment)))

static const struct words {
    const char *word, *option;
    const char *parent_path, *time_path;
    bool current; /* has the option --current */
} words[] = {
    [VIV_SNAPSHOT] = {"snapshot", "snapshotname", "string(/domainsnapshot/parent/name)",
                      "string(/domainsnapshot/creationTime)", true},
    [VIV_CHECKPOINT] = {"checkpoint", "checkpointname", "string(/domaincheckpoint/parent/name)",
                        "string(/domaincheckpoint/creationTime)", false},
};

/* The one that is named, or --current; NULL with messages. */
static struct viv_moment *find(struct cli *cli, const struct arguments *args,
                               struct viv_object *domain, enum viv_moment_kind kind)
{
    const struct words *w = &words[kind];

    if (arg_given(args, w->option)) {
        return viv_moment_find(domain, kind, arg_text(args, w->option), cli_error(cli));
    }
    if (w->current && arg_given(args, "current")) {
        return viv_snapshot_current(domain, cli_error(cli));
    }
    cli_fail(cli, w->current ? "--%s or --current is required" : "--%s is required", w->option);
    return NULL;
}

/* Makes it, and tells its name. */
static bool create(struct cli *cli, struct viv_object *domain, enum viv_moment_kind kind,
                   const char *xml, unsigned flags, const char *from)
{
    auto_moment struct viv_moment *moment =
        viv_moment_create(domain, kind, xml, flags, cli_error(cli));

    if (moment == NULL) {
        return false;
    }
    return from != NULL
               ? cli_say(cli, "Domain %s %s created from '%s'", words[kind].word,
                         viv_moment_name(moment), from)
               : cli_say(cli, "Domain %s %s created", words[kind].word, viv_moment_name(moment));
}

static const struct flag_row snapshot_flags[] = {{"redefine", 1},
                                                 {"current", 2},
                                                 {"no-metadata", 4},
                                                 {"halt", 8},
                                                 {"disk-only", 16},
                                                 {"reuse-external", 32},
                                                 {"quiesce", 64},
                                                 {"atomic", 128},
                                                 {"live", 256},
                                                 {"validate", 512},
                                                 {NULL}};
static const struct flag_row checkpoint_flags[] = {
    {"redefine", 1}, {"quiesce", 2}, {"redefine-validate", 4}, {NULL}};

static bool create_from_file(struct cli *cli, const struct arguments *args,
                             enum viv_moment_kind kind, const struct flag_row *flags,
                             const char *standard)
{
    const char *path = arg_text(args, "xmlfile");
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *xml = domain == NULL ? NULL
                           : path != NULL ? cli_file(cli, args, "xmlfile")
                                          : g_strdup(standard);

    return xml != NULL && create(cli, domain, kind, xml, arg_flags(args, flags), path);
}

static bool run_snapshot_create(struct cli *cli, const struct arguments *args)
{
    if (arg_given(args, "current") && !arg_given(args, "redefine")) {
        return cli_fail(cli, "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE' is required by flag "
                             "'VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT'");
    }
    return create_from_file(cli, args, VIV_SNAPSHOT, snapshot_flags, "<domainsnapshot/>");
}

static bool run_checkpoint_create(struct cli *cli, const struct arguments *args)
{
    return arg_requires(cli, args, "redefine-validate", "redefine") &&
           create_from_file(cli, args, VIV_CHECKPOINT, checkpoint_flags, "<domaincheckpoint/>");
}

static bool create_as(struct cli *cli, const struct arguments *args, enum viv_moment_kind kind,
                      const struct flag_row *flags)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *xml = domain == NULL         ? NULL
                           : kind == VIV_SNAPSHOT ? moment_xml_snapshot(cli, args)
                                                  : moment_xml_checkpoint(cli, args);

    if (xml == NULL) {
        return false;
    }
    return arg_given(args, "print-xml")
               ? show_line(cli, "xml", "%s", xml)
               : create(cli, domain, kind, xml, arg_flags(args, flags), NULL);
}

static bool run_snapshot_create_as(struct cli *cli, const struct arguments *args)
{
    return create_as(cli, args, VIV_SNAPSHOT, snapshot_flags);
}

static bool run_checkpoint_create_as(struct cli *cli, const struct arguments *args)
{
    return create_as(cli, args, VIV_CHECKPOINT, checkpoint_flags);
}

static bool remove_moment(struct cli *cli, const struct arguments *args, enum viv_moment_kind kind)
{
    static const struct flag_row flags[] = {
        {"children", 1}, {"metadata", 2}, {"children-only", 4}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment = domain != NULL ? find(cli, args, domain, kind) : NULL;

    if (moment == NULL) {
        return false;
    }
    const char *name = viv_moment_name(moment), *word = words[kind].word;

    if (viv_moment_delete(moment, arg_flags(args, flags), cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to delete %s %s", word, name);
    }
    return arg_given(args, "children-only")
               ? cli_say(cli, "Domain %s %s children deleted\n", word, name)
               : cli_say(cli, "Domain %s %s deleted\n", word, name);
}

static bool run_snapshot_delete(struct cli *cli, const struct arguments *args)
{
    return remove_moment(cli, args, VIV_SNAPSHOT);
}

static bool run_checkpoint_delete(struct cli *cli, const struct arguments *args)
{
    return remove_moment(cli, args, VIV_CHECKPOINT);
}

static bool dump(struct cli *cli, const struct arguments *args, enum viv_moment_kind kind)
{
    static const struct flag_row flags[] = {
        {"security-info", 1}, {"no-domain", 2}, {"size", 4}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment = domain != NULL ? find(cli, args, domain, kind) : NULL;
    unsigned chosen = moment != NULL ? arg_flags(args, flags) : 0;

    return moment != NULL &&
           document_show(cli, args, viv_moment_xml(moment, chosen, cli_error(cli)));
}

static bool run_snapshot_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_SNAPSHOT);
}

static bool run_checkpoint_dumpxml(struct cli *cli, const struct arguments *args)
{
    return dump(cli, args, VIV_CHECKPOINT);
}

/* Name of the parent, to be freed; NULL without one. */
static char *parent_name(struct viv_moment *moment)
{
    auto_moment struct viv_moment *parent = viv_moment_parent(moment, NULL);

    return parent != NULL ? g_strdup(viv_moment_name(parent)) : NULL;
}

static bool show_parent(struct cli *cli, const struct arguments *args, enum viv_moment_kind kind)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment = domain != NULL ? find(cli, args, domain, kind) : NULL;

    if (moment == NULL) {
        return false;
    }
    auto_moment struct viv_moment *parent = viv_moment_parent(moment, cli_error(cli));

    if (parent != NULL) {
        return show_word(cli, "parent", "%s", viv_moment_name(parent));
    }
    int code = viv_error_code(cli->error);

    if (code != NO_SNAPSHOT && code != NO_CHECKPOINT) {
        return false;
    }
    (void)cli_error(cli);
    return cli_fail(cli, "%s '%s' has no parent", words[kind].word, viv_moment_name(moment));
}

static bool run_snapshot_parent(struct cli *cli, const struct arguments *args)
{
    return show_parent(cli, args, VIV_SNAPSHOT);
}

static bool run_checkpoint_parent(struct cli *cli, const struct arguments *args)
{
    return show_parent(cli, args, VIV_CHECKPOINT);
}

static size_t count_children(struct viv_moment *moment, unsigned flags)
{
    size_t n = 0;

    viv_moments_free(viv_moment_children(moment, flags, &n, NULL));
    return n;
}

/* Family: the same words for both. */
static void add_family(struct report *report, struct viv_moment *moment)
{
    g_autofree char *parent = parent_name(moment);

    report_add(report, "Parent:", "%s", parent != NULL ? parent : "-");
    report_add(report, "Children:", "%zu", count_children(moment, 0));
    report_add(report, "Descendants:", "%zu", count_children(moment, DESCENDANTS));
}

static void add_place(struct report *report, struct document *xml)
{
    g_autofree char *state = document_text(xml, NULL, "string(/domainsnapshot/state)");
    bool external = strcmp(state, "disk-snapshot") == 0 ||
                    document_node(xml, NULL,
                                  "/domainsnapshot/memory[@snapshot='external'] | "
                                  "/domainsnapshot/disks/disk[@snapshot='external']") != NULL;

    report_add(report, "State:", "%s", state);
    report_add(report, "Location:", "%s", external ? "external" : "internal");
}

static bool run_snapshot_info(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment =
        domain != NULL ? find(cli, args, domain, VIV_SNAPSHOT) : NULL;
    auto_document struct document *xml =
        moment != NULL ? document_take(viv_moment_xml(moment, 0, cli_error(cli))) : NULL;

    if (xml == NULL) {
        return false;
    }
    struct report *report = report_new("", 15, " ");
    int current = viv_snapshot_is_current(moment, NULL);
    int metadata = viv_snapshot_has_metadata(moment, NULL);

    report_add(report, "Name:", "%s", viv_moment_name(moment));
    report_add(report, "Domain:", "%s", viv_object_name(domain));
    if (current >= 0) {
        report_add(report, "Current:", "%s", current ? "yes" : "no");
    }
    add_place(report, xml);
    add_family(report, moment);
    if (metadata >= 0) {
        report_add(report, "Metadata:", "%s", metadata ? "yes" : "no");
    }
    return report_show(report, cli);
}

static bool run_checkpoint_info(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment =
        domain != NULL ? find(cli, args, domain, VIV_CHECKPOINT) : NULL;

    if (moment == NULL) {
        return false;
    }
    struct report *report = report_new("", 15, " ");

    report_add(report, "Name:", "%s", viv_moment_name(moment));
    report_add(report, "Domain:", "%s", viv_object_name(domain));
    add_family(report, moment);
    return report_show(report, cli);
}

static int compare(const void *a, const void *b)
{
    return strcasecmp(viv_moment_name(*(struct viv_moment *const *)a),
                      viv_moment_name(*(struct viv_moment *const *)b));
}

static void add_row(struct table *table, struct viv_moment *moment, enum viv_moment_kind kind,
                    bool parents)
{
    auto_document struct document *xml = document_take(viv_moment_xml(moment, 0, NULL));

    if (xml == NULL) {
        return; /* gone meanwhile */
    }
    g_autofree char *seconds = document_text(xml, NULL, words[kind].time_path);
    g_autofree char *state = document_text(xml, NULL, "string(/domainsnapshot/state)");
    g_autofree char *parent = document_text(xml, NULL, words[kind].parent_path);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(g_ascii_strtoll(seconds, NULL, 10));
    g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S %z") : NULL;
    const char *when = text != NULL ? text : "", *last = parents ? parent : NULL;

    if (kind == VIV_SNAPSHOT) {
        table_add(table, viv_moment_name(moment), when, state, last, NULL);
    } else {
        table_add(table, viv_moment_name(moment), when, last, NULL);
    }
}

static bool show_list(struct cli *cli, struct viv_moment **moments, enum viv_moment_kind kind,
                      bool parents)
{
    const char *last = parents ? "Parent" : NULL;
    struct table *table = kind == VIV_SNAPSHOT
                              ? table_new("Name", "Creation Time", "State", last, NULL)
                              : table_new("Name", "Creation Time", last, NULL);

    for (; *moments != NULL; moments++) {
        add_row(table, *moments, kind, parents);
    }
    table_show(table, cli);
    return true;
}

static bool show_names(struct cli *cli, struct viv_moment **moments, size_t n)
{
    g_autofree char **names = g_new0(char *, n + 1);

    for (size_t i = 0; i < n; i++) {
        names[i] = (char *)viv_moment_name(moments[i]);
    }
    return show_words(cli, names);
}

/* `from` (or NULL) is the tree's root, and not among the others. */
static bool show_tree(struct cli *cli, struct viv_moment **moments, struct viv_moment *from)
{
    struct tree *tree = tree_new();

    if (from != NULL) {
        tree_add(tree, viv_moment_name(from), NULL);
    }
    for (; *moments != NULL; moments++) {
        g_autofree char *parent = parent_name(*moments);

        tree_add(tree, viv_moment_name(*moments), parent);
    }
    return tree_show(tree, cli);
}

static bool check_list(struct cli *cli, const struct arguments *args)
{
    return arg_exclusive(cli, args, "tree", "name") &&
           arg_exclusive(cli, args, "parent", "roots") &&
           arg_exclusive(cli, args, "parent", "tree") &&
           arg_exclusive(cli, args, "roots", "tree") && arg_exclusive(cli, args, "roots", "from") &&
           arg_exclusive(cli, args, "roots", "current");
}

static bool list(struct cli *cli, const struct arguments *args, enum viv_moment_kind kind,
                 const struct flag_row *flags)
{
    bool tree = arg_given(args, "tree"), below = arg_given(args, "descendants");
    bool current = words[kind].current && arg_given(args, "current");
    unsigned chosen = arg_flags(args, flags);
    size_t n = 0;

    if (!check_list(cli, args)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (below && !arg_given(args, "from") && !current) {
        return cli_fail(cli, words[kind].current
                                 ? "--descendants requires either --from or --current"
                                 : "--descendants requires --from");
    }
    auto_moment struct viv_moment *from =
        arg_given(args, "from")
            ? viv_moment_find(domain, kind, arg_text(args, "from"), cli_error(cli))
        : current ? viv_snapshot_current(domain, cli_error(cli))
                  : NULL;

    if (from == NULL && (arg_given(args, "from") || current)) {
        return false;
    }
    chosen |= from != NULL && (below || tree) ? DESCENDANTS : 0;
    struct viv_moment **moments = from != NULL
                                      ? viv_moment_children(from, chosen, &n, cli_error(cli))
                                      : viv_moments(domain, kind, chosen, &n, cli_error(cli));

    if (moments == NULL) {
        return false;
    }
    if (!arg_given(args, "topological")) {
        qsort(moments, n, sizeof(*moments), compare);
    }
    bool good = tree ? show_tree(cli, moments, from)
                : arg_given(args, "name")
                    ? show_names(cli, moments, n)
                    : show_list(cli, moments, kind, arg_given(args, "parent"));

    viv_moments_free(moments);
    return good;
}

static bool run_snapshot_list(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"roots", 1},        {"metadata", 2},   {"leaves", 4},         {"no-leaves", 8},
        {"no-metadata", 16}, {"inactive", 32},  {"active", 64},        {"disk-only", 128},
        {"internal", 256},   {"external", 512}, {"topological", 1024}, {NULL}};

    return list(cli, args, VIV_SNAPSHOT, flags);
}

static bool run_checkpoint_list(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"roots", 1}, {"topological", 2}, {"leaves", 4}, {"no-leaves", 8}, {NULL}};

    return list(cli, args, VIV_CHECKPOINT, flags);
}

static bool run_snapshot_revert(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {
        {"running", 1}, {"paused", 2}, {"force", 4}, {"reset-nvram", 8}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_moment struct viv_moment *moment =
        domain != NULL ? find(cli, args, domain, VIV_SNAPSHOT) : NULL;

    if (moment == NULL) {
        return false;
    }
    return viv_snapshot_revert(moment, arg_flags(args, flags), cli_error(cli)) == 0
               ? cli_say(cli, "Domain snapshot %s reverted\n", viv_moment_name(moment))
               : cli_fail(cli, "Failed to revert snapshot %s", viv_moment_name(moment));
}

/* A named one is made current: defined again as it is. */
static bool set_current(struct cli *cli, struct viv_object *domain, const char *name)
{
    const unsigned redefine_current = 1 | 2, secrets = 1;
    auto_moment struct viv_moment *moment =
        viv_moment_find(domain, VIV_SNAPSHOT, name, cli_error(cli));
    char *xml = moment != NULL ? viv_moment_xml(moment, secrets, cli_error(cli)) : NULL;
    auto_moment struct viv_moment *made =
        xml != NULL ? viv_moment_create(domain, VIV_SNAPSHOT, xml, redefine_current, cli_error(cli))
                    : NULL;

    viv_free(xml);
    return made != NULL && cli_say(cli, "Snapshot %s set as current", name);
}

static bool run_snapshot_current(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"security-info", 1}, {NULL}};

    if (!arg_exclusive(cli, args, "name", "snapshotname")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (arg_given(args, "snapshotname")) {
        return set_current(cli, domain, arg_text(args, "snapshotname"));
    }
    int has = viv_snapshot_has_current(domain, cli_error(cli));

    if (has <= 0) {
        return has == 0 &&
               cli_fail(cli, "domain '%s' has no current snapshot", viv_object_name(domain));
    }
    auto_moment struct viv_moment *moment = viv_snapshot_current(domain, cli_error(cli));

    if (moment == NULL) {
        return false;
    }
    return arg_given(args, "name")
               ? show_word(cli, "name", "%s", viv_moment_name(moment))
               : show_text(cli, "xml",
                           viv_moment_xml(moment, arg_flags(args, flags), cli_error(cli)));
}

static bool run_backup_begin(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"reuse-external", 1}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    bool given = arg_given(args, "backupxml"), with = arg_given(args, "checkpointxml");
    g_autofree char *xml = domain == NULL ? NULL
                           : given        ? cli_file(cli, args, "backupxml")
                                          : g_strdup("<domainbackup/>");
    g_autofree char *checkpoint = xml != NULL && with ? cli_file(cli, args, "checkpointxml") : NULL;

    if (xml == NULL || (with && checkpoint == NULL)) {
        return false;
    }
    return viv_backup_begin(domain, xml, checkpoint, arg_flags(args, flags), cli_error(cli)) == 0 &&
           cli_say(cli, "Backup started\n");
}

static bool run_backup_dumpxml(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL && document_show(cli, args, viv_backup_xml(domain, 0, cli_error(cli)));
}

const struct verb moment_verbs[] = {
    {"backup-begin", run_backup_begin},
    {"backup-dumpxml", run_backup_dumpxml},
    {"checkpoint-create", run_checkpoint_create},
    {"checkpoint-create-as", run_checkpoint_create_as},
    {"checkpoint-delete", run_checkpoint_delete},
    {"checkpoint-dumpxml", run_checkpoint_dumpxml},
    {"checkpoint-info", run_checkpoint_info},
    {"checkpoint-list", run_checkpoint_list},
    {"checkpoint-parent", run_checkpoint_parent},
    {"snapshot-create", run_snapshot_create},
    {"snapshot-create-as", run_snapshot_create_as},
    {"snapshot-current", run_snapshot_current},
    {"snapshot-delete", run_snapshot_delete},
    {"snapshot-dumpxml", run_snapshot_dumpxml},
    {"snapshot-info", run_snapshot_info},
    {"snapshot-list", run_snapshot_list},
    {"snapshot-parent", run_snapshot_parent},
    {"snapshot-revert", run_snapshot_revert},
    {NULL},
};
