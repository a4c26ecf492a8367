/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line, one word a line, as far as it is read before anything is built. */
#include "machine/main/options.h"

#include <string.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) words = g_strsplit(text, "\n", WORDS_MAX);
    g_autoptr(GError) error = NULL;
    char *argv[WORDS_MAX + 2] = {(char *)"viv-machine"};
    int argc = 1;
    struct setup s;

    for (char **word = words; *word && **word; word++) {
        argv[argc++] = *word;
    }
    setup_init(&s);
    g_assert(options_read(&s, argc, argv, &error) == !error);
    setup_clear(&s);
    return 0;
}
