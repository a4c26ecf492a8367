/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The q35 board without a CPU that runs: memory map, chipset registers, direct start, state. */
#include "base/endian.h"
#include "machine/accel/accel.h"
#include "machine/board/board.h"
#include "machine/board/pc_setup.h"
#include "machine/board/q35.h"
#include "machine/guest/riscv64/hart.h"
#include "machine/guest/x86/arch.h"
#include "machine/guest/x86/walk.h"

static struct q35_props props = {.hpet = true, .i8042 = true};

static struct machine_config config_of(uint64_t memory, const char *kernel)
{
    return (struct machine_config){.memory = {.size = memory},
                                   .smp = {2, 2, 1, 1, 2, 1},
                                   .accel = &accel_qtest,
                                   .kernel = kernel,
                                   .append = kernel ? "console=ttyS0" : NULL,
                                   .boot = {.splash_time = -1, .reboot_timeout = -1},
                                   .acpi = true,
                                   .hpet = true,
                                   .icount_shift = 0,
                                   .board_props = &props};
}

static struct machine *build(const struct machine_config *config, GError **error)
{
    struct machine *m = machine_new(config->icount_shift, 52, true);

    m->accel = config->accel;
    m->accel_vm = m->accel->vm_new(NULL, m->memory, m->io, error);
    if (!q35_board.build(m, config, error) || !q35_board.finish(m, error) ||
        !machine_launch(m, error)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

static void outl(struct machine *m, uint16_t port, uint32_t v)
{
    g_assert_cmpint(bus_write(m->io, port, v, 4), ==, BUS_OK);
}

static uint64_t in(struct machine *m, uint16_t port, unsigned size)
{
    uint64_t v;

    bus_read(m->io, port, size, &v);
    return v;
}

static uint32_t conf(struct machine *m, unsigned devfn, unsigned off)
{
    outl(m, 0xcf8, 0x80000000 | devfn << 8 | (off & 0xfc));
    return in(m, 0xcfc, 4);
}

static void set_conf(struct machine *m, unsigned devfn, unsigned off, uint8_t v)
{
    outl(m, 0xcf8, 0x80000000 | devfn << 8 | (off & 0xfc));
    g_assert_cmpint(bus_write(m->io, 0xcfc + (off & 3), v, 1), ==, BUS_OK);
}

/* A flat image of zeroes: firmware that is never run. */
static char *fake_firmware(const char *dir)
{
    char *path = g_build_filename(dir, "fw.bin", NULL);
    g_autofree char *bytes = g_malloc0(0x40000);

    bytes[0x3fff0] = 0x5a;
    g_assert_true(g_file_set_contents(path, bytes, 0x40000, NULL));
    return path;
}

static void registers(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *fw = fake_firmware(dir);
    struct machine_config config = config_of(UINT64_C(3) << 30, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) map = g_string_new(NULL);
    struct machine *m;

    config.firmware = fw;
    m = build(&config, &error);
    g_assert_no_error(error);
    g_assert_cmphex(conf(m, 0, 0), ==, 0x29c08086);
    g_assert_cmphex(conf(m, PCI_DEVFN(31, 0), 0), ==, 0x29188086);
    g_assert_cmphex(conf(m, PCI_DEVFN(31, 0), 0x0c) >> 16 & 0xff, ==, 0x80);
    g_assert_cmphex(conf(m, PCI_DEVFN(31, 0), 0x60), ==, 0x80808080);
    g_assert_cmphex(conf(m, 0, 0x60), ==, 0xb0000000);
    g_assert_cmphex(conf(m, 0, 0x9c), ==, 0x00380200);
    g_assert_cmphex(conf(m, PCI_DEVFN(5, 0), 0), ==, 0xffffffff);
    bus_describe(m->memory, map);
    g_assert_nonnull(strstr(map->str, "0000000000100000-000000007fffffff ram pc.ram @100000\n"));
    g_assert_nonnull(strstr(map->str, "0000000100000000-000000013fffffff ram pc.ram\n"));
    g_assert_nonnull(strstr(map->str, "00000000fffc0000-00000000ffffffff rom pc.bios\n"));
    machine_free(m);
    unlink(fw);
    rmdir(dir);
}

/* Shadow RAM: from the ROM's copy to RAM and back, write protection, ECAM at its base. */
static void shadow_and_ecam(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *fw = fake_firmware(dir);
    struct machine_config config = config_of(256 << 20, NULL);
    g_autoptr(GError) error = NULL;
    struct machine *m;
    uint64_t v;

    config.firmware = fw;
    m = build(&config, &error);
    g_assert_no_error(error);
    g_assert_cmpint(bus_read(m->memory, 0xffff0, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x5a);
    g_assert_cmpint(bus_write(m->memory, 0xffff0, 1, 1), ==, BUS_REFUSED);
    set_conf(m, 0, R_MCH_PAM0, 0x30);
    g_assert_cmpint(bus_write(m->memory, 0xffff0, 1, 1), ==, BUS_OK);
    set_conf(m, 0, R_MCH_PAM0, 0x10);
    g_assert_cmpint(bus_write(m->memory, 0xffff0, 2, 1), ==, BUS_REFUSED);
    g_assert_cmpint(bus_read(m->memory, 0xffff0, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 1);
    set_conf(m, 0, R_MCH_PAM0 + 1, 0x03);
    g_assert_cmpint(bus_write(m->memory, 0xc0000, 7, 1), ==, BUS_OK);
    g_assert_cmpint(bus_write(m->memory, 0xc4000, 7, 1), ==, BUS_REFUSED);
    g_assert_cmpint(bus_read(m->memory, 0xb0000000, 4, &v), ==, BUS_UNASSIGNED);
    set_conf(m, 0, R_MCH_PCIEXBAR, 1);
    g_assert_cmpint(bus_read(m->memory, 0xb00f8000, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x29188086);
    machine_reset(m);
    g_assert_cmpint(bus_read(m->memory, 0xffff0, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x5a);
    g_assert_cmpint(bus_read(m->memory, 0xb0000000, 4, &v), ==, BUS_UNASSIGNED);
    machine_free(m);
    unlink(fw);
    rmdir(dir);
}

static void append(void *opaque, const void *data, size_t len)
{
    g_byte_array_append(opaque, data, len);
}

static gpa where(struct machine *m, uint64_t linear)
{
    gpa addr;

    g_assert_true(x86_walk_peek(((struct q35 *)m->board)->cpus.cpu[0], linear, &addr));
    return addr;
}

/* Address line 20: shut and opened by port 92h and by the keyboard controller; a saved machine and
 * a reset one have it as they should. */
static void a20_gate(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *fw = fake_firmware(dir);
    struct machine_config config = config_of(256 << 20, NULL);
    g_autoptr(GByteArray) state = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    struct machine *m;

    config.firmware = fw;
    m = build(&config, &error);
    g_assert_no_error(error);
    g_assert_cmphex(where(m, 0x112345), ==, 0x112345);
    g_assert_cmpint(bus_write(m->io, 0x92, 0, 1), ==, BUS_OK);
    g_assert_cmphex(where(m, 0x112345), ==, 0x12345);
    g_assert_cmphex(where(m, 0xfff00000), ==, 0xffe00000);
    g_assert_cmphex(where(m, 0x200000), ==, 0x200000);
    g_assert_true(cpu_pending(m->cpus[1]) & CPU_PENDING_FLUSH);
    machine_save(m, append, state);
    g_assert_cmpint(bus_write(m->io, 0x92, 2, 1), ==, BUS_OK);
    g_assert_cmphex(where(m, 0x112345), ==, 0x112345);
    g_assert_true(machine_load(m, state->data, state->len, &error));
    g_assert_cmphex(where(m, 0x112345), ==, 0x12345);
    bus_write(m->io, 0x64, 0xdf, 1);
    g_assert_cmphex(where(m, 0x112345), ==, 0x112345);
    bus_write(m->io, 0x64, 0xdd, 1);
    g_assert_cmphex(where(m, 0x112345), ==, 0x12345);
    bus_write(m->io, 0x64, 0xd1, 1);
    bus_write(m->io, 0x60, 0xdf, 1);
    g_assert_cmphex(where(m, 0x112345), ==, 0x112345);
    bus_write(m->io, 0x64, 0xd1, 1);
    bus_write(m->io, 0x60, 0xdd, 1);
    g_assert_cmphex(where(m, 0x112345), ==, 0x12345);
    machine_reset(m);
    g_assert_cmphex(where(m, 0x112345), ==, 0x112345);
    machine_free(m);
    unlink(fw);
    rmdir(dir);
}

/* A tiny bzImage: what the zero page and the registers say. */
static char *fake_kernel(const char *dir)
{
    char *path = g_build_filename(dir, "bzImage", NULL);
    g_autofree uint8_t *k = g_malloc0(4096);

    k[0x1f1] = 4;
    k[0x201] = 0x6a;
    memcpy(k + 0x202, "HdrS", 4);
    k[0x206] = 0x0f;
    k[0x207] = 0x02;
    k[0x211] = 1;
    k[0x234] = 1;
    memset(k + 0x22c, 0x7f, 4);
    memset(k + 0x238, 0, 4);
    k[0x239] = 8;
    k[2560] = 0xf4;
    g_assert_true(g_file_set_contents(path, (char *)k, 4096, NULL));
    return path;
}

static void direct_start(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *kernel = fake_kernel(dir);
    struct machine_config config = config_of(64 << 20, kernel);
    g_autoptr(GError) error = NULL;
    struct machine *m = build(&config, &error);
    struct q35 *q;
    char text[32];
    uint64_t v;

    g_assert_no_error(error);
    q = m->board;
    g_assert_cmphex(q->cpus.cpu[0]->rip, ==, 0x100000);
    g_assert_cmphex(q->cpus.cpu[0]->gpr[RSI], ==, BOOT_INFO);
    g_assert_cmpint(bus_read(m->memory, 0x100000, 1, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0xf4);
    bus_copy_from(m->memory, BOOT_CMDLINE, text, 14);
    g_assert_cmpstr(text, ==, "console=ttyS0");
    g_assert_cmpint(bus_read(m->memory, BOOT_INFO + 0x1e8, 1, &v), ==, BUS_OK);
    g_assert_cmpuint(v, >=, 4);
    g_assert_cmpint(bus_read(m->memory, MCH_ECAM_BASE, 4, &v), ==, BUS_OK);
    g_assert_cmphex(v, ==, 0x29c08086);
    g_assert_cmphex(conf(m, PCI_DEVFN(31, 0), R_LPC_PMBASE), ==, LPC_PMBASE | 1);
    machine_free(m);
    unlink(kernel);
    rmdir(dir);
}

static void state_round_trip(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *kernel = fake_kernel(dir);
    struct machine_config config = config_of(64 << 20, kernel);
    struct machine *a = build(&config, NULL), *b = build(&config, NULL);
    g_autoptr(GByteArray) x = g_byte_array_new();
    g_autoptr(GByteArray) y = g_byte_array_new();
    g_autoptr(GError) error = NULL;

    set_conf(a, 0, R_MCH_PAM0, 0x10);
    set_conf(a, PCI_DEVFN(31, 0), R_LPC_PIRQA, 0x05);
    ((struct q35 *)a->board)->cpus.cpu[0]->gpr[R9] = 77;
    machine_save(a, append, x);
    g_assert_true(machine_load(b, x->data, x->len, &error));
    g_assert_no_error(error);
    machine_save(b, append, y);
    g_assert_cmpmem(x->data, x->len, y->data, y->len);
    g_assert_cmpint(bus_write(b->memory, 0xf0000, 1, 1), ==, BUS_REFUSED);
    machine_free(a);
    machine_free(b);
    unlink(kernel);
    rmdir(dir);
}

static bool iasl_accepts(const char *dir, const char *name, const void *data, size_t len)
{
    g_autofree char *aml = g_strdup_printf("%s/%s.dat", dir, name);
    g_autofree char *dsl = g_strdup_printf("%s/%s.dsl", dir, name);
    const char *const argv[] = {"iasl", "-d", aml, NULL};
    g_autofree char *out = NULL, *err = NULL, *text = NULL;
    int status = -1;
    bool ok;

    g_assert_true(g_file_set_contents(aml, data, len, NULL));
    ok = g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                      &status, NULL) &&
         status == 0 && g_file_get_contents(dsl, &text, NULL, NULL) && !strstr(err, "Error") &&
         !strstr(err, "Warning") && !strstr(text, "Invalid") && !strstr(text, "Incorrect");
    if (!ok) {
        g_test_message("%s: %s", name, err);
    }
    unlink(aml);
    unlink(dsl);
    return ok;
}

/* Every table as a direct start places it: iasl reads it without a word of complaint. */
static void acpi(void)
{
    static const char *const wanted[] = {"DSDT", "FACP", "APIC", "HPET", "MCFG", "WAET", "RSDT"};
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *kernel = fake_kernel(dir);
    g_autofree char *iasl = g_find_program_in_path("iasl");
    struct machine_config config = config_of(64 << 20, kernel);
    struct machine *m = build(&config, NULL);
    const struct q35 *q = m->board;
    const uint8_t *t = q->acpi->tables->data;
    unsigned found = 0;

    for (size_t at = 64; at < q->acpi->tables->len; at += ld_le32(t + at + 4)) {
        uint32_t len = ld_le32(t + at + 4);
        char name[5] = {t[at], t[at + 1], t[at + 2], t[at + 3], 0};
        uint8_t sum = 0;

        for (uint32_t i = 0; i < len; i++) {
            sum += t[at + i];
        }
        g_assert_cmpuint(sum, ==, 0);
        g_assert_cmpstr(name, ==, wanted[found]);
        g_assert_true(!iasl || iasl_accepts(dir, name, t + at, len));
        found++;
    }
    g_assert_cmpuint(found, ==, G_N_ELEMENTS(wanted));
    machine_free(m);
    unlink(kernel);
    rmdir(dir);
    if (!iasl) {
        g_test_skip("iasl (acpica-tools) is not installed");
    }
}

/* A Multiboot kernel of two instructions in a loop: counts at 2 MiB and reads the PIT. */
static char *counting_kernel(const char *dir)
{
    static const uint8_t code[] = {0xff, 0x05, 0, 0, 0x20, 0, 0xe4, 0x40, 0xeb, 0xf6};
    char *path = g_build_filename(dir, "counter", NULL);
    uint8_t k[64] = {0};

    st_le32(k, 0x1badb002);
    st_le32(k + 4, 1u << 16);
    st_le32(k + 8, -(0x1badb002 + (1u << 16)));
    st_le32(k + 12, 0x100000);
    st_le32(k + 16, 0x100000);
    st_le32(k + 28, 0x100020);
    memcpy(k + 32, code, sizeof(code));
    g_assert_true(g_file_set_contents(path, (char *)k, sizeof(k), NULL));
    return path;
}

static uint32_t counter_of(struct machine *m)
{
    uint64_t v;

    g_assert_cmpint(bus_read(m->memory, 0x200000, 4, &v), ==, BUS_OK);
    return v;
}

static void run_on(struct machine *m, uint64_t insns)
{
    uint64_t end = machine_insns(m) + insns;

    g_assert_true(machine_start(m, NULL));
    while (machine_insns(m) < end) {
        g_main_context_iteration(m->context, FALSE);
        g_usleep(50);
    }
    machine_stop(m, MACHINE_PAUSED);
}

/* At random instants of a run: saved, loaded into a second machine, saved again to the same bytes;
 * and the guest goes on there. */
static void saved_while_running(void)
{
    g_autofree char *dir = g_dir_make_tmp("viv-q35-XXXXXX", NULL);
    g_autofree char *kernel = counting_kernel(dir);
    struct machine_config config = config_of(4 << 20, kernel);
    struct machine *a, *b;

    config.accel = &accel_interp;
    config.smp = (struct config_smp){1, 1, 1, 1, 1, 1};
    a = build(&config, NULL);
    b = build(&config, NULL);
    for (unsigned i = 0; i < 10; i++) {
        g_autoptr(GByteArray) x = g_byte_array_new();
        g_autoptr(GByteArray) y = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        uint32_t counted;

        run_on(a, g_test_rand_int_range(1, 20000));
        machine_save(a, append, x);
        g_assert_true(machine_load(b, x->data, x->len, &error));
        g_assert_no_error(error);
        machine_save(b, append, y);
        g_assert_cmpmem(x->data, x->len, y->data, y->len);
        counted = counter_of(b);
        g_assert_cmpuint(counted, ==, counter_of(a));
        run_on(b, 1000);
        g_assert_cmpuint(counter_of(b), >, counted);
    }
    machine_free(a);
    machine_free(b);
    unlink(kernel);
    rmdir(dir);
}

/* Walks the structures: types in order, and checksums of the entry point. */
static void smbios(void)
{
    static const uint8_t wanted[] = {1, 3, 4, 16, 17, 19, 32, 127};
    json_object *product = json_tokener_parse("{\"type\": \"1\", \"product\": \"Thing\"}");
    json_object *unknown = json_tokener_parse("{\"type\": \"2\", \"product\": \"Thing\"}");
    struct machine_config config = config_of(64 << 20, NULL);
    g_autoptr(GError) error = NULL;
    struct smbios_tables *t;
    unsigned found = 0;
    uint8_t sum = 0;

    config.smp.sockets = 1;
    config.smbios = &product;
    config.n_smbios = 1;
    t = smbios_tables_new(&config, 64 << 20, 0, 0x60fb1, 1, &error);
    g_assert_no_error(error);
    smbios_tables_link(t, 0x20);
    for (unsigned i = 0; i < SMBIOS_ANCHOR; i++) {
        sum += t->anchor[i];
    }
    g_assert_cmpuint(sum, ==, 0);
    g_assert_cmpuint(ld_le16(t->anchor + 0x1c), ==, sizeof(wanted));
    for (const uint8_t *p = t->structures->data, *e = p + t->structures->len; p < e; found++) {
        g_assert_cmpuint(*p, ==, wanted[found]);
        if (*p == 1) {
            g_assert_cmpstr((const char *)p + p[1] + 5, ==, "Thing");
        }
        for (p += p[1]; p[0] || p[1]; p++) {
        }
        p += 2;
    }
    g_assert_cmpuint(found, ==, sizeof(wanted));
    smbios_tables_free(t);
    config.smbios = &unknown;
    g_assert_null(smbios_tables_new(&config, 64 << 20, 0, 0, 0, &error));
    g_assert_nonnull(strstr(error->message, "not built yet"));
    json_object_put(product);
    json_object_put(unknown);
}

static void refusals(void)
{
    static const char *const kernels[] = {"short", "/nonexistent"};
    g_autoptr(GError) error = NULL;
    struct machine_config config = config_of(1 << 20, NULL);

    g_assert_null(build(&config, &error));
    g_assert_nonnull(strstr(error->message, "2 MiB"));
    g_clear_error(&error);
    config = config_of(64 << 20, kernels[1]);
    g_assert_null(build(&config, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    config.kernel = NULL;
    g_assert_null(build(&config, &error));
    g_assert_nonnull(strstr(error->message, "-append"));
    g_assert_true(board_find(&x86_arch, "pc-q35-7.2") == board_find(&x86_arch, "q35"));
    g_assert_null(board_find(&x86_arch, "pc-i440fx-7.2"));
    g_assert_null(board_find(&x86_arch, "virt"));
    g_assert_true(board_nth(&x86_arch, 0) == board_find(&x86_arch, "q35"));
    g_assert_true(board_nth(board_arch("riscv64"), 0) == board_find(&riscv64_arch, "virt"));
    g_assert_true(board_find(&riscv64_arch, "none") == board_find(&x86_arch, "none"));
    g_assert_null(board_arch("vax"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/q35/registers", registers);
    g_test_add_func("/q35/shadow-and-ecam", shadow_and_ecam);
    g_test_add_func("/q35/a20", a20_gate);
    g_test_add_func("/q35/direct-start", direct_start);
    g_test_add_func("/q35/state-round-trip", state_round_trip);
    g_test_add_func("/q35/saved-while-running", saved_while_running);
    g_test_add_func("/q35/acpi", acpi);
    g_test_add_func("/q35/smbios", smbios);
    g_test_add_func("/q35/refusals", refusals);
    return g_test_run();
}
