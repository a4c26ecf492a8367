/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The computer as Linux describes it, and its firmware, from folders made for the test. */
#include "manage/host/cpu.h"
#include "manage/host/firmware.h"
#include "manage/host/node.h"

#include <glib/gstdio.h>
#include <string.h>

static void put(const char *root, const char *path, const char *text)
{
    g_autofree char *whole = g_strconcat(root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(whole);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_all(below);
    }
    g_remove(path);
}

/* Two cells of one socket, two cores of two threads each; CPU 7 is off. */
static void put_cpus(const char *root)
{
    put(root, "/sys/devices/system/cpu/present", "0-7\n");
    put(root, "/sys/devices/system/cpu/cpu7/online", "0\n");
    for (int i = 0; i < 8; i++) {
        const char *const names[] = {"physical_package_id", "die_id", "core_id"};
        const int values[] = {i / 4, 0, i / 2 % 2};
        g_autofree char *folder = g_strdup_printf("/sys/devices/system/cpu/cpu%d/", i);
        g_autofree char *pair = g_strdup_printf("%d-%d\n", i & ~1, i | 1);
        g_autofree char *siblings = g_strconcat(folder, "topology/thread_siblings_list", NULL);

        put(root, siblings, pair);
        for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
            g_autofree char *path = g_strconcat(folder, "topology/", names[k], NULL);
            g_autofree char *text = g_strdup_printf("%d\n", values[k]);

            put(root, path, text);
        }
    }
}

static void put_cells(const char *root)
{
    put(root, "/sys/devices/system/node/online", "0,2\n");
    for (int i = 0; i < 2; i++) {
        g_autofree char *folder = g_strdup_printf("/sys/devices/system/node/node%d/", 2 * i);
        g_autofree char *cpus = g_strconcat(folder, "cpulist", NULL);
        g_autofree char *distance = g_strconcat(folder, "distance", NULL);
        g_autofree char *memory = g_strconcat(folder, "meminfo", NULL);
        g_autofree char *total =
            g_strconcat(folder, "hugepages/hugepages-2048kB/nr_hugepages", NULL);
        g_autofree char *left =
            g_strconcat(folder, "hugepages/hugepages-2048kB/free_hugepages", NULL);
        g_autofree char *text = g_strdup_printf(
            "Node %d MemTotal:       100000 kB\nNode %d MemFree:        5000 kB\n", 2 * i, 2 * i);

        put(root, cpus, i == 0 ? "0-3\n" : "4-7\n");
        put(root, distance, i == 0 ? "10 21\n" : "21 10\n");
        put(root, memory, text);
        put(root, total, "3\n");
        put(root, left, "1\n");
    }
}

static void node_numa(void)
{
    g_autofree char *root = g_dir_make_tmp("host-XXXXXX", NULL);

    put_cpus(root);
    put_cells(root);
    put(root, "/proc/cpuinfo",
        "processor\t: 0\nmodel\t\t: 85\nmodel name\t: x\ncpu MHz\t\t: 2100.9\n");
    put(root, "/sys/devices/system/cpu/cpu0/cache/index3/level", "3\n");
    put(root, "/sys/devices/system/cpu/cpu0/cache/index3/type", "Unified\n");
    put(root, "/sys/devices/system/cpu/cpu0/cache/index3/size", "16384K\n");
    put(root, "/sys/devices/system/cpu/cpu0/cache/index3/shared_cpu_list", "0-7\n");
    g_autoptr(node_own) node = node_read(root);
    const struct node_cell *second = node_cell(node, 1);
    const struct node_pages *pages = (const struct node_pages *)(void *)second->pages->data;

    g_assert_cmpuint(node->cpus, ==, 7);
    g_assert_cmpuint(node->mhz, ==, 2100);
    g_assert_cmpuint(node->cells->len, ==, 2);
    /* Seven is no product: all count as cores of one socket, shared by the cells. */
    g_assert_cmpuint(node->sockets, ==, 1);
    g_assert_cmpuint(node->threads, ==, 1);
    g_assert_cmpuint(second->id, ==, 2);
    g_assert_cmpuint(second->cpus->len, ==, 3);
    g_assert_cmpstr(g_array_index(second->cpus, struct node_cpu, 2).siblings, ==, "6-7");
    g_assert_cmpuint(g_array_index(second->distances, unsigned, 0), ==, 21);
    g_assert_cmpuint(pages[1].kib, ==, 2048);
    g_assert_cmpuint(pages[1].total, ==, 3);
    g_assert_cmpuint(pages[1].free, ==, 1);
    g_assert_cmpuint(pages[0].total, ==, (100000 - 3 * 2048) / pages[0].kib);
    g_assert_cmpuint(node_memory(node), ==, 200000);
    g_assert_cmpuint(node_free_memory(node), ==, 10000);
    g_assert_null(node_cell(node, 2));
    g_assert_cmpuint(node->caches->len, ==, 1);
    put(root, "/sys/devices/system/cpu/cpu7/online", "1\n");
    g_autoptr(node_own) whole = node_read(root);

    g_assert_cmpuint(whole->sockets, ==, 1);
    g_assert_cmpuint(whole->cores, ==, 2);
    g_assert_cmpuint(whole->threads, ==, 2);
    remove_all(root);
}

/* Little is there, and what is there is wrong. */
static void node_poor(void)
{
    static const char *const lists[] = {"0", "", "x", "3-1", "0-99999999", "0,,1", "-"};

    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        g_autofree char *root = g_dir_make_tmp("host-XXXXXX", NULL);

        put(root, "/sys/devices/system/cpu/present", lists[i]);
        put(root, "/proc/meminfo", "MemTotal:  77 kB\nMemFree: many\n");
        g_autoptr(node_own) node = node_read(root);

        g_assert_cmpuint(node->cells->len, ==, 1);
        g_assert_cmpuint(node_memory(node), ==, 77);
        g_assert_cmpuint(node->online->len, <=, NODE_MAX_CPUS);
        g_assert_cmpuint(node->sockets, ==, 1);
        remove_all(root);
    }
}

static void cpu_identity(void)
{
    g_autofree char *root = g_dir_make_tmp("host-XXXXXX", NULL);
    struct host_cpu cpu;

    put(root, "/proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"
        "model name\t: AMD EPYC 9R14\nstepping\t: 1\nmicrocode\t: 0x10\n"
        "address sizes\t: 48 bits physical, 48 bits virtual\n");
    host_cpu_read(root, &cpu);
    g_assert_cmpstr(cpu.vendor, ==, "AMD");
    g_assert_cmpuint(cpu.family, ==, 25);
    g_assert_cmpuint(cpu.model, ==, 17);
    g_assert_cmpuint(cpu.stepping, ==, 1);
    g_assert_cmpuint(cpu.microcode, ==, 16);
    g_assert_cmpuint(cpu.address_bits, ==, 48);
    remove_all(root);
}

#define FLASH(code, features, machines)                                                         \
    "{\"interface-types\":[\"uefi\"],\"mapping\":{\"device\":\"flash\",\"executable\":{"        \
    "\"filename\":\"" code "\",\"format\":\"raw\"},\"nvram-template\":{\"filename\":\"/vars\"," \
    "\"format\":\"raw\"}},\"targets\":[{\"architecture\":\"x86_64\",\"machines\":[" machines    \
    "]}],"                                                                                      \
    "\"features\":[" features "]}"

static void firmware_folder(void)
{
    g_autofree char *root = g_dir_make_tmp("host-XXXXXX", NULL);
    g_autofree char *own = g_strconcat(root, "/own", NULL);
    g_autofree char *all = g_strconcat(root, "/all", NULL);
    const char *const folders[] = {own, all, "/nonesuch", NULL};

    put(all, "/50.json", FLASH("/b", "\"secure-boot\"", "\"pc-q35-*\""));
    put(all, "/40.json", FLASH("/a", "", "\"pc-q35-*\",\"pc-i440fx-*\""));
    put(all, "/30.json", FLASH("/hidden", "", "\"*\""));
    put(own, "/30.json", "");
    put(all, "/20.json", FLASH("relative", "", "\"*\""));
    put(all, "/10.json", "{\"mapping\":7}");
    put(all, "/05.json", "[[[");
    put(all, "/60.txt", FLASH("/text", "", "\"*\""));
    put(all, "/70.json",
        "{\"interface-types\":[\"bios\"],\"mapping\":{\"device\":\"memory\",\"filename\":\"/c\"}}");
    g_autoptr(GPtrArray) list = firmware_list(folders);

    g_assert_cmpuint(list->len, ==, 3);
    const struct firmware *a = list->pdata[0], *b = list->pdata[1], *c = list->pdata[2];

    g_assert_cmpstr(a->code, ==, "/a");
    g_assert_cmpstr(a->nvram, ==, "/vars");
    g_assert_true(firmware_fits(a, "x86_64", "pc-i440fx-7.2"));
    g_assert_false(firmware_fits(b, "x86_64", "pc-i440fx-7.2"));
    g_assert_false(firmware_fits(b, "i686", "pc-q35-7.2"));
    g_assert_true(firmware_has(b->features, "secure-boot"));
    g_assert_false(c->flash);
    g_assert_cmpstr(c->code, ==, "/c");
    g_assert_null(c->nvram);
    remove_all(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/node/numa", node_numa);
    g_test_add_func("/host/node/poor", node_poor);
    g_test_add_func("/host/cpu", cpu_identity);
    g_test_add_func("/host/firmware", firmware_folder);
    return g_test_run();
}
