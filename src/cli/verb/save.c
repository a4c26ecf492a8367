/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that put a domain's memory into files, and take it from there. */
#include "cli/command.h"
#include "cli/document.h"
#include "cli/progress.h"

#include <string.h>
#include <viv/save.h>

static const struct flag_row save_flags[] = {
    {"bypass-cache", 1}, {"running", 2}, {"paused", 4}, {"reset-nvram", 8}, {NULL}};

static int save(const struct progress_work *work, struct viv_error **ret_error)
{
    return viv_domain_save(work->domain, work->path, work->xml, work->flags, ret_error);
}

static int keep(const struct progress_work *work, struct viv_error **ret_error)
{
    return viv_domain_keep(work->domain, work->flags, ret_error);
}

static int dump(const struct progress_work *work, struct viv_error **ret_error)
{
    return viv_domain_dump(work->domain, work->path, work->format, work->flags, ret_error);
}

static bool run_save(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "file");
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *xml = arg_given(args, "xml") ? cli_file(cli, args, "xml") : NULL;
    const struct progress_work work = {domain, full, xml, 0, arg_flags(args, save_flags)};

    if (arg_given(args, "xml") && xml == NULL) {
        return false;
    }
    return progress_run(cli, "Save", arg_given(args, "verbose"), &work, save) == 0
               ? cli_say(cli, "\nDomain '%s' saved to %s\n", viv_object_name(domain), path)
               : cli_fail(cli, "Failed to save domain '%s' to %s", viv_object_name(domain), path);
}

static bool run_restore(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "file");
    g_autofree char *full = g_canonicalize_filename(path, NULL);

    if (cli_connection(cli) == NULL) {
        return false;
    }
    g_autofree char *xml = arg_given(args, "xml") ? cli_file(cli, args, "xml") : NULL;

    if (arg_given(args, "xml") && xml == NULL) {
        return false;
    }
    return viv_restore(cli->connection, full, xml, arg_flags(args, save_flags), cli_error(cli)) == 0
               ? cli_say(cli, "Domain restored from %s\n", path)
               : cli_fail(cli, "Failed to restore domain from %s", path);
}

static bool run_save_image_dumpxml(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"security-info", 1}, {NULL}};
    g_autofree char *full = g_canonicalize_filename(arg_text(args, "file"), NULL);

    return cli_connection(cli) != NULL &&
           document_show(
               cli, args,
               viv_saved_xml(cli->connection, full, arg_flags(args, flags), cli_error(cli)));
}

static bool run_save_image_define(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "file");
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    g_autofree char *xml = cli_connection(cli) != NULL ? cli_file(cli, args, "xml") : NULL;

    if (xml == NULL) {
        return false;
    }
    return viv_set_saved_xml(cli->connection, full, xml, arg_flags(args, save_flags),
                             cli_error(cli)) == 0
               ? cli_say(cli, "State file %s updated.\n", path)
               : cli_fail(cli, "Failed to update %s", path);
}

static bool run_managedsave(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    const struct progress_work work = {domain, NULL, NULL, 0, arg_flags(args, save_flags)};

    if (domain == NULL) {
        return false;
    }
    return progress_run(cli, "Managedsave", arg_given(args, "verbose"), &work, keep) == 0
               ? cli_say(cli, "\nDomain '%s' state saved by libvirt\n", viv_object_name(domain))
               : cli_fail(cli, "Failed to save domain '%s' state", viv_object_name(domain));
}

static bool run_managedsave_remove(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    int saved = domain != NULL ? viv_domain_has_saved(domain, cli_error(cli)) : -1;

    if (domain == NULL) {
        return false;
    }
    if (saved < 0) {
        return cli_fail(cli, "Failed to check for domain managed save image");
    }
    if (saved == 0) {
        return cli_say(cli, "Domain '%s' has no manage save image; removal skipped",
                       viv_object_name(domain));
    }
    return viv_domain_drop_kept(domain, 0, cli_error(cli)) == 0
               ? cli_say(cli, "Removed managedsave image for domain '%s'", viv_object_name(domain))
               : cli_fail(cli, "Failed to remove managed save image for domain '%s'",
                          viv_object_name(domain));
}

static bool run_managedsave_dumpxml(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"security-info", 1}, {NULL}};
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    return domain != NULL &&
           document_show(cli, args,
                         viv_domain_kept_xml(domain, arg_flags(args, flags), cli_error(cli)));
}

static bool run_managedsave_define(struct cli *cli, const struct arguments *args)
{
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *xml = domain != NULL ? cli_file(cli, args, "xml") : NULL;

    if (xml == NULL) {
        return false;
    }
    return viv_domain_set_kept_xml(domain, xml, arg_flags(args, save_flags), cli_error(cli)) == 0
               ? cli_say(cli, "Managed save state file of domain '%s' updated.\n",
                         viv_object_name(domain))
               : cli_fail(cli, "Failed to update %s XML configuration", viv_object_name(domain));
}

/* libvirt's number of a format; false with a message. */
static bool take_format(struct cli *cli, const struct arguments *args, unsigned *ret_format)
{
    static const char *const formats[] = {"elf",          "kdump-zlib", "kdump-lzo",
                                          "kdump-snappy", "win-dmp",    NULL};
    const char *word = arg_text(args, "format");
    int format = word != NULL ? word_index(formats, word) : 0;

    if (word != NULL && !arg_given(args, "memory-only")) {
        return cli_fail(cli, "--format only works with --memory-only");
    }
    if (format < 0) {
        return cli_fail(cli,
                        "format '%s' is not supported, expecting 'kdump-zlib', 'kdump-lzo', "
                        "'kdump-snappy', 'win-dmp' or 'elf'",
                        word);
    }
    *ret_format = (unsigned)format;
    return true;
}

static bool run_dump(struct cli *cli, const struct arguments *args)
{
    static const struct flag_row flags[] = {{"crash", 1}, {"live", 2},         {"bypass-cache", 4},
                                            {"reset", 8}, {"memory-only", 16}, {NULL}};
    const char *path = arg_text(args, "file");
    unsigned format;

    if (!arg_exclusive(cli, args, "live", "crash") || !arg_exclusive(cli, args, "live", "reset") ||
        !arg_exclusive(cli, args, "crash", "reset")) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL || !take_format(cli, args, &format)) {
        return false;
    }
    g_autofree char *full = g_canonicalize_filename(path, NULL);
    const struct progress_work work = {domain, full, NULL, format, arg_flags(args, flags)};

    return progress_run(cli, "Dump", arg_given(args, "verbose"), &work, dump) == 0
               ? cli_say(cli, "\nDomain '%s' dumped to %s\n", viv_object_name(domain), path)
               : cli_fail(cli, "Failed to core dump domain '%s' to %s", viv_object_name(domain),
                          path);
}

const struct verb save_verbs[] = {
    {"dump", run_dump},
    {"managedsave", run_managedsave},
    {"managedsave-define", run_managedsave_define},
    {"managedsave-dumpxml", run_managedsave_dumpxml},
    {"managedsave-remove", run_managedsave_remove},
    {"restore", run_restore},
    {"save", run_save},
    {"save-image-define", run_save_image_define},
    {"save-image-dumpxml", run_save_image_dumpxml},
    {NULL},
};
