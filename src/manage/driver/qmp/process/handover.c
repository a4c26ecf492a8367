/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/process/handover.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/driver/qmp/moment/image-disk.h"
#include "manage/driver/qmp/words.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { MAX_CHAIN = 200 }; /* images one on another */

struct handover {
    GPtrArray *old;   /* the words as they were; borrowed */
    GPtrArray *words; /* the new ones */
    GArray *fds;
    const char *own;
    unsigned sets, nodes;
};

static const char *text_of(json_object *object, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : NULL;
}

static bool is_true(json_object *object, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

/* The machine's own number of a descriptor, taken. */
static unsigned keep(struct handover *h, int fd)
{
    g_array_append_val(h->fds, fd);
    return HANDOVER_FIRST_FD + h->fds->len - 1;
}

static void add_to_set(struct handover *h, unsigned set, int fd)
{
    g_ptr_array_add(h->words, g_strdup("-add-fd"));
    g_ptr_array_add(h->words, g_strdup_printf("set=%u,fd=%u", set, keep(h, fd)));
}

/* "/dev/fdset/N" of a path: to read, and unless `read_only` to write; NULL with an error. A device
 * or file system may be for reading alone: then so is the set. */
static char *open_set(struct handover *h, const char *path, bool read_only, GError **error)
{
    int flags = O_CLOEXEC | O_NONBLOCK;
    int reader = open(path, O_RDONLY | flags);
    int writer = reader < 0 || read_only ? -1 : open(path, O_RDWR | flags);
    unsigned set = ++h->sets;

    if (reader < 0) {
        fault_set_errno(error, errno, "cannot open file '%s'", path);
        return NULL;
    }
    (void)fcntl(reader, F_SETFL, 0);
    add_to_set(h, set, reader);
    if (writer >= 0) {
        (void)fcntl(writer, F_SETFL, 0);
        add_to_set(h, set, writer);
    }
    return g_strdup_printf("/dev/fdset/%u", set);
}

static void add_node(struct handover *h, json_object *node)
{
    g_ptr_array_add(h->words, g_strdup("-blockdev"));
    g_ptr_array_add(h->words, g_strdup(json_object_to_json_string_ext(
                                  node, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
    json_object_put(node);
}

/* Nodes for what the image is based on, the deepest first; the name of the top one in *ret_name, to
 * be freed, NULL when it is based on nothing. */
static bool add_chain(struct handover *h, const char *path, const char *format, unsigned depth,
                      char **ret_name, GError **error)
{
    g_autofree char *below_format = NULL, *below_name = NULL, *set = NULL, *storage = NULL;
    g_autofree char *below = image_disk_backing(path, format, &below_format);
    json_object *node;

    if (below == NULL) {
        return true;
    }
    if (depth == MAX_CHAIN) {
        return fault_set(error, FAULT_OPERATION_FAILED, "'%s' is based on too many images", path);
    }
    set = open_set(h, below, true, error);
    if (set == NULL || !add_chain(h, below, below_format, depth + 1, &below_name, error)) {
        return false;
    }
    storage = g_strdup_printf("backing-%u-storage", ++h->nodes);
    node = json_object_new_object();
    words_set(node, "driver", "file");
    words_set(node, "filename", set);
    words_set(node, "node-name", storage);
    words_set_bool(node, "read-only", true);
    add_node(h, node);
    *ret_name = g_strdup_printf("backing-%u-format", h->nodes);
    node = json_object_new_object();
    words_set(node, "driver", below_format);
    words_set(node, "node-name", *ret_name);
    words_set_bool(node, "read-only", true);
    words_set(node, "file", storage);
    if (strcmp(below_format, "raw") != 0) {
        json_object_object_add(node, "backing",
                               below_name != NULL ? json_object_new_string(below_name) : NULL);
    }
    add_node(h, node);
    return true;
}

/* The -blockdev whose `key` is `value`, a new object; NULL: there is none. */
static json_object *find_node(struct handover *h, const char *key, const char *value)
{
    for (unsigned i = 0; value != NULL && i + 1 < h->old->len; i++) {
        json_object *node = strcmp(h->old->pdata[i], "-blockdev") == 0
                                ? json_tokener_parse(h->old->pdata[i + 1])
                                : NULL;

        if (g_strcmp0(text_of(node, key), value) == 0) {
            return node;
        }
        json_object_put(node);
    }
    return NULL;
}

static bool add_file(struct handover *h, json_object *node, GError **error)
{
    json_object *format = find_node(h, "file", text_of(node, "node-name"));
    bool read_only = is_true(node, "read-only") || is_true(format, "read-only");
    g_autofree char *set = open_set(h, text_of(node, "filename"), read_only, error);

    json_object_put(format);
    if (set == NULL) {
        return false;
    }
    words_set(node, "filename", set);
    return true;
}

static bool add_format(struct handover *h, json_object *node, GError **error)
{
    json_object *storage = find_node(h, "node-name", text_of(node, "file"));
    const char *path = text_of(storage, "filename"), *format = text_of(node, "driver");
    g_autofree char *name = NULL;
    bool good = true;

    if (path != NULL && format != NULL && strcmp(format, "raw") != 0) {
        good = add_chain(h, path, format, 0, &name, error);
        if (name != NULL) {
            words_set(node, "backing", name);
        }
    }
    json_object_put(storage);
    return good;
}

static bool add_block(struct handover *h, const char *word, GError **error)
{
    json_object *node = json_tokener_parse(word);
    bool good = text_of(node, "filename") != NULL ? add_file(h, node, error)
                : text_of(node, "file") != NULL   ? add_format(h, node, error)
                                                  : true;

    if (good) {
        add_node(h, node);
    } else {
        json_object_put(node);
    }
    return good;
}

static bool copy(const char *path, const char *target, GError **error)
{
    auto_fd int from = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (from < 0 || fstat(from, &st) != 0 || !S_ISREG(st.st_mode)) {
        return fault_set_errno(error, from < 0 ? errno : EINVAL, "cannot open file '%s'", path);
    }
    auto_fd int to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);

    for (off_t at = 0; to >= 0 && at < st.st_size;) {
        ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

        if (n < 0 && errno != EINTR) {
            return fault_set_errno(error, errno, "cannot copy '%s' for the machine", path);
        }
        if (n == 0) {
            break;
        }
    }
    return to >= 0 || fault_set_errno(error, errno, "cannot write file '%s'", target);
}

bool handover_words(GPtrArray *words, const char *own, GArray *fds, GError **error)
{
    static const char *const copied[] = {"-kernel", "-initrd", "-dtb", NULL};
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    struct handover h = {.old = words, .words = made, .fds = fds, .own = own};

    for (unsigned i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        bool more = i + 1 < words->len;

        if (more && strcmp(word, "-blockdev") == 0) {
            if (!add_block(&h, words->pdata[++i], error)) {
                return false;
            }
            continue;
        }
        g_ptr_array_add(made, g_strdup(word));
        if (more && g_strv_contains(copied, word)) {
            char *target = g_build_filename(own, word + 1, NULL);

            g_ptr_array_add(made, target);
            if (!copy(words->pdata[++i], target, error)) {
                return false;
            }
        }
    }
    g_ptr_array_set_size(words, 0);
    g_ptr_array_extend_and_steal(words, g_steal_pointer(&made));
    return true;
}
