/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs of the system, run to their end. */
#include "manage/conf/fault.h"
#include "manage/resource/network/internal.h"

#include <gio/gio.h>

/* Also where a user's PATH does not look. */
static char *find(const char *name)
{
    static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin"};
    char *path = g_find_program_in_path(name);

    for (unsigned i = 0; i < G_N_ELEMENTS(folders) && path == NULL; i++) {
        path = g_build_filename(folders[i], name, NULL);
        if (!g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
            g_clear_pointer(&path, g_free);
        }
    }
    return path;
}

bool tool_run(const char *const *argv, const char *package, const char *input, char **ret_output,
              GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        (input != NULL ? G_SUBPROCESS_FLAGS_STDIN_PIPE : G_SUBPROCESS_FLAGS_NONE) |
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autofree char *path = find(argv[0]), *output = NULL, *words = NULL;
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    g_autoptr(GSubprocess) child = NULL;
    g_autoptr(GError) why = NULL;

    if (path == NULL) {
        return fault_set(error, FAULT_OPERATION_FAILED,
                         "the program %s is not installed (apt-get install %s)", argv[0], package);
    }
    g_ptr_array_add(list, path);
    for (const char *const *word = argv + 1; *word != NULL; word++) {
        g_ptr_array_add(list, (gpointer)*word);
    }
    g_ptr_array_add(list, NULL);
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);
    child = g_subprocess_launcher_spawnv(launcher, (const char *const *)list->pdata, &why);
    if (child == NULL ||
        !g_subprocess_communicate_utf8(child, input, NULL, &output, &words, &why)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "cannot run %s: %s", path, why->message);
    }
    if (!g_subprocess_get_successful(child)) {
        return fault_set(error, FAULT_INTERNAL_ERROR, "%s: %s", argv[0], g_strstrip(words));
    }
    if (ret_output != NULL) {
        *ret_output = g_steal_pointer(&output);
    }
    return true;
}
