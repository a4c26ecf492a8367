/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of a machine and the host's CPUs they may run on, by sched_setaffinity(2). */
#include "base/least.h"
#include "manage/conf/cpuset.h"
#include "manage/conf/fault.h"
#include "manage/conf/schema.h"
#include "manage/core/affect.h"
#include "manage/core/handlers.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/stats.h"
#include "manage/driver/qmp/tune/tune.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES   2048  /* of a map: procs.inc */
#define MAX_MAPS    16384 /* vCPUs, and bytes of a map, that a client may ask for */
#define MAX_THREADS 65536 /* of one machine that are looked at */

/* Whose element: a vCPU's number, or the emulator. */
#define EMULATOR (-1)

static struct xml *find_pin(const struct domain_def *def, int who)
{
    const struct xml *cputune = xml_find(def->root, "cputune");
    g_autofree char *number = g_strdup_printf("%d", who);
    struct xml *pin = xml_find(cputune, who == EMULATOR ? "emulatorpin" : "vcpupin");

    while (pin != NULL && who != EMULATOR && !xml_is(pin, "vcpu", number)) {
        pin = xml_next(cputune, "vcpupin", pin);
    }
    return pin;
}

static void put_pin(struct domain_def *def, int who, const char *cpus)
{
    struct xml *pin = find_pin(def, who);

    if (pin == NULL) {
        pin = schema_insert(domain_def_need(def, "cputune"), "domain/cputune",
                            xml_new(who == EMULATOR ? "emulatorpin" : "vcpupin"));
        if (who != EMULATOR) {
            g_autofree char *number = g_strdup_printf("%d", who);

            xml_set(pin, "vcpu", number);
        }
    }
    xml_set(pin, "cpuset", cpus);
}

/* What a definition says of it: by its element, or for all of the machine. */
static bool read_pin(const struct domain_def *def, int who, uint8_t map[MAP_BYTES])
{
    const char *cpus = xml_get(find_pin(def, who), "cpuset");

    if (cpus == NULL) {
        cpus = xml_get(xml_find(def->root, "vcpu"), "cpuset");
    }
    memset(map, 0, MAP_BYTES);
    return cpus != NULL && cpuset_parse(cpus, map, MAP_BYTES);
}

static bool pin_thread(int tid, const uint8_t map[MAP_BYTES], GError **error)
{
    cpu_set_t *set = CPU_ALLOC(MAP_BYTES * 8);
    size_t size = CPU_ALLOC_SIZE(MAP_BYTES * 8);
    int number;

    CPU_ZERO_S(size, set);
    for (unsigned cpu = 0; cpu < MAP_BYTES * 8; cpu++) {
        if ((map[cpu / 8] >> cpu % 8 & 1) != 0) {
            CPU_SET_S(cpu, size, set);
        }
    }
    number = sched_setaffinity(tid, size, set) != 0 ? errno : 0;
    CPU_FREE(set);
    return number == 0 || number == ESRCH ||
           fault_set_errno(error, number, "cannot set CPU affinity on process %d", tid);
}

static bool pin_vcpu(const GArray *threads, unsigned vcpu, const uint8_t map[MAP_BYTES],
                     GError **error)
{
    return vcpu >= threads->len || pin_thread(g_array_index(threads, int, vcpu), map, error);
}

static bool is_vcpu(const GArray *threads, int tid)
{
    for (unsigned i = 0; i < threads->len; i++) {
        if (g_array_index(threads, int, i) == tid) {
            return true;
        }
    }
    return false;
}

/* Every thread that is no vCPU's; those to come take it from the one that makes them. */
static bool pin_emulator(int pid, const GArray *threads, const uint8_t map[MAP_BYTES],
                         GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", pid);
    g_autoptr(GDir) tasks = g_dir_open(path, 0, NULL);
    const char *name;

    for (unsigned n = 0;
         tasks != NULL && n < MAX_THREADS && (name = g_dir_read_name(tasks)) != NULL; n++) {
        int tid = atoi(name);

        if (tid > 0 && !is_vcpu(threads, tid) && !pin_thread(tid, map, error)) {
            return false;
        }
    }
    return true;
}

static bool pin(struct domain *domain, const GArray *threads, int who, const uint8_t map[MAP_BYTES],
                GError **error)
{
    return who == EMULATOR ? pin_emulator(qmp_run_of(domain)->pid, threads, map, error)
                           : pin_vcpu(threads, (unsigned)who, map, error);
}

bool tune_pin_machine(struct domain *domain, GError **error)
{
    g_autoptr(GArray) threads = NULL;
    uint8_t map[MAP_BYTES];

    if (xml_find(domain->def->root, "cputune") == NULL) {
        return true;
    }
    threads = stats_vcpus(domain, error);
    if (threads == NULL) {
        return false;
    }
    for (int who = EMULATOR; who < (int)threads->len; who++) {
        if (find_pin(domain->def, who) != NULL && read_pin(domain->def, who, map) &&
            !pin(domain, threads, who, map, error)) {
            return false;
        }
    }
    return true;
}

static bool check_vcpu(struct domain_def *const defs[2], uint32_t vcpu, GError **error)
{
    static const char *const words[] = {"live", "persistent"};

    for (int i = 0; i < 2; i++) {
        unsigned n = defs[i] == NULL ? G_MAXUINT
                     : i == 0        ? domain_def_vcpus(defs[i])
                                     : domain_def_max_vcpus(defs[i]);

        if (vcpu >= n) {
            return fault_set(error, FAULT_INVALID_ARG, "vcpu %u is out of range of %s cpu count %u",
                             vcpu, words[i], n);
        }
    }
    return true;
}

static bool pin_now(struct domain *domain, int who, const uint8_t map[MAP_BYTES], GError **error)
{
    g_autoptr(GArray) threads = stats_vcpus(domain, error);

    return threads != NULL && domain_check_active(domain, error) &&
           pin(domain, threads, who, map, error);
}

/* The call's nth argument is the map of CPUs. */
static bool pin_call(struct call *call, int who, unsigned n, unsigned which, GError **error)
{
    g_autoptr(GVariant) value = g_variant_get_child_value(call->args, n);
    gsize length;
    const uint8_t *given = g_variant_get_fixed_array(value, &length, 1);
    g_autofree char *cpus = cpuset_format(given, length);
    uint8_t map[MAP_BYTES] = {0};
    struct domain_def *defs[2];

    if (*cpus == '\0') {
        return fault_set(error, FAULT_INVALID_ARG, "Empty cpu list for pinning");
    }
    memcpy(map, given, MIN(length, sizeof(map)));
    affect_defs(call, which, defs);
    if ((who != EMULATOR && !check_vcpu(defs, (uint32_t)who, error)) ||
        (defs[0] != NULL && !pin_now(call->domain, who, map, error))) {
        return false;
    }
    affect_defs(call, which, defs); /* the lock was given up */
    for (int i = 0; i < 2; i++) {
        if (defs[i] != NULL) {
            put_pin(defs[i], who, cpus);
        }
    }
    return domain_keep(call, defs, error);
}

bool tune_pin_vcpu(struct call *call, GError **error)
{
    bool plain = proc_id(call->proc) == PROC_DOMAIN_PIN_VCPU;
    unsigned vcpu = call_u32(call, 1), which = AFFECT_LIVE;

    if (plain ? !domain_check_active(call->domain, error) : !affect_which(call, &which, error)) {
        return false;
    }
    if (vcpu > G_MAXINT) {
        return fault_set(error, FAULT_INVALID_ARG, "vcpu %u is out of range", vcpu);
    }
    return pin_call(call, (int)vcpu, 2, which, error);
}

bool tune_pin_emulator(struct call *call, GError **error)
{
    unsigned which;

    return affect_which(call, &which, error) && pin_call(call, EMULATOR, 1, which, error);
}

static void fill_map(const struct domain_def *def, int who, uint8_t *out, size_t length)
{
    uint8_t map[MAP_BYTES];
    long cpus = sysconf(_SC_NPROCESSORS_CONF);

    if (read_pin(def, who, map)) {
        memcpy(out, map, MIN(length, sizeof(map)));
        return;
    }
    for (long cpu = 0; cpu < cpus && (size_t)cpu < length * 8; cpu++) {
        out[cpu / 8] |= (uint8_t)(1u << cpu % 8);
    }
}

bool tune_get_pins(struct call *call, GError **error)
{
    bool vcpus = proc_id(call->proc) == PROC_DOMAIN_GET_VCPU_PIN_INFO;
    int room = vcpus ? call_i32(call, 1) : 1, length = call_i32(call, vcpus ? 2 : 1), n;
    g_autofree uint8_t *maps = NULL;
    const struct domain_def *def;
    unsigned which;

    if (room < 0 || length < 0 || room > MAX_MAPS || length > MAX_MAPS) {
        return fault_set(error, FAULT_INVALID_ARG, "maplen");
    }
    if (!affect_one(call, &which, error)) {
        return false;
    }
    def = affect_def(call, which);
    n = vcpus ? (int)min_i64(room, (int)domain_def_max_vcpus(def)) : 1;
    maps = g_malloc0((gsize)n * (gsize)length + 1);
    for (int i = 0; i < n; i++) {
        fill_map(def, vcpus ? i : EMULATOR, maps + (gsize)i * (gsize)length, (size_t)length);
    }
    return call_reply(
        call, "(@ayi)",
        g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, maps, (gsize)n * (gsize)length, 1), n);
}
