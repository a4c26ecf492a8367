/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of a saved machine: any bytes are refused with an error or give a definition, which
 * another of its length can then replace.
 */
#include "manage/driver/qmp/save/image.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replace(const char *path, const struct image *image)
{
    g_autoptr(GError) error = NULL;
    struct image again = {0}, old = {0};
    int fd = image_open(path, true, &old, &error);

    g_assert_cmpint(fd, >=, 0);
    memset(old.xml, 'x', strlen(old.xml));
    if (image_replace(fd, &old, &error)) {
        close(fd);
        fd = image_open(path, false, &again, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(again.xml, ==, old.xml);
        g_assert_cmpstr(again.cookie, ==, image->cookie);
        g_assert_cmpuint(again.room, ==, image->room);
        image_clear(&again);
    }
    close(fd);
    image_clear(&old);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("image", MFD_CLOEXEC), fd;
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", file);
    g_autoptr(GError) error = NULL;
    struct image image = {0};

    g_assert_cmpint(file, >=, 0);
    g_assert_cmpint(write(file, data, size), ==, size);
    (void)image_is_part(path);
    fd = image_open(path, false, &image, &error);
    g_assert_true((fd < 0) == (error != NULL));
    if (fd >= 0) {
        g_assert_cmpuint(strlen(image.xml), <=, image.room);
        close(fd);
        replace(path, &image);
        image_clear(&image);
    }
    close(file);
    return 0;
}
