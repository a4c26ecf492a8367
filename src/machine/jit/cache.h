/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for generated code: the same pages twice, once to write and once to run, so that no
 * mapping is both. One thread writes and runs it.
 */
#ifndef VIV_MACHINE_JIT_CACHE_H
#define VIV_MACHINE_JIT_CACHE_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

struct code_memory {
    uint8_t *write;
    const uint8_t *run;
    size_t size; /* bytes */
};

/* `size` is a multiple of the host's page, at most 1 GiB: jumps inside reach everywhere. */
gboolean code_memory_new(struct code_memory *m, size_t size, GError **error);
void code_memory_free(struct code_memory *m);

static inline const uint8_t *code_memory_run(const struct code_memory *m, const uint8_t *written)
{
    return m->run + (written - m->write);
}

#endif
