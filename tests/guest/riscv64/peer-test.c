/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same random programs on the interpreter and on qemu-riscv64. */
#include "program.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAMS 120

static void run_peer(const struct program *p, uint8_t result[LENGTH])
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "riscv64-peer-XXXXXX", NULL);
    int fd = g_mkstemp_full(path, O_RDWR, 0700);
    char *argv[] = {"qemu-riscv64", "-cpu", "rv64", path, NULL};
    g_autoptr(GSubprocess) child = NULL;
    g_autoptr(GBytes) out = NULL;
    GError *error = NULL;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, p->image, sizeof(p->image)), ==, sizeof(p->image));
    close(fd);
    child = g_subprocess_newv((const char *const *)argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_communicate(child, NULL, NULL, &out, NULL, &error));
    g_unlink(path);
    g_assert_cmpuint(g_bytes_get_size(out), ==, LENGTH);
    memcpy(result, g_bytes_get_data(out, NULL), LENGTH);
}

static void run_ours(const struct program *p, uint8_t result[LENGTH])
{
    struct rv *r = rv_new("rv64");

    program_load(p, r);
    g_assert_cmpint(rv_run(r, 100000), ==, ACCEL_EXIT_HALT);
    g_assert_cmphex(r->c->mcause, ==, RISCV_EXC_ECALL_U + RISCV_M);
    memcpy(result, r->ram->host + DATA, LENGTH);
    rv_free(r);
}

static void compare(uint32_t seed)
{
    struct program *p = program_new(seed);
    g_autofree uint8_t *ours = g_malloc(LENGTH), *peers = g_malloc(LENGTH);

    run_peer(p, peers);
    run_ours(p, ours);
    for (unsigned i = 0; i < LENGTH; i += 8) {
        uint64_t a, b;

        memcpy(&a, ours + i, 8);
        memcpy(&b, peers + i, 8);
        if (a != b) {
            g_test_message("seed %u: at %x ours %016" G_GINT64_MODIFIER
                           "x, qemu-riscv64 %016" G_GINT64_MODIFIER "x",
                           seed, DATA + i, a, b);
            g_test_fail();
        }
    }
    program_free(p);
}

static void random_programs(void)
{
    const char *first = g_getenv("VIV_TEST_SEED");
    uint32_t seed = first ? strtoul(first, NULL, 0) : 1;

    g_test_message("seeds %u to %u", seed, seed + PROGRAMS - 1);
    for (unsigned i = 0; i < PROGRAMS && !g_test_failed(); i++) {
        compare(seed + i);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/riscv64/peer/random", random_programs);
    return g_test_run();
}
