/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The definition of a domain: reading, defaults, and the parts that change. */
#include "manage/conf/domain.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"

#include <inttypes.h>
#include <string.h>

struct xml *domain_def_need(struct domain_def *def, const char *child)
{
    struct xml *found = xml_find(def->root, child);

    return found != NULL ? found : schema_insert(def->root, "domain", xml_new(child));
}

struct xml *domain_def_set_text(struct domain_def *def, const char *child, const char *text)
{
    if (text == NULL) {
        xml_drop(xml_find(def->root, child));
        return NULL;
    }
    struct xml *node = domain_def_need(def, child);

    xml_set_text(node, text);
    return node;
}

static void set_number(struct domain_def *def, const char *child, const char *unit, uint64_t value)
{
    struct xml *node = domain_def_need(def, child);
    g_autofree char *text = g_strdup_printf("%" PRIu64, value);

    xml_set_text(node, text);
    if (unit != NULL) {
        xml_set(node, "unit", unit);
    }
}

static uint64_t number(const struct domain_def *def, const char *child)
{
    uint64_t value = 0;

    (void)xml_number(xml_text_at(def->root, child), &value);
    return value;
}

static bool fill_memory(struct domain_def *def, GError **error)
{
    static const char *const names[] = {"memory", "currentMemory"};
    uint64_t bytes[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        struct xml *node = xml_find(def->root, names[i]);

        if (node != NULL && !xml_size(node->text, xml_get(node, "unit"), 1024, &bytes[i], error)) {
            return false;
        }
    }
    if (bytes[0] == 0) {
        return fault_set_raw(error, FAULT_XML_ERROR,
                             "Memory size must be specified via <memory> "
                             "or in the <numa> configuration");
    }
    domain_def_set_memory(def, (bytes[0] + 1023) / 1024);
    domain_def_set_current_memory(def, bytes[1] == 0 || bytes[1] > bytes[0]
                                           ? (bytes[0] + 1023) / 1024
                                           : (bytes[1] + 1023) / 1024);
    return true;
}

static bool fill_identity(struct domain_def *def, GError **error)
{
    const char *name = xml_text_at(def->root, "name");
    const char *uuid = xml_text_at(def->root, "uuid");
    char text[UUID_TEXT];

    if (name == NULL) {
        return fault_set(error, FAULT_NO_NAME, NULL);
    }
    if (strchr(name, '/') != NULL) {
        return fault_set(error, FAULT_XML_ERROR, "name %s cannot contain '/'", name);
    }
    if (uuid == NULL) {
        uuid_new(def->uuid);
    } else if (!uuid_parse(uuid, def->uuid)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "malformed uuid element");
    }
    uuid_format(def->uuid, text);
    domain_def_set_text(def, "uuid", text);
    return true;
}

static bool fill_os(struct domain_def *def, const struct domain_rules *rules, GError **error)
{
    struct xml *type = xml_at(def->root, "os/type");

    if (type == NULL || type->text == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "an os <type> must be specified");
    }
    if (xml_get(type, "arch") == NULL && rules->default_arch != NULL) {
        xml_set(type, "arch", rules->default_arch);
    }
    if (strcmp(type->text, "hvm") == 0 && xml_find(type->parent, "boot") == NULL &&
        xml_find(type->parent, "kernel") == NULL && xml_find(type->parent, "bootmenu") == NULL) {
        xml_set(xml_append(type->parent, xml_new("boot")), "dev", "hd");
    }
    return true;
}

static void fill_defaults(struct domain_def *def)
{
    static const char *const actions[][2] = {
        {"on_poweroff", "destroy"}, {"on_reboot", "restart"}, {"on_crash", "destroy"}};
    struct xml *vcpu = domain_def_need(def, "vcpu");

    if (vcpu->text == NULL) {
        xml_set_text(vcpu, "1");
    }
    if (xml_get(vcpu, "placement") == NULL) {
        xml_set(vcpu, "placement", "static");
    }
    if (xml_find(def->root, "clock") == NULL) {
        xml_set(domain_def_need(def, "clock"), "offset", "utc");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (xml_find(def->root, actions[i][0]) == NULL) {
            domain_def_set_text(def, actions[i][0], actions[i][1]);
        }
    }
    domain_def_need(def, "devices")->open = true;
}

static bool check_type(const struct domain_def *def, const struct domain_rules *rules,
                       GError **error)
{
    const char *type = xml_get(def->root, "type");

    if (strcmp(def->root->name, "domain") != 0) {
        fault_set(error, FAULT_XML_ERROR, "expecting root element of 'domain', not '%s'",
                  def->root->name);
        return fault_came_from(error, FAULT_FROM_XML);
    }
    if (type == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "missing domain type attribute");
    }
    if (!g_strv_contains(rules->types, type)) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unexpected domain type %s", type);
    }
    return true;
}

struct domain_def *domain_def_from_xml(struct xml *root, const struct domain_rules *rules,
                                       GError **error)
{
    g_autoptr(domain_def_own) def = g_new0(struct domain_def, 1);

    def->root = root;
    xml_set(root, "id", NULL);
    if (!check_type(def, rules, error) || !fill_identity(def, error) || !fill_memory(def, error) ||
        !fill_os(def, rules, error)) {
        return NULL;
    }
    schema_tidy(root);
    fill_defaults(def);
    if (rules->check != NULL && !rules->check(def, error)) {
        return NULL;
    }
    return g_steal_pointer(&def);
}

struct domain_def *domain_def_parse(const char *text, const struct domain_rules *rules,
                                    GError **error)
{
    struct xml *root = xml_parse(text, "domain_definition", error);

    return root != NULL ? domain_def_from_xml(root, rules, error) : NULL;
}

struct domain_def *domain_def_copy(const struct domain_def *def)
{
    struct domain_def *copy = g_new0(struct domain_def, 1);

    copy->root = xml_copy(def->root);
    memcpy(copy->uuid, def->uuid, UUID_BYTES);
    return copy;
}

void domain_def_free(struct domain_def *def)
{
    if (def != NULL) {
        xml_free(def->root);
        g_free(def);
    }
}

char *domain_def_format(const struct domain_def *def, int id, unsigned flags)
{
    g_autoptr(xml_own) copy = xml_copy(def->root);

    if (id >= 0 && (flags & DOMAIN_DEF_INACTIVE) == 0) {
        g_autofree char *text = g_strdup_printf("%d", id);

        xml_set(copy, "id", text);
    }
    return xml_format(copy);
}

const char *domain_def_type(const struct domain_def *def)
{
    return xml_get(def->root, "type");
}

const char *domain_def_name(const struct domain_def *def)
{
    return xml_text_at(def->root, "name");
}

void domain_def_set_name(struct domain_def *def, const char *name)
{
    domain_def_set_text(def, "name", name);
}

const char *domain_def_os_type(const struct domain_def *def)
{
    return xml_text_at(def->root, "os/type");
}

uint64_t domain_def_memory(const struct domain_def *def)
{
    return number(def, "memory");
}

uint64_t domain_def_current_memory(const struct domain_def *def)
{
    return number(def, "currentMemory");
}

void domain_def_set_memory(struct domain_def *def, uint64_t kib)
{
    set_number(def, "memory", "KiB", kib);
    if (number(def, "currentMemory") > kib) {
        domain_def_set_current_memory(def, kib);
    }
}

void domain_def_set_current_memory(struct domain_def *def, uint64_t kib)
{
    set_number(def, "currentMemory", "KiB", kib);
}

unsigned domain_def_max_vcpus(const struct domain_def *def)
{
    return number(def, "vcpu");
}

unsigned domain_def_vcpus(const struct domain_def *def)
{
    uint64_t current;

    return xml_number(xml_get(xml_find(def->root, "vcpu"), "current"), &current)
               ? current
               : domain_def_max_vcpus(def);
}

void domain_def_set_vcpus(struct domain_def *def, unsigned n)
{
    g_autofree char *text = g_strdup_printf("%u", n);

    xml_set(domain_def_need(def, "vcpu"), "current", n < domain_def_max_vcpus(def) ? text : NULL);
}

void domain_def_set_max_vcpus(struct domain_def *def, unsigned n)
{
    unsigned current = domain_def_vcpus(def);

    set_number(def, "vcpu", NULL, n);
    domain_def_set_vcpus(def, MIN(current, n));
}

const char *domain_def_action(const struct domain_def *def, const char *event)
{
    return xml_text_at(def->root, event);
}

void domain_def_set_action(struct domain_def *def, const char *event, const char *action)
{
    domain_def_set_text(def, event, action);
}

struct xml *domain_def_devices(const struct domain_def *def)
{
    return xml_find(def->root, "devices");
}
