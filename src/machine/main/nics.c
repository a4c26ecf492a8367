/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -nic and the default network card. */
#include "machine/main/host.h"

#include <gio/gio.h>

#define DEFAULT_MODEL "virtio-net-pci"

static const char *text_of(json_object *o, const char *name)
{
    json_object *v;

    return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : NULL;
}

/* Short model names of -nic. */
static const char *model_driver(const char *model)
{
    return !model || g_str_equal(model, "virtio") ? DEFAULT_MODEL : model;
}

/* Moves "model" and "mac" to the card; the rest is the back end's. */
static gboolean add_nic(struct host *h, json_object *options, unsigned n, GError **error)
{
    g_autofree char *id = g_strdup_printf("#nic%03u", n);
    json_object *netdev = json_object_new_object();
    json_object *dev = json_object_new_object();
    gboolean ok;

    json_object_object_add(dev, "driver",
                           json_object_new_string(model_driver(text_of(options, "model"))));
    if (text_of(options, "id")) {
        g_free(id);
        id = g_strdup(text_of(options, "id"));
    }
    json_object_object_add(dev, "netdev", json_object_new_string(id));
    json_object_object_foreach(options, name, value)
    {
        if (g_str_equal(name, "mac") || g_str_equal(name, "macaddr")) {
            json_object_object_add(dev, "mac", json_object_get(value));
        } else if (!g_str_equal(name, "model")) {
            json_object_object_add(netdev, name, json_object_get(value));
        }
    }
    json_object_object_add(netdev, "id", json_object_new_string(id));
    g_ptr_array_add(h->implied, dev);
    ok = netdev_new(h->netdevs, netdev, error) != NULL;
    json_object_put(netdev);
    return ok;
}

/* The card that a machine has when nothing was said about networks. */
static gboolean add_default(struct host *h, GError **error)
{
    json_object *o = json_object_new_object();
    gboolean ok;

    json_object_object_add(o, "type", json_object_new_string("user"));
    ok = add_nic(h, o, 0, error);
    json_object_put(o);
    return ok;
}

static const char *type_of(json_object *o)
{
    const char *type = text_of(o, "type");

    return type ? type : "";
}

/*
 * -net: one card and one back end make a pair; either may be alone. What more of them would need,
 * a hub, is not built.
 */
static gboolean add_nets(struct host *h, unsigned n, GError **error)
{
    json_object *card = NULL, *peer = NULL;

    for (guint i = 0; i < h->setup->nets->len; i++) {
        json_object *o = h->setup->nets->pdata[i],
                    **place = g_str_equal(type_of(o), "nic") ? &card : &peer;

        if (*place) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        "a hub of more than one card and one back end is not built yet; use "
                        "-nic");
            return FALSE;
        }
        *place = o;
    }
    if (card && !peer) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "a card without a back end is not built yet; add -net user");
        return FALSE;
    }
    if (!card) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "a back end without a card is not built yet; add -net nic");
        return FALSE;
    }
    json_object_object_foreach(card, name, value)
    {
        if (!g_str_equal(name, "type")) {
            json_object_object_add(peer, name, json_object_get(value));
        }
    }
    return add_nic(h, peer, n, error);
}

gboolean nics_build(struct host *h, GError **error)
{
    const struct setup *s = h->setup;
    bool any = s->netdevs->len || s->nics->len || s->nets->len || s->net_none || s->no_defaults;

    for (guint i = 0; i < s->netdevs->len; i++) {
        if (!netdev_new(h->netdevs, s->netdevs->pdata[i], error)) {
            g_prefix_error(error, "-netdev %s: ", json_object_to_json_string(s->netdevs->pdata[i]));
            return FALSE;
        }
    }
    for (guint i = 0; i < s->nics->len; i++) {
        if (!add_nic(h, s->nics->pdata[i], i, error)) {
            g_prefix_error(error, "-nic %s: ", json_object_to_json_string(s->nics->pdata[i]));
            return FALSE;
        }
    }
    if (s->nets->len && !add_nets(h, s->nics->len, error)) {
        g_prefix_error(error, "-net: ");
        return FALSE;
    }
    return any || !h->board->has_defaults || h->config.accel->no_execution || add_default(h, error);
}
