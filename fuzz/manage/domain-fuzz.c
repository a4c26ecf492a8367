/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a domain: refused with words, or completed; and what is complete stays so. */
#include "../../tests/manage/conf/sample.h"

#include "manage/conf/fault.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(domain_def_own) def = domain_def_parse(text, &sample_rules, &error);
    g_autofree char *first = NULL, *second = NULL;

    if (def == NULL) {
        g_assert_true(error != NULL && error->message[0] != '\0');
        return 0;
    }
    first = domain_def_format(def, -1, DOMAIN_DEF_INACTIVE);
    g_autoptr(domain_def_own) again = domain_def_parse(first, &sample_rules, &error);

    g_assert_no_error(error);
    second = domain_def_format(again, -1, DOMAIN_DEF_INACTIVE);
    g_assert_cmpstr(second, ==, first);
    return 0;
}
