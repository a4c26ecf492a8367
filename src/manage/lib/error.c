/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors as libviv's callers see them: a GError of the management layer underneath. */
#include "manage/conf/fault.h"
#include "manage/lib/internal.h"

#include <viv/error.h>

struct viv_error {
    GError *error;
};

void lib_error_give(struct viv_error **ret_error, GError *error)
{
    if (ret_error == NULL) {
        g_error_free(error);
        return;
    }
    *ret_error = g_new0(struct viv_error, 1);
    (*ret_error)->error = error;
}

VIV_PUBLIC int viv_error_code(const struct viv_error *error)
{
    return (int)fault_code(error->error);
}

VIV_PUBLIC const char *viv_error_message(const struct viv_error *error)
{
    return error->error->message;
}

VIV_PUBLIC const char *viv_error_hint(const struct viv_error *error)
{
    return fault_hint(error->error);
}

VIV_PUBLIC void viv_error_free(struct viv_error *error)
{
    if (error != NULL) {
        g_error_free(error->error);
        g_free(error);
    }
}

VIV_PUBLIC void viv_free(void *memory)
{
    g_free(memory);
}
