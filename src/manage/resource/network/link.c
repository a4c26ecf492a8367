/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests of rtnetlink(7), built with libnl. */
#include "manage/resource/network/link.h"

#include "base/cleanup.h"
#include "manage/conf/fault.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

typedef struct nl_sock nl_socket;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(nl_socket, nl_socket_free)

/* errno of a libnl failure. */
static int number_of(int nl)
{
    switch (-nl) {
    case NLE_EXIST: return EEXIST;
    case NLE_PERM: return EPERM;
    case NLE_NOADDR:
    case NLE_NODEV:
    case NLE_OBJ_NOTFOUND: return ENODEV;
    case NLE_RANGE: return ERANGE;
    case NLE_BUSY: return EBUSY;
    case NLE_OPNOTSUPP: return EOPNOTSUPP;
    case NLE_NOMEM: return ENOMEM;
    default: return EINVAL;
    }
}

/* Sends the message, which is taken, and waits for the kernel's answer; an errno. */
static int ask(struct nl_msg *message)
{
    g_autoptr(nl_socket) socket = nl_socket_alloc();
    int status = socket != NULL ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

    if (status < 0) {
        nlmsg_free(message);
        return number_of(status);
    }
    status = nl_send_sync(socket, message);
    return status < 0 ? number_of(status) : 0;
}

static struct nl_msg *link_message(int type, int flags, struct ifinfomsg info)
{
    struct nl_msg *message = nlmsg_alloc_simple(type, flags);

    g_assert(message != NULL && nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO) == 0);
    return message;
}

bool link_add_bridge(const struct link_bridge *bridge, GError **error)
{
    static const uint8_t none[6];
    struct nl_msg *message;
    struct nlattr *info, *data;
    int number;

    if (strlen(bridge->name) >= IFNAMSIZ || *bridge->name == '\0' ||
        strpbrk(bridge->name, "/: \t\n") != NULL) {
        return fault_set_errno(error, ERANGE, "error creating bridge interface %s", bridge->name);
    }
    message = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
                           (struct ifinfomsg){.ifi_family = AF_UNSPEC});
    nla_put_string(message, IFLA_IFNAME, bridge->name);
    if (memcmp(bridge->mac, none, sizeof(none)) != 0) {
        nla_put(message, IFLA_ADDRESS, sizeof(bridge->mac), bridge->mac);
    }
    if (bridge->mtu != 0) {
        nla_put_u32(message, IFLA_MTU, bridge->mtu);
    }
    info = nla_nest_start(message, IFLA_LINKINFO);
    nla_put_string(message, IFLA_INFO_KIND, "bridge");
    data = nla_nest_start(message, IFLA_INFO_DATA);
    /* In hundredths of a second; before the protocol starts, which does not take less than two. */
    nla_put_u32(message, IFLA_BR_FORWARD_DELAY, bridge->delay * 100);
    nla_put_u32(message, IFLA_BR_STP_STATE, bridge->stp);
    nla_nest_end(message, data);
    nla_nest_end(message, info);
    number = ask(message);
    return number == 0 ||
           fault_set_errno(error, number, "error creating bridge interface %s", bridge->name);
}

bool link_add_address(const char *name, const struct network_ip *ip, GError **error)
{
    const struct ifaddrmsg head = {
        .ifa_family = (unsigned char)ip->address.family,
        .ifa_prefixlen = (unsigned char)ip->prefix,
        .ifa_index = if_nametoindex(name),
    };
    struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    int length = ip->address.family == AF_INET ? 4 : 16, number;
    uint8_t top[4];

    g_assert(message != NULL && nlmsg_append(message, (void *)&head, sizeof(head), 4) == 0);
    nla_put(message, IFA_LOCAL, length, ip->address.bytes);
    nla_put(message, IFA_ADDRESS, length, ip->address.bytes);
    if (ip->address.family == AF_INET && ip->prefix < 31) {
        for (unsigned i = 0; i < 4; i++) {
            unsigned own = ip->prefix > 8 * i ? MIN(ip->prefix - 8 * i, 8) : 0;

            top[i] = ip->address.bytes[i] | (uint8_t)(0xff >> own);
        }
        nla_put(message, IFA_BROADCAST, 4, top);
    } else if (ip->address.family == AF_INET6) {
        /* Nobody else has it, and whoever starts next wants to listen at once. */
        nla_put_u32(message, IFA_FLAGS, IFA_F_NODAD);
    }
    number = ask(message);
    return number == 0 || fault_set_errno(error, number, "Failed to add IP address %s/%u to %s",
                                          ip->text, ip->prefix, name);
}

bool link_up(const char *name, GError **error)
{
    int number = ask(link_message(RTM_NEWLINK, 0,
                                  (struct ifinfomsg){.ifi_index = (int)if_nametoindex(name),
                                                     .ifi_flags = IFF_UP,
                                                     .ifi_change = IFF_UP}));

    return number == 0 || fault_set_errno(error, number, "cannot set the interface %s up", name);
}

bool link_mtu(const char *name, unsigned *ret, GError **error)
{
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_flags = 0};

    if (fd < 0 || g_strlcpy(request.ifr_name, name, IFNAMSIZ) >= IFNAMSIZ ||
        ioctl(fd, SIOCGIFMTU, &request) < 0) {
        return fault_set_errno(error, strlen(name) < IFNAMSIZ ? errno : ENODEV,
                               "Cannot get interface MTU on '%s'", name);
    }
    *ret = (unsigned)request.ifr_mtu;
    return true;
}

bool link_set(const char *name, const uint8_t mac[6], unsigned mtu, GError **error)
{
    struct nl_msg *message =
        link_message(RTM_NEWLINK, 0, (struct ifinfomsg){.ifi_index = (int)if_nametoindex(name)});
    int number;

    nla_put(message, IFLA_ADDRESS, 6, mac);
    nla_put_u32(message, IFLA_MTU, mtu);
    number = ask(message);
    return number == 0 || fault_set_errno(error, number, "Cannot set interface MAC on '%s'", name);
}

bool link_join(const char *name, const char *bridge, GError **error)
{
    unsigned master = if_nametoindex(bridge);
    struct nl_msg *message;
    int number = ENODEV;

    if (master != 0) {
        message = link_message(RTM_NEWLINK, 0,
                               (struct ifinfomsg){.ifi_index = (int)if_nametoindex(name)});
        nla_put_u32(message, IFLA_MASTER, master);
        number = ask(message);
    }
    return number == 0 ||
           fault_set_errno(error, number, "Unable to add bridge %s port %s", bridge, name);
}

void link_remove(const char *name)
{
    unsigned index = if_nametoindex(name);

    if (index != 0) {
        (void)ask(link_message(RTM_DELLINK, 0, (struct ifinfomsg){.ifi_index = (int)index}));
    }
}
