/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine tells of its guest and of who looks at its screen, as libvirt's clients hear it.
 */
#include "manage/core/event.h"
#include "manage/driver/qmp/internal.h"

#include <string.h>

#define AGENT_CHANNEL "org.qemu.guest_agent.0"

enum { AGENT_CONNECTED = 1, AGENT_DISCONNECTED = 2, AGENT_BY_CHANNEL = 2 };
enum { FAMILY_IPV4, FAMILY_IPV6, FAMILY_UNIX };

/* "" when it is not there or no string; borrowed. */
static const char *text_of(json_object *object, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : "";
}

static struct xml *find_channel(struct domain *domain, const char *id)
{
    struct xml *devices = domain_def_devices(domain->def);
    unsigned n = 0;

    for (struct xml *c = xml_find(devices, "channel"); c != NULL;
         c = xml_next(devices, "channel", c), n++) {
        g_autofree char *name = g_strdup_printf("channel%u", n);

        if (strcmp(name, id) == 0) {
            return c;
        }
    }
    return NULL;
}

void qmp_on_port(struct qmp_run *run, json_object *data)
{
    struct xml *channel = find_channel(run->domain, text_of(data, "id"));
    struct xml *target = xml_find(channel, "target");
    json_object *open = NULL;
    const char *state;

    if (!xml_is(target, "type", "virtio") || !json_object_object_get_ex(data, "open", &open)) {
        return;
    }
    state = json_object_get_boolean(open) ? "connected" : "disconnected";
    if (xml_is(target, "state", state)) {
        return;
    }
    xml_set(target, "state", state);
    if (xml_is(target, "name", AGENT_CHANNEL)) {
        event_send(
            &run->domain->object, EVENT_AGENT,
            g_variant_new("(@(sayi)ii)", call_pack_domain(run->domain),
                          json_object_get_boolean(open) ? AGENT_CONNECTED : AGENT_DISCONNECTED,
                          AGENT_BY_CHANNEL));
    }
}

void qmp_on_clock(struct qmp_run *run, json_object *data)
{
    json_object *offset = NULL;

    if (json_object_object_get_ex(data, "offset", &offset)) {
        event_send(&run->domain->object, EVENT_RTC_CHANGE,
                   g_variant_new("((@(sayi)x))", call_pack_domain(run->domain),
                                 json_object_get_int64(offset)));
    }
}

static GVariant *pack_side(json_object *side)
{
    const char *family = text_of(side, "family");
    int number = strcmp(family, "ipv6") == 0   ? FAMILY_IPV6
                 : strcmp(family, "unix") == 0 ? FAMILY_UNIX
                                               : FAMILY_IPV4;

    return g_variant_new("(iss)", number, text_of(side, "host"), text_of(side, "service"));
}

static GVariant *pack_identities(json_object *client)
{
    static const char *const kinds[][2] = {{"x509_dname", "x509dname"},
                                           {"sasl_username", "saslUsername"}};
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(ss)"));
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (*text_of(client, kinds[i][0]) != '\0') {
            g_variant_builder_add(&rows, "(ss)", kinds[i][1], text_of(client, kinds[i][0]));
        }
    }
    return g_variant_builder_end(&rows);
}

void qmp_on_viewer(struct qmp_run *run, json_object *data, int phase)
{
    json_object *server = NULL, *client = NULL;

    if (!json_object_object_get_ex(data, "server", &server) ||
        !json_object_object_get_ex(data, "client", &client)) {
        return;
    }
    event_send(&run->domain->object, EVENT_GRAPHICS,
               g_variant_new("((@(sayi)i@(iss)@(iss)s@a(ss)))", call_pack_domain(run->domain),
                             phase, pack_side(server), pack_side(client), text_of(server, "auth"),
                             pack_identities(client)));
}
