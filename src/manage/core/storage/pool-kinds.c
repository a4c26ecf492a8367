/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which types of storage pool there are, and which of them start here: pools that are folders.
 * Names of formats are libvirt's (9.0).
 */
#include "manage/conf/fault.h"
#include "manage/conf/pool-def.h"
#include "manage/core/handlers.h"

#include <string.h>

static const char *const of_files[] = {"none", "raw",  "dir",   "bochs", "cloop", "dmg",
                                       "iso",  "vpc",  "vdi",   "fat",   "vhd",   "ploop",
                                       "cow",  "qcow", "qcow2", "qed",   "vmdk",  NULL};
static const char *const of_parts[] = {"none",      "linux",      "fat16",    "fat32", "linux-swap",
                                       "linux-lvm", "linux-raid", "extended", NULL};

/* In the order in which libvirt tells them. */
static const struct {
    const char *name;
    bool supported;
    const char *const *volumes; /* formats of its volumes; NULL: they have none */
    const char *usual;          /* of those */
} kinds[] = {
    {"dir", true, of_files, "raw"},      {"fs", false, of_files, "raw"},
    {"netfs", false, of_files, "raw"},   {"logical", false, NULL, NULL},
    {"disk", false, of_parts, "none"},   {"iscsi", false, NULL, NULL},
    {"iscsi-direct", false, NULL, NULL}, {"scsi", false, NULL, NULL},
    {"mpath", false, NULL, NULL},        {"rbd", false, (const char *const[]){NULL}, "raw"},
    {"sheepdog", false, NULL, NULL},     {"gluster", false, of_files, "raw"},
    {"zfs", false, NULL, NULL},          {"vstorage", false, of_files, "raw"},
};

static void add_options(GString *out, const char *options, const char *usual, const char *list,
                        const char *const *formats)
{
    g_string_append_printf(out,
                           "    <%s>\n      <defaultFormat type='%s'/>\n      <enum name='%s'>\n",
                           options, usual, list);
    for (; *formats != NULL; formats++) {
        g_string_append_printf(out, "        <value>%s</value>\n", *formats);
    }
    g_string_append_printf(out, "      </enum>\n    </%s>\n", options);
}

bool pool_get_capabilities(struct call *call, GError **error)
{
    g_autoptr(GString) out = g_string_new("<storagepoolCapabilities>\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *usual = NULL;
        const char *const *formats = pool_def_formats(kinds[i].name, &usual);

        g_string_append_printf(out, "  <pool type='%s' supported='%s'>\n", kinds[i].name,
                               kinds[i].supported ? "yes" : "no");
        if (formats != NULL) {
            add_options(out, "poolOptions", usual, "sourceFormatType", formats);
        }
        if (kinds[i].volumes != NULL) {
            add_options(out, "volOptions", kinds[i].usual, "targetFormatType", kinds[i].volumes);
        }
        g_string_append(out, "  </pool>\n");
    }
    g_string_append(out, "</storagepoolCapabilities>\n");
    return call_reply_string(call, out->str);
}

bool pool_find_sources(struct call *call, GError **error)
{
    static const char *const looked_for[] = {"netfs",        "logical", "iscsi",
                                             "iscsi-direct", "gluster", NULL};
    const char *type = call_string(call, 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].name, type) == 0) {
            return g_strv_contains(looked_for, type)
                       ? fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                                   "finding sources of pools of type '%s' is not built yet", type)
                       : fault_set(error, FAULT_NO_SUPPORT,
                                   "pool type '%s' does not support source discovery", type);
        }
    }
    return fault_set(error, FAULT_INTERNAL_ERROR, "unknown storage pool type %s", type);
}
