/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/core/ram.h"

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/fence.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAM_MAX      (UINT64_C(1) << 46)
#define GRANULE_BITS 6
#define GUARD        (UINT64_C(2) << 20)

static gboolean fail(GError **error, const char *name, uint64_t size, const char *what)
{
    int saved = errno;

    g_set_error(error, G_IO_ERROR, g_io_error_from_errno(saved),
                "cannot make %" G_GUINT64_FORMAT " bytes of guest memory '%s': %s: %s", size, name,
                what, g_strerror(saved));
    return FALSE;
}

static gboolean check_size(const char *name, uint64_t size, GError **error)
{
    if (size == 0 || size > RAM_MAX) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "guest memory '%s' cannot be %" G_GUINT64_FORMAT " bytes", name, size);
        return FALSE;
    }
    return TRUE;
}

/*
 * Maps with inaccessible room on both sides, so that what runs past the end is caught and the
 * host's kernel keeps the block apart from others; aligned for large pages. Files of the user's
 * may want an alignment of their own: they go where the kernel likes.
 */
static void *map_guarded(uint64_t size, int flags, int fd)
{
    uint8_t *room =
        mmap(NULL, size + 3 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *begin, *end;
    void *host;

    if (room == MAP_FAILED) {
        return room;
    }
    begin = (uint8_t *)align_up((uintptr_t)room, GUARD);
    end = begin + size + 2 * GUARD;
    if (begin > room) {
        munmap(room, begin - room);
    }
    munmap(end, room + size + 3 * GUARD - end);
    host = mmap(begin + GUARD, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
    if (host == MAP_FAILED) {
        int saved = errno;

        munmap(begin, size + 2 * GUARD);
        errno = saved;
    }
    return host;
}

static void unmap(uint8_t *host, uint64_t size, bool guarded)
{
    if (guarded) {
        munmap(host - GUARD, size + 2 * GUARD);
    } else {
        munmap(host, size);
    }
}

/* Takes fd; -1: anonymous memory. */
static struct ram_block *map_fd(const char *name, uint64_t size, int fd_in,
                                const struct ram_source *source, GError **error)
{
    auto_fd int fd = fd_in;
    uint64_t pages = size >> RAM_PAGE_BITS;
    int flags = (fd < 0                 ? MAP_ANONYMOUS | MAP_PRIVATE
                 : source->private_copy ? MAP_PRIVATE
                                        : MAP_SHARED) |
                (source->reserve ? 0 : MAP_NORESERVE);
    struct ram_block *block;
    bool guarded = source->kind != RAM_FILE;
    void *host = guarded ? map_guarded(size, flags, fd)
                         : mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (host == MAP_FAILED) {
        fail(error, name, size, "mmap");
        return NULL;
    }
    if (source->large_pages) {
        (void)madvise(host, size, MADV_HUGEPAGE); /* a host without them gives small ones */
    }
    struct ram_code *code = g_try_new0(struct ram_code, pages);

    if (!code) {
        unmap(host, size, guarded);
        errno = ENOMEM;
        fail(error, name, size, "page table");
        return NULL;
    }
    block = g_new0(struct ram_block, 1);
    block->name = g_strdup(name);
    block->size = size;
    block->host = host;
    block->guarded = guarded;
    block->fd = fd_steal(&fd);
    block->code = code;
    g_mutex_init(&block->code_lock);
    return block;
}

static int open_memfd(const char *name, uint64_t size, GError **error)
{
    auto_fd int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        fail(error, name, size, "memfd_create");
        return -1;
    }
    if (ftruncate(fd, size) < 0) {
        fail(error, name, size, "ftruncate");
        return -1;
    }
    return fd_steal(&fd);
}

static int open_path(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        g_autofree char *template = g_build_filename(path, "viv-ram.XXXXXX", NULL);
        int fd = mkostemp(template, O_CLOEXEC);

        if (fd >= 0) {
            unlink(template);
        }
        return fd;
    }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

static int open_backing(const char *name, uint64_t size, const char *path, GError **error)
{
    auto_fd int fd = open_path(path);
    struct stat st;

    /* Never cut a file short: it may hold what its owner wants to keep. */
    if (fd < 0 || fstat(fd, &st) < 0 ||
        (S_ISREG(st.st_mode) && (uint64_t)st.st_size < size && ftruncate(fd, size) < 0)) {
        fail(error, name, size, path);
        return -1;
    }
    return fd_steal(&fd);
}

struct ram_block *ram_block_new_of(const char *name, uint64_t size, const struct ram_source *source,
                                   GError **error)
{
    int fd = -1;

    if (!check_size(name, size, error)) {
        return NULL;
    }
    size = align_up(size, RAM_PAGE_SIZE);
    if (source->kind != RAM_ANONYMOUS) {
        fd = source->kind == RAM_FILE ? open_backing(name, size, source->path, error)
                                      : open_memfd(name, size, error);
        if (fd < 0) {
            return NULL;
        }
    }
    return map_fd(name, size, fd, source, error);
}

struct ram_block *ram_block_new(const char *name, uint64_t size, GError **error)
{
    return ram_block_new_of(name, size, &(struct ram_source){RAM_MEMFD}, error);
}

gboolean ram_block_populate(struct ram_block *block, GError **error)
{
    int r = madvise(block->host, block->size, MADV_POPULATE_WRITE);

    if (r < 0 && errno == EINVAL) { /* a kernel before 5.14 */
        for (uint64_t at = 0; at < block->size; at += RAM_PAGE_SIZE) {
            __atomic_fetch_or(block->host + at, 0, __ATOMIC_RELAXED);
        }
        r = 0;
    }
    return r == 0 || fail(error, block->name, block->size, "preallocation");
}

void ram_block_free(struct ram_block *block)
{
    if (!block) {
        return;
    }
    unmap(block->host, block->size, block->guarded);
    fd_close(&block->fd);
    g_mutex_clear(&block->code_lock);
    g_free(block->dirty);
    g_free(block->code);
    g_free(block->name);
    g_free(block);
}

static uint64_t dirty_words(const struct ram_block *block)
{
    return ((block->size >> RAM_PAGE_BITS) + 63) / 64;
}

void ram_dirty_log(struct ram_block *block, bool enable)
{
    uint64_t n = dirty_words(block);

    if (enable) {
        if (!block->dirty) {
            __atomic_store_n(&block->dirty, g_new0(uint64_t, n), __ATOMIC_RELEASE);
        }
        for (uint64_t i = 0; i < n; i++) {
            __atomic_store_n(&block->dirty[i], 0, __ATOMIC_RELAXED);
        }
    }
    __atomic_store_n(&block->logging, enable, __ATOMIC_SEQ_CST);
}

bool ram_dirty_take(struct ram_block *block, gpa off, uint64_t len)
{
    bool any = false;

    if (!block->dirty || len == 0) {
        return false;
    }
    for (gpa p = off >> RAM_PAGE_BITS; p <= (off + len - 1) >> RAM_PAGE_BITS; p++) {
        uint64_t bit = BIT64(p % 64);

        if (__atomic_load_n(&block->dirty[p / 64], __ATOMIC_RELAXED) & bit) {
            any |= __atomic_fetch_and(&block->dirty[p / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
        }
    }
    return any;
}

static void set_dirty(struct ram_block *block, gpa first, gpa last)
{
    for (gpa p = first; p <= last; p++) {
        uint64_t bit = BIT64(p % 64);

        if (!(__atomic_load_n(&block->dirty[p / 64], __ATOMIC_RELAXED) & bit)) {
            __atomic_fetch_or(&block->dirty[p / 64], bit, __ATOMIC_SEQ_CST);
        }
    }
}

/* Granules of [off, off + len) within one page. */
static uint64_t granules(gpa off, uint64_t len)
{
    unsigned first = (off & (RAM_PAGE_SIZE - 1)) >> GRANULE_BITS;
    unsigned last = ((off & (RAM_PAGE_SIZE - 1)) + len - 1) >> GRANULE_BITS;

    return mask64(last - first + 1) << first;
}

uint32_t ram_code_enter(struct ram_block *block, gpa off, unsigned len)
{
    struct ram_code *code = &block->code[off >> RAM_PAGE_BITS];
    uint64_t want = granules(off, len);

    if ((__atomic_load_n(&code->granules, __ATOMIC_ACQUIRE) & want) == want) {
        uint32_t generation = __atomic_load_n(&code->generation, __ATOMIC_SEQ_CST);

        /* Cleared meanwhile? Then the generation may be the one after the clearing. */
        if ((__atomic_load_n(&code->granules, __ATOMIC_SEQ_CST) & want) == want) {
            return generation;
        }
    }
    g_mutex_lock(&block->code_lock);
    uint64_t old = __atomic_fetch_or(&code->granules, want, __ATOMIC_SEQ_CST);
    uint32_t generation = __atomic_load_n(&code->generation, __ATOMIC_SEQ_CST);
    g_mutex_unlock(&block->code_lock);

    if (!old && block->code_hook.fn) {
        block->code_hook.fn(block->code_hook.opaque, block, align_down(off, RAM_PAGE_SIZE));
    }
    return generation;
}

static bool code_hit(struct ram_block *block, struct ram_code *code, uint64_t hit)
{
    bool is_hit;

    g_mutex_lock(&block->code_lock);
    is_hit = __atomic_load_n(&code->granules, __ATOMIC_SEQ_CST) & hit;
    if (is_hit) {
        /* The page's whole code goes stale, so its granules are forgotten with it. */
        __atomic_store_n(&code->granules, 0, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&code->generation, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&block->rewrites, 1, __ATOMIC_SEQ_CST);
    }
    g_mutex_unlock(&block->code_lock);
    return is_hit;
}

bool ram_wrote(struct ram_block *block, gpa off, uint64_t len)
{
    bool hit = false;

    if (len == 0) {
        return false;
    }
    /* The bytes are written before the granules are read; ram_code_enter does the reverse. */
    fence_full();
    if (__atomic_load_n(&block->logging, __ATOMIC_RELAXED)) {
        set_dirty(block, off >> RAM_PAGE_BITS, (off + len - 1) >> RAM_PAGE_BITS);
    }
    while (len > 0) {
        uint64_t n = MIN(len, RAM_PAGE_SIZE - (off & (RAM_PAGE_SIZE - 1)));
        struct ram_code *code = &block->code[off >> RAM_PAGE_BITS];

        if (__atomic_load_n(&code->granules, __ATOMIC_SEQ_CST) & granules(off, n)) {
            hit |= code_hit(block, code, granules(off, n));
        }
        off += n;
        len -= n;
    }
    return hit;
}

#if defined(RAM_TSAN) || defined(__SANITIZE_THREAD__)
/* memcpy is intercepted by TSan wherever it is called from: copy by hand. */
#define RAM_COPY __attribute__((no_sanitize("thread"), noinline))

static RAM_COPY void copy(volatile uint8_t *to, const volatile uint8_t *from, size_t len)
{
    while (len--) {
        *to++ = *from++;
    }
}

RAM_COPY void ram_fill(void *ram, uint8_t byte, size_t len)
{
    for (volatile uint8_t *p = ram; len--; p++) {
        *p = byte;
    }
}
#else
static void copy(void *to, const void *from, size_t len)
{
    memcpy(to, from, len);
}

void ram_fill(void *ram, uint8_t byte, size_t len)
{
    memset(ram, byte, len);
}
#endif

void ram_read(void *to, const void *ram, size_t len)
{
    copy(to, ram, len);
}

void ram_write(void *ram, const void *from, size_t len)
{
    copy(ram, from, len);
}

void ram_discard(struct ram_block *block, gpa off, uint64_t len)
{
    uint64_t page = sysconf(_SC_PAGESIZE);
    gpa first = align_up(off, page), end = align_down(off + len, page);

    if (off + len > block->size || off + len < off || first >= end) {
        return;
    }
    /* A memfd's pages are freed by punching; private memory forgets them. Failure changes nothing.
     */
    if (madvise(block->host + first, end - first, MADV_REMOVE) < 0) {
        (void)madvise(block->host + first, end - first, MADV_DONTNEED);
    }
    ram_wrote(block, first, end - first);
}
