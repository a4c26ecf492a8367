/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own/image.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QCOW2_BACKING   8  /* where its header has the offset of the backing file's name */
#define QCOW2_CAPACITY  24 /* and the size of the disk */
#define QCOW2_FEATURES  72 /* and, from version 3 on, the incompatible features */
#define QCOW2_DATA_FILE 4  /* the one of those that is another file with the data */
#define CD_MARK         0x8001

static uint64_t big64(const uint8_t *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return GUINT64_FROM_BE(value);
}

/* The format of files that begin so, which are no disks byte by byte. */
static const char *other_format(const uint8_t *start, const uint8_t *mark)
{
    static const struct {
        const char *magic, *format;
    } rows[] = {{"KDMV", "VMDK"},
                {"vhdxfile", "VHDX"},
                {"conectix", "VPC"},
                {"QED", "QED"},
                {"<<< ", "VDI"},
                {"\x1f\x8b", "gzip"},
                {"\xfd"
                 "7zXZ",
                 "xz"},
                {"(\xb5/\xfd", "zstd"},
                {"PK\x03\x04", "zip"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (memcmp(start, rows[i].magic, strlen(rows[i].magic)) == 0) {
            return rows[i].format;
        }
    }
    return memcmp(mark, "CD001", 5) == 0 && start[510] != 0x55 ? "ISO 9660" : NULL;
}

static bool look_at(struct cli *cli, const char *path, int fd, struct image *image)
{
    uint8_t start[512] = {0}, mark[5] = {0};
    off_t size = lseek(fd, 0, SEEK_END);

    if (size < 0 || pread(fd, start, sizeof(start), 0) < 0 ||
        pread(fd, mark, sizeof(mark), CD_MARK) < 0) {
        return cli_fail(cli, "cannot read %s: %s", path, g_strerror(errno));
    }
    const char *other = other_format(start, mark);

    if (other != NULL || size < 512) {
        return cli_fail(cli, "%s is no raw or qcow2 image of a disk: %s", path,
                        other != NULL ? other : "it is too small");
    }
    if (memcmp(start, "QFI\xfb", 4) != 0) {
        *image = (struct image){"raw", (uint64_t)size, false};
        return true;
    }
    bool data_file = start[7] >= 3 && (big64(start + QCOW2_FEATURES) & QCOW2_DATA_FILE) != 0;

    *image = (struct image){"qcow2", big64(start + QCOW2_CAPACITY),
                            data_file || big64(start + QCOW2_BACKING) != 0};
    return true;
}

bool image_look(struct cli *cli, const char *path, struct image *ret_image)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        return cli_fail(cli, "cannot open %s: %s", path, g_strerror(errno));
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        return cli_fail(cli, "%s is neither a file nor a block device", path);
    }
    return look_at(cli, path, fd, ret_image);
}
