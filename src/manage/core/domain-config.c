/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of a domain, in force and for the next start: vCPUs, memory, metadata, name, actions. */
#include "manage/conf/fault.h"
#include "manage/core/affect.h"
#include "manage/core/driver.h"
#include "manage/core/event.h"
#include "manage/core/handlers.h"

#include <string.h>

/* Flags of vCPU calls beside those. */
enum { VCPU_MAXIMUM = 1 << 2, VCPU_GUEST = 1 << 3 };
/* Of memory calls. */
enum { MEMORY_MAXIMUM = 1 << 2 };

bool domain_keep(struct call *call, struct domain_def *const defs[2], GError **error)
{
    const struct driver_store *store = call->host->driver->store;

    return store == NULL || ((defs[0] == NULL || store->note(call->domain, error)) &&
                             (defs[1] == NULL || store->store(call->domain, error)));
}

bool domain_get_max_vcpus(struct call *call, GError **error)
{
    return call_reply_i32(call, domain_def_max_vcpus(call->domain->def));
}

bool domain_get_vcpus_flags(struct call *call, GError **error)
{
    unsigned which;

    if (!affect_which(call, &which, error)) {
        return false;
    }
    const struct domain_def *def = affect_def(call, which);

    return call_reply_i32(call, (call->flags & VCPU_MAXIMUM) != 0 ? domain_def_max_vcpus(def)
                                                                  : domain_def_vcpus(def));
}

static bool check_vcpus(struct call *call, struct domain_def *const defs[2], unsigned n,
                        GError **error)
{
    if (n == 0) {
        return fault_set(error, FAULT_INVALID_ARG, "argument unsupported: zero vCPUs");
    }
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL && (call->flags & VCPU_MAXIMUM) == 0 &&
            domain_def_max_vcpus(defs[i]) < n) {
            return fault_set(error, FAULT_INVALID_ARG,
                             "requested cpu amount exceeds maximum (%u > %u)", n,
                             domain_def_max_vcpus(defs[i]));
        }
    }
    return true;
}

static bool set_vcpus(struct call *call, unsigned which, unsigned n, GError **error)
{
    const struct driver_life *life = call->host->driver->life;
    struct domain_def *defs[2];

    affect_defs(call, which, defs);
    if (!check_vcpus(call, defs, n, error)) {
        return false;
    }
    if (defs[0] != NULL) {
        if (life->set_vcpus == NULL) {
            return fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
        }
        if (!life->set_vcpus(call->domain, n, error)) {
            return false;
        }
        domain_def_set_vcpus(call->domain->def, n);
    }
    if (defs[1] != NULL && (call->flags & VCPU_MAXIMUM) != 0) {
        domain_def_set_max_vcpus(defs[1], n);
    } else if (defs[1] != NULL) {
        domain_def_set_vcpus(defs[1], n);
    }
    return domain_keep(call, defs, error);
}

bool domain_set_vcpus_flags(struct call *call, GError **error)
{
    unsigned which;

    return affect_which(call, &which, error) && set_vcpus(call, which, call_u32(call, 1), error);
}

bool domain_set_vcpus(struct call *call, GError **error)
{
    return domain_check_active(call->domain, error) &&
           set_vcpus(call, AFFECT_LIVE, call_u32(call, 1), error);
}

static bool set_max_memory(struct call *call, unsigned which, uint64_t kib, GError **error)
{
    struct domain_def *defs[2];

    if ((which & AFFECT_LIVE) != 0 && domain_is_active(call->domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "cannot resize the maximum memory on an active domain");
    }
    affect_defs(call, which | AFFECT_CONFIG, defs);
    domain_def_set_memory(defs[1], kib);
    return domain_keep(call, defs, error);
}

static bool set_memory(struct call *call, unsigned which, uint64_t kib, GError **error)
{
    const struct driver_life *life = call->host->driver->life;
    struct domain_def *defs[2];

    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL && kib > domain_def_memory(defs[i])) {
            return fault_set(error, FAULT_INVALID_ARG, "cannot set memory higher than max memory");
        }
    }
    if (defs[0] != NULL) {
        if (life->set_memory == NULL) {
            return fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
        }
        if (!life->set_memory(call->domain, kib, error)) {
            return false;
        }
        if (!life->memory_later) {
            domain_def_set_current_memory(call->domain->def, kib);
        }
    }
    if (defs[1] != NULL) {
        domain_def_set_current_memory(defs[1], kib);
    }
    return domain_keep(call, defs, error);
}

bool domain_set_memory_flags(struct call *call, GError **error)
{
    uint64_t kib = call_u64(call, 1);
    unsigned which;

    if (!affect_which(call, &which, error)) {
        return false;
    }
    return (call->flags & MEMORY_MAXIMUM) != 0 ? set_max_memory(call, which, kib, error)
                                               : set_memory(call, which, kib, error);
}

bool domain_set_memory(struct call *call, GError **error)
{
    return domain_check_active(call->domain, error) &&
           set_memory(call, AFFECT_LIVE, call_u64(call, 1), error);
}

bool domain_set_max_memory(struct call *call, GError **error)
{
    return set_max_memory(call, domain_is_active(call->domain) ? AFFECT_LIVE : AFFECT_CONFIG,
                          call_u64(call, 1), error);
}

/* Kinds of metadata. */
enum { METADATA_DESCRIPTION, METADATA_TITLE, METADATA_ELEMENT };

/* The prefix behind "xmlns:" ("" for plain xmlns) whose value is the URI; NULL when there is none.
 */
static const char *prefix_of(const struct xml *node, const char *uri)
{
    for (char **a = node->attributes; a != NULL && *a != NULL; a += 2) {
        if (g_str_has_prefix(a[0], "xmlns") && strcmp(a[1], uri) == 0) {
            return a[0][5] == ':' ? a[0] + 6 : "";
        }
    }
    return NULL;
}

static struct xml *find_element(const struct domain_def *def, const char *uri)
{
    struct xml *metadata = xml_find(def->root, "metadata");
    struct xml *child;

    for (unsigned i = 0; (child = xml_child(metadata, i)) != NULL; i++) {
        if (prefix_of(child, uri) != NULL) {
            return child;
        }
    }
    return NULL;
}

/* Takes the prefix off the names of an element and those below, and its declaration. */
static void strip(struct xml *node, const char *prefix, const char *uri)
{
    size_t length = strlen(prefix);
    struct xml *child;

    if (length > 0 && strncmp(node->name, prefix, length) == 0 && node->name[length] == ':') {
        xml_rename(node, node->name + length + 1);
    }
    for (unsigned i = 0; (child = xml_child(node, i)) != NULL; i++) {
        strip(child, prefix, uri);
    }
}

static char *element_text(const struct xml *element, const char *uri)
{
    g_autoptr(xml_own) copy = xml_copy(element);
    g_autofree char *prefix = g_strdup(prefix_of(element, uri));
    g_autofree char *attribute =
        *prefix == '\0' ? g_strdup("xmlns") : g_strconcat("xmlns:", prefix, NULL);
    char *text;

    strip(copy, prefix, uri);
    xml_set(copy, attribute, NULL);
    text = xml_format(copy);
    return g_strchomp(text);
}

bool domain_get_metadata(struct call *call, GError **error)
{
    static const char *const names[] = {"description", "title"};
    int type = call_i32(call, 1);
    const char *uri = call_maybe_string(call, 2);
    g_autofree char *text = NULL;
    unsigned which;

    if (!affect_which(call, &which, error)) {
        return false;
    }
    const struct domain_def *def = affect_def(call, which);

    if (type == METADATA_DESCRIPTION || type == METADATA_TITLE) {
        text = g_strdup(xml_text_at(def->root, names[type]));
    } else if (type == METADATA_ELEMENT && uri != NULL) {
        struct xml *element = find_element(def, uri);

        text = element != NULL ? element_text(element, uri) : NULL;
    } else {
        return fault_set(error, FAULT_INVALID_ARG, "unknown metadata type");
    }
    return text != NULL ? call_reply_string(call, text)
                        : fault_set(error, FAULT_NO_DOMAIN_METADATA,
                                    "Requested metadata element is not present");
}

/* Puts the prefix before every name below that has none. */
static void add_prefix(struct xml *node, const char *prefix)
{
    struct xml *child;

    if (strchr(node->name, ':') == NULL) {
        g_autofree char *name = g_strdup_printf("%s:%s", prefix, node->name);

        xml_rename(node, name);
    }
    for (unsigned i = 0; (child = xml_child(node, i)) != NULL; i++) {
        add_prefix(child, prefix);
    }
}

/* The element of `text` under its key's prefix, or NULL with libvirt's words. */
static struct xml *make_element(const char *text, const char *key, const char *uri, GError **error)
{
    struct xml *element = xml_parse(text, "metadata_xml", error);

    if (element == NULL) {
        return NULL;
    }
    g_autofree char *declared = g_strconcat("xmlns:", key, NULL);

    add_prefix(element, key);
    xml_set(element, declared, uri);
    return element;
}

static bool put_element(struct domain_def *def, const char *text, const char *key, const char *uri,
                        GError **error)
{
    struct xml *old = find_element(def, uri);
    struct xml *element = NULL;

    if (text != NULL && (element = make_element(text, key, uri, error)) == NULL) {
        return false;
    }
    xml_drop(old);
    if (element != NULL) {
        xml_append(domain_def_need(def, "metadata"), element);
    }
    return true;
}

static bool put_metadata(struct call *call, struct domain_def *def, GError **error)
{
    const char *text = call_maybe_string(call, 2);
    const char *key = call_maybe_string(call, 3), *uri = call_maybe_string(call, 4);

    if (text != NULL && *text == '\0') {
        text = NULL;
    }
    switch (call_i32(call, 1)) {
    case METADATA_DESCRIPTION: domain_def_set_text(def, "description", text); return true;
    case METADATA_TITLE: domain_def_set_text(def, "title", text); return true;
    case METADATA_ELEMENT:
        if (uri != NULL && (key != NULL || text == NULL)) {
            return put_element(def, text, key, uri, error);
        }
        break;
    default: break;
    }
    return fault_set(error, FAULT_INVALID_ARG, "unknown metadata type");
}

bool domain_set_metadata(struct call *call, GError **error)
{
    struct domain_def *defs[2];
    unsigned which;

    if (!affect_which(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL && !put_metadata(call, defs[i], error)) {
            return false;
        }
    }
    event_send(call->object, EVENT_METADATA,
               g_variant_new("(@(sayi)ims)", call_pack_domain(call->domain), call_i32(call, 1),
                             call_maybe_string(call, 4)));
    return domain_keep(call, defs, error);
}

bool domain_rename(struct call *call, GError **error)
{
    const char *name = call_maybe_string(call, 1);
    struct domain *domain = call->domain;

    if (domain_is_active(domain)) {
        return fault_set(error, FAULT_OPERATION_INVALID, "cannot rename active domain");
    }
    if (!call->object->persistent) {
        return fault_set(error, FAULT_OPERATION_INVALID, "cannot rename a transient domain");
    }
    if (name == NULL || *name == '\0') {
        return fault_set(error, FAULT_INVALID_ARG, "can't rename domain to an empty name");
    }
    if (strchr(name, '/') != NULL) {
        return fault_set(error, FAULT_XML_ERROR, "name %s cannot contain '/'", name);
    }
    if (strcmp(name, call->object->name) == 0) {
        return fault_set(error, FAULT_OPERATION_INVALID, "Can't rename domain to itself");
    }
    event_lifecycle(domain, LIFECYCLE_UNDEFINED, 1);
    if (!objects_rename(call->host->objects[OBJECT_DOMAIN], call->object, name)) {
        return fault_set(error, FAULT_OPERATION_FAILED, "domain with name '%s' already exists",
                         name);
    }
    domain_def_set_name(domain->def, name);
    if (call->host->driver->store != NULL && !call->host->driver->store->store(domain, error)) {
        return false;
    }
    event_lifecycle(domain, LIFECYCLE_DEFINED, 2);
    return call_reply_i32(call, 0);
}

bool domain_set_lifecycle_action(struct call *call, GError **error)
{
    static const char *const types[] = {"on_poweroff", "on_reboot", "on_crash"};
    static const char *const actions[] = {"destroy",  "restart",          "rename-restart",
                                          "preserve", "coredump-destroy", "coredump-restart"};
    uint32_t type = call_u32(call, 1), action = call_u32(call, 2);
    struct domain_def *defs[2];
    unsigned which;

    if (type >= G_N_ELEMENTS(types) || action >= G_N_ELEMENTS(actions)) {
        return fault_set(error, FAULT_INVALID_ARG, "unknown lifecycle type or action");
    }
    if (type != 2 && action > 3) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "lifecycle action '%s' is not supported for this type", actions[action]);
    }
    if (!affect_which(call, &which, error)) {
        return false;
    }
    affect_defs(call, which, defs);
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            domain_def_set_action(defs[i], types[type], actions[action]);
        }
    }
    return domain_keep(call, defs, error);
}

bool domain_has_managed_save_image(struct call *call, GError **error)
{
    return call_reply_i32(call, call->domain->saved);
}
