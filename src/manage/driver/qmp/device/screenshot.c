/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A picture of a screen: the emulator writes it to a file of the run, which a stream carries. */
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/core/stream.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

struct picture {
    struct stream stream; /* first */
    int file;
};

static ssize_t picture_read(struct stream *stream, void *data, size_t size, int64_t *ret_hole)
{
    ssize_t n;

    do {
        n = read(((struct picture *)stream)->file, data, size);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static bool picture_finish(struct stream *stream, GError **error)
{
    return true;
}

static void picture_close(struct stream *stream)
{
    close(((struct picture *)stream)->file);
    g_free(stream);
}

static const struct stream_ops ops = {
    .read = picture_read, .finish = picture_finish, .close = picture_close};

/* The video device that shows the screen, and which of its heads; NULL: none does. */
static struct xml *find_video(struct domain *domain, unsigned screen, unsigned *ret_head,
                              unsigned *ret_number)
{
    struct xml *devices = domain_def_devices(domain->def);
    unsigned n = 0, number = 0;

    for (struct xml *v = xml_find(devices, "video"); v != NULL;
         v = xml_next(devices, "video", v), number++) {
        unsigned heads = words_attribute(xml_find(v, "model"), "heads", 1);

        if (screen < n + heads) {
            *ret_head = screen - n;
            *ret_number = number;
            return v;
        }
        n += heads;
    }
    return NULL;
}

static bool take(struct call *call, const char *path, unsigned head, unsigned number,
                 GError **error)
{
    json_object *arguments = json_object_new_object();
    g_autofree char *id = g_strdup_printf("video%u", number);

    words_set(arguments, "filename", path);
    words_set(arguments, "format", "png");
    words_set(arguments, "device", id);
    words_set_int(arguments, "head", head);
    return qmp_command(call->domain, "screendump", arguments, NULL, error);
}

bool qmp_domain_screenshot(struct call *call, GError **error)
{
    struct domain *domain = call->domain;
    struct xml *first = xml_find(domain_def_devices(domain->def), "video");
    unsigned head, number;
    g_autofree char *path = NULL;
    struct picture *picture;
    int file;

    if (first == NULL || xml_is(xml_find(first, "model"), "type", "none")) {
        return fault_set(error, FAULT_OPERATION_INVALID, "no screens to take screenshot from");
    }
    if (find_video(domain, call_u32(call, 1), &head, &number) == NULL) {
        return fault_set(error, FAULT_OPERATION_INVALID, "no such screen ID");
    }
    path = g_build_filename(qmp_run_of(domain)->own, "screen.png", NULL);
    if (!take(call, path, head, number, error)) {
        g_unlink(path);
        return false;
    }
    file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return fault_set_errno(error, errno, "unable to open '%s'", path);
    }
    g_unlink(path);
    picture = g_new0(struct picture, 1);
    picture->stream = (struct stream){.ops = &ops, .fd = -1};
    picture->file = file;
    call->stream = &picture->stream;
    return call_reply(call, "(ms)", "image/png");
}
