/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors with libvirt's numbers and words. */
#include "manage/conf/fault.h"

#include <string.h>

typedef struct {
    enum fault_from from;
    char *hint;
} FaultPrivate;

static void fault_private_init(FaultPrivate *more)
{
    *more = (FaultPrivate){0};
}

static void fault_private_copy(const FaultPrivate *from, FaultPrivate *to)
{
    to->from = from->from;
    to->hint = g_strdup(from->hint);
}

static void fault_private_clear(FaultPrivate *more)
{
    g_clear_pointer(&more->hint, g_free);
}

G_DEFINE_EXTENDED_ERROR(Fault, fault)

static const struct {
    int code;
    const char *plain, *detailed;
} rows[] = {
#define _(NAME, number, plain, detailed) {number, plain, detailed},
#include "manage/conf/faults.inc"
#undef _
};

/* The words of a code around a detail (NULL: none); every row's format has exactly one %s. */
static char *words(enum fault_code code, const char *detail)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].code == (int)code) {
            if (detail == NULL) {
                return g_strdup(rows[i].plain);
            }
            const char *hole = strstr(rows[i].detailed, "%s");

            return g_strdup_printf("%.*s%s%s", (int)(hole - rows[i].detailed), rows[i].detailed,
                                   detail, hole + 2);
        }
    }
    g_assert_not_reached();
}

bool fault_set(GError **error, enum fault_code code, const char *format, ...)
{
    g_autofree char *detail = NULL;
    g_autofree char *message = NULL;

    if (format != NULL) {
        va_list list;

        va_start(list, format);
        detail = g_strdup_vprintf(format, list);
        va_end(list);
    }
    message = words(code, detail);
    g_set_error_literal(error, FAULT, code, message);
    return false;
}

bool fault_set_raw(GError **error, enum fault_code code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *message = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error_literal(error, FAULT, code, message);
    return false;
}

bool fault_set_errno(GError **error, int number, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *what = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error(error, FAULT, FAULT_SYSTEM_ERROR, "%s: %s", what, g_strerror(number));
    return false;
}

enum fault_code fault_code(const GError *error)
{
    return error->domain == FAULT ? (enum fault_code)error->code : FAULT_INTERNAL_ERROR;
}

enum fault_from fault_from(const GError *error)
{
    return error->domain == FAULT ? fault_get_private(error)->from : FAULT_FROM_NONE;
}

void fault_set_from(GError *error, enum fault_from from)
{
    if (error->domain == FAULT && fault_get_private(error)->from == FAULT_FROM_NONE) {
        fault_get_private(error)->from = from;
    }
}

bool fault_came_from(GError **error, enum fault_from from)
{
    if (error != NULL && *error != NULL) {
        fault_set_from(*error, from);
    }
    return false;
}

const char *fault_hint(const GError *error)
{
    return error->domain == FAULT ? fault_get_private(error)->hint : NULL;
}

void fault_set_hint(GError *error, const char *hint)
{
    if (error->domain == FAULT) {
        FaultPrivate *more = fault_get_private(error);

        g_free(more->hint);
        more->hint = g_strdup(hint);
    }
}
