/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/accel/jit/listing.h"

#include "machine/core/accel.h"

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libcapstone.so.4"
#define MAP     "/tmp/perf-%d.map" /* perf's own name for it */

/* Loaded for -d out_asm only. */
struct disassembler {
    void *library;
    csh handle;
    cs_err (*open)(cs_arch arch, cs_mode mode, csh *handle);
    size_t (*disasm)(csh handle, const uint8_t *code, size_t size, uint64_t address, size_t count,
                     cs_insn **insn);
    void (*free)(cs_insn *insn, size_t count);
    cs_err (*close)(csh *handle);
};

struct listing {
    struct cpu *cpu;
    const struct accel_log *log; /* NULL: nothing */
    FILE *map;                   /* NULL: none */
    bool tried;                  /* to load the disassembler */
    struct disassembler host;    /* library NULL: there is none */
    GString *text;
};

static bool wants(const struct listing *l, const struct ir_unit *u, unsigned item)
{
    if (!l->log || !(l->log->items & item)) {
        return false;
    }
    for (unsigned i = 0; i < l->log->n_only; i++) {
        if (u->pc >= l->log->only[i].first && u->pc <= l->log->only[i].last) {
            return true;
        }
    }
    return l->log->n_only == 0;
}

static void flush(struct listing *l)
{
    if (l->text->len > 0) {
        fputs(l->text->str, l->log->out);
        fflush(l->log->out);
        g_string_truncate(l->text, 0);
    }
}

/* ---- the guest's code and operations ---- */

static void put_bytes(GString *out, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(out, "%s%02x", i ? " " : "", bytes[i]);
    }
}

static void put_guest_code(struct listing *l, const struct code_page *page, const struct ir_unit *u)
{
    const uint8_t *bytes = page->ram->host + page->off + (u->pc & (RAM_PAGE_SIZE - 1));
    const struct cpu_arch *arch = l->cpu->arch;

    g_string_append(l->text, "----------------\nIN:\n");
    for (unsigned i = 0; i < u->n_insns; i++) {
        unsigned at = u->offset[i], n = u->offset[i + 1] - at;

        g_string_append_printf(l->text, "0x%08" PRIx64 ":  ", u->pc + at);
        if (!arch->disassemble || !arch->disassemble(l->cpu, u->pc + at, bytes + at, n, l->text)) {
            put_bytes(l->text, bytes + at, n);
        }
        g_string_append_c(l->text, '\n');
    }
    g_string_append_c(l->text, '\n');
}

void listing_guest(struct listing *l, const struct code_page *page, const struct ir_unit *u)
{
    if (u->n_insns == 0) {
        return; /* the interpreter's, which writes of it when it decodes it */
    }
    if (wants(l, u, ACCEL_LOG_CODE)) {
        put_guest_code(l, page, u);
    }
    if (wants(l, u, ACCEL_LOG_OP)) {
        g_string_append(l->text, "OP:\n");
        ir_print(u, l->text);
        g_string_append_c(l->text, '\n');
    }
    flush(l);
}

void listing_optimised(struct listing *l, const struct ir_unit *u)
{
    if (wants(l, u, ACCEL_LOG_OP_OPT)) {
        g_string_append(l->text, "OP after optimization:\n");
        ir_print(u, l->text);
        g_string_append_c(l->text, '\n');
        flush(l);
    }
}

/* ---- the host's code ---- */

static gboolean load(struct disassembler *d, GError **error)
{
    const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"cs_open", &d->open},
        {"cs_disasm", &d->disasm},
        {"cs_free", &d->free},
        {"cs_close", &d->close},
    };
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (unsigned i = 0; library && i < G_N_ELEMENTS(symbols); i++) {
        void *p = dlsym(library, symbols[i].name);

        if (!p) {
            dlclose(library);
            library = NULL;
        } else {
            memcpy(symbols[i].slot, &p, sizeof(p));
        }
    }
    if (!library || d->open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    "%s cannot be used; hint: install libcapstone4", LIBRARY);
        return FALSE;
    }
    d->library = library;
    return TRUE;
}

/* Bytes, where there is no disassembler. */
static void put_plain(struct listing *l, const uint8_t *code, size_t size)
{
    for (size_t at = 0; at < size; at += 16) {
        g_string_append_printf(l->text, "%p:  ", (const void *)(code + at));
        put_bytes(l->text, code + at, MIN(16, size - at));
        g_string_append_c(l->text, '\n');
    }
}

static void put_host_code(struct listing *l, const uint8_t *code, size_t size)
{
    cs_insn *insn = NULL;
    size_t n, at = 0;

    if (!l->tried) {
        g_autoptr(GError) error = NULL;

        l->tried = true;
        if (!load(&l->host, &error)) {
            g_string_append_printf(l->text, "(bytes only: %s)\n", error->message);
        }
    }
    n = l->host.library ? l->host.disasm(l->host.handle, code, size, (uintptr_t)code, 0, &insn) : 0;
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(l->text, "0x%08" PRIx64 ":  %s %s\n", insn[i].address,
                               insn[i].mnemonic, insn[i].op_str);
        at += insn[i].size;
    }
    if (n > 0) {
        l->host.free(insn, n);
    }
    put_plain(l, code + at, size - at);
}

void listing_host(struct listing *l, const struct ir_unit *u, const uint8_t *code, size_t size)
{
    if (l->map) {
        fprintf(l->map, "%" PRIxPTR " %zx %s:%#" PRIx64 "\n", (uintptr_t)code, size,
                l->cpu->arch->name, u->pc);
        fflush(l->map);
    }
    if (wants(l, u, ACCEL_LOG_OUT)) {
        g_string_append_printf(l->text, "OUT: [size=%zu]\n", size);
        put_host_code(l, code, size);
        g_string_append_c(l->text, '\n');
        flush(l);
    }
}

/* ---- life ---- */

struct listing *listing_new(struct cpu *cpu)
{
    struct listing *l = g_new0(struct listing, 1);

    l->cpu = cpu;
    l->text = g_string_new(NULL);
    return l;
}

void listing_free(struct listing *l)
{
    if (!l) {
        return;
    }
    if (l->map) {
        fclose(l->map);
    }
    if (l->host.library) {
        l->host.close(&l->host.handle);
        dlclose(l->host.library);
    }
    g_string_free(l->text, TRUE);
    g_free(l);
}

void listing_log(struct listing *l, const struct accel_log *log)
{
    l->log = log;
}

gboolean listing_perf_map(struct listing *l, GError **error)
{
    g_autofree char *path = g_strdup_printf(MAP, (int)getpid());

    /* Not through a link that somebody else made in a folder that all may write to. */
    int fd = g_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

    l->map = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (!l->map) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "cannot write '%s': %s", path,
                    g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return FALSE;
    }
    return TRUE;
}
