/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What guests that do not run would do: freeze file systems, show a picture. */
#include "manage/conf/fault.h"
#include "manage/core/stream.h"
#include "manage/driver/test/internal.h"
#include "manage/driver/test/test-handlers.h"

#include <string.h>

static const char *const mount_points[TEST_MOUNTS] = {"/", "/boot"};

struct test_domain *test_private(struct domain *domain)
{
    if (domain->private == NULL) {
        domain->private = g_new0(struct test_domain, 1);
        domain->private_free = g_free;
    }
    return domain->private;
}

/* Sets ret_which for those that the call names, all when it names none. */
static bool read_mounts(struct call *call, bool ret_which[TEST_MOUNTS], GError **error)
{
    g_autoptr(GVariant) list = g_variant_get_child_value(call->args, 1);
    gsize n = g_variant_n_children(list);

    for (unsigned m = 0; m < TEST_MOUNTS; m++) {
        ret_which[m] = n == 0;
    }
    for (gsize i = 0; i < n; i++) {
        const char *name;
        unsigned m = 0;

        g_variant_get_child(list, i, "&s", &name);
        while (m < TEST_MOUNTS && strcmp(mount_points[m], name) != 0) {
            m++;
        }
        if (m == TEST_MOUNTS) {
            return fault_set(error, FAULT_OPERATION_INVALID, "mount point not found: %s", name);
        }
        ret_which[m] = true;
    }
    return true;
}

/* Replies with how many it changed. */
static bool set_frozen(struct call *call, bool frozen, GError **error)
{
    struct test_domain *state = test_private(call->domain);
    bool which[TEST_MOUNTS];
    int n = 0;

    if (!read_mounts(call, which, error)) {
        return false;
    }
    for (unsigned m = 0; m < TEST_MOUNTS; m++) {
        if (which[m] && state->frozen[m] != frozen) {
            state->frozen[m] = frozen;
            n++;
        }
    }
    return call_reply_i32(call, n);
}

bool test_domain_fsfreeze(struct call *call, GError **error)
{
    return set_frozen(call, true, error);
}

bool test_domain_fsthaw(struct call *call, GError **error)
{
    return set_frozen(call, false, error);
}

/* There is none of any kind, so there is nothing to tell. */
bool test_domain_get_launch_security(struct call *call, GError **error)
{
    return fault_set(error, FAULT_NO_SUPPORT, "%s", call->proc->symbol);
}

/* One black pixel: nothing runs that could draw. */
static const uint8_t picture[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x60, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x48, 0xaf, 0xa4, 0x71, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

struct picture_stream {
    struct stream stream; /* first */
    size_t at;
};

static ssize_t picture_read(struct stream *stream, void *data, size_t size, int64_t *ret_hole)
{
    struct picture_stream *self = (struct picture_stream *)stream;
    size_t n = MIN(size, sizeof(picture) - self->at);

    memcpy(data, picture + self->at, n);
    self->at += n;
    return (ssize_t)n;
}

static void picture_close(struct stream *stream)
{
    g_free(stream);
}

static const struct stream_ops picture_ops = {.read = picture_read, .close = picture_close};

bool test_domain_screenshot(struct call *call, GError **error)
{
    struct picture_stream *self = g_new0(struct picture_stream, 1);

    self->stream = (struct stream){.ops = &picture_ops, .fd = -1};
    call->stream = &self->stream;
    return call_reply(call, "(ms)", "image/png");
}
