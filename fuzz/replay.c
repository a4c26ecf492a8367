/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzzer's function once on each seed and on random inputs, as TAP: what a fuzzer found
 * once is a test for ever, in every build.
 * usage: NAME-fuzz SEEDS-FOLDER [RANDOM-SEED|none]
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N_RANDOM       200
#define RANDOM_LEN_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *dir, const char *name, int number)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    gsize len;

    if (!g_file_get_contents(path, &data, &len, &error)) {
        g_print("not ok %d - %s # %s\n", number, name, error->message);
        return 1;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)data, len);
    g_print("ok %d - seed %s\n", number, name);
    return 0;
}

static int run_seeds(const char *dir, int *number)
{
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    const char *name;
    int failed = 0;

    while (entries && (name = g_dir_read_name(entries)) != NULL) {
        if (name[0] != '.' && !g_str_equal(name, "ORIGIN")) {
            failed += run_file(dir, name, ++*number);
        }
    }
    return failed;
}

static void run_random(guint32 seed, int number)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_print("# random inputs from seed %u\n", seed);
    for (int i = 0; i < N_RANDOM; i++) {
        gsize len = i == 0 ? 0 : (gsize)g_rand_int_range(rand, 1, RANDOM_LEN_MAX);
        g_autofree uint8_t *data = g_malloc(len + 1);

        for (gsize b = 0; b < len; b++) {
            data[b] = (uint8_t)g_rand_int(rand);
        }
        LLVMFuzzerTestOneInput(data, len);
    }
    g_print("ok %d - %d random inputs\n", number, N_RANDOM);
}

int main(int argc, char **argv)
{
    guint32 seed = argc > 2 ? (guint32)strtoul(argv[2], NULL, 0) : g_random_int();
    int number = 0;
    int failed;

    if (argc < 2) {
        g_printerr("usage: %s SEEDS-FOLDER [RANDOM-SEED|none]\n", argv[0]);
        return 2;
    }
    failed = run_seeds(argv[1], &number);
    if (argc <= 2 || strcmp(argv[2], "none") != 0) {
        run_random(seed, ++number);
    }
    g_print("1..%d\n", number);
    return failed ? 1 : 0;
}
