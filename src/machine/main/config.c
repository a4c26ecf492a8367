/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From options to the constant configuration that a board reads. */
#include "machine/main/groups.h"
#include "machine/main/host.h"

#include <gio/gio.h>
#include <string.h>

#define ICOUNT_AUTO_SHIFT 3 /* to begin with */

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean fail(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, ap);
    va_end(ap);
    return FALSE;
}

/* ---- board -------------------------------------------------------------------------------------
 */

/* The first architecture with a board of that name, or NULL. */
static const struct cpu_arch *arch_with(const char *type)
{
    for (const struct cpu_arch *const *a = board_archs(); *a; a++) {
        if (board_find(*a, type)) {
            return *a;
        }
    }
    return NULL;
}

static gboolean choose_board(struct host *h, GError **error)
{
    const char *type = h->setup->machine.type;
    const struct cpu_arch *other;

    h->board = type ? board_find(h->setup->arch, type) : board_nth(h->setup->arch, 0);
    if (!h->board) {
        other = arch_with(type);
        return fail(error,
                    "-machine %s: unsupported machine type%s%s%s\nUse -machine help to list "
                    "supported machines",
                    type, other ? " (one of -arch " : "", other ? other->name : "",
                    other ? ")" : "");
    }
    h->board_props = g_malloc0(h->board->props_size + 1);
    row_defaults(h->board->props, h->board_props);
    h->config.board_props = h->board_props;
    json_object_object_foreach(h->setup->board_options, name, value)
    {
        g_autofree char *what = g_strdup_printf("-machine %s", h->board->name);

        if (!row_set(h->board->props, h->board_props, what, name, value, error)) {
            return FALSE;
        }
    }
    if (h->setup->machine.dumpdtb && !h->board->tree) {
        return fail(error, "-machine dumpdtb: %s has no device tree", h->board->name);
    }
    if (h->setup->machine.usb) {
        return fail(error, "-machine usb=on is not built yet");
    }
    return TRUE;
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static gboolean fill_memory(struct host *h, GError **error)
{
    const struct opt_memory *o = &h->setup->memory;
    const char *backend = h->setup->machine.memory_backend;
    struct config_memory *c = &h->config.memory;
    struct object_memory *object;
    uint64_t size = h->board->default_memory;

    if (o->slots || o->maxmem) {
        return fail(error, "-m slots= and maxmem=: memory devices are not built yet");
    }
    if (o->size && !row_parse_size(o->size, 'M', &size, error)) {
        g_prefix_error(error, "-m: ");
        return FALSE;
    }
    c->size = size ? size : h->board->default_memory;
    c->source.large_pages = h->config.accel->large_pages;
    if (!backend) {
        /* Few hosts give large pages to shared memory. */
        c->source.kind = h->config.accel->large_pages ? RAM_ANONYMOUS : RAM_MEMFD;
        return TRUE;
    }
    object = objects_memory(h->objects, backend, error);
    if (!object) {
        return FALSE;
    }
    if (o->size && object->size != c->size) {
        return fail(error, "Machine memory size does not match the size of the memory backend");
    }
    objects_pin(h->objects, backend);
    c->size = object->size;
    c->source = objects_memory_source(object);
    c->source.large_pages = h->config.accel->large_pages;
    c->prealloc = object->prealloc;
    c->seal = object->seal;
    return TRUE;
}

/* ---- CPUs --------------------------------------------------------------------------------------
 */

/* What was left out is derived: cores before sockets before threads. */
static void complete_topology(struct config_smp *c, unsigned max)
{
    unsigned dies = c->dies ? c->dies : 1;

    c->dies = dies;
    if (!max) {
        c->sockets = MAX(c->sockets, 1u);
        c->cores = MAX(c->cores, 1u);
        c->threads = MAX(c->threads, 1u);
    } else if (!c->cores) {
        c->sockets = MAX(c->sockets, 1u);
        c->threads = MAX(c->threads, 1u);
        c->cores = max / (c->sockets * dies * c->threads);
    } else if (!c->sockets) {
        c->threads = MAX(c->threads, 1u);
        c->sockets = max / (dies * c->cores * c->threads);
    }
    if (!c->threads) {
        c->threads = max / (c->sockets * dies * c->cores);
    }
}

static gboolean fill_smp(struct host *h, GError **error)
{
    const struct opt_smp *o = &h->setup->smp;
    struct config_smp *c = &h->config.smp;
    unsigned max = o->maxcpus ? o->maxcpus : o->cpus;
    uint64_t product;

    if (o->clusters > 1) {
        return fail(error, "clusters not supported by this machine's CPU topology");
    }
    if (!max && !o->sockets && !o->cores && !o->threads && !o->dies) {
        max = 1;
    }
    *c = (struct config_smp){
        .sockets = o->sockets, .dies = o->dies, .cores = o->cores, .threads = o->threads};
    complete_topology(c, max);
    product = (uint64_t)c->sockets * c->dies * c->cores * c->threads;
    max = max ? max : (unsigned)MIN(product, UINT32_MAX);
    if (product != max) {
        return fail(error,
                    "Invalid CPU topology: product of the hierarchy must match maxcpus: sockets "
                    "(%u) * dies (%u) * cores (%u) * threads (%u) != maxcpus (%u)",
                    c->sockets, c->dies, c->cores, c->threads, max);
    }
    c->max_cpus = max;
    c->cpus = o->cpus ? o->cpus : max;
    if (c->cpus != max) {
        return fail(error,
                    "-smp maxcpus=%u with %u CPUs: CPUs that are plugged later are not "
                    "built yet",
                    max, c->cpus);
    }
    if (h->board->max_cpus && max > h->board->max_cpus) {
        return fail(error, "Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u", max,
                    h->board->name, h->board->max_cpus);
    }
    return TRUE;
}

/* ---- time --------------------------------------------------------------------------------------
 */

static gboolean parse_date(const char *text, int64_t *ret, GError **error)
{
    g_autofree char *full =
        strchr(text, 'T') ? g_strdup(text) : g_strdup_printf("%sT00:00:00", text);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);

    if (!date) {
        return fail(error,
                    "-rtc: invalid datetime format '%s': valid formats: "
                    "'2006-06-17T16:01:21' or '2006-06-17'",
                    text);
    }
    *ret = g_date_time_to_unix(date);
    return TRUE;
}

static gboolean fill_rtc(struct host *h, GError **error)
{
    static const enum config_rtc_clock clocks[] = {RTC_HOST, RTC_REALTIME, RTC_VM};
    const struct opt_rtc *o = &h->setup->rtc;
    struct config_rtc *c = &h->config.rtc;

    c->clock = clocks[o->clock];
    c->drift_slew = o->driftfix == 1;
    if (g_str_equal(o->base, "utc")) {
        c->base = RTC_UTC;
        return TRUE;
    }
    if (g_str_equal(o->base, "localtime")) {
        c->base = RTC_LOCALTIME;
        return TRUE;
    }
    c->base = RTC_DATETIME;
    return parse_date(o->base, &c->start, error);
}

static gboolean fill_icount(struct host *h, GError **error)
{
    const struct opt_icount *o = &h->setup->icount;
    guint64 shift;

    h->config.icount_shift = -1;
    h->config.icount_sleep = o->sleep;
    if (!h->setup->icount_given) {
        if (h->config.accel->no_execution) {
            h->config.icount_shift = 0; /* the clock stands still unless a test moves it */
        }
        return TRUE;
    }
    if (o->rr || o->rrfile || o->rrsnapshot) {
        return fail(error, "-icount: rr, rrfile and rrsnapshot are not built yet");
    }
    if (!o->shift) {
        return fail(error, "-icount: Parameter 'shift' is missing");
    }
    h->config.icount_auto = g_str_equal(o->shift, "auto");
    h->config.icount_align = o->align;
    if (o->align && h->config.icount_auto) {
        return fail(error, "-icount: shift=auto and align=on are incompatible");
    }
    if (o->align && !o->sleep) {
        return fail(error, "-icount: align=on and sleep=off are incompatible");
    }
    if (h->config.icount_auto && !o->sleep) {
        return fail(error, "-icount: shift=auto and sleep=off are incompatible");
    }
    shift = ICOUNT_AUTO_SHIFT;
    if (!h->config.icount_auto && !g_ascii_string_to_unsigned(o->shift, 10, 0, 10, &shift, NULL)) {
        return fail(error, "icount: Invalid shift value '%s': a number from 0 to 10 is expected",
                    o->shift);
    }
    if (!h->config.accel->counts && !h->config.accel->no_execution) {
        return fail(error, "-icount is not allowed with accelerator %s", h->config.accel->name);
    }
    h->config.icount_shift = (int)shift;
    return TRUE;
}

/* ---- names -------------------------------------------------------------------------------------
 */

static gboolean fill_uuid(struct host *h, GError **error)
{
    const char *text = h->setup->uuid;
    unsigned n = 0;

    if (!text) {
        return TRUE;
    }
    if (!g_uuid_string_is_valid(text)) {
        return fail(error, "failed to parse UUID string: wrong format");
    }
    for (const char *p = text; *p && n < 16; p++) {
        if (*p != '-') {
            h->config.uuid[n++] =
                (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
            p++;
        }
    }
    h->config.uuid_set = true;
    return TRUE;
}

static const char *either(const char *a, const char *b)
{
    return a ? a : b;
}

static gboolean fill_boot(struct host *h, GError **error)
{
    const struct setup *s = h->setup;
    struct machine_config *c = &h->config;

    if (s->boot.splash) {
        return fail(error, "-boot splash= is not built yet");
    }
    if (s->machine.dtb) {
        return fail(error, "-machine dtb= is not built yet");
    }
    for (const char *const *p = (const char *const[]){s->boot.order, s->boot.once, NULL}; *p; p++) {
        if (strspn(*p, "abcdefghijklmnop") != strlen(*p)) {
            return fail(error, "Invalid boot device for '%s'", *p);
        }
    }
    c->boot = (struct config_boot){s->boot.order,  s->boot.once,        s->boot.menu,
                                   s->boot.strict, s->boot.splash_time, s->boot.reboot_timeout};
    c->kernel = either(s->kernel, s->machine.kernel);
    c->initrd = either(s->initrd, s->machine.initrd);
    c->append = either(s->append, s->machine.append);
    c->firmware = either(s->bios, s->machine.firmware);
    if (!c->kernel && c->initrd) {
        return fail(error, "-initrd only allowed with -kernel option");
    }
    if (!c->kernel && c->append) {
        return fail(error, "-append only allowed with -kernel option");
    }
    return TRUE;
}

/* ---- fw_cfg, SMBIOS -----------------------------------------------------------------------------
 */

static gboolean read_fw_cfg(struct host *h, json_object *options, struct config_fw_cfg *item,
                            GError **error)
{
    struct fw_cfg_opts o = {0};
    char *data = NULL;
    gsize len = 0;
    gboolean ok = row_set_all(fw_cfg_rows, &o, "fw_cfg", options, error);

    if (ok && o.gen_id) {
        ok = fail(error, "fw_cfg gen_id= is not built yet");
    }
    if (ok && (!o.file == !o.string || strlen(o.name) > 55)) {
        ok = fail(error,
                  "fw_cfg '%.60s': a name of at most 55 bytes and one of 'file' and "
                  "'string' are needed",
                  o.name);
    }
    if (ok && o.file) {
        ok = g_file_get_contents(o.file, &data, &len, error);
    } else if (ok) {
        data = g_strdup(o.string);
        len = strlen(data);
    }
    if (ok) {
        item->name = g_strdup(o.name);
        item->data = data;
        item->len = len;
        g_ptr_array_add(h->contents, (char *)item->name);
        g_ptr_array_add(h->contents, data);
    }
    row_clear(fw_cfg_rows, &o);
    return ok;
}

static gboolean fill_contents(struct host *h, GError **error)
{
    GPtrArray *list = h->setup->fw_cfgs;
    struct config_fw_cfg *items = g_new0(struct config_fw_cfg, list->len + 1);

    h->config.fw_cfg = items;
    for (guint i = 0; i < list->len; i++) {
        if (!read_fw_cfg(h, list->pdata[i], &items[i], error)) {
            return FALSE;
        }
        h->config.n_fw_cfg++;
    }
    h->config.smbios = (json_object *const *)h->setup->smbios->pdata;
    h->config.n_smbios = h->setup->smbios->len;
    return TRUE;
}

/* The folders that -L names; "help" is a list of its own. */
static void fill_path(struct host *h)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; i < h->setup->data_dirs->len; i++) {
        g_ptr_array_add(list, h->setup->data_dirs->pdata[i]);
    }
    g_ptr_array_add(list, NULL);
    h->config.firmware_path = (const char *const *)g_ptr_array_free(list, FALSE);
}

gboolean config_fill(struct host *h, GError **error)
{
    const struct setup *s = h->setup;
    struct machine_config *c = &h->config;

    fill_path(h);
    c->name = s->name.guest;
    c->cpu = s->cpu;
    c->acpi = !s->no_acpi;
    c->hpet = !s->no_hpet;
    c->no_defaults = s->no_defaults;
    c->no_graphics = s->nographic || !s->machine.graphics;
    if (s->overcommit.cpu_pm) {
        return fail(error, "-overcommit cpu-pm=on is not built yet");
    }
    return choose_board(h, error) && accels_choose(h, error) && fill_memory(h, error) &&
           fill_smp(h, error) && fill_rtc(h, error) && fill_icount(h, error) &&
           fill_uuid(h, error) && fill_boot(h, error) && fill_contents(h, error);
}

void config_clear(struct host *h)
{
    if (h->board_props) {
        row_clear(h->board->props, h->board_props);
        g_free(h->board_props);
    }
    if (h->accel_props) {
        row_clear(h->config.accel->props, h->accel_props);
        g_free(h->accel_props);
    }
    g_free((void *)h->config.firmware_path);
    g_free((void *)h->config.fw_cfg);
}
