/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What viv-img prints, byte for byte as qemu-img 7.2 does. */
#ifndef VIV_IMAGE_OUTPUT_H
#define VIV_IMAGE_OUTPUT_H

#include "block/block.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* "1.5 GiB": three significant digits. */
char *output_size(uint64_t bytes);
/* JSON with four spaces of indentation and keys in the order in which qemu-img has them. */
void output_json(json_object *value);
void output_snapshot_head(void);
void output_snapshot(const struct block_snapshot *snapshot);

/* Progress on a terminal's line, as "    (12.34/100%)". One thread at a time. */
struct output_progress {
    bool on;
    uint64_t total, done;
    double shown;
};

void output_progress_start(struct output_progress *progress, bool on, uint64_t total);
void output_progress_add(struct output_progress *progress, uint64_t n);
void output_progress_end(struct output_progress *progress);

#endif
