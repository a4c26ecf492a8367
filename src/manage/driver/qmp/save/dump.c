/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dumps: of the memory alone, as debuggers read it, or of the whole machine's state. */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/save/save.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* Flags of dumping. */
enum {
    DUMP_CRASH = 1 << 0,
    DUMP_LIVE = 1 << 1,
    DUMP_BYPASS_CACHE = 1 << 2,
    DUMP_RESET = 1 << 3,
    DUMP_MEMORY_ONLY = 1 << 4,
};

/* QEMU's names of libvirt's formats; the first is ELF. */
static const char *const formats[] = {NULL, "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp"};

static bool check(struct call *call, unsigned format, GError **error)
{
    static const struct {
        unsigned flags;
        const char *words;
    } pairs[] = {
        {DUMP_CRASH | DUMP_LIVE, "'VIR_DUMP_CRASH' and 'VIR_DUMP_LIVE'"},
        {DUMP_CRASH | DUMP_RESET, "'VIR_DUMP_CRASH' and 'VIR_DUMP_RESET'"},
        {DUMP_LIVE | DUMP_RESET, "'VIR_DUMP_LIVE' and 'VIR_DUMP_RESET'"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if ((call->flags & pairs[i].flags) == pairs[i].flags) {
            return fault_set_raw(error, FAULT_INVALID_ARG, "Flags %s are mutually exclusive",
                                 pairs[i].words);
        }
    }
    if (format >= G_N_ELEMENTS(formats)) {
        return fault_set(error, FAULT_INVALID_ARG, "unknown dumpformat '%u'", format);
    }
    if (format != 0 && (call->flags & DUMP_MEMORY_ONLY) == 0) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "kdump-compressed format is only supported with memory-only dump");
    }
    return *call_string(call, 1) == '/' ||
           fault_set(error, FAULT_INVALID_ARG, "could not build absolute path of '%s'",
                     call_string(call, 1));
}

static bool write_dump(struct call *call, int fd, unsigned format, GError **error)
{
    bool good = (call->flags & DUMP_MEMORY_ONLY) != 0
                    ? job_dump_memory(call->domain, fd, formats[format], error)
                    : job_migrate_out(call->domain, fd, error);

    if (good && fdatasync(fd) != 0 && errno != EINVAL) { /* a pipe has nothing to sync */
        good = fault_set_errno(error, errno, "unable to close file %s", call_string(call, 1));
    }
    if (good && (call->flags & DUMP_BYPASS_CACHE) != 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return good;
}

static void crash(struct call *call)
{
    struct qmp_run *run = qmp_run_of(call->domain);

    if (run != NULL) {
        qmp_run_ref(run);
        run->ends_as = SHUTOFF_CRASHED;
        qmp_kill(run);
        qmp_ended(run, SHUTOFF_CRASHED);
        qmp_run_unref(run);
    }
}

/* What the caller asked for besides, when the dump is whole; and on with a machine that ran. */
static bool after(struct call *call, bool ran, bool good, GError **error)
{
    if (good && (call->flags & DUMP_CRASH) != 0) {
        crash(call);
        return true;
    }
    if (good && (call->flags & DUMP_RESET) != 0) {
        good = qmp_command(call->domain, "system_reset", NULL, NULL, error);
    }
    if (ran) {
        save_go_on(call->domain, RUNNING_UNPAUSED);
    }
    return good;
}

static bool dump(struct call *call, int fd, unsigned format, GError **error)
{
    struct domain *domain = call->domain;
    bool ran = false, good = true;

    job_begin(domain, JOB_OPERATION_DUMP);
    /* Memory is dumped as it is at one moment: a live dump of it alone pauses in the machine. */
    if ((call->flags & DUMP_LIVE) == 0) {
        good = save_pause(domain, PAUSED_DUMP, &ran, error);
    }
    good = good && write_dump(call, fd, format, error);
    if (!good) {
        save_cancel_transfer(domain);
    }
    good = after(call, ran, good, error);
    job_end(domain, JOB_OPERATION_DUMP, good);
    return good;
}

bool save_core_dump(struct call *call, GError **error)
{
    const char *path = call_string(call, 1);
    unsigned format = g_variant_n_children(call->args) > 3 ? call_u32(call, 2) : 0;
    bool good;
    int fd;

    if (!check(call, format, error)) {
        return false;
    }
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault_set_errno(error, errno, "Failed to open file '%s'", path);
    }
    good = dump(call, fd, format, error);
    close(fd);
    if (!good && g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        g_unlink(path);
    }
    return good;
}
