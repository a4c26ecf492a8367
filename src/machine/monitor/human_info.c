/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's "info". */
#include "machine/monitor/command.h"
#include "machine/monitor/human.h"
#include "machine/monitor/qom.h"

#include "machine/core/accel.h"
#include "machine/core/arch.h"

#include <inttypes.h>

json_object *human_ask(const struct human_call *c, const char *name, json_object *args)
{
    const struct qmp_command *command = qmp_command_find(name);
    json_object *own = args ? args : json_object_new_object(), *reply = NULL;
    struct qmp_call call = {c->env, NULL, own};
    g_autoptr(GError) error = NULL;

    if (qmp_check(command->args, own, command->any_args, &error)) {
        reply = command->call(&call, &error);
    }
    json_object_put(own);
    if (error) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
        g_clear_pointer(&reply, json_object_put);
    } else if (!reply) {
        reply = json_object_new_object();
    }
    return reply;
}

const char *human_text(json_object *o, const char *name)
{
    json_object *v;

    return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : "";
}

/* Prints one of the board's descriptions. */
static void board_text(const struct human_call *c, const char *what)
{
    const struct machine *m = c->env->machine;

    if (!m->board_ops || !m->board_ops->describe ||
        !m->board_ops->describe(m->board, what, c->out)) {
        g_string_append(c->out, "this machine has no interrupt controllers\n");
    }
}

static void info_pic(const struct human_call *c)
{
    board_text(c, "pic");
}

static void info_lapic(const struct human_call *c)
{
    board_text(c, "lapic");
}

static void info_irq(const struct human_call *c)
{
    board_text(c, "irq");
}

static void readable(const struct human_call *c, const char *command)
{
    json_object *o = human_ask(c, command, NULL);

    if (o) {
        g_string_append(c->out, human_text(o, "human-readable-text"));
    }
    json_object_put(o);
}

static void info_numa(const struct human_call *c)
{
    readable(c, "x-query-numa");
}

static void info_ramblock(const struct human_call *c)
{
    readable(c, "x-query-ramblock");
}

/* Blocks that the guest cannot write: firmware and option ROMs. */
static void info_roms(const struct human_call *c)
{
    for (guint i = 0; i < c->env->machine->ram->len; i++) {
        const struct ram_block *b = c->env->machine->ram->pdata[i];

        if (b->readonly) {
            g_string_append_printf(c->out, "size=0x%06" PRIx64 " mem=rom name=\"%s\"\n", b->size,
                                   b->name);
        }
    }
}

static void info_block_jobs(const struct human_call *c)
{
    g_string_append(c->out, "No active jobs\n");
}

static void info_mice(const struct human_call *c)
{
    g_string_append(c->out, "No mouse devices connected\n");
}

static int64_t number(json_object *o, const char *name)
{
    json_object *v;

    return json_object_object_get_ex(o, name, &v) ? json_object_get_int64(v) : 0;
}

static void print_region(const struct human_call *c, json_object *r)
{
    uint64_t at = (uint64_t)number(r, "address"), size = (uint64_t)number(r, "size");

    g_string_append_printf(c->out, "      BAR%s: ", human_text(r, "bar"));
    if (g_str_equal(human_text(r, "type"), "io")) {
        g_string_append_printf(c->out, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", at,
                               at + size - 1);
        return;
    }
    g_string_append_printf(c->out, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                           number(r, "mem_type_64") ? 64 : 32,
                           number(r, "prefetch") ? " prefetchable" : "", at, at + size - 1);
}

static void print_range(const struct human_call *c, json_object *bus, const char *member,
                        const char *title)
{
    json_object *r = json_object_object_get(bus, member);

    g_string_append_printf(c->out, "      %s [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", title,
                           (uint64_t)number(r, "base"), (uint64_t)number(r, "limit"));
}

static void print_functions(const struct human_call *c, json_object *list);

static void print_bridge(const struct human_call *c, json_object *bridge)
{
    json_object *bus = json_object_object_get(bridge, "bus");

    g_string_append_printf(
        c->out, "      BUS %s.\n      secondary bus %s.\n      subordinate bus %s.\n",
        human_text(bus, "number"), human_text(bus, "secondary"), human_text(bus, "subordinate"));
    print_range(c, bus, "io_range", "IO range");
    print_range(c, bus, "memory_range", "memory range");
    print_range(c, bus, "prefetchable_range", "prefetchable memory range");
}

static void print_function(const struct human_call *c, json_object *f)
{
    json_object *class = json_object_object_get(f, "class_info");
    json_object *id = json_object_object_get(f, "id"), *bridge, *regions;

    g_string_append_printf(c->out, "  Bus %2s, device %3s, function %s:\n", human_text(f, "bus"),
                           human_text(f, "slot"), human_text(f, "function"));
    if (*human_text(class, "desc")) {
        g_string_append_printf(c->out, "    %s", human_text(class, "desc"));
    } else {
        g_string_append_printf(c->out, "    Class %04x", (unsigned)number(class, "class"));
    }
    g_string_append_printf(c->out, ": PCI device %04x:%04x\n", (unsigned)number(id, "vendor"),
                           (unsigned)number(id, "device"));
    if (number(id, "subsystem-vendor")) {
        g_string_append_printf(c->out, "      PCI subsystem %04x:%04x\n",
                               (unsigned)number(id, "subsystem-vendor"),
                               (unsigned)number(id, "subsystem"));
    }
    if (number(f, "irq_pin")) {
        g_string_append_printf(c->out, "      IRQ %s, pin %c\n", human_text(f, "irq"),
                               (char)('A' + number(f, "irq_pin") - 1));
    }
    if (json_object_object_get_ex(f, "pci_bridge", &bridge)) {
        print_bridge(c, bridge);
    }
    regions = json_object_object_get(f, "regions");
    for (size_t i = 0; i < json_object_array_length(regions); i++) {
        print_region(c, json_object_array_get_idx(regions, i));
    }
    g_string_append_printf(c->out, "      id \"%s\"\n", human_text(f, "qdev_id"));
    if (bridge && json_object_object_get(bridge, "devices")) {
        print_functions(c, json_object_object_get(bridge, "devices"));
    }
}

static void print_functions(const struct human_call *c, json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        print_function(c, json_object_array_get_idx(list, i));
    }
}

static void info_pci(const struct human_call *c)
{
    json_object *list = human_ask(c, "query-pci", NULL);

    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        print_functions(c, json_object_object_get(json_object_array_get_idx(list, i), "devices"));
    }
    json_object_put(list);
}

static void info_status(const struct human_call *c)
{
    bool running = machine_is_running(c->env->machine);

    g_string_append_printf(c->out, "VM status: %s", running ? "running" : "paused");
    if (!running && c->env->machine->state != MACHINE_PAUSED) {
        g_string_append_printf(c->out, " (%s)", machine_state_name(c->env->machine->state));
    }
    g_string_append_c(c->out, '\n');
}

static void info_version(const struct human_call *c)
{
    g_string_append(c->out, "7.2.0 (vivarium " VIV_VERSION ")\n");
}

static void info_name(const struct human_call *c)
{
    if (c->env->machine->name) {
        g_string_append_printf(c->out, "%s\n", c->env->machine->name);
    }
}

static void info_uuid(const struct human_call *c)
{
    json_object *o = human_ask(c, "query-uuid", NULL);

    g_string_append_printf(c->out, "%s\n", human_text(o, "UUID"));
    json_object_put(o);
}

static void info_kvm(const struct human_call *c)
{
    const struct machine *m = c->env->machine;
    bool on = g_str_equal(c->env->accel, "kvm");

    g_string_append_printf(c->out, "kvm support: %s\n", on ? "enabled" : "disabled");
    if (on && m->accel->describe) {
        m->accel->describe(m->accel_vm, c->out);
    }
}

static void info_jit(const struct human_call *c)
{
    const struct machine *m = c->env->machine;

    if (!g_str_equal(m->accel->name, "jit")) {
        g_string_append(c->out, "JIT information is only available with accel=jit\n");
        return;
    }
    m->accel->describe(m->accel_vm, c->out);
}

static void info_cpus(const struct human_call *c)
{
    for (unsigned i = 0; i < c->env->machine->n_cpus; i++) {
        g_string_append_printf(c->out, "%c CPU #%u: thread_id=%d\n", i == 0 ? '*' : ' ', i,
                               qom_cpu_thread(c->env->machine->cpus[i]));
    }
}

static void info_chardev(const struct human_call *c)
{
    json_object *list = human_ask(c, "query-chardev", NULL);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s: filename=%s\n", human_text(o, "label"),
                               human_text(o, "filename"));
    }
    json_object_put(list);
}

static void describe_netdev(struct netdev *n, void *opaque)
{
    netdev_describe(n, opaque);
    g_string_append_c(opaque, '\n');
}

static void info_network(const struct human_call *c)
{
    netdev_set_each(c->env->netdevs, describe_netdev, c->out);
}

static void info_block(const struct human_call *c)
{
    json_object *list = human_ask(c, "query-block", NULL), *inserted;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s%s", i ? "\n" : "", human_text(o, "device"));
        if (json_object_object_get_ex(o, "inserted", &inserted)) {
            g_string_append_printf(c->out, " (%s): %s (%s)\n", human_text(inserted, "node-name"),
                                   human_text(inserted, "file"), human_text(inserted, "drv"));
        } else {
            g_string_append(c->out, ": [not inserted]\n");
        }
        if (*human_text(o, "qdev")) {
            g_string_append_printf(c->out, "    Attached to:      %s\n", human_text(o, "qdev"));
        }
    }
    json_object_put(list);
}

static void info_blockstats(const struct human_call *c)
{
    json_object *list = human_ask(c, "query-blockstats", NULL), *stats;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        json_object_object_get_ex(o, "stats", &stats);
        g_string_append_printf(c->out,
                               "%s: rd_bytes=%s wr_bytes=%s rd_operations=%s wr_operations=%s "
                               "flush_operations=%s\n",
                               human_text(o, "device"), human_text(stats, "rd_bytes"),
                               human_text(stats, "wr_bytes"), human_text(stats, "rd_operations"),
                               human_text(stats, "wr_operations"),
                               human_text(stats, "flush_operations"));
    }
    json_object_put(list);
}

static void info_mtree(const struct human_call *c)
{
    g_string_append(c->out, "address-space: memory\n");
    bus_describe(c->env->machine->memory, c->out);
    if (c->env->machine->io) {
        g_string_append(c->out, "address-space: I/O\n");
        bus_describe(c->env->machine->io, c->out);
    }
}

struct tree {
    struct dev *dev;
    GString *out;
    unsigned indent;
};

static void print_property(const struct row *row, void *opaque)
{
    struct tree *t = opaque;
    json_object *v = dev_get(t->dev, row->name);

    g_string_append_printf(t->out, "%*s%s = %s\n", (int)t->indent, "", row->name,
                           json_object_to_json_string(v));
    json_object_put(v);
}

static void print_device(struct dev *dev, GString *out, unsigned indent)
{
    struct tree t = {dev, out, indent + 2};

    g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", (int)indent, "", dev->class->name,
                           dev->id ? dev->id : "");
    dev_class_each_prop(dev->class, print_property, &t);
    for (guint b = 0; dev->buses && b < dev->buses->len; b++) {
        struct dev_bus *bus = dev->buses->pdata[b];

        g_string_append_printf(out, "%*sbus: %s\n%*stype %s\n", (int)indent + 2, "", bus->name,
                               (int)indent + 4, "", bus->type);
        for (guint i = 0; i < bus->devices->len; i++) {
            print_device(bus->devices->pdata[i], out, indent + 4);
        }
    }
}

static void info_qtree(const struct human_call *c)
{
    g_string_append(c->out, "bus: main-system-bus\n  type System\n");
    for (guint i = 0; i < c->env->machine->devices->len; i++) {
        struct dev *dev = c->env->machine->devices->pdata[i];

        if (!dev->parent) {
            print_device(dev, c->out, 2);
        }
    }
}

/* Called with every vCPU at a safe point. */
static void print_registers(void *opaque)
{
    const struct human_call *c = opaque;

    for (unsigned i = 0; i < c->env->machine->n_cpus; i++) {
        struct cpu *cpu = c->env->machine->cpus[i];

        g_string_append_printf(c->out, "\nCPU#%u\n", i);
        cpu->arch->print_registers(cpu, c->out);
    }
}

static void info_registers(const struct human_call *c)
{
    machine_synchronised(c->env->machine, print_registers, (void *)c);
}

static void info_balloon(const struct human_call *c)
{
    json_object *o = human_ask(c, "query-balloon", NULL), *actual;

    if (o && json_object_object_get_ex(o, "actual", &actual)) {
        g_string_append_printf(c->out, "balloon: actual=%" PRId64 "\n",
                               json_object_get_int64(actual) >> 20);
    }
    json_object_put(o);
}

static void info_iothreads(const struct human_call *c)
{
    json_object *list = human_ask(c, "query-iothreads", NULL);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s:\n  thread_id=%s\n", human_text(o, "id"),
                               human_text(o, "thread-id"));
    }
    json_object_put(list);
}

static void info_memory_size(const struct human_call *c)
{
    g_string_append_printf(c->out, "base memory: %" PRIu64 "\nplugged memory: 0\n",
                           c->env->config->memory.size);
}

static void info_replay(const struct human_call *c)
{
    g_string_append_printf(c->out, "%" PRIu64 " instructions executed\n",
                           machine_insns(c->env->machine));
}

const struct human_command human_infos[] = {
    {"balloon", NULL, NULL, "show balloon information", info_balloon},
    {"block", NULL, NULL, "show the block devices", info_block},
    {"block-jobs", NULL, NULL, "show progress of ongoing block device operations", info_block_jobs},
    {"blockstats", NULL, NULL, "show block device statistics", info_blockstats},
    {"chardev", NULL, NULL, "show the character devices", info_chardev},
    {"cpus", NULL, NULL, "show infos for each CPU", info_cpus},
    {"iothreads", NULL, NULL, "show iothreads", info_iothreads},
    {"irq", NULL, NULL, "show the interrupts statistics", info_irq},
    {"jit", NULL, NULL, "show dynamic compiler info", info_jit},
    {"kvm", NULL, NULL, "show KVM information", info_kvm},
    {"lapic", NULL, NULL, "show local apic state", info_lapic},
    {"memory_size_summary", NULL, NULL, "show the amount of RAM", info_memory_size},
    {"mice", NULL, NULL, "show which guest mouse is receiving events", info_mice},
    {"mtree", NULL, NULL, "show memory tree", info_mtree},
    {"name", NULL, NULL, "show the current VM name", info_name},
    {"network", NULL, NULL, "show the network state", info_network},
    {"numa", NULL, NULL, "show NUMA information", info_numa},
    {"pci", NULL, NULL, "show PCI info", info_pci},
    {"pic", NULL, NULL, "show PIC state", info_pic},
    {"qtree", NULL, NULL, "show device tree", info_qtree},
    {"ramblock", NULL, NULL, "Display system ramblock information", info_ramblock},
    {"registers", NULL, NULL, "show the cpu registers", info_registers},
    {"replay", NULL, NULL, "show the count of executed instructions", info_replay},
    {"roms", NULL, NULL, "show roms", info_roms},
    {"status", NULL, NULL, "show the current VM status", info_status},
    {"uuid", NULL, NULL, "show the current VM UUID", info_uuid},
    {"version", NULL, NULL, "show the version of QEMU", info_version},
    {NULL},
};
