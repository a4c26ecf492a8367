/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/objects.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECRET_MAX (1 << 20)

struct entry {
    struct object *object;
    const struct object_class *class;
    unsigned users;
};

struct objects {
    GPtrArray *all;     /* struct entry *, owned */
    bool names_threads; /* the host shows their names; frozen */
};

/* ---- entropy -----------------------------------------------------------------------------------
 */

struct rng_random {
    struct object_rng rng;
    char *filename;
    int fd;
};

static ssize_t rng_file_read(struct object_rng *rng, void *to, size_t len)
{
    ssize_t n = read(((struct rng_random *)rng)->fd, to, len);

    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static gboolean rng_random_complete(struct objects *set, struct object *o, GError **error)
{
    struct rng_random *r = (struct rng_random *)o;

    r->rng.read = rng_file_read;
    r->fd = open(r->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (r->fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno), "Could not open '%s': %s",
                    r->filename, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

static void rng_random_release(struct object *o)
{
    struct rng_random *r = (struct rng_random *)o;

    if (r->rng.read) {
        fd_close(&r->fd);
    }
}

static const struct row rng_random_rows[] = {
    {"filename", ROW_STR, ROW_FIELD(struct rng_random, filename), .def = "/dev/urandom",
     .help = "where entropy is read from"},
    {NULL},
};

static ssize_t rng_builtin_read(struct object_rng *rng, void *to, size_t len)
{
    ssize_t n = getrandom(to, len, GRND_NONBLOCK);

    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static gboolean rng_builtin_complete(struct objects *set, struct object *o, GError **error)
{
    ((struct object_rng *)o)->read = rng_builtin_read;
    return TRUE;
}

static const struct row no_rows[] = {{NULL}};

/* ---- memory ------------------------------------------------------------------------------------
 */

#define MEMORY_ROWS(share_default)                                                        \
    {"size",                                                                              \
     ROW_SIZE,                                                                            \
     ROW_FIELD(struct object_memory, size),                                               \
     .flags = ROW_REQUIRED,                                                               \
     .min = 1,                                                                            \
     .max = INT64_MAX,                                                                    \
     .help = "bytes"},                                                                    \
        {"share", ROW_BOOL, ROW_FIELD(struct object_memory, share), .def = share_default, \
         .help = "other processes may map it"},                                           \
        {"prealloc", ROW_BOOL, ROW_FIELD(struct object_memory, prealloc), .def = "off",   \
         .help = "touch every page at start"},                                            \
        {"merge", ROW_BOOL, ROW_FIELD(struct object_memory, merge), .def = "on",          \
         .help = "let the host merge equal pages"},                                       \
        {"dump", ROW_BOOL, ROW_FIELD(struct object_memory, dump), .def = "on",            \
         .help = "part of core dumps"},                                                   \
    {                                                                                     \
        "reserve", ROW_BOOL, ROW_FIELD(struct object_memory, reserve),                    \
            .def = "on", .help = "reserve swap space"                                     \
    }

static const struct row memory_ram_rows[] = {MEMORY_ROWS("off"), {NULL}};

static const struct row memory_memfd_rows[] = {
    MEMORY_ROWS("on"),
    {"seal", ROW_BOOL, ROW_FIELD(struct object_memory, seal), .def = "on",
     .help = "the file can neither grow nor shrink"},
    {NULL},
};

static const struct row memory_file_rows[] = {
    MEMORY_ROWS("off"),
    {"mem-path", ROW_STR, ROW_FIELD(struct object_memory, path), .flags = ROW_REQUIRED,
     .help = "file or directory"},
    {NULL},
};

/* ---- secrets ------------------------------------------------------------------------------------
 */

struct secret {
    struct object object;
    char *data, *file, *keyid, *iv;
    int format;
    GBytes *bytes;
};

static const char *const secret_formats[] = {"raw", "base64", NULL};

static const struct row secret_rows[] = {
    {"data", ROW_STR, ROW_FIELD(struct secret, data), .help = "the secret itself"},
    {"file", ROW_STR, ROW_FIELD(struct secret, file), .help = "a file that holds it"},
    {"format", ROW_ENUM, ROW_FIELD(struct secret, format), .def = "raw", .values = secret_formats},
    {"keyid", ROW_STR, ROW_FIELD(struct secret, keyid), .help = "secret it is encrypted with"},
    {"iv", ROW_STR, ROW_FIELD(struct secret, iv), .help = "initialisation vector, base64"},
    {NULL},
};

static gboolean secret_complete(struct objects *set, struct object *o, GError **error)
{
    struct secret *s = (struct secret *)o;
    g_autofree char *text = NULL;
    gsize len;

    if (s->keyid || s->iv) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "an encrypted secret ('keyid', 'iv') is not built yet");
        return FALSE;
    }
    if (!s->data == !s->file) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "one of 'file' and 'data' must be provided");
        return FALSE;
    }
    if (s->data) {
        text = g_strdup(s->data);
        len = strlen(text);
    } else if (!g_file_get_contents(s->file, &text, &len, error)) {
        return FALSE;
    }
    if (len > SECRET_MAX) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "secret is too long");
        return FALSE;
    }
    if (s->format == 1) {
        g_autofree char *ended = g_strndup(text, len);
        guchar *plain;

        if (strspn(ended, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "+/=\r\n") != len) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "secret '%s': what it holds is not base64", o->id);
            return FALSE;
        }
        plain = g_base64_decode(ended, &len);
        s->bytes = g_bytes_new_take(plain, len);
    } else {
        s->bytes = g_bytes_new(text, len);
    }
    return TRUE;
}

static void secret_release(struct object *o)
{
    g_clear_pointer(&((struct secret *)o)->bytes, g_bytes_unref);
}

/* ---- I/O threads --------------------------------------------------------------------------------
 */

struct iothread {
    struct object object;
    int64_t poll_max_ns, poll_grow, poll_shrink, aio_max_batch;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    int tid; /* atomic */
};

#define POLL_MAX_NS 32768 /* QEMU's default, and what is said where nothing else was given */

static const struct row iothread_rows[] = {
    {"poll-max-ns", ROW_INT, ROW_FIELD(struct iothread, poll_max_ns), .def = "32768", .min = 0,
     .max = INT64_MAX, .flags = ROW_HIDDEN},
    {"poll-grow", ROW_INT, ROW_FIELD(struct iothread, poll_grow), .def = "0", .min = 0,
     .max = INT64_MAX, .flags = ROW_HIDDEN},
    {"poll-shrink", ROW_INT, ROW_FIELD(struct iothread, poll_shrink), .def = "0", .min = 0,
     .max = INT64_MAX, .flags = ROW_HIDDEN},
    {"aio-max-batch", ROW_INT, ROW_FIELD(struct iothread, aio_max_batch), .def = "0", .min = 0,
     .max = INT64_MAX, .flags = ROW_HIDDEN},
    {NULL},
};

static gpointer iothread_main(gpointer opaque)
{
    struct iothread *t = opaque;

    __atomic_store_n(&t->tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    g_main_context_push_thread_default(t->context);
    g_main_loop_run(t->loop);
    g_main_context_pop_thread_default(t->context);
    return NULL;
}

/* The thread sleeps in poll(), so only QEMU's defaults, and no polling, are true of it. */
static gboolean iothread_complete(struct objects *set, struct object *o, GError **error)
{
    struct iothread *t = (struct iothread *)o;
    g_autofree char *name = set->names_threads ? g_strdup_printf("IO %s", o->id) : NULL;

    if ((t->poll_max_ns && t->poll_max_ns != POLL_MAX_NS) || t->poll_grow || t->poll_shrink ||
        t->aio_max_batch) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "iothread '%s': polling ('poll-max-ns', 'poll-grow', 'poll-shrink') and "
                    "'aio-max-batch' are not built yet",
                    o->id);
        return FALSE;
    }
    t->context = g_main_context_new();
    t->loop = g_main_loop_new(t->context, FALSE);
    t->thread = g_thread_new(name, iothread_main, t);
    while (!__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE)) {
        g_usleep(50);
    }
    return TRUE;
}

static gboolean quit_loop(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void iothread_release(struct object *o)
{
    struct iothread *t = (struct iothread *)o;

    if (!t->thread) {
        return;
    }
    g_main_context_invoke(t->context, quit_loop, t->loop);
    g_thread_join(t->thread);
    g_main_loop_unref(t->loop);
    g_main_context_unref(t->context);
}

/* ---- kinds
 * --------------------------------------------------------------------------------------- */

static const struct object_class classes[] = {
    {"iothread", "a thread for device I/O", iothread_rows, sizeof(struct iothread),
     iothread_complete, iothread_release},
    {"memory-backend-file", "RAM from a file", memory_file_rows, sizeof(struct object_memory)},
    {"memory-backend-memfd", "RAM from a memfd", memory_memfd_rows, sizeof(struct object_memory)},
    {"memory-backend-ram", "RAM", memory_ram_rows, sizeof(struct object_memory)},
    {"rng-builtin", "entropy of the host's kernel", no_rows, sizeof(struct object_rng),
     rng_builtin_complete},
    {"rng-random", "entropy from a file", rng_random_rows, sizeof(struct rng_random),
     rng_random_complete, rng_random_release},
    {"secret", "a password or key", secret_rows, sizeof(struct secret), secret_complete,
     secret_release},
};

/* QEMU's, refused by name. */
static const char *const not_built[] = {
    "authz-list",
    "authz-listfile",
    "authz-pam",
    "authz-simple",
    "can-bus",
    "can-host-socketcan",
    "colo-compare",
    "cryptodev-backend",
    "cryptodev-backend-builtin",
    "cryptodev-vhost-user",
    "dbus-vmstate",
    "filter-buffer",
    "filter-dump",
    "filter-mirror",
    "filter-redirector",
    "filter-replay",
    "filter-rewriter",
    "input-barrier",
    "input-linux",
    "main-loop",
    "memory-backend-epc",
    "pr-manager-helper",
    "qtest",
    "rng-egd",
    "secret_keyring",
    "sev-guest",
    "thread-context",
    "throttle-group",
    "tls-creds-anon",
    "tls-creds-psk",
    "tls-creds-x509",
    "tls-cipher-suites",
    "x-remote-object",
    "x-vfio-user-server",
};

const struct object_class *objects_kind(unsigned n)
{
    return n < G_N_ELEMENTS(classes) ? &classes[n] : NULL;
}

const struct object_class *objects_class(const char *type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (g_str_equal(classes[i].type, type)) {
            return &classes[i];
        }
    }
    return NULL;
}

/* ---- the set
 * ------------------------------------------------------------------------------------- */

static void entry_free(gpointer opaque)
{
    struct entry *e = opaque;

    if (e->class->release) {
        e->class->release(e->object);
    }
    row_clear(e->class->rows, e->object);
    g_free(e->object->id);
    g_free(e->object);
    g_free(e);
}

struct objects *objects_new(bool names_threads)
{
    struct objects *set = g_new0(struct objects, 1);

    set->all = g_ptr_array_new_with_free_func(entry_free);
    set->names_threads = names_threads;
    return set;
}

void objects_free(struct objects *set)
{
    if (set) {
        g_ptr_array_unref(set->all);
        g_free(set);
    }
}

static struct entry *find_entry(struct objects *set, const char *id)
{
    for (guint i = 0; i < set->all->len; i++) {
        struct entry *e = set->all->pdata[i];

        if (g_str_equal(e->object->id, id)) {
            return e;
        }
    }
    return NULL;
}

struct object *objects_find(struct objects *set, const char *id)
{
    struct entry *e = find_entry(set, id);

    return e ? e->object : NULL;
}

struct object *objects_nth(struct objects *set, unsigned n)
{
    return n < set->all->len ? ((struct entry *)set->all->pdata[n])->object : NULL;
}

static const char *text_of(json_object *options, const char *name)
{
    json_object *v;

    if (!json_object_object_get_ex(options, name, &v) ||
        !json_object_is_type(v, json_type_string)) {
        return NULL;
    }
    return json_object_get_string(v);
}

static const struct object_class *class_of(json_object *options, GError **error)
{
    const char *type = text_of(options, "qom-type");
    const struct object_class *class = type ? objects_class(type) : NULL;

    if (class) {
        return class;
    }
    for (unsigned i = 0; type && i < G_N_ELEMENTS(not_built); i++) {
        if (g_str_equal(type, not_built[i])) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "object type '%s' is not built yet", type);
            return NULL;
        }
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "invalid object type: %s",
                type ? type : "");
    return NULL;
}

static gboolean id_is_good(struct objects *set, const char *id, GError **error)
{
    if (!id || !g_ascii_isalpha(*id) ||
        strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._") != strlen(id)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "Parameter 'id' expects an identifier");
        return FALSE;
    }
    if (objects_find(set, id)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    "attempt to add duplicate property '%s' to object (type 'container')", id);
        return FALSE;
    }
    return TRUE;
}

struct object *objects_add(struct objects *set, json_object *options, GError **error)
{
    const struct object_class *class = class_of(options, error);
    const char *id = text_of(options, "id");
    g_autofree char *what = g_strdup_printf("object '%s'", id ? id : "");
    json_object *own;
    struct entry *e;
    gboolean ok;

    if (!class || !id_is_good(set, id, error)) {
        return NULL;
    }
    own = json_object_new_object();
    json_object_object_foreach(options, name, value)
    {
        if (!g_str_equal(name, "id") && !g_str_equal(name, "qom-type")) {
            json_object_object_add(own, name, json_object_get(value));
        }
    }
    e = g_new0(struct entry, 1);
    e->class = class;
    e->object = g_malloc0(class->size);
    e->object->type = class->type;
    e->object->id = g_strdup(id);
    row_defaults(class->rows, e->object);
    ok = row_set_all(class->rows, e->object, what, own, error) &&
         (!class->complete || class->complete(set, e->object, error));
    json_object_put(own);
    if (!ok) {
        entry_free(e);
        return NULL;
    }
    g_ptr_array_add(set->all, e);
    return e->object;
}

gboolean objects_remove(struct objects *set, const char *id, GError **error)
{
    struct entry *e = find_entry(set, id);

    if (!e) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "object '%s' not found", id);
        return FALSE;
    }
    if (e->users) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "object '%s' is in use, can not be deleted",
                    id);
        return FALSE;
    }
    g_ptr_array_remove(set->all, e);
    return TRUE;
}

void objects_pin(struct objects *set, const char *id)
{
    struct entry *e = find_entry(set, id);

    if (e) {
        e->users++;
    }
}

void objects_unpin(struct objects *set, const struct object *object)
{
    struct entry *e = find_entry(set, object->id);

    if (e && e->users) {
        e->users--;
    }
}

struct object_memory *objects_memory(struct objects *set, const char *id, GError **error)
{
    struct object *o = objects_find(set, id);

    if (!o || !g_str_has_prefix(o->type, "memory-backend-")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Memory backend '%s' not found", id);
        return NULL;
    }
    return (struct object_memory *)o;
}

struct ram_source objects_memory_source(const struct object_memory *object)
{
    bool plain = g_str_equal(object->object.type, "memory-backend-ram");

    return (struct ram_source){
        .kind = object->path              ? RAM_FILE
                : plain && !object->share ? RAM_ANONYMOUS
                                          : RAM_MEMFD,
        .path = object->path,
        .private_copy = !object->share,
        .reserve = object->reserve,
    };
}

json_object *objects_query_iothreads(struct objects *set)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < set->all->len; i++) {
        struct entry *e = set->all->pdata[i];
        struct iothread *t = (struct iothread *)e->object;
        json_object *info;

        if (!g_str_equal(e->object->type, "iothread")) {
            continue;
        }
        info = json_object_new_object();
        json_object_object_add(info, "id", json_object_new_string(e->object->id));
        json_object_object_add(info, "thread-id", json_object_new_int(t->tid));
        json_object_object_add(info, "poll-max-ns", json_object_new_int64(t->poll_max_ns));
        json_object_object_add(info, "poll-grow", json_object_new_int64(t->poll_grow));
        json_object_object_add(info, "poll-shrink", json_object_new_int64(t->poll_shrink));
        json_object_object_add(info, "aio-max-batch", json_object_new_int64(t->aio_max_batch));
        json_object_array_add(list, info);
    }
    return list;
}

GBytes *objects_secret(struct objects *set, const char *id, GError **error)
{
    struct object *o = objects_find(set, id);

    if (!o || !g_str_equal(o->type, "secret")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "No secret with id '%s'", id);
        return NULL;
    }
    return g_bytes_ref(((struct secret *)o)->bytes);
}
