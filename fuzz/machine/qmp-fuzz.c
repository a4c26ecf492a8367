/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command's name on the first line, its arguments as JSON below: what the rows make of them. */
#include "machine/monitor/command.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    char *line = strchr(text, '\n');
    const struct qmp_command *command;
    g_autoptr(GError) error = NULL;
    json_object *args;

    if (!line) {
        return 0;
    }
    *line = '\0';
    command = qmp_command_find(text);
    args = row_parse(line + 1, NULL, TRUE, NULL);
    if (command && args) {
        g_assert(qmp_check(command->args, args, command->any_args, &error) == !error);
    }
    if (args) {
        json_object_put(args);
    }
    return 0;
}
