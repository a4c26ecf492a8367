/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole state of a stopped machine as bytes:
 *
 *     "VIVSTATE" version:u32, then sections: name length:u8, name, payload length:u64, payload
 *
 *     clock    guest time:i64, instructions:u64; whose turn:u64, instructions left of it:u64,
 *              whether a vCPU has run in this round:u64 (see struct vcpu_turn)
 *     ram      per block: name length:u8, name, size:u64, one bit a page that is not zero (u64
 *              words), then the bytes of those pages
 *     board    vCPUs and interrupt controllers
 *     devices  one after the other, in order of realizing
 *     end
 */
#include "machine/core/accel.h"
#include "machine/core/machine_private.h"

#include "base/endian.h"

#include <gio/gio.h>

#define MAGIC   "VIVSTATE"
#define VERSION 3

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
};

/* What comes before a section. */
static void put_head(const struct output *o, const char *name, uint64_t len)
{
    g_autoptr(GByteArray) head = g_byte_array_new();

    put_name(head, name);
    put64(head, len);
    o->put(o->opaque, head->data, head->len);
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

struct input {
    const uint8_t *data;
    size_t left;
};

static gboolean bad(GError **error, const char *what)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "saved state: %s", what);
    return FALSE;
}

static bool take(struct input *in, size_t n, const uint8_t **ret)
{
    if (in->left < n) {
        return false;
    }
    *ret = in->data;
    in->data += n;
    in->left -= n;
    return true;
}

static bool take64(struct input *in, uint64_t *ret)
{
    const uint8_t *p;

    if (!take(in, 8, &p)) {
        return false;
    }
    *ret = ld_le64(p);
    return true;
}

static bool take_name(struct input *in, const char *expected)
{
    const uint8_t *p;
    size_t len = strlen(expected);

    return take(in, 1, &p) && *p == len && take(in, len, &p) && memcmp(p, expected, len) == 0;
}

static gboolean load_clock(struct machine *m, struct input *in, GError **error)
{
    uint64_t now, count, cpu, left, ran;

    if (!take64(in, &now) || !take64(in, &count) || !take64(in, &cpu) || !take64(in, &left) ||
        !take64(in, &ran)) {
        return bad(error, "the clock is cut short");
    }
    if (cpu >= MAX(m->n_cpus, 1u) || left > VCPU_TURN || ran > 1) {
        return bad(error, "the vCPU's turn is out of range");
    }
    clock_restore(m->clock, now, count);
    m->priv->turn = (struct vcpu_turn){.cpu = (unsigned)cpu, .left = left, .ran = ran};
    return TRUE;
}

static gboolean load_block(struct ram_block *block, struct input *in, GError **error)
{
    uint64_t pages = block->size / RAM_PAGE_SIZE;
    const uint8_t *map, *bytes;

    if (!take(in, map_words(block) * 8, &map)) {
        return bad(error, "guest memory is cut short");
    }
    for (uint64_t page = 0; page < pages; page++) {
        uint8_t *host = block->host + page * RAM_PAGE_SIZE;

        if (in_map(map, page)) {
            if (!take(in, RAM_PAGE_SIZE, &bytes)) {
                return bad(error, "guest memory is cut short");
            }
            ram_write(host, bytes, RAM_PAGE_SIZE);
        } else if (!page_is_zero(host)) {
            ram_fill(host, 0, RAM_PAGE_SIZE);
        }
    }
    return TRUE;
}

static gboolean load_ram(struct machine *m, struct input *in, GError **error)
{
    for (unsigned i = 0; i < m->ram->len; i++) {
        struct ram_block *block = g_ptr_array_index(m->ram, i);
        uint64_t size;

        if (!take_name(in, block->name) || !take64(in, &size) || size != block->size) {
            return bad(error, "guest memory is of another machine");
        }
        if (!load_block(block, in, error)) {
            return FALSE;
        }
        ram_wrote(block, 0, block->size);
    }
    return TRUE;
}

static gboolean load_board(struct machine *m, struct input *in, GError **error)
{
    if (m->board_ops && m->board_ops->load) {
        return m->board_ops->load(m->board, &in->data, &in->left, error);
    }
    return TRUE;
}

static gboolean load_devices(struct machine *m, struct input *in, GError **error)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        if (!dev_load(g_ptr_array_index(m->devices, i), &in->data, &in->left, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* The clock comes first: timers are armed against it. */
static const struct {
    const char *name;
    void (*save)(struct machine *m, GByteArray *out); /* NULL: save_ram, which is large */
    gboolean (*load)(struct machine *m, struct input *in, GError **error);
} sections[] = {
    {"clock", save_clock, load_clock},
    {"ram", NULL, load_ram},
    {"board", save_board, load_board},
    {"devices", save_devices, load_devices},
};

static void save_section(struct machine *m, unsigned i, const struct output *o)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();

    sections[i].save(m, payload);
    put_head(o, sections[i].name, payload->len);
    o->put(o->opaque, payload->data, payload->len);
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

void machine_save(struct machine *m, machine_put_fn put, void *opaque)
{
    g_return_if_fail(machine_can_save(m, NULL));
    const struct output o = {put, opaque};
    uint8_t version[4];

    st_le32(version, VERSION);
    put(opaque, MAGIC, strlen(MAGIC));
    put(opaque, version, sizeof(version));
    for (unsigned i = 0; i < G_N_ELEMENTS(sections); i++) {
        if (sections[i].save) {
            save_section(m, i, &o);
        } else {
            save_ram(m, &o);
        }
    }
    put(opaque, "\3end", 4);
}

static gboolean load_section(struct machine *m, unsigned i, struct input *in, GError **error)
{
    struct input part;
    uint64_t len;

    if (!take_name(in, sections[i].name) || !take64(in, &len) || len > in->left) {
        return bad(error, "a section is missing");
    }
    part = (struct input){in->data, len};
    in->data += len;
    in->left -= len;
    if (!sections[i].load(m, &part, error)) {
        return FALSE;
    }
    return part.left == 0 ? TRUE : bad(error, "a section is too long");
}

gboolean machine_load(struct machine *m, const uint8_t *data, size_t len, GError **error)
{
    struct input in = {data, len};
    const uint8_t *head;

    if (!take(&in, 12, &head) || memcmp(head, MAGIC, 8) != 0) {
        return bad(error, "not a saved machine");
    }
    if (ld_le32(head + 8) != VERSION) {
        return bad(error, "of another version of this program");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(sections); i++) {
        if (!load_section(m, i, &in, error)) {
            return FALSE;
        }
    }
    for (unsigned i = 0; i < m->n_cpus; i++) {
        cpu_raise(m->cpus[i], CPU_PENDING_FLUSH);
    }
    return take_name(&in, "end") && in.left == 0 ? TRUE : bad(error, "the end is missing");
}
