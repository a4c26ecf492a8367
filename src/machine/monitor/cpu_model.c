/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/monitor/cpu_model.h"

#include <string.h>

const char *cpu_model_feature(unsigned n, unsigned *ret_feature)
{
    for (unsigned f = 0; f < FW_COUNT * 32; f++) {
        /* AMD's multiprocessor bit is no property of QEMU's. */
        if (x86_feature_name(f) && strcmp(x86_feature_name(f), "mp") != 0 && n-- == 0) {
            *ret_feature = f;
            return x86_feature_name(f);
        }
    }
    return NULL;
}

/* What is no feature bit: vendor, family, model, stepping, name, highest leaves. */
static void add_identity(json_object *o, const struct x86_features *f)
{
    unsigned family = f->signature >> 8 & 15, model = f->signature >> 4 & 15;
    char vendor[13] = {0};

    if (family == 15) {
        family += f->signature >> 20 & 0xff;
    }
    model |= f->signature >> 12 & 0xf0;
    memcpy(vendor, f->vendor, 12);
    json_object_object_add(o, "vendor", json_object_new_string(vendor));
    json_object_object_add(o, "family", json_object_new_int64(family));
    json_object_object_add(o, "model", json_object_new_int64(model));
    json_object_object_add(o, "stepping", json_object_new_int64(f->signature & 15));
    json_object_object_add(o, "model-id", json_object_new_string(f->brand));
    json_object_object_add(o, "min-level", json_object_new_int64(f->level));
    json_object_object_add(o, "min-xlevel", json_object_new_int64(f->xlevel));
}

json_object *cpu_model_features(const struct x86_features *f)
{
    json_object *o = json_object_new_object();
    const char *name;
    unsigned feature;

    for (unsigned n = 0; (name = cpu_model_feature(n, &feature)); n++) {
        json_object_object_add(o, name, json_object_new_boolean(x86_has(f, feature)));
    }
    add_identity(o, f);
    return o;
}
