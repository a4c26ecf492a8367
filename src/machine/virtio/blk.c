/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-blk. Virtual I/O Device (VIRTIO) 1.2, 5.2. */
#include "base/bits.h"
#include "base/endian.h"
#include "block/backend.h"
#include "machine/virtio/devices.h"

#include "machine/core/machine.h"
#include "machine/virtio/proxy.h"

#define F_SEG_MAX      2
#define F_GEOMETRY     4
#define F_RO           5
#define F_BLK_SIZE     6
#define F_FLUSH        9
#define F_TOPOLOGY     10
#define F_CONFIG_WCE   11
#define F_MQ           12
#define F_DISCARD      13
#define F_WRITE_ZEROES 14

#define T_IN           0
#define T_OUT          1
#define T_FLUSH        4
#define T_GET_ID       8
#define T_DISCARD      11
#define T_WRITE_ZEROES 13

#define S_OK     0
#define S_IOERR  1
#define S_UNSUPP 2

#define HEADER_SIZE  16
#define SEGMENT_SIZE 16
#define ID_SIZE      20
#define CONFIG_SIZE  60
#define OFF_WCE      32
#define UNMAP_FLAG   1

struct blk {
    struct virtio v;
    struct block_backend *backend;
    unsigned in_flight; /* lock: submitted and not done, of any generation */
    uint32_t epoch;     /* lock: changes with each reset; older requests are dropped */
    GQueue held;        /* lock: struct request *, stopped by werror=stop or rerror=stop */
    GArray *owed;       /* lock: struct owed: held in the machine whose state was loaded */
    bool sync;          /* completions come inside submit, with the lock held; frozen */
    /* properties */
    char *drive, *serial;
    int32_t bootindex;
    uint16_t num_queues, queue_size;
    uint32_t logical_block_size, physical_block_size, min_io_size, opt_io_size;
    uint32_t max_discard, max_write_zeroes; /* sectors */
    bool config_wce, discard, write_zeroes, share_rw;
    int werror, rerror, write_cache;
};

struct blk_dev {
    struct virtio_proxy proxy; /* first */
    struct blk blk;
};

struct request {
    struct block_req req;
    struct blk *blk;
    struct virtq_elem *elem;
    unsigned queue;
    uint32_t epoch;
    uint32_t in_len;   /* bytes the guest finds in its buffers when it went well, with status */
    struct iovec *iov; /* data pieces: the element's without header and status */
};

/* A request that a loaded state holds: its chain is read again when the machine goes on. */
struct owed {
    uint16_t queue, head;
};

static struct blk *blk_of(struct virtio *v)
{
    return (struct blk *)((char *)v - offsetof(struct blk, v));
}

/* --- answering -------------------------------------------------------------------------------- */

/* The status byte is the last byte of the writable part. */
static void answer(struct blk *b, unsigned queue, struct virtq_elem *e, uint8_t status,
                   uint32_t written)
{
    virtio_copy_in(e, e->in_len - 1, &status, 1);
    virtq_push(&b->v.queue[queue], e, written);
}

static void request_free(struct request *r)
{
    g_free(r->iov);
    g_free(r);
}

static void finish(struct request *r, uint8_t status)
{
    struct blk *b = r->blk;

    answer(b, r->queue, r->elem, status, status == S_OK ? r->in_len : 1);
    virtio_signal(&b->v, r->queue);
    request_free(r);
}

/* A request of before a reset has nobody to answer to. */
static void drop(struct request *r)
{
    virtq_elem_free(r->elem);
    request_free(r);
}

/* Lock held. The last old request ends a reset. */
static void completed(struct request *r, int ret)
{
    struct blk *b = r->blk;

    b->in_flight--;
    if (r->epoch != b->epoch) {
        drop(r);
        if (b->in_flight == 0) {
            virtio_reset_done(&b->v);
        }
        return;
    }
    if (ret == 0) {
        finish(r, S_OK);
        return;
    }
    switch (block_backend_error(b->backend, r->req.op, -ret)) {
    case BLOCK_ACTION_IGNORE: finish(r, S_OK); break;
    case BLOCK_ACTION_REPORT: finish(r, S_IOERR); break;
    case BLOCK_ACTION_STOP:
        g_queue_push_tail(&b->held, r);
        b->v.dev->env->request(b->v.dev->env->machine, MACHINE_IO_ERROR, false, 0);
        break;
    }
}

static void done(struct block_req *req, int ret)
{
    struct request *r = req->opaque;
    struct blk *b = r->blk;

    if (b->sync) {
        completed(r, ret);
        return;
    }
    g_mutex_lock(&b->v.dev->lock);
    completed(r, ret);
    g_mutex_unlock(&b->v.dev->lock);
}

/* --- requests ------------------------------------------------------------------------------------
 */

/* Copies the pieces of `from` without the first `skip` bytes, `len` in all. */
static struct iovec *slice(const struct iovec *from, unsigned n, size_t skip, size_t len,
                           int *ret_n)
{
    struct iovec *to = g_new(struct iovec, n + 1);
    int made = 0;

    for (unsigned i = 0; i < n && len; i++) {
        size_t part = from[i].iov_len;

        if (skip >= part) {
            skip -= part;
            continue;
        }
        part = MIN(part - skip, len);
        to[made++] = (struct iovec){(uint8_t *)from[i].iov_base + skip, part};
        len -= part;
        skip = 0;
    }
    *ret_n = made;
    return to;
}

static struct request *request_new(struct blk *b, unsigned queue, struct virtq_elem *e)
{
    struct request *r = g_new0(struct request, 1);

    r->blk = b;
    r->elem = e;
    r->queue = queue;
    r->epoch = b->epoch;
    r->in_len = 1;
    r->req.done = done;
    r->req.opaque = r;
    return r;
}

static void submit(struct request *r)
{
    r->blk->in_flight++;
    block_submit(r->blk->backend, &r->req);
}

/* Sectors are always 512 bytes; requests must keep to the logical block. */
static bool in_range(struct blk *b, uint64_t sector, uint64_t bytes)
{
    int64_t length = block_backend_length(b->backend);
    uint64_t mask = b->logical_block_size - 1;

    return length >= 0 && sector <= (uint64_t)length / BLOCK_SECTOR && !(bytes & mask) &&
           !(sector * BLOCK_SECTOR & mask) && bytes <= (uint64_t)length - sector * BLOCK_SECTOR;
}

static void transfer(struct blk *b, unsigned queue, struct virtq_elem *e, bool write,
                     uint64_t sector)
{
    uint64_t len = write ? e->out_len - HEADER_SIZE : e->in_len - 1;
    struct request *r;

    if (len == 0 || !in_range(b, sector, len)) {
        block_backend_count_invalid(b->backend, write ? BLOCK_WRITE : BLOCK_READ);
        answer(b, queue, e, S_IOERR, 1);
        return;
    }
    r = request_new(b, queue, e);
    r->req.op = write ? BLOCK_WRITE : BLOCK_READ;
    r->req.offset = sector * BLOCK_SECTOR;
    r->req.len = len;
    r->iov = write ? slice(e->out, e->n_out, HEADER_SIZE, len, &r->req.niov)
                   : slice(e->in, e->n_in, 0, len, &r->req.niov);
    r->req.iov = r->iov;
    r->in_len = write ? 1 : e->in_len;
    submit(r);
}

/* One segment a request: what the configuration space says we take (5.2.6.2). */
static void discard(struct blk *b, unsigned queue, struct virtq_elem *e, bool zeroes)
{
    uint8_t seg[SEGMENT_SIZE];
    uint64_t sector, bytes;
    uint32_t flags, limit = zeroes ? b->max_write_zeroes : b->max_discard;
    enum block_op op = zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
    struct request *r;

    if (e->out_len != HEADER_SIZE + SEGMENT_SIZE) {
        answer(b, queue, e, S_IOERR, 1);
        return;
    }
    virtio_copy_out(e, HEADER_SIZE, seg, sizeof(seg));
    sector = ld_le64(seg);
    bytes = (uint64_t)ld_le32(seg + 8) * BLOCK_SECTOR;
    flags = ld_le32(seg + 12);
    if ((flags & ~UNMAP_FLAG) || (!zeroes && (flags & UNMAP_FLAG))) {
        answer(b, queue, e, S_UNSUPP, 1);
        return;
    }
    if (bytes / BLOCK_SECTOR > limit || !in_range(b, sector, bytes)) {
        block_backend_count_invalid(b->backend, op);
        answer(b, queue, e, S_IOERR, 1);
        return;
    }
    r = request_new(b, queue, e);
    r->req.op = op;
    r->req.offset = sector * BLOCK_SECTOR;
    r->req.len = bytes;
    r->req.flags = zeroes && (flags & UNMAP_FLAG) ? BLOCK_REQ_UNMAP : 0;
    submit(r);
}

static void get_id(struct blk *b, unsigned queue, struct virtq_elem *e)
{
    char id[ID_SIZE] = {0};
    size_t len = MIN(ID_SIZE, e->in_len - 1);

    if (b->serial) {
        memcpy(id, b->serial, MIN(strlen(b->serial), sizeof(id)));
    }
    virtio_copy_in(e, 0, id, len);
    answer(b, queue, e, S_OK, len + 1);
}

static void flush(struct blk *b, unsigned queue, struct virtq_elem *e)
{
    struct request *r = request_new(b, queue, e);

    r->req.op = BLOCK_FLUSH;
    submit(r);
}

static void begin(struct blk *b, unsigned queue, struct virtq_elem *e)
{
    bool read_only = block_backend_read_only(b->backend);
    uint8_t header[HEADER_SIZE];
    uint32_t type;

    virtio_copy_out(e, 0, header, sizeof(header));
    type = ld_le32(header);
    if (read_only && (type == T_OUT || type == T_DISCARD || type == T_WRITE_ZEROES)) {
        answer(b, queue, e, S_IOERR, 1);
        return;
    }
    switch (type) {
    case T_IN: transfer(b, queue, e, false, ld_le64(header + 8)); break;
    case T_OUT: transfer(b, queue, e, true, ld_le64(header + 8)); break;
    case T_FLUSH: flush(b, queue, e); break;
    case T_GET_ID: get_id(b, queue, e); break;
    case T_DISCARD:
    case T_WRITE_ZEROES:
        if (type == T_DISCARD ? b->discard : b->write_zeroes) {
            discard(b, queue, e, type == T_WRITE_ZEROES);
            break;
        }
        G_GNUC_FALLTHROUGH;
    default: answer(b, queue, e, S_UNSUPP, 1);
    }
}

/* FALSE: the device has failed. */
static bool begin_checked(struct blk *b, unsigned n, struct virtq_elem *e)
{
    if (e->out_len < HEADER_SIZE || e->in_len < 1) {
        virtq_elem_free(e);
        virtio_fail(&b->v, "a block request lacks its header or status byte");
        return false;
    }
    begin(b, n, e);
    return true;
}

/* Rounds of notification-off, drain, notification-on; a driver that never stops is bounded by the
 * queue: each element it gets back costs it an exit. */
static void notify(struct virtio *v, unsigned n)
{
    struct blk *b = blk_of(v);
    struct virtq_elem *e;

    block_plug(b->backend);
    do {
        virtq_set_notify(&v->queue[n], false);
        while ((e = virtio_pop(v, n)) && begin_checked(b, n, e)) {
        }
    } while (virtq_set_notify(&v->queue[n], true) && virtio_running(v));
    block_unplug(b->backend);
    virtio_signal(v, n);
}

/* --- configuration
 * --------------------------------------------------------------------------------- */

static uint64_t features(struct virtio *v)
{
    const struct blk *b = blk_of(v);

    return BIT64(F_SEG_MAX) | BIT64(F_GEOMETRY) | BIT64(F_BLK_SIZE) | BIT64(F_TOPOLOGY) |
           BIT64(F_FLUSH) | (b->config_wce ? BIT64(F_CONFIG_WCE) : 0) |
           (b->num_queues > 1 ? BIT64(F_MQ) : 0) |
           (block_backend_read_only(b->backend) ? BIT64(F_RO) : 0) |
           (b->discard ? BIT64(F_DISCARD) : 0) | (b->write_zeroes ? BIT64(F_WRITE_ZEROES) : 0);
}

static void get_config(struct virtio *v, uint8_t *c)
{
    struct blk *b = blk_of(v);
    int64_t length = block_backend_length(b->backend);
    uint64_t sectors = length > 0 ? length / BLOCK_SECTOR : 0;
    unsigned ratio = MAX(b->physical_block_size / b->logical_block_size, 1);

    st_le64(c, sectors);
    st_le32(c + 12, b->queue_size - 2); /* header and status take a descriptor each */
    st_le16(c + 16, MIN(sectors / (16 * 63), 16383));
    c[18] = 16;
    c[19] = 63;
    st_le32(c + 20, b->logical_block_size);
    c[24] = __builtin_ctz(ratio);
    st_le16(c + 26, b->min_io_size / b->logical_block_size);
    st_le32(c + 28, b->opt_io_size / b->logical_block_size);
    c[OFF_WCE] = block_backend_write_cache(b->backend);
    st_le16(c + 34, b->num_queues);
    st_le32(c + 36, b->max_discard);
    st_le32(c + 40, 1);
    st_le32(c + 44, b->logical_block_size / BLOCK_SECTOR);
    st_le32(c + 48, b->max_write_zeroes);
    st_le32(c + 52, 1);
    c[56] = 1; /* write zeroes may unmap */
}

static void set_config(struct virtio *v, const uint8_t *c, unsigned off, unsigned size)
{
    if (off <= OFF_WCE && OFF_WCE < off + size && virtio_has(v, F_CONFIG_WCE)) {
        block_backend_set_write_cache(blk_of(v)->backend, c[OFF_WCE] & 1);
    }
}

/* A driver that did not take FLUSH cannot flush: every write is then durable at once (5.2.6.2). */
static void negotiated(struct virtio *v)
{
    struct blk *b = blk_of(v);

    if (!virtio_has(v, F_CONFIG_WCE) && b->backend) {
        block_backend_set_write_cache(b->backend, b->write_cache != ROW_OFF &&
                                                      (v->agreed == 0 || virtio_has(v, F_FLUSH)));
    }
}

static bool reset(struct virtio *v)
{
    struct blk *b = blk_of(v);
    struct request *r;

    b->epoch++;
    while ((r = g_queue_pop_head(&b->held))) {
        drop(r);
    }
    g_array_set_size(b->owed, 0);
    return b->in_flight == 0;
}

static const struct virtio_class blk_class = {
    .name = "virtio-blk",
    .id = 2,
    .config_size = CONFIG_SIZE,
    .features = features,
    .get_config = get_config,
    .set_config = set_config,
    .negotiated = negotiated,
    .notify = notify,
    .reset = reset,
};

/* --- device
 * ------------------------------------------------------------------------------------------ */

static const char *const on_error_names[] = {"report", "ignore", "stop", "enospc", "auto", NULL};

static gboolean check_block_sizes(struct blk *b, GError **error)
{
    if (b->logical_block_size == 0) {
        b->logical_block_size = BLOCK_SECTOR;
    }
    if (b->physical_block_size == 0) {
        b->physical_block_size = b->logical_block_size;
    }
    if (!is_pow2(b->logical_block_size) || !is_pow2(b->physical_block_size) ||
        b->logical_block_size < BLOCK_SECTOR || b->physical_block_size < BLOCK_SECTOR) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "logical_block_size and physical_block_size are powers of two from 512 to "
                    "2097152, not %u and %u",
                    b->logical_block_size, b->physical_block_size);
        return FALSE;
    }
    if (b->logical_block_size > b->physical_block_size) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "logical_block_size > physical_block_size not supported");
        return FALSE;
    }
    if (b->min_io_size % b->logical_block_size || b->opt_io_size % b->logical_block_size) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "min_io_size and opt_io_size must be a multiple of logical_block_size");
        return FALSE;
    }
    return TRUE;
}

static gboolean check_queues(struct blk *b, const struct machine *machine, GError **error)
{
    if (b->num_queues == UINT16_MAX) {
        b->num_queues = (uint16_t)CLAMP(machine->n_cpus, 1u, VIRTIO_QUEUE_MAX - 1u);
    }
    if (b->num_queues == 0 || b->num_queues > VIRTIO_QUEUE_MAX - 1) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "num-queues property must be larger than 0 and at most %u",
                    VIRTIO_QUEUE_MAX - 1);
        return FALSE;
    }
    if (!is_pow2(b->queue_size) || b->queue_size <= 2 || b->queue_size > VIRTQ_SIZE_MAX) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "invalid queue-size property (%u), must be a power of 2 (max %d)",
                    b->queue_size, VIRTQ_SIZE_MAX);
        return FALSE;
    }
    return TRUE;
}

static gboolean attach_drive(struct dev *dev, struct blk *b, GError **error)
{
    struct block_node *node;
    unsigned perm = BLOCK_PERM_CONSISTENT_READ;
    unsigned shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_RESIZE;

    if (!b->drive) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING, "drive property not set");
        return FALSE;
    }
    b->backend = dev->env->find(dev->env->machine, ROW_LINK_BLOCK, b->drive, error);
    if (!b->backend) {
        return FALSE;
    }
    node = block_backend_node(b->backend);
    if (!node) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE, "Device needs media, but drive is empty");
        return FALSE;
    }
    perm |= block_backend_read_only(b->backend) ? 0 : BLOCK_PERM_WRITE;
    shared |= b->share_rw ? BLOCK_PERM_WRITE : 0;
    if (!block_backend_set_perm(b->backend, perm, shared, error)) {
        return FALSE;
    }
    block_backend_set_device(b->backend, dev->id ? dev->id : "");
    block_backend_set_on_error(b->backend, b->rerror, b->werror);
    if (b->write_cache != ROW_AUTO) {
        block_backend_set_write_cache(b->backend, b->write_cache == ROW_ON);
    }
    b->sync = dev->env->deterministic;
    block_backend_set_sync(b->backend, b->sync);
    return TRUE;
}

static gboolean realize(struct dev *dev, GError **error)
{
    struct blk_dev *d = (struct blk_dev *)dev;
    struct blk *b = &d->blk;

    if (!check_block_sizes(b, error) || !check_queues(b, dev->env->machine, error) ||
        !attach_drive(dev, b, error)) {
        return FALSE;
    }
    g_queue_init(&b->held);
    b->owed = g_array_new(FALSE, FALSE, sizeof(struct owed));
    virtio_proxy_init(&d->proxy, &b->v, &blk_class, b->num_queues);
    for (unsigned n = 0; n < b->num_queues; n++) {
        virtio_set_queue_size(&b->v, n, b->queue_size);
    }
    return virtio_proxy_attach(&d->proxy, &b->v, b->num_queues + 1, error);
}

static void unrealize(struct dev *dev)
{
    struct blk *b = &((struct blk_dev *)dev)->blk;
    struct request *r;

    if (b->backend) {
        block_backend_drain(b->backend);
        if (dev->env->release) {
            dev->env->release(dev->env->machine, ROW_LINK_BLOCK, b->backend);
        }
        b->backend = NULL;
    }
    while ((r = g_queue_pop_head(&b->held))) {
        drop(r);
    }
    virtio_fini(&b->v);
    g_clear_pointer(&b->owed, g_array_unref);
}

/* Main loop, vCPUs stopped: everything in flight ends here. */
static void drain(struct dev *dev)
{
    block_backend_drain(((struct blk_dev *)dev)->blk.backend);
}

/* Lock held. */
static void begin_owed(struct blk *b)
{
    g_autoptr(GArray) owed = g_steal_pointer(&b->owed);

    b->owed = g_array_new(FALSE, FALSE, sizeof(struct owed));
    for (unsigned i = 0; i < owed->len && virtio_running(&b->v); i++) {
        const struct owed *o = &g_array_index(owed, struct owed, i);
        struct virtq_elem *e = virtq_repop(&b->v.queue[o->queue], o->head);

        if (!e) {
            virtio_fail(&b->v, "a block request of the saved state is no more");
            return;
        }
        if (!begin_checked(b, o->queue, e)) {
            return;
        }
        virtio_signal(&b->v, o->queue);
    }
}

static void resume(struct dev *dev)
{
    struct blk *b = &((struct blk_dev *)dev)->blk;
    struct request *r;

    g_mutex_lock(&dev->lock);
    begin_owed(b);
    for (unsigned n = b->held.length; n > 0 && (r = g_queue_pop_head(&b->held)); n--) {
        submit(r);
    }
    g_mutex_unlock(&dev->lock);
}

/* --- state ------------------------------------------------------------------------------------ */

static void put_owed(GByteArray *out, unsigned queue, unsigned head)
{
    uint8_t bytes[4];

    st_le16(bytes, (uint16_t)queue);
    st_le16(bytes + 2, (uint16_t)head);
    g_byte_array_append(out, bytes, sizeof(bytes));
}

/* What is held, and what was held when this machine's state was loaded: count, queues, heads. */
static void save_held(const void *obj, GByteArray *out)
{
    const struct blk *b = &((const struct blk_dev *)obj)->blk;
    uint8_t count[4];

    st_le32(count, b->owed->len + b->held.length);
    g_byte_array_append(out, count, sizeof(count));
    for (unsigned i = 0; i < b->owed->len; i++) {
        const struct owed *o = &g_array_index(b->owed, struct owed, i);

        put_owed(out, o->queue, o->head);
    }
    for (const GList *l = b->held.head; l; l = l->next) {
        const struct request *r = l->data;

        put_owed(out, r->queue, r->elem->head);
    }
}

static int load_held(void *obj, const uint8_t **data, size_t *left)
{
    struct blk *b = &((struct blk_dev *)obj)->blk;
    struct request *r;
    uint32_t count;

    if (*left < 4) {
        return -EINVAL;
    }
    count = ld_le32(*data);
    if (count > (*left - 4) / 4 || count > (uint32_t)b->num_queues * b->queue_size) {
        return -EINVAL;
    }
    while ((r = g_queue_pop_head(&b->held))) { /* of what this machine was before */
        drop(r);
    }
    g_array_set_size(b->owed, 0);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = *data + 4 + i * 4;
        struct owed o = {ld_le16(at), ld_le16(at + 2)};

        if (o.queue >= b->num_queues) {
            return -EINVAL;
        }
        g_array_append_val(b->owed, o);
    }
    *data += 4 + count * 4;
    *left -= 4 + count * 4;
    return 0;
}

static const struct state_row blk_state[] = {
    {.kind = STATE_CUSTOM, .name = "held", .save = save_held, .load = load_held},
    STATE_DONE,
};

#define BLK_FIELD(f) ROW_FIELD(struct blk_dev, blk.f)

static const struct row props[] = {
    {.name = "drive",
     .type = ROW_LINK,
     BLK_FIELD(drive),
     .link = ROW_LINK_BLOCK,
     .help = "Node name or ID of a block device to use as a backend"},
    {.name = "serial", .type = ROW_STR, BLK_FIELD(serial), .help = "Serial number, 20 bytes"},
    {.name = "bootindex",
     .type = ROW_INT,
     BLK_FIELD(bootindex),
     .def = "-1",
     .help = "Place in the boot order, lowest first"},
    {.name = "num-queues",
     .type = ROW_UINT,
     BLK_FIELD(num_queues),
     .def = "65535",
     .help = "Request queues"},
    {.name = "queue-size",
     .type = ROW_UINT,
     BLK_FIELD(queue_size),
     .def = "256",
     .help = "Descriptors in a queue, a power of two"},
    {.name = "logical_block_size",
     .type = ROW_UINT,
     BLK_FIELD(logical_block_size),
     .def = "0",
     .max = 2097152,
     .help = "A power of two between 512 B and 2 MiB"},
    {.name = "physical_block_size",
     .type = ROW_UINT,
     BLK_FIELD(physical_block_size),
     .def = "0",
     .max = 2097152,
     .help = "A power of two between 512 B and 2 MiB"},
    {.name = "min_io_size",
     .type = ROW_UINT,
     BLK_FIELD(min_io_size),
     .def = "0",
     .max = 33553920,
     .help = "Smallest efficient transfer"},
    {.name = "opt_io_size",
     .type = ROW_UINT,
     BLK_FIELD(opt_io_size),
     .def = "0",
     .max = UINT32_MAX,
     .help = "Best transfer"},
    {.name = "config-wce",
     .type = ROW_BOOL,
     BLK_FIELD(config_wce),
     .def = "on",
     .help = "The guest may switch the write cache"},
    {.name = "write-cache",
     .type = ROW_ON_OFF_AUTO,
     BLK_FIELD(write_cache),
     .def = "auto",
     .help = "The guest sees a write cache"},
    {.name = "discard", .type = ROW_BOOL, BLK_FIELD(discard), .def = "on", .help = "Offer discard"},
    {.name = "write-zeroes",
     .type = ROW_BOOL,
     BLK_FIELD(write_zeroes),
     .def = "on",
     .help = "Offer write zeroes"},
    {.name = "max-discard-sectors",
     .type = ROW_UINT,
     BLK_FIELD(max_discard),
     .def = "4194303",
     .max = 4194303,
     .help = "Longest discard in sectors of 512 bytes"},
    {.name = "max-write-zeroes-sectors",
     .type = ROW_UINT,
     BLK_FIELD(max_write_zeroes),
     .def = "4194303",
     .max = 4194303,
     .help = "Longest write of zeroes in sectors of 512 bytes"},
    {.name = "share-rw",
     .type = ROW_BOOL,
     BLK_FIELD(share_rw),
     .def = "off",
     .help = "Others may write the disk too"},
    {.name = "werror",
     .type = ROW_ENUM,
     BLK_FIELD(werror),
     .def = "auto",
     .values = on_error_names,
     .help = "Error handling policy, report/ignore/enospc/stop/auto"},
    {.name = "rerror",
     .type = ROW_ENUM,
     BLK_FIELD(rerror),
     .def = "auto",
     .values = on_error_names,
     .help = "Error handling policy, report/ignore/enospc/stop/auto"},
    {},
};

static const struct virtio_pci_info blk_pci_info = {
    .pci = VIRTIO_PCI_CLASS(0x010000),
    .transitional_id = 0x1001,
};

const struct dev_class virtio_blk_pci_class = {
    .name = "virtio-blk-pci",
    .alias = "virtio-blk",
    .description = "Virtio block device",
    .bus_type = "PCI",
    .category = "Storage",
    .base = &virtio_pci_class,
    .bus_class = &blk_pci_info,
    .instance_size = sizeof(struct blk_dev),
    .props = props,
    .state = blk_state,
    .state_version = 1,
    .realize = realize,
    .unrealize = unrealize,
    .pause = drain,
    .resume = resume,
};

const struct dev_class virtio_blk_device_class = {
    .name = "virtio-blk-device",
    .description = "Virtio block device",
    .bus_type = "virtio-bus",
    .category = "Storage",
    .base = &virtio_device_class,
    .instance_size = sizeof(struct blk_dev),
    .props = props,
    .state = blk_state,
    .state_version = 1,
    .realize = realize,
    .unrealize = unrealize,
    .pause = drain,
    .resume = resume,
};
