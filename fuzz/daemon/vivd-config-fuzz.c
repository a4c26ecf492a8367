/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vivd's configuration: any bytes are taken or refused with the name of the file. */
#include "manage/daemon/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    struct config config;

    config_defaults(&config);
    if (!config_parse(&config, "the file", (const char *)data, size, &error)) {
        g_assert_true(strncmp(error->message, "the file", strlen("the file")) == 0);
    } else {
        g_assert_cmpuint(config.max_clients, >, 0);
    }
    config_clear(&config);
    return 0;
}
