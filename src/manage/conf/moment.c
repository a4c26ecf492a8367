/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions of snapshots and checkpoints: reading, filling in, writing. */
#include "manage/conf/moment.h"

#include "manage/conf/fault.h"

#include <string.h>
#include <sys/stat.h>

/* What the two kinds call things. */
static const struct {
    const char *word, *root, *document, *disk_attribute;
} kinds[MOMENT_KINDS] = {
    [MOMENT_SNAPSHOT] = {"snapshot", "domainsnapshot", "domain_snapshot", "snapshot"},
    [MOMENT_CHECKPOINT] = {"checkpoint", "domaincheckpoint", "domain_checkpoint", "checkpoint"},
};

const char *moment_word(enum moment_kind kind)
{
    return kinds[kind].word;
}

static bool one_of(const char *text, const char *const words[])
{
    return text != NULL && g_strv_contains(words, text);
}

/* An attribute with one of a few values, or none; XML error otherwise. */
static bool check_word(const struct xml *node, const char *attribute, const char *const words[],
                       GError **error)
{
    const char *value = xml_get(node, attribute);

    if (value == NULL || one_of(value, words)) {
        return true;
    }
    fault_set(error, FAULT_XML_ERROR, "Invalid value for attribute '%s' in element '%s': '%s'.",
              attribute, node->name, value);
    return fault_came_from(error, FAULT_FROM_XML);
}

static void copy_text(struct moment_def *def, const struct xml *from, const char *child)
{
    const char *text = xml_text_at(from, child);

    if (text != NULL) {
        xml_add(def->root, child, "%s", text);
    }
}

static bool read_state(struct moment_def *def, const struct xml *from, GError **error)
{
    static const char *const states[] = {"running",     "blocked",       "paused",
                                         "shutdown",    "shutoff",       "crashed",
                                         "pmsuspended", "disk-snapshot", NULL};
    const char *state = xml_text_at(from, "state");

    if (state == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing state from existing snapshot");
    }
    if (!one_of(state, states)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Invalid state '%s' in domain snapshot XML", state);
    }
    xml_add(def->root, "state", "%s", state);
    return true;
}

static bool read_domain(struct moment_def *def, const struct xml *from,
                        const struct domain_rules *rules, GError **error)
{
    struct xml *domain = xml_find(from, "domain");

    if (domain == NULL || xml_get(domain, "type") == NULL) {
        return true; /* as old ones are */
    }
    def->domain = domain_def_from_xml(xml_copy(domain), rules, error);
    return def->domain != NULL;
}

static bool read_history(struct moment_def *def, const struct xml *from,
                         const struct domain_rules *rules, GError **error)
{
    const char *word = moment_word(def->kind);
    uint64_t created;

    if (def->name == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "a redefined %s must have a name", word);
    }
    if (!xml_number(xml_text_at(from, "creationTime"), &created)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "missing creationTime from existing %s",
                         word);
    }
    if (def->kind == MOMENT_SNAPSHOT && !read_state(def, from, error)) {
        return false;
    }
    def->parent = g_strdup(xml_text_at(from, "parent/name"));
    xml_add(def->root, "creationTime", "%" G_GUINT64_FORMAT, created);
    return read_domain(def, from, rules, error);
}

static bool check_memory(const struct xml *memory, const char *state, GError **error)
{
    static const char *const places[] = {"no", "internal", "external", NULL};
    const char *file = xml_get(memory, "file"), *place = xml_get(memory, "snapshot");

    if (!check_word(memory, "snapshot", places, error)) {
        return false;
    }
    if (file != NULL && place != NULL && strcmp(place, "external") != 0) {
        return fault_set(error, FAULT_XML_ERROR, "memory filename '%s' requires external snapshot",
                         file);
    }
    if (file == NULL && g_strcmp0(place, "external") == 0) {
        return fault_set(error, FAULT_XML_ERROR, "external memory snapshots require a filename");
    }
    if (file != NULL && *file != '/') {
        return fault_set(error, FAULT_XML_ERROR, "memory snapshot file path (%s) must be absolute",
                         file);
    }
    if (place != NULL && strcmp(place, "no") != 0 &&
        (g_strcmp0(state, "shutoff") == 0 || g_strcmp0(state, "disk-snapshot") == 0)) {
        return fault_set(error, FAULT_XML_ERROR,
                         "memory state cannot be saved with offline or disk-only snapshot");
    }
    return true;
}

static bool read_memory(struct moment_def *def, const struct xml *from, GError **error)
{
    const struct xml *memory = xml_find(from, "memory");
    const char *file = xml_get(memory, "file"), *place = xml_get(memory, "snapshot");

    if (memory == NULL) {
        return true;
    }
    if (!check_memory(memory, moment_state(def), error)) {
        return false;
    }
    struct xml *copy = xml_append(def->root, xml_new("memory"));

    if (place == NULL && file != NULL) {
        place = "external";
    }
    xml_set(copy, "snapshot", place);
    xml_set(copy, "file", file);
    return true;
}

static bool check_disk(const struct moment_def *def, const struct xml *disk, GError **error)
{
    static const char *const snapshots[] = {"no", "internal", "external", "manual", NULL};
    static const char *const checkpoints[] = {"no", "bitmap", NULL};
    const char *word = moment_word(def->kind);

    if (xml_get(disk, "name") == NULL) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "missing name from disk %s element", word);
    }
    return check_word(disk, word, def->kind == MOMENT_SNAPSHOT ? snapshots : checkpoints, error);
}

static bool read_disks(struct moment_def *def, const struct xml *from, GError **error)
{
    const struct xml *disks = xml_find(from, "disks");

    if (disks == NULL) {
        return true;
    }
    struct xml *copy = xml_append(def->root, xml_new("disks"));

    for (struct xml *d = xml_find(disks, "disk"); d != NULL; d = xml_next(disks, "disk", d)) {
        if (!check_disk(def, d, error)) {
            return false;
        }
        xml_append(copy, xml_copy(d));
    }
    return true;
}

struct moment_def *moment_parse(enum moment_kind kind, const char *text, bool redefine,
                                const struct domain_rules *rules, GError **error)
{
    g_autoptr(xml_own) from = xml_parse(text, kinds[kind].document, error);
    g_autoptr(moment_def_own) def = g_new0(struct moment_def, 1);

    def->kind = kind;
    def->root = xml_new(kinds[kind].root);
    if (from == NULL) {
        return NULL;
    }
    if (strcmp(from->name, kinds[kind].root) != 0) {
        fault_set(error, FAULT_XML_ERROR, "expecting root element of '%s', not '%s'",
                  kinds[kind].root, from->name);
        (void)fault_came_from(error, FAULT_FROM_XML);
        return NULL;
    }
    def->name = g_strdup(xml_text_at(from, "name"));
    if (def->name != NULL && *def->name == '\0') {
        g_clear_pointer(&def->name, g_free);
    }
    copy_text(def, from, "description");
    if ((redefine && !read_history(def, from, rules, error)) ||
        (kind == MOMENT_SNAPSHOT && !read_memory(def, from, error)) ||
        !read_disks(def, from, error)) {
        return NULL;
    }
    return g_steal_pointer(&def);
}

void moment_def_free(struct moment_def *def)
{
    if (def != NULL) {
        g_free(def->name);
        g_free(def->parent);
        xml_free(def->root);
        domain_def_free(def->domain);
        g_free(def);
    }
}

/* The place right behind the children of these names. */
static unsigned place_after(const struct xml *root, const char *const names[])
{
    struct xml *child;
    unsigned at = 0;

    for (unsigned i = 0; (child = xml_child(root, i)) != NULL; i++) {
        at = g_strv_contains(names, child->name) ? i + 1 : at;
    }
    return at;
}

void moment_date(struct moment_def *def)
{
    static const char *const before[] = {"description", "state", NULL};
    g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time() / G_USEC_PER_SEC);
    struct xml *time =
        xml_insert(def->root, place_after(def->root, before), xml_new("creationTime"));

    xml_set_text(time, now);
    if (def->name == NULL) {
        def->name = g_steal_pointer(&now);
    }
}

void moment_set_state(struct moment_def *def, const char *state)
{
    static const char *const before_state[] = {"description", NULL};
    static const char *const before_memory[] = {"description", "state", "creationTime", NULL};
    struct xml *memory = xml_find(def->root, "memory");
    bool off = strcmp(state, "shutoff") == 0 || strcmp(state, "disk-snapshot") == 0;
    const char *place = xml_get(memory, "snapshot");

    xml_set_text(xml_insert(def->root, place_after(def->root, before_state), xml_new("state")),
                 state);
    if (memory == NULL) {
        memory = xml_insert(def->root, place_after(def->root, before_memory), xml_new("memory"));
    }
    if (off && g_strcmp0(place, "external") != 0) {
        xml_set(memory, "snapshot", "no");
    } else if (place == NULL || strcmp(place, "no") == 0) {
        xml_set(memory, "snapshot", "internal");
    }
}

const char *moment_state(const struct moment_def *def)
{
    return xml_text_at(def->root, "state");
}

bool moment_is_external(const struct moment_def *def)
{
    const struct xml *disks = xml_find(def->root, "disks");

    if (xml_is(xml_find(def->root, "memory"), "snapshot", "external")) {
        return true;
    }
    for (struct xml *d = xml_find(disks, "disk"); d != NULL; d = xml_next(disks, "disk", d)) {
        if (xml_is(d, "snapshot", "external")) {
            return true;
        }
    }
    return false;
}

/* The place behind name, description and state: where libvirt writes the parent. */
static void add_parent(struct xml *root, const char *parent)
{
    static const char *const before[] = {"name", "description", "state", NULL};

    xml_add(xml_insert(root, place_after(root, before), xml_new("parent")), "name", "%s", parent);
}

char *moment_format(const struct moment_def *def, unsigned flags)
{
    g_autoptr(xml_own) copy = xml_copy(def->root);

    xml_set_text(xml_insert(copy, 0, xml_new("name")), def->name);
    if (def->parent != NULL) {
        add_parent(copy, def->parent);
    }
    if (def->domain != NULL && (flags & MOMENT_NO_DOMAIN) == 0) {
        xml_append(copy, xml_copy(def->domain->root));
    }
    return xml_format(copy);
}

/* What a disk of the domain is known by; sources are names too. */
static bool is_disk(const struct xml *disk, const char *name)
{
    const struct xml *source = xml_find(disk, "source");
    const char *dev = xml_get(xml_find(disk, "target"), "dev");

    return dev != NULL &&
           (strcmp(dev, name) == 0 || xml_is(source, "file", name) || xml_is(source, "dev", name));
}

static bool is_empty(const struct xml *disk)
{
    const struct xml *source = xml_find(disk, "source");

    return source == NULL || source->attributes == NULL;
}

/* Gives an entry its disk's own name; all must be of disks, none of the same. */
static bool name_entries(struct moment_def *def, struct xml *entries, struct xml *devices,
                         GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    unsigned n = 0, given = 0;

    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        if (xml_get(xml_find(d, "target"), "dev") == NULL) {
            return fault_set(error, FAULT_XML_ERROR, "missing target information for disk");
        }
        n++;
    }
    for (struct xml *e = xml_find(entries, "disk"); e != NULL; e = xml_next(entries, "disk", e)) {
        given++;
    }
    if (given > n) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "too many disk %s requests for domain",
                         moment_word(def->kind));
    }
    for (struct xml *e = xml_find(entries, "disk"); e != NULL; e = xml_next(entries, "disk", e)) {
        const char *name = xml_get(e, "name");
        struct xml *d = xml_find(devices, "disk");

        while (d != NULL && !is_disk(d, name)) {
            d = xml_next(devices, "disk", d);
        }
        if (d == NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "no disk named '%s'", name);
        }
        const char *dev = xml_get(xml_find(d, "target"), "dev");

        if (!g_hash_table_add(seen, (char *)dev)) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "disk '%s' specified twice", dev);
        }
        xml_set(e, "name", dev);
    }
    return true;
}

/* "/guest/disk.img" and snapshot "s": "/guest/disk.s"; only of a file. */
static bool name_overlay(const struct moment_def *def, struct xml *entry, const struct xml *disk,
                         GError **error)
{
    const char *path = xml_get(xml_find(disk, "source"), "file");
    struct stat st;

    if (path == NULL || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "source for disk '%s' is not a regular file; refusing to generate "
                         "external snapshot name",
                         xml_get(entry, "name"));
    }
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    size_t length = dot != NULL && dot > slash ? (size_t)(dot - path) : strlen(path);
    g_autofree char *name = g_strdup_printf("%.*s.%s", (int)length, path, def->name);

    xml_set(xml_append(entry, xml_new("source")), "file", name);
    return true;
}

static const char *snapshot_default(const struct xml *disk, const char *fallback)
{
    const char *own = xml_get(disk, "snapshot");

    if (own != NULL) {
        return own;
    }
    return is_empty(disk) || xml_find(disk, "readonly") != NULL ? "no" : fallback;
}

static void take_children(struct xml *entry, struct xml *given)
{
    static const char *const names[] = {"driver", "source"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        struct xml *child = xml_find(given, names[i]);

        if (child != NULL) {
            xml_append(entry, xml_take(child));
        }
    }
}

/* `given` is what the client said of the disk, or NULL. */
static bool fill_snapshot(const struct moment_def *def, struct xml *entry, struct xml *given,
                          const struct xml *disk, const char *fallback, GError **error)
{
    const char *attribute = xml_get(given, "snapshot"), *type = xml_get(given, "type");
    /* Who names a file for it wants it there. */
    const char *said =
        attribute == NULL && xml_find(given, "source") != NULL ? "external" : attribute;
    const char *mode = said != NULL ? said : snapshot_default(disk, fallback);

    xml_set(entry, "snapshot", mode);
    if (said != NULL && strcmp(fallback, "internal") == 0 && !is_empty(disk) &&
        strcmp(mode, "internal") != 0 && strcmp(mode, "manual") != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "disk '%s' must use snapshot mode 'internal'", xml_get(entry, "name"));
    }
    if (strcmp(mode, "external") != 0) {
        return true;
    }
    xml_set(entry, "type", type != NULL ? type : "file");
    take_children(entry, given);
    return xml_find(entry, "source") != NULL || name_overlay(def, entry, disk, error);
}

static bool fill_checkpoint(const struct moment_def *def, struct xml *entry,
                            const struct xml *given, const struct xml *disk)
{
    const char *said = xml_get(given, "checkpoint"), *bitmap = xml_get(given, "bitmap");

    xml_set(entry, "checkpoint", said != NULL ? said : is_empty(disk) ? "no" : "bitmap");
    if (xml_is(entry, "checkpoint", "bitmap")) {
        xml_set(entry, "bitmap", bitmap != NULL ? bitmap : def->name);
    }
    return true;
}

/* What the client said of the disk with this target; NULL: nothing. */
static struct xml *entry_of(const struct xml *entries, const char *dev)
{
    struct xml *e = xml_find(entries, "disk");

    while (e != NULL && !xml_is(e, "name", dev)) {
        e = xml_next(entries, "disk", e);
    }
    return e;
}

bool moment_align(struct moment_def *def, GError **error)
{
    bool of_memory = xml_is(xml_find(def->root, "memory"), "snapshot", "external");
    bool only_disks = def->disk_only || g_strcmp0(moment_state(def), "disk-snapshot") == 0;
    const char *fallback = of_memory || only_disks ? "external" : "internal";
    struct xml *devices = domain_def_devices(def->domain);
    g_autoptr(xml_own) entries = xml_find(def->root, "disks") != NULL
                                     ? xml_take(xml_find(def->root, "disks"))
                                     : xml_new("disks");
    struct xml *disks = xml_new("disks");

    xml_append(def->root, disks);
    if (!name_entries(def, entries, devices, error)) {
        return false;
    }
    for (struct xml *d = xml_find(devices, "disk"); d != NULL; d = xml_next(devices, "disk", d)) {
        const char *dev = xml_get(xml_find(d, "target"), "dev");
        struct xml *given = entry_of(entries, dev);
        struct xml *entry = xml_append(disks, xml_new("disk"));

        xml_set(entry, "name", dev);
        if (!(def->kind == MOMENT_CHECKPOINT
                  ? fill_checkpoint(def, entry, given, d)
                  : fill_snapshot(def, entry, given, d, fallback, error))) {
            return false;
        }
    }
    if (disks->children == NULL || disks->children->len == 0) {
        xml_drop(disks);
    }
    return true;
}
