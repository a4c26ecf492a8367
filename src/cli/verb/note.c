/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands on what people write to a domain: title, description, metadata. */
#include "cli/command.h"
#include "cli/report.h"

#include <string.h>
#include <viv/domain.h>

#define NO_METADATA 80

static bool show_note(struct cli *cli, struct viv_object *domain, bool title, unsigned affect)
{
    char *text = viv_domain_note(domain, title, affect, cli_error(cli));

    if (text == NULL && viv_error_code(cli->error) != NO_METADATA) {
        return false;
    }
    if (text == NULL || *text == '\0') {
        viv_free(text);
        return cli_say(cli, title ? "No title for domain: %s" : "No description for domain: %s",
                       viv_object_name(domain));
    }
    show_line(cli, title ? "title" : "description", "%s", text);
    viv_free(text);
    return true;
}

static bool run_desc(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"edit", NULL};
    bool title = arg_given(args, "title");
    char **words = arg_words(args, "new-desc");
    unsigned affect;

    if (!cli_affect(cli, args, &affect) || !arg_unbuilt(cli, args, missing)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (words == NULL) {
        return show_note(cli, domain, title, affect);
    }
    g_autofree char *text = g_strjoinv(" ", words);

    return viv_domain_set_note(domain, title, text, affect, cli_error(cli)) == 0
               ? cli_say(cli, "Domain %s updated successfully", title ? "title" : "description")
               : cli_fail(cli, "Failed to set new domain %s", title ? "title" : "description");
}

static bool run_metadata(struct cli *cli, const struct arguments *args)
{
    static const char *const missing[] = {"edit", NULL};
    const char *uri = arg_text(args, "uri"), *set = arg_text(args, "set");
    const char *key = arg_text(args, "key");
    bool off = arg_given(args, "remove");
    unsigned affect;

    if (!cli_affect(cli, args, &affect) || !arg_exclusive(cli, args, "edit", "set") ||
        !arg_exclusive(cli, args, "remove", "set") || !arg_exclusive(cli, args, "remove", "edit") ||
        !arg_unbuilt(cli, args, missing)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    if (set != NULL && key == NULL) {
        return cli_fail(cli, "namespace key is required when modifying metadata");
    }
    if (set != NULL || off) {
        return viv_domain_set_metadata(domain, set, key, uri, affect, cli_error(cli)) == 0 &&
               cli_say(cli, off ? "Metadata removed\n" : "Metadata modified\n");
    }
    char *text = viv_domain_metadata(domain, uri, affect, cli_error(cli));

    if (text == NULL) {
        return false;
    }
    show_line(cli, "metadata", "%s", text);
    viv_free(text);
    return true;
}

const struct verb note_verbs[] = {
    {"desc", run_desc},
    {"metadata", run_metadata},
    {NULL},
};
