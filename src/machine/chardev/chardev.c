/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/chardev/chardev.h"

#include "base/cleanup.h"
#include "machine/chardev/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>

/* Every kind of back end there is; the head of the list is what help shows first. */
static const struct chardev_class *const classes[] = {
    &chardev_file,    &chardev_null,   &chardev_pipe,  &chardev_pty,
    &chardev_ringbuf, &chardev_socket, &chardev_stdio, &chardev_testdev,
};

/* Kinds that QEMU has and that are refused by name. */
static const char *const not_built[] = {
    "udp",      "vc",       "msmouse",   "wctablet", "braille",      "console", "serial",
    "parallel", "spicevmc", "spiceport", "dbus",     "qemu-vdagent", "tty",     "parport",
};

/* Options every back end takes. */
struct common {
    char *id;
    char *backend;
    bool mux;
    char *logfile;
    bool logappend;
};

static const struct row common_rows[] = {
    {"id", ROW_STR, ROW_FIELD(struct common, id), .flags = ROW_REQUIRED},
    {"backend", ROW_STR, ROW_FIELD(struct common, backend), .flags = ROW_REQUIRED},
    {"mux", ROW_BOOL, ROW_FIELD(struct common, mux), .def = "off",
     .help = "several front ends share it; Ctrl-a c switches"},
    {"logfile", ROW_STR, ROW_FIELD(struct common, logfile), .help = "copy of all output"},
    {"logappend", ROW_BOOL, ROW_FIELD(struct common, logappend), .def = "off"},
    {NULL},
};

struct chardev_kind chardev_kind(unsigned n)
{
    if (n >= G_N_ELEMENTS(classes)) {
        return (struct chardev_kind){NULL};
    }
    return (struct chardev_kind){classes[n]->name, classes[n]->help, classes[n]->rows};
}

/* ---- set --------------------------------------------------------------------------------------
 */

struct chardev_set *chardev_set_new(GMainContext *context)
{
    struct chardev_set *set = g_new0(struct chardev_set, 1);

    set->context = context;
    set->all = g_ptr_array_new();
    return set;
}

void chardev_set_hooks(struct chardev_set *set, const struct chardev_hooks *hooks)
{
    set->hooks = *hooks;
}

static void chardev_free(struct chardev *c)
{
    g_source_destroy(c->resume);
    g_source_unref(c->resume);
    if (c->class->close) {
        c->class->close(c);
    }
    if (c->opts) {
        row_clear(c->class->rows, c->opts);
        g_free(c->opts);
    }
    json_object_put(c->options);
    fd_close(&c->log_fd);
    g_mutex_clear(&c->lock);
    g_free(c->id);
    g_free(c);
}

void chardev_set_free(struct chardev_set *set)
{
    if (!set) {
        return;
    }
    for (guint i = set->all->len; i > 0; i--) {
        chardev_free(set->all->pdata[i - 1]);
    }
    g_ptr_array_unref(set->all);
    g_free(set);
}

struct chardev *chardev_find(struct chardev_set *set, const char *id)
{
    for (guint i = 0; i < set->all->len; i++) {
        struct chardev *c = set->all->pdata[i];

        if (g_str_equal(c->id, id)) {
            return c;
        }
    }
    return NULL;
}

gboolean chardev_remove(struct chardev_set *set, const char *id, GError **error)
{
    struct chardev *c = chardev_find(set, id);

    if (!c) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Chardev '%s' not found", id);
        return FALSE;
    }
    if (c->fe || c->users || chardev_is_mux(c)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "Chardev '%s' is busy", id);
        return FALSE;
    }
    g_ptr_array_remove(set->all, c);
    chardev_free(c);
    return TRUE;
}

/* ---- making ------------------------------------------------------------------------------------
 */

static gboolean on_resume(GSource *source, GSourceFunc fn, gpointer opaque)
{
    g_source_set_ready_time(source, -1);
    return fn(opaque);
}

static gboolean resume(gpointer opaque)
{
    struct chardev *c = opaque;

    if (c->class->resume) {
        c->class->resume(c);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs resume_funcs = {.dispatch = on_resume};

/* Instances are of one size, so that chardev_change can put another class in place. */
static size_t largest_instance(void)
{
    size_t size = chardev_mux.instance_size;

    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        size = MAX(size, classes[i]->instance_size);
    }
    return size;
}

static struct chardev *instance_new(struct chardev_set *set, const struct chardev_class *class,
                                    const char *id)
{
    struct chardev *c = g_malloc0(largest_instance());

    c->class = class;
    c->set = set;
    c->id = g_strdup(id);
    c->log_fd = -1;
    g_mutex_init(&c->lock);
    if (class->opts_size) {
        c->opts = g_malloc0(class->opts_size);
        row_defaults(class->rows, c->opts);
    }
    c->resume = g_source_new(&resume_funcs, sizeof(GSource));
    g_source_set_callback(c->resume, resume, c, NULL);
    g_source_attach(c->resume, set->context);
    return c;
}

static const struct chardev_class *find_class(const char *name, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (g_str_equal(name, classes[i]->name)) {
            return classes[i];
        }
    }
    if (g_str_equal(name, "memory")) {
        return &chardev_ringbuf;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(not_built); i++) {
        if (g_str_equal(name, not_built[i])) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "chardev back end '%s' is not built yet", name);
            return NULL;
        }
    }
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "'%s' is not a valid char driver name", name);
    return NULL;
}

static gboolean open_log(struct chardev *c, const struct common *common, GError **error)
{
    int flags = O_WRONLY | O_CREAT | (common->logappend ? O_APPEND : O_TRUNC);

    if (!common->logfile) {
        return TRUE;
    }
    c->log_fd = chardev_open_path(c, common->logfile, flags, error);
    return c->log_fd >= 0;
}

/* Options that are not common ones; a new object. */
static json_object *own_options(json_object *options)
{
    json_object *own = json_object_new_object();

    json_object_object_foreach(options, name, value)
    {
        if (!row_find(common_rows, name)) {
            json_object_object_add(own, name, json_object_get(value));
        }
    }
    return own;
}

static gboolean read_common(struct common *common, json_object *options, GError **error)
{
    json_object *mine = json_object_new_object();
    gboolean ok;

    json_object_object_foreach(options, name, value)
    {
        if (row_find(common_rows, name)) {
            json_object_object_add(mine, name, json_object_get(value));
        }
    }
    row_defaults(common_rows, common);
    ok = row_set_all(common_rows, common, "chardev", mine, error);
    json_object_put(mine);
    return ok;
}

static gboolean id_is_free(struct chardev_set *set, const char *id, GError **error)
{
    if (chardev_find(set, id)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, "Chardev with id '%s' already exists",
                    id);
        return FALSE;
    }
    return TRUE;
}

static gboolean start(struct chardev *c, const struct common *common, json_object *options,
                      GError **error)
{
    g_autofree char *what = g_strdup_printf("chardev '%s'", c->id);
    json_object *own = own_options(options);
    gboolean ok = row_set_all(c->class->rows, c->opts, what, own, error) &&
                  open_log(c, common, error) &&
                  (!c->class->open || c->class->open(c, c->opts, error));

    json_object_put(own);
    if (ok) {
        c->options = json_object_get(options);
    }
    return ok;
}

static struct chardev *make(struct chardev_set *set, const struct common *common, const char *id,
                            json_object *options, GError **error)
{
    const struct chardev_class *class = find_class(common->backend, error);
    struct chardev *c;

    if (!class) {
        return NULL;
    }
    c = instance_new(set, class, id);
    if (!start(c, common, options, error)) {
        chardev_free(c);
        return NULL;
    }
    g_ptr_array_add(set->all, c);
    return c;
}

struct chardev *chardev_new(struct chardev_set *set, json_object *options, GError **error)
{
    struct common common = {0};
    struct chardev *c = NULL;

    if (read_common(&common, options, error) && id_is_free(set, common.id, error)) {
        g_autofree char *base_id =
            common.mux ? g_strdup_printf("%s-base", common.id) : g_strdup(common.id);

        c = make(set, &common, base_id, options, error);
        if (c && common.mux) {
            c = chardev_mux_new(set, common.id, c, error);
        }
    }
    row_clear(common_rows, &common);
    return c;
}

/* Empties the instance behind its header. */
static void become(struct chardev *c, const struct chardev_class *class)
{
    if (c->class->close) {
        c->class->close(c);
    }
    if (c->opts) {
        row_clear(c->class->rows, c->opts);
        g_clear_pointer(&c->opts, g_free);
    }
    g_clear_pointer(&c->options, json_object_put);
    fd_close(&c->log_fd);
    g_mutex_lock(&c->lock);
    memset((char *)c + sizeof(*c), 0, largest_instance() - sizeof(*c));
    c->class = class;
    g_mutex_unlock(&c->lock);
    if (class->opts_size) {
        c->opts = g_malloc0(class->opts_size);
        row_defaults(class->rows, c->opts);
    }
}

static gboolean replace(struct chardev *c, json_object *options, GError **error)
{
    struct common common = {0};
    const struct chardev_class *class = NULL;
    gboolean ok = FALSE;

    if (read_common(&common, options, error)) {
        class = find_class(common.backend, error);
    }
    if (class && common.mux) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "Mux device hotswap not supported yet");
    } else if (class) {
        chardev_set_open(c, false);
        become(c, class);
        ok = start(c, &common, options, error);
        chardev_accept_input(c);
    }
    row_clear(common_rows, &common);
    return ok;
}

gboolean chardev_change(struct chardev_set *set, const char *id, json_object *options,
                        GError **error)
{
    struct chardev *c = chardev_find(set, id);
    json_object *before;
    gboolean ok;

    if (!c) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Chardev '%s' does not exist", id);
        return FALSE;
    }
    if (chardev_is_mux(c) || c->users) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "Mux device hotswap not supported yet");
        return FALSE;
    }
    before = json_object_get(c->options);
    ok = replace(c, options, error);
    if (!ok && !c->options && !replace(c, before, NULL)) {
        become(c, &chardev_null);
    }
    json_object_put(before);
    return ok;
}

struct chardev *chardev_mux_new(struct chardev_set *set, const char *id, struct chardev *base,
                                GError **error)
{
    struct chardev *c;

    if (!id_is_free(set, id, error)) {
        return NULL;
    }
    c = instance_new(set, &chardev_mux, id);
    if (!chardev_mux.open(c, base, error)) {
        chardev_free(c);
        return NULL;
    }
    g_ptr_array_add(set->all, c);
    return c;
}

/* ---- front ends --------------------------------------------------------------------------------
 */

gboolean chardev_attach(struct chardev *c, const struct chardev_frontend *frontend, GError **error)
{
    if (c->class->attach) {
        return c->class->attach(c, frontend, error);
    }
    if (frontend && (c->users || (c->fe && !chardev_same(c->fe, frontend)))) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY, "Chardev '%s' is already in use", c->id);
        return FALSE;
    }
    c->fe = NULL;
    if (frontend) {
        c->own_fe = *frontend;
        c->fe = &c->own_fe;
        if (chardev_is_open(c) && c->fe->event) {
            c->fe->event(c->fe->opaque, CHARDEV_OPENED);
        }
        chardev_accept_input(c);
    }
    return TRUE;
}

void chardev_detach(struct chardev *c, const struct chardev_frontend *frontend)
{
    if (c->class->detach) {
        c->class->detach(c, frontend);
    } else if (chardev_same(c->fe, frontend)) {
        c->fe = NULL;
    }
}

static void write_log(struct chardev *c, const uint8_t *data, size_t len)
{
    while (c->log_fd >= 0 && len) {
        ssize_t n = write(c->log_fd, data, len);

        if (n <= 0) {
            break; /* a full log must not stop the guest */
        }
        data += n;
        len -= (size_t)n;
    }
}

size_t chardev_write(struct chardev *c, const void *data, size_t len)
{
    size_t n = len;

    g_mutex_lock(&c->lock);
    if (c->open && c->class->write) {
        n = c->class->write(c, data, len);
    }
    write_log(c, data, n);
    g_mutex_unlock(&c->lock);
    return n;
}

void chardev_accept_input(struct chardev *c)
{
    g_source_set_ready_time(c->resume, 0);
}

bool chardev_is_open(struct chardev *c)
{
    return __atomic_load_n(&c->open, __ATOMIC_ACQUIRE);
}

const char *chardev_id(const struct chardev *c)
{
    return c->id;
}

bool chardev_is_mux(const struct chardev *c)
{
    return c->class == &chardev_mux;
}

int chardev_take_fd(struct chardev *c)
{
    return c->class->take_fd ? c->class->take_fd(c) : -1;
}

char *chardev_filename(struct chardev *c)
{
    return c->class->filename ? c->class->filename(c) : g_strdup(c->class->name);
}

json_object *chardev_query(struct chardev_set *set)
{
    json_object *list = json_object_new_array();

    for (guint i = 0; i < set->all->len; i++) {
        struct chardev *c = set->all->pdata[i];
        g_autofree char *filename = chardev_filename(c);
        json_object *info = json_object_new_object();

        json_object_object_add(info, "frontend-open",
                               json_object_new_boolean(c->fe || c->users || chardev_is_mux(c)));
        json_object_object_add(info, "label", json_object_new_string(c->id));
        json_object_object_add(info, "filename", json_object_new_string(filename));
        json_object_array_add(list, info);
    }
    return list;
}

/* ---- for back ends ------------------------------------------------------------------------------
 */

size_t chardev_room(struct chardev *c)
{
    return c->fe && c->fe->can_receive ? c->fe->can_receive(c->fe->opaque) : 0;
}

void chardev_deliver(struct chardev *c, const uint8_t *data, size_t len)
{
    if (c->fe) {
        c->fe->receive(c->fe->opaque, data, len);
    }
}

void chardev_send_event(struct chardev *c, enum chardev_event event)
{
    if (c->class->event) {
        c->class->event(c, event);
    } else if (c->fe && c->fe->event) {
        c->fe->event(c->fe->opaque, event);
    }
}

void chardev_set_open(struct chardev *c, bool open)
{
    bool changed;

    g_mutex_lock(&c->lock);
    changed = c->open != open;
    __atomic_store_n(&c->open, open, __ATOMIC_RELEASE);
    g_mutex_unlock(&c->lock);
    if (changed) {
        chardev_send_event(c, open ? CHARDEV_OPENED : CHARDEV_CLOSED);
    }
}

void chardev_writable(struct chardev *c)
{
    if (c->fe && c->fe->writable) {
        c->fe->writable(c->fe->opaque);
    }
}

int chardev_open_path(struct chardev *c, const char *path, int flags, GError **error)
{
    int64_t set;
    int fd;

    if (g_str_has_prefix(path, "/dev/fdset/") && c->set->hooks.fdset) {
        set = g_ascii_strtoll(path + strlen("/dev/fdset/"), NULL, 10);
        fd = c->set->hooks.fdset(c->set->hooks.opaque, set, flags);
        if (fd < 0) {
            errno = -fd;
            fd = -1;
        }
    } else {
        fd = open(path, flags | O_CLOEXEC, 0666);
    }
    if (fd < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(errno),
                    "chardev '%s': could not open '%s': %s", c->id, path, g_strerror(errno));
    }
    return fd;
}
