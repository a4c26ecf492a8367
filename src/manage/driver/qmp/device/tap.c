/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/device/tap.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/core/host.h"
#include "manage/core/network/leases.h"
#include "manage/driver/qmp/argv.h"
#include "manage/driver/qmp/words.h"

#include <stdio.h>
#include <string.h>

bool tap_wanted(const struct xml *interface)
{
    return xml_is(interface, "type", "network") || xml_is(interface, "type", "bridge");
}

static void forget(struct xml *interface)
{
    struct xml *target = xml_find(interface, "target"), *source = xml_find(interface, "source");
    const char *name = xml_get(target, "dev");

    if (name != NULL && g_str_has_prefix(name, "vnet")) {
        xml_set(target, "dev", NULL);
        if (target->attributes == NULL || target->attributes[0] == NULL) {
            xml_drop(target);
        }
    }
    if (source != NULL && xml_is(interface, "type", "network")) {
        xml_set(source, "portid", NULL);
        xml_set(source, "bridge", NULL);
    }
}

void tap_forget(struct xml *root)
{
    struct xml *devices = xml_find(root, "devices");

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        if (tap_wanted(d)) {
            forget(d);
        }
    }
}

static void note(struct xml *interface, const struct network_plug *plug)
{
    struct xml *source = xml_need(interface, "source");

    if (*plug->port != '\0') {
        xml_set(source, "portid", plug->port);
        xml_set(source, "bridge", plug->bridge);
    }
    xml_set(xml_need(interface, "target"), "dev", plug->device);
    schema_tidy(interface->parent->parent);
}

bool tap_open(struct domain *domain, struct xml *interface, struct network_plug *ret,
              GError **error)
{
    struct host *host = domain->object.host;
    g_autoptr(xml_own) copy = NULL;
    bool virtio = xml_is(xml_find(interface, "model"), "type", "virtio");
    struct network_want want = {.header = virtio, .queues = 1};
    bool good;

    if (host->networks == NULL || host->networks->plug == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "this host has no networks");
    }
    if (virtio) {
        want.queues = words_attribute(xml_find(interface, "driver"), "queues", 1);
    }
    if (want.queues < 1 || want.queues > NETWORK_MAX_QUEUES) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "an interface with %u queues is not built: it may have %d", want.queues,
                         NETWORK_MAX_QUEUES);
    }
    forget(interface);
    want.interface = copy = xml_copy(interface);
    object_unlock(&domain->object);
    good = host->networks->plug(host, &want, ret, error);
    object_lock(&domain->object);
    if (good) {
        note(interface, ret);
    }
    return good;
}

/* The descriptors' numbers in the machine, with colons between. */
static char *number_text(const struct network_plug *plug, int first)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < plug->n_fds; i++) {
        g_string_append_printf(text, "%s%d", i > 0 ? ":" : "", first + (int)i);
    }
    return g_string_free(text, FALSE);
}

static bool open_one(struct domain *domain, struct xml *interface, int first, GArray *fds,
                     GArray *taps, GPtrArray *texts, GError **error)
{
    struct network_plug plug;
    struct argv_tap tap;

    if (!tap_open(domain, interface, &plug, error)) {
        return false;
    }
    tap.device = g_strdup(plug.device);
    tap.fds = number_text(&plug, first + (int)fds->len);
    g_ptr_array_add(texts, (char *)tap.device);
    g_ptr_array_add(texts, (char *)tap.fds);
    g_array_append_val(taps, tap);
    g_array_append_vals(fds, plug.fds, plug.n_fds);
    return true;
}

bool tap_open_all(struct domain *domain, int first, GArray *fds, GArray *taps, GPtrArray *texts,
                  GError **error)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        if (tap_wanted(d) && !open_one(domain, d, first, fds, taps, texts, error)) {
            return false;
        }
    }
    return true;
}

/* A line of /proc/net/dev: the host's view, in which the guest's sending is receiving. */
static bool read_line(const char *line, const char *device, uint64_t ret[TAP_COUNTERS])
{
    gsize length = strlen(device);
    unsigned long long in[4], out[4];

    line += strspn(line, " ");
    if (strncmp(line, device, length) != 0 || line[length] != ':' ||
        sscanf(line + length + 1, "%llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu", &in[0],
               &in[1], &in[2], &in[3], &out[0], &out[1], &out[2], &out[3]) != TAP_COUNTERS) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        ret[i] = out[i];
        ret[4 + i] = in[i];
    }
    return true;
}

bool tap_counters(const char *device, uint64_t ret[TAP_COUNTERS])
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/net/dev", &text, NULL, NULL)) {
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (read_line(*line, device, ret)) {
            return true;
        }
    }
    return false;
}

struct xml *tap_find(struct domain *domain, const char *name)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *d = xml_find(devices, "interface"); d != NULL;
         d = xml_next(devices, "interface", d)) {
        if (xml_is(xml_find(d, "target"), "dev", name) ||
            xml_is(xml_find(d, "mac"), "address", name)) {
            return d;
        }
    }
    return NULL;
}
