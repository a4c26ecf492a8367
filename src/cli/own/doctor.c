/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: what machines need on this host, whether it is there, and the command that mends it. */
#include "cli/document.h"
#include "cli/own/own.h"
#include "cli/table.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum grade { GOOD, WARNING, MISSING };

/* What was found. */
struct finding {
    struct table *table;
    unsigned missing, warnings;
};

/* `mend` is a command, or what to do; "" for nothing. */
static void tell(struct finding *finding, enum grade grade, const char *what, const char *found,
                 const char *mend)
{
    static const char *const words[] = {"good", "warning", "missing"};

    table_add(finding->table, words[grade], what, found, grade == GOOD ? "" : mend, NULL);
    finding->missing += grade == MISSING;
    finding->warnings += grade == WARNING;
}

/* Programs of which one is enough, and the package that has one. */
static const struct program_row {
    const char *what;
    const char *names[4]; /* in PATH, or with their path */
    enum grade grade;     /* where there is none */
    const char *mend;
} program_rows[] = {
    {"an emulator",
     {"qemu-system-x86_64", "viv-machine", "qemu-system-aarch64"},
     MISSING,
     "apt install qemu-system-x86"},
    {"images of disks", {"viv-img", "qemu-img"}, WARNING, "apt install qemu-utils"},
    {"firmware for UEFI guests",
     {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd",
      "/usr/share/edk2/ovmf/OVMF_CODE.fd"},
     WARNING,
     "apt install ovmf"},
    {"addresses and names on networks", {"dnsmasq"}, WARNING, "apt install dnsmasq-base"},
    {"rules of networks", {"nft"}, WARNING, "apt install nftables"},
    {"a viewer of screens", {"virt-viewer", "remote-viewer"}, WARNING, "apt install virt-viewer"},
};

/* Administrators' programs are also looked for where a user's PATH does not lead. */
static char *find_program(const char *name)
{
    static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/local/sbin"};
    char *path = g_find_program_in_path(name);

    for (unsigned i = 0; path == NULL && i < G_N_ELEMENTS(folders); i++) {
        path = g_build_filename(folders[i], name, NULL);
        if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
            g_clear_pointer(&path, g_free);
        }
    }
    return path;
}

static char *find_any(const char *const *names, size_t n)
{
    for (size_t i = 0; i < n && names[i] != NULL; i++) {
        char *path = *names[i] != '/'                            ? find_program(names[i])
                     : g_file_test(names[i], G_FILE_TEST_EXISTS) ? g_strdup(names[i])
                                                                 : NULL;

        if (path != NULL) {
            return path;
        }
    }
    return NULL;
}

static void check_programs(struct finding *finding)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(program_rows); i++) {
        const struct program_row *row = &program_rows[i];
        g_autofree char *path = find_any(row->names, G_N_ELEMENTS(row->names));
        g_autofree char *none = g_strdup_printf("no %s", row->names[0]);

        tell(finding, path != NULL ? GOOD : row->grade, row->what, path != NULL ? path : none,
             row->mend);
    }
}

/* Whether this user could run guests on the host's CPU. */
static void check_kvm(struct finding *finding)
{
    bool there = access("/dev/kvm", F_OK) == 0;
    bool open = there && access("/dev/kvm", R_OK | W_OK) == 0;
    g_autofree char *join = g_strdup_printf("usermod -aG kvm %s", g_get_user_name());

    tell(finding, open ? GOOD : WARNING, "KVM",
         open    ? "/dev/kvm"
         : there ? "/dev/kvm is not open to this user"
                 : "the host has no /dev/kvm: guests are translated, slowly",
         there ? join : "modprobe kvm_intel || modprobe kvm_amd");
}

/* The command that starts the daemon of a URI. */
static const char *start_command(const char *uri)
{
    bool ours = uri != NULL && g_str_has_prefix(uri, "viv");
    bool session = uri != NULL ? strstr(uri, "/session") != NULL : geteuid() != 0;

    return ours && session ? "vivd --session &"
           : ours          ? "systemctl start vivd"
           : session       ? "libvirtd --daemon"
                           : "systemctl start libvirtd";
}

static bool check_daemon(struct cli *cli, struct finding *finding)
{
    if (cli->connection == NULL) {
        cli->connection =
            viv_open(cli->uri, cli->read_only ? VIV_OPEN_READ_ONLY : 0, cli_error(cli));
    }
    if (cli->connection == NULL) {
        tell(finding, MISSING, "the daemon", viv_error_message(cli->error),
             viv_error_hint(cli->error) != NULL ? viv_error_hint(cli->error)
                                                : start_command(cli->uri));
        g_clear_pointer(&cli->error, viv_error_free);
        return false;
    }
    char *uri = viv_uri(cli->connection);

    tell(finding, GOOD, "the daemon", uri, "");
    viv_free(uri);
    return true;
}

/* Networks and pools that are to run, and do not. */
static void check_started(struct cli *cli, struct finding *finding, enum viv_kind kind,
                          const char *word, const char *command)
{
    struct viv_object **all = viv_objects(cli->connection, kind, 0, NULL, cli_error(cli));

    for (struct viv_object **o = all; o != NULL && *o != NULL; o++) {
        bool wanted = viv_autostart(*o, NULL) > 0 || strcmp(viv_object_name(*o), "default") == 0;
        bool active = viv_is_active(*o, NULL) > 0;
        g_autofree char *what = g_strdup_printf("%s %s", word, viv_object_name(*o));
        g_autofree char *quoted = g_shell_quote(viv_object_name(*o));
        g_autofree char *mend = g_strdup_printf("viv %s %s", command, quoted);

        if (wanted || active) {
            tell(finding, active ? GOOD : WARNING, what, active ? "active" : "inactive", mend);
        }
    }
    viv_objects_free(all);
}

/* A pool that is nearly full makes guests stop. */
static void check_space(struct cli *cli, struct finding *finding)
{
    struct viv_object **pools = viv_objects(cli->connection, VIV_POOL, 0, NULL, cli_error(cli));
    struct viv_pool_info info;

    for (struct viv_object **p = pools; p != NULL && *p != NULL; p++) {
        if (viv_is_active(*p, NULL) > 0 && viv_pool_info(*p, &info, NULL) == 0 &&
            info.capacity > 0 && info.available < info.capacity / 20) {
            g_autofree char *left = cli_size(info.available);
            g_autofree char *what = g_strdup_printf("space in pool %s", viv_object_name(*p));
            g_autofree char *found = g_strdup_printf("%s left", left);

            tell(finding, WARNING, what, found, "viv vol-delete what nobody needs");
        }
    }
    viv_objects_free(pools);
}

static void check_domain(struct cli *cli, struct finding *finding, struct viv_object *domain)
{
    auto_document struct document *document = document_of(cli, domain, 2);

    if (document == NULL) {
        return;
    }
    g_autofree xmlNodePtr *files = document_nodes(
        document, NULL,
        "/domain/devices/disk/source/@file|/domain/os/kernel|/domain/os/initrd|/domain/os/loader|"
        "/domain/devices/emulator");

    for (xmlNodePtr *n = files; n != NULL && *n != NULL; n++) {
        xmlChar *path = xmlNodeGetContent(*n);
        bool known = path != NULL && *path == '/';

        if (known && access((const char *)path, F_OK) != 0 && errno == ENOENT) {
            g_autofree char *what = g_strdup_printf("domain %s", viv_object_name(domain));
            g_autofree char *found = g_strdup_printf("%s is not there", (const char *)path);
            tell(finding, WARNING, what, found, "put it back, or change the definition");
        }
        xmlFree(path);
    }
}

static void check_domains(struct cli *cli, struct finding *finding)
{
    struct viv_object **all = viv_objects(cli->connection, VIV_DOMAIN, 0, NULL, cli_error(cli));

    for (struct viv_object **o = all; o != NULL && *o != NULL; o++) {
        check_domain(cli, finding, *o);
    }
    viv_objects_free(all);
}

bool own_doctor(struct cli *cli, const struct arguments *args)
{
    struct finding finding = {table_new("State", "What", "Found", "Mend", NULL), 0, 0};

    check_programs(&finding);
    check_kvm(&finding);
    if (check_daemon(cli, &finding)) {
        char *uri = viv_uri(cli->connection);
        bool made_up = g_str_has_prefix(uri, "test");

        viv_free(uri);
        check_started(cli, &finding, VIV_NETWORK, "network", "net-start");
        check_started(cli, &finding, VIV_POOL, "pool", "pool-start");
        if (!made_up) {
            check_space(cli, &finding);
            check_domains(cli, &finding);
        }
    }
    table_show(finding.table, cli);
    if (!cli->json) {
        cli_say(cli, "\n%u missing, %u warnings\n", finding.missing, finding.warnings);
    }
    return finding.missing == 0;
}
