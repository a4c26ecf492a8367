/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/pci/hotplug.h"

#include "machine/pci/internal.h"
#include "machine/pci/regs.h"

#include <gio/gio.h>

static unsigned status_at(const struct pci_hotplug *h)
{
    return h->port->express_cap + R_SLOT_STATUS;
}

static uint16_t status(const struct pci_hotplug *h)
{
    return pci_get16(h->port, status_at(h));
}

static void set_status(struct pci_hotplug *h, uint16_t value)
{
    put16(h->port->config + status_at(h), value);
}

static bool may_interrupt(const struct pci_hotplug *h)
{
    uint16_t bits = status(h);
    bool pending = (bits & h->control & SLOT_EVENTS_LOW) ||
                   ((bits & SLOT_LINK_CHANGED) && (h->control & SLOT_LINK_ENABLE));

    return pending && (h->control & SLOT_INTERRUPT_ENABLE);
}

/* 6.7.3.4: a message each time the condition comes true, or the line as long as it is. */
static void update_interrupt(struct pci_hotplug *h)
{
    bool want = may_interrupt(h), by_message = pci_msix_enabled(h->port);

    if (want && by_message && !h->message) {
        pci_msix_send(h->port, 0);
    }
    h->message = want && by_message;
    pci_set_intx(h->port, want && !by_message);
}

/* Presence, link and power as they are now; returns the events that are in the change. */
static uint16_t look(struct pci_hotplug *h)
{
    struct pci_bus *bus = h->port->below;
    unsigned link_at = h->port->express_cap + R_LINK_STATUS;
    uint16_t was = status(h), link_was = pci_get16(h->port, link_at);
    bool present = bus->slot[0] != NULL;
    bool powered = !h->works || !(h->control & SLOT_POWER_OFF);
    uint16_t now = (was & ~SLOT_PRESENT) | (present ? SLOT_PRESENT : 0);
    uint16_t link = (link_was & ~LINK_ACTIVE) | (present && powered ? LINK_ACTIVE : 0);

    __atomic_store_n(&bus->dark, !powered, __ATOMIC_RELEASE);
    set_status(h, now);
    put16(h->port->config + link_at, link);
    return (now != was ? SLOT_PRESENCE_CHANGED : 0) | (link != link_was ? SLOT_LINK_CHANGED : 0);
}

/* The same, and the events are in the status. */
static void look_and_tell(struct pci_hotplug *h)
{
    uint16_t events = look(h);

    set_status(h, status(h) | events);
}

/* --- what the guest does ------------------------------------------------------------------- */

static bool is_off(uint16_t control)
{
    return (control & SLOT_POWER_OFF) && (control & SLOT_LIGHT) == SLOT_LIGHT_OFF;
}

static void doom(struct pci_hotplug *h, enum dev_fate fate)
{
    const struct dev_env *env = h->port->dev.env;
    bool any = false;

    for (unsigned fn = 0; fn < 8; fn++) {
        struct pci_dev *p = h->port->below->slot[fn];

        if (p) {
            __atomic_store_n(&p->dev.fate, fate, __ATOMIC_RELEASE);
            any = true;
        }
    }
    if (any) {
        env->request(env->machine, MACHINE_UNPLUG, true, 0);
    }
}

/* The guest keeps what it was asked for: its light goes back on. */
static void tell_refusal(struct pci_hotplug *h)
{
    const struct dev_env *env = h->port->dev.env;

    for (unsigned fn = 0; fn < 8; fn++) {
        struct pci_dev *p = h->port->below->slot[fn];

        if (p && __atomic_exchange_n(&p->dev.asked_until, 0, __ATOMIC_RELAXED)) {
            env->event(env->machine, "DEVICE_UNPLUG_GUEST_ERROR", dev_event_data(&p->dev));
        }
    }
}

static void control_written(struct pci_hotplug *h)
{
    uint16_t was = h->control;
    uint16_t now = pci_get16(h->port, h->port->express_cap + R_SLOT_CONTROL);

    h->control = now;
    set_status(h, status(h) | SLOT_COMMAND_DONE);
    if ((was ^ now) & SLOT_POWER_OFF) {
        look_and_tell(h);
    }
    if (is_off(now) && !is_off(was)) {
        doom(h, DEV_LEAVES);
    } else if ((now & SLOT_POWER_OFF) && !(was & SLOT_POWER_OFF)) {
        doom(h, DEV_RESETS);
    } else if (!(now & SLOT_POWER_OFF) && (was & SLOT_LIGHT) == SLOT_LIGHT_BLINKS &&
               (now & SLOT_LIGHT) == SLOT_LIGHT_ON) {
        tell_refusal(h);
    }
}

void pci_hotplug_written(struct pci_hotplug *h, unsigned off, unsigned size)
{
    unsigned control = h->port->express_cap + R_SLOT_CONTROL;

    if (!h->works) {
        return;
    }
    if (off < control + 2 && control < off + size) {
        control_written(h);
    }
    update_interrupt(h);
}

/* --- what the user does --------------------------------------------------------------------- */

static struct pci_hotplug *lock(struct dev_bus *dev_bus)
{
    struct pci_hotplug *h = pci_bus_of(dev_bus)->hotplug;

    g_mutex_lock(&pci_root(h->port->bus)->lock);
    g_mutex_lock(&h->port->dev.lock);
    return h;
}

static void unlock(struct pci_hotplug *h)
{
    g_mutex_unlock(&h->port->dev.lock);
    g_mutex_unlock(&pci_root(h->port->bus)->lock);
}

/* Further functions wait in silence for function 0. */
static void added(struct dev_bus *bus, struct dev *dev)
{
    struct pci_hotplug *h = lock(bus);
    uint16_t events = look(h);

    if (events & SLOT_PRESENCE_CHANGED) {
        set_status(h, status(h) | events | SLOT_BUTTON);
        update_interrupt(h);
    }
    unlock(h);
}

static void removed(struct dev_bus *bus)
{
    struct pci_hotplug *h = lock(bus);

    look_and_tell(h);
    update_interrupt(h);
    unlock(h);
}

static gboolean ask_locked(struct pci_hotplug *h, struct dev *dev, GError **error)
{
    if (!h->port->below->slot[0]) { /* the guest was not told of it */
        __atomic_store_n(&dev->fate, DEV_LEAVES, __ATOMIC_RELEASE);
        return TRUE;
    }
    if (is_off(h->control)) {
        doom(h, DEV_LEAVES);
        return TRUE;
    }
    if ((h->control & SLOT_LIGHT) == SLOT_LIGHT_BLINKS) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_BUSY,
                    "Hot-unplug failed: guest is busy (power indicator blinking)");
        return FALSE;
    }
    set_status(h, status(h) | SLOT_BUTTON);
    update_interrupt(h);
    return TRUE;
}

static gboolean ask(struct dev_bus *bus, struct dev *dev, GError **error)
{
    struct pci_hotplug *h = lock(bus);
    gboolean ok = ask_locked(h, dev, error);

    unlock(h);
    return ok;
}

static const struct dev_bus_hotplug hotplug = {.added = added, .ask = ask, .removed = removed};

/* --- life --------------------------------------------------------------------------------------
 */

void pci_hotplug_init(struct pci_hotplug *h, struct pci_dev *port, bool works)
{
    uint8_t cap = port->express_cap;

    *h = (struct pci_hotplug){.port = port, .works = works};
    port->below->hotplug = h;
    if (works) {
        port->config[cap + R_SLOT_CAPABILITIES] |= SLOT_CAPABILITIES;
        put16(port->writable + cap + R_SLOT_CONTROL, SLOT_CONTROLS);
        port->below->dev_bus->hotplug = &hotplug;
    }
}

void pci_hotplug_reset(struct pci_hotplug *h)
{
    if (h->works) {
        h->control = SLOT_ATTENTION_OFF |
                     (h->port->below->slot[0] ? SLOT_LIGHT_ON : SLOT_LIGHT_OFF | SLOT_POWER_OFF);
        put16(h->port->config + h->port->express_cap + R_SLOT_CONTROL, h->control);
    }
    h->message = false;
    look(h);
}

void pci_hotplug_loaded(struct pci_hotplug *h)
{
    h->control = pci_get16(h->port, h->port->express_cap + R_SLOT_CONTROL);
    look(h);
    h->message = may_interrupt(h) && pci_msix_enabled(h->port);
}
