/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a folder of mode 0700: UUID.xml, a line with the format's number and the definition;
 * UUID.value, sealed (box.h); and `key`, of mode 0600, made with the first value.
 */
#include "manage/resource/secret/secret.h"

#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/core/durable.h"
#include "manage/core/host.h"
#include "manage/core/secret/secret.h"
#include "manage/resource/secret/box.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define HEADER    "<!-- vivarium secret 1 -->\n"
#define KEY       "key"
#define MAX_FILE  (2 * SECRET_MAX) /* of a value, as text */
#define NAME_ROOM (UUID_TEXT + 8)

/* host->resource_state[OBJECT_SECRET] */
struct secret_store {
    char *folder;
    GMutex lock;
    struct box *box; /* lock; NULL until the first value */
};

static struct secret_store *store_of(struct host *host)
{
    return host->resource_state[OBJECT_SECRET];
}

static void file_name(const struct object *object, const char *suffix, char name[NAME_ROOM])
{
    g_snprintf(name, NAME_ROOM, "%s.%s", object->name, suffix);
}

/* The whole of a small file that is nobody else's to read, to be wiped; NULL with *error set,
 * which stays unset when there is no such file. */
static char *read_private(const char *path, GError **error)
{
    char *text = NULL;
    GStatBuf st;

    if (g_lstat(path, &st) != 0) {
        if (errno != ENOENT) {
            fault_set_errno(error, errno, "cannot read file '%s'", path);
        }
    } else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        fault_set(error, FAULT_INTERNAL_ERROR, "others may read '%s'", path);
    } else if (st.st_size > MAX_FILE) {
        fault_set(error, FAULT_INTERNAL_ERROR, "'%s' is too large", path);
    } else {
        (void)g_file_get_contents(path, &text, NULL, error);
    }
    return text;
}

static void wipe_text(char *text)
{
    secret_wipe((uint8_t *)text, text != NULL ? strlen(text) : 0);
}

static bool make_key(struct secret_store *store, uint8_t ret_key[BOX_KEY], GError **error)
{
    char *text;
    bool good;

    if (!box_key_new(ret_key, error)) {
        return false;
    }
    text = box_key_format(ret_key);
    good = durable_write(store->folder, KEY, text, error);
    wipe_text(text);
    return good;
}

/* The lock is held. A key is made (`make`) for values to come, not to read one. */
static bool need_box(struct secret_store *store, bool make, GError **error)
{
    g_autofree char *path = g_build_filename(store->folder, KEY, NULL);
    g_autoptr(GError) why = NULL;
    uint8_t key[BOX_KEY];
    char *text;
    bool good;

    if (store->box != NULL) {
        return true;
    }
    text = read_private(path, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    good = text != NULL
               ? box_key_parse(text, key) ||
                     fault_set(error, FAULT_INTERNAL_ERROR, "'%s' is no key of this version", path)
           : make ? make_key(store, key, error)
                  : fault_set(error, FAULT_INTERNAL_ERROR, "there is no key '%s'", path);
    wipe_text(text);
    store->box = good ? box_new(key, error) : NULL;
    explicit_bzero(key, sizeof(key));
    return store->box != NULL;
}

static bool store_value(struct object *object, const uint8_t *value, size_t length, GError **error)
{
    struct secret_store *store = store_of(object->host);
    g_autofree char *text = NULL;
    char name[NAME_ROOM];

    file_name(object, "value", name);
    g_mutex_lock(&store->lock);
    if (need_box(store, true, error)) {
        text = box_seal(store->box, object->uuid, value, length, error);
    }
    g_mutex_unlock(&store->lock);
    return text != NULL && durable_write(store->folder, name, text, error);
}

static bool drop_value(struct object *object, GError **error)
{
    char name[NAME_ROOM];

    file_name(object, "value", name);
    return durable_remove(store_of(object->host)->folder, name, error);
}

static bool store_definition(struct object *object, const struct xml *def, GError **error)
{
    g_autofree char *xml = xml_format(def);
    g_autofree char *text = g_strconcat(HEADER, xml, NULL);
    char name[NAME_ROOM];

    file_name(object, "xml", name);
    return durable_write(store_of(object->host)->folder, name, text, error);
}

static bool drop_definition(struct object *object, GError **error)
{
    char name[NAME_ROOM];

    file_name(object, "xml", name);
    return durable_remove(store_of(object->host)->folder, name, error);
}

static void close_store(struct host *host)
{
    struct secret_store *store = store_of(host);

    box_free(store->box);
    g_mutex_clear(&store->lock);
    g_free(store->folder);
    g_free(store);
}

static const struct resource_ops resource = {
    .store = store_definition,
    .drop = drop_definition,
    .close = close_store,
};

static const struct secret_ops values = {
    .store_value = store_value,
    .drop_value = drop_value,
};

/* The value of a secret that has one on disk. */
static bool load_value(struct secret_store *store, struct secret *secret, GError **error)
{
    char name[NAME_ROOM];
    g_autofree char *path = NULL, *text = NULL;
    g_autoptr(GError) why = NULL;
    uint8_t *value = NULL;
    size_t length = 0;

    file_name(&secret->object, "value", name);
    path = g_build_filename(store->folder, name, NULL);
    text = read_private(path, &why);
    if (text != NULL && need_box(store, false, &why)) {
        value = box_open(store->box, secret->object.uuid, text, &length, &why);
        secret_set(secret, value, length);
        secret_wipe(value, length);
    }
    return why == NULL || fault_set(error, FAULT_INTERNAL_ERROR, "'%s': %s", path, why->message);
}

static bool load_one(struct host *host, const char *name, GError **error)
{
    struct secret_store *store = store_of(host);
    g_autofree char *path = g_build_filename(store->folder, name, NULL);
    g_autofree char *text = read_private(path, error);
    uint8_t uuid[UUID_BYTES];
    struct secret *secret;
    struct xml *def;
    bool good;

    if (text == NULL || !g_str_has_prefix(text, HEADER)) {
        return text != NULL && fault_set(error, FAULT_INTERNAL_ERROR,
                                         "the format of '%s' is not that of this version", path);
    }
    if ((def = named_parse(NAMED_SECRET, text + strlen(HEADER), uuid, error)) == NULL) {
        return false;
    }
    secret = secret_new(host, uuid, def);
    secret->object.persistent = true;
    good = objects_add(host->objects[OBJECT_SECRET], &secret->object)
               ? load_value(store, secret, error)
               : fault_set(error, FAULT_INTERNAL_ERROR, "there are two of '%s'", path);
    object_unref(&secret->object);
    return good;
}

static void load_all(struct host *host)
{
    g_autoptr(GDir) dir = g_dir_open(store_of(host)->folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autoptr(GError) error = NULL;

        if (g_str_has_suffix(name, ".xml") && !load_one(host, name, &error)) {
            fprintf(stderr, "vivd: secret %s is not whole: %s\n", name,
                    error != NULL ? error->message : "it is gone");
        }
    }
}

bool secret_fill(struct host *host, GError **error)
{
    bool session =
        g_str_has_suffix(host->uri, "/session") || strstr(host->uri, "/session?") != NULL;
    struct secret_store *store = g_new0(struct secret_store, 1);

    store->folder = session ? g_build_filename(g_get_user_config_dir(), "vivarium", "secrets", NULL)
                            : g_strdup("/var/lib/vivarium/secrets");
    g_mutex_init(&store->lock);
    host->resource_state[OBJECT_SECRET] = store;
    host->resource[OBJECT_SECRET] = &resource;
    host->secrets = &values;
    if (g_mkdir_with_parents(store->folder, 0700) != 0) {
        return fault_set_errno(error, errno, "cannot make the directory '%s'", store->folder);
    }
    load_all(host);
    return true;
}
