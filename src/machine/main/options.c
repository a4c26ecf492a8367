/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/main/options.h"

#include "machine/board/board.h"
#include "machine/main/groups.h"
#include "machine/main/log_items.h"
#include "machine/main/readconfig.h"
#include "machine/net/net.h"

#include <gio/gio.h>
#include <stddef.h>
#include <string.h>

static const char *const section_titles[SECTIONS] = {
    [SECTION_STANDARD] = "Standard options",
    [SECTION_BLOCK] = "Block device options",
    [SECTION_DISPLAY] = "Display options",
    [SECTION_BOARD] = "i386 target only",
    [SECTION_NETWORK] = "Network options",
    [SECTION_CHARDEV] = "Character device options",
    [SECTION_BOOT] = "Boot Image or Kernel specific",
    [SECTION_EXPERT] = "Debug/Expert options",
    [SECTION_OBJECT] = "Generic object creation",
};

/* ---- options that are more than one field -----------------------------------------------------
 */

static void add_text_object(GPtrArray *list, const char *key, const char *value)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, key, json_object_new_string(value));
    g_ptr_array_add(list, o);
}

/* The part of -machine that every board has goes to rows, the rest waits for the board's. */
static gboolean machine_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o = row_parse(arg, "type", TRUE, error);
    gboolean ok = o != NULL;

    if (!o) {
        return FALSE;
    }
    json_object_object_foreach(o, name, value)
    {
        if (!row_find(machine_rows, name)) {
            json_object_object_add(s->board_options, name, json_object_get(value));
        } else if (ok) {
            ok = row_set(machine_rows, &s->machine, "machine", name, value, error);
        }
    }
    json_object_put(o);
    return ok;
}

static gboolean enable_kvm(struct setup *s, const char *arg, GError **error)
{
    add_text_object(s->accels, "accel", "kvm");
    return TRUE;
}

static gboolean sandbox_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o = row_parse(arg, "enable", TRUE, error);
    gboolean ok = o && row_set_all(sandbox_rows, &s->sandbox, "sandbox", o, error);

    s->sandbox_given = true;
    json_object_put(o);
    return ok;
}

static gboolean icount_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o = row_parse(arg, "shift", TRUE, error);
    gboolean ok = o && row_set_all(icount_rows, &s->icount, "icount", o, error);

    s->icount_given = true;
    json_object_put(o);
    return ok;
}

static gboolean global_option(struct setup *s, const char *arg, GError **error)
{
    const char *equals = strchr(arg, '=');
    const char *dot = strchr(arg, '.');
    json_object *o;

    if (*arg != '{' && dot && equals && dot < equals) {
        o = json_object_new_object();
        json_object_object_add(o, "driver", json_object_new_string_len(arg, (int)(dot - arg)));
        json_object_object_add(o, "property",
                               json_object_new_string_len(dot + 1, (int)(equals - dot - 1)));
        json_object_object_add(o, "value", json_object_new_string(equals + 1));
    } else {
        o = row_parse(arg, NULL, FALSE, error);
        if (!o) {
            return FALSE;
        }
    }
    for (const char *const *p = (const char *const[]){"driver", "property", "value", NULL}; *p;
         p++) {
        if (!json_object_object_get_ex(o, *p, NULL)) {
            g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING, "Parameter '%s' is missing", *p);
            json_object_put(o);
            return FALSE;
        }
    }
    g_ptr_array_add(s->globals, o);
    return TRUE;
}

/* -hda and its like: a -drive with a place. */
static gboolean add_drive(struct setup *s, const char *file, const char *media, int index,
                          const char *interface, GError **error)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "file", json_object_new_string(file));
    json_object_object_add(o, "media", json_object_new_string(media));
    if (index >= 0) {
        json_object_object_add(o, "index", json_object_new_int(index));
    }
    if (interface) {
        json_object_object_add(o, "if", json_object_new_string(interface));
    }
    g_ptr_array_add(s->drives, o);
    return TRUE;
}

static gboolean hda(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "disk", 0, NULL, error);
}

static gboolean hdb(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "disk", 1, NULL, error);
}

static gboolean hdc(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "disk", 2, NULL, error);
}

static gboolean hdd(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "disk", 3, NULL, error);
}

static gboolean cdrom(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "cdrom", 2, NULL, error);
}

static gboolean pflash(struct setup *s, const char *arg, GError **error)
{
    return add_drive(s, arg, "disk", -1, "pflash", error);
}

/* "-net none" and "-nic none": no default network card. */
static gboolean nic_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o;

    if (g_str_equal(arg, "none")) {
        s->net_none = true;
        return TRUE;
    }
    o = row_parse(arg, "type", TRUE, error);
    if (o) {
        g_ptr_array_add(s->nics, o);
    }
    return o != NULL;
}

static gboolean net_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o;

    if (g_str_equal(arg, "none")) {
        s->net_none = true;
        return TRUE;
    }
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        s->help = g_string_new("Available netdev backend types:\n");
        for (unsigned n = 0; netdev_kind(n).name; n++) {
            g_string_append_printf(s->help, "%s\n", netdev_kind(n).name);
        }
        return TRUE;
    }
    o = row_parse(arg, "type", TRUE, error);
    if (o) {
        g_ptr_array_add(s->nets, o);
    }
    return o != NULL;
}

static gboolean parallel_option(struct setup *s, const char *arg, GError **error)
{
    s->parallel_none = g_str_equal(arg, "none");
    if (!s->parallel_none) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "a parallel port is not built yet; only 'none' is");
    }
    return s->parallel_none;
}

static gboolean display_option(struct setup *s, const char *arg, GError **error)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        s->help = g_string_new("Available display backend types:\nnone\n");
        return TRUE;
    }
    if (!g_str_equal(arg, "none")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "display '%s' is not built yet; only 'none' is", arg);
        return FALSE;
    }
    g_free(s->display);
    s->display = g_strdup(arg);
    return TRUE;
}

static gboolean vga_option(struct setup *s, const char *arg, GError **error)
{
    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        s->help = g_string_new("none                 no graphic card\n");
        return TRUE;
    }
    if (!g_str_equal(arg, "none")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "graphic card '%s' is not built yet; only 'none' is", arg);
        return FALSE;
    }
    return TRUE;
}

static gboolean audiodev_option(struct setup *s, const char *arg, GError **error)
{
    json_object *o;
    const char *driver;

    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        s->help = g_string_new("Available audio drivers:\nnone\n");
        return TRUE;
    }
    o = row_parse(arg, "driver", FALSE, error);
    driver = o ? json_object_get_string(json_object_object_get(o, "driver")) : NULL;
    if (!o) {
        return FALSE;
    }
    if (!driver || !g_str_equal(driver, "none")) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "audio driver '%s' is not built yet; only 'none' is", driver ? driver : "");
        json_object_put(o);
        return FALSE;
    }
    g_ptr_array_add(s->audiodevs, o);
    return TRUE;
}

static gboolean no_reboot(struct setup *s, const char *arg, GError **error)
{
    s->action.reboot = REBOOT_SHUTDOWN;
    return TRUE;
}

static gboolean no_shutdown(struct setup *s, const char *arg, GError **error)
{
    s->action.shutdown = SHUTDOWN_PAUSE;
    return TRUE;
}

static gboolean log_option(struct setup *s, const char *arg, GError **error)
{
    struct log_items items;

    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        s->help = g_string_new(NULL);
        log_items_help(s->help);
        return TRUE;
    }
    if (!log_items_parse(arg, &items, error)) {
        return FALSE;
    }
    s->log_given = true;
    s->log_notes = items.notes;
    s->log.items = items.accel;
    return TRUE;
}

static gboolean log_filter(struct setup *s, const char *arg, GError **error)
{
    struct accel_log_range *ranges;

    if (!log_ranges_parse(arg, &ranges, &s->log.n_only, error)) {
        return FALSE;
    }
    g_free((void *)s->log.only);
    s->log.only = ranges;
    return TRUE;
}

static gboolean read_config(struct setup *s, const char *arg, GError **error)
{
    return readconfig(s, arg, error);
}

static gboolean print_help(struct setup *s, const char *arg, GError **error)
{
    s->help = g_string_new(NULL);
    options_help(s->help);
    return TRUE;
}

static gboolean print_version(struct setup *s, const char *arg, GError **error)
{
    s->help = g_string_new("QEMU emulator version 7.2.0 (vivarium " VIV_VERSION ")\n"
                           "Vivarium's own machine, with the options and protocols of QEMU\n");
    return TRUE;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

#define AT(field) offsetof(struct setup, field)

const struct option option_table[] = {
    {"h", OPTION_CALL, .call = print_help, .section = SECTION_STANDARD, .help = "as -help"},
    {"help", OPTION_CALL, .call = print_help, .section = SECTION_STANDARD,
     .help = "display this help and exit"},
    {"version", OPTION_CALL, .call = print_version, .section = SECTION_STANDARD,
     .help = "display version information and exit"},
    {"machine", OPTION_CALL, .call = machine_option, .arg = "[type=]name[,prop[=value][,...]]",
     .rows = machine_rows, .section = SECTION_STANDARD,
     .help = "selects emulated machine ('-machine help' for list)"},
    {"M", OPTION_CALL, .call = machine_option, .arg = "name", .section = SECTION_STANDARD,
     .help = "as -machine"},
    {"arch", OPTION_TEXT, AT(arch_name), "name", .section = SECTION_STANDARD,
     .help = "the guest's architecture ('-arch help' for list); else what the program's name ends "
             "with, else the host's"},
    {"cpu", OPTION_TEXT, AT(cpu), "cpu", .section = SECTION_STANDARD,
     .help = "select CPU ('-cpu help' for list)"},
    {"accel", OPTION_ITEMS, AT(accels), "[accel=]accelerator[,prop[=value][,...]]", "accel",
     .flags_ok = true, .section = SECTION_STANDARD,
     .help = "select accelerator (kvm, tcg, interp; use 'help' for a list); repeated: the first "
             "that works"},
    {"smp", OPTION_GROUP, AT(smp),
     "[[cpus=]n][,maxcpus=maxcpus][,sockets=sockets][,dies=dies][,cores=cores][,threads=threads]",
     "cpus", smp_rows, .section = SECTION_STANDARD, .help = "set the number of CPUs to 'n'"},
    {"m", OPTION_GROUP, AT(memory), "[size=]megs[,slots=n,maxmem=size]", "size", memory_rows,
     .section = SECTION_STANDARD, .help = "configure guest RAM"},
    {"name", OPTION_GROUP, AT(name), "string1[,process=string2][,debug-threads=on|off]", "guest",
     name_rows, .flags_ok = true, .section = SECTION_STANDARD, .help = "set the name of the guest"},
    {"uuid", OPTION_TEXT, AT(uuid), "%08x-%04x-%04x-%04x-%012x", .section = SECTION_STANDARD,
     .help = "specify machine UUID"},
    {"boot", OPTION_GROUP, AT(boot),
     "[order=drives][,once=drives][,menu=on|off][,splash-time=sp-time][,reboot-timeout=rb_time]"
     "[,strict=on|off]",
     "order", boot_rows, .flags_ok = true, .section = SECTION_STANDARD,
     .help = "disk (c), CD-ROM (d), network (n)"},
    {"overcommit", OPTION_GROUP, AT(overcommit), "[mem-lock=on|off][,cpu-pm=on|off]", NULL,
     overcommit_rows, .flags_ok = true, .section = SECTION_STANDARD,
     .help = "run with memory locked"},
    {"audiodev", OPTION_CALL, .call = audiodev_option, .arg = "[driver=]none,id=id",
     .section = SECTION_STANDARD, .help = "audio back end; only 'none'"},
    {"device", OPTION_ITEMS, AT(devices), "driver[,prop[=value][,...]]", "driver", .flags_ok = true,
     .section = SECTION_STANDARD,
     .help = "add device ('-device help' for devices, '-device driver,help' for properties)"},
    {"global", OPTION_CALL, .call = global_option, .arg = "driver.property=value",
     .section = SECTION_STANDARD, .help = "set a default of a driver's property"},
    {"add-fd", OPTION_ITEMS, AT(add_fds), "fd=fd,set=set[,opaque=opaque]", NULL, add_fd_rows,
     .section = SECTION_STANDARD, .help = "add file descriptor 'fd' to set 'set'"},

    {"hda", OPTION_CALL, .call = hda, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as hard disk 0 image"},
    {"hdb", OPTION_CALL, .call = hdb, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as hard disk 1 image"},
    {"hdc", OPTION_CALL, .call = hdc, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as hard disk 2 image"},
    {"hdd", OPTION_CALL, .call = hdd, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as hard disk 3 image"},
    {"cdrom", OPTION_CALL, .call = cdrom, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as CD-ROM image"},
    {"blockdev", OPTION_ITEMS, AT(blockdevs), "[driver=]driver[,node-name=N][,...]", "driver",
     .section = SECTION_BLOCK, .help = "configure a block node"},
    {"drive", OPTION_ITEMS, AT(drives), "[file=file][,if=type][,format=f][,id=name][,...]", "file",
     drive_rows, .flags_ok = true, .section = SECTION_BLOCK, .help = "use 'file' as a drive"},
    {"pflash", OPTION_CALL, .call = pflash, .arg = "file", .section = SECTION_BLOCK,
     .help = "use 'file' as a parallel flash image"},
    {"snapshot", OPTION_FLAG, AT(snapshot), .section = SECTION_BLOCK,
     .help = "write to temporary files instead of disk image files"},

    {"display", OPTION_CALL, .call = display_option, .arg = "none", .section = SECTION_DISPLAY,
     .help = "select display back end; only 'none'"},
    {"nographic", OPTION_FLAG, AT(nographic), .section = SECTION_DISPLAY,
     .help = "no graphical output; serial port and monitor on the console"},
    {"vga", OPTION_CALL, .call = vga_option, .arg = "none", .section = SECTION_DISPLAY,
     .help = "select video card type; only 'none'"},

    {"no-acpi", OPTION_FLAG, AT(no_acpi), .section = SECTION_BOARD, .help = "disable ACPI"},
    {"no-hpet", OPTION_FLAG, AT(no_hpet), .section = SECTION_BOARD, .help = "disable HPET"},
    {"smbios", OPTION_ITEMS, AT(smbios), "type=0|1|2|3|4|11|17,...|file=binary", NULL,
     .flags_ok = true, .section = SECTION_BOARD, .help = "specify SMBIOS fields"},

    {"netdev", OPTION_ITEMS, AT(netdevs), "user|tap|hubport,id=str[,...]", "type", .flags_ok = true,
     .section = SECTION_NETWORK, .help = "configure a network back end"},
    {"nic", OPTION_CALL, .call = nic_option, .arg = "user|tap|none[,model=m][,mac=addr][,...]",
     .section = SECTION_NETWORK,
     .help = "a network back end and its card in one ('-nic help' for types)"},
    {"net", OPTION_CALL, .call = net_option, .arg = "nic|user|tap|none[,...]",
     .section = SECTION_NETWORK,
     .help = "a card and a back end that are joined (old form of -nic); none: no default card"},

    {"chardev", OPTION_ITEMS, AT(chardevs), "backend,id=id[,mux=on|off][,logfile=PATH][,...]",
     "backend", .flags_ok = true, .section = SECTION_CHARDEV,
     .help = "configure a character back end ('-chardev help' for types)"},

    {"bios", OPTION_TEXT, AT(bios), "file", .section = SECTION_BOOT,
     .help = "set the filename for the BIOS"},
    {"kernel", OPTION_TEXT, AT(kernel), "bzImage", .section = SECTION_BOOT,
     .help = "use 'bzImage' as kernel image"},
    {"append", OPTION_TEXT, AT(append), "cmdline", .section = SECTION_BOOT,
     .help = "use 'cmdline' as kernel command line"},
    {"initrd", OPTION_TEXT, AT(initrd), "file", .section = SECTION_BOOT,
     .help = "use 'file' as initial ram disk"},

    {"serial", OPTION_TEXTS, AT(serials), "dev", .section = SECTION_EXPERT,
     .help = "redirect the serial port to char device 'dev'"},
    {"parallel", OPTION_CALL, .call = parallel_option, .arg = "none", .section = SECTION_EXPERT,
     .help = "no parallel port"},
    {"monitor", OPTION_TEXTS, AT(monitors), "dev", .section = SECTION_EXPERT,
     .help = "redirect the monitor to char device 'dev'"},
    {"qmp", OPTION_TEXTS, AT(qmps), "dev", .section = SECTION_EXPERT,
     .help = "like -monitor but opens in 'control' mode"},
    {"qmp-pretty", OPTION_TEXTS, AT(qmps_pretty), "dev", .section = SECTION_EXPERT,
     .help = "like -qmp but uses pretty JSON formatting"},
    {"mon", OPTION_ITEMS, AT(mons), "[chardev=]name[,mode=readline|control][,pretty=on|off]",
     "chardev", mon_rows, .flags_ok = true, .section = SECTION_EXPERT,
     .help = "a monitor on a character device"},
    {"action", OPTION_GROUP, AT(action),
     "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=pause|shutdown|exit-failure|none]",
     NULL, action_rows, .section = SECTION_EXPERT,
     .help = "what happens when the guest reboots, shuts down or panics"},
    {"pidfile", OPTION_TEXT, AT(pidfile), "file", .section = SECTION_EXPERT,
     .help = "write PID to 'file'"},
    {"incoming", OPTION_TEXT, AT(incoming), "defer|fd:f|exec:cmd|file:path|unix:path",
     .section = SECTION_EXPERT,
     .help = "wait for the state of a machine that migrates here, and go on with it"},
    {"S", OPTION_FLAG, AT(stopped), .section = SECTION_EXPERT,
     .help = "freeze CPU at startup (use 'c' to start execution)"},
    {"d", OPTION_CALL, .call = log_option, .arg = "item1,...", .section = SECTION_EXPERT,
     .help = "enable logging of specified items (use '-d help' for a list of log items)"},
    {"dfilter", OPTION_CALL, .call = log_filter, .arg = "range,..", .section = SECTION_EXPERT,
     .help = "filter debug output to range of addresses (useful for -d cpu,exec,etc..)"},
    {"D", OPTION_TEXT, AT(log_file), "logfile", .section = SECTION_EXPERT,
     .help = "output log to logfile (default stderr)"},
    {"L", OPTION_TEXTS, AT(data_dirs), "path", .section = SECTION_EXPERT,
     .help = "set the directory for the BIOS and other firmware"},
    {"enable-kvm", OPTION_CALL, .call = enable_kvm, .section = SECTION_EXPERT,
     .help = "as -accel kvm"},
    {"no-reboot", OPTION_CALL, .call = no_reboot, .section = SECTION_EXPERT,
     .help = "exit instead of rebooting"},
    {"no-shutdown", OPTION_CALL, .call = no_shutdown, .section = SECTION_EXPERT,
     .help = "stop before shutdown"},
    {"daemonize", OPTION_FLAG, AT(daemonize), .section = SECTION_EXPERT,
     .help = "daemonize when initialized"},
    {"rtc", OPTION_GROUP, AT(rtc),
     "[base=utc|localtime|<datetime>][,clock=host|rt|vm][,driftfix=none|slew]", NULL, rtc_rows,
     .section = SECTION_EXPERT, .help = "set the RTC base and clock"},
    {"icount", OPTION_CALL, .call = icount_option, .arg = "[shift=N|auto][,sleep=on|off]",
     .rows = icount_rows, .section = SECTION_EXPERT,
     .help = "guest time is the number of instructions times 2^N ns"},
    {"nodefaults", OPTION_FLAG, AT(no_defaults), .section = SECTION_EXPERT,
     .help = "don't create default devices"},
    {"no-user-config", OPTION_FLAG, AT(no_user_config), .section = SECTION_EXPERT,
     .help = "accepted: there is no user configuration file to read"},
    {"sandbox", OPTION_CALL, .call = sandbox_option,
     .arg = "on[,obsolete=..][,elevateprivileges=..][,spawn=..][,resourcecontrol=..]",
     .rows = sandbox_rows, .section = SECTION_EXPERT, .help = "filter system calls"},
    {"fw_cfg", OPTION_ITEMS, AT(fw_cfgs), "[name=]<name>,file=<file>|string=<str>", "name",
     fw_cfg_rows, .section = SECTION_EXPERT, .help = "add named fw_cfg entry"},
    {"msg", OPTION_GROUP, AT(msg), "[timestamp=on|off][,guest-name=on|off]", NULL, msg_rows,
     .flags_ok = true, .section = SECTION_EXPERT, .help = "control error message format"},
    {"readconfig", OPTION_CALL, .call = read_config, .arg = "file", .section = SECTION_EXPERT,
     .help = "read options from 'file', a section an option"},
    {"qtest", OPTION_TEXTS, AT(qtests), "dev", .section = SECTION_EXPERT,
     .help = "the qtest protocol on char device 'dev'"},
    {"qtest-log", OPTION_TEXT, AT(qtest_log), "file", .section = SECTION_EXPERT,
     .help = "write the qtest protocol to 'file'"},

    {"object", OPTION_ITEMS, AT(objects), "TYPENAME[,PROP1=VALUE1,...]", "qom-type",
     .flags_ok = true, .section = SECTION_OBJECT,
     .help = "create an object ('-object help' for types)"},

#define MISSING(n, a)                                          \
    {                                                          \
        n, OPTION_REFUSE, .arg = a, .section = SECTION_MISSING \
    }
    MISSING("acpitable", "x"),
    MISSING("alt-grab", NULL),
    MISSING("audio", "x"),
    MISSING("async-teardown", NULL),
    MISSING("chroot", "x"),
    MISSING("compat", "x"),
    MISSING("cpu-pm", "x"),
    MISSING("ctrl-grab", NULL),
    MISSING("debugcon", "x"),
    MISSING("dtb", "x"),
    MISSING("dump-vmstate", "x"),
    MISSING("echr", "x"),
    MISSING("enable-fips", NULL),
    MISSING("fda", "x"),
    MISSING("fdb", "x"),
    MISSING("fsdev", "x"),
    MISSING("full-screen", NULL),
    MISSING("g", "x"),
    MISSING("gdb", "x"),
    MISSING("iscsi", "x"),
    MISSING("jitdump", NULL),
    MISSING("k", "x"),
    MISSING("loadvm", "x"),
    MISSING("mem-path", "x"),
    MISSING("mem-prealloc", NULL),
    MISSING("mtdblock", "x"),
    MISSING("no-fd-bootchk", NULL),
    MISSING("no-quit", NULL),
    MISSING("numa", "x"),
    MISSING("old-param", NULL),
    MISSING("only-migratable", NULL),
    MISSING("option-rom", "x"),
    MISSING("perfmap", NULL),
    MISSING("plugin", "x"),
    MISSING("portrait", NULL),
    MISSING("preconfig", NULL),
    MISSING("prom-env", "x"),
    MISSING("rotate", "x"),
    MISSING("runas", "x"),
    MISSING("s", NULL),
    MISSING("sd", "x"),
    MISSING("sdl", NULL),
    MISSING("seed", "x"),
    MISSING("semihosting", NULL),
    MISSING("semihosting-config", "x"),
    MISSING("set", "x"),
    MISSING("singlestep", NULL),
    MISSING("soundhw", "x"),
    MISSING("spice", "x"),
    MISSING("tb-size", "x"),
    MISSING("tpmdev", "x"),
    MISSING("trace", "x"),
    MISSING("usb", NULL),
    MISSING("usbdevice", "x"),
    MISSING("virtfs", "x"),
    MISSING("vnc", "x"),
    MISSING("watchdog", "x"),
    MISSING("watchdog-action", "x"),
    MISSING("win2k-hack", NULL),
    MISSING("writeconfig", "x"),
    MISSING("xen-attach", NULL),
    MISSING("xen-domid", "x"),
    MISSING("xen-domid-restrict", NULL),
    {NULL},
};

/* ---- setup -------------------------------------------------------------------------------------
 */

static void *field(struct setup *s, const struct option *o)
{
    return (char *)s + o->offset;
}

static void put_json(gpointer value)
{
    json_object_put(value);
}

/* Groups whose option is a call, not OPTION_GROUP. */
static const struct {
    const struct row *rows;
    uint32_t offset;
} called_groups[] = {
    {machine_rows, AT(machine)},
    {icount_rows, AT(icount)},
    {sandbox_rows, AT(sandbox)},
};

void setup_init(struct setup *s)
{
    memset(s, 0, sizeof(*s));
    s->board_options = json_object_new_object();
    for (const struct option *o = option_table; o->name; o++) {
        switch (o->kind) {
        case OPTION_GROUP: row_defaults(o->rows, field(s, o)); break;
        case OPTION_TEXTS:
            *(GPtrArray **)field(s, o) = g_ptr_array_new_with_free_func(g_free);
            break;
        case OPTION_ITEMS:
            *(GPtrArray **)field(s, o) = g_ptr_array_new_with_free_func(put_json);
            break;
        default: break;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(called_groups); i++) {
        row_defaults(called_groups[i].rows, (char *)s + called_groups[i].offset);
    }
    s->nics = g_ptr_array_new_with_free_func(put_json);
    s->nets = g_ptr_array_new_with_free_func(put_json);
    s->globals = g_ptr_array_new_with_free_func(put_json);
    s->audiodevs = g_ptr_array_new_with_free_func(put_json);
}

void setup_clear(struct setup *s)
{
    json_object_put(s->board_options);
    for (const struct option *o = option_table; o->name; o++) {
        switch (o->kind) {
        case OPTION_GROUP: row_clear(o->rows, field(s, o)); break;
        case OPTION_TEXT: g_free(*(char **)field(s, o)); break;
        case OPTION_TEXTS:
        case OPTION_ITEMS: g_ptr_array_unref(*(GPtrArray **)field(s, o)); break;
        default: break;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(called_groups); i++) {
        row_clear(called_groups[i].rows, (char *)s + called_groups[i].offset);
    }
    g_ptr_array_unref(s->nics);
    g_ptr_array_unref(s->nets);
    g_ptr_array_unref(s->globals);
    g_ptr_array_unref(s->audiodevs);
    g_free(s->display);
    g_free((void *)s->log.only);
    if (s->help) {
        g_string_free(s->help, TRUE);
    }
    memset(s, 0, sizeof(*s));
}

/* ---- reading -----------------------------------------------------------------------------------
 */

const struct option *options_find(const char *name)
{
    for (const struct option *o = option_table; o->name; o++) {
        if (g_str_equal(o->name, name)) {
            return o;
        }
    }
    return NULL;
}

static gboolean read_group(struct setup *s, const struct option *o, const char *arg, GError **error)
{
    json_object *value = row_parse(arg, o->implied, o->flags_ok, error);
    gboolean ok = value && row_set_all(o->rows, field(s, o), o->name, value, error);

    json_object_put(value);
    return ok;
}

static gboolean read_item(struct setup *s, const struct option *o, const char *arg, GError **error)
{
    json_object *value = row_parse(arg, o->implied, o->flags_ok, error);

    if (value) {
        g_ptr_array_add(*(GPtrArray **)field(s, o), value);
    }
    return value != NULL;
}

gboolean options_take(struct setup *s, const struct option *o, const char *arg, GError **error)
{
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)field(s, o) = true; return TRUE;
    case OPTION_TEXT:
        g_free(*(char **)field(s, o));
        *(char **)field(s, o) = g_strdup(arg);
        return TRUE;
    case OPTION_TEXTS: g_ptr_array_add(*(GPtrArray **)field(s, o), g_strdup(arg)); return TRUE;
    case OPTION_ITEMS: return read_item(s, o, arg, error);
    case OPTION_GROUP: return read_group(s, o, arg, error);
    case OPTION_CALL: return o->call(s, arg, error);
    case OPTION_REFUSE:
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "not built yet");
        return FALSE;
    }
    g_assert_not_reached();
}

/* "viv-machine-riscv64" is a machine of that architecture. */
static void take_name(struct setup *s, const char *program)
{
    g_autofree char *name = g_path_get_basename(program);

    for (const struct cpu_arch *const *a = board_archs(); *a; a++) {
        g_autofree char *ending = g_strdup_printf("-%s", (*a)->name);

        if (g_str_has_suffix(name, ending)) {
            s->arch_name = g_strdup((*a)->name);
        }
    }
}

static gboolean choose_arch(struct setup *s, GError **error)
{
    bool help = s->arch_name && (g_str_equal(s->arch_name, "help") || !strcmp(s->arch_name, "?"));

    s->arch = board_arch(help ? NULL : s->arch_name);
    if (!s->arch) {
        g_set_error(error, ROW_ERROR, ROW_ERROR_RANGE,
                    "-arch %s: no such guest architecture\nUse -arch help to list them",
                    s->arch_name);
    }
    return s->arch != NULL;
}

gboolean options_read(struct setup *s, int argc, char **argv, GError **error)
{
    if (argc > 0) {
        take_name(s, argv[0]);
    }
    for (int i = 1; i < argc && !s->help; i++) {
        const char *word = argv[i], *arg = NULL;
        const struct option *o;

        if (word[0] != '-' || !word[1]) {
            add_drive(s, word, "disk", 0, NULL, error);
            continue;
        }
        o = options_find(word + (word[1] == '-' && word[2] ? 2 : 1));
        if (!o) {
            g_set_error(error, ROW_ERROR, ROW_ERROR_UNKNOWN, "%s: invalid option", word);
            return FALSE;
        }
        if (o->arg) {
            if (i + 1 >= argc) {
                g_set_error(error, ROW_ERROR, ROW_ERROR_MISSING, "%s: requires an argument", word);
                return FALSE;
            }
            arg = argv[++i];
        }
        if (!options_take(s, o, arg, error)) {
            g_prefix_error(error, "%s%s%s: ", word, arg ? " " : "", arg ? arg : "");
            return FALSE;
        }
    }
    return choose_arch(s, error);
}

void options_help(GString *out)
{
    g_string_append(out, "QEMU emulator version 7.2.0 (vivarium " VIV_VERSION ")\n"
                         "usage: viv-machine [options] [disk_image]\n\n"
                         "'disk_image' is a raw hard disk image for IDE hard disk 0\n");
    for (unsigned section = 0; section < SECTION_MISSING; section++) {
        g_string_append_printf(out, "\n%s:\n", section_titles[section]);
        for (const struct option *o = option_table; o->name; o++) {
            g_autofree char *left = NULL;

            if (o->section != section) {
                continue;
            }
            left = g_strdup_printf("-%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
            g_string_append_printf(
                out, strlen(left) < 16 ? "%-15s %s\n" : "%s\n                %s\n", left, o->help);
        }
    }
    g_string_append(out, "\nDuring emulation with -nographic or -serial mon:stdio, Ctrl-a h shows "
                         "the keys.\n");
}
