/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnsmasq, which gives a network's machines their addresses and answers for their names. It
 * outlives this process; its pid file names it, and its command line proves that it is the one.
 */
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/resource/network/internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define END_MS 5000

static const char *const endings[] = {".conf", ".hosts", ".names", ".pid"};

void dnsmasq_files_clear(struct dnsmasq_files *files)
{
    g_clear_pointer(&files->config, g_free);
    g_clear_pointer(&files->hosts, g_free);
    g_clear_pointer(&files->names, g_free);
}

/* --- what it reads --- */

/* Names, addresses and the like mean nothing else to it; refuses what could. */
static bool plain(const char *text, const char *what, GError **error)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("._:-", *c) == NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "a network with the %s '%s' cannot be started", what, text);
        }
    }
    return true;
}

/* Text in quotes, in which commas and the like are only that. */
static char *quoted(const char *text)
{
    GString *out = g_string_new("\"");

    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, (unsigned char)*c < ' ' ? ' ' : *c);
    }
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

static void add_path(GString *out, const char *option, const char *base, const char *ending)
{
    g_autofree char *path = g_strconcat(base, ending, NULL);
    g_autofree char *text = quoted(path);

    g_string_append_printf(out, "%s=%s\n", option, text);
}

/* ",2m", or nothing. */
static char *lease_of(const struct xml *node)
{
    const struct xml *lease = xml_find(node, "lease");
    const char *expiry = xml_get(lease, "expiry"), *unit = xml_get(lease, "unit");
    uint64_t value;

    if (!xml_number(expiry, &value) || value > G_MAXUINT32) {
        return g_strdup("");
    }
    if (value == 0) {
        return g_strdup(",infinite");
    }
    return g_strdup_printf(",%u%s", (unsigned)value,
                           g_strcmp0(unit, "hours") == 0     ? "h"
                           : g_strcmp0(unit, "seconds") == 0 ? ""
                                                             : "m");
}

static void add_mask(GString *out, const struct network_ip *ip)
{
    uint32_t mask = ip->prefix == 0 ? 0 : 0xffffffffu << (32 - ip->prefix);

    g_string_append_printf(out, ",%u.%u.%u.%u", mask >> 24, mask >> 16 & 255, mask >> 8 & 255,
                           mask & 255);
}

static void add_subnet(GString *out, const struct network_ip *ip)
{
    if (ip->address.family == AF_INET) {
        add_mask(out, ip);
    } else {
        g_string_append_printf(out, ",%u", ip->prefix);
    }
}

/* Its ranges, and the hosts that it knows; true when it serves any addresses. */
static bool add_dhcp(GString *out, const struct network_ip *ip, uint64_t *total)
{
    const struct xml *dhcp = xml_find(ip->node, "dhcp");
    bool any = false;

    for (const struct xml *r = xml_find(dhcp, "range"); r != NULL; r = xml_next(dhcp, "range", r)) {
        g_autofree char *lease = lease_of(r);

        g_string_append_printf(out, "dhcp-range=%s,%s", xml_get(r, "start"), xml_get(r, "end"));
        add_subnet(out, ip);
        g_string_append_printf(out, "%s\n", lease);
        *total += network_range_size(r);
        any = true;
    }
    if (!any && xml_find(dhcp, "host") != NULL) {
        char subnet[NETWORK_SUBNET];

        network_subnet(ip, subnet);
        *strchr(subnet, '/') = '\0';
        g_string_append_printf(out, "dhcp-range=%s,static", subnet);
        if (ip->address.family == AF_INET6) {
            g_string_append_printf(out, ",%u", ip->prefix);
        }
        g_string_append_c(out, '\n');
        any = true;
    }
    if (!any && ip->address.family == AF_INET6) {
        g_string_append_printf(out, "dhcp-range=%s,ra-only\n", ip->text);
    }
    return any;
}

static bool add_hosts(GString *out, const struct network_ip *ip, GError **error)
{
    const struct xml *dhcp = xml_find(ip->node, "dhcp");

    for (const struct xml *h = xml_find(dhcp, "host"); h != NULL; h = xml_next(dhcp, "host", h)) {
        const char *mac = xml_get(h, "mac"), *name = xml_get(h, "name"), *id = xml_get(h, "id");
        bool old = ip->address.family == AF_INET;
        g_autofree char *lease = lease_of(h);

        if (!plain(name, "host", error) || !plain(id, "identifier", error)) {
            return false;
        }
        if (mac != NULL) {
            g_string_append_printf(out, "%s,", mac);
        } else if (id != NULL) {
            g_string_append_printf(out, "id:%s,", id);
        }
        if (mac == NULL && name != NULL) {
            g_string_append_printf(out, "%s,", name);
        }
        g_string_append_printf(out, old ? "%s" : "[%s]", xml_get(h, "ip"));
        if (mac != NULL && name != NULL) {
            g_string_append_printf(out, ",%s", name);
        }
        g_string_append_printf(out, "%s\n", lease);
    }
    return true;
}

static bool add_names(GString *out, const struct xml *dns, GError **error)
{
    for (const struct xml *h = xml_find(dns, "host"); h != NULL; h = xml_next(dns, "host", h)) {
        g_string_append(out, xml_get(h, "ip"));
        for (const struct xml *n = xml_find(h, "hostname"); n != NULL;
             n = xml_next(h, "hostname", n)) {
            if (!plain(n->text, "host", error)) {
                return false;
            }
            g_string_append_printf(out, "\t%s", n->text != NULL ? n->text : "");
        }
        g_string_append_c(out, '\n');
    }
    return true;
}

static bool add_srv(GString *out, const struct xml *srv, GError **error)
{
    static const char *const parts[] = {"service", "protocol", "domain", "target",
                                        "port",    "priority", "weight"};
    const char *domain = xml_get(srv, "domain"), *target = xml_get(srv, "target");

    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!plain(xml_get(srv, parts[i]), parts[i], error)) {
            return false;
        }
    }
    g_string_append_printf(out, "srv-host=_%s._%s%s%s", xml_get(srv, "service"),
                           xml_get(srv, "protocol"), domain != NULL ? "." : "",
                           domain != NULL ? domain : "");
    if (target != NULL) {
        g_string_append_printf(out, ",%s", target);
        for (unsigned i = 4; i < G_N_ELEMENTS(parts) && xml_get(srv, parts[i]) != NULL; i++) {
            g_string_append_printf(out, ",%s", xml_get(srv, parts[i]));
        }
    }
    g_string_append_c(out, '\n');
    return true;
}

static bool add_dns(GString *out, const struct xml *def, GError **error)
{
    const struct xml *dns = xml_find(def, "dns"), *child;
    bool forwards = false;

    for (unsigned i = 0; (child = xml_child(dns, i)) != NULL; i++) {
        if (strcmp(child->name, "txt") == 0) {
            g_autofree char *name = quoted(xml_get(child, "name"));
            const char *value = xml_get(child, "value");
            g_autofree char *text = quoted(value != NULL ? value : "");

            g_string_append_printf(out, "txt-record=%s,%s\n", name, text);
        } else if (strcmp(child->name, "srv") == 0 && !add_srv(out, child, error)) {
            return false;
        } else if (strcmp(child->name, "forwarder") == 0) {
            const char *domain = xml_get(child, "domain"), *addr = xml_get(child, "addr");

            if (!plain(domain, "domain", error)) {
                return false;
            }
            g_string_append_printf(out, domain != NULL ? "server=/%s/" : "server=%s",
                                   domain != NULL ? domain : "");
            g_string_append_printf(out, "%s\n", addr != NULL ? addr : domain != NULL ? "#" : "");
            forwards |= domain == NULL;
        }
    }
    if (forwards) {
        g_string_append(out, "no-resolv\n");
    }
    return true;
}

static bool add_domain(GString *out, const struct xml *def, GError **error)
{
    const struct xml *domain = xml_find(def, "domain");
    const char *name = xml_get(domain, "name");

    if (name == NULL) {
        return true;
    }
    if (!plain(name, "domain", error)) {
        return false;
    }
    if (xml_is(domain, "localOnly", "yes")) {
        g_string_append_printf(out, "local=/%s/\n", name);
    }
    g_string_append_printf(out, "domain=%s\nexpand-hosts\n", name);
    return true;
}

/* Lines that the definition has for it, word by word. */
static bool add_own(GString *out, const struct xml *def, GError **error)
{
    const struct xml *options = xml_find(def, "dnsmasq:options");

    for (const struct xml *o = xml_find(options, "dnsmasq:option"); o != NULL;
         o = xml_next(options, "dnsmasq:option", o)) {
        const char *value = xml_get(o, "value");

        if (value == NULL || strpbrk(value, "\r\n") != NULL) {
            return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                             "an option of dnsmasq that is no line");
        }
        g_string_append_printf(out, "%s\n", value);
    }
    return true;
}

/* Machines of a network that leads nowhere get no way out and no names from outside. */
static void add_isolation(GString *out, const struct network *net)
{
    if (net->mode == NETWORK_ISOLATED) {
        g_string_append(out, "dhcp-option=3\nno-resolv\nra-param=*,0,0\n");
    }
}

bool dnsmasq_format(const struct xml *def, const struct network *net,
                    const struct dnsmasq_paths *paths, struct dnsmasq_files *ret, GError **error)
{
    g_autoptr(GString) out = g_string_new("# Written by vivd, and written anew when it changes.\n"
                                          "strict-order\nexcept-interface=lo\nbind-dynamic\n");
    g_autoptr(GString) hosts = g_string_new(NULL), names = g_string_new(NULL);
    bool serves = false, new = false;
    uint64_t total = 0;

    if (!plain(net->bridge, "bridge", error)) {
        return false;
    }
    g_string_append_printf(out, "interface=%s\n", net->bridge);
    add_path(out, "pid-file", paths->base, ".pid");
    add_path(out, "dhcp-hostsfile", paths->base, ".hosts");
    add_path(out, "addn-hosts", paths->base, ".names");
    add_path(out, "dhcp-leasefile", paths->leases, "");
    if (paths->user != NULL) {
        g_string_append_printf(out, "user=%s\n", paths->user);
    }
    if (xml_is(xml_find(def, "dns"), "enable", "no")) {
        g_string_append(out, "port=0\n");
    }
    add_isolation(out, net);
    if (!add_domain(out, def, error) || !add_dns(out, def, error) ||
        !add_names(names, xml_find(def, "dns"), error)) {
        return false;
    }
    for (unsigned i = 0; i < net->n_ips; i++) {
        serves |= add_dhcp(out, &net->ip[i], &total);
        new |= net->ip[i].address.family == AF_INET6;
        if (!add_hosts(hosts, &net->ip[i], error)) {
            return false;
        }
    }
    if (serves) {
        g_string_append(out, "dhcp-no-override\ndhcp-authoritative\n");
    }
    if (total > 0) {
        g_string_append_printf(out, "dhcp-lease-max=%" G_GUINT64_FORMAT "\n", total);
    }
    g_string_append(out, new ? "enable-ra\n" : "");
    if (!add_own(out, def, error)) {
        return false;
    }
    ret->config = g_string_free(g_steal_pointer(&out), FALSE);
    ret->hosts = g_string_free(g_steal_pointer(&hosts), FALSE);
    ret->names = g_string_free(g_steal_pointer(&names), FALSE);
    return true;
}

bool dnsmasq_wanted(const struct xml *def, const struct network *net)
{
    bool serves = false;

    for (unsigned i = 0; i < net->n_ips; i++) {
        serves |= xml_find(net->ip[i].node, "dhcp") != NULL;
    }
    return network_owns_bridge(net->mode) && net->n_ips > 0 &&
           (serves || !xml_is(xml_find(def, "dns"), "enable", "no"));
}

/* --- its process --- */

/* A pidfd of the one that reads this configuration, or -1. */
static int find_process(const char *base)
{
    g_autofree char *pid_path = g_strconcat(base, ".pid", NULL);
    g_autofree char *wanted = g_strdup_printf("--conf-file=%s.conf", base);
    g_autofree char *text = NULL, *words = NULL, *path = NULL;
    gsize length = 0;
    int fd;
    long pid;

    if (!g_file_get_contents(pid_path, &text, NULL, NULL) || (pid = atol(text)) <= 1) {
        return -1;
    }
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    path = g_strdup_printf("/proc/%ld/cmdline", pid);
    if (fd < 0 || !g_file_get_contents(path, &words, &length, NULL)) {
        goto none;
    }
    for (const char *word = words; word < words + length; word += strlen(word) + 1) {
        if (strcmp(word, wanted) == 0) {
            return fd;
        }
    }
none:
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static void end(int pidfd)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0);
        if (poll(&p, 1, END_MS) > 0) {
            break;
        }
    }
    close(pidfd);
}

/* Readable for the account that it changes to. */
static bool write_file(const char *base, const char *ending, const char *text, GError **error)
{
    g_autofree char *path = g_strconcat(base, ending, NULL);
    g_autoptr(GError) why = NULL;

    return g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &why) ||
           fault_set(error, FAULT_SYSTEM_ERROR, "cannot write file '%s': %s", path, why->message);
}

bool dnsmasq_start(const struct xml *def, const struct network *net,
                   const struct dnsmasq_paths *paths, bool again, GError **error)
{
    g_autofree char *option = g_strdup_printf("--conf-file=%s.conf", paths->base);
    const char *const argv[] = {"dnsmasq", option, NULL};
    int pidfd = find_process(paths->base);
    struct dnsmasq_files files = {.config = NULL};
    bool good;

    if (pidfd >= 0 && !again) {
        close(pidfd);
        return true;
    }
    good = dnsmasq_format(def, net, paths, &files, error) &&
           write_file(paths->base, ".conf", files.config, error) &&
           write_file(paths->base, ".hosts", files.hosts, error) &&
           write_file(paths->base, ".names", files.names, error);
    if (good && pidfd >= 0) {
        end(pidfd);
    } else if (pidfd >= 0) {
        close(pidfd);
    }
    dnsmasq_files_clear(&files);
    return good && tool_run(argv, "dnsmasq-base", NULL, NULL, error);
}

void dnsmasq_stop(const char *base)
{
    int pidfd = find_process(base);

    if (pidfd >= 0) {
        end(pidfd);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *path = g_strconcat(base, endings[i], NULL);

        (void)unlink(path);
    }
}
