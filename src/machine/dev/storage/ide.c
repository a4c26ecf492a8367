/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives on an ide.N bus: properties, back end, and what ATA and ATAPI share. See ide.h. */
#include "machine/dev/storage/ide.h"

#include "base/bits.h"
#include "base/least.h"

#include <errno.h>
#include <string.h>

void ide_finish(struct ide_command *c, uint8_t status, uint8_t error)
{
    c->status = status;
    c->error = error;
    c->bus->finished(c);
}

static void copy(const struct ide_command *c, uint8_t *own, uint32_t len, bool to_guest)
{
    for (unsigned i = 0; i < c->niov && len; i++) {
        uint32_t n = (uint32_t)MIN(c->iov[i].iov_len, len);

        if (to_guest) {
            ram_write(c->iov[i].iov_base, own, n);
        } else {
            ram_read(own, c->iov[i].iov_base, n);
        }
        own += n;
        len -= n;
    }
}

void ide_reply(struct ide_command *c, const void *data, uint32_t len)
{
    uint32_t room = (uint32_t)c->bus->map(c, len, true);

    copy(c, (uint8_t *)data, room, true);
    c->transferred = room;
    ide_succeed(c);
}

bool ide_fetch(struct ide_command *c, void *data, uint32_t len)
{
    if (c->bus->map(c, len, false) < len) {
        return false;
    }
    copy(c, data, len, false);
    c->transferred = len;
    return true;
}

void ide_put_string(uint8_t *to, const char *text, unsigned len)
{
    size_t have = text ? strlen(text) : 0;

    for (unsigned i = 0; i < len; i++) {
        to[i ^ 1] = i < have ? (uint8_t)text[i] : ' ';
    }
}

/* ---- block requests ---- */

static void failed(struct ide_command *c, int error)
{
    struct ide_drive *d = c->drive;

    if (d->is_cd) {
        atapi_read_failed(c, error);
    } else if (c->req.op == BLOCK_READ) {
        ide_finish(c, ATA_DRDY | ATA_SEEK | ATA_ERR, ATA_UNC);
    } else {
        ide_abort(c);
    }
}

/* Lock held. */
static void completed(struct ide_command *c, int ret)
{
    enum block_action action = BLOCK_ACTION_IGNORE;

    if (ret < 0) {
        action = block_backend_error(c->drive->backend, c->req.op, -ret);
    }
    switch (action) {
    case BLOCK_ACTION_STOP:
        c->retry = true;
        c->drive->dev.env->request(c->drive->dev.env->machine, MACHINE_IO_ERROR, false, 0);
        c->bus->finished(c);
        break;
    case BLOCK_ACTION_REPORT: failed(c, ret); break;
    default:
        if (c->req.op == BLOCK_DISCARD && ata_trim_next(c)) {
            ide_submit(c);
        } else {
            c->transferred = c->req.op == BLOCK_READ || c->req.op == BLOCK_WRITE
                                 ? (uint32_t)c->req.len
                                 : c->transferred;
            ide_succeed(c);
        }
        break;
    }
}

static void done(struct block_req *req, int ret)
{
    struct ide_command *c = req->opaque;
    GMutex *lock = c->bus->lock;

    if (c->drive->sync) { /* inside block_submit */
        completed(c, ret);
        return;
    }
    g_mutex_lock(lock);
    completed(c, ret);
    g_mutex_unlock(lock);
}

void ide_submit(struct ide_command *c)
{
    c->req.iov = c->iov;
    c->req.niov = (int)c->niov;
    c->req.done = done;
    c->req.opaque = c;
    block_submit(c->drive->backend, &c->req);
}

/* ---- life ---- */

void ide_drive_reset(struct ide_drive *d)
{
    d->multiple = 16;
    d->udma = 5;
    d->sense_key = d->sense_asc = d->sense_ascq = 0;
}

void ide_execute(struct ide_drive *d, struct ide_command *c)
{
    c->result_lba = c->lba;
    c->result_count = c->count;
    if (d->is_cd) {
        atapi_execute(d, c);
    } else {
        ata_execute(d, c);
    }
}

static gboolean plug(struct dev_bus *dev_bus, struct dev *dev, GError **error)
{
    struct ide_bus *bus = dev_bus->opaque;
    const struct ide_drive *d = (const struct ide_drive *)dev;

    if (d->unit != UINT32_MAX && d->unit != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "Can't create IDE unit %u, bus supports only 1 units", d->unit);
        return FALSE;
    }
    if (bus->drive) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "IDE unit 0 is in use");
        return FALSE;
    }
    dev_bus->full = true;
    return TRUE;
}

static void unplug(struct dev_bus *dev_bus, struct dev *dev)
{
    dev_bus->full = false;
}

void ide_bus_init(struct ide_bus *bus, struct dev *owner, const char *name)
{
    bus->dev_bus = dev_bus_new(owner, "IDE", name);
    bus->dev_bus->opaque = bus;
    bus->dev_bus->plug = plug;
    bus->dev_bus->unplug = unplug;
    bus->lock = &owner->lock;
}

static void media_changed(void *opaque, struct block_backend *backend, bool load)
{
    struct ide_drive *d = opaque;

    g_mutex_lock(d->bus->lock);
    atapi_media_changed(d, load);
    g_mutex_unlock(d->bus->lock);
}

static void resized(void *opaque, struct block_backend *backend)
{
    struct ide_drive *d = opaque;

    g_mutex_lock(d->bus->lock);
    d->sectors = (uint64_t)max_i64(block_backend_length(backend), 0) / IDE_SECTOR;
    g_mutex_unlock(d->bus->lock);
}

static struct block_tray tray(void *opaque)
{
    struct ide_drive *d = opaque;
    struct block_tray t;

    g_mutex_lock(d->bus->lock);
    t = (struct block_tray){d->tray_open, d->locked};
    g_mutex_unlock(d->bus->lock);
    return t;
}

static void move_tray(void *opaque, bool open)
{
    struct ide_drive *d = opaque;

    g_mutex_lock(d->bus->lock);
    atapi_move_tray(d, open);
    g_mutex_unlock(d->bus->lock);
}

static void ask_eject(void *opaque)
{
    struct ide_drive *d = opaque;

    g_mutex_lock(d->bus->lock);
    d->event = CD_EJECT_REQUEST;
    g_mutex_unlock(d->bus->lock);
}

static const struct block_backend_events disk_events = {.resized = resized};

static const struct block_backend_events cd_events = {
    .resized = resized,
    .media_changed = media_changed,
    .tray = tray,
    .move_tray = move_tray,
    .ask_eject = ask_eject,
};

static gboolean refuse(GError **error, const char *why)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s", why);
    return FALSE;
}

static gboolean take_permissions(struct ide_drive *d, GError **error)
{
    unsigned perm = BLOCK_PERM_CONSISTENT_READ;
    unsigned shared = BLOCK_PERM_CONSISTENT_READ | BLOCK_PERM_WRITE_UNCHANGED | BLOCK_PERM_RESIZE;

    if (!d->is_cd) {
        perm |= BLOCK_PERM_WRITE;
    }
    if (d->share_rw) {
        shared |= BLOCK_PERM_WRITE;
    }
    return block_backend_set_perm(d->backend, perm, shared, error);
}

static gboolean attach(struct ide_drive *d, GError **error)
{
    const struct dev_env *env = d->dev.env;

    d->backend = env->find(env->machine, ROW_LINK_BLOCK, d->drive_id ? d->drive_id : "", error);
    if (!d->backend) {
        return FALSE;
    }
    if (!d->is_cd && !block_backend_node(d->backend)) {
        return refuse(error, "Device needs media, but drive is empty");
    }
    if (!d->is_cd && block_backend_read_only(d->backend)) {
        return refuse(error, "Can't use a read-only drive");
    }
    if (block_backend_node(d->backend) && !take_permissions(d, error)) {
        return FALSE;
    }
    block_backend_set_device(d->backend, d->dev.id ? d->dev.id : "");
    block_backend_set_on_error(d->backend, d->rerror, d->werror);
    if (d->write_cache != ROW_AUTO) {
        block_backend_set_write_cache(d->backend, d->write_cache == ROW_ON);
    }
    d->sync = env->deterministic;
    block_backend_set_sync(d->backend, d->sync);
    block_backend_set_events(d->backend, d->is_cd ? &cd_events : &disk_events, d);
    d->sectors = (uint64_t)max_i64(block_backend_length(d->backend), 0) / IDE_SECTOR;
    return TRUE;
}

static gboolean check_sizes(struct ide_drive *d, GError **error)
{
    if (d->logical_block_size != IDE_SECTOR) {
        return refuse(error, "logical_block_size must be 512 for IDE");
    }
    if (!is_pow2(d->physical_block_size) || d->physical_block_size < IDE_SECTOR ||
        d->physical_block_size > 1u << 21) {
        return refuse(error, "physical_block_size must be a power of 2 from 512 to 2097152");
    }
    return TRUE;
}

static gboolean realize(struct ide_drive *d, bool is_cd, GError **error)
{
    d->is_cd = is_cd;
    if (!d->dev.parent) {
        return refuse(error, "an IDE drive needs an IDE bus");
    }
    d->bus = d->dev.parent->opaque;
    if (!check_sizes(d, error)) {
        return FALSE;
    }
    if (!d->drive_id && !is_cd) {
        return refuse(error, "No drive specified");
    }
    if (!attach(d, error)) { /* a CD drive without one gets an empty back end of its own */
        return FALSE;
    }
    g_mutex_lock(d->bus->lock);
    ide_drive_reset(d);
    d->bus->drive = d;
    g_mutex_unlock(d->bus->lock);
    return TRUE;
}

static gboolean hd_realize(struct dev *dev, GError **error)
{
    smart_init(&((struct ide_drive *)dev)->smart);
    return realize((struct ide_drive *)dev, false, error);
}

static gboolean cd_realize(struct dev *dev, GError **error)
{
    return realize((struct ide_drive *)dev, true, error);
}

static void unrealize(struct dev *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    if (d->backend) {
        block_backend_drain(d->backend);
        block_backend_set_events(d->backend, NULL, NULL);
    }
    g_mutex_lock(d->bus->lock);
    d->bus->drive = NULL;
    g_mutex_unlock(d->bus->lock);
}

static void drain(struct dev *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    if (d->backend) {
        block_backend_drain(d->backend);
    }
}

static void resume(struct dev *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    if (d->bus->resumed) {
        d->bus->resumed(d->bus);
    }
}

static void reset(struct dev *dev)
{
    ide_drive_reset((struct ide_drive *)dev);
}

static json_object *get_extra(struct dev *dev, const char *name)
{
    const struct ide_drive *d = (const struct ide_drive *)dev;

    return d->is_cd && strcmp(name, "tray-open") == 0 ? json_object_new_boolean(d->tray_open)
                                                      : NULL;
}

static const char *const on_error_names[] = {"report", "ignore", "stop", "enospc", "auto", NULL};

static const struct row drive_props[] = {
    {"drive", ROW_LINK, ROW_FIELD(struct ide_drive, drive_id), .link = ROW_LINK_BLOCK,
     .help = "Node name or ID of a block device to use as a backend"},
    {"unit", ROW_UINT, ROW_FIELD(struct ide_drive, unit), .def = "4294967295",
     .help = "Place on the bus"},
    {"serial", ROW_STR, ROW_FIELD(struct ide_drive, serial), .help = "Serial number, 20 bytes"},
    {"model", ROW_STR, ROW_FIELD(struct ide_drive, model), .help = "Model, 40 bytes"},
    {"ver", ROW_STR, ROW_FIELD(struct ide_drive, version), .def = "2.5+",
     .help = "Firmware version, 8 bytes"},
    {"wwn", ROW_UINT, ROW_FIELD(struct ide_drive, wwn), .def = "0", .help = "World wide name"},
    {"bootindex", ROW_INT, ROW_FIELD(struct ide_drive, bootindex), .def = "-1",
     .help = "Place in the boot order, lowest first"},
    {"logical_block_size", ROW_UINT, ROW_FIELD(struct ide_drive, logical_block_size), .def = "512",
     .help = "Only 512"},
    {"physical_block_size", ROW_UINT, ROW_FIELD(struct ide_drive, physical_block_size),
     .def = "512", .help = "A power of two between 512 B and 2 MiB"},
    {"discard_granularity", ROW_UINT, ROW_FIELD(struct ide_drive, discard_granularity),
     .def = "512", .help = "0: TRIM is not offered"},
    {"rotation_rate", ROW_UINT, ROW_FIELD(struct ide_drive, rotation_rate), .def = "0",
     .help = "Rounds a minute; 1: no moving parts, 0: not told"},
    {"write-cache", ROW_ON_OFF_AUTO, ROW_FIELD(struct ide_drive, write_cache), .def = "auto",
     .help = "The guest sees a write cache"},
    {"share-rw", ROW_BOOL, ROW_FIELD(struct ide_drive, share_rw), .def = "off",
     .help = "Others may write the disk too"},
    {"rerror", ROW_ENUM, ROW_FIELD(struct ide_drive, rerror), .def = "auto",
     .values = on_error_names, .help = "What to do when a read fails"},
    {"werror", ROW_ENUM, ROW_FIELD(struct ide_drive, werror), .def = "auto",
     .values = on_error_names, .help = "What to do when a write fails"},
    {NULL},
};

static const struct state_row drive_state[] = {
    STATE_KEEP(struct ide_drive, multiple),
    STATE_KEEP(struct ide_drive, udma),
    STATE_U(struct ide_drive, error_tag, 0),
    STATE_U(struct ide_drive, error_status, 0),
    STATE_U(struct ide_drive, error_code, 0),
    STATE_U(struct ide_drive, error_lba, 0),
    STATE_U(struct ide_drive, sense_key, 0),
    STATE_U(struct ide_drive, sense_asc, 0),
    STATE_U(struct ide_drive, sense_ascq, 0),
    STATE_KEEP(struct ide_drive, tray_open),
    STATE_U(struct ide_drive, locked, 0),
    STATE_U(struct ide_drive, changed, 0),
    STATE_U(struct ide_drive, event, 0),
    STATE_SUB(struct ide_drive, smart, smart_state),
    STATE_DONE,
};

static gboolean post_load(struct dev *dev, GError **error)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    if (d->event > CD_MEDIA_REMOVAL || d->udma > 7 || d->multiple > 16) {
        d->event = CD_NO_EVENT;
        d->udma = d->multiple = 0;
        return refuse(error, "ide: state out of range");
    }
    if (!smart_valid(&d->smart)) {
        smart_init(&d->smart);
        return refuse(error, "ide: SMART state out of range");
    }
    return TRUE;
}

#define DRIVE_CLASS(drive_name, words, realize_fn)                                             \
    {                                                                                          \
        .name = drive_name, .description = words, .bus_type = "IDE", .category = "Storage",    \
        .instance_size = sizeof(struct ide_drive), .props = drive_props, .state = drive_state, \
        .state_version = 1, .realize = realize_fn, .unrealize = unrealize, .reset = reset,     \
        .post_load = post_load, .pause = drain, .resume = resume, .get_extra = get_extra       \
    }

const struct dev_class ide_hd_class = DRIVE_CLASS("ide-hd", "virtual IDE disk", hd_realize);
const struct dev_class ide_cd_class = DRIVE_CLASS("ide-cd", "virtual IDE CD-ROM", cd_realize);
