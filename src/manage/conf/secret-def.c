/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/secret-def.h"

#include "manage/conf/fault.h"

#include <string.h>

/* By libvirt's numbers. */
static const struct {
    const char *type, *element, *without;
} usages[] = {
    {"none", NULL, NULL},
    {"volume", "volume", "volume usage specified, but volume path is missing"},
    {"ceph", "name", "Ceph usage specified, but name is missing"},
    {"iscsi", "target", "iSCSI usage specified, but target is missing"},
    {"tls", "name", "TLS usage specified, but name is missing"},
    {"vtpm", "name", "vTPM usage specified, but name is missing"},
};

static int number_of(const char *type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(usages); i++) {
        if (g_strcmp0(usages[i].type, type) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool secret_def_begin(struct xml *root, GError **error)
{
    static const char *const names[] = {"ephemeral", "private"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = xml_get(root, names[i]);

        if (value != NULL && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            return fault_set(error, FAULT_XML_ERROR, "invalid value of '%s'", names[i]);
        }
    }
    return true;
}

static bool check_usage(const struct xml *usage, GError **error)
{
    const char *type = xml_get(usage, "type");
    int n = number_of(type);

    if (usage == NULL) {
        return true;
    }
    if (type == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "unknown secret usage type");
    }
    if (n < 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown secret usage type %s", type);
    }
    return usages[n].element == NULL || xml_text_at(usage, usages[n].element) != NULL ||
           fault_set(error, FAULT_INTERNAL_ERROR, "%s", usages[n].without);
}

static bool is_known(const char *attribute, const void *user)
{
    return strcmp(attribute, "xmlns") == 0;
}

bool secret_def_fill(struct xml *root, GError **error)
{
    const char *description, *id;
    bool ephemeral = secret_def_ephemeral(root), hidden = secret_def_private(root);
    struct xml *usage;
    int n;

    if (!check_usage(xml_find(root, "usage"), error)) {
        return false;
    }
    g_autoptr(xml_own) old = xml_copy(root);
    g_autofree char *uuid = g_strdup(xml_text_at(root, "uuid"));

    description = xml_text_at(old, "description");
    n = secret_def_usage(old, &id);
    while (xml_child(root, 0) != NULL) {
        xml_drop(xml_child(root, 0));
    }
    xml_filter(root, is_known, NULL);
    xml_set(root, "ephemeral", ephemeral ? "yes" : "no");
    xml_set(root, "private", hidden ? "yes" : "no");
    xml_add(root, "uuid", "%s", uuid);
    if (description != NULL) {
        xml_add(root, "description", "%s", description);
    }
    if (n > 0) {
        usage = xml_append(root, xml_new("usage"));
        xml_set(usage, "type", usages[n].type);
        xml_add(usage, usages[n].element, "%s", id);
    }
    return true;
}

int secret_def_usage(const struct xml *root, const char **ret_id)
{
    const struct xml *usage = xml_find(root, "usage");
    int n = number_of(xml_get(usage, "type"));

    *ret_id = n > 0 ? xml_text_at(usage, usages[n].element) : "";
    return n > 0 ? n : 0;
}

bool secret_def_ephemeral(const struct xml *root)
{
    return xml_is(root, "ephemeral", "yes");
}

bool secret_def_private(const struct xml *root)
{
    return xml_is(root, "private", "yes");
}
