/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/file-lock.h"

#include <errno.h>
#include <fcntl.h>

#define PERM_BASE     100
#define UNSHARED_BASE 200

static const char *const perm_names[] = {"consistent read", "write", "write unchanged", "resize"};

/* cmd F_OFD_SETLK or F_OFD_GETLK on one byte; *ret_type says what GETLK found. */
static int byte_lock(int fd, int cmd, int type, off_t byte, int *ret_type)
{
    struct flock fl = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int r;

    do {
        r = fcntl(fd, cmd, &fl);
    } while (r < 0 && errno == EINTR);
    if (ret_type != NULL) {
        *ret_type = fl.l_type;
    }
    return r < 0 ? -errno : 0;
}

static int set_bytes(int fd, int type, off_t base, unsigned bits)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(perm_names); i++) {
        int r = bits & (1u << i) ? byte_lock(fd, F_OFD_SETLK, type, base + i, NULL) : 0;

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* The first of `bits` that another open file description holds, -1: none, or a negative errno. */
static int find_held(int fd, off_t base, unsigned bits)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(perm_names); i++) {
        int type = F_UNLCK;
        int r = bits & (1u << i) ? byte_lock(fd, F_OFD_GETLK, F_WRLCK, base + i, &type) : 0;

        if (r < 0) {
            return r - 1;
        }
        if (type != F_UNLCK) {
            return (int)i;
        }
    }
    return -1;
}

static int refuse(const char *shared, int bit, const char *filename, GError **error)
{
    g_set_error(error, BLOCK_ERROR, EAGAIN,
                "Failed to get %s\"%s\" lock\nIs another process using the image [%s]?", shared,
                perm_names[bit], filename);
    return -EAGAIN;
}

static int check_others(const struct file_lock *lock, unsigned perm, unsigned unshared,
                        const char *filename, GError **error)
{
    int bit = find_held(lock->fd, UNSHARED_BASE, perm);

    if (bit >= 0) {
        return refuse("", bit, filename, error);
    }
    bit = find_held(lock->fd, PERM_BASE, unshared);
    return bit >= 0 ? refuse("shared ", bit, filename, error) : 0;
}

int file_lock_set(struct file_lock *lock, unsigned perm, unsigned shared, const char *filename,
                  GError **error)
{
    unsigned unshared = ~shared & BLOCK_PERM_ALL;
    unsigned new_perm = perm & ~lock->perm, new_unshared = unshared & ~lock->unshared;
    int r;

    if (!lock->on) {
        return 0;
    }
    r = set_bytes(lock->fd, F_RDLCK, PERM_BASE, new_perm);
    if (r == 0) {
        r = set_bytes(lock->fd, F_RDLCK, UNSHARED_BASE, new_unshared);
    }
    if (r < 0 && !lock->required && (r == -EINVAL || r == -ENOLCK || r == -EOPNOTSUPP)) {
        lock->on = false; /* this file system has no locks */
        return 0;
    }
    if (r < 0) {
        g_set_error(error, BLOCK_ERROR, -r, "Failed to lock the image [%s]: %s", filename,
                    g_strerror(-r));
    } else {
        r = check_others(lock, new_perm, new_unshared, filename, error);
    }
    if (r < 0) {
        (void)set_bytes(lock->fd, F_UNLCK, PERM_BASE, new_perm);
        (void)set_bytes(lock->fd, F_UNLCK, UNSHARED_BASE, new_unshared);
        return r;
    }
    (void)set_bytes(lock->fd, F_UNLCK, PERM_BASE, lock->perm & ~perm);
    (void)set_bytes(lock->fd, F_UNLCK, UNSHARED_BASE, lock->unshared & ~unshared);
    lock->perm = perm;
    lock->unshared = unshared;
    return 0;
}
