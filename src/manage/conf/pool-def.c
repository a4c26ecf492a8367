/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/conf/pool-def.h"

#include "manage/conf/fault.h"

#include <string.h>

/* Parts of a source, in the order in which it is written. */
enum part {
    HOST = 1 << 0,
    DEVICE = 1 << 1,
    FOLDER = 1 << 2,
    ADAPTER = 1 << 3,
    NAME = 1 << 4,
    INITIATOR = 1 << 5,
    AUTH = 1 << 6,
    FORMAT = 1 << 7,
    PATH = 1 << 8, /* of the target */
};

static const char *const of_fs[] = {"auto",    "ext2", "ext3",  "ext4", "ufs",
                                    "iso9660", "udf",  "gfs",   "gfs2", "vfat",
                                    "hfs+",    "xfs",  "ocfs2", "vmfs", NULL};
static const char *const of_netfs[] = {"auto", "nfs", "glusterfs", "cifs", NULL};
static const char *const of_disk[] = {"unknown", "dos",  "dvh", "gpt",  "mac",
                                      "bsd",     "pc98", "sun", "lvm2", NULL};
static const char *const of_logical[] = {"unknown", "lvm2", NULL};

/* In the order of libvirt's filters of listing. */
static const struct type {
    const char *name;
    unsigned has, needs;
    const char *const *formats;
    const char *folder; /* its target is there, under its source's name */
    unsigned usual;     /* which of the formats */
} types[] = {
    {"dir", PATH, PATH, NULL, NULL},
    {"fs", DEVICE | FORMAT | PATH, DEVICE | PATH, of_fs, NULL},
    {"netfs", HOST | FOLDER | FORMAT | PATH, HOST | FOLDER | PATH, of_netfs, NULL},
    {"logical", DEVICE | NAME | FORMAT | PATH, 0, of_logical, "/dev", 1},
    {"disk", DEVICE | FORMAT | PATH, DEVICE | PATH, of_disk, NULL},
    {"iscsi", HOST | DEVICE | INITIATOR | AUTH | PATH, HOST | PATH, NULL, NULL},
    {"scsi", ADAPTER | PATH, ADAPTER | PATH, NULL, NULL},
    {"mpath", PATH, PATH, NULL, NULL},
    {"rbd", HOST | NAME | AUTH, HOST, NULL, NULL},
    {"sheepdog", HOST | NAME, HOST, NULL, NULL},
    {"gluster", HOST | FOLDER | NAME, HOST, NULL, NULL},
    {"zfs", DEVICE | NAME | PATH, 0, NULL, "/dev/zvol"},
    {"vstorage", NAME | PATH, PATH, NULL, NULL},
    {"iscsi-direct", HOST | DEVICE | INITIATOR | AUTH, HOST, NULL, NULL},
};

static const struct {
    enum part part; /* 0: any type has it */
    const char *element;
    const char *must_have, *without; /* an attribute, and what is said when it is not there */
} parts[] = {
    {HOST, "host", "name", "missing storage pool host name"},
    {DEVICE, "device", "path", "missing storage pool source device path"},
    {FOLDER, "dir", NULL, NULL},
    {ADAPTER, "adapter", NULL, NULL},
    {NAME, "name", NULL, NULL},
    {INITIATOR, "initiator", NULL, NULL},
    {AUTH, "auth", NULL, NULL},
    {FORMAT, "format", NULL, NULL},
    {0, "protocol", NULL, NULL},
    {0, "vendor", NULL, NULL},
    {0, "product", NULL, NULL},
};

static const struct type *type_of(const struct xml *root)
{
    const char *name = xml_get(root, "type");

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_strcmp0(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

int pool_def_number(const struct xml *root)
{
    const struct type *type = type_of(root);

    return type != NULL ? (int)(type - types) : -1;
}

const char *const *pool_def_formats(const char *name, const char **ret_usual)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0 && types[i].formats != NULL) {
            *ret_usual = types[i].formats[types[i].usual];
            return types[i].formats;
        }
    }
    return NULL;
}

static char *clean(const char *path)
{
    GString *out = g_string_new(NULL);

    for (const char *c = path; *c != '\0'; c++) {
        if (*c != '/' || (c[1] != '/' && (c[1] != '\0' || out->len == 0))) {
            g_string_append_c(out, *c);
        }
    }
    return g_string_free(out, FALSE);
}

static bool check_port(const struct xml *host, GError **error)
{
    const char *port = xml_get(host, "port");
    gint64 value;

    return port == NULL || g_ascii_string_to_signed(port, 10, G_MININT, G_MAXINT, &value, NULL) ||
           fault_set(error, FAULT_XML_ERROR,
                     "Invalid value for attribute 'port' in element 'host': '%s'. Expected "
                     "integer value",
                     port);
}

static bool check_source(const struct type *type, const struct xml *source, GError **error)
{
    const char *format = xml_get(xml_find(source, "format"), "type");
    const char *auth = xml_get(xml_find(source, "auth"), "type");

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        const char *name = parts[i].element;

        for (const struct xml *n = xml_find(source, name); n != NULL;
             n = xml_next(source, name, n)) {
            if (parts[i].must_have != NULL && xml_get(n, parts[i].must_have) == NULL) {
                return fault_set(error, FAULT_XML_ERROR, "%s", parts[i].without);
            }
            if (parts[i].part == HOST && !check_port(n, error)) {
                return false;
            }
        }
    }
    if (auth != NULL && strcmp(auth, "chap") != 0 && strcmp(auth, "ceph") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown auth type '%s'", auth);
    }
    return type->formats == NULL || format == NULL || g_strv_contains(type->formats, format) ||
           fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown pool format type %s", format);
}

bool pool_def_begin(struct xml *root, GError **error)
{
    const struct type *type = type_of(root);
    const struct xml *source = xml_find(root, "source");
    const char *name = xml_get(root, "type");

    if (name == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Missing required attribute 'type' in element 'pool'");
    }
    if (type == NULL) {
        return fault_set(error, FAULT_XML_ERROR,
                         "Invalid value for attribute 'type' in element 'pool': '%s'.", name);
    }
    if (!check_source(type, source, error)) {
        return false;
    }
    name = xml_text_at(source, "name");
    if (xml_find(root, "name") == NULL && (type->has & NAME) != 0 && name != NULL) {
        xml_set_text(xml_insert(root, 0, xml_new("name")), name);
    }
    return true;
}

/* What is missing, in the order in which libvirt looks. */
static bool check_needs(const struct type *type, const struct xml *root, GError **error)
{
    const struct xml *source = xml_find(root, "source");
    const struct {
        unsigned part;
        bool there;
        const char *words;
    } rows[] = {
        {HOST, xml_find(source, "host") != NULL, "missing storage pool source host name"},
        {DEVICE, xml_find(source, "device") != NULL, "missing storage pool source device name"},
        {FOLDER, xml_get(xml_find(source, "dir"), "path") != NULL,
         "missing storage pool source path"},
        {ADAPTER, xml_find(source, "adapter") != NULL, "missing storage pool source adapter"},
        {PATH, xml_text_at(root, "target/path") != NULL, "missing storage pool target path"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if ((type->needs & rows[i].part) != 0 && !rows[i].there) {
            return fault_set(error, FAULT_XML_ERROR, "%s", rows[i].words);
        }
    }
    if (strcmp(type->name, "rbd") == 0 && xml_text_at(source, "name") == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "element 'name' is mandatory for RBD pool");
    }
    if (strcmp(type->name, "iscsi-direct") == 0 && xml_at(source, "initiator/iqn") == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "missing initiator IQN");
    }
    return true;
}

/* What a type has where the definition says nothing. */
static void fill_source(const struct type *type, const struct xml *root, struct xml *source)
{
    struct xml *dir = xml_find(source, "dir"), *adapter = xml_find(source, "adapter");

    if ((type->has & NAME) != 0 && xml_text_at(source, "name") == NULL) {
        xml_set_text(xml_need(source, "name"), xml_text_at(root, "name"));
    }
    if (type->formats != NULL) {
        xml_default(xml_need(source, "format"), "type", type->formats[type->usual]);
    }
    if (adapter != NULL && xml_get(adapter, "type") == NULL) {
        g_autofree char *name = g_strdup(xml_get(adapter, "name"));

        xml_set(adapter, "name", NULL);
        xml_set(adapter, "type", "scsi_host");
        xml_set(adapter, "name", name);
    }
    if (strcmp(type->name, "gluster") == 0) {
        dir = xml_need(source, "dir");
        xml_default(dir, "path", "/");
    }
    if (xml_get(dir, "path") != NULL) {
        g_autofree char *path = clean(xml_get(dir, "path"));

        xml_set(dir, "path", path);
    }
}

/* <source> anew: only what its type has, in order. Attributes of a host or a device that tell of a
 * past look at it (freeExtent) go with what is below them. */
static struct xml *order_source(const struct type *type, struct xml *old)
{
    struct xml *source = xml_new("source");

    source->open = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        struct xml *node;

        while ((node = xml_find(old, parts[i].element)) != NULL) {
            xml_take(node);
            if (parts[i].part != 0 && (type->has & parts[i].part) == 0) {
                xml_free(node);
            } else {
                xml_append(source, node);
            }
        }
    }
    return source;
}

static bool check_number(const struct xml *from, const char *name, unsigned base, gint64 least,
                         gint64 most, const char *words, GError **error)
{
    const char *text = xml_text_at(from, name);
    gint64 value;

    return text == NULL || g_ascii_string_to_signed(text, base, least, most, &value, NULL) ||
           fault_set(error, FAULT_XML_ERROR, "%s", words);
}

static bool fill_permissions(struct xml *target, struct xml *old, GError **error)
{
    static const char *const order[] = {"mode", "owner", "group", "label"};
    struct xml *node = NULL;

    if (!check_number(old, "mode", 8, 0, 07777, "malformed octal mode", error) ||
        !check_number(old, "owner", 10, -1, G_MAXUINT32, "malformed owner element", error) ||
        !check_number(old, "group", 10, -1, G_MAXUINT32, "malformed group element", error)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        const char *text = xml_text_at(old, order[i]);

        if (text != NULL && *text != '\0' && strcmp(text, "-1") != 0) {
            node = node != NULL ? node : xml_append(target, xml_new("permissions"));
            xml_add(node, order[i], "%s", text);
        }
    }
    return true;
}

/* <target> anew, in its place; a type without a path has none. */
static bool fill_target(const struct type *type, struct xml *root, GError **error)
{
    g_autoptr(xml_own) old =
        xml_find(root, "target") != NULL ? xml_take(xml_find(root, "target")) : xml_new("target");
    const char *given = xml_text_at(old, "path");
    struct xml *refresh = xml_find(root, "refresh"), *target;
    g_autofree char *path = type->folder != NULL ? g_strdup_printf("%s/%s", type->folder,
                                                                   xml_text_at(root, "source/name"))
                            : given != NULL      ? clean(given)
                                                 : NULL;
    guint at = G_MAXUINT;

    if ((type->has & PATH) == 0) {
        return true;
    }
    target = xml_new("target");
    if (refresh != NULL) {
        (void)g_ptr_array_find(root->children, refresh, &at);
    }
    xml_insert(root, at, target);
    xml_add(target, "path", "%s", path);
    return fill_permissions(target, xml_find(old, "permissions"), error);
}

static bool keeps(const char *element)
{
    static const char *const names[] = {"name",     "uuid",   "capacity", "allocation", "available",
                                        "features", "source", "target",   "refresh",    NULL};

    return g_strv_contains(names, element);
}

bool pool_def_fill(struct xml *root, GError **error)
{
    const struct type *type = type_of(root);
    struct xml *old, *child;
    unsigned i = 0;

    while ((child = xml_child(root, i)) != NULL) {
        if (keeps(child->name) || strchr(child->name, ':') != NULL) {
            i++;
        } else {
            xml_drop(child);
        }
    }
    if (!check_needs(type, root, error)) {
        return false;
    }
    old = xml_find(root, "source");
    if (old == NULL) {
        child = xml_find(root, "target");
        i = 0;
        while (child != NULL && xml_child(root, i) != child) {
            i++;
        }
        old = xml_insert(root, child != NULL ? i : G_MAXUINT, xml_new("source"));
    }
    fill_source(type, root, old);
    for (i = 0; xml_child(root, i) != old;) {
        i++;
    }
    xml_insert(root, i, order_source(type, old));
    xml_drop(old);
    return fill_target(type, root, error);
}
