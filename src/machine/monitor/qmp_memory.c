/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about guest memory. */
#include "machine/monitor/command.h"

#include "base/cleanup.h"
#include "machine/core/arch.h"
#include "machine/core/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 4096u

struct peek {
    struct cpu *cpu;
    uint64_t linear;
    gpa at;
    bool ok;
};

static void peek(void *opaque)
{
    struct peek *p = opaque;

    p->ok = p->cpu->arch->peek(p->cpu, p->linear, &p->at);
}

bool qmp_translate(const struct monitor_env *env, unsigned cpu, uint64_t linear, gpa *ret)
{
    struct peek p = {.linear = linear};

    if (cpu >= env->machine->n_cpus) {
        return false;
    }
    p.cpu = env->machine->cpus[cpu];
    machine_synchronised(env->machine, peek, &p);
    *ret = p.at;
    return p.ok;
}

/* A part of what is to be saved, that lies in one page. */
static bool save_part(const struct qmp_call *c, bool linear, uint64_t from, size_t len, int fd,
                      GError **error)
{
    uint8_t data[CHUNK] = {0};
    gpa at = from;

    if (linear && !qmp_translate(c->env, (unsigned)qmp_int(c, "cpu-index"), from, &at)) {
        qmp_fail(error, "Invalid addr 0x%016" PRIx64 "/size %" PRId64 " specified", from,
                 qmp_int(c, "size"));
        return false;
    }
    bus_copy_from(c->env->machine->memory, at, data, len);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);

        if (n < 0 && errno != EINTR) {
            qmp_fail(error, "writing memory to '%s' failed: %s", qmp_str(c, "filename"),
                     g_strerror(errno));
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static json_object *save(const struct qmp_call *c, bool linear, GError **error)
{
    uint64_t at = (uint64_t)qmp_int(c, "val"), left = (uint64_t)qmp_int(c, "size");
    auto_fd int fd = -1;

    if (linear && (qmp_int(c, "cpu-index") < 0 ||
                   qmp_int(c, "cpu-index") >= (int64_t)c->env->machine->n_cpus)) {
        return qmp_fail(error, "Parameter 'cpu-index' expects a CPU number");
    }
    if (left > 2 * c->env->config->memory.size + (UINT64_C(4) << 30)) {
        return qmp_fail(error, "Parameter 'size' expects a size of the guest's memory");
    }
    fd = open(qmp_str(c, "filename"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return qmp_fail(error, "Could not open '%s': %s", qmp_str(c, "filename"),
                        g_strerror(errno));
    }
    while (left) {
        size_t len = MIN(left, CHUNK - at % CHUNK);

        if (!save_part(c, linear, at, len, fd, error)) {
            return NULL;
        }
        at += len;
        left -= len;
    }
    return NULL;
}

static json_object *memsave(const struct qmp_call *c, GError **error)
{
    return save(c, true, error);
}

static json_object *pmemsave(const struct qmp_call *c, GError **error)
{
    return save(c, false, error);
}

static json_object *memory_devices(const struct qmp_call *c, GError **error)
{
    return json_object_new_array();
}

static json_object *ram_blocks(const struct qmp_call *c, GError **error)
{
    g_autoptr(GString) out =
        g_string_new("              Block Name    PSize               Total\n");
    json_object *o = json_object_new_object();

    for (guint i = 0; i < c->env->machine->ram->len; i++) {
        const struct ram_block *b = c->env->machine->ram->pdata[i];

        g_string_append_printf(out, "%24s  %3d KiB  0x%016" PRIx64 "\n", b->name,
                               (int)sysconf(_SC_PAGESIZE) >> 10, b->size);
    }
    put_str(o, "human-readable-text", out->str);
    return o;
}

const struct qmp_command qmp_memory_commands[] = {
    {"memsave", "val:int size:int filename:str cpu-index?:int", NULL, memsave,
     "Writes a range of a vCPU's linear addresses to a file."},
    {"pmemsave", "val:int size:int filename:str", NULL, pmemsave,
     "Writes a range of physical addresses to a file."},
    {"query-memory-devices", NULL, "[MemoryDeviceInfo]", memory_devices, "Memory devices: none."},
    {"x-query-ramblock", NULL, "HumanReadableText", ram_blocks, "Blocks of RAM."},
    {NULL},
};
