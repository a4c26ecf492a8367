/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taps of machines' interfaces (Linux, Documentation/networking/tuntap.rst): not persistent, so
 * that the kernel takes one away when its machine, which has the descriptors, ends.
 */
#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/core/object-kind.h"
#include "manage/resource/network/internal.h"
#include "manage/resource/network/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PREFIX    "vnet"
#define MAX_TRIES 4096 /* names that others have */

static bool keep_bridge(struct network_plug *plug, const char *bridge, GError **error)
{
    return g_strlcpy(plug->bridge, bridge, sizeof(plug->bridge)) < sizeof(plug->bridge) ||
           fault_set_errno(error, ENODEV, "Cannot get interface MTU on '%s'", bridge);
}

/* The network is held. */
static bool use_network(struct object *object, struct network_plug *plug, GError **error)
{
    uint8_t port[UUID_BYTES];
    struct network net;

    if (!object->active) {
        return fault_set(error, FAULT_OPERATION_INVALID, "network '%s' is not active",
                         object->name);
    }
    if (!network_read(object->def, &net, error)) {
        return false;
    }
    if (net.bridge == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "an interface on a network without a bridge is not built yet");
    }
    uuid_new(port);
    uuid_format(port, plug->port);
    return keep_bridge(plug, net.bridge, error);
}

static bool find_bridge(struct host *host, const struct xml *interface, struct network_plug *plug,
                        GError **error)
{
    const struct xml *source = xml_find(interface, "source");
    const char *name = xml_get(source, xml_get(interface, "type"));

    if (name == NULL) {
        return fault_set(error, FAULT_XML_ERROR, "an interface without its <source>");
    }
    if (xml_is(interface, "type", "bridge")) {
        return keep_bridge(plug, name, error);
    }
    g_autoptr(object_held) network = objects_find_name(host->objects[OBJECT_NETWORK], name);

    return network != NULL ? use_network(network, plug, error)
                           : object_missing(OBJECT_NETWORK, "name", name, error);
}

static void close_all(struct network_plug *plug)
{
    while (plug->n_fds > 0) {
        close(plug->fds[--plug->n_fds]);
    }
}

/* One more queue of the tap of that name, which the first makes; an errno. */
static int open_queue(const struct network_want *want, struct network_plug *plug)
{
    auto_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};

    request.ifr_flags |= want->header ? IFF_VNET_HDR : 0;
    request.ifr_flags |= want->queues > 1 ? IFF_MULTI_QUEUE : 0;
    g_strlcpy(request.ifr_name, plug->device, IFNAMSIZ);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        return errno;
    }
    plug->fds[plug->n_fds++] = fd_steal(&fd);
    return 0;
}

static bool refuse(const char *device, int number, GError **error)
{
    if (number == EPERM || number == EACCES) {
        return fault_set(error, FAULT_SYSTEM_ERROR,
                         "Unable to create tap device %s: %s; an interface of type 'user' needs no "
                         "privileges",
                         device, g_strerror(number));
    }
    return fault_set_errno(error, number, "Unable to create tap device %s", device);
}

static bool open_queues(const struct network_want *want, struct network_plug *plug, GError **error)
{
    int number = 0;

    for (unsigned i = 0; i < want->queues && number == 0; i++) {
        number = open_queue(want, plug);
    }
    return number == 0 || refuse(plug->device, number, error);
}

/* One that the definition names, or the next that nobody has. */
static bool choose_name(struct networks *networks, const struct xml *interface,
                        struct network_plug *plug, GError **error)
{
    const char *name = xml_get(xml_find(interface, "target"), "dev");

    if (name != NULL) {
        return (*name != '\0' && strpbrk(name, "/:% \t\n") == NULL &&
                g_strlcpy(plug->device, name, sizeof(plug->device)) < sizeof(plug->device)) ||
               fault_set_errno(error, EINVAL, "Unable to create tap device %s", name);
    }
    for (unsigned i = 0; i < MAX_TRIES; i++) {
        unsigned number = (unsigned)g_atomic_int_add(&networks->last_tap, 1) + 1;

        g_snprintf(plug->device, sizeof(plug->device), PREFIX "%u", number);
        if (if_nametoindex(plug->device) == 0) {
            return true;
        }
    }
    return fault_set_errno(error, EEXIST, "Unable to create tap device " PREFIX "%%d");
}

/* The guest's, but for its first byte: a bridge takes the lowest of its ports' for its own. */
static bool choose_mac(const struct xml *interface, uint8_t mac[6], GError **error)
{
    const char *text = xml_get(xml_find(interface, "mac"), "address");

    if (!network_mac_parse(text, mac)) {
        return fault_set(error, FAULT_XML_ERROR, "unable to parse mac address '%s'",
                         text != NULL ? text : "");
    }
    if (mac[0] == 0xfe) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "Unable to use MAC address starting with reserved value 0xFE - '%s' - ",
                         text);
    }
    mac[0] = 0xfe;
    return true;
}

bool tap_plug(struct host *host, const struct network_want *want, struct network_plug *ret,
              GError **error)
{
    struct network_plug plug = {.n_fds = 0};
    const char *size = xml_get(xml_find(want->interface, "mtu"), "size");
    uint64_t asked;
    uint8_t mac[6];
    unsigned mtu;

    g_assert(want->queues >= 1 && want->queues <= NETWORK_MAX_QUEUES);
    if (!find_bridge(host, want->interface, &plug, error) || !link_mtu(plug.bridge, &mtu, error) ||
        !choose_mac(want->interface, mac, error) ||
        !choose_name(networks_of(host), want->interface, &plug, error)) {
        return false;
    }
    if (xml_number(size, &asked) && asked <= 65535) {
        mtu = (unsigned)asked;
    }
    if (!open_queues(want, &plug, error) || !link_set(plug.device, mac, mtu, error) ||
        !link_join(plug.device, plug.bridge, error) || !link_up(plug.device, error)) {
        close_all(&plug);
        return false;
    }
    *ret = plug;
    return true;
}
