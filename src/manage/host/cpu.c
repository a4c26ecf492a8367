/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/host/cpu.h"

#include "manage/host/node.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH "riscv64"
#else
#define ARCH "unknown"
#endif

/* CPUID leaf 0 says the first, libvirt's documents the second. */
static const char *vendor(const char *root)
{
    static const char *const names[][2] = {
        {"GenuineIntel", "Intel"}, {"AuthenticAMD", "AMD"}, {"HygonGenuine", "Hygon"}};
    g_autofree char *id = node_cpuinfo(root, "vendor_id");

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(id, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

static unsigned number(const char *root, const char *row)
{
    g_autofree char *value = node_cpuinfo(root, row);

    return value != NULL ? (unsigned)strtoul(value, NULL, 0) : 0;
}

void host_cpu_read(const char *root, struct host_cpu *ret_cpu)
{
    *ret_cpu = (struct host_cpu){
        .arch = ARCH,
        .vendor = vendor(root),
        .family = number(root, "cpu family"),
        .model = number(root, "model\t"),
        .stepping = number(root, "stepping"),
        .microcode = number(root, "microcode"),
        .address_bits = number(root, "address sizes"),
    };
}
