/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serial ports, consoles, channels: a chardev and what shows it to the guest. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/argv-device.h"

#include <string.h>

/* ",logfile=...": what <log> asks of a chardev. */
static char *log_options(const struct xml *device)
{
    const struct xml *log = xml_find(device, "log");
    g_autofree char *file = xml_get(log, "file") != NULL ? words_quote(xml_get(log, "file")) : NULL;

    return file == NULL ? g_strdup("")
                        : g_strdup_printf(",logfile=%s,logappend=%s", file,
                                          xml_is(log, "append", "off") ? "off" : "on");
}

static const struct xml *source_of(const struct xml *device, const char *mode)
{
    for (const struct xml *s = xml_find(device, "source"); s != NULL;
         s = xml_next(device, "source", s)) {
        if (mode == NULL || xml_get(s, "mode") == NULL || xml_is(s, "mode", mode)) {
            return s;
        }
    }
    return NULL;
}

static char *unix_path(const struct words *words, const struct xml *device)
{
    const char *path = xml_get(source_of(device, NULL), "path");
    const char *name = xml_get(xml_find(device, "target"), "name");
    g_autofree char *file = NULL;

    if (path != NULL) {
        return words_quote(path);
    }
    /* A name comes from the definition: it does not become a path, its number does. */
    (void)name;
    file = g_strdup_printf("%s/channel%u.sock", words->env->runtime, words_number(words, device));
    return words_quote(file);
}

static bool add_socket(struct words *words, const struct xml *device, const char *id,
                       const char *log, GError **error)
{
    bool listens =
        xml_is(source_of(device, NULL), "mode", "bind") || xml_is(device, "type", "unix");
    const struct xml *source = source_of(device, NULL);

    if (xml_is(device, "type", "unix")) {
        g_autofree char *path = unix_path(words, device);

        listens = !xml_is(source, "mode", "connect");
        words_add(words, "-chardev", "socket,id=%s,path=%s%s%s", id, path,
                  listens ? ",server=on,wait=off" : "", log);
        return true;
    }
    if (xml_get(source, "host") == NULL || xml_get(source, "service") == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "Missing source host or service attribute for %s",
                         device->name);
    }
    g_autofree char *host = words_quote(xml_get(source, "host"));
    g_autofree char *port = words_quote(xml_get(source, "service"));
    bool telnet = xml_is(xml_find(device, "protocol"), "type", "telnet");

    words_add(words, "-chardev", "socket,id=%s,host=%s,port=%s%s%s%s", id, host, port,
              telnet ? ",telnet=on" : "", listens ? ",server=on,wait=off" : "", log);
    return true;
}

static bool add_chardev(struct words *words, const struct xml *device, const char *id,
                        GError **error)
{
    const char *type = xml_get(device, "type");
    g_autofree char *log = log_options(device);
    const char *path = xml_get(source_of(device, NULL), "path");
    g_autofree char *quoted = path != NULL ? words_quote(path) : NULL;

    if (g_strcmp0(type, "pty") == 0 || g_strcmp0(type, "null") == 0) {
        words_add(words, "-chardev", "%s,id=%s%s", type, id, log);
        return true;
    }
    if (g_strcmp0(type, "file") == 0 && quoted != NULL) {
        words_add(words, "-chardev", "file,id=%s,path=%s%s%s", id, quoted,
                  xml_is(source_of(device, NULL), "append", "on") ? ",append=on" : "", log);
        return true;
    }
    if (g_strcmp0(type, "unix") == 0 || g_strcmp0(type, "tcp") == 0) {
        return add_socket(words, device, id, log, error);
    }
    if (g_strcmp0(type, "spicevmc") == 0) {
        words_add(words, "-chardev", "spicevmc,id=%s,name=%s", id,
                  strcmp(device->name, "redirdev") == 0 ? "usbredir" : "vdagent");
        return true;
    }
    return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<%s type='%s'> is not built yet",
                     device->name, type != NULL ? type : "");
}

bool argv_add_serial(struct words *words, const struct xml *device, GError **error)
{
    unsigned n = words_number(words, device);
    const char *model = xml_get(xml_at(device, "target/model"), "name");
    g_autofree char *chardev = g_strdup_printf("charserial%u", n);
    g_autofree char *id = g_strdup_printf("serial%u", n);

    if (!add_chardev(words, device, chardev, error)) {
        return false;
    }
    if (g_strcmp0(model, "pl011") == 0 || g_strcmp0(model, "16550a") == 0) {
        words_add(words, "-serial", "chardev:%s", chardev);
        return true;
    }
    if (model == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED, "<serial> without a model is not built");
    }
    json_object *object = words_device(model);

    words_set(object, "chardev", chardev);
    words_set(object, "id", id);
    if (strcmp(model, "isa-serial") == 0) {
        words_set_int(object, "index", words_attribute(xml_find(device, "target"), "port", n));
    }
    words_set_pci(object, words, device);
    words_add_json(words, "-device", object);
    return true;
}

bool argv_add_console(struct words *words, const struct xml *device, GError **error)
{
    unsigned n = words_number(words, device);
    g_autofree char *chardev = g_strdup_printf("charconsole%u", n);
    g_autofree char *id = g_strdup_printf("console%u", n);

    if (xml_is(xml_find(device, "target"), "type", "serial")) {
        return true; /* the first serial port's other name */
    }
    if (!xml_is(xml_find(device, "target"), "type", "virtio")) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "<console> with target type '%s' is not built yet",
                         xml_get(xml_find(device, "target"), "type"));
    }
    if (!add_chardev(words, device, chardev, error)) {
        return false;
    }
    json_object *object = words_device("virtconsole");

    words_set(object, "chardev", chardev);
    words_set(object, "id", id);
    words_add_json(words, "-device", object);
    return true;
}

bool argv_add_channel(struct words *words, const struct xml *device, GError **error)
{
    unsigned n = words_number(words, device);
    const struct xml *address = xml_find(device, "address");
    g_autofree char *chardev = g_strdup_printf("charchannel%u", n);
    g_autofree char *id = g_strdup_printf("channel%u", n);
    g_autofree char *bus = NULL;
    json_object *object;

    if (!xml_is(xml_find(device, "target"), "type", "virtio")) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "<channel> with target type '%s' is not built yet",
                         xml_get(xml_find(device, "target"), "type"));
    }
    if (!add_chardev(words, device, chardev, error)) {
        return false;
    }
    bus = g_strdup_printf("virtio-serial%u.%u", words_attribute(address, "controller", 0),
                          words_attribute(address, "bus", 0));
    object = words_device("virtserialport");
    words_set(object, "bus", bus);
    words_set_int(object, "nr", words_attribute(address, "port", n + 1));
    words_set(object, "chardev", chardev);
    words_set(object, "id", id);
    words_set(object, "name", xml_get(xml_find(device, "target"), "name"));
    words_add_json(words, "-device", object);
    return true;
}

bool argv_add_redirdev(struct words *words, const struct xml *device, GError **error)
{
    unsigned n = words_number(words, device);
    g_autofree char *chardev = g_strdup_printf("charredir%u", n);
    g_autofree char *id = g_strdup_printf("redir%u", n);
    json_object *object;

    if (!add_chardev(words, device, chardev, error)) {
        return false;
    }
    object = words_device("usb-redir");
    words_set(object, "chardev", chardev);
    words_set(object, "id", id);
    words_set_usb(object, device);
    words_add_json(words, "-device", object);
    return true;
}
