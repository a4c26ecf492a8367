/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Volumes as files: made, resized, wiped, removed. */
#include "block/driver.h"
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/resource/storage/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PREALLOC_METADATA = 1 << 0 };
enum { RESIZE_ALLOCATE = 1 << 0 };

#define PIECE (1u << 20)

static const char *format_of(const struct xml *def)
{
    const char *format = xml_get(xml_at(def, "target/format"), "type");

    return format != NULL ? format : "raw";
}

static bool check_format(const char *format, GError **error)
{
    static const char *const known[] = {"dir", "bochs", "cloop",   "dmg",   "iso",  "vpc",
                                        "vdi", "none",  "fat",     "vhd",   "cow",  "qcow",
                                        "qed", "vmdk",  "unknown", "ploop", "luks", NULL};

    if (strcmp(format, "raw") == 0 || strcmp(format, "qcow2") == 0) {
        return true;
    }
    return g_strv_contains(known, format)
               ? fault_set(error, FAULT_NO_SUPPORT,
                           "making a volume of format '%s' is not built yet", format)
               : fault_set(error, FAULT_CONFIG_UNSUPPORTED, "unknown volume format type %s",
                           format);
}

static uint64_t figure(const struct xml *def, const char *name)
{
    uint64_t value = 0;

    (void)xml_number(xml_text_at(def, name), &value);
    return value;
}

static bool grow(int fd, const char *path, uint64_t capacity, uint64_t allocation, GError **error)
{
    uint64_t most = MAX(capacity, allocation);

    if (most > INT64_MAX || ftruncate(fd, (off_t)most) != 0) {
        return fault_set_errno(error, most > INT64_MAX ? EFBIG : errno, "cannot extend file '%s'",
                               path);
    }
    if (allocation > 0 && fallocate(fd, 0, 0, (off_t)allocation) != 0 && errno != EOPNOTSUPP) {
        return fault_set_errno(error, errno,
                               "cannot allocate %" G_GUINT64_FORMAT " bytes in file '%s'",
                               allocation, path);
    }
    return fsync(fd) == 0 || fault_set_errno(error, errno, "cannot sync data to file '%s'", path);
}

/* False also when a backing file cannot be read. */
static bool backing_options(const struct xml *def, json_object *options, GError **error)
{
    const char *path = xml_text_at(def, "backingStore/path");
    const char *format = xml_get(xml_at(def, "backingStore/format"), "type");

    if (path == NULL) {
        return true;
    }
    if (*path != '/' || access(path, R_OK) != 0) {
        return fault_set_errno(error, *path != '/' ? EINVAL : errno,
                               "inaccessible backing store volume %s", path);
    }
    if (format != NULL && strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0) {
        return fault_set(error, FAULT_NO_SUPPORT, "a backing file of format '%s' is not built yet",
                         format);
    }
    json_object_object_add(options, "backing_file", json_object_new_string(path));
    json_object_object_add(options, "backing_fmt",
                           json_object_new_string(format != NULL ? format : "raw"));
    return true;
}

/* In an empty file. */
static bool write_header(const char *path, const struct xml *def, unsigned flags, GError **error)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(GError) why = NULL;
    json_object *options = json_object_new_object();
    struct block_create create = {path, figure(def, "capacity"), options, graph};
    const char *compat = xml_text_at(def, "target/compat");
    bool good = backing_options(def, options, error);

    if (compat != NULL) {
        json_object_object_add(options, "compat", json_object_new_string(compat));
    }
    if ((flags & PREALLOC_METADATA) != 0) {
        json_object_object_add(options, "preallocation", json_object_new_string("metadata"));
    }
    if (good && block_driver_find("qcow2")->create(&create, &why) < 0) {
        good = fault_set(error, FAULT_INTERNAL_ERROR, "cannot create volume '%s': %s", path,
                         why != NULL ? why->message : "unknown error");
    }
    json_object_put(options);
    return good;
}

static mode_t mode_of(const struct xml *def)
{
    const char *text = xml_text_at(def, "target/permissions/mode");
    guint64 mode;

    return text != NULL && g_ascii_string_to_unsigned(text, 8, 0, 0777, &mode, NULL) ? (mode_t)mode
                                                                                     : 0600;
}

static bool set_owner(int fd, const char *path, const struct xml *def, GError **error)
{
    uint64_t owner = (uint64_t)-1, group = (uint64_t)-1;

    (void)xml_number(xml_text_at(def, "target/permissions/owner"), &owner);
    (void)xml_number(xml_text_at(def, "target/permissions/group"), &group);
    if (geteuid() == 0 && (owner != (uint64_t)-1 || group != (uint64_t)-1) &&
        fchown(fd, (uid_t)owner, (gid_t)group) != 0) {
        return fault_set_errno(error, errno, "cannot chown '%s'", path);
    }
    return fchmod(fd, mode_of(def)) == 0 ||
           fault_set_errno(error, errno, "cannot set mode of '%s'", path);
}

static bool fill(int fd, const char *path, const struct xml *def, const struct volume_source *from,
                 unsigned flags, GError **error)
{
    const char *format = format_of(def);
    bool good = strcmp(format, "raw") == 0
                    ? grow(fd, path, figure(def, "capacity"),
                           from != NULL ? 0 : figure(def, "allocation"), error)
                    : write_header(path, def, flags, error);

    return good && (from == NULL || copy_volume(from, path, format, error)) &&
           set_owner(fd, path, def, error);
}

bool make_volume(const char *path, const struct xml *def, const struct volume_source *from,
                 unsigned flags, GError **error)
{
    bool good;
    int fd;

    if (!check_format(format_of(def), error) ||
        (from != NULL && !check_format(from->format, error))) {
        return false;
    }
    if (xml_at(def, "target/encryption") != NULL) {
        return fault_set(error, FAULT_NO_SUPPORT, "encrypted volumes are not built yet");
    }
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return fault_set_errno(error, errno, "Failed to create file '%s'", path);
    }
    good = fill(fd, path, def, from, flags, error);
    if (!good) {
        unlink(path);
    }
    close(fd);
    return good;
}

bool make_removed(const char *path, unsigned flags, GError **error)
{
    struct stat st;
    bool dir = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);

    if (dir ? rmdir(path) == 0 : unlink(path) == 0 || errno == ENOENT) {
        return true;
    }
    return fault_set_errno(error, errno,
                           dir ? "cannot remove directory '%s'" : "cannot unlink file '%s'", path);
}

static bool resize_raw(const char *path, uint64_t capacity, unsigned flags, GError **error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool good;

    if (fd < 0) {
        return fault_set_errno(error, errno, "Unable to open '%s'", path);
    }
    good = capacity <= INT64_MAX && ftruncate(fd, (off_t)capacity) == 0;
    if (!good) {
        fault_set_errno(error, capacity > INT64_MAX ? EFBIG : errno, "Failed to truncate file '%s'",
                        path);
    } else if ((flags & RESIZE_ALLOCATE) != 0 && capacity > 0 &&
               fallocate(fd, 0, 0, (off_t)capacity) != 0) {
        good = fault_set_errno(error, errno, "Failed to pre-allocate space for file '%s'", path);
    }
    close(fd);
    return good;
}

static bool resize_image(const char *path, const char *format, uint64_t capacity, GError **error)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(block_node_ref) node = copy_open(graph, path, format, BLOCK_O_RDWR, error);
    g_autoptr(GError) why = NULL;

    if (node == NULL) {
        return false;
    }
    return block_truncate(node, capacity, BLOCK_PREALLOC_OFF, &why) == 0 ||
           fault_set(error, FAULT_INTERNAL_ERROR, "cannot resize volume '%s': %s", path,
                     why != NULL ? why->message : "unknown error");
}

bool make_resized(const char *path, const char *format, uint64_t capacity, unsigned flags,
                  GError **error)
{
    if (strcmp(format, "raw") == 0) {
        return resize_raw(path, capacity, flags, error);
    }
    if ((flags & RESIZE_ALLOCATE) != 0) {
        return fault_set(error, FAULT_OPERATION_INVALID,
                         "preallocate is only supported for raw type volume");
    }
    return check_format(format, error) && resize_image(path, format, capacity, error);
}

static int write_zeroes(int fd, uint64_t length)
{
    g_autofree uint8_t *zeroes = g_malloc0(PIECE);

    for (uint64_t at = 0; at < length;) {
        ssize_t n = pwrite(fd, zeroes, MIN(length - at, PIECE), (off_t)at);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        at += n > 0 ? (uint64_t)n : 0;
    }
    return fdatasync(fd) == 0 ? 0 : -errno;
}

bool make_wiped(const char *path, unsigned algorithm, GError **error)
{
    int fd, status = 0;
    struct stat st;

    if (algorithm != 0) {
        return fault_set(error, FAULT_NO_SUPPORT,
                         "wiping by another algorithm than zero is not built yet");
    }
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        status = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return fault_set_errno(error, -status, "Failed to open storage volume with path '%s'",
                               path);
    }
    /* A sparse file stays one: its space goes back. */
    if (S_ISREG(st.st_mode) && st.st_blocks < st.st_size / 512) {
        status = ftruncate(fd, 0) == 0 && ftruncate(fd, st.st_size) == 0 ? 0 : -errno;
    } else {
        off_t end = lseek(fd, 0, SEEK_END);

        status = end < 0 ? -errno : write_zeroes(fd, (uint64_t)end);
    }
    close(fd);
    return status == 0 || fault_set_errno(error, -status, "Failed to wipe the volume '%s'", path);
}
