/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pull: a disk takes what it is based on into itself, all of it or down to one image. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/words.h"

/* Flags of both calls. */
enum {
    REBASE_RAW = 1 << 2,
    REBASE_COPY = 1 << 3,
    REBASE_RELATIVE = 1 << 4,
    REBASE_DEVICE = 1 << 5,
    PULL_BYTES = 1 << 6,
};

/* The machine writes the base's name into the image: the file's, whatever it opened it by. */
static json_object *arguments_of(const GPtrArray *chain, int base)
{
    const struct chain_image *top = chain->pdata[0];
    json_object *arguments = json_object_new_object();

    words_set(arguments, "device", top->node);
    if (base >= 0) {
        const struct chain_image *image = chain->pdata[base];

        words_set(arguments, "base-node", image->node);
        words_set(arguments, "backing-file", image->path);
    }
    return arguments;
}

static bool pull(struct call *call, const char *base, uint64_t bandwidth, GError **error)
{
    g_autofree char *target = NULL;
    GPtrArray *chain;
    json_object *arguments;
    uint64_t speed;
    int at = -1;

    if (!blockjob_speed(bandwidth, (call->flags & PULL_BYTES) != 0, &speed, error) ||
        !blockjob_disk(call, &target, error) ||
        (chain = chain_read(call->domain, target, error)) == NULL) {
        return false;
    }
    if (chain->len == 0) {
        g_ptr_array_free(chain, TRUE);
        return fault_set(error, FAULT_INTERNAL_ERROR,
                         "argument key 'device' must not have null value");
    }
    if (base != NULL) {
        const struct chain_image *top = chain->pdata[0];

        at = chain_find(chain, target, base, 1, top->path, error);
        if (at < 0) {
            g_ptr_array_free(chain, TRUE);
            return false;
        }
    }
    arguments = arguments_of(chain, at);
    return blockjob_begin(call->domain, blockjob_new(BLOCKJOB_PULL, target, chain), "block-stream",
                          arguments, speed, error);
}

bool blockjob_pull(struct call *call, GError **error)
{
    return pull(call, NULL, call_u64(call, 2), error);
}

bool blockjob_rebase(struct call *call, GError **error)
{
    const char *base = call_maybe_string(call, 2);
    uint64_t speed;

    if ((call->flags & REBASE_COPY) != 0) {
        return blockjob_speed(call_u64(call, 3), (call->flags & PULL_BYTES) != 0, &speed, error) &&
               blockjob_rebase_copy(call, speed, (call->flags & REBASE_RAW) != 0,
                                    (call->flags & REBASE_DEVICE) != 0, error);
    }
    if ((call->flags & REBASE_RELATIVE) != 0) {
        return base == NULL
                   ? fault_set(error, FAULT_INVALID_ARG,
                               "flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null "
                               "base")
                   : fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                               "keeping names of images relative is not built yet");
    }
    return pull(call, base, call_u64(call, 3), error);
}
