/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that come and go while the machine runs. */
#include "machine/monitor/command.h"

static json_object *device_add(const struct qmp_call *c, GError **error)
{
    c->env->device_add(c->env->opaque, c->args, error);
    return NULL;
}

static json_object *device_del(const struct qmp_call *c, GError **error)
{
    const char *id = qmp_str(c, "id");
    struct dev *dev = machine_find_dev(c->env->machine, id);

    if (!dev) {
        return qmp_not_found(error, "Device", id);
    }
    machine_unplug(c->env->machine, dev, error);
    return NULL;
}

const struct qmp_command qmp_device_commands[] = {
    {"device_add", "driver:str bus?:str id?:str", NULL, device_add,
     "Makes a device and plugs it into a bus of the running machine.", .any_args = true},
    {"device_del", "id:str", NULL, device_del,
     "Asks the guest to let a device go; DEVICE_DELETED tells when it went."},
    {NULL},
};
