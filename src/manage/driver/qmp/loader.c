/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/loader.h"

#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/host/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NVRAM (64 * 1024 * 1024)

static const char *wanted_kind(const struct xml *domain)
{
    return xml_get(xml_find(domain, "os"), "firmware");
}

/* A loader in flash that is only read keeps its variables elsewhere. */
static bool has_flash(const struct xml *domain)
{
    const struct xml *loader = xml_at(domain, "os/loader");

    return loader != NULL && loader->text != NULL && xml_is(loader, "type", "pflash") &&
           xml_is(loader, "readonly", "yes") && !xml_is(loader, "stateless", "yes");
}

bool loader_wanted(const struct xml *domain)
{
    return wanted_kind(domain) != NULL || has_flash(domain);
}

static const struct xml *find_feature(const struct xml *list, const char *name)
{
    for (const struct xml *f = xml_find(list, "feature"); f != NULL;
         f = xml_next(list, "feature", f)) {
        if (xml_is(f, "name", name)) {
            return f;
        }
    }
    return NULL;
}

/* Keys that are there without being looked at would be no use. */
static void complete_features(struct xml *domain)
{
    struct xml *list = xml_at(domain, "os/firmware"), *added;
    const struct xml *keys = find_feature(list, "enrolled-keys");

    if (keys != NULL && xml_is(keys, "enabled", "yes") &&
        find_feature(list, "secure-boot") == NULL) {
        added = xml_append(list, xml_new("feature"));
        xml_set(added, "enabled", "yes");
        xml_set(added, "name", "secure-boot");
    }
}

bool loader_complete(struct xml *domain, const char *nvram, GError **error)
{
    const char *arch = xml_get(xml_at(domain, "os/type"), "arch");
    struct xml *loader = xml_at(domain, "os/loader");
    bool x86 = g_strcmp0(arch, "x86_64") == 0 || g_strcmp0(arch, "i686") == 0;

    if (x86 && g_strcmp0(wanted_kind(domain), "efi") == 0 &&
        xml_at(domain, "features/acpi") == NULL) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "UEFI requires ACPI on this architecture");
    }
    if (loader != NULL && loader->text != NULL && wanted_kind(domain) == NULL) {
        xml_default(loader, "type", "rom");
    }
    if (wanted_kind(domain) == NULL && has_flash(domain) &&
        xml_text_at(domain, "os/nvram") == NULL) {
        xml_set_text(xml_need(xml_find(domain, "os"), "nvram"), nvram);
    }
    complete_features(domain);
    schema_tidy(domain);
    return true;
}

/* Has it, or lacks it, each feature that the definition has an opinion about? */
static bool features_fit(const struct xml *domain, const struct firmware *firmware)
{
    const struct xml *wanted = xml_at(domain, "os/firmware"), *f;

    for (f = xml_find(wanted, "feature"); f != NULL; f = xml_next(wanted, "feature", f)) {
        const char *name = xml_get(f, "name");

        if (name == NULL || firmware_has(firmware->features, name) != xml_is(f, "enabled", "yes")) {
            return false;
        }
    }
    return true;
}

static bool fits(const struct xml *domain, const struct firmware *firmware, bool smm)
{
    const struct xml *type = xml_at(domain, "os/type"), *loader = xml_at(domain, "os/loader");
    bool efi = strcmp(wanted_kind(domain), "efi") == 0;
    bool secure = firmware_has(firmware->features, "requires-smm");

    return firmware_has(firmware->interfaces, efi ? "uefi" : "bios") &&
           firmware_fits(firmware, xml_get(type, "arch"), xml_get(type, "machine")) &&
           features_fit(domain, firmware) && (smm || !secure) &&
           (!xml_is(loader, "secure", "yes") || secure) &&
           (!xml_is(loader, "stateless", "yes") || (firmware->flash && firmware->nvram == NULL)) &&
           g_strcmp0(firmware->code_format, "raw") == 0;
}

static void take(struct xml *domain, const struct firmware *firmware, const char *nvram)
{
    struct xml *os = xml_find(domain, "os"), *loader = xml_need(os, "loader");

    xml_set(os, "firmware", NULL);
    xml_set_text(loader, firmware->code);
    if (!firmware->flash) {
        xml_set(loader, "type", "rom");
        return;
    }
    xml_set(loader, "readonly", "yes");
    xml_set(loader, "type", "pflash");
    if (firmware_has(firmware->features, "requires-smm")) {
        xml_set(loader, "secure", "yes");
        xml_set(xml_need(xml_need(domain, "features"), "smm"), "state", "on");
    }
    if (firmware->nvram != NULL) {
        struct xml *vars = xml_need(os, "nvram");

        xml_default(vars, "template", firmware->nvram);
        if (vars->text == NULL) {
            xml_set_text(vars, nvram);
        }
    }
}

/* The template that belongs to a loader somebody named. */
static bool find_template(struct xml *domain, const struct loader_choice *choice, GError **error)
{
    const char *code = xml_text_at(domain, "os/loader");
    struct xml *vars = xml_at(domain, "os/nvram");

    if (xml_get(vars, "template") != NULL) {
        return true;
    }
    for (unsigned i = 0; i < choice->list->len; i++) {
        const struct firmware *firmware = choice->list->pdata[i];

        if (firmware->nvram != NULL && strcmp(firmware->code, code) == 0) {
            xml_set(vars, "template", firmware->nvram);
            return true;
        }
    }
    return vars->text != NULL && access(vars->text, F_OK) == 0
               ? true
               : fault_set(error, FAULT_OPERATION_FAILED,
                           "unable to find any master var store for loader: %s", code);
}

bool loader_fill(struct xml *domain, const struct loader_choice *choice, GError **error)
{
    const char *kind = wanted_kind(domain);

    if (kind == NULL) {
        bool good = !has_flash(domain) || find_template(domain, choice, error);

        schema_tidy(domain);
        return good;
    }
    for (unsigned i = 0; i < choice->list->len; i++) {
        if (fits(domain, choice->list->pdata[i], choice->smm)) {
            take(domain, choice->list->pdata[i], choice->nvram);
            schema_tidy(domain);
            return true;
        }
    }
    return fault_set(error, FAULT_OPERATION_FAILED, "Unable to find any firmware to satisfy '%s'",
                     kind);
}

/* --- NVRAM --- */

static bool read_template(const char *path, char **ret_data, gsize *ret_length, GError **error)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return fault_set_errno(error, errno, "Failed to open file '%s'", path);
    }
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_NVRAM) {
        return fault_set(error, FAULT_OPERATION_FAILED, "'%s' is no template of NVRAM", path);
    }
    if (!g_file_get_contents(path, ret_data, ret_length, NULL)) {
        return fault_set_errno(error, EIO, "Failed to read file '%s'", path);
    }
    return true;
}

/* Linked into place whole: a crash leaves no half of it, and nobody's file is written over. */
static bool write_new(const char *path, const char *data, gsize length, GError **error)
{
    g_autofree char *beside = g_strdup_printf("%s.new", path);
    g_autofree char *folder = g_path_get_dirname(path);
    gsize done = 0;
    int fd, number = 0;

    (void)g_mkdir_with_parents(folder, 0700);
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && done < length) {
        ssize_t n = write(fd, data + done, length - done);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += (gsize)n;
    }
    if (fd < 0 || done < length || fsync(fd) != 0 || link(beside, path) != 0) {
        number = errno == EEXIST ? 0 : errno != 0 ? errno : ENOSPC;
    }
    if (fd >= 0) {
        close(fd);
    }
    (void)unlink(beside);
    return number == 0 || fault_set_errno(error, number, "Failed to create file '%s'", path);
}

bool loader_make_nvram(const struct xml *domain, GError **error)
{
    const struct xml *vars = xml_at(domain, "os/nvram");
    const char *template = xml_get(vars, "template");
    g_autofree char *data = NULL;
    gsize length = 0;

    if (vars == NULL || vars->text == NULL || !has_flash(domain) || access(vars->text, F_OK) == 0) {
        return true;
    }
    if (template == NULL || !g_path_is_absolute(template) || !g_path_is_absolute(vars->text)) {
        return fault_set(error, FAULT_OPERATION_FAILED,
                         "unable to find any master var store for loader: %s",
                         xml_text_at(domain, "os/loader"));
    }
    return read_template(template, &data, &length, error) &&
           write_new(vars->text, data, length, error);
}
