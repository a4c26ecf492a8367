/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "whole.h"

#include "machine/main/options.h"

#define ROUNDS 16

void whole_init(struct whole *w, const char *const *words)
{
    char *argv[64] = {(char *)"viv-machine"};
    g_autoptr(GError) error = NULL;
    int argc = 1;

    for (; *words; words++) {
        g_assert_cmpint(argc, <, G_N_ELEMENTS(argv) - 1);
        argv[argc++] = (char *)*words;
    }
    memset(w, 0, sizeof(*w));
    setup_init(&w->setup);
    if (!options_read(&w->setup, argc, argv, &error) || !host_build(&w->host, &w->setup, &error)) {
        g_error("%s", error->message);
    }
}

void whole_fini(struct whole *w)
{
    host_free(&w->host);
    setup_clear(&w->setup);
}

void whole_loop(struct whole *w)
{
    for (unsigned i = 0; i < ROUNDS && g_main_context_iteration(NULL, FALSE); i++) {
    }
}
