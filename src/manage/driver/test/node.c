/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host that the test driver pretends: two nodes of eight CPUs, and figures that never change.
 */
#include "manage/conf/fault.h"
#include "manage/driver/test/internal.h"
#include "manage/driver/test/test-handlers.h"

#include <string.h>

enum { CPUS = 16, CPUS_IN_NODE = 8, NODES = 2, MEMORY_KIB = 3145728, MAX_VCPUS = 32 };

static const unsigned page_sizes[] = {4, 8, 2048, 1048576};    /* KiB */
static const uint64_t node_memory[NODES] = {2097152, 4194304}; /* KiB */
static const uint64_t free_pages[] = {19, 45, 97, 201};        /* of each size, per node */

bool test_node_get_info(struct call *call, GError **error)
{
    char model[32] = "i686";

    return call_reply(call, "(@aytiiiiii)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, model, sizeof(model), 1),
                      (guint64)MEMORY_KIB, CPUS, 1400, NODES, 2, 2, 2);
}

bool test_get_max_vcpus(struct call *call, GError **error)
{
    return call_reply_i32(call, MAX_VCPUS);
}

bool test_node_get_cpu_map(struct call *call, GError **error)
{
    static const uint8_t map[] = {0x15};

    return call_reply(call, "(@ayui)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, map,
                                                call_i32(call, 0) != 0 ? sizeof(map) : 0, 1),
                      call_i32(call, 1) != 0 ? 3 : 0, 8);
}

static GVariant *chars(const char *text)
{
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, text, strlen(text) + 1, 1);
}

bool test_node_get_security_model(struct call *call, GError **error)
{
    return call_reply(call, "(@ay@ay)", chars("testSecurity"), chars(""));
}

bool test_domain_get_security_label(struct call *call, GError **error)
{
    bool active = domain_is_active(call->domain);

    return call_reply(call, "(@ayi)", chars(active ? "libvirt-test" : ""), active);
}

bool test_node_get_free_memory(struct call *call, GError **error)
{
    return call_reply_u64(call, (node_memory[0] + node_memory[1]) / 2);
}

bool test_node_get_cells_free_memory(struct call *call, GError **error)
{
    g_auto(GVariantBuilder) cells = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("at"));
    int start = call_i32(call, 0), room = call_i32(call, 1);

    if (start < 0 || start >= NODES) {
        return fault_set(error, FAULT_INVALID_ARG, "Range exceeds available cells");
    }
    for (int i = start; i < NODES && i - start < room; i++) {
        g_variant_builder_add(&cells, "t", node_memory[i] * 1024 / 1024);
    }
    return call_reply(call, "(at)", &cells);
}

bool test_node_get_free_pages(struct call *call, GError **error)
{
    g_autoptr(GVariant) sizes = g_variant_get_child_value(call->args, 0);
    g_auto(GVariantBuilder) counts = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("at"));
    gint64 start = call_i32(call, 1), cells = call_u32(call, 2);

    if (start < 0 || start + cells > NODES) {
        return fault_set_raw(error, FAULT_OPERATION_FAILED, "Range exceeds available cells");
    }
    for (gint64 cell = start; cell < start + cells; cell++) {
        for (gsize i = 0; i < g_variant_n_children(sizes); i++) {
            guint32 size;
            unsigned n = 0;

            g_variant_get_child(sizes, i, "u", &size);
            while (n < G_N_ELEMENTS(page_sizes) && page_sizes[n] != size) {
                n++;
            }
            if (n == G_N_ELEMENTS(page_sizes)) {
                return fault_set(error, FAULT_OPERATION_FAILED,
                                 "page size %u is not available on node %d", size, (int)cell);
            }
            g_variant_builder_add(&counts, "t", free_pages[n]);
        }
    }
    return call_reply(call, "(at)", &counts);
}

bool test_node_get_cpu_stats(struct call *call, GError **error)
{
    static const struct {
        const char *name;
        guint64 value;
    } rows[] = {{"kernel", 34678723400000},
                {"user", 9797400000},
                {"idle", 87264900000},
                {"iowait", 763600000}};
    g_auto(GVariantBuilder) list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(st)"));
    int room = call_i32(call, 1);

    if (call_i32(call, 0) < -1 || call_i32(call, 0) >= CPUS_IN_NODE) {
        return fault_set(error, FAULT_INVALID_ARG, "Invalid cpuNum in %s", "testNodeGetCPUStats");
    }
    for (int i = 0; i < (int)G_N_ELEMENTS(rows) && i < room; i++) {
        g_variant_builder_add(&list, "(st)", rows[i].name, rows[i].value);
    }
    return call_reply(call, "(a(st)i)", &list, (int)G_N_ELEMENTS(rows));
}

static void add_cell(GString *out, int cell)
{
    g_string_append_printf(out,
                           "        <cell id='%d'>\n"
                           "          <memory unit='KiB'>%u</memory>\n"
                           "          <pages unit='KiB' size='%d'>524288</pages>\n"
                           "          <pages unit='KiB' size='2048'>0</pages>\n"
                           "          <pages unit='KiB' size='1048576'>0</pages>\n"
                           "          <cpus num='%d'>\n",
                           cell, (unsigned)node_memory[cell], 4 << cell, CPUS_IN_NODE);
    for (int i = cell * CPUS_IN_NODE; i < (cell + 1) * CPUS_IN_NODE; i++) {
        g_string_append_printf(
            out,
            "            <cpu id='%d' socket_id='%d' die_id='0' core_id='%d' siblings='%d'/>\n", i,
            cell, i % CPUS_IN_NODE, i);
    }
    g_string_append(out, "          </cpus>\n        </cell>\n");
}

static void add_guest(GString *out, const char *type)
{
    g_string_append_printf(out,
                           "  <guest>\n"
                           "    <os_type>%s</os_type>\n"
                           "    <arch name='i686'>\n"
                           "      <wordsize>32</wordsize>\n"
                           "      <emulator>/usr/bin/test-hv</emulator>\n"
                           "      <domain type='test'/>\n"
                           "    </arch>\n"
                           "    <features>\n"
                           "      <pae/>\n"
                           "      <nonpae/>\n"
                           "    </features>\n"
                           "  </guest>\n\n",
                           type);
}

bool test_get_capabilities(struct call *call, GError **error)
{
    g_autoptr(GString) out = g_string_new("<capabilities>\n\n"
                                          "  <host>\n"
                                          "    <cpu>\n"
                                          "      <arch>i686</arch>\n"
                                          "      <features>\n"
                                          "        <pae/>\n"
                                          "        <nonpae/>\n"
                                          "      </features>\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(page_sizes); i++) {
        g_string_append_printf(out, "      <pages unit='KiB' size='%u'/>\n", page_sizes[i]);
    }
    g_string_append(out, "    </cpu>\n"
                         "    <power_management/>\n"
                         "    <iommu support='no'/>\n"
                         "    <topology>\n"
                         "      <cells num='2'>\n");
    for (int cell = 0; cell < NODES; cell++) {
        add_cell(out, cell);
    }
    g_string_append(out, "      </cells>\n"
                         "    </topology>\n"
                         "    <secmodel>\n"
                         "      <model>testSecurity</model>\n"
                         "      <doi></doi>\n"
                         "    </secmodel>\n"
                         "  </host>\n\n");
    add_guest(out, "hvm");
    add_guest(out, "xen");
    g_string_append(out, "</capabilities>\n");
    return call_reply_string(call, out->str);
}

bool test_get_sysinfo(struct call *call, GError **error)
{
    return call_reply_string(call, "<sysinfo type='smbios'>\n"
                                   "  <bios>\n"
                                   "    <entry name='vendor'>LENOVO</entry>\n"
                                   "    <entry name='version'>G4ETA1WW (2.61 )</entry>\n"
                                   "    <entry name='date'>05/07/2014</entry>\n"
                                   "    <entry name='release'>2.61</entry>\n"
                                   "  </bios>\n"
                                   "</sysinfo>\n");
}

bool test_find_pool_sources(struct call *call, GError **error)
{
    const char *type = call_string(call, 0);
    const char *spec = call_maybe_string(call, 1);

    if (strcmp(type, "logical") == 0) {
        return call_reply_string(call, "<sources>\n"
                                       "  <source>\n"
                                       "    <device path='/dev/sda20'/>\n"
                                       "    <name>testvg1</name>\n"
                                       "    <format type='lvm2'/>\n"
                                       "  </source>\n"
                                       "  <source>\n"
                                       "    <device path='/dev/sda21'/>\n"
                                       "    <name>testvg2</name>\n"
                                       "    <format type='lvm2'/>\n"
                                       "  </source>\n"
                                       "</sources>\n");
    }
    if (strcmp(type, "netfs") != 0) {
        /* libvirt takes its first kind for none at all */
        return strcmp(type, "dir") == 0
                   ? fault_set(error, FAULT_INTERNAL_ERROR, "unknown storage pool type %s", type)
                   : fault_set(error, FAULT_NO_SUPPORT,
                               "pool type '%s' does not support source discovery", type);
    }
    g_autoptr(xml_own) source =
        spec != NULL ? xml_parse(spec, "storage_source_specification", error) : NULL;
    const char *host = xml_get(xml_find(source, "host"), "name");

    if (source == NULL) {
        return error != NULL && *error != NULL
                   ? false
                   : fault_set(error, FAULT_INVALID_ARG,
                               "hostname must be specified for netfs sources");
    }
    g_autoptr(GString) out = g_string_new("<sources>\n");

    for (int i = 1; i <= 2; i++) {
        g_string_append(out, "  <source>\n    <host name='");
        xml_escape(out, host != NULL ? host : "");
        g_string_append_printf(out,
                               "'/>\n    <dir path='/testshare%d'/>\n"
                               "    <format type='nfs'/>\n  </source>\n",
                               i);
    }
    g_string_append(out, "</sources>\n");
    return call_reply_string(call, out->str);
}
