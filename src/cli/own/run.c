/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run: a guest of an image, its console on this terminal. What it writes goes to an overlay. */
#include "cli/console.h"
#include "cli/document.h"
#include "cli/own/image.h"
#include "cli/own/own.h"
#include "cli/volume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSED 1 /* flag of domain_create_xml and domain_create_with_flags */
#define MIB    (UINT64_C(1) << 20)

/* What is made, and taken away again when it fails or was asked for that. */
struct run {
    char *image; /* its whole path */
    struct image form;
    char *name, *overlay, *emulator;
    uint64_t memory;
    unsigned vcpus;
    struct viv_object *pool, *domain;
    struct viv_volume *volume;
    bool remove, detach;
};

static void run_clear(struct run *run)
{
    g_free(run->image);
    g_free(run->name);
    g_free(run->overlay);
    g_free(run->emulator);
    viv_object_free(run->pool);
    viv_object_free(run->domain);
    viv_volume_free(run->volume);
}

/* viv-machine beside viv, or in PATH. NULL with a message; to be freed. */
static char *find_emulator(struct cli *cli)
{
    g_autofree char *itself = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = itself != NULL ? g_path_get_dirname(itself) : g_strdup("");
    char *path = g_build_filename(folder, "viv-machine", NULL);

    if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
        g_free(path);
        path = g_find_program_in_path("viv-machine");
    }
    if (path == NULL) {
        cli_fail(cli, "there is no viv-machine in PATH: name another with --emulator");
    }
    return path;
}

/* Neither a domain nor a volume of the pool has it. */
static bool is_free(struct cli *cli, struct run *run, const char *name)
{
    g_autofree char *overlay = g_strconcat(name, ".qcow2", NULL);
    auto_object struct viv_object *domain =
        viv_find(cli->connection, VIV_DOMAIN, name, cli_error(cli));
    auto_volume struct viv_volume *volume = viv_find_volume(run->pool, overlay, cli_error(cli));

    g_clear_pointer(&cli->error, viv_error_free);
    return domain == NULL && volume == NULL;
}

/* The image's own, with a number where that is taken. */
static char *make_name(struct cli *cli, struct run *run)
{
    g_autofree char *base = g_path_get_basename(run->image);
    char *dot = strrchr(base, '.');

    if (dot != NULL && dot != base) {
        *dot = '\0';
    }
    g_strcanon(base, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-", '-');
    if (*base == '.' || *base == '-') {
        *base = '_';
    }
    char *name = g_strdup(base);

    for (unsigned n = 2; n < 1000 && !is_free(cli, run, name); n++) {
        g_free(name);
        name = g_strdup_printf("%s-%u", base, n);
    }
    return name;
}

static bool take_numbers(struct cli *cli, const struct arguments *args, struct run *run)
{
    run->memory = 1024 * MIB;
    run->vcpus = 1;
    if ((arg_given(args, "memory") && !arg_scaled(cli, args, "memory", MIB, &run->memory)) ||
        !arg_u32(cli, args, "vcpus", &run->vcpus)) {
        return false;
    }
    return (run->memory >= MIB && run->vcpus > 0) ||
           cli_fail(cli, "a guest needs memory and a vCPU");
}

static bool take_image(struct cli *cli, const struct arguments *args, struct run *run)
{
    char *path = realpath(arg_text(args, "image"), NULL);

    run->image = g_strdup(path != NULL ? path : arg_text(args, "image"));
    free(path);
    if (!image_look(cli, run->image, &run->form)) {
        return false;
    }
    return !run->form.others || arg_given(args, "other-files") ||
           cli_fail(cli,
                    "%s names other files that are read with it: give --other-files when you "
                    "trust it",
                    run->image);
}

/* All that is asked for, before anything is made. */
static bool prepare(struct cli *cli, const struct arguments *args, struct run *run)
{
    const char *name = arg_text(args, "name"), *pool = arg_text(args, "pool");

    run->remove = arg_given(args, "rm");
    run->detach = arg_given(args, "detach");
    if (!arg_exclusive(cli, args, "rm", "detach") || !take_numbers(cli, args, run) ||
        !take_image(cli, args, run)) {
        return false;
    }
    if (!run->detach && isatty(STDIN_FILENO) == 0) {
        return cli_fail(cli, "there is no terminal for the console: give --detach");
    }
    run->emulator =
        arg_given(args, "emulator") ? g_strdup(arg_text(args, "emulator")) : find_emulator(cli);
    if (run->emulator == NULL || cli_connection(cli) == NULL) {
        return false;
    }
    run->pool = cli_find(cli, VIV_POOL, pool != NULL ? pool : "default");
    if (run->pool == NULL) {
        return false;
    }
    run->name = name != NULL ? g_strdup(name) : make_name(cli, run);
    run->overlay = g_strconcat(run->name, ".qcow2", NULL);
    return name == NULL || is_free(cli, run, name) ||
           cli_fail(cli, "the name '%s' is taken by a domain, or its overlay's by a volume", name);
}

static bool make_overlay(struct cli *cli, struct run *run)
{
    g_autofree char *xml = g_markup_printf_escaped(
        "<volume><name>%s</name><capacity unit='bytes'>%" G_GUINT64_FORMAT "</capacity>"
        "<target><format type='qcow2'/></target>"
        "<backingStore><path>%s</path><format type='%s'/></backingStore></volume>",
        run->overlay, run->form.capacity, run->image, run->form.format);

    run->volume = viv_volume_create(run->pool, xml, 0, cli_error(cli));
    return run->volume != NULL || cli_fail(cli, "Failed to create vol %s", run->overlay);
}

/* Whether the daemon starts guests of x86 on the host's CPU. */
static bool has_kvm(struct cli *cli)
{
    auto_document struct document *document =
        document_take(viv_capabilities(cli->connection, cli_error(cli)));

    g_clear_pointer(&cli->error, viv_error_free);
    return document != NULL &&
           document_node(document, NULL,
                         "/capabilities/guest[os_type='hvm']/arch[@name='x86_64']"
                         "/domain[@type='kvm']") != NULL;
}

/* As XML; to be freed. */
static char *make_interface(struct cli *cli, const struct arguments *args)
{
    const char *network = arg_text(args, "network");
    char *uri = viv_uri(cli->connection);
    bool session = strstr(uri, "/session") != NULL;

    viv_free(uri);
    if (network == NULL) {
        auto_object struct viv_object *usual =
            session ? NULL : viv_find(cli->connection, VIV_NETWORK, "default", cli_error(cli));

        network = usual != NULL && viv_is_active(usual, NULL) > 0 ? "default" : "user";
        g_clear_pointer(&cli->error, viv_error_free);
    }
    return strcmp(network, "none") == 0 ? g_strdup("")
           : strcmp(network, "user") == 0
               ? g_strdup("<interface type='user'><model type='virtio'/></interface>")
               : g_markup_printf_escaped("<interface type='network'><source network='%s'/>"
                                         "<model type='virtio'/></interface>",
                                         network);
}

/* NULL with a message; to be freed. */
static char *make_xml(struct cli *cli, const struct arguments *args, struct run *run)
{
    char *disk = viv_volume_path(run->volume, cli_error(cli));

    if (disk == NULL) {
        cli_fail(cli, "Failed to get the path of vol %s", run->overlay);
        return NULL;
    }
    g_autofree char *interface = make_interface(cli, args);
    g_autofree char *start = g_markup_printf_escaped(
        "<domain type='%s'><name>%s</name><memory unit='b'>%" G_GUINT64_FORMAT "</memory>"
        "<vcpu>%u</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>"
        "<features><acpi/><apic/></features><devices><emulator>%s</emulator>"
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>"
        "<target dev='vda' bus='virtio'/></disk>",
        has_kvm(cli) ? "kvm" : "qemu", run->name, run->memory, run->vcpus, run->emulator, disk);

    viv_free(disk);
    return g_strconcat(start, interface,
                       "<controller type='usb' model='none'/><serial type='pty'/>"
                       "<memballoon model='virtio'/>"
                       "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
                       "</devices></domain>",
                       NULL);
}

/* With --rm it goes with its end, and is none of the domains that stay. */
static bool start(struct cli *cli, const struct arguments *args, struct run *run)
{
    unsigned flags = run->detach ? 0 : PAUSED;
    g_autofree char *xml = make_xml(cli, args, run);

    if (xml == NULL) {
        return false;
    }
    run->domain = run->remove ? viv_create(cli->connection, VIV_DOMAIN, xml, flags, cli_error(cli))
                              : viv_define(cli->connection, VIV_DOMAIN, xml, 0, cli_error(cli));
    if (run->domain == NULL) {
        return cli_fail(cli, "Failed to make domain '%s'", run->name);
    }
    if (run->remove || viv_start(run->domain, flags, cli_error(cli)) == 0) {
        return true;
    }
    cli_fail(cli, "Failed to start domain '%s'", run->name);
    (void)viv_undefine(run->domain, 0, NULL);
    return false;
}

/* Nobody is told about what is gone already. */
static bool take_away(struct cli *cli, struct run *run)
{
    if (run->domain != NULL && viv_is_active(run->domain, NULL) > 0) {
        (void)viv_destroy(run->domain, 0, NULL);
    }
    if (run->volume != NULL && viv_volume_delete(run->volume, 0, NULL) != 0) {
        return cli_fail(cli, "Failed to delete vol %s", run->overlay);
    }
    return true;
}

static bool show(struct cli *cli, struct run *run)
{
    if (run->detach) {
        return cli_say(cli, "Domain '%s' started\n", run->name);
    }
    bool good = console_show_start(cli, run->domain);

    if (run->remove) {
        return take_away(cli, run) && good;
    }
    return good &&
           cli_say(cli,
                   viv_is_active(run->domain, NULL) > 0
                       ? "\nDomain '%s' runs on: viv console goes back to it, viv rm removes it\n"
                       : "\nDomain '%s' has ended: viv start starts it, viv rm removes it\n",
                   run->name);
}

bool own_run(struct cli *cli, const struct arguments *args)
{
    struct run run = {NULL};
    bool good = prepare(cli, args, &run);

    if (good) {
        good = make_overlay(cli, &run) && start(cli, args, &run);
        if (!good) {
            take_away(cli, &run);
        }
        good = good && show(cli, &run);
    }
    run_clear(&run);
    return good;
}
