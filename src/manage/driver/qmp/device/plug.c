/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of a command line, one by one as commands; what each kind used, taken away. */
#include "manage/driver/qmp/device/plug.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/core/event.h"
#include "manage/driver/qmp/argv-device.h"
#include "manage/driver/qmp/argv.h"
#include "manage/driver/qmp/device/alias.h"
#include "manage/driver/qmp/device/tap.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <string.h>
#include <unistd.h>

#define UNPLUG_SECONDS 5 /* a guest that needs longer is not waited for, as libvirt does */

/* What a device uses on the host: its id by the device's number, and the command that ends it. */
static const struct {
    const char *kind, *prefix, *command;
} uses[] = {
    {"interface", "hostnet", "netdev_del"},
    {"rng", "objrng", "object-del"},
    {"memballoon", NULL, NULL},
    {"input", NULL, NULL},
};

static json_object *argument(const char *key, const char *value)
{
    json_object *object = json_object_new_object();

    words_set(object, key, value);
    return object;
}

static bool check_kind(const struct xml *device, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(uses); i++) {
        if (strcmp(uses[i].kind, device->name) == 0) {
            return true;
        }
    }
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                     "changing <%s> of a running machine is not built yet", device->name);
}

static const char *command_of(const char *option)
{
    static const char *const commands[][2] = {
        {"-netdev", "netdev_add"}, {"-object", "object-add"}, {"-device", "device_add"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i][0], option) == 0) {
            return commands[i][1];
        }
    }
    return NULL;
}

/* One that is there no longer, or not yet, does not matter. */
static void drop_use(struct domain *domain, unsigned row, const char *number)
{
    if (uses[row].command != NULL) {
        g_autofree char *id = g_strconcat(uses[row].prefix, number, NULL);

        (void)qmp_command(domain, uses[row].command, argument("id", id), NULL, NULL);
    }
}

static void drop_uses(struct domain *domain, const char *kind, unsigned number)
{
    g_autofree char *text = g_strdup_printf("%u", number);

    for (unsigned i = 0; i < G_N_ELEMENTS(uses); i++) {
        if (strcmp(uses[i].kind, kind) == 0) {
            drop_use(domain, i, text);
        }
    }
}

static bool is_link_down(const struct xml *interface)
{
    return xml_is(xml_find(interface, "link"), "state", "down");
}

static bool set_link(struct domain *domain, unsigned number, bool up, GError **error)
{
    g_autofree char *id = g_strdup_printf("net%u", number);
    json_object *arguments = argument("name", id);

    words_set_bool(arguments, "up", up);
    return qmp_command(domain, "set_link", arguments, NULL, error);
}

bool plug_set_links(struct domain *domain, GError **error)
{
    g_autoptr(GArray) down = g_array_new(FALSE, FALSE, sizeof(unsigned));
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        unsigned n;

        if (is_link_down(d) && alias_number(d, &n)) {
            g_array_append_val(down, n);
        }
    }
    for (unsigned i = 0; i < down->len; i++) {
        if (!set_link(domain, g_array_index(down, unsigned, i), false, error)) {
            return false;
        }
    }
    return true;
}

static bool add(struct domain *domain, GPtrArray *options, GError **error)
{
    for (unsigned i = 0; i + 1 < options->len; i += 2) {
        const char *command = command_of(options->pdata[i]);

        if (command == NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "adding '%s' to a running machine is not built yet",
                             (const char *)options->pdata[i]);
        }
        if (!qmp_command(domain, command, json_tokener_parse(options->pdata[i + 1]), NULL, error)) {
            return false;
        }
    }
    return true;
}

/* Gives the machine the tap's descriptors; their names, to be freed, with colons between. */
static char *give_tap(struct domain *domain, const struct network_plug *tap, GError **error)
{
    GString *names = g_string_new(NULL);
    bool good = true;

    for (unsigned i = 0; i < tap->n_fds && good; i++) {
        g_autofree char *name = g_strdup_printf("%s-%u", tap->device, i);

        g_string_append_printf(names, "%s%s", i > 0 ? ":" : "", name);
        good = qmp_give_fd(domain, name, tap->fds[i], error);
    }
    return g_string_free(names, !good);
}

static bool add_device(struct domain *domain, const struct xml *device, const struct argv_env *env,
                       GError **error)
{
    g_autoptr(GPtrArray) options = g_ptr_array_new_with_free_func(g_free);

    return argv_device(device->parent->parent, device, env, options, error) &&
           add(domain, options, error);
}

/* With its tap, which goes again when the machine does not take it. */
static bool add_on_tap(struct domain *domain, struct xml *device, GError **error)
{
    struct network_plug plug;
    g_autofree char *names = NULL;
    bool good;

    if (!tap_open(domain, device, &plug, error)) {
        return false;
    }
    names = give_tap(domain, &plug, error);
    const struct argv_tap tap = {plug.device, names};
    const struct argv_env env = {.taps = &tap, .n_taps = 1};

    good = names != NULL && add_device(domain, device, &env, error);
    for (unsigned i = 0; i < plug.n_fds; i++) {
        close(plug.fds[i]);
    }
    return good;
}

bool plug_attach(struct domain *domain, struct xml *device, GError **error)
{
    bool down = is_link_down(device), interface = strcmp(device->name, "interface") == 0, good;
    g_autofree char *kind = g_strdup(device->name);
    unsigned number = 0;

    if (!check_kind(device, error)) {
        return false;
    }
    alias_new(domain->def, device);
    (void)alias_number(device, &number);
    schema_tidy(device->parent->parent);
    good = interface && tap_wanted(device) ? add_on_tap(domain, device, error)
                                           : add_device(domain, device, NULL, error);
    if (!good) {
        drop_uses(domain, kind, number);
        return false;
    }
    if (down && interface && !set_link(domain, number, false, error)) {
        return false;
    }
    event_send(&domain->object, EVENT_DEVICE_ADDED,
               g_variant_new("(@(sayi)s)", call_pack_domain(domain),
                             xml_get(xml_find(device, "alias"), "name")));
    return true;
}

void plug_deleted(struct qmp_run *run, const struct xml *device)
{
    unsigned number;

    if (alias_number(device, &number)) {
        if (run->unused == NULL) {
            run->unused = g_ptr_array_new_with_free_func(g_free);
        }
        g_ptr_array_add(run->unused, g_strdup(xml_get(xml_find(device, "alias"), "name")));
    }
}

void plug_drop_unused(struct qmp_run *run)
{
    g_autoptr(GPtrArray) unused = g_steal_pointer(&run->unused);

    for (unsigned i = 0; unused != NULL && i < unused->len; i++) {
        for (unsigned k = 0; k < G_N_ELEMENTS(uses); k++) {
            const char *prefix = alias_prefix(uses[k].kind), *name = unused->pdata[i];

            if (g_str_has_prefix(name, prefix) && run->domain->private == run) {
                drop_use(run->domain, k, name + strlen(prefix));
            }
        }
    }
}

bool plug_detach(struct domain *domain, struct xml *device, GError **error)
{
    gint64 until = g_get_monotonic_time() + UNPLUG_SECONDS * G_TIME_SPAN_SECOND;
    g_autofree char *id = g_strdup(xml_get(xml_find(device, "alias"), "name"));

    if (!check_kind(device, error)) {
        return false;
    }
    if (id == NULL) {
        return fault_set(error, FAULT_OPERATION_FAILED, "the device has no name in the machine");
    }
    if (!qmp_command(domain, "device_del", argument("id", id), NULL, error)) {
        return false;
    }
    while (domain_is_active(domain) && alias_find(domain->def, id) != NULL &&
           g_cond_wait_until(&domain->job_done, &domain->object.lock, until)) {
    }
    return true;
}

static bool same_source(const struct xml *old, const struct xml *fresh)
{
    const char *key = xml_get(fresh, "type");

    return g_strcmp0(xml_get(xml_find(old, "source"), key),
                     xml_get(xml_find(fresh, "source"), key)) == 0;
}

/* It keeps its tap. */
static void keep_tap(const struct xml *old, struct xml *fresh)
{
    static const char *const names[] = {"portid", "bridge"};

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        xml_set(xml_need(fresh, "source"), names[i], xml_get(xml_find(old, "source"), names[i]));
    }
    xml_set(xml_need(fresh, "target"), "dev", xml_get(xml_find(old, "target"), "dev"));
}

/* What may differ of an interface that stays the same one. */
static bool check_interface(const struct xml *old, const struct xml *fresh, GError **error)
{
    const char *was = xml_get(xml_find(old, "model"), "type");
    const char *is = xml_get(xml_find(fresh, "model"), "type");

    if (g_strcmp0(was, is) != 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "cannot modify network device model from %s to %s",
                         was != NULL ? was : "(default)", is != NULL ? is : "(default)");
    }
    if (tap_wanted(fresh) && !same_source(old, fresh)) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "moving an interface of a running machine is not built yet");
    }
    return g_strcmp0(xml_get(old, "type"), xml_get(fresh, "type")) == 0 ||
           fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                     "changing the type of an interface of a running machine is not built yet");
}

static const struct xml *same_interface(struct domain *domain, const struct xml *device)
{
    struct xml *devices = domain_def_devices(domain->def);
    const char *mac = xml_get(xml_find(device, "mac"), "address");

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        if (g_strcmp0(xml_get(xml_find(d, "mac"), "address"), mac) == 0) {
            return d;
        }
    }
    return NULL;
}

bool plug_update(struct domain *domain, struct xml *device, GError **error)
{
    const struct xml *old;
    unsigned number;
    bool down;

    if (strcmp(device->name, "interface") != 0) {
        return fault_set(error, FAULT_OPERATION_UNSUPPORTED,
                         "live update of device '%s' is not supported", device->name);
    }
    old = same_interface(domain, device);
    if (old == NULL || !alias_number(old, &number)) {
        return fault_set(error, FAULT_DEVICE_MISSING, "the interface is not in the machine");
    }
    if (!check_interface(old, device, error)) {
        return false;
    }
    xml_set(xml_need(device, "alias"), "name", xml_get(xml_find(old, "alias"), "name"));
    if (tap_wanted(device)) {
        keep_tap(old, device);
    }
    schema_tidy(device->parent->parent);
    down = is_link_down(device);
    return down == is_link_down(old) || set_link(domain, number, !down, error);
}
