/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commit: what lies over an image goes into it; of the image in use, until a pivot. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/blockjob/blockjob.h"
#include "manage/driver/qmp/words.h"

enum {
    COMMIT_SHALLOW = 1 << 0,
    COMMIT_DELETE = 1 << 1,
    COMMIT_ACTIVE = 1 << 2,
    COMMIT_RELATIVE = 1 << 3,
    COMMIT_BYTES = 1 << 4,
};

static const struct chain_image *at(const GPtrArray *chain, int n)
{
    return chain->pdata[n];
}

/* Which image goes, and into which; places in the chain. */
static bool find_base(struct call *call, const GPtrArray *chain, const char *target, int top,
                      int *ret_base, GError **error)
{
    const char *base = call_maybe_string(call, 2);
    const char *disk = at(chain, 0)->path, *from = at(chain, top)->path;
    bool shallow = (call->flags & COMMIT_SHALLOW) != 0;
    bool bottom = (unsigned)top + 1 == chain->len;

    if (shallow && bottom) {
        return fault_set(error, FAULT_INVALID_ARG, "top '%s' in chain for '%s' has no backing file",
                         from, disk);
    }
    if (base == NULL && bottom) {
        return fault_set(error, FAULT_INVALID_ARG, "could not find base image in chain for '%s'",
                         target);
    }
    if (base == NULL) {
        *ret_base = shallow ? top + 1 : (int)chain->len - 1;
        return true;
    }
    *ret_base = chain_find(chain, target, base, (unsigned)top + 1, from, error);
    if (*ret_base > top + 1 && shallow) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "base '%s' is not immediately below '%s' in chain for '%s'", base, from,
                         disk);
    }
    return *ret_base >= 0;
}

static bool find(struct call *call, const GPtrArray *chain, const char *target, int *ret_top,
                 int *ret_base, GError **error)
{
    const char *top = call_maybe_string(call, 3);
    bool active = (call->flags & COMMIT_ACTIVE) != 0;

    if (chain->len == 0) {
        return fault_set(error, FAULT_INVALID_ARG, "could not find base image in chain for '%s'",
                         target);
    }
    *ret_top = top != NULL ? chain_find(chain, target, top, 0, NULL, error) : 0;
    if (*ret_top < 0 || !find_base(call, chain, target, *ret_top, ret_base, error)) {
        return false;
    }
    if (*ret_top == 0 && !active) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "commit of '%s' active layer requires active flag", target);
    }
    return *ret_top == 0 || !active ||
           fault_set(error, FAULT_INVALID_ARG, "active commit requested but '%s' is not active",
                     at(chain, *ret_top)->path);
}

/* The machine writes the base's name into the image above: the file's, whatever it opened it by. */
static json_object *arguments_of(const GPtrArray *chain, int top, int base)
{
    json_object *arguments = json_object_new_object();

    words_set(arguments, "device", at(chain, 0)->node);
    words_set(arguments, "base-node", at(chain, base)->node);
    if (top > 0) {
        words_set(arguments, "top-node", at(chain, top)->node);
        words_set(arguments, "backing-file", at(chain, base)->path);
    }
    return arguments;
}

static struct chain_image *copy_of(const struct chain_image *image)
{
    struct chain_image *copy = g_new0(struct chain_image, 1);

    copy->path = g_strdup(image->path);
    copy->format = g_strdup(image->format);
    copy->node = g_strdup(image->node);
    copy->index = image->index;
    return copy;
}

static bool begin(struct call *call, const char *target, GPtrArray *chain, int top, int base,
                  uint64_t speed, GError **error)
{
    json_object *arguments = arguments_of(chain, top, base);
    struct blockjob *job =
        blockjob_new(top == 0 ? BLOCKJOB_ACTIVE_COMMIT : BLOCKJOB_COMMIT, target, chain);

    if (top == 0) {
        job->fresh = copy_of(at(chain, base));
    }
    if ((call->flags & COMMIT_DELETE) != 0) {
        job->unneeded = g_ptr_array_new_with_free_func(g_free);
        for (int i = top; i < base; i++) {
            g_ptr_array_add(job->unneeded, g_strdup(at(chain, i)->path));
        }
    }
    return blockjob_begin(call->domain, job, "block-commit", arguments, speed, error);
}

bool blockjob_commit(struct call *call, GError **error)
{
    g_autofree char *target = NULL;
    GPtrArray *chain;
    uint64_t speed;
    int top, base;

    if ((call->flags & COMMIT_RELATIVE) != 0) {
        return fault_set(error, FAULT_CONFIG_UNSUPPORTED,
                         "keeping names of images relative is not built yet");
    }
    if (!blockjob_speed(call_u64(call, 4), (call->flags & COMMIT_BYTES) != 0, &speed, error) ||
        !blockjob_disk(call, &target, error) ||
        (chain = chain_read(call->domain, target, error)) == NULL) {
        return false;
    }
    if (!find(call, chain, target, &top, &base, error)) {
        g_ptr_array_free(chain, TRUE);
        return false;
    }
    return begin(call, target, chain, top, base, speed, error);
}
