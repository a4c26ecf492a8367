/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a file of a pool is, told as libvirt tells it. The file is another's: its header is read
 * through the block layer, which checks it; names in it are told, never opened as images.
 */
#include "manage/conf/fault.h"
#include "manage/conf/named.h"
#include "manage/resource/storage/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define ISO_AT 32769 /* where "CD001" is */

void look_permissions(struct xml *target, const struct stat *st)
{
    struct xml *node = xml_append(target, xml_new("permissions"));

    xml_add(node, "mode", "0%o", (unsigned)st->st_mode & 0777);
    xml_add(node, "owner", "%u", (unsigned)st->st_uid);
    xml_add(node, "group", "%u", (unsigned)st->st_gid);
}

static void add_time(struct xml *node, const char *name, const struct timespec *time)
{
    xml_add(node, name, "%" PRId64 ".%09ld", (int64_t)time->tv_sec, time->tv_nsec);
}

static void add_times(struct xml *target, const struct stat *st)
{
    struct xml *node = xml_append(target, xml_new("timestamps"));

    add_time(node, "atime", &st->st_atim);
    add_time(node, "mtime", &st->st_mtim);
    add_time(node, "ctime", &st->st_ctim);
    xml_add(node, "btime", "0");
}

static void add_figure(struct xml *root, const char *name, uint64_t bytes)
{
    xml_set(xml_add(root, name, "%" PRIu64, bytes), "unit", "bytes");
}

static void add_format(struct xml *target, const char *format)
{
    xml_set(xml_append(target, xml_new("format")), "type", format);
}

/* By its first bytes, of those that libvirt knows by them. */
static const char *probe(int fd)
{
    static const struct {
        const char *format;
        const char *magic;
        unsigned length;
        off_t at;
    } rows[] = {
        {"qcow2", "QFI\xfb\0\0\0\2", 8, 0},
        {"qcow2", "QFI\xfb\0\0\0\3", 8, 0},
        {"qcow", "QFI\xfb\0\0\0\1", 8, 0},
        {"qed", "QED", 4, 0},
        {"vmdk", "KDMV", 4, 0},
        {"vpc", "conectix", 8, 0},
        {"cow", "OOOM", 4, 0},
        {"iso", "CD001", 5, ISO_AT},
    };
    char data[8];

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (pread(fd, data, rows[i].length, rows[i].at) == (ssize_t)rows[i].length &&
            memcmp(data, rows[i].magic, rows[i].length) == 0) {
            return rows[i].format;
        }
    }
    return "raw";
}

/* A name in an image, as seen from the image's folder; what no file name is stays as it is. */
static char *absolute(const char *path, const char *name)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return *name == '/' || strchr(name, ':') != NULL ? g_strdup(name)
                                                     : g_build_filename(folder, name, NULL);
}

static void add_backing(struct xml *root, const char *path, const char *format)
{
    struct xml *node = xml_append(root, xml_new("backingStore"));
    struct stat st;

    xml_add(node, "path", "%s", path);
    add_format(node, format != NULL ? format : "raw");
    if (stat(path, &st) == 0) {
        look_permissions(node, &st);
        add_times(node, &st);
    }
}

/* The header's own words; an image that is broken has its file's size and no backing file. */
static void read_header(struct xml *root, const char *path, const char *format)
{
    g_autoptr(block_graph_own) graph = block_graph_new();
    g_autoptr(block_node_ref) node =
        copy_open(graph, path, format, BLOCK_O_NO_BACKING | BLOCK_O_NO_IO, NULL);
    struct block_info info;

    if (node == NULL || block_get_info(node, &info) < 0) {
        return;
    }
    g_autofree char *size = g_strdup_printf("%" PRIu64, info.length);

    xml_set_text(xml_find(root, "capacity"), size);
    if (info.backing_filename != NULL && *info.backing_filename != '\0' &&
        g_utf8_validate(info.backing_filename, -1, NULL)) {
        g_autofree char *backing = absolute(path, info.backing_filename);

        add_backing(root, backing, info.backing_format);
    }
}

static struct xml *describe(const char *path, const char *type, const struct stat *st,
                            uint64_t bytes, const char *format)
{
    g_autofree char *name = g_path_get_basename(path);
    bool dir = S_ISDIR(st->st_mode);
    struct xml *root = xml_new("volume");
    struct xml *target;

    xml_set(root, "type", type);
    xml_add(root, "name", "%s", name);
    xml_add(root, "key", "%s", path);
    add_figure(root, "capacity", dir ? 0 : bytes);
    add_figure(root, "allocation", dir ? 0 : (uint64_t)st->st_blocks * 512);
    if (!dir && bytes > 0) {
        add_figure(root, "physical", bytes);
    }
    target = xml_append(root, xml_new("target"));
    xml_add(target, "path", "%s", path);
    add_format(target, format);
    look_permissions(target, st);
    add_times(target, st);
    return root;
}

struct xml *look_volume(const char *path, GError **error)
{
    /* No waiting for a pipe's writer; a link that leads nowhere is no volume. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct xml *def = NULL;
    struct stat st;

    if (fd < 0) {
        fault_set_errno(error, errno, "cannot open volume '%s'", path);
        return NULL;
    }
    if (fstat(fd, &st) != 0) {
        fault_set_errno(error, errno, "cannot stat volume '%s'", path);
    } else if (S_ISDIR(st.st_mode)) {
        def = describe(path, "dir", &st, 0, "dir");
    } else if (S_ISREG(st.st_mode)) {
        const char *format = probe(fd);

        def = describe(path, "file", &st, (uint64_t)st.st_size, format);
        if (strcmp(format, "qcow2") == 0) {
            read_header(def, path, format);
        }
    } else if (S_ISBLK(st.st_mode)) {
        off_t end = lseek(fd, 0, SEEK_END);

        def = describe(path, "block", &st, end > 0 ? (uint64_t)end : 0, probe(fd));
    }
    close(fd);
    return def;
}
