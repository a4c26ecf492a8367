/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM: blocks of memory, and the only functions that touch their bytes.
 *
 * The guest's vCPUs, devices and back ends touch RAM at the same time and the guest alone decides
 * the order, so every access is a relaxed atomic where the host can make it one, works at any
 * alignment, and is kept out of ThreadSanitizer. A write by a device goes through ram_wrote(),
 * which marks dirty pages and asks vCPUs to drop decoded code of that page.
 */
#ifndef VIV_MACHINE_CORE_RAM_H
#define VIV_MACHINE_CORE_RAM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t gpa; /* guest physical address, or an offset where a name says so */

#define RAM_PAGE_BITS 12
#define RAM_PAGE_SIZE (UINT64_C(1) << RAM_PAGE_BITS)

struct ram_block;

/* Called when a page without decoded code gets some: every vCPU's write TLB entry for the page
 * must leave the fast path, so that writes are noticed. Any vCPU thread; must not wait. */
struct ram_code_hook {
    void (*fn)(void *opaque, struct ram_block *block, gpa page_off);
    void *opaque;
};

/*
 * Decoded (or translated) code of one page. Whoever keeps decoded code calls ram_code_enter()
 * before reading its bytes, keeps the generation and compares it before each use; a write to a
 * granule with code makes a new generation.
 */
struct ram_code {
    uint64_t granules;   /* atomic: one bit a 64-byte granule that holds decoded code */
    uint32_t generation; /* atomic */
};

struct ram_block {
    char *name;            /* "pc.ram"; stable, names it in saved state */
    uint64_t size;         /* bytes, a multiple of RAM_PAGE_SIZE; frozen */
    uint8_t *host;         /* mapping of size bytes; frozen */
    int fd;                /* memfd or file, -1 if anonymous; owned */
    bool guarded;          /* inaccessible room lies before and behind; frozen */
    bool readonly;         /* the guest never writes it (ROM); frozen */
    uint64_t *dirty;       /* one bit a page, atomic; NULL until logging is first enabled */
    bool logging;          /* atomic: the dirty log is on */
    struct ram_code *code; /* one a page */
    uint32_t rewrites;     /* atomic: changes whenever a page's generation does */
    GMutex code_lock;      /* setting granules, and clearing them with a new generation */
    struct ram_code_hook code_hook; /* frozen before vCPUs run */
};

/* What a block's memory is; all zero: a shared memfd. */
enum ram_kind {
    RAM_MEMFD,
    RAM_ANONYMOUS, /* no file, always private: the host's kernel may merge equal pages of it */
    RAM_FILE,      /* of the file or directory `path` (hugetlbfs, tmpfs) */
};
struct ram_source {
    enum ram_kind kind;
    const char *path;
    bool private_copy; /* what is written stays ours (MAP_PRIVATE) */
    bool reserve;      /* the host accounts for all of it at once (no MAP_NORESERVE) */
    bool large_pages;  /* the host is asked for them */
};

/*
 * New zeroed block. `size` is rounded up to pages; 0 and more than 2^46 are refused. The error says
 * how much was asked for. ram_block_new makes a shared memfd whose pages are reserved by nobody.
 */
struct ram_block *ram_block_new(const char *name, uint64_t size, GError **error);
struct ram_block *ram_block_new_of(const char *name, uint64_t size, const struct ram_source *source,
                                   GError **error);
/* Gives every page its memory now; what a file holds stays. */
gboolean ram_block_populate(struct ram_block *block, GError **error);
void ram_block_free(struct ram_block *block);

/* Enables or disables the dirty log of the whole block; enabling marks every page clean. */
void ram_dirty_log(struct ram_block *block, bool enable);
/* Reads and clears the dirty bit of each page of [off, off + len). TRUE if any was set. */
bool ram_dirty_take(struct ram_block *block, gpa off, uint64_t len);

/*
 * Marks [off, off + len), inside one page, as holding decoded code, and returns the page's
 * generation. Call it BEFORE reading the bytes. Any thread.
 */
uint32_t ram_code_enter(struct ram_block *block, gpa off, unsigned len);
static inline uint32_t ram_code_generation(const struct ram_block *block, gpa off)
{
    return __atomic_load_n(&block->code[off >> RAM_PAGE_BITS].generation, __ATOMIC_ACQUIRE);
}
/* TRUE if the page holds decoded code: a write there takes the slow path. */
static inline bool ram_has_code(const struct ram_block *block, gpa off)
{
    return __atomic_load_n(&block->code[off >> RAM_PAGE_BITS].granules, __ATOMIC_SEQ_CST) != 0;
}

/*
 * [off, off + len) has been written by anything but a vCPU's TLB fast path: sets dirty bits, makes
 * a new generation where a granule holds code. TRUE if code was hit. Any thread.
 */
bool ram_wrote(struct ram_block *block, gpa off, uint64_t len);

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RAM_TSAN
#endif
#endif
/* Instrumentation follows the function that an access is inlined into, so under TSan it is not. */
#if defined(RAM_TSAN) || defined(__SANITIZE_THREAD__)
#define RAM_ACCESS static __attribute__((no_sanitize("thread"), noinline, unused))
#else
#define RAM_ACCESS static inline __attribute__((no_sanitize("alignment"), always_inline))
#endif

/* Loads and stores of host byte order (ram_ld16) at any alignment; single-copy atomic when aligned.
 */
#define RAM_ACCESSORS(bits)                                                    \
    typedef uint##bits##_t ram_u##bits __attribute__((aligned(1), may_alias)); \
    RAM_ACCESS uint##bits##_t ram_ld##bits(const void *p)                      \
    {                                                                          \
        return *(const volatile ram_u##bits *)p;                               \
    }                                                                          \
    RAM_ACCESS void ram_st##bits(void *p, uint##bits##_t v)                    \
    {                                                                          \
        *(volatile ram_u##bits *)p = v;                                        \
    }

RAM_ACCESSORS(8)
RAM_ACCESSORS(16)
RAM_ACCESSORS(32)
RAM_ACCESSORS(64)

#undef RAM_ACCESSORS

/* The guest does not need [off, off + len) any more: memory goes back to the host where it can, and
 * the bytes read as zeroes or as they were. Any thread. */
void ram_discard(struct ram_block *block, gpa off, uint64_t len);

/* Bulk copies between guest RAM and host memory; the guest may change RAM meanwhile. */
void ram_read(void *to, const void *ram, size_t len);
void ram_write(void *ram, const void *from, size_t len);
void ram_fill(void *ram, uint8_t byte, size_t len);

#endif
