/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that attach, detach and change devices. */
#include "cli/command.h"
#include "cli/device-xml.h"
#include "cli/document.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <viv/domain.h>

#define XML_INACTIVE 2
#define SOURCE       "string(./source/@file|./source/@dev|./source/@dir|./source/@name)"

/* --persistent --config --live --current, as libvirt's flags; VIV_PLAIN for none of them. */
static bool device_affect(struct cli *cli, const struct arguments *args, struct viv_object *domain,
                          unsigned *ret_affect)
{
    bool persistent = arg_given(args, "persistent");
    unsigned affect = (arg_given(args, "config") || persistent ? VIV_AFFECT_CONFIG : 0) |
                      (arg_given(args, "live") ? VIV_AFFECT_LIVE : 0);

    if (persistent && viv_is_active(domain, NULL) == 1) {
        affect |= VIV_AFFECT_LIVE;
    }
    *ret_affect = affect != 0 || arg_given(args, "current") ? affect : VIV_PLAIN;
    return true;
}

static bool check_affect(struct cli *cli, const struct arguments *args)
{
    return arg_exclusive(cli, args, "persistent", "current") &&
           arg_exclusive(cli, args, "current", "live") &&
           arg_exclusive(cli, args, "current", "config");
}

static bool change_from_file(struct cli *cli, const struct arguments *args, const char *verb,
                             int (*change)(struct viv_object *, const char *, unsigned,
                                           struct viv_error **),
                             bool plain)
{
    unsigned affect;

    if (!check_affect(cli, args)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *xml = domain != NULL ? cli_file(cli, args, "file") : NULL;

    if (xml == NULL || !device_affect(cli, args, domain, &affect)) {
        return false;
    }
    if (!plain) {
        affect = (affect & ~(unsigned)VIV_PLAIN) | (arg_given(args, "force") ? VIV_FORCE : 0);
    }
    return change(domain, xml, affect, cli_error(cli)) == 0
               ? cli_say(cli, "Device %s successfully\n",
                         *verb == 'a'   ? "attached"
                         : *verb == 'd' ? "detached"
                                        : "updated")
               : cli_fail(cli, "Failed to %s device from %s", verb, arg_text(args, "file"));
}

static bool run_attach_device(struct cli *cli, const struct arguments *args)
{
    return change_from_file(cli, args, "attach", viv_domain_attach, true);
}

static bool run_detach_device(struct cli *cli, const struct arguments *args)
{
    return change_from_file(cli, args, "detach", viv_domain_detach, true);
}

static bool run_update_device(struct cli *cli, const struct arguments *args)
{
    return change_from_file(cli, args, "update", viv_domain_update, false);
}

static bool run_detach_alias(struct cli *cli, const struct arguments *args)
{
    const char *alias = arg_text(args, "alias");
    unsigned affect;

    if (!cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);

    if (domain == NULL) {
        return false;
    }
    return viv_domain_detach_alias(domain, alias, affect, cli_error(cli)) == 0
               ? cli_say(cli, "Device detach request sent successfully\n")
               : cli_fail(cli, "Failed to detach device with alias %s", alias);
}

/* Attaches what the options describe, or shows it. */
static bool attach(struct cli *cli, const struct arguments *args, const char *what,
                   char *(*make)(struct cli *, const struct arguments *))
{
    unsigned affect;

    if (!check_affect(cli, args)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    g_autofree char *xml = domain != NULL ? make(cli, args) : NULL;

    if (xml == NULL || !device_affect(cli, args, domain, &affect)) {
        return false;
    }
    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", xml);
    }
    if (viv_domain_attach(domain, xml, affect, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to attach %s", what);
    }
    return cli_say(cli, "%s attached successfully\n", *what == 'd' ? "Disk" : "Interface");
}

static bool run_attach_disk(struct cli *cli, const struct arguments *args)
{
    if (!arg_requires(cli, args, "source-host-name", "source-protocol") ||
        !arg_requires(cli, args, "source-host-transport", "source-protocol") ||
        !arg_requires(cli, args, "source-host-socket", "source-protocol")) {
        return false;
    }
    return attach(cli, args, "disk", device_xml_disk);
}

static bool run_attach_interface(struct cli *cli, const struct arguments *args)
{
    return attach(cli, args, "interface", device_xml_interface);
}

/* The definition that the change is about. */
static struct document *read_definition(struct cli *cli, const struct arguments *args,
                                        struct viv_object *domain)
{
    bool config = arg_given(args, "config") || arg_given(args, "persistent");

    return document_of(cli, domain, config ? XML_INACTIVE : 0);
}

static bool detach(struct cli *cli, const struct arguments *args, struct viv_object *domain,
                   struct document *xml, xmlNodePtr node, const char *what)
{
    g_autofree char *text = document_xml(xml, node);
    unsigned affect;

    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", text);
    }
    if (!device_affect(cli, args, domain, &affect)) {
        return false;
    }
    if (viv_domain_detach(domain, text, affect, cli_error(cli)) != 0) {
        return cli_fail(cli, "Failed to detach %s", what);
    }
    return cli_say(cli, "%s detached successfully\n", *what == 'd' ? "Disk" : "Interface");
}

static bool removable(struct document *xml, xmlNodePtr disk)
{
    g_autofree char *device = document_text(xml, disk, "string(./@device)");

    return strcmp(device, "cdrom") == 0 || strcmp(device, "floppy") == 0;
}

/* The disk of that target or source; `medium`: among those whose medium can go. */
static xmlNodePtr find_disk(struct cli *cli, struct document *xml, const char *path, bool medium)
{
    g_autofree xmlNodePtr *disks = document_nodes(xml, NULL, "/domain/devices/disk");

    for (xmlNodePtr *disk = disks; *disk != NULL; disk++) {
        g_autofree char *target = document_text(xml, *disk, "string(./target/@dev)");
        g_autofree char *source = document_text(xml, *disk, SOURCE);

        if ((!medium || removable(xml, *disk)) &&
            (strcmp(target, path) == 0 || strcmp(source, path) == 0)) {
            return *disk;
        }
    }
    cli_fail(cli, "No disk found whose source path or target is %s", path);
    return NULL;
}

static bool run_detach_disk(struct cli *cli, const struct arguments *args)
{
    if (!check_affect(cli, args)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml = domain != NULL ? read_definition(cli, args, domain) : NULL;
    xmlNodePtr disk = xml != NULL ? find_disk(cli, xml, arg_text(args, "target"), false) : NULL;

    return disk != NULL && detach(cli, args, domain, xml, disk, "disk");
}

static xmlNodePtr find_interface(struct cli *cli, struct document *xml, const char *type,
                                 const char *mac)
{
    g_autofree xmlNodePtr *nics = document_nodes(xml, NULL, "/domain/devices/interface");
    xmlNodePtr found = NULL;
    size_t of_type = 0, of_mac = 0;

    for (xmlNodePtr *nic = nics; *nic != NULL; nic++) {
        g_autofree char *its_type = document_text(xml, *nic, "string(./@type)");
        g_autofree char *its_mac = document_text(xml, *nic, "string(./mac/@address)");
        bool same = strcmp(its_type, type) == 0;

        of_type += same;
        if (same && (mac == NULL || g_ascii_strcasecmp(its_mac, mac) == 0)) {
            of_mac++;
            found = *nic;
        }
    }
    if (of_type == 0) {
        cli_fail(cli, "No interface found whose type is %s", type);
    } else if (mac == NULL && of_type > 1) {
        cli_fail(cli, "Domain has %zu interfaces. Please specify which one to detach using --mac",
                 of_type);
    } else if (of_mac > 1) {
        cli_fail(cli,
                 "Domain has multiple interfaces matching MAC address %s. You must use "
                 "detach-device and specify the device pci address to remove it.",
                 mac);
    } else if (of_mac == 0) {
        cli_fail(cli, "No interface with MAC address %s was found", mac);
    }
    return of_mac == 1 ? found : NULL;
}

static bool run_detach_interface(struct cli *cli, const struct arguments *args)
{
    if (!check_affect(cli, args)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml = domain != NULL ? read_definition(cli, args, domain) : NULL;

    if (xml == NULL) {
        return false;
    }
    xmlNodePtr nic = find_interface(cli, xml, arg_text(args, "type"), arg_text(args, "mac"));

    return nic != NULL ? detach(cli, args, domain, xml, nic, "interface")
                       : cli_fail(cli, "Failed to detach interface");
}

enum media { MEDIA_EJECT, MEDIA_INSERT, MEDIA_UPDATE };

/* Takes the medium out of the definition, or puts another one in. */
static bool change_medium(struct cli *cli, const struct arguments *args, xmlNodePtr disk,
                          xmlNodePtr source, enum media action)
{
    const char *path = arg_text(args, "source");
    struct stat st;
    bool block =
        arg_given(args, "block") || (path != NULL && stat(path, &st) == 0 && S_ISBLK(st.st_mode));

    if (source != NULL) {
        xmlUnlinkNode(source);
        xmlFreeNode(source);
    }
    if (action == MEDIA_EJECT) {
        return true;
    }
    source = xmlNewChild(disk, NULL, BAD_CAST "source", NULL);
    xmlSetProp(source, BAD_CAST(block ? "dev" : "file"), BAD_CAST path);
    xmlSetProp(disk, BAD_CAST "type", BAD_CAST(block ? "block" : "file"));
    return true;
}

/* Says what does not fit; sets what is to be done. */
static bool check_medium(struct cli *cli, const struct arguments *args, bool has_source,
                         enum media *ret_action)
{
    const char *path = arg_text(args, "path");
    *ret_action = arg_given(args, "eject")    ? MEDIA_EJECT
                  : arg_given(args, "insert") ? MEDIA_INSERT
                                              : MEDIA_UPDATE;
    if (*ret_action == MEDIA_EJECT) {
        return has_source || cli_fail(cli, "The disk device '%s' doesn't have media", path);
    }
    if (!arg_given(args, "source")) {
        return cli_fail(cli, "New disk media source was not specified");
    }
    return *ret_action != MEDIA_INSERT || !has_source ||
           cli_fail(cli, "The disk device '%s' already has media", path);
}

static bool run_change_media(struct cli *cli, const struct arguments *args)
{
    static const char *const verbs[] = {"eject", "insert", "update"};
    static const char *const done[] = {"ejected", "inserted", "updated"};
    const char *path = arg_text(args, "path");
    unsigned affect;
    enum media action;

    if (!arg_exclusive(cli, args, "eject", "insert") ||
        !arg_exclusive(cli, args, "eject", "update") ||
        !arg_exclusive(cli, args, "insert", "update") ||
        !arg_exclusive(cli, args, "eject", "block") || !cli_affect(cli, args, &affect)) {
        return false;
    }
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    auto_document struct document *xml = domain != NULL ? read_definition(cli, args, domain) : NULL;
    xmlNodePtr disk = xml != NULL ? find_disk(cli, xml, path, true) : NULL;

    if (disk == NULL) {
        return false;
    }
    xmlNodePtr source = document_node(xml, disk, "./source");

    if (!check_medium(cli, args, source != NULL, &action) ||
        !change_medium(cli, args, disk, source, action)) {
        return false;
    }
    g_autofree char *text = document_xml(xml, disk);

    if (arg_given(args, "print-xml")) {
        return show_word(cli, "xml", "%s", text);
    }
    affect |= arg_given(args, "force") ? VIV_FORCE : 0;
    return viv_domain_update(domain, text, affect, cli_error(cli)) == 0
               ? cli_say(cli, "Successfully %s media.", done[action])
               : cli_fail(cli, "Failed to complete action %s on media", verbs[action]);
}

static bool run_blockresize(struct cli *cli, const struct arguments *args)
{
    const char *path = arg_text(args, "path");
    auto_object struct viv_object *domain = cli_object(cli, args, VIV_DOMAIN);
    uint64_t bytes;

    if (domain == NULL || !arg_scaled(cli, args, "size", 1024, &bytes)) {
        return false;
    }
    return viv_domain_resize_disk(domain, path, bytes, cli_error(cli)) == 0
               ? cli_say(cli, "Block device '%s' is resized", path)
               : cli_fail(cli, "Failed to resize block device '%s'", path);
}

const struct verb device_verbs[] = {
    {"attach-device", run_attach_device},
    {"attach-disk", run_attach_disk},
    {"attach-interface", run_attach_interface},
    {"blockresize", run_blockresize},
    {"change-media", run_change_media},
    {"detach-device", run_detach_device},
    {"detach-device-alias", run_detach_alias},
    {"detach-disk", run_detach_disk},
    {"detach-interface", run_detach_interface},
    {"update-device", run_update_device},
    {NULL},
};
