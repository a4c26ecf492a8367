/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client's own way to a machine's screen: one end of a pair of sockets, the machine has the
 * other. */
#include "base/cleanup.h"
#include "manage/conf/fault.h"
#include "manage/core/driver.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/words.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define FD_NAME "graphicsfd"

enum { SKIP_AUTH = 1 }; /* flag of both procedures */

/* The protocol of a screen by its number, as add_client names it; borrowed. */
static const char *find_protocol(struct domain *domain, unsigned number, GError **error)
{
    static const char *const protocols[] = {"vnc", "spice"};
    struct xml *devices = domain_def_devices(domain->def),
               *graphics = xml_find(devices, "graphics");

    for (unsigned n = 0; graphics != NULL && n < number; n++) {
        graphics = xml_next(devices, "graphics", graphics);
    }
    if (graphics == NULL) {
        fault_set(error, FAULT_INTERNAL_ERROR, "No graphics backend with index %u", number);
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(protocols); i++) {
        if (xml_is(graphics, "type", protocols[i])) {
            return protocols[i];
        }
    }
    fault_set(error, FAULT_INTERNAL_ERROR, "Can only open VNC or SPICE graphics backends, not %s",
              xml_get(graphics, "type"));
    return NULL;
}

static json_object *with_name(void)
{
    json_object *arguments = json_object_new_object();

    words_set(arguments, "fdname", FD_NAME);
    return arguments;
}

/* Makes the machine serve its screen on a connected socket, borrowed. */
static bool serve(struct call *call, int fd, GError **error)
{
    const char *protocol = find_protocol(call->domain, call_u32(call, 1), error);
    json_object *arguments;

    if (protocol == NULL || !qmp_give_fd(call->domain, FD_NAME, fd, error)) {
        return false;
    }
    arguments = with_name();
    words_set(arguments, "protocol", protocol);
    json_object_object_add(arguments, "skipauth",
                           json_object_new_boolean((call->flags & SKIP_AUTH) != 0));
    if (!qmp_command(call->domain, "add_client", arguments, NULL, error)) {
        (void)qmp_command(call->domain, "closefd", with_name(), NULL, NULL);
        return false;
    }
    return true;
}

bool qmp_domain_open_graphics(struct call *call, GError **error)
{
    if (call->n_fds != 1) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "No FD available at slot 0");
    }
    return serve(call, call->fds[0], error);
}

bool qmp_domain_open_graphics_fd(struct call *call, GError **error)
{
    auto_fd int theirs = -1;
    auto_fd int ours = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return fault_set_errno(error, errno, "unable to create socket pair");
    }
    theirs = pair[0];
    ours = pair[1];
    if (!serve(call, ours, error)) {
        return false;
    }
    call->reply_fds = g_array_new(FALSE, FALSE, sizeof(int));
    pair[0] = fd_steal(&theirs);
    g_array_append_val(call->reply_fds, pair[0]);
    return true;
}
