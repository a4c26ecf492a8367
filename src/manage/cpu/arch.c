/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/cpu/arch.h"

#include <glib.h>

bool arch_is_known(const char *name)
{
    static const char *const names[] = {
        "aarch64",  "alpha",     "armv6l",   "armv7b",  "armv7l",     "cris",
        "i686",     "ia64",      "lm32",     "m68k",    "microblaze", "microblazeel",
        "mips",     "mips64",    "mips64el", "mipsel",  "openrisc",   "parisc",
        "parisc64", "ppc",       "ppc64",    "ppc64le", "ppcemb",     "riscv32",
        "riscv64",  "s390",      "s390x",    "sh4",     "sh4eb",      "sparc",
        "sparc64",  "unicore32", "x86_64",   "xtensa",  "xtensaeb",   NULL};

    return g_strv_contains(names, name);
}

bool arch_is_x86(const char *name)
{
    static const char *const names[] = {"i686", "x86_64", NULL};

    return g_strv_contains(names, name);
}

bool arch_has_models(const char *name)
{
    static const char *const names[] = {"aarch64", "armv6l", "armv7b", "armv7l", "i686", "ppc64",
                                        "ppc64le", "s390",   "s390x",  "x86_64", NULL};

    return g_strv_contains(names, name);
}
