/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware that is installed: descriptors in JSON, one file each (QEMU's docs/interop/
 * firmware.json). A descriptor that cannot be read, or is not of that form, counts as not there.
 */
#ifndef VIV_MANAGE_HOST_FIRMWARE_H
#define VIV_MANAGE_HOST_FIRMWARE_H

#include <glib.h>
#include <stdbool.h>

struct firmware {
    char *name;         /* of its file: their order */
    char **interfaces;  /* "uefi", "bios" */
    char **features;    /* "secure-boot", ... */
    char **targets;     /* arch, pattern of canonical machines, arch, ... */
    bool flash;         /* else loaded as a ROM */
    char *code;         /* absolute path */
    char *code_format;  /* "raw" */
    char *nvram;        /* template; NULL: none */
    char *nvram_format; /* NULL without one */
};

/*
 * Those in the folders (NULL-terminated), by file name; a name in an earlier folder hides that of a
 * later one, also when the file is empty. Elements are struct firmware, owned by the array.
 */
GPtrArray *firmware_list(const char *const *folders);
/* The folders that managers look into, of this user too when it is a session's; g_strfreev. */
char **firmware_folders(bool session);
bool firmware_fits(const struct firmware *firmware, const char *arch, const char *machine);
bool firmware_has(char *const *list, const char *word);

#endif
