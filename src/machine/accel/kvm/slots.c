/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory as KVM knows it: a slot for each piece of RAM or ROM in the view.
 *
 * While a slot that changes is away, another vCPU's access to it is an exit, which finds the memory
 * in the view; so nobody needs to stop. What lies below 1 MiB has slots of its own: firmware
 * changes the map there, and the pages that a guest's tables lie in stay where they are.
 */
#include "machine/accel/kvm/kvm.h"

#include <errno.h>
#include <sys/ioctl.h>

#define LOW_END 0x100000

void kvm_slots_init(struct kvm_slots *s, int vm_fd, unsigned max)
{
    s->vm_fd = vm_fd;
    s->max = max;
    s->slot = g_array_new(FALSE, TRUE, sizeof(struct kvm_slot));
}

void kvm_slots_fini(struct kvm_slots *s)
{
    g_array_unref(s->slot);
    g_free(s->error);
}

static struct kvm_slot *nth(const struct kvm_slots *s, unsigned i)
{
    return &g_array_index(s->slot, struct kvm_slot, i);
}

/* Gives slot `i` to KVM as it is. */
static bool tell(struct kvm_slots *s, unsigned i)
{
    const struct kvm_slot *slot = nth(s, i);
    struct kvm_userspace_memory_region region = {
        .slot = i,
        .flags = slot->readonly ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = slot->start,
        .memory_size = slot->size,
        .userspace_addr = (uintptr_t)slot->host,
    };

    if (ioctl(s->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) == 0) {
        return true;
    }
    if (!s->error) {
        s->error = g_strdup_printf("KVM: refuses memory at 0x%" G_GINT64_MODIFIER
                                   "x, %" G_GUINT64_FORMAT " bytes: %s",
                                   slot->start, slot->size, g_strerror(errno));
    }
    __atomic_store_n(&s->failed, true, __ATOMIC_RELEASE);
    return false;
}

static void add_wanted(GArray *wanted, gpa start, gpa end, uint8_t *host, bool readonly)
{
    gpa first = (start + RAM_PAGE_SIZE - 1) & ~(gpa)(RAM_PAGE_SIZE - 1);
    gpa last = end & ~(gpa)(RAM_PAGE_SIZE - 1);

    /* A piece that is no whole page is reached through exits. */
    if (first < last && ((uintptr_t)host + (first - start)) % RAM_PAGE_SIZE == 0) {
        struct kvm_slot slot = {first, last - first, host + (first - start), readonly};

        g_array_append_val(wanted, slot);
    }
}

static GArray *wanted_slots(const struct bus_view *view)
{
    GArray *wanted = g_array_new(FALSE, TRUE, sizeof(struct kvm_slot));

    for (unsigned i = 0; i < view->n; i++) {
        const struct bus_range *r = &view->range[i];
        const struct bus_region *region = r->region;
        bool readonly = r->readonly || region->kind == BUS_ROM;
        gpa end = r->last + 1;
        uint8_t *host;

        if (region->kind == BUS_IO || end < r->start) {
            continue;
        }
        host = region->ram->host + region->ram_offset + r->off;
        if (r->start < LOW_END && end > LOW_END) {
            add_wanted(wanted, r->start, LOW_END, host, readonly);
            add_wanted(wanted, LOW_END, end, host + (LOW_END - r->start), readonly);
        } else {
            add_wanted(wanted, r->start, end, host, readonly);
        }
    }
    return wanted;
}

static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
    return a->start == b->start && a->size == b->size && a->host == b->host &&
           a->readonly == b->readonly;
}

/* Takes away what is not wanted, and strikes from `wanted` what is there. */
static void keep_wanted(struct kvm_slots *s, GArray *wanted)
{
    for (unsigned i = 0; i < s->slot->len; i++) {
        struct kvm_slot *slot = nth(s, i);
        bool keep = false;

        for (unsigned k = 0; slot->size && k < wanted->len && !keep; k++) {
            struct kvm_slot *w = &g_array_index(wanted, struct kvm_slot, k);

            if (same(slot, w)) {
                w->size = 0;
                keep = true;
            }
        }
        if (slot->size && !keep) {
            slot->size = 0;
            tell(s, i);
        }
    }
}

/* Its index; s->max: none. */
static unsigned free_slot(struct kvm_slots *s)
{
    for (unsigned i = 0; i < s->slot->len; i++) {
        if (nth(s, i)->size == 0) {
            return i;
        }
    }
    if (s->slot->len >= s->max) {
        return s->max;
    }
    g_array_set_size(s->slot, s->slot->len + 1);
    return s->slot->len - 1;
}

void kvm_slots_apply(struct kvm_slots *s, const struct bus_view *view)
{
    g_autoptr(GArray) wanted = wanted_slots(view);

    keep_wanted(s, wanted);
    for (unsigned k = 0; k < wanted->len; k++) {
        const struct kvm_slot *w = &g_array_index(wanted, struct kvm_slot, k);
        unsigned i;

        if (w->size == 0) {
            continue;
        }
        i = free_slot(s);
        if (i < s->max) {
            *nth(s, i) = *w;
            if (!tell(s, i)) {
                nth(s, i)->size = 0;
            }
        } else if (!s->full) {
            s->full = true;
            g_warning("KVM: this host has %u slots for memory, and more pieces are mapped: the "
                      "rest is slow",
                      s->max);
        }
    }
}
