/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm_owner.h"

#include "rig.h"

static const struct state_row pm_owner_state[] = {
    STATE_SUB(struct pm_owner, pm, acpi_pm_state),
    STATE_DONE,
};

static gboolean pm_owner_realize(struct dev *dev, GError **error)
{
    struct pm_owner *o = (struct pm_owner *)dev;
    const struct irq sci = rig_of(dev->env->machine)->irq[PM_OWNER_SCI];

    acpi_pm_init(&o->pm, dev, &sci);
    o->pm_mapping = isa_map(dev, &o->pm.region, PM_OWNER_BASE);
    o->apm_mapping = isa_map(dev, &o->pm.apm, 0xb2);
    return TRUE;
}

static void pm_owner_unrealize(struct dev *dev)
{
    struct pm_owner *o = (struct pm_owner *)dev;

    isa_unmap(dev, o->pm_mapping);
    isa_unmap(dev, o->apm_mapping);
    acpi_pm_fini(&o->pm);
}

static void pm_owner_reset(struct dev *dev)
{
    acpi_pm_reset(&((struct pm_owner *)dev)->pm);
}

static gboolean pm_owner_post_load(struct dev *dev, GError **error)
{
    acpi_pm_loaded(&((struct pm_owner *)dev)->pm);
    return TRUE;
}

const struct dev_class pm_owner_class = {
    .name = "pm-owner",
    .instance_size = sizeof(struct pm_owner),
    .state = pm_owner_state,
    .state_version = 1,
    .realize = pm_owner_realize,
    .unrealize = pm_owner_unrealize,
    .reset = pm_owner_reset,
    .post_load = pm_owner_post_load,
};
