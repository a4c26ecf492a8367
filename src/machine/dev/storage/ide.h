/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATA and ATAPI drives, and the bus that joins one to a controller. ATA/ATAPI-7 (INCITS 397) and
 * ATA8-ACS for commands; MMC-5 and SPC-3 for packets.
 *
 * A controller fills an ide_command from its task file and calls ide_execute(); the drive maps
 * the data through the bus and ends every command with ide_finish(), at once or later. All under
 * the controller's lock.
 */
#ifndef VIV_MACHINE_DEV_STORAGE_IDE_H
#define VIV_MACHINE_DEV_STORAGE_IDE_H

#include "block/backend.h"
#include "machine/core/dev.h"
#include "machine/dev/storage/smart.h"

#define ATA_ERR  0x01
#define ATA_DRQ  0x08
#define ATA_SEEK 0x10
#define ATA_DF   0x20
#define ATA_DRDY 0x40
#define ATA_BSY  0x80

#define ATA_ABRT 0x04
#define ATA_IDNF 0x10
#define ATA_UNC  0x40

#define ATA_SIGNATURE   0x00000101u
#define ATAPI_SIGNATURE 0xeb140101u

#define IDE_SECTOR 512u
#define CD_SECTOR  2048u

struct ide_drive;
struct ide_bus;

struct ide_command {
    struct block_req req;
    struct ide_drive *drive;
    struct ide_bus *bus;

    /* as the host gave it */
    uint8_t command, device;
    uint16_t features, count;
    uint64_t lba; /* 48 bits */
    uint8_t cdb[16];
    uint8_t slot;

    /* where its data is: filled by ide_bus.map */
    struct iovec *iov; /* g_free'd by the controller */
    unsigned niov;
    bool to_guest;

    /* what came of it */
    uint8_t status, error;
    uint64_t result_lba;
    uint16_t result_count;
    uint32_t transferred; /* bytes */
    bool pio;             /* data moves by PIO: says so in its FIS */
    bool ncq;
    bool retry;   /* not done: the machine stops, and the controller gives it again on resume */
    uint8_t *own; /* data of the drive's own that the request uses; g_free'd by the controller */
    uint32_t next_range; /* TRIM: entries done */
};

/* One channel of a controller: one drive. */
struct ide_bus {
    struct dev_bus *dev_bus; /* dev_bus->opaque is this */
    struct ide_drive *drive; /* NULL: none; loop */
    GMutex *lock;            /* the controller's */
    void *opaque;            /* the controller's */
    /* Fills c->iov with the guest's buffers for the first `len` bytes, at most; returns how many
     * there are. `to_guest`: the drive will write there. */
    uint64_t (*map)(struct ide_command *c, uint64_t len, bool to_guest);
    /* Takes the command back, with its results. May start others. */
    void (*finished)(struct ide_command *c);
    /* The machine goes on after a stop: commands with `retry` are due. Lock not held. */
    void (*resumed)(struct ide_bus *bus);
};

/* Makes the bus `name` ("ide.0", "NAME.0") of `owner`. Caller's memory. */
void ide_bus_init(struct ide_bus *bus, struct dev *owner, const char *name);

enum cd_event { CD_NO_EVENT, CD_EJECT_REQUEST, CD_NEW_MEDIA, CD_MEDIA_REMOVAL };

struct ide_drive {
    struct dev dev;
    /* properties */
    char *drive_id, *serial, *model, *version;
    uint64_t wwn;
    uint32_t unit, logical_block_size, physical_block_size, discard_granularity;
    uint16_t rotation_rate;
    int32_t bootindex;
    int werror, rerror, write_cache;
    bool share_rw;

    struct ide_bus *bus;           /* frozen */
    struct block_backend *backend; /* frozen; NULL: a CD drive that can never have a medium */
    bool is_cd, sync;              /* frozen */

    /* controller's lock */
    uint64_t sectors; /* of 512 bytes */
    uint8_t multiple; /* sectors of READ MULTIPLE */
    uint8_t udma;     /* transfer mode chosen */
    uint8_t error_tag, error_status, error_code;
    uint64_t error_lba; /* of the last queued command that failed */
    struct smart smart;
    /* CD */
    uint8_t sense_key, sense_asc, sense_ascq;
    bool tray_open, locked, changed;
    uint8_t event;
};

extern const struct dev_class ide_hd_class, ide_cd_class;

/* Power-on and after a reset of the channel. */
void ide_drive_reset(struct ide_drive *d);
void ide_execute(struct ide_drive *d, struct ide_command *c);

/* ---- for ata.c and atapi.c ---- */

/* Ends a command. */
void ide_finish(struct ide_command *c, uint8_t status, uint8_t error);
static inline void ide_abort(struct ide_command *c)
{
    ide_finish(c, ATA_DRDY | ATA_SEEK | ATA_ERR, ATA_ABRT);
}
static inline void ide_succeed(struct ide_command *c)
{
    ide_finish(c, ATA_DRDY | ATA_SEEK, 0);
}
/* Gives the guest `len` bytes, or as many as it has room for, and ends the command well. */
void ide_reply(struct ide_command *c, const void *data, uint32_t len);
/* Copies what the guest gave; FALSE: it has not given that much. */
bool ide_fetch(struct ide_command *c, void *data, uint32_t len);
/* Sends c->req (op, offset, len are set; the iovec is c's) and ends the command when it is done. */
void ide_submit(struct ide_command *c);
/* ATA strings: space-padded, bytes of each word swapped. */
void ide_put_string(uint8_t *to, const char *text, unsigned len);

void ata_execute(struct ide_drive *d, struct ide_command *c);
/* A TRIM's next range, after one was done. FALSE: it was the last. */
bool ata_trim_next(struct ide_command *c);
void atapi_execute(struct ide_drive *d, struct ide_command *c);
/* A read of the medium failed, with this negative errno. */
void atapi_read_failed(struct ide_command *c, int error);
void atapi_media_changed(struct ide_drive *d, bool load);
/* By the monitor: as if by hand. */
void atapi_move_tray(struct ide_drive *d, bool open);

#endif
