/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain: what an error is about, and what helps. */
#include "cli/own/own.h"
#include "cli/table.h"

#include <string.h>
#include <viv/error.h>

static const struct explain_row {
    const char *name, *meaning, *help;
} explain_rows[] = {
#define _(NAME, meaning, help) {"VIR_ERR_" #NAME, meaning, help},
#include "cli/own/explain.inc"
#undef _
};

/* Devices by the options of virt-xml, and what else of a definition it can take away. */
static const char *const removable[] = {
    "channel",  "console",   "controller", "disk",       "filesystem", "graphics", "hostdev",
    "input",    "interface", "iommu",      "memballoon", "memory",     "panic",    "parallel",
    "redirdev", "rng",       "serial",     "shmem",      "smartcard",  "sound",    "tpm",
    "video",    "vsock",     "watchdog",   NULL};
static const struct {
    const char *element, *option;
} clearable[] = {
    {"blkiotune", "blkiotune"},
    {"cputune", "cputune"},
    {"genid", "metadata"},
    {"idmap", "idmap"},
    {"launchSecurity", "launchSecurity"},
    {"memoryBacking", "memorybacking"},
    {"memtune", "memtune"},
    {"numatune", "numatune"},
    {"perf", "perf"},
    {"resource", "resource"},
    {"seclabel", "seclabel"},
    {"sysinfo", "sysinfo"},
};

static const struct explain_row *find_row(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(explain_rows); i++) {
        if (name != NULL && strcmp(explain_rows[i].name, name) == 0) {
            return &explain_rows[i];
        }
    }
    return NULL;
}

/* The number, name or message that the words are; 0 for none. */
static int code_of(const char *text)
{
    guint64 number;

    if (g_str_has_prefix(text, "error: ")) {
        text += strlen("error: ");
    }
    if (g_ascii_string_to_unsigned(text, 10, 1, INT32_MAX, &number, NULL)) {
        return viv_code_name((int)number) != NULL ? (int)number : 0;
    }
    return viv_code_of(text);
}

/* The command that takes an element away, or NULL; to be freed. */
static char *removal(const char *element, const char *domain)
{
    if (word_index(removable, element) >= 0) {
        return g_strdup_printf("virt-xml %s --remove-device --%s all", domain, element);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(clearable); i++) {
        if (strcmp(clearable[i].element, element) == 0) {
            return g_strdup_printf("virt-xml %s --edit --%s clearxml=yes", domain,
                                   clearable[i].option);
        }
    }
    return NULL;
}

/* Commands that take away what a message names as <element ...>; to be freed. */
static char *removals(const char *text, const char *domain)
{
    GString *lines = g_string_new(NULL);

    for (const char *p = strchr(text, '<'); p != NULL; p = strchr(p + 1, '<')) {
        size_t length = strspn(p + 1, G_CSET_a_2_z G_CSET_A_2_Z);
        g_autofree char *element = g_strndup(p + 1, length);
        g_autofree char *line = removal(element, domain);

        if (line != NULL && strstr(lines->str, line) == NULL) {
            g_string_append_printf(lines, "%s%s", lines->len > 0 ? "; " : "", line);
        }
    }
    return g_string_free(lines, FALSE);
}

bool own_explain(struct cli *cli, const struct arguments *args)
{
    g_autofree char *text = g_strjoinv(" ", arg_words(args, "error"));
    const char *domain = arg_given(args, "domain") ? arg_text(args, "domain") : "DOMAIN";
    int code = code_of(text);
    const struct explain_row *row = find_row(viv_code_name(code));

    if (code == 0) {
        return cli_fail(
            cli, "'%s' is no error that is known: give its number, its name or its message", text);
    }
    struct fields *fields = fields_new(12);
    g_autofree char *mends = removals(text, domain);

    fields_add(fields, "Code", "%d", code);
    fields_add(fields, "Name", "%s", viv_code_name(code));
    fields_add(fields, "Words", "%s", viv_code_words(code));
    if (row != NULL) {
        fields_add(fields, "Meaning", "%s", row->meaning);
        fields_add(fields, "Help", "%s", row->help);
    }
    if (*mends != '\0') {
        fields_add(fields, "Command", "%s", mends);
    }
    fields_show(fields, cli);
    return true;
}
