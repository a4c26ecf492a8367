/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the human monitor's commands do. */
#include "machine/monitor/command.h"
#include "machine/monitor/cpu_model.h"
#include "machine/monitor/human.h"
#include "machine/monitor/keys.h"
#include "machine/monitor/qom.h"

#include "machine/guest/x86/state.h"

#include <inttypes.h>
#include <string.h>

#define DUMP_MAX 4096 /* items of one x or xp */

/* Runs a QMP command; its reply (new), or NULL after printing the error. */
static json_object *ask(const struct human_call *c, const char *name, json_object *args)
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

static void do_qmp(const struct human_call *c, const char *name, json_object *args)
{
    json_object *reply = ask(c, name, args);

    if (reply) {
        json_object_put(reply);
    }
}

static const char *text(json_object *o, const char *name)
{
    json_object *v;

    return json_object_object_get_ex(o, name, &v) ? json_object_get_string(v) : "";
}

/* ---- life
 * ---------------------------------------------------------------------------------------- */

static void stop(const struct human_call *c)
{
    do_qmp(c, "stop", NULL);
}

static void cont(const struct human_call *c)
{
    do_qmp(c, "cont", NULL);
}

static void quit(const struct human_call *c)
{
    do_qmp(c, "quit", NULL);
}

static void system_reset(const struct human_call *c)
{
    do_qmp(c, "system_reset", NULL);
}

static void system_powerdown(const struct human_call *c)
{
    do_qmp(c, "system_powerdown", NULL);
}

static void nmi(const struct human_call *c)
{
    do_qmp(c, "inject-nmi", NULL);
}

/* ---- memory
 * -------------------------------------------------------------------------------------- */

struct dump_format {
    unsigned count, size;
    char letter;
};

static struct dump_format parse_format(const char *format)
{
    struct dump_format f = {1, 4, 'x'};
    char *end;

    if (format && g_ascii_isdigit(*format)) {
        f.count = (unsigned)MIN(g_ascii_strtoull(format, &end, 10), DUMP_MAX);
        format = end;
    }
    for (; format && *format; format++) {
        switch (*format) {
        case 'b': f.size = 1; break;
        case 'h': f.size = 2; break;
        case 'w': f.size = 4; break;
        case 'g': f.size = 8; break;
        default: f.letter = *format; break;
        }
    }
    return f;
}

static void print_item(GString *out, const struct dump_format *f, uint64_t v)
{
    unsigned shift = 64 - f->size * 8;

    switch (f->letter) {
    case 'd': g_string_append_printf(out, " %" PRId64, (int64_t)(v << shift) >> shift); break;
    case 'u': g_string_append_printf(out, " %" PRIu64, v); break;
    case 'o': g_string_append_printf(out, " %#" PRIo64, v); break;
    case 'c': g_string_append_printf(out, " '%c'", g_ascii_isprint((char)v) ? (char)v : '.'); break;
    default: g_string_append_printf(out, " 0x%0*" PRIx64, (int)f->size * 2, v); break;
    }
}

static void dump(const struct human_call *c)
{
    struct dump_format f = parse_format(c->format);
    unsigned per_line = MAX(1, 16 / f.size);
    uint64_t at;

    if (c->argc < 1 || !c->env->machine->memory) {
        g_string_append(c->out, "an address is needed\n");
        return;
    }
    at = g_ascii_strtoull(c->argv[0], NULL, 0);
    for (unsigned i = 0; i < f.count; i++, at += f.size) {
        uint64_t v = 0;

        if (i % per_line == 0) {
            g_string_append_printf(c->out, "%s%016" PRIx64 ":", i ? "\n" : "", at);
        }
        if (bus_copy_from(c->env->machine->memory, at, &v, f.size) == BUS_OK) {
            print_item(c->out, &f, GUINT64_FROM_LE(v));
        } else {
            g_string_append(c->out, " <no memory>");
        }
    }
    g_string_append_c(c->out, '\n');
}

static void xp(const struct human_call *c)
{
    dump(c);
}

static void port_in(const struct human_call *c)
{
    unsigned size = c->format && *c->format == 'h' ? 2 : c->format && *c->format == 'w' ? 4 : 1;
    uint64_t port = c->argc ? g_ascii_strtoull(c->argv[0], NULL, 0) : UINT64_MAX, v;

    if (port > 0xffff || !c->env->machine->io) {
        g_string_append(c->out, "a port is needed\n");
        return;
    }
    bus_read(c->env->machine->io, port, size, &v);
    g_string_append_printf(c->out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n",
                           size == 1   ? 'b'
                           : size == 2 ? 'w'
                                       : 'l',
                           (unsigned)port, (int)size * 2, v);
}

static void port_out(const struct human_call *c)
{
    unsigned size = c->format && *c->format == 'h' ? 2 : c->format && *c->format == 'w' ? 4 : 1;
    uint64_t port = c->argc > 1 ? g_ascii_strtoull(c->argv[0], NULL, 0) : UINT64_MAX;

    if (port > 0xffff || !c->env->machine->io) {
        g_string_append(c->out, "a port and a value are needed\n");
        return;
    }
    bus_write(c->env->machine->io, port, g_ascii_strtoull(c->argv[1], NULL, 0), size);
}

/* ---- back ends
 * ------------------------------------------------------------------------------------ */

static void one_id(const struct human_call *c, const char *command, const char *member)
{
    json_object *args = json_object_new_object();

    if (c->argc > 0) {
        put_str(args, member, c->argv[0]);
    }
    do_qmp(c, command, args);
}

static void remove_chardev(const struct human_call *c)
{
    one_id(c, "chardev-remove", "id");
}

static void netdev_del(const struct human_call *c)
{
    one_id(c, "netdev_del", "id");
}

static void object_del(const struct human_call *c)
{
    one_id(c, "object-del", "id");
}

static void closefd(const struct human_call *c)
{
    one_id(c, "closefd", "fdname");
}

/* "type,key=value,...": a QMP command that takes the same members. */
static void parsed(const struct human_call *c, const char *command, const char *implied)
{
    g_autoptr(GError) error = NULL;
    json_object *args = row_parse(c->argc ? c->argv[0] : "", implied, TRUE, &error);

    if (!args) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
        return;
    }
    do_qmp(c, command, args);
}

static void netdev_add(const struct human_call *c)
{
    parsed(c, "netdev_add", "type");
}

static void object_add(const struct human_call *c)
{
    parsed(c, "object-add", "qom-type");
}

static void add_chardev(const struct human_call *c)
{
    g_autoptr(GError) error = NULL;
    json_object *o = row_parse(c->argc ? c->argv[0] : "", "backend", TRUE, &error);

    if (!o || !chardev_new(c->env->chardevs, o, &error)) {
        g_string_append_printf(c->out, "Error: %s\n", error->message);
    }
    json_object_put(o);
}

static void balloon(const struct human_call *c)
{
    json_object *args = json_object_new_object();
    uint64_t bytes;

    if (c->argc && row_parse_size(c->argv[0], 'M', &bytes, NULL)) {
        put_int(args, "value", (int64_t)bytes);
    }
    do_qmp(c, "balloon", args);
}

static void resize(const struct human_call *c)
{
    json_object *args = json_object_new_object();
    uint64_t bytes;

    if (c->argc > 1 && row_parse_size(c->argv[1], 'M', &bytes, NULL)) {
        put_str(args, "device", c->argv[0]);
        put_int(args, "size", (int64_t)bytes);
    }
    do_qmp(c, "block_resize", args);
}

/* "ctrl-alt-f1 [hold-time]" */
static void sendkey(const struct human_call *c)
{
    g_auto(GStrv) names = g_strsplit(c->argc ? c->argv[0] : "", "-", KEYS_MAX);
    json_object *args = json_object_new_object(), *keys = json_object_new_array();

    for (char **name = names; *name; name++) {
        json_object *key = json_object_new_object();

        put_str(key, "type", "qcode");
        put_str(key, "data", *name);
        json_object_array_add(keys, key);
    }
    json_object_object_add(args, "keys", keys);
    if (c->argc > 1) {
        put_int(args, "hold-time", (int64_t)g_ascii_strtoull(c->argv[1], NULL, 10));
    }
    do_qmp(c, "send-key", args);
}

const struct human_command human_commands[] = {
    {"help", "?", "[cmd]", "show the help", human_help},
    {"info", NULL, "[subcommand]", "show various information about the system state", human_info},
    {"quit", "q", NULL, "quit the emulator", quit},
    {"stop", "s", NULL, "stop emulation", stop},
    {"cont", "c", NULL, "resume emulation", cont},
    {"system_reset", NULL, NULL, "reset the system", system_reset},
    {"system_powerdown", NULL, NULL, "send system power down event", system_powerdown},
    {"sendkey", NULL, "keys [hold_ms]", "send keys to the VM (e.g. 'sendkey ctrl-alt-f1')",
     sendkey},
    {"nmi", NULL, NULL, "inject an NMI", nmi},
    {"xp", NULL, "/fmt addr", "physical memory dump starting at 'addr'", xp},
    {"i", NULL, "/fmt addr", "I/O port read", port_in},
    {"o", NULL, "/fmt addr value", "I/O port write", port_out},
    {"chardev-add", NULL, "args", "add chardev", add_chardev},
    {"chardev-remove", NULL, "id", "remove chardev", remove_chardev},
    {"netdev_add", NULL, "[user|tap],id=str[,prop=value][,...]", "add host network device",
     netdev_add},
    {"netdev_del", NULL, "id", "remove host network device", netdev_del},
    {"object_add", NULL, "[qom-type=]type,id=str[,prop=value][,...]", "create QOM object",
     object_add},
    {"object_del", NULL, "id", "destroy QOM object", object_del},
    {"closefd", NULL, "closefd name", "close a file descriptor previously passed", closefd},
    {"balloon", NULL, "target", "request VM to change its memory allocation (in MB)", balloon},
    {"block_resize", NULL, "device size", "resize a block image", resize},
    {NULL},
};

/* ---- info
 * ----------------------------------------------------------------------------------------- */

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
    json_object *o = ask(c, "query-uuid", NULL);

    g_string_append_printf(c->out, "%s\n", text(o, "UUID"));
    json_object_put(o);
}

static void info_kvm(const struct human_call *c)
{
    g_string_append(c->out, "kvm support: not compiled\n");
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
    json_object *list = ask(c, "query-chardev", NULL);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s: filename=%s\n", text(o, "label"), text(o, "filename"));
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
    json_object *list = ask(c, "query-block", NULL), *inserted;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s%s", i ? "\n" : "", text(o, "device"));
        if (json_object_object_get_ex(o, "inserted", &inserted)) {
            g_string_append_printf(c->out, " (%s): %s (%s)\n", text(inserted, "node-name"),
                                   text(inserted, "file"), text(inserted, "drv"));
        } else {
            g_string_append(c->out, ": [not inserted]\n");
        }
        if (*text(o, "qdev")) {
            g_string_append_printf(c->out, "    Attached to:      %s\n", text(o, "qdev"));
        }
    }
    json_object_put(list);
}

static void info_blockstats(const struct human_call *c)
{
    json_object *list = ask(c, "query-blockstats", NULL), *stats;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        json_object_object_get_ex(o, "stats", &stats);
        g_string_append_printf(c->out,
                               "%s: rd_bytes=%s wr_bytes=%s rd_operations=%s wr_operations=%s "
                               "flush_operations=%s\n",
                               text(o, "device"), text(stats, "rd_bytes"), text(stats, "wr_bytes"),
                               text(stats, "rd_operations"), text(stats, "wr_operations"),
                               text(stats, "flush_operations"));
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
    static const char *const names[] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                        "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"};
    static const char *const segments[] = {"ES", "CS", "SS", "DS", "FS", "GS"};

    for (unsigned i = 0; i < c->env->machine->n_cpus; i++) {
        const struct x86_cpu *cpu = (const struct x86_cpu *)c->env->machine->cpus[i];

        g_string_append_printf(c->out, "\nCPU#%u\n", i);
        for (unsigned r = 0; r < 16; r++) {
            g_string_append_printf(c->out, "%s=%016" PRIx64 "%c", names[r], cpu->gpr[r],
                                   r % 4 == 3 ? '\n' : ' ');
        }
        g_string_append_printf(c->out, "RIP=%016" PRIx64 "\n", cpu->rip);
        for (unsigned s = 0; s < SEG_COUNT; s++) {
            g_string_append_printf(c->out, "%s =%04x %016" PRIx64 " %08x %04x\n", segments[s],
                                   cpu->seg[s].selector, cpu->seg[s].base, cpu->seg[s].limit,
                                   cpu->seg[s].attr);
        }
        g_string_append_printf(c->out,
                               "CR0=%08x CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08x\n"
                               "EFER=%016" PRIx64 "\n",
                               (unsigned)cpu->cr0, (uint64_t)cpu->cr2, (uint64_t)cpu->cr3,
                               (unsigned)cpu->cr4, (uint64_t)cpu->msr.efer);
    }
}

static void info_registers(const struct human_call *c)
{
    machine_synchronised(c->env->machine, print_registers, (void *)c);
}

static void info_balloon(const struct human_call *c)
{
    json_object *o = ask(c, "query-balloon", NULL), *actual;

    if (o && json_object_object_get_ex(o, "actual", &actual)) {
        g_string_append_printf(c->out, "balloon: actual=%" PRId64 "\n",
                               json_object_get_int64(actual) >> 20);
    }
    json_object_put(o);
}

static void info_iothreads(const struct human_call *c)
{
    json_object *list = ask(c, "query-iothreads", NULL);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *o = json_object_array_get_idx(list, i);

        g_string_append_printf(c->out, "%s:\n  thread_id=%s\n", text(o, "id"),
                               text(o, "thread-id"));
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
    {"blockstats", NULL, NULL, "show block device statistics", info_blockstats},
    {"chardev", NULL, NULL, "show the character devices", info_chardev},
    {"cpus", NULL, NULL, "show infos for each CPU", info_cpus},
    {"iothreads", NULL, NULL, "show iothreads", info_iothreads},
    {"kvm", NULL, NULL, "show KVM information", info_kvm},
    {"memory_size_summary", NULL, NULL, "show the amount of RAM", info_memory_size},
    {"mtree", NULL, NULL, "show memory tree", info_mtree},
    {"name", NULL, NULL, "show the current VM name", info_name},
    {"network", NULL, NULL, "show the network state", info_network},
    {"qtree", NULL, NULL, "show device tree", info_qtree},
    {"registers", NULL, NULL, "show the cpu registers", info_registers},
    {"replay", NULL, NULL, "show the count of executed instructions", info_replay},
    {"status", NULL, NULL, "show the current VM status", info_status},
    {"uuid", NULL, NULL, "show the current VM UUID", info_uuid},
    {"version", NULL, NULL, "show the version of QEMU", info_version},
    {NULL},
};
