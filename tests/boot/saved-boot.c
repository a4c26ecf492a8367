/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot of Linux that moves: at random instants its whole state is saved to bytes, a second
 * machine of the same process is loaded with them and saves the same bytes again, and the guest
 * goes on there; and so back and forth. Time is the count of instructions, so what the console
 * shows and how many were executed must be those of one machine that only stops at these instants.
 *
 * usage: saved-boot MK-GUEST INSTANTS [GTest options]
 */
#include "machine/main/host.h"
#include "machine/main/options.h"

#include <glib/gstdio.h>
#include <string.h>

#define DISK_SIZE (2 << 20)
#define LENGTH    (14 * NS_PER_SEC) /* a bit less than the guest's time until it powers off */
#define RUN                                                                                   \
    "dd if=/dev/vda bs=64k count=16 | sha256sum; "                                            \
    "i=0; while [ $i -lt 40 ]; do date; i=$((i+1)); done | dd of=/dev/vda bs=512 conv=sync; " \
    "sync; dd if=/dev/vda bs=64k iflag=direct | sha256sum; date; cat /proc/uptime "           \
    "/proc/interrupts; sleep 1; ls -l /sys/bus/virtio/devices"

/* Machine and what it was made from. */
struct side {
    struct setup setup;
    struct host host;
    char *console;   /* path */
    gsize seen;      /* bytes of the console's file already taken */
    struct timer at; /* ends a run */
};

struct bytes {
    uint8_t *data;
    size_t len, size;
};

static char *folder, *kernel, *initrd;
static unsigned instants;

static void append(void *opaque, const void *data, size_t len)
{
    struct bytes *b = opaque;

    if (len > b->size - b->len) {
        b->size = (b->len + len) * 3 / 2;
        b->data = g_realloc(b->data, b->size);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void save(struct side *s, struct bytes *to)
{
    to->len = 0;
    machine_save(s->host.machine, append, to);
}

static void stop_here(void *opaque)
{
    machine_ask(((struct side *)opaque)->host.machine, MACHINE_DEBUG, false, 0);
}

static void side_init(struct side *s, const char *name, const char *disk)
{
    g_autofree char *serial = g_strdup_printf("file:%s/%s", folder, name);
    g_autofree char *node =
        g_strdup_printf("driver=file,filename=%s,locking=off,node-name=d", disk);
    const char *const argv[] = {"saved-boot", "-accel",
                                "interp",     "-M",
                                "q35",        "-m",
                                "128M",       "-nodefaults",
                                "-display",   "none",
                                "-icount",    "shift=3,sleep=off",
                                "-rtc",       "base=2020-02-29T12:00:00,clock=vm",
                                "-no-reboot", "-no-shutdown",
                                "-serial",    serial,
                                "-blockdev",  node,
                                "-device",    "virtio-blk-pci,drive=d",
                                "-device",    "virtio-serial-pci",
                                "-device",    "virtio-balloon-pci",
                                "-device",    "qemu-xhci",
                                "-kernel",    kernel,
                                "-initrd",    initrd,
                                "-append",    "console=ttyS0 panic=-1 viv.run=\"" RUN "\"",
                                NULL};
    g_autoptr(GError) error = NULL;

    memset(s, 0, sizeof(*s));
    s->console = g_strdup_printf("%s/%s", folder, name);
    setup_init(&s->setup);
    g_assert_true(options_read(&s->setup, g_strv_length((char **)argv), (char **)argv, &error));
    g_assert_true(host_build(&s->host, &s->setup, &error));
    g_assert_no_error(error);
    timer_init(&s->at, s->host.machine->clock, CLOCK_GUEST, NULL, stop_here, s);
}

static void side_fini(struct side *s)
{
    timer_cancel(&s->at);
    host_free(&s->host);
    setup_clear(&s->setup);
    g_unlink(s->console);
    g_free(s->console);
}

/* What the console has shown since it was last asked. */
static void take_console(struct side *s, GString *to)
{
    g_autofree char *text = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(s->console, &text, &len, NULL));
    g_string_append_len(to, text + s->seen, len - s->seen);
    s->seen = len;
}

/* Runs to a guest time, or to the guest's power-off: then FALSE. */
static bool run_to(struct side *s, int64_t ns, GString *console)
{
    struct machine *m = s->host.machine;

    timer_arm(&s->at, ns);
    g_assert_true(machine_start(m, NULL));
    while (machine_is_running(m)) {
        g_main_context_iteration(m->context, TRUE);
    }
    timer_cancel(&s->at);
    take_console(s, console);
    g_assert_true(m->state == MACHINE_STOPPED_DEBUG || m->state == MACHINE_IS_SHUTDOWN);
    return m->state == MACHINE_STOPPED_DEBUG;
}

static char *new_disk(void)
{
    char *path = g_build_filename(folder, "disk", NULL);
    g_autofree char *bytes = g_malloc(DISK_SIZE);

    for (unsigned i = 0; i < DISK_SIZE; i++) {
        bytes[i] = (char)(i * 31 >> 7);
    }
    g_assert_true(g_file_set_contents(path, bytes, DISK_SIZE, NULL));
    return path;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t *choose(void)
{
    int64_t *at = g_new(int64_t, instants);

    for (unsigned i = 0; i < instants; i++) {
        at[i] = (int64_t)g_test_rand_double_range(0, (double)LENGTH);
    }
    qsort(at, instants, sizeof(at[0]), by_time);
    return at;
}

/* The boot on one machine that stops at each instant and goes on: its console and instructions. */
static uint64_t stay(const int64_t *at, GString *console)
{
    g_autofree char *disk = new_disk();
    struct side s;
    uint64_t insns;

    side_init(&s, "alone", disk);
    for (unsigned i = 0; i < instants; i++) {
        g_assert_true(run_to(&s, at[i], console));
    }
    g_assert_false(run_to(&s, INT64_MAX, console));
    insns = machine_insns(s.host.machine);
    g_test_message("%" G_GUINT64_FORMAT " instructions in %.3f s of the guest", insns,
                   (double)clock_now(s.host.machine->clock, CLOCK_GUEST) / NS_PER_SEC);
    g_assert_nonnull(strstr(console->str, "VIV-EXIT 0"));
    side_fini(&s);
    return insns;
}

/* Where two states part, with the last readable word before it: a device's path, a section. */
static void same_bytes(const struct bytes *x, const struct bytes *y, int64_t when)
{
    size_t at = 0, word;

    if (x->len == y->len && memcmp(x->data, y->data, x->len) == 0) {
        return;
    }
    while (at < MIN(x->len, y->len) && x->data[at] == y->data[at]) {
        at++;
    }
    for (word = at; word > 8 && memcmp(x->data + word, "/machine", 8) != 0; word--) {
    }
    g_error("at %" G_GINT64_FORMAT " ns: %zu and %zu bytes differ from byte %zu on, %zu behind "
            "'%.40s'",
            when, x->len, y->len, at, at - word, (const char *)x->data + word);
}

/* The same text; what it was instead is said in a few lines. */
static void same_text(const GString *a, const GString *b)
{
    gsize at = 0, from;

    while (at < MIN(a->len, b->len) && a->str[at] == b->str[at]) {
        at++;
    }
    from = at - MIN(at, 100);
    if (at < a->len || at < b->len) {
        g_error("the console differs from byte %zu on: alone '%.160s', moved '%.160s'", at,
                a->str + from, b->str + from);
    }
}

static void moves(void)
{
    g_autoptr(GString) alone = g_string_new(NULL);
    g_autoptr(GString) moved = g_string_new(NULL);
    g_autofree int64_t *at = choose();
    uint64_t insns = stay(at, alone), most = 0;
    g_autofree char *disk = new_disk();
    struct side sides[2], *here = &sides[0], *there = &sides[1];
    struct bytes x = {0}, y = {0};

    side_init(here, "here", disk);
    side_init(there, "there", disk);
    for (unsigned i = 0; i < instants; i++) {
        g_autoptr(GError) error = NULL;
        struct side *left = here;

        g_assert_true(run_to(here, at[i], moved));
        save(here, &x);
        g_assert_true(machine_load(there->host.machine, x.data, x.len, &error));
        g_assert_no_error(error);
        save(there, &y);
        same_bytes(&x, &y, at[i]);
        most = MAX(most, x.len);
        here = there;
        there = left;
    }
    g_assert_false(run_to(here, INT64_MAX, moved));
    g_test_message("%u instants; the largest state has %" G_GUINT64_FORMAT " bytes", instants,
                   most);
    same_text(alone, moved);
    g_assert_cmpuint(machine_insns(here->host.machine), ==, insns);
    side_fini(&sides[0]);
    side_fini(&sides[1]);
    g_unlink(disk);
    g_free(x.data);
    g_free(y.data);
}

static char *guest_folder(const char *mk_guest)
{
    const char *const argv[] = {mk_guest, "busybox", NULL};
    g_autoptr(GError) error = NULL;
    char *out = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, &status,
                      &error) ||
        !g_spawn_check_wait_status(status, &error)) {
        g_error("%s: %s", mk_guest, error->message);
    }
    return g_strchomp(out);
}

int main(int argc, char **argv)
{
    g_autofree char *kit = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 3);
    kit = guest_folder(argv[1]);
    instants = (unsigned)g_ascii_strtoull(argv[2], NULL, 10);
    kernel = g_build_filename(kit, "vmlinuz", NULL);
    initrd = g_build_filename(kit, "initrd.img", NULL);
    folder = g_dir_make_tmp("viv-saved-XXXXXX", NULL);
    g_test_add_func("/saved/moves", moves);
    status = g_test_run();
    g_rmdir(folder);
    g_free(folder);
    g_free(kernel);
    g_free(initrd);
    return status;
}
