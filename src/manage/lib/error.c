/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors as libviv's callers see them: a GError of the management layer underneath. */
#include "manage/conf/fault.h"
#include "manage/lib/internal.h"

#include <string.h>
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

/* Every code with its words. */
static const struct code_row {
    int code;
    const char *name, *plain, *detailed;
} codes[] = {
#define _(NAME, number, plain, detailed) {number, "VIR_ERR_" #NAME, plain, detailed},
#include "manage/conf/faults.inc"
#undef _
};

static const struct code_row *find_code(int code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (codes[i].code == code) {
            return &codes[i];
        }
    }
    return NULL;
}

VIV_PUBLIC const char *viv_code_name(int code)
{
    const struct code_row *row = find_code(code);

    return row != NULL ? row->name : NULL;
}

VIV_PUBLIC const char *viv_code_words(int code)
{
    const struct code_row *row = find_code(code);

    return row != NULL ? row->plain : NULL;
}

/* How much of a text the words in front of a message's detail are; 0: they are not in front. */
static size_t words_in_front(const char *detailed, const char *text)
{
    const char *detail = strchr(detailed, '%');
    size_t length = detail != NULL ? (size_t)(detail - detailed) : strlen(detailed);

    return strncmp(detailed, text, length) == 0 ? length : 0;
}

VIV_PUBLIC int viv_code_of(const char *text)
{
    size_t most = 0;
    int code = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++) {
        const struct code_row *row = &codes[i];
        size_t front = words_in_front(row->detailed, text);
        size_t whole = strcmp(text, row->plain) == 0 ? strlen(text) : 0;

        if (g_ascii_strcasecmp(text, row->name) == 0 ||
            g_ascii_strcasecmp(text, row->name + strlen("VIR_ERR_")) == 0) {
            return row->code;
        }
        if (MAX(front, whole) > most) {
            most = MAX(front, whole);
            code = row->code;
        }
    }
    return code;
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
