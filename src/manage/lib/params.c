/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/lib/params.h"

#include "manage/lib/internal.h"

#include <string.h>

void params_set(GVariant *value, struct viv_param *param)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_INT32:
        param->type = VIV_PARAM_INT;
        param->value.number = g_variant_get_int32(value);
        break;
    case G_VARIANT_CLASS_UINT32:
        param->type = VIV_PARAM_UINT;
        param->value.natural = g_variant_get_uint32(value);
        break;
    case G_VARIANT_CLASS_INT64:
        param->type = VIV_PARAM_INT64;
        param->value.number = g_variant_get_int64(value);
        break;
    case G_VARIANT_CLASS_UINT64:
        param->type = VIV_PARAM_UINT64;
        param->value.natural = g_variant_get_uint64(value);
        break;
    case G_VARIANT_CLASS_DOUBLE:
        param->type = VIV_PARAM_DOUBLE;
        param->value.real = g_variant_get_double(value);
        break;
    case G_VARIANT_CLASS_BOOLEAN:
        param->type = VIV_PARAM_BOOL;
        param->value.number = g_variant_get_boolean(value);
        break;
    default: param->type = VIV_PARAM_TEXT; param->value.text = g_variant_dup_string(value, NULL);
    }
}

struct viv_param *params_unpack(GVariant *list)
{
    gsize n = g_variant_n_children(list);
    struct viv_param *params = g_new0(struct viv_param, n + 1);

    for (gsize i = 0; i < n; i++) {
        g_autoptr(GVariant) value = NULL;
        char *name;

        g_variant_get_child(list, i, "(sv)", &name, &value);
        params[i].name = name;
        params_set(value, &params[i]);
    }
    return params;
}

static GVariant *pack(const struct viv_param *param)
{
    switch (param->type) {
    case VIV_PARAM_INT: return g_variant_new_int32((gint32)param->value.number);
    case VIV_PARAM_UINT: return g_variant_new_uint32((guint32)param->value.natural);
    case VIV_PARAM_INT64: return g_variant_new_int64(param->value.number);
    case VIV_PARAM_UINT64: return g_variant_new_uint64(param->value.natural);
    case VIV_PARAM_DOUBLE: return g_variant_new_double(param->value.real);
    case VIV_PARAM_BOOL: return g_variant_new_boolean(param->value.number != 0);
    default: return g_variant_new_string(param->value.text);
    }
}

GVariant *params_pack(const struct viv_param *params)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sv)"));
    for (; params != NULL && params->name != NULL; params++) {
        g_variant_builder_add(&builder, "(sv)", params->name, pack(params));
    }
    return g_variant_builder_end(&builder);
}

VIV_PUBLIC const struct viv_param *viv_params_find(const struct viv_param *params, const char *name)
{
    for (; params != NULL && params->name != NULL; params++) {
        if (strcmp(params->name, name) == 0) {
            return params;
        }
    }
    return NULL;
}

VIV_PUBLIC void viv_params_free(struct viv_param *params)
{
    for (struct viv_param *p = params; p != NULL && p->name != NULL; p++) {
        g_free((char *)p->name);
        if (p->type == VIV_PARAM_TEXT) {
            g_free((char *)p->value.text);
        }
    }
    g_free(params);
}
