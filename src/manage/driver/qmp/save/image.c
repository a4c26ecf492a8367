/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/driver/qmp/save/image.h"

#include "manage/conf/fault.h"
#include "manage/conf/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_BYTES  16
#define HEADER_BYTES 92
#define VERSION      2
#define SPARE_BYTES  65536 /* for a definition that grows */

static const char whole[] = "LibvirtQemudSave";
static const char part[] = "LibvirtQemudPart";

struct header {
    char magic[MAGIC_BYTES];
    uint32_t version, room, ran, compression, cookie, unused[14];
};
G_STATIC_ASSERT(sizeof(struct header) == HEADER_BYTES);

void image_clear(struct image *image)
{
    g_free(image->xml);
    g_free(image->cookie);
    memset(image, 0, sizeof(*image));
}

/* All of it; errno says why, 0 at the file's end. */
static bool read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size, GError **error)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return fault_set_errno(error, errno, "failed to write save header");
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool check_header(const struct header *header, const char *path, GError **error)
{
    static const char *const compressions[] = {"raw", "gzip", "bzip2", "xz", "lzop"};

    if (memcmp(header->magic, part, MAGIC_BYTES) == 0) {
        return fault_set(error, FAULT_OPERATION_FAILED, "save image is incomplete");
    }
    if (memcmp(header->magic, whole, MAGIC_BYTES) != 0) {
        return fault_set(error, FAULT_OPERATION_FAILED, "image magic is incorrect");
    }
    if (header->version == 0 || header->version > VERSION) {
        return fault_set(error, FAULT_OPERATION_FAILED, "image version is not supported (%u > %u)",
                         header->version, VERSION);
    }
    if (header->room == 0 || header->room > XML_MAX_TEXT || header->cookie >= header->room) {
        return fault_set(error, FAULT_OPERATION_FAILED, "invalid XML length: %u", header->room);
    }
    if (header->compression != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "reading a save image that is compressed with %s is not built yet ('%s')",
                         header->compression < G_N_ELEMENTS(compressions)
                             ? compressions[header->compression]
                             : "an unknown program",
                         path);
    }
    return true;
}

static bool read_image(int fd, const char *path, struct image *ret, GError **error)
{
    struct header header;
    g_autofree char *data = NULL;

    if (!read_all(fd, &header, sizeof(header))) {
        return errno != 0
                   ? fault_set_errno(error, errno, "failed to read qemu header of '%s'", path)
                   : fault_set(error, FAULT_OPERATION_FAILED, "failed to read qemu header");
    }
    if (!check_header(&header, path, error)) {
        return false;
    }
    data = g_malloc0((gsize)header.room + 1);
    if (!read_all(fd, data, header.room)) {
        return fault_set(error, FAULT_OPERATION_FAILED, "failed to read domain XML");
    }
    if (header.cookie > 0 && strlen(data) < header.cookie) {
        ret->cookie = g_strdup(data + header.cookie);
    }
    ret->xml = g_steal_pointer(&data);
    ret->room = header.room;
    ret->ran = header.ran != 0;
    return true;
}

int image_open(const char *path, bool writable, struct image *ret, GError **error)
{
    struct image image = {0};
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        fault_set_errno(error, errno, "Failed to open file '%s'", path);
        return -1;
    }
    if (!read_image(fd, path, &image, error)) {
        close(fd);
        return -1;
    }
    *ret = image;
    return fd;
}

bool image_is_part(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char magic[MAGIC_BYTES];
    bool is =
        fd >= 0 && (!read_all(fd, magic, sizeof(magic)) || memcmp(magic, part, MAGIC_BYTES) == 0);

    if (fd >= 0) {
        close(fd);
    }
    return is;
}

static bool write_image(int fd, const struct image *image, const char *magic, uint32_t room,
                        GError **error)
{
    struct header header = {.version = VERSION, .room = room, .ran = image->ran};
    size_t length = strlen(image->xml) + 1;
    g_autofree char *data = g_malloc0(room);

    memcpy(header.magic, magic, MAGIC_BYTES);
    memcpy(data, image->xml, length);
    if (image->cookie != NULL) {
        header.cookie = (uint32_t)length;
        memcpy(data + length, image->cookie, strlen(image->cookie) + 1);
    }
    return write_all(fd, &header, sizeof(header), error) && write_all(fd, data, room, error);
}

static size_t needed(const struct image *image)
{
    return strlen(image->xml) + 1 + (image->cookie != NULL ? strlen(image->cookie) + 1 : 0);
}

bool image_write(int fd, const struct image *image, GError **error)
{
    size_t room = needed(image) + SPARE_BYTES;

    return room <= XML_MAX_TEXT
               ? write_image(fd, image, part, (uint32_t)room, error)
               : fault_set(error, FAULT_OPERATION_FAILED, "the definition is too long to be saved");
}

bool image_finish(int fd, GError **error)
{
    if (fdatasync(fd) != 0 || pwrite(fd, whole, MAGIC_BYTES, 0) != MAGIC_BYTES ||
        fdatasync(fd) != 0) {
        return fault_set_errno(error, errno, "unable to write save image");
    }
    return true;
}

bool image_replace(int fd, const struct image *image, GError **error)
{
    if (needed(image) > image->room) {
        return fault_set(error, FAULT_OPERATION_FAILED, "new xml too large to fit in file");
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return fault_set_errno(error, errno, "cannot seek to the start of the save image");
    }
    return write_image(fd, image, part, image->room, error) && image_finish(fd, error);
}
