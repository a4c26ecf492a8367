/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole state of a stopped machine as bytes:
 *
 *     "VIVSTATE" version:u32, then sections: name length:u8, name, payload length:u64, payload
 *
 *     run      whether its vCPUs ran before it was stopped for this:u8
 *     clock    guest time:i64, instructions:u64; whose turn:u64, instructions left of it:u64,
 *              whether a vCPU has run in this round:u64 (see struct vcpu_turn)
 *     ram      per block: name length:u8, name, size:u64, one bit a page that is not zero (u64
 *              words), then the bytes of those pages
 *     board    vCPUs and interrupt controllers
 *     devices  one after the other, in the saved machine's order of realizing
 *     end
 */
#include "machine/core/accel.h"
#include "machine/core/machine_private.h"

#include "base/endian.h"

#include <gio/gio.h>

#define MAGIC   "VIVSTATE"
#define VERSION 4
/* Most bytes of a section that is kept: all but RAM. */
#define SECTION_MAX (UINT64_C(256) << 20)
/* As many bytes of such a section come in one go: a length that lies costs no memory. */
#define SECTION_STEP (UINT64_C(1) << 20)

/* The sections but RAM, which stays where it is. */
enum { SECTION_RUN, SECTION_CLOCK, SECTION_BOARD, SECTION_DEVICES, SECTIONS };
struct machine_image {
    GByteArray *sections[SECTIONS];
    struct machine_progress progress; /* atomics, but the total */
};

static void put64(GByteArray *out, uint64_t v)
{
    uint8_t b[8];

    st_le64(b, v);
    g_byte_array_append(out, b, 8);
}

static void put_name(GByteArray *out, const char *name)
{
    uint8_t len = strlen(name);

    g_byte_array_append(out, &len, 1);
    g_byte_array_append(out, (const uint8_t *)name, len);
}

struct output {
    machine_put_fn put;
    void *opaque;
    struct machine_progress *progress;
};

/* What comes before a section. */
static void put_head(const struct output *o, const char *name, uint64_t len)
{
    g_autoptr(GByteArray) head = g_byte_array_new();

    put_name(head, name);
    put64(head, len);
    o->put(o->opaque, head->data, head->len);
}

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static void save_clock(struct machine *m, GByteArray *out)
{
    put64(out, clock_now(m->clock, CLOCK_GUEST));
    put64(out, clock_count(m->clock));
    put64(out, m->priv->turn.cpu);
    put64(out, m->priv->turn.left);
    put64(out, m->priv->turn.ran);
}

static bool page_is_zero(const uint8_t *page)
{
    for (unsigned i = 0; i < RAM_PAGE_SIZE; i += 8) {
        if (ram_ld64(page + i)) {
            return false;
        }
    }
    return true;
}

/* Words of the map of a block's pages. */
static size_t map_words(const struct ram_block *block)
{
    return (block->size / RAM_PAGE_SIZE + 63) / 64;
}

/* One bit a page that is not zero; *ret_pages counts them. */
static uint64_t *map_pages(const struct ram_block *block, uint64_t *ret_pages)
{
    uint64_t *map = g_new0(uint64_t, map_words(block));

    *ret_pages = 0;
    for (uint64_t page = 0; page < block->size / RAM_PAGE_SIZE; page++) {
        if (!page_is_zero(block->host + page * RAM_PAGE_SIZE)) {
            map[page / 64] |= GUINT64_TO_LE(UINT64_C(1) << page % 64);
            ++*ret_pages;
        }
    }
    return map;
}

static bool in_map(const uint8_t *map, uint64_t page)
{
    return map[page / 8] >> page % 8 & 1;
}

static void put_block(const struct ram_block *block, const uint64_t *map, const struct output *o)
{
    g_autoptr(GByteArray) head = g_byte_array_new();

    put_name(head, block->name);
    put64(head, block->size);
    o->put(o->opaque, head->data, head->len);
    o->put(o->opaque, map, map_words(block) * 8);
    for (uint64_t page = 0; page < block->size / RAM_PAGE_SIZE; page++) {
        if (in_map((const uint8_t *)map, page)) {
            o->put(o->opaque, block->host + page * RAM_PAGE_SIZE, RAM_PAGE_SIZE);
            count(&o->progress->normal);
        } else {
            count(&o->progress->zero);
        }
    }
}

static void save_ram(struct machine *m, const struct output *o)
{
    g_autofree uint64_t **maps = g_new(uint64_t *, m->ram->len + 1);
    uint64_t len = 0;

    for (unsigned i = 0; i < m->ram->len; i++) {
        const struct ram_block *block = g_ptr_array_index(m->ram, i);
        uint64_t pages;

        maps[i] = map_pages(block, &pages);
        len += 1 + strlen(block->name) + 8 + map_words(block) * 8 + pages * RAM_PAGE_SIZE;
    }
    put_head(o, "ram", len);
    for (unsigned i = 0; i < m->ram->len; i++) {
        put_block(g_ptr_array_index(m->ram, i), maps[i], o);
        g_free(maps[i]);
    }
}

static void save_board(struct machine *m, GByteArray *out)
{
    if (m->board_ops && m->board_ops->save) {
        m->board_ops->save(m->board, out);
    }
}

static void save_devices(struct machine *m, GByteArray *out)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        dev_save(g_ptr_array_index(m->devices, i), out);
    }
}

/* The clock comes first: timers are armed against it. */
static void (*const save_section[SECTIONS])(struct machine *m, GByteArray *out) = {
    [SECTION_CLOCK] = save_clock,
    [SECTION_BOARD] = save_board,
    [SECTION_DEVICES] = save_devices,
};

static struct machine_image *new_image(const struct machine *m)
{
    struct machine_image *image = g_new0(struct machine_image, 1);

    for (unsigned i = 0; i < SECTIONS; i++) {
        image->sections[i] = g_byte_array_new();
    }
    for (unsigned i = 0; i < m->ram->len; i++) {
        image->progress.total += ((struct ram_block *)g_ptr_array_index(m->ram, i))->size;
    }
    return image;
}

gboolean machine_can_save(const struct machine *m, GError **error)
{
    if (m->accel && m->accel->cannot_save) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "a machine under -accel %s cannot be saved: %s", m->accel->name,
                    m->accel->cannot_save);
        return FALSE;
    }
    return TRUE;
}

struct machine_image *machine_image_new(struct machine *m, bool ran)
{
    struct machine_image *image = new_image(m);
    uint8_t run = ran;

    g_byte_array_append(image->sections[SECTION_RUN], &run, 1);
    for (unsigned i = 0; i < SECTIONS; i++) {
        if (save_section[i]) {
            save_section[i](m, image->sections[i]);
        }
    }
    return image;
}

void machine_image_free(struct machine_image *image)
{
    if (image) {
        for (unsigned i = 0; i < SECTIONS; i++) {
            g_byte_array_unref(image->sections[i]);
        }
        g_free(image);
    }
}

void machine_image_progress(const struct machine_image *image, struct machine_progress *ret)
{
    ret->total = image->progress.total;
    ret->normal = __atomic_load_n(&image->progress.normal, __ATOMIC_RELAXED);
    ret->zero = __atomic_load_n(&image->progress.zero, __ATOMIC_RELAXED);
}

bool machine_image_ran(const struct machine_image *image)
{
    return image->sections[SECTION_RUN]->data[0];
}

/* In the order of the stream; RAM has none of `sections`. */
static const struct {
    const char *name;
    int section;
} order[] = {
    {"run", SECTION_RUN},     {"clock", SECTION_CLOCK},     {"ram", -1},
    {"board", SECTION_BOARD}, {"devices", SECTION_DEVICES},
};

void machine_image_put(struct machine_image *image, struct machine *m, machine_put_fn put,
                       void *opaque)
{
    const struct output o = {put, opaque, &image->progress};
    uint8_t version[4];

    st_le32(version, VERSION);
    put(opaque, MAGIC, strlen(MAGIC));
    put(opaque, version, sizeof(version));
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (order[i].section >= 0) {
            const GByteArray *payload = image->sections[order[i].section];

            put_head(&o, order[i].name, payload->len);
            put(opaque, payload->data, payload->len);
        } else {
            save_ram(m, &o);
        }
    }
    put(opaque, "\3end", 4);
}

void machine_save(struct machine *m, machine_put_fn put, void *opaque)
{
    struct machine_image *image;

    g_return_if_fail(machine_can_save(m, NULL));
    image = machine_image_new(m, false);
    machine_image_put(image, m, put, opaque);
    machine_image_free(image);
}

/* ---- loading -----------------------------------------------------------------------------------
 */

static gboolean bad(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "saved state: %s", what);
    return FALSE;
}

/* The stream, of which a section has `left` bytes to come. */
struct input {
    machine_get_fn get;
    void *opaque;
    uint64_t left;
};

static gboolean get(struct input *in, void *data, size_t n, GError **error)
{
    if (in->left < n) {
        return bad(error, "a section is cut short");
    }
    in->left -= n;
    return in->get(in->opaque, data, n, error);
}

static gboolean get64(struct input *in, uint64_t *ret, GError **error)
{
    uint8_t b[8];

    if (!get(in, b, 8, error)) {
        return FALSE;
    }
    *ret = ld_le64(b);
    return TRUE;
}

/* FALSE with an error that says `what` if another name comes. */
static gboolean get_name(struct input *in, const char *expected, const char *what, GError **error)
{
    char name[256];
    uint8_t len;

    if (!get(in, &len, 1, error) || !get(in, name, len, error)) {
        return FALSE;
    }
    return len == strlen(expected) && memcmp(name, expected, len) == 0 ? TRUE : bad(error, what);
}

static gboolean get_page(uint8_t *host, struct input *in, GError **error)
{
    uint8_t bytes[RAM_PAGE_SIZE];

    if (!get(in, bytes, sizeof(bytes), error)) {
        return FALSE;
    }
    ram_write(host, bytes, sizeof(bytes));
    return TRUE;
}

static gboolean get_block(struct ram_block *block, struct input *in,
                          struct machine_progress *progress, GError **error)
{
    size_t len = map_words(block) * 8;
    g_autofree uint8_t *map = g_malloc(len);

    if (!get(in, map, len, error)) {
        return FALSE;
    }
    for (uint64_t page = 0; page < block->size / RAM_PAGE_SIZE; page++) {
        uint8_t *host = block->host + page * RAM_PAGE_SIZE;

        if (in_map(map, page)) {
            if (!get_page(host, in, error)) {
                return FALSE;
            }
            count(&progress->normal);
        } else {
            if (!page_is_zero(host)) {
                ram_fill(host, 0, RAM_PAGE_SIZE);
            }
            count(&progress->zero);
        }
    }
    ram_wrote(block, 0, block->size);
    return TRUE;
}

static gboolean get_ram(struct machine *m, struct input *in, struct machine_progress *progress,
                        GError **error)
{
    for (unsigned i = 0; i < m->ram->len; i++) {
        struct ram_block *block = g_ptr_array_index(m->ram, i);
        uint64_t size;

        if (!get_name(in, block->name, "guest memory is of another machine", error) ||
            !get64(in, &size, error)) {
            return FALSE;
        }
        if (size != block->size) {
            g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                        "saved state: memory '%s' had %" G_GUINT64_FORMAT
                        " bytes, this machine's has %" G_GUINT64_FORMAT,
                        block->name, size, block->size);
            return FALSE;
        }
        if (!get_block(block, in, progress, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean get_bytes(GByteArray *to, struct input *in, GError **error)
{
    if (in->left > SECTION_MAX) {
        return bad(error, "a section is too long");
    }
    while (in->left) {
        guint n = (guint)MIN(in->left, SECTION_STEP), had = to->len;

        g_byte_array_set_size(to, had + n);
        if (!get(in, to->data + had, n, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean get_section(struct machine_image *image, struct machine *m, unsigned i,
                            struct input *in, GError **error)
{
    int section = order[i].section;

    if (!get_name(in, order[i].name, "a section is missing", error) ||
        !get64(in, &in->left, error)) {
        return FALSE;
    }
    if (section < 0 ? !get_ram(m, in, &image->progress, error)
                    : !get_bytes(image->sections[section], in, error)) {
        return FALSE;
    }
    if (in->left) {
        return bad(error, "a section is too long");
    }
    in->left = UINT64_MAX;
    return TRUE;
}

static gboolean get_image(struct machine_image *image, struct machine *m, struct input *in,
                          GError **error)
{
    uint8_t head[12];

    if (!get(in, head, sizeof(head), error)) {
        return FALSE;
    }
    if (memcmp(head, MAGIC, 8) != 0) {
        return bad(error, "not a saved machine");
    }
    if (ld_le32(head + 8) != VERSION) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                    "saved state: of version %u, this program reads %u", ld_le32(head + 8),
                    VERSION);
        return FALSE;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        if (!get_section(image, m, i, in, error)) {
            return FALSE;
        }
    }
    return get_name(in, "end", "the end is missing", error);
}

gboolean machine_image_get(struct machine_image *image, struct machine *m, machine_get_fn fn,
                           void *opaque, GError **error)
{
    struct input in = {fn, opaque, UINT64_MAX};

    if (!get_image(image, m, &in, error)) {
        return FALSE;
    }
    return image->sections[SECTION_RUN]->len == 1 && image->sections[SECTION_RUN]->data[0] <= 1
               ? TRUE
               : bad(error, "whether it ran is not said");
}

struct machine_image *machine_image_empty(const struct machine *m)
{
    return new_image(m);
}

static gboolean load_clock(struct machine *m, const uint8_t **data, size_t *left, GError **error)
{
    uint64_t v[5];

    if (*left != sizeof(v)) {
        return bad(error, "the clock is cut short");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(v); i++) {
        v[i] = ld_le64(*data + i * 8);
    }
    if ((int64_t)v[0] < 0 || v[2] >= MAX(m->n_cpus, 1u) || v[3] > VCPU_TURN || v[4] > 1) {
        return bad(error, "the clock or the vCPU's turn is out of range");
    }
    clock_restore(m->clock, (int64_t)v[0], v[1]);
    m->priv->turn = (struct vcpu_turn){.cpu = (unsigned)v[2], .left = v[3], .ran = v[4]};
    *left = 0;
    return TRUE;
}

static gboolean load_board(struct machine *m, const uint8_t **data, size_t *left, GError **error)
{
    if (m->board_ops && m->board_ops->load) {
        return m->board_ops->load(m->board, data, left, error);
    }
    return TRUE;
}

/* Whose state comes next: the first device's, or that of one which came to the saved machine in
 * another order. */
static unsigned next_device(const GPtrArray *devices, const uint8_t *data, size_t left)
{
    for (unsigned i = 0; i < devices->len; i++) {
        if (dev_owns_state(g_ptr_array_index(devices, i), data, left)) {
            return i;
        }
    }
    return 0;
}

static gboolean load_devices(struct machine *m, const uint8_t **data, size_t *left, GError **error)
{
    g_autoptr(GPtrArray) rest = g_ptr_array_new();

    for (unsigned i = 0; i < m->devices->len; i++) {
        g_ptr_array_add(rest, g_ptr_array_index(m->devices, i));
    }
    while (rest->len > 0) {
        unsigned next = next_device(rest, *data, *left);

        if (!dev_load(g_ptr_array_index(rest, next), data, left, error)) {
            return FALSE;
        }
        g_ptr_array_remove_index(rest, next);
    }
    return TRUE;
}

static gboolean (*const load_section[SECTIONS])(struct machine *m, const uint8_t **data,
                                                size_t *left, GError **error) = {
    [SECTION_CLOCK] = load_clock,
    [SECTION_BOARD] = load_board,
    [SECTION_DEVICES] = load_devices,
};

gboolean machine_image_load(const struct machine_image *image, struct machine *m, GError **error)
{
    for (unsigned i = 0; i < SECTIONS; i++) {
        const uint8_t *data = image->sections[i]->data;
        size_t left = image->sections[i]->len;

        if (load_section[i] && !load_section[i](m, &data, &left, error)) {
            return FALSE;
        }
        if (load_section[i] && left) {
            return bad(error, "a section is too long");
        }
    }
    for (unsigned i = 0; i < m->n_cpus; i++) {
        if (m->accel->state_set) {
            m->accel->state_set(m->accel_vm, m->cpus[i]);
        }
        cpu_raise(m->cpus[i], CPU_PENDING_FLUSH);
    }
    return TRUE;
}

/* What is left of a state in memory. */
struct bytes {
    const uint8_t *data;
    size_t left;
};

static gboolean take_bytes(void *opaque, void *data, size_t len, GError **error)
{
    struct bytes *b = opaque;

    if (b->left < len) {
        return bad(error, "it ends early");
    }
    memcpy(data, b->data, len);
    b->data += len;
    b->left -= len;
    return TRUE;
}

gboolean machine_load(struct machine *m, const uint8_t *data, size_t len, GError **error)
{
    struct machine_image *image = new_image(m);
    struct bytes b = {data, len};
    gboolean ok = machine_image_get(image, m, take_bytes, &b, error) &&
                  (b.left == 0 || bad(error, "more than a machine")) &&
                  machine_image_load(image, m, error);

    machine_image_free(image);
    return ok;
}
