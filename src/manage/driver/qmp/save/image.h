/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of a saved machine, as libvirt's QEMU driver writes it, so that each reads the other's
 * (observed in files of libvirtd 9.0; numbers in the host's order):
 *
 *    0  "LibvirtQemudSave", or "LibvirtQemudPart" while it is not whole
 *   16  u32 version: 2
 *   20  u32 bytes of the definition with all that follows it, up to the machine's state
 *   24  u32 1: it ran, 0: it was paused
 *   28  u32 compression of the state: 0 none
 *   32  u32 place of a cookie behind the definition's end, 0: none
 *   36  u32 x 14, zero
 *   92  the definition, with a zero byte at its end; the cookie; zero bytes
 *       the machine's state, as the emulator makes it
 *
 * No lock is needed; what a file says is bounded and checked.
 */
#ifndef VIV_MANAGE_DRIVER_QMP_SAVE_IMAGE_H
#define VIV_MANAGE_DRIVER_QMP_SAVE_IMAGE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct image {
    char *xml;     /* the definition */
    char *cookie;  /* libvirt's own notes on the machine, kept; or NULL */
    uint32_t room; /* bytes for both; 0 in image_write: as needed, and some more */
    bool ran;
};

/*
 * Opens a file and reads what is before the state, where the descriptor then stands. -1 with code
 * 38, 9 or 1.
 */
int image_open(const char *path, bool writable, struct image *ret, GError **error);
/* Is it one that was not written to its end? */
bool image_is_part(const char *path);
void image_clear(struct image *image);
/* Writes all that is before the state, marked as not whole. */
bool image_write(int fd, const struct image *image, GError **error);
/* Everything is there: marks the file as whole, durably. */
bool image_finish(int fd, GError **error);
/* Another definition in a whole file of that image. Code 9 when it does not fit. */
bool image_replace(int fd, const struct image *image, GError **error);

#endif
