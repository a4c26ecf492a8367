/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of -cpu: features of a CPU that has no more than the interpreter, or an error. */
#include "machine/guest/x86/system/cpuid.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct x86_topology one = {1, 1, 1, 1};
    g_autofree char *text = g_strndup((const char *)data, MIN(size, 4096));
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    uint32_t supported[FW_COUNT];
    struct x86_features *f;

    if (!g_utf8_validate(text, -1, NULL)) {
        return 0;
    }
    x86_interp_features(supported);
    f = x86_features_new(text, &one, supported, warnings, &error);
    g_assert(!f == !!error);
    if (f) {
        g_assert_cmpuint(strnlen(f->brand, sizeof(f->brand)), <, sizeof(f->brand));
    }
    x86_features_free(f);
    return 0;
}
