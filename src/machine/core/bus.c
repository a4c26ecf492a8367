/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings and views of an address space; the accesses are in access.c. */
#include "machine/core/bus.h"

#include "base/bits.h"

struct bus_mapping {
    gpa base, last; /* inclusive, clipped; base > last: maps nothing */
    struct bus_region *region;
    gpa off; /* of base in the region */
    int priority;
    uint64_t seq; /* order of mapping */
    bool readonly;
    unsigned index; /* in bus->mappings */
};

struct listener {
    void (*changed)(void *opaque, const struct bus_view *view);
    void *opaque;
};

struct bus {
    char *name;
    gpa last; /* highest address */
    struct quiesce *quiesce;
    struct bus_view *view; /* atomic */
    GArray *listeners;     /* struct listener; frozen before vCPUs run */
    GMutex lock;           /* guards the rest, and publication */
    GPtrArray *mappings;   /* struct bus_mapping *, owned */
    uint64_t next_seq;
    unsigned depth; /* of bus_begin */
    bool changed;   /* since the last publication */
};

void bus_region_init_ram(struct bus_region *r, const char *name, struct ram_block *ram, gpa ram_off,
                         uint64_t size)
{
    g_assert(ram_off <= ram->size && size <= ram->size - ram_off);
    *r = (struct bus_region){
        .name = name, .size = size, .kind = BUS_RAM, .ram = ram, .ram_offset = ram_off};
}

void bus_region_init_rom(struct bus_region *r, const char *name, struct ram_block *ram, gpa ram_off,
                         uint64_t size, const struct bus_ops *ops, void *opaque, GMutex *lock)
{
    bus_region_init_ram(r, name, ram, ram_off, size);
    r->kind = BUS_ROM;
    r->ops = ops;
    r->opaque = opaque;
    r->lock = lock;
}

void bus_region_init_io(struct bus_region *r, const char *name, uint64_t size,
                        const struct bus_ops *ops, void *opaque, GMutex *lock)
{
    *r = (struct bus_region){
        .name = name, .size = size, .kind = BUS_IO, .ops = ops, .opaque = opaque, .lock = lock};
}

struct bus *bus_new(const char *name, unsigned width, struct quiesce *quiesce)
{
    struct bus *bus = g_new0(struct bus, 1);

    bus->name = g_strdup(name);
    bus->last = mask64(width);
    bus->quiesce = quiesce;
    bus->view = g_malloc0(sizeof(struct bus_view));
    bus->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    bus->mappings = g_ptr_array_new_with_free_func(g_free);
    g_mutex_init(&bus->lock);
    return bus;
}

void bus_free(struct bus *bus)
{
    if (!bus) {
        return;
    }
    g_ptr_array_unref(bus->mappings);
    g_array_unref(bus->listeners);
    g_free(bus->view);
    g_mutex_clear(&bus->lock);
    g_free(bus->name);
    g_free(bus);
}

/*
 * Making a view: a sweep over the ends of all mappings, ascending. A heap holds the mappings that
 * have begun; its top wins. Those that have ended leave the heap when they come to its top.
 */
struct heap {
    struct bus_mapping **m;
    unsigned n;
};

static bool wins(const struct bus_mapping *a, const struct bus_mapping *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->seq > b->seq;
}

static void heap_push(struct heap *h, struct bus_mapping *m)
{
    unsigned i = h->n++;

    while (i > 0 && wins(m, h->m[(i - 1) / 2])) {
        h->m[i] = h->m[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->m[i] = m;
}

static void heap_pop(struct heap *h)
{
    struct bus_mapping *m = h->m[--h->n];
    unsigned i = 0;

    for (unsigned c = 1; c < h->n; c = 2 * i + 1) {
        if (c + 1 < h->n && wins(h->m[c + 1], h->m[c])) {
            c++;
        }
        if (!wins(h->m[c], m)) {
            break;
        }
        h->m[i] = h->m[c];
        i = c;
    }
    h->m[i] = m;
}

static int by_base(gconstpointer a, gconstpointer b)
{
    const struct bus_mapping *x = *(struct bus_mapping *const *)a;
    const struct bus_mapping *y = *(struct bus_mapping *const *)b;

    return x->base != y->base ? (x->base < y->base ? -1 : 1) : x->seq < y->seq ? -1 : 1;
}

static void emit(GArray *ranges, const struct bus_mapping *m, gpa start, gpa last)
{
    struct bus_range r = {.start = start,
                          .last = last,
                          .region = m->region,
                          .off = m->off + (start - m->base),
                          .readonly = m->readonly};

    if (ranges->len > 0) {
        struct bus_range *p = &g_array_index(ranges, struct bus_range, ranges->len - 1);

        if (p->last + 1 == start && p->region == r.region && p->readonly == r.readonly &&
            p->off + (start - p->start) == r.off) {
            p->last = last;
            return;
        }
    }
    g_array_append_val(ranges, r);
}

/* Ranges from `pos` up to `limit`, beyond which the next mapping begins. */
static gpa sweep_to(struct heap *h, GArray *ranges, gpa pos, gpa limit)
{
    while (h->n > 0 && pos <= limit) {
        const struct bus_mapping *top = h->m[0];

        if (top->last < pos) {
            heap_pop(h);
            continue;
        }
        gpa last = MIN(top->last, limit);

        emit(ranges, top, pos, last);
        if (last == UINT64_MAX) {
            break;
        }
        pos = last + 1;
    }
    return pos;
}

static struct bus_view *make_view(GPtrArray *mappings)
{
    unsigned n = mappings->len;
    g_autofree struct bus_mapping **sorted = g_new(struct bus_mapping *, n + 1);
    g_autofree struct bus_mapping **slots = g_new(struct bus_mapping *, n + 1);
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct bus_range));
    struct heap heap = {.m = slots};
    unsigned used = 0;

    for (unsigned i = 0; i < n; i++) {
        struct bus_mapping *m = g_ptr_array_index(mappings, i);

        if (m->base <= m->last) {
            sorted[used++] = m;
        }
    }
    qsort(sorted, used, sizeof(sorted[0]), by_base);
    for (unsigned i = 0; i < used;) {
        gpa pos = sorted[i]->base;

        while (i < used && sorted[i]->base == pos) {
            heap_push(&heap, sorted[i++]);
        }
        sweep_to(&heap, ranges, pos, i < used ? sorted[i]->base - 1 : UINT64_MAX);
    }

    struct bus_view *view = g_malloc(sizeof(*view) + ranges->len * sizeof(struct bus_range));

    view->n = ranges->len;
    if (ranges->len > 0) {
        memcpy(view->range, ranges->data, ranges->len * sizeof(struct bus_range));
    }
    return view;
}

/* Frees nothing that a reader may hold: the old view is retired. */
static void publish_locked(struct bus *bus)
{
    struct bus_view *view, *old = bus->view;

    if (bus->depth > 0 || !bus->changed) {
        return;
    }
    bus->changed = false;
    view = make_view(bus->mappings);
    __atomic_store_n(&bus->view, view, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < bus->listeners->len; i++) {
        const struct listener *l = &g_array_index(bus->listeners, struct listener, i);

        l->changed(l->opaque, view);
    }
    quiesce_retire(bus->quiesce, old, g_free);
}

struct bus_mapping *bus_map(struct bus *bus, gpa base, struct bus_region *region, gpa off,
                            uint64_t len, int priority, bool readonly)
{
    struct bus_mapping *m = g_new0(struct bus_mapping, 1);

    g_assert(off <= region->size && len <= region->size - off);
    m->base = base;
    m->last = base + len - 1;
    if (len == 0 || m->last < base || base > bus->last) {
        m->base = 1;
        m->last = 0;
    } else {
        m->last = MIN(m->last, bus->last);
    }
    m->region = region;
    m->off = off;
    m->priority = priority;
    m->readonly = readonly;
    g_mutex_lock(&bus->lock);
    m->seq = bus->next_seq++;
    m->index = bus->mappings->len;
    g_ptr_array_add(bus->mappings, m);
    bus->changed = true;
    publish_locked(bus);
    g_mutex_unlock(&bus->lock);
    return m;
}

void bus_unmap(struct bus *bus, struct bus_mapping *mapping)
{
    if (!mapping) {
        return;
    }
    g_mutex_lock(&bus->lock);
    unsigned index = mapping->index;

    g_assert(g_ptr_array_index(bus->mappings, index) == mapping);
    g_ptr_array_remove_index_fast(bus->mappings, index);
    if (index < bus->mappings->len) {
        ((struct bus_mapping *)g_ptr_array_index(bus->mappings, index))->index = index;
    }
    bus->changed = true;
    publish_locked(bus);
    g_mutex_unlock(&bus->lock);
}

void bus_begin(struct bus *bus)
{
    g_mutex_lock(&bus->lock);
    bus->depth++;
    g_mutex_unlock(&bus->lock);
}

void bus_commit(struct bus *bus)
{
    g_mutex_lock(&bus->lock);
    g_assert(bus->depth > 0);
    bus->depth--;
    publish_locked(bus);
    g_mutex_unlock(&bus->lock);
}

const struct bus_view *bus_view(const struct bus *bus)
{
    return __atomic_load_n(&bus->view, __ATOMIC_ACQUIRE);
}

const struct bus_range *bus_find(const struct bus_view *view, gpa addr, gpa *ret_next)
{
    unsigned lo = 0, hi = view->n;

    /* First range that starts beyond addr. */
    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;

        if (view->range[mid].start <= addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (ret_next) {
        *ret_next = lo < view->n ? view->range[lo].start : UINT64_MAX;
    }
    if (lo > 0 && addr <= view->range[lo - 1].last) {
        return &view->range[lo - 1];
    }
    return NULL;
}

void bus_listen(struct bus *bus, void (*changed)(void *opaque, const struct bus_view *view),
                void *opaque)
{
    struct listener l = {changed, opaque};

    g_mutex_lock(&bus->lock);
    g_array_append_val(bus->listeners, l);
    g_mutex_unlock(&bus->lock);
}

void bus_unlisten(struct bus *bus, void (*changed)(void *opaque, const struct bus_view *view),
                  void *opaque)
{
    g_mutex_lock(&bus->lock);
    for (unsigned i = 0; i < bus->listeners->len; i++) {
        const struct listener *l = &g_array_index(bus->listeners, struct listener, i);

        if (l->changed == changed && l->opaque == opaque) {
            g_array_remove_index(bus->listeners, i);
            break;
        }
    }
    g_mutex_unlock(&bus->lock);
}

void bus_describe(struct bus *bus, GString *out)
{
    static const char *const kinds[] = {[BUS_RAM] = "ram", [BUS_ROM] = "rom", [BUS_IO] = "i/o"};
    int digits = bus->last > UINT32_MAX ? 16 : bus->last > UINT16_MAX ? 8 : 4;

    g_mutex_lock(&bus->lock); /* no publication, so the view stays */
    const struct bus_view *view = bus_view(bus);

    for (unsigned i = 0; i < view->n; i++) {
        const struct bus_range *r = &view->range[i];

        g_string_append_printf(out, "%0*" G_GINT64_MODIFIER "x-%0*" G_GINT64_MODIFIER "x %s %s",
                               digits, r->start, digits, r->last,
                               r->readonly && r->region->kind == BUS_RAM ? "rom"
                                                                         : kinds[r->region->kind],
                               r->region->name);
        if (r->off) {
            g_string_append_printf(out, " @%" G_GINT64_MODIFIER "x", r->off);
        }
        g_string_append_c(out, '\n');
    }
    g_mutex_unlock(&bus->lock);
}
