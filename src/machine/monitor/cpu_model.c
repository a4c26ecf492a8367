/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/monitor/cpu_model.h"

const char *cpu_model_feature(unsigned n, unsigned *ret_feature)
{
    for (unsigned f = 0; f < FW_COUNT * 32; f++) {
        if (x86_feature_name(f) && n-- == 0) {
            *ret_feature = f;
            return x86_feature_name(f);
        }
    }
    return NULL;
}

json_object *cpu_model_features(const struct x86_features *f)
{
    json_object *o = json_object_new_object();
    const char *name;
    unsigned feature;

    for (unsigned n = 0; (name = cpu_model_feature(n, &feature)); n++) {
        json_object_object_add(o, name, json_object_new_boolean(x86_has(f, feature)));
    }
    return o;
}
