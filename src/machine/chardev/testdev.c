/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For test kernels: the guest writes commands. "<number>q" ends the process with exit code
 * (number << 1) | 1.
 */
#include "machine/chardev/backend.h"

#define CODE_MAX 127

struct testdev {
    struct chardev c;
    unsigned number; /* lock */
    int code;        /* atomic; -1: none yet */
};

static gboolean testdev_open(struct chardev *c, void *opts, GError **error)
{
    ((struct testdev *)c)->code = -1;
    chardev_set_open(c, true);
    return TRUE;
}

static size_t testdev_write(struct chardev *c, const uint8_t *data, size_t len)
{
    struct testdev *t = (struct testdev *)c;

    for (size_t i = 0; i < len; i++) {
        if (g_ascii_isdigit(data[i])) {
            t->number = MIN(t->number * 10 + (data[i] - '0'), CODE_MAX);
        } else if (data[i] == 'q') {
            __atomic_store_n(&t->code, (int)(t->number << 1 | 1), __ATOMIC_RELEASE);
            chardev_accept_input(c); /* the loop ends the process */
        } else {
            t->number = 0;
        }
    }
    return len;
}

static void testdev_resume(struct chardev *c)
{
    int code = __atomic_load_n(&((struct testdev *)c)->code, __ATOMIC_ACQUIRE);

    if (code >= 0 && c->set->hooks.quit) {
        c->set->hooks.quit(c->set->hooks.opaque, code);
    }
}

const struct chardev_class chardev_testdev = {
    .name = "testdev",
    .help = "exit commands of test kernels",
    .instance_size = sizeof(struct testdev),
    .open = testdev_open,
    .write = testdev_write,
    .resume = testdev_resume,
};
